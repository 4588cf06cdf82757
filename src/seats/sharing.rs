//! One seat for several teams: a team comes to hold it too, or holds it no more.
//!
//! Nobody loses a place by it unheard: a team whose people sit can only go with their places, where that is said. Those who
//! are in another team that goes on sharing the seat keep theirs, for that team.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::access::Access;
use super::actions::{PROMOTE_AT_ONCE, product_of, waiting_at};
use super::assignment::{Assignment, AssignmentState};
use super::change::Change;
use super::leave::{Elsewhere, elsewhere, other_team};
use super::reach::require_reach;
use super::seat::Seat;
use crate::access::{Call, Permission};
use crate::db::{Batch, Db, Select, Statement};
use crate::error::{Code, Error, Result};
use crate::events::{Event, Plan};
use crate::params;
use crate::records;
use crate::resource::{Input, Reference, resolve};
use crate::resources::{Product, Team};
use crate::types::text::Json;
use crate::types::{Id, Ids, Ref, json_list};

/// Teams of one seat at the most.
const MOST_TEAMS: usize = 100;
/// So many places end, or change their team, in one list of writes at the most.
const AT_ONCE: i64 = 500;

crate::words! {
    /// What happens to the places of a team that holds the seat no more.
    pub enum OnHolders {
        /// While there are any, the team goes on holding it: 409 `in_use`, with their number.
        Refuse = "refuse",
        /// They are taken back, and waits are ended.
        Revoke = "revoke",
    }
}

/// Which team is to hold the seat too.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShareInput {
    /// The team.
    pub team: Ref<Team>,
}

/// Which team is to hold the seat no more.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UnshareInput {
    /// The team.
    pub team: Ref<Team>,
    /// What happens to the places of its people; `refuse` unless said.
    #[serde(default)]
    pub on_holders: Option<OnHolders>,
}

/// A team that holds a seat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SharedTeam {
    /// The team's id.
    pub id: Id<Team>,
    /// Its name.
    pub name: String,
}

/// A seat, and the teams that hold it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SeatShared {
    /// The seat.
    #[serde(flatten)]
    pub seat: Seat,
    /// The teams that hold it, in the order of their names.
    pub shared_with: Vec<SharedTeam>,
    /// Places that count for another team from now on, since their holders are in it too.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub kept: Vec<Assignment>,
    /// Places that were taken back, and waits that were ended.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub revoked: Vec<Assignment>,
}

impl Input for ShareInput {
    fn references(&self) -> Vec<Reference> {
        vec![Reference::to("/team", &self.team)]
    }
}

impl Input for UnshareInput {
    fn references(&self) -> Vec<Reference> {
        vec![Reference::to("/team", &self.team)]
    }
}

/// The seat and the team of an input, if the caller may share what belongs to all its teams.
async fn named(
    db: &Db,
    call: &Call,
    seat: &Ref<Seat>,
    input: &impl Input,
    team: &Ref<Team>,
) -> Result<(Seat, Id<Team>)> {
    call.caller.require(Permission::SeatsWrite)?;
    let seat = records::find::<Seat>(db, &call.caller, seat).await?;
    require_reach(&call.caller, &seat.team_ids.0)?;
    let refs = resolve(db, &call.caller, input.references()).await?;
    Ok((seat, refs.id(team)?))
}

/// The read of teams by their ids.
fn teams_of<'t>(ids: impl IntoIterator<Item = &'t Id<Team>>) -> Select {
    Select::new(
        "SELECT id, name FROM teams WHERE account_id = $1 AND id IN (SELECT value FROM JSON_LIST($2) AS t) ORDER BY name_key, id",
        params![json_list(ids)],
    )
}

fn shared((id, name): (Id<Team>, String)) -> SharedTeam {
    SharedTeam { id, name }
}

/// Plans that a team holds the seat too. One that does already changes nothing.
pub async fn plan_share(
    db: &Db,
    ids: &Ids,
    call: &Call,
    seat: &Ref<Seat>,
    input: &ShareInput,
) -> Result<(Plan, SeatShared)> {
    let (before, team) = named(db, call, seat, input, &input.team).await?;
    let mut batch = Batch::new();
    let everybody = before.team_ids.0.iter().chain([&team]);
    let teams = batch.add::<(Id<Team>, String)>(teams_of(everybody));
    let other = batch.add::<(Id<Seat>,)>(Select::new(
        "SELECT seat_id FROM seat_teams WHERE account_id = $1 AND team_id = $2 AND product_id = $3 AND live AND seat_id <> $4",
        params![team.clone(), before.product_id.clone(), before.id.clone()],
    ));
    let mut rows = db.read(call.account(), batch).await?;
    let told = |seat: Seat, teams: Vec<(Id<Team>, String)>| SeatShared {
        seat,
        shared_with: teams.into_iter().map(shared).collect(),
        kept: Vec::new(),
        revoked: Vec::new(),
    };
    let mut plan = Plan::new("seat.share");
    if before.team_ids.0.contains(&team) {
        return Ok((plan, told(before, rows.take(&teams))));
    }
    let refuse = |detail: &'static str| Err(Error::new(Code::StateConflict, detail));
    if !before.is_live() {
        return refuse("The seat is archived; make it active before another team shares it.");
    }
    if before.team_ids.0.len() >= MOST_TEAMS {
        return refuse("The seat is shared by 100 teams, which is the most there can be.");
    }
    if let Some((other,)) = rows.first(&other) {
        return Err(Error::new(
            Code::AlreadyExists,
            "The team has a live seat of this product already. Move places to that one, or archive it first.",
        )
        .with("member", "team")
        .with("seat_id", other.as_str()));
    }
    let mut after = before.clone();
    after.team_ids.0.push(team.clone());
    let mut change = Change::rewrite(&before, after, call, ids);
    tell(&mut change, "seat.shared", &team);
    let seat = change.finish(&mut plan, &mut Access::new());
    plan.write(Statement::new(
        "INSERT INTO seat_teams (account_id, team_id, seat_id, product_id, live) VALUES ($1, $2, $3, $4, TRUE)",
        params![team, seat.id.clone(), seat.product_id.clone()],
    ));
    Ok((plan, told(seat, rows.take(&teams))))
}

