//! The two doors into a team, walked through with the real program, a browser and a mail server: an invitation that is
//! accepted, and a link by which somebody joins.

use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::browser::Browser as Window;
use crate::support::database::{Engine, OnDatabase, TestDatabase, both};
use crate::support::process::Process;
use crate::support::smtp::FakeSmtp;

/// An installation with a team, a seat of one place, and a key.
struct Installation {
    process: Process,
    smtp: FakeSmtp,
    admin: Value,
    key: String,
    _folder: TempDir,
    _database: TestDatabase,
}

fn program(variables: &[(&str, &str)], arguments: &[&str]) -> Value {
    let made = Command::new(env!("CARGO_BIN_EXE_b2b-dashboard"))
        .args(arguments)
        .env_clear()
        .envs(variables.iter().copied())
        .output()
        .expect("the program");
    serde_json::from_slice(&made.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&made.stderr)))
}

impl OnDatabase for Installation {
    async fn on(engine: Engine) -> Self {
        // The first of several in one process; a second one changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let database = TestDatabase::new(engine, async |_: &str| {}).await;
        let folder = tempfile::tempdir().expect("a folder");
        let smtp = FakeSmtp::start().await;
        let key_file = folder.path().join("secret.key").display().to_string();
        let port = smtp.addr().port().to_string();
        let variables = [
            ("B2B_DATABASE__URL", database.url.as_str()),
            ("B2B_SECRETS__MASTER_KEY_FILE", key_file.as_str()),
            ("B2B_EMAIL__HOST", "127.0.0.1"),
            ("B2B_EMAIL__PORT", port.as_str()),
            ("B2B_EMAIL__SECURITY", "none"),
            ("B2B_EMAIL__FROM", "Northwind <no-reply@example.com>"),
            ("B2B_ACCOUNT_NAME", "Northwind Academy"),
        ];
        let arguments = ["serve", "--listen", "127.0.0.1:0"];
        let process = Process::start(&arguments, &variables).await.expect("ready");
        let admin = program(
            &variables,
            &[
                "admin",
                "create",
                "--json",
                "--email",
                "owner@example.com",
                "--name",
                "Olivia Owner",
            ],
        );
        let key = program(
            &variables,
            &[
                "key", "create", "--json", "--name", "Test", "--scopes", "full",
            ],
        );
        let here = Self {
            process,
            smtp,
            admin,
            key: key["api_key"].as_str().expect("a key").to_owned(),
            _folder: folder,
            _database: database,
        };
        for (path, body) in [
            (
                "/api/courses",
                json!({ "name": "Fire safety", "external_id": "fire" }),
            ),
            (
                "/api/products",
                json!({ "name": "Safety pack", "external_id": "safety", "courses": ["ext:fire"] }),
            ),
            (
                "/api/organizations",
                json!({ "name": "Acme Industries", "external_id": "acme" }),
            ),
            (
                "/api/teams",
                json!({ "name": "Night shift", "external_id": "night", "organization": "ext:acme" }),
            ),
            (
                "/api/seats",
                json!({ "product": "ext:safety", "teams": ["ext:night"], "quantity": 2 }),
            ),
        ] {
            here.post(path, body).await;
        }
        here
    }
}

impl Installation {
    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.process.url)
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let request = reqwest::Client::new()
            .post(self.at(path))
            .bearer_auth(&self.key)
            .json(&body);
        let response = request.send().await.expect("an answer");
        let status = response.status();
        let answer: Value = response.json().await.expect("JSON");
        assert_eq!(status.as_u16(), 201, "{path}: {answer}");
        answer
    }

    async fn get(&self, path: &str) -> Value {
        let request = reqwest::Client::new()
            .get(self.at(path))
            .bearer_auth(&self.key);
        let response = request.send().await.expect("an answer");
        response.json().await.expect("JSON")
    }

    /// The address in the newest of so many mails.
    async fn mailed(&self, count: usize, path: &str) -> String {
        let mails = self.smtp.wait_for(count, Duration::from_secs(20)).await;
        let text = mails[count - 1].text().expect("a text");
        let found = text.split_whitespace().find(|word| word.contains(path));
        found
            .unwrap_or_else(|| panic!("no {path} in {text}"))
            .to_owned()
    }

    async fn sign_in_as_owner(&self, window: &Window) {
        window.goto(&self.at("/sign-in")).await;
        window.fill("#f-email", "owner@example.com").await;
        let password = self.admin["password"].as_str().expect("a password");
        window.fill("#f-password", password).await;
        window.click("button[value=password]").await;
        window.wait_for_text("Olivia Owner").await;
    }
}

mod browser {
    use super::*;

