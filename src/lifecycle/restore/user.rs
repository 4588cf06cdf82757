//! The return of a person: memberships whose teams are there, and places as far as they are free.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{MembershipOutcome, RestoreOutcome, aside, check_age, memberships_back, taken};
use crate::access::{Call, Permission};
use crate::db::{Batch, Db, Select, Statement};
use crate::error::Result;
use crate::events::{Event, Plan};
use crate::params;
use crate::records;
use crate::resource::Resource;
use crate::resources::{Team, User};
use crate::seats::restore::{Departed, ReturnedPlace, bring_back, lost};
use crate::types::{Email, ExternalId, Id, Ids, Patch, Ref};

/// How a person comes back.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RestoreUser {
    /// Another address, where the old one has been taken meanwhile.
    pub email: Option<Email>,
    /// Another key of your own, or `null` for none, where the old one has been taken meanwhile.
    pub external_id: Patch<ExternalId>,
    /// Whether their places come back as far as they are free; true unless said.
    pub places: Option<bool>,
}

/// A membership that ended with the deletion, and what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ReturnedMembership {
    /// The team.
    pub team_id: Id<Team>,
    /// The person.
    pub user_id: Id<User>,
    /// The role in it.
    pub role: String,
    /// What becomes of it.
    pub outcome: MembershipOutcome,
}

/// A person who is back.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct RestoredUser {
    /// The person.
    pub user: User,
    /// Whether they were away.
    pub outcome: RestoreOutcome,
    /// Their memberships.
    pub memberships: Vec<ReturnedMembership>,
    /// Their places: which came back, which wait, which not and why.
    pub places: Vec<ReturnedPlace>,
}

/// Plans the return of a person.
pub async fn plan_restore_user(
    db: &Db,
    ids: &Ids,
    call: &Call,
    reference: &Ref<User>,
    input: &RestoreUser,
) -> Result<(Plan, RestoredUser)> {
    call.caller.require(Permission::UsersWrite)?;
    call.caller.require_account()?;
    let mut plan = Plan::new("user.restore");
    let Some(before) = db
        .first::<User>(call.account(), aside::<User>(reference))
        .await?
    else {
        let user = records::find::<User>(db, &call.caller, reference).await?;
        let there = RestoredUser {
            user,
            outcome: RestoreOutcome::AlreadyThere,
            memberships: Vec::new(),
            places: Vec::new(),
        };
        return Ok((plan, there));
    };
    let at = check_age(before.deleted_at, call.now)?;
    let mut after = User {
        email: input.email.clone().unwrap_or_else(|| before.email.clone()),
        deleted_at: None,
        updated_at: call.now,
        ..before.clone()
    };
    input.external_id.clone().apply(&mut after.external_id);
    let memberships = scene_of_user(db, call, &before, &after).await?;
    plan.write(Statement::update(&after, before.version));
    plan.write_all(after.companions(Some(&before)));
    plan.write_all(memberships_back(before.id.as_str(), "teams", "team_id"));
    plan.event(after.event("restored"));
    for one in memberships
        .iter()
        .filter(|one| one.outcome == MembershipOutcome::Restored)
    {
        let data = json!({ "team_id": one.team_id, "user_id": one.user_id, "role": one.role });
        plan.event(
            Event::new("team_member.added", &one.team_id, data)
                .team(&one.team_id)
                .user(&one.user_id),
        );
    }
    let departed = Departed::User(&before.id);
    let may_sit = input.places != Some(false)
        && after.status != crate::resources::user::UserStatus::Deactivated;
    let places = if may_sit {
        let lost = lost(db, call, departed, at).await?;
        bring_back(&mut plan, ids, call, departed, lost)?
    } else {
        Vec::new()
    };
    let restored = RestoredUser {
        user: after,
        outcome: RestoreOutcome::Restored,
        memberships,
        places,
    };
    Ok((plan, restored))
}

/// The person's memberships with what becomes of each; refuses where address or key are somebody else's now.
async fn scene_of_user(
    db: &Db,
    call: &Call,
    before: &User,
    after: &User,
) -> Result<Vec<ReturnedMembership>> {
    let mut batch = Batch::new();
    let by_address = batch.add::<(Id<User>,)>(Select::new(
        "SELECT id FROM users WHERE account_id = $1 AND email_key = $2 AND deleted_at IS NULL AND id <> $3",
        params![after.email.key(), before.id.clone()],
    ));
    let by_key = batch.add::<(Id<User>,)>(Select::new(
        "SELECT id FROM users WHERE account_id = $1 AND external_id = $2 AND deleted_at IS NULL AND id <> $3",
        params![after.external_id.clone(), before.id.clone()],
    ));
    let memberships = batch.add::<(Id<Team>, String, bool)>(Select::new(
        "SELECT f.team_id, f.role, t.deleted_at IS NULL FROM former_members f JOIN teams t ON t.account_id = $1 AND t.id = f.team_id \
         AND t.purged_at IS NULL WHERE f.account_id = $1 AND f.departed_id = $2 ORDER BY f.joined_at, f.team_id",
        params![before.id.clone()],
    ));
    let mut rows = db.read(call.account(), batch).await?;
    let id = &before.id;
    if let Some((other,)) = rows.first(&by_address) {
        let way_out = format!(
            "The address belongs to another person by now. Restore with another one in «email», change the other person's address first, or restore with another address and make one of both: POST /api/users/{other}/merge with «from»: «{id}»."
        );
        return Err(taken("email", other.as_str(), way_out));
    }
    if let Some((other,)) = rows.first(&by_key) {
        let way_out = "The external_id belongs to another person by now. Restore with another one in «external_id», or with null for none.";
        return Err(taken("external_id", other.as_str(), way_out.to_owned()));
    }
    let rows = rows.take(&memberships).into_iter();
    Ok(rows
        .map(|(team_id, role, is_there)| ReturnedMembership {
            team_id,
            user_id: before.id.clone(),
            role,
            outcome: if is_there {
                MembershipOutcome::Restored
            } else {
                MembershipOutcome::Waits
            },
        })
        .collect())
}
