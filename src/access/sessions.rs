//! Sessions of the dashboard: a row here, a secret in a cookie there.
//!
//! The cookie holds the account, the session and 32 bytes of chance; stored is only an HMAC of them, so a copy of the
//! database opens no session. A session ends 30 days after it began, and for people with a role in the whole account
//! also 12 hours after its last use. It is read anew at every request, so a role taken away is gone at once.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::Mac as _;
use serde_json::json;

use super::links::suffix;
use super::rights::{self, Rights};
use super::{Actor, ActorKind, Call, Caller, signed};
use crate::app::App;
use crate::commit::commit;
use crate::db::{Batch, Column as _, Select, Statement};
use crate::error::Result;
use crate::events::{Event, Plan};
use crate::params;
use crate::types::{AccountId, Id, Kind, Secret, Timestamp};

/// A session of the dashboard.
pub enum SessionKind {}

impl Kind for SessionKind {
    const PREFIX: &'static str = "session";
}

/// The id of a session.
pub type SessionId = Id<SessionKind>;

/// A session ends so many seconds after it began: 30 days.
pub const LIFETIME: i64 = 30 * 86_400;
/// With a role in the whole account, also so many seconds after its last use: 12 hours.
pub const IDLE: i64 = 12 * 3600;
/// Its last use is noted once in so many seconds.
const NOTED_EVERY: i64 = 60;
/// Longest cookie value that is looked at.
const COOKIE_MAX: usize = 200;
/// Longest name of a browser that is kept.
const AGENT_MAX: usize = 200;

/// Where a sign-in comes from.
#[derive(Debug, Clone)]
pub struct Origin {
    /// The network address.
    pub address: Option<Arc<str>>,
    /// The browser's name for itself.
    pub agent: Option<Arc<str>>,
    /// The id of the request.
    pub request_id: Arc<str>,
}

/// A session that has just begun.
#[derive(Debug, Clone)]
pub struct Started {
    /// Its id.
    pub id: SessionId,
    /// Its account.
    pub account: AccountId,
    /// Its person.
    pub user_id: String,
    /// The cookie's value, for [`super::cookies::set_cookie`]; shown nowhere else.
    pub cookie: Secret<String>,
}

/// The person of a session.
#[derive(Debug, Clone)]
pub struct SessionUser {
    /// Their id.
    pub id: String,
    /// Their address.
    pub email: String,
    /// Their name; the address where none is known.
    pub name: String,
    /// Their language, if they chose one.
    pub locale: Option<String>,
    /// Their time zone, if they chose one.
    pub timezone: Option<String>,
}

/// A session at the time of a request.
#[derive(Debug, Clone)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// The account.
    pub account: AccountId,
    /// The account's name.
    pub account_name: String,
    /// The account's language.
    pub account_locale: String,
    /// The account's time zone.
    pub account_timezone: String,
    /// The person.
    pub user: SessionUser,
    /// Whether they hold a role in the whole account; else they are a team's owner or manager, or learn.
    pub is_staff: bool,
    /// Who calls, for everything this request does.
    pub caller: Arc<Caller>,
}

impl Session {
    /// A call of this session's person.
    pub fn call(&self, request_id: Arc<str>, address: Option<Arc<str>>, now: Timestamp) -> Call {
        Call {
            caller: Arc::clone(&self.caller),
            now,
            request_id,
            address,
            dry_run: false,
        }
    }

    /// Whether the person may see more than their own courses: those with a role in the whole account. The rooms of a
    /// team's own managers are not built, and the rooms that are show more than one team.
    pub const fn has_dashboard(&self) -> bool {
        self.is_staff
    }
}

fn hash(app: &App, id: &SessionId, secret: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(
        signed::mac_of(&app.keys.session, &[id.as_str().as_bytes(), secret])
            .finalize()
            .into_bytes(),
    )
}

/// A new session for a person: what to tell the browser, and the row.
pub fn start(
    app: &App,
    account: &AccountId,
    user_id: &str,
    from: &Origin,
    now: Timestamp,
) -> (Started, Statement) {
    let id: SessionId = app.ids.next(now);
    let mut secret = [0_u8; 32];
    app.ids.fill(&mut secret);
    let cookie = format!(
        "{}.{}.{}",
        suffix(account.as_str()),
        suffix(id.as_str()),
        URL_SAFE_NO_PAD.encode(secret)
    );
    let agent = from.agent.as_deref().map(|agent| {
        agent
            .chars()
            .filter(|c| !c.is_control())
            .take(AGENT_MAX)
            .collect::<String>()
    });
    let statement = Statement::new(
        "INSERT INTO sessions (account_id, id, user_id, secret_hash, address, agent, created_at, last_seen_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8)",
        params![
            id,
            user_id.to_owned(),
            hash(app, &id, &secret),
            from.address.as_deref().map(str::to_owned),
            agent,
            now,
            now.plus_seconds(LIFETIME)
        ],
    );
    (
        Started {
            id,
            account: account.clone(),
            user_id: user_id.to_owned(),
            cookie: Secret::new(cookie),
        },
        statement,
    )
}

fn read_cookie(cookie: &str) -> Option<(AccountId, SessionId, Vec<u8>)> {
    if cookie.len() > COOKIE_MAX {
        return None;
    }
    let mut parts = cookie.split('.');
    let (account, id, secret) = (parts.next()?, parts.next()?, parts.next()?);
    let secret = URL_SAFE_NO_PAD
        .decode(secret)
        .ok()
        .filter(|secret| secret.len() == 32)?;
    if parts.next().is_some() {
        return None;
    }
    Some((
        AccountId::parse(&format!("account_{account}"))?,
        SessionId::parse(&format!("session_{id}"))?,
        secret,
    ))
}

