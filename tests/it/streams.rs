//! The feed as a stream: in order, without holes, from where somebody was, no further than they reach, and ended in time.

use std::time::Duration;

use axum::body::BodyDataStream;
use b2b_dashboard::db::Statement;
use b2b_dashboard::{params, streams, worker};
use futures::StreamExt as _;
use serde_json::{Value as JsonValue, json};
use tower::ServiceExt as _;

use crate::support::database::both;
use crate::support::http::{ApiApp, Call, KeyOptions, Node};
use crate::support::operation::assert_problem;
use crate::support::world;

/// A stream that is read.
struct Reader {
    body: BodyDataStream,
    text: String,
}

/// Nothing here takes longer.
const PATIENCE: Duration = Duration::from_secs(20);

impl Reader {
    async fn open(node: &Node, path: &str, key: &str, last: Option<i64>) -> Self {
        let mut call = Call::new("GET", path)
            .key(key)
            .header("accept", "text/event-stream");
        if let Some(last) = last {
            call = call.header("last-event-id", &last.to_string());
        }
        let response = node
            .router
            .clone()
            .oneshot(call.request())
            .await
            .expect("an answer");
        assert_eq!(response.status().as_u16(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert!(response.headers().get("content-encoding").is_none());
        let mut reader = Self {
            body: response.into_body().into_data_stream(),
            text: String::new(),
        };
        reader.until(|reader| reader.text.contains("retry:")).await;
        reader
    }

    /// Reads on until something is so.
    async fn until(&mut self, is_so: impl Fn(&Self) -> bool) {
        let reading = async {
            while !is_so(self) {
                let part = self
                    .body
                    .next()
                    .await
                    .expect("more to come")
                    .expect("a part");
                self.text
                    .push_str(std::str::from_utf8(&part).expect("UTF-8"));
            }
        };
        let read = tokio::time::timeout(PATIENCE, reading).await;
        assert!(read.is_ok(), "it does not come");
    }

    /// Reads to the end, which must come.
    async fn ends(&mut self) {
        let reading = async {
            while let Some(part) = self.body.next().await {
                self.text
                    .push_str(std::str::from_utf8(&part.expect("a part")).expect("UTF-8"));
            }
        };
        let read = tokio::time::timeout(PATIENCE, reading).await;
        assert!(read.is_ok(), "it does not end: {}", self.text);
    }

    /// The sequences it was sent.
    fn ids(&self) -> Vec<i64> {
        let lines = self
            .text
            .lines()
            .filter_map(|line| line.strip_prefix("id: "));
        lines.map(|id| id.parse().expect("a number")).collect()
    }

    /// The events it was sent.
    fn events(&self) -> Vec<JsonValue> {
        let lines = self
            .text
            .lines()
            .filter_map(|line| line.strip_prefix("data: "));
        lines
            .map(|data| serde_json::from_str(data).expect("JSON"))
            .collect()
    }
}

async fn publish(app: &ApiApp) {
    worker::publish(&app.node.app)
        .await
        .expect("published events");
}

async fn course(app: &ApiApp, name: &str) {
    let made = app.post("/api/courses", &json!({ "name": name })).await;
    assert_eq!(made.status, 201, "{}", made.text());
}

const PATH: &str = "/api/events/stream";

both! {
    async fn a_stream_begins_now_and_goes_on_where_it_was(app: ApiApp) {
        course(&app, "Before").await;
        publish(&app).await;
        let mut reader = Reader::open(&app.node, PATH, &app.key.secret, None).await;
        course(&app, "After").await;
        publish(&app).await;
        reader.until(|reader| reader.events().len() == 1).await;
        let event = reader.events()[0].clone();
        assert_eq!((&event["type"], &event["data"]["name"], reader.ids()), (&json!("course.created"), &json!("After"), vec![2]));
        assert!(reader.text.contains("event: course.created"), "{}", reader.text);
        assert_eq!(event, world::read(&app, "/api/events?since=1").await["data"][0], "the event is that of the list");
        drop(reader);
        course(&app, "Meanwhile").await;
        publish(&app).await;
        // What the client says when it comes back goes before the address it had at first.
        for (path, last) in [(PATH.to_owned(), Some(2)), (format!("{PATH}?since=2"), None), (format!("{PATH}?since=0"), Some(2))] {
            let mut again = Reader::open(&app.node, &path, &app.key.secret, last).await;
            again.until(|reader| reader.ids() == [3]).await;
        }
        let list = app.get(&format!("{PATH}?since=1")).await;
        assert_eq!(list.json()["data"].as_array().map(Vec::len), Some(2), "without the header it is the list, once: {}", list.text());
        let wrong = |path: &str, last: &str| Call::new("GET", path).key(&app.key.secret).header("accept", "text/event-stream").header("last-event-id", last);
        for (path, last) in [(PATH.to_owned(), "x"), (format!("{PATH}?since=x"), ""), (format!("{PATH}?limit=5"), ""), (format!("{PATH}?colour=red"), "")] {
            assert_problem(None, &app.send(wrong(&path, last)).await, 400, &["invalid_parameter"]);
        }
    }

    async fn a_late_commit_is_never_jumped_over(app: ApiApp) {
        let mut reader = Reader::open(&app.node, PATH, &app.key.secret, Some(0)).await;
        // Many write at once on two nodes, while both publish.
        let (node, other) = (app.node.clone(), app.another_node());
        let mut running = tokio::task::JoinSet::new();
        for n in 0..60 {
            let node = if n % 2 == 0 { node.clone() } else { other.clone() };
            let call = Call::new("POST", "/api/courses").key(&app.key.secret).json(&json!({ "name": format!("C{n}") }));
            running.spawn(async move { assert_eq!(node.send(call).await.status, 201) });
        }
        for node in [node, other] {
            running.spawn(async move {
                for _ in 0..40 {
                    let _ = worker::publish(&node.app).await;
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            });
        }
        running.join_all().await;
        publish(&app).await;
        reader.until(|reader| reader.ids().len() == 60).await;
        assert_eq!(reader.ids(), (1..=60).collect::<Vec<_>>());
        let names: std::collections::BTreeSet<String> = reader.events().iter().map(|event| event["data"]["name"].to_string()).collect();
        assert_eq!(names.len(), 60, "each once");
    }

    async fn filters_and_reach_are_those_of_the_list(app: ApiApp) {
        let mine = world::team(&app, "mine").await;
        world::team(&app, "theirs").await;
        let key = app.full_key(&app.first, KeyOptions { team_ids: vec![mine.clone()], ..KeyOptions::default() }).await;
        let mut limited = Reader::open(&app.node, PATH, &key.secret, Some(0)).await;
        let mut courses = Reader::open(&app.node, &format!("{PATH}?type=course.created"), &app.key.secret, Some(0)).await;
        let mut strangers = Reader::open(&app.node, PATH, &app.other_key.secret, Some(0)).await;
        course(&app, "C").await;
        world::member(&app, "a", "theirs").await;
        world::member(&app, "b", "mine").await;
        publish(&app).await;
        let listed = app.send(Call::new("GET", "/api/events?limit=200").key(&key.secret)).await.json();
        let wanted = listed["data"].as_array().expect("events").clone();
        assert!(!wanted.is_empty());
        limited.until(|reader| reader.events().len() >= wanted.len()).await;
        assert_eq!(limited.events(), wanted);
        courses.until(|reader| !reader.events().is_empty()).await;
        assert!(courses.events().iter().all(|event| event["type"] == "course.created"), "{}", courses.text);
        let foreign = Call::new("POST", "/api/courses").key(&app.other_key.secret).json(&json!({ "name": "Theirs" }));
        assert_eq!(app.send(foreign).await.status, 201);
        publish(&app).await;
        strangers.until(|reader| !reader.events().is_empty()).await;
        assert_eq!(strangers.events()[0]["data"]["name"], "Theirs");
        let poor = app.key_with(&app.first, &["users:read"], KeyOptions::default()).await;
        let refused = app.send(Call::new("GET", PATH).key(&poor.secret).header("accept", "text/event-stream")).await;
        assert_problem(None, &refused, 403, &["insufficient_scope"]);
    }

    async fn a_stream_ends_with_its_key_and_with_the_node(app: ApiApp) {
        let key = app.full_key(&app.first, KeyOptions::default()).await;
        let mut doomed = Reader::open(&app.node, PATH, &key.secret, None).await;
        let mut other = Reader::open(&app.node, PATH, &app.key.secret, None).await;
        let revoked = Statement::new("UPDATE api_keys SET revoked_at = $2 WHERE account_id = $1 AND id = $3", params![app.node.app.clock.now(), key.id]);
        // As another node would do it: nothing wakes this one.
        let elsewhere = app.another_node();
        elsewhere.app.db.write(&app.first, vec![revoked]).await.expect("revoked");
        let begun = std::time::Instant::now();
        doomed.ends().await;
        assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
        course(&app, "C").await;
        publish(&app).await;
        other.until(|reader| reader.events().len() == 1).await;
        streams::close(&app.node.app);
        other.ends().await;
        let late = app.send(Call::new("GET", PATH).key(&app.key.secret).header("accept", "text/event-stream")).await;
        assert_problem(None, &late, 503, &["unavailable"]);
    }

    async fn many_who_wait_cost_one_read_a_second(app: ApiApp) {
        let mut readers = Vec::new();
        for _ in 0..streams::STREAMS_OF_A_KEY {
            readers.push(Reader::open(&app.node, PATH, &app.key.secret, None).await);
        }
        let full = app.send(Call::new("GET", PATH).key(&app.key.secret).header("accept", "text/event-stream")).await;
        assert_problem(None, &full, 429, &["too_many_streams"]);
        assert!(!full.header("retry-after").is_empty());
        tokio::time::sleep(Duration::from_millis(200)).await;
        let before = app.node.app.db.round_trips();
        tokio::time::sleep(Duration::from_secs(3)).await;
        let looks = app.node.app.db.round_trips() - before;
        assert!((1..=4).contains(&looks), "{looks} in three seconds, for all of them together");
        readers.pop();
        readers.push(Reader::open(&app.node, PATH, &app.key.secret, None).await);
        readers.clear();
        tokio::time::sleep(Duration::from_millis(2500)).await;
        let before = app.node.app.db.reads();
        tokio::time::sleep(Duration::from_millis(2500)).await;
        assert_eq!(app.node.app.db.reads(), before, "where nobody follows nothing is asked");
    }
}
