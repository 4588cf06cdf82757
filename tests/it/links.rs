//! Links for self-enrolment: every limit holds when many join at once and is told by its name, nothing is taken before an
//! address is confirmed, and nobody is doubled.

use axum::body::Body;
use axum::http::{Request, header};
use b2b_dashboard::access::offers::join_url;
use b2b_dashboard::access::sessions::{self, Origin, Session, Started};
use b2b_dashboard::db::Select;
use b2b_dashboard::error::{Code, Result};
use b2b_dashboard::http::site;
use b2b_dashboard::joining::confirm::{self, Asked, Joined};
use b2b_dashboard::joining::{ask, sweep, views};
use b2b_dashboard::locale::Locale;
use b2b_dashboard::params;
use b2b_dashboard::types::{Email, Name};
use http_body_util::BodyExt as _;
use serde_json::{Value as JsonValue, json};
use tower::ServiceExt as _;

use crate::support::database::both;
use crate::support::http::{ApiApp, Call, KeyOptions};
use crate::support::world::{self, assert_integrity, read, with};

fn origin() -> Origin {
    Origin {
        address: Some("192.0.2.1".into()),
        agent: None,
        request_id: "r1".into(),
    }
}

/// A team with a seat of so many places, and a link into it.
async fn ground(app: &ApiApp, places: i64, further: &JsonValue) -> (String, JsonValue) {
    world::team(app, "engines").await;
    world::product(app, "safety", &["fire"]).await;
    let seat = world::seat(app, "safety", &["engines"], &json!({ "quantity": places })).await;
    (seat, link(app, further).await)
}

async fn link(app: &ApiApp, further: &JsonValue) -> JsonValue {
    let body = json!({ "name": "Poster", "team": "ext:engines", "products": ["ext:safety"] });
    let answer = app.post("/api/links", &with(body, further)).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()
}

/// A further link of the same team.
async fn another(app: &ApiApp, further: &JsonValue) -> JsonValue {
    link(app, further).await
}

fn text(record: &JsonValue, member: &str) -> String {
    record[member].as_str().expect("a text").to_owned()
}

/// Asks to join, as the form of the public page does.
async fn ask_to_join(app: &ApiApp, link: &JsonValue, address: &str) -> Result<()> {
    let service = &app.node.app;
    ask::ask(
        service,
        &text(link, "slug"),
        &Email::parse(address).expect("an address"),
        Some(&Name::parse("Lin Clark").expect("a name")),
        &Locale::english(),
        &origin(),
        service.clock.now(),
    )
    .await
}

/// The token in the mail that confirms an address.
async fn token(app: &ApiApp, address: &str) -> String {
    let select = Select::new(
        "SELECT id FROM link_requests WHERE account_id = $1 AND email_key = $2 ORDER BY id DESC",
        params![address.to_lowercase()],
    );
    let found: Option<(String,)> = app
        .node
        .app
        .db
        .first(&app.first, select)
        .await
        .expect("a read");
    let (id,) = found.expect("a request");
    let url = join_url(&app.node.app, &app.first, &id);
    url.rsplit('/').next().expect("a token").to_owned()
}

async fn confirm_by(app: &ApiApp, token: &str) -> Result<Joined> {
    let service = &app.node.app;
    confirm::confirm(service, token, None, None, &origin(), service.clock.now()).await
}

/// Asks and confirms.
async fn join(app: &ApiApp, link: &JsonValue, address: &str) -> Result<Joined> {
    ask_to_join(app, link, address).await?;
    confirm_by(app, &token(app, address).await).await
}

async fn started(app: &ApiApp, joined: Joined) -> (Started, Session) {
    let Joined::In(Some(started)) = joined else {
        panic!("no session")
    };
    let service = &app.node.app;
    let session = sessions::resume(service, started.cookie.expose(), service.clock.now()).await;
    (started, session.expect("a read").expect("a session"))
}

