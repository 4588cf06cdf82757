//! Wishes for places on the pages that everybody has: one's own, and those on which one decides for one's teams.

use axum::Router;
use axum::extract::Path;
use axum::response::Response;
use axum::routing::{get, post};
use maud::{Markup, Render as _, html};

use super::my::Tongue;
use crate::access::{Call, Permission};
use crate::app::App;
use crate::commit::{Done, commit};
use crate::dashboard::answer::{self, Answer};
use crate::dashboard::components::{Avatar, Badge, Button, Card, EmptyState, Field, Form, Tone};
use crate::dashboard::door::Reader;
use crate::dashboard::form::{FieldErrors, ReaderPosted};
use crate::dashboard::icons::Icon;
use crate::dashboard::learner;
use crate::dashboard::notice::Notice;
use crate::db::{Batch, Select};
use crate::error::{Error, Result};
use crate::i18n::text as say;
use crate::params;
use crate::records::reach_condition;
use crate::resources::{Product, Team};
use crate::seats::SeatRequest;
use crate::seats::actions::{IfFull, record_denial};
use crate::seats::request::{ApproveRequest, DeclineRequest, SeatRequestState};
use crate::seats::requests::{
    Wish, is_given, plan_approve, plan_ask, plan_cancel_own, plan_decline,
};
use crate::types::text::Description;
use crate::types::{Id, Ref};

/// Own requests shown.
const SHOWN: i64 = 20;
/// Requests to decide shown.
const TO_DECIDE: i64 = 100;

/// The pages.
pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/my/requests", get(decisions).post(ask))
        .route("/my/requests/{id}/cancel", post(cancel))
        .route("/my/requests/{id}/approve", post(approve))
        .route("/my/requests/{id}/decline", post(decline))
}

/// A request of one's own: id, product, team, state, reason.
type Own = (
    Id<SeatRequest>,
    String,
    String,
    SeatRequestState,
    Option<String>,
);

/// What can be asked for: team and product, with their names.
type Offer = (Id<Team>, Id<Product>, String, String);

/// What one's own page says of requests: those to decide, one's own, and the form of another.
pub(super) async fn section(reader: &Reader, tongue: &Tongue) -> Result<Markup> {
    let user = &reader.session.user.id;
    let mut batch = Batch::new();
    let own = batch.add::<Own>(Select::new(
        "SELECT r.id, p.name, t.name, r.state, r.reason FROM seat_requests r JOIN products p ON p.account_id = $1 AND p.id = r.product_id \
         JOIN teams t ON t.account_id = $1 AND t.id = r.team_id WHERE r.account_id = $1 AND r.user_id = $2 AND r.state <> 'cancelled' \
         ORDER BY r.created_at DESC, r.id DESC LIMIT $3",
        params![*user, SHOWN],
    ));
    let offers = batch.add::<Offer>(Select::new(
        "SELECT t.id, p.id, p.name, t.name FROM team_members m JOIN teams t ON t.account_id = $1 AND t.id = m.team_id AND t.deleted_at IS NULL \
         JOIN seat_teams s ON s.account_id = $1 AND s.team_id = m.team_id AND s.live \
         JOIN products p ON p.account_id = $1 AND p.id = s.product_id AND p.status <> 'archived' \
         WHERE m.account_id = $1 AND m.user_id = $2 \
         AND NOT EXISTS (SELECT 1 FROM seat_assignments a WHERE a.account_id = $1 AND a.user_id = $2 AND a.seat_id = s.seat_id AND a.state IN ('waitlisted', 'active')) \
         AND NOT EXISTS (SELECT 1 FROM seat_requests r WHERE r.account_id = $1 AND r.user_id = $2 AND r.team_id = m.team_id AND r.product_id = p.id AND r.state = 'pending') \
         ORDER BY p.name_key, t.name_key LIMIT 200",
        params![*user],
    ));
    let open = decider(reader).map(|call| batch.add::<(i64,)>(count_open(&call)));
    let (app, account) = (&reader.guest.app, &reader.session.account);
    let mut rows = app.db.read(account, batch).await?;
    let (own, offers) = (rows.take(&own), rows.take(&offers));
    let open = open
        .and_then(|slot| rows.first(&slot))
        .map_or(0, |(open,)| open);
    Ok(html! {
        @if open > 0 {
            section.card {
                div.row.row-between {
                    span { (Icon::Inbox) " " (say(&tongue.locale, "requests-open", &[("count", open.into())])) }
                    (Button::link(tongue.say("requests-decide"), "/my/requests").small().primary())
                }
            }
        }
        @if !own.is_empty() || !offers.is_empty() {
            section aria-labelledby="requests" {
                h2.section-title #requests { (tongue.say("requests-title")) }
                div.stack {
                    @if !own.is_empty() { (own_list(reader, tongue, &own)) }
                    @if !offers.is_empty() { (wish_form(reader, tongue, &offers)) }
                }
            }
        }
    })
}

