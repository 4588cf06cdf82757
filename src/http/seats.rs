//! Seats over HTTP: what the engine does, as operations.

use std::future::Future;
use std::sync::Arc;

use axum::http::Method;
use serde_json::{Value as JsonValue, json};

use super::crud::{self, Paths, check_match};
use super::endpoint::{Endpoint, Run};
use super::reply::Reply;
use super::request::Request;
use super::write::write;
use crate::access::Permission;
use crate::app::App;
use crate::bulk::{AssignTerms, JobRecord, queue_assignments};
use crate::commerce::integrity as books;
use crate::error::{Code, Error, Result};
use crate::events::Plan;
use crate::listing::ListQuery;
use crate::records;
use crate::seats::actions::{
    self, AssignInput, ExtendInput, RevokeInput, SeatChanged, SeatResult, TransferInput,
    record_denial,
};
use crate::seats::integrity;
use crate::seats::ledger::{self, LedgerEntry};
use crate::seats::seat::{NewSeat, SeatPatch};
use crate::seats::{Seat, SeatTemplate};
use crate::types::{Ref, Timestamp};

/// The operations.
pub fn endpoints(paths: &Paths, new: JsonValue) -> Vec<Endpoint> {
    let create = Endpoint::new(Method::POST, paths.list, "create_seat", "seats", create)
        .about("Create a seat", "An allocation of places to a team, or to several that share it. A team has one live seat of a product: add to that one instead.")
        .scope(Permission::SeatsWrite)
        .takes::<NewSeat>(new)
        .gives::<Seat>(201)
        .problems(&[Code::AlreadyExists, Code::ValidationFailed]);
    let patch = Endpoint::new(Method::PATCH, paths.one, "update_seat", "seats", update)
        .about("Change a seat", "Name, terms, status, and the quantity, which is an entry of the ledger. Those who sit are not disturbed unless `on_shortfall` is `revoke_unstarted`, and the answer then names them in `revoked`; those who wait are served. `status: frozen` stops the giving of places for a time.")
        .scope(Permission::SeatsWrite)
        .takes::<SeatPatch>(json!({ "quantity": 25 }))
        .gives::<SeatChanged>(200)
        .problems(&[Code::NotFound, Code::QuantityBelowUsage, Code::PreconditionFailed, Code::AlreadyExists]);
    let get = crud::get_endpoint::<Seat>(paths);
    let standing = Arc::clone(&get.run);
    let mut get = with_as_of(get)
        .runs(move |app, request| one(app, request, Arc::clone(&standing)))
        .problems(&[Code::InvalidParameter]);
    get.description.push_str(" With `as_of` the counters are those of that moment: `quantity`, `assigned`, `reserved`, `spent`, `waitlisted`, `overage`, `available`.");
    let mut all = with_as_of(crud::list_endpoint::<Seat>(paths)).runs(list);
    all.description.push_str(" With `as_of` the counters are those of that moment and seats made later are left out; filters and order go by what is now.");
    let action = |path, id: &str, summary: &str, words: &str| {
        Endpoint::new(Method::POST, path, id, "seats", move |app, request| {
            act(app, request, path)
        })
        .about(summary, words)
        .scope(Permission::SeatsAssign)
        .gives::<SeatResult>(200)
        .problems(&[
            Code::NotFound,
            Code::StateConflict,
            Code::ValidationFailed,
            Code::SeatsExhausted,
        ])
    };
    let person = json!({ "users": ["email:ada@example.com"] });
    vec![
        all,
        get,
        create,
        patch,
        crud::delete_endpoint::<Seat>(paths),
        action(ASSIGN, "assign_seat", "Give places to people", "Who has a place already keeps it: `already_assigned`. `if_full` says what happens when none is free.")
            .takes::<AssignInput>(json!({ "users": ["email:ada@example.com"], "if_full": "waitlist" })),
        Endpoint::new(Method::POST, ASSIGN_ALL, "assign_seat_to_all", "seats", assign_all)
            .about("Give places to everybody", "A job with a row for each who learns in the seat's teams, up to 100,000: owners and managers hold no place unless they are named. Answers 202 with the job in `Location`; its rows tell what became of each.")
            .scope(Permission::SeatsAssign)
            .takes::<AssignTerms>(json!({ "if_full": "waitlist" }))
            .gives::<JobRecord>(202)
            .problems(&[Code::NotFound, Code::StateConflict, Code::ValidationFailed]),
        action(REVOKE, "revoke_seat", "Take places back", "The next in the waiting line gets the place in the same transaction.").takes::<RevokeInput>(person),
        action(EXTEND, "extend_seat", "Move the end of a place", "Never to an earlier end, unless `allow_shorten` says so.")
            .takes::<ExtendInput>(json!({ "user": "email:ada@example.com", "expires_in_days": 90 })),
        action(TRANSFER, "transfer_seat", "Hand a place over", "From one person to another, in one transaction.")
            .takes::<TransferInput>(json!({ "from": "email:ada@example.com", "to": "email:grace@example.com" })),
        crud::children::<Seat, LedgerEntry>("/seats/{id}/ledger", "list_seat_ledger", "seat_id")
            .about("The ledger of a seat", "Every change of its counters with actor, cause and reference, and what stood after it, the newest first."),
        Endpoint::new(Method::GET, "/integrity", "check_integrity", "seats", check)
            .about("Prove the counters", "Compares every seat's counters with the sums of its ledger and the count of its assignments. `mismatches` is empty when all is well.")
            .scope(Permission::SettingsRead)
            .gives::<Integrity>(200),
    ]
}

