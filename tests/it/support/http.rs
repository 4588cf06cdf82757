//! The API in the process: the real router on a fresh database, two accounts with a full key each.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Method, Request};
use b2b_dashboard::access::Permission;
use b2b_dashboard::access::keys::ApiKeySecret;
use b2b_dashboard::app::App;
use b2b_dashboard::config::Config;
use b2b_dashboard::db::{Statement, Value, migrate};
use b2b_dashboard::types::{AccountId, Clock, Ids, Timestamp};
use b2b_dashboard::{http, params};
use http_body_util::BodyExt;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::Value as JsonValue;
use tokio::task::JoinSet;
use tower::ServiceExt;

use super::database::{Engine, OnDatabase, TestDatabase};

/// The moment at which the clock stands still: in the middle of a minute, so that no limit's window turns.
const NOW: i64 = 1_800_000_030_000_000;

/// One node of the API over a database.
#[derive(Clone)]
pub(crate) struct Node {
    pub(crate) app: App,
    pub(crate) router: Router,
}

/// The API on a fresh database with the accounts «first» and «second».
pub(crate) struct ApiApp {
    pub(crate) node: Node,
    /// The accounts.
    pub(crate) first: AccountId,
    pub(crate) second: AccountId,
    /// Keys with every scope.
    pub(crate) key: MadeKey,
    pub(crate) other_key: MadeKey,
    made: AtomicU64,
    pub(crate) database: TestDatabase,
}

/// A key that was put into the database.
#[derive(Clone, Debug)]
pub(crate) struct MadeKey {
    pub(crate) id: String,
    pub(crate) secret: String,
}

/// What a key is made with beside its scopes.
#[derive(Clone, Debug, Default)]
pub(crate) struct KeyOptions {
    pub(crate) requests_per_minute: Option<i64>,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) revoked_at: Option<Timestamp>,
    pub(crate) allowed_addresses: Vec<String>,
    pub(crate) team_ids: Vec<String>,
    pub(crate) organization_ids: Vec<String>,
}

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The body as JSON; `null` where there is none.
    pub(crate) fn json(&self) -> JsonValue {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// A header's text, or nothing.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or("")
    }

    /// The id of the record in it.
    pub(crate) fn id(&self) -> String {
        self.json()["id"]
            .as_str()
            .unwrap_or_else(|| panic!("no id in {}", self.text()))
            .to_owned()
    }

    /// Status and body, for messages.
    pub(crate) fn text(&self) -> String {
        format!("{} {}", self.status, String::from_utf8_lossy(&self.body))
    }

    /// Requests left, from the `RateLimit` header.
    pub(crate) fn remaining(&self) -> i64 {
        let text = self.header("ratelimit");
        let (_, rest) = text.split_once("r=").expect("a RateLimit header");
        let digits = rest.split(';').next().unwrap_or_default();
        digits.parse().expect("a number of requests")
    }
}

/// A request to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    method: Method,
    path: String,
    key: Option<String>,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
}

impl Call {
    pub(crate) fn new(method: &str, path: impl Into<String>) -> Self {
        Self {
            method: method.to_uppercase().parse().expect("a method"),
            path: path.into(),
            key: None,
            headers: Vec::new(),
            body: None,
        }
    }

    pub(crate) fn key(mut self, key: &str) -> Self {
        self.key = Some(key.to_owned());
        self
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A JSON body with its media type.
    pub(crate) fn json(self, body: &JsonValue) -> Self {
        self.bytes(serde_json::to_vec(body).expect("JSON"))
            .header("content-type", "application/json")
    }

    /// A body without a media type.
    pub(crate) fn bytes(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    pub(crate) fn request(self) -> Request<Body> {
        let mut builder = Request::builder().method(self.method).uri(self.path);
        if let Some(key) = self.key {
            builder = builder.header("authorization", format!("Bearer {key}"));
        }
        for (name, value) in self.headers {
            builder = builder.header(name, value);
        }
        let mut request = builder
            .body(self.body.map_or_else(Body::empty, Body::from))
            .expect("a request");
        let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, 40_000));
        request.extensions_mut().insert(ConnectInfo(peer));
        request
    }
}

