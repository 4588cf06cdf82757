//! `doctor`: looks at everything the service needs and says, for each thing that is not well, the way out.
//!
//! It changes nothing but one row of the installation's settings, which it takes away again.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use serde_json::json;

use super::session::block_on;
use super::{CliError, EXIT_FAILED, Output};
use crate::access::master_key::MasterKey;
use crate::app::database_url;
use crate::config::{Config, DatabaseUrl};
use crate::db::{Db, DbSettings, Statement, migrate};
use crate::params;
use crate::types::{AccountId, Clock, Ids};

/// With less free space than this the next backup may not fit.
const LITTLE_SPACE: u64 = 1 << 30;
/// With less free space than this writing may fail soon.
const NO_SPACE: u64 = 100 << 20;
/// Clocks may differ by so much.
const SKEW_MICROS: i64 = 2_000_000;
/// How long the mail server may take.
const MAIL_TIME: Duration = Duration::from_secs(30);

crate::words! {
    /// How a thing is.
    pub enum State {
        /// Well.
        Ok = "ok",
        /// It works, but look at it.
        Warn = "warn",
        /// It does not work.
        Fail = "fail",
    }
}

struct Check {
    name: &'static str,
    state: State,
    detail: String,
}

impl Check {
    fn ok(name: &'static str, detail: impl Into<String>) -> Self {
        Self {
            name,
            state: State::Ok,
            detail: detail.into(),
        }
    }
    fn warn(name: &'static str, detail: impl Into<String>) -> Self {
        Self {
            name,
            state: State::Warn,
            detail: detail.into(),
        }
    }
    fn fail(name: &'static str, detail: impl Into<String>) -> Self {
        Self {
            name,
            state: State::Fail,
            detail: detail.into(),
        }
    }
}

/// Runs all checks. Exit code 1 when one of them fails.
pub fn run(config: &Config) -> Result<Output, CliError> {
    let mut checks = vec![
        Check::ok("config", "the settings can be used"),
        master_key(config),
    ];
    checks.extend(block_on(true, async {
        let mut checks = database(config).await;
        checks.push(mail(config).await);
        Ok(checks)
    })?);
    checks.extend(files(config));
    checks.push(public_url(config));
    let mut text = String::new();
    for check in &checks {
        let _ = writeln!(
            text,
            "{:<5} {:<12} {}",
            check.state.as_str(),
            check.name,
            check.detail
        );
    }
    let failed = checks.iter().any(|check| check.state == State::Fail);
    text.push_str(if failed {
        "Something does not work: see above."
    } else {
        "The service can run."
    });
    let list: Vec<_> = checks
        .iter()
        .map(|check| json!({ "name": check.name, "state": check.state, "detail": check.detail }))
        .collect();
    Ok(Output {
        text,
        json: json!({ "healthy": !failed, "checks": list }),
        code: if failed { EXIT_FAILED } else { 0 },
    })
}

fn master_key(config: &Config) -> Check {
    let name = "master_key";
    let path = &config.secrets.master_key_file;
    if config.secrets.master_key.is_none() && !path.exists() {
        return Check::warn(
            name,
            format!(
                "{} is not there yet; the first start makes it. Keep a copy of it then",
                path.display()
            ),
        );
    }
    match MasterKey::load_or_create(&config.secrets, &mut rand::rng()) {
        Ok(_) if config.secrets.master_key.is_some() => Check::ok(name, "from the settings"),
        Ok(_) => Check::ok(name, format!("{} is there and private", path.display())),
        Err(error) => Check::fail(name, error.to_string()),
    }
}

async fn database(config: &Config) -> Vec<Check> {
    let name = "database";
    if let DatabaseUrl::Sqlite(path) = &config.database.url
        && !path.exists()
    {
        return vec![Check::warn(
            name,
            format!(
                "{} is not there yet; `serve` or `migrate` makes it",
                path.display()
            ),
        )];
    }
    let url = database_url(config);
    let pending = match migrate::pending(&url).await {
        Ok(pending) => pending,
        Err(error) => {
            return vec![Check::fail(
                name,
                format!(
                    "{error}. Is the server running, and are address, name and password in database.url right?"
                ),
            )];
        }
    };
    let mut checks = vec![if pending.is_empty() {
        Check::ok("migrations", "all have run")
    } else {
        Check::warn(
            "migrations",
            format!(
                "{} not run yet: `serve` runs them at its start, or `b2b-dashboard migrate` now",
                pending.join(", ")
            ),
        )
    }];
    let db = match Db::open(
        &url,
        &DbSettings {
            pool_size: 1,
            ..DbSettings::default()
        },
    ) {
        Ok(db) => db,
        Err(error) => return vec![Check::fail(name, error.to_string())],
    };
    checks.push(match db.ping().await {
        Ok(()) => Check::ok(
            name,
            if db.is_sqlite() {
                "SQLite answers"
            } else {
                "PostgreSQL answers"
            },
        ),
        Err(error) => Check::fail(name, error.to_string()),
    });
    if pending.is_empty() {
        checks.push(writing(&db).await);
    }
    checks.extend(clock(&db).await);
    checks
}

