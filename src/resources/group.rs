//! Groups of the LMS, as far as they are known here: a name, and which teams they are kept equal with.
//!
//! A group is a record of its own and stands without an LMS. Keeping its people equal with those of a team is work of
//! the connection to the LMS; while there is none, mappings are kept as they are and nothing else happens.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::Permission;
use crate::columns;
use crate::db::Statement;
use crate::error::Result;
use crate::events::Event;
use crate::params;
use crate::resource::{
    Expand, Field, FieldKind, Input, Record, Reference, Resolved, Resource, Stamp, event_of,
};
use crate::types::merge::present;
use crate::types::text::Description;
use crate::types::{ExternalId, Id, Kind, Metadata, Name, Patch, Tags, Timestamp};

/// A group of the LMS.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Group {
    /// The group's id.
    pub id: Id<Self>,
    /// Its name.
    pub name: Name,
    /// Your own key.
    pub external_id: Option<ExternalId>,
    /// Its id in the LMS.
    pub lms_group_id: Option<ExternalId>,
    /// What it is for.
    pub description: Option<Description>,
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
    /// How many teams are mapped to it.
    pub team_count: i64,
}
columns!(Group in "groups": id, name, external_id, lms_group_id, description, tags, metadata, version, created_at, updated_at;
    team_count = "SELECT count(*) FROM group_teams g WHERE g.account_id = groups.account_id AND g.group_id = groups.id"
    => name_key: |group| group.name.key());

impl Kind for Group {
    const PREFIX: &'static str = "group";
}

/// A new group.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewGroup {
    /// Its name.
    pub name: Name,
    /// Your own key.
    #[serde(default)]
    pub external_id: Option<ExternalId>,
    /// Its id in the LMS.
    #[serde(default)]
    pub lms_group_id: Option<ExternalId>,
    /// What it is for.
    #[serde(default)]
    pub description: Option<Description>,
    /// Labels.
    #[serde(default)]
    pub tags: Tags,
    /// Your own data.
    #[serde(default)]
    pub metadata: Metadata,
}

/// A change of a group.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GroupPatch {
    /// Its name.
    #[serde(deserialize_with = "present")]
    #[schemars(with = "Name")]
    pub name: Option<Name>,
    /// Your own key.
    pub external_id: Patch<ExternalId>,
    /// Its id in the LMS.
    pub lms_group_id: Patch<ExternalId>,
    /// What it is for.
    pub description: Patch<Description>,
    /// Labels; replaces all.
    #[serde(deserialize_with = "present")]
    #[schemars(with = "Tags")]
    pub tags: Option<Tags>,
    /// Your own data; replaces all.
    #[serde(deserialize_with = "present")]
    #[schemars(with = "Metadata")]
    pub metadata: Option<Metadata>,
}

impl Input for NewGroup {
    fn references(&self) -> Vec<Reference> {
        Vec::new()
    }
}

impl Input for GroupPatch {
    fn references(&self) -> Vec<Reference> {
        Vec::new()
    }
}

impl Record for Group {
    const KIND: &'static str = "group";
    const SUMMARY: &'static str = "A group of the LMS, and which teams it is kept equal with.";
    const FIELDS: &'static [Field] = &[
        Field::sorted("created_at", "created_at", FieldKind::Time),
        Field::sorted("name", "name_key", FieldKind::Folded),
        Field::filter("external_id", "external_id", FieldKind::Text),
        Field::filter("lms_group_id", "lms_group_id", FieldKind::Text),
        Field::filter(
            "team",
            "groups.id IN (SELECT g.group_id FROM group_teams g WHERE g.account_id = $1 AND g.team_id {})",
            FieldKind::Reference("team", "teams"),
        ),
    ];
    const SEARCH: &'static [&'static str] = &["name_key"];
    const EXPANDS: &'static [Expand] = &[];
    const SOFT_DELETE: bool = false;
    const REACH: Option<&'static str> = Some(
        "EXISTS (SELECT 1 FROM group_teams g WHERE g.account_id = $1 AND g.group_id = groups.id AND g.team_id IN {})",
    );
    const READ: Permission = Permission::GroupsRead;

    fn id(&self) -> &Id<Self> {
        &self.id
    }
}

impl Resource for Group {
    const WRITE: Permission = Permission::GroupsWrite;
    type New = NewGroup;
    type Patch = GroupPatch;
    fn version(&self) -> i64 {
        self.version
    }

    fn create(new: NewGroup, _: &Resolved, stamp: &Stamp<'_>) -> Result<Self> {
        Ok(Self {
            id: stamp.ids.next(stamp.now),
            name: new.name,
            external_id: new.external_id,
            lms_group_id: new.lms_group_id,
            description: new.description,
            tags: new.tags,
            metadata: new.metadata,
            version: 1,
            created_at: stamp.now,
            updated_at: stamp.now,
            team_count: 0,
        })
    }

    fn apply(&mut self, patch: GroupPatch, _: &Resolved, now: Timestamp) -> Result<()> {
        if let Some(name) = patch.name {
            self.name = name;
        }
        patch.external_id.apply(&mut self.external_id);
        patch.lms_group_id.apply(&mut self.lms_group_id);
        patch.description.apply(&mut self.description);
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
            "DELETE FROM group_teams WHERE account_id = $1 AND group_id = $2",
            params![self.id.to_string()],
        )]
    }

    fn event(&self, verb: &str) -> Event {
        event_of(self, verb)
    }
}
