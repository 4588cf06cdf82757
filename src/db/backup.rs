//! Copies of the SQLite file: taken while the service runs, put back while it does not.
//!
//! A backup is one snapshot, read in one go over the write-ahead log: writers go on meanwhile and never make it begin
//! anew. It is written under another name, checked, brought to the disk and then renamed, so a file under the wanted name
//! is always whole; what is cut off leaves a draft that nobody reads. A restore does the same beside the database's
//! file and keeps the old one.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, ErrorCode, OpenFlags};
use thiserror::Error;

use super::{DbError, Place, migrate, place};
use crate::types::Timestamp;

/// Why a copy was not made. Nothing has been changed then.
#[derive(Debug, Error)]
pub enum BackupError {
    /// The database is PostgreSQL.
    #[error(
        "database.url names a PostgreSQL server: use pg_dump and pg_restore, or the backups of its operator"
    )]
    NotSqlite,
    /// The file to read is not there.
    #[error("there is no file {}", .0.display())]
    Missing(PathBuf),
    /// The file to write is there already.
    #[error("{} exists already; add --force to replace it", .0.display())]
    Exists(PathBuf),
    /// Another process has the database open.
    #[error("{} is in use: stop `serve` and `worker` first", .0.display())]
    InUse(PathBuf),
    /// The file is not a sound database of this program.
    #[error("{} cannot be used: {reason}", path.display())]
    Unsound {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The file system refused.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// The database refused.
    #[error("{}: {source}", path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        #[source]
        source: rusqlite::Error,
    },
}

impl BackupError {
    /// A stable word for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotSqlite => "not_sqlite",
            Self::Missing(_) => "file_not_found",
            Self::Exists(_) => "file_exists",
            Self::InUse(_) => "database_in_use",
            Self::Unsound { .. } => "unsound_file",
            Self::File { .. } => "file_error",
            Self::Database { .. } => "database_error",
        }
    }

    fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { path, source }
    }

    fn database(path: &Path) -> impl Fn(rusqlite::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Database {
            path: path.clone(),
            source,
        }
    }

    fn unsound(path: &Path, reason: impl Into<String>) -> Self {
        Self::Unsound {
            path: path.to_owned(),
            reason: reason.into(),
        }
    }
}

/// A copy that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// The file that is there now.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// Where the file that was there before has gone, after a restore.
    pub kept: Option<PathBuf>,
}

/// Copies the database behind `url` to `target` (mode 0600), checked and on the disk when this returns. Blocking.
pub fn backup(url: &str, target: &Path, force: bool) -> Result<Copied, BackupError> {
    let source = file_of(url)?;
    if !source.exists() {
        return Err(BackupError::Missing(source));
    }
    if target.exists() && !force {
        return Err(BackupError::Exists(target.to_owned()));
    }
    let draft = Draft::beside(target)?;
    copy(&source, &draft.0)?;
    let bytes = draft.become_file(target)?;
    Ok(Copied {
        path: target.to_owned(),
        bytes,
        kept: None,
    })
}

/// Puts the backup `source` in the place of the database behind `url`; `now` names the file that the old one is kept
/// as. With a database there already, only with `force`, and never while another process has it open. Blocking.
pub fn restore(
    url: &str,
    source: &Path,
    force: bool,
    now: Timestamp,
) -> Result<Copied, BackupError> {
    let target = file_of(url)?;
    if !source.exists() {
        return Err(BackupError::Missing(source.to_owned()));
    }
    if target.exists() && !force {
        return Err(BackupError::Exists(target));
    }
    if let Some(folder) = target.parent() {
        fs::create_dir_all(folder).map_err(BackupError::file(folder))?;
    }
    let draft = Draft::beside(&target)?;
    copy(source, &draft.0)?;
    let kept = if target.exists() {
        Some(put_aside(&target, now)?)
    } else {
        None
    };
    let bytes = draft.become_file(&target)?;
    Ok(Copied {
        path: target,
        bytes,
        kept,
    })
}

fn file_of(url: &str) -> Result<PathBuf, BackupError> {
    match place(url) {
        Ok(Place::File(path)) => Ok(path),
        Ok(Place::Server(_)) | Err(_) => Err(BackupError::NotSqlite),
    }
}

/// A file under a name of its own until it is whole; removed when it never becomes so.
struct Draft(PathBuf);

