//! `serve`: the service itself. `worker`: its background jobs alone.

use std::io::Write;
use std::net::SocketAddr;

use clap::Args;
use serde_json::json;
use tokio::net::TcpListener;

use super::session::{block_on, note_origin, open};
use super::{CliError, Output};
use crate::accounts::{self, FIRST_NAME, NewAccount};
use crate::admins;
use crate::app::{App, database_url};
use crate::config::Config;
use crate::db::migrate;
use crate::server::{self, Stop};
use crate::telemetry::Telemetry;
use crate::types::{Clock, Ids, Name};
use crate::{http, worker};

/// How the service is started.
#[derive(Debug, Args)]
pub struct Serve {
    /// Address and port to listen on, in place of server.listen; port 0: any free one.
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<SocketAddr>,
    /// Name of the account that is made at the first start.
    #[arg(long, value_name = "NAME", env = "B2B_ACCOUNT_NAME", default_value = FIRST_NAME)]
    pub account_name: String,
}

/// Brings the schema up to date, makes the first account, serves until SIGTERM or SIGINT. When it is ready, it writes one
/// JSON line with `url` to `out`; everything else goes to the log.
pub fn serve(config: Config, command: &Serve, out: &mut dyn Write) -> Result<Output, CliError> {
    let name = Name::parse(&command.account_name).map_err(|fault| CliError::Failed {
        code: "invalid_name",
        detail: format!("--account-name {fault}"),
    })?;
    with_telemetry(&config.clone(), || {
        block_on(true, async {
            let stop = server::stop_on_signal()?;
            let (app, listener) = start(config, command.listen).await?;
            accounts::create_first(&app, &NewAccount::named(name)).await?;
            hint_at_first_admin(&app).await?;
            let ready = json!({ "url": address(&listener)?, "public_url": app.config.server.origin(), "version": env!("CARGO_PKG_VERSION"), "pid": std::process::id() });
            run(app, listener, stop, &ready.to_string(), out).await
        })
    })
}

/// Runs background jobs until SIGTERM or SIGINT.
pub fn work(config: Config) -> Result<Output, CliError> {
    with_telemetry(&config.clone(), || {
        block_on(true, async {
            let stop = server::stop_on_signal()?;
            server::raise_file_limit();
            let app = open(config).await?;
            tracing::info!(workers = app.config.jobs.workers, "running background jobs");
            worker::run(app, stop).await;
            Ok(Output::silent())
        })
    })
}

/// Sets up log and traces around a server.
pub(super) fn with_telemetry(
    config: &Config,
    work: impl FnOnce() -> Result<Output, CliError>,
) -> Result<Output, CliError> {
    let telemetry = Telemetry::start(&config.log, &config.telemetry)
        .map_err(|error| CliError::failed("telemetry", &error))?;
    let result = work();
    telemetry.shutdown();
    result
}

/// Migrates, listens and opens everything.
pub(super) async fn start(
    mut config: Config,
    listen: Option<SocketAddr>,
) -> Result<(App, TcpListener), CliError> {
    server::raise_file_limit();
    let ran = migrate::migrate(&database_url(&config)).await?;
    if !ran.is_empty() {
        tracing::info!(migrations = ran.join(", "), "the schema is up to date");
    }
    let wanted = listen.unwrap_or(config.server.listen);
    let listener = TcpListener::bind(wanted)
        .await
        .map_err(|error| CliError::Failed {
            code: "cannot_listen",
            detail: format!(
                "cannot listen on {wanted}: {error}; choose another address with --listen"
            ),
        })?;
    config.server.listen = listener.local_addr()?;
    let app = App::open(config, Clock::system(), Ids::system())?;
    note_origin(&app).await?;
    Ok((app, listener))
}

/// Says that it is ready, and serves.
pub(super) async fn run(
    app: App,
    listener: TcpListener,
    stop: Stop,
    ready: &str,
    out: &mut dyn Write,
) -> Result<Output, CliError> {
    let router = http::site(&app);
    writeln!(out, "{ready}")?;
    out.flush()?;
    tracing::info!(address = %listener.local_addr()?, database = if app.db.is_sqlite() { "sqlite" } else { "postgres" }, "serving");
    server::serve(app, router, listener, stop).await?;
    Ok(Output::silent())
}

/// Where the listener answers on this machine.
pub(super) fn address(listener: &TcpListener) -> Result<String, CliError> {
    let mut address = listener.local_addr()?;
    if address.ip().is_unspecified() {
        address.set_ip(if address.is_ipv4() {
            std::net::Ipv4Addr::LOCALHOST.into()
        } else {
            std::net::Ipv6Addr::LOCALHOST.into()
        });
    }
    Ok(format!("http://{address}"))
}

async fn hint_at_first_admin(app: &App) -> Result<(), CliError> {
    for account in accounts::list(&app.db).await? {
        if admins::list(&app.db, &account.id).await?.is_empty() {
            tracing::warn!(
                "Nobody can sign in to «{}» yet. Make its first owner: b2b-dashboard admin create --email you@example.com --account {}",
                account.name,
                account.id
            );
        }
    }
    Ok(())
}
