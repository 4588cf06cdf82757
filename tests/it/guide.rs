//! The guide of the product, walked through with the real program, a browser and a mail server: from an empty database
//! to a person who sits in their course.

use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::browser::Browser as Window;
use crate::support::database::{Engine, OnDatabase, TestDatabase, both};
use crate::support::process::Process;
use crate::support::smtp::{FakeSmtp, Received};

const LEARNER_PASSWORD: &str = "four walnuts on a shelf";

/// An installation on an empty database, and what the walk needs beside it.
struct Installation {
    process: Process,
    smtp: FakeSmtp,
    admin: Value,
    _folder: TempDir,
    _database: TestDatabase,
}

impl OnDatabase for Installation {
    async fn on(engine: Engine) -> Self {
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
        let made = Command::new(env!("CARGO_BIN_EXE_b2b-dashboard"))
            .args([
                "admin",
                "create",
                "--json",
                "--email",
                "owner@example.com",
                "--name",
                "Olivia Owner",
            ])
            .env_clear()
            .envs(variables)
            .output()
            .expect("the program");
        let admin = serde_json::from_slice(&made.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&made.stderr)));
        Self {
            process,
            smtp,
            admin,
            _folder: folder,
            _database: database,
        }
    }
}

impl Installation {
    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.process.url)
    }

    async fn post(&self, key: &str, path: &str, body: Value) -> Value {
        let request = reqwest::Client::new()
            .post(self.at(path))
            .bearer_auth(key)
            .json(&body);
        let response = request.send().await.expect("an answer");
        let status = response.status();
        let answer: Value = response.json().await.expect("JSON");
        assert_eq!(status.as_u16(), 201, "{path}: {answer}");
        answer
    }
}

async fn sign_in(window: &Window, here: &Installation) {
    window.goto(&here.at("/dashboard/settings/api")).await;
    assert!(window.url().await.contains("/sign-in?next="));
    window.fill("#f-email", "owner@example.com").await;
    let password = here.admin["password"].as_str().expect("a password");
    window.fill("#f-password", password).await;
    window.screenshot("guide-1-sign-in").await;
    window.click("button[value=password]").await;
    window.wait_for_text("Make the first key").await;
}

/// Makes a key by its form, sees it once, and gives it.
async fn make_key(window: &Window, here: &Installation) -> String {
    window.click("a[href='/dashboard/settings/api/new']").await;
    window.fill("#f-name", "Web shop").await;
    window.click("input[name=access][value=full]").await;
    window.click("main form button[type=submit]").await;
    window.wait_for_text("Try it now").await;
    window.screenshot("guide-2-key").await;
    let key = window.text(".secret .copy-field code").await;
    assert!(key.starts_with("b2b_live_"), "{key}");
    let curl = window.text(".code code").await;
    assert!(
        curl.contains(&here.at("/api/provision")) && curl.contains(&key),
        "{curl}"
    );
    window.goto(&here.at("/dashboard/settings/api")).await;
    window.wait_for_text("Web shop").await;
    let page = window.text("body").await;
    assert!(
        !page.contains(&key) && page.contains(&key[key.len() - 4..]),
        "{page}"
    );
    key
}

async fn provision(here: &Installation, key: &str) -> Value {
    let course = here
        .post(
            key,
            "/api/courses",
            json!({ "name": "Safety at work", "external_id": "course-1" }),
        )
        .await;
    let product =
        json!({ "name": "Safety pack", "external_id": "safety", "courses": [course["id"]] });
    here.post(key, "/api/products", product).await;
    let call = json!({
        "user": { "email": "ada@example.com", "first_name": "Ada", "last_name": "Byron" },
        "team": { "strategy": "auto", "name": "Analytical Engines" },
        "seats": [{ "product": "ext:safety", "quantity": 10, "assign": true }],
        "welcome_email": true,
    });
    let answer = here.post(key, "/api/provision", call).await;
    assert_eq!(answer["user"]["outcome"], "created");
    assert_eq!(answer["user"]["email"], "ada@example.com");
    assert_eq!(answer["team"]["outcome"], "created");
    assert_eq!(answer["team"]["name"], "Analytical Engines");
    let seat = &answer["seats"][0];
    assert_eq!(seat["outcome"], "assigned", "{answer}");
    assert_eq!(
        (&seat["quantity"], &seat["assigned"], &seat["available"]),
        (&json!(10), &json!(1), &json!(9))
    );
    answer
}

/// Opens the link of the welcome mail as its reader does, after something else has opened it twice.
async fn learner_comes_in(here: &Installation, link: &str) {
    for _ in 0..2 {
        let page = reqwest::get(link).await.expect("a page");
        assert_eq!(page.status().as_u16(), 200);
        assert!(
            page.text()
                .await
                .expect("text")
                .contains("Sign in as Ada Byron")
        );
    }
    let window = Window::open().await;
    window.goto(link).await;
    window.wait_for_text("Sign in as Ada Byron").await;
    window.screenshot("guide-4-confirm").await;
    window.click("main form button[type=submit]").await;
    window.wait_for_text("Choose a password").await;
    window.fill("#f-password", LEARNER_PASSWORD).await;
    window.fill("#f-repeat", LEARNER_PASSWORD).await;
    window.click("main form button[type=submit]").await;
    window.wait_for_text("Hello Ada Byron").await;
    window.wait_for_text("Safety at work").await;
    window.wait_for_text("Analytical Engines").await;
    window.screenshot("guide-5-my-courses").await;
    window.goto(&here.at("/dashboard")).await;
    assert!(
        window.url().await.ends_with("/my"),
        "{}",
        window.url().await
    );
    window.goto(link).await;
    window.wait_for_text("This link has been used").await;
}

mod browser {
    use super::*;

    both! {
        async fn from_an_empty_database_to_a_course(here: Installation) {
            let window = Window::open().await;
            sign_in(&window, &here).await;
            let key = make_key(&window, &here).await;
            let answer = provision(&here, &key).await;
            assert_eq!(answer["welcome_email"]["state"], "queued", "{answer}");
            let mails = here.smtp.wait_for(1, Duration::from_secs(20)).await;
            let text = mails.first().and_then(Received::text).expect("a text");
            let link = text
                .split_whitespace()
                .find(|word| word.contains("/sign-in/link/"))
                .expect("a link")
                .to_owned();
            window.goto(&here.at("/dashboard/mails")).await;
            window.wait_for_text("ada@example.com").await;
            window.wait_for_text("Sent").await;
            window.screenshot("guide-3-mails").await;
            learner_comes_in(&here, &link).await;
            window.goto(&here.at("/dashboard/audit")).await;
            window.wait_for_text("provision.create").await;
            window.wait_for_text("password.set").await;
        }
    }
}
