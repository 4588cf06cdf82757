//! The waiting line of a seat: who waits, in which place, and how somebody is moved in it.
//!
//! The line is ordered by `waiting_at`, at first the moment of joining. Moving gives a person a moment between those of
//! their new neighbours; where there is none, those before them are moved apart.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::actions::live_of;
use super::assignment::{Assignment, AssignmentState};
use super::access::Access;
use super::change::Change;
use super::reach::{reaches, require_reach};
use super::seat::Seat;
use crate::access::{Call, Permission};
use crate::columns;
use crate::db::{Batch, Db, Select, Statement};
use crate::error::{Code, Error, Fault, Result};
use crate::events::Plan;
use crate::params;
use crate::records;
use crate::resource::{Expand, Field, FieldKind, Record};
use crate::resources::{Team, User};
use crate::types::{Id, Ids, Kind, Ref, Timestamp};

/// Places to which somebody can be moved by number.
const FURTHEST: i64 = 200;
/// Microseconds between people who are moved apart.
const GAP: i64 = 1000;

/// Somebody who waits for a place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Waiter {
    /// The assignment's id.
    pub id: Id<Self>,
    /// The seat.
    pub seat_id: Id<Seat>,
    /// The person.
    pub user_id: Id<User>,
    /// The team for which the person waits.
    pub team_id: Id<Team>,
    /// What orders the line.
    pub waiting_at: Timestamp,
    /// When the person joined it.
    pub created_at: Timestamp,
    /// The place in the line; 1 is next.
    pub position: i64,
}
columns!(Waiter in "seat_assignments": id, seat_id, user_id, team_id, waiting_at, created_at;
    position = "SELECT count(*) FROM seat_assignments w WHERE w.account_id = $1 AND w.seat_id = seat_assignments.seat_id AND w.state = 'waitlisted' \
    AND (w.waiting_at, w.id) <= (seat_assignments.waiting_at, seat_assignments.id)");

impl Kind for Waiter {
    const PREFIX: &'static str = "assignment";
}

impl Record for Waiter {
    const KIND: &'static str = "waiter";
    const SUMMARY: &'static str = "Somebody who waits for a place of a seat.";
    const FIELDS: &'static [Field] = &[
        Field::sorted("waiting_at", "waiting_at", FieldKind::Time),
        Field::filter("state", "state", FieldKind::Word(&["waitlisted"])),
    ];
    const SEARCH: &'static [&'static str] = &[];
    const EXPANDS: &'static [Expand] = &[Expand {
        name: "user",
        member: "user_id",
        table: "users",
    }];
    const SOFT_DELETE: bool = false;
    const REACH: Option<&'static str> = Some("seat_assignments.team_id IN {}");
    const READ: Permission = Permission::SeatsRead;

    fn id(&self) -> &Id<Self> {
        &self.id
    }
}

/// Where somebody is to stand.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WaiterPatch {
    /// The place in the line; 1 is next. Beyond its end: the last.
    #[schemars(range(min = 1, max = 200))]
    pub position: i64,
}

