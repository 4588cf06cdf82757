//! Teams: people who learn together, a customer, a department, a class.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::member::as_read;
use super::organization::{Organization, within};
use crate::access::{Call, Permission, Reach};
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

/// People who learn together: a customer, a department, a class.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Team {
    /// The team's id.
    pub id: Id<Self>,
    /// Its name, unique within its organization.
    pub name: Name,
    /// Your own key of the team.
    pub external_id: Option<ExternalId>,
    /// What it is for.
    pub description: Option<Description>,
    /// The organization it belongs to.
    pub organization_id: Option<Id<Organization>>,
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
    /// When the team was put aside: restorable for 30 days from then. Absent for every team that is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<Timestamp>,
    /// How many people are in it.
    pub member_count: i64,
    /// Whether nobody owns it; somebody should.
    pub ownerless: bool,
}
columns!(Team in "teams": id, name, external_id, description, organization_id, tags, metadata, version, created_at, updated_at, deleted_at;
    member_count = "SELECT count(*) FROM team_members m WHERE m.account_id = teams.account_id AND m.team_id = teams.id",
    ownerless = "NOT EXISTS (SELECT 1 FROM team_members o WHERE o.account_id = teams.account_id AND o.team_id = teams.id AND o.role = 'owner')"
    => name_key: |team| team.name.key());

impl Kind for Team {
    const PREFIX: &'static str = "team";
}

/// A new team.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTeam {
    /// Its name.
    pub name: Name,
    /// Your own key.
    #[serde(default)]
    pub external_id: Option<ExternalId>,
    /// What it is for.
    #[serde(default)]
    pub description: Option<Description>,
    /// The organization it belongs to.
    #[serde(default)]
    pub organization: Option<Ref<Organization>>,
    /// Labels.
    #[serde(default)]
    pub tags: Tags,
    /// Your own data.
    #[serde(default)]
    pub metadata: Metadata,
}

/// A change of a team.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TeamPatch {
    /// Its name.
    #[serde(deserialize_with = "present")]
    #[schemars(with = "Name")]
    pub name: Option<Name>,
    /// Your own key.
    pub external_id: Patch<ExternalId>,
    /// What it is for.
    pub description: Patch<Description>,
    /// The organization it belongs to.
    pub organization: Patch<Ref<Organization>>,
    /// Labels; replaces all.
    #[serde(deserialize_with = "present")]
    #[schemars(with = "Tags")]
    pub tags: Option<Tags>,
    /// Your own data; replaces all.
    #[serde(deserialize_with = "present")]
    #[schemars(with = "Metadata")]
    pub metadata: Option<Metadata>,
}

impl Input for NewTeam {
    fn references(&self) -> Vec<Reference> {
        self.organization
            .iter()
            .map(|organization| Reference::to("/organization", organization))
            .collect()
    }
}

impl Input for TeamPatch {
    fn references(&self) -> Vec<Reference> {
        self.organization
            .as_set()
            .map(|organization| Reference::to("/organization", organization))
            .into_iter()
            .collect()
    }
}

impl Team {
    /// A new team, not yet written.
    pub fn named(name: Name, organization_id: Option<Id<Organization>>, stamp: &Stamp<'_>) -> Self {
        Self {
            id: stamp.ids.next(stamp.now),
            name,
            external_id: None,
            description: None,
            organization_id,
            tags: Tags::default(),
            metadata: Metadata::default(),
            version: 1,
            created_at: stamp.now,
            updated_at: stamp.now,
            deleted_at: None,
            member_count: 0,
            ownerless: true,
        }
    }
}

/// Plans a new team. Whoever is limited to some organizations makes it in one of those: elsewhere they would make what
/// they could not see afterwards.
pub async fn plan_create(db: &Db, ids: &Ids, call: &Call, new: NewTeam) -> Result<(Plan, Team)> {
    call.caller.require(Team::WRITE)?;
    let refs = resolve(db, &call.caller, new.references()).await?;
    let organization: Option<Id<Organization>> = refs.maybe(new.organization.as_ref())?;
    let within = organization.is_some_and(|id| call.caller.reach.holds(id.as_str()));
    if !within && call.caller.reach != Reach::Account {
        return Err(Error::new(
            Code::Forbidden,
            "This is limited to some teams, and a new one would not be among them. Name an «organization» that lies within the limits, or let somebody without them make the team.",
        ));
    }
    let team = Team::create(new, &refs, &Stamp { ids, now: call.now })?;
    let mut plan = Plan::new("team.create");
    plan.write_all(records::insertion(&team));
    plan.event(team.event("created"));
    Ok((plan, team))
}

