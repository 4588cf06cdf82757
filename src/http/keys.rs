//! API keys over HTTP: made, changed, rotated and revoked by a key that may write keys, never beyond what it holds itself.
//!
//! A secret is in the answer of the request that makes it and nowhere else: a repeat under the same Idempotency-Key gets
//! the same answer without it.

use axum::http::Method;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::crud::{self, ListOf, PageInfo, Paths, check_match, conditional};
use super::endpoint::Endpoint;
use super::reply::Reply;
use super::request::Request;
use super::write::write;
use crate::access::Permission;
use crate::access::api_keys::{
    self, ApiKey, ApiKeyId, ApiKeyPatch, NewApiKey, RotateApiKey, SecretUse, ShownApiKey,
};
use crate::access::keys::ApiKeySecret;
use crate::app::App;
use crate::error::{Code, Error, Result};
use crate::listing::ListQuery;

const PATHS: Paths = Paths {
    list: "/api_keys",
    one: "/api_keys/{id}",
};

/// A key with those of its secrets that work.
#[derive(Debug, Clone, Serialize, JsonSchema)]
struct ApiKeyDetail {
    /// The key.
    #[serde(flatten)]
    key: ShownApiKey,
    /// The secrets that work now, the newest first; more than one during an overlap.
    secrets: Vec<SecretUse>,
}