fn state_badge(tongue: &Tongue, state: SeatRequestState) -> Badge {
    match state {
        SeatRequestState::Pending => Badge::new(tongue.say("requests-pending")).tone(Tone::Warning),
        SeatRequestState::Approved => {
            Badge::new(tongue.say("requests-approved")).tone(Tone::Success)
        }
        SeatRequestState::Declined => {
            Badge::new(tongue.say("requests-declined")).tone(Tone::Danger)
        }
        SeatRequestState::Cancelled => Badge::new(tongue.say("requests-cancelled")),
    }
}

fn own_list(reader: &Reader, tongue: &Tongue, own: &[Own]) -> Card {
    let list = html! {
        ul.plain-list {
            @for (id, product, team, state, reason) in own {
                li.row.row-between {
                    div {
                        span.strong { (product) } " " span.muted { (team) }
                        @if let Some(reason) = reason { div.secondary.small { (reason) } }
                    }
                    div.row {
                        (state_badge(tongue, *state))
                        @if *state == SeatRequestState::Pending {
                            (button(reader, &format!("/my/requests/{id}/cancel"), &Button::submit(tongue.say("requests-cancel")).small()))
                        }
                    }
                }
            }
        }
    };
    Card::new(list).flush()
}

/// A form that is one button.
fn button(reader: &Reader, action: &str, button: &Button) -> Form {
    Form::post(action, reader.csrf.clone(), html! { (button) })
}

fn wish_form(reader: &Reader, tongue: &Tongue, offers: &[Offer]) -> Card {
    let choices = offers
        .iter()
        .map(|(team, product, name, of)| (format!("{team} {product}"), format!("{name} · {of}")));
    let fields = html! {
        (Field::select("wish", &tongue.say("requests-product"), choices).required())
        (Field::text_area("note", &tongue.say("requests-note")).hint(tongue.say("requests-note-hint")))
    };
    let form = Form::post("/my/requests", reader.csrf.clone(), fields)
        .buttons([Button::submit(tongue.say("requests-submit")).primary()]);
    Card::new(form.render())
        .title(tongue.say("requests-ask"))
        .lead(tongue.say("requests-lead"))
}

/// The call of somebody who decides for teams; none for everybody else.
fn decider(reader: &Reader) -> Option<Call> {
    let caller = reader.session.caller.acting(Permission::SeatsAssign).ok()?;
    Some(Call {
        caller,
        ..call(reader)
    })
}

fn call(reader: &Reader) -> Call {
    let guest = &reader.guest;
    let (id, address) = (guest.request_id.clone(), guest.address.clone());
    reader.session.call(id, address, guest.now)
}

/// A read of the requests on which somebody decides. `{reach}` becomes what they are limited to.
fn open_ones(call: &Call, sql: &str) -> Select {
    let mut values = params![];
    let reach = reach_condition::<SeatRequest>(&call.caller, 2).map(|(condition, value)| {
        values.push(value);
        condition
    });
    Select::new(sql.replace("{reach}", &reach.unwrap_or_default()), values)
}

