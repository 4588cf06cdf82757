//! The proof: every seat's counters equal the sums of its ledger and the count of its
//! assignments and of the places that holds keep, and every entry's balance is the sum of the entries up to it.

use schemars::JsonSchema;
use serde::Serialize;

use super::seat::Seat;
use crate::app::App;
use crate::db::{Batch, Db, Select};
use crate::error::{Error, Result};
use crate::types::{AccountId, Id};

/// A seat whose counters do not agree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Mismatch {
    /// The seat.
    pub seat_id: Id<Seat>,
    /// What disagrees: `ledger`, `assignments`, or an entry's own `balance` with the entries up to it.
    pub with: String,
    /// Quantity, assigned, reserved, spent and waitlisted as the seat has them, or the entry.
    pub counters: [i64; 5],
    /// The same as the other side has them.
    pub other: [i64; 5],
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Report {
    /// Seats that were checked.
    pub checked: i64,
    /// Those that do not agree; none, if all is well.
    pub mismatches: Vec<Mismatch>,
}

type Row = (Id<Seat>, String, String);

fn texts(prefix: &str) -> String {
    ["quantity", "assigned", "reserved", "spent", "waitlisted"]
        .map(|name| format!("CAST(COALESCE({prefix}.{name}, 0) AS TEXT)"))
        .join(" || ' ' || ")
}

fn against(other: &str, compared: &[&str]) -> Select {
    let differs = compared
        .iter()
        .map(|column| format!("COALESCE(s.{column}, 0) <> COALESCE(o.{column}, 0)"))
        .collect::<Vec<_>>()
        .join(" OR ");
    Select::new(
        format!(
            "SELECT s.id, {}, {} FROM seats s LEFT JOIN ({other}) o ON o.seat_id = s.id WHERE s.account_id = $1 AND ({differs}) ORDER BY s.id LIMIT 100",
            texts("s"),
            texts("o")
        ),
        vec![],
    )
}

/// The entries whose balances are not the sums of the entries up to them. An unlimited seat has no quantity to compare.
fn balances() -> Select {
    let columns = ["quantity", "assigned", "reserved", "spent", "waitlisted"];
    let side = |suffix: &str| {
        columns
            .map(|name| format!("CAST(COALESCE(e.{name}{suffix}, 0) AS TEXT)"))
            .join(" || ' ' || ")
    };
    let sums = columns
        .map(|name| format!("CAST(sum({name}_delta) OVER so_far AS BIGINT) AS {name}_sum"))
        .join(", ");
    let differs = columns
        .map(|name| format!("e.{name}_after <> e.{name}_sum"))
        .join(" OR ");
    Select::new(
        format!(
            "SELECT e.seat_id, {}, {} FROM (SELECT seat_id, quantity_after, assigned_after, reserved_after, spent_after, waitlisted_after, {sums} \
             FROM seat_ledger WHERE account_id = $1 WINDOW so_far AS (PARTITION BY seat_id ORDER BY created_at, id)) e \
             WHERE {differs} ORDER BY e.seat_id LIMIT 100",
            side("_after"),
            side("_sum")
        ),
        vec![],
    )
}

/// Checks all seats of an account in one snapshot.
pub async fn check(db: &Db, account: &AccountId) -> Result<Report> {
    let all = ["quantity", "assigned", "reserved", "spent", "waitlisted"];
    let ledger = "SELECT seat_id, CAST(sum(quantity_delta) AS BIGINT) AS quantity, CAST(sum(assigned_delta) AS BIGINT) AS assigned, \
                  CAST(sum(reserved_delta) AS BIGINT) AS reserved, CAST(sum(spent_delta) AS BIGINT) AS spent, \
                  CAST(sum(waitlisted_delta) AS BIGINT) AS waitlisted FROM seat_ledger WHERE account_id = $1 GROUP BY seat_id";
    let live = "SELECT seat_id, 0 AS quantity, CAST(sum(assigned) AS BIGINT) AS assigned, CAST(sum(reserved) AS BIGINT) AS reserved, 0 AS spent, \
                CAST(sum(waitlisted) AS BIGINT) AS waitlisted FROM ( \
                SELECT seat_id, CASE WHEN state = 'active' THEN 1 ELSE 0 END AS assigned, CASE WHEN state = 'reserved' THEN 1 ELSE 0 END AS reserved, \
                CASE WHEN state = 'waitlisted' THEN 1 ELSE 0 END AS waitlisted FROM seat_assignments WHERE account_id = $1 \
                UNION ALL SELECT seat_id, 0 AS assigned, quantity AS reserved, 0 AS waitlisted FROM seat_hold_items WHERE account_id = $1 AND live) live GROUP BY seat_id";
    let mut batch = Batch::new();
    let count = batch.add::<(i64,)>(Select::new(
        "SELECT count(*) FROM seats WHERE account_id = $1",
        vec![],
    ));
    let by_ledger = batch.add::<Row>(against(ledger, &all));
    let by_balance = batch.add::<Row>(balances());
    let by_life = batch.add::<Row>(against(live, &["assigned", "reserved", "waitlisted"]));
    let mut rows = db.read(account, batch).await?;
    let checked = rows.first(&count).map_or(0, |(count,)| count);
    let mut mismatches = Vec::new();
    for (with, slot) in [
        ("ledger", by_ledger),
        ("assignments", by_life),
        ("balance", by_balance),
    ] {
        for (seat_id, counters, other) in rows.take(&slot) {
            mismatches.push(Mismatch {
                seat_id,
                with: with.to_owned(),
                counters: numbers(&counters),
                other: numbers(&other),
            });
        }
    }
    Ok(Report {
        checked,
        mismatches,
    })
}

fn numbers(text: &str) -> [i64; 5] {
    let mut numbers = [0; 5];
    for (place, word) in numbers.iter_mut().zip(text.split(' ')) {
        *place = word.parse().unwrap_or(0);
    }
    numbers
}

/// The nightly check: a fault is an error that somebody must see.
pub async fn check_integrity(app: &App, account: &AccountId) -> Result<()> {
    let report = check(&app.db, account).await?;
    if report.mismatches.is_empty() {
        return Ok(());
    }
    let seats: Vec<_> = report
        .mismatches
        .iter()
        .map(|mismatch| mismatch.seat_id.as_str())
        .collect();
    Err(Error::internal(format!(
        "counters disagree at {} of {} seats: {}",
        seats.len(),
        report.checked,
        seats.join(", ")
    )))
}