/// The operations of templates that plain records have.
pub fn templates(paths: &Paths) -> Vec<Endpoint> {
    let new = json!({ "name": "A year", "external_id": "year", "product": "ext:safety-101", "expiry": "days", "expires_in_days": 365 });
    crud::writes::<SeatTemplate>(paths, new, json!({ "expires_in_days": 366 }))
}

const ASSIGN_ALL: &str = "/seats/{id}/assign_all";
const ASSIGN: &str = "/seats/{id}/assign";
const REVOKE: &str = "/seats/{id}/revoke";
const EXTEND: &str = "/seats/{id}/extend";
const TRANSFER: &str = "/seats/{id}/transfer";

/// With the parameter that asks for a moment of the past.
fn with_as_of(endpoint: Endpoint) -> Endpoint {
    endpoint.parameter(
        "as_of",
        "The counters as they stood at this moment, by the ledger; everything else is as it is now.",
        json!({ "type": "string", "format": "date-time" }),
    )
}

/// Takes `as_of` out of the members of an address.
fn take_as_of(query: &mut Vec<(String, String)>, now: Timestamp) -> Result<Option<Timestamp>> {
    let Some(place) = query.iter().position(|(name, _)| name == "as_of") else {
        return Ok(None);
    };
    let (_, text) = query.remove(place);
    let at = Timestamp::parse(&text).filter(|at| *at <= now);
    at.map(Some).ok_or_else(|| {
        Error::new(
            Code::InvalidParameter,
            "«as_of» takes a time of RFC 3339 that has been, such as 2027-01-31T09:30:00Z.",
        )
    })
}

/// The seat, or with `as_of` the seat with the counters of that moment.
async fn one(app: App, mut request: Request, now: Run) -> Result<Reply> {
    let Some(at) = take_as_of(&mut request.query, request.call.now)? else {
        return now(app, request).await;
    };
    request.no_query()?;
    let caller = &request.call.caller;
    let seat = records::find::<Seat>(&app.db, caller, &request.reference(0)?).await?;
    let created_at = seat.created_at;
    let stood = ledger::as_of(&app.db, &caller.account, vec![seat], at).await?;
    let Some(seat) = stood.into_iter().next() else {
        let words = format!("The seat did not exist at {at}: it was made at {created_at}.");
        return Err(Error::new(Code::NotFound, words).with("created_at", created_at.to_string()));
    };
    Reply::json(200, &seat)
}

