//! What a seat had at a moment: the running balance beside each entry of its ledger, and the counters as of a time.
//!
//! Both are sums of the ledger in the order of its times, so they cannot say anything else than it does.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::ledger::LedgerEntry;
use super::seat::Seat;
use crate::db::{Db, Select};
use crate::error::{Code, Error, Result};
use crate::params;
use crate::types::{AccountId, Id, Timestamp};

/// The counters of a seat after an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Balance {
    /// Places of the seat; 0 for an unlimited one.
    pub quantity: i64,
    /// Places in use.
    pub assigned: i64,
    /// Places held.
    pub reserved: i64,
    /// Places used for good.
    pub spent: i64,
    /// People waiting.
    pub waitlisted: i64,
}

/// An entry of the ledger with the balance after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LedgerLine {
    /// The entry.
    #[serde(flatten)]
    pub entry: LedgerEntry,
    /// The counters after it.
    pub balance: Balance,
}

/// A seat with its counters as they were at a moment.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SeatAsOf {
    /// The seat: names and terms of today, counters of that moment.
    #[serde(flatten)]
    pub seat: Seat,
    /// The moment.
    pub as_of: Timestamp,
}

type Sums = (i64, i64, i64, i64, i64);

fn balance((quantity, assigned, reserved, spent, waitlisted): Sums) -> Balance {
    Balance {
        quantity,
        assigned,
        reserved,
        spent,
        waitlisted,
    }
}

const COUNTERS: [&str; 5] = ["quantity", "assigned", "reserved", "spent", "waitlisted"];

fn sums(window: &str) -> String {
    COUNTERS
        .map(|name| format!("CAST(COALESCE(sum({name}_delta){window}, 0) AS BIGINT) AS {name}"))
        .join(", ")
}

/// The balances after entries of one seat, by one read however many they are.
pub async fn lines(
    db: &Db,
    account: &AccountId,
    seat: &Id<Seat>,
    entries: Vec<LedgerEntry>,
) -> Result<Vec<LedgerLine>> {
    let Some(last) = entries
        .iter()
        .max_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)))
    else {
        return Ok(Vec::new());
    };
    let ids: Vec<&str> = entries.iter().map(|entry| entry.id.as_str()).collect();
    let select = Select::new(
        format!(
            "SELECT id, {} FROM (SELECT id, {} FROM seat_ledger WHERE account_id = $1 AND seat_id = $2 AND (created_at, id) <= ($3, $4)) b \
             WHERE id IN (SELECT value FROM JSON_LIST($5) AS wanted)",
            COUNTERS.join(", "),
            sums(" OVER (ORDER BY created_at, id)")
        ),
        params![
            seat.clone(),
            last.created_at,
            last.id.clone(),
            serde_json::to_string(&ids).unwrap_or_default()
        ],
    );
    let rows = db
        .fetch::<(Id<LedgerEntry>, i64, i64, i64, i64, i64)>(account, select)
        .await?;
    let balances: BTreeMap<_, _> = rows
        .into_iter()
        .map(|(id, q, a, r, s, w)| (id, balance((q, a, r, s, w))))
        .collect();
    entries
        .into_iter()
        .map(|entry| {
            let balance = balances.get(&entry.id).copied();
            let balance = balance.ok_or_else(|| Error::internal("an entry without its balance"))?;
            Ok(LedgerLine { entry, balance })
        })
        .collect()
}

/// A seat as it was at a moment; 404 where it did not stand yet.
pub async fn as_of(
    db: &Db,
    account: &AccountId,
    seat: Seat,
    moment: Timestamp,
) -> Result<SeatAsOf> {
    if moment < seat.created_at {
        return Err(Error::new(
            Code::NotFound,
            format!("The seat was made {}, after that moment.", seat.created_at),
        ));
    }
    let select = Select::new(
        format!(
            "SELECT {}, EXISTS (SELECT 1 FROM seat_ledger l WHERE l.account_id = $1 AND l.seat_id = $2 AND l.created_at > $3 AND l.cause = 'limited') \
             FROM seat_ledger WHERE account_id = $1 AND seat_id = $2 AND created_at <= $3",
            sums("")
        ),
        params![seat.id.clone(), moment],
    );
    let row = db
        .first::<(i64, i64, i64, i64, i64, bool)>(account, select)
        .await?;
    let (quantity, assigned, reserved, spent, waitlisted, limited_later) =
        row.ok_or_else(|| Error::not_found("seat"))?;
    let quantity = seat
        .quantity
        .filter(|_| !limited_later)
        .map(|_| quantity);
    let used = assigned + reserved + spent;
    let seat = Seat {
        quantity,
        assigned,
        reserved,
        spent,
        waitlisted,
        overage: quantity.map_or(0, |quantity| (used - quantity).max(0)),
        available: quantity.map(|quantity| quantity - used),
        ..seat
    };
    Ok(SeatAsOf {
        seat,
        as_of: moment,
    })
}
