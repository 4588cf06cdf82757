//! Mappings: which team a group of the LMS is kept equal with, and which way.
//!
//! What each direction means for memberships once an LMS is connected:
//!
//! - `to_lms`: whoever joins the team is added to the group; whoever leaves it is taken out.
//! - `from_lms`: whoever is in the group joins the team; whoever leaves the group leaves the team, unless the membership
//!   was not made by the group.
//! - `bidirectional`: both.
//! - `disabled`: nothing, but the mapping is remembered.
//!
//! Without an LMS there is no other side to be equal with, so the rows are kept, nothing is carried out, and `sync` says
//! `off`. A mapping is one row for a group and a team, so two directions never contradict each other.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::group::Group;
use super::team::Team;
use crate::access::{Call, Permission};
use crate::columns;
use crate::db::{Db, Select, Statement};
use crate::error::{Code, Error, Result};
use crate::events::{Event, Plan};
use crate::params;
use crate::records;
use crate::resource::{Expand, Field, FieldKind, Record, event_of};
use crate::types::{Id, Ids, Kind, Ref, Timestamp};

crate::words! {
    /// Which way memberships go.
    pub enum Direction {
        /// Neither way, for now.
        Disabled = "disabled",
        /// Both ways.
        Bidirectional = "bidirectional",
        /// From the team to the group.
        ToLms = "to_lms",
        /// From the group to the team.
        FromLms = "from_lms",
    }
}

crate::words! {
    /// Whether a mapping is carried out.
    pub enum GroupSync {
        /// It is kept, and nothing is carried out: no LMS is connected, or the direction is `disabled`.
        Off = "off",
    }
}

/// A team that a group is kept equal with.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct GroupTeam {
    /// The mapping's id.
    pub id: Id<Self>,
    /// The group.
    pub group_id: Id<Group>,
    /// The team.
    pub team_id: Id<Team>,
    /// Which way memberships go.
    pub direction: Direction,
    #[serde(skip)]
    pub(crate) version: i64,
    /// When the mapping was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Whether it is carried out.
    pub sync: GroupSync,
}
// This version connects to no LMS, so no mapping of any account is carried out.
columns!(GroupTeam in "group_teams": id, group_id, team_id, direction, version, created_at, updated_at; sync = "'off'");

impl Kind for GroupTeam {
    const PREFIX: &'static str = "mapping";
}

/// How a team is mapped.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupTeamInput {
    /// Which way memberships go.
    pub direction: Direction,
}

impl Record for GroupTeam {
    const KIND: &'static str = "group_team";
    const SUMMARY: &'static str = "A team that a group is kept equal with.";
    const FIELDS: &'static [Field] = &[
        Field::sorted("created_at", "created_at", FieldKind::Time),
        Field::filter("team", "team_id", FieldKind::Reference("team", "teams")),
    ];
    const SEARCH: &'static [&'static str] = &[];
    const EXPANDS: &'static [Expand] = &[Expand {
        name: "team",
        member: "team_id",
        table: "teams",
    }];
    const SOFT_DELETE: bool = false;
    const REACH: Option<&'static str> = Some("group_teams.team_id IN {}");
    const READ: Permission = Permission::GroupsRead;

    fn id(&self) -> &Id<Self> {
        &self.id
    }
}

/// The read of the mapping of a group and a team.
pub fn mapping_of(group: &Id<Group>, team: &Id<Team>) -> Select {
    Select::rows::<GroupTeam>(
        "WHERE account_id = $1 AND group_id = $2 AND team_id = $3",
        params![group.clone(), team.clone()],
    )
}

/// The group, the team and their mapping, if there is one.
pub async fn find(
    db: &Db,
    call: &Call,
    group: &Ref<Group>,
    team: &Ref<Team>,
) -> Result<(Group, Team, Option<GroupTeam>)> {
    let group = records::find::<Group>(db, &call.caller, group).await?;
    let team = records::find::<Team>(db, &call.caller, team).await?;
    let standing = db
        .first::<GroupTeam>(call.account(), mapping_of(&group.id, &team.id))
        .await?;
    Ok((group, team, standing))
}

fn event(mapping: &GroupTeam, verb: &str) -> Event {
    event_of(mapping, verb).team(&mapping.team_id)
}

/// Plans a mapping, or another direction of the one that stands. Tells whether it was made.
pub async fn plan_put(
    db: &Db,
    ids: &Ids,
    call: &Call,
    group: &Ref<Group>,
    team: &Ref<Team>,
    direction: Direction,
) -> Result<(Plan, GroupTeam, bool)> {
    call.caller.require(Permission::GroupsWrite)?;
    let (group, team, standing) = find(db, call, group, team).await?;
    call.caller.require_account()?;
    let mut plan = Plan::new("group_team.put");
    let Some(before) = standing else {
        let mapping = GroupTeam {
            id: ids.next(call.now),
            group_id: group.id,
            team_id: team.id,
            direction,
            version: 1,
            created_at: call.now,
            updated_at: call.now,
            sync: GroupSync::Off,
        };
        plan.write(Statement::insert(&mapping));
        plan.event(event(&mapping, "created"));
        return Ok((plan, mapping, true));
    };
    if before.direction == direction {
        return Ok((plan, before, false));
    }
    let after = GroupTeam {
        direction,
        updated_at: call.now,
        ..before.clone()
    };
    plan.write(Statement::update(&after, before.version));
    let previous = serde_json::json!({ "direction": before.direction });
    plan.event(event(&after, "updated").previous(previous));
    Ok((plan, after, false))
}

/// Plans the end of a mapping. Memberships stay as they are.
pub async fn plan_remove(
    db: &Db,
    call: &Call,
    group: &Ref<Group>,
    team: &Ref<Team>,
) -> Result<Plan> {
    call.caller.require(Permission::GroupsWrite)?;
    let (_, _, standing) = find(db, call, group, team).await?;
    call.caller.require_account()?;
    let mapping = standing.ok_or_else(unmapped)?;
    let mut plan = Plan::new("group_team.delete");
    plan.write(Statement::guarded(
        "DELETE FROM group_teams WHERE account_id = $1 AND id = $2 AND version = $3",
        params![mapping.id.clone(), mapping.version],
    ));
    plan.event(event(&mapping, "deleted"));
    Ok(plan)
}

/// There is no mapping of these two.
pub fn unmapped() -> Error {
    Error::new(
        Code::NotFound,
        "The team is not mapped to this group. PUT makes the mapping.",
    )
}
