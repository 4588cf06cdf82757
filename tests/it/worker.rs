//! Jobs run once, come back when they fail or their worker dies, and events get numbers without holes.

use std::time::Duration;

use b2b_dashboard::access::Call;
use b2b_dashboard::app::App;
use b2b_dashboard::commit::commit;
use b2b_dashboard::db::Statement;
use b2b_dashboard::events::{Event, Plan};
use b2b_dashboard::jobs::{self, Job};
use b2b_dashboard::params;
use b2b_dashboard::types::AccountId;
use b2b_dashboard::worker;
use serde_json::json;
use tokio::sync::watch;

use crate::support::app::TestApp;
use crate::support::database::both;

async fn record(app: &App, account: &AccountId, subject: &str, count: usize) {
    let call = Call::system(account.clone(), "test", app.clock.now());
    let plan = || async {
        let mut plan = Plan::new("test.record");
        plan.write(Statement::new(
            "UPDATE accounts SET version = version + 1 WHERE account_id = $1",
            vec![],
        ));
        for n in 0..count {
            plan.event(Event::new("test.recorded", subject, json!({ "n": n })));
        }
        Ok((plan, ()))
    };
    commit(&app.db, &app.ids, &call, plan)
        .await
        .expect("events");
}

async fn enqueue(app: &App, account: &AccountId, job: &Job, count: usize) {
    let now = app.clock.now();
    let list = (0..count)
        .map(|_| job.enqueue(&app.ids, None, now, now))
        .collect();
    app.db.write(account, list).await.expect("jobs");
}

async fn states(test: &TestApp) -> Vec<(String, i64, Option<String>)> {
    test.rows(
        "SELECT state, attempts, last_error FROM jobs WHERE account_id = $1 ORDER BY id",
        vec![],
    )
    .await
}

