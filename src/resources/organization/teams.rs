//! Teams assigned to an organization and taken away from it. A team stands at one node; assigning it to another takes it
//! away from the first, and from being the default team where it no longer lies below.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Organization;
use crate::access::{Call, Permission};
use crate::db::Db;
use crate::error::{Code, Error, Fault, Result};
use crate::events::Plan;
use crate::records;
use crate::resource::{Input, Record as _, Reference, Resolved, Resource as _, resolve};
use crate::resources::team::{Team, TeamPatch};
use crate::types::{Id, Patch, Ref};

/// Teams at once at the most.
const AT_ONCE: usize = 100;

/// Teams to be assigned.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AssignTeams {
    /// The teams, a hundred at the most.
    #[schemars(length(min = 1, max = 100))]
    pub teams: Vec<Ref<Team>>,
}

impl Input for AssignTeams {
    fn references(&self) -> Vec<Reference> {
        self.teams
            .iter()
            .enumerate()
            .map(|(n, team)| Reference::to(format!("/teams/{n}"), team))
            .collect()
    }
}

/// The teams after they were assigned.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct AssignedTeams {
    /// The organization at which they stand.
    pub organization_id: Id<Organization>,
    /// The teams, in the order in which they were given.
    pub data: Vec<Team>,
}

/// Plans that teams stand at an organization. Those that do already are left alone.
pub async fn plan_assign(
    db: &Db,
    call: &Call,
    reference: &Ref<Organization>,
    body: &AssignTeams,
) -> Result<(Plan, AssignedTeams)> {
    call.caller.require(Permission::TeamsWrite)?;
    let node = records::find::<Organization>(db, &call.caller, reference).await?;
    if body.teams.is_empty() || body.teams.len() > AT_ONCE {
        let detail = format!("must name from 1 to {AT_ONCE} teams");
        return Err(Error::invalid(vec![Fault::new(
            "/teams",
            "out_of_range",
            detail,
        )]));
    }
    let refs = resolve(db, &call.caller, body.references()).await?;
    let mut plan = Plan::new("organization.assign_teams");
    let mut data: Vec<Team> = Vec::new();
    for team in find_all(db, call, &body.teams, &refs).await? {
        if data.iter().any(|known| known.id == team.id) {
            continue;
        }
        let mut after = team.clone();
        after.organization_id = Some(node.id.clone());
        after.updated_at = call.now;
        let change = records::change(&team, &after, "updated");
        data.push(if change.is_empty() { team } else { after });
        plan.absorb(change);
    }
    Ok((
        plan,
        AssignedTeams {
            organization_id: node.id,
            data,
        },
    ))
}

/// The teams named, within the caller's reach, in one read.
async fn find_all(db: &Db, call: &Call, teams: &[Ref<Team>], refs: &Resolved) -> Result<Vec<Team>> {
    let ids = teams
        .iter()
        .map(|team| refs.id(team))
        .collect::<Result<Vec<_>>>()?;
    let found = records::find_all::<Team>(db, &call.caller, &ids).await?;
    let mut faults = Vec::new();
    let mut ordered = Vec::new();
    for (n, id) in ids.iter().enumerate() {
        match found.iter().find(|team| team.id == *id) {
            Some(team) => ordered.push(team.clone()),
            None => faults.push(Fault::new(
                format!("/teams/{n}"),
                "reference_not_found",
                "There is no such team within reach.",
            )),
        }
    }
    if faults.is_empty() {
        Ok(ordered)
    } else {
        Err(Error::invalid(faults))
    }
}

/// Plans that a team stands at this organization no more, and at no other.
pub async fn plan_remove(
    db: &Db,
    call: &Call,
    reference: &Ref<Organization>,
    team: &Ref<Team>,
) -> Result<Plan> {
    call.caller.require(Team::WRITE)?;
    let node = records::find::<Organization>(db, &call.caller, reference).await?;
    // Outside every organization a team is in nobody's tree: that is for those who see the whole account.
    call.caller.require_account()?;
    let stands = |team: &Team| match &team.organization_id {
        Some(id) if *id == node.id => Ok(()),
        _ => Err(Error::new(
            Code::NotFound,
            format!("The {} does not stand at this organization.", Team::KIND),
        )),
    };
    let patch = TeamPatch {
        organization: Patch::Clear,
        ..TeamPatch::default()
    };
    let (plan, _) = records::plan_change(db, call, team, patch, stands).await?;
    Ok(plan)
}
