//! A fresh, migrated database for each test, and [`both!`], which runs a test on SQLite and on PostgreSQL.

use std::future::Future;

use tempfile::TempDir;

use super::postgres::PostgresDatabase;

/// The databases that the program runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    /// A file in a folder of its own.
    Sqlite,
    /// A database in the cluster named by `TEST_POSTGRES_URL`.
    Postgres,
}

/// An empty, migrated database, gone when this is dropped.
///
/// Drop it after whatever still uses it: in a struct, declare it last.
pub(crate) struct TestDatabase {
    /// What the program takes as `database.url`: `sqlite:/…/test.db` or `postgres://…/test_…`.
    pub(crate) url: String,
    /// Which kind it is.
    pub(crate) engine: Engine,
    _kept: Kept,
}

enum Kept {
    Folder { _folder: TempDir },
    Postgres { _database: PostgresDatabase },
}

impl TestDatabase {
    /// A database of this kind, brought up to date by `migrate`, which is given the address of an empty one.
    ///
    /// On PostgreSQL `migrate` runs once for each state of `migrations/`, the others are copies of its work, so it may do
    /// nothing but what follows from that folder. It must have ended its connections when it returns.
    pub(crate) async fn new(engine: Engine, migrate: impl AsyncFnOnce(&str)) -> Self {
        match engine {
            Engine::Sqlite => {
                let folder = tempfile::tempdir().expect("a temporary folder");
                let url = format!("sqlite:{}", folder.path().join("test.db").display());
                migrate(&url).await;
                Self {
                    url,
                    engine,
                    _kept: Kept::Folder { _folder: folder },
                }
            }
            Engine::Postgres => {
                let database = PostgresDatabase::new(migrate).await;
                Self {
                    url: database.url.clone(),
                    engine,
                    _kept: Kept::Postgres {
                        _database: database,
                    },
                }
            }
        }
    }
}

/// What [`both!`] can hand to a test.
pub(crate) trait OnDatabase: Sized {
    /// One of these, on a fresh database of that kind.
    fn on(engine: Engine) -> impl Future<Output = Self>;
}

/// Makes two tests of each function, `name::sqlite` and `name::postgres`; its one argument is an [`OnDatabase`].
///
/// ```ignore
/// both! {
///     async fn a_team_has_an_owner(app: TestApp) { … }
/// }
/// ```
///
/// They run on a runtime of two threads, so that what may happen at once does.
macro_rules! both {
    ($($(#[$attribute:meta])* async fn $name:ident($($argument:ident)+: $kind:ty) $body:block)+) => {$(
        $(#[$attribute])*
        mod $name {
            use super::*;

            async fn test($($argument)+: $kind) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                use $crate::support::database::{Engine, OnDatabase};
                test(<$kind as OnDatabase>::on(Engine::Sqlite).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                use $crate::support::database::{Engine, OnDatabase};
                test(<$kind as OnDatabase>::on(Engine::Postgres).await).await;
            }
        }
    )+};
}
pub(crate) use both;

mod tests {
    use super::*;

    /// A database with one table, to try the macro itself on.
    struct OneTable {
        database: TestDatabase,
    }

    const TABLE: &str = "CREATE TABLE things (name TEXT PRIMARY KEY)";

    impl OneTable {
        async fn execute(&self, sql: &str) -> Result<(), String> {
            execute(&self.database.url, sql).await
        }
    }

    impl OnDatabase for OneTable {
        async fn on(engine: Engine) -> Self {
            let database = TestDatabase::new(engine, async |_: &str| {}).await;
            execute(&database.url, TABLE).await.expect("a table");
            Self { database }
        }
    }

    async fn execute(url: &str, sql: &str) -> Result<(), String> {
        if let Some(path) = url.strip_prefix("sqlite:") {
            let connection = rusqlite::Connection::open(path).expect("a SQLite file");
            return connection
                .execute_batch(sql)
                .map_err(|error| error.to_string());
        }
        super::super::postgres::execute(url, sql).await
    }

    crate::support::database::both! {
        /// Two databases of one test binary do not see each other.
        async fn each_database_is_its_own(one: OneTable) {
            let insert = "INSERT INTO things VALUES ('a')";
            let other = OneTable::on(one.database.engine).await;
            one.execute(insert).await.expect("the first row");
            other.execute(insert).await.expect("the same row elsewhere");
            one.execute(insert).await.expect_err("the row is there already");
        }

        async fn nothing_is_left_behind(one: OneTable) {
            let url = one.database.url.clone();
            drop(one);
            if let Some(path) = url.strip_prefix("sqlite:") {
                assert!(!std::path::Path::new(path).exists());
            } else {
                execute(&url, "SELECT 1").await.expect_err("the database is dropped");
            }
        }
    }
}
