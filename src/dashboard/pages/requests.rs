//! The room of requests: who asks for a place, and what is decided on it.

use maud::{Markup, Render, html};
use serde_json::{Value as JsonValue, json};

use super::desk::{Desk, Shown, fault, faults, read, summary};
use super::look::{count, link, seat_href, team_href, user_href};
use super::names::{self, Named, Names};
use super::users::pager;
use crate::access::Permission;
use crate::dashboard::components::{
    Avatar, Badge, Button, Card, Cell, Column, EmptyState, Facts, Field, FilterBar, RadioCards,
    Row, Table, Tone, counted, day, moment,
};
use crate::dashboard::form::FieldErrors;
use crate::dashboard::icons::Icon;
use crate::dashboard::layout::Page;
use crate::db::Row as _;
use crate::error::Result;
use crate::params;
use crate::records;
use crate::seats::actions::record_denial;
use crate::seats::request::{ApproveRequest, DeclineRequest, SeatRequestState};
use crate::seats::requests::{is_given, plan_approve, plan_decline};
use crate::seats::{Seat, SeatRequest};
use crate::types::Ref;
use crate::types::text::Description;

const ROOM: &str = "/dashboard/requests";

fn badge(state: SeatRequestState) -> Badge {
    match state {
        SeatRequestState::Pending => Badge::new("To decide").tone(Tone::Warning).dot(),
        SeatRequestState::Approved => Badge::new("Approved").tone(Tone::Success),
        SeatRequestState::Declined => Badge::new("Declined").tone(Tone::Danger),
        SeatRequestState::Cancelled => Badge::new("Taken back"),
    }
}

/// The list.
pub(super) async fn requests(desk: Desk) -> Result<Shown> {
    let list = desk.records::<SeatRequest>().await?;
    let url = desk.list(ROOM);
    let (names, teams) = names(&desk, &list.rows).await?;
    let filters = FilterBar::new(url.clone())
        .select(
            "state",
            "State",
            [
                ("pending", "To decide"),
                ("approved", "Approved"),
                ("declined", "Declined"),
                ("cancelled", "Taken back"),
            ],
        )
        .select("team", "Team", teams);
    let rows = list.rows.iter().map(|one| row(&desk, one, &names));
    let heads = [
        Column::new("Person"),
        Column::new("Product"),
        Column::new("Team"),
        Column::new("State"),
        Column::new("Asked").sort(&url, "created_at"),
    ];
    let empty = if filters.is_active() {
        EmptyState::no_match(ROOM)
    } else {
        EmptyState::new(
            Icon::Inbox,
            "Nobody has asked for a place",
            "People ask on their own page, or a program asks for them. The team's owners and managers are told by mail.",
        )
    };
    let table = Table::new("Requests", heads, rows)
        .empty(empty)
        .pager(pager(&desk, &url, &list));
    let page = Page {
        lead: Some("Who asks for a place of which product, and what was decided.".into()),
        ..Page::titled("Requests")
    };
    Ok(Shown::page(page, html! { div.stack { (filters) (table) } }))
}

async fn names(desk: &Desk, list: &[SeatRequest]) -> Result<(Names, Vec<(String, String)>)> {
    let ids = |of: fn(&SeatRequest) -> String| list.iter().map(of).collect::<Vec<String>>();
    let lists = [
        (Named::Person, ids(|one| one.user_id.to_string())),
        (Named::Product, ids(|one| one.product_id.to_string())),
        (Named::Team, ids(|one| one.team_id.to_string())),
    ];
    names::beside(desk, lists).await
}

fn row(desk: &Desk, one: &SeatRequest, names: &Names) -> Row {
    let name = |id: &str| names.get(id).map_or("", String::as_str);
    let person = name(one.user_id.as_str());
    let href = format!("{ROOM}/{}", one.id);
    let note = one.note.as_ref().map(Description::as_str);
    let row = Row::new([
        Cell::record(&Avatar::person(person), person, &href, note),
        Cell::new(name(one.product_id.as_str())),
        Cell::new(link(
            &team_href(one.team_id.as_str()),
            name(one.team_id.as_str()),
        )),
        Cell::new(badge(one.state)),
        Cell::new(day(one.created_at.to_jiff())),
    ]);
    if one.state == SeatRequestState::Pending && desk.may(Permission::SeatsAssign) {
        row.actions(Button::link("Decide", href).small())
    } else {
        row
    }
}

/// A request with what is known of its seat.
struct Scene {
    request: SeatRequest,
    names: Names,
    seat: Option<Seat>,
}

impl Scene {
    fn name(&self, id: &str) -> &str {
        self.names.get(id).map_or("", String::as_str)
    }

    fn href(&self) -> String {
        format!("{ROOM}/{}", self.request.id)
    }

    fn reference(&self) -> Ref<SeatRequest> {
        Ref::Id(self.request.id.clone())
    }
}

async fn scene(desk: &Desk) -> Result<Scene> {
    desk.require(Permission::SeatsRead)?;
    let request: SeatRequest = records::find(desk.db(), desk.caller(), &desk.reference(0)?).await?;
    let (names, _) = names(desk, std::slice::from_ref(&request)).await?;
    let seat = desk.within::<Seat>(
        &format!(
            "SELECT {} FROM seats WHERE seats.account_id = $1 AND seats.id IN (SELECT seat_id FROM seat_teams WHERE account_id = $1 \
             AND team_id = $2 AND product_id = $3 AND live){{reach}}",
            Seat::selection()
        ),
        params![request.team_id.clone(), request.product_id.clone()],
    );
    let seat = desk.db().first::<Seat>(&desk.caller().account, seat);
    Ok(Scene {
        seat: seat.await?,
        request,
        names,
    })
}

