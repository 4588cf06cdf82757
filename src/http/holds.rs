//! Holds over HTTP: places kept for a while, confirmed, given back.

use axum::http::Method;
use serde_json::json;

use super::crud::{self, Paths};
use super::endpoint::Endpoint;
use super::reply::Reply;
use super::request::Request;
use super::write::write;
use crate::access::Permission;
use crate::app::App;
use crate::error::{Code, Result};
use crate::seats::denial::record_denial;
use crate::seats::hold::{ConfirmHold, NewHold, NewSeatHold};
use crate::seats::holds::{self, HoldResult};
use crate::seats::{Seat, SeatHold};
use crate::types::Ref;

const HOLDS: Paths = Paths {
    list: "/seat_holds",
    one: "/seat_holds/{id}",
};

/// The operations.
pub fn endpoints() -> Vec<Endpoint> {
    let one = json!({ "quantity": 2, "ttl_seconds": 600 });
    let many = json!({ "items": [{ "seat": "ext:safety-2026", "quantity": 1 }], "reference": "checkout-4711" });
    let refused = [
        Code::NotFound,
        Code::SeatsExhausted,
        Code::StateConflict,
        Code::AlreadyExists,
        Code::ValidationFailed,
    ];
    let write = |path, id: &str, summary: &str, words: &str| {
        Endpoint::new(
            Method::POST,
            path,
            id,
            "seat_holds",
            move |app, request| async move {
                match path {
                    "/seat_holds/{id}/confirm" => confirm(app, request).await,
                    _ => release(app, request).await,
                }
            },
        )
        .about(summary, words)
        .scope(Permission::SeatsHold)
        .problems(&[
            Code::NotFound,
            Code::HoldLapsed,
            Code::StateConflict,
            Code::ValidationFailed,
        ])
    };
    let mut list = crud::reads::<SeatHold>(&HOLDS);
    list.extend([
        Endpoint::new(Method::POST, "/seats/{id}/holds", "hold_seat", "seat_holds", hold_one)
            .about("Hold places of a seat", "Keeps free places for a while, as a checkout needs them; they count as reserved until the hold is confirmed, released or lapses.")
            .scope(Permission::SeatsHold)
            .takes::<NewSeatHold>(one)
            .gives::<SeatHold>(201)
            .problems(&refused),
        Endpoint::new(Method::POST, HOLDS.list, "create_seat_hold", "seat_holds", hold_many)
            .about("Hold places of several seats", "All of them or none. With a `reference` a repeat is the same hold while that stands: 200 instead of 201.")
            .scope(Permission::SeatsHold)
            .takes::<NewHold>(many)
            .gives::<SeatHold>(201)
            .problems(&refused),
        write("/seat_holds/{id}/confirm", "confirm_seat_hold", "Confirm a hold", "Gives its places to people, which needs `seats:assign` too, or moves them to a team's own seats, which needs `seats:write` too. Places that nobody gets are given back. After its end: 409 `hold_lapsed`.")
            .takes::<ConfirmHold>(json!({ "users": ["email:ada@example.com"] }))
            .gives::<HoldResult>(200),
        write("/seat_holds/{id}/release", "release_seat_hold", "Give held places back", "They go to those who wait, in the same transaction. A repeat changes nothing.")
            .gives::<SeatHold>(200),
    ]);
    list
}

async fn hold_one(app: App, request: Request) -> Result<Reply> {
    let seat: Ref<Seat> = request.reference(0)?;
    let new = request.body::<NewSeatHold>()?.of(seat.clone());
    // A seat in the address that is not there is not found; in a body it would be a fault of the body.
    crate::records::find::<Seat>(&app.db, &request.call.caller, &seat).await?;
    hold(app, request, new).await
}

async fn hold_many(app: App, request: Request) -> Result<Reply> {
    let new = request.body::<NewHold>()?;
    hold(app, request, new).await
}

async fn hold(app: App, request: Request, new: NewHold) -> Result<Reply> {
    request.no_query()?;
    let (db, ids, call) = (&app.db, &app.ids, &request.call);
    let done = write(&app, &request, || async {
        let (plan, hold, made) = holds::plan_hold(db, ids, call, &new).await?;
        let reply = Reply::json(if made { 201 } else { 200 }, &hold)?
            .with_etag()
            .header("location", format!("/api/seat_holds/{}", hold.id));
        Ok((plan, reply))
    })
    .await;
    if let Err(error) = &done {
        record_denial(db, ids, call, error, "hold").await?;
    }
    done
}

async fn confirm(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let hold: Ref<SeatHold> = request.reference(0)?;
    let input: ConfirmHold = request.body()?;
    write(&app, &request, || async {
        let (plan, result) =
            holds::plan_confirm(&app.db, &app.ids, &request.call, &hold, &input).await?;
        Ok((plan, Reply::json(200, &result)?))
    })
    .await
}

async fn release(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let hold: Ref<SeatHold> = request.reference(0)?;
    write(&app, &request, || async {
        let (plan, hold) = holds::plan_release(&app.db, &app.ids, &request.call, &hold).await?;
        Ok((plan, Reply::json(200, &hold)?.with_etag()))
    })
    .await
}
