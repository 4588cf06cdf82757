//! Places taken up again, taken back as if they had never been, or because nobody uses them: what restoring, merging,
//! undoing and reclaiming do.

use std::fmt::Write as _;

use super::{About, Change, Deltas};
use crate::db::{Statement, Value};
use crate::error::Result;
use crate::seats::assignment::{Assignment, AssignmentState};
use crate::types::Timestamp;

/// A write of a row that must also fulfil a condition, with `{}` for each of its values.
pub(in crate::seats) fn guarded_by(
    update: &Statement,
    (condition, values): &(String, Vec<Value>),
) -> Statement {
    let mut params = update.params().to_vec();
    let mut sql = format!("{} AND ", update.sql());
    let mut values = values.iter();
    for (n, part) in condition.split("{}").enumerate() {
        if n > 0 {
            params.extend(values.next().cloned());
            let _ = write!(sql, "${}", params.len() + 1);
        }
        sql.push_str(part);
    }
    Statement::guarded(sql, params)
}

impl Change<'_> {
    /// Gives a place back that its holder does not use; `is_idle` is what must still be true of the row. The plan is stale
    /// when they become active meanwhile.
    pub fn reclaim(
        &mut self,
        assignment: &Assignment,
        is_idle: &(String, Vec<Value>),
    ) -> Result<Assignment> {
        let spent = i64::from(!self.seat.reusable);
        let guard = |update: Statement| guarded_by(&update, is_idle);
        self.stop(
            assignment,
            AssignmentState::Released,
            "reclaimed",
            spent,
            guard,
        )
    }

    fn was_spent(&self, ended: &Assignment) -> bool {
        !self.seat.reusable && self.seat.spent > 0 && ended.starts_at.is_some()
    }

    /// Whether an assignment that has ended can be taken up again.
    pub fn can_restore(&self, ended: &Assignment) -> bool {
        self.seat.is_open(self.call.now) && (self.was_spent(ended) || self.seat.has_room(1))
    }

    /// Takes up an assignment that has ended, with its id and its history. A place that was used for good becomes theirs
    /// again; otherwise one must be free: 409 `seats_exhausted`.
    pub fn restore(&mut self, ended: &Assignment, until: Option<Timestamp>) -> Result<Assignment> {
        let spent = i64::from(self.was_spent(ended));
        let about = About::assignment(&ended.id);
        self.take_up(ended, ("restored", about), spent, until)
    }

    /// Takes back a place that was never used: it is free again even where the places of the seat are used for good.
    pub fn retract(&mut self, assignment: &Assignment) -> Result<Assignment> {
        let after = self.end(assignment, AssignmentState::Revoked)?;
        if assignment.state == AssignmentState::Active && !self.seat.reusable {
            let back = Deltas {
                spent: -1,
                ..Deltas::default()
            };
            self.entry("undone", back, About::assignment(&after.id));
            self.shift(back);
            self.guards.know_waiters = true;
        }
        Ok(after)
    }

    /// Takes places away that nobody uses, as far as there are any, and tells how many.
    pub fn take_away(&mut self, places: i64, cause: &str) -> i64 {
        let free = self.seat.available.unwrap_or(0).clamp(0, places.max(0));
        if free > 0 && self.take(free, cause, None).is_ok() {
            free
        } else {
            0
        }
    }

    /// How many places this change adds.
    pub const fn added(&self) -> i64 {
        self.deltas.quantity
    }

    /// Whether the seat is made by this change.
    pub const fn makes_seat(&self) -> bool {
        self.is_new
    }
}
