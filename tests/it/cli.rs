//! The real program: its commands, their answers and their exit codes.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::support::process::Process;

struct Installation {
    folder: tempfile::TempDir,
}

impl Installation {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a folder"),
        }
    }

    /// With the account Acme Academy.
    fn with_account() -> Self {
        let here = Self::new();
        here.json(&["migrate"]);
        here.json(&["account", "create", "--name", "Acme Academy"]);
        here
    }

    fn variables(&self) -> Vec<(&'static str, String)> {
        let path = |name: &str| self.path(name).display().to_string();
        vec![
            ("B2B_DATABASE__URL", format!("sqlite:{}", path("live.db"))),
            ("B2B_SECRETS__MASTER_KEY_FILE", path("secret.key")),
            ("NO_COLOR", "1".to_owned()),
        ]
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_b2b-dashboard"))
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .envs(self.variables())
            .output()
            .expect("the program")
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[&["--json"], arguments].concat());
        assert!(
            output.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_slice(&output.stdout).expect("JSON")
    }

    fn failure(&self, arguments: &[&str]) -> (i32, Value) {
        let output = self.run(&[&["--json"], arguments].concat());
        let problem = serde_json::from_slice(&output.stderr);
        (
            output.status.code().expect("an exit code"),
            problem.unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr))),
        )
    }

    async fn serve(&self, arguments: &[&str]) -> Process {
        let variables = self.variables();
        let variables: Vec<(&str, &str)> = variables
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        Process::start(
            &[&["serve", "--listen", "127.0.0.1:0"], arguments].concat(),
            &variables,
        )
        .await
        .expect("ready")
    }
}

#[test]
fn the_operator_makes_accounts_people_and_keys() {
    let here = Installation::new();
    assert_eq!(
        here.failure(&["account", "list"]).1["code"],
        "migrations_pending"
    );
    assert_eq!(
        here.json(&["migrate"])["ran"]
            .as_array()
            .map(Vec::len)
            .unwrap_or_default(),
        migrations()
    );
    assert_eq!(here.json(&["migrate"])["ran"], serde_json::json!([]));
    assert_eq!(
        here.failure(&["key", "create", "--name", "x", "--scopes", "full"])
            .1["code"],
        "not_found"
    );
    let account = here.json(&[
        "account",
        "create",
        "--name",
        "Acme",
        "--plan",
        "enterprise",
        "--locale",
        "de",
        "--timezone",
        "Europe/Berlin",
    ]);
    assert_eq!(account["account"]["plan"], "enterprise");
    assert_eq!(
        here.failure(&[
            "account",
            "create",
            "--name",
            "B",
            "--timezone",
            "Mars/Base"
        ])
        .0,
        2
    );
    let set = here.json(&[
        "account",
        "set",
        "--name",
        "Acme Academy",
        "--requests-per-minute",
        "500",
    ]);
    assert_eq!(
        (
            &set["account"]["requests_per_minute"],
            &set["account"]["locale"]
        ),
        (&500.into(), &"de".into())
    );
}

#[test]
fn the_operator_makes_people_and_helps_them_back_in() {
    let here = Installation::with_account();
    let owner = here.json(&[
        "admin",
        "create",
        "--email",
        "ada@example.com",
        "--name",
        "Ada Byron",
    ]);
    assert_eq!(owner["password"].as_str().map(str::len), Some(29));
    let again = here.json(&["admin", "reset", "--email", "Ada@Example.com"]);
    assert_ne!(owner["password"], again["password"]);
    let link = here.json(&["admin", "reset", "--email", "ada@example.com", "--link"]);
    assert!(
        link["link"]
            .as_str()
            .is_some_and(|link| link.starts_with("http://127.0.0.1:8080/")),
        "{link}"
    );
    assert_eq!(
        here.failure(&[
            "admin",
            "remove",
            "--email",
            "ada@example.com",
            "--role",
            "owner"
        ])
        .1["code"],
        "last_owner"
    );
    assert_eq!(
        here.json(&["admin", "list"])["admins"][0]["roles"],
        serde_json::json!(["owner"])
    );
}

