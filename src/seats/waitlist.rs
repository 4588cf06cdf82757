//! The waiting line of a seat: who waits, in which order, and how the order changes.
//!
//! `waiting_at` orders the line. Whoever is moved gets a moment between those of their new neighbours; where there is none
//! between them, everybody in front moves a little into the past. The seat's version guards the whole: an order is never
//! made of a line that has changed since it was read.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::access::Access;
use super::assignment::{Assignment, AssignmentState};
use super::change::Change;
use super::reach::{reaches, require_reach};
use super::seat::Seat;
use crate::access::{Call, Permission};
use crate::columns;
use crate::db::{Batch, Db, Select, Statement};
use crate::error::{Error, Fault, Result};
use crate::events::Plan;
use crate::params;
use crate::records;
use crate::resource::{Expand, Field, FieldKind, Record};
use crate::resources::{Product, Team, User};
use crate::types::{Id, Ids, Kind, Ref, Timestamp};

/// Somebody who waits for a place of a seat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Waiting {
    /// The assignment's id.
    pub id: Id<Self>,
    /// The seat.
    pub seat_id: Id<Seat>,
    /// The seat's product.
    pub product_id: Id<Product>,
    /// The person.
    pub user_id: Id<User>,
    /// The team for which they wait.
    pub team_id: Id<Team>,
    /// What brought the wait about.
    pub cause: String,
    /// Their place in the line; 1 is next.
    pub position: i64,
    /// What orders the line: when they joined it, unless somebody moved them.
    pub waiting_at: Timestamp,
    /// When they joined it.
    pub created_at: Timestamp,
}
columns!(Waiting in "seat_waitlist": id, seat_id, product_id, user_id, team_id, cause, position, waiting_at, created_at);

impl Kind for Waiting {
    const PREFIX: &'static str = "assignment";
}

impl Record for Waiting {
    const KIND: &'static str = "seat_wait";
    const SUMMARY: &'static str = "Somebody who waits for a place of a seat.";
    const FIELDS: &'static [Field] = &[
        Field::sorted("waiting_at", "waiting_at", FieldKind::Time),
        Field::filter("user", "user_id", FieldKind::Reference("user", "users")),
        Field::filter("team", "team_id", FieldKind::Reference("team", "teams")),
    ];
    const SEARCH: &'static [&'static str] = &[];
    const EXPANDS: &'static [Expand] = &[
        Expand {
            name: "user",
            member: "user_id",
            table: "users",
        },
        Expand {
            name: "team",
            member: "team_id",
            table: "teams",
        },
    ];
    const SOFT_DELETE: bool = false;
    const REACH: Option<&'static str> = Some("seat_waitlist.team_id IN {}");
    const READ: Permission = Permission::SeatsRead;

    fn id(&self) -> &Id<Self> {
        &self.id
    }
}

/// Who is moved in the line, and where to: exactly one of the three.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReorderInput {
    /// Who is moved, by their assignment.
    pub assignment: Id<Assignment>,
    /// In front of this one.
    #[serde(default)]
    pub before: Option<Id<Assignment>>,
    /// Behind this one.
    #[serde(default)]
    pub after: Option<Id<Assignment>>,
    /// To this place; 1 is next. Beyond the end means the end.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub position: Option<i64>,
}

fn fault(pointer: &str, code: &'static str, detail: &str) -> Error {
    Error::invalid(vec![Fault::new(pointer, code, detail)])
}

/// The place in the line that is wanted, once the one who moves has left it.
fn aim(input: &ReorderInput, moved: &Waiting, anchor: Option<&Waiting>, count: i64) -> Result<i64> {
    let beside = |pointer: &str, behind: i64| {
        let detail = "does not wait for a place of this seat.";
        let anchor = anchor.ok_or_else(|| fault(pointer, "not_waiting", detail))?;
        if anchor.id == moved.id {
            let detail = "is the one who is moved; name somebody else.";
            return Err(fault(pointer, "same", detail));
        }
        let left = i64::from(moved.position < anchor.position);
        Ok(anchor.position - left + behind)
    };
    match (&input.before, &input.after, input.position) {
        (Some(_), None, None) => beside("/before", 0),
        (None, Some(_), None) => beside("/after", 1),
        (None, None, Some(position)) if position >= 1 => Ok(position.min(count)),
        (None, None, Some(_)) => Err(fault("/position", "invalid", "is 1 or more.")),
        _ => Err(fault(
            "/position",
            "required",
            "Say where to: exactly one of before, after and position.",
        )),
    }
}