impl Node {
    /// A node over the database behind `url`. All nodes of a test share the master key.
    pub(crate) fn open(url: &str, clock: Clock, seed: u64) -> Self {
        Self::with_settings(url, clock, seed, &[])
    }

    /// A node with further settings, which win over those that all nodes of a test have.
    pub(crate) fn with_settings(
        url: &str,
        clock: Clock,
        seed: u64,
        further: &[(&str, &str)],
    ) -> Self {
        // What went wrong inside is shown with a test that fails.
        let _ = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::ERROR)
            .with_test_writer()
            .try_init();
        let settings = [
            ("B2B_DATABASE__URL", url),
            (
                "B2B_SECRETS__MASTER_KEY",
                "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
            ),
            ("B2B_LIMITS__REQUESTS_PER_MINUTE", "1000000"),
            ("B2B_LIMITS__UNAUTHENTICATED_PER_MINUTE", "100000"),
        ];
        let own = |name: &str| further.iter().any(|(other, _)| *other == name);
        let settings = settings
            .iter()
            .filter(|(name, _)| !own(name))
            .chain(further)
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let config = Config::load(None, settings).expect("good settings");
        let app = App::open(config, clock, Ids::seeded(seed)).expect("an open database");
        Self {
            router: http::router(&app),
            app,
        }
    }

    /// Serves on a port of the loopback address until `server` is dropped.
    pub(crate) async fn listen(&self, server: &mut JoinSet<()>) -> SocketAddr {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a port");
        let address = listener.local_addr().expect("an address");
        let service = self
            .router
            .clone()
            .into_make_service_with_connect_info::<SocketAddr>();
        server.spawn(async move { axum::serve(listener, service).await.expect("a server") });
        address
    }

    /// Sends a request and reads the answer.
    pub(crate) async fn send(&self, call: Call) -> Answer {
        let response = self
            .router
            .clone()
            .oneshot(call.request())
            .await
            .expect("an answer");
        let (parts, body) = response.into_parts();
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: body.collect().await.expect("a body").to_bytes().to_vec(),
        }
    }
}

impl OnDatabase for ApiApp {
    async fn on(engine: Engine) -> Self {
        Self::at(engine, Clock::fixed(Timestamp::from_micros(NOW))).await
    }
}

impl ApiApp {
    /// On this clock.
    pub(crate) async fn at(engine: Engine, clock: Clock) -> Self {
        let database = TestDatabase::new(engine, async |url: &str| {
            migrate::migrate(url).await.expect("a schema");
        })
        .await;
        let node = Node::open(&database.url, clock, 1);
        let now = node.app.clock.now();
        let mut made = Self {
            first: node.app.ids.next(now),
            second: node.app.ids.next(now),
            node,
            key: MadeKey {
                id: String::new(),
                secret: String::new(),
            },
            other_key: MadeKey {
                id: String::new(),
                secret: String::new(),
            },
            made: AtomicU64::new(0),
            database,
        };
        for account in [&made.first, &made.second] {
            let account_row = Statement::new(
                "INSERT INTO accounts (account_id, name, plan, locale, timezone, settings, created_at, updated_at) \
                 VALUES ($1, $2, 'standard', 'en', 'UTC', '{}', $3, $3)",
                params![format!("Company {account}"), now],
            );
            let db = &made.node.app.db;
            db.write(account, vec![account_row])
                .await
                .expect("an account");
        }
        made.key = made.full_key(&made.first, KeyOptions::default()).await;
        made.other_key = made.full_key(&made.second, KeyOptions::default()).await;
        made
    }

    /// Another node over the same database.
    pub(crate) fn another_node(&self) -> Node {
        Node::open(&self.database.url, self.node.app.clock.clone(), 2)
    }

    /// A number that no call before has given.
    pub(crate) fn number(&self) -> u64 {
        self.made.fetch_add(1, Ordering::Relaxed)
    }

