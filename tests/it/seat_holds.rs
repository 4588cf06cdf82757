//! Holds: places promised to a checkout are nobody else's until they are confirmed, released or lapse.

use b2b_dashboard::worker;
use serde_json::{Value as JsonValue, json};

use crate::support::database::both;
use crate::support::http::{Answer, ApiApp, Call};
use crate::support::world::{
    access, assert_integrity, member, product, provision, read, seat, states, team, wish,
};

async fn one_seat(app: &ApiApp, quantity: i64) -> String {
    product(app, "p", &["c"]).await;
    team(app, "t").await;
    seat(app, "p", &["t"], &json!({ "quantity": quantity })).await
}

async fn hold(app: &ApiApp, seat: &str, body: &JsonValue, status: u16) -> JsonValue {
    let answer = app.post(&format!("/api/seats/{seat}/holds"), body).await;
    assert_eq!(answer.status, status, "{}", answer.text());
    answer.json()
}

async fn end(app: &ApiApp, hold: &JsonValue, verb: &str, body: &JsonValue) -> Answer {
    let id = hold["id"].as_str().expect("an id");
    app.post(&format!("/api/seat_holds/{id}/{verb}"), body)
        .await
}

async fn numbers(app: &ApiApp, seat: &str) -> [i64; 4] {
    let seat = read(app, &format!("/api/seats/{seat}")).await;
    ["quantity", "assigned", "reserved", "available"].map(|name| seat[name].as_i64().expect(name))
}

async fn later(app: &ApiApp, seconds: i64) {
    app.node.app.clock.advance(seconds);
    worker::drain(&app.node.app).await.expect("jobs that run");
}

