//! What somebody may ask for on the page of their courses, and what became of what they asked.

use axum::response::Response;
use maud::{Markup, Render as _, html};

use crate::access::sessions::Session;
use crate::commit::commit;
use crate::dashboard::answer::{self, Answer};
use crate::dashboard::components::{Badge, Button, Card, Form, Tone};
use crate::dashboard::door::Reader;
use crate::dashboard::form::{FormData, GuestPosted};
use crate::dashboard::notice::Notice;
use crate::db::{Batch, Select};
use crate::error::{Error, Result};
use crate::i18n::text as say;
use crate::locale::Locale;
use crate::params;
use crate::resources::{Product, User};
use crate::seats::request::{RequestState, SeatRequest};
use crate::seats::requests;
use crate::types::text::Description;
use crate::types::{AccountId, Id};

/// Products and requests shown at the most.
const SHOWN: i64 = 50;

/// What a person may ask for: id and name of a product.
type Offer = (String, String);

/// A request of a person: id, product, state, reason.
type Asked = (String, String, RequestState, Option<String>);

/// What the page shows of requests.
pub(super) struct Wishes {
    offers: Vec<Offer>,
    asked: Vec<Asked>,
}

/// The reads of offers and requests of a person, as part of another batch.
pub(super) struct Slots(crate::db::Slot<Offer>, crate::db::Slot<Asked>);

/// Adds the reads: the products of which the person's teams have a seat and the person neither place nor request, and the
/// requests that are not settled by a place.
pub(super) fn read(batch: &mut Batch, user: &str) -> Slots {
    let offers = batch.add::<Offer>(Select::new(
        "SELECT DISTINCT p.id, p.name FROM products p JOIN seat_teams s ON s.account_id = $1 AND s.product_id = p.id AND s.live \
         JOIN team_members m ON m.account_id = $1 AND m.team_id = s.team_id AND m.user_id = $2 WHERE p.account_id = $1 \
         AND NOT EXISTS (SELECT 1 FROM seat_assignments a WHERE a.account_id = $1 AND a.user_id = $2 AND a.product_id = p.id \
         AND a.state IN ('waitlisted', 'reserved', 'active')) \
         AND NOT EXISTS (SELECT 1 FROM seat_requests r WHERE r.account_id = $1 AND r.user_id = $2 AND r.product_id = p.id AND r.state = 'pending') \
         ORDER BY p.name, p.id LIMIT $3",
        params![user.to_owned(), SHOWN],
    ));
    let asked = batch.add::<Asked>(Select::new(
        "SELECT r.id, p.name, r.state, r.reason FROM seat_requests r JOIN products p ON p.account_id = $1 AND p.id = r.product_id \
         WHERE r.account_id = $1 AND r.user_id = $2 AND r.state IN ('pending', 'declined') ORDER BY r.created_at DESC, r.id DESC LIMIT $3",
        params![user.to_owned(), SHOWN],
    ));
    Slots(offers, asked)
}

impl Slots {
    /// What they found.
    pub(super) fn take(&self, rows: &mut crate::db::Answers) -> Wishes {
        Wishes {
            offers: rows.take(&self.0),
            asked: rows.take(&self.1),
        }
    }
}

impl Wishes {
    /// The section of the page; nothing where there is nothing to ask for.
    pub(super) fn section(&self, reader: &Reader, locale: &Locale) -> Markup {
        let t = |key: &str| say(locale, key, &[]);
        if self.offers.is_empty() && self.asked.is_empty() {
            return html! {};
        }
        let button = |action: &str, name: &str, id: &str, label: Button| {
            Form::post(action, reader.csrf.clone(), html! {})
                .hidden(name, id)
                .buttons([label])
        };
        let list = html! {
            ul.plain-list {
                @for (id, name, state, reason) in &self.asked {
                    li.row.row-between {
                        div { span.strong { (name) } @if let Some(reason) = reason { p.secondary { (reason) } } }
                        @if *state == RequestState::Pending {
                            div.row { (Badge::new(t("requests-pending")).tone(Tone::Warning).dot()) (button("/my/requests/cancel", "request", id, Button::submit(t("requests-cancel")).quiet())) }
                        } @else { (Badge::new(t("requests-declined")).tone(Tone::Danger).dot()) }
                    }
                }
                @for (id, name) in &self.offers {
                    li.row.row-between { span.strong { (name) } (button("/my/requests", "product", id, Button::submit(t("requests-ask")))) }
                }
            }
        };
        html! {
            section aria-labelledby="requests" {
                h2.section-title #requests { (t("requests-title")) }
                (Card::new(list).flush().render())
            }
        }
    }
}

