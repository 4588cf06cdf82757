//! Places that move from the seat of one team to the seat of another, of the same product, in one list of writes: free
//! ones, and those of people who are in both teams and go along. Those who wait there are served by what comes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::access::Access;
use super::actions::{ALL_AT_ONCE, Given, Outcome, PROMOTE_AT_ONCE, live_of, waiting_at};
use super::allocate::{change_for, refuse_ended};
use super::assignment::{Assignment, AssignmentState};
use super::cause::Cause;
use super::change::{Change, Holder};
use super::reach::require_reach;
use super::seat::{MAX_QUANTITY, Seat};
use crate::access::{Call, Permission};
use crate::db::{Batch, Db, Select, Value};
use crate::error::{Code, Error, Fault, Result};
use crate::events::Plan;
use crate::params;
use crate::records;
use crate::resource::{Input, Reference, resolve};
use crate::resources::{Product, Team, User};
use crate::types::{Id, Ids, Ref, json_list};

/// Which places move, and where.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MoveInput {
    /// The team that gets them. Its seat of the product is made, under the same terms, where it has none.
    pub to_team: Ref<Team>,
    /// How many places, those of people who go along included. As many as there are people where they are named.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub quantity: Option<i64>,
    /// People of both teams who go along with their places.
    #[serde(default)]
    #[schemars(length(max = 100))]
    pub users: Vec<Ref<User>>,
    /// The same by their assignments.
    #[serde(default)]
    #[schemars(length(max = 100))]
    pub assignments: Vec<Id<Assignment>>,
    /// Everybody of both teams goes along, as far as the quantity reaches.
    #[serde(default)]
    pub with_holders: bool,
}

/// Both seats after a move.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SeatsMoved {
    /// The seat that gave the places.
    pub from: Seat,
    /// The seat that got them.
    pub to: Seat,
    /// How many places moved.
    pub moved: i64,
    /// Two lines for each person who went along: the place that ended, and the one that goes on.
    pub results: Vec<Given>,
}

impl Input for MoveInput {
    fn references(&self) -> Vec<Reference> {
        let users = self.users.iter().enumerate();
        let users = users.map(|(n, user)| Reference::to(format!("/users/{n}"), user));
        std::iter::once(Reference::to("/to_team", &self.to_team))
            .chain(users)
            .collect()
    }
}

impl MoveInput {
    fn names_people(&self) -> bool {
        !self.users.is_empty() || !self.assignments.is_empty()
    }

    /// Every fault that needs no look at the records.
    fn check(&self) -> Result<()> {
        let fault = |pointer: &str, code, detail: &str| {
            Err(Error::invalid(vec![Fault::new(pointer, code, detail)]))
        };
        if self.with_holders && self.names_people() {
            let detail = "Name people, or say that all of both teams go along, not both.";
            return fault("/with_holders", "ambiguous", detail);
        }
        if self.quantity.is_none() && !self.with_holders && !self.names_people() {
            let detail = "Say how many places move, or name people who go along with theirs.";
            return fault("/quantity", "required", detail);
        }
        let possible = |quantity: &i64| (1..=MAX_QUANTITY).contains(quantity);
        if self.quantity.is_some_and(|quantity| !possible(&quantity)) {
            let detail = format!("The quantity is a number from 1 to {MAX_QUANTITY}.");
            return fault("/quantity", "invalid", &detail);
        }
        Ok(())
    }
}

/// What a move works on.
struct Scene {
    seat: Seat,
    team: Id<Team>,
    product: Product,
    /// The seat of the product that the other team has.
    target: Option<Seat>,
    /// Who goes along, those who have had their places longest first.
    going: Vec<Assignment>,
    /// Their places at the other seat, and their waits for one.
    there: Vec<Assignment>,
    waiting: Vec<Assignment>,
}

