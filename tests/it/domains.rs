//! Claims of e-mail domains: who may claim, what proves it, and whom it leads where.

use serde_json::{Value as JsonValue, json};

use crate::support::database::{Engine, OnDatabase, both};
use crate::support::dns::FakeDns;
use crate::support::http::{Answer, ApiApp, Call, KeyOptions, Node};
use crate::support::operation::assert_problem;
use crate::support::world::{provision, read, team};

/// The API with a DNS of its own.
struct World {
    app: ApiApp,
    dns: FakeDns,
}

impl OnDatabase for World {
    async fn on(engine: Engine) -> Self {
        let (mut app, dns) = (ApiApp::on(engine).await, FakeDns::start().await);
        let servers = dns.address.to_string();
        let clock = app.node.app.clock.clone();
        app.node = Node::with_settings(
            &app.database.url,
            clock,
            9,
            &[("B2B_DNS__SERVERS", &servers)],
        );
        Self { app, dns }
    }
}

impl World {
    async fn claim(&self, body: &JsonValue) -> JsonValue {
        let made = self.app.post("/api/domain_claims", body).await;
        assert_eq!(made.status, 201, "{}", made.text());
        made.json()
    }

    async fn run_jobs(&self) {
        b2b_dashboard::worker::drain(&self.app.node.app)
            .await
            .expect("jobs that run");
    }

    async fn verify(&self, claim: &JsonValue) -> JsonValue {
        let path = format!(
            "/api/domain_claims/{}",
            claim["id"].as_str().expect("an id")
        );
        let asked = self.app.post(&format!("{path}/verify"), &json!({})).await;
        assert_eq!(asked.status, 202, "{}", asked.text());
        self.run_jobs().await;
        read(&self.app, &path).await
    }
}

async fn newcomer(app: &ApiApp, email: &str) -> JsonValue {
    provision(app, &json!({ "user": { "email": email } }), 201).await
}

fn rule(answer: &JsonValue) -> &str {
    answer["team"]["decision"]["rule"].as_str().expect("a rule")
}

