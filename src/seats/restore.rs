//! Places that ended because a person or a team was put aside, and how they come back: with their id and history where
//! a place is free or theirs for good, into the waiting line where not.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;

use super::access::Access;
use super::assignment::Assignment;
use super::cause::Cause;
use super::change::{Change, Holder};
use super::seat::Seat;
use crate::access::Call;
use crate::db::{Batch, Db, Select};
use crate::error::Result;
use crate::events::Plan;
use crate::params;
use crate::resources::{Product, Team, User};
use crate::types::{Id, Ids, Timestamp};

/// So many places come back in one list of writes at the most: as many as end in one.
const AT_ONCE: i64 = 500;

crate::words! {
    /// What becomes of a place.
    pub enum PlaceOutcome {
        /// The person has it again.
        Restored = "restored",
        /// No place is free: the person waits in line.
        Waitlisted = "waitlisted",
        /// It does not come back; `why` tells the reason.
        NotRestored = "not_restored",
    }
}

/// A place that ended with the deletion, and what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ReturnedPlace {
    /// The seat.
    pub seat_id: Id<Seat>,
    /// The person.
    pub user_id: Id<User>,
    /// The team for which they had it.
    pub team_id: Id<Team>,
    /// The assignment; a new one for who waits.
    pub assignment_id: Id<Assignment>,
    /// What becomes of it.
    pub outcome: PlaceOutcome,
    /// Why it does not come back.
    pub why: Option<&'static str>,
}

