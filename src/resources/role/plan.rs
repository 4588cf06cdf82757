//! Roles of an account's own making: made, changed, put and deleted.

use serde_json::json;

use super::{CustomRole, CustomRoleKind, NewRole, Role, RoleKind, RolePatch};
use crate::access::api_keys::Scopes;
use crate::access::grants::require_grant_in_account;
use crate::access::roles::team_level;
use crate::access::{Call, Permission};
use crate::db::{Batch, Db, Select, Statement};
use crate::error::{Code, Error, Fault, Result};
use crate::events::Plan;
use crate::params;
use crate::records;
use crate::resource::{Record, event_of};
use crate::types::{Id, Ids, Ref};

/// What is wrong with the permissions of a role of this kind.
fn faults(kind: RoleKind, permissions: &Scopes) -> Vec<Fault> {
    if permissions.is_empty() {
        return vec![Fault::new(
            "/permissions",
            "too_few",
            "must name at least one permission",
        )];
    }
    let allowed = team_level();
    let beyond: Vec<&str> = permissions
        .iter()
        .filter(|permission| kind == RoleKind::Team && !allowed.contains(permission))
        .map(Permission::as_str)
        .collect();
    if beyond.is_empty() {
        return Vec::new();
    }
    let detail = format!(
        "A role of teams cannot have {}: that concerns more than a team. Make a role of the kind «global» for it.",
        beyond.join(", ")
    );
    vec![Fault::new("/permissions", "not_for_teams", detail)]
}

fn may_write(call: &Call) -> Result<()> {
    call.caller.require(Permission::RolesWrite)?;
    call.caller.require_account()
}

/// So many roles of its own an account has at the most: what lists and pages read beside those that are built in.
const MOST: i64 = 200;

async fn refuse_beyond_most(db: &Db, call: &Call) -> Result<()> {
    let sql = "SELECT count(*) FROM custom_roles WHERE account_id = $1";
    let count: Option<(i64,)> = db
        .first(call.account(), Select::new(sql, Vec::new()))
        .await?;
    if count.is_some_and(|(count,)| count >= MOST) {
        let detail = format!(
            "An account has {MOST} roles of its own at the most. Delete one that nobody holds first."
        );
        return Err(Error::new(Code::StateConflict, detail));
    }
    Ok(())
}

/// Plans a new role. Its maker must hold all that it holds.
pub async fn plan_create(db: &Db, ids: &Ids, call: &Call, new: NewRole) -> Result<(Plan, Role)> {
    may_write(call)?;
    let kind = match new.kind {
        CustomRoleKind::Global => RoleKind::Global,
        CustomRoleKind::Team => RoleKind::Team,
    };
    let faults = faults(kind, &new.permissions);
    if !faults.is_empty() {
        return Err(Error::invalid(faults));
    }
    require_grant_in_account(&call.caller, &new.permissions.iter().collect())?;
    refuse_beyond_most(db, call).await?;
    let role = Role {
        id: ids.next(call.now),
        name: new.name,
        external_id: new.external_id,
        description: new.description,
        kind,
        built_in: false,
        word: None,
        permissions: new.permissions,
        version: 1,
        created_at: call.now,
        updated_at: call.now,
    };
    let mut plan = Plan::new("role.create");
    plan.write(Statement::insert(&CustomRole::from(&role)));
    plan.event(event_of(&role, "created"));
    Ok((plan, role))
}

/// Plans a change of a role. Its changer must hold all that it holds, before and after.
pub async fn plan_change<C: FnOnce(&Role) -> Result<()>>(
    db: &Db,
    call: &Call,
    reference: &Ref<Role>,
    patch: RolePatch,
    check: C,
) -> Result<(Plan, Role)> {
    may_write(call)?;
    let before = own(
        records::find::<Role>(db, &call.caller, reference).await?,
        "changed",
    )?;
    check(&before)?;
    let mut after = before.clone();
    if let Some(name) = patch.name {
        after.name = name;
    }
    patch.external_id.apply(&mut after.external_id);
    patch.description.apply(&mut after.description);
    after.permissions = patch.permissions.unwrap_or(after.permissions);
    let mut wrong = faults(after.kind, &after.permissions);
    if patch
        .kind
        .is_some_and(|kind| kind.as_str() != after.kind.as_str())
    {
        let detail = "cannot change, since people hold the role where it holds; make another role";
        wrong.push(Fault::new("/kind", "fixed", detail));
    }
    if !wrong.is_empty() {
        return Err(Error::invalid(wrong));
    }
    let mut plan = Plan::new("role.update");
    if after == before {
        return Ok((plan, before));
    }
    let touched = before.permissions.iter().chain(after.permissions.iter());
    require_grant_in_account(&call.caller, &touched.collect())?;
    after.updated_at = call.now;
    plan.write(Statement::update(&CustomRole::from(&after), before.version));
    plan.event(event_of(&after, "updated").previous(differences(&before, &after)));
    Ok((plan, after))
}

