//! The real program when everything around it fails: killed under load, without its mail server, without its database,
//! and two nodes of it at once. What was acknowledged stands, and nothing is done twice or by halves.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use b2b_dashboard::db::{Db, DbSettings, FromRow, Select, migrate};
use b2b_dashboard::types::{AccountId, Clock};
use serde_json::{Value as JsonValue, json};
use tokio::task::JoinSet;

use crate::support::cluster::PrivateCluster;
use crate::support::database::{Engine, OnDatabase, TestDatabase, both};
use crate::support::process::Process;
use crate::support::smtp::{Behaviour, FakeSmtp, Step};

const MASTER_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
/// Times that the program is killed on each database.
const ROUNDS: u64 = 20;

/// A program's database, its mail server, and an account with a key and a seat for everybody.
struct Installation {
    url: String,
    smtp: FakeSmtp,
    account: String,
    key: String,
    _database: Option<TestDatabase>,
}

impl OnDatabase for Installation {
    async fn on(engine: Engine) -> Self {
        let database = TestDatabase::new(engine, async |url: &str| {
            migrate::migrate(url).await.expect("a schema");
        })
        .await;
        Self::at(database.url.clone(), Some(database)).await
    }
}

impl Installation {
    async fn at(url: String, database: Option<TestDatabase>) -> Self {
        let mut made = Self {
            url,
            smtp: FakeSmtp::start().await,
            account: String::new(),
            key: String::new(),
            _database: database,
        };
        made.run(&["migrate"]);
        (made.account, made.key) = made.new_account("Northwind");
        made
    }

    /// An account of this name and a key with every scope.
    fn new_account(&self, name: &str) -> (String, String) {
        let made = self.run(&["account", "create", "--name", name]);
        let id = made["id"]
            .as_str()
            .or_else(|| made["account"]["id"].as_str())
            .expect("an id")
            .to_owned();
        let key = self.run(&[
            "key",
            "create",
            "--name",
            "Shop",
            "--scopes",
            "full",
            "--account",
            &id,
        ]);
        (id, key["api_key"].as_str().expect("a key").to_owned())
    }

    fn variables(&self) -> Vec<(&'static str, String)> {
        vec![
            ("B2B_DATABASE__URL", self.url.clone()),
            ("B2B_DATABASE__ACQUIRE_TIMEOUT_SECONDS", "2".to_owned()),
            ("B2B_SECRETS__MASTER_KEY", MASTER_KEY.to_owned()),
            ("B2B_LIMITS__REQUESTS_PER_MINUTE", "1000000".to_owned()),
            ("B2B_EMAIL__HOST", "127.0.0.1".to_owned()),
            ("B2B_EMAIL__PORT", self.smtp.addr().port().to_string()),
            ("B2B_EMAIL__SECURITY", "none".to_owned()),
            (
                "B2B_EMAIL__FROM",
                "Northwind <no-reply@example.com>".to_owned(),
            ),
            ("B2B_EMAIL__TIMEOUT_SECONDS", "5".to_owned()),
            ("B2B_JOBS__LEASE_SECONDS", "1".to_owned()),
            ("B2B_JOBS__WORKERS", "16".to_owned()),
            ("B2B_LOG__LEVEL", "warn".to_owned()),
            ("NO_COLOR", "1".to_owned()),
        ]
    }

    /// A command that succeeds, and its answer.
    fn run(&self, arguments: &[&str]) -> JsonValue {
        let output = Command::new(env!("CARGO_BIN_EXE_b2b-dashboard"))
            .arg("--json")
            .args(arguments)
            .env_clear()
            .envs(self.variables())
            .output()
            .expect("the program");
        assert!(
            output.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_slice(&output.stdout).expect("JSON")
    }

    async fn serve(&self) -> Process {
        let variables = self.variables();
        let variables: Vec<_> = variables
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        Process::start(&["serve", "--listen", "127.0.0.1:0"], &variables)
            .await
            .expect("ready")
    }

    fn client(&self, process: &Process) -> Client {
        // All that is spoken to is on this machine and in clear, but the client wants to know how it would encrypt.
        let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
        Client {
            http: reqwest::Client::builder()
                .no_proxy()
                .timeout(Duration::from_secs(20))
                .build()
                .expect("a client"),
            url: process.url.clone(),
            key: self.key.clone(),
        }
    }

    /// A product, a team and a seat with room for everybody; gives the seat's id.
    async fn furnish(&self, client: &Client) -> String {
        for (path, body) in [
            (
                "/api/courses",
                json!({ "name": "Course", "external_id": "c" }),
            ),
            (
                "/api/products",
                json!({ "name": "Product", "external_id": "p", "courses": ["ext:c"] }),
            ),
            ("/api/teams", json!({ "name": "Team", "external_id": "t" })),
        ] {
            assert_eq!(
                client
                    .post(path, &body, None)
                    .await
                    .expect("an answer")
                    .status,
                201
            );
        }
        let seat = json!({ "product": "ext:p", "teams": ["ext:t"], "quantity": 1_000_000 });
        let seat = client
            .post("/api/seats", &seat, None)
            .await
            .expect("an answer");
        seat.body["id"].as_str().expect("an id").to_owned()
    }

    async fn rows<R: FromRow + Send + 'static>(&self, sql: &'static str) -> Vec<R> {
        let db = Db::open(&self.url, &DbSettings::default()).expect("a database");
        let account: AccountId = AccountId::parse(&self.account).expect("an id");
        db.fetch(&account, Select::new(sql, Vec::new()))
            .await
            .expect("rows")
    }