/// Plans another place in the line for somebody who waits.
pub async fn plan_move(
    db: &Db,
    call: &Call,
    seat: &Ref<Seat>,
    user: &Ref<User>,
    patch: &WaiterPatch,
) -> Result<(Plan, Assignment)> {
    call.caller.require(Permission::SeatsAssign)?;
    if !(1..=FURTHEST).contains(&patch.position) {
        return Err(Error::invalid(vec![Fault::new(
            "/position",
            "invalid",
            format!("The position is a number from 1 to {FURTHEST}."),
        )]));
    }
    let seat = records::find::<Seat>(db, &call.caller, seat).await?;
    require_reach(&call.caller, &seat.team_ids.0)?;
    let user = records::find::<User>(db, &call.caller, user).await?;
    let mut batch = Batch::new();
    let own = batch.add::<Assignment>(live_of(
        seat.id.as_str(),
        std::slice::from_ref(&user.id),
    ));
    let line = batch.add::<Assignment>(Select::rows::<Assignment>(
        "WHERE account_id = $1 AND seat_id = $2 AND state = 'waitlisted' AND user_id <> $3 ORDER BY waiting_at, id LIMIT $4",
        params![seat.id.clone(), user.id.clone(), patch.position],
    ));
    let mut rows = db.read(call.account(), batch).await?;
    let own = rows
        .first(&own)
        .filter(|one| one.state == AssignmentState::Waitlisted)
        .ok_or_else(|| {
            Error::new(
                Code::NotFound,
                "The person does not wait for a place of this seat.",
            )
        })?;
    let line = rows.take(&line);
    let before = usize::try_from(patch.position - 1).unwrap_or(usize::MAX);
    let mut plan = Plan::new("seat.reorder");
    let key = |one: &Assignment| one.waiting_at.map_or(0, Timestamp::micros);
    let previous = line.get(..before.min(line.len())).unwrap_or_default();
    let bounds = (previous.last().map(key), line.get(before).map(key));
    let stands = bounds.0.is_none_or(|left| left < key(&own))
        && bounds.1.is_none_or(|right| key(&own) < right);
    if stands {
        return Ok((plan, own));
    }
    let (at, moved) = between(bounds, previous, call.now);
    for (one, at) in moved {
        let after = Assignment {
            waiting_at: Some(at),
            ..one.clone()
        };
        plan.write(Statement::update(&after, one.version));
    }
    let after = Assignment {
        waiting_at: Some(at),
        updated_at: call.now,
        ..own.clone()
    };
    plan.write(Statement::update(&after, own.version));
    plan.event(
        after
            .event("reordered")
            .previous(serde_json::json!({ "waiting_at": own.waiting_at })),
    );
    Ok((plan, after))
}

/// Plans that somebody waits no longer.
pub async fn plan_leave(
    db: &Db,
    ids: &Ids,
    call: &Call,
    seat: &Ref<Seat>,
    user: &Ref<User>,
) -> Result<Plan> {
    call.caller.require(Permission::SeatsAssign)?;
    let seat = records::find::<Seat>(db, &call.caller, seat).await?;
    let user = records::find::<User>(db, &call.caller, user).await?;
    let own = live_of(seat.id.as_str(), std::slice::from_ref(&user.id));
    let own = db.first::<Assignment>(call.account(), own).await?;
    let waits = |one: &Assignment| {
        one.state == AssignmentState::Waitlisted && reaches(&call.caller, &one.team_id)
    };
    let own = own.filter(waits).ok_or_else(|| {
        Error::new(
            Code::NotFound,
            "The person does not wait for a place of this seat.",
        )
    })?;
    let mut plan = Plan::new("seat.leave_line");
    let mut change = Change::of(seat, call, ids);
    change.end(&own, AssignmentState::Revoked)?;
    change.finish(&mut plan, &mut Access::new());
    Ok(plan)
}

/// A moment between two, and those who must move for it.
fn between<'l>(
    bounds: (Option<i64>, Option<i64>),
    previous: &'l [Assignment],
    now: Timestamp,
) -> (Timestamp, Vec<(&'l Assignment, Timestamp)>) {
    let at = Timestamp::from_micros;
    match bounds {
        (None, None) => (now, Vec::new()),
        (None, Some(right)) => (at(right - GAP), Vec::new()),
        (Some(left), None) => (at(left + 1).max(now), Vec::new()),
        (Some(left), Some(right)) if right - left > 1 => {
            (at(left + (right - left) / 2), Vec::new())
        }
        (Some(_), Some(right)) => {
            let apart = previous
                .iter()
                .rev()
                .zip(1..)
                .map(|(one, n)| (one, at(right - GAP * (n + 1))));
            (at(right - GAP), apart.collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_always_a_moment_between() {
        let now = Timestamp::from_micros(9_000_000);
        let micros = |bounds| between(bounds, &[], now).0.micros();
        assert_eq!(micros((None, None)), 9_000_000);
        assert!(micros((None, Some(5000))) < 5000);
        assert!(micros((Some(9_000_000), None)) > 9_000_000);
        assert_eq!(micros((Some(10), Some(20))), 15);
        assert!(micros((Some(10), Some(11))) < 11);
    }
}