/// Whose deletion ended the places.
#[derive(Debug, Clone, Copy)]
pub enum Departed<'a> {
    /// A person's.
    User(&'a Id<User>),
    /// A team's.
    Team(&'a Id<Team>),
}

/// What ended at a moment with a person or a team.
pub struct Lost {
    ended: Vec<Assignment>,
    seats: Vec<Seat>,
    products: Vec<Product>,
    alive: BTreeSet<String>,
    /// Seats and people who have a place there again already.
    standing: BTreeSet<(String, String)>,
}

/// Reads what ended.
pub async fn lost(db: &Db, call: &Call, departed: Departed<'_>, at: Timestamp) -> Result<Lost> {
    let (column, id) = match departed {
        Departed::User(id) => ("user_id", id.to_string()),
        Departed::Team(id) => ("team_id", id.to_string()),
    };
    let ended = format!(
        "FROM seat_assignments a WHERE a.account_id = $1 AND a.{column} = $2 AND a.state = 'released' AND a.ended_at = $3"
    );
    let mut batch = Batch::new();
    let assignments = batch.add::<Assignment>(Select::rows::<Assignment>(
        &format!(
            "WHERE account_id = $1 AND {column} = $2 AND state = 'released' AND ended_at = $3 ORDER BY created_at, id LIMIT {AT_ONCE}"
        ),
        params![id, at],
    ));
    let seats = batch.add::<Seat>(Select::rows::<Seat>(
        &format!("WHERE account_id = $1 AND id IN (SELECT a.seat_id {ended})"),
        params![id, at],
    ));
    let products = batch.add::<Product>(Select::rows::<Product>(
        &format!("WHERE account_id = $1 AND id IN (SELECT a.product_id {ended})"),
        params![id, at],
    ));
    // The other side of each place must be there, and in the team.
    let alive = batch.add::<(String,)>(Select::new(
        match departed {
            Departed::User(_) => {
                "SELECT t.id FROM teams t WHERE t.account_id = $1 AND t.deleted_at IS NULL AND t.id IN \
                 (SELECT f.team_id FROM former_members f WHERE f.account_id = $1 AND f.departed_id = $2)"
            }
            Departed::Team(_) => {
                "SELECT u.id FROM users u WHERE u.account_id = $1 AND u.deleted_at IS NULL AND u.status <> 'deactivated' AND u.id IN \
                 (SELECT f.user_id FROM former_members f WHERE f.account_id = $1 AND f.departed_id = $2)"
            }
        },
        params![id],
    ));
    let standing = batch.add::<(String, String)>(Select::new(
        format!(
            "SELECT s.seat_id, s.user_id FROM seat_assignments s WHERE s.account_id = $1 AND s.state IN ('waitlisted', 'reserved', 'active') \
             AND EXISTS (SELECT 1 {ended} AND a.seat_id = s.seat_id AND a.user_id = s.user_id)"
        ),
        params![id, at],
    ));
    let mut rows = db.read(call.account(), batch).await?;
    Ok(Lost {
        standing: rows.take(&standing).into_iter().collect(),
        ended: rows.take(&assignments),
        seats: rows.take(&seats),
        products: rows.take(&products),
        alive: rows.take(&alive).into_iter().map(|(id,)| id).collect(),
    })
}

/// Plans their return, and tells of each what becomes of it.
pub fn bring_back(
    plan: &mut Plan,
    ids: &Ids,
    call: &Call,
    departed: Departed<'_>,
    lost: Lost,
) -> Result<Vec<ReturnedPlace>> {
    let mut places = Vec::new();
    let mut access = Access::new();
    for seat in lost.seats {
        let seat_id = seat.id.clone();
        let mut change = Change::of(seat, call, ids);
        for one in lost.ended.iter().filter(|one| one.seat_id == seat_id) {
            let is_there = match departed {
                Departed::User(_) => lost.alive.contains(one.team_id.as_str()),
                Departed::Team(_) => lost.alive.contains(one.user_id.as_str()),
            };
            let stands = lost
                .standing
                .contains(&(one.seat_id.to_string(), one.user_id.to_string()));
            let refusal = match (is_there, departed) {
                (true, _) if stands => {
                    Some("The person has a place of this seat again already, or waits for one.")
                }
                (true, _) => refusal_of(&change, one, call),
                (false, Departed::User(_)) => Some("The team is put aside itself, or is gone."),
                (false, Departed::Team(_)) => {
                    Some("The person is not there any more, or may not sign in.")
                }
            };
            places.push(return_place(&mut change, one, refusal, call)?);
        }
        change.finish(plan, &mut access);
    }
    access.write(plan, &lost.products, ids, call.now);
    Ok(places)
}

/// Why a place cannot come back, whoever it was for.
fn refusal_of(change: &Change<'_>, one: &Assignment, call: &Call) -> Option<&'static str> {
    if one.expires_at.is_some_and(|end| end <= call.now) {
        return Some("Its time is over.");
    }
    (!change.seat().is_open(call.now)).then_some("The seat is archived, or its date has passed.")
}

fn return_place(
    change: &mut Change<'_>,
    one: &Assignment,
    refusal: Option<&'static str>,
    call: &Call,
) -> Result<ReturnedPlace> {
    let place = |id: &Id<Assignment>, outcome, why| ReturnedPlace {
        seat_id: one.seat_id.clone(),
        user_id: one.user_id.clone(),
        team_id: one.team_id.clone(),
        assignment_id: id.clone(),
        outcome,
        why,
    };
    if refusal.is_some() {
        return Ok(place(&one.id, PlaceOutcome::NotRestored, refusal));
    }
    let had_a_place = one.starts_at.is_some();
    if had_a_place && change.can_restore(one) {
        let back = change.restore(one, one.expires_at)?;
        return Ok(place(&back.id, PlaceOutcome::Restored, None));
    }
    let holder = Holder {
        user_id: one.user_id.clone(),
        team_id: one.team_id.clone(),
        until: one
            .expires_at
            .or_else(|| change.seat().terms().end(call.now)),
        cause: Cause::Restore,
        provision_id: one.provision_id.clone(),
        is_member: false,
    };
    if change.seat().has_room(1) {
        let given = change.assign(&holder)?;
        return Ok(place(&given.id, PlaceOutcome::Restored, None));
    }
    let waiting = change.wait(&holder);
    Ok(place(&waiting.id, PlaceOutcome::Waitlisted, None))
}
