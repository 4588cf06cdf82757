//! Requests for places over HTTP: asked, approved, declined, cancelled.

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
use crate::records;
use crate::seats::denial::record_denial;
use crate::seats::request::{ApproveInput, DeclineInput, NewSeatRequest, SeatRequest};
use crate::seats::requests::{self, RequestResult};
use crate::types::Ref;

const REQUESTS: Paths = Paths {
    list: "/seat_requests",
    one: "/seat_requests/{id}",
};

/// The operations.
pub fn endpoints() -> Vec<Endpoint> {
    let new = json!({ "user": "email:ada@example.com", "product": "ext:safety-101", "note": "For the audit in May" });
    let mut list = crud::reads::<SeatRequest>(&REQUESTS);
    let decision = |verb: &'static str, path: &'static str, summary: &str, words: &str| {
        Endpoint::new(
            Method::POST,
            path,
            format!("{verb}_seat_request"),
            "seat_requests",
            move |app, request| decide(app, request, verb),
        )
        .about(summary, words)
        .scope(Permission::SeatsAssign)
        .problems(&[
            Code::NotFound,
            Code::StateConflict,
            Code::SeatsExhausted,
            Code::ValidationFailed,
        ])
    };
    list.extend([
        Endpoint::new(Method::POST, REQUESTS.list, "create_seat_request", "seat_requests", create)
            .about("Ask for a place", "On behalf of a person; people ask for themselves on the page of their courses. The same wish twice is one request: 200 instead of 201.")
            .scope(Permission::SeatsAssign)
            .takes::<NewSeatRequest>(new)
            .gives::<SeatRequest>(201)
            .problems(&[Code::StateConflict, Code::ValidationFailed]),
        decision("approve", "/seat_requests/{id}/approve", "Approve a request", "Gives the person a place of the team's seat in the same transaction, and tells them by mail. `if_full` says what happens when none is free.")
            .takes::<ApproveInput>(json!({ "if_full": "waitlist" }))
            .gives::<RequestResult>(200),
        decision("decline", "/seat_requests/{id}/decline", "Decline a request", "The person is told by mail, with the reason.")
            .takes::<DeclineInput>(json!({ "reason": "This course is for the site managers." }))
            .gives::<SeatRequest>(200),
        decision("cancel", "/seat_requests/{id}/cancel", "Take a request back", "As the person themself does on the page of their courses. A repeat changes nothing.")
            .gives::<SeatRequest>(200),
    ]);
    list
}

async fn create(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let new: NewSeatRequest = request.body()?;
    write(&app, &request, || async {
        let (plan, made, is_new) =
            requests::plan_request(&app.db, &app.ids, &request.call, new.clone()).await?;
        let reply = Reply::json(if is_new { 201 } else { 200 }, &made)?
            .with_etag()
            .header("location", format!("/api/seat_requests/{}", made.id));
        Ok((plan, reply))
    })
    .await
}

async fn decide(app: App, request: Request, verb: &'static str) -> Result<Reply> {
    request.no_query()?;
    let reference: Ref<SeatRequest> = request.reference(0)?;
    // Another account's request is not there, whatever the body says.
    records::find::<SeatRequest>(&app.db, &request.call.caller, &reference).await?;
    let (db, ids, call) = (&app.db, &app.ids, &request.call);
    let done = match verb {
        "approve" => {
            let input: ApproveInput = request.body()?;
            write(&app, &request, || async {
                let (plan, result) =
                    requests::plan_approve(db, ids, call, &reference, &input).await?;
                Ok((plan, Reply::json(200, &result)?))
            })
            .await
        }
        "decline" => {
            let input: DeclineInput = request.body()?;
            write(&app, &request, || async {
                let (plan, after) = requests::plan_decline(db, call, &reference, &input).await?;
                Ok((plan, Reply::json(200, &after)?.with_etag()))
            })
            .await
        }
        _ => {
            write(&app, &request, || async {
                let (plan, after) = requests::plan_cancel(db, call, &reference).await?;
                Ok((plan, Reply::json(200, &after)?.with_etag()))
            })
            .await
        }
    };
    if let Err(error) = &done {
        record_denial(db, ids, call, error, "request").await?;
    }
    done
}
