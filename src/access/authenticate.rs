//! From the Authorization header to a caller: API keys.
//!
//! A mistyped key is refused by its check digits without a look-up. A good one is looked up by the HMAC of its text and
//! kept for less than a second, so that a key revoked on one node is dead on every other within that second.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use moka::future::Cache;

use super::api_keys::{ApiKey, Network};
use super::keys::{ApiKeySecret, KeyHash};
use super::rights::{self, Rights};
use super::{Actor, ActorKind, Caller};
use crate::app::App;
use crate::db::{Batch, Column as _, Select, Statement};
use crate::error::{Code, Error, Result};
use crate::params;
use crate::types::{AccountId, Timestamp};

/// How long a key is believed without asking the database again.
const BELIEVED: Duration = Duration::from_millis(800);

/// A key as it was a moment ago.
pub struct KnownKey {
    caller: Arc<Caller>,
    key_id: String,
    expires_at: Option<Timestamp>,
    revoked: bool,
    allowed: Vec<Network>,
    /// The account's limit of requests in a minute.
    pub account_limit: i64,
    /// The key's own limit, when it has one.
    pub key_limit: Option<i64>,
    secret_hash: String,
    last_noted: AtomicI64,
}

impl KnownKey {
    /// Who calls with it.
    pub const fn caller(&self) -> &Arc<Caller> {
        &self.caller
    }

    /// Whether it may be used at a moment.
    pub(super) fn is_live(&self, now: Timestamp) -> bool {
        !self.revoked && self.expires_at.is_none_or(|end| end > now)
    }
}

/// Keys seen lately, by hash. `None`: no such key.
pub struct KeyCache(Cache<KeyHash, Option<Arc<KnownKey>>>);

impl KeyCache {
    /// An empty one.
    pub fn new() -> Self {
        Self(
            Cache::builder()
                .max_capacity(100_000)
                .time_to_live(BELIEVED)
                .build(),
        )
    }
}

impl Default for KeyCache {
    fn default() -> Self {
        Self::new()
    }
}

/// The key behind `Authorization: Bearer …`, if it may be used now and from `address`.
pub async fn authenticate(
    app: &App,
    header: Option<&str>,
    address: Option<IpAddr>,
    now: Timestamp,
) -> Result<Arc<KnownKey>> {
    let header = header.ok_or_else(|| {
        Error::new(Code::KeyMissing, "Send your API key as the header «Authorization: Bearer b2b_live_…». Keys are made in Settings > API.")
    })?;
    let text = match header.split_once(' ') {
        Some((scheme, text)) if scheme.eq_ignore_ascii_case("bearer") => text.trim(),
        _ => {
            return Err(Error::new(
                Code::KeyMalformed,
                "The Authorization header must read «Bearer», a space and the API key.",
            ));
        }
    };
    let secret = ApiKeySecret::parse(text).map_err(|fault| {
        Error::new(
            Code::KeyMalformed,
            format!("The API key is mistyped: {fault}."),
        )
    })?;
    let hash = secret.hash(&app.keys.pepper);
    let load = async { load(app, &hash).await.map(|known| known.map(Arc::new)) };
    let known = app
        .key_cache
        .0
        .try_get_with(hash, load)
        .await
        .map_err(|error| unavailable(&error))?;
    let known = known.ok_or_else(|| {
        Error::new(
            Code::KeyUnknown,
            "No such API key exists here. Was it made in another account or installation?",
        )
    })?;
    if known.revoked {
        return Err(Error::new(
            Code::KeyRevoked,
            "This API key has been revoked. Make a new one in Settings > API.",
        ));
    }
    if known.expires_at.is_some_and(|end| end <= now) {
        return Err(Error::new(
            Code::KeyExpired,
            "This API key has expired. Make a new one in Settings > API.",
        ));
    }
    if !known.allowed.is_empty()
        && !address.is_some_and(|address| known.allowed.iter().any(|net| net.holds(address)))
    {
        return Err(Error::new(
            Code::IpNotAllowed,
            "This API key may be used from listed addresses only, and the request came from another.",
        ));
    }
    Ok(known)
}

fn unavailable(error: &Arc<Error>) -> Error {
    match error.code() {
        Code::Unavailable => {
            Error::new(Code::Unavailable, error.detail().to_owned()).retry_after(2)
        }
        _ => Error::internal(error.to_string()),
    }
}