/// A session's row with its person and account.
struct Found {
    secret_hash: String,
    last_seen_at: Timestamp,
    expires_at: Timestamp,
    user: SessionUser,
    account_name: String,
    account_locale: String,
    account_timezone: String,
}

impl crate::db::FromRow for Found {
    fn from_row(reader: &mut crate::db::Reader<'_>) -> Result<Self, crate::db::DbError> {
        use crate::db::Column;
        Ok(Self {
            secret_hash: Column::read(reader)?,
            last_seen_at: Column::read(reader)?,
            expires_at: Column::read(reader)?,
            user: SessionUser {
                id: Column::read(reader)?,
                email: Column::read(reader)?,
                name: Column::read(reader)?,
                locale: Column::read(reader)?,
                timezone: Column::read(reader)?,
            },
            account_name: Column::read(reader)?,
            account_locale: Column::read(reader)?,
            account_timezone: Column::read(reader)?,
        })
    }
}

/// The session of a cookie, if it is good now: one round trip. Its use is noted once a minute, outside the request.
pub async fn resume(app: &App, cookie: &str, now: Timestamp) -> Result<Option<Session>> {
    let Some((account, id, secret)) = read_cookie(cookie) else {
        return Ok(None);
    };
    let mut batch = Batch::new();
    let found = batch.add::<Found>(Select::new(
        "SELECT s.secret_hash, s.last_seen_at, s.expires_at, u.id, u.email, coalesce(u.name, u.email), u.locale, u.timezone, a.name, a.locale, a.timezone \
         FROM sessions s JOIN users u ON u.account_id = $1 AND u.id = s.user_id JOIN accounts a ON a.account_id = $1 \
         WHERE s.account_id = $1 AND s.id = $2 AND u.deleted_at IS NULL AND u.status <> 'deactivated'",
        params![id],
    ));
    let roles = rights::ask(
        &mut batch,
        "(SELECT s.user_id FROM sessions s WHERE s.account_id = $1 AND s.id = $2)",
        &[id.value()],
    );
    let mut rows = app.db.read(&account, batch).await?;
    let Some(found) = rows.first(&found) else {
        return Ok(None);
    };
    let stored = URL_SAFE_NO_PAD
        .decode(&found.secret_hash)
        .unwrap_or_default();
    if signed::mac_of(&app.keys.session, &[id.as_str().as_bytes(), &secret])
        .verify_slice(&stored)
        .is_err()
    {
        return Ok(None);
    }
    let rights = Rights::of(&roles.take(&mut rows));
    let is_staff = !rights.account().is_empty();
    if found.expires_at <= now || (is_staff && found.last_seen_at.plus_seconds(IDLE) <= now) {
        return Ok(None);
    }
    if found.last_seen_at.plus_seconds(NOTED_EVERY) <= now {
        note_use(app, &account, &id, &found.user.id, now);
    }
    let actor = Actor {
        kind: ActorKind::User,
        id: Some(found.user.id.as_str().into()),
        name: found.user.name.as_str().into(),
    };
    let lineage = found.user.id.as_str().into();
    let caller = Caller::new(account.clone(), actor, rights, lineage);
    Ok(Some(Session {
        id,
        account,
        account_name: found.account_name,
        account_locale: found.account_locale,
        account_timezone: found.account_timezone,
        user: found.user,
        is_staff,
        caller: Arc::new(caller),
    }))
}

fn note_use(app: &App, account: &AccountId, id: &SessionId, user_id: &str, now: Timestamp) {
    let list = vec![
        Statement::new(
            "UPDATE sessions SET last_seen_at = $2 WHERE account_id = $1 AND id = $3 AND last_seen_at < $2",
            params![now, *id],
        ),
        Statement::new(
            "UPDATE users SET last_seen_at = $2 WHERE account_id = $1 AND id = $3",
            params![now, user_id.to_owned()],
        ),
    ];
    let (db, account) = (app.db.clone(), account.clone());
    crate::tasks::spawn(async move {
        if let Err(error) = db.write(&account, list).await {
            tracing::debug!(%error, "the last use of a session was not noted");
        }
    });
}

/// Ends a session: signing out. Ending it twice is no fault.
pub async fn end(app: &App, session: &Session, call: &Call) -> Result<()> {
    let plan = || async {
        let mut plan = Plan::new("session.end");
        plan.write(Statement::new(
            "DELETE FROM sessions WHERE account_id = $1 AND id = $2",
            params![session.id],
        ));
        let user = &session.user.id;
        plan.event(
            Event::new(
                "user.signed_out",
                user,
                json!({ "user": user, "session": session.id }),
            )
            .user(user),
        );
        Ok((plan, ()))
    };
    commit(&app.db, &app.ids, call, plan).await.map(|_| ())
}

/// Ends all sessions of a person, or all but one, as when they are deactivated or their password changes.
pub fn end_all_of(user_id: &str, except: Option<&SessionId>) -> Statement {
    Statement::new(
        "DELETE FROM sessions WHERE account_id = $1 AND user_id = $2 AND id <> $3",
        params![
            user_id.to_owned(),
            except.map_or_else(String::new, ToString::to_string)
        ],
    )
}
