//! What an account does by itself, as operations.

use axum::http::Method;
use serde_json::json;

use super::crud::{check_match, conditional};
use super::endpoint::Endpoint;
use super::reply::Reply;
use super::request::Request;
use super::write::write;
use crate::access::Permission;
use crate::accounts::{self, AccountPatch};
use crate::app::App;
use crate::error::{Code, Result};
use crate::seats::settings::{SeatSettings, SeatSettingsPatch};

const SEATS: &str = "/settings/seats";

/// The operations.
pub fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::new(Method::GET, SEATS, "get_seat_settings", "settings", seats)
            .about("Get the seat settings", "Who is told of what by mail, when a seat runs low, and which places go back by themselves.")
            .scope(Permission::SettingsRead)
            .gives::<SeatSettings>(200),
        Endpoint::new(Method::PATCH, SEATS, "update_seat_settings", "settings", update_seats)
            .about("Change the seat settings", "JSON Merge Patch: absent members stay as they are, `reclaim_after_days: null` turns reclaiming off. Lists are replaced as a whole. Honours `If-Match`.")
            .scope(Permission::SettingsWrite)
            .takes::<SeatSettingsPatch>(json!({ "reminder_days": [14, 3], "reclaim_after_days": 60 }))
            .gives::<SeatSettings>(200)
            .problems(&[Code::PreconditionFailed, Code::ValidationFailed]),
    ]
}

async fn seats(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    request.call.caller.require_account()?;
    let account = accounts::find(&app.db, request.call.account()).await?;
    let reply = Reply::json(200, &account.settings.0.seats)?.with_etag();
    Ok(conditional(reply, request.if_none_match.as_deref()))
}

async fn update_seats(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let patch: SeatSettingsPatch = request.body()?;
    write(&app, &request, || async {
        request.call.caller.require_account()?;
        let before = accounts::find(&app.db, request.call.account()).await?;
        let before = before.settings.0.seats;
        check_match(&before, request.if_match.as_deref())?;
        let change = AccountPatch {
            seats: Some(before.with(&patch)),
            ..AccountPatch::default()
        };
        let (plan, after) = accounts::set(&app.db, &request.call, &change).await?;
        Ok((plan, Reply::json(200, &after.settings.0.seats)?.with_etag()))
    })
    .await
}
