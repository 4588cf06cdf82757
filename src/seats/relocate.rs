//! The places of somebody who moves from one team to another: what both teams share stays and changes its team, what the
//! new team has a seat of is given from there, the rest is released to those who wait.
//!
//! Nothing is shortened: a place that stays or is given anew keeps its end. So access to the courses does not change
//! where a place is kept, and nothing is written for it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::access::Access;
use super::actions::PROMOTE_AT_ONCE;
use super::assignment::{Assignment, AssignmentState};
use super::cause::Cause;
use super::change::{Change, Holder};
use super::leave::Leaving;
use super::seat::Seat;
use crate::access::Call;
use crate::db::{Batch, Db, Select};
use crate::error::Result;
use crate::events::Plan;
use crate::params;
use crate::resources::{Product, Team, User};
use crate::types::{Id, Ids};

crate::words! {
    /// What became of a place when its holder moved to another team.
    pub enum PlaceOutcome {
        /// Both teams share the seat: the place stays and counts for the new team.
        Kept = "kept",
        /// The new team has a seat of the same product with room: a place of that one replaces it, to the same end.
        Reassigned = "reassigned",
        /// It goes to those who wait; `reason` says why.
        Released = "released",
    }
}

crate::words! {
    /// Why a place could not be kept.
    pub enum ReleaseReason {
        /// The new team has no seat of the product.
        NoSeat = "no_seat",
        /// The new team's seat has no free place, or gives none any more.
        NoRoom = "no_room",
        /// The person has a place of the new team's seat already.
        HasPlace = "has_place",
        /// It was a wish or a held place, which belong to the old team.
        NotActive = "not_active",
    }
}

/// A place, and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct MovedPlace {
    /// What became of it.
    pub outcome: PlaceOutcome,
    /// Why it was released.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<ReleaseReason>,
    /// The assignment that was.
    pub before: Id<Assignment>,
    /// The assignment that is: the same one, the new one, or the released one.
    pub assignment: Assignment,
}

struct Scene {
    places: Vec<Assignment>,
    seats: BTreeMap<Id<Seat>, Seat>,
    products: Vec<Product>,
    /// Live places and wishes of the person at seats of the new team.
    there: Vec<Assignment>,
    waiting: Vec<Assignment>,
    /// How often places were given by the membership that ends.
    given: i64,
}

const LIVE: &str = "state IN ('waitlisted', 'reserved', 'active')";

async fn scene(
    db: &Db,
    call: &Call,
    user: &Id<User>,
    from: &Id<Team>,
    to: &Id<Team>,
) -> Result<Scene> {
    let own = |column: &str| {
        format!(
            "SELECT {column} FROM seat_assignments WHERE account_id = $1 AND user_id = $2 AND team_id = $3 AND {LIVE}"
        )
    };
    let of_new = format!(
        "SELECT seat_id FROM seat_teams WHERE account_id = $1 AND team_id = $4 AND live AND product_id IN ({})",
        own("product_id")
    );
    let values = || params![*user, *from, *to];
    let mut batch = Batch::new();
    let given = batch.add::<(i64,)>(leaving(user, from).given());
    let places = batch.add::<Assignment>(Select::rows::<Assignment>(
        &format!("WHERE account_id = $1 AND user_id = $2 AND team_id = $3 AND {LIVE} ORDER BY id"),
        params![*user, *from],
    ));
    let seats = batch.add::<Seat>(Select::rows::<Seat>(
        &format!(
            "WHERE account_id = $1 AND (id IN ({}) OR id IN ({of_new}))",
            own("seat_id")
        ),
        values(),
    ));
    let products = batch.add::<Product>(Select::rows::<Product>(
        &format!("WHERE account_id = $1 AND id IN ({})", own("product_id")),
        params![*user, *from],
    ));
    let there = batch.add::<Assignment>(Select::rows::<Assignment>(
        &format!("WHERE account_id = $1 AND user_id = $2 AND {LIVE} AND seat_id IN ({of_new})"),
        values(),
    ));
    let waiting = batch.add::<Assignment>(Select::rows::<Assignment>(
        &format!("WHERE account_id = $1 AND state = 'waitlisted' AND user_id <> $2 AND seat_id IN ({}) ORDER BY waiting_at, id LIMIT $4", own("seat_id")),
        params![*user, *from, PROMOTE_AT_ONCE],
    ));
    let mut rows = db.read(call.account(), batch).await?;
    let seats = rows
        .take(&seats)
        .into_iter()
        .map(|seat| (seat.id.clone(), seat));
    Ok(Scene {
        places: rows.take(&places),
        seats: seats.collect(),
        products: rows.take(&products),
        there: rows.take(&there),
        waiting: rows.take(&waiting),
        given: rows.first(&given).map_or(0, |(given,)| given),
    })
}

