//! What keeps the lock that all readers share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::Connection;

use super::super::DbError;
use super::{log, thread};

/// A reader that reads nothing. It holds a share of the lock that readers hold on the write-ahead log, so that the others
/// get and leave theirs without a call into the system, for which each would have to wait until the one before is done.
///
/// A reader keeps the log from being begun anew. So the anchor is up while this process writes, and a while of every
/// second ([`ANCHOR_UP`]) for the sake of other processes that write: if one has, what it wrote is then copied into the
/// database, so that its next write begins the log anew.
pub(super) struct Anchor(Arc<Mutex<Line>>);

pub(super) struct Line {
    connection: Connection,
    /// Whether this process has written since the last look at the others.
    has_written: bool,
    /// What SQLite calls the version of the data, which changes with every commit of another connection.
    version: i64,
}

/// Long enough for a writer to copy the log into the database and to begin it anew.
const ANCHOR_UP: Duration = Duration::from_millis(50);

impl Anchor {
    pub(super) fn new(connection: Connection) -> Result<Self, DbError> {
        let anchor = Arc::new(Mutex::new(Line {
            connection,
            has_written: false,
            version: 0,
        }));
        let watched = Arc::downgrade(&anchor);
        thread("sqlite-anchor", move || {
            while let Some(anchor) = watched.upgrade().map(Self) {
                told(anchor.lock().look_at_others());
                std::thread::sleep(ANCHOR_UP);
                anchor.lock().let_down();
                drop(anchor);
                std::thread::sleep(Duration::from_secs(1));
            }
        })?;
        Ok(Self(anchor))
    }

    fn lock(&self) -> MutexGuard<'_, Line> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the anchor up for a write.
    pub(super) fn up(&self) -> MutexGuard<'_, Line> {
        let mut line = self.lock();
        line.take_up();
        line.has_written = true;
        line
    }
}

impl Line {
    fn take_up(&self) {
        if !self.connection.is_autocommit() {
            told(self.connection.execute_batch("ROLLBACK"));
        }
    }

    pub(super) fn let_down(&self) {
        if self.connection.is_autocommit() {
            // It takes a read to get the lock, and this one needs no schema.
            told(self.connection.execute_batch("BEGIN; PRAGMA user_version"));
        }
    }

    fn look_at_others(&mut self) -> rusqlite::Result<()> {
        self.take_up();
        let seen = self.version;
        self.version = self
            .connection
            .query_row("PRAGMA data_version", [], |row| row.get(0))?;
        let has_written = std::mem::take(&mut self.has_written);
        if self.version != seen && !has_written {
            log::copy(&self.connection)?;
        }
        Ok(())
    }
}

/// Without the anchor reads are slower and nothing else.
fn told(moved: rusqlite::Result<()>) {
    if let Err(error) = moved {
        tracing::debug!(%error, "the anchor of the write-ahead log does not move");
    }
}
