//! How many places a seat has: made, added, resized, withdrawn, held for a while.

use serde_json::json;

use super::{About, Change, Deltas};
use crate::access::Call;
use crate::error::{Code, Error, Result};
use crate::events::Event;
use crate::resource::Resource;
use crate::seats::hold::SeatHold;
use crate::seats::ledger::LedgerEntry;
use crate::seats::seat::Seat;
use crate::types::{Id, Ids};

/// Places that are added to a quantity, or taken from it.
pub(super) const fn quantity(places: i64) -> Deltas {
    Deltas {
        quantity: places,
        assigned: 0,
        reserved: 0,
        spent: 0,
        waitlisted: 0,
    }
}

impl<'a> Change<'a> {
    /// A seat that is made by this plan, with its quantity as the first entry.
    pub fn create(seat: Seat, reference: Option<&str>, call: &'a Call, ids: &'a Ids) -> Self {
        let mut change = Self {
            is_new: true,
            ..Self::of(seat, call, ids)
        };
        let places = change.seat.quantity.unwrap_or(0);
        change.entry("created", quantity(places), About::reference(reference));
        change.events.push(change.seat.event("created"));
        change
    }

    /// A seat whose quantity becomes `places`, together with whatever else differs in `after`.
    /// [`shortfall::settle`](crate::seats::shortfall::settle) decides on places that are in use beyond it.
    pub fn resize(before: &Seat, after: Seat, places: i64, call: &'a Call, ids: &'a Ids) -> Self {
        let by = places - before.quantity.unwrap_or(0);
        let mut change = Self::of(after, call, ids);
        change.whole_row = Some(before.version);
        change.seat.quantity = Some(places);
        change.settle_overage();
        let cause = if before.quantity.is_some() {
            "resized"
        } else {
            "limited"
        };
        change.entry(cause, quantity(by), About::default());
        change.seat.updated_at = call.now;
        change
    }

    /// A seat that changes in more than its counters: its whole row is written, if nobody else has written it meanwhile.
    pub fn rewrite(before: &Seat, after: Seat, call: &'a Call, ids: &'a Ids) -> Self {
        let mut change = Self::of(after, call, ids);
        change.whole_row = Some(before.version);
        change.seat.updated_at = call.now;
        change
    }

    /// Tells of a change of the record itself, with the members that differ as they were.
    pub fn updated(&mut self, previous: serde_json::Value) {
        self.events
            .push(self.seat.event("updated").previous(previous));
    }

    /// Adds places; to an unlimited seat nothing but the entry. Those who sit are not disturbed; `reference` counts once
    /// per seat.
    pub fn add(&mut self, places: i64, cause: &str, reference: Option<&str>) {
        let deltas = quantity(self.seat.quantity.map_or(0, |_| places));
        self.entry(cause, deltas, About::reference(reference));
        self.shift(deltas);
        self.guards.know_waiters = true;
        let data = json!({ "seat": self.seat, "added": places, "reference": reference });
        self.announce(Event::new("seat.added", &self.seat.id, data));
    }

    /// Takes places out of the quantity; from an unlimited seat nothing but the entry. Whether what is in use fits then is
    /// for [`shortfall::settle`](crate::seats::shortfall::settle) to decide. `reference` counts once per seat.
    pub fn take(&mut self, places: i64, cause: &str, reference: Option<&str>) -> Result<()> {
        if let Some(standing) = self.seat.quantity.filter(|standing| *standing < places) {
            return Err(Error::new(
                Code::QuantityBelowUsage,
                format!("The seat has {standing} places; {places} cannot be taken from it."),
            )
            .with("seat_id", self.seat.id.as_str())
            .with("requested", places));
        }
        let deltas = quantity(self.seat.quantity.map_or(0, |_| -places));
        self.entry(cause, deltas, About::reference(reference));
        self.shift(deltas);
        let data = json!({ "seat": self.seat, "taken": places, "reference": reference });
        self.announce(Event::new("seat.taken", &self.seat.id, data));
        Ok(())
    }

    /// Lets the entry that was made last name the entry that it takes back.
    pub fn reverse(&mut self, entry: Id<LedgerEntry>) {
        let seat_id = self.seat.id.clone();
        if let Some(last) = self.entries.last_mut() {
            last.counterpart_id = Some(entry);
            last.counterpart_seat_id = Some(seat_id);
        }
    }

    /// Lets the quantity be below what is in use, marked as overage.
    pub fn mark_overage(&mut self) {
        self.guards.may_exceed = true;
        self.settle_overage();
    }

    /// Keeps free places for a hold; they count as reserved. 409 `seats_exhausted` when fewer are free.
    pub fn hold(&mut self, places: i64, hold: &Id<SeatHold>) -> Result<()> {
        self.require_room(places)?;
        self.holding(places, "held", hold);
        Ok(())
    }

    /// Gives back the places of a hold: confirmed ones to be given right after, released and lapsed ones to whoever waits.
    pub fn unhold(&mut self, places: i64, cause: &str, hold: &Id<SeatHold>) {
        self.holding(-places, cause, hold);
        self.guards.know_waiters = true;
    }

    fn holding(&mut self, places: i64, cause: &str, hold: &Id<SeatHold>) {
        let deltas = Deltas {
            reserved: places,
            ..Deltas::default()
        };
        let about = About {
            hold: Some(hold.as_str()),
            ..About::default()
        };
        self.entry(cause, deltas, about);
        self.shift(deltas);
    }
}