/// The list, or with `as_of` those of its seats that were there, with the counters of that moment.
async fn list(app: App, request: Request) -> Result<Reply> {
    let mut pairs = request.query.clone();
    let caller = &request.call.caller;
    let at = take_as_of(&mut pairs, request.call.now)?;
    if let Some(at) = at {
        pairs.push(("created_at[lte]".to_owned(), at.to_string()));
    }
    let query = ListQuery::parse_within::<Seat>(&pairs, None, caller, &app.keys.cursor)?;
    let mut page = query.run::<Seat>(&app.db, caller, &app.keys.cursor).await?;
    if let Some(at) = at {
        page.rows = ledger::as_of(&app.db, &caller.account, page.rows, at).await?;
    }
    crud::answer_page(&app, &request, &query, page, "/api/seats").await
}

async fn create(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let new: NewSeat = request.body()?;
    write(&app, &request, || async {
        let (plan, seat) =
            actions::plan_create(&app.db, &app.ids, &request.call, new.clone()).await?;
        let reply = Reply::json(201, &seat)?
            .with_etag()
            .header("location", format!("/api/seats/{}", seat.id));
        Ok((plan, reply))
    })
    .await
}

async fn update(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let seat: Ref<Seat> = request.reference(0)?;
    let patch: SeatPatch = request.body()?;
    write(&app, &request, || async {
        let check = |seat: &Seat| check_match(seat, request.if_match.as_deref());
        let (plan, changed) = actions::plan_change(
            &app.db,
            &app.ids,
            &request.call,
            &seat,
            patch.clone(),
            check,
        )
        .await?;
        let reply = Reply::json(200, &changed)?;
        // The tag is that of the record, which an answer that names others is not.
        let reply = if changed.revoked.is_empty() {
            reply.with_etag()
        } else {
            reply
        };
        Ok((plan, reply))
    })
    .await
}

/// Queues a job that gives a place to everybody who learns in the seat's teams.
async fn assign_all(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let seat: Ref<Seat> = request.reference(0)?;
    let terms: AssignTerms = request.body()?;
    let (db, ids, call) = (&app.db, &app.ids, &request.call);
    write(&app, &request, || async {
        let (seat, users) = actions::all_learners(db, call, &seat, terms.if_full).await?;
        let mut plan = Plan::new("seat.assign_all");
        let job = queue_assignments(&mut plan, ids, call, &seat, terms.clone(), &users);
        let location = format!("/api/jobs/{}", job.id);
        Ok((plan, Reply::json(202, &job)?.header("location", location)))
    })
    .await
}

/// Runs the action of an address.
async fn act(app: App, request: Request, path: &'static str) -> Result<Reply> {
    request.no_query()?;
    let seat: Ref<Seat> = request.reference(0)?;
    let (db, ids, call) = (&app.db, &app.ids, &request.call);
    let done = match path {
        ASSIGN => {
            let input: AssignInput = request.body()?;
            finish(&app, &request, || {
                actions::plan_assign(db, ids, call, &seat, &input)
            })
            .await
        }
        REVOKE => {
            let input: RevokeInput = request.body()?;
            finish(&app, &request, || {
                actions::plan_revoke(db, ids, call, &seat, &input)
            })
            .await
        }
        EXTEND => {
            let input: ExtendInput = request.body()?;
            finish(&app, &request, || {
                actions::plan_extend(db, ids, call, &seat, &input)
            })
            .await
        }
        _ => {
            let input: TransferInput = request.body()?;
            finish(&app, &request, || {
                actions::plan_transfer(db, ids, call, &seat, &input)
            })
            .await
        }
    };
    if let Err(error) = &done {
        record_denial(db, ids, call, error, "api").await?;
    }
    done
}

async fn finish<F, Fut>(app: &App, request: &Request, plan: F) -> Result<Reply>
where
    F: Fn() -> Fut,
    Fut: Future<Output = Result<(Plan, SeatResult)>>,
{
    write(app, request, || async {
        let (plan, result) = plan().await?;
        Ok((plan, Reply::json(200, &result)?))
    })
    .await
}

async fn check(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    request.call.caller.require_account()?;
    let account = request.call.account();
    Reply::json(
        200,
        &Integrity {
            seats: integrity::check(&app.db, account).await?,
            credits: books::check(&app.db, account).await?,
        },
    )
}

/// What a check of all ledgers found.
#[derive(serde::Serialize, schemars::JsonSchema)]
struct Integrity {
    #[serde(flatten)]
    seats: integrity::Report,
    /// The books of credits.
    credits: books::CreditReport,
}
