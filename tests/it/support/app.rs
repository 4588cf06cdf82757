//! The parts of the program on a fresh database, with a clock that tests turn and ids that are the same at every run.

use b2b_dashboard::app::App;
use b2b_dashboard::config::Config;
use b2b_dashboard::db::{FromRow, Select, Statement, Value, migrate};
use b2b_dashboard::params;
use b2b_dashboard::types::{AccountId, Clock, Email, Id, Ids, Kind, Timestamp};
use b2b_dashboard::worker;

use super::database::{Engine, OnDatabase, TestDatabase};

/// The moment at which every test begins.
pub(crate) const START: &str = "2026-03-02T09:00:00Z";

/// The master key of every test.
const MASTER_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// Persons, as far as ids go.
pub(crate) enum UserKind {}

impl Kind for UserKind {
    const PREFIX: &'static str = "user";
}

/// An [`App`] with one account in it.
pub(crate) struct TestApp {
    /// The parts of the program.
    pub(crate) app: App,
    /// An account named «Northwind».
    pub(crate) account: AccountId,
    /// The database, dropped last.
    pub(crate) database: TestDatabase,
}

impl std::ops::Deref for TestApp {
    type Target = App;
    fn deref(&self) -> &App {
        &self.app
    }
}

impl OnDatabase for TestApp {
    async fn on(engine: Engine) -> Self {
        Self::with(engine, &[]).await
    }
}

impl TestApp {
    /// One with these settings, given as the environment gives them: `B2B_EMAIL__HOST`.
    pub(crate) async fn with(engine: Engine, settings: &[(&str, &str)]) -> Self {
        let database = TestDatabase::new(engine, async |url: &str| {
            migrate::migrate(url).await.expect("a migrated database");
        })
        .await;
        let app = open(&database.url, 1, settings);
        let account = app.ids.next(app.clock.now());
        let made = Self {
            app,
            account,
            database,
        };
        made.insert_account(&made.account, "Northwind").await;
        made
    }

    /// Another node on the same database, with a clock and ids of its own.
    pub(crate) fn other_node(&self, seed: u64) -> App {
        open(&self.database.url, seed, &[])
    }

    /// Makes an account.
    pub(crate) async fn insert_account(&self, account: &AccountId, name: &str) {
        let insert = Statement::new(
            "INSERT INTO accounts (account_id, name, plan, locale, timezone, settings, created_at, updated_at) \
             VALUES ($1, $2, 'standard', 'en', 'Europe/Berlin', '{}', $3, $3)",
            params![name.to_owned(), self.clock.now()],
        );
        self.db
            .write(account, vec![insert])
            .await
            .expect("an account");
    }

    /// Makes a person in an account and gives their id.
    pub(crate) async fn insert_user_in(
        &self,
        account: &AccountId,
        email: &str,
        name: &str,
        status: &str,
    ) -> String {
        let id: Id<UserKind> = self.ids.next(self.clock.now());
        let key = Email::parse(email).expect("an address").key();
        let insert = Statement::new(
            "INSERT INTO users (account_id, id, email, email_key, name, name_key, family_key, status, tags, metadata, version, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $6, $7, '[]', '{}', 1, $8, $8)",
            params![
                id,
                email.to_owned(),
                key,
                name.to_owned(),
                name.to_lowercase(),
                status.to_owned(),
                self.clock.now()
            ],
        );
        self.db
            .write(account, vec![insert])
            .await
            .expect("a person");
        id.to_string()
    }

    /// Makes an active person in the account.
    pub(crate) async fn insert_user(&self, email: &str, name: &str) -> String {
        self.insert_user_in(&self.account, email, name, "active")
            .await
    }

    /// Reads rows of the account.
    pub(crate) async fn rows<R: FromRow + Send + 'static>(
        &self,
        sql: &'static str,
        values: Vec<Value>,
    ) -> Vec<R> {
        self.db
            .fetch(&self.account, Select::new(sql, values))
            .await
            .expect("rows")
    }

    /// Runs all jobs that are due, and tells how many ran.
    pub(crate) async fn run_jobs(&self) -> u64 {
        worker::drain(&self.app).await.expect("jobs that run")
    }
}

fn open(url: &str, seed: u64, settings: &[(&str, &str)]) -> App {
    let own = [
        ("B2B_DATABASE__URL", url),
        ("B2B_SECRETS__MASTER_KEY", MASTER_KEY),
        ("B2B_SERVER__PUBLIC_URL", "https://learn.example.com"),
    ];
    let pairs = own
        .iter()
        .chain(settings)
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let config = Config::load(None, pairs).expect("settings");
    let start = Timestamp::parse(START).expect("a time");
    App::open(config, Clock::fixed(start), Ids::seeded(seed)).expect("an app")
}