    /// Whoever is there is there whole, and everybody acknowledged is there; gives how many there are.
    async fn assert_whole(&self, acknowledged: &BTreeSet<String>) -> i64 {
        let people: Vec<(String, String)> = self
            .rows(
                "SELECT email, CAST((SELECT count(*) FROM team_members m WHERE m.account_id = $1 AND m.user_id = users.id) AS TEXT) || ' ' || \
                 CAST((SELECT count(*) FROM seat_assignments s WHERE s.account_id = $1 AND s.user_id = users.id AND s.state = 'active') AS TEXT) || ' ' || \
                 CAST((SELECT count(*) FROM provisions p WHERE p.account_id = $1 AND p.user_id = users.id) AS TEXT) || ' ' || \
                 CAST((SELECT count(*) FROM enrollments e WHERE e.account_id = $1 AND e.user_id = users.id) AS TEXT) || ' ' || \
                 CAST((SELECT count(*) FROM mails l WHERE l.account_id = $1 AND l.user_id = users.id) AS TEXT) FROM users WHERE account_id = $1",
            )
            .await;
        let known: BTreeSet<String> = people.iter().map(|(email, _)| email.clone()).collect();
        let lost: Vec<_> = acknowledged.difference(&known).collect();
        assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
        for (email, counts) in &people {
            assert_eq!(
                counts, "1 1 1 1 1",
                "{email}: membership, place, provision, access, mail"
            );
        }
        i64::try_from(people.len()).expect("a number")
    }

