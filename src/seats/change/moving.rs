//! Places that are carried over from one seat to another of the same product, free ones and those of people.

use serde_json::json;

use super::quantity::quantity;
use super::{About, Change, Holder};
use crate::error::{Code, Error, Result};
use crate::events::Event;
use crate::seats::assignment::{Assignment, AssignmentState};
use crate::seats::ledger::LedgerEntry;
use crate::types::Id;

impl Change<'_> {
    /// Moves free places to another seat: two entries that name each other. 409 `seats_exhausted` when fewer are free.
    pub fn move_to(&mut self, other: &mut Self, places: i64) -> Result<()> {
        self.require_counted(other)?;
        self.require_room(places)?;
        let arrived: Id<LedgerEntry> = other.ids.next(other.call.now);
        let about = About {
            counterpart: Some((arrived.clone(), other.seat.id.clone())),
            ..About::default()
        };
        let left = self.entry("moved_out", quantity(-places), about);
        self.shift(quantity(-places));
        let about = About {
            counterpart: Some((left, self.seat.id.clone())),
            ..About::default()
        };
        other.entry("moved_in", quantity(places), about);
        if let Some(entry) = other.entries.last_mut() {
            entry.id = arrived;
        }
        other.shift(quantity(places));
        other.guards.know_waiters = true;
        let data = json!({ "seat": self.seat, "places": places, "to": other.seat });
        self.announce(Event::new("seat.moved", &self.seat.id, data));
        let data = json!({ "seat": other.seat, "added": places, "from": self.seat.id });
        other.announce(Event::new("seat.added", &other.seat.id, data));
        Ok(())
    }

    /// Refuses seats whose places cannot be counted over.
    pub fn require_counted(&self, other: &Self) -> Result<()> {
        if self.seat.quantity.is_some() && other.seat.quantity.is_some() {
            return Ok(());
        }
        Err(Error::new(
            Code::StateConflict,
            "One of the seats is unlimited, so no places can be counted over. Share the seat with the team instead.",
        ))
    }

    /// Lets somebody leave with their place for another seat: it is free here, and not spent, until it is moved there.
    pub fn let_go(&mut self, assignment: &Assignment) -> Result<Assignment> {
        let released = AssignmentState::Released;
        self.stop(assignment, released, "moved_out", 0, |update| update)
    }

    /// Gives somebody who came along with their place a place here. Who waited for one need not wait any more.
    pub fn welcome(&mut self, waiting: Option<&Assignment>, holder: &Holder) -> Result<Assignment> {
        match waiting {
            Some(waiting) => self.promote(waiting, holder.until),
            None => self.assign(holder),
        }
    }
}
