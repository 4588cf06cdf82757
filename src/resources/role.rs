//! Roles: named sets of permissions. The built-in ones are the program's own and stay as they are; an account makes
//! further ones, which hold in the whole account or in the team where they are given.
//!
//! Who makes or changes a role must hold all that it holds, before and after, since whoever has it gets that. A role in
//! use is not deleted; one that is given at the same moment is seen by the count of its grants.

use std::sync::LazyLock;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::access::api_keys::Scopes;
use crate::access::grants::require_grant_in_account;
use crate::access::roles::{GlobalRole, OrganizationRole, TeamRole, team_level};
use crate::access::{Call, Permission};
use crate::columns;
use crate::db::{Batch, Db, DbError, FromRow, Reader, Row, Select, Statement, Value, row};
use crate::error::{Code, Error, Fault, Result};
use crate::events::{Event, Plan};
use crate::params;
use crate::records;
use crate::resource::{Expand, Field, FieldKind, Input, Record, Reference, event_of};
use crate::types::merge::present;
use crate::types::text::Description;
use crate::types::{ExternalId, Id, Ids, Kind, Name, Patch, Ref, Timestamp};

crate::words! {
    /// Where a role holds.
    pub enum RoleKind {
        /// In the whole account.
        Global = "global",
        /// On an organization and in all below it.
        Organization = "organization",
        /// In a team.
        Team = "team",
    }
}

crate::words! {
    /// Where a role that an account makes may hold.
    pub enum CustomRoleKind {
        /// In the whole account.
        Global = "global",
        /// In the team where it is given.
        Team = "team",
    }
}

/// A named set of permissions.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Role {
    /// The role's id. Custom roles are granted by it.
    pub id: Id<Self>,
    /// Its name, unique among the roles of its kind.
    pub name: Name,
    #[serde(skip)]
    pub(crate) name_key: String,
    /// Your own key of the role.
    pub external_id: Option<ExternalId>,
    /// What it is for.
    pub description: Option<Description>,
    /// Where it holds.
    pub kind: RoleKind,
    /// Whether it is one of the program's own, which stay as they are.
    pub built_in: bool,
    /// The word by which a built-in role is granted; absent for a custom one.
    pub word: Option<String>,
    /// What it may do where it holds.
    pub permissions: Scopes,
    #[serde(skip)]
    pub(crate) version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl FromRow for Role {
    fn from_row(reader: &mut Reader<'_>) -> Result<Self, DbError> {
        use crate::db::Column;
        let mut role = Self {
            id: Column::read(reader)?,
            name: Column::read(reader)?,
            name_key: Column::read(reader)?,
            external_id: Column::read(reader)?,
            description: Column::read(reader)?,
            kind: Column::read(reader)?,
            built_in: Column::read(reader)?,
            word: Column::read(reader)?,
            permissions: Column::read(reader)?,
            version: Column::read(reader)?,
            created_at: Column::read(reader)?,
            updated_at: Column::read(reader)?,
        };
        if let (true, Some(word)) = (role.built_in, &role.word) {
            role.permissions = built_in(role.kind, word);
        }
        Ok(role)
    }
}

/// What a built-in role may do.
fn built_in(kind: RoleKind, word: &str) -> Scopes {
    let held = match kind {
        RoleKind::Global => GlobalRole::from_word(word).map(GlobalRole::permissions),
        RoleKind::Organization => {
            OrganizationRole::from_word(word).map(OrganizationRole::permissions)
        }
        RoleKind::Team => TeamRole::from_word(word).map(TeamRole::permissions),
    };
    held.unwrap_or_default().into_iter().collect()
}

/// Read from a view over the built-in and the custom ones; written through `CustomRole`.
impl Row for Role {
    const TABLE: &'static str = "roles";
    const STORED: &'static [&'static str] = &[
        "id",
        "name",
        "name_key",
        "external_id",
        "description",
        "kind",
        "built_in",
        "word",
        "permissions",
        "version",
        "created_at",
        "updated_at",
    ];
    const DERIVED: &'static [&'static str] = &[];
    const COMPUTED: &'static [&'static str] = &[];
    fn values(&self) -> Vec<Value> {
        params![
            self.id,
            self.name,
            self.name_key,
            self.external_id,
            self.description,
            self.kind,
            self.built_in,
            self.word,
            self.permissions,
            self.version,
            self.created_at,
            self.updated_at
        ]
    }
    fn computed_values(&self) -> Vec<Value> {
        Vec::new()
    }
    fn selection() -> &'static str {
        static TEXT: LazyLock<String> = LazyLock::new(row::selection_text::<Role>);
        &TEXT
    }
    fn insertion() -> &'static str {
        <CustomRole as Row>::insertion()
    }
}