const fn leaving<'a>(user: &'a Id<User>, from: &'a Id<Team>) -> Leaving<'a> {
    Leaving {
        user: Some(user),
        team: Some(from),
    }
}

impl Scene {
    /// The new team's live seat of a product.
    fn seat_there(&self, product: &Id<Product>, team: &Id<Team>) -> Option<&Seat> {
        self.seats
            .values()
            .find(|seat| seat.product_id == *product && seat.team_ids.0.contains(team))
    }
}

/// Adds to a plan what the move of a person means for the places they have for the old team. `is_member`: they were in the
/// new team before, and the plan leaves that membership as it is.
pub async fn relocate(
    db: &Db,
    ids: &Ids,
    call: &Call,
    plan: &mut Plan,
    user: &Id<User>,
    (from, to, is_member): (&Id<Team>, &Id<Team>, bool),
) -> Result<Vec<MovedPlace>> {
    let scene = scene(db, call, user, from, to).await?;
    leaving(user, from).guard(plan, scene.given);
    let mut changes: BTreeMap<Id<Seat>, Change<'_>> = BTreeMap::new();
    let mut there: Vec<Id<Seat>> = scene.there.iter().map(|one| one.seat_id.clone()).collect();
    let mut moved = Vec::new();
    let mut unchanged = Vec::new();
    for place in &scene.places {
        let Some(seat) = scene.seats.get(&place.seat_id) else {
            continue;
        };
        let change = changes
            .entry(seat.id.clone())
            .or_insert_with(|| Change::of(seat.clone(), call, ids));
        if seat.team_ids.0.contains(to) {
            moved.push(MovedPlace {
                outcome: PlaceOutcome::Kept,
                reason: None,
                before: place.id.clone(),
                assignment: change.rehome(place, to),
            });
            continue;
        }
        let released = change.end(place, AssignmentState::Released)?;
        let target = match scene.seat_there(&place.product_id, to) {
            _ if place.state != AssignmentState::Active => Err(ReleaseReason::NotActive),
            None => Err(ReleaseReason::NoSeat),
            Some(other) if there.contains(&other.id) => Err(ReleaseReason::HasPlace),
            Some(other) => Ok(other),
        };
        let holder = Holder {
            user_id: user.clone(),
            team_id: to.clone(),
            until: place.expires_at,
            cause: Cause::Move,
            provision_id: None,
            is_member,
        };
        let given = target.and_then(|other| {
            let change = changes
                .entry(other.id.clone())
                .or_insert_with(|| Change::of(other.clone(), call, ids));
            let given = change.assign(&holder).map_err(|_| ReleaseReason::NoRoom)?;
            there.push(other.id.clone());
            Ok(given)
        });
        moved.push(match given {
            Ok(assignment) => {
                unchanged.extend([place.id.clone(), assignment.id.clone()]);
                MovedPlace {
                    outcome: PlaceOutcome::Reassigned,
                    reason: None,
                    before: place.id.clone(),
                    assignment,
                }
            }
            Err(reason) => MovedPlace {
                outcome: PlaceOutcome::Released,
                reason: Some(reason),
                before: place.id.clone(),
                assignment: released,
            },
        });
    }
    let mut access = Access::new();
    for (seat, mut change) in changes {
        let next: Vec<_> = scene
            .waiting
            .iter()
            .filter(|one| one.seat_id == seat)
            .cloned()
            .collect();
        change.promote_waiting(&next)?;
        change.finish(plan, &mut access);
    }
    access.leave_unchanged(&unchanged);
    access.write(plan, &scene.products, ids, call.now);
    Ok(moved)
}
