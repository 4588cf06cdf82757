//! Seats: exactly as many places as there are, in order, with access that lasts as long as somebody gave it.

use b2b_dashboard::types::Clock;
use b2b_dashboard::worker;
use serde_json::{Value as JsonValue, json};

use crate::support::database::{Engine, OnDatabase, both};
use crate::support::http::{Answer, ApiApp};
use crate::support::world::{
    access, act, assert_integrity, at_once, counters, email, member, product, provision, read,
    seat, states, team, wish,
};

/// With a clock that runs, for what depends on the order of arrival.
struct Running(ApiApp);

impl OnDatabase for Running {
    async fn on(engine: Engine) -> Self {
        Self(ApiApp::at(engine, Clock::system()).await)
    }
}

/// A team `t` with a seat of the product `p`, which is the course `c`.
async fn one_seat(app: &ApiApp, further: &JsonValue) -> String {
    product(app, "p", &["c"]).await;
    team(app, "t").await;
    seat(app, "p", &["t"], further).await
}

async fn assign(app: &ApiApp, seat: &str, name: &str, if_full: &str) -> JsonValue {
    let body = json!({ "users": [format!("email:{}", email(name))], "if_full": if_full });
    act(app, seat, "assign", &body, 200).await["results"][0].clone()
}

async fn revoke(app: &ApiApp, seat: &str, names: &[&str]) {
    let users: Vec<_> = names
        .iter()
        .map(|name| format!("email:{}", email(name)))
        .collect();
    act(app, seat, "revoke", &json!({ "users": users }), 200).await;
}

async fn run_jobs(app: &ApiApp) {
    worker::drain(&app.node.app).await.expect("jobs that run");
}

async fn jobs_of(app: &ApiApp, kind: &str) -> i64 {
    app.count(&format!(
        "(SELECT account_id FROM jobs WHERE account_id = $1 AND kind = '{kind}') j"
    ))
    .await
}

fn days(number: i64) -> JsonValue {
    json!({ "expires_in_days": number })
}

