//! Many at once, on two nodes over one database: one effect, nothing lost, no request above a limit.

use std::time::{Duration, Instant};

use b2b_dashboard::db::Statement;
use b2b_dashboard::params;
use b2b_dashboard::types::Clock;
use serde_json::{Value as JsonValue, json};
use tokio::task::JoinSet;

use crate::support::database::{Engine, OnDatabase, both};
use crate::support::http::{Answer, ApiApp, Call, KeyOptions, Node};
use crate::support::operation::assert_problem;

/// Sends all calls at once, in turns to the nodes.
async fn at_once(nodes: &[Node], calls: impl IntoIterator<Item = Call>) -> Vec<Answer> {
    let mut running = JoinSet::new();
    for (call, node) in calls.into_iter().zip(nodes.iter().cycle()) {
        let node = node.clone();
        running.spawn(async move { node.send(call).await });
    }
    running.join_all().await
}

fn nodes(app: &ApiApp) -> [Node; 2] {
    [app.node.clone(), app.another_node()]
}

fn creation(app: &ApiApp) -> Call {
    let body = json!({ "email": "ada@example.com", "name": "Ada" });
    Call::new("POST", "/api/users")
        .key(&app.key.secret)
        .json(&body)
}

async fn limit_of(app: &ApiApp, limit: i64) {
    let set = Statement::new(
        "UPDATE accounts SET requests_per_minute = $2 WHERE account_id = $1",
        params![limit],
    );
    let written = app.node.app.db.write(&app.first, vec![set]).await;
    written.expect("a limit");
}

fn assert_refusal(answer: &Answer, limit: i64) {
    assert_problem(None, answer, 429, &["rate_limited"]);
    let wait: i64 = answer.header("retry-after").parse().expect("whole seconds");
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!(
        answer.header("ratelimit-policy"),
        format!("\"default\";q={limit};w=60")
    );
    assert_eq!(answer.remaining(), 0);
    assert_eq!(answer.header("x-ratelimit-remaining"), "0");
    assert_eq!(answer.json()["violated-policies"], json!(["default"]));
}

/// A key with its own clock running, for what lasts real time.
struct Running(ApiApp);

impl OnDatabase for Running {
    async fn on(engine: Engine) -> Self {
        Self(ApiApp::at(engine, Clock::system()).await)
    }
}

