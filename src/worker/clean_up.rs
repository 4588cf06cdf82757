//! Removing what has been kept long enough, a bounded number of rows at a time, so that nobody waits for it.

use crate::app::App;
use crate::db::{Statement, Value};
use crate::error::Result;
use crate::lifecycle;
use crate::params;
use crate::types::AccountId;

/// Rows removed by one write.
const CHUNK: i64 = 500;
/// Days for which used and ended sign-in links are kept, so that their readers are told what became of them.
const LINK_DAYS: i64 = 30;
/// Days for which done jobs are kept; those that come round every few minutes for one.
const JOB_DAYS: i64 = 7;
/// Days for which bulk jobs are kept with their rows.
const BULK_DAYS: i64 = 30;

/// Removes what is old in one account.
pub(super) async fn run(app: &App, account: &AccountId) -> Result<()> {
    let now = app.clock.now();
    let retention = &app.config.retention;
    let bulk_end = now.plus_days(-BULK_DAYS);
    let link_end = now.plus_days(-LINK_DAYS);
    let texts: [(&'static str, Vec<Value>); 8] = [
        (
            "DELETE FROM idempotency_records WHERE account_id = $1 AND (lineage, idempotency_key) IN \
             (SELECT lineage, idempotency_key FROM idempotency_records WHERE account_id = $1 AND created_at < $3 LIMIT $2)",
            params![CHUNK, now.plus_days(-i64::from(retention.idempotency_days))],
        ),
        (
            "DELETE FROM rate_windows WHERE account_id = $1 AND (subject, window_at) IN \
             (SELECT subject, window_at FROM rate_windows WHERE account_id = $1 AND window_at < $3 LIMIT $2)",
            params![CHUNK, now.seconds() - 3600],
        ),
        (
            "DELETE FROM sessions WHERE account_id = $1 AND id IN (SELECT id FROM sessions WHERE account_id = $1 AND expires_at < $3 LIMIT $2)",
            params![CHUNK, now],
        ),
        (
            "DELETE FROM sign_in_links WHERE account_id = $1 AND id IN \
             (SELECT id FROM sign_in_links WHERE account_id = $1 AND expires_at < $3 AND (used_at IS NULL OR used_at < $3) LIMIT $2)",
            params![CHUNK, link_end],
        ),
        (
            "DELETE FROM jobs WHERE account_id = $1 AND id IN (SELECT id FROM jobs WHERE account_id = $1 AND state = 'done' AND total = 0 AND \
             (finished_at < $3 OR (finished_at < $4 AND kind IN ('expire_assignments', 'sweep_invitations'))) LIMIT $2)",
            params![CHUNK, now.plus_days(-JOB_DAYS), now.plus_days(-1)],
        ),
        (
            "DELETE FROM job_rows WHERE account_id = $1 AND id IN (SELECT r.id FROM jobs j JOIN job_rows r ON r.account_id = $1 AND r.job_id = j.id \
             WHERE j.account_id = $1 AND j.total > 0 AND j.finished_at < $3 LIMIT $2)",
            params![CHUNK, bulk_end],
        ),
        (
            "DELETE FROM jobs WHERE account_id = $1 AND id IN (SELECT j.id FROM jobs j WHERE j.account_id = $1 AND j.total > 0 AND j.finished_at < $3 \
             AND NOT EXISTS (SELECT 1 FROM job_rows r WHERE r.account_id = $1 AND r.job_id = j.id) LIMIT $2)",
            params![CHUNK, bulk_end],
        ),
        (
            "DELETE FROM events WHERE account_id = $1 AND id IN \
             (SELECT id FROM events WHERE account_id = $1 AND created_at < $3 AND sequence IS NOT NULL ORDER BY created_at LIMIT $2)",
            params![CHUNK, now.plus_days(-i64::from(retention.events_days))],
        ),
    ];
    for (text, values) in texts {
        while removed(app, account, Statement::new(text, values.clone())).await?
            >= CHUNK.unsigned_abs()
        {}
    }
    lifecycle::purge_due(app, account).await
}

async fn removed(app: &App, account: &AccountId, statement: Statement) -> Result<u64> {
    Ok(app
        .db
        .write(account, vec![statement])
        .await?
        .into_iter()
        .sum())
}
