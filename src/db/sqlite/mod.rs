//! SQLite: one thread writes, any thread reads.
//!
//! The writer takes all lists that wait, runs each behind a savepoint and commits them together (group commit), so one
//! `fsync` serves many callers and a lone caller never waits for a timer. A list that fails is undone alone. Nobody is
//! answered before the commit is on the disk (`synchronous=FULL`), so what was acknowledged survives a power cut.
//! Reads run in place on pooled connections over the write-ahead log and wait for nobody. While nothing is written, one
//! connection more holds the lock that all readers share ([`Anchor`]).

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use tokio::sync::{mpsc, oneshot};

use super::batch::Entry;
use super::error::ConstraintKind;
use super::portable::{Dialect, check_tenant, translate};
use super::{DbError, Reader, Statement, Value};

/// So many lists may wait for the writer; further ones are refused as overload.
const QUEUE: usize = 4096;
/// So many prepared statements are kept for each connection.
const PREPARED: usize = 256;

/// Which unique index stands behind `table.a, table.b`, the way SQLite tells of a violation. Filled when a database is
/// opened; index names are the same in every database of this program.
static UNIQUE: OnceLock<HashMap<String, String>> = OnceLock::new();

type Answer = oneshot::Sender<Result<Vec<u64>, DbError>>;

struct Unit {
    account: Value,
    statements: Vec<Statement>,
    answer: Answer,
}

pub(super) struct Sqlite {
    path: PathBuf,
    readers: Mutex<Vec<Connection>>,
    writer: mpsc::Sender<Unit>,
    texts: Mutex<HashMap<String, Arc<str>>>,
}

impl Sqlite {
    pub(super) fn open(path: &Path, group: usize) -> Result<Self, DbError> {
        let connection = connect(path)?;
        let _ = UNIQUE.set(unique_indexes(&connection)?);
        let (writer, queue) = mpsc::channel(QUEUE);
        let anchor = Anchor::new(reader(path)?)?;
        std::thread::Builder::new()
            .name("sqlite-writer".to_owned())
            .spawn(move || write_all(&connection, &anchor, queue, group))
            .map_err(|error| DbError::Unavailable(error.into()))?;
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

/// A reader that reads nothing. It holds a share of the lock that readers hold on the write-ahead log, so that the others
/// get and leave theirs without a call into the system, for which each would have to wait until the one before is done.
///
/// A reader keeps the log from being begun anew. So the anchor is up while this process writes, and a while of every
/// second ([`ANCHOR_UP`]) for the sake of other processes that write: if one has, what it wrote is then copied into the
/// database, so that its next write begins the log anew.
struct Anchor(Arc<Mutex<Line>>);

struct Line {
    connection: Connection,
    /// Whether this process has written since the last look at the others.
    has_written: bool,
    /// What SQLite calls the version of the data, which changes with every commit of another connection.
    version: i64,
}

/// Long enough for a writer to copy the log into the database and to begin it anew.
const ANCHOR_UP: Duration = Duration::from_millis(50);

impl Anchor {
    fn new(connection: Connection) -> Result<Self, DbError> {
        let anchor = Arc::new(Mutex::new(Line {
            connection,
            has_written: false,
            version: 0,
        }));
        let watched = Arc::downgrade(&anchor);
        std::thread::Builder::new()
            .name("sqlite-anchor".to_owned())
            .spawn(move || {
                while let Some(anchor) = watched.upgrade().map(Self) {
                    told(anchor.lock().look_at_others());
                    std::thread::sleep(ANCHOR_UP);
                    anchor.lock().let_down();
                    drop(anchor);
                    std::thread::sleep(Duration::from_secs(1));
                }
            })
            .map_err(|error| DbError::Unavailable(error.into()))?;
        Ok(Self(anchor))
    }

    fn lock(&self) -> MutexGuard<'_, Line> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Line {
    fn take_up(&self) {
        if !self.connection.is_autocommit() {
            told(self.connection.execute_batch("ROLLBACK"));
        }
    }

    fn let_down(&self) {
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
            self.connection
                .execute_batch("PRAGMA wal_checkpoint(PASSIVE)")?;
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

fn write_all(
    connection: &Connection,
    anchor: &Anchor,
    mut queue: mpsc::Receiver<Unit>,
    group: usize,
) {
    let mut texts = HashMap::new();
    while let Some(first) = queue.blocking_recv() {
        let mut done = Vec::new();
        let mut line = anchor.lock();
        line.take_up();
        line.has_written = true;
        if let Err(error) = connection.execute_batch("BEGIN IMMEDIATE") {
            let _ = first.answer.send(Err(error.into()));
            continue;
        }
        let mut next = Some(first);
        while let Some(unit) = next {
            let result = write_unit(connection, &mut texts, &unit);
            done.push((unit.answer, result));
            next = if done.len() < group {
                queue.try_recv().ok()
            } else {
                None
            };
        }
        let committed = connection.execute_batch("COMMIT");
        if committed.is_err() {
            let _ = connection.execute_batch("ROLLBACK");
        }
        for (answer, result) in done {
            let result = match &committed {
                Ok(()) => result,
                Err(error) => Err(DbError::Unavailable(error.to_string().into())),
            };
            let _ = answer.send(result);
        }
        line.let_down();
    }
}

fn write_unit(
    connection: &Connection,
    texts: &mut HashMap<String, String>,
    unit: &Unit,
) -> Result<Vec<u64>, DbError> {
    connection.prepare_cached("SAVEPOINT unit")?.execute([])?;
    let result = unit
        .statements
        .iter()
        .map(|statement| write_one(connection, texts, &unit.account, statement))
        .collect();
    if Result::is_err(&result) {
        connection.prepare_cached("ROLLBACK TO unit")?.execute([])?;
    }
    connection.prepare_cached("RELEASE unit")?.execute([])?;
    result
}

fn write_one(
    connection: &Connection,
    texts: &mut HashMap<String, String>,
    account: &Value,
    statement: &Statement,
) -> Result<u64, DbError> {
    if !texts.contains_key(statement.sql.as_ref()) {
        check_tenant(&statement.sql)?;
        if texts.len() > 4096 {
            texts.clear();
        }
        texts.insert(
            statement.sql.to_string(),
            translate(&statement.sql, Dialect::Sqlite).into_owned(),
        );
    }
    let text = texts.get(statement.sql.as_ref()).map_or("", String::as_str);
    let mut prepared = connection.prepare_cached(text)?;
    bind(&mut prepared, account, &statement.params)?;
    let changed = prepared.raw_execute()? as u64;
    if statement.expect.holds(changed) {
        Ok(changed)
    } else {
        Err(DbError::Stale)
    }
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
