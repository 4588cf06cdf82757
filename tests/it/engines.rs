//! What each engine must keep to while it is read as quickly as it can be: a log that stays small, and reads that are let
//! through while another one waits.

use std::time::Duration;

use b2b_dashboard::db::{Db, DbSettings, Select, Statement};
use b2b_dashboard::params;
use tokio::task::JoinSet;

use crate::support::app::TestApp;
use crate::support::database::{Engine, OnDatabase};
use crate::support::postgres::Session;

fn write_long(n: u64) -> Statement {
    Statement::guarded(
        "UPDATE accounts SET name = $2 WHERE account_id = $1",
        params![format!("{n} {}", "x".repeat(3000))],
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

    /// Writes more than the thousand pages after which a log is copied into the database, with looks in between.
    async fn write_much(app: &TestApp, writer: &Db) {
        for n in 0..1500 {
            let written = writer.write(&app.account, vec![write_long(n)]).await;
            written.expect("a name");
            if n % 10 == 0 {
                assert!(look(app, "users").await);
            }
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_log_is_begun_anew_while_there_are_readers() {
        let app = TestApp::on(Engine::Sqlite).await;
        let before = log(&app);
        write_much(&app, &app.db).await;
        assert!(log(&app) > before, "the same log");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn another_process_begins_it_anew_after_a_while() {
        let app = TestApp::on(Engine::Sqlite).await;
        let other = Db::open(&app.database.url, &DbSettings::default()).expect("a database");
        write_much(&app, &other).await;
        let before = log(&app);
        let begun = async {
            // Each another name: what changes nothing is not written.
            for n in 0.. {
                if log(&app) != before {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(200)).await;
                let written = other.write(&app.account, vec![write_long(n)]).await;
                written.expect("a name");
            }
        };
        let begun = tokio::time::timeout(Duration::from_mins(1), begun).await;
        assert!(begun.is_ok(), "the same log after a minute");
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
