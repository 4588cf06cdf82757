//! Single-use sign-in links: in the welcome mail, asked for on the sign-in page, or copied by who may.
//!
//! The address in a link is signed with a key derived from the master key, so nothing that is stored can be used by who
//! reads it, and a link can be shown again as long as it is good. Looking at a link changes nothing (mail scanners open
//! every link); only confirming on its page uses it up, in the same list of writes that begins the session.

use serde_json::json;

use super::rights::Rights;
use super::sessions::{self, Origin, Started};
use super::{Actor, ActorKind, Call, Caller, Reach, signed};
use crate::app::App;
use crate::commit::commit;
use crate::db::{Select, Statement};
use crate::error::{Code, Error, Result};
use crate::events::{Event, Plan};
use crate::params;
use crate::types::{AccountId, Id, Ids, Kind, Timestamp};

/// A sign-in link.
pub enum LinkKind {}

impl Kind for LinkKind {
    const PREFIX: &'static str = "link";
}

/// The id of a sign-in link.
pub type LinkId = Id<LinkKind>;

crate::words! {
    /// What a link is for.
    pub enum LinkPurpose {
        /// The first sign-in, from the welcome mail: 7 days.
        Welcome = "welcome",
        /// A sign-in that somebody asked for: 1 hour.
        SignIn = "sign_in",
        /// Choosing a new password: 1 hour.
        SetPassword = "set_password",
    }
}

impl LinkPurpose {
    /// How many seconds a link is good for.
    pub const fn seconds(self) -> i64 {
        match self {
            Self::Welcome => 7 * 86_400,
            Self::SignIn | Self::SetPassword => 3600,
        }
    }
}

/// Part of every signature.
const PURPOSE: &str = "sign-in-link";

/// A link that may be used.
#[derive(Debug, Clone)]
pub struct ValidLink {
    /// Its id.
    pub id: LinkId,
    /// The account it leads into.
    pub account: AccountId,
    /// That account's name.
    pub account_name: String,
    /// What it is for.
    pub purpose: LinkPurpose,
    /// The person it signs in.
    pub user_id: String,
    /// Their address.
    pub email: String,
    /// Their name; the address where none is known.
    pub name: String,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// What a token turns out to be.
#[derive(Debug, Clone)]
pub enum LinkState {
    /// It may be used, once.
    Valid(Box<ValidLink>),
    /// It has been used.
    Used,
    /// Its time is over, or a newer one has taken its place.
    Expired,
    /// It is none of ours, or its person is not here any more.
    Invalid,
}

/// The writes of a new link for a person, which end their older unused links of the same purpose.
///
/// One list of writes makes at most one link of a purpose for a person.
pub fn new_link(
    ids: &Ids,
    now: Timestamp,
    user_id: &str,
    purpose: LinkPurpose,
) -> (LinkId, [Statement; 2]) {
    let id: LinkId = ids.next(now);
    let end_older = Statement::new(
        "UPDATE sign_in_links SET expires_at = $2 WHERE account_id = $1 AND user_id = $3 AND purpose = $4 AND used_at IS NULL AND expires_at > $2 AND id <> $5",
        params![now, user_id.to_owned(), purpose, id],
    );
    let insert = Statement::new(
        "INSERT INTO sign_in_links (account_id, id, user_id, purpose, expires_at, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
        params![
            id,
            user_id.to_owned(),
            purpose,
            now.plus_seconds(purpose.seconds()),
            now
        ],
    );
    (id, [end_older, insert])
}

/// Ends every unused link of a person, as when their password changes.
pub fn end_all_of(user_id: &str, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE sign_in_links SET expires_at = $2 WHERE account_id = $1 AND user_id = $3 AND used_at IS NULL AND expires_at > $2",
        params![now, user_id.to_owned()],
    )
}

/// What stands after the prefix of an id.
pub(super) fn suffix(id: &str) -> &str {
    id.rsplit_once('_').map_or(id, |(_, suffix)| suffix)
}

/// The address of a link. It is a secret of its reader's: whoever opens it may sign in.
pub fn url(app: &App, account: &AccountId, link_id: &str) -> String {
    let payload = format!("{}.{}", suffix(account.as_str()), suffix(link_id));
    format!(
        "{}/sign-in/link/{}",
        app.config.server.origin(),
        signed::sign(&app.keys.link, PURPOSE, &payload)
    )
}

fn read_token(app: &App, token: &str) -> Option<(AccountId, LinkId)> {
    let payload = signed::open(&app.keys.link, PURPOSE, token)?;
    let (account, link) = payload.split_once('.')?;
    Some((
        AccountId::parse(&format!("account_{account}"))?,
        LinkId::parse(&format!("link_{link}"))?,
    ))
}

