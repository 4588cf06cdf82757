//! A member gets another role, or leaves.

use serde_json::json;

use super::{Scene, event, require_above, require_to_give, scene};
use crate::access::grants::{Granted, look_up_one};
use crate::access::roles::{MemberRoleRef, TeamRole};
use crate::access::{Call, Permission};
use crate::db::{Db, Statement};
use crate::error::Result;
use crate::events::Plan;
use crate::params;
use crate::records;
use crate::resources::member::{Member, as_read};
use crate::resources::{Team, User};
use crate::seats::leave;
use crate::types::{Ids, Ref};

/// Plans a new role.
pub async fn plan_change(
    db: &Db,
    call: &Call,
    team: &Ref<Team>,
    user: &Ref<User>,
    role: &MemberRoleRef,
) -> Result<(Plan, Member)> {
    call.caller.require(Permission::MembersWrite)?;
    let team = records::find::<Team>(db, &call.caller, team).await?;
    let user = records::find::<User>(db, &call.caller, user).await?;
    let scene = scene(db, call, &team.id, &user.id).await?;
    scene.standing()?;
    let role = look_up_one(db, call.account(), role).await?;
    change_role(db, call, &team, user, &scene, Some(&role)).await
}

/// Plans the role of a membership that stands; without a role, or with the same, nothing.
pub(super) async fn change_role(
    db: &Db,
    call: &Call,
    team: &Team,
    user: User,
    scene: &Scene,
    role: Option<&Granted<TeamRole>>,
) -> Result<(Plan, Member)> {
    let (standing, managed_by, joined_at) = scene.standing()?.clone();
    let mut plan = Plan::new("team_member.update");
    let member = |role| Member {
        team_id: team.id.clone(),
        user: user.clone(),
        role,
        managed_by,
        joined_at,
    };
    let Some(role) = role.filter(|role| role.role != standing) else {
        return Ok((plan, member(standing)));
    };
    require_to_give(call, &team.id, role)?;
    require_above(db, call, &team.id, &standing).await?;
    plan.write_all(scene.departure(&team.id, &standing)?);
    plan.write(Statement::guarded(
        "UPDATE team_members SET role = $2 WHERE account_id = $1 AND team_id = $3 AND user_id = $4 AND role = $5",
        params![role.role, team.id, user.id, standing],
    ));
    plan.write_all(role.note());
    plan.event(
        event("updated", &team.id, &user.id, &role.role).previous(json!({ "role": standing })),
    );
    Ok((plan, member(role.role.clone())))
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
    let team = records::find::<Team>(db, &call.caller, team).await?;
    let user = records::find::<User>(db, &call.caller, user).await?;
    let scene = scene(db, call, &team.id, &user.id).await?;
    let (standing, ..) = scene.standing()?;
    require_above(db, call, &team.id, standing).await?;
    let mut plan = Plan::new("team_member.remove");
    plan.write_all(scene.departure(&team.id, standing)?);
    plan.write(Statement::guarded(
        format!("DELETE FROM team_members WHERE account_id = $1 AND team_id = $2 AND user_id = $3 AND role = $4 AND {}", as_read()),
        params![team.id, user.id, *standing],
    ));
    plan.event(event("removed", &team.id, &user.id, standing));
    leave::withdraw_requests(&mut plan, call, Some(&user.id), Some(&team.id));
    leave::release_of_member(db, ids, call, &mut plan, &user.id, &team.id).await?;
    Ok(plan)
}