    /// A key with every scope.
    pub(crate) async fn full_key(&self, account: &AccountId, options: KeyOptions) -> MadeKey {
        let scopes: Vec<_> = Permission::ALL.iter().map(|scope| scope.as_str()).collect();
        self.key_with(account, &scopes, options).await
    }

    /// A key with these scopes.
    pub(crate) async fn key_with(
        &self,
        account: &AccountId,
        scopes: &[&str],
        options: KeyOptions,
    ) -> MadeKey {
        let app = &self.node.app;
        let secret = ApiKeySecret::generate(&mut StdRng::seed_from_u64(self.number()));
        let now = app.clock.now();
        let id = app.ids.next::<KeyKind>(now).to_string();
        let json = |list: &[String]| serde_json::to_string(list).expect("JSON");
        let scopes: Vec<String> = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        let rows = vec![
            Statement::new(
                "INSERT INTO api_keys (account_id, id, name, scopes, prefix, last_four, allowed_addresses, organization_ids, team_ids, \
                 requests_per_minute, expires_at, revoked_at, version, created_at, updated_at) \
                 VALUES ($1, $2, 'Test', $3, $4, $5, $6, $12, $7, $8, $9, $10, 1, $11, $11)",
                params![
                    id,
                    json(&scopes),
                    secret.display_prefix().to_owned(),
                    secret.last_four().to_owned(),
                    json(&options.allowed_addresses),
                    json(&options.team_ids),
                    options.requests_per_minute,
                    options.expires_at,
                    options.revoked_at,
                    now,
                    json(&options.organization_ids)
                ],
            ),
            Statement::new(
                "INSERT INTO api_key_secrets (account_id, secret_hash, key_id, last_four, created_at) VALUES ($1, $2, $3, $4, $5)",
                params![
                    secret.hash(&app.keys.pepper).to_string(),
                    id,
                    secret.last_four().to_owned(),
                    now
                ],
            ),
        ];
        app.db.write(account, rows).await.expect("a key");
        MadeKey {
            id,
            secret: secret.expose().to_owned(),
        }
    }

    /// A well-formed key that nobody has made.
    pub(crate) fn unknown_key(&self) -> String {
        ApiKeySecret::generate(&mut StdRng::seed_from_u64(9_999_999 + self.number()))
            .expose()
            .to_owned()
    }

    /// Sends a request as it is.
    pub(crate) async fn send(&self, call: Call) -> Answer {
        self.node.send(call).await
    }

    /// Reads, with the first account's key.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Call::new("GET", path).key(&self.key.secret))
            .await
    }

    /// Posts a body, with the first account's key.
    pub(crate) async fn post(&self, path: &str, body: &JsonValue) -> Answer {
        self.send(Call::new("POST", path).key(&self.key.secret).json(body))
            .await
    }

    /// Patches, with the first account's key.
    pub(crate) async fn patch(&self, path: &str, body: &JsonValue) -> Answer {
        self.send(Call::new("PATCH", path).key(&self.key.secret).json(body))
            .await
    }

    /// Puts, with the first account's key.
    pub(crate) async fn put(&self, path: &str, body: &JsonValue) -> Answer {
        self.send(Call::new("PUT", path).key(&self.key.secret).json(body))
            .await
    }

    /// Deletes, with the first account's key.
    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(Call::new("DELETE", path).key(&self.key.secret))
            .await
    }

    /// How many rows the first account has in a table.
    pub(crate) async fn count(&self, table: &str) -> i64 {
        let select = b2b_dashboard::db::Select::new(
            format!("SELECT count(*) FROM {table} WHERE account_id = $1"),
            Vec::<Value>::new(),
        );
        let found = self.node.app.db.first::<(i64,)>(&self.first, select).await;
        found.expect("a count").expect("a row").0
    }
}

enum KeyKind {}

impl b2b_dashboard::types::Kind for KeyKind {
    const PREFIX: &'static str = "key";
}
