//! The waiting line of a seat and the wishes it had no place for, over HTTP.

use axum::http::Method;
use serde_json::json;

use super::crud::{self, ListOf, Paths, page_with};
use super::endpoint::Endpoint;
use super::parameters::of_list;
use super::reply::Reply;
use super::request::Request;
use super::write::write;
use crate::access::Permission;
use crate::app::App;
use crate::error::{Code, Result};
use crate::records;
use crate::seats::waitlist::{ReorderInput, Waiting, plan_leave, plan_reorder};
use crate::seats::{Assignment, Denial, Seat};
use crate::types::Ref;

const LINE: &str = "/seats/{id}/waitlist";

/// The operations.
pub fn endpoints(denials: &Paths) -> Vec<Endpoint> {
    let line = Endpoint::new(Method::GET, LINE, "list_seat_waitlist", "seats", line)
        .about(
            "The waiting line of a seat",
            "Who waits, in the order in which they are served, each with their `position`; a page at a time.",
        )
        .scope(Permission::SeatsRead)
        .gives::<ListOf<Waiting>>(200)
        .problems(&[Code::NotFound, Code::InvalidParameter, Code::CursorMismatch]);
    let mut list = vec![
        of_list::<Waiting>(line),
        Endpoint::new(Method::POST, "/seats/{id}/waitlist/move", "move_in_seat_waitlist", "seats", reorder)
            .about(
                "Move somebody in the waiting line",
                "In front of somebody, behind somebody, or to a `position`. Nobody else's order changes.",
            )
            .scope(Permission::SeatsAssign)
            .takes::<ReorderInput>(json!({ "assignment": "assignment_01j00000000000000000000000", "position": 1 }))
            .gives::<Waiting>(200)
            .problems(&[Code::NotFound, Code::ValidationFailed]),
        Endpoint::new(Method::DELETE, "/seats/{id}/waitlist/{assignment}", "leave_seat_waitlist", "seats", leave)
            .about("Take somebody out of the waiting line", "Those behind move up. Who has a place already does not wait any more: 404.")
            .scope(Permission::SeatsAssign)
            .gives_nothing()
            .problems(&[Code::NotFound]),
        crud::children::<Seat, Denial>("/seats/{id}/denials", "list_denials_of_seat", "seat_id")
            .about("The denials of a seat", "Wishes for a place that were refused because none was free, the newest first."),
    ];
    list.extend(crud::reads::<Denial>(denials));
    list
}

/// Unlike other lists this one has an order of its own: that of the line.
async fn line(app: App, request: Request) -> Result<Reply> {
    let seat: Seat = records::find(&app.db, &request.call.caller, &request.reference(0)?).await?;
    let mut members = request.query.clone();
    if !members.iter().any(|(name, _)| name == "sort") {
        members.push(("sort".to_owned(), "waiting_at".to_owned()));
    }
    let path = format!("/api/seats/{}/waitlist", seat.id);
    let within = Some(("seat_id", seat.id.as_str()));
    page_with::<Waiting>(&app, &request, &members, within, &path).await
}

async fn reorder(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let seat: Ref<Seat> = request.reference(0)?;
    let input: ReorderInput = request.body()?;
    write(&app, &request, || async {
        let (plan, moved) = plan_reorder(&app.db, &request.call, &seat, &input).await?;
        Ok((plan, Reply::json(200, &moved)?))
    })
    .await
}

async fn leave(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let seat: Ref<Seat> = request.reference(0)?;
    let one: Ref<Assignment> = request.reference(1)?;
    write(&app, &request, || async {
        let plan = plan_leave(&app.db, &app.ids, &request.call, &seat, &one).await?;
        Ok((plan, Reply::empty()))
    })
    .await
}
