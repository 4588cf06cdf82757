//! Settings: embedded defaults, then the file, then the environment; each later one wins, key by key.
//!
//! The defaults are `config.example.toml` itself, compiled in, so that the example cannot go stale. An unknown key is
//! refused with the one probably meant, a value of the wrong form is refused with what was expected, and all faults are
//! reported at once. Nothing is read after the start.

mod read;
mod source;

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use lettre::message::Mailbox;
use serde::Serialize;
use url::Url;

use crate::email::{Mailer, Security, SettingsError, SmtpSettings};
use crate::types::secret::Secret;
use read::Reader;
use source::Values;

/// The file with every setting and its default.
pub const EXAMPLE: &str = include_str!("../../config.example.toml");
/// The file that is read when none is named, if it is there.
pub const DEFAULT_FILE: &str = "b2b-dashboard.toml";

/// All settings, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// The HTTP server.
    pub server: ServerConfig,
    /// The database.
    pub database: DatabaseConfig,
    /// Where the master key comes from.
    pub secrets: SecretsConfig,
    /// The way mail goes out.
    pub email: EmailConfig,
    /// The way to the DNS.
    pub dns: DnsConfig,
    /// Request limits.
    pub limits: LimitsConfig,
    /// Background jobs.
    pub jobs: JobsConfig,
    /// The log.
    pub log: LogConfig,
    /// Traces.
    pub telemetry: TelemetryConfig,
    /// How long things are kept.
    pub retention: RetentionConfig,
    explained: Vec<ExplainedSetting>,
}

/// `[server]`
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Address and port to listen on.
    pub listen: SocketAddr,
    /// The public origin as set; use [`ServerConfig::origin`].
    pub public_url: Option<Url>,
    /// Networks whose forwarding headers are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Largest request body.
    pub body_limit_bytes: usize,
    /// Largest body of an upload, such as the rows of a bulk job.
    pub upload_limit_bytes: usize,
    /// After this a request is given up.
    pub request_timeout: Duration,
    /// What running work gets at shutdown.
    pub shutdown_grace: Duration,
}

impl ServerConfig {
    /// Scheme, host and port under which people reach the server, without a slash at the end: `public_url`, else `http://`
    /// and `listen`, where «any address» reads as `localhost`.
    pub fn origin(&self) -> String {
        match &self.public_url {
            Some(url) => url.as_str().trim_end_matches('/').to_owned(),
            None if self.listen.ip().is_unspecified() => {
                format!("http://localhost:{}", self.listen.port())
            }
            None => format!("http://{}", self.listen),
        }
    }
}

/// `[database]`
#[derive(Clone, Debug)]
pub struct DatabaseConfig {
    /// Which database.
    pub url: DatabaseUrl,
    /// Most connections (PostgreSQL) or readers (SQLite) at once.
    pub pool_size: usize,
    /// SQLite only: writes that share one commit at the most.
    pub group_commit: usize,
    /// After this the database gives a statement up.
    pub statement_timeout: Duration,
    /// How long a request waits for a connection.
    pub acquire_timeout: Duration,
}

/// Which database, with the password hidden.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// `sqlite:PATH`: one file.
    Sqlite(PathBuf),
    /// `postgres://…` or `postgresql://…`, as given.
    Postgres(Secret<String>),
}

/// `[secrets]`
#[derive(Clone, Debug)]
pub struct SecretsConfig {
    /// The master key itself, in base64; wins over the file.
    pub master_key: Option<Secret<String>>,
    /// The file it lies in otherwise.
    pub master_key_file: PathBuf,
}

/// `[email]`
#[derive(Clone, Debug)]
pub struct EmailConfig {
    /// The mail server; `None`: mails are caught and shown in the dashboard.
    pub smtp: Option<SmtpConfig>,
    /// The sender; always there with `smtp`.
    pub from: Option<Mailbox>,
    /// Where answers go, if not to the sender.
    pub reply_to: Option<Mailbox>,
}