/// Reads the key behind a secret's hash from the database.
pub(super) async fn load(app: &App, hash: &KeyHash) -> Result<Option<KnownKey>> {
    let secret = Select::new(
        "SELECT account_id, key_id, expires_at, last_used_at FROM api_key_secrets WHERE secret_hash = $2",
        params![hash.to_string()],
    );
    let Some((account, key_id, secret_ends, secret_used)) = app
        .db
        .fetch_global::<(AccountId, String, Option<Timestamp>, Option<Timestamp>)>(secret)
        .await?
        .into_iter()
        .next()
    else {
        return Ok(None);
    };
    let mut batch = Batch::new();
    let key = batch.add::<ApiKey>(Select::rows::<ApiKey>(
        "WHERE account_id = $1 AND id = $2",
        params![key_id],
    ));
    let creator = rights::ask(
        &mut batch,
        "(SELECT k.created_by FROM api_keys k WHERE k.account_id = $1 AND k.id = $2)",
        &[key_id.value()],
    );
    let limit = batch.add::<(Option<i64>,)>(Select::new(
        "SELECT requests_per_minute FROM accounts WHERE account_id = $1",
        vec![],
    ));
    let mut rows = app.db.read(&account, batch).await?;
    let Some(key) = rows.first(&key) else {
        return Ok(None);
    };
    let scopes = key.scopes.iter().collect();
    let wanted = if key.is_limited() {
        let places = app
            .db
            .fetch::<(String,)>(&account, reach_of_key(&key))
            .await?;
        Rights::limited(&scopes, places.into_iter().map(|(id,)| id))
    } else {
        Rights::in_account(scopes)
    };
    // A key never grants more than its creator may do now; a key made on the operator's command line has no creator.
    let rights = if key.created_by.is_some() {
        wanted.within(&Rights::of(&creator.take(&mut rows)))
    } else {
        wanted
    };
    let actor = Actor {
        kind: ActorKind::ApiKey,
        id: Some(key_id.as_str().into()),
        name: key.name.as_str().into(),
    };
    let account_limit = rows.first(&limit).and_then(|(limit,)| limit);
    Ok(Some(KnownKey {
        caller: Arc::new(Caller::new(account, actor, rights, key_id.as_str().into())),
        expires_at: [secret_ends, key.expires_at].into_iter().flatten().min(),
        revoked: key.revoked_at.is_some(),
        allowed: key.allowed_addresses.0,
        account_limit: account_limit
            .unwrap_or_else(|| i64::from(app.config.limits.requests_per_minute)),
        key_limit: key.requests_per_minute,
        last_noted: AtomicI64::new(secret_used.map_or(0, Timestamp::micros)),
        secret_hash: hash.to_string(),
        key_id,
    }))
}

/// The teams and organizations a limited key reaches: the teams it names, the organizations it names with those below
/// them, and their teams.
fn reach_of_key(key: &ApiKey) -> Select {
    let below = "FROM organizations top JOIN organizations o ON o.account_id = $1 AND o.path >= top.path AND o.path < top.path || '~'";
    let named = "top.account_id = $1 AND top.id IN (SELECT value FROM JSON_LIST($3) AS l)";
    Select::new(
        format!(
            "SELECT id FROM teams WHERE account_id = $1 AND id IN (SELECT value FROM JSON_LIST($2) AS l) AND deleted_at IS NULL \
             UNION SELECT o.id {below} WHERE {named} \
             UNION SELECT t.id {below} JOIN teams t ON t.account_id = $1 AND t.organization_id = o.id AND t.deleted_at IS NULL \
             WHERE {named}"
        ),
        params![key.team_ids, key.organization_ids],
    )
}

/// Notes when, from where and with what program a key was used, at most once a minute, outside the request.
pub fn note_use(
    app: &App,
    known: &Arc<KnownKey>,
    address: Option<IpAddr>,
    agent: Option<&str>,
    now: Timestamp,
) {
    let before = known.last_noted.load(Ordering::Relaxed);
    if now.micros() - before < 60_000_000
        || known
            .last_noted
            .compare_exchange(before, now.micros(), Ordering::Relaxed, Ordering::Relaxed)
            .is_err()
    {
        return;
    }
    let of_key = Statement::new(
        "UPDATE api_keys SET last_used_at = $2, last_used_address = $3, last_used_agent = $4 WHERE account_id = $1 AND id = $5",
        params![
            now,
            address.map(|a| a.to_string()),
            agent.map(|a| a.chars().take(200).collect::<String>()),
            known.key_id
        ],
    );
    let of_secret = Statement::new(
        "UPDATE api_key_secrets SET last_used_at = $2 WHERE account_id = $1 AND secret_hash = $3",
        params![now, known.secret_hash],
    );
    let (db, account) = (app.db.clone(), known.caller.account.clone());
    crate::tasks::spawn(async move {
        if let Err(error) = db.write(&account, vec![of_key, of_secret]).await {
            tracing::debug!(%error, "the last use of a key was not noted");
        }
    });
}
