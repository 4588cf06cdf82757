//! A seat as a pool, over HTTP: places moved between teams, seats shared, idle places, the waiting line, the ledger with its
//! balance, the counters as of a moment, denials, and what an account does about seats by itself.

use axum::http::Method;
use serde_json::json;

use super::crud::{self, ListOf, Paths};
use super::endpoint::Endpoint;
use super::parameters::of_list;
use super::reply::Reply;
use super::request::Request;
use super::write::write;
use crate::access::Permission;
use crate::accounts::{self, AccountPatch};
use crate::app::App;
use crate::error::{Code, Error, Fault, Result};
use crate::listing::ListQuery;
use crate::records;
use crate::resources::{Team, User};
use crate::seats::actions::{self, MoveInput, MoveResult, SeatResult, ShareInput};
use crate::seats::balance::{self, LedgerLine, SeatAsOf};
use crate::seats::denial::record_denial;
use crate::seats::idle::{self, ReclaimInput, ReclaimResult};
use crate::seats::ledger::LedgerEntry;
use crate::seats::settings::SeatSettings;
use crate::seats::waitlist::{self, Waiter, WaiterPatch};
use crate::seats::{Assignment, Denial, Seat};
use crate::types::{Ref, Timestamp};

const MOVE: &str = "/seats/{id}/move";
const TEAMS: &str = "/seats/{id}/teams";
const TEAM: &str = "/seats/{id}/teams/{team}";
const RECLAIM: &str = "/seats/{id}/reclaim";
const LINE: &str = "/seats/{id}/waitlist";
const WAITER: &str = "/seats/{id}/waitlist/{user}";
const LEDGER: &str = "/seats/{id}/ledger";
const SETTINGS: &str = "/seat_settings";

const DENIALS: Paths = Paths {
    list: "/seat_denials",
    one: "/seat_denials/{id}",
};

/// The operations.
pub fn endpoints() -> Vec<Endpoint> {
    let mut list = crud::reads::<Denial>(&DENIALS);
    list.extend(pools());
    list.extend(lines());
    list.extend([
        Endpoint::new(Method::GET, SETTINGS, "get_seat_settings", "seats", settings)
            .about("What the account does about seats by itself", "Who is told of what, and what becomes of idle places.")
            .scope(Permission::SettingsRead)
            .gives::<SeatSettings>(200),
        Endpoint::new(Method::PUT, SETTINGS, "set_seat_settings", "seats", set_settings)
            .about("Set what the account does about seats by itself", "As a whole: members that are left out get their defaults.")
            .scope(Permission::SettingsWrite)
            .takes::<SeatSettings>(json!({ "reminder_days": [30, 7, 1], "assigned_mail": true, "reclaim_after_days": 60 }))
            .gives::<SeatSettings>(200)
            .problems(&[Code::ValidationFailed]),
    ]);
    list
}

fn pools() -> [Endpoint; 4] {
    let write = |method, path, id: &str, run| -> Endpoint {
        Endpoint::new(method, path, id, "seats", move |app, request| {
            act(app, request, run)
        })
        .scope(Permission::SeatsWrite)
    };
    [
        write(Method::POST, MOVE, "move_seat", Act::Move)
            .about("Move places to another team", "Free places only, so that nobody who sits is disturbed: to the team's own seat of the product, which is made under the same terms if it has none. The entries on both ledgers name each other.")
            .takes::<MoveInput>(json!({ "to_team": "ext:engines", "quantity": 2 }))
            .gives::<MoveResult>(200)
            .problems(&[Code::NotFound, Code::SeatsExhausted, Code::StateConflict, Code::ValidationFailed, Code::Forbidden]),
        write(Method::POST, TEAMS, "share_seat", Act::Share)
            .about("Share a seat with another team", "Its people can sit by it from then on. A team that shares it already changes nothing.")
            .takes::<ShareInput>(json!({ "team": "ext:engines" }))
            .gives::<Seat>(200)
            .problems(&[Code::NotFound, Code::AlreadyExists, Code::StateConflict, Code::ValidationFailed, Code::Forbidden]),
        write(Method::DELETE, TEAM, "unshare_seat", Act::Unshare)
            .about("Take a seat from a team that shares it", "Refused while people of the team hold places or wait, unless `release` is true: then they end in the same transaction, and the answer names them.")
            .parameter("release", "Whether the places of the team's people are released.", json!({"type": "boolean", "default": false}))
            .gives::<SeatResult>(200)
            .problems(&[Code::NotFound, Code::InUse, Code::StateConflict, Code::Forbidden, Code::InvalidParameter]),
        write(Method::POST, RECLAIM, "reclaim_seat", Act::Reclaim)
            .about("Take back idle places", "What the rule for idle places does at this seat, now: those who have begun nothing are told, and places whose day has come go back. With `?dry_run=true` it lists whom that would meet.")
            .takes::<ReclaimInput>(json!({ "after_days": 60, "notice_days": 7 }))
            .gives::<ReclaimResult>(200)
            .problems(&[Code::NotFound, Code::StateConflict, Code::ValidationFailed, Code::Forbidden]),
    ]
}

