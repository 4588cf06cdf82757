//! What a request or a job may use.

use std::sync::Arc;

use crate::access::master_key::MasterKey;
use crate::access::password::PasswordHasher;
use crate::config::{Config, DatabaseUrl};
use crate::db::{Db, DbSettings};
use crate::dns::Dns;
use crate::email::Mailer;
use crate::error::{Error, Result};
use crate::metrics::Metrics;
use crate::types::{Clock, Ids};

/// Keys derived from the master key, one for each purpose.
pub struct Keys {
    /// Signs list cursors.
    pub cursor: [u8; 32],
    /// Hashes API keys.
    pub pepper: [u8; 32],
    /// Makes the secret half of sign-in links.
    pub link: [u8; 32],
    /// Hashes session secrets.
    pub session: [u8; 32],
    /// Signs form tokens.
    pub csrf: [u8; 32],
}

impl Keys {
    /// Derives them.
    pub fn derive(master: &MasterKey) -> Self {
        Self {
            cursor: master.derive("cursor"),
            pepper: master.derive("api-key-pepper"),
            link: master.derive("sign-in-link"),
            session: master.derive("session"),
            csrf: master.derive("csrf"),
        }
    }
}

/// What a request or a job may use. Cloning shares it.
#[derive(Clone)]
pub struct App(Arc<Parts>);

/// The parts of an [`App`].
pub struct Parts {
    /// The settings.
    pub config: Config,
    /// The database.
    pub db: Db,
    /// The time.
    pub clock: Clock,
    /// New ids.
    pub ids: Ids,
    /// Keys for signing and hashing.
    pub keys: Keys,
    /// Password hashing.
    pub passwords: PasswordHasher,
    /// The way to the mail server; without one, mails are caught and shown in the dashboard.
    pub mailer: Option<Mailer>,
    /// The way to the DNS.
    pub dns: Dns,
    /// Counters.
    pub metrics: Metrics,
    /// API keys seen lately.
    pub key_cache: crate::access::authenticate::KeyCache,
    /// Limits of requests.
    pub limiter: crate::access::rate_limit::Limiter,
    /// Wrong passwords of the present minute.
    pub sign_in_failures: crate::access::failures::Failures,
    /// Who follows the events of an account here.
    pub streams: crate::streams::Streams,
    /// Openings of links' pages that are not written yet.
    pub link_views: crate::joining::views::Views,
    /// Requests with an idempotency key that are running here.
    pub running: crate::http::idempotency::Running,
}

impl std::ops::Deref for App {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl App {
    /// Opens everything the settings name. The schema must be up to date.
    pub fn open(config: Config, clock: Clock, ids: Ids) -> Result<Self> {
        let mut chance = rand::rng();
        let master =
            MasterKey::load_or_create(&config.secrets, &mut chance).map_err(Error::internal)?;
        let passwords = PasswordHasher::new(&mut chance).map_err(Error::internal)?;
        let mailer = config.email.mailer().map_err(Error::internal)?;
        let settings = DbSettings {
            pool_size: config.database.pool_size,
            acquire_timeout: config.database.acquire_timeout,
            statement_timeout: config.database.statement_timeout,
            group_commit: config.database.group_commit,
        };
        let db = Db::open(&database_url(&config), &settings)?;
        Ok(Self(Arc::new(Parts {
            db,
            clock,
            ids,
            keys: Keys::derive(&master),
            passwords,
            mailer,
            dns: Dns::new(config.dns.servers.clone()),
            metrics: Metrics::new(),
            key_cache: crate::access::authenticate::KeyCache::new(),
            limiter: crate::access::rate_limit::Limiter::new(),
            sign_in_failures: crate::access::failures::Failures::default(),
            streams: crate::streams::Streams::default(),
            link_views: crate::joining::views::Views::default(),
            running: crate::http::idempotency::Running::default(),
            config,
        })))
    }
}

/// `database.url` as the database layer reads it.
pub fn database_url(config: &Config) -> String {
    match &config.database.url {
        DatabaseUrl::Sqlite(path) => format!("sqlite:{}", path.display()),
        DatabaseUrl::Postgres(url) => url.expose().clone(),
    }
}
