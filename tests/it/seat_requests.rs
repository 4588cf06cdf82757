//! Requests for places: one pending wish for a thing, decided once, by the one door to every seat, with a mail to whom it
//! concerns.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use b2b_dashboard::access::cookies;
use b2b_dashboard::access::sessions::{self, Origin};
use b2b_dashboard::db::Select;
use b2b_dashboard::{http, params, worker};
use http_body_util::BodyExt as _;
use serde_json::{Value as JsonValue, json};
use tower::ServiceExt as _;

use crate::support::database::both;
use crate::support::http::{Answer, ApiApp, Call, KeyOptions};
use crate::support::world::{
    assert_integrity, counters, member, product, read, seat, states, team, with,
};

/// A team with a boss who owns it, a manager and a learner, and a seat of so many places.
async fn ground(app: &ApiApp, places: i64) -> String {
    product(app, "p", &["c"]).await;
    team(app, "t").await;
    for (name, role) in [("boss", "owner"), ("lead", "manager"), ("ada", "member")] {
        member(app, name, "t").await;
        let path = format!("/api/teams/ext:t/members/ext:{name}");
        let answer = app.patch(&path, &json!({ "role": role })).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    seat(app, "p", &["t"], &json!({ "quantity": places })).await
}

fn wish(further: &JsonValue) -> JsonValue {
    let body = json!({ "user": "ext:ada", "team": "ext:t", "product": "ext:p" });
    with(body, further)
}

async fn ask(app: &ApiApp, further: &JsonValue, status: u16) -> JsonValue {
    let answer = app.post("/api/seat_requests", &wish(further)).await;
    assert_eq!(answer.status, status, "{}", answer.text());
    answer.json()
}

async fn decide(app: &ApiApp, request: &JsonValue, verb: &str, body: &JsonValue) -> Answer {
    let id = request["id"].as_str().expect("an id");
    app.post(&format!("/api/seat_requests/{id}/{verb}"), body)
        .await
}

/// Kind and address of the mails about requests, in the order of the addresses.
async fn mails(app: &ApiApp) -> Vec<(String, String)> {
    worker::drain(&app.node.app).await.expect("jobs that run");
    let select = Select::new(
        "SELECT kind, to_address FROM mails WHERE account_id = $1 AND kind LIKE 'seat_request%' ORDER BY kind, to_address",
        params![],
    );
    let found = app.node.app.db.fetch(&app.first, select).await;
    found.expect("mails")
}

async fn events(app: &ApiApp) -> Vec<String> {
    let select = Select::new(
        "SELECT type FROM events WHERE account_id = $1 AND type LIKE 'seat_request.%'",
        params![],
    );
    let found: Vec<(String,)> = app
        .node
        .app
        .db
        .fetch(&app.first, select)
        .await
        .expect("events");
    let mut kinds: Vec<String> = found.into_iter().map(|(kind,)| kind).collect();
    kinds.sort();
    kinds
}

fn mail(kind: &str, name: &str) -> (String, String) {
    (kind.to_owned(), format!("{name}@example.com"))
}

both! {
    async fn a_wish_is_told_decided_and_told_again(app: ApiApp) {
        let seat = ground(&app, 1).await;
        let request = ask(&app, &json!({ "note": "For Monday" }), 201).await;
        assert_eq!((request["state"].clone(), request["note"].clone()), (json!("pending"), json!("For Monday")));
        let again = ask(&app, &json!({ "note": "Please" }), 200).await;
        assert_eq!(again["id"], request["id"], "one pending wish for a thing");
        assert_eq!(mails(&app).await, [mail("seat_requested", "boss"), mail("seat_requested", "lead")]);
        let approved = decide(&app, &request, "approve", &json!({})).await;
        assert_eq!(approved.status, 200, "{}", approved.text());
        let body = approved.json();
        assert_eq!((body["state"].clone(), body["result"]["outcome"].clone()), (json!("approved"), json!("assigned")));
        assert_eq!(body["assignment_id"], body["result"]["assignment"]["id"]);
        assert_eq!(body["result"]["assignment"]["cause"], "request");
        assert_eq!(states(&app, &seat, "ada").await, ["active"]);
        assert_eq!(mails(&app).await, [mail("seat_request_decided", "ada"), mail("seat_requested", "boss"), mail("seat_requested", "lead")]);
        let repeat = decide(&app, &request, "approve", &json!({})).await;
        assert_eq!((repeat.status, repeat.json()["assignment_id"].clone()), (200, body["assignment_id"].clone()));
        for verb in ["decline", "cancel"] {
            let late = decide(&app, &request, verb, &json!({})).await;
            assert_eq!((late.status, late.json()["code"].clone()), (409, json!("state_conflict")), "{verb}");
        }
        assert_eq!(events(&app).await, ["seat_request.approved", "seat_request.created"]);
        let has = ask(&app, &json!({}), 409).await;
        assert_eq!(has["code"], "state_conflict", "who has a place needs no other");
        assert_eq!(mails(&app).await.len(), 3, "nobody is told twice");
        assert_integrity(&app).await;
    }

    async fn an_approval_goes_by_the_one_door(app: ApiApp) {
        let seat = ground(&app, 0).await;
        let request = ask(&app, &json!({}), 201).await;
        let full = decide(&app, &request, "approve", &json!({})).await;
        assert_eq!((full.status, full.json()["code"].clone()), (409, json!("seats_exhausted")), "{}", full.text());
        let now = read(&app, &format!("/api/seat_requests/{}", request["id"].as_str().expect("an id"))).await;
        assert_eq!(now["state"], "pending", "it can still be decided");
        assert_eq!(read(&app, &format!("/api/seats/{seat}/denials")).await["data"][0]["cause"], "request");
        let waits = decide(&app, &request, "approve", &json!({ "if_full": "waitlist" })).await;
        assert_eq!((waits.status, waits.json()["result"]["outcome"].clone()), (200, json!("waitlisted")), "{}", waits.text());
        assert_eq!(counters(&app, &seat).await, [Some(0), Some(0), Some(1), Some(0)]);
        let body = json!({ "user": "ext:lead", "team": "ext:t", "product": "ext:p" });
        let other = app.post("/api/seat_requests", &body).await.json();
        let grown = decide(&app, &other, "approve", &json!({ "if_full": "grow", "expires_in_days": 5 })).await;
        assert_eq!(grown.status, 200, "{}", grown.text());
        assert!(grown.json()["result"]["assignment"]["expires_at"].is_string());
        assert_eq!(counters(&app, &seat).await, [Some(1), Some(0), Some(1), Some(0)]);
        // Two who decide at once give one place.
        member(&app, "bob", "t").await;
        let body = json!({ "user": "ext:bob", "team": "ext:t", "product": "ext:p" });
        let one = app.post("/api/seat_requests", &body).await.json();
        let grow = json!({ "if_full": "grow" });
        let (first, second) = futures::future::join(decide(&app, &one, "approve", &grow), decide(&app, &one, "approve", &grow)).await;
        assert_eq!((first.status, second.status), (200, 200), "{} {}", first.text(), second.text());
        assert_eq!(states(&app, &seat, "bob").await, ["active"]);
        assert_integrity(&app).await;
    }

    async fn a_refusal_has_its_reason_and_a_new_wish_may_follow(app: ApiApp) {
        ground(&app, 1).await;
        let request = ask(&app, &json!({}), 201).await;
        let declined = decide(&app, &request, "decline", &json!({ "reason": "Not before May" })).await;
        let body = declined.json();
        assert_eq!((declined.status, body["state"].clone(), body["reason"].clone()), (200, json!("declined"), json!("Not before May")));
        assert_eq!(body["decided_by"], "Test", "the key that decided");
        assert_eq!(mails(&app).await, [mail("seat_request_decided", "ada")], "who would have decided need not any more");
        let second = ask(&app, &json!({}), 201).await;
        assert_ne!(second["id"], request["id"]);
        let taken = decide(&app, &second, "cancel", &json!({})).await;
        assert_eq!((taken.status, taken.json()["state"].clone()), (200, json!("cancelled")));
        assert_eq!(decide(&app, &second, "approve", &json!({})).await.status, 409);
        assert_eq!(events(&app).await, ["cancelled", "created", "created", "declined"].map(|verb| format!("seat_request.{verb}")));
        let list = read(&app, "/api/seat_requests?user=ext:ada&state=declined,cancelled&expand=product").await;
        assert_eq!((list["data"].as_array().map(Vec::len), list["data"][0]["product"]["name"].clone()), (Some(2), json!("p")));
    }

    async fn a_wish_needs_a_membership_and_ends_with_it(app: ApiApp) {
        ground(&app, 1).await;
        team(&app, "u").await;
        let body = json!({ "user": "ext:ada", "team": "ext:u", "product": "ext:p" });
        let outside = app.post("/api/seat_requests", &body).await;
        assert_eq!((outside.status, outside.json()["errors"][0]["code"].clone()), (422, json!("not_a_member")));
        product(&app, "q", &["d"]).await;
        let none = ask(&app, &json!({ "product": "ext:q" }), 201).await;
        let refused = decide(&app, &none, "approve", &json!({ "if_full": "grow" })).await;
        assert_eq!((refused.status, refused.json()["code"].clone()), (409, json!("seats_exhausted")), "the team holds no seat of it");
        let request = ask(&app, &json!({}), 201).await;
        assert_eq!(app.delete("/api/teams/ext:t/members/ext:ada").await.status, 204);
        for one in [&none, &request] {
            let id = one["id"].as_str().expect("an id");
            assert_eq!(read(&app, &format!("/api/seat_requests/{id}")).await["state"], "cancelled");
        }
        assert_eq!(mails(&app).await, [], "nobody decides on it");
    }

    async fn keys_see_and_decide_what_is_their_teams(app: ApiApp) {
        ground(&app, 1).await;
        let other = team(&app, "u").await;
        let request = ask(&app, &json!({}), 201).await;
        let id = request["id"].as_str().expect("an id").to_owned();
        let options = KeyOptions { team_ids: vec![other], ..KeyOptions::default() };
        let key = app.full_key(&app.first, options).await.secret;
        assert_eq!(app.send(Call::new("GET", "/api/seat_requests").key(&key)).await.json()["data"], json!([]));
        for verb in ["approve", "decline", "cancel"] {
            let call = Call::new("POST", format!("/api/seat_requests/{id}/{verb}")).key(&key).json(&json!({}));
            assert_eq!(app.send(call).await.status, 404, "{verb}");
        }
        let call = Call::new("POST", "/api/seat_requests").key(&key).json(&wish(&json!({})));
        assert_eq!(app.send(call).await.status, 422);
        let few = app.key_with(&app.first, &["seats:read", "seats:assign"], KeyOptions::default()).await.secret;
        let call = Call::new("POST", format!("/api/seat_requests/{id}/approve")).key(&few).json(&json!({ "if_full": "grow" }));
        let grow = app.send(call).await;
        assert_eq!((grow.status, grow.json()["required"].clone()), (403, json!("seats:write")), "who makes places needs to be allowed to");
    }

    /// A learner asks on their own page, a manager decides on theirs, and neither sees more than that.
    async fn people_ask_and_decide_on_their_own_pages(app: ApiApp) {
        let seat = ground(&app, 1).await;
        let ada = Page::of(&app, "ada").await;
        let lead = Page::of(&app, "lead").await;
        assert!(ada.get("/my").await.contains("Ask for a seat"));
        let (t, p) = (read(&app, "/api/teams/ext:t").await, read(&app, "/api/products/ext:p").await);
        let what = format!("{} {}", t["id"].as_str().expect("an id"), p["id"].as_str().expect("an id"));
        ada.post("/my/requests", &[("wish", &what), ("note", "<b>Soon</b>")]).await;
        let page = ada.get("/my").await;
        assert!(page.contains("Not decided yet") && !page.contains("Ask for a seat</h2>"), "{page}");
        assert_eq!(ada.status("/my/requests").await, StatusCode::SEE_OTHER, "who decides nothing has no page for it");
        assert!(lead.get("/my").await.contains("One request for a seat waits for you."));
        let page = lead.get("/my/requests").await;
        assert!(page.contains("ada@example.com") && page.contains("&lt;b&gt;Soon"), "{page}");
        let list = read(&app, "/api/seat_requests?state=pending").await;
        let id = list["data"][0]["id"].as_str().expect("an id").to_owned();
        ada.post(&format!("/my/requests/{id}/approve"), &[]).await;
        assert_eq!(states(&app, &seat, "ada").await, Vec::<String>::new(), "nobody approves their own wish without the right to");
        lead.post(&format!("/my/requests/{id}/cancel"), &[]).await;
        assert_eq!(read(&app, &format!("/api/seat_requests/{id}")).await["state"], "pending", "only its owner takes it back there");
        lead.post(&format!("/my/requests/{id}/approve"), &[("if_full", "fail")]).await;
        assert_eq!(states(&app, &seat, "ada").await, ["active"]);
        let now = read(&app, &format!("/api/seat_requests/{id}")).await;
        assert_eq!((now["state"].clone(), now["decided_by"].clone()), (json!("approved"), json!("lead@example.com")));
        assert!(ada.get("/my").await.contains("Approved"));
        assert!(lead.get("/my/requests").await.contains("Nothing to decide"));
    }
}

/// The site with somebody signed in.
struct Page<'a> {
    app: &'a ApiApp,
    cookie: String,
    csrf: String,
}

