//! Roles that people hold in the whole account: given and withdrawn by those who hold all that they hold.

use schemars::JsonSchema;
use serde::Serialize;

use super::grants::{Granted, require_grant_in_account};
use super::owners;
use super::roles::{AccountRole, GlobalRole};
use super::{Call, Permission};
use crate::columns;
use crate::db::{Batch, Db, FromRow, Reader, Row as _, Select, Statement};
use crate::error::{Code, Error, Result};
use crate::events::Plan;
use crate::params;
use crate::resources::role::grant_event;
use crate::resources::user::UserStatus;
use crate::resources::{Role, User};
use crate::types::{AccountId, Id, Timestamp};

/// A role of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRole {
    /// The person.
    pub user_id: Id<User>,
    /// The role.
    pub role: AccountRole,
    /// Since when.
    pub created_at: Timestamp,
}
columns!(UserRole in "user_roles": user_id, role, created_at);

/// A role that a person holds in the whole account.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct HeldRole {
    /// The person.
    pub user_id: Id<User>,
    /// The word of a built-in role, or the id of a custom one.
    pub role: AccountRole,
    /// The role's name.
    pub name: String,
    /// Since when.
    pub created_at: Timestamp,
}

impl FromRow for HeldRole {
    fn from_row(reader: &mut Reader<'_>) -> Result<Self, crate::db::DbError> {
        use crate::db::Column;
        Ok(Self {
            user_id: Column::read(reader)?,
            role: Column::read(reader)?,
            created_at: Column::read(reader)?,
            name: Column::read(reader)?,
        })
    }
}

/// The roles of a person with their names.
pub fn of_person(user: &Id<User>) -> Select {
    Select::new(
        format!(
            "SELECT {}, roles.name FROM user_roles JOIN roles ON roles.account_id = $1 AND roles.kind = 'global' \
             AND (roles.word = user_roles.role OR roles.id = user_roles.role) \
             WHERE user_roles.account_id = $1 AND user_roles.user_id = $2 ORDER BY user_roles.created_at, user_roles.role",
            UserRole::selection()
        ),
        params![*user],
    )
}

/// The roles of a person.
pub async fn held(db: &Db, account: &AccountId, user: &Id<User>) -> Result<Vec<HeldRole>> {
    Ok(db.fetch(account, of_person(user)).await?)
}

fn may_write(call: &Call, role: &Granted<GlobalRole>) -> Result<()> {
    call.caller.require(Permission::RolesWrite)?;
    call.caller.require_account()?;
    require_grant_in_account(&call.caller, &role.permissions)
}

/// The row and the event of a role that a person gets.
pub fn give(plan: &mut Plan, user: &User, role: &Granted<GlobalRole>, now: Timestamp) {
    plan.write(Statement::insert(&UserRole {
        user_id: user.id.clone(),
        role: role.role.clone(),
        created_at: now,
    }));
    plan.write_all(role.note());
    plan.event(grant_event("added", user.id.as_str(), role.role.as_str()));
}

/// Plans a role for a person; who has it keeps it as it is. Tells whether it was given.
pub async fn plan_grant(
    db: &Db,
    call: &Call,
    user: &User,
    role: &Granted<GlobalRole>,
    name: String,
) -> Result<(Plan, HeldRole, bool)> {
    may_write(call, role)?;
    if user.status == UserStatus::Deactivated {
        return Err(Error::new(
            Code::StateConflict,
            "The person is deactivated. Activate them first.",
        )
        .with("user_id", user.id.as_str()));
    }
    let mut plan = Plan::new("user.add_role");
    let standing = held(db, call.account(), &user.id).await?;
    if let Some(one) = standing.into_iter().find(|one| one.role == role.role) {
        return Ok((plan, one, false));
    }
    give(&mut plan, user, role, call.now);
    let made = HeldRole {
        user_id: user.id.clone(),
        role: role.role.clone(),
        name,
        created_at: call.now,
    };
    Ok((plan, made, true))
}

/// Plans the loss of a role. 409 `last_owner` for the account's last owner; 404 for a role the person has not.
pub async fn plan_withdraw(
    db: &Db,
    call: &Call,
    user: &User,
    role: &Granted<GlobalRole>,
) -> Result<Plan> {
    may_write(call, role)?;
    let mut batch = Batch::new();
    let held = batch.add::<HeldRole>(of_person(&user.id));
    let owners = owners::ask_account(&mut batch, &user.id);
    let mut rows = db.read(call.account(), batch).await?;
    if !rows.take(&held).iter().any(|one| one.role == role.role) {
        return Err(Error::new(
            Code::NotFound,
            "The person does not hold this role in the whole account.",
        ));
    }
    let mut plan = Plan::new("user.remove_role");
    if role.role == GlobalRole::Owner {
        plan.write(owners::leave_account(rows.first(&owners))?);
    }
    plan.write(Statement::guarded(
        "DELETE FROM user_roles WHERE account_id = $1 AND user_id = $2 AND role = $3",
        params![user.id, role.role],
    ));
    plan.event(grant_event("removed", user.id.as_str(), role.role.as_str()));
    Ok(plan)
}

/// The record of a role as it was looked up.
pub async fn record_of(db: &Db, account: &AccountId, role: &AccountRole) -> Result<Role> {
    let select = Select::rows::<Role>(
        "WHERE account_id = $1 AND kind = 'global' AND (word = $2 OR id = $2)",
        params![*role],
    );
    let found = db.first::<Role>(account, select).await?;
    found.ok_or_else(|| Error::not_found("role"))
}
