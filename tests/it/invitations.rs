//! Invitations: places are held from the first moment and freed with the last, the state is the mail's, a new mail ends
//! the old address, and nobody offers what they do not hold.

use b2b_dashboard::access::Call as ServiceCall;
use b2b_dashboard::access::offers::{Way, invitation_url};
use b2b_dashboard::access::sessions::Origin;
use b2b_dashboard::commit::commit;
use b2b_dashboard::db::Statement;
use b2b_dashboard::error::Code;
use b2b_dashboard::invitations::accept::{self, Seen};
use b2b_dashboard::invitations::{self, Invitation, again, invite};
use b2b_dashboard::params;
use b2b_dashboard::types::{Id, Ref};
use b2b_dashboard::worker;
use serde_json::{Value as JsonValue, json};

use crate::support::app::TestApp;
use crate::support::database::{Engine, OnDatabase, both};
use crate::support::http::{Answer, ApiApp, Call, KeyOptions};
use crate::support::smtp::{Behaviour, FakeSmtp, Step};
use crate::support::world::{self, assert_integrity, read, with};

fn offer(name: &str, further: &JsonValue) -> JsonValue {
    with(
        json!({ "email": world::email(name), "team": "ext:engines" }),
        further,
    )
}

async fn invite(app: &ApiApp, body: &JsonValue, status: u16) -> JsonValue {
    let answer = app.post("/api/invitations", body).await;
    assert_eq!(answer.status, status, "{}", answer.text());
    answer.json()
}

async fn act(app: &ApiApp, id: &str, verb: &str, status: u16) -> JsonValue {
    let path = format!("/api/invitations/{id}/{verb}");
    let answer = app.post(&path, &json!({})).await;
    assert_eq!(answer.status, status, "{}", answer.text());
    answer.json()
}

fn id(record: &JsonValue) -> String {
    record["id"].as_str().expect("an id").to_owned()
}

/// A team with a seat of so many places.
async fn ground(app: &ApiApp, places: i64) -> String {
    world::team(app, "engines").await;
    world::product(app, "safety", &["fire"]).await;
    world::seat(app, "safety", &["engines"], &json!({ "quantity": places })).await
}

/// Reserved, assigned, waiting and free places.
async fn places(app: &ApiApp, seat: &str) -> [i64; 4] {
    let seat = read(app, &format!("/api/seats/{seat}")).await;
    ["reserved", "assigned", "waitlisted", "available"]
        .map(|name| seat[name].as_i64().expect("a number"))
}

fn origin() -> Origin {
    Origin {
        address: Some("192.0.2.1".into()),
        agent: None,
        request_id: "r1".into(),
    }
}

/// The token of an invitation's address.
async fn token(app: &ApiApp, invitation: &str, way: Way) -> String {
    let (account, app) = (&app.first, &app.node.app);
    let select = b2b_dashboard::db::Select::new(
        "SELECT generation FROM invitations WHERE account_id = $1 AND id = $2",
        params![invitation.to_owned()],
    );
    let (generation,): (i64,) = app
        .db
        .first(account, select)
        .await
        .expect("a read")
        .expect("an invitation");
    last_part(&invitation_url(app, account, invitation, generation, way))
}

fn last_part(url: &str) -> String {
    url.rsplit('/').next().expect("a token").to_owned()
}