impl Record for Team {
    const KIND: &'static str = "team";
    const SUMMARY: &'static str = "People who learn together: a customer, a department, a class.";
    const FIELDS: &'static [Field] = &[
        Field::sorted("created_at", "created_at", FieldKind::Time),
        Field::sorted("name", "name_key", FieldKind::Folded),
        Field::filter("external_id", "external_id", FieldKind::Text),
        Field::filter(
            "organization",
            "organization_id",
            FieldKind::Reference(Organization::PREFIX, "organizations"),
        ),
        Field::filter(
            "within",
            concat!(
                "teams.organization_id IN (SELECT o.id FROM organizations o WHERE o.account_id = $1 AND ",
                within!("o.path"),
                ")"
            ),
            FieldKind::Reference(Organization::PREFIX, "organizations"),
        ),
        Field::filter(
            "user",
            "teams.id IN (SELECT team_id FROM team_members WHERE account_id = $1 AND user_id {})",
            FieldKind::Reference("user", "users"),
        ),
        Field::filter(
            "ownerless",
            "(NOT EXISTS (SELECT 1 FROM team_members o WHERE o.account_id = $1 AND o.team_id = teams.id AND o.role = 'owner')) {}",
            FieldKind::Bool,
        ),
    ];
    const SEARCH: &'static [&'static str] = &["name_key"];
    const EXPANDS: &'static [Expand] = &[Expand {
        name: "organization",
        member: "organization_id",
        table: "organizations",
    }];
    const SOFT_DELETE: bool = true;
    const REACH: Option<&'static str> = Some("teams.id IN {}");
    const READ: Permission = Permission::TeamsRead;

    fn id(&self) -> &Id<Self> {
        &self.id
    }
}

impl Resource for Team {
    const WRITE: Permission = Permission::TeamsWrite;
    type New = NewTeam;
    type Patch = TeamPatch;
    fn version(&self) -> i64 {
        self.version
    }

    fn create(new: NewTeam, refs: &Resolved, stamp: &Stamp<'_>) -> Result<Self> {
        let organization_id = refs.maybe(new.organization.as_ref())?;
        Ok(Self {
            external_id: new.external_id,
            description: new.description,
            tags: new.tags,
            metadata: new.metadata,
            ..Self::named(new.name, organization_id, stamp)
        })
    }

    fn apply(&mut self, patch: TeamPatch, refs: &Resolved, now: Timestamp) -> Result<()> {
        if let Some(name) = patch.name {
            self.name = name;
        }
        patch.external_id.apply(&mut self.external_id);
        patch.description.apply(&mut self.description);
        match patch.organization {
            Patch::Keep => {}
            Patch::Clear => self.organization_id = None,
            Patch::Set(organization) => self.organization_id = Some(refs.id(&organization)?),
        }
        self.tags = patch.tags.unwrap_or_else(|| self.tags.clone());
        self.metadata = patch.metadata.unwrap_or_else(|| self.metadata.clone());
        self.updated_at = now;
        Ok(())
    }

    /// Where it does not lie any more, it is not the default team any more either.
    fn companions(&self, before: Option<&Self>) -> Vec<Statement> {
        if before.is_none_or(|before| before.organization_id == self.organization_id) {
            return Vec::new();
        }
        vec![Statement::new(
            "UPDATE organizations SET default_team_id = NULL, version = version + 1 WHERE account_id = $1 AND default_team_id = $2 AND NOT EXISTS \
             (SELECT 1 FROM organizations own WHERE own.account_id = $1 AND own.id = $3 AND own.path >= organizations.path AND own.path < organizations.path || '~')",
            params![self.id.to_string(), self.organization_id.clone()],
        )]
    }

    fn farewell(&self, now: Timestamp) -> Vec<Statement> {
        let leave = |sql: &'static str| Statement::new(sql, params![self.id.to_string()]);
        vec![
            // What restoring brings back.
            leave(
                "INSERT INTO former_members (account_id, departed_id, team_id, user_id, role, managed_by, joined_at) \
                 SELECT account_id, team_id, team_id, user_id, role, managed_by, joined_at FROM team_members WHERE account_id = $1 AND team_id = $2",
            ),
            leave(
                "INSERT INTO former_domain_claims (account_id, id, domain, organization_id, team_id, proof, state, txt_record, verified_at, checked_at, \
                 check_result, next_check_at, version, created_at, updated_at) SELECT account_id, id, domain, organization_id, team_id, proof, state, \
                 txt_record, verified_at, checked_at, check_result, next_check_at, version, created_at, updated_at FROM domain_claims \
                 WHERE account_id = $1 AND team_id = $2",
            ),
            leave(
                "INSERT INTO former_defaults (account_id, team_id, organization_id) \
                 SELECT account_id, default_team_id, id FROM organizations WHERE account_id = $1 AND default_team_id = $2 \
                 UNION ALL SELECT account_id, default_team_id, '' FROM accounts WHERE account_id = $1 AND default_team_id = $2",
            ),
            Statement::new(
                format!(
                    "DELETE FROM team_members WHERE account_id = $1 AND team_id = $2 AND {}",
                    as_read()
                ),
                params![self.id.to_string()],
            ),
            Statement::new(
                "UPDATE invitations SET state = 'revoked', ended_at = $3, updated_at = $3, remind_at = NULL, version = version + 1 \
                 WHERE account_id = $1 AND team_id = $2 AND state IN ('queued', 'sent', 'failed')",
                params![self.id.to_string(), now],
            ),
            leave("DELETE FROM domain_claims WHERE account_id = $1 AND team_id = $2"),
            leave("DELETE FROM group_teams WHERE account_id = $1 AND team_id = $2"),
            leave(
                "UPDATE accounts SET default_team_id = NULL WHERE account_id = $1 AND default_team_id = $2",
            ),
            leave(
                "UPDATE organizations SET default_team_id = NULL WHERE account_id = $1 AND default_team_id = $2",
            ),
        ]
    }

    fn event(&self, verb: &str) -> Event {
        event_of(self, verb).team(&self.id)
    }
}
