//! Organizations: customers as trees, eight levels deep at most, with teams at any node.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::team::Team;
use crate::access::{Call, Permission};
use crate::columns;
use crate::db::{Db, Statement};
use crate::error::{Code, Error, Result};
use crate::events::{Event, Plan};
use crate::params;
use crate::records;
use crate::resource::{
    Expand, Field, FieldKind, Input, Record, Reference, Resolved, Resource, Stamp, event_of,
    resolve,
};
use crate::types::merge::present;
use crate::types::text::Description;
use crate::types::{ExternalId, Id, Ids, Kind, Metadata, Name, Patch, Ref, Tags, Timestamp};

/// A customer as a whole, or a part of one.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Organization {
    /// The organization's id.
    pub id: Id<Self>,
    /// Its name.
    pub name: Name,
    #[serde(skip)]
    pub(crate) name_key: String,
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
    /// The team that new people of it join.
    pub default_team_id: Option<Id<Team>>,
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
columns!(Organization in "organizations": id, name, name_key, external_id, description, parent_id, path, depth, default_team_id,
    tags, metadata, version, created_at, updated_at;
    team_count = "SELECT count(*) FROM teams t WHERE t.account_id = organizations.account_id AND t.organization_id = organizations.id AND t.deleted_at IS NULL");

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
    /// Labels.
    #[serde(default)]
    pub tags: Tags,
    /// Your own data.
    #[serde(default)]
    pub metadata: Metadata,
}

/// A change of an organization. Its place in the tree is changed by `POST /organizations/{id}/move`.
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
    /// The team that new people of it join.
    pub default_team: Patch<Ref<Team>>,
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
        self.default_team
            .as_set()
            .map(|team| Reference::to("/default_team", team))
            .into_iter()
            .collect()
    }
}

impl Organization {
    /// A new organization below `parent`, or a root.
    pub fn below(parent: Option<&Self>, new: NewOrganization, stamp: &Stamp<'_>) -> Self {
        let id: Id<Self> = stamp.ids.next(stamp.now);
        Self {
            name_key: new.name.key(),
            name: new.name,
            external_id: new.external_id,
            description: new.description,
            parent_id: parent.map(|parent| parent.id.clone()),
            path: format!("{}{id}/", parent.map_or("/", |parent| &parent.path)),
            depth: parent.map_or(1, |parent| parent.depth + 1),
            default_team_id: None,
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
        Field::filter("external_id", "external_id", FieldKind::Text),
        Field::filter(
            "parent",
            "parent_id",
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

    fn apply(&mut self, patch: OrganizationPatch, refs: &Resolved, now: Timestamp) -> Result<()> {
        if let Some(name) = patch.name {
            self.name = name;
        }
        self.name_key = self.name.key();
        patch.external_id.apply(&mut self.external_id);
        patch.description.apply(&mut self.description);
        match patch.default_team {
            Patch::Keep => {}
            Patch::Clear => self.default_team_id = None,
            Patch::Set(team) => self.default_team_id = Some(refs.id(&team)?),
        }
        self.tags = patch.tags.unwrap_or_else(|| self.tags.clone());
        self.metadata = patch.metadata.unwrap_or_else(|| self.metadata.clone());
        self.updated_at = now;
        Ok(())
    }

    fn companions(&self, _: Option<&Self>) -> Vec<Statement> {
        Vec::new()
    }

    fn farewell(&self, _: Timestamp) -> Vec<Statement> {
        vec![Statement::new(
            "DELETE FROM organization_members WHERE account_id = $1 AND organization_id = $2",
            params![self.id.to_string()],
        )]
    }

    fn event(&self, verb: &str) -> Event {
        event_of(self, verb)
    }
}

/// Plans a new organization, below its parent if it names one.
pub async fn plan_create(
    db: &Db,
    ids: &Ids,
    call: &Call,
    new: NewOrganization,
) -> Result<(Plan, Organization)> {
    call.caller.require(Organization::WRITE)?;
    call.caller.require_account()?;
    let parent = match &new.parent {
        None => None,
        Some(reference) => {
            let refs = resolve(db, &call.caller, new.references()).await?;
            Some(
                records::find::<Organization>(db, &call.caller, &Ref::Id(refs.id(reference)?))
                    .await?,
            )
        }
    };
    if parent.as_ref().is_some_and(|parent| parent.depth >= 8) {
        return Err(Error::new(
            Code::StateConflict,
            "The parent is at level 8 already, the deepest there is. Choose one further up.",
        ));
    }
    let record = Organization::below(parent.as_ref(), new, &Stamp { ids, now: call.now });
    let mut plan = Plan::new("organization.create");
    plan.write_all(records::insertion(&record));
    plan.event(record.event("created"));
    Ok((plan, record))
}