fn count_open(call: &Call) -> Select {
    open_ones(
        call,
        "SELECT count(*) FROM seat_requests WHERE seat_requests.account_id = $1 AND state = 'pending'{reach}",
    )
}

/// A request to decide: id, person, product, team, note.
type Open = (Id<SeatRequest>, String, String, String, Option<String>);

/// The page on which owners and managers of teams decide.
async fn decisions(reader: Reader) -> Answer {
    let tongue = Tongue::of(&reader);
    let Some(call) = decider(&reader) else {
        return Ok(answer::see_other("/my"));
    };
    let select = open_ones(
        &call,
        &format!(
            "SELECT seat_requests.id, coalesce(u.name, u.email), p.name, t.name, seat_requests.note FROM seat_requests \
             JOIN users u ON u.account_id = $1 AND u.id = seat_requests.user_id JOIN products p ON p.account_id = $1 AND p.id = seat_requests.product_id \
             JOIN teams t ON t.account_id = $1 AND t.id = seat_requests.team_id \
             WHERE seat_requests.account_id = $1 AND seat_requests.state = 'pending'{{reach}} ORDER BY seat_requests.created_at, seat_requests.id LIMIT {TO_DECIDE}"
        ),
    );
    let app = &reader.guest.app;
    let open: Vec<Open> = app.db.fetch(&reader.session.account, select).await?;
    let body = if open.is_empty() {
        let empty = EmptyState::new(
            Icon::Check,
            tongue.say("requests-none-title"),
            tongue.say("requests-none"),
        );
        Card::new(empty.render()).flush().render()
    } else {
        html! { div.stack { @for one in &open { (decision(&reader, &tongue, one)) } } }
    };
    let title = tongue.say("requests-decide-title");
    let lead = say(
        &tongue.locale,
        "requests-open",
        &[("count", open.len().into())],
    );
    Ok(learner::page(&reader, &title, &lead, &body))
}

fn decision(reader: &Reader, tongue: &Tongue, (id, person, product, team, note): &Open) -> Card {
    let approve = |word: &str, key: &str| {
        let button = Button::submit(tongue.say(key)).small();
        let button = if word == "fail" {
            button.primary()
        } else {
            button
        };
        self::button(reader, &format!("/my/requests/{id}/approve"), &button).hidden("if_full", word)
    };
    let reason = Field::text("reason", &tongue.say("requests-reason"))
        .autocomplete("off")
        .hint(tongue.say("requests-reason-hint"));
    let refusal = Form::post(
        format!("/my/requests/{id}/decline"),
        reader.csrf.clone(),
        html! { (reason) },
    )
    .buttons([Button::submit(tongue.say("requests-decline"))
        .small()
        .danger()]);
    Card::new(html! {
        div.stack.stack-tight {
            div.person { (Avatar::person(person)) div { span.strong { (person) } div.secondary { (product) " · " (team) } } }
            @if let Some(note) = note { p.secondary { (note) } }
            div.row { (approve("fail", "requests-approve")) (approve("waitlist", "requests-approve-wait")) }
            details { summary { (tongue.say("requests-decline-open")) } (refusal) }
        }
    })
}

/// Back to a page with something to say.
fn back(reader: &Reader, to: &str, notice: Notice) -> Response {
    let cookie = notice.cookie(&reader.guest.app, reader.guest.now);
    answer::with_cookie(answer::see_other(to), &cookie)
}

/// What went wrong, in the words of the error; what is no fault of the reader's goes on.
fn refused(reader: &Reader, to: &str, error: Error) -> Answer {
    if error.code().status() >= 500 {
        return Err(error.into());
    }
    let errors = FieldErrors::of(&error);
    let texts: Vec<String> = errors.plain().into_iter().map(|(_, text)| text).collect();
    Ok(back(reader, to, Notice::error(texts.join(" "))))
}