/// One request, with the forms by which it is decided.
pub(super) async fn request(desk: Desk) -> Result<Shown> {
    let scene = scene(&desk).await?;
    Ok(shown(&desk, &scene, None))
}

fn shown(desk: &Desk, scene: &Scene, errors: Option<&FieldErrors>) -> Shown {
    let person = scene.name(scene.request.user_id.as_str());
    let page = Page {
        crumbs: vec![("Requests".into(), ROOM.into())],
        badges: Some(badge(scene.request.state).render()),
        narrow: true,
        ..Page::titled(format!("{person} asks for a place"))
    };
    let decides =
        scene.request.state == SeatRequestState::Pending && desk.may(Permission::SeatsAssign);
    let body = html! {
        div.stack {
            (facts(scene))
            @if decides { (approval(desk, scene, errors)) (refusal(desk, scene, errors)) }
        }
    };
    Shown::form(page, errors, body)
}

fn facts(scene: &Scene) -> Card {
    let one = &scene.request;
    let person = scene.name(one.user_id.as_str());
    let free = match &scene.seat {
        None => html! { span.muted { "The team holds no seat of it" } },
        Some(seat) => {
            let words = match seat.available {
                None => "as many as are wanted".to_owned(),
                Some(free) => counted(count(free), "place is free", "places are free"),
            };
            link(&seat_href(seat.id.as_str()), &words)
        }
    };
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let facts = Facts::new()
        .markup("Person", link(&user_href(one.user_id.as_str()), person))
        .text("Product", scene.name(one.product_id.as_str()))
        .markup(
            "Team",
            link(
                &team_href(one.team_id.as_str()),
                scene.name(one.team_id.as_str()),
            ),
        )
        .markup("Seat", free)
        .text("They say", text(one.note.as_ref().map(Description::as_str)))
        .markup("Asked", moment(one.created_at.to_jiff()))
        .markup(
            "Decided",
            html! { @if let Some(at) = one.decided_at { (moment(at.to_jiff())) @if let Some(by) = &one.decided_by { " by " (by) } } @else { span.muted { "Not yet" } } },
        )
        .text("Reason", text(one.reason.as_ref().map(Description::as_str)));
    Card::new(facts.render())
}

fn approval(desk: &Desk, scene: &Scene, errors: Option<&FieldErrors>) -> Markup {
    let is_full = scene.seat.as_ref().is_some_and(|seat| !seat.has_room(1));
    let usual = if is_full { "waitlist" } else { "fail" };
    let mut cards = RadioCards::new("if_full", "When no place is free")
        .card("fail", "Refuse", "The request stays open.")
        .card("waitlist", "Wait in line", "They get the next free place.");
    if desk.may(Permission::SeatsWrite) {
        cards = cards.card("grow", "Add a place", "Just the one that is missing.");
    }
    let cards = cards
        .selected(&desk.shown("if_full", usual))
        .error(fault(errors, "if_full"));
    let path = format!("/seat_requests/{}/approve", scene.request.id);
    let call = desk
        .api("call-approve", "POST", &path)
        .body(json!({ "if_full": usual }))
        .scope("seats:assign");
    let form = desk
        .post(format!("{}/approve", scene.href()), html! { (cards) })
        .errors(summary(errors))
        .buttons([Button::submit("Approve").primary().icon(Icon::Check)])
        .after(call);
    Card::new(form.render()).title("Approve").render()
}

fn refusal(desk: &Desk, scene: &Scene, errors: Option<&FieldErrors>) -> Markup {
    let field = Field::text_area("reason", "Reason")
        .value(desk.field("reason"))
        .error(fault(errors, "reason"))
        .hint("Goes into the mail to the person. May be left empty.");
    let path = format!("/seat_requests/{}/decline", scene.request.id);
    let call = desk
        .api("call-decline", "POST", &path)
        .body(json!({ "reason": "The course begins again in May." }))
        .scope("seats:assign");
    let form = desk
        .post(format!("{}/decline", scene.href()), html! { (field) })
        .buttons([Button::submit("Decline").danger()])
        .after(call);
    Card::new(form.render()).title("Decline").render()
}

/// Approves a request.
pub(super) async fn approve(desk: Desk) -> Result<Shown> {
    desk.require_post()?;
    let scene = scene(&desk).await?;
    let input: ApproveRequest = read(&JsonValue::Object(desk.filled(&["if_full"])))?;
    let (db, ids, call) = (desk.db(), &desk.app.ids, &desk.call);
    let reference = scene.reference();
    let done = desk
        .commit(|| plan_approve(db, ids, call, &reference, &input))
        .await;
    let person = scene.name(scene.request.user_id.as_str());
    match done {
        Ok(approved) if is_given(&approved) => Ok(Shown::done(
            ROOM,
            format!("Approved. {person} has the place, and is told by mail."),
        )),
        Ok(_) => Ok(Shown::done(
            ROOM,
            format!("Approved. {person} waits in line for a place, and is told by mail."),
        )),
        Err(error) => {
            record_denial(db, ids, call, &error, "request").await?;
            Ok(shown(&desk, &scene, Some(&faults(error)?)))
        }
    }
}

/// Declines a request.
pub(super) async fn decline(desk: Desk) -> Result<Shown> {
    desk.require_post()?;
    let scene = scene(&desk).await?;
    let done: Result<_> = async {
        let input: DeclineRequest = read(&JsonValue::Object(desk.filled(&["reason"])))?;
        let (db, call, reference) = (desk.db(), &desk.call, scene.reference());
        desk.commit(|| plan_decline(db, call, &reference, &input))
            .await
    }
    .await;
    match done {
        Ok(_) => Ok(Shown::done(ROOM, "Declined. The person is told by mail.")),
        Err(error) => Ok(shown(&desk, &scene, Some(&faults(error)?))),
    }
}
