//! Operations about the caller itself.

use axum::http::Method;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::endpoint::Endpoint;
use super::reply::Reply;
use super::request::Request;
use crate::access::{ActorKind, Permission, Reach};
use crate::app::App;
use crate::error::Result;

/// Who the caller is and what it may do.
#[derive(Debug, Serialize, JsonSchema)]
pub struct WhoAmI {
    /// The account.
    pub account_id: String,
    /// What kind of thing calls.
    pub kind: ActorKind,
    /// Its id.
    pub id: Option<String>,
    /// Its name.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<Permission>,
    /// Whether it is limited to some teams.
    pub limited: bool,
}

/// The operations.
pub fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::new(Method::GET, "/me", "get_me", "system", me)
            .about("Who am I", "The key behind this request: its account, its name and what it may do. The first call to make with a new key.")
            .gives::<WhoAmI>(200),
    ]
}

async fn me(_: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let caller = &request.call.caller;
    Reply::json(
        200,
        &json!(WhoAmI {
            account_id: caller.account.to_string(),
            kind: caller.actor.kind,
            id: caller.actor.id.as_deref().map(str::to_owned),
            name: caller.actor.name.to_string(),
            scopes: caller.rights.anywhere().into_iter().collect(),
            limited: caller.reach != Reach::Account,
        }),
    )
}