/// Asks for a place.
pub(super) async fn ask(posted: GuestPosted) -> Answer {
    carry_out(posted, true).await
}

/// Takes a request back.
pub(super) async fn cancel(posted: GuestPosted) -> Answer {
    carry_out(posted, false).await
}

async fn carry_out(GuestPosted { guest, form }: GuestPosted, asks: bool) -> Answer {
    let reader = match guest.reader() {
        Ok(reader) => reader,
        Err(elsewhere) => return Ok(elsewhere),
    };
    let locale = reader.guest.locale();
    let session = &reader.session;
    let done = if asks {
        plan_ask(&reader, session, &form).await
    } else {
        plan_cancel(&reader, session, &form).await
    };
    let notice = match done {
        Ok(()) if asks => Notice::success(say(&locale, "requests-asked", &[])),
        Ok(()) => Notice::success(say(&locale, "requests-cancelled", &[])),
        // A second click after somebody has decided: the page shows what became of it.
        Err(error) if error.code().status() == 409 => {
            Notice::success(say(&locale, "requests-settled", &[]))
        }
        Err(error) => return Err(error.into()),
    };
    Ok(back(&reader, &notice))
}

fn person(session: &Session) -> Result<(AccountId, Id<User>)> {
    let user = Id::parse(&session.user.id.to_string()).ok_or_else(|| Error::not_found("user"))?;
    Ok((session.account.clone(), user))
}

async fn plan_ask(reader: &Reader, session: &Session, form: &FormData) -> Result<()> {
    let guest = &reader.guest;
    let (account, user) = person(session)?;
    let product: Id<Product> =
        Id::parse(form.get("product")).ok_or_else(|| Error::not_found("product"))?;
    // Only what the page offers: a product of a seat of one of their teams.
    let mut batch = Batch::new();
    let slots = read(&mut batch, user.as_str());
    let mut rows = guest.app.db.read(&account, batch).await?;
    let offers = slots.take(&mut rows).offers;
    if !offers.iter().any(|(id, _)| id == product.as_str()) {
        return Err(Error::new(
            crate::error::Code::StateConflict,
            "There is nothing to ask for.",
        ));
    }
    let call = session.call(guest.request_id.clone(), guest.address.clone(), guest.now);
    let note: Option<Description> = None;
    commit(&guest.app.db, &guest.app.ids, &call, || async {
        let (db, ids) = (&guest.app.db, &guest.app.ids);
        let (plan, ..) =
            requests::plan_own_request(db, ids, &call, &user, &product, note.clone()).await?;
        Ok((plan, ()))
    })
    .await
    .map(|_| ())
}

async fn plan_cancel(reader: &Reader, session: &Session, form: &FormData) -> Result<()> {
    let guest = &reader.guest;
    let (_, user) = person(session)?;
    let request: Id<SeatRequest> =
        Id::parse(form.get("request")).ok_or_else(|| Error::not_found("seat_request"))?;
    let call = session.call(guest.request_id.clone(), guest.address.clone(), guest.now);
    commit(&guest.app.db, &guest.app.ids, &call, || async {
        let (plan, _) =
            requests::plan_cancel_own(&guest.app.db, &call, &user, &request).await?;
        Ok((plan, ()))
    })
    .await
    .map(|_| ())
}

fn back(reader: &Reader, notice: &Notice) -> Response {
    let cookie = notice.cookie(&reader.guest.app, reader.guest.now);
    answer::with_cookie(answer::see_other("/my"), &cookie)
}
