//! What each engine must keep to while it is read as quickly as it can be: a log that stays small, and reads that are let
//! through while another one waits.

use std::time::Duration;

use b2b_dashboard::db::{Db, DbError, DbSettings, Select, Statement};
use b2b_dashboard::params;
use tokio::task::JoinSet;

use crate::support::app::TestApp;
use crate::support::database::{Engine, OnDatabase};
use crate::support::postgres::Session;

/// A text of which every page changes with `n`.
fn write_long(n: u64) -> Statement {
    Statement::guarded(
        "UPDATE accounts SET name = $2 WHERE account_id = $1",
        params![format!("{n:06}").repeat(16_000)],
    )
}

async fn look(app: &TestApp, table: &str) -> bool {
    let select = Select::new(
        format!("SELECT id FROM {table} WHERE account_id = $1 LIMIT 1"),
        vec![],
    );
    app.db
        .fetch::<(String,)>(&app.account, select.brief())
        .await
        .is_ok()
}

mod sqlite {
    use super::*;

    /// Which log it is: the checkpoint sequence number in the header of a write-ahead log, which is raised when it is begun
    /// anew (<https://sqlite.org/fileformat2.html#the_write_ahead_log>).
    fn log(app: &TestApp) -> u32 {
        let path = format!("{}-wal", app.database.url.trim_start_matches("sqlite:"));
        let header = std::fs::read(path).expect("a log");
        let sequence = header.get(12..16).expect("a header");
        u32::from_be_bytes(sequence.try_into().expect("four bytes"))
    }

    /// Writes more pages than a log has before it is begun anew, with looks in between.
    async fn write_much(app: &TestApp, writer: &Db) {
        for n in 0..800 {
            let written = writer.write(&app.account, vec![write_long(n)]).await;
            written.expect("a name");
            if n % 10 == 0 {
                assert!(look(app, "users").await);
            }
        }
    }

