//! What commands stand on: a runtime, an open service, and failures in the words of the command line.

use std::future::Future;

use url::Url;

use super::CliError;
use crate::app::{App, database_url};
use crate::config::Config;
use crate::db::{DbError, Select, Statement, migrate};
use crate::error::Error;
use crate::params;
use crate::types::{AccountId, Clock, Ids};

impl From<Error> for CliError {
    fn from(error: Error) -> Self {
        let mut detail = error.detail().to_owned();
        if error.faults().len() > 1 {
            let faults = error
                .faults()
                .iter()
                .map(|fault| format!("\n  {}: {}", fault.pointer, fault.detail));
            detail.extend(faults);
        }
        // Here the operator reads, who is told the cause as well.
        let causes =
            std::iter::successors(std::error::Error::source(&error), |cause| cause.source());
        for cause in causes {
            detail.push_str(": ");
            detail.push_str(&cause.to_string());
        }
        Self::Failed {
            code: error.code().as_str(),
            detail,
        }
    }
}

impl From<DbError> for CliError {
    fn from(error: DbError) -> Self {
        Self::failed("database_error", &error)
    }
}

impl From<std::io::Error> for CliError {
    fn from(error: std::io::Error) -> Self {
        Self::failed("io_error", &error)
    }
}

/// Runs a command to its end. `threads` is for servers; a command of the operator needs one.
pub(super) fn block_on<T>(
    threads: bool,
    work: impl Future<Output = Result<T, CliError>>,
) -> Result<T, CliError> {
    let mut builder = if threads {
        tokio::runtime::Builder::new_multi_thread()
    } else {
        tokio::runtime::Builder::new_current_thread()
    };
    let runtime = builder.enable_all().build()?;
    let result = runtime.block_on(work);
    // What still runs in the background has had its time.
    runtime.shutdown_background();
    result
}

/// Opens the service; refuses while the schema is behind the program.
pub(super) async fn open(mut config: Config) -> Result<App, CliError> {
    let pending = migrate::pending(&database_url(&config)).await?;
    if !pending.is_empty() {
        let detail = format!(
            "the database lacks {}: run `b2b-dashboard migrate` (or `serve`, which does it) first",
            pending.join(", ")
        );
        return Err(CliError::Failed {
            code: "migrations_pending",
            detail,
        });
    }
    let app = App::open(config.clone(), Clock::system(), Ids::system())?;
    match served_origin(&app).await? {
        Some(origin) if config.server.public_url.is_none() => {
            config.server.public_url = Some(origin);
            Ok(App::open(config, Clock::system(), Ids::system())?)
        }
        _ => Ok(app),
    }
}

/// Where the server that was started last on this database is reached. Without a `server.public_url` this is what
/// commands and workers beside it tell people, since they do not know with which `--listen` it runs.
async fn served_origin(app: &App) -> Result<Option<Url>, CliError> {
    let stored = Select::new(
        "SELECT value FROM installation_settings WHERE name = 'served_origin'",
        Vec::new(),
    );
    let stored = app.db.fetch_global::<(String,)>(stored).await?;
    Ok(stored.first().and_then(|(origin,)| Url::parse(origin).ok()))
}

/// Notes where this server is reached, for commands and workers beside it.
pub(super) async fn note_origin(app: &App) -> Result<(), CliError> {
    let put = Statement::new(
        "INSERT INTO installation_settings (name, value) VALUES ('served_origin', $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        params![app.config.server.origin()],
    );
    // Global: the account that a write asks for does not matter here.
    let account: AccountId = app.ids.next(app.clock.now());
    app.db.write(&account, vec![put]).await?;
    Ok(())
}