both! {
    async fn a_claim_leads_nobody_before_its_text_is_in_the_dns(world: World) {
        let app = &world.app;
        let engines = team(app, "engines").await;
        let claim = world.claim(&json!({ "domain": "Acme.Example", "team": "ext:engines" })).await;
        assert_eq!((&claim["domain"], &claim["state"], &claim["proof"]), (&json!("acme.example"), &json!("pending"), &json!("dns")));
        let text = claim["txt_record"].as_str().expect("a text");
        assert!(text.starts_with("b2b-dashboard-verification=") && text.len() > 50, "{text}");
        assert_ne!(rule(&newcomer(app, "one@acme.example").await), "auto.domain");
        assert_eq!(world.verify(&claim).await["check_result"], "no_such_domain");
        world.dns.set("acme.example", &["v=spf1 -all", "b2b-dashboard-verification=guessed"]);
        let checked = world.verify(&claim).await;
        assert_eq!((&checked["check_result"], &checked["state"]), (&json!("not_found"), &json!("pending")));
        assert_ne!(rule(&newcomer(app, "two@acme.example").await), "auto.domain");
        world.dns.set("acme.example", &["v=spf1 -all", text]);
        let checked = world.verify(&claim).await;
        assert_eq!((&checked["check_result"], &checked["state"]), (&json!("found"), &json!("verified")));
        let three = newcomer(app, "three@Acme.Example").await;
        assert_eq!((rule(&three), three["team"]["id"].as_str()), ("auto.domain", Some(engines.as_str())));
        assert_ne!(rule(&newcomer(app, "four@sub.acme.example").await), "auto.domain", "a claim holds for its own domain alone");
        assert_eq!(app.delete(&format!("/api/domain_claims/{}", claim["id"].as_str().expect("an id"))).await.status, 204);
        assert_ne!(rule(&newcomer(app, "five@acme.example").await), "auto.domain");
    }

    async fn claims_are_looked_up_by_themselves(world: World) {
        let app = &world.app;
        team(app, "engines").await;
        let claim = world.claim(&json!({ "domain": "acme.example", "team": "ext:engines" })).await;
        world.dns.set("acme.example", &[claim["txt_record"].as_str().expect("a text")]);
        let due = async || b2b_dashboard::resources::domain_claim::verification::check_due(&app.node.app, &app.first).await.expect("look-ups");
        due().await;
        let path = format!("/api/domain_claims/{}", claim["id"].as_str().expect("an id"));
        assert_eq!(read(app, &path).await["checked_at"], JsonValue::Null, "not due yet");
        app.node.app.clock.advance(300);
        due().await;
        let checked = read(app, &path).await;
        assert_eq!(checked["state"], "verified", "{checked}");
        // What is lost later is shown and leads people on.
        world.dns.set("acme.example", &[]);
        app.node.app.clock.advance(8 * 86_400);
        due().await;
        let checked = read(app, &path).await;
        assert_eq!((&checked["state"], &checked["check_result"]), (&json!("verified"), &json!("not_found")));
    }

    async fn a_silent_dns_is_said_and_harms_nothing(world: World) {
        let app = &world.app;
        team(app, "engines").await;
        let claim = world.claim(&json!({ "domain": "acme.example", "team": "ext:engines" })).await;
        let nowhere = [("B2B_DNS__SERVERS", "127.0.0.1:1")];
        let deaf = Node::with_settings(&app.database.url, app.node.app.clock.clone(), 11, &nowhere);
        let path = format!("/api/domain_claims/{}", claim["id"].as_str().expect("an id"));
        app.post(&format!("{path}/verify"), &json!({})).await;
        b2b_dashboard::worker::drain(&deaf.app).await.expect("jobs that run");
        let checked = read(app, &path).await;
        assert_eq!((&checked["state"], &checked["check_result"]), (&json!("pending"), &json!("unreachable")));
        assert!(checked["next_check_at"].is_string(), "it is asked again: {checked}");
    }

    async fn an_organizations_claim_leads_to_its_default_team(world: World) {
        let app = &world.app;
        app.post("/api/organizations", &json!({ "name": "Acme", "external_id": "acme" })).await;
        let office = app.post("/api/teams", &json!({ "name": "Office", "external_id": "office", "organization": "ext:acme" })).await.id();
        let claim = world.claim(&json!({ "domain": "acme.example", "organization": "ext:acme", "proof": "admin" })).await;
        assert_eq!((&claim["state"], &claim["proof"], &claim["check_result"]), (&json!("verified"), &json!("admin"), &JsonValue::Null));
        assert_ne!(rule(&newcomer(app, "one@acme.example").await), "auto.domain", "there is no default team yet");
        app.patch("/api/organizations/ext:acme", &json!({ "default_team": "ext:office" })).await;
        let two = newcomer(app, "two@acme.example").await;
        assert_eq!((rule(&two), two["team"]["id"].as_str()), ("auto.domain", Some(office.as_str())));
        let listed = read(app, "/api/organizations/ext:acme/domains").await;
        assert_eq!(listed["data"][0]["domain"], "acme.example");
        assert_eq!(app.get("/api/teams/ext:office/domains").await.json()["data"], json!([]));
        let path = format!("/api/domain_claims/{}", claim["id"].as_str().expect("an id"));
        let doubted = app.patch(&path, &json!({ "proof": "dns" })).await;
        assert_eq!(doubted.json()["state"], "pending", "{}", doubted.text());
        assert_ne!(rule(&newcomer(app, "three@acme.example").await), "auto.domain");
        let given = app.patch(&path, &json!({ "team": "ext:office", "proof": "admin" })).await.json();
        assert_eq!((&given["organization_id"], &given["team_id"]), (&JsonValue::Null, &json!(office)));
        assert_eq!(rule(&newcomer(app, "four@acme.example").await), "auto.domain");
    }

    async fn public_mail_services_and_bodies_without_a_claimer_are_refused(app: ApiApp) {
        team(&app, "engines").await;
        for domain in ["gmail.com", "GMX.de", "outlook.com"] {
            let refused = app.post("/api/domain_claims", &json!({ "domain": domain, "team": "ext:engines", "proof": "admin" })).await;
            assert_problem(None, &refused, 422, &["validation_failed"]);
            assert_eq!(refused.json()["errors"][0]["code"], "public_mail_domain");
        }
        let refused = app.post("/api/domain_claims", &json!({ "domain": "yahoo.com" })).await;
        assert_eq!(refused.json()["errors"].as_array().map(Vec::len), Some(2), "all faults at once: {}", refused.text());
        app.post("/api/organizations", &json!({ "name": "Acme", "external_id": "acme" })).await;
        let both = json!({ "domain": "acme.example", "team": "ext:engines", "organization": "ext:acme" });
        let refused = app.post("/api/domain_claims", &both).await;
        assert_eq!(refused.json()["errors"][0]["code"], "contradiction", "{}", refused.text());
    }

    async fn a_domain_is_claimed_once_in_an_account_and_accounts_do_not_meet(app: ApiApp) {
        for name in ["engines", "other"] {
            team(&app, name).await;
        }
        let claim = |team: &str| json!({ "domain": "acme.example", "team": format!("ext:{team}"), "proof": "admin" });
        let theirs = Call::new("POST", "/api/teams").key(&app.other_key.secret).json(&json!({ "name": "T", "external_id": "engines" }));
        assert_eq!(app.send(theirs).await.status, 201);
        let theirs = Call::new("POST", "/api/domain_claims").key(&app.other_key.secret).json(&claim("engines"));
        let theirs = app.send(theirs).await;
        assert_eq!(theirs.status, 201, "{}", theirs.text());
        assert_eq!(app.post("/api/domain_claims", &claim("engines")).await.status, 201);
        let refused = app.post("/api/domain_claims", &claim("other")).await;
        assert_problem(None, &refused, 409, &["already_exists"]);
        assert_eq!(refused.json()["member"], "domain");
        assert!(!refused.text().contains("claim_") && !refused.text().contains("team_"), "{}", refused.text());
        // The way a name is written makes no second one.
        let mut again = claim("other");
        again["domain"] = json!("ACME.example");
        assert_problem(None, &app.post("/api/domain_claims", &again).await, 409, &["already_exists"]);
    }

    async fn parallel_claims_of_one_domain_are_one(app: ApiApp) {
        for name in ["engines", "other"] {
            team(&app, name).await;
        }
        let mut running = tokio::task::JoinSet::new();
        for n in 0..16 {
            let (node, key) = (app.node.clone(), app.key.secret.clone());
            let team = if n % 2 == 0 { "ext:engines" } else { "ext:other" };
            running.spawn(async move {
                let body = json!({ "domain": "acme.example", "team": team });
                node.send(Call::new("POST", "/api/domain_claims").key(&key).json(&body)).await
            });
        }
        let answers: Vec<Answer> = running.join_all().await;
        assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
        assert!(answers.iter().all(|answer| matches!(answer.status, 201 | 409)));
        assert_eq!(app.count("domain_claims").await, 1);
    }

    async fn a_limited_key_proves_by_the_dns_and_for_its_own_teams_only(app: ApiApp) {
        let engines = team(&app, "engines").await;
        team(&app, "other").await;
        let options = KeyOptions { team_ids: vec![engines], ..KeyOptions::default() };
        let key = app.full_key(&app.first, options).await.secret;
        let claim = |body: &JsonValue| Call::new("POST", "/api/domain_claims").key(&key).json(body);
        let refused = app.send(claim(&json!({ "domain": "acme.example", "team": "ext:engines", "proof": "admin" }))).await;
        assert_problem(None, &refused, 403, &["forbidden"]);
        let refused = app.send(claim(&json!({ "domain": "acme.example", "team": "ext:other" }))).await;
        assert_problem(None, &refused, 404, &["not_found"]);
        let made = app.send(claim(&json!({ "domain": "acme.example", "team": "ext:engines" }))).await;
        assert_eq!((made.status, &made.json()["state"]), (201, &json!("pending")), "{}", made.text());
        let vouch = Call::new("PATCH", format!("/api/domain_claims/{}", made.id())).key(&key);
        assert_problem(None, &app.send(vouch.json(&json!({ "proof": "admin" }))).await, 403, &["forbidden"]);
        let others = app.post("/api/domain_claims", &json!({ "domain": "other.example", "team": "ext:other" })).await;
        let seen = app.send(Call::new("GET", "/api/domain_claims").key(&key)).await.json();
        assert_eq!(seen["data"].as_array().map(Vec::len), Some(1), "{seen}");
        let foreign = Call::new("DELETE", format!("/api/domain_claims/{}", others.id())).key(&key);
        assert_problem(None, &app.send(foreign).await, 404, &["not_found"]);
    }
}
