//! Complaints that people make of systems like this one, about seats: one test for each of those that no other file
//! answers by a test of its name (`pain_01_…`, numbered as in the list of complaints).
//!
//! 1, 3, 4, 7 and 9 to 13 stand where their mechanism is tested: seats, allocations, holds, members, links, orders and
//! seats over time.

use b2b_dashboard::db::Statement;
use b2b_dashboard::params;
use b2b_dashboard::worker;
use serde_json::{Value as JsonValue, json};

use crate::support::database::both;
use crate::support::http::{Answer, ApiApp, Call};
use crate::support::world::{
    act, assert_integrity, counters, email, member, product, provision, read, seat, states, team,
    wish,
};

/// A team `t` with a seat of the product `p`, which is the course `c`.
async fn one_seat(app: &ApiApp, quantity: i64) -> String {
    product(app, "p", &["c"]).await;
    team(app, "t").await;
    seat(app, "p", &["t"], &json!({ "quantity": quantity })).await
}

/// Sends calls of one address all at once.
async fn calls_at_once(app: &ApiApp, path: &str, bodies: Vec<JsonValue>) -> Vec<Answer> {
    let mut running = tokio::task::JoinSet::new();
    for body in bodies {
        let (node, path) = (app.node.clone(), path.to_owned());
        let key = app.key.secret.clone();
        running.spawn(async move {
            node.send(Call::new("POST", path).key(&key).json(&body))
                .await
        });
    }
    running.join_all().await
}

/// The people who hold a place of a seat, by the list.
async fn holders(app: &ApiApp, seat: &str) -> Vec<String> {
    let list = read(
        app,
        &format!("/api/seat_assignments?seat={seat}&state=active&expand=user&limit=200"),
    )
    .await;
    let data = list["data"].as_array().cloned().expect("a list");
    let mut names: Vec<String> = data
        .iter()
        .map(|one| one["user"]["email"].as_str().expect("a person").to_owned())
        .collect();
    names.sort();
    names
}

both! {
    async fn pain_02_no_call_meets_a_lock_and_large_ones_are_jobs(app: ApiApp) {
        let seat = one_seat(&app, 60).await;
        for n in 0..60 {
            member(&app, &format!("p{n}"), "t").await;
        }
        let bodies = (0..20).map(|n| json!({ "users": [format!("ext:p{n}"), format!("ext:p{}", n + 20), format!("ext:p{}", n + 40)] })).collect();
        for answer in calls_at_once(&app, &format!("/api/seats/{seat}/assign"), bodies).await {
            assert_eq!(answer.status, 200, "nobody is told to wait for somebody else: {}", answer.text());
        }
        assert_eq!(counters(&app, &seat).await, [Some(60), Some(0), Some(0), Some(0)]);
        let all = app.post(&format!("/api/seats/{seat}/assign_all"), &json!({})).await;
        assert_eq!(all.status, 202, "{}", all.text());
        worker::drain(&app.node.app).await.expect("jobs that run");
        let job = read(&app, all.header("location")).await;
        assert_eq!((&job["state"], &job["unchanged"]), (&json!("succeeded"), &json!(60)), "{job}");
        assert_integrity(&app).await;
    }

    async fn pain_06_who_is_given_a_place_twice_uses_one_and_every_place_has_a_name(app: ApiApp) {
        let seat = one_seat(&app, 5).await;
        provision(&app, &wish("ada", "t", "p", &json!({})), 201).await;
        for _ in 0..3 {
            provision(&app, &wish("ada", "t", "p", &json!({})), 200).await;
        }
        let given = act(&app, &seat, "assign", &json!({ "users": ["ext:ada", "email:ADA@example.com"] }), 200).await;
        assert!(given["results"].as_array().expect("results").iter().all(|one| one["outcome"] == "already_assigned"), "{given}");
        member(&app, "grace", "t").await;
        let bodies = (0..10).map(|_| json!({ "users": ["ext:grace"] })).collect();
        for answer in calls_at_once(&app, &format!("/api/seats/{seat}/assign"), bodies).await {
            assert_eq!(answer.status, 200, "{}", answer.text());
        }
        assert_eq!(counters(&app, &seat).await, [Some(2), Some(0), Some(0), Some(3)]);
        assert_eq!(holders(&app, &seat).await, [email("ada"), email("grace")]);
        assert_integrity(&app).await;
    }

    async fn pain_08_a_place_can_be_taken_back_in_every_state(app: ApiApp) {
        let seat = one_seat(&app, 4).await;
        for name in ["new", "begun", "completed"] {
            provision(&app, &wish(name, "t", "p", &json!({})), 201).await;
        }
        for (name, percent, completed) in [("begun", 40, None), ("completed", 100, Some(1))] {
            let user = read(&app, &format!("/api/users/ext:{name}")).await["id"].clone();
            let progress = Statement::guarded(
                "UPDATE enrollments SET started_at = 1, percent = $2, completed_at = $3 WHERE account_id = $1 AND user_id = $4",
                params![percent, completed, user.as_str().expect("an id").to_owned()],
            );
            app.node.app.db.write(&app.first, vec![progress]).await.expect("progress");
        }
        let offer = json!({ "email": email("invited"), "team": "ext:t", "products": ["ext:p"] });
        let invited = app.post("/api/invitations", &offer).await;
        assert_eq!(invited.status, 201, "{}", invited.text());
        provision(&app, &wish("waiting", "t", "p", &json!({ "if_full": "waitlist" })), 201).await;
        for name in ["waiting", "invited", "new", "begun", "completed"] {
            let user = format!("email:{}", email(name));
            let taken = act(&app, &seat, "revoke", &json!({ "users": [user] }), 200).await;
            assert_eq!((&taken["results"][0]["outcome"], &taken["results"][0]["assignment"]["state"]), (&json!("ended"), &json!("revoked")), "{name}: {taken}");
        }
        assert_eq!(counters(&app, &seat).await, [Some(0), Some(0), Some(0), Some(4)]);
        assert_integrity(&app).await;
    }

    async fn pain_14_a_place_that_cannot_be_given_is_told_everywhere(app: ApiApp) {
        let seat = one_seat(&app, 1).await;
        provision(&app, &wish("ada", "t", "p", &json!({})), 201).await;
        member(&app, "grace", "t").await;
        let refused = app.post(&format!("/api/seats/{seat}/assign"), &json!({ "users": ["ext:grace"] })).await;
        let problem = refused.json();
        assert_eq!((refused.status, &problem["code"], &problem["available"]), (409, &json!("seats_exhausted"), &json!(0)), "{problem}");
        worker::publish(&app.node.app).await.expect("published");
        let events = read(&app, "/api/events?type=seat.denied").await;
        assert_eq!(events["data"].as_array().map(Vec::len), Some(1), "{events}");
        let report = read(&app, "/api/reports/denials_and_waitlist").await;
        assert!(report.to_string().contains(&email("grace")), "{report}");
        let wish = act(&app, &seat, "assign", &json!({ "users": ["ext:grace"], "if_full": "waitlist" }), 200).await;
        assert_eq!(wish["results"][0]["outcome"], "waitlisted");
        assert_eq!(states(&app, &seat, "grace").await, ["waitlisted"]);
        assert_integrity(&app).await;
    }
}
