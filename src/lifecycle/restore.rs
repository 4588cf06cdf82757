//! Bringing back what was put aside: the record, its memberships, and its places as far as they are free.
//!
//! Name, address and external id were free meanwhile: whoever has taken them keeps them, and the restore asks for others.
//! A membership whose other side is put aside too waits for that one's restore.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::RESTORABLE_DAYS;
use crate::access::{Call, Permission};
use crate::db::{Batch, Db, Select, Statement};
use crate::error::{Code, Error, Result};
use crate::events::{Event, Plan};
use crate::params;
use crate::records;
use crate::resource::{Record, Resource};
use crate::resources::{Team, User};
use crate::seats::restore::{Departed, ReturnedPlace, bring_back, lost};
use crate::types::{Email, ExternalId, Id, Ids, Name, Patch, Ref, Timestamp};

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

/// How a team comes back.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RestoreTeam {
    /// Another name, where the old one has been taken meanwhile.
    pub name: Option<Name>,
    /// Another key of your own, or `null` for none, where the old one has been taken meanwhile.
    pub external_id: Patch<ExternalId>,
    /// Whether its members' places come back as far as they are free; true unless said.
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

/// A team that is back.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct RestoredTeam {
    /// The team.
    pub team: Team,
    /// Whether it was away.
    pub outcome: RestoreOutcome,
    /// Memberships that stand again.
    pub memberships_restored: i64,
    /// Memberships that come back when the person is restored.
    pub memberships_waiting: i64,
    /// Places given for the team: which came back, which wait, which not and why.
    pub places: Vec<ReturnedPlace>,
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
    after.email_key = after.email.key();
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
        params![after.email_key.clone(), before.id.clone()],
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

/// Plans the return of a team.
pub async fn plan_restore_team(
    db: &Db,
    ids: &Ids,
    call: &Call,
    reference: &Ref<Team>,
    input: &RestoreTeam,
) -> Result<(Plan, RestoredTeam)> {
    call.caller.require(Permission::TeamsWrite)?;
    call.caller.require_account()?;
    let mut plan = Plan::new("team.restore");
    let found = match reference {
        Ref::Email(_) => None,
        _ => {
            db.first::<Team>(call.account(), aside::<Team>(reference))
                .await?
        }
    };
    let Some(before) = found else {
        let team = records::find::<Team>(db, &call.caller, reference).await?;
        let there = RestoredTeam {
            team,
            outcome: RestoreOutcome::AlreadyThere,
            memberships_restored: 0,
            memberships_waiting: 0,
            places: Vec::new(),
        };
        return Ok((plan, there));
    };
    let at = check_age(before.deleted_at, call.now)?;
    let mut after = Team {
        name: input.name.clone().unwrap_or_else(|| before.name.clone()),
        deleted_at: None,
        updated_at: call.now,
        ..before.clone()
    };
    after.name_key = after.name.key();
    input.external_id.clone().apply(&mut after.external_id);
    let (restored, waiting, owners) = scene_of_team(db, call, &before, &after).await?;
    after.member_count = restored;
    after.ownerless = owners == 0;
    plan.write(Statement::update(&after, before.version));
    plan.write_all(memberships_back(before.id.as_str(), "users", "user_id"));
    plan.event(after.event("restored"));
    let departed = Departed::Team(&before.id);
    let places = if input.places == Some(false) {
        Vec::new()
    } else {
        let lost = lost(db, call, departed, at).await?;
        bring_back(&mut plan, ids, call, departed, lost)?
    };
    let done = RestoredTeam {
        team: after,
        outcome: RestoreOutcome::Restored,
        memberships_restored: restored,
        memberships_waiting: waiting,
        places,
    };
    Ok((plan, done))
}

/// How many memberships come back, how many wait, how many of the first are owners'; refuses where name or key are
/// another team's now.
async fn scene_of_team(
    db: &Db,
    call: &Call,
    before: &Team,
    after: &Team,
) -> Result<(i64, i64, i64)> {
    let mut batch = Batch::new();
    let by_name = batch.add::<(Id<Team>,)>(Select::new(
        "SELECT id FROM teams WHERE account_id = $1 AND coalesce(organization_id, '') = $2 AND name_key = $3 AND deleted_at IS NULL",
        params![
            after.organization_id.as_ref().map_or_else(String::new, ToString::to_string),
            after.name_key.clone()
        ],
    ));
    let by_key = batch.add::<(Id<Team>,)>(Select::new(
        "SELECT id FROM teams WHERE account_id = $1 AND external_id = $2 AND deleted_at IS NULL",
        params![after.external_id.clone()],
    ));
    let counts = batch.add::<(i64, i64, i64)>(Select::new(
        "SELECT COUNT(CASE WHEN u.deleted_at IS NULL THEN 1 END), COUNT(CASE WHEN u.deleted_at IS NOT NULL THEN 1 END), \
         COUNT(CASE WHEN u.deleted_at IS NULL AND f.role = 'owner' THEN 1 END) \
         FROM former_members f JOIN users u ON u.account_id = $1 AND u.id = f.user_id AND u.purged_at IS NULL \
         WHERE f.account_id = $1 AND f.departed_id = $2",
        params![before.id.clone()],
    ));
    let mut rows = db.read(call.account(), batch).await?;
    if let Some((other,)) = rows.first(&by_name) {
        let way_out = "Another team of the organization has this name by now. Restore with another one in «name», or rename that team first.";
        return Err(taken("name", other.as_str(), way_out.to_owned()));
    }
    if let Some((other,)) = rows.first(&by_key) {
        let way_out = "The external_id belongs to another team by now. Restore with another one in «external_id», or with null for none.";
        return Err(taken("external_id", other.as_str(), way_out.to_owned()));
    }
    Ok(rows.first(&counts).unwrap_or_default())
}
