//! Making, changing and deleting links: by those who may, in the teams they reach, with nothing they do not hold.

use crate::access::grants::{Granted, look_up_one, permissions_of};
use crate::access::rights::Permissions;
use crate::access::roles::{MemberRoleRef, TeamRole};
use crate::access::{Call, Permission};
use crate::db::{Db, Statement};
use crate::error::{Code, Error, Result};
use crate::events::Plan;
use crate::invitations::invite::{find_team, require_offer};
use crate::params;
use crate::records;
use crate::resource::{Input as _, Resource as _, Stamp, resolve};
use crate::types::{Ids, Ref};

use super::input::{LinkPatch, NewLink};
use super::link::Link;

/// Refuses a link that gives more than the caller holds.
fn require(call: &Call, link: &Link, role: &Permissions) -> Result<()> {
    let has_products = !link.product_ids.0.is_empty();
    require_offer(
        &call.caller,
        &link.team_id,
        role,
        has_products,
        link.if_full,
    )
}

/// The role that a body names, looked up and put in its place.
async fn look_up(
    db: &Db,
    call: &Call,
    named: &mut Option<MemberRoleRef>,
) -> Result<Option<Granted<TeamRole>>> {
    let Some(role) = named else {
        return Ok(None);
    };
    let found = look_up_one(db, call.account(), role).await?;
    *role = found.role.clone().into();
    Ok(Some(found))
}

fn named(link: &mut Link, role: &Granted<TeamRole>) {
    link.role_name = role.name.as_ref().map(ToString::to_string);
}

/// Plans a new link.
pub async fn plan_create(
    db: &Db,
    ids: &Ids,
    call: &Call,
    mut new: NewLink,
) -> Result<(Plan, Link)> {
    call.caller.require(Permission::LinksWrite)?;
    let refs = resolve(db, &call.caller, new.references()).await?;
    find_team(db, &call.caller, &new.team).await?;
    let role = look_up(db, call, &mut new.role).await?;
    let role = role.unwrap_or_else(|| Granted::built_in(TeamRole::Member));
    let mut link = Link::create(new, &refs, &Stamp { ids, now: call.now })?;
    require(call, &link, &role.permissions)?;
    named(&mut link, &role);
    let mut plan = Plan::new("link.create");
    plan.write_all(records::insertion(&link));
    plan.write_all(role.note());
    plan.event(link.event("created"));
    Ok((plan, link))
}

/// Plans a change of a link. `check` sees it as it is and may refuse.
pub async fn plan_change<C>(
    db: &Db,
    call: &Call,
    reference: &Ref<Link>,
    mut patch: LinkPatch,
    check: C,
) -> Result<(Plan, Link)>
where
    C: FnOnce(&Link) -> Result<()>,
{
    let role = look_up(db, call, &mut patch.role).await?;
    let (mut plan, mut link) = records::plan_change(db, call, reference, patch, check).await?;
    let Some(role) = role else {
        let held = permissions_of(db, call.account(), &link.role).await?;
        require(call, &link, &held)?;
        return Ok((plan, link));
    };
    require(call, &link, &role.permissions)?;
    named(&mut link, &role);
    if !plan.is_empty() {
        plan.write_all(role.note());
    }
    Ok((plan, link))
}

/// Plans a link by the caller's own key: made, or changed. Tells whether it is made.
pub async fn plan_put<C>(
    db: &Db,
    ids: &Ids,
    call: &Call,
    reference: &Ref<Link>,
    (new, patch): (NewLink, LinkPatch),
    check: C,
) -> Result<(Plan, Link, bool)>
where
    C: Fn(Option<&Link>) -> Result<()>,
{
    if records::maybe::<Link>(db, &call.caller, reference)
        .await?
        .is_some()
    {
        let changed = plan_change(db, call, reference, patch, |link| check(Some(link))).await?;
        return Ok((changed.0, changed.1, false));
    }
    check(None)?;
    if matches!(reference, Ref::Id(_)) {
        return Err(Error::new(
            Code::NotFound,
            "There is no such link. To make one by PUT, name it by your own key: ext:<value>.",
        ));
    }
    let (plan, link) = plan_create(db, ids, call, new).await?;
    Ok((plan, link, true))
}

/// Plans the deletion of a link by which nobody has asked to join; 409 `in_use` for others: pause those.
pub async fn plan_delete<C>(db: &Db, call: &Call, reference: &Ref<Link>, check: C) -> Result<Plan>
where
    C: FnOnce(&Link) -> Result<()>,
{
    call.caller.require(Permission::LinksWrite)?;
    let link = records::find::<Link>(db, &call.caller, reference).await?;
    check(&link)?;
    let mut plan = Plan::new("link.delete");
    plan.write_all(link.farewell(call.now));
    plan.write(Statement::guarded(
        "DELETE FROM links WHERE account_id = $1 AND id = $2 AND version = $3",
        params![link.id.clone(), link.version],
    ));
    plan.event(link.event("deleted"));
    Ok(plan)
}
