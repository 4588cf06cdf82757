//! The database: reads and writes as data, one text for SQLite and PostgreSQL.
//!
//! Nothing outside this folder knows that there are two. The life of a change is always the same: read what is
//! ([`Db::read`], one round trip for a [`Batch`]), plan in plain Rust, write what shall be ([`Db::write`]: a list of
//! [`Statement`]s that takes effect as a whole or not at all, without a transaction that anybody could leave open).
//! Where a race has made the plan stale, a guard or a named constraint says so and the caller plans again.

pub mod backup;
mod batch;
mod error;
pub mod json;
pub mod migrate;
pub mod portable;
mod postgres;
pub mod row;
mod sqlite;
mod statement;
mod statistics;
mod value;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

pub use batch::{Answers, Batch, JsonSlot, Slot};
pub use error::{ConstraintKind, DbError};
pub use row::{FromRow, Pair, Row};
pub use statement::{Expect, Select, Statement};
pub use value::{Column, Reader, Stored, Value};

use crate::types::{AccountId, Timestamp};

/// Limits of the database layer.
#[derive(Debug, Clone)]
pub struct DbSettings {
    /// Connections to PostgreSQL.
    pub pool_size: usize,
    /// How long a caller waits for one of them.
    pub acquire_timeout: Duration,
    /// How long PostgreSQL may work on one statement, or wait for a lock.
    pub statement_timeout: Duration,
    /// Lists of writes that share one commit on SQLite at the most; 1: each has its own.
    pub group_commit: usize,
}

impl Default for DbSettings {
    fn default() -> Self {
        Self {
            pool_size: 16,
            acquire_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(30),
            group_commit: 64,
        }
    }
}

/// Reads over the tables of all accounts, which are the only texts that name no account. They never write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scan {
    /// Accounts that have jobs due at `$2`, the longest waiting first.
    DueJobs,
    /// Accounts that have jobs whose lease ran out before `$2`: their worker is gone.
    LostJobs,
    /// Accounts that have events without a sequence number.
    UnpublishedEvents,
    /// People by the key of their address `$2`, or of one from before a merge: sign-in does not know the account yet.
    SignInAddress,
    /// The account and the link behind a slug `$2`: whoever opens a public address names no account.
    LinkSlug,
    /// All accounts, by name.
    Accounts,
}

impl Scan {
    const fn sql(self) -> &'static str {
        match self {
            Self::DueJobs => {
                "SELECT account_id FROM jobs WHERE state = 'queued' AND run_at <= $2 GROUP BY account_id ORDER BY min(run_at) LIMIT 100"
            }
            Self::LostJobs => {
                "SELECT account_id FROM jobs WHERE state = 'running' AND leased_until < $2 GROUP BY account_id LIMIT 100"
            }
            Self::UnpublishedEvents => {
                "SELECT account_id FROM events WHERE sequence IS NULL GROUP BY account_id LIMIT 100"
            }
            Self::SignInAddress => {
                "SELECT known.account_id, known.id, accounts.name FROM (\
                 SELECT account_id, id, created_at FROM users WHERE email_key = $2 AND deleted_at IS NULL AND status <> 'deactivated' \
                 UNION SELECT u.account_id, u.id, u.created_at FROM user_aliases a JOIN users u ON u.account_id = a.account_id AND u.id = a.user_id \
                 WHERE a.email_key = $2 AND u.deleted_at IS NULL AND u.status <> 'deactivated' AND NOT EXISTS \
                 (SELECT 1 FROM users own WHERE own.account_id = a.account_id AND own.email_key = $2 AND own.deleted_at IS NULL)\
                 ) AS known JOIN accounts ON accounts.account_id = known.account_id ORDER BY known.created_at LIMIT 20"
            }
            Self::LinkSlug => "SELECT account_id, link_id FROM link_slugs WHERE slug = $2",
            Self::Accounts => "SELECT account_id FROM accounts ORDER BY name, account_id",
        }
    }
}

enum Backend {
    Sqlite(sqlite::Sqlite),
    Postgres(postgres::Postgres),
}

/// The database.
#[derive(Clone)]
pub struct Db {
    backend: Arc<Backend>,
    written: Arc<Notify>,
    counts: Arc<Counts>,
}

/// How much has been asked of a database by this process.
#[derive(Debug, Default)]
struct Counts {
    round_trips: AtomicU64,
    reads: AtomicU64,
    writes: AtomicU64,
}

/// Where a database is, read from `database.url`.
pub(crate) enum Place {
    File(PathBuf),
    Server(String),
}

/// Reads `sqlite:PATH`, `postgres://…` or `postgresql://…`.
pub(crate) fn place(url: &str) -> Result<Place, DbError> {
    if let Some(path) = url.strip_prefix("sqlite:") {
        return Ok(Place::File(Path::new(path.trim_start_matches("//")).to_owned()).absolute(path));
    }
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        return Ok(Place::Server(url.to_owned()));
    }
    Err(DbError::Internal(
        "database.url must begin with sqlite: or postgres://".into(),
    ))
}

impl Place {
    /// `sqlite:///data/x.db` and `sqlite:/data/x.db` both mean `/data/x.db`.
    fn absolute(self, given: &str) -> Self {
        match self {
            Self::File(path) if given.starts_with('/') => Self::File(Path::new("/").join(path)),
            other => other,
        }
    }
}

impl Db {
    /// Opens the database behind `database.url`, whose schema must be up to date (see [`migrate`]).
    pub fn open(url: &str, settings: &DbSettings) -> Result<Self, DbError> {
        let backend = match place(url)? {
            Place::File(path) => {
                Backend::Sqlite(sqlite::Sqlite::open(&path, settings.group_commit)?)
            }
            Place::Server(url) => Backend::Postgres(postgres::Postgres::open(&url, settings)?),
        };
        Ok(Self {
            backend: Arc::new(backend),
            written: Arc::default(),
            counts: Arc::default(),
        })
    }

