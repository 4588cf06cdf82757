//! Roles: named sets of permissions. The built-in ones are the program's own and stay as they are; an account makes
//! further ones, which hold in the whole account or in the team where they are given.
//!
//! Who makes or changes a role must hold all that it holds, before and after, since whoever has it gets that. A role in
//! use is not deleted; one that is given at the same moment is seen by the count of its grants. `plan` makes, changes and deletes them.

mod plan;

use std::sync::LazyLock;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::access::Permission;
use crate::access::api_keys::Scopes;
use crate::access::roles::{GlobalRole, OrganizationRole, TeamRole};
use crate::columns;
use crate::db::{DbError, FromRow, Reader, Row, Statement, Value, row};
use crate::error::Result;
use crate::events::Event;
use crate::params;
use crate::resource::{Expand, Field, FieldKind, Input, Record, Reference};
use crate::types::merge::present;
use crate::types::text::Description;
use crate::types::{ExternalId, Id, Kind, Name, Patch, Timestamp};

pub use plan::{plan_change, plan_create, plan_delete, plan_put};

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
    const DERIVED: &'static [&'static str] = &["name_key"];
    const COMPUTED: &'static [&'static str] = &[];
    fn values(&self) -> Vec<Value> {
        params![
            self.id,
            self.name,
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
    fn value_of(&self, column: &str) -> Option<Value> {
        let at = Self::STORED.iter().position(|one| *one == column)?;
        self.values().into_iter().nth(at)
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
    external_id: Option<ExternalId>,
    description: Option<Description>,
    kind: RoleKind,
    permissions: Scopes,
    version: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

columns!(CustomRole in "custom_roles": id, name, external_id, description, kind, permissions, version, created_at, updated_at
    => name_key: |role| role.name.key());

impl From<&Role> for CustomRole {
    fn from(role: &Role) -> Self {
        Self {
            id: role.id.clone(),
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

/// The statement that goes with every grant of a custom role: it must still be there, and who would delete it learns of it.
pub fn note_grant(role: &Id<Role>) -> Statement {
    Statement::guarded(
        "UPDATE custom_roles SET grants = grants + 1 WHERE account_id = $1 AND id = $2",
        params![*role],
    )
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
