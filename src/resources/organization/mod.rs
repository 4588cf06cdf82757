//! Organizations: customers as trees, eight levels deep at most, with teams at any node.
//!
//! What concerns one node is here; what concerns its place in the tree is in [`tree`], what it takes over from above in
//! [`inheritance`], who looks after it in [`admins`].

pub mod admins;
pub mod branding;
pub mod inheritance;
pub mod preview;
pub mod summary;
pub mod teams;
pub mod tree;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::team::Team;
use crate::access::{Caller, Permission};
use crate::columns;
use crate::db::Statement;
use crate::error::{Code, Error, Result};
use crate::events::Event;
use crate::params;
use crate::resource::{
    Expand, Field, FieldKind, Input, Record, Reference, Resolved, Resource, Stamp, event_of,
};
use crate::types::merge::present;
use crate::types::text::{Description, Json};
use crate::types::{ExternalId, Id, Kind, Metadata, Name, Patch, Ref, Tags, Timestamp};
use branding::{Branding, BrandingPatch};

pub use tree::plan_create;

/// Refuses a caller who sees an organization by one of its teams only: what it is is not theirs to change.
pub fn require_held(caller: &Caller, node: &Organization) -> Result<()> {
    if caller.reach.holds(node.id.as_str()) {
        return Ok(());
    }
    Err(Error::new(
        Code::Forbidden,
        "This is limited to some of the organization's teams; the operation concerns the organization itself.",
    ))
}

/// Levels of a tree at the most.
pub const DEEPEST: i64 = 8;

/// A customer as a whole, or a part of one.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Organization {
    /// The organization's id.
    pub id: Id<Self>,
    /// Its name.
    pub name: Name,
    /// Your own key.
    pub external_id: Option<ExternalId>,
    /// What it is.
    pub description: Option<Description>,
    /// The organization above it.
    pub parent_id: Option<Id<Self>>,
    #[serde(skip)]
    pub(crate) path: String,
    /// Its level in the tree: 1 for a root, 8 at the most.
    pub depth: i64,
    /// The team that new people of it join: one of its own or of an organization below it.
    pub default_team_id: Option<Id<Team>>,
    /// What it sets of its look; what it does not set is taken over from above, unless `inherit_branding` is false.
    pub branding: Json<Branding>,
    /// Whether what its look leaves open is taken over from above.
    pub inherit_branding: bool,
    /// Whether it also sees the catalog of what stands above it.
    pub inherit_catalog: bool,
    /// Labels.
    pub tags: Tags,
    /// Your own data.
    pub metadata: Metadata,
    #[serde(skip)]
    pub(crate) version: i64,
    /// When the record was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// How many teams are at this node.
    pub team_count: i64,
}
columns!(Organization in "organizations": id, name, external_id, description, parent_id, path, depth, default_team_id,
    branding, inherit_branding, inherit_catalog, tags, metadata, version, created_at, updated_at;
    team_count = "SELECT count(*) FROM teams t WHERE t.account_id = organizations.account_id AND t.organization_id = organizations.id AND t.deleted_at IS NULL"
    => name_key: |organization| organization.name.key());

/// The condition that a path lies at or below the organization that a filter names.
macro_rules! within {
    ($path:literal) => {
        concat!(
            $path,
            " >= (SELECT top.path FROM organizations top WHERE top.account_id = $1 AND top.id {}) AND ",
            $path,
            " < (SELECT top.path FROM organizations top WHERE top.account_id = $1 AND top.id {}) || '~'"
        )
    };
}
pub(super) use within;

impl Kind for Organization {
    const PREFIX: &'static str = "org";
}

/// A new organization.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOrganization {
    /// Its name.
    pub name: Name,
    /// Your own key.
    #[serde(default)]
    pub external_id: Option<ExternalId>,
    /// What it is.
    #[serde(default)]
    pub description: Option<Description>,
    /// The organization above it.
    #[serde(default)]
    pub parent: Option<Ref<Organization>>,
    /// What it sets of its look.
    #[serde(default)]
    pub branding: BrandingPatch,
    /// Whether what its look leaves open is taken over from above; it is unless said.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "bool")]
    pub inherit_branding: Option<bool>,
    /// Whether it also sees the catalog of what stands above it; it does unless said.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "bool")]
    pub inherit_catalog: Option<bool>,
    /// Labels.
    #[serde(default)]
    pub tags: Tags,
    /// Your own data.
    #[serde(default)]
    pub metadata: Metadata,
}

/// A change of an organization. Another `parent` moves it with everything below it, as
/// `POST /organizations/{id}/move` does, whose dry run tells what that changes.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OrganizationPatch {
    /// Its name.
    #[serde(deserialize_with = "present")]
    #[schemars(with = "Name")]
    pub name: Option<Name>,
    /// Your own key.
    pub external_id: Patch<ExternalId>,
    /// What it is.
    pub description: Patch<Description>,
    /// The organization above it; `null` makes it a root.
    pub parent: Patch<Ref<Organization>>,
    /// The team that new people of it join: one of its own or of an organization below it.
    pub default_team: Patch<Ref<Team>>,
    /// What it sets of its look: members left out stay, `null` leaves one to what stands above.
    #[serde(deserialize_with = "present")]
    #[schemars(with = "BrandingPatch")]
    pub branding: Option<BrandingPatch>,
    /// Whether what its look leaves open is taken over from above.
    #[serde(deserialize_with = "present")]
    #[schemars(with = "bool")]
    pub inherit_branding: Option<bool>,
    /// Whether it also sees the catalog of what stands above it.
    #[serde(deserialize_with = "present")]
    #[schemars(with = "bool")]
    pub inherit_catalog: Option<bool>,
    /// Labels; replaces all.
    #[serde(deserialize_with = "present")]
    #[schemars(with = "Tags")]
    pub tags: Option<Tags>,
    /// Your own data; replaces all.
    #[serde(deserialize_with = "present")]
    #[schemars(with = "Metadata")]
    pub metadata: Option<Metadata>,
}