both! {
    async fn an_invitation_makes_the_person_and_holds_the_places(app: ApiApp) {
        let seat = ground(&app, 3).await;
        let body = offer("lin", &json!({ "name": "Lin Clark", "role": "manager", "products": ["ext:safety"] }));
        let made = invite(&app, &body, 201).await;
        assert_eq!((made["state"].as_str(), made["role"].as_str()), (Some("queued"), Some("manager")));
        assert!(made["accept_url"].as_str().expect("an address").contains("/invitation/"));
        let person = read(&app, "/api/users/email:lin@example.com").await;
        assert_eq!((person["status"].as_str(), person["first_name"].as_str()), (Some("invited"), Some("Lin")));
        assert_eq!(places(&app, &seat).await, [1, 0, 0, 2]);
        let members = read(&app, "/api/teams/ext:engines/members").await;
        assert_eq!(members["data"], json!([]), "an offer is not a membership");
        let again = invite(&app, &body, 200).await;
        assert_eq!((again["id"].clone(), places(&app, &seat).await), (made["id"].clone(), [1, 0, 0, 2]));
        let other = invite(&app, &offer("lin", &json!({ "role": "member" })), 409).await;
        assert_eq!((other["code"].as_str(), other["invitation_id"].clone()), (Some("already_exists"), made["id"].clone()));
        let events = "SELECT type FROM events WHERE account_id = $1 AND subject_id = $2";
        let select = b2b_dashboard::db::Select::new(events, params![id(&made)]);
        let types: Vec<(String,)> = app.node.app.db.fetch(&app.first, select).await.expect("events");
        assert_eq!(types, [("invitation.created".to_owned(),)]);
        assert_integrity(&app).await;
    }

    async fn a_dry_run_holds_nothing_and_a_repeat_with_a_key_is_remembered_without_its_address(app: ApiApp) {
        let seat = ground(&app, 3).await;
        let body = offer("lin", &json!({ "products": ["ext:safety"] }));
        let dry = app.post("/api/invitations?dry_run=true", &body).await;
        assert_eq!((dry.status, dry.json()["dry_run"].clone()), (200, json!(true)), "{}", dry.text());
        assert_eq!((app.count("invitations").await, app.count("users").await, places(&app, &seat).await), (0, 0, [0, 0, 0, 3]));
        let call = || Call::new("POST", "/api/invitations").key(&app.key.secret).header("idempotency-key", "one").json(&body);
        let (first, repeat) = (app.send(call()).await, app.send(call()).await);
        assert_eq!((first.status, repeat.status), (201, 201), "{}", repeat.text());
        assert_eq!((first.json(), repeat.header("idempotent-replayed")), (repeat.json(), "true"));
        let batch = Call::new("POST", "/api/invitations/batch").key(&app.key.secret).header("idempotency-key", "many");
        let batch = app.send(batch.json(&json!({ "items": [offer("mary", &json!({})), offer("sue", &json!({}))] }))).await;
        assert_eq!((batch.status, batch.json()["succeeded"].as_i64()), (200, Some(2)), "{}", batch.text());
        let kept = b2b_dashboard::db::Select::new("SELECT body FROM idempotency_records WHERE account_id = $1", vec![]);
        let kept: Vec<(String,)> = app.node.app.db.fetch(&app.first, kept).await.expect("a read");
        assert!(kept.len() > 1 && kept.iter().all(|(body,)| !body.contains("accept_url")), "{kept:?}");
        let events = b2b_dashboard::db::Select::new("SELECT data FROM events WHERE account_id = $1", vec![]);
        let events: Vec<(String,)> = app.node.app.db.fetch(&app.first, events).await.expect("events");
        assert!(events.iter().all(|(data,)| !data.contains("/invitation/")));
    }

    async fn pain_01_a_pending_invitation_counts_as_a_used_place(app: ApiApp) {
        let seat = ground(&app, 1).await;
        let first = invite(&app, &offer("lin", &json!({ "products": ["ext:safety"] })), 201).await;
        let refused = invite(&app, &offer("mary", &json!({ "products": ["ext:safety"] })), 409).await;
        assert_eq!(refused["code"], "seats_exhausted");
        world::provision(&app, &world::wish("ada", "engines", "safety", &json!({})), 409).await;
        assert_eq!(app.count("seat_denials").await, 2);
        let waits = invite(&app, &offer("mary", &json!({ "products": ["ext:safety"], "if_full": "waitlist" })), 201).await;
        assert_eq!(places(&app, &seat).await, [1, 0, 1, 0]);
        // The next in line has not accepted yet: the place that comes free is held, not given.
        act(&app, &id(&first), "revoke", 200).await;
        assert_eq!(places(&app, &seat).await, [1, 0, 0, 0]);
        assert_eq!(world_states(&app, &seat, "mary").await, ["reserved"]);
        act(&app, &id(&waits), "revoke", 200).await;
        assert_eq!(places(&app, &seat).await, [0, 0, 0, 1]);
        assert_integrity(&app).await;
    }

    async fn pain_01_of_many_invitations_at_once_the_last_places_go_to_as_many(app: ApiApp) {
        let seat = ground(&app, 5).await;
        let mut running = tokio::task::JoinSet::new();
        for n in 0..20 {
            let (node, key) = (app.node.clone(), app.key.secret.clone());
            let body = offer(&format!("person{n}"), &json!({ "products": ["ext:safety"] }));
            running.spawn(async move { node.send(Call::new("POST", "/api/invitations").key(&key).json(&body)).await });
        }
        let answers = running.join_all().await;
        let with_status = |status: u16| answers.iter().filter(|answer: &&Answer| answer.status == status).count();
        assert_eq!((with_status(201), with_status(409)), (5, 15));
        assert_eq!(places(&app, &seat).await, [5, 0, 0, 0]);
        // The same person twenty times at once is invited once.
        let mut running = tokio::task::JoinSet::new();
        for _ in 0..20 {
            let (node, key) = (app.node.clone(), app.key.secret.clone());
            running.spawn(async move { node.send(Call::new("POST", "/api/invitations").key(&key).json(&offer("lin", &json!({})))).await });
        }
        let answers = running.join_all().await;
        assert!(answers.iter().all(|answer| matches!(answer.status, 200 | 201 | 409)), "{:?}", answers.iter().map(Answer::text).collect::<Vec<_>>());
        assert_eq!(app.count("invitations").await, 6);
        assert_integrity(&app).await;
    }

    async fn pain_16_invitations_stay_visible_and_stand_anew(app: ApiApp) {
        let seat = ground(&app, 1).await;
        let made = invite(&app, &offer("lin", &json!({ "products": ["ext:safety"] })), 201).await;
        let old = token(&app, &id(&made), Way::Mailed).await;
        app.node.app.clock.advance(7 * 86_400 + 1);
        invitations::sweep(&app.node.app, &app.first).await.expect("a sweep");
        let expired = read(&app, &format!("/api/invitations/{}", id(&made))).await;
        assert_eq!((expired["state"].as_str(), expired.get("accept_url")), (Some("expired"), None));
        assert_eq!(places(&app, &seat).await, [0, 0, 0, 1], "nothing is held for what has ended");
        let list = read(&app, "/api/invitations?state=expired&team=ext:engines&q=lin&sort=-expires_at&expand=user,team").await;
        assert_eq!((list["data"][0]["id"].clone(), list["data"][0]["user"]["email"].clone()), (made["id"].clone(), json!("lin@example.com")));
        let anew = act(&app, &id(&made), "resend", 200).await;
        assert_eq!((anew["state"].as_str(), places(&app, &seat).await), (Some("queued"), [1, 0, 0, 0]));
        assert!(matches!(accept::look(&app.node.app, &old, app.node.app.clock.now()).await, Ok(Seen::Superseded(_))));
        let new = token(&app, &id(&made), Way::Mailed).await;
        assert!(matches!(accept::look(&app.node.app, &new, app.node.app.clock.now()).await, Ok(Seen::Open(_))));
        let too_soon = act(&app, &id(&made), "resend", 429).await;
        assert_eq!((too_soon["code"].as_str(), too_soon["retryable"].as_bool()), (Some("resend_too_soon"), Some(true)));
        assert_integrity(&app).await;
    }

    async fn accepting_gives_membership_and_place_once_however_many_try(app: ApiApp) {
        let seat = ground(&app, 2).await;
        let made = invite(&app, &offer("lin", &json!({ "role": "manager", "products": ["ext:safety"] })), 201).await;
        let token = token(&app, &id(&made), Way::Mailed).await;
        let (service, origin) = (&app.node.app, origin());
        let now = service.clock.now();
        for _ in 0..3 {
            assert!(matches!(accept::look(service, &token, now).await, Ok(Seen::Open(offer)) if offer.team == "engines" && offer.products == ["safety"]));
        }
        let tries = (0..8).map(|_| accept::accept(service, &token, None, None, &origin, now));
        let results = futures::future::join_all(tries).await;
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
        assert_eq!(places(&app, &seat).await, [0, 1, 0, 1]);
        let members = read(&app, "/api/teams/ext:engines/members").await;
        assert_eq!((members["data"][0]["role"].as_str(), members["data"][0]["managed_by"].as_str()), (Some("manager"), Some("invitation")));
        let place = read(&app, &format!("/api/seat_assignments?seat={seat}")).await;
        assert_eq!((place["data"][0]["state"].as_str(), place["data"][0]["cause"].as_str()), (Some("active"), Some("invitation")));
        let person = read(&app, "/api/users/email:lin@example.com").await;
        assert_eq!(person["status"], "active");
        let list = read(&app, "/api/invitations?state=accepted").await;
        assert_eq!(list["data"][0]["id"], made["id"]);
        assert!(matches!(accept::look(service, &token, now).await, Ok(Seen::Accepted(_))));
        act(&app, &id(&made), "revoke", 409).await;
        act(&app, &id(&made), "resend", 409).await;
        invite(&app, &offer("lin", &json!({})), 409).await;
        assert_integrity(&app).await;
    }

    async fn pain_17_a_copied_address_opens_nobody_elses_door(app: ApiApp) {
        ground(&app, 5).await;
        let service = &app.node.app;
        let now = service.clock.now();
        // Somebody who has been here: only their own session or their mailbox lets them in.
        world::team(&app, "others").await;
        world::member(&app, "grace", "others").await;
        let active = Statement::new("UPDATE users SET status = 'active' WHERE account_id = $1 AND external_id = 'grace'", vec![]);
        service.db.write(&app.first, vec![active]).await.expect("a change");
        let grace = read(&app, "/api/users/ext:grace").await;
        let made = invite(&app, &offer("grace", &json!({})), 201).await;
        let copied = token(&app, &id(&made), Way::Copied).await;
        let refused = accept::accept(service, &copied, None, None, &origin(), now).await;
        assert_eq!(refused.expect_err("no door").code(), Code::SignInRequired);
        let refused = accept::accept(service, &copied, None, Some("user_other"), &origin(), now).await;
        assert_eq!(refused.expect_err("no door").code(), Code::SignInRequired);
        let done = accept::accept(service, &copied, None, grace["id"].as_str(), &origin(), now).await.expect("accepted");
        assert!(done.started.is_none(), "she has her session");
        // Somebody new who may do something already.
        world::member(&app, "boss", "others").await;
        let role = "UPDATE team_members SET role = 'owner' WHERE account_id = $1 AND user_id IN (SELECT id FROM users WHERE account_id = $1 AND external_id = 'boss')";
        service.db.write(&app.first, vec![Statement::new(role, vec![])]).await.expect("a role");
        let made = invite(&app, &offer("boss", &json!({})), 201).await;
        let copied = token(&app, &id(&made), Way::Copied).await;
        let refused = accept::accept(service, &copied, None, None, &origin(), now).await;
        assert_eq!(refused.expect_err("no door").code(), Code::SignInRequired);
        // The mailed address proves the mailbox.
        let mailed = token(&app, &id(&made), Way::Mailed).await;
        let done = accept::accept(service, &mailed, None, Some("user_other"), &origin(), now).await.expect("accepted");
        assert!(done.started.is_some());
    }

    async fn an_invitee_may_decline_and_everything_is_free(app: ApiApp) {
        let seat = ground(&app, 1).await;
        let made = invite(&app, &offer("lin", &json!({ "products": ["ext:safety"] })), 201).await;
        let token = token(&app, &id(&made), Way::Mailed).await;
        let service = &app.node.app;
        accept::decline(service, &token, &origin(), service.clock.now()).await.expect("declined");
        let after = read(&app, &format!("/api/invitations/{}", id(&made))).await;
        assert_eq!((after["state"].as_str(), after["declined"].as_bool()), (Some("revoked"), Some(true)));
        assert_eq!(places(&app, &seat).await, [0, 0, 0, 1]);
        assert!(matches!(accept::look(service, &token, service.clock.now()).await, Ok(Seen::Revoked(_))));
    }

    async fn pain_21_nobody_offers_what_they_do_not_hold(app: ApiApp) {
        ground(&app, 5).await;
        let key = app.key_with(&app.first, &["invitations:read", "invitations:write"], KeyOptions::default()).await;
        let send = |body: JsonValue| app.send(Call::new("POST", "/api/invitations").key(&key.secret).json(&body));
        for role in ["owner", "manager"] {
            let refused = send(offer("lin", &json!({ "role": role }))).await;
            assert_eq!((refused.status, refused.json()["code"].as_str()), (403, Some("grant_exceeds_rights")), "{role}: {}", refused.text());
        }
        let refused = send(offer("lin", &json!({ "products": ["ext:safety"] }))).await;
        assert_eq!((refused.status, refused.json()["code"].as_str()), (403, Some("insufficient_scope")), "{}", refused.text());
        let made = send(offer("lin", &json!({}))).await;
        assert_eq!(made.status, 201, "{}", made.text());
        let path = format!("/api/invitations/{}", made.id());
        let shown = app.send(Call::new("GET", path).key(&key.secret)).await;
        assert!(shown.json().get("accept_url").is_none(), "without mails:read the address is not shown");
        assert_eq!(app.count("invitations").await, 1);
    }

    async fn a_key_limited_to_a_team_sees_and_touches_its_own(app: ApiApp) {
        ground(&app, 5).await;
        let other = world::team(&app, "others").await;
        let made = invite(&app, &offer("lin", &json!({})), 201).await;
        let key = app.full_key(&app.first, KeyOptions { team_ids: vec![other], ..KeyOptions::default() }).await;
        let send = |call: Call| app.send(call.key(&key.secret));
        assert_eq!(send(Call::new("GET", "/api/invitations")).await.json()["data"], json!([]));
        let path = format!("/api/invitations/{}", id(&made));
        assert_eq!(send(Call::new("GET", &path)).await.status, 404);
        assert_eq!(send(Call::new("POST", format!("{path}/revoke"))).await.status, 404);
        let foreign = send(Call::new("POST", "/api/invitations").json(&offer("mary", &json!({})))).await;
        assert_eq!(foreign.status, 422, "{}", foreign.text());
        let own = with(offer("mary", &json!({})), &json!({ "team": "ext:others" }));
        assert_eq!(send(Call::new("POST", "/api/invitations").json(&own)).await.status, 201);
        let stranger = app.send(Call::new("GET", &path).key(&app.other_key.secret)).await;
        assert_eq!(stranger.status, 404);
    }

    async fn the_end_of_a_team_or_a_person_ends_their_invitations(app: ApiApp) {
        let seat = ground(&app, 5).await;
        let lin = invite(&app, &offer("lin", &json!({ "products": ["ext:safety"] })), 201).await;
        let gone = app.delete("/api/users/email:lin@example.com").await;
        assert_eq!(gone.status, 204, "{}", gone.text());
        assert_eq!(places(&app, &seat).await, [0, 0, 0, 5]);
        assert_eq!(read(&app, &format!("/api/invitations/{}", id(&lin))).await["state"], "revoked");
        let mary = invite(&app, &offer("mary", &json!({ "products": ["ext:safety"] })), 201).await;
        let token = token(&app, &id(&mary), Way::Mailed).await;
        assert_eq!(app.delete("/api/teams/ext:engines").await.status, 204);
        let seen = accept::look(&app.node.app, &token, app.node.app.clock.now()).await;
        assert!(matches!(seen, Ok(Seen::Revoked(_))));
        assert_integrity(&app).await;
    }

    async fn pain_20_a_recycled_address_inherits_no_invitation(app: ApiApp) {
        let seat = ground(&app, 5).await;
        let made = invite(&app, &offer("lin", &json!({ "products": ["ext:safety"] })), 201).await;
        let moved = app.patch("/api/users/email:lin@example.com", &json!({ "email": "lin.clark@example.com" })).await;
        assert_eq!(moved.status, 200, "{}", moved.text());
        let other = app.post("/api/users", &json!({ "email": "lin@example.com" })).await;
        assert_eq!(other.status, 201, "{}", other.text());
        let token = token(&app, &id(&made), Way::Mailed).await;
        let service = &app.node.app;
        accept::accept(service, &token, None, None, &origin(), service.clock.now()).await.expect("accepted");
        let members = read(&app, "/api/teams/ext:engines/members").await;
        assert_eq!((members["data"].as_array().map(Vec::len), members["data"][0]["user"]["id"].clone()), (Some(1), made["user_id"].clone()));
        assert_eq!(places(&app, &seat).await, [0, 1, 0, 4]);
        // The new owner of the address is somebody else, who can be invited.
        let second = invite(&app, &offer("lin", &json!({})), 201).await;
        assert_eq!(second["user_id"].as_str(), Some(other.id().as_str()));
    }

    async fn an_existing_membership_keeps_the_higher_role(app: ApiApp) {
        ground(&app, 5).await;
        let made = invite(&app, &offer("lin", &json!({})), 201).await;
        let body = json!({ "user": "email:lin@example.com", "role": "owner" });
        assert_eq!(app.post("/api/teams/ext:engines/members", &body).await.status, 201);
        let token = token(&app, &id(&made), Way::Mailed).await;
        let service = &app.node.app;
        accept::accept(service, &token, None, None, &origin(), service.clock.now()).await.expect("accepted");
        let members = read(&app, "/api/teams/ext:engines/members").await;
        assert_eq!(members["data"][0]["role"], "owner");
    }
}