    /// Whether this is SQLite, for the operator's commands and pages that speak of it.
    pub fn is_sqlite(&self) -> bool {
        matches!(*self.backend, Backend::Sqlite(_))
    }

    /// How often this process has waited for an answer since the start: what is sent together counts once.
    pub fn round_trips(&self) -> u64 {
        self.counts.round_trips.load(Ordering::Relaxed)
    }

    /// How many SELECTs this process has sent since the start.
    pub fn reads(&self) -> u64 {
        self.counts.reads.load(Ordering::Relaxed)
    }

    /// How many lists of writes this process has sent since the start.
    pub fn writes(&self) -> u64 {
        self.counts.writes.load(Ordering::Relaxed)
    }

    /// Reads a batch for one account.
    pub async fn read(&self, account: &AccountId, batch: Batch) -> Result<Answers, DbError> {
        self.run(&account.value(), batch, false).await
    }

    /// Reads rows for one account.
    pub async fn fetch<R: FromRow + Send + 'static>(
        &self,
        account: &AccountId,
        select: Select,
    ) -> Result<Vec<R>, DbError> {
        let mut batch = Batch::new();
        let slot = batch.add(select);
        Ok(self.read(account, batch).await?.take(&slot))
    }

    /// Reads the first row for one account.
    pub async fn first<R: FromRow + Send + 'static>(
        &self,
        account: &AccountId,
        select: Select,
    ) -> Result<Option<R>, DbError> {
        Ok(self.fetch(account, select).await?.into_iter().next())
    }

    /// Reads from a table of the installation, before an account is known. `$1` is not used.
    pub async fn fetch_global<R: FromRow + Send + 'static>(
        &self,
        select: Select,
    ) -> Result<Vec<R>, DbError> {
        self.across(select, false).await
    }

    /// Asks the database for a sign of life, for a second at most.
    pub async fn ping(&self) -> Result<(), DbError> {
        let alive =
            self.fetch_global::<(i64,)>(Select::new("SELECT CAST(1 AS BIGINT)", Vec::new()));
        match tokio::time::timeout(Duration::from_secs(1), alive).await {
            Ok(answer) => answer.map(|_| ()),
            Err(_) => Err(DbError::Unavailable("no answer within a second".into())),
        }
    }

    /// The time at the database's server; `None` where it is this machine's own.
    pub async fn server_time(&self) -> Result<Option<Timestamp>, DbError> {
        if self.is_sqlite() {
            return Ok(None);
        }
        let text = "SELECT CAST(date_part('epoch', clock_timestamp()) * 1000000 AS BIGINT)";
        let rows = self
            .fetch_global::<(Timestamp,)>(Select::new(text, Vec::new()))
            .await?;
        Ok(rows.into_iter().next().map(|(time,)| time))
    }

    /// One of the named reads over all accounts.
    pub async fn scan<R: FromRow + Send + 'static>(
        &self,
        scan: Scan,
        params: Vec<Value>,
    ) -> Result<Vec<R>, DbError> {
        self.across(Select::new(scan.sql(), params), true).await
    }

    async fn across<R: FromRow + Send + 'static>(
        &self,
        select: Select,
        scan: bool,
    ) -> Result<Vec<R>, DbError> {
        let mut batch = Batch::new();
        let slot = batch.add(select);
        Ok(self.run(&Value::Text(None), batch, scan).await?.take(&slot))
    }

    async fn run(&self, account: &Value, mut batch: Batch, scan: bool) -> Result<Answers, DbError> {
        let selects = u64::try_from(batch.entries.len()).unwrap_or(u64::MAX);
        self.counts.round_trips.fetch_add(1, Ordering::Relaxed);
        self.counts.reads.fetch_add(selects, Ordering::Relaxed);
        for entry in &batch.entries {
            tracing::trace!(target: "sql", text = &*entry.select.sql);
        }
        match &*self.backend {
            Backend::Sqlite(sqlite) => sqlite.read(account, &mut batch.entries, scan)?,
            Backend::Postgres(postgres) => postgres.read(account, &mut batch.entries, scan).await?,
        }
        Ok(Answers {
            sinks: batch
                .entries
                .into_iter()
                .map(|entry| Some(entry.sink))
                .collect(),
        })
    }

    /// Carries out a list of writes for one account, as a whole or not at all, and tells how many rows each changed.
    ///
    /// No two statements may touch one row, and none may count on seeing what another has written: on PostgreSQL all of
    /// them see the rows as they were before the first. Parents stand before children. Dropping the future before it
    /// is done leaves nothing half done.
    pub async fn write(
        &self,
        account: &AccountId,
        statements: Vec<Statement>,
    ) -> Result<Vec<u64>, DbError> {
        if statements.is_empty() {
            return Ok(Vec::new());
        }
        self.counts.round_trips.fetch_add(1, Ordering::Relaxed);
        self.counts.writes.fetch_add(1, Ordering::Relaxed);
        for statement in &statements {
            tracing::trace!(target: "sql", text = statement.sql());
        }
        let account = account.value();
        let counts = match &*self.backend {
            Backend::Sqlite(sqlite) => sqlite.write(&account, statements).await?,
            Backend::Postgres(postgres) => postgres.write(&account, &statements).await?,
        };
        self.written.notify_waiters();
        Ok(counts)
    }

    /// Resolves after the next write of this process: what waits for rows looks again.
    pub fn written(&self) -> tokio::sync::futures::Notified<'_> {
        self.written.notified()
    }
}
