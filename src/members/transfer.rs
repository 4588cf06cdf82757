//! A member moves to another team, with the places that can be kept.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Scene, Standing};
use super::{ask, event, insertion, require_above, require_to_give};
use crate::access::grants::{Granted, look_up_one, permissions_of};
use crate::access::roles::{MemberRoleRef, TeamRole};
use crate::access::{Call, Permission};
use crate::db::{Batch, Db, Statement};
use crate::error::{Error, Fault, Result};
use crate::events::Plan;
use crate::params;
use crate::records;
use crate::resource::{Reference, resolve};
use crate::resources::member::{ManagedBy, Member, as_read};
use crate::resources::{Team, User};
use crate::seats::change::member_event;
use crate::seats::leave::withdraw_requests;
use crate::seats::relocate::{MovedPlace, relocate};
use crate::types::{Ids, Ref};

/// Where a member moves.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MoveMember {
    /// The team they move to.
    pub to_team: Ref<Team>,
    /// Their role there; the same as before unless said. Who is in that team already keeps the role they have there.
    #[serde(default)]
    pub role: Option<MemberRoleRef>,
}

/// A member after a move, and what became of their places.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct MoveResult {
    /// The membership in the new team.
    pub member: Member,
    /// One line for each place they had for the old team.
    pub places: Vec<MovedPlace>,
}

/// Plans a move: the membership there, the end of the one here, and the places.
pub async fn plan_move(
    db: &Db,
    ids: &Ids,
    call: &Call,
    (team, user): (&Ref<Team>, &Ref<User>),
    input: &MoveMember,
    managed_by: ManagedBy,
) -> Result<(Plan, MoveResult)> {
    call.caller.require(Permission::MembersWrite)?;
    let from = records::find::<Team>(db, &call.caller, team).await?;
    let user = records::find::<User>(db, &call.caller, user).await?;
    let refs = resolve(
        db,
        &call.caller,
        vec![Reference::to("/to_team", &input.to_team)],
    )
    .await?;
    let to = records::find::<Team>(db, &call.caller, &Ref::Id(refs.id(&input.to_team)?)).await?;
    if to.id == from.id {
        let detail = "is the team they are in; name another";
        return Err(Error::invalid(vec![Fault::new(
            "/to_team",
            "same_team",
            detail,
        )]));
    }
    let mut batch = Batch::new();
    let (here, there) = (
        ask(&mut batch, &from.id, &user.id),
        ask(&mut batch, &to.id, &user.id),
    );
    let mut rows = db.read(call.account(), batch).await?;
    let mut read = |slots: &super::SceneSlots| Scene {
        standing: rows.first(&slots.standing),
        owners: rows.first(&slots.owners),
    };
    let (here, there) = (read(&here), read(&there));
    let (standing, ..) = here.standing()?.clone();
    require_above(db, call, &from.id, &standing).await?;
    let mut plan = Plan::new("team_member.move");
    plan.write_all(here.departure(&from.id, &standing)?);
    plan.write(Statement::guarded(
        format!("DELETE FROM team_members WHERE account_id = $1 AND team_id = $2 AND user_id = $3 AND role = $4 AND {}", as_read()),
        params![from.id, user.id, standing],
    ));
    plan.event(event("removed", &from.id, &user.id, &standing));
    let named: Option<Granted<TeamRole>> = match &input.role {
        Some(role) => Some(look_up_one(db, call.account(), role).await?),
        None => None,
    };
    let member = if let Some(known) = &there.standing {
        let named = named.as_ref();
        settle(db, call, &mut plan, (&to, &user), &there, known, named).await?
    } else {
        let role = match named {
            Some(role) => role,
            None => Granted {
                permissions: permissions_of(db, call.account(), &standing).await?,
                role: standing,
                name: None,
            },
        };
        join(call, &mut plan, &to, &user, &role, managed_by)?
    };
    withdraw_requests(&mut plan, call, Some(&user.id), Some(&from.id));
    let stays = |(role, ..): &Standing| *role == member.role;
    let is_member = there.standing.as_ref().is_some_and(stays);
    let teams = (&from.id, &to.id, is_member);
    let places = relocate(db, ids, call, &mut plan, &user.id, teams).await?;
    Ok((plan, MoveResult { member, places }))
}

/// The membership of somebody who was not in the new team.
fn join(
    call: &Call,
    plan: &mut Plan,
    to: &Team,
    user: &User,
    role: &Granted<TeamRole>,
    managed_by: ManagedBy,
) -> Result<Member> {
    require_to_give(call, &to.id, role)?;
    plan.write(insertion(
        &to.id, &user.id, &role.role, managed_by, call.now,
    ));
    plan.write_all(role.note());
    plan.event(member_event(to, &user.id, role.role.as_str()));
    Ok(Member {
        team_id: to.id.clone(),
        user: user.clone(),
        role: role.role.clone(),
        managed_by,
        joined_at: call.now,
    })
}

/// The membership of somebody who is in the new team already: as it is, or with the role that was named.
async fn settle(
    db: &Db,
    call: &Call,
    plan: &mut Plan,
    (to, user): (&Team, &User),
    there: &Scene,
    (standing, managed_by, joined_at): &Standing,
    named: Option<&Granted<TeamRole>>,
) -> Result<Member> {
    let member = |role| Member {
        team_id: to.id.clone(),
        user: user.clone(),
        role,
        managed_by: *managed_by,
        joined_at: *joined_at,
    };
    if let Some(role) = named {
        require_to_give(call, &to.id, role)?;
    }
    let Some(role) = named.filter(|role| role.role != *standing) else {
        call.caller
            .require_in(Permission::MembersWrite, to.id.as_str())?;
        return Ok(member(standing.clone()));
    };
    require_above(db, call, &to.id, standing).await?;
    plan.write_all(there.departure(&to.id, standing)?);
    plan.write(Statement::guarded(
        "UPDATE team_members SET role = $2 WHERE account_id = $1 AND team_id = $3 AND user_id = $4 AND role = $5",
        params![role.role, to.id, user.id, *standing],
    ));
    plan.write_all(role.note());
    plan.event(
        event("updated", &to.id, &user.id, &role.role).previous(json!({ "role": standing })),
    );
    Ok(member(role.role.clone()))
}
