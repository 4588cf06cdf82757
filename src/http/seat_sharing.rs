//! Where the places of a seat are, over HTTP: moved to another team, shared with one, shared no more.

use axum::http::Method;
use serde_json::json;

use super::endpoint::Endpoint;
use super::reply::Reply;
use super::request::Request;
use super::write::write;
use crate::access::Permission;
use crate::app::App;
use crate::error::{Code, Result};
use crate::seats::Seat;
use crate::seats::relocation::{MoveInput, SeatsMoved, plan_move};
use crate::seats::sharing::{SeatShared, ShareInput, UnshareInput, plan_share, plan_unshare};
use crate::types::Ref;

/// The operations.
pub fn endpoints() -> Vec<Endpoint> {
    let problems = [Code::NotFound, Code::StateConflict, Code::ValidationFailed];
    vec![
        Endpoint::new(Method::POST, "/seats/{id}/move", "move_seat", "seats", relocate)
            .about(
                "Move places to another team",
                "From this seat to the other team's seat of the same product, which is made under the same terms where there is none; both \
                 ledgers name each other's entry. Free places move, and with `users`, `assignments` or `with_holders` those of people who are in \
                 both teams. Never below what is in use: 409 `quantity_below_usage`. Who waits at the other seat is served in the same transaction.",
            )
            .scope(Permission::SeatsWrite)
            .takes::<MoveInput>(json!({ "to_team": "ext:drivers", "quantity": 5 }))
            .gives::<SeatsMoved>(200)
            .problems(&problems)
            .problems(&[Code::QuantityBelowUsage]),
        Endpoint::new(Method::POST, "/seats/{id}/share", "share_seat", "seats", share)
            .about(
                "Share a seat with a team",
                "One allocation, several teams: the people of each draw from the same places. A team has one live seat of a product, so one that \
                 has its own cannot share another: 409 `already_exists`. A repeat changes nothing.",
            )
            .scope(Permission::SeatsWrite)
            .takes::<ShareInput>(json!({ "team": "ext:drivers" }))
            .gives::<SeatShared>(200)
            .problems(&problems)
            .problems(&[Code::AlreadyExists]),
        Endpoint::new(Method::POST, "/seats/{id}/unshare", "unshare_seat", "seats", unshare)
            .about(
                "Share a seat with a team no more",
                "While people of the team hold places it is refused with their number: 409 `in_use`, unless `on_holders` is `revoke`. Those who \
                 are in another team that goes on sharing the seat keep theirs. A repeat changes nothing.",
            )
            .scope(Permission::SeatsWrite)
            .takes::<UnshareInput>(json!({ "team": "ext:drivers", "on_holders": "revoke" }))
            .gives::<SeatShared>(200)
            .problems(&problems)
            .problems(&[Code::InUse]),
    ]
}

async fn relocate(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let seat: Ref<Seat> = request.reference(0)?;
    let input: MoveInput = request.body()?;
    write(&app, &request, || async {
        let (plan, moved) = plan_move(&app.db, &app.ids, &request.call, &seat, &input).await?;
        Ok((plan, Reply::json(200, &moved)?))
    })
    .await
}

async fn share(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let seat: Ref<Seat> = request.reference(0)?;
    let input: ShareInput = request.body()?;
    write(&app, &request, || async {
        let (plan, shared) = plan_share(&app.db, &app.ids, &request.call, &seat, &input).await?;
        Ok((plan, Reply::json(200, &shared)?))
    })
    .await
}

async fn unshare(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let seat: Ref<Seat> = request.reference(0)?;
    let input: UnshareInput = request.body()?;
    write(&app, &request, || async {
        let (plan, shared) = plan_unshare(&app.db, &app.ids, &request.call, &seat, &input).await?;
        Ok((plan, Reply::json(200, &shared)?))
    })
    .await
}