impl Input for NewOrganization {
    fn references(&self) -> Vec<Reference> {
        self.parent
            .iter()
            .map(|parent| Reference::to("/parent", parent))
            .collect()
    }
}

impl Input for OrganizationPatch {
    fn references(&self) -> Vec<Reference> {
        let team = self.default_team.as_set();
        let parent = self.parent.as_set();
        team.map(|team| Reference::to("/default_team", team))
            .into_iter()
            .chain(parent.map(|parent| Reference::to("/parent", parent)))
            .collect()
    }
}

impl Organization {
    /// A new organization below `parent`, or a root.
    pub fn below(parent: Option<&Self>, new: NewOrganization, stamp: &Stamp<'_>) -> Self {
        let id: Id<Self> = stamp.ids.next(stamp.now);
        Self {
            name: new.name,
            external_id: new.external_id,
            description: new.description,
            parent_id: parent.map(|parent| parent.id.clone()),
            path: format!("{}{id}/", parent.map_or("/", |parent| &parent.path)),
            depth: parent.map_or(1, |parent| parent.depth + 1),
            default_team_id: None,
            branding: Json(new.branding.applied(Branding::default())),
            inherit_branding: new.inherit_branding.unwrap_or(true),
            inherit_catalog: new.inherit_catalog.unwrap_or(true),
            tags: new.tags,
            metadata: new.metadata,
            version: 1,
            created_at: stamp.now,
            updated_at: stamp.now,
            team_count: 0,
            id,
        }
    }
}

impl Record for Organization {
    const KIND: &'static str = "organization";
    const SUMMARY: &'static str =
        "A customer as a whole, or a part of one: a node of a tree with teams.";
    const FIELDS: &'static [Field] = &[
        Field::sorted("created_at", "created_at", FieldKind::Time),
        Field::sorted("name", "name_key", FieldKind::Folded),
        // The order of the tree: each node before those below it.
        Field::sorted("path", "path", FieldKind::Text),
        Field::filter("external_id", "external_id", FieldKind::Text),
        Field::filter("depth", "depth", FieldKind::Int),
        Field::filter(
            "parent",
            "parent_id",
            FieldKind::Reference(Self::PREFIX, "organizations"),
        ),
        Field::filter(
            "within",
            within!("organizations.path"),
            FieldKind::Reference(Self::PREFIX, "organizations"),
        ),
    ];
    const SEARCH: &'static [&'static str] = &["name_key"];
    const EXPANDS: &'static [Expand] = &[
        Expand {
            name: "parent",
            member: "parent_id",
            table: "organizations",
        },
        Expand {
            name: "default_team",
            member: "default_team_id",
            table: "teams",
        },
    ];
    const SOFT_DELETE: bool = false;
    const REACH: Option<&'static str> = Some(
        "(organizations.id IN {} OR EXISTS (SELECT 1 FROM teams t WHERE t.account_id = $1 AND t.organization_id = organizations.id AND t.id IN {}))",
    );
    const READ: Permission = Permission::OrganizationsRead;

    fn id(&self) -> &Id<Self> {
        &self.id
    }
}

impl Resource for Organization {
    const WRITE: Permission = Permission::OrganizationsWrite;
    type New = NewOrganization;
    type Patch = OrganizationPatch;
    fn version(&self) -> i64 {
        self.version
    }

    /// A root: what has a parent is made by [`Organization::below`].
    fn create(new: NewOrganization, _: &Resolved, stamp: &Stamp<'_>) -> Result<Self> {
        Ok(Self::below(None, new, stamp))
    }

    /// All but another `parent`, which needs to know the tree: see [`tree::plan_change`].
    fn apply(&mut self, patch: OrganizationPatch, refs: &Resolved, now: Timestamp) -> Result<()> {
        if let Some(name) = patch.name {
            self.name = name;
        }
        patch.external_id.apply(&mut self.external_id);
        patch.description.apply(&mut self.description);
        match patch.default_team {
            Patch::Keep => {}
            Patch::Clear => self.default_team_id = None,
            Patch::Set(team) => self.default_team_id = Some(refs.id(&team)?),
        }
        if let Some(branding) = patch.branding {
            self.branding = Json(branding.applied(self.branding.0.clone()));
        }
        self.inherit_branding = patch.inherit_branding.unwrap_or(self.inherit_branding);
        self.inherit_catalog = patch.inherit_catalog.unwrap_or(self.inherit_catalog);
        self.tags = patch.tags.unwrap_or_else(|| self.tags.clone());
        self.metadata = patch.metadata.unwrap_or_else(|| self.metadata.clone());
        self.updated_at = now;
        Ok(())
    }

    fn companions(&self, _: Option<&Self>) -> Vec<Statement> {
        Vec::new()
    }

    fn farewell(&self, _: Timestamp) -> Vec<Statement> {
        let id = self.id.to_string();
        [
            "DELETE FROM organization_members WHERE account_id = $1 AND organization_id = $2",
            "DELETE FROM domain_claims WHERE account_id = $1 AND organization_id = $2",
            // A team that was put aside stays restorable, without the organization that is gone.
            "UPDATE teams SET organization_id = NULL WHERE account_id = $1 AND organization_id = $2 AND deleted_at IS NOT NULL",
        ]
        .into_iter()
        .map(|sql| Statement::new(sql, params![id]))
        .collect()
    }

    fn event(&self, verb: &str) -> Event {
        event_of(self, verb)
    }
}
