//! Team members: a person in a team, with one role.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Team, User};
use crate::access::roles::TeamRole;
use crate::access::{Call, Caller, Permission, Reach};
use crate::db::{Batch, Db, FromRow, Reader, Select, Statement};
use crate::error::{Code, Error, Result};
use crate::events::{Event, Plan};
use crate::params;
use crate::records;
use crate::resource::{Input, Reference, resolve};
use crate::seats::leave;
use crate::types::{Id, Ids, Ref, Timestamp};

crate::words! {
    /// Who keeps a membership.
    pub enum ManagedBy {
        /// Somebody in the dashboard.
        Manual = "manual",
        /// A program.
        Api = "api",
        /// A provision.
        Provision = "provision",
    }
}

/// A person in a team.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Member {
    /// The team.
    pub team_id: Id<Team>,
    /// The person.
    pub user: User,
    /// The role in the team.
    pub role: TeamRole,
    /// Who keeps the membership.
    pub managed_by: ManagedBy,
    /// Since when.
    pub joined_at: Timestamp,
}

impl FromRow for Member {
    fn from_row(reader: &mut Reader<'_>) -> Result<Self, crate::db::DbError> {
        use crate::db::Column;
        Ok(Self {
            user: User::from_row(reader)?,
            team_id: Column::read(reader)?,
            role: Column::read(reader)?,
            managed_by: Column::read(reader)?,
            joined_at: Column::read(reader)?,
        })
    }
}

/// A new member.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewMember {
    /// The person.
    pub user: Ref<User>,
    /// The role; `member` unless said.
    #[serde(default)]
    pub role: Option<TeamRole>,
}

/// A change of a membership.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MemberPatch {
    /// The role.
    pub role: TeamRole,
}

impl Input for NewMember {
    fn references(&self) -> Vec<Reference> {
        vec![Reference::to("/user", &self.user)]
    }
}

impl Input for MemberPatch {
    fn references(&self) -> Vec<Reference> {
        Vec::new()
    }
}

/// Members of a team in the order of joining, after the one named.
pub fn members_of(team: &Id<Team>, after: Option<(Timestamp, String)>, limit: i64) -> Select {
    let (joined, user) = after.unwrap_or((Timestamp::from_micros(-1), String::new()));
    Select::new(
        format!(
            "SELECT {}, m.team_id, m.role, m.managed_by, m.joined_at FROM team_members m JOIN users ON users.account_id = $1 AND users.id = m.user_id \
             WHERE m.account_id = $1 AND m.team_id = $2 AND (m.joined_at, m.user_id) > ($3, $4) ORDER BY m.joined_at, m.user_id LIMIT $5",
            <User as crate::db::Row>::selection()
        ),
        params![team.clone(), joined, user, limit],
    )
}

/// One member of a team.
pub fn member_of(team: &Id<Team>, user: &Id<User>) -> Select {
    Select::new(
        format!(
            "SELECT {}, m.team_id, m.role, m.managed_by, m.joined_at FROM team_members m JOIN users ON users.account_id = $1 AND users.id = m.user_id \
             WHERE m.account_id = $1 AND m.team_id = $2 AND m.user_id = $3",
            <User as crate::db::Row>::selection()
        ),
        params![team.clone(), user.clone()],
    )
}

struct Scene {
    team: Team,
    user: User,
    standing: Option<(TeamRole, ManagedBy, Timestamp)>,
    other_owners: i64,
}

async fn scene(db: &Db, call: &Call, team: &Ref<Team>, user: &Ref<User>) -> Result<Scene> {
    let team = records::find::<Team>(db, &call.caller, team).await?;
    let user = records::find::<User>(
        db,
        &Caller {
            reach: Reach::Account,
            ..(*call.caller).clone()
        },
        user,
    )
    .await?;
    let mut batch = Batch::new();
    let standing = batch.add::<(TeamRole, ManagedBy, Timestamp)>(Select::new(
        "SELECT role, managed_by, joined_at FROM team_members WHERE account_id = $1 AND team_id = $2 AND user_id = $3",
        params![team.id.clone(), user.id.clone()],
    ));
    let owners = batch.add::<(i64,)>(Select::new(
        "SELECT count(*) FROM team_members WHERE account_id = $1 AND team_id = $2 AND role = 'owner' AND user_id <> $3",
        params![team.id.clone(), user.id.clone()],
    ));
    let mut rows = db.read(call.account(), batch).await?;
    Ok(Scene {
        standing: rows.first(&standing),
        other_owners: rows.first(&owners).map_or(0, |(count,)| count),
        team,
        user,
    })
}

fn member(scene: Scene, role: TeamRole, managed_by: ManagedBy, joined_at: Timestamp) -> Member {
    Member {
        team_id: scene.team.id,
        user: scene.user,
        role,
        managed_by,
        joined_at,
    }
}