impl EmailConfig {
    /// The way to the mail server; `None` where mails are caught.
    pub fn mailer(&self) -> Result<Option<Mailer>, SettingsError> {
        let (Some(smtp), Some(from)) = (&self.smtp, &self.from) else {
            return Ok(None);
        };
        let (username, password) = match &smtp.login {
            Some((name, password)) => (Some(name.clone()), Some(password.expose().clone().into())),
            None => (None, None),
        };
        Mailer::new(SmtpSettings {
            host: smtp.host.clone(),
            port: smtp.port,
            security: match smtp.security {
                SmtpSecurity::None => Security::None,
                SmtpSecurity::StartTls => Security::Starttls,
                SmtpSecurity::Tls => Security::Tls,
            },
            username,
            password,
            timeout: jiff::SignedDuration::try_from(smtp.timeout)
                .unwrap_or(jiff::SignedDuration::from_secs(30)),
            from: from.to_string(),
            reply_to: self.reply_to.as_ref().map(ToString::to_string),
            helo_name: None,
            extra_root_certificate: smtp.extra_root_certificate.clone(),
        })
        .map(Some)
    }
}

/// How the mail server is reached.
#[derive(Clone, Debug)]
pub struct SmtpConfig {
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Protection of the connection.
    pub security: SmtpSecurity,
    /// Name and password, if the server wants a log-in.
    pub login: Option<(String, Secret<String>)>,
    /// Time for one dialogue.
    pub timeout: Duration,
    /// PEM file of a certificate authority to trust beside the public ones.
    pub extra_root_certificate: Option<PathBuf>,
}

/// Protection of the connection to the mail server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpSecurity {
    /// None: for a server on the same machine or network.
    None,
    /// Begins in clear and must change to TLS (RFC 3207).
    StartTls,
    /// TLS from the first byte (RFC 8314).
    Tls,
}

/// `[dns]`
#[derive(Clone, Debug)]
pub struct DnsConfig {
    /// Servers to ask; none: those of the system.
    pub servers: Vec<SocketAddr>,
}

/// `[limits]`
#[derive(Clone, Debug)]
pub struct LimitsConfig {
    /// Of one account, unless it has its own.
    pub requests_per_minute: u32,
    /// Without a valid key or session, of one network address.
    pub unauthenticated_per_minute: u32,
}

/// `[jobs]`
#[derive(Clone, Debug)]
pub struct JobsConfig {
    /// Jobs run at once by one process.
    pub workers: usize,
    /// Whether `serve` runs jobs too.
    pub run_in_serve: bool,
    /// After this a dead process's job is taken over.
    pub lease: Duration,
}

/// `[log]`
#[derive(Clone, Debug)]
pub struct LogConfig {
    /// For people or for machines.
    pub format: LogFormat,
    /// A filter in the syntax of `tracing_subscriber::EnvFilter`, known to be well-formed.
    pub level: String,
}

/// Form of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One line of text an entry.
    Text,
    /// One JSON object an entry.
    Json,
}

/// `[telemetry]`
#[derive(Clone, Debug)]
pub struct TelemetryConfig {
    /// Base address of the OTLP collector; `None`: no traces are sent.
    pub otlp_endpoint: Option<Url>,
    /// `service.name` of the traces.
    pub service_name: String,
}

/// `[retention]`
#[derive(Clone, Debug)]
pub struct RetentionConfig {
    /// Of events and webhook attempts.
    pub events_days: u32,
    /// Of answers under an Idempotency-Key.
    pub idempotency_days: u32,
    /// Of deleted users and teams.
    pub trash_days: u32,
}

/// One setting as it stands, for people to read.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ExplainedSetting {
    /// `section.key`
    pub key: String,
    /// Its value; `***` for a secret that is set, and in place of a password in an address.
    pub value: serde_json::Value,
    /// `default`, the file's path, or the variable's name.
    pub source: String,
}

impl fmt::Display for ExplainedSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {}  ({})", self.key, self.value, self.source)
    }
}

/// One thing wrong with the settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConfigFault {
    /// `section.key`, the variable or the file it is about.
    pub key: String,
    /// What is wrong and what is expected; never the value of a secret.
    pub detail: String,
}

/// All that is wrong with the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// At least one.
    pub faults: Vec<ConfigFault>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the settings cannot be used:")?;
        self.faults
            .iter()
            .try_for_each(|fault| write!(f, "\n  {}: {}", fault.key, fault.detail))
    }
}

impl std::error::Error for ConfigError {}

impl Config {
    /// Reads the file at `path` (else [`DEFAULT_FILE`] if it is there) and the variables `B2B_SECTION__KEY` of `env`.
    ///
    /// Lists in the environment are separated by commas. Variables that begin with `B2B_` and have no
    /// `__` are left alone, except those that are a setting's name but for the second underscore.
    pub fn load(
        path: Option<&Path>,
        env: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let mut values = Values::defaults()?;
        values.add_file(path);
        values.add_environment(env);
        let explained = values.explain();
        let mut reader = Reader::new(values);
        let config = sections(&mut reader, explained);
        let faults = reader.into_faults();
        match config {
            Some(config) if faults.is_empty() => Ok(config),
            _ => Err(ConfigError { faults }),
        }
    }

