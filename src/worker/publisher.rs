//! The publisher: gives events their place in the account's feed.
//!
//! An event has no sequence when it is written, since the order of commits is not known before. Here it gets the next
//! number of its account, once it can be seen; so a reader who has seen number 81 has seen, or can still see, every
//! smaller one. Numbers have no holes. Two nodes may publish at once: the guard on the account's last number lets one
//! list of writes stand and undoes the other as a whole.

use std::time::Duration;

use tokio::sync::watch;

use crate::app::App;
use crate::db::{DbError, Scan, Select, Statement};
use crate::error::Result;
use crate::params;
use crate::types::AccountId;

/// So many events get their numbers in one list of writes.
const CHUNK: i64 = 1000;
/// After a write the publisher waits this long for others.
const GATHER: Duration = Duration::from_millis(50);
/// How long it sleeps when nothing is written here: other nodes write too. After a failure as well.
const IDLE_POLL: Duration = Duration::from_secs(1);

/// Publishes until `stop` becomes true or its sender is gone.
pub(super) async fn run(app: App, mut stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        let written = app.db.written();
        if let Err(error) = publish_all(&app).await {
            tracing::warn!(?error, "events could not be published");
        }
        tokio::select! {
            changed = stop.changed() => if changed.is_err() { break },
            () = tokio::time::sleep(IDLE_POLL) => {}
            () = written => tokio::time::sleep(GATHER).await,
        }
    }
    if let Err(error) = publish_all(&app).await {
        tracing::warn!(
            ?error,
            "the last events are left for the next start to publish"
        );
    }
}

/// Publishes every event there is, and tells how many got their number here.
pub(super) async fn publish_all(app: &App) -> Result<u64> {
    let mut published = 0;
    loop {
        let accounts = app
            .db
            .scan::<(AccountId,)>(Scan::UnpublishedEvents, Vec::new())
            .await?;
        if accounts.is_empty() {
            return Ok(published);
        }
        for (account,) in accounts {
            published += publish(app, &account).await?;
        }
    }
}

/// Publishes a chunk of an account's events; none when another node was quicker.
async fn publish(app: &App, account: &AccountId) -> Result<u64> {
    let mut batch = crate::db::Batch::new();
    let last = batch.add::<(i64,)>(Select::new(
        "SELECT last_sequence FROM accounts WHERE account_id = $1",
        Vec::new(),
    ));
    let unnumbered = batch.add::<(String,)>(Select::new(
        "SELECT id FROM events WHERE account_id = $1 AND sequence IS NULL ORDER BY id LIMIT $2",
        params![CHUNK],
    ));
    let mut rows = app.db.read(account, batch).await?;
    let waiting: Vec<String> = rows.take(&unnumbered).into_iter().map(|(id,)| id).collect();
    let count = i64::try_from(waiting.len()).unwrap_or(0);
    let Some((last,)) = rows.first(&last).filter(|_| count > 0) else {
        return Ok(0);
    };
    let ids = serde_json::Value::from(waiting);
    let writes = vec![
        Statement::guarded(
            "UPDATE accounts SET last_sequence = $2 WHERE account_id = $1 AND last_sequence = $3",
            params![last + count, last],
        ),
        Statement::guarded(
            "UPDATE events SET sequence = $3 + (SELECT l.position FROM JSON_LIST($2) AS l WHERE l.value = events.id) \
             WHERE account_id = $1 AND sequence IS NULL AND id IN (SELECT m.value FROM JSON_LIST($2) AS m)",
            params![ids, last + 1],
        ),
    ];
    match app.db.write(account, writes).await {
        Ok(_) => Ok(u64::try_from(count).unwrap_or(0)),
        // The chunk is a stranger's now, or the account is: what is left is found by the next scan.
        Err(DbError::Stale | DbError::Constraint { .. }) => Ok(0),
        Err(error) => Err(error.into()),
    }
}
