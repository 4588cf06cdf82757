//! Who looks after an organization: people with a role on it, whose rights go down the tree.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::{Organization, require_held};
use crate::access::grants::require_grant_in;
use crate::access::roles::{Held, OrganizationRole};
use crate::access::{Call, Permission};
use crate::db::{Column, Db, DbError, FromRow, Reader, Row as _, Select, Statement};
use crate::error::{Code, Error, Result};
use crate::events::{Event, Plan};
use crate::params;
use crate::records;
use crate::resources::User;
use crate::types::{Id, Ref, Timestamp, json_list};

/// Somebody who looks after an organization.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct OrganizationAdmin {
    /// The organization on which the role was given.
    pub organization_id: Id<Organization>,
    /// The person.
    pub user: User,
    /// The role.
    pub role: Held<OrganizationRole>,
    /// Since when.
    pub created_at: Timestamp,
}

impl FromRow for OrganizationAdmin {
    fn from_row(reader: &mut Reader<'_>) -> std::result::Result<Self, DbError> {
        Ok(Self {
            user: User::from_row(reader)?,
            organization_id: Column::read(reader)?,
            role: Column::read(reader)?,
            created_at: Column::read(reader)?,
        })
    }
}

/// Somebody who looks after an organization by a role on it or above it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AdminAbove {
    /// The person.
    pub user_id: Id<User>,
    /// The organization on which the role was given.
    pub organization_id: Id<Organization>,
}

impl FromRow for AdminAbove {
    fn from_row(reader: &mut Reader<'_>) -> std::result::Result<Self, DbError> {
        Ok(Self {
            user_id: Column::read(reader)?,
            organization_id: Column::read(reader)?,
        })
    }
}

impl AdminAbove {
    /// The read of those who have a role on one of these organizations; 200 at the most.
    pub fn read(organizations: &[&str]) -> Select {
        Select::new(
            "SELECT user_id, organization_id FROM organization_members WHERE account_id = $1 \
             AND organization_id IN (SELECT value FROM JSON_LIST($2) AS way) AND role = 'organization_admin' ORDER BY created_at, user_id LIMIT 200",
            params![json_list(organizations)],
        )
    }
}

fn selection(rest: &str) -> String {
    format!(
        "SELECT {}, m.organization_id, m.role, m.created_at FROM organization_members m JOIN users ON users.account_id = $1 AND users.id = m.user_id \
         AND users.deleted_at IS NULL WHERE m.account_id = $1 AND m.organization_id = $2 {rest}",
        User::selection()
    )
}

/// Those who look after an organization in the order of their naming, after the one named.
pub fn admins_of(
    organization: &Id<Organization>,
    after: Option<(Timestamp, String)>,
    limit: i64,
) -> Select {
    let (since, user) = after.unwrap_or((Timestamp::from_micros(-1), String::new()));
    Select::new(
        selection(
            "AND (m.created_at, m.user_id) > ($3, $4) ORDER BY m.created_at, m.user_id LIMIT $5",
        ),
        params![organization.clone(), since, user, limit],
    )
}

/// One of them.
pub fn admin_of(organization: &Id<Organization>, user: &Id<User>) -> Select {
    Select::new(
        selection("AND m.user_id = $3"),
        params![organization.clone(), user.clone()],
    )
}

async fn scene(
    db: &Db,
    call: &Call,
    organization: &Ref<Organization>,
    user: &Ref<User>,
) -> Result<(Organization, User, Option<OrganizationAdmin>)> {
    call.caller.require(Permission::OrganizationsWrite)?;
    let node = records::find::<Organization>(db, &call.caller, organization).await?;
    require_held(&call.caller, &node)?;
    let user = records::find::<User>(db, &call.caller, user).await?;
    let standing = db
        .first::<OrganizationAdmin>(call.account(), admin_of(&node.id, &user.id))
        .await?;
    Ok((node, user, standing))
}

fn event(verb: &str, node: &Organization, user: &User) -> Event {
    let data =
        json!({ "organization_id": node.id, "user_id": user.id, "role": OrganizationRole::Admin });
    Event::new(format!("organization_admin.{verb}"), &node.id, data).user(&user.id)
}

/// Plans that somebody looks after an organization; whoever does already is left alone.
pub async fn plan_put(
    db: &Db,
    call: &Call,
    organization: &Ref<Organization>,
    user: &Ref<User>,
) -> Result<(Plan, OrganizationAdmin)> {
    let (node, user, standing) = scene(db, call, organization, user).await?;
    require_grant_in(
        &call.caller,
        node.id.as_str(),
        &OrganizationRole::Admin.permissions(),
    )?;
    let mut plan = Plan::new("organization_admin.add");
    if let Some(standing) = standing {
        return Ok((plan, standing));
    }
    plan.write(Statement::new(
        "INSERT INTO organization_members (account_id, organization_id, user_id, role, created_at) VALUES ($1, $2, $3, $4, $5)",
        params![node.id.clone(), user.id.clone(), OrganizationRole::Admin, call.now],
    ));
    plan.event(event("added", &node, &user));
    let admin = OrganizationAdmin {
        organization_id: node.id,
        user,
        role: OrganizationRole::Admin.into(),
        created_at: call.now,
    };
    Ok((plan, admin))
}

/// Plans that somebody looks after an organization no more. A role further up stays.
pub async fn plan_remove(
    db: &Db,
    call: &Call,
    organization: &Ref<Organization>,
    user: &Ref<User>,
) -> Result<Plan> {
    let (node, user, standing) = scene(db, call, organization, user).await?;
    if standing.is_none() {
        return Err(Error::new(
            Code::NotFound,
            "The person has no role on this organization. One further up is taken back there: GET /organizations/{id}/effective names it.",
        ));
    }
    let mut plan = Plan::new("organization_admin.remove");
    plan.write(Statement::guarded(
        "DELETE FROM organization_members WHERE account_id = $1 AND organization_id = $2 AND user_id = $3",
        params![node.id.clone(), user.id.clone()],
    ));
    plan.event(event("removed", &node, &user));
    Ok(plan)
}