#[test]
fn the_operator_makes_and_revokes_keys() {
    let here = Installation::with_account();
    let key = here.json(&[
        "key",
        "create",
        "--name",
        "Shop",
        "--scopes",
        "users:read, provision:write",
        "--allow",
        "10.0.0.1",
    ]);
    assert_eq!(
        key["key"]["allowed_addresses"],
        serde_json::json!(["10.0.0.1/32"])
    );
    assert_eq!(
        here.failure(&["key", "create", "--name", "Shop", "--scopes", "everything"])
            .0,
        2
    );
    let last_four = key["key"]["last_four"].as_str().expect("a text");
    assert_eq!(
        here.json(&["key", "revoke", last_four])["key"]["status"],
        "revoked"
    );
    assert_eq!(
        here.failure(&["key", "revoke", last_four]).1["code"],
        "not_found"
    );
    here.json(&["account", "create", "--name", "Other"]);
    assert_eq!(here.failure(&["key", "list"]).1["code"], "state_conflict");
    assert_eq!(
        here.json(&["key", "list", "--account", "Acme Academy"])["keys"]
            .as_array()
            .map(Vec::len),
        Some(1)
    );
}

/// The test's own client speaks no TLS, but wants to know how it would.
fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}

fn migrations() -> usize {
    std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations"))
        .expect("a folder")
        .count()
}

#[tokio::test]
async fn serve_is_ready_answers_and_ends_in_order() {
    let here = Installation::new();
    let process = here.serve(&["--account-name", "First"]).await;
    let client = client();
    let ready = client
        .get(format!("{}/readyz", process.url))
        .send()
        .await
        .expect("an answer");
    assert_eq!(ready.status(), 200);
    assert_eq!(
        here.json(&["account", "list"])["accounts"][0]["name"],
        "First"
    );
    let key = here.json(&["key", "create", "--name", "Shop", "--scopes", "full"]);
    let me = client
        .get(format!("{}/api/me", process.url))
        .bearer_auth(key["api_key"].as_str().expect("a key"))
        .send()
        .await
        .expect("an answer");
    assert_eq!(me.status(), 200);
    assert!(
        process.logs().contains("admin create --email"),
        "{}",
        process.logs()
    );
    let (status, logs) = process.terminate().await;
    assert!(status.success(), "{logs}");
    let process = here.serve(&[]).await;
    assert_eq!(
        here.json(&["account", "list"])["accounts"]
            .as_array()
            .map(Vec::len),
        Some(1),
        "no second one"
    );
    process.terminate().await;
}

#[tokio::test]
async fn commands_beside_a_server_tell_where_it_is_reached() {
    let here = Installation::new();
    let server = here.serve(&[]).await;
    let way_in = here.json(&["admin", "create", "--email", "ada@example.com", "--link"]);
    assert_eq!(way_in["url"], server.url.as_str());
    let link = way_in["link"].as_str().expect("a link");
    assert!(link.starts_with(&format!("{}/", server.url)), "{link}");
    let page = client().get(link).send().await.expect("a page");
    assert_eq!(page.status(), 200);
}