    /// Whether `writer` begins the log anew within a minute of writing now and then, with looks in between.
    async fn is_begun_anew(app: &TestApp, writer: &Db, before: u32) -> bool {
        let begun = async {
            // Each another name: what changes nothing is not written.
            for n in 0.. {
                if log(app) != before {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
                let written = writer.write(&app.account, vec![write_long(n)]).await;
                written.expect("a name");
                assert!(look(app, "users").await);
            }
        };
        tokio::time::timeout(Duration::from_mins(1), begun)
            .await
            .is_ok()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_log_is_begun_anew_while_there_are_readers() {
        let app = TestApp::on(Engine::Sqlite).await;
        let before = log(&app);
        write_much(&app, &app.db).await;
        assert!(is_begun_anew(&app, &app.db, before).await);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn another_process_begins_it_anew_after_a_while() {
        let app = TestApp::on(Engine::Sqlite).await;
        let other = Db::open(&app.database.url, &DbSettings::default()).expect("a database");
        write_much(&app, &other).await;
        let before = log(&app);
        assert!(is_begun_anew(&app, &other, before).await);
    }

    fn path(app: &TestApp) -> &str {
        app.database.url.trim_start_matches("sqlite:")
    }

    /// Renames the account when it still has the name `now`, after it has made a course.
    fn rename(now: &str, name: &str) -> Vec<Statement> {
        vec![
            Statement::new(
                "INSERT INTO courses (account_id, id, name, name_key, status, chapters, version, created_at, updated_at) \
                 VALUES ($1, $2, $2, $2, 'active', '[]', 1, 1, 1)",
                params![name.to_owned()],
            ),
            Statement::guarded(
                "UPDATE accounts SET name = $2 WHERE account_id = $1 AND name = $3",
                params![name.to_owned(), now.to_owned()],
            ),
        ]
    }

    async fn names(app: &TestApp) -> (String, Vec<String>) {
        let account = Select::new("SELECT name FROM accounts WHERE account_id = $1", vec![]);
        let courses = "SELECT id FROM courses WHERE account_id = $1 ORDER BY id";
        let account = app.db.fetch::<(String,)>(&app.account, account).await;
        let courses = app
            .db
            .fetch::<(String,)>(&app.account, Select::new(courses, vec![]))
            .await;
        let one = |(name,): (String,)| name;
        (
            account.expect("an account").into_iter().map(one).collect(),
            courses.expect("courses").into_iter().map(one).collect(),
        )
    }

    /// Lists that wait for each other and are written in one commit: whichever of them fails leaves nothing of itself behind
    /// and takes nothing from those before and behind it, after quiet times as well as right after another that failed.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_list_that_fails_is_undone_alone() {
        let app = TestApp::on(Engine::Sqlite).await;
        let mut now = names(&app).await.0;
        let mut made = Vec::new();
        for round in 0..3 {
            if round < 2 {
                for n in 0..40 {
                    let next = format!("{round} quiet {n:02}");
                    let written = app.db.write(&app.account, rename(&now, &next)).await;
                    written.expect("a name");
                    made.push(next.clone());
                    now = next;
                }
            }
            // Nobody can write while this one does, so that all that come meanwhile are one group.
            let other = rusqlite::Connection::open(path(&app)).expect("a connection");
            other.execute_batch("BEGIN IMMEDIATE").expect("a lock");
            let mut writing = Vec::new();
            for n in 0..12 {
                let next = format!("{round} busy {n:02}");
                let fits = n % 4 != 2;
                let expected = if fits {
                    now.clone()
                } else {
                    "no such name".to_owned()
                };
                let (db, account) = (app.db.clone(), app.account.clone());
                let list = rename(&expected, &next);
                let mut one = Box::pin(async move { db.write(&account, list).await });
                // So that it is in the line before the next one.
                assert!(futures::poll!(&mut one).is_pending());
                writing.push((fits, one));
                if fits {
                    made.push(next.clone());
                    now = next;
                }
            }
            other.execute_batch("COMMIT").expect("an end");
            for (fits, one) in writing {
                let outcome = one.await;
                assert_eq!(outcome.is_ok(), fits, "{outcome:?}");
                assert!(
                    fits || matches!(outcome, Err(DbError::Stale)),
                    "{outcome:?}"
                );
            }
            made.sort();
            assert_eq!(names(&app).await, (now.clone(), made.clone()));
        }
    }
}

mod postgres {
    use super::*;

    /// More at once than there are connections, while the shared ones are not there yet: nobody waits for a connection that
    /// those who wait hold among them.
    #[tokio::test(flavor = "multi_thread")]
    async fn brief_reads_do_not_wait_for_each_other() {
        let app = TestApp::on(Engine::Postgres).await;
        for _ in 0..10 {
            let db = Db::open(&app.database.url, &DbSettings::default()).expect("a database");
            let mut running = JoinSet::new();
            for _ in 0..64 {
                let (account, db) = (app.account.clone(), db.clone());
                running.spawn(async move {
                    for _ in 0..5 {
                        let sql = "SELECT id FROM users WHERE account_id = $1";
                        let read =
                            db.fetch::<(String,)>(&account, Select::new(sql, vec![]).brief());
                        read.await.expect("let through");
                    }
                });
            }
            running.join_all().await;
        }
    }

    #[tokio::test]
    async fn a_read_that_is_held_up_holds_up_few_others() {
        let app = TestApp::on(Engine::Postgres).await;
        let session = Session::open(&app.database.url).await;
        let client = &session.client;
        let lock = "BEGIN; LOCK TABLE users IN ACCESS EXCLUSIVE MODE";
        client.batch_execute(lock).await.expect("a lock");
        let app = std::sync::Arc::new(app);
        let mut held_up = JoinSet::new();
        for _ in 0..6 {
            let app = std::sync::Arc::clone(&app);
            held_up.spawn(async move { look(&app, "users").await });
        }
        let waiting = "SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        while !client
            .query_one(waiting, &[])
            .await
            .expect("a count")
            .get::<_, bool>(0)
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        for _ in 0..20 {
            assert!(look(&app, "courses").await, "let through");
        }
        assert!(held_up.try_join_next().is_none(), "the lock still holds");
        client.batch_execute("COMMIT").await.expect("an end");
        assert_eq!(held_up.join_all().await, [true; 6]);
    }
}