/// Back to a page with what came of a form; `word` is the key of what is said when all went well.
fn told<T>(
    reader: &Reader,
    to: &str,
    done: Result<Done<T>>,
    word: impl FnOnce(&T) -> &'static str,
) -> Answer {
    match done {
        Ok(done) => {
            let text = Tongue::of(reader).say(word(&done.value));
            Ok(back(reader, to, Notice::success(text)))
        }
        Err(error) => refused(reader, to, error),
    }
}

fn note_of(text: &str) -> Result<Option<Description>> {
    if text.is_empty() {
        return Ok(None);
    }
    let faulty = |fault| {
        let fault = crate::error::Fault::new("/note", "invalid", format!("{fault}."));
        Error::invalid(vec![fault])
    };
    Description::parse(text).map(Some).map_err(faulty)
}

async fn ask(ReaderPosted { reader, form }: ReaderPosted) -> Answer {
    let (app, call) = (&reader.guest.app, call(&reader));
    let done = async {
        let (team, product) = form.get("wish").split_once(' ').unwrap_or_default();
        let gone = || Error::not_found("product");
        let wish = Wish {
            user_id: Id::parse(reader.session.user.id.as_ref()).ok_or_else(gone)?,
            team_id: Id::parse(team).ok_or_else(gone)?,
            product_id: Id::parse(product).ok_or_else(gone)?,
            note: note_of(form.get("note"))?,
        };
        let plan = || async {
            let (plan, request, _) = plan_ask(&app.db, &app.ids, &call, &wish).await?;
            Ok((plan, request))
        };
        commit(&app.db, &app.ids, &call, plan).await
    };
    told(&reader, "/my", done.await, |_| "requests-asked")
}

async fn cancel(Path(id): Path<String>, ReaderPosted { reader, .. }: ReaderPosted) -> Answer {
    let (app, call) = (&reader.guest.app, call(&reader));
    let done = async {
        let gone = || Error::not_found("seat_request");
        let user = Id::parse(reader.session.user.id.as_ref()).ok_or_else(gone)?;
        let request = Id::parse(&id).ok_or_else(gone)?;
        let plan = || plan_cancel_own(&app.db, &call, &user, &request);
        commit(&app.db, &app.ids, &call, plan).await
    };
    told(&reader, "/my", done.await, |_| "requests-taken-back")
}

async fn approve(Path(id): Path<String>, ReaderPosted { reader, form }: ReaderPosted) -> Answer {
    let Some(call) = decider(&reader) else {
        return Ok(answer::see_other("/my"));
    };
    let app = &reader.guest.app;
    let input = ApproveRequest {
        if_full: (form.get("if_full") == "waitlist").then_some(IfFull::Waitlist),
        ..ApproveRequest::default()
    };
    let done = async {
        let reference = Ref::parse(&id).map_err(|_| Error::not_found("seat_request"))?;
        let plan = || plan_approve(&app.db, &app.ids, &call, &reference, &input);
        commit(&app.db, &app.ids, &call, plan).await
    };
    let done = done.await;
    if let Err(error) = &done {
        record_denial(&app.db, &app.ids, &call, error, "request").await?;
    }
    told(&reader, "/my/requests", done, |approved| {
        if is_given(approved) {
            "requests-was-approved"
        } else {
            "requests-now-waits"
        }
    })
}

async fn decline(Path(id): Path<String>, ReaderPosted { reader, form }: ReaderPosted) -> Answer {
    let Some(call) = decider(&reader) else {
        return Ok(answer::see_other("/my"));
    };
    let app = &reader.guest.app;
    let done = async {
        let reference = Ref::parse(&id).map_err(|_| Error::not_found("seat_request"))?;
        let reason = note_of(form.get("reason"))?;
        let input = DeclineRequest { reason };
        let plan = || plan_decline(&app.db, &call, &reference, &input);
        commit(&app.db, &app.ids, &call, plan).await
    };
    told(
        &reader,
        "/my/requests",
        done.await,
        |_| "requests-was-declined",
    )
}
