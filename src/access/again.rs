//! The caller behind work that goes on after their request: who they are and what they may do now.
//!
//! A job keeps who asked for it, never what they could do then. A key that was revoked or has expired, a person who is
//! put aside or deactivated may do nothing more.

use super::authenticate::load;
use super::grants::require_rights;
use super::keys::KeyHash;
use super::rights::{self, Rights};
use super::{Actor, ActorKind, Caller};
use crate::app::App;
use crate::db::Select;
use crate::error::Result;
use crate::params;
use crate::types::AccountId;

/// The caller as they are now; none when they may not act any more. `name` is theirs of the moment they asked.
pub async fn caller(
    app: &App,
    account: &AccountId,
    kind: Option<&str>,
    id: Option<&str>,
    name: &str,
) -> Result<Option<Caller>> {
    match (kind.and_then(ActorKind::from_word), id) {
        (Some(ActorKind::ApiKey), Some(id)) => key(app, account, id).await,
        (Some(ActorKind::User), Some(id)) => person(app, account, id, name).await,
        (Some(ActorKind::System), _) => Ok(Some(Caller::system(account.clone(), name))),
        _ => Ok(None),
    }
}

async fn key(app: &App, account: &AccountId, id: &str) -> Result<Option<Caller>> {
    let now = app.clock.now();
    let secrets = Select::new(
        "SELECT secret_hash FROM api_key_secrets WHERE account_id = $1 AND key_id = $2 AND (expires_at IS NULL OR expires_at > $3) LIMIT 1",
        params![id.to_owned(), now],
    );
    let hash = app.db.first::<(String,)>(account, secrets).await?;
    let Some(hash) = hash.and_then(|(text,)| text.parse::<KeyHash>().ok()) else {
        return Ok(None);
    };
    let known = load(app, &hash).await?;
    Ok(known
        .filter(|known| known.is_live(now))
        .map(|known| (**known.caller()).clone()))
}

async fn person(app: &App, account: &AccountId, id: &str, name: &str) -> Result<Option<Caller>> {
    let there = Select::new(
        "SELECT id FROM users WHERE account_id = $1 AND id = $2 AND deleted_at IS NULL AND status <> 'deactivated'",
        params![id.to_owned()],
    );
    if app.db.first::<(String,)>(account, there).await?.is_none() {
        return Ok(None);
    }
    let actor = Actor {
        kind: ActorKind::User,
        id: Some(id.into()),
        name: name.into(),
    };
    let rights = Rights::of(&rights::of_person(&app.db, account, id).await?);
    Ok(Some(Caller::new(account.clone(), actor, rights, id.into())))
}

/// Whether a caller may do all that a person may, so that the person's link may be shown to them.
pub async fn may_act_as(app: &App, caller: &Caller, user: &str) -> Result<bool> {
    let theirs = rights::of_person(&app.db, &caller.account, user).await?;
    Ok(require_rights(caller, &Rights::of(&theirs)).is_ok())
}