impl Kind for Role {
    const PREFIX: &'static str = "role";
}

/// A role of the account's own as it is stored.
struct CustomRole {
    id: Id<Role>,
    name: Name,
    name_key: String,
    external_id: Option<ExternalId>,
    description: Option<Description>,
    kind: RoleKind,
    permissions: Scopes,
    version: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}
columns!(CustomRole in "custom_roles": id, name, name_key, external_id, description, kind, permissions, version, created_at, updated_at);

impl From<&Role> for CustomRole {
    fn from(role: &Role) -> Self {
        Self {
            id: role.id.clone(),
            name_key: role.name.key(),
            name: role.name.clone(),
            external_id: role.external_id.clone(),
            description: role.description.clone(),
            kind: role.kind,
            permissions: role.permissions.clone(),
            version: role.version,
            created_at: role.created_at,
            updated_at: role.updated_at,
        }
    }
}

/// A new role.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRole {
    /// Its name.
    pub name: Name,
    /// Where it holds: in the whole account, or in the team where it is given. It stays so.
    pub kind: CustomRoleKind,
    /// What it may do there; `GET /api/permissions` lists all there are and which of them a role of teams may have.
    pub permissions: Scopes,
    /// Your own key.
    #[serde(default)]
    pub external_id: Option<ExternalId>,
    /// What it is for.
    #[serde(default)]
    pub description: Option<Description>,
}

/// A change of a role. Whoever holds it has its new permissions at once.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RolePatch {
    /// Its name.
    #[serde(deserialize_with = "present")]
    #[schemars(with = "Name")]
    pub name: Option<Name>,
    /// Where it holds; it can only be given as it is.
    #[serde(deserialize_with = "present")]
    #[schemars(with = "CustomRoleKind")]
    pub kind: Option<CustomRoleKind>,
    /// What it may do there; replaces all.
    #[serde(deserialize_with = "present")]
    #[schemars(with = "Scopes")]
    pub permissions: Option<Scopes>,
    /// Your own key.
    pub external_id: Patch<ExternalId>,
    /// What it is for.
    pub description: Patch<Description>,
}

impl Input for NewRole {
    fn references(&self) -> Vec<Reference> {
        Vec::new()
    }
}

impl Input for RolePatch {
    fn references(&self) -> Vec<Reference> {
        Vec::new()
    }
}

impl Record for Role {
    const KIND: &'static str = "role";
    const SUMMARY: &'static str =
        "A named set of permissions, built in or of the account's own making.";
    const FIELDS: &'static [Field] = &[
        Field::sorted("created_at", "created_at", FieldKind::Time),
        Field::sorted("name", "name_key", FieldKind::Folded),
        Field::filter("external_id", "external_id", FieldKind::Text),
        Field::filter(
            "kind",
            "kind",
            FieldKind::Word(&["global", "organization", "team"]),
        ),
        Field::filter("built_in", "built_in", FieldKind::Bool),
    ];
    const SEARCH: &'static [&'static str] = &["name_key"];
    const EXPANDS: &'static [Expand] = &[];
    const SOFT_DELETE: bool = false;
    const REACH: Option<&'static str> = None;
    const READ: Permission = Permission::RolesRead;

    fn id(&self) -> &Id<Self> {
        &self.id
    }
}

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

/// Plans a new role. Its maker must hold all that it holds.
pub fn plan_create(ids: &Ids, call: &Call, new: NewRole) -> Result<(Plan, Role)> {
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
    let role = Role {
        id: ids.next(call.now),
        name_key: new.name.key(),
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
        after.name_key = name.key();
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
    let (plan, role) = plan_create(ids, call, new)?;
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

/// The statement that goes with every grant of a custom role: it must still be there, and who would delete it learns of it.
pub fn note_grant(role: &Id<Role>) -> Statement {
    Statement::guarded(
        "UPDATE custom_roles SET grants = grants + 1 WHERE account_id = $1 AND id = $2",
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

/// The event of a role that somebody got or lost in the whole account.
pub fn grant_event(verb: &str, user: &str, role: &str) -> Event {
    Event::new(
        format!("user.role_{verb}"),
        user,
        json!({ "user_id": user, "role": role }),
    )
    .user(user)
}