both! {
    async fn events_get_numbers_without_holes_whoever_publishes(test: TestApp) {
        let nodes = [test.app.clone(), test.other_node(2), test.other_node(3)];
        for node in &nodes {
            for n in 0..15 {
                record(node, &test.account, &format!("subject_{n}"), 100).await;
            }
        }
        let (a, b, c) = tokio::join!(worker::drain(&nodes[0]), worker::drain(&nodes[1]), worker::drain(&nodes[2]));
        assert_eq!([a.expect("a"), b.expect("b"), c.expect("c")], [0, 0, 0]);
        let rows: Vec<(Option<i64>, String)> = test.rows("SELECT sequence, id FROM events WHERE account_id = $1 ORDER BY id", vec![]).await;
        let mut numbers: Vec<i64> = rows.iter().map(|(number, _)| number.expect("a number")).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (1..=4500).collect::<Vec<_>>());
        record(&test, &test.account, "late", 1).await;
        test.run_jobs().await;
        let last: Vec<(i64, String)> = test.rows("SELECT sequence, subject_id FROM events WHERE account_id = $1 ORDER BY sequence DESC LIMIT 1", vec![]).await;
        assert_eq!(last, [(4501, "late".to_owned())]);
    }

    async fn a_running_worker_is_woken_by_writes_of_its_own_node_and_finds_those_of_others(test: TestApp) {
        let (stop, stopped) = watch::channel(false);
        let running = b2b_dashboard::tasks::spawn(worker::run(test.app.clone(), stopped));
        let other = test.other_node(9);
        let second: AccountId = test.ids.next(test.clock.now());
        test.insert_account(&second, "Second").await;
        enqueue(&test, &test.account, &Job::CleanUp, 20).await;
        enqueue(&other, &second, &Job::CleanUp, 20).await;
        record(&other, &second, "subject", 3).await;
        let open = "SELECT (SELECT count(*) FROM jobs WHERE account_id = $1 AND state <> 'done' AND kind = 'clean_up' AND run_at <= $2) \
             + (SELECT count(*) FROM events WHERE account_id = $1 AND sequence IS NULL)";
        let mut left = 1;
        for _ in 0..200 {
            tokio::time::sleep(Duration::from_millis(25)).await;
            left = 0;
            for account in [&test.account, &second] {
                let select = b2b_dashboard::db::Select::new(open, params![test.clock.now()]);
                left += test.db.first::<(i64,)>(account, select).await.expect("a count").expect("a row").0;
            }
            if left == 0 {
                break;
            }
        }
        stop.send(true).expect("a worker");
        running.await.expect("a worker that ends");
        assert_eq!(left, 0);
        let twice: Vec<(i64,)> = test.rows("SELECT attempts FROM jobs WHERE account_id = $1 AND kind = 'clean_up' AND attempts > 1", vec![]).await;
        assert!(twice.is_empty());
    }

    async fn many_workers_run_each_job_once(test: TestApp) {
        enqueue(&test, &test.account, &Job::CleanUp, 60).await;
        let other = test.other_node(7);
        let (a, b) = tokio::join!(worker::drain(&test.app), worker::drain(&other));
        assert_eq!(a.expect("a") + b.expect("b"), 60);
        assert!(states(&test).await.iter().all(|(state, attempts, _)| state == "done" && *attempts == 1));
    }

    async fn what_comes_round_is_queued_once_over_all_nodes(test: TestApp) {
        let (stop, stopped) = watch::channel(false);
        let nodes = [test.app.clone(), test.other_node(5), test.other_node(6)];
        let running: Vec<_> = nodes.iter().map(|node| b2b_dashboard::tasks::spawn(worker::run(node.clone(), stopped.clone()))).collect();
        tokio::time::sleep(Duration::from_millis(700)).await;
        stop.send(true).expect("workers");
        for worker in running {
            worker.await.expect("a worker that ends");
        }
        let kinds: Vec<(String, i64)> = test.rows("SELECT kind, count(*) FROM jobs WHERE account_id = $1 GROUP BY kind ORDER BY kind", vec![]).await;
        assert_eq!(kinds, [("check_domains".to_owned(), 1), ("check_integrity".to_owned(), 1), ("clean_up".to_owned(), 1), ("expire_assignments".to_owned(), 1), ("reclaim_idle".to_owned(), 1), ("sweep_invitations".to_owned(), 1)]);
    }

    async fn a_lost_workers_jobs_come_back_and_die_at_the_last_attempt(test: TestApp) {
        enqueue(&test, &test.account, &Job::CleanUp, 1).await;
        let now = test.clock.now();
        test.db.write(&test.account, vec![jobs::claim("lost", 5, now, now.plus_seconds(60))]).await.expect("a claim");
        assert_eq!(test.run_jobs().await, 0);
        test.clock.advance(61);
        assert_eq!(test.run_jobs().await, 1);
        assert_eq!(states(&test).await, [("done".to_owned(), 2, None)]);
        enqueue(&test, &test.account, &Job::CleanUp, 1).await;
        let last = "UPDATE jobs SET attempts = $2 WHERE account_id = $1 AND state = 'queued'";
        test.db.write(&test.account, vec![Statement::new(last, params![jobs::MAX_ATTEMPTS])]).await.expect("a row");
        test.run_jobs().await;
        assert!(states(&test).await.iter().any(|(state, _, error)| state == "dead" && error.as_deref() == Some("its worker was lost at the last attempt")));
    }

    async fn an_unknown_job_backs_off_and_dies(test: TestApp) {
        let insert = "INSERT INTO jobs (account_id, id, kind, payload, state, run_at, attempts, created_at) \
             VALUES ($1, 'job_unknown', 'x', '{\"kind\":\"x\"}', 'queued', $2, 0, $2)";
        test.db.write(&test.account, vec![Statement::new(insert, params![test.clock.now()])]).await.expect("a job");
        let mut ran = 0;
        for _ in 0..jobs::MAX_ATTEMPTS + 3 {
            assert!(test.run_jobs().await <= 1);
            ran += 1;
            let (state, attempts, _) = states(&test).await.remove(0);
            assert_eq!(attempts, ran.min(jobs::MAX_ATTEMPTS));
            assert_eq!(state, if ran < jobs::MAX_ATTEMPTS { "queued" } else { "dead" });
            assert_eq!(test.run_jobs().await, 0, "not before its time");
            test.clock.advance(8 * 3600);
        }
    }

    async fn what_is_old_is_removed_and_the_rest_stays(test: TestApp) {
        let user = test.insert_user("ada@example.com", "Ada").await;
        record(&test, &test.account, "old", 700).await;
        test.run_jobs().await;
        let rows = [
            "INSERT INTO idempotency_records (account_id, lineage, idempotency_key, fingerprint, status, headers, body, created_at) VALUES ($1, 'l', 'k', 'f', 200, '[]', '', $2)",
            "INSERT INTO rate_windows (account_id, subject, window_at, leased) VALUES ($1, 's', 60, 1)",
        ];
        let mut list: Vec<_> = rows.iter().map(|sql| Statement::new(*sql, params![test.clock.now()])).collect();
        let session = "INSERT INTO sessions (account_id, id, user_id, secret_hash, created_at, last_seen_at, expires_at) VALUES ($1, $3, $2, 'x', $4, $4, $4)";
        let link = "INSERT INTO sign_in_links (account_id, id, user_id, purpose, expires_at, created_at) VALUES ($1, $3, $2, 'sign_in', $4, $4)";
        for (name, at) in [("old", test.clock.now()), ("new", test.clock.now().plus_days(500))] {
            list.push(Statement::new(session, params![user, name.to_owned(), at]));
            list.push(Statement::new(link, params![user, name.to_owned(), at]));
        }
        test.db.write(&test.account, list).await.expect("rows");
        test.clock.advance(400 * 86_400);
        enqueue(&test, &test.account, &Job::CleanUp, 1).await;
        record(&test, &test.account, "new", 2).await;
        test.run_jobs().await;
        let counts: Vec<(i64, i64, i64, i64)> = test.rows(
            "SELECT (SELECT count(*) FROM idempotency_records WHERE account_id = $1), (SELECT count(*) FROM rate_windows WHERE account_id = $1), \
             (SELECT count(*) FROM events WHERE account_id = $1 AND subject_id = 'old'), (SELECT count(*) FROM events WHERE account_id = $1 AND subject_id = 'new')",
            vec![],
        ).await;
        assert_eq!(counts, [(0, 0, 0, 2)]);
        let kept: Vec<(String, String)> = test.rows(
            "SELECT sessions.id, sign_in_links.id FROM sessions, sign_in_links WHERE sessions.account_id = $1 AND sign_in_links.account_id = $1", vec![]).await;
        assert_eq!(kept, [("new".to_owned(), "new".to_owned())]);
    }

    async fn a_stopped_worker_leaves_what_it_has_not_begun(test: TestApp) {
        let (stop, stopped) = watch::channel(true);
        enqueue(&test, &test.account, &Job::CleanUp, 3).await;
        worker::run(test.app.clone(), stopped).await;
        drop(stop);
        assert!(states(&test).await.iter().all(|(state, ..)| state == "queued"));
    }
}
