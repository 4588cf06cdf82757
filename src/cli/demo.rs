//! `demo`: the service with a made-up company in it, in a folder of its own, ready to be looked at.
//!
//! The folder is kept between starts. Its database counts only when the file with the ways in lies beside it, which is
//! written last: a demo that was cut off while it was made is made anew.

use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::serve::{address, run, start, with_telemetry};
use super::session::block_on;
use super::{CliError, Output};
use crate::access::api_keys::{self, NewApiKey, Preset, ScopeChoice};
use crate::access::roles::GlobalRole;
use crate::accounts::{self, AccountPlan, AccountSettings, NewAccount};
use crate::admins;
use crate::app::App;
use crate::commit::commit;
use crate::config::Config;
use crate::demo;
use crate::error::{Error, Result};
use crate::server;
use crate::types::{Email, Name};

/// The owner of the demo's account.
const EMAIL: &str = "admin@demo.example";
const DATABASE: &str = "demo.db";
const MASTER_KEY: &str = "secret.key";
const WAYS_IN: &str = "demo.json";

/// How the demo is started.
#[derive(Debug, Args)]
pub struct Demo {
    /// Address and port to listen on, in place of server.listen; port 0: any free one.
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<SocketAddr>,
    /// The folder it lives in.
    #[arg(long, value_name = "FOLDER", default_value = "data/demo")]
    pub data: PathBuf,
    /// Forget what was done in it, and begin anew.
    #[arg(long)]
    pub reset: bool,
}

/// How one gets into the demo.
#[derive(Debug, Serialize, Deserialize)]
struct WaysIn {
    account_id: String,
    email: String,
    password: String,
    api_key: String,
}

impl Demo {
    /// The settings that the demo brings with it: its own database and key, no mail goes out, links lead to itself.
    pub fn settings(&self) -> Vec<(String, String)> {
        let file = |name: &str| self.data.join(name).display().to_string();
        let settings = [
            ("B2B_DATABASE__URL", format!("sqlite:{}", file(DATABASE))),
            ("B2B_SECRETS__MASTER_KEY", String::new()),
            ("B2B_SECRETS__MASTER_KEY_FILE", file(MASTER_KEY)),
            ("B2B_SERVER__PUBLIC_URL", String::new()),
            ("B2B_EMAIL__HOST", String::new()),
            ("B2B_JOBS__RUN_IN_SERVE", "true".to_owned()),
        ];
        settings
            .map(|(name, value)| (name.to_owned(), value))
            .into()
    }
}

/// Makes the demo if it is not there and serves it until SIGTERM or SIGINT. When it is ready, it writes to `out` how to
/// get in: text for people, or with `in_json` one line with `url`, `email`, `password` and `api_key`.
pub fn run_demo(
    config: Config,
    command: &Demo,
    in_json: bool,
    out: &mut dyn Write,
) -> Result<Output, CliError> {
    let known = if command.reset {
        None
    } else {
        read(&command.data)
    };
    if known.is_none() {
        clear(&command.data)?;
    }
    with_telemetry(&config.clone(), || {
        block_on(true, async {
            let stop = server::stop_on_signal()?;
            let (app, listener) = start(config, command.listen).await?;
            let ways_in = match known {
                Some(known) => known,
                None => make(&app, &command.data).await?,
            };
            let url = address(&listener)?;
            let ready = if in_json {
                in_json_line(&url, &ways_in)
            } else {
                in_words(&url, &ways_in, &command.data)
            };
            run(app, listener, stop, &ready, out).await
        })
    })
}

async fn make(app: &App, folder: &Path) -> Result<WaysIn, CliError> {
    let name = |text: &str| Name::parse(text).map_err(Error::internal);
    let settings = AccountSettings {
        demo: true,
        ..AccountSettings::default()
    };
    let new = NewAccount {
        plan: AccountPlan::Enterprise,
        settings,
        ..NewAccount::named(name("Harbour Academy")?)
    };
    let account = accounts::create(app, &new).await?;
    let call = accounts::operator(app, account.id.clone());
    demo::fill(app, &call).await?;
    let email = Email::parse(EMAIL).map_err(Error::internal)?;
    let password = admins::generate_password(app);
    let hash = admins::hash(app, &password, &[]).await?;
    let person = name("Dana Demo")?;
    commit(&app.db, &app.ids, &call, || {
        admins::create(
            app,
            &call,
            &email,
            Some(&person),
            GlobalRole::Owner,
            Some(&hash),
        )
    })
    .await?;
    let new = NewApiKey::new(name("Demo key")?, ScopeChoice::Preset(Preset::Full));
    let (_, secret) = commit(&app.db, &app.ids, &call, || {
        api_keys::create(app, &call, &new)
    })
    .await?
    .value;
    let ways_in = WaysIn {
        account_id: account.id.to_string(),
        email: EMAIL.to_owned(),
        password: password.expose().clone(),
        api_key: secret.expose().to_owned(),
    };
    write(folder, &ways_in)?;
    Ok(ways_in)
}

fn read(folder: &Path) -> Option<WaysIn> {
    let text = fs::read_to_string(folder.join(WAYS_IN)).ok()?;
    let whole = folder.join(DATABASE).exists() && folder.join(MASTER_KEY).exists();
    serde_json::from_str(&text).ok().filter(|_| whole)
}

fn write(folder: &Path, ways_in: &WaysIn) -> Result<(), CliError> {
    let text = serde_json::to_string(ways_in)
        .map_err(|error| CliError::failed("internal_error", &error))?;
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
        .open(folder.join(WAYS_IN))?
        .write_all(text.as_bytes())?;
    Ok(())
}

/// Removes the demo's own files, and nothing else that may lie in the folder.
fn clear(folder: &Path) -> Result<(), CliError> {
    for name in [WAYS_IN, DATABASE, "demo.db-wal", "demo.db-shm", MASTER_KEY] {
        match fs::remove_file(folder.join(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    Ok(())
}

fn in_json_line(url: &str, ways_in: &WaysIn) -> String {
    json!({
        "url": url,
        "email": ways_in.email,
        "password": ways_in.password,
        "api_key": ways_in.api_key,
        "account_id": ways_in.account_id,
        "version": env!("CARGO_PKG_VERSION"),
        "pid": std::process::id(),
    })
    .to_string()
}

fn in_words(url: &str, ways_in: &WaysIn, folder: &Path) -> String {
    let WaysIn {
        email,
        password,
        api_key,
        ..
    } = ways_in;
    format!(
        "B2B Dashboard is running with a made-up company in it.\n\n\
         Dashboard   {url}/\n\
         Sign in as  {email}\n\
         Password    {password}\n\
         API key     {api_key}\n\
         API         {url}/docs\n\n\
         Give somebody a team and a seat with one call:\n\n\
         curl -X POST {url}/api/provision \\\n  \
         -H 'Authorization: Bearer {api_key}' \\\n  \
         -H 'Content-Type: application/json' \\\n  \
         -d '{{\"email\":\"grace@example.com\",\"name\":\"Grace Hopper\",\"team\":\"Analytical Engines\",\"seats\":[{{\"product\":\"ext:safety-101\",\"quantity\":5,\"assign\":true}}]}}'\n\n\
         No mail goes out: see Mails in the dashboard. Everything is kept in {}; --reset begins anew. Stop with Ctrl-C.",
        folder.display()
    )
}
