//! The ledger of a seat: every change of its counters, append-only.

use schemars::JsonSchema;
use serde::Serialize;

use super::assignment::Assignment;
use super::seat::Seat;
use crate::access::Permission;
use crate::columns;
use crate::resource::{Expand, Field, FieldKind, Record};
use crate::types::{Id, Kind, Timestamp};

/// One entry of a seat's ledger. Its deltas, summed over the seat, are the seat's counters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LedgerEntry {
    /// The entry's id.
    pub id: Id<Self>,
    /// The seat.
    pub seat_id: Id<Seat>,
    /// Why: `created`, `added`, `assigned`, `released`, `revoked`, `expired`, `waitlisted`, `promoted`, `moved_in`,
    /// `moved_out`, `taken`, `withdrawn`, `held`, `revived`, …
    pub cause: String,
    /// Change of the quantity.
    pub quantity_delta: i64,
    /// Change of the places in use.
    pub assigned_delta: i64,
    /// Change of the places held for somebody.
    pub reserved_delta: i64,
    /// Change of the places used for good.
    pub spent_delta: i64,
    /// Change of the people waiting.
    pub waitlisted_delta: i64,
    /// The assignment it is about.
    pub assignment_id: Option<Id<Assignment>>,
    /// The caller's reference, such as an order's number; counted once per seat.
    pub reference: Option<String>,
    /// The hold whose places it is about.
    pub hold_id: Option<String>,
    /// The entry that this one answers: the other side of a move, or the entry it takes back.
    pub counterpart_id: Option<Id<Self>>,
    /// The seat in whose ledger that entry stands.
    pub counterpart_seat_id: Option<Id<Seat>>,
    /// What kind of thing acted.
    pub actor_type: String,
    /// Its id.
    pub actor_id: Option<String>,
    /// Its name at that moment.
    pub actor_name: String,
    /// When.
    pub created_at: Timestamp,
}
columns!(LedgerEntry in "seat_ledger": id, seat_id, cause, quantity_delta, assigned_delta, reserved_delta, spent_delta, waitlisted_delta,
    assignment_id, reference, hold_id, counterpart_id, counterpart_seat_id, actor_type, actor_id, actor_name, created_at);

impl Kind for LedgerEntry {
    const PREFIX: &'static str = "entry";
}

impl Record for LedgerEntry {
    const KIND: &'static str = "ledger_entry";
    const SUMMARY: &'static str =
        "Every change of a seat's counters with actor, cause and reference.";
    const FIELDS: &'static [Field] = &[
        Field::sorted("created_at", "created_at", FieldKind::Time),
        Field::filter("cause", "cause", FieldKind::Text),
        Field::filter("reference", "reference", FieldKind::Text),
    ];
    const SEARCH: &'static [&'static str] = &[];
    const EXPANDS: &'static [Expand] = &[];
    const SOFT_DELETE: bool = false;
    const REACH: Option<&'static str> = Some(
        "EXISTS (SELECT 1 FROM seat_teams t WHERE t.account_id = $1 AND t.seat_id = seat_ledger.seat_id AND t.team_id IN {})",
    );
    const READ: Permission = Permission::SeatsRead;

    fn id(&self) -> &Id<Self> {
        &self.id
    }
}
