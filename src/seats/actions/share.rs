//! A seat that several teams share: one allocation, one waiting line, and each team's people sit by it.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Given, Outcome, SeatResult, conclude, product_of, waiting_at};
use crate::access::{Call, Permission};
use crate::db::{Batch, Db, Select, Statement};
use crate::error::{Code, Error, Result};
use crate::events::Plan;
use crate::params;
use crate::records;
use crate::resource::{Input, Reference, resolve};
use crate::resources::{Product, Team};
use crate::seats::assignment::{Assignment, AssignmentState};
use crate::seats::change::Change;
use crate::seats::reach::require_reach;
use crate::seats::seat::Seat;
use crate::types::{Ids, Ref};

/// Teams of one seat at the most.
const MOST_TEAMS: usize = 100;
/// So many people of a team lose their places in one transaction at the most.
const AT_ONCE: i64 = 300;

/// Which team is to share a seat.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShareInput {
    /// The team.
    pub team: Ref<Team>,
}

impl Input for ShareInput {
    fn references(&self) -> Vec<Reference> {
        vec![Reference::to("/team", &self.team)]
    }
}

async fn own_seat(db: &Db, call: &Call, seat: &Ref<Seat>) -> Result<Seat> {
    call.caller.require(Permission::SeatsWrite)?;
    let seat = records::find::<Seat>(db, &call.caller, seat).await?;
    require_reach(&call.caller, &seat.team_ids.0)?;
    Ok(seat)
}

/// Plans that a team shares a seat. One that does already changes nothing.
pub async fn plan_share(
    db: &Db,
    call: &Call,
    seat: &Ref<Seat>,
    input: &ShareInput,
) -> Result<(Plan, Seat)> {
    let before = own_seat(db, call, seat).await?;
    let refs = resolve(db, &call.caller, input.references()).await?;
    let team = refs.id(&input.team)?;
    require_reach(&call.caller, [&team])?;
    if before.team_ids.0.contains(&team) {
        return Ok((Plan::new("seat.share"), before));
    }
    if before.team_ids.0.len() >= MOST_TEAMS {
        return Err(super::state_conflict(
            "A hundred teams share this seat, which is the most.",
        ));
    }
    let mut after = before.clone();
    after.team_ids.0.push(team.clone());
    after.updated_at = call.now;
    let mut plan = records::change(&before, &after, "shared");
    plan.write(Statement::new(
        "INSERT INTO seat_teams (account_id, team_id, seat_id, product_id, live) VALUES ($1, $2, $3, $4, $5)",
        params![
            team,
            after.id.clone(),
            after.product_id.clone(),
            after.is_live()
        ],
    ));
    Ok((plan, after))
}

/// Plans that a team shares a seat no longer. While its people sit it is refused, unless they are to be released.
pub async fn plan_unshare(
    db: &Db,
    ids: &Ids,
    call: &Call,
    seat: &Ref<Seat>,
    team: &Ref<Team>,
    release: bool,
) -> Result<(Plan, SeatResult)> {
    let before = own_seat(db, call, seat).await?;
    let team = records::find::<Team>(db, &call.caller, team).await?.id;
    let mut after = before.clone();
    after.team_ids.0.retain(|one| *one != team);
    if after.team_ids.0.len() == before.team_ids.0.len() {
        return Err(Error::not_found("team"));
    }
    if after.team_ids.0.is_empty() {
        return Err(super::state_conflict(
            "A seat has one team at least. Share it with another first, or archive it.",
        ));
    }
    let mut batch = Batch::new();
    let product = batch.add::<Product>(product_of(&before));
    let people = batch.add::<Assignment>(Select::rows::<Assignment>(
        "WHERE account_id = $1 AND seat_id = $2 AND team_id = $3 AND state IN ('waitlisted', 'reserved', 'active') ORDER BY id LIMIT $4",
        params![before.id.clone(), team.clone(), AT_ONCE + 1],
    ));
    let waiting = batch.add::<Assignment>(waiting_at(before.id.as_str(), super::PROMOTE_AT_ONCE));
    let mut rows = db.read(call.account(), batch).await?;
    let product = rows
        .first(&product)
        .ok_or_else(|| Error::not_found("product"))?;
    let people = rows.take(&people);
    let count = i64::try_from(people.len()).unwrap_or(i64::MAX);
    refuse_people(count, release)?;
    let mut plan = Plan::new("seat.unshare");
    plan.write(Statement::guarded(
        "DELETE FROM seat_teams WHERE account_id = $1 AND seat_id = $2 AND team_id = $3",
        params![before.id.clone(), team],
    ));
    let previous = records::differences(&before, &after);
    let mut change = Change::rewrite(&before, after, call, ids);
    let mut results = Vec::new();
    for one in &people {
        results.push(Given {
            outcome: Outcome::Ended,
            assignment: change.end(one, AssignmentState::Released)?,
        });
    }
    change.updated(previous.into());
    let seat = conclude(change, &product, &rows.take(&waiting), &results, &mut plan)?;
    Ok((plan, SeatResult { seat, results }))
}

fn refuse_people(count: i64, release: bool) -> Result<()> {
    if count > AT_ONCE {
        return Err(Error::new(
            Code::StateConflict,
            format!("More than {AT_ONCE} people of the team hold places. Revoke some of them first."),
        ));
    }
    if count > 0 && !release {
        return Err(Error::new(
            Code::InUse,
            format!("{count} people of the team hold places or wait for one. Revoke them first, or add ?release=true."),
        )
        .with("holders", count));
    }
    Ok(())
}