/// Looks at a token without using it up.
pub async fn look(app: &App, token: &str, now: Timestamp) -> Result<LinkState> {
    let Some((account, id)) = read_token(app, token) else {
        return Ok(LinkState::Invalid);
    };
    let select = Select::new(
        "SELECT l.purpose, l.expires_at, l.used_at, l.user_id, u.email, coalesce(u.name, u.email), a.name FROM sign_in_links l \
         JOIN users u ON u.account_id = $1 AND u.id = l.user_id JOIN accounts a ON a.account_id = $1 \
         WHERE l.account_id = $1 AND l.id = $2 AND u.deleted_at IS NULL AND u.status <> 'deactivated'",
        params![id],
    );
    let found = app
        .db
        .first::<(
            LinkPurpose,
            Timestamp,
            Option<Timestamp>,
            String,
            String,
            String,
            String,
        )>(&account, select)
        .await?;
    let Some((purpose, expires_at, used_at, user_id, email, name, account_name)) = found else {
        return Ok(LinkState::Invalid);
    };
    if used_at.is_some() {
        return Ok(LinkState::Used);
    }
    if expires_at <= now {
        return Ok(LinkState::Expired);
    }
    Ok(LinkState::Valid(Box::new(ValidLink {
        id,
        account,
        account_name,
        purpose,
        user_id,
        email,
        name,
        expires_at,
    })))
}

/// Uses a link up and begins a session. Of many who try at once, one succeeds; the others get `sign_in_failed`.
pub async fn consume(app: &App, token: &str, from: &Origin, now: Timestamp) -> Result<Started> {
    let link = match look(app, token, now).await? {
        LinkState::Valid(link) => link,
        LinkState::Used => {
            return Err(Error::new(
                Code::SignInFailed,
                "This link has been used already. Ask for a new one on the sign-in page.",
            ));
        }
        LinkState::Expired => {
            return Err(Error::new(
                Code::SignInFailed,
                "This link has ended. Ask for a new one on the sign-in page.",
            ));
        }
        LinkState::Invalid => {
            return Err(Error::new(
                Code::SignInFailed,
                "This link is not complete. Copy the whole of it, or ask for a new one on the sign-in page.",
            ));
        }
    };
    let call = call_of(&link.account, &link.user_id, &link.name, from, now);
    let used = Statement::guarded(
        "UPDATE sign_in_links SET used_at = $2 WHERE account_id = $1 AND id = $3 AND used_at IS NULL AND expires_at > $2",
        params![now, link.id],
    );
    let plan = || async {
        if !matches!(look(app, token, now).await?, LinkState::Valid(_)) {
            return Err(Error::new(
                Code::SignInFailed,
                "This link has been used already. Ask for a new one on the sign-in page.",
            ));
        }
        let mut plan = Plan::new("session.start");
        plan.write(used.clone());
        let started = begin(
            app,
            &mut plan,
            &link.account,
            &link.user_id,
            "link",
            from,
            now,
        );
        Ok((plan, started))
    };
    Ok(commit(&app.db, &app.ids, &call, plan).await?.value)
}

/// A person's own call, before or while they sign in.
pub fn call_of(
    account: &AccountId,
    user_id: &str,
    name: &str,
    from: &Origin,
    now: Timestamp,
) -> Call {
    Call {
        caller: std::sync::Arc::new(Caller {
            reach: Reach::Account,
            ..Caller::new(
                account.clone(),
                Actor {
                    kind: ActorKind::User,
                    id: Some(user_id.into()),
                    name: name.into(),
                },
                Rights::default(),
                user_id.into(),
            )
        }),
        now,
        request_id: from.request_id.clone(),
        address: from.address.clone(),
        dry_run: false,
    }
}

/// Adds a new session, the first activity of an invited person and the event to a plan.
pub(super) fn begin(
    app: &App,
    plan: &mut Plan,
    account: &AccountId,
    user_id: &str,
    method: &str,
    from: &Origin,
    now: Timestamp,
) -> Started {
    let (started, insert) = sessions::start(app, account, user_id, from, now);
    plan.write(insert);
    plan.write(Statement::new(
        "UPDATE users SET last_seen_at = $2, version = CASE WHEN status = 'invited' THEN version + 1 ELSE version END, \
         updated_at = CASE WHEN status = 'invited' THEN $2 ELSE updated_at END, \
         status = CASE WHEN status = 'invited' THEN 'active' ELSE status END WHERE account_id = $1 AND id = $3",
        params![now, user_id.to_owned()],
    ));
    plan.event(
        Event::new(
            "user.signed_in",
            user_id,
            json!({ "user": user_id, "method": method, "session": started.id }),
        )
        .user(user_id),
    );
    started
}