both! {
    async fn pain_01_a_thousand_wishes_for_ten_places_give_ten(app: ApiApp) {
        let seat = one_seat(&app, &json!({ "quantity": 10 })).await;
        let wishes = (0..1000).map(|n| wish(&format!("p{n}"), "t", "p", &json!({}))).collect();
        let answers = at_once(&app, wishes).await;
        let given = answers.iter().filter(|answer| answer.status == 201).count();
        for answer in answers.iter().filter(|answer| answer.status != 201) {
            assert_eq!((answer.status, answer.json()["code"].clone()), (409, json!("seats_exhausted")), "{}", answer.text());
        }
        assert_eq!(given, 10);
        assert_eq!(counters(&app, &seat).await, [Some(10), Some(0), Some(0), Some(0)]);
        for table in ["users", "team_members", "seat_assignments", "provisions", "enrollments"] {
            assert_eq!(app.count(table).await, 10, "{table}: who was refused has left nothing");
        }
        assert_eq!(app.count("seat_denials").await, 990);
        assert_integrity(&app).await;
    }

    async fn of_a_thousand_wishes_those_too_late_wait_in_order(running: Running) {
        let app = running.0;
        let seat = one_seat(&app, &json!({ "quantity": 10 })).await;
        let wait = json!({ "if_full": "waitlist" });
        let wishes = (0..1000).map(|n| wish(&format!("p{n}"), "t", "p", &wait)).collect();
        let answers = at_once(&app, wishes).await;
        let of = |outcome: &str| answers.iter().filter(|answer| answer.json()["seats"][0]["outcome"] == outcome).count();
        assert!(answers.iter().all(|answer| answer.status == 201));
        assert_eq!((of("assigned"), of("waitlisted")), (10, 990));
        assert_integrity(&app).await;
        let line = waiting(&app).await;
        let holder = answers.iter().map(Answer::json).filter(|body| body["seats"][0]["outcome"] == "assigned");
        let users: Vec<JsonValue> = holder.take(3).map(|body| body["user"]["id"].clone()).collect();
        let writes = app.count("audit_facts").await;
        act(&app, &seat, "revoke", &json!({ "users": users }), 200).await;
        assert_eq!(app.count("audit_facts").await, writes + 1, "one transaction");
        assert_eq!(waiting(&app).await, line[3..]);
        assert_eq!(counters(&app, &seat).await, [Some(10), Some(0), Some(987), Some(0)]);
        assert_integrity(&app).await;
        // More places than are served in one transaction: a job serves the rest.
        let grown = app.patch(&format!("/api/seats/{seat}"), &json!({ "quantity": 210 })).await;
        assert_eq!(grown.status, 200, "{}", grown.text());
        run_jobs(&app).await;
        assert_eq!(waiting(&app).await, line[203..]);
        assert_eq!(counters(&app, &seat).await, [Some(210), Some(0), Some(787), Some(0)]);
        assert_integrity(&app).await;
    }

    async fn places_added_by_a_provision_serve_everybody_who_waits(app: ApiApp) {
        let seat = one_seat(&app, &json!({ "quantity": 1 })).await;
        for n in 0..70 {
            app.node.app.clock.advance(1);
            provision(&app, &wish(&format!("p{n}"), "t", "p", &json!({ "if_full": "waitlist" })), 201).await;
        }
        provision(&app, &wish("p0", "t", "p", &json!({ "quantity": 65 })), 201).await;
        run_jobs(&app).await;
        assert_eq!(counters(&app, &seat).await, [Some(66), Some(0), Some(4), Some(0)]);
        for n in 66..70 {
            assert_eq!(states(&app, &seat, &format!("p{n}")).await, ["waitlisted"]);
        }
        assert_integrity(&app).await;
    }

    async fn equal_provisions_at_once_make_one_of_everything(app: ApiApp) {
        one_seat(&app, &json!({ "quantity": 5 })).await;
        let body = json!({ "email": email("ada"), "name": "Ada", "team": { "id": "ext:t" }, "seats": ["ext:p"] });
        let answers = at_once(&app, vec![body; 64]).await;
        let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        assert!(statuses.iter().all(|status| matches!(status, 200 | 201)), "{statuses:?}");
        assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
        for table in ["users", "team_members", "seat_assignments", "mails", "provisions", "enrollments", "sign_in_links"] {
            assert_eq!(app.count(table).await, 1, "{table}");
        }
        assert_eq!(jobs_of(&app, "send_mail").await, 1);
        assert_integrity(&app).await;
    }

    async fn equal_provisions_at_once_make_one_team_and_one_seat(app: ApiApp) {
        product(&app, "p", &["c"]).await;
        let bodies = (0..32).map(|n| json!({ "email": email(&format!("p{n}")), "team": "Engines", "seats": [{ "product": "ext:p", "if_full": "grow" }] }));
        let answers = at_once(&app, bodies.collect()).await;
        for answer in &answers {
            assert_eq!(answer.status, 201, "{}", answer.text());
        }
        for (table, count) in [("teams", 1), ("seats", 1), ("seat_assignments", 32), ("mails", 32), ("enrollments", 32)] {
            assert_eq!(app.count(table).await, count, "{table}");
        }
        let seat = answers[0].json()["seats"][0]["seat_id"].as_str().expect("an id").to_owned();
        assert_eq!(counters(&app, &seat).await, [Some(32), Some(0), Some(0), Some(0)], "it grew by what was missing");
        assert_integrity(&app).await;
    }

    async fn a_repeat_of_an_action_changes_nothing(app: ApiApp) {
        let seat = one_seat(&app, &json!({ "quantity": 2 })).await;
        member(&app, "ada", "t").await;
        assert_eq!(assign(&app, &seat, "ada", "fail").await["outcome"], "assigned");
        let extend = json!({ "user": format!("email:{}", email("ada")), "expires_at": "2027-06-01T00:00:00Z", "allow_shorten": true });
        act(&app, &seat, "extend", &extend, 200).await;
        let rows = (app.count("audit_facts").await, app.count("events").await);
        assert_eq!(assign(&app, &seat, "ada", "fail").await["outcome"], "already_assigned");
        act(&app, &seat, "extend", &extend, 200).await;
        assert_eq!((app.count("audit_facts").await, app.count("events").await), rows);
    }

    async fn a_shorter_place_leaves_the_later_end(app: ApiApp) {
        for (name, courses) in [("long", ["c", "a"]), ("short", ["c", "b"])] {
            product(&app, name, &courses).await;
        }
        team(&app, "t").await;
        let long = seat(&app, "long", &["t"], &json!({ "quantity": 5, "expires_in_days": 100 })).await;
        let short = seat(&app, "short", &["t"], &json!({ "quantity": 5, "expires_in_days": 10 })).await;
        provision(&app, &wish("ada", "t", "long", &json!({})), 201).await;
        let far = access(&app, "ada", "c").await;
        assert_eq!(far, access(&app, "ada", "a").await);
        provision(&app, &wish("ada", "t", "short", &json!({})), 201).await;
        assert_eq!(access(&app, "ada", "c").await, far);
        let near = access(&app, "ada", "b").await;
        assert!(near.1 < far.1);
        revoke(&app, &long, &["ada"]).await;
        assert_eq!(access(&app, "ada", "c").await, near, "the latest of those that are left");
        assert_eq!(access(&app, "ada", "a").await.0, "expired");
        let extend = json!({ "user": format!("email:{}", email("ada")), "expires_in_days": 5 });
        act(&app, &short, "extend", &extend, 409).await;
        let shorten = json!({ "user": format!("email:{}", email("ada")), "expires_in_days": 5, "allow_shorten": true });
        let end = act(&app, &short, "extend", &shorten, 200).await["results"][0]["assignment"]["expires_at"].clone();
        assert_eq!(json!(access(&app, "ada", "c").await.1), end, "shortened where that was said");
        revoke(&app, &short, &["ada"]).await;
        assert_eq!(access(&app, "ada", "c").await.0, "expired");
        provision(&app, &wish("ada", "t", "long", &json!({})), 201).await;
        assert_eq!(access(&app, "ada", "c").await, far);
        assert_integrity(&app).await;
    }

    async fn who_goes_leaves_every_place_and_all_access(app: ApiApp) {
        for name in ["p", "q"] {
            product(&app, name, &["c"]).await;
        }
        team(&app, "t").await;
        let one = seat(&app, "p", &["t"], &json!({ "quantity": 1 })).await;
        let other = seat(&app, "q", &["t"], &json!({ "quantity": 1 })).await;
        let ways: [(&str, &str); 3] = [("removed", "DELETE"), ("off", "PATCH"), ("deleted", "DELETE")];
        for (name, method) in ways {
            for product in ["p", "q"] {
                provision(&app, &wish(name, "t", product, &json!({ "if_full": "waitlist" })), 201).await;
            }
            app.node.app.clock.advance(1);
            let next = format!("after-{name}");
            for product in ["p", "q"] {
                provision(&app, &wish(&next, "t", product, &json!({ "if_full": "waitlist" })), 201).await;
            }
            let user = format!("email:{}", email(name));
            let answer = match (name, method) {
                ("removed", _) => app.delete(&format!("/api/teams/ext:t/members/{user}")).await,
                (_, "PATCH") => app.patch(&format!("/api/users/{user}"), &json!({ "status": "deactivated" })).await,
                _ => app.delete(&format!("/api/users/{user}")).await,
            };
            assert!(answer.status < 300, "{}", answer.text());
            run_jobs(&app).await;
            for seat in [&one, &other] {
                assert_eq!(counters(&app, seat).await, [Some(1), Some(0), Some(0), Some(0)], "{name}");
                assert_eq!(states(&app, seat, &next).await, ["active"], "{name}");
            }
            if name != "deleted" {
                assert_eq!(access(&app, name, "c").await.0, "expired", "{name}");
            }
            assert_eq!(access(&app, &next, "c").await, ("active".to_owned(), None), "{name}");
            assert_integrity(&app).await;
            revoke(&app, &one, &[&next]).await;
            revoke(&app, &other, &[&next]).await;
            assert_eq!(access(&app, &next, "c").await.0, "expired", "{name}");
        }
    }

    async fn the_end_of_a_team_serves_those_of_others_who_wait_on_several_seats(app: ApiApp) {
        for name in ["p", "q"] {
            product(&app, name, &["c"]).await;
        }
        for name in ["t", "u"] {
            team(&app, name).await;
        }
        let seats = [
            seat(&app, "p", &["t", "u"], &json!({ "quantity": 1 })).await,
            seat(&app, "q", &["t", "u"], &json!({ "quantity": 1 })).await,
        ];
        for product in ["p", "q"] {
            let shared = provision(&app, &wish("ada", "t", product, &json!({})), 201).await;
            assert_eq!(shared["seats"][0]["shared_with"].as_array().map(Vec::len), Some(1), "{shared}");
            app.node.app.clock.advance(1);
            for name in ["grace", "mary"] {
                provision(&app, &wish(name, "u", product, &json!({ "if_full": "waitlist" })), 201).await;
                app.node.app.clock.advance(1);
            }
        }
        let gone = app.delete("/api/teams/ext:t").await;
        assert_eq!(gone.status, 204, "{}", gone.text());
        run_jobs(&app).await;
        for seat in &seats {
            assert_eq!(states(&app, seat, "ada").await, ["released"]);
            assert_eq!(states(&app, seat, "grace").await, ["active"]);
            assert_eq!(states(&app, seat, "mary").await, ["waitlisted"]);
        }
        assert_eq!(access(&app, "ada", "c").await.0, "expired");
        assert_eq!(access(&app, "grace", "c").await.0, "active");
        assert_integrity(&app).await;
    }

    async fn time_ends_places_and_serves_who_waits(app: ApiApp) {
        let seat = one_seat(&app, &json!({ "quantity": 1, "expires_in_days": 10 })).await;
        provision(&app, &wish("ada", "t", "p", &days(3)), 201).await;
        app.node.app.clock.advance(1);
        provision(&app, &wish("grace", "t", "p", &json!({ "if_full": "waitlist" })), 201).await;
        let job = b2b_dashboard::jobs::Job::ExpireAssignments;
        let sweep = async |later: i64| {
            app.node.app.clock.advance(later * 86_400);
            let now = app.node.app.clock.now();
            let row = job.enqueue(&app.node.app.ids, None, now, now);
            app.node.app.db.write(&app.first, vec![row]).await.expect("a job");
            run_jobs(&app).await;
        };
        sweep(2).await;
        assert_eq!(states(&app, &seat, "ada").await, ["active"]);
        sweep(1).await;
        assert_eq!((states(&app, &seat, "ada").await, states(&app, &seat, "grace").await), (vec!["expired".to_owned()], vec!["active".to_owned()]));
        assert_eq!((access(&app, "ada", "c").await.0, access(&app, "grace", "c").await.0), ("expired".to_owned(), "active".to_owned()));
        sweep(10).await;
        assert_eq!(counters(&app, &seat).await, [Some(0), Some(0), Some(0), Some(1)]);
        assert_integrity(&app).await;
    }

    async fn places_that_are_not_reusable_are_spent(app: ApiApp) {
        let seat = one_seat(&app, &json!({ "quantity": 2, "reusable": false })).await;
        for name in ["ada", "grace", "mary"] {
            member(&app, name, "t").await;
        }
        assign(&app, &seat, "ada", "fail").await;
        let hand_over = json!({ "from": format!("email:{}", email("ada")), "to": format!("email:{}", email("grace")) });
        act(&app, &seat, "transfer", &hand_over, 409).await;
        revoke(&app, &seat, &["ada"]).await;
        assert_eq!(counters(&app, &seat).await, [Some(0), Some(1), Some(0), Some(1)]);
        assign(&app, &seat, "grace", "fail").await;
        assert_eq!(assign(&app, &seat, "mary", "waitlist").await["outcome"], "waitlisted");
        revoke(&app, &seat, &["grace"]).await;
        assert_eq!(counters(&app, &seat).await, [Some(0), Some(2), Some(1), Some(0)], "nobody moves up to a spent place");
        assert_integrity(&app).await;
    }

    async fn a_place_is_handed_over_with_its_end(app: ApiApp) {
        let seat = one_seat(&app, &json!({ "quantity": 1, "expires_in_days": 30 })).await;
        for name in ["ada", "grace"] {
            member(&app, name, "t").await;
        }
        assign(&app, &seat, "ada", "fail").await;
        let end = access(&app, "ada", "c").await.1;
        app.node.app.clock.advance(86_400);
        let hand_over = json!({ "from": format!("email:{}", email("ada")), "to": format!("email:{}", email("grace")) });
        act(&app, &seat, "transfer", &hand_over, 200).await;
        assert_eq!(access(&app, "ada", "c").await.0, "expired");
        assert_eq!(access(&app, "grace", "c").await, ("active".to_owned(), end));
        act(&app, &seat, "transfer", &hand_over, 409).await;
        assert_integrity(&app).await;
    }

    async fn a_closed_seat_gives_nothing_until_it_is_open_again(app: ApiApp) {
        let seat = one_seat(&app, &json!({ "quantity": 1 })).await;
        for name in ["ada", "grace"] {
            member(&app, name, "t").await;
            assign(&app, &seat, name, "waitlist").await;
            app.node.app.clock.advance(1);
        }
        let path = format!("/api/seats/{seat}");
        assert_eq!(app.patch(&path, &json!({ "status": "archived" })).await.status, 200);
        revoke(&app, &seat, &["ada"]).await;
        assert_eq!(counters(&app, &seat).await, [Some(0), Some(0), Some(1), Some(1)]);
        act(&app, &seat, "assign", &json!({ "users": [format!("email:{}", email("ada"))] }), 409).await;
        let refused = provision(&app, &wish("ada", "t", "p", &json!({})), 409).await;
        assert_eq!(refused["code"], "seats_exhausted", "{refused}");
        assert_eq!(app.patch(&path, &json!({ "status": "active" })).await.status, 200);
        run_jobs(&app).await;
        assert_eq!(states(&app, &seat, "grace").await, ["active"]);
        assert_integrity(&app).await;
    }

    async fn a_seat_whose_date_has_passed_gives_nothing(app: ApiApp) {
        let seat = one_seat(&app, &json!({ "quantity": 1, "expires_at": "2027-02-01T00:00:00Z" })).await;
        provision(&app, &wish("ada", "t", "p", &json!({})), 201).await;
        provision(&app, &wish("grace", "t", "p", &json!({ "if_full": "waitlist" })), 201).await;
        let lists = read(&app, "/api/seat_assignments").await;
        assert_eq!(lists["data"].as_array().map(Vec::len), Some(2));
        app.node.app.clock.advance(60 * 86_400);
        let (node, now) = (&app.node.app, app.node.app.clock.now());
        let row = b2b_dashboard::jobs::Job::ExpireAssignments.enqueue(&node.ids, None, now, now);
        node.db.write(&app.first, vec![row]).await.expect("a job");
        run_jobs(&app).await;
        assert_eq!(counters(&app, &seat).await, [Some(0), Some(0), Some(1), Some(1)], "nobody gets what is over");
        let refused = provision(&app, &wish("mary", "t", "p", &json!({})), 409).await;
        assert_eq!(refused["code"], "state_conflict", "{refused}");
        let later = app.patch(&format!("/api/seats/{seat}"), &json!({ "expires_at": "2028-01-01T00:00:00Z" })).await;
        assert_eq!(later.status, 200, "{}", later.text());
        run_jobs(&app).await;
        assert_eq!(states(&app, &seat, "grace").await, ["active"]);
        assert_integrity(&app).await;
    }

    async fn an_unlimited_seat_counts_without_a_quantity(app: ApiApp) {
        let seat = one_seat(&app, &json!({ "unlimited": true })).await;
        provision(&app, &wish("ada", "t", "p", &json!({ "quantity": 3, "assign": true })), 201).await;
        assert_eq!(counters(&app, &seat).await, [Some(1), Some(0), Some(0), None]);
        assert_integrity(&app).await;
        let resized = app.patch(&format!("/api/seats/{seat}"), &json!({ "quantity": 4 })).await;
        assert_eq!(resized.status, 200, "{}", resized.text());
        assert_eq!(counters(&app, &seat).await, [Some(1), Some(0), Some(0), Some(3)]);
        assert_integrity(&app).await;
    }

    async fn a_quantity_below_what_is_used_needs_a_word(app: ApiApp) {
        let seat = one_seat(&app, &json!({ "quantity": 2 })).await;
        for name in ["ada", "grace"] {
            member(&app, name, "t").await;
            assign(&app, &seat, name, "fail").await;
        }
        let path = format!("/api/seats/{seat}");
        let refused = app.patch(&path, &json!({ "quantity": 1 })).await;
        assert_eq!((refused.status, refused.json()["code"].clone()), (409, json!("quantity_below_usage")));
        let over = app.patch(&path, &json!({ "quantity": 1, "on_shortfall": "overage" })).await;
        assert_eq!((over.status, over.json()["overage"].clone()), (200, json!(1)), "{}", over.text());
        assert_integrity(&app).await;
        revoke(&app, &seat, &["ada"]).await;
        let now = read(&app, &path).await;
        assert_eq!((now["overage"].clone(), now["available"].clone()), (json!(0), json!(0)));
        act(&app, &seat, "assign", &json!({ "users": [format!("email:{}", email("ada"))] }), 409).await;
        assert_integrity(&app).await;
    }
}

async fn waiting(app: &ApiApp) -> Vec<String> {
    let select = b2b_dashboard::db::Select::new(
        "SELECT id FROM seat_assignments WHERE account_id = $1 AND state = 'waitlisted' ORDER BY created_at, id",
        Vec::new(),
    );
    let rows = app.node.app.db.fetch::<(String,)>(&app.first, select).await;
    rows.expect("rows").into_iter().map(|(id,)| id).collect()
}
