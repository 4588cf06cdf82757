//! The caller behind work that goes on after their request: who they are and what they may do now.
//!
//! A job keeps who asked for it, never what they could do then. A key that was revoked or has expired, a person who is
//! put aside or deactivated may do nothing more.

use super::authenticate::load;
use super::keys::KeyHash;
use super::roles::permissions_of;
use super::{Actor, ActorKind, Caller, Reach};
use crate::app::App;
use crate::db::{Batch, Select};
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
    let mut batch = Batch::new();
    let there = batch.add::<(String,)>(Select::new(
        "SELECT id FROM users WHERE account_id = $1 AND id = $2 AND deleted_at IS NULL AND status <> 'deactivated'",
        params![id.to_owned()],
    ));
    let roles = batch.add::<(String,)>(Select::new(
        "SELECT role FROM user_roles WHERE account_id = $1 AND user_id = $2",
        params![id.to_owned()],
    ));
    let mut rows = app.db.read(account, batch).await?;
    if rows.first(&there).is_none() {
        return Ok(None);
    }
    let roles: Vec<String> = rows.take(&roles).into_iter().map(|(role,)| role).collect();
    Ok(Some(Caller {
        account: account.clone(),
        actor: Actor {
            kind: ActorKind::User,
            id: Some(id.into()),
            name: name.into(),
        },
        permissions: permissions_of(&roles),
        reach: Reach::Account,
        lineage: id.into(),
    }))
}

/// Whether a caller may do all that a person may, so that the person's link may be shown to them.
pub async fn may_act_as(app: &App, caller: &Caller, user: &str) -> Result<bool> {
    let theirs = person(app, &caller.account, user, "").await?;
    Ok(theirs.is_some_and(|theirs| theirs.permissions.is_subset(&caller.permissions)))
}