    /// Each setting with its value (secrets masked) and where it came from, in the order of the keys.
    pub fn explain(&self) -> &[ExplainedSetting] {
        &self.explained
    }
}

/// `None` only when an embedded default itself is malformed, which is then among the faults.
fn sections(read: &mut Reader, explained: Vec<ExplainedSetting>) -> Option<Config> {
    Some(Config {
        server: ServerConfig {
            listen: read.parsed(
                "server.listen",
                "an address and port such as 127.0.0.1:8080",
            )?,
            public_url: read.origin("server.public_url"),
            trusted_proxies: read.networks("server.trusted_proxies")?,
            body_limit_bytes: read.number("server.body_limit_bytes", 1024, 1 << 30)?,
            upload_limit_bytes: read.number("server.upload_limit_bytes", 1024, 1 << 30)?,
            request_timeout: read.seconds("server.request_timeout_seconds")?,
            shutdown_grace: read.seconds("server.shutdown_grace_seconds")?,
        },
        database: DatabaseConfig {
            url: read.database_url("database.url")?,
            pool_size: read.number("database.pool_size", 1, 1000)?,
            group_commit: read.number("database.group_commit", 1, 1000)?,
            statement_timeout: read.seconds("database.statement_timeout_seconds")?,
            acquire_timeout: read.seconds("database.acquire_timeout_seconds")?,
        },
        secrets: SecretsConfig {
            master_key: read.secret("secrets.master_key"),
            master_key_file: read
                .present("secrets.master_key_file", "the path of a file")?
                .into(),
        },
        email: email(read)?,
        dns: DnsConfig {
            servers: read.addresses("dns.servers")?,
        },
        limits: LimitsConfig {
            requests_per_minute: read.number("limits.requests_per_minute", 1, 10_000_000)?,
            unauthenticated_per_minute: read.number(
                "limits.unauthenticated_per_minute",
                1,
                10_000_000,
            )?,
        },
        jobs: JobsConfig {
            workers: read.number("jobs.workers", 1, 256)?,
            run_in_serve: read.boolean("jobs.run_in_serve")?,
            lease: read.seconds("jobs.lease_seconds")?,
        },
        log: LogConfig {
            format: read.one_of(
                "log.format",
                &[("text", LogFormat::Text), ("json", LogFormat::Json)],
            )?,
            level: read.log_filter("log.level")?,
        },
        telemetry: TelemetryConfig {
            otlp_endpoint: read.web_url("telemetry.otlp_endpoint"),
            service_name: read.present("telemetry.service_name", "a name")?,
        },
        retention: RetentionConfig {
            events_days: read.number("retention.events_days", 1, 3650)?,
            idempotency_days: read.number("retention.idempotency_days", 1, 3650)?,
            trash_days: read.number("retention.trash_days", 1, 3650)?,
        },
        explained,
    })
}

fn email(read: &mut Reader) -> Option<EmailConfig> {
    let host = read.text("email.host")?;
    let port = read.number("email.port", 1, 65535)?;
    let kinds = [
        ("none", SmtpSecurity::None),
        ("starttls", SmtpSecurity::StartTls),
        ("tls", SmtpSecurity::Tls),
    ];
    let security = read.one_of("email.security", &kinds)?;
    let username = read.text("email.username")?;
    let password = read.secret("email.password");
    let from = read.mailbox("email.from");
    let reply_to = read.mailbox("email.reply_to");
    let timeout = read.seconds("email.timeout_seconds")?;
    if !host.is_empty() && from.is_none() {
        read.fault(
            "email.from",
            "is needed when email.host is set, such as \"Training <training@example.com>\"",
        );
    }
    if username.is_empty() != password.is_none() {
        read.fault(
            "email.password",
            "goes together with email.username: set both or neither",
        );
    }
    let login = password
        .filter(|_| !username.is_empty())
        .map(|password| (username, password));
    let extra_root_certificate = read
        .text("email.root_certificate")
        .filter(|path| !path.is_empty())
        .map(PathBuf::from);
    let smtp = Some(SmtpConfig {
        host,
        port,
        security,
        login,
        timeout,
        extra_root_certificate,
    })
    .filter(|smtp| !smtp.host.is_empty());
    Some(EmailConfig {
        smtp,
        from,
        reply_to,
    })
}

#[cfg(test)]
mod tests;