fn lines() -> [Endpoint; 5] {
    let waiting = Endpoint::new(Method::GET, LINE, "list_seat_waitlist", "seats", line)
        .about(
            "The waiting line of a seat",
            "Those who wait, with their places; the next one first.",
        )
        .scope(Permission::SeatsRead)
        .gives::<ListOf<Waiter>>(200)
        .problems(&[
            Code::NotFound,
            Code::InvalidParameter,
            Code::CursorMismatch,
        ]);
    let ledger = Endpoint::new(Method::GET, LEDGER, "list_seat_ledger", "seats", ledger)
        .about("The ledger of a seat", "Every change of its counters with actor, cause and reference, and the balance after it; the newest first.")
        .scope(Permission::SeatsRead)
        .gives::<ListOf<LedgerLine>>(200)
        .problems(&[Code::NotFound, Code::InvalidParameter, Code::CursorMismatch]);
    [
        of_list::<Waiter>(waiting),
        Endpoint::new(Method::PATCH, WAITER, "move_waiter", "seats", move_waiter)
            .about(
                "Move somebody in the waiting line",
                "To a place counted from the front; beyond the end is the last.",
            )
            .scope(Permission::SeatsAssign)
            .takes::<WaiterPatch>(json!({ "position": 1 }))
            .gives::<Assignment>(200)
            .problems(&[Code::NotFound, Code::ValidationFailed, Code::Forbidden]),
        Endpoint::new(Method::DELETE, WAITER, "leave_waitlist", "seats", leave_line)
            .about("Take somebody out of the waiting line", "The others move up.")
            .scope(Permission::SeatsAssign)
            .gives_nothing()
            .problems(&[Code::NotFound]),
        of_list::<LedgerEntry>(ledger),
        crud::children::<Seat, Denial>("/seats/{id}/denials", "list_denials_of_seat", "seat_id")
            .about(
                "The denials of a seat",
                "Wishes for a place that were refused because none was free, the newest first.",
            ),
    ]
}

/// Adds the member of the query that asks for the counters of a moment.
pub fn with_as_of(get: Endpoint) -> Endpoint {
    get.parameter(
        "as_of",
        "The counters as they were at this moment, by the ledger; not together with `expand`.",
        json!({"type": "string", "format": "date-time"}),
    )
    .problems(&[Code::InvalidParameter])
    .runs(get_seat)
}

async fn get_seat(app: App, request: Request) -> Result<Reply> {
    let [(name, moment)] = request.query.as_slice() else {
        return crud::get::<Seat>(app, request).await;
    };
    if name != "as_of" {
        return crud::get::<Seat>(app, request).await;
    }
    let moment = Timestamp::parse(moment).ok_or_else(|| {
        Error::new(
            Code::InvalidParameter,
            "as_of takes a time of RFC 3339 such as 2027-01-31T09:30:00Z.",
        )
    })?;
    let caller = &request.call.caller;
    let seat = records::find::<Seat>(&app.db, caller, &request.reference(0)?).await?;
    let shown: SeatAsOf = balance::as_of(&app.db, &caller.account, seat, moment).await?;
    Ok(Reply::json(200, &shown)?.with_etag())
}

/// What is done with a seat as a pool.
#[derive(Debug, Clone, Copy)]
enum Act {
    Move,
    Share,
    Unshare,
    Reclaim,
}

