//! Requests for places over HTTP: made for somebody, approved, declined, taken back.

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
use crate::seats::SeatRequest;
use crate::seats::denial::record_denial;
use crate::seats::request::{ApproveRequest, DeclineRequest, NewSeatRequest, RequestApproved};
use crate::seats::requests;
use crate::types::Ref;

const REQUESTS: Paths = Paths {
    list: "/seat_requests",
    one: "/seat_requests/{id}",
};

/// The operations.
pub fn endpoints() -> Vec<Endpoint> {
    let new = json!({ "user": "email:ada@example.com", "team": "ext:engines", "product": "ext:safety-101", "note": "I start in the workshop on Monday." });
    let tag = "seat_requests";
    let mut list = crud::reads::<SeatRequest>(&REQUESTS);
    list.extend([
        Endpoint::new(Method::POST, REQUESTS.list, "create_seat_request", tag, create)
            .about(
                "Ask for a place for somebody",
                "The team's owners and managers are told by mail. While a person's request for a product in a team is pending, a repeat is the \
                 same request: 200 instead of 201. People ask for themselves on their own page.",
            )
            .scope(Permission::SeatsAssign)
            .takes::<NewSeatRequest>(new)
            .gives::<SeatRequest>(201)
            .also(200, "The request that is pending already.")
            .problems(&[Code::StateConflict, Code::ValidationFailed]),
        Endpoint::new(Method::POST, "/seat_requests/{id}/approve", "approve_seat_request", tag, approve)
            .about(
                "Approve a request for a place",
                "Gives the place in the same transaction; `if_full` says what happens when none is free: 409 `seats_exhausted`, and the request \
                 stays pending, a place in the waiting line, or one place more. The person is told by mail. A repeat changes nothing.",
            )
            .scope(Permission::SeatsAssign)
            .takes::<ApproveRequest>(json!({ "if_full": "waitlist" }))
            .gives::<RequestApproved>(200)
            .problems(&[Code::NotFound, Code::StateConflict, Code::SeatsExhausted, Code::ValidationFailed]),
        Endpoint::new(Method::POST, "/seat_requests/{id}/decline", "decline_seat_request", tag, decline)
            .about("Decline a request for a place", "The person is told by mail, with the `reason` where one is given. A repeat changes nothing.")
            .scope(Permission::SeatsAssign)
            .takes::<DeclineRequest>(json!({ "reason": "The course begins again in May." }))
            .gives::<SeatRequest>(200)
            .problems(&[Code::NotFound, Code::StateConflict]),
        Endpoint::new(Method::POST, "/seat_requests/{id}/cancel", "cancel_seat_request", tag, cancel)
            .about("Take a request for a place back", "Nobody need decide on it any more. A repeat changes nothing.")
            .scope(Permission::SeatsAssign)
            .gives::<SeatRequest>(200)
            .problems(&[Code::NotFound, Code::StateConflict]),
    ]);
    list
}

async fn create(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let new: NewSeatRequest = request.body()?;
    write(&app, &request, || async {
        let (plan, made, is_new) =
            requests::plan_create(&app.db, &app.ids, &request.call, &new).await?;
        let reply = Reply::json(if is_new { 201 } else { 200 }, &made)?
            .with_etag()
            .header("location", format!("/api/seat_requests/{}", made.id));
        Ok((plan, reply))
    })
    .await
}

async fn approve(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let reference: Ref<SeatRequest> = request.reference(0)?;
    let input: ApproveRequest = request.body()?;
    let (db, ids, call) = (&app.db, &app.ids, &request.call);
    let done = write(&app, &request, || async {
        let (plan, approved) = requests::plan_approve(db, ids, call, &reference, &input).await?;
        Ok((plan, Reply::json(200, &approved)?))
    })
    .await;
    if let Err(error) = &done {
        record_denial(db, ids, call, error, "request").await?;
    }
    done
}

async fn decline(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let reference: Ref<SeatRequest> = request.reference(0)?;
    let input: DeclineRequest = request.body()?;
    write(&app, &request, || async {
        let (plan, declined) =
            requests::plan_decline(&app.db, &request.call, &reference, &input).await?;
        Ok((plan, Reply::json(200, &declined)?))
    })
    .await
}

async fn cancel(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let reference: Ref<SeatRequest> = request.reference(0)?;
    write(&app, &request, || async {
        let (plan, cancelled) = requests::plan_cancel(&app.db, &request.call, &reference).await?;
        Ok((plan, Reply::json(200, &cancelled)?))
    })
    .await
}
