//! Operations about the caller itself.

use axum::http::Method;
use schemars::JsonSchema;
use serde::Serialize;

use super::batch::MAX_ITEMS;
use super::endpoint::Endpoint;
use super::reply::Reply;
use super::request::Request;
use crate::access::api_keys::{self, ApiKeyId, ShownApiKey};
use crate::access::{ActorKind, Permission, Reach};
use crate::accounts::{self, Account};
use crate::app::App;
use crate::bulk::MAX_ROWS;
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

/// The account, the caller and their limits.
#[derive(Debug, Serialize, JsonSchema)]
pub struct AccountAnswer {
    /// The account.
    pub account: Account,
    /// Who calls.
    pub caller: WhoAmI,
    /// The key behind the request.
    pub api_key: Option<ShownApiKey>,
    /// How much may be asked.
    pub limits: Limits,
}

/// How much may be asked.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Limits {
    /// Requests a minute of the whole account.
    pub requests_per_minute: i64,
    /// Requests a minute of this key, where it has a limit of its own.
    pub key_requests_per_minute: Option<i64>,
    /// Bytes of a body.
    pub body_bytes: usize,
    /// Bytes of an upload.
    pub upload_bytes: usize,
    /// Records of one batch.
    pub batch_items: usize,
    /// Rows of one bulk job.
    pub bulk_rows: usize,
}

/// The operations.
pub fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::new(Method::GET, "/me", "get_me", "system", me)
            .about("Who am I", "The key behind this request: its account, its name and what it may do. The first call to make with a new key.")
            .gives::<WhoAmI>(200),
        Endpoint::new(Method::GET, "/account", "get_account", "system", account)
            .about("My account", "The account behind this key with its settings, the key itself, what it may do, and the limits that hold for it.")
            .gives::<AccountAnswer>(200),
    ]
}

async fn me(_: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    Reply::json(200, &who(&request))
}

fn who(request: &Request) -> WhoAmI {
    let caller = &request.call.caller;
    WhoAmI {
        account_id: caller.account.to_string(),
        kind: caller.actor.kind,
        id: caller.actor.id.as_deref().map(str::to_owned),
        name: caller.actor.name.to_string(),
        scopes: caller.rights.anywhere().into_iter().collect(),
        limited: caller.reach != Reach::Account,
    }
}

async fn account(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let caller = &request.call.caller;
    let account = accounts::find(&app.db, &caller.account).await?;
    let key = match caller.actor.id.as_deref().and_then(ApiKeyId::parse) {
        Some(id) => Some(api_keys::find(&app.db, &caller.account, &id).await?),
        None => None,
    };
    let server = &app.config.server;
    let limits = Limits {
        requests_per_minute: account
            .requests_per_minute
            .unwrap_or_else(|| i64::from(app.config.limits.requests_per_minute)),
        key_requests_per_minute: key.as_ref().and_then(|key| key.requests_per_minute),
        body_bytes: server.body_limit_bytes,
        upload_bytes: server.upload_limit_bytes,
        batch_items: MAX_ITEMS,
        bulk_rows: MAX_ROWS,
    };
    let answer = AccountAnswer {
        account,
        caller: who(&request),
        api_key: key.map(|key| key.shown(request.call.now)),
        limits,
    };
    Reply::json(200, &answer)
}