/// Plans a move.
pub async fn plan_move(
    db: &Db,
    ids: &Ids,
    call: &Call,
    seat: &Ref<Seat>,
    input: &MoveInput,
) -> Result<(Plan, SeatsMoved)> {
    call.caller.require(Permission::SeatsWrite)?;
    let seat = records::find::<Seat>(db, &call.caller, seat).await?;
    require_reach(&call.caller, &seat.team_ids.0)?;
    input.check()?;
    let scene = scene(db, call, seat, input).await?;
    let places = wanted(&scene, input)?;
    let (terms, template) = (scene.seat.terms(), scene.seat.template_id.clone());
    let mut source = Change::of(scene.seat.clone(), call, ids);
    let key = (&scene.team, &scene.seat.product_id);
    let standing = scene.target.as_ref();
    let mut target = change_for(standing, key, terms, template.as_ref(), call, ids);
    source.require_counted(&target)?;
    refuse_ended(target.seat(), call)?;
    let mut ended = Vec::new();
    for one in &scene.going {
        ended.push(source.let_go(one)?);
    }
    if !source.seat().has_room(places) {
        return Err(below_usage(&scene, places));
    }
    source.move_to(&mut target, places)?;
    let mut results = Vec::new();
    for (one, ended) in scene.going.iter().zip(ended) {
        let holder = Holder {
            user_id: one.user_id.clone(),
            team_id: scene.team.clone(),
            until: one.expires_at,
            cause: Cause::Move,
            provision_id: None,
            is_member: true,
        };
        let theirs = |there: &&Assignment| there.user_id == one.user_id;
        let given = target.welcome(scene.there.iter().find(theirs), &holder)?;
        let line = |outcome, assignment| Given {
            outcome,
            assignment,
        };
        results.push(line(Outcome::Ended, ended));
        results.push(line(Outcome::Assigned, given));
    }
    let waits = |one: &&Assignment| !target.touches(&one.id);
    let next: Vec<_> = scene.waiting.iter().filter(waits).cloned().collect();
    target.promote_waiting(&next)?;
    let mut plan = Plan::new("seat.move");
    let mut access = Access::new();
    let from = source.finish(&mut plan, &mut access);
    let to = target.finish(&mut plan, &mut access);
    // Their access is by another place of the same product, to the same end.
    let replaced: Vec<_> = results
        .iter()
        .map(|one| one.assignment.id.clone())
        .collect();
    access.leave_unchanged(&replaced);
    access.write(&mut plan, [&scene.product], ids, call.now);
    let moved = SeatsMoved {
        from,
        to,
        moved: places,
        results,
    };
    Ok((plan, moved))
}

async fn scene(db: &Db, call: &Call, seat: Seat, input: &MoveInput) -> Result<Scene> {
    let refs = resolve(db, &call.caller, input.references()).await?;
    let team = refs.id(&input.to_team)?;
    if seat.team_ids.0.contains(&team) {
        return Err(Error::new(
            Code::StateConflict,
            "The team holds this seat itself, so its places cannot move there.",
        )
        .with("seat_id", seat.id.as_str()));
    }
    let users = input.users.iter().map(|user| refs.id(user));
    let users = users.collect::<Result<Vec<_>>>()?;
    let mut batch = Batch::new();
    let product = batch.add::<Product>(super::actions::product_of(&seat));
    let target = batch.add::<Seat>(Select::rows::<Seat>(
        "WHERE account_id = $1 AND id IN (SELECT seat_id FROM seat_teams WHERE account_id = $1 AND team_id = $2 AND product_id = $3 AND live)",
        params![team.clone(), seat.product_id.clone()],
    ));
    let going = (input.with_holders || input.names_people())
        .then(|| batch.add::<Assignment>(people_of_both(&seat, &team, input, &users)));
    let mut rows = db.read(call.account(), batch).await?;
    let product = rows
        .first(&product)
        .ok_or_else(|| Error::not_found("product"))?;
    let target = rows.first(&target);
    if let Some(target) = &target {
        require_reach(&call.caller, &target.team_ids.0)?;
    }
    let mut going = going.map_or_else(Vec::new, |slot| rows.take(&slot));
    require_all(&going, input, &users)?;
    let people: Vec<_> = going.iter().map(|one| one.user_id.clone()).collect();
    let mut batch = Batch::new();
    let at = target.as_ref().map_or("", |target| target.id.as_str());
    let there = batch.add::<Assignment>(live_of(at, &people));
    let waiting = batch.add::<Assignment>(waiting_at(at, PROMOTE_AT_ONCE));
    let mut rows = db.read(call.account(), batch).await?;
    let there = rows.take(&there);
    let sits = |one: &Assignment| {
        let mut theirs = there.iter().filter(|place| place.user_id == one.user_id);
        theirs.any(|place| place.state != AssignmentState::Waitlisted)
    };
    if let (true, Some(one)) = (input.names_people(), going.iter().find(|one| sits(one))) {
        return Err(Error::new(
            Code::StateConflict,
            "One of the people has a place of the other team's seat already; their place cannot go along.",
        )
        .with("user_id", one.user_id.as_str())
        .with("assignment_id", one.id.as_str()));
    }
    going.retain(|one| !sits(one));
    if input.with_holders {
        let most = input.quantity.unwrap_or(ALL_AT_ONCE).min(ALL_AT_ONCE);
        going.truncate(usize::try_from(most).unwrap_or(0));
    }
    Ok(Scene {
        waiting: rows.take(&waiting),
        seat,
        team,
        product,
        target,
        going,
        there,
    })
}