both! {
    async fn pain_04_places_are_reserved_at_the_sale(app: ApiApp) {
        let seat = one_seat(&app, 2).await;
        let held = hold(&app, &seat, &json!({ "quantity": 2, "ttl_seconds": 60 }), 201).await;
        assert_eq!((held["state"].clone(), held["items"][0]["quantity"].clone()), (json!("held"), json!(2)));
        assert_eq!(numbers(&app, &seat).await, [2, 0, 2, 0]);
        assert_integrity(&app).await;
        let refused = provision(&app, &wish("ada", "t", "p", &json!({})), 409).await;
        assert_eq!(refused["code"], "seats_exhausted");
        let full = hold(&app, &seat, &json!({ "quantity": 1 }), 409).await;
        assert_eq!((full["code"].clone(), full["available"].clone()), (json!("seats_exhausted"), json!(0)));
        member(&app, "ada", "t").await;
        let confirmed = end(&app, &held, "confirm", &json!({ "users": ["ext:ada"] })).await;
        assert_eq!(confirmed.status, 200, "{}", confirmed.text());
        let result = confirmed.json();
        assert_eq!((result["hold"]["state"].clone(), result["results"][0]["outcome"].clone()), (json!("confirmed"), json!("assigned")));
        assert_eq!(numbers(&app, &seat).await, [2, 1, 0, 1], "what nobody got is given back");
        assert_eq!(access(&app, "ada", "c").await.0, "active");
        let again = end(&app, &held, "confirm", &json!({ "users": ["ext:ada"] })).await;
        assert_eq!((again.status, again.json()["results"].clone()), (200, json!([])), "a repeat changes nothing");
        assert_eq!(end(&app, &held, "release", &json!({})).await.status, 409);
        assert_integrity(&app).await;
    }

    async fn a_hold_over_several_seats_is_all_or_nothing(app: ApiApp) {
        let one = one_seat(&app, 5).await;
        product(&app, "q", &["d"]).await;
        let other = seat(&app, "q", &["t"], &json!({ "quantity": 1 })).await;
        let body = |count: i64| json!({ "items": [{ "seat": one, "quantity": 3 }, { "seat": other, "quantity": count }], "reference": "cart-1" });
        let refused = app.post("/api/seat_holds", &body(2)).await;
        assert_eq!((refused.status, refused.json()["seat_id"].clone()), (409, json!(other)), "{}", refused.text());
        assert_eq!((numbers(&app, &one).await, numbers(&app, &other).await), ([5, 0, 0, 5], [1, 0, 0, 1]));
        let made = app.post("/api/seat_holds", &body(1)).await;
        assert_eq!(made.status, 201, "{}", made.text());
        let again = app.post("/api/seat_holds", &body(1)).await;
        assert_eq!((again.status, again.id()), (200, made.id()), "the same reference is the same hold");
        assert_eq!(app.post("/api/seat_holds", &body(2)).await.status, 409);
        assert_eq!((numbers(&app, &one).await[2], numbers(&app, &other).await[2]), (3, 1));
        let listed = read(&app, &format!("/api/seat_holds?seat={other}&state=held&reference=cart-1")).await;
        assert_eq!(listed["data"].as_array().map(Vec::len), Some(1));
        for name in ["ada", "grace"] {
            member(&app, name, "t").await;
        }
        let items = json!({ "items": [{ "seat": one, "users": ["ext:ada", "ext:grace"] }, { "seat": other, "users": ["ext:ada", "ext:grace"] }] });
        let many = end(&app, &made.json(), "confirm", &items).await;
        assert_eq!((many.status, many.json()["errors"][0]["pointer"].clone()), (422, json!("/items/1/users/1")), "{}", many.text());
        let items = json!({ "items": [{ "seat": one, "users": ["ext:ada", "ext:grace"] }, { "seat": other, "users": ["ext:ada"] }] });
        let confirmed = end(&app, &made.json(), "confirm", &items).await;
        assert_eq!(confirmed.status, 200, "{}", confirmed.text());
        assert_eq!((numbers(&app, &one).await, numbers(&app, &other).await), ([5, 2, 0, 3], [1, 1, 0, 0]));
        assert_integrity(&app).await;
    }

    async fn held_places_move_to_the_team_that_bought_them(app: ApiApp) {
        let pool = one_seat(&app, 10).await;
        team(&app, "buyer").await;
        let held = hold(&app, &pool, &json!({ "quantity": 4 }), 201).await;
        let moved = end(&app, &held, "confirm", &json!({ "to_team": "ext:buyer" })).await;
        assert_eq!(moved.status, 200, "{}", moved.text());
        let target = moved.json()["hold"]["items"][0]["moved_to"].as_str().expect("a seat").to_owned();
        assert_eq!((numbers(&app, &pool).await, numbers(&app, &target).await), ([6, 0, 0, 6], [4, 0, 0, 4]));
        assert_integrity(&app).await;
    }

    async fn a_hold_lapses_at_its_end_and_serves_who_waits(app: ApiApp) {
        let seat = one_seat(&app, 1).await;
        let held = hold(&app, &seat, &json!({ "quantity": 1, "ttl_seconds": 60 }), 201).await;
        provision(&app, &wish("ada", "t", "p", &json!({ "if_full": "waitlist" })), 201).await;
        later(&app, 59).await;
        assert_eq!(states(&app, &seat, "ada").await, ["waitlisted"]);
        app.node.app.clock.advance(1);
        let late = end(&app, &held, "confirm", &json!({ "users": ["ext:ada"] })).await;
        assert_eq!((late.status, late.json()["code"].clone()), (409, json!("hold_lapsed")), "its time is over before the sweep comes");
        later(&app, 0).await;
        assert_eq!(states(&app, &seat, "ada").await, ["active"]);
        let now = read(&app, &format!("/api/seat_holds/{}", held["id"].as_str().expect("an id"))).await;
        assert_eq!(now["state"], "lapsed");
        for verb in ["confirm", "release"] {
            let late = end(&app, &held, verb, &json!({ "users": ["ext:ada"] })).await;
            assert_eq!((late.status, late.json()["code"].clone()), (409, json!("hold_lapsed")), "{verb}");
        }
        assert_integrity(&app).await;
    }

    async fn a_hold_whose_job_was_lost_is_swept(app: ApiApp) {
        let seat = one_seat(&app, 3).await;
        hold(&app, &seat, &json!({ "quantity": 3, "ttl_seconds": 60 }), 201).await;
        let lost = b2b_dashboard::db::Statement::new("DELETE FROM jobs WHERE account_id = $1 AND kind = 'lapse_hold'", vec![]);
        app.node.app.db.write(&app.first, vec![lost]).await.expect("a lost job");
        app.node.app.clock.advance(61);
        b2b_dashboard::seats::expire_due(&app.node.app, &app.first).await.expect("a sweep");
        assert_eq!(numbers(&app, &seat).await, [3, 0, 0, 3]);
        assert_integrity(&app).await;
    }

    async fn a_release_serves_who_waits_at_once(app: ApiApp) {
        let seat = one_seat(&app, 1).await;
        let held = hold(&app, &seat, &json!({ "quantity": 1 }), 201).await;
        provision(&app, &wish("ada", "t", "p", &json!({ "if_full": "waitlist" })), 201).await;
        for _ in 0..2 {
            let released = end(&app, &held, "release", &json!({})).await;
            assert_eq!((released.status, released.json()["state"].clone()), (200, json!("released")), "{}", released.text());
        }
        assert_eq!(states(&app, &seat, "ada").await, ["active"]);
        assert_integrity(&app).await;
    }

    async fn parallel_holds_never_promise_more_than_there_is(app: ApiApp) {
        let seat = one_seat(&app, 10).await;
        let mut running = tokio::task::JoinSet::new();
        for _ in 0..60 {
            let (node, key, path) = (app.node.clone(), app.key.secret.clone(), format!("/api/seats/{seat}/holds"));
            running.spawn(async move { node.send(Call::new("POST", path).key(&key).json(&json!({ "quantity": 3 }))).await });
        }
        let answers = running.join_all().await;
        let made: Vec<_> = answers.iter().filter(|answer| answer.status == 201).map(Answer::json).collect();
        assert!(answers.iter().all(|answer| matches!(answer.status, 201 | 409)));
        assert_eq!(made.len(), 3);
        assert_eq!(numbers(&app, &seat).await, [10, 0, 9, 1]);
        assert_integrity(&app).await;
        // Confirmed and released at the same moment: one of them wins.
        member(&app, "ada", "t").await;
        let (one, two) = futures::future::join(
            end(&app, &made[0], "confirm", &json!({ "users": ["ext:ada"] })),
            end(&app, &made[0], "release", &json!({})),
        )
        .await;
        assert_eq!([one.status, two.status].iter().filter(|status| **status == 200).count(), 1, "{} {}", one.text(), two.text());
        assert_integrity(&app).await;
    }

    async fn faults_of_a_hold_are_told_where_they_are(app: ApiApp) {
        let seat = one_seat(&app, 1).await;
        for (body, pointer) in [
            (json!({ "quantity": 0 }), "/quantity"),
            (json!({ "quantity": 1, "ttl_seconds": 0 }), "/ttl_seconds"),
            (json!({ "quantity": 1, "ttl_seconds": 5, "expires_at": "2027-01-01T00:00:00Z" }), "/expires_at"),
            (json!({ "quantity": 1, "expires_at": "2020-01-01T00:00:00Z" }), "/expires_at"),
        ] {
            let refused = hold(&app, &seat, &body, 422).await;
            let told = refused["errors"][0]["pointer"].as_str().expect("a pointer");
            assert!(told.ends_with(pointer), "{refused}");
        }
        let empty = app.post("/api/seat_holds", &json!({ "items": [] })).await;
        assert_eq!(empty.status, 422);
        let held = hold(&app, &seat, &json!({ "quantity": 1 }), 201).await;
        let nobody = end(&app, &held, "confirm", &json!({})).await;
        assert_eq!(nobody.status, 422, "{}", nobody.text());
    }
}