async fn act(app: App, request: Request, run: Act) -> Result<Reply> {
    let seat: Ref<Seat> = request.reference(0)?;
    let (db, ids, call) = (&app.db, &app.ids, &request.call);
    let release = match request.query.as_slice() {
        [(name, value)] if name == "release" && matches!(run, Act::Unshare) => {
            value.parse::<bool>().map_err(|_| {
                Error::new(Code::InvalidParameter, "release takes true or false.")
            })?
        }
        _ => {
            request.no_query()?;
            false
        }
    };
    // Another account's seat is not there, whatever the body says.
    records::find::<Seat>(db, &call.caller, &seat).await?;
    let done = match run {
        Act::Move => {
            let input: MoveInput = request.body()?;
            write(&app, &request, || async {
                let (plan, moved) = actions::plan_move(db, ids, call, &seat, &input).await?;
                Ok((plan, Reply::json(200, &moved)?))
            })
            .await
        }
        Act::Share => {
            let input: ShareInput = request.body()?;
            write(&app, &request, || async {
                let (plan, seat) = actions::plan_share(db, call, &seat, &input).await?;
                Ok((plan, Reply::json(200, &seat)?.with_etag()))
            })
            .await
        }
        Act::Unshare => {
            let team: Ref<Team> = request.reference(1)?;
            write(&app, &request, || async {
                let (plan, result) =
                    actions::plan_unshare(db, ids, call, &seat, &team, release).await?;
                Ok((plan, Reply::json(200, &result)?))
            })
            .await
        }
        Act::Reclaim => {
            let input: ReclaimInput = request.body()?;
            write(&app, &request, || async {
                let (plan, result) = idle::plan_reclaim(db, ids, call, &seat, &input).await?;
                Ok((plan, Reply::json(200, &result)?))
            })
            .await
        }
    };
    if let Err(error) = &done {
        record_denial(db, ids, call, error, "move").await?;
    }
    done
}

async fn line(app: App, mut request: Request) -> Result<Reply> {
    let seat = records::find::<Seat>(&app.db, &request.call.caller, &request.reference(0)?).await?;
    let path = format!("/api{}", LINE.replace("{id}", seat.id.as_str()));
    let has = |name: &str| request.query.iter().any(|(known, _)| known == name);
    let (sorted, filtered) = (has("sort"), has("state"));
    if !sorted {
        request.query.push(("sort".into(), "waiting_at".into()));
    }
    if !filtered {
        request.query.push(("state".into(), "waitlisted".into()));
    }
    let within = Some(("seat_id", seat.id.as_str()));
    crud::page_of::<Waiter>(&app, &request, within, &path).await
}

async fn move_waiter(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let (seat, user): (Ref<Seat>, Ref<User>) = (request.reference(0)?, request.reference(1)?);
    let patch: WaiterPatch = request.body()?;
    write(&app, &request, || async {
        let (plan, after) =
            waitlist::plan_move(&app.db, &request.call, &seat, &user, &patch).await?;
        Ok((plan, Reply::json(200, &after)?.with_etag()))
    })
    .await
}

async fn leave_line(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let (seat, user): (Ref<Seat>, Ref<User>) = (request.reference(0)?, request.reference(1)?);
    write(&app, &request, || async {
        let plan =
            waitlist::plan_leave(&app.db, &app.ids, &request.call, &seat, &user).await?;
        Ok((plan, Reply::empty()))
    })
    .await
}

async fn ledger(app: App, request: Request) -> Result<Reply> {
    let caller = &request.call.caller;
    let seat = records::find::<Seat>(&app.db, caller, &request.reference(0)?).await?;
    let within = Some(("seat_id", seat.id.as_str()));
    let query =
        ListQuery::parse_within::<LedgerEntry>(&request.query, within, caller, &app.keys.cursor)?;
    let page = query
        .run::<LedgerEntry>(&app.db, caller, &app.keys.cursor)
        .await?;
    let path = format!("/api{}", LEDGER.replace("{id}", seat.id.as_str()));
    let rows = balance::lines(&app.db, &caller.account, &seat.id, page.rows).await?;
    crud::page_reply(rows, page.next_cursor, page.total_count, &path, &request.query)
}

async fn settings(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    request.call.caller.require_account()?;
    let account = accounts::find(&app.db, request.call.account()).await?;
    Ok(Reply::json(200, &account.settings.0.seats)?.with_etag())
}

async fn set_settings(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let seats: SeatSettings = request.body()?;
    let patch = AccountPatch {
        seats: Some(seats),
        ..AccountPatch::default()
    };
    write(&app, &request, || async {
        let done = accounts::set(&app.db, &request.call, &patch).await;
        let (plan, account) = done.map_err(at_top)?;
        Ok((
            plan,
            Reply::json(200, &account.settings.0.seats)?.with_etag(),
        ))
    })
    .await
}

/// Faults of the settings at their members of this body.
fn at_top(error: Error) -> Error {
    if error.faults().is_empty() {
        return error;
    }
    let faults = error.faults().iter().map(|fault| Fault {
        pointer: fault
            .pointer
            .strip_prefix("/seats")
            .unwrap_or(&fault.pointer)
            .to_owned(),
        ..fault.clone()
    });
    Error::invalid(faults.collect())
}