async fn world_states(app: &ApiApp, seat: &str, name: &str) -> Vec<String> {
    let person = read(app, &format!("/api/users/email:{}", world::email(name))).await;
    let path = format!(
        "/api/seat_assignments?seat={seat}&user={}",
        person["id"].as_str().expect("an id")
    );
    let list = read(app, &path).await;
    let data = list["data"].as_array().expect("a list");
    data.iter()
        .map(|one| one["state"].as_str().expect("a state").to_owned())
        .collect()
}

/// The service with a mail server and an invitation that waits to be sent.
struct Mailed {
    test: TestApp,
    smtp: FakeSmtp,
    team: String,
}

impl OnDatabase for Mailed {
    async fn on(engine: Engine) -> Self {
        let smtp = FakeSmtp::start().await;
        let port = smtp.addr().port().to_string();
        let settings = [
            ("B2B_EMAIL__HOST", "127.0.0.1"),
            ("B2B_EMAIL__PORT", port.as_str()),
            ("B2B_EMAIL__SECURITY", "none"),
            ("B2B_EMAIL__FROM", "Northwind <no-reply@example.com>"),
        ];
        let test = TestApp::with(engine, &settings).await;
        let call = ServiceCall::system(test.account.clone(), "test", test.clock.now());
        let plan = || async {
            let new = serde_json::from_value(json!({ "name": "Engines" })).expect("a body");
            b2b_dashboard::records::plan_create::<b2b_dashboard::resources::Team>(
                &test.db, &test.ids, &call, new,
            )
            .await
        };
        let team = commit(&test.db, &test.ids, &call, plan).await;
        let team = team.expect("a team").value.id.to_string();
        Self { test, smtp, team }
    }
}