/// Plans another place in the line for somebody.
pub async fn plan_reorder(
    db: &Db,
    call: &Call,
    seat: &Ref<Seat>,
    input: &ReorderInput,
) -> Result<(Plan, Waiting)> {
    call.caller.require(Permission::SeatsAssign)?;
    let seat = records::find::<Seat>(db, &call.caller, seat).await?;
    require_reach(&call.caller, &seat.team_ids.0)?;
    let of_seat = |id: &Id<Assignment>| {
        Select::rows::<Waiting>(
            "WHERE account_id = $1 AND seat_id = $2 AND id = $3",
            params![seat.id.clone(), id.clone()],
        )
    };
    let mut batch = Batch::new();
    let moved = batch.add::<Waiting>(of_seat(&input.assignment));
    let anchor = input.before.as_ref().or(input.after.as_ref());
    let anchor = anchor.map(|id| batch.add::<Waiting>(of_seat(id)));
    let assignment = batch.add::<Assignment>(Select::rows::<Assignment>(
        "WHERE account_id = $1 AND id = $2",
        params![input.assignment.clone()],
    ));
    let mut rows = db.read(call.account(), batch).await?;
    let (Some(moved), Some(assignment)) = (rows.first(&moved), rows.first(&assignment)) else {
        let detail = "does not wait for a place of this seat.";
        return Err(fault("/assignment", "not_waiting", detail));
    };
    let anchor = anchor.and_then(|slot| rows.first(&slot));
    let position = aim(input, &moved, anchor.as_ref(), seat.waitlisted)?;
    let mut plan = Plan::new("seat.waitlist_move");
    if position == moved.position {
        return Ok((plan, moved));
    }
    let (front, behind) = neighbours(db, call, &moved, position).await?;
    let room = room_between(front.as_ref(), behind.as_ref(), call.now);
    plan.guard(Statement::guarded(
        "UPDATE seats SET version = version + 1, updated_at = $2 WHERE account_id = $1 AND id = $3 AND version = $4",
        params![call.now, seat.id.clone(), seat.version],
    ));
    if let (true, Some((at, id))) = (room.is_tight, &front) {
        // Everybody in front, but for the one who is moved: a row is written once.
        plan.write(Statement::new(
            "UPDATE seat_assignments SET waiting_at = waiting_at - $2, version = version + 1 WHERE account_id = $1 AND seat_id = $3 \
             AND state = 'waitlisted' AND (waiting_at < $4 OR (waiting_at = $4 AND id <= $5)) AND id <> $6",
            params![STEP, seat.id.clone(), *at, id.clone(), input.assignment.clone()],
        ));
    }
    let after = Assignment {
        waiting_at: Some(room.at),
        updated_at: call.now,
        ..assignment.clone()
    };
    plan.write(Statement::update(&after, assignment.version));
    let previous = json!({ "waiting_at": assignment.waiting_at, "position": moved.position });
    plan.event(after.event("waitlist_moved").previous(previous));
    let moved = Waiting {
        position,
        waiting_at: room.at,
        ..moved
    };
    Ok((plan, moved))
}

/// Moment and id of somebody in the line.
type Neighbour = (Timestamp, Id<Assignment>);

/// Who stands in front of a place in the line and who behind it, without the one who moves.
async fn neighbours(
    db: &Db,
    call: &Call,
    moved: &Waiting,
    position: i64,
) -> Result<(Option<Neighbour>, Option<Neighbour>)> {
    let is_first = position == 1;
    let select = Select::new(
        "SELECT waiting_at, id FROM seat_assignments WHERE account_id = $1 AND seat_id = $2 AND state = 'waitlisted' AND id <> $3 \
         ORDER BY waiting_at, id LIMIT $4 OFFSET $5",
        params![
            moved.seat_id.clone(),
            moved.id.clone(),
            if is_first { 1_i64 } else { 2 },
            (position - 2).max(0)
        ],
    );
    let mut found = db
        .fetch::<Neighbour>(call.account(), select)
        .await?
        .into_iter();
    Ok(if is_first {
        (None, found.next())
    } else {
        (found.next(), found.next())
    })
}

