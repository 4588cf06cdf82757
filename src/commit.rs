//! Read, plan, write: the one way in which anything changes.
//!
//! The plan is made from what was read; if others were quicker and it no longer fits, a guard or a constraint refuses
//! the whole list and the plan is made anew from what is true now, a few times at most.

use std::future::Future;
use std::time::Duration;

use serde_json::Value as JsonValue;

use crate::access::Call;
use crate::db::{Db, DbError};
use crate::error::{Code, Error, Result};
use crate::events::Plan;
use crate::types::Ids;

/// So often a plan is made before the caller is told of contention.
const ATTEMPTS: u32 = 12;

/// Milliseconds at most between two attempts.
const LONGEST_PAUSE: u64 = 160;

/// So often a constraint is taken for a race before it is taken for an answer.
const CONSTRAINT_ATTEMPTS: u32 = 3;

/// The constraint that says: this request has been answered before.
pub const REMEMBERED: &str = "idempotency_records_pkey";

/// What came of a plan.
#[derive(Debug)]
pub struct Done<T> {
    /// The plan's own answer.
    pub value: T,
    /// In a dry run: what would have changed. Otherwise it has.
    pub planned: Option<Vec<JsonValue>>,
}

/// A term of SQL that is 1 for a row of `table` that nobody has changed since the statement began, and makes the plan
/// stale for one that somebody has. `key` names the columns that tell the row beside its account; `version` counts its
/// changes.
///
/// PostgreSQL waits for a row that another transaction is changing and goes on with the changed row, but with everything
/// else as it was before. So the inner SELECT still finds the version that was, and where the row has another one now, the
/// term divides by zero: nothing is written, and the plan is made anew. On SQLite, where one writes at a time, the two
/// are always the same.
pub fn as_read(table: &str, key: &[&str]) -> String {
    let same: Vec<String> = key
        .iter()
        .map(|column| format!(" AND seen.{column} = {table}.{column}"))
        .collect();
    let same = same.concat();
    format!(
        "1 / CASE WHEN version = (SELECT seen.version FROM {table} seen WHERE seen.account_id = $1{same}) THEN 1 ELSE 0 END"
    )
}

/// Makes a plan and carries it out as a whole; in a dry run, only makes it.
pub async fn commit<T, F, Fut>(db: &Db, ids: &Ids, call: &Call, plan: F) -> Result<Done<T>>
where
    F: Fn() -> Fut,
    Fut: Future<Output = Result<(Plan, T)>>,
{
    let mut constraints = 0;
    for attempt in 1..=ATTEMPTS {
        let (plan, value) = plan().await?;
        if call.dry_run {
            return Ok(Done {
                value,
                planned: Some(plan.changes()),
            });
        }
        let Err(error) = db.write(call.account(), plan.finish(call, ids)).await else {
            return Ok(Done {
                value,
                planned: None,
            });
        };
        if error.is_constraint(REMEMBERED) {
            return Err(Error::new(
                Code::IdempotencyInProgress,
                "The same request was carried out at the same moment.",
            )
            .retry_after(1));
        }
        constraints += u32::from(matches!(error, DbError::Constraint { .. }));
        if !error.is_race() || constraints >= CONSTRAINT_ATTEMPTS || attempt == ATTEMPTS {
            return Err(error.into());
        }
        // Those who were too slow come back at different moments, further apart from time to time.
        let mut chance = [0_u8; 1];
        ids.fill(&mut chance);
        let most = LONGEST_PAUSE.min(4_u64 << attempt);
        tokio::time::sleep(Duration::from_millis(most * u64::from(chance[0]) / 255)).await;
    }
    Err(DbError::Stale.into())
}