/// Plans a role by the caller's own key: made, or changed where it stands. Tells whether it was made.
pub async fn plan_put<C: Fn(Option<&Role>) -> Result<()>>(
    db: &Db,
    ids: &Ids,
    call: &Call,
    reference: &Ref<Role>,
    new: NewRole,
    patch: RolePatch,
    check: C,
) -> Result<(Plan, Role, bool)> {
    if records::maybe::<Role>(db, &call.caller, reference)
        .await?
        .is_some()
    {
        let (plan, role) =
            plan_change(db, call, reference, patch, |role| check(Some(role))).await?;
        return Ok((plan, role, false));
    }
    check(None)?;
    if matches!(reference, Ref::Id(_)) {
        return Err(Error::new(
            Code::NotFound,
            "There is no such role. To make one by PUT, name it by your own key: ext:<value>.",
        ));
    }
    let (plan, role) = plan_create(db, ids, call, new).await?;
    Ok((plan, role, true))
}

/// Plans the deletion of a role that nobody holds.
pub async fn plan_delete<C: FnOnce(&Role) -> Result<()>>(
    db: &Db,
    call: &Call,
    reference: &Ref<Role>,
    check: C,
) -> Result<Plan> {
    may_write(call)?;
    let role = own(
        records::find::<Role>(db, &call.caller, reference).await?,
        "deleted",
    )?;
    check(&role)?;
    let mut batch = Batch::new();
    let grants = batch.add::<(i64,)>(Select::new(
        "SELECT grants FROM custom_roles WHERE account_id = $1 AND id = $2",
        params![role.id],
    ));
    let uses = batch.add::<(String, i64)>(in_use(&role.id));
    let mut rows = db.read(call.account(), batch).await?;
    let Some((grants,)) = rows.first(&grants) else {
        return Err(Error::not_found(Role::KIND));
    };
    let uses: Vec<(String, i64)> = rows
        .take(&uses)
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .collect();
    if !uses.is_empty() {
        let told: Vec<String> = uses
            .iter()
            .map(|(place, count)| format!("{count} {}", place.replace('_', " ")))
            .collect();
        let counts: serde_json::Map<_, _> = uses
            .into_iter()
            .map(|(place, count)| (place, count.into()))
            .collect();
        return Err(Error::new(
            Code::InUse,
            format!(
                "The role is held: {}. Give those another one first.",
                told.join(", ")
            ),
        )
        .with("held_by", counts));
    }
    let mut plan = Plan::new("role.delete");
    plan.write(Statement::guarded(
        "DELETE FROM custom_roles WHERE account_id = $1 AND id = $2 AND version = $3 AND grants = $4",
        params![role.id, role.version, grants],
    ));
    plan.event(event_of(&role, "deleted"));
    Ok(plan)
}

/// How often a role is held or offered, by where.
fn in_use(role: &Id<Role>) -> Select {
    Select::new(
        "SELECT 'people', count(*) FROM user_roles WHERE account_id = $1 AND role = $2 \
         UNION ALL SELECT 'team_members', count(*) FROM team_members WHERE account_id = $1 AND role = $2 \
         UNION ALL SELECT 'organization_members', count(*) FROM organization_members WHERE account_id = $1 AND role = $2 \
         UNION ALL SELECT 'links', count(*) FROM links WHERE account_id = $1 AND role = $2 \
         UNION ALL SELECT 'open_invitations', count(*) FROM invitations WHERE account_id = $1 AND role = $2 AND state IN ('queued', 'sent', 'failed')",
        params![*role],
    )
}

/// Refuses the built-in ones.
fn own(role: Role, verb: &str) -> Result<Role> {
    if role.built_in {
        return Err(Error::new(
            Code::StateConflict,
            format!(
                "«{}» is a built-in role and cannot be {verb}. Make a role of your own with the permissions you want.",
                role.name
            ),
        ));
    }
    Ok(role)
}

/// The members that differ, with their values before.
fn differences(before: &Role, after: &Role) -> serde_json::Value {
    let (old, new) = (json!(before), json!(after));
    let changed = old
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(name, value)| {
            name.as_str() != "updated_at" && new.get(name.as_str()) != Some(value)
        });
    changed
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect::<serde_json::Map<_, _>>()
        .into()
}
