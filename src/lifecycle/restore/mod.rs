//! Bringing back what was put aside: the record, its memberships, and its places and domains as far as they are free.
//!
//! Name, address and external id were free meanwhile: whoever has taken them keeps them, and the restore asks for others.
//! A membership whose other side is put aside too waits for that one's restore.

mod team;
mod user;

use schemars::JsonSchema;
use serde::Serialize;

use super::RESTORABLE_DAYS;
use crate::db::{Select, Statement};
use crate::error::{Code, Error, Result};
use crate::params;
use crate::resource::Record;
use crate::resources::User;
use crate::types::{Email, Id, Ref, Timestamp};

pub use team::{DomainOutcome, RestoreTeam, RestoredTeam, ReturnedDomain, plan_restore_team};
pub use user::{RestoreUser, RestoredUser, ReturnedMembership, plan_restore_user};

crate::words! {
    /// What became of a restore.
    pub enum RestoreOutcome {
        /// It is back.
        Restored = "restored",
        /// It was there already; nothing has changed.
        AlreadyThere = "already_there",
    }
}

crate::words! {
    /// What becomes of a membership.
    pub enum MembershipOutcome {
        /// It stands again.
        Restored = "restored",
        /// It comes back when the other side is restored.
        Waits = "waits",
    }
}

/// A record that was put aside, by id or key; of several with one key the one put aside last.
pub fn aside<R: Record>(reference: &Ref<R>) -> Select {
    let (column, value) = match reference {
        Ref::Id(id) => ("id", id.to_string()),
        Ref::External(key) => ("external_id", key.to_string()),
        Ref::Email(email) => ("email_key", email.key()),
    };
    Select::rows::<R>(
        &format!(
            "WHERE account_id = $1 AND {column} = $2 AND deleted_at IS NOT NULL AND purged_at IS NULL ORDER BY deleted_at DESC LIMIT 1"
        ),
        params![value],
    )
}

/// Somebody with the same address who was put aside.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct PutAside {
    /// Their id.
    pub id: Id<User>,
    /// Since when.
    pub deleted_at: Option<Timestamp>,
    /// What brings the old one back instead.
    pub hint: String,
}

impl PutAside {
    /// The old one, told to whoever has just made the new one.
    pub fn of(old: User, new: &Id<User>) -> Self {
        Self {
            hint: format!(
                "To have the old one back: DELETE /api/users/{new}, then POST /api/users/{}/restore.",
                old.id
            ),
            id: old.id,
            deleted_at: old.deleted_at,
        }
    }
}

/// Somebody with this address who was put aside, for those who make a new person of it.
pub fn aside_with_address(email: &Email) -> Select {
    aside::<User>(&Ref::Email(email.clone()))
}

/// Refuses what was put aside longer ago than it can be restored.
fn check_age(deleted_at: Option<Timestamp>, now: Timestamp) -> Result<Timestamp> {
    let at = deleted_at.ok_or_else(|| Error::internal("a record aside has no time of deletion"))?;
    if at.plus_days(RESTORABLE_DAYS) > now {
        return Ok(at);
    }
    Err(Error::new(
        Code::StateConflict,
        format!(
            "It was put aside more than {RESTORABLE_DAYS} days ago and cannot be restored any more. Make a new one."
        ),
    ))
}

fn taken(member: &'static str, who: &str, way_out: String) -> Error {
    Error::new(Code::AlreadyExists, way_out)
        .with("member", member)
        .with("taken_by", who)
}

/// The role of a membership that comes back: a role of the account's own may be gone meanwhile.
const ROLE: &str = "CASE WHEN f.role LIKE 'role\\_%' ESCAPE '\\' AND NOT EXISTS \
                    (SELECT 1 FROM custom_roles r WHERE r.account_id = $1 AND r.id = f.role) THEN 'member' ELSE f.role END";

/// Memberships of `departed` that come back: those whose other side is there.
fn memberships_back(departed: &str, other: &'static str, key: &'static str) -> [Statement; 3] {
    let is_there = |wanted: &str| {
        format!(
            "EXISTS (SELECT 1 FROM {other} o WHERE o.account_id = $1 AND o.id = f.{key} AND o.deleted_at IS {wanted})"
        )
    };
    [
        Statement::new(
            format!(
                "INSERT INTO team_members (account_id, team_id, user_id, role, managed_by, joined_at) \
                 SELECT f.account_id, f.team_id, f.user_id, {ROLE}, f.managed_by, f.joined_at FROM former_members f \
                 WHERE f.account_id = $1 AND f.departed_id = $2 AND {} ON CONFLICT (account_id, team_id, user_id) DO NOTHING",
                is_there("NULL")
            ),
            params![departed.to_owned()],
        ),
        // The others are handed to that side, whose restore brings them back.
        Statement::new(
            format!(
                "INSERT INTO former_members (account_id, departed_id, team_id, user_id, role, managed_by, joined_at) \
                 SELECT f.account_id, f.{key}, f.team_id, f.user_id, f.role, f.managed_by, f.joined_at FROM former_members f \
                 WHERE f.account_id = $1 AND f.departed_id = $2 AND {} ON CONFLICT (account_id, departed_id, team_id, user_id) DO NOTHING",
                is_there("NOT NULL")
            ),
            params![departed.to_owned()],
        ),
        Statement::new(
            "DELETE FROM former_members WHERE account_id = $1 AND departed_id = $2",
            params![departed.to_owned()],
        ),
    ]
}