    /// Waits until every mail is sent, then checks that each person got theirs, once or under one Message-ID.
    async fn assert_mails(&self, acknowledged: &BTreeSet<String>, patience: Duration) {
        let begun = Instant::now();
        loop {
            let open: Vec<(String, Option<String>)> = self
                .rows(
                    "SELECT state, last_reply FROM mails WHERE account_id = $1 AND state <> 'sent'",
                )
                .await;
            if open.is_empty() {
                break;
            }
            assert!(
                begun.elapsed() < patience,
                "{} mails are not sent, such as {:?}",
                open.len(),
                open.first()
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let mut ids: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for message in self.smtp.messages() {
            ids.entry(message.to.concat())
                .or_default()
                .insert(message.message_id());
        }
        for email in acknowledged {
            let of_person = ids.get(email);
            assert_eq!(
                of_person.map(BTreeSet::len),
                Some(1),
                "{email}: {of_person:?}"
            );
        }
    }
}

#[derive(Clone)]
struct Client {
    http: reqwest::Client,
    url: String,
    key: String,
}

#[derive(Debug)]
struct Answer {
    status: u16,
    retry_after: Option<u64>,
    media: String,
    body: JsonValue,
}

impl Client {
    async fn post(
        &self,
        path: &str,
        body: &JsonValue,
        once: Option<&str>,
    ) -> Result<Answer, reqwest::Error> {
        let mut request = self.http.post(format!("{}{path}", self.url)).json(body);
        if let Some(once) = once {
            request = request.header("idempotency-key", once);
        }
        Self::read(request.bearer_auth(&self.key).send().await?).await
    }

    async fn get(&self, path: &str) -> Result<Answer, reqwest::Error> {
        Self::read(
            self.http
                .get(format!("{}{path}", self.url))
                .bearer_auth(&self.key)
                .send()
                .await?,
        )
        .await
    }

    async fn read(response: reqwest::Response) -> Result<Answer, reqwest::Error> {
        let header = |name: &str| {
            response
                .headers()
                .get(name)
                .and_then(|value| value.to_str().ok())
        };
        let (retry_after, media) = (
            header("retry-after").and_then(|text| text.parse().ok()),
            header("content-type").unwrap_or("").to_owned(),
        );
        let status = response.status().as_u16();
        // An answer that breaks off is none.
        let body = serde_json::from_slice(&response.bytes().await?).unwrap_or_default();
        Ok(Answer {
            status,
            retry_after,
            media,
            body,
        })
    }

    /// Provisions a person of this name; the name is the Idempotency-Key too.
    async fn provision(&self, name: &str) -> Result<Answer, reqwest::Error> {
        let body = json!({
            "user": { "email": address(name), "external_id": name },
            "team": { "strategy": "specific", "id": "ext:t" }, "seats": ["ext:p"],
        });
        self.post("/api/provision", &body, Some(name)).await
    }

    async fn assert_integrity(&self) {
        let report = self.get("/api/integrity").await.expect("an answer");
        assert_eq!(
            (report.status, &report.body["mismatches"]),
            (200, &json!([])),
            "{}",
            report.body
        );
    }
}

fn address(name: &str) -> String {
    format!("{name}@example.com")
}

/// What all clients of a test share.
#[derive(Default)]
struct Load {
    number: AtomicU64,
    stop: AtomicBool,
    acknowledged: Mutex<BTreeSet<String>>,
    /// Sent, and not answered.
    open: Mutex<Vec<String>>,
}

impl Load {
    fn acknowledged(&self) -> BTreeSet<String> {
        self.acknowledged.lock().expect("a set").clone()
    }

    fn acknowledge(&self, name: &str) {
        self.acknowledged
            .lock()
            .expect("a set")
            .insert(address(name));
    }
}

fn random(range: std::ops::Range<u64>) -> u64 {
    rand::random_range(range)
}

/// Provisions new people, one after the other, until the program is gone.
async fn provision_until_gone(client: Client, load: Arc<Load>) {
    loop {
        let name = format!("person-{}", load.number.fetch_add(1, Ordering::Relaxed));
        let Ok(answer) = client.provision(&name).await else {
            load.open.lock().expect("a list").push(name);
            return;
        };
        assert_eq!(answer.status, 201, "{answer:?}");
        load.acknowledge(&name);
        tokio::time::sleep(Duration::from_millis(random(5..50))).await;
    }
}

both! {
    async fn what_was_acknowledged_survives_twenty_kills(here: Installation) {
        let load = Arc::new(Load::default());
        for round in 0..ROUNDS {
            let process = here.serve().await;
            let client = here.client(&process);
            if round == 0 {
                here.furnish(&client).await;
            }
            client.assert_integrity().await;
            // What nobody knows the end of is sent again under its key: it is done once, whatever had become of it.
            let open = std::mem::take(&mut *load.open.lock().expect("a list"));
            for name in open {
                let again = client.provision(&name).await.expect("an answer");
                assert_eq!(again.status, 201, "{again:?}");
                load.acknowledge(&name);
            }
            here.assert_whole(&load.acknowledged()).await;
            let mut clients = JoinSet::new();
            for _ in 0..8 {
                clients.spawn(provision_until_gone(client.clone(), Arc::clone(&load)));
            }
            tokio::time::sleep(Duration::from_millis(random(300..900))).await;
            let logs = process.kill().await;
            assert!(!logs.contains("ERROR"), "{logs}");
            clients.join_all().await;
        }
        let process = here.serve().await;
        let client = here.client(&process);
        let acknowledged = load.acknowledged();
        assert!(acknowledged.len() > 100, "{} provisions are no load", acknowledged.len());
        let people = here.assert_whole(&acknowledged).await;
        let counted: Vec<(i64,)> = here.rows("SELECT assigned FROM seats WHERE account_id = $1").await;
        assert_eq!(counted, [(people,)], "no place is lost, none is taken twice");
        client.assert_integrity().await;
        here.assert_mails(&acknowledged, Duration::from_mins(2)).await;
        let dead: Vec<(String,)> = here.rows("SELECT id FROM jobs WHERE account_id = $1 AND state = 'dead'").await;
        assert_eq!(dead, []);
        let (status, logs) = process.terminate().await;
        assert!(status.success(), "{logs}");
    }

    async fn a_mail_server_in_trouble_delays_mails_and_nothing_else(here: Installation) {
        let process = here.serve().await;
        let client = here.client(&process);
        here.furnish(&client).await;
        let troubles = [
            ("down", Behaviour::RefuseConnection),
            ("busy", Behaviour::Answer(Step::Rcpt, 451, "4.2.1 try again later")),
            ("slow", Behaviour::GreetAfter(Duration::from_secs(2))),
        ];
        let mut acknowledged = BTreeSet::new();
        for (trouble, behaviour) in troubles {
            here.smtp.set(behaviour).await;
            let mut last = JsonValue::Null;
            for n in 0..5 {
                let name = format!("{trouble}-{n}");
                let begun = Instant::now();
                let answer = client.provision(&name).await.expect("an answer");
                assert!(answer.status == 201 && begun.elapsed() < Duration::from_secs(1), "{:?}: {answer:?}", begun.elapsed());
                acknowledged.insert(address(&name));
                last = answer.body["id"].clone();
            }
            if trouble != "slow" {
                let step = tried(&client, &last).await;
                assert_eq!((&step["state"], step["last_error"].is_string()), (&json!("queued"), true), "{step}");
                if trouble == "busy" {
                    assert!(step["last_error"].as_str().is_some_and(|text| text.contains("try again later")), "{step}");
                }
            }
        }
        here.smtp.set(Behaviour::Accept).await;
        here.assert_mails(&acknowledged, Duration::from_secs(45)).await;
        assert_eq!(here.smtp.messages().len(), acknowledged.len(), "each once");
        here.smtp.set(Behaviour::Answer(Step::Rcpt, 550, "5.1.1 no such mailbox")).await;
        let refused = client.provision("nobody").await.expect("an answer");
        assert_eq!(refused.status, 201);
        let step = tried(&client, &refused.body["id"]).await;
        assert_eq!(step["state"], "failed");
        assert!(step["last_error"].as_str().is_some_and(|text| text.contains("no such mailbox")), "the server's words: {step}");
        let (status, logs) = process.terminate().await;
        assert!(status.success(), "{logs}");
    }
}

/// The mail of a provision, once it was tried.
async fn tried(client: &Client, provision: &JsonValue) -> JsonValue {
    let path = format!("/api/provisions/{}", provision.as_str().expect("an id"));
    let begun = Instant::now();
    loop {
        let step = client.get(&path).await.expect("an answer").body["steps"][0].clone();
        if step["attempts"]
            .as_i64()
            .is_some_and(|attempts| attempts > 0)
        {
            return step;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "never tried: {step}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Provisions new people until told to stop; every answer is a success, or a refusal that says when to come back.
async fn provision_through_trouble(client: Client, load: Arc<Load>, refused: Arc<AtomicU64>) {
    while !load.stop.load(Ordering::Relaxed) {
        let name = format!("person-{}", load.number.fetch_add(1, Ordering::Relaxed));
        let begun = Instant::now();
        let answer = client.provision(&name).await.expect("an answer");
        assert!(
            begun.elapsed() < Duration::from_secs(8),
            "{:?}: {answer:?}",
            begun.elapsed()
        );
        match answer.status {
            201 => load.acknowledge(&name),
            503 => {
                assert_eq!(answer.media, "application/problem+json");
                assert!(answer.retry_after.is_some(), "{answer:?}");
                assert_eq!(answer.body["code"], "unavailable", "{answer:?}");
                refused.fetch_add(1, Ordering::Relaxed);
                load.open.lock().expect("a list").push(name);
            }
            _ => panic!("{answer:?}"),
        }
        tokio::time::sleep(Duration::from_millis(random(40..160))).await;
    }
}

mod postgres {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_database_that_goes_and_comes_costs_only_time() {
        let mut cluster = PrivateCluster::start().await;
        let here = Installation::at(cluster.url(), None).await;
        let process = here.serve().await;
        let client = here.client(&process);
        here.furnish(&client).await;
        let (load, refused) = (Arc::new(Load::default()), Arc::new(AtomicU64::new(0)));
        let mut clients = JoinSet::new();
        for _ in 0..8 {
            clients.spawn(provision_through_trouble(
                client.clone(),
                Arc::clone(&load),
                Arc::clone(&refused),
            ));
        }
        let settle = || tokio::time::sleep(Duration::from_secs(2));
        for crash in [false, true, true] {
            settle().await;
            let before = load.acknowledged().len();
            if crash {
                cluster.crash().await;
            } else {
                cluster.stop().await;
            }
            let (down, told) = (load.acknowledged().len(), refused.load(Ordering::Relaxed));
            settle().await;
            assert!(
                before > 0 && refused.load(Ordering::Relaxed) > told,
                "nobody was refused"
            );
            assert!(
                load.acknowledged().len() <= down + 8,
                "acknowledged without a database"
            );
            cluster.start_again().await;
            let back = Instant::now();
            while load.acknowledged().len() <= down + 8 {
                assert!(
                    back.elapsed() < Duration::from_secs(10),
                    "it does not come back by itself"
                );
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        load.stop.store(true, Ordering::Relaxed);
        clients.join_all().await;
        let open = std::mem::take(&mut *load.open.lock().expect("a list"));
        for name in open {
            let again = client.provision(&name).await.expect("an answer");
            assert_eq!(again.status, 201, "{again:?}");
            load.acknowledge(&name);
        }
        let acknowledged = load.acknowledged();
        here.assert_whole(&acknowledged).await;
        client.assert_integrity().await;
        here.assert_mails(&acknowledged, Duration::from_mins(2))
            .await;
        let (status, logs) = process.terminate().await;
        assert!(
            status.success() && !logs.contains("internal_error"),
            "{logs}"
        );
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn two_nodes_are_one_service() {
        let here = Installation::on(Engine::Postgres).await;
        let processes = [here.serve().await, here.serve().await];
        let nodes = [here.client(&processes[0]), here.client(&processes[1])];
        here.furnish(&nodes[0]).await;
        let mut acknowledged = BTreeSet::new();
        let mut running = JoinSet::new();
        for n in 0..100 {
            let node = nodes[n % 2].clone();
            running.spawn(async move {
                let name = format!("person-{n}");
                (
                    node.provision(&name).await.expect("an answer").status,
                    address(&name),
                )
            });
        }
        for (status, email) in running.join_all().await {
            assert_eq!(status, 201);
            acknowledged.insert(email);
        }
        here.assert_whole(&acknowledged).await;
        nodes[1].assert_integrity().await;
        here.assert_mails(&acknowledged, Duration::from_secs(30))
            .await;
        assert_eq!(here.smtp.messages().len(), 100, "each job runs once");
        let twice: Vec<(String, i64)> = here.rows("SELECT id, attempts FROM jobs WHERE account_id = $1 AND kind = 'send_mail' AND attempts <> 1").await;
        assert_eq!(twice, []);
        holds_its_limit(&here, &nodes).await;
        dies_everywhere(&here, &nodes).await;
        for process in processes {
            let (status, logs) = process.terminate().await;
            assert!(status.success(), "{logs}");
        }
    }

    /// Of many requests to both nodes in one minute, exactly as many pass as the account may send.
    async fn holds_its_limit(here: &Installation, nodes: &[Client; 2]) {
        let (account, key) = here.new_account("Limited");
        let db = Db::open(&here.url, &DbSettings::default()).expect("a database");
        let set = b2b_dashboard::db::Statement::new(
            "UPDATE accounts SET requests_per_minute = 50 WHERE account_id = $1",
            Vec::new(),
        );
        let id = AccountId::parse(&account).expect("an id");
        db.write(&id, vec![set]).await.expect("a limit");
        let second =
            || u64::try_from(Clock::system().now().seconds()).expect("a time after 1970") % 60;
        // All of it must lie in one window.
        while second() > 45 {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        let mut running = JoinSet::new();
        for n in 0..200 {
            let node = Client {
                key: key.clone(),
                ..nodes[n % 2].clone()
            };
            running.spawn(async move { node.get("/api/me").await.expect("an answer") });
        }
        let answers = running.join_all().await;
        let passed = answers.iter().filter(|answer| answer.status == 200).count();
        assert_eq!(passed, 50);
        assert!(
            answers.iter().all(|answer| answer.status == 200
                || (answer.status == 429 && answer.retry_after.is_some()))
        );
    }

    /// A key that one node has seen a moment ago, revoked elsewhere, opens nothing a second later.
    async fn dies_everywhere(here: &Installation, nodes: &[Client; 2]) {
        let key = here.run(&[
            "key",
            "create",
            "--name",
            "Short",
            "--scopes",
            "full",
            "--account",
            &here.account,
        ]);
        let secret = key["api_key"].as_str().expect("a key").to_owned();
        let nodes = nodes.clone().map(|node| Client {
            key: secret.clone(),
            ..node
        });
        let stop = Arc::new(AtomicBool::new(false));
        let mut users = JoinSet::new();
        for node in nodes.clone() {
            let stop = Arc::clone(&stop);
            users.spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    node.get("/api/me").await.expect("an answer");
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            });
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        let last_four = key["key"]["last_four"].as_str().expect("a text");
        here.run(&["key", "revoke", last_four, "--account", &here.account]);
        tokio::time::sleep(Duration::from_secs(1)).await;
        stop.store(true, Ordering::Relaxed);
        for node in &nodes {
            let answer = node.get("/api/me").await.expect("an answer");
            assert_eq!(
                (answer.status, &answer.body["code"]),
                (401, &json!("key_revoked")),
                "{answer:?}"
            );
        }
        users.join_all().await;
    }
}