/// Assigned, free, and used by the link.
async fn counts(app: &ApiApp, seat: &str, link: &JsonValue) -> [i64; 3] {
    let seat = read(app, &format!("/api/seats/{seat}")).await;
    let link = read(app, &format!("/api/links/{}", text(link, "id"))).await;
    let number = |record: &JsonValue, name: &str| record[name].as_i64().expect("a number");
    [
        number(&seat, "assigned"),
        number(&seat, "available"),
        number(&link, "used"),
    ]
}

async fn requests(app: &ApiApp, link: &JsonValue, state: &str) -> Vec<String> {
    let path = format!(
        "/api/links/{}/requests?state={state}&limit=200",
        text(link, "id")
    );
    let list = read(app, &path).await;
    let data = list["data"].as_array().expect("a list");
    data.iter().map(|one| text(one, "id")).collect()
}

fn refused<T>(result: Result<T>) -> Code {
    match result {
        Ok(_) => panic!("not refused"),
        Err(error) => error.code(),
    }
}

both! {
    async fn a_join_takes_effect_when_its_address_is_confirmed(app: ApiApp) {
        let (seat, link) = ground(&app, 5, &json!({})).await;
        ask_to_join(&app, &link, "lin@example.com").await.expect("asked");
        assert_eq!((counts(&app, &seat, &link).await, app.count("users").await), ([0, 5, 0], 0), "typing an address takes nothing");
        let token = token(&app, "lin@example.com").await;
        for _ in 0..3 {
            let seen = confirm::look(&app.node.app, &token, app.node.app.clock.now()).await;
            assert!(matches!(seen, Ok(Asked::Open(_))), "a scanner's look changes nothing");
        }
        assert_eq!(counts(&app, &seat, &link).await, [0, 5, 0]);
        let (_, session) = started(&app, confirm_by(&app, &token).await.expect("joined")).await;
        assert_eq!((session.user.email.as_str(), session.user.name.as_str()), ("lin@example.com", "Lin Clark"));
        assert_eq!(counts(&app, &seat, &link).await, [1, 4, 1]);
        let members = read(&app, "/api/teams/ext:engines/members").await;
        assert_eq!((members["data"][0]["managed_by"].as_str(), members["data"][0]["user"]["status"].as_str()), (Some("link"), Some("active")));
        let places = read(&app, &format!("/api/seat_assignments?seat={seat}")).await;
        assert_eq!(places["data"][0]["cause"], "link");
        let seen = confirm::look(&app.node.app, &token, app.node.app.clock.now()).await;
        assert!(matches!(seen, Ok(Asked::Joined(_))));
        assert_eq!(refused(confirm_by(&app, &token).await), Code::StateConflict);
        assert_integrity(&app).await;
    }

    async fn a_repeat_uses_no_second_place_and_nobody_is_doubled(app: ApiApp) {
        let (seat, link) = ground(&app, 5, &json!({})).await;
        let (_, session) = started(&app, join(&app, &link, "lin@example.com").await.expect("joined")).await;
        ask_to_join(&app, &link, "LIN@example.com").await.expect("asked again");
        let here = confirm::join(&app.node.app, &text(&link, "slug"), &session, &Locale::english(), &origin(), app.node.app.clock.now()).await;
        assert!(matches!(here, Ok(Joined::In(None))));
        assert_eq!((counts(&app, &seat, &link).await, app.count("users").await, app.count("link_requests").await), ([1, 4, 1], 1, 1));
        // Somebody known joins as who they are; who has everything already uses nothing.
        world::member(&app, "ada", "engines").await;
        let before = app.count("users").await;
        let (_, ada) = started(&app, join(&app, &link, "ada@example.com").await.expect("joined")).await;
        assert_eq!((app.count("users").await, counts(&app, &seat, &link).await), (before, [2, 3, 2]));
        let other = another(&app, &json!({ "name": "Second door" })).await;
        let joined = confirm::join(&app.node.app, &text(&other, "slug"), &ada, &Locale::english(), &origin(), app.node.app.clock.now()).await;
        assert!(matches!(joined, Ok(Joined::In(None))));
        assert_eq!(counts(&app, &seat, &other).await, [2, 3, 0]);
        assert_integrity(&app).await;
    }

    async fn pain_22_of_two_hundred_who_join_at_once_ten_do(app: ApiApp) {
        let (seat, link) = ground(&app, 500, &json!({ "max_uses": 10 })).await;
        let mut tokens = Vec::new();
        for n in 0..200 {
            let address = format!("person{n}@example.com");
            ask_to_join(&app, &link, &address).await.expect("asked");
            tokens.push(token(&app, &address).await);
        }
        let tries = tokens.iter().map(|token| confirm_by(&app, token));
        let results = futures::future::join_all(tries).await;
        let joined = results.iter().filter(|result| result.is_ok()).count();
        let codes: std::collections::BTreeSet<_> = results.iter().filter_map(|result| result.as_ref().err()).map(|error| error.code().as_str()).collect();
        assert_eq!((joined, codes), (10, ["link_used_up"].into()));
        assert_eq!(counts(&app, &seat, &link).await, [10, 490, 10]);
        let counters = read(&app, &format!("/api/links/{}/counters", text(&link, "id"))).await;
        assert_eq!((counters["refused"]["link_used_up"].as_i64(), counters["requests"]["joined"].as_i64()), (Some(190), Some(10)));
        assert_integrity(&app).await;
    }

    async fn pain_04_a_link_never_oversells_a_seat(app: ApiApp) {
        let (seat, link) = ground(&app, 7, &json!({})).await;
        let mut tokens = Vec::new();
        for n in 0..40 {
            let address = format!("person{n}@example.com");
            ask_to_join(&app, &link, &address).await.expect("asked");
            tokens.push(token(&app, &address).await);
        }
        let tries = tokens.iter().map(|token| confirm_by(&app, token));
        let results = futures::future::join_all(tries).await;
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 7);
        assert!(results.iter().filter_map(|result| result.as_ref().err()).all(|error| error.code() == Code::SeatsExhausted));
        assert_eq!(counts(&app, &seat, &link).await, [7, 0, 7]);
        assert_eq!(app.count("users").await, 7, "who was refused leaves nothing behind");
        assert_eq!(refused(ask_to_join(&app, &link, "late@example.com").await), Code::SeatsExhausted);
        let denials = app.count("seat_denials").await;
        assert!(denials >= 33, "{denials} denials");
        assert_integrity(&app).await;
    }

    async fn pain_22_each_refusal_says_which_limit_it_was(app: ApiApp) {
        let (_, link) = ground(&app, 5, &json!({ "allowed_domains": ["example.com"] })).await;
        let id = text(&link, "id");
        let now = app.node.app.clock.now();
        let set = async |body: JsonValue| {
            let answer = app.patch(&format!("/api/links/{id}"), &body).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
        };
        assert_eq!(refused(ask_to_join(&app, &link, "lin@example.org").await), Code::DomainNotAllowed);
        // Limits that begin between asking and confirming bind as well.
        ask_to_join(&app, &link, "lin@example.com").await.expect("asked");
        let token = token(&app, "lin@example.com").await;
        for (body, code) in [
            (json!({ "paused": true }), Code::LinkPaused),
            (json!({ "paused": false, "starts_at": now.plus_days(1) }), Code::LinkNotStarted),
            (json!({ "starts_at": null, "expires_at": now }), Code::LinkExpired),
            (json!({ "expires_at": null, "allowed_domains": ["example.org"] }), Code::DomainNotAllowed),
        ] {
            set(body).await;
            assert_eq!(refused(confirm_by(&app, &token).await), code);
        }
        set(json!({ "allowed_domains": [] })).await;
        assert!(confirm_by(&app, &token).await.is_ok());
        let counters = read(&app, &format!("/api/links/{id}/counters")).await;
        assert_eq!(counters["refused"], json!({ "domain_not_allowed": 2, "link_expired": 1, "link_not_started": 1, "link_paused": 1 }));
        // A deleted team closes its links.
        assert_eq!(app.delete("/api/teams/ext:engines").await.status, 204);
        assert_eq!(refused(ask_to_join(&app, &link, "mary@example.com").await), Code::NotFound);
    }

    async fn requests_wait_for_a_decision_one_or_many(app: ApiApp) {
        let (seat, link) = ground(&app, 2, &json!({ "requires_approval": true })).await;
        let id = text(&link, "id");
        for name in ["lin", "mary", "sue", "tom"] {
            let joined = join(&app, &link, &world::email(name)).await;
            assert!(matches!(joined, Ok(Joined::Waits)));
        }
        assert_eq!((counts(&app, &seat, &link).await, app.count("users").await), ([0, 2, 0], 0));
        let pending = requests(&app, &link, "pending").await;
        assert_eq!(pending.len(), 4);
        let all = app.post(&format!("/api/links/{id}/approve"), &json!({ "requests": pending })).await;
        assert_eq!((all.status, all.json()["code"].as_str()), (409, Some("seats_exhausted")), "{}", all.text());
        assert_eq!((counts(&app, &seat, &link).await, app.count("users").await), ([0, 2, 0], 0), "all or none");
        let dry = app.post(&format!("/api/links/{id}/approve?dry_run=true"), &json!({ "requests": pending[..2] })).await;
        assert_eq!((dry.status, counts(&app, &seat, &link).await), (200, [0, 2, 0]), "{}", dry.text());
        let two = app.post(&format!("/api/links/{id}/approve"), &json!({ "requests": pending[..2] })).await;
        assert_eq!((two.status, counts(&app, &seat, &link).await), (200, [2, 0, 2]), "{}", two.text());
        assert_eq!(two.json()["requests"][0]["state"], "joined");
        let again = app.post(&format!("/api/links/{id}/approve"), &json!({ "requests": pending[..2] })).await;
        assert_eq!((again.status, counts(&app, &seat, &link).await), (200, [2, 0, 2]), "{}", again.text());
        let declined = app.post(&format!("/api/links/{id}/decline"), &json!({ "requests": pending[2..], "reason": "Next time" })).await;
        assert_eq!((declined.status, declined.json()["requests"][1]["reason"].as_str()), (200, Some("Next time")), "{}", declined.text());
        let too_late = app.post(&format!("/api/links/{id}/decline"), &json!({ "requests": pending[..1] })).await;
        assert_eq!(too_late.status, 409, "{}", too_late.text());
        let mails = Select::new("SELECT kind, count(*) FROM mails WHERE account_id = $1 GROUP BY kind ORDER BY kind", vec![]);
        let mails: Vec<(String, i64)> = app.node.app.db.fetch(&app.first, mails).await.expect("mails");
        assert_eq!(mails, [("account_notice".to_owned(), 2), ("join_confirmation".to_owned(), 4), ("welcome".to_owned(), 2)]);
        ask_to_join(&app, &link, "amy@example.com").await.expect("asked");
        let unconfirmed = requests(&app, &link, "unconfirmed").await;
        let early = app.post(&format!("/api/links/{id}/approve"), &json!({ "requests": unconfirmed })).await;
        assert_eq!((early.status, early.json()["errors"][0]["code"].as_str()), (422, Some("not_confirmed")), "{}", early.text());
        assert_integrity(&app).await;
    }

    async fn the_number_of_uses_binds_those_who_decide_too(app: ApiApp) {
        let (seat, link) = ground(&app, 9, &json!({ "requires_approval": true, "max_uses": 1 })).await;
        let id = text(&link, "id");
        for name in ["lin", "mary"] {
            join(&app, &link, &world::email(name)).await.expect("asked");
        }
        let pending = requests(&app, &link, "pending").await;
        // Two decisions at once on the last use: one stands.
        let approve = |request: &String| {
            let call = Call::new("POST", format!("/api/links/{id}/approve")).key(&app.key.secret).json(&json!({ "requests": [request] }));
            app.send(call)
        };
        let (one, other) = tokio::join!(approve(&pending[0]), approve(&pending[1]));
        let mut statuses = [one.status, other.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409], "{} {}", one.text(), other.text());
        assert_eq!(counts(&app, &seat, &link).await, [1, 8, 1]);
    }

    async fn asking_again_sends_one_mail_a_minute_and_lapses_by_itself(app: ApiApp) {
        let (_, link) = ground(&app, 5, &json!({})).await;
        for _ in 0..5 {
            ask_to_join(&app, &link, "lin@example.com").await.expect("asked");
        }
        assert_eq!((app.count("mails").await, app.count("link_requests").await), (1, 1));
        app.node.app.clock.advance(61);
        ask_to_join(&app, &link, "lin@example.com").await.expect("asked");
        assert_eq!((app.count("mails").await, app.count("link_requests").await), (2, 1));
        let token = token(&app, "lin@example.com").await;
        app.node.app.clock.advance(3 * 86_400 + 1);
        let seen = confirm::look(&app.node.app, &token, app.node.app.clock.now()).await;
        assert!(matches!(seen, Ok(Asked::Expired)));
        assert_eq!(refused(confirm_by(&app, &token).await), Code::StateConflict);
        sweep(&app.node.app, &app.first).await.expect("a sweep");
        assert_eq!(app.count("link_requests").await, 0, "an address that nobody confirmed is not kept");
    }

    async fn pain_21_a_link_gives_nothing_its_maker_does_not_hold(app: ApiApp) {
        let (_, link) = ground(&app, 5, &json!({})).await;
        let key = app.key_with(&app.first, &["links:read", "links:write"], KeyOptions::default()).await;
        let send = |method: &str, path: String, body: JsonValue| app.send(Call::new(method, path).key(&key.secret).json(&body));
        let new = json!({ "name": "Door", "team": "ext:engines" });
        for (further, code) in [
            (json!({ "role": "manager" }), "grant_exceeds_rights"),
            (json!({ "products": ["ext:safety"] }), "insufficient_scope"),
        ] {
            let answer = send("POST", "/api/links".into(), with(new.clone(), &further)).await;
            assert_eq!((answer.status, answer.json()["code"].as_str()), (403, Some(code)), "{}", answer.text());
        }
        let made = send("POST", "/api/links".into(), new).await;
        assert_eq!(made.status, 201, "{}", made.text());
        let raised = send("PATCH", format!("/api/links/{}", made.id()), json!({ "role": "manager" })).await;
        assert_eq!(raised.status, 403, "{}", raised.text());
        let owner = app.post("/api/links", &json!({ "name": "Door", "team": "ext:engines", "role": "owner" })).await;
        assert_eq!(owner.status, 422, "{}", owner.text());
        // Approving grants as well.
        let waits = another(&app, &json!({ "role": "manager", "requires_approval": true })).await;
        join(&app, &waits, "lin@example.com").await.expect("asked");
        let pending = requests(&app, &waits, "pending").await;
        let refused = send("POST", format!("/api/links/{}/approve", text(&waits, "id")), json!({ "requests": pending })).await;
        assert_eq!((refused.status, refused.json()["code"].as_str()), (403, Some("grant_exceeds_rights")), "{}", refused.text());
        assert!(text(&link, "url").ends_with(&format!("/join/{}", text(&link, "slug"))));
    }

    async fn a_key_limited_to_a_team_makes_and_sees_its_own_links(app: ApiApp) {
        let (_, link) = ground(&app, 5, &json!({})).await;
        let other = world::team(&app, "others").await;
        let key = app.full_key(&app.first, KeyOptions { team_ids: vec![other], ..KeyOptions::default() }).await;
        let send = |call: Call| app.send(call.key(&key.secret));
        let path = format!("/api/links/{}", text(&link, "id"));
        for (method, path) in [("GET", path.clone()), ("DELETE", path.clone()), ("GET", format!("{path}/qr")), ("GET", format!("{path}/requests")), ("GET", format!("{path}/counters"))] {
            assert_eq!(send(Call::new(method, &path)).await.status, 404, "{method} {path}");
        }
        assert_eq!(send(Call::new("PATCH", &path).json(&json!({ "paused": true }))).await.status, 404);
        let foreign = send(Call::new("POST", "/api/links").json(&json!({ "name": "Door", "team": "ext:engines" }))).await;
        assert_eq!(foreign.status, 422, "{}", foreign.text());
        let own = send(Call::new("POST", "/api/links").json(&json!({ "name": "Door", "team": "ext:others" }))).await;
        assert_eq!(own.status, 201, "{}", own.text());
        let list = send(Call::new("GET", "/api/links")).await.json();
        assert_eq!((list["data"].as_array().map(Vec::len), list["data"][0]["id"].as_str()), (Some(1), Some(own.id().as_str())));
    }

    async fn slugs_are_unique_over_all_accounts_and_the_old_one_dies(app: ApiApp) {
        let (_, link) = ground(&app, 5, &json!({ "slug": "spring-school" })).await;
        let now = app.node.app.clock.now();
        let look = |slug: &'static str| ask::look(&app.node.app, slug, now);
        assert_eq!(look("spring-school").await.expect("a read").expect("a link").team.name.as_str(), "engines");
        let team = app.send(Call::new("POST", "/api/teams").key(&app.other_key.secret).json(&json!({ "name": "Theirs", "external_id": "theirs" }))).await;
        assert_eq!(team.status, 201);
        let taken = app.send(Call::new("POST", "/api/links").key(&app.other_key.secret).json(&json!({ "name": "Door", "team": "ext:theirs", "slug": "spring-school" }))).await;
        assert_eq!((taken.status, taken.json()["member"].as_str()), (409, Some("slug")), "{}", taken.text());
        let moved = app.patch(&format!("/api/links/{}", text(&link, "id")), &json!({ "slug": "summer-school" })).await;
        assert_eq!(moved.status, 200, "{}", moved.text());
        assert!(look("spring-school").await.expect("a read").is_none());
        assert!(look("summer-school").await.expect("a read").is_some());
        // Nobody has asked: it can be deleted, and its slug is free. Else it stays.
        ask_to_join(&app, &moved.json(), "lin@example.com").await.expect("asked");
        assert_eq!(app.delete(&format!("/api/links/{}", text(&link, "id"))).await.status, 204);
        let used = another(&app, &json!({ "slug": "summer-school" })).await;
        join(&app, &used, "mary@example.com").await.expect("joined");
        let kept = app.delete(&format!("/api/links/{}", text(&used, "id"))).await;
        assert_eq!((kept.status, kept.json()["code"].as_str()), (409, Some("in_use")), "{}", kept.text());
    }

    async fn a_link_is_kept_by_the_callers_own_key(app: ApiApp) {
        let (_, _) = ground(&app, 5, &json!({})).await;
        let body = json!({ "name": "Hall", "team": "ext:engines", "max_uses": 3 });
        let made = app.put("/api/links/ext:hall", &body).await;
        assert_eq!(made.status, 201, "{}", made.text());
        let again = app.put("/api/links/ext:hall", &body).await;
        assert_eq!((again.status, again.json()["slug"].clone()), (200, made.json()["slug"].clone()), "{}", again.text());
        let changed = app.put("/api/links/ext:hall", &json!({ "name": "Hall B", "team": "ext:engines" })).await;
        assert_eq!((changed.status, changed.json()["name"].as_str(), changed.json()["max_uses"].as_i64()), (200, Some("Hall B"), Some(3)));
        world::team(&app, "others").await;
        let moved = app.put("/api/links/ext:hall", &json!({ "name": "Hall", "team": "ext:others" })).await;
        assert_eq!(moved.status, 422, "{}", moved.text());
        let svg = app.get("/api/links/ext:hall/qr").await;
        assert_eq!((svg.status, svg.header("content-type")), (200, "image/svg+xml"));
        let png = app.get("/api/links/ext:hall/qr?format=png").await;
        assert!(png.status == 200 && png.body.starts_with(b"\x89PNG"), "{}", png.status);
        assert_eq!(app.get("/api/links/ext:hall/qr?format=gif").await.status, 400);
    }

    async fn forms_from_one_address_are_limited(app: ApiApp) {
        let (_, link) = ground(&app, 5, &json!({})).await;
        let post = |n: usize| {
            let body = format!("name=Lin&email=lin{n}%40example.com");
            let request = Request::post(format!("/join/{}", text(&link, "slug")))
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(Body::from(body))
                .expect("a request");
            let site = site(&app.node.app);
            async move {
                let response = site.oneshot(request).await.expect("an answer");
                let status = response.status().as_u16();
                let body = response.into_body().collect().await.expect("a body").to_bytes();
                (status, String::from_utf8_lossy(&body).into_owned())
            }
        };
        let (status, page) = post(0).await;
        assert!(status == 200 && page.contains("Check your mail"), "{status} {page}");
        let mut last = 200;
        for n in 1..=60 {
            last = post(n).await.0;
        }
        assert_eq!(last, 429);
        app.node.app.clock.advance(60);
        assert_eq!(post(99).await.0, 200);
    }

    async fn the_mail_of_a_join_has_its_link_and_none_is_stored(app: ApiApp) {
        let (_, link) = ground(&app, 5, &json!({})).await;
        ask_to_join(&app, &link, "lin@example.com").await.expect("asked");
        b2b_dashboard::worker::drain(&app.node.app).await.expect("jobs");
        let select = Select::new("SELECT state, text_body, context FROM mails WHERE account_id = $1", vec![]);
        let (state, body, context): (String, String, String) = app.node.app.db.first(&app.first, select).await.expect("a read").expect("a mail");
        assert_eq!(state, "caught");
        assert!(body.contains(&format!("/join/confirm/{}", token(&app, "lin@example.com").await)), "{body}");
        assert!(!context.contains("/join/"), "{context}");
    }

    async fn a_link_gives_a_role_of_the_accounts_own_and_nobody_gives_more_than_they_hold(app: ApiApp) {
        let (_, plain) = ground(&app, 5, &json!({})).await;
        let role = app.post("/api/roles", &json!({ "name": "Coach", "external_id": "coach", "kind": "team", "permissions": ["users:read", "seats:assign"] })).await;
        assert_eq!(role.status, 201, "{}", role.text());
        let coach = another(&app, &json!({ "role": "ext:coach", "products": [] })).await;
        assert_eq!((&coach["role"], &coach["role_name"]), (&json!(role.id()), &json!("Coach")), "{coach}");
        join(&app, &coach, "lin@example.com").await.expect("a join");
        let member = read(&app, "/api/teams/ext:engines/members/email:lin@example.com").await;
        assert_eq!(member["role"], role.id());
        // A mere member is raised; who runs the team is not made less.
        join(&app, &plain, "ada@example.com").await.expect("a join");
        join(&app, &coach, "ada@example.com").await.expect("a join");
        assert_eq!(read(&app, "/api/teams/ext:engines/members/email:ada@example.com").await["role"], role.id());
        let owner = json!({ "email": "grace@example.com", "role": "owner" });
        assert_eq!(app.post("/api/teams/ext:engines/members", &owner).await.status, 201);
        join(&app, &coach, "grace@example.com").await.expect("a join");
        assert_eq!(read(&app, "/api/teams/ext:engines/members/email:grace@example.com").await["role"], "owner");
        // Who lacks one of its rights offers it neither new nor by a change.
        let team = read(&app, "/api/teams/ext:engines").await["id"].as_str().expect("an id").to_owned();
        let poor = app.key_with(&app.first, &["links:read", "links:write", "invitations:write", "users:read", "teams:read"], KeyOptions { team_ids: vec![team], ..KeyOptions::default() }).await;
        let body = json!({ "name": "X", "team": "ext:engines", "role": "ext:coach" });
        let refused = app.send(Call::new("POST", "/api/links").key(&poor.secret).json(&body)).await;
        assert_eq!((refused.status, refused.json()["missing"].clone()), (403, json!(["seats:assign"])), "{}", refused.text());
        let own = app.send(Call::new("POST", "/api/links").key(&poor.secret).json(&json!({ "name": "Y", "team": "ext:engines" }))).await;
        assert_eq!(own.status, 201, "{}", own.text());
        let path = format!("/api/links/{}", own.id());
        let raised = app.send(Call::new("PATCH", &path).key(&poor.secret).json(&json!({ "role": "ext:coach" }))).await;
        assert_eq!((raised.status, raised.json()["code"].clone()), (403, json!("grant_exceeds_rights")), "{}", raised.text());
        let raised = app.patch(&path, &json!({ "role": "ext:coach" })).await;
        assert_eq!((raised.status, raised.json()["role_name"].clone()), (200, json!("Coach")), "{}", raised.text());
        let unknown = app.patch(&path, &json!({ "role": "ext:nobody" })).await;
        assert_eq!((unknown.status, unknown.json()["errors"][0]["pointer"].clone()), (422, json!("/role")), "{}", unknown.text());
        let lowered = app.patch(&path, &json!({ "role": "member" })).await;
        assert_eq!((&lowered.json()["role"], &lowered.json()["role_name"]), (&json!("member"), &JsonValue::Null), "{}", lowered.text());
        // A role that is offered stays.
        let held = app.delete("/api/roles/ext:coach").await;
        assert_eq!((held.status, held.json()["held_by"]["links"].clone()), (409, json!(1)), "{}", held.text());
        assert_integrity(&app).await;
    }

    async fn openings_of_the_page_are_counted_together(app: ApiApp) {
        let (_, link) = ground(&app, 5, &json!({})).await;
        let (service, path) = (&app.node.app, format!("/join/{}", text(&link, "slug")));
        let site = site(service);
        let writes = service.db.writes();
        for (method, count) in [("GET", 25), ("HEAD", 7)] {
            for _ in 0..count {
                let request = Request::builder().method(method).uri(&path).body(Body::empty()).expect("a request");
                assert_eq!(site.clone().oneshot(request).await.expect("an answer").status(), 200);
            }
        }
        let nowhere = Request::builder().uri("/join/nowhere").body(Body::empty()).expect("a request");
        site.clone().oneshot(nowhere).await.expect("an answer");
        assert_eq!(service.db.writes(), writes, "no request waits for its count");
        let counters = format!("/api/links/{}/counters", text(&link, "id"));
        assert_eq!(read(&app, &counters).await["views"], 0);
        views::write(service).await;
        assert_eq!(service.db.writes(), writes + 1, "one write for all of them");
        let told = read(&app, &counters).await;
        assert_eq!((&told["views"], told["last_viewed_at"].is_string()), (&json!(25), true), "{told}");
        // What is opened later comes on top, and is written by itself a moment later.
        let again = Request::builder().uri(&path).body(Body::empty()).expect("a request");
        site.oneshot(again).await.expect("an answer");
        for _ in 0..100 {
            if read(&app, &counters).await["views"] == 26 {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        assert_eq!(read(&app, &counters).await["views"], 26);
        assert_eq!(app.delete(&format!("/api/links/{}", text(&link, "id"))).await.status, 204);
    }
}
