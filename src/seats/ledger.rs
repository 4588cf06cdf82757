//! The ledger of a seat: every change of its counters, append-only, with what stood after it.
//!
//! An entry gets its balance and its moment from the seat's row as the same list of writes has left it, under the lock of
//! that row (`record`). So balances follow each other without a gap however many write at once, moments never go back
//! within a seat, and the counters of any moment are those of one entry ([`as_of`]).

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::assignment::Assignment;
use super::seat::Seat;
use crate::access::Permission;
use crate::columns;
use crate::db::{Column as _, Db, Row, Select, Statement, Value};
use crate::error::Result;
use crate::params;
use crate::resource::{Expand, Field, FieldKind, Record};
use crate::types::{AccountId, Id, Kind, Timestamp, json_list};

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
    /// The quantity after it; absent: unlimited.
    pub quantity_after: Option<i64>,
    /// The places in use after it.
    pub assigned_after: i64,
    /// The places held for somebody after it.
    pub reserved_after: i64,
    /// The places used for good after it.
    pub spent_after: i64,
    /// The people waiting after it.
    pub waitlisted_after: i64,
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
    /// Whether it is the last entry of its change.
    #[serde(skip)]
    pub(crate) closes: bool,
    /// When: later than the entry before it.
    pub created_at: Timestamp,
    /// The free places after it; absent: unlimited.
    pub available_after: Option<i64>,
}
columns!(LedgerEntry in "seat_ledger": id, seat_id, cause, quantity_delta, assigned_delta, reserved_delta, spent_delta, waitlisted_delta,
    quantity_after, assigned_after, reserved_after, spent_after, waitlisted_after, assignment_id, reference, hold_id, counterpart_id,
    counterpart_seat_id, actor_type, actor_id, actor_name, closes, created_at;
    available_after = "seat_ledger.quantity_after - seat_ledger.assigned_after - seat_ledger.reserved_after - seat_ledger.spent_after");

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

/// Entries that one statement writes at the most.
const ROWS: usize = 100;

impl LedgerEntry {
    /// How many more places were used after it than before.
    pub const fn used_delta(&self) -> i64 {
        self.assigned_delta + self.reserved_delta + self.spent_delta
    }

    /// Places that nobody else could have after it.
    pub const fn used_after(&self) -> i64 {
        self.assigned_after + self.reserved_after + self.spent_after
    }
}

/// What entries that come later in the same change do to the counters.
#[derive(Clone, Copy, Default)]
struct Later {
    quantity: i64,
    assigned: i64,
    reserved: i64,
    spent: i64,
    waitlisted: i64,
    entries: i64,
}

/// The statements that write the entries of one change of a seat, behind the statement that writes the seat's row: the
/// last gets that row's counters, each before it those without what comes later.
pub(super) fn record(entries: &[LedgerEntry]) -> Vec<Statement> {
    let mut later = Later::default();
    let mut rows: Vec<(&LedgerEntry, Later)> = Vec::with_capacity(entries.len());
    for entry in entries.iter().rev() {
        rows.push((entry, later));
        later.quantity += entry.quantity_delta;
        later.assigned += entry.assigned_delta;
        later.reserved += entry.reserved_delta;
        later.spent += entry.spent_delta;
        later.waitlisted += entry.waitlisted_delta;
        later.entries += 1;
    }
    rows.reverse();
    rows.chunks(ROWS).map(insertion).collect()
}

fn insertion(rows: &[(&LedgerEntry, Later)]) -> Statement {
    let mut params = Vec::new();
    let mut place = |value: Value| {
        params.push(value);
        format!("${}", params.len() + 1)
    };
    let selects: Vec<String> = rows
        .iter()
        .map(|(entry, later)| {
            let columns = LedgerEntry::STORED.iter().zip(entry.values());
            let columns: Vec<String> = columns
                .map(|(column, value)| {
                    let of_seat = match *column {
                        "quantity_after" => ("quantity", later.quantity),
                        "assigned_after" => ("assigned", later.assigned),
                        "reserved_after" => ("reserved", later.reserved),
                        "spent_after" => ("spent", later.spent),
                        "waitlisted_after" => ("waitlisted", later.waitlisted),
                        "created_at" => ("ledger_at", later.entries),
                        "closes" => return place((later.entries == 0).value()),
                        _ => return place(value),
                    };
                    format!("w.{} - {}", of_seat.0, place(of_seat.1.value()))
                })
                .collect();
            let seat = place(entry.seat_id.value());
            format!(
                "SELECT $1, {} FROM WRITTEN(seats) w WHERE w.account_id = $1 AND w.id = {seat}",
                columns.join(", ")
            )
        })
        .collect();
    let sql = format!(
        "INSERT INTO seat_ledger (account_id, {}) {}",
        LedgerEntry::STORED.join(", "),
        selects.join(" UNION ALL ")
    );
    Statement::new(sql, params)
}

/// Seats with their counters as they stood at a moment, in the order given and without those that were not there yet.
/// Everything else is as it is now. One query for all.
pub async fn as_of(
    db: &Db,
    account: &AccountId,
    seats: Vec<Seat>,
    at: Timestamp,
) -> Result<Vec<Seat>> {
    let last = "SELECT l.id FROM seat_ledger l WHERE l.account_id = $1 AND l.seat_id = s.value AND l.created_at <= $3 \
                ORDER BY l.created_at DESC, l.id DESC LIMIT 1";
    let entries: Vec<LedgerEntry> = db
        .fetch(
            account,
            Select::rows::<LedgerEntry>(
                &format!(
                    "WHERE account_id = $1 AND id IN (SELECT ({last}) FROM JSON_LIST($2) AS s)"
                ),
                params![json_list(seats.iter().map(|seat| &seat.id)), at],
            ),
        )
        .await?;
    let entries: HashMap<_, _> = entries
        .into_iter()
        .map(|entry| (entry.seat_id.clone(), entry))
        .collect();
    let stood = |seat: Seat| Some(seat.clone().standing_after(entries.get(&seat.id)?));
    Ok(seats.into_iter().filter_map(stood).collect())
}
