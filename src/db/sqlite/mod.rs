//! SQLite: one thread writes ([`Writer`]), one copies the write-ahead log into the database ([`Log`]), any thread reads.
//!
//! Reads run in place on pooled connections over the write-ahead log and wait for nobody. While nothing is written, one
//! connection more holds the lock that all readers share ([`Anchor`]).

mod anchor;
mod log;
mod writer;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use tokio::sync::{mpsc, oneshot};

use super::batch::Entry;
use super::error::ConstraintKind;
use super::portable::{Dialect, check_tenant, translate};
use super::{DbError, Reader, Statement, Value};
use anchor::Anchor;
use log::Log;
use writer::{Unit, Writer};

/// So many lists may wait for the writer; further ones are refused as overload.
const QUEUE: usize = 4096;
/// So many prepared statements are kept for each connection.
const PREPARED: usize = 256;

/// Which unique index stands behind `table.a, table.b`, the way SQLite tells of a violation. Filled when a database is
/// opened; index names are the same in every database of this program.
static UNIQUE: OnceLock<HashMap<String, String>> = OnceLock::new();

pub(super) struct Sqlite {
    path: PathBuf,
    readers: Mutex<Vec<Connection>>,
    writer: mpsc::Sender<Unit>,
    texts: Mutex<HashMap<String, Arc<str>>>,
}

impl Sqlite {
    pub(super) fn open(path: &Path, group: usize) -> Result<Self, DbError> {
        let mut connection = connect(path)?;
        let _ = UNIQUE.set(unique_indexes(&connection)?);
        let (writer, queue) = mpsc::channel(QUEUE);
        let anchor = Anchor::new(reader(path)?)?;
        let log = Log::of(&mut connection, connect(path)?)?;
        let own = Writer::new(connection, log);
        thread("sqlite-writer", move || own.run(&anchor, queue, group))?;
        Ok(Self {
            path: path.to_owned(),
            readers: Mutex::default(),
            writer,
            texts: Mutex::default(),
        })
    }

    fn take_reader(&self) -> Result<Connection, DbError> {
        let pooled = self
            .readers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        pooled.map_or_else(|| reader(&self.path), Ok)
    }

    fn text(&self, sql: &str, scan: bool) -> Result<Arc<str>, DbError> {
        let mut texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(text) = texts.get(sql) {
            return Ok(Arc::clone(text));
        }
        if !scan {
            check_tenant(sql)?;
        }
        if texts.len() > 4096 {
            texts.clear();
        }
        let text: Arc<str> = translate(sql, Dialect::Sqlite).as_ref().into();
        texts.insert(sql.to_owned(), Arc::clone(&text));
        Ok(text)
    }

    pub(super) fn read(
        &self,
        account: &Value,
        entries: &mut [Entry],
        scan: bool,
    ) -> Result<(), DbError> {
        let connection = self.take_reader()?;
        let snapshot = entries.len() > 1;
        if snapshot {
            connection.execute_batch("BEGIN")?;
        }
        let result = entries.iter_mut().try_for_each(|entry| {
            let text = self.text(&entry.select.sql, scan)?;
            let mut prepared = connection.prepare_cached(&text)?;
            bind(&mut prepared, account, &entry.select.params)?;
            let mut rows = prepared.raw_query();
            while let Some(row) = rows.next()? {
                entry.sink.push(&mut Reader::sqlite(row))?;
            }
            Ok(())
        });
        if snapshot {
            connection.execute_batch("COMMIT")?;
        }
        self.readers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(connection);
        result
    }

    pub(super) async fn write(
        &self,
        account: &Value,
        statements: Vec<Statement>,
    ) -> Result<Vec<u64>, DbError> {
        let (answer, answered) = oneshot::channel();
        let unit = Unit {
            account: account.clone(),
            statements,
            answer,
        };
        self.writer
            .try_send(unit)
            .map_err(|_| DbError::Overloaded)?;
        answered
            .await
            .map_err(|_| DbError::Unavailable("the writer has stopped".into()))?
    }
}

/// Begins a thread of the engine's own.
fn thread(name: &str, run: impl FnOnce() + Send + 'static) -> Result<(), DbError> {
    let begun = std::thread::Builder::new().name(name.to_owned()).spawn(run);
    begun.map_err(|error| DbError::Unavailable(error.into()))?;
    Ok(())
}

/// Opens a connection for reading. It forgets its pages whenever another one commits, so a large cache would hold little.
fn reader(path: &Path) -> Result<Connection, DbError> {
    let connection = connect(path)?;
    connection.execute_batch("PRAGMA cache_size=-2000")?;
    Ok(connection)
}

/// Opens a connection with the settings every one of them needs.
pub(super) fn connect(path: &Path) -> Result<Connection, DbError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(Duration::from_secs(10))?;
    connection.execute_batch(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA temp_store=MEMORY; \
         PRAGMA cache_size=-8000; PRAGMA journal_size_limit=67108864",
    )?;
    // Else SQLite prepares a statement anew whenever a value in it may sway its plan, which costs more than running it.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(PREPARED);
    Ok(connection)
}

fn bind(
    prepared: &mut rusqlite::Statement<'_>,
    account: &Value,
    params: &[Value],
) -> Result<(), DbError> {
    let wanted = prepared.parameter_count();
    for (n, value) in std::iter::once(account)
        .chain(params)
        .enumerate()
        .take(wanted)
    {
        prepared.raw_bind_parameter(n + 1, value)?;
    }
    Ok(())
}

fn unique_indexes(connection: &Connection) -> Result<HashMap<String, String>, DbError> {
    let mut statement = connection.prepare(
        "SELECT t.name, i.name, (SELECT group_concat(t.name || '.' || c.name, ', ') FROM pragma_index_info(i.name) c) \
         FROM sqlite_master t, pragma_index_list(t.name) i WHERE t.type = 'table' AND i.\"unique\" = 1",
    )?;
    let rows = statement.query_map([], |row| {
        let (table, index): (String, String) = (row.get(0)?, row.get(1)?);
        let name = if index.starts_with("sqlite_autoindex") {
            format!("{table}_pkey")
        } else {
            index
        };
        Ok((row.get::<_, Option<String>>(2)?.unwrap_or_default(), name))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The name of the constraint in SQLite's own words for it, such as
/// `UNIQUE constraint failed: users.account_id, users.email_key`.
pub(super) fn constraint(error: &rusqlite::Error) -> DbError {
    let told = error.to_string();
    let (kind, rest) = if let Some((_, rest)) = told.split_once("UNIQUE constraint failed: ") {
        (ConstraintKind::Unique, rest)
    } else if let Some((_, rest)) = told.split_once("CHECK constraint failed: ") {
        (ConstraintKind::Check, rest)
    } else if let Some((_, rest)) = told.split_once("NOT NULL constraint failed: ") {
        (ConstraintKind::NotNull, rest)
    } else {
        (ConstraintKind::ForeignKey, "foreign_key")
    };
    let plain = rest.trim_start_matches("index '").trim_end_matches('\'');
    let name = UNIQUE
        .get()
        .and_then(|indexes| indexes.get(plain))
        .map_or(plain, String::as_str);
    DbError::Constraint {
        kind,
        name: name.to_owned(),
    }
}