#[tokio::test]
async fn a_running_request_is_finished_at_shutdown() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let here = Installation::new();
    let process = here.serve(&[]).await;
    let key = here.json(&["key", "create", "--name", "Shop", "--scopes", "full"]);
    let key = key["api_key"].as_str().expect("a key");
    let body = r#"{"email":"ada@example.com"}"#;
    let address = process.url.trim_start_matches("http://").to_owned();
    let mut connection = tokio::net::TcpStream::connect(&address)
        .await
        .expect("a connection");
    let head = format!(
        "POST /api/users HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    connection.write_all(head.as_bytes()).await.expect("sent");
    let mut idle = tokio::net::TcpStream::connect(&address)
        .await
        .expect("a connection");
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    let ended = b2b_dashboard::tasks::spawn(process.terminate());
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    connection.write_all(body.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    connection
        .read_to_string(&mut answer)
        .await
        .expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    let (status, logs) = ended.await.expect("ended");
    assert!(status.success() && !logs.contains("cut off"), "{logs}");
    assert_eq!(
        idle.read(&mut [0; 1]).await.unwrap_or(0),
        0,
        "an idle connection is closed"
    );
}

#[tokio::test]
async fn a_backup_is_taken_while_the_service_runs_and_put_back_when_it_does_not() {
    let here = Installation::new();
    let process = here.serve(&["--account-name", "Before"]).await;
    let copy = here.path("copy.db").display().to_string();
    assert!(
        here.json(&["backup", &copy])["bytes"]
            .as_u64()
            .is_some_and(|bytes| bytes > 0)
    );
    assert_eq!(here.failure(&["backup", &copy]).1["code"], "file_exists");
    here.json(&["account", "set", "--name", "After"]);
    assert_eq!(
        here.failure(&["restore", &copy, "--force"]).1["code"],
        "database_in_use"
    );
    process.terminate().await;
    assert_eq!(here.failure(&["restore", &copy]).1["code"], "file_exists");
    let restored = here.json(&["restore", &copy, "--force"]);
    assert!(Path::new(restored["kept"].as_str().expect("a path")).exists());
    assert_eq!(
        here.json(&["account", "list"])["accounts"][0]["name"],
        "Before"
    );
}

#[tokio::test]
async fn the_doctor_says_what_is_not_well() {
    let here = Installation::new();
    let state = |report: &Value, name: &str| {
        let checks = report["checks"].as_array().cloned().unwrap_or_default();
        checks
            .iter()
            .find(|check| check["name"] == name)
            .map(|check| check["state"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(
        state(&here.json(&["doctor"]), "database").as_deref(),
        Some("warn")
    );
    let process = here.serve(&[]).await;
    let report = here.json(&["doctor"]);
    assert_eq!(state(&report, "file_modes"), None, "{report}");
    for name in ["config", "master_key", "migrations", "database", "writing"] {
        assert_eq!(
            state(&report, name).as_deref(),
            Some("ok"),
            "{name}: {report}"
        );
    }
    process.terminate().await;
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    std::fs::set_permissions(here.path("secret.key"), open).expect("set");
    let output = here.run(&["doctor"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).contains("chmod 600"));
}

#[test]
fn the_description_of_the_api_is_printed() {
    let document = Installation::new().json(&["openapi"]);
    assert!(
        document["openapi"]
            .as_str()
            .is_some_and(|version| version.starts_with("3.1"))
    );
}

#[tokio::test]
async fn the_demo_says_how_to_get_in_and_is_kept() {
    let here = Installation::new();
    let folder = here.path("demo").display().to_string();
    let arguments = [
        "demo",
        "--json",
        "--listen",
        "127.0.0.1:0",
        "--data",
        folder.as_str(),
    ];
    let process = Process::start(&arguments, &[]).await.expect("ready");
    let ready = process.ready.clone();
    let client = client();
    let key = ready["api_key"].as_str().expect("a key");
    let teams = client
        .get(format!("{}/api/teams", process.url))
        .bearer_auth(key)
        .send()
        .await
        .expect("an answer");
    assert_eq!(teams.status(), 200);
    assert!(
        ready["email"].is_string() && ready["password"].is_string(),
        "{ready}"
    );
    process.terminate().await;
    let process = Process::start(&arguments, &[]).await.expect("ready");
    assert_eq!(process.ready["api_key"], ready["api_key"]);
    process.terminate().await;
    let process = Process::start(&[&arguments[..], &["--reset"]].concat(), &[])
        .await
        .expect("ready");
    assert_ne!(process.ready["api_key"], ready["api_key"]);
    process.terminate().await;
}