both! {
    async fn equal_requests_with_one_key_have_one_effect(app: ApiApp) {
        let calls = (0..64).map(|_| creation(&app).header("idempotency-key", "once"));
        let answers = at_once(&nodes(&app), calls).await;
        let mut firsts = 0;
        for answer in &answers {
            match (answer.status, answer.header("idempotent-replayed")) {
                (201, "true") => {}
                (201, _) => firsts += 1,
                _ => assert_problem(None, answer, 409, &["idempotency_in_progress"]),
            }
        }
        assert_eq!(firsts, 1);
        assert_eq!((app.count("users").await, app.count("events").await), (1, 1));
        assert_eq!(app.count("idempotency_records").await, 1);
        let again = app.send(creation(&app).header("idempotency-key", "once")).await;
        assert_eq!((again.status, again.header("idempotent-replayed")), (201, "true"));
    }

    async fn equal_requests_without_a_key_make_one_record(app: ApiApp) {
        let answers = at_once(&nodes(&app), (0..64).map(|_| creation(&app))).await;
        let made = answers.iter().filter(|answer| answer.status == 201).count();
        assert_eq!(made, 1);
        for answer in answers.iter().filter(|answer| answer.status != 201) {
            assert_problem(None, answer, 409, &["already_exists"]);
        }
        assert_eq!((app.count("users").await, app.count("events").await), (1, 1));
    }

    async fn equal_puts_make_one_record_and_all_succeed(app: ApiApp) {
        let put = || Call::new("PUT", "/api/teams/ext:t").key(&app.key.secret).json(&json!({ "name": "T" }));
        let answers = at_once(&nodes(&app), (0..32).map(|_| put())).await;
        let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
        assert!(statuses.iter().all(|status| matches!(status, 200 | 201)), "{statuses:?}");
        assert_eq!((app.count("teams").await, app.count("events").await), (1, 1));
    }

    async fn changes_of_different_members_lose_nothing(app: ApiApp) {
        let id = app.send(creation(&app)).await.id();
        let changes = [
            json!({ "company": "Analytical Engines" }),
            json!({ "external_id": "crm-1" }),
            json!({ "locale": "de-AT" }),
            json!({ "timezone": "Europe/Vienna" }),
            json!({ "status": "active" }),
            json!({ "tags": ["pioneer"] }),
            json!({ "metadata": { "k": "v" } }),
            json!({ "email": "countess@example.com" }),
        ];
        let path = format!("/api/users/{id}");
        let calls = changes.iter().map(|change| Call::new("PATCH", &path).key(&app.key.secret).json(change));
        for answer in at_once(&nodes(&app), calls).await {
            assert_eq!(answer.status, 200, "{}", answer.text());
        }
        let record = app.get(&path).await.json();
        for (name, value) in changes.iter().filter_map(JsonValue::as_object).flatten() {
            assert_eq!(record[name], *value, "{name} is lost");
        }
        assert_eq!(app.count("events").await, 9);
    }

    async fn exactly_the_limit_passes_on_two_nodes_together(app: ApiApp) {
        limit_of(&app, 40).await;
        let nodes = nodes(&app);
        for window in 0..2 {
            let calls = (0..160).map(|_| Call::new("GET", "/api/me").key(&app.key.secret));
            let answers = at_once(&nodes, calls).await;
            let passed = answers.iter().filter(|answer| answer.status == 200).count();
            assert_eq!(passed, 40, "window {window}");
            for answer in answers.iter().filter(|answer| answer.status != 200) {
                assert_refusal(answer, 40);
            }
            app.node.app.clock.advance(60);
        }
    }

    async fn a_keys_own_limit_stops_it_alone(app: ApiApp) {
        let options = KeyOptions { requests_per_minute: Some(7), ..KeyOptions::default() };
        let key = app.full_key(&app.first, options).await;
        let calls = (0..40).map(|_| Call::new("GET", "/api/me").key(&key.secret));
        let answers = at_once(&nodes(&app), calls).await;
        assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 7);
        for answer in answers.iter().filter(|answer| answer.status != 200) {
            assert_refusal(answer, 7);
        }
        assert_eq!(app.get("/api/me").await.status, 200, "others of the account go on");
    }

    async fn strangers_are_limited_by_address(app: ApiApp) {
        let few = [("B2B_LIMITS__UNAUTHENTICATED_PER_MINUTE", "5")];
        let clock = app.node.app.clock.clone();
        let node = Node::with_settings(&app.database.url, clock.clone(), 3, &few);
        let guess = || Call::new("GET", "/api/me").key(&app.unknown_key());
        for _ in 0..5 {
            assert_problem(None, &node.send(guess()).await, 401, &["key_unknown"]);
        }
        let refused = node.send(guess()).await;
        assert_problem(None, &refused, 429, &["rate_limited"]);
        assert_eq!(refused.header("retry-after"), "30");
        let known = Call::new("GET", "/api/me").key(&app.key.secret);
        assert_eq!(node.send(known).await.status, 200, "who has a key goes on");
        clock.advance(30);
        assert_problem(None, &node.send(guess()).await, 401, &["key_unknown"]);
    }

    async fn one_node_serves_a_whole_burst_and_counts_down(app: ApiApp) {
        limit_of(&app, 25).await;
        for left in (0..25).rev() {
            let answer = app.get("/api/me").await;
            assert_eq!((answer.status, answer.remaining()), (200, left));
        }
        assert_refusal(&app.get("/api/me").await, 25);
        app.node.app.clock.advance(29);
        let late = app.get("/api/me").await;
        assert_eq!(late.header("retry-after"), "1");
        app.node.app.clock.advance(1);
        assert_eq!(app.get("/api/me").await.status, 200);
    }

    async fn a_revoked_key_is_dead_everywhere_within_a_second(running: Running) {
        let app = running.0;
        let [here, there] = nodes(&app);
        let call = Call::new("GET", "/api/me").key(&app.key.secret);
        assert_eq!(here.send(call.clone()).await.status, 200);
        assert_eq!(there.send(call.clone()).await.status, 200);
        let revoked = Statement::new(
            "UPDATE api_keys SET revoked_at = $2 WHERE account_id = $1 AND id = $3",
            params![here.app.clock.now(), app.key.id.clone()],
        );
        // The cache is as fresh as it can be when the key is revoked: the longest it can go on living.
        let begun = Instant::now();
        here.app.db.write(&app.first, vec![revoked]).await.expect("a write");
        while there.send(call.clone()).await.status != 401 {
            assert!(begun.elapsed() < Duration::from_secs(1), "the key lives for more than a second");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        tokio::time::sleep(Duration::from_secs(1).saturating_sub(begun.elapsed())).await;
        for node in [here, there] {
            assert_problem(None, &node.send(call.clone()).await, 401, &["key_revoked"]);
        }
    }
}
