//! The one thread that writes.
//!
//! It takes all lists that wait and commits them together (group commit), so one `fsync` serves many callers and a lone
//! caller never waits for a timer. A list that fails is undone alone. Nobody is answered before the commit is on the disk
//! (`synchronous=FULL`), so what was acknowledged survives a power cut.
//!
//! A savepoint for each list would let SQLite copy every page that a list changes, for the sake of the few that fail. So
//! a group does without; when a list fails, the group is undone, what had passed is written again, and for a while
//! ([`CALM`]) each list has its savepoint.

use std::collections::HashMap;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::super::portable::{Dialect, check_tenant, translate};
use super::super::{DbError, Statement, Value};
use super::anchor::Anchor;
use super::bind;
use super::log::Log;

/// So many groups in a row without a failure, and the next one does without savepoints.
const CALM: u32 = 16;

/// Rows changed by each statement of a list, or why it was undone.
type Outcome = Result<Vec<u64>, DbError>;

/// A list that waits to be written as a whole.
pub(super) struct Unit {
    pub(super) account: Value,
    pub(super) statements: Vec<Statement>,
    pub(super) answer: oneshot::Sender<Outcome>,
}

pub(super) struct Writer {
    connection: Connection,
    log: Log,
    texts: HashMap<String, String>,
    /// Groups in a row in which no list failed.
    calm: u32,
}

impl Writer {
    pub(super) fn new(connection: Connection, log: Log) -> Self {
        Self {
            connection,
            log,
            texts: HashMap::new(),
            calm: 0,
        }
    }

    /// Writes what comes, up to `group` lists at once, until nobody is left who could send any.
    pub(super) fn run(mut self, anchor: &Anchor, mut queue: mpsc::Receiver<Unit>, group: usize) {
        while let Some(first) = queue.blocking_recv() {
            let line = anchor.up();
            let waiting = std::iter::from_fn(|| queue.try_recv().ok());
            self.write_group(std::iter::once(first).chain(waiting).take(group));
            line.let_down();
        }
    }

    fn write_group(&mut self, units: impl Iterator<Item = Unit>) {
        let mut done: Vec<(Unit, Outcome)> = Vec::new();
        let mut begun = self.begin();
        let mut guarded = self.calm < CALM;
        for unit in units {
            let outcome = match (&begun, guarded) {
                (Err(error), _) => Err(unavailable(error)),
                (Ok(()), true) => self.write_guarded(&unit),
                (Ok(()), false) => self.write_bare(&unit),
            };
            if outcome.is_err() && begun.is_ok() && !guarded {
                guarded = true;
                begun = self.write_again(&mut done);
            }
            done.push((unit, outcome));
            // A full or broken disk ends the transaction by itself.
            if self.connection.is_autocommit() {
                break;
            }
        }
        let failed = done.iter().any(|(_, outcome)| outcome.is_err());
        self.calm = if failed {
            0
        } else {
            self.calm.saturating_add(1)
        };
        let committed = begun.and_then(|()| self.connection.execute_batch("COMMIT"));
        if committed.is_err() {
            let _ = self.connection.execute_batch("ROLLBACK");
        }
        for (unit, outcome) in done {
            let outcome = match &committed {
                Ok(()) => outcome,
                Err(error) => Err(unavailable(error)),
            };
            let _ = unit.answer.send(outcome);
        }
        self.log.keep_short(&self.connection);
    }

    fn begin(&self) -> rusqlite::Result<()> {
        self.connection.execute_batch("BEGIN IMMEDIATE")
    }

    /// Undoes the group and writes those that had passed once more, each with its savepoint.
    fn write_again(&mut self, done: &mut [(Unit, Outcome)]) -> rusqlite::Result<()> {
        let _ = self.connection.execute_batch("ROLLBACK");
        self.begin()?;
        for (unit, outcome) in done {
            *outcome = self.write_guarded(unit);
            if self.connection.is_autocommit() {
                break;
            }
        }
        Ok(())
    }

    fn write_guarded(&mut self, unit: &Unit) -> Outcome {
        self.step("SAVEPOINT unit")?;
        let outcome = self.write_bare(unit);
        if outcome.is_err() {
            self.step("ROLLBACK TO unit")?;
        }
        self.step("RELEASE unit")?;
        outcome
    }

    fn step(&self, sql: &str) -> rusqlite::Result<()> {
        self.connection.prepare_cached(sql)?.execute([])?;
        Ok(())
    }

    fn write_bare(&mut self, unit: &Unit) -> Outcome {
        let statements = unit.statements.iter();
        statements
            .map(|statement| self.write_one(&unit.account, statement))
            .collect()
    }

    fn write_one(&mut self, account: &Value, statement: &Statement) -> Result<u64, DbError> {
        if !self.texts.contains_key(statement.sql.as_ref()) {
            check_tenant(&statement.sql)?;
            if self.texts.len() > 4096 {
                self.texts.clear();
            }
            self.texts.insert(
                statement.sql.to_string(),
                translate(&statement.sql, Dialect::Sqlite).into_owned(),
            );
        }
        let text = self.texts.get(statement.sql.as_ref());
        let mut prepared = self
            .connection
            .prepare_cached(text.map_or("", String::as_str))?;
        bind(&mut prepared, account, &statement.params)?;
        let changed = prepared.raw_execute()? as u64;
        if statement.expect.holds(changed) {
            Ok(changed)
        } else {
            Err(DbError::Stale)
        }
    }
}

fn unavailable(error: &rusqlite::Error) -> DbError {
    DbError::Unavailable(error.to_string().into())
}