async fn writing(db: &Db) -> Check {
    let clock = Clock::system();
    let begun = clock.now();
    let account: AccountId = Ids::system().next(begun);
    let put = Statement::new(
        "INSERT INTO installation_settings (name, value) VALUES ('doctor', $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        params![clock.now().to_string()],
    );
    let take = Statement::guarded(
        "DELETE FROM installation_settings WHERE name = 'doctor'",
        Vec::new(),
    );
    for statement in [put, take] {
        if let Err(error) = db.write(&account, vec![statement]).await {
            return Check::fail(
                "writing",
                format!("{error}. May this user write there, and is the disk full?"),
            );
        }
    }
    let took = clock.now().micros() - begun.micros();
    Check::ok(
        "writing",
        format!("two writes took {} ms", took.max(0) / 1000),
    )
}

async fn clock(db: &Db) -> Option<Check> {
    let before = Clock::system().now().micros();
    let theirs = match db.server_time().await {
        Ok(theirs) => theirs?.micros(),
        Err(error) => return Some(Check::fail("clock", error.to_string())),
    };
    let after = Clock::system().now().micros();
    let off = (theirs - before).min(0) + (theirs - after).max(0);
    Some(if off.abs() > SKEW_MICROS {
        Check::warn(
            "clock",
            format!(
                "differs from the database server's by {} s: let both follow a time server (NTP)",
                off / 1_000_000
            ),
        )
    } else {
        Check::ok("clock", "agrees with the database server's")
    })
}

async fn mail(config: &Config) -> Check {
    let name = "mail";
    let mailer = match config.email.mailer() {
        Ok(Some(mailer)) => mailer,
        Ok(None) => {
            return Check::warn(
                name,
                "email.host is empty: mails are caught and shown in the dashboard, not sent",
            );
        }
        Err(error) => return Check::fail(name, error.to_string()),
    };
    match tokio::time::timeout(MAIL_TIME, mailer.test()).await {
        Ok(Ok(())) => Check::ok(name, "the mail server takes us"),
        Ok(Err(error)) => Check::fail(
            name,
            format!("{error}. Look at email.host, port, security, username and password"),
        ),
        Err(_) => Check::fail(
            name,
            "the mail server does not answer. Look at email.host and email.port, and at firewalls between",
        ),
    }
}

fn files(config: &Config) -> Vec<Check> {
    let DatabaseUrl::Sqlite(path) = &config.database.url else {
        return Vec::new();
    };
    let folder = path
        .ancestors()
        .skip(1)
        .find(|folder| folder.exists())
        .unwrap_or(Path::new("."));
    let mut checks = Vec::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let open: Vec<String> = ["", "-wal"]
            .iter()
            .map(|end| format!("{}{end}", path.display()))
            .filter(|file| {
                std::fs::metadata(file).is_ok_and(|data| data.permissions().mode() % 0o10 != 0)
            })
            .collect();
        if !open.is_empty() {
            checks.push(Check::warn(
                "file_modes",
                format!(
                    "every user of this machine can read personal data: chmod 600 {}",
                    open.join(" ")
                ),
            ));
        }
        checks.push(match rustix::fs::statvfs(folder) {
            Ok(disk) => space(disk.f_bavail.saturating_mul(disk.f_frsize), folder),
            Err(error) => Check::warn(
                "disk",
                format!(
                    "the free space of {} is not known: {error}",
                    folder.display()
                ),
            ),
        });
    }
    checks
}

fn space(free: u64, folder: &Path) -> Check {
    let detail = format!("{} MiB free at {}", free >> 20, folder.display());
    match free {
        ..NO_SPACE => Check::fail("disk", format!("{detail}: make room, or writes will fail")),
        NO_SPACE..LITTLE_SPACE => Check::warn("disk", format!("{detail}: make room")),
        LITTLE_SPACE.. => Check::ok("disk", detail),
    }
}

fn public_url(config: &Config) -> Check {
    let name = "public_url";
    match &config.server.public_url {
        None => Check::warn(
            name,
            format!(
                "server.public_url is empty: links in mails lead to {}",
                config.server.origin()
            ),
        ),
        Some(url) if url.scheme() == "https" => Check::ok(name, url.as_str()),
        Some(url)
            if url
                .host_str()
                .is_some_and(|host| host == "localhost" || host.starts_with("127.")) =>
        {
            Check::ok(name, url.as_str())
        }
        Some(url) => Check::warn(
            name,
            format!(
                "{url} is not https: passwords and keys can be read on the way. Put a proxy with TLS in front"
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_space_is_told_before_there_is_none() {
        let state = |free| space(free, Path::new("/")).state;
        assert_eq!(
            [state(NO_SPACE - 1), state(NO_SPACE), state(LITTLE_SPACE)],
            [State::Fail, State::Warn, State::Ok]
        );
    }

    #[test]
    fn addresses_of_mails_should_be_https() {
        let check = |url: &str| {
            let env = [("B2B_SERVER__PUBLIC_URL".to_owned(), url.to_owned())];
            public_url(&Config::load(None, env).unwrap()).state
        };
        assert_eq!(check("https://seats.example.com"), State::Ok);
        assert_eq!(check("http://localhost:8080"), State::Ok);
        assert_eq!(check("http://seats.example.com"), State::Warn);
        assert_eq!(check(""), State::Warn);
    }
}
