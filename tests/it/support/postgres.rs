//! Databases in the cluster that `scripts/test` started, one a test.
//!
//! A database is a copy of a template that was migrated once. The template's name carries a hash of `migrations/`; who
//! finds none makes it, under an advisory lock, since each test is a process of its own. It is made under another name
//! and renamed when it is whole, so a test that dies half-way leaves no half template.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tokio_postgres::{Client, NoTls};

use super::from_script;

/// One for all that make templates: any number that nobody else uses.
const TEMPLATE_LOCK: i64 = 7_130_425_001;

/// A database of its own in the cluster of `TEST_POSTGRES_URL`, dropped with whoever is still connected to it.
pub(super) struct PostgresDatabase {
    pub(super) url: String,
    name: String,
}

impl PostgresDatabase {
    pub(super) async fn new(migrate: impl AsyncFnOnce(&str)) -> Self {
        let server = from_script("TEST_POSTGRES_URL");
        let admin = Session::open(&server).await;
        let template = template(&admin, &server, migrate).await;
        let name = format!("test_{}", uuid::Uuid::from_u128(rand::random()).simple());
        admin
            .run(&format!("CREATE DATABASE {name} TEMPLATE {template}"))
            .await;
        Self {
            url: with_database(&server, &name),
            name,
        }
    }
}

impl Drop for PostgresDatabase {
    fn drop(&mut self) {
        let server = from_script("TEST_POSTGRES_URL");
        let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        // A drop cannot wait on the runtime it happens in, so this one brings its own.
        let dropped = std::thread::spawn(move || {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime")
                .block_on(execute(&server, &sql))
        })
        .join();
        assert!(
            matches!(dropped, Ok(Ok(()))) || std::thread::panicking(),
            "the database {} could not be dropped: {dropped:?}",
            self.name
        );
    }
}

/// Runs statements on a connection made for them; the error is the server's words.
pub(crate) async fn execute(url: &str, sql: &str) -> Result<(), String> {
    Session::try_open(url).await?.try_run(sql).await
}

async fn template(admin: &Session, server: &str, migrate: impl AsyncFnOnce(&str)) -> String {
    let name = format!("template_{}", migrations_hash());
    if admin.has_database(&name).await {
        return name;
    }
    admin
        .run(&format!("SELECT pg_advisory_lock({TEMPLATE_LOCK})"))
        .await;
    if !admin.has_database(&name).await {
        let draft = format!("draft_{}", migrations_hash());
        admin
            .run(&format!("DROP DATABASE IF EXISTS {draft} WITH (FORCE)"))
            .await;
        admin.run(&format!("CREATE DATABASE {draft}")).await;
        migrate(&with_database(server, &draft)).await;
        // The server may see a connection's end a moment after its client does.
        admin
            .run(&format!(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{draft}'"
            ))
            .await;
        admin
            .run(&format!("ALTER DATABASE {draft} RENAME TO {name}"))
            .await;
    }
    admin
        .run(&format!("SELECT pg_advisory_unlock({TEMPLATE_LOCK})"))
        .await;
    name
}

/// Sixteen hex digits that change when any file of `migrations/` does.
fn migrations_hash() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
        .unwrap_or_default();
    files.sort();
    let mut hash = Sha256::new();
    for file in files {
        hash.update(file.file_name().unwrap_or_default().as_encoded_bytes());
        hash.update([0]);
        hash.update(Sha256::digest(
            std::fs::read(&file).expect("a readable migration"),
        ));
    }
    let digest = hash.finalize();
    let (start, _) = digest.split_first_chunk::<8>().expect("32 bytes");
    format!("{:016x}", u64::from_be_bytes(*start))
}

fn with_database(server: &str, name: &str) -> String {
    let mut url = url::Url::parse(server).expect("TEST_POSTGRES_URL is a URL");
    url.set_path(name);
    url.into()
}

/// A connection whose driver task ends with it.
pub(crate) struct Session {
    pub(crate) client: Client,
    _driver: tokio::task::JoinSet<()>,
}

impl Session {
    async fn try_open(url: &str) -> Result<Self, String> {
        let (client, connection) = tokio_postgres::connect(url, NoTls)
            .await
            .map_err(|error| format!("no connection to {url}: {}", words(&error)))?;
        let mut driver = tokio::task::JoinSet::new();
        driver.spawn(async move {
            // The client's own calls say what went wrong.
            let _ = connection.await;
        });
        Ok(Self {
            client,
            _driver: driver,
        })
    }

    pub(crate) async fn open(url: &str) -> Self {
        Self::try_open(url)
            .await
            .unwrap_or_else(|error| panic!("{error}"))
    }

    async fn try_run(&self, sql: &str) -> Result<(), String> {
        self.client
            .batch_execute(sql)
            .await
            .map_err(|error| format!("{sql}: {}", words(&error)))
    }

    async fn run(&self, sql: &str) {
        self.try_run(sql)
            .await
            .unwrap_or_else(|error| panic!("{error}"));
    }

    async fn has_database(&self, name: &str) -> bool {
        self.client
            .query_one(
                "SELECT count(*) FROM pg_database WHERE datname = $1",
                &[&name],
            )
            .await
            .expect("a list of databases")
            .get::<_, i64>(0)
            > 0
    }
}

fn words(error: &tokio_postgres::Error) -> String {
    error
        .as_db_error()
        .map_or_else(|| error.to_string(), ToString::to_string)
}
