//! Migrations: one folder of numbered texts for both databases, each run once, in order, in a transaction of its own.
//!
//! Several nodes may start at once: on PostgreSQL an advisory lock, on SQLite the write lock lets one of them migrate
//! while the others wait and then find nothing to do. A node that is cut off half-way leaves the migration undone.

use std::collections::BTreeSet;

use rust_embed::RustEmbed;

use super::portable::{Dialect, translate_schema};
use super::{DbError, DbSettings, Place, place, postgres, sqlite, statistics};

#[derive(RustEmbed)]
#[folder = "migrations/"]
struct Files;

/// Any number, the same on every node: the advisory lock of the migrations.
const LOCK: i64 = 0x0062_3262_6D69_6772;

const RECORD: &str = "CREATE TABLE IF NOT EXISTS schema_migrations (name TEXT PRIMARY KEY)";

/// The migrations of this program: name and text, in order.
fn all() -> Vec<(String, String)> {
    let mut files: Vec<_> = Files::iter()
        .filter_map(|name| {
            let text = String::from_utf8(Files::get(&name)?.data.into_owned()).ok()?;
            Some((name.trim_end_matches(".sql").to_owned(), text))
        })
        .collect();
    files.sort();
    files
}

/// The names of the migrations of this program, in order.
pub(super) fn names() -> Vec<String> {
    all().into_iter().map(|(name, _)| name).collect()
}

/// Brings the schema behind `url` up to date and returns the names of the migrations that it ran.
pub async fn migrate(url: &str) -> Result<Vec<String>, DbError> {
    match place(url)? {
        Place::File(path) => {
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder)
                    .map_err(|error| DbError::Unavailable(error.into()))?;
            }
            make_private(&path).map_err(|error| DbError::Unavailable(error.into()))?;
            migrate_sqlite(&sqlite::connect(&path)?)
        }
        Place::Server(url) => migrate_postgres(&url).await,
    }
}

/// Makes an empty file that only its owner can read, if there is none: SQLite keeps its mode, also for the files beside.
fn make_private(path: &std::path::Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(|_| ())
}

/// The names of the migrations that `url` has not seen yet, without running them.
pub async fn pending(url: &str) -> Result<Vec<String>, DbError> {
    let done: BTreeSet<String> = match place(url)? {
        Place::File(path) if !path.exists() => BTreeSet::new(),
        Place::File(path) => done_sqlite(&sqlite::connect(&path)?)?,
        Place::Server(url) => {
            let client = postgres::connect(&url, &DbSettings::default()).await?;
            client.batch_execute(RECORD).await?;
            done_postgres(&client).await?
        }
    };
    Ok(all()
        .into_iter()
        .map(|(name, _)| name)
        .filter(|name| !done.contains(name))
        .collect())
}

pub(super) fn done_sqlite(connection: &rusqlite::Connection) -> Result<BTreeSet<String>, DbError> {
    connection.execute_batch(RECORD)?;
    let mut statement = connection.prepare("SELECT name FROM schema_migrations")?;
    Ok(statement
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?)
}

fn migrate_sqlite(connection: &rusqlite::Connection) -> Result<Vec<String>, DbError> {
    let mut ran = Vec::new();
    for (name, text) in all() {
        connection.execute_batch("BEGIN IMMEDIATE")?;
        let result = done_sqlite(connection).and_then(|done| {
            if done.contains(&name) {
                return Ok(());
            }
            connection.execute_batch(&translate_schema(&text, Dialect::Sqlite))?;
            connection.execute("INSERT INTO schema_migrations (name) VALUES (?1)", [&name])?;
            ran.push(name);
            Ok(())
        });
        if result.is_err() {
            connection.execute_batch("ROLLBACK")?;
            return result.map(|()| ran);
        }
        connection.execute_batch("COMMIT")?;
    }
    if !ran.is_empty() {
        statistics::state(connection)?;
    }
    Ok(ran)
}

async fn done_postgres(client: &tokio_postgres::Client) -> Result<BTreeSet<String>, DbError> {
    Ok(client
        .query("SELECT name FROM schema_migrations", &[])
        .await?
        .iter()
        .map(|row| row.get(0))
        .collect())
}

async fn migrate_postgres(url: &str) -> Result<Vec<String>, DbError> {
    let mut client = postgres::connect(url, &DbSettings::default()).await?;
    // The lock is the session's: it ends with the connection, however that ends.
    client
        .batch_execute("SET lock_timeout = 0; SET statement_timeout = 0")
        .await?;
    client
        .execute("SELECT pg_advisory_lock($1)", &[&LOCK])
        .await?;
    client.batch_execute(RECORD).await?;
    let done = done_postgres(&client).await?;
    let mut ran = Vec::new();
    for (name, text) in all().into_iter().filter(|(name, _)| !done.contains(name)) {
        let transaction = client.transaction().await?;
        transaction
            .batch_execute(&translate_schema(&text, Dialect::Postgres))
            .await?;
        transaction
            .execute("INSERT INTO schema_migrations (name) VALUES ($1)", &[&name])
            .await?;
        transaction.commit().await?;
        ran.push(name);
    }
    Ok(ran)
}