impl Draft {
    /// Makes it empty and readable by its owner only, in the folder of `target`.
    fn beside(target: &Path) -> Result<Self, BackupError> {
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        let path = target.with_file_name(format!(".{name}.draft-{}", std::process::id()));
        remove_with_companions(&path);
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(&path).map_err(BackupError::file(&path))?;
        Ok(Self(path))
    }

    /// Brings it to the disk and gives it its name; the size in bytes.
    fn become_file(self, target: &Path) -> Result<u64, BackupError> {
        let file = fs::File::open(&self.0).map_err(BackupError::file(&self.0))?;
        file.sync_all().map_err(BackupError::file(&self.0))?;
        let bytes = file.metadata().map_err(BackupError::file(&self.0))?.len();
        fs::rename(&self.0, target).map_err(BackupError::file(target))?;
        sync_folder(target)?;
        Ok(bytes)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        remove_with_companions(&self.0);
    }
}

/// The files that SQLite keeps beside a database.
fn companions(path: &Path) -> [PathBuf; 3] {
    ["-wal", "-shm", "-journal"].map(|end| {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        name.into()
    })
}

fn remove_with_companions(path: &Path) {
    let _ = fs::remove_file(path);
    for companion in companions(path) {
        let _ = fs::remove_file(companion);
    }
}

fn sync_folder(file: &Path) -> Result<(), BackupError> {
    let folder = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let opened = fs::File::open(folder).and_then(|folder| folder.sync_all());
    opened.map_err(BackupError::file(folder))
}

/// Copies one snapshot and makes sure that the copy is a sound database of this program, in one file.
fn copy(source: &Path, target: &Path) -> Result<(), BackupError> {
    let failed = BackupError::database(source);
    let from = Connection::open_with_flags(
        source,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )
    .or_else(|_| {
        Connection::open_with_flags(
            source,
            OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )
    })
    .map_err(&failed)?;
    from.busy_timeout(Duration::from_secs(10))
        .map_err(&failed)?;
    let mut to = Connection::open(target).map_err(BackupError::database(target))?;
    let copied = {
        let backup = Backup::new(&from, &mut to).map_err(&failed)?;
        // All pages in one step: a snapshot that no writer can make begin anew.
        backup.step(-1)
    };
    match copied {
        Ok(StepResult::Done) => {}
        Ok(_) => return Err(BackupError::InUse(source.to_owned())),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) => {
            return Err(BackupError::unsound(source, "it is not a SQLite database"));
        }
        Err(error) => return Err(failed(error)),
    }
    check(&to, source)?;
    to.close()
        .map_err(|(_, error)| BackupError::database(target)(error))
}

fn check(copy: &Connection, source: &Path) -> Result<(), BackupError> {
    let unsound = |reason: String| BackupError::unsound(source, reason);
    copy.query_row("PRAGMA journal_mode=DELETE", [], |_| Ok(()))
        .map_err(|error| unsound(error.to_string()))?;
    let verdict: String = copy
        .query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))
        .map_err(|error| unsound(error.to_string()))?;
    if verdict != "ok" {
        return Err(unsound(format!("the integrity check says: {verdict}")));
    }
    let has_record = copy.query_row(
        "SELECT count(*) FROM sqlite_master WHERE name = 'schema_migrations'",
        [],
        |row| row.get::<_, i64>(0),
    );
    if has_record.map_err(|error| unsound(error.to_string()))? == 0 {
        return Err(unsound("it is not a database of this program".to_owned()));
    }
    let known = migrate::names();
    let done = migrate::done_sqlite(copy).map_err(|error: DbError| unsound(error.to_string()))?;
    match done.iter().find(|name| !known.contains(name)) {
        Some(name) => Err(unsound(format!(
            "it was written by a newer version of this program (migration {name})"
        ))),
        None => Ok(()),
    }
}