impl Mailed {
    fn call(&self) -> ServiceCall {
        ServiceCall::system(self.test.account.clone(), "test", self.test.clock.now())
    }

    async fn invite(&self, further: &JsonValue) -> Id<Invitation> {
        let body = json!({ "email": "lin@example.com", "name": "Lin Clark", "team": self.team, "locale": "de" });
        let new = serde_json::from_value(with(body, further)).expect("a body");
        let call = self.call();
        let plan = || async {
            let (plan, made, _) =
                invite::plan_invite(&self.test.db, &self.test.ids, &call, &new).await?;
            Ok((plan, made.id))
        };
        let done = commit(&self.test.db, &self.test.ids, &call, plan).await;
        done.expect("an invitation").value
    }

    async fn resend(&self, id: &Id<Invitation>) {
        let call = self.call();
        let (reference, input) = (Ref::Id(id.clone()), again_input());
        let plan = || again::plan_resend(&self.test.db, &self.test.ids, &call, &reference, &input);
        commit(&self.test.db, &self.test.ids, &call, plan)
            .await
            .expect("sent again");
    }

    /// State, the mail server's words, when the next reminder is due.
    async fn state(&self) -> (String, Option<String>, Option<i64>) {
        let rows = self
            .test
            .rows(
                "SELECT state, mail_reply, remind_at FROM invitations WHERE account_id = $1",
                vec![],
            )
            .await;
        rows.into_iter().next().expect("an invitation")
    }

