//! Who is in a team, and as what: people join, get another role, leave, and move to another team.
//!
//! Every path checks the same: the caller may write members there, holds what the role gives and what the present role
//! gives (nobody acts above their own role), and the last owner stays. A membership is one row, whose place in the
//! table's key closes the race of two who add the same person; a change and an end state the role they saw.

mod add;
mod change;
mod transfer;

use serde_json::json;

pub use add::{out_of_reach, plan_add};
pub use change::{plan_change, plan_remove};
pub use transfer::{MoveMember, MoveResult, plan_move};

use crate::access::grants::{Granted, permissions_of, require_grant_in};
use crate::access::owners::{self, OwnerSlot};
use crate::access::roles::{MemberRole, TeamRole};
use crate::access::{Call, Permission};
use crate::db::{Batch, Db, Select, Slot, Statement};
use crate::error::{Error, Result};
use crate::events::Event;
use crate::params;
use crate::resources::member::ManagedBy;
use crate::resources::{Team, User};
use crate::types::{Id, Timestamp};

/// A membership as it stands.
type Standing = (MemberRole, ManagedBy, Timestamp);

/// What is known of a person in a team.
struct Scene {
    standing: Option<Standing>,
    owners: Option<(i64, i64)>,
}

struct SceneSlots {
    standing: Slot<Standing>,
    owners: OwnerSlot,
}

fn ask(batch: &mut Batch, team: &Id<Team>, user: &Id<User>) -> SceneSlots {
    SceneSlots {
        standing: batch.add(Select::new(
            "SELECT role, managed_by, joined_at FROM team_members WHERE account_id = $1 AND team_id = $2 AND user_id = $3",
            params![*team, *user],
        )),
        owners: owners::ask_team(batch, team.as_str(), user.as_str()),
    }
}

async fn scene(db: &Db, call: &Call, team: &Id<Team>, user: &Id<User>) -> Result<Scene> {
    let mut batch = Batch::new();
    let slots = ask(&mut batch, team, user);
    let mut rows = db.read(call.account(), batch).await?;
    Ok(Scene {
        standing: rows.first(&slots.standing),
        owners: rows.first(&slots.owners),
    })
}

impl Scene {
    fn standing(&self) -> Result<&Standing> {
        self.standing
            .as_ref()
            .ok_or_else(|| Error::not_found("team_member"))
    }

    /// What goes with the loss of the role: an owner is missed.
    fn departure(&self, team: &Id<Team>, role: &MemberRole) -> Result<Option<Statement>> {
        if *role == TeamRole::Owner {
            owners::leave_team(team, self.owners).map(Some)
        } else {
            Ok(None)
        }
    }
}

/// Refuses to touch a membership whose role holds what the caller does not hold in the team.
async fn require_above(db: &Db, call: &Call, team: &Id<Team>, role: &MemberRole) -> Result<()> {
    call.caller
        .require_in(Permission::MembersWrite, team.as_str())?;
    let held = permissions_of(db, call.account(), role).await?;
    require_grant_in(&call.caller, team.as_str(), &held)
}

/// Refuses to give a role that holds what the caller does not hold in the team.
fn require_to_give(call: &Call, team: &Id<Team>, role: &Granted<TeamRole>) -> Result<()> {
    call.caller
        .require_in(Permission::MembersWrite, team.as_str())?;
    require_grant_in(&call.caller, team.as_str(), &role.permissions)
}

/// The row of a new membership.
fn insertion(
    team: &Id<Team>,
    user: &Id<User>,
    role: &MemberRole,
    managed_by: ManagedBy,
    now: Timestamp,
) -> Statement {
    Statement::new(
        "INSERT INTO team_members (account_id, team_id, user_id, role, managed_by, joined_at) VALUES ($1, $2, $3, $4, $5, $6)",
        params![*team, *user, *role, managed_by, now],
    )
}

/// The event of a membership that changed or ended.
fn event(verb: &str, team: &Id<Team>, user: &Id<User>, role: &MemberRole) -> Event {
    let data = json!({ "team_id": team, "user_id": user, "role": role });
    Event::new(format!("team_member.{verb}"), team, data)
        .team(team)
        .user(user)
}