/// Moves the database's file away, folded into one file, if nobody else has it open. A file that is no sound database
/// is moved with what lies beside it.
fn put_aside(path: &Path, now: Timestamp) -> Result<PathBuf, BackupError> {
    let stamp = now
        .to_string()
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect::<String>();
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let kept = path.with_file_name(format!("{name}.before-restore-{stamp}"));
    let connection = Connection::open(path).map_err(BackupError::database(path))?;
    connection
        .busy_timeout(Duration::ZERO)
        .map_err(BackupError::database(path))?;
    // To leave the write-ahead log takes the only connection there is.
    let alone = connection
        .query_row("PRAGMA journal_mode=DELETE", [], |_| Ok(()))
        .and_then(|()| connection.execute_batch("BEGIN EXCLUSIVE"));
    let refusal = alone.err().and_then(|error| error.sqlite_error_code());
    if matches!(
        refusal,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
    ) {
        return Err(BackupError::InUse(path.to_owned()));
    }
    fs::rename(path, &kept).map_err(BackupError::file(path))?;
    for (old, new) in companions(path).into_iter().zip(companions(&kept)) {
        if old.exists() {
            fs::rename(&old, &new).map_err(BackupError::file(&old))?;
        }
    }
    drop(connection);
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

    async fn database(folder: &Path) -> String {
        let url = format!("sqlite:{}", folder.join("live.db").display());
        migrate::migrate(&url).await.unwrap();
        url
    }

    fn put(url: &str, value: &str) {
        let connection = Connection::open(file_of(url).unwrap()).unwrap();
        connection
            .execute(
                "INSERT INTO installation_settings VALUES (?1, 'x')",
                [value],
            )
            .unwrap();
    }

    fn names(path: &Path) -> Vec<String> {
        let connection = Connection::open(path).unwrap();
        let mut statement = connection
            .prepare("SELECT name FROM installation_settings ORDER BY name")
            .unwrap();
        statement
            .query_map([], |row| row.get(0))
            .unwrap()
            .map(Result::unwrap)
            .collect()
    }

    #[tokio::test]
    async fn a_backup_of_a_database_in_use_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let url = database(folder.path()).await;
        let db = crate::db::Db::open(&url, &crate::db::DbSettings::default()).unwrap();
        put(&url, "first");
        let file = folder.path().join("copy.db");
        let copied = backup(&url, &file, false).unwrap();
        assert_eq!(copied.bytes, fs::metadata(&file).unwrap().len());
        assert_eq!(names(&file), ["first"]);
        assert_eq!(
            backup(&url, &file, false).unwrap_err().code(),
            "file_exists"
        );
        put(&url, "second");
        assert_eq!(
            restore(&url, &file, false, NOW).unwrap_err().code(),
            "file_exists"
        );
        assert_eq!(
            restore(&url, &file, true, NOW).unwrap_err().code(),
            "database_in_use"
        );
        assert_eq!(
            names(&file_of(&url).unwrap()),
            ["first", "second"],
            "nothing has been touched"
        );
        drop(db);
        let restored = wait_for(|| restore(&url, &file, true, NOW));
        assert_eq!(names(&restored.path), ["first"]);
        assert_eq!(names(&restored.kept.unwrap()), ["first", "second"]);
        let drafts = fs::read_dir(folder.path()).unwrap().filter(|entry| {
            entry
                .as_ref()
                .unwrap()
                .file_name()
                .to_string_lossy()
                .contains("draft")
        });
        assert_eq!(drafts.count(), 0);
    }

    /// The writer's thread closes its connection a moment after the database is dropped.
    fn wait_for<T>(mut work: impl FnMut() -> Result<T, BackupError>) -> T {
        for _ in 0..200 {
            match work() {
                Err(BackupError::InUse(_)) => std::thread::sleep(Duration::from_millis(20)),
                result => return result.unwrap(),
            }
        }
        panic!("still in use");
    }

    #[tokio::test]
    async fn what_is_no_backup_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let url = database(folder.path()).await;
        let file = folder.path().join("other");
        fs::write(
            &file,
            "no database at all, but long enough to have a header of some hundred bytes "
                .repeat(20),
        )
        .unwrap();
        assert_eq!(
            restore(&url, &file, true, NOW).unwrap_err().code(),
            "unsound_file"
        );
        let newer = folder.path().join("newer.db");
        backup(&url, &newer, false).unwrap();
        Connection::open(&newer)
            .unwrap()
            .execute("INSERT INTO schema_migrations VALUES ('9999_later')", [])
            .unwrap();
        assert!(
            restore(&url, &newer, true, NOW)
                .unwrap_err()
                .to_string()
                .contains("newer version")
        );
        assert_eq!(
            restore(&url, &folder.path().join("none"), true, NOW)
                .unwrap_err()
                .code(),
            "file_not_found"
        );
        assert_eq!(
            backup("postgres://localhost/x", &file, true)
                .unwrap_err()
                .code(),
            "not_sqlite"
        );
    }
}