impl<'a> Page<'a> {
    async fn of(app: &'a ApiApp, name: &str) -> Self {
        let service = &app.node.app;
        let user = read(app, &format!("/api/users/ext:{name}")).await;
        let active = app
            .patch(
                &format!("/api/users/ext:{name}"),
                &json!({ "status": "active" }),
            )
            .await;
        assert_eq!(active.status, 200, "{}", active.text());
        let from = Origin {
            address: None,
            agent: None,
            request_id: "r1".into(),
        };
        let now = service.clock.now();
        let user = user["id"].as_str().expect("an id");
        let (started, row) = sessions::start(service, &app.first, user, &from, now);
        service
            .db
            .write(&app.first, vec![row])
            .await
            .expect("a session");
        let cookie = started.cookie.expose().clone();
        let session = sessions::resume(service, &cookie, now)
            .await
            .expect("a read");
        Self {
            csrf: cookies::csrf_token(service, &session.expect("a session")),
            cookie: format!("{}={cookie}", cookies::cookie_name(&service.config)),
            app,
        }
    }

    async fn send(&self, request: Request<Body>) -> (StatusCode, String) {
        let response = http::site(&self.app.node.app)
            .oneshot(request)
            .await
            .expect("an answer");
        let status = response.status();
        let body = response.into_body().collect().await.expect("a body");
        (
            status,
            String::from_utf8(body.to_bytes().to_vec()).expect("text"),
        )
    }

    fn request(&self, path: &str) -> Request<Body> {
        let request = Request::get(path).header(header::COOKIE, &self.cookie);
        request.body(Body::empty()).expect("a request")
    }

    async fn get(&self, path: &str) -> String {
        let (status, text) = self.send(self.request(path)).await;
        assert_eq!(status, StatusCode::OK, "{path}: {text}");
        text
    }

    async fn status(&self, path: &str) -> StatusCode {
        self.send(self.request(path)).await.0
    }

    async fn post(&self, path: &str, pairs: &[(&str, &str)]) {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("csrf", &self.csrf)
            .extend_pairs(pairs)
            .finish();
        let request = Request::post(path)
            .header(header::COOKIE, &self.cookie)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(body))
            .expect("a request");
        let (status, text) = self.send(request).await;
        assert_eq!(status, StatusCode::SEE_OTHER, "{path}: {text}");
    }
}