fn tell(change: &mut Change<'_>, kind: &str, team: &Id<Team>) {
    let seat = change.seat();
    let data = json!({ "seat": seat, "team_id": team, "shared_with": seat.team_ids });
    let event = Event::new(kind, &seat.id, data).team(team);
    change.tell(event);
}

/// Plans that a team holds the seat no more. One that does not changes nothing.
pub async fn plan_unshare(
    db: &Db,
    ids: &Ids,
    call: &Call,
    seat: &Ref<Seat>,
    input: &UnshareInput,
) -> Result<(Plan, SeatShared)> {
    let (before, team) = named(db, call, seat, input, &input.team).await?;
    let others = before.team_ids.0.iter().filter(|one| **one != team);
    let left: Vec<Id<Team>> = others.cloned().collect();
    let held = "account_id = $1 AND team_id = $2 AND seat_id = $3 AND state IN ('waitlisted', 'reserved', 'active')";
    let mut batch = Batch::new();
    let teams = batch.add::<(Id<Team>, String)>(teams_of(&left));
    let product = batch.add::<Product>(product_of(&before));
    let places = batch.add::<Assignment>(Select::rows::<Assignment>(
        &format!("WHERE {held} ORDER BY id LIMIT $4"),
        params![team.clone(), before.id.clone(), AT_ONCE + 1],
    ));
    let others = batch.add::<Elsewhere>(elsewhere(
        &format!("SELECT seat_id, user_id FROM seat_assignments WHERE {held}"),
        params![team.clone(), before.id.clone()],
    ));
    let waiting = batch.add::<Assignment>(waiting_at(before.id.as_str(), PROMOTE_AT_ONCE));
    let mut rows = db.read(call.account(), batch).await?;
    let mut result = SeatShared {
        seat: before.clone(),
        shared_with: rows.take(&teams).into_iter().map(shared).collect(),
        kept: Vec::new(),
        revoked: Vec::new(),
    };
    let mut plan = Plan::new("seat.unshare");
    if left.len() == before.team_ids.0.len() {
        return Ok((plan, result));
    }
    if left.is_empty() {
        return Err(Error::new(
            Code::StateConflict,
            "No other team holds this seat. Archive it, or share it with another team first.",
        ));
    }
    let (places, others) = (rows.take(&places), rows.take(&others));
    refuse_holders(&places, &others, input.on_holders)?;
    let mut after = before.clone();
    after.team_ids = Json(left);
    let mut change = Change::rewrite(&before, after, call, ids);
    for one in &places {
        match other_team(&others, one) {
            Some(other) => result.kept.push(change.rehome(one, other)),
            None => result
                .revoked
                .push(change.end(one, AssignmentState::Revoked)?),
        }
    }
    tell(&mut change, "seat.unshared", &team);
    // Those who change their team here are served by the job: a row is written once.
    let stays = |one: &Assignment| !result.revoked.iter().any(|ended| ended.id == one.id);
    let next = rows.take(&waiting).into_iter().filter(stays);
    let next: Vec<_> = next.take_while(|one| one.team_id != team).collect();
    change.promote_waiting(&next)?;
    let mut access = Access::new();
    result.seat = change.finish(&mut plan, &mut access);
    let product = rows
        .first(&product)
        .ok_or_else(|| Error::not_found("product"))?;
    access.write(&mut plan, [&product], ids, call.now);
    plan.write(Statement::guarded(
        "DELETE FROM seat_teams WHERE account_id = $1 AND team_id = $2 AND seat_id = $3",
        params![team, result.seat.id.clone()],
    ));
    Ok((plan, result))
}

/// Refuses while people of the team hold places that no other team of theirs can take over, or wait for one.
fn refuse_holders(
    places: &[Assignment],
    others: &[Elsewhere],
    policy: Option<OnHolders>,
) -> Result<()> {
    if i64::try_from(places.len()).unwrap_or(i64::MAX) > AT_ONCE {
        return Err(Error::new(
            Code::StateConflict,
            format!("More than {AT_ONCE} places count for the team. Revoke some of them first."),
        ));
    }
    let losing = places
        .iter()
        .filter(|one| other_team(others, one).is_none());
    let (waiting, holders): (Vec<_>, Vec<_>) =
        losing.partition(|one| one.state == AssignmentState::Waitlisted);
    if policy == Some(OnHolders::Revoke) || (waiting.is_empty() && holders.is_empty()) {
        return Ok(());
    }
    Err(Error::new(
        Code::InUse,
        format!(
            "{} people of the team hold places of this seat, and {} wait for one. Revoke them first, or say «on_holders»: «revoke».",
            holders.len(),
            waiting.len()
        ),
    )
    .with("holders", holders.len())
    .with("waiting", waiting.len()))
}