    both! {
        async fn an_invitation_is_accepted_by_the_person_it_is_for(here: Installation) {
            let window = Window::open().await;
            // Sent from the dashboard.
            here.sign_in_as_owner(&window).await;
            window.goto(&here.at("/dashboard/invitations/new")).await;
            window.fill("#f-emails", "lin@example.com\nlin@@broken").await;
            let night = here.get("/api/teams/ext:night").await["id"].as_str().expect("an id").to_owned();
            window.run(&format!("document.querySelector('select[name=team]').value = '{night}'")).await;
            window.click("input[name=product]").await;
            window.screenshot("doors-1-invite").await;
            window.click("main form button[type=submit].btn-primary").await;
            window.wait_for_text("What came of it").await;
            assert!(window.text("main").await.contains("lin@@broken"));
            window.screenshot("doors-2-result").await;
            window.goto(&here.at("/dashboard/invitations")).await;
            window.wait_for_text("lin@example.com").await;
            window.screenshot("doors-3-invitations").await;
            let address = here.mailed(1, "/invitation/").await;
            // Opened while somebody else is signed in: told so, and nothing happens.
            window.goto(&address).await;
            window.wait_for_text("You are signed in as owner@example.com").await;
            for word in ["Night shift", "Acme Industries", "Member", "Safety pack", "Olivia Owner"] {
                assert!(window.text("main").await.contains(word), "{word}");
            }
            window.resize(390, 844).await;
            window.screenshot("doors-4-accept-phone").await;
            let width = window.run("return document.documentElement.scrollWidth - window.innerWidth").await;
            assert!(width.as_i64().expect("a number") <= 0, "wider than a phone by {width}");
            window.goto(&format!("{address}?lang=de")).await;
            window.wait_for_text("Annehmen und beitreten").await;
            window.screenshot("doors-5-accept-german").await;
            let list = here.get("/api/invitations").await;
            assert_eq!(list["data"][0]["state"], "sent", "looking changes nothing");
            window.fill("#f-name", "Lin Clark").await;
            window.click("button[value=accept]").await;
            window.wait_for_text("Willkommen im Team Night shift").await;
            window.goto(&here.at("/my")).await;
            window.wait_for_text("Fire safety").await;
            let members = here.get("/api/teams/ext:night/members").await;
            assert_eq!(members["data"][0]["user"]["name"], "Lin Clark");
            // Once more: it says that it was used.
            window.goto(&address).await;
            window.wait_for_text("This invitation is accepted").await;
        }

        async fn a_link_lets_people_join_until_it_is_full(here: Installation) {
            let link = here.post("/api/links", json!({
                "name": "Poster", "team": "ext:night", "products": ["ext:safety"], "max_uses": 1, "allowed_domains": ["example.com"],
            })).await;
            let address = link["url"].as_str().expect("an address").to_owned();
            let window = Window::open().await;
            window.resize(390, 844).await;
            window.goto(&address).await;
            window.wait_for_text("Join Night shift").await;
            window.screenshot("doors-6-join-phone").await;
            let width = window.run("return document.documentElement.scrollWidth - window.innerWidth").await;
            assert!(width.as_i64().expect("a number") <= 0, "wider than a phone by {width}");
            window.fill("#f-name", "Mary Shelley").await;
            window.fill("#f-email", "mary@example.org").await;
            window.click("main form button[type=submit]").await;
            window.wait_for_text("domains only: example.com").await;
            window.fill("#f-email", "mary@example.com").await;
            window.click("main form button[type=submit]").await;
            window.wait_for_text("Check your mail").await;
            window.screenshot("doors-7-join-sent").await;
            assert_eq!(here.get("/api/links").await["data"][0]["used"], 0, "nothing is taken yet");
            let confirm = here.mailed(1, "/join/confirm/").await;
            window.goto(&confirm).await;
            window.wait_for_text("Join Night shift?").await;
            window.screenshot("doors-8-join-confirm").await;
            assert_eq!(here.get("/api/links").await["data"][0]["used"], 0, "looking changes nothing");
            window.click("main form button[type=submit]").await;
            window.wait_for_text("Welcome to Night shift").await;
            window.goto(&here.at("/my")).await;
            window.wait_for_text("Fire safety").await;
            assert_eq!(here.get("/api/links").await["data"][0]["used"], 1);
            // The next one is told which limit it was.
            window.click(".user-menu summary").await;
            window.click(".user-menu button[type=submit]").await;
            window.wait_for_text("You are signed out").await;
            window.goto(&format!("{address}?lang=de")).await;
            window.wait_for_text("so viele Personen beigetreten wie vorgesehen").await;
            window.screenshot("doors-9-used-up").await;
            // The owner sees the link, its code and who joined.
            window.resize(1280, 900).await;
            here.sign_in_as_owner(&window).await;
            let id = link["id"].as_str().expect("an id");
            window.goto(&here.at(&format!("/dashboard/links/{id}"))).await;
            window.wait_for(".qr svg").await;
            window.wait_for_text("Mary Shelley").await;
            window.wait_for_text("Used up").await;
            window.screenshot("doors-10-link").await;
        }
    }
}