/// Plans a membership; one that stands is left alone but for its role. Tells whether it was made.
pub async fn plan_add(
    db: &Db,
    call: &Call,
    team: &Ref<Team>,
    new: &NewMember,
    managed_by: ManagedBy,
) -> Result<(Plan, Member, bool)> {
    call.caller.require(Permission::MembersWrite)?;
    resolve(db, &call.caller, new.references()).await?;
    let scene = scene(db, call, team, &new.user).await?;
    if let Some((standing, ..)) = scene.standing {
        let role = new.role.unwrap_or(standing);
        let (plan, member) = change_role(scene, role)?;
        return Ok((plan, member, false));
    }
    let role = new.role.unwrap_or(TeamRole::Member);
    let mut plan = Plan::new("team_member.add");
    plan.write(Statement::new(
        "INSERT INTO team_members (account_id, team_id, user_id, role, managed_by, joined_at) VALUES ($1, $2, $3, $4, $5, $6)",
        params![scene.team.id.clone(), scene.user.id.clone(), role, managed_by, call.now],
    ));
    plan.event(crate::seats::change::member_event(
        &scene.team,
        &scene.user.id,
        role.as_str(),
    ));
    Ok((plan, member(scene, role, managed_by, call.now), true))
}

/// Plans a new role.
pub async fn plan_change(
    db: &Db,
    call: &Call,
    team: &Ref<Team>,
    user: &Ref<User>,
    role: TeamRole,
) -> Result<(Plan, Member)> {
    call.caller.require(Permission::MembersWrite)?;
    change_role(scene(db, call, team, user).await?, role)
}

fn change_role(scene: Scene, role: TeamRole) -> Result<(Plan, Member)> {
    let Some((standing, managed_by, joined_at)) = scene.standing else {
        return Err(Error::not_found("team_member"));
    };
    let mut plan = Plan::new("team_member.update");
    if standing == role {
        return Ok((plan, member(scene, role, managed_by, joined_at)));
    }
    keep_an_owner(&scene, standing)?;
    plan.write(Statement::guarded(
        format!("UPDATE team_members SET role = $2 WHERE account_id = $1 AND team_id = $3 AND user_id = $4 AND role = $5{}", another_owner(standing)),
        params![role, scene.team.id.clone(), scene.user.id.clone(), standing],
    ));
    let data = json!({ "team_id": scene.team.id, "user_id": scene.user.id, "role": role });
    plan.event(
        Event::new("team_member.updated", &scene.team.id, data)
            .team(&scene.team.id)
            .user(&scene.user.id)
            .previous(json!({ "role": standing })),
    );
    Ok((plan, member(scene, role, managed_by, joined_at)))
}

/// Plans the end of a membership, and of the places that the person holds for that team.
pub async fn plan_remove(
    db: &Db,
    ids: &Ids,
    call: &Call,
    team: &Ref<Team>,
    user: &Ref<User>,
) -> Result<Plan> {
    call.caller.require(Permission::MembersWrite)?;
    let scene = scene(db, call, team, user).await?;
    let Some((standing, ..)) = scene.standing else {
        return Err(Error::not_found("team_member"));
    };
    keep_an_owner(&scene, standing)?;
    let mut plan = Plan::new("team_member.remove");
    plan.write(Statement::guarded(
        format!(
            "DELETE FROM team_members WHERE account_id = $1 AND team_id = $2 AND user_id = $3{}",
            another_owner(standing)
        ),
        params![scene.team.id.clone(), scene.user.id.clone()],
    ));
    let data = json!({ "team_id": scene.team.id, "user_id": scene.user.id, "role": standing });
    plan.event(
        Event::new("team_member.removed", &scene.team.id, data)
            .team(&scene.team.id)
            .user(&scene.user.id),
    );
    leave::release(
        db,
        ids,
        call,
        &mut plan,
        Some(&scene.user.id),
        Some(&scene.team.id),
    )
    .await?;
    Ok(plan)
}

fn keep_an_owner(scene: &Scene, standing: TeamRole) -> Result<()> {
    if standing == TeamRole::Owner && scene.other_owners == 0 {
        return Err(Error::new(Code::LastOwner, "The last owner of a team cannot leave or be demoted. Make somebody else an owner first.")
            .with("team_id", scene.team.id.as_str()));
    }
    Ok(())
}

/// The guard behind [`keep_an_owner`], for two who leave at once.
const fn another_owner(standing: TeamRole) -> &'static str {
    match standing {
        TeamRole::Owner => {
            " AND EXISTS (SELECT 1 FROM team_members o WHERE o.account_id = $1 AND o.team_id = team_members.team_id AND o.role = 'owner' AND o.user_id <> team_members.user_id)"
        }
        TeamRole::Manager | TeamRole::Member => "",
    }
}