    async fn look(&self, message: usize) -> Seen {
        let text = self.smtp.messages()[message].text().expect("a text");
        let (_, rest) = text.split_once("/invitation/").expect("an address");
        let token = rest.split_whitespace().next().expect("a token");
        accept::look(&self.test, token, self.test.clock.now())
            .await
            .expect("a look")
    }
}

fn again_input() -> b2b_dashboard::invitations::record::ResendInput {
    b2b_dashboard::invitations::record::ResendInput::default()
}

both! {
    async fn pain_15_queued_is_not_sent_and_a_refusal_shows_the_servers_words(app: Mailed) {
        app.invite(&json!({})).await;
        assert_eq!(app.state().await.0, "queued");
        app.smtp.set(Behaviour::Answer(Step::Rcpt, 451, "later")).await;
        app.test.run_jobs().await;
        let (state, reply, _) = app.state().await;
        assert_eq!(state, "queued");
        assert!(reply.expect("words").contains("later"));
        app.smtp.set(Behaviour::Answer(Step::Rcpt, 550, "no such mailbox here")).await;
        app.test.clock.advance(600);
        app.test.run_jobs().await;
        let (state, reply, remind_at) = app.state().await;
        assert_eq!((state.as_str(), remind_at), ("failed", None));
        assert!(reply.expect("words").contains("no such mailbox here"));
        app.smtp.set(Behaviour::Accept).await;
        let rows: Vec<(Id<Invitation>,)> = app.test.rows("SELECT id FROM invitations WHERE account_id = $1", vec![]).await;
        app.resend(&rows[0].0).await;
        assert_eq!(app.state().await.0, "queued");
        app.test.run_jobs().await;
        assert_eq!(app.state().await.0, "sent");
        let mail = app.smtp.messages().remove(0);
        let text = mail.text().expect("a text");
        assert!(text.contains("Engines") && text.contains("Mitglied") && text.contains("/invitation/"), "{text}");
        assert!(matches!(app.look(0).await, Seen::Open(offer) if offer.signs_in));
    }

    async fn pain_18_a_mail_sent_again_ends_the_address_of_the_one_before(app: Mailed) {
        let id = app.invite(&json!({})).await;
        app.test.run_jobs().await;
        app.test.clock.advance(61);
        app.resend(&id).await;
        app.test.run_jobs().await;
        assert_eq!(app.smtp.messages().len(), 2);
        assert!(matches!(app.look(0).await, Seen::Superseded(_)));
        assert!(matches!(app.look(1).await, Seen::Open(_)));
    }

    async fn a_mail_that_a_newer_one_has_replaced_does_not_go_out(app: Mailed) {
        let id = app.invite(&json!({})).await;
        app.test.clock.advance(61);
        app.resend(&id).await;
        app.test.run_jobs().await;
        assert_eq!(app.smtp.messages().len(), 1);
        assert_eq!(app.state().await.0, "sent");
        let failed: Vec<(String,)> = app.test.rows("SELECT last_reply FROM mails WHERE account_id = $1 AND state = 'failed'", vec![]).await;
        assert!(failed[0].0.contains("newer mail"), "{failed:?}");
    }

    async fn reminders_go_once_each_and_not_after_the_end(app: Mailed) {
        let settings = r#"{"invitations":{"reminder_days":[3,1]}}"#;
        let set = Statement::new("UPDATE accounts SET settings = $2 WHERE account_id = $1", params![settings.to_owned()]);
        app.test.db.write(&app.test.account, vec![set]).await.expect("settings");
        app.invite(&json!({})).await;
        app.test.run_jobs().await;
        let (_, _, remind_at) = app.state().await;
        assert_eq!(remind_at, Some(app.test.clock.now().plus_days(4).micros()));
        for day in 1..=8 {
            app.test.clock.advance(86_400);
            invitations::sweep(&app.test, &app.test.account).await.expect("a sweep");
            invitations::sweep(&app.test, &app.test.account).await.expect("a second");
            worker::drain(&app.test).await.expect("jobs");
            let wanted = match day { 0..=3 => 1, 4..=5 => 2, _ => 3 };
            assert_eq!(app.smtp.messages().len(), wanted, "after {day} days");
        }
        assert!(app.smtp.messages()[1].subject().contains("Erinnerung"));
        assert!(matches!(app.look(0).await, Seen::Expired(_)), "the first address was good until the end");
        assert_eq!(app.state().await.0, "expired");
    }

    async fn without_a_mail_server_an_invitation_stays_queued_and_says_why(test: TestApp) {
        let call = ServiceCall::system(test.account.clone(), "test", test.clock.now());
        let plan = || async {
            let new = serde_json::from_value(json!({ "name": "Engines" })).expect("a body");
            b2b_dashboard::records::plan_create::<b2b_dashboard::resources::Team>(&test.db, &test.ids, &call, new).await
        };
        let team = commit(&test.db, &test.ids, &call, plan).await.expect("a team").value;
        let new = serde_json::from_value(json!({ "email": "lin@example.com", "team": team.id })).expect("a body");
        let plan = || async {
            let (plan, made, _) = invite::plan_invite(&test.db, &test.ids, &call, &new).await?;
            Ok((plan, made))
        };
        commit(&test.db, &test.ids, &call, plan).await.expect("an invitation");
        test.run_jobs().await;
        let rows: Vec<(String, Option<String>)> = test.rows("SELECT state, mail_reply FROM invitations WHERE account_id = $1", vec![]).await;
        assert_eq!(rows[0].0, "queued");
        assert!(rows[0].1.as_deref().expect("a reason").contains("No mail server"));
    }

    async fn a_role_of_the_accounts_own_is_offered_and_held(app: ApiApp) {
        ground(&app, 3).await;
        let role = app.post("/api/roles", &json!({ "name": "Coach", "external_id": "coach", "kind": "team", "permissions": ["users:read", "seats:assign"] })).await;
        assert_eq!(role.status, 201, "{}", role.text());
        let made = invite(&app, &offer("lin", &json!({ "role": "ext:coach" })), 201).await;
        assert_eq!((&made["role"], &made["role_name"]), (&json!(role.id()), &json!("Coach")), "{made}");
        let again = invite(&app, &offer("lin", &json!({ "role": role.id() })), 200).await;
        assert_eq!(again["id"], made["id"]);
        let unknown = invite(&app, &offer("ada", &json!({ "role": "ext:nobody" })), 422).await;
        assert_eq!(unknown["errors"][0]["pointer"], "/role", "{unknown}");
        let team = read(&app, "/api/teams/ext:engines").await["id"].as_str().expect("an id").to_owned();
        let poor = app.key_with(&app.first, &["invitations:write", "users:read", "teams:read"], KeyOptions { team_ids: vec![team], ..KeyOptions::default() }).await;
        let refused = app.send(Call::new("POST", "/api/invitations").key(&poor.secret).json(&offer("ada", &json!({ "role": "ext:coach" })))).await;
        assert_eq!((refused.status, refused.json()["missing"].clone()), (403, json!(["seats:assign"])), "{}", refused.text());
        let held = app.delete("/api/roles/ext:coach").await;
        assert_eq!((held.status, held.json()["held_by"]["open_invitations"].clone()), (409, json!(1)), "{}", held.text());
        // Its mail and its page name the role.
        worker::drain(&app.node.app).await.expect("jobs that run");
        let mail = made["mail_id"].as_str().expect("a mail");
        assert!(read(&app, &format!("/api/mails/{mail}")).await.to_string().contains("Coach"));
        let service = &app.node.app;
        let token = token(&app, &id(&made), Way::Mailed).await;
        accept::accept(service, &token, None, None, &origin(), service.clock.now()).await.expect("accepted");
        assert_eq!(read(&app, "/api/teams/ext:engines/members/email:lin@example.com").await["role"], role.id());
        // An offer that has expired keeps no role; sent again it is refused by what is missing.
        let late = invite(&app, &offer("grace", &json!({ "role": "ext:coach", "expires_in_days": 1 })), 201).await;
        assert_eq!(app.patch("/api/teams/ext:engines/members/email:lin@example.com", &json!({ "role": "member" })).await.status, 200);
        service.clock.advance(2 * 86_400);
        invitations::sweep(service, &app.first).await.expect("a sweep");
        assert_eq!(app.delete("/api/roles/ext:coach").await.status, 204);
        let gone = act(&app, &id(&late), "resend", 422).await;
        assert_eq!(gone["errors"][0]["pointer"], "/role", "{gone}");
    }
}
