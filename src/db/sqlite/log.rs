//! The write-ahead log: how it is kept short without holding up who writes.
//!
//! What is in the log must be copied into the database before the log can be begun anew. By itself SQLite lets the one
//! who commits do that, every thousand pages, which a large group passes each time: it would wait for two `fsync`s more,
//! and pages that every group changes would be copied for every group. Here another thread copies, less often, while the
//! writer goes on; the writer itself copies only the rest, what it has added meanwhile, when the log is long.
//! <https://sqlite.org/wal.html#checkpointing>

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};

use rusqlite::Connection;
use rusqlite::hooks::Wal;

use super::super::DbError;
use super::thread;

/// Pages (of 4 KiB) by which the log grows before they are copied.
const STEP: i32 = 4_000;
/// Pages of a log that is to be begun anew.
const LONG: i32 = 12_000;
/// Pages of a log that the writer copies whatever the other thread does, so that it cannot grow without an end.
const LONGEST: i32 = 48_000;

/// The log as the writer sees it.
pub(super) struct Log {
    /// Its length after the latest commit, in pages.
    length: Arc<AtomicI32>,
    /// Whether the other thread has copied a long log, so that little is left of it.
    rest: Arc<AtomicBool>,
    /// Its length when the other thread was last asked to copy it.
    asked_at: i32,
    ask: SyncSender<()>,
}

impl Log {
    /// The log that `writer` adds to; `copier` is a connection for the thread that copies it.
    pub(super) fn of(writer: &mut Connection, copier: Connection) -> Result<Self, DbError> {
        let length = Arc::new(AtomicI32::new(0));
        let told = Arc::clone(&length);
        writer.wal_hook(Some(move |_: &mut Wal, pages| {
            told.store(pages, Ordering::Relaxed);
            Ok(())
        }))?;
        let rest = Arc::new(AtomicBool::new(false));
        let (ask, asked) = sync_channel(1);
        let long = Arc::clone(&rest);
        thread("sqlite-log", move || {
            while asked.recv().is_ok() {
                if copied(&copier) >= LONG {
                    long.store(true, Ordering::Relaxed);
                }
            }
        })?;
        Ok(Self {
            length,
            rest,
            asked_at: 0,
            ask,
        })
    }

    /// Copies what is due after a commit of the writer, or lets it be copied.
    pub(super) fn keep_short(&mut self, writer: &Connection) {
        let length = self.length.load(Ordering::Relaxed);
        if self.rest.swap(false, Ordering::Relaxed) || length >= LONGEST {
            copied(writer);
            self.asked_at = length;
            return;
        }
        if length < self.asked_at {
            self.asked_at = 0;
        }
        if length - self.asked_at >= STEP && self.ask.try_send(()).is_ok() {
            self.asked_at = length;
        }
    }
}

/// Copies the log as far as no reader needs what is in the database, and gives its length in pages.
pub(super) fn copy(connection: &Connection) -> rusqlite::Result<i32> {
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get(1))
}

/// As [`copy`]; where that fails, the next one to copy meets the same pages again.
fn copied(connection: &Connection) -> i32 {
    copy(connection).unwrap_or_else(|error| {
        tracing::warn!(%error, "the write-ahead log cannot be copied into the database");
        0
    })
}