/// The read of the places of people who are in the other team too: those who are named, or all.
fn people_of_both(seat: &Seat, team: &Id<Team>, input: &MoveInput, users: &[Id<User>]) -> Select {
    let mut params = params![seat.id.clone(), team.clone(), ALL_AT_ONCE + 1];
    let named = if input.with_holders {
        ""
    } else {
        params.push(Value::text(json_list(users)));
        params.push(Value::text(json_list(&input.assignments)));
        " AND (user_id IN (SELECT value FROM JSON_LIST($5) AS u) OR id IN (SELECT value FROM JSON_LIST($6) AS a))"
    };
    Select::rows::<Assignment>(
        &format!(
            "WHERE account_id = $1 AND seat_id = $2 AND state = 'active' AND user_id IN \
             (SELECT m.user_id FROM team_members m WHERE m.account_id = $1 AND m.team_id = $3){named} ORDER BY starts_at, id LIMIT $4"
        ),
        params,
    )
}

/// Refuses people who are named and cannot go along, each at their place in the body.
fn require_all(going: &[Assignment], input: &MoveInput, users: &[Id<User>]) -> Result<()> {
    let detail = "has no place of this seat that could go along: only people who sit, and who are in the other team too, can. Add them to it first.";
    let missing = |pointer: String| Fault::new(pointer, "not_movable", detail);
    let of_users = users.iter().enumerate();
    let of_users = of_users
        .filter(|(_, user)| !going.iter().any(|one| one.user_id == **user))
        .map(|(n, _)| missing(format!("/users/{n}")));
    let of_places = input.assignments.iter().enumerate();
    let of_places = of_places
        .filter(|(_, id)| !going.iter().any(|one| one.id == **id))
        .map(|(n, _)| missing(format!("/assignments/{n}")));
    let faults: Vec<_> = of_users.chain(of_places).collect();
    if faults.is_empty() {
        Ok(())
    } else {
        Err(Error::invalid(faults))
    }
}

/// How many places move.
fn wanted(scene: &Scene, input: &MoveInput) -> Result<i64> {
    let people = i64::try_from(scene.going.len()).unwrap_or(i64::MAX);
    let places = input.quantity.unwrap_or(people);
    if places < people {
        let detail = format!("is less than the {people} people who are named.");
        return Err(Error::invalid(vec![Fault::new(
            "/quantity",
            "too_few",
            detail,
        )]));
    }
    if places == 0 {
        return Err(Error::new(
            Code::StateConflict,
            "Nobody of both teams has a place that could move. Say with «quantity» how many free places do.",
        ));
    }
    Ok(places)
}

/// 409 `quantity_below_usage`, with the numbers and the ways out.
fn below_usage(scene: &Scene, places: i64) -> Error {
    let seat = &scene.seat;
    let people = i64::try_from(scene.going.len()).unwrap_or(i64::MAX);
    let free = seat.available.unwrap_or(0).max(0);
    Error::new(
        Code::QuantityBelowUsage,
        format!(
            "{places} places are to move, but {free} are free and {people} people go along with theirs. Move fewer, revoke some, or name more people of both teams."
        ),
    )
    .with("seat_id", seat.id.as_str())
    .with("requested", places)
    .with("available", free)
    .with("in_use", seat.used())
    .with("holders", seat.assigned)
}