/// A key with its secret.
#[derive(Debug, Clone, Serialize, JsonSchema)]
struct MadeApiKey {
    /// The key.
    #[serde(flatten)]
    key: ApiKeyDetail,
    /// The secret, shown this once; a repeat of the request is answered without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

/// The operations.
pub fn endpoints() -> Vec<Endpoint> {
    let mut reads = crud::reads::<ApiKey>(&PATHS);
    for endpoint in &mut reads {
        *endpoint = if endpoint.path == PATHS.list {
            endpoint
                .clone()
                .runs(list)
                .gives::<ListOf<ShownApiKey>>(200)
        } else {
            endpoint
                .clone()
                .runs(get)
                .about("Get one API key", "What it may do, how long, and when, from where and by what program it was last used. `secrets` shows each secret that works with its last use, and whether an older one is safe to retire.")
                .gives::<ApiKeyDetail>(200)
        };
    }
    let scopes = json!({ "name": "Shop", "scopes": ["provision:write", "provision:read", "users:read"], "requests_per_minute": 300 });
    reads.extend([
        Endpoint::new(Method::POST, PATHS.list, "create_api_key", "api_keys", create)
            .about(
                "Make an API key",
                "`scopes` by name, or `full`, `read_only`, `provisioning`. The secret is in this answer and nowhere else. A key cannot make one that may \
                 do more, from more addresses, or for longer, than it may itself.",
            )
            .scope(Permission::KeysWrite)
            .takes::<NewApiKey>(scopes)
            .gives::<MadeApiKey>(201)
            .shows_secret()
            .problems(&[Code::Forbidden, Code::ValidationFailed]),
        Endpoint::new(Method::PATCH, PATHS.one, "update_api_key", "api_keys", update)
            .about("Change an API key", "Name, addresses, limit and end. Its scopes stay: make another key for others. Honours `If-Match`.")
            .scope(Permission::KeysWrite)
            .takes::<ApiKeyPatch>(json!({ "name": "Shop, second try", "requests_per_minute": 600 }))
            .gives::<ApiKeyDetail>(200)
            .problems(&[Code::NotFound, Code::StateConflict, Code::PreconditionFailed]),
        Endpoint::new(Method::POST, "/api_keys/{id}/rotate", "rotate_api_key", "api_keys", rotate)
            .about("Give an API key a new secret", "The older one works for `overlap_seconds` more, seven days at most, so that nothing stands still while it is replaced.")
            .scope(Permission::KeysWrite)
            .takes::<RotateApiKey>(json!({ "overlap_seconds": 86400 }))
            .gives::<MadeApiKey>(200)
            .shows_secret()
            .problems(&[Code::NotFound, Code::StateConflict]),
        Endpoint::new(Method::POST, "/api_keys/{id}/retire", "retire_api_key", "api_keys", retire)
            .about("End the older secrets of an API key", "Ends the overlap of a rotation now. Look at `is_safe_to_retire` first.")
            .scope(Permission::KeysWrite)
            .gives::<ShownApiKey>(200)
            .problems(&[Code::NotFound, Code::StateConflict]),
        Endpoint::new(Method::POST, "/api_keys/{id}/revoke", "revoke_api_key", "api_keys", revoke)
            .about("Revoke an API key", "It ends at once, with all its secrets, for good.")
            .scope(Permission::KeysWrite)
            .gives::<ShownApiKey>(200)
            .problems(&[Code::NotFound]),
    ]);
    reads
}

async fn find(app: &App, request: &Request) -> Result<ApiKey> {
    let text = request.places.first().map_or("", String::as_str);
    let id = ApiKeyId::parse(text).ok_or_else(|| Error::not_found("api_key"))?;
    request.call.caller.require_account()?;
    api_keys::find(&app.db, request.call.account(), &id).await
}

async fn list(app: App, request: Request) -> Result<Reply> {
    let caller = &request.call.caller;
    caller.require_account()?;
    let query = ListQuery::parse::<ApiKey>(&request.query, caller, &app.keys.cursor)?;
    let page = query
        .run::<ApiKey>(&app.db, caller, &app.keys.cursor)
        .await?;
    let shown = page.rows.iter().map(|key| key.shown(request.call.now));
    let shown = ListOf {
        data: shown.collect(),
        page: PageInfo::new(page.next_cursor, page.total_count),
    };
    shown.reply("/api/api_keys", &request.query)
}

async fn detail(app: &App, request: &Request, key: &ApiKey) -> Result<ApiKeyDetail> {
    let now = request.call.now;
    Ok(ApiKeyDetail {
        key: key.shown(now),
        secrets: api_keys::secrets(&app.db, request.call.account(), &key.id, now).await?,
    })
}

async fn get(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let key = find(&app, &request).await?;
    let reply = Reply::json(200, &detail(&app, &request, &key).await?)?.with_etag();
    Ok(conditional(reply, request.if_none_match.as_deref()))
}

/// The answer with the secret, which is remembered without it.
fn once(
    status: u16,
    key: &ApiKey,
    secret: &ApiKeySecret,
    older: Vec<SecretUse>,
    request: &Request,
) -> Result<Reply> {
    let newest = SecretUse {
        last_four: key.last_four.clone(),
        created_at: request.call.now,
        expires_at: None,
        last_used_at: None,
        is_safe_to_retire: false,
    };
    let mut made = MadeApiKey {
        key: ApiKeyDetail {
            key: key.shown(request.call.now),
            secrets: std::iter::once(newest).chain(older).collect(),
        },
        // A dry run makes nothing, so it has no secret to tell.
        secret: (!request.call.dry_run).then(|| secret.expose().to_owned()),
    };
    let reply = Reply::json(status, &made)?;
    made.secret = None;
    let kept = serde_json::to_vec(&made).map_err(Error::internal)?;
    Ok(Reply {
        kept: Some(kept),
        ..reply
    })
}

async fn create(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let new: NewApiKey = request.body()?;
    write(&app, &request, || async {
        let (plan, (key, secret)) = api_keys::create(&app, &request.call, &new).await?;
        let reply = once(201, &key, &secret, Vec::new(), &request)?;
        Ok((
            plan,
            reply.header("location", format!("/api/api_keys/{}", key.id)),
        ))
    })
    .await
}

async fn update(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let patch: ApiKeyPatch = request.body()?;
    write(&app, &request, || async {
        let key = find(&app, &request).await?;
        let mut shown = detail(&app, &request, &key).await?;
        check_match(&shown, request.if_match.as_deref())?;
        let (plan, key) = api_keys::update(&app, &request.call, &key, &patch).await?;
        shown.key = key.shown(request.call.now);
        Ok((plan, Reply::json(200, &shown)?.with_etag()))
    })
    .await
}

async fn rotate(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    let input: RotateApiKey = request.body()?;
    write(&app, &request, || async {
        let key = find(&app, &request).await?;
        let (plan, (key, secret)) =
            api_keys::rotate(&app, &request.call, &key, input.overlap_seconds).await?;
        let (now, overlap) = (request.call.now, input.overlap_seconds);
        let ends = now.plus_seconds(overlap);
        let older = api_keys::secrets(&app.db, request.call.account(), &key.id, now).await?;
        let older = older
            .into_iter()
            .filter(|_| overlap > 0)
            .map(|one| SecretUse {
                expires_at: Some(one.expires_at.map_or(ends, |end| end.min(ends))),
                is_safe_to_retire: false,
                ..one
            });
        Ok((plan, once(200, &key, &secret, older.collect(), &request)?))
    })
    .await
}

async fn retire(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    write(&app, &request, || async {
        let key = find(&app, &request).await?;
        let (plan, key) = api_keys::retire(&request.call, &key)?;
        Ok((plan, Reply::json(200, &key.shown(request.call.now))?))
    })
    .await
}

async fn revoke(app: App, request: Request) -> Result<Reply> {
    request.no_query()?;
    write(&app, &request, || async {
        let key = find(&app, &request).await?;
        let (plan, key) = api_keys::revoke(&request.call, &key)?;
        Ok((plan, Reply::json(200, &key.shown(request.call.now))?))
    })
    .await
}