/// How far those in front move into the past where there is no room, in microseconds.
const STEP: i64 = 2;
/// How far in front of the first the new first stands.
const AHEAD: i64 = 1_000_000;

struct Room {
    at: Timestamp,
    /// Whether those in front must move for it.
    is_tight: bool,
}

/// A moment between two in the line. Nobody is moved into the future, where those who come later would pass them.
fn room_between(front: Option<&Neighbour>, behind: Option<&Neighbour>, now: Timestamp) -> Room {
    let before = behind.map_or(now.micros() + 1, |(at, _)| at.micros());
    let Some((front, _)) = front else {
        return Room {
            at: Timestamp::from_micros(before - AHEAD),
            is_tight: false,
        };
    };
    let gap = before - front.micros();
    let is_tight = gap < STEP;
    let back = match behind {
        // The end of the line: as if they had joined now.
        None => 1,
        Some(_) => (gap / 2).max(1),
    };
    Room {
        at: Timestamp::from_micros(before - back),
        is_tight,
    }
}

/// Plans that somebody leaves the line.
pub async fn plan_leave(
    db: &Db,
    ids: &Ids,
    call: &Call,
    seat: &Ref<Seat>,
    assignment: &Ref<Assignment>,
) -> Result<Plan> {
    call.caller.require(Permission::SeatsAssign)?;
    let seat = records::find::<Seat>(db, &call.caller, seat).await?;
    let one = records::find::<Assignment>(db, &call.caller, assignment).await?;
    if one.seat_id != seat.id || !reaches(&call.caller, &one.team_id) {
        return Err(Error::not_found("seat_wait"));
    }
    leave(ids, call, seat, &one)
}

/// The same for oneself, on one's own page.
pub async fn plan_leave_own(
    db: &Db,
    ids: &Ids,
    call: &Call,
    user: &Id<User>,
    assignment: &Id<Assignment>,
) -> Result<Plan> {
    let own = "WHERE account_id = $1 AND user_id = $2 AND id = $3";
    let values = || params![user.clone(), assignment.clone()];
    let mut batch = Batch::new();
    let one = batch.add::<Assignment>(Select::rows::<Assignment>(own, values()));
    let seat = batch.add::<Seat>(Select::rows::<Seat>(
        &format!("WHERE account_id = $1 AND id IN (SELECT seat_id FROM seat_assignments {own})"),
        values(),
    ));
    let mut rows = db.read(call.account(), batch).await?;
    let (Some(one), Some(seat)) = (rows.first(&one), rows.first(&seat)) else {
        return Err(Error::not_found("seat_wait"));
    };
    leave(ids, call, seat, &one)
}

fn leave(ids: &Ids, call: &Call, seat: Seat, one: &Assignment) -> Result<Plan> {
    if one.state != AssignmentState::Waitlisted {
        return Err(Error::not_found("seat_wait"));
    }
    let mut plan = Plan::new("seat.waitlist_leave");
    let mut change = Change::of(seat, call, ids);
    change.end(one, AssignmentState::Released)?;
    change.finish(&mut plan, &mut Access::new());
    Ok(plan)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: i64) -> Neighbour {
        let id = Id::parse("assignment_01j00000000000000000000000").expect("an id");
        (Timestamp::from_micros(micros), id)
    }

    fn room(front: Option<i64>, behind: Option<i64>) -> (i64, bool) {
        let now = Timestamp::from_micros(1_000);
        let room = room_between(front.map(at).as_ref(), behind.map(at).as_ref(), now);
        (room.at.micros(), room.is_tight)
    }

    #[test]
    fn there_is_always_room_and_never_in_the_future() {
        assert_eq!(room(None, Some(500)), (500 - AHEAD, false));
        assert_eq!(room(Some(100), Some(200)), (150, false));
        assert_eq!(room(Some(100), Some(102)), (101, false));
        assert_eq!(room(Some(100), Some(101)), (100, true), "those in front go");
        assert_eq!(room(Some(100), Some(100)), (99, true));
        assert_eq!(room(Some(900), None), (1_000, false), "as if joined now");
        assert_eq!(room(Some(1_000), None), (1_000, true));
    }
}
