//! What a seat knows of its past, its line and its people: balance, moments, moves, sharing, requests, and what happens by itself.

use b2b_dashboard::db::Statement;
use b2b_dashboard::params;
use b2b_dashboard::seats;
use b2b_dashboard::worker;
use serde_json::{Value as JsonValue, json};

use crate::support::database::both;
use crate::support::http::{ApiApp, Call, KeyOptions};
use crate::support::world::{
    access, act, assert_integrity, counters, member, product, provision, read, seat, states, team,
    wish,
};

const DAY: i64 = 86_400;

async fn one_seat(app: &ApiApp, further: &JsonValue) -> String {
    product(app, "p", &["c"]).await;
    team(app, "t").await;
    seat(app, "p", &["t"], further).await
}

/// A full seat of one place with these people in line, a second apart.
async fn line(app: &ApiApp, names: &[&str]) -> String {
    let seat = one_seat(app, &json!({ "quantity": 1 })).await;
    provision(app, &wish("sitter", "t", "p", &json!({})), 201).await;
    for name in names {
        app.node.app.clock.advance(1);
        provision(app, &wish(name, "t", "p", &json!({ "if_full": "waitlist" })), 201).await;
    }
    seat
}

async fn in_line(app: &ApiApp, seat: &str) -> Vec<(i64, String)> {
    let list = read(app, &format!("/api/seats/{seat}/waitlist?expand=user")).await;
    let rows = list["data"].as_array().expect("a list").iter();
    rows.map(|one| {
        let who = one["user"]["external_id"].as_str().expect("a person");
        (one["position"].as_i64().expect("a position"), who.to_owned())
    })
    .collect()
}

fn ordered(names: &[&str]) -> Vec<(i64, String)> {
    (1..).zip(names.iter().map(|name| (*name).to_owned())).collect()
}

async fn run_jobs(app: &ApiApp) {
    worker::drain(&app.node.app).await.expect("jobs that run");
}

async fn mails(app: &ApiApp, kind: &str) -> i64 {
    app.count(&format!("(SELECT account_id FROM mails WHERE account_id = $1 AND kind = '{kind}') m")).await
}

async fn settings(app: &ApiApp, body: &JsonValue) {
    let answer = app.put("/api/seat_settings", body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

async fn begin(app: &ApiApp, name: &str) {
    let user = read(app, &format!("/api/users/ext:{name}")).await["id"].clone();
    let begun = Statement::guarded(
        "UPDATE enrollments SET started_at = 1, percent = 5 WHERE account_id = $1 AND user_id = $2",
        params![user.as_str().expect("an id").to_owned()],
    );
    app.node.app.db.write(&app.first, vec![begun]).await.expect("progress");
}

both! {
    async fn the_line_shows_positions_and_is_put_in_order(app: ApiApp) {
        let seat = line(&app, &["a", "b", "c", "d"]).await;
        assert_eq!(in_line(&app, &seat).await, ordered(&["a", "b", "c", "d"]));
        let put = async |name: &str, position: i64| {
            let path = format!("/api/seats/{seat}/waitlist/ext:{name}");
            let answer = app.patch(&path, &json!({ "position": position })).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
        };
        put("c", 1).await;
        assert_eq!(in_line(&app, &seat).await, ordered(&["c", "a", "b", "d"]));
        put("d", 2).await;
        put("c", 100).await;
        assert_eq!(in_line(&app, &seat).await, ordered(&["d", "a", "b", "c"]));
        let events = app.count("events").await;
        put("a", 2).await;
        assert_eq!(app.count("events").await, events, "who stands there already is not moved");
        for _ in 0..30 {
            // However often, there is a place between two.
            put("b", 2).await;
            put("a", 2).await;
        }
        assert_eq!(in_line(&app, &seat).await, ordered(&["d", "a", "b", "c"]));
        let page = read(&app, &format!("/api/seats/{seat}/waitlist?limit=2")).await;
        let cursor = page["page"]["next_cursor"].as_str().expect("a second page").to_owned();
        let second = read(&app, &format!("/api/seats/{seat}/waitlist?limit=2&sort=waiting_at&state=waitlisted&cursor={cursor}")).await;
        assert_eq!(second["data"][0]["position"], 3);
        let gone = app.delete(&format!("/api/seats/{seat}/waitlist/ext:d")).await;
        assert_eq!(gone.status, 204, "{}", gone.text());
        assert_eq!(app.delete(&format!("/api/seats/{seat}/waitlist/ext:d")).await.status, 404);
        act(&app, &seat, "revoke", &json!({ "users": ["ext:sitter"] }), 200).await;
        assert_eq!(states(&app, &seat, "a").await, ["active"], "the first of the new order");
        assert_integrity(&app).await;
    }

    async fn every_entry_has_the_balance_after_it(app: ApiApp) {
        let seat = one_seat(&app, &json!({ "quantity": 2 })).await;
        let start = app.node.app.clock.now();
        for name in ["a", "b"] {
            app.node.app.clock.advance(60);
            provision(&app, &wish(name, "t", "p", &json!({})), 201).await;
        }
        app.node.app.clock.advance(60);
        app.patch(&format!("/api/seats/{seat}"), &json!({ "quantity": 5 })).await;
        app.node.app.clock.advance(60);
        act(&app, &seat, "revoke", &json!({ "users": ["ext:a"] }), 200).await;
        let ledger = read(&app, &format!("/api/seats/{seat}/ledger")).await;
        let balances: Vec<_> = ledger["data"].as_array().expect("a list").iter()
            .map(|line| (line["balance"]["quantity"].as_i64(), line["balance"]["assigned"].as_i64()))
            .collect();
        let wanted = [(5, 1), (5, 2), (2, 2), (2, 1), (2, 0)].map(|(q, a)| (Some(q), Some(a)));
        assert_eq!(balances, wanted);
        let some = read(&app, &format!("/api/seats/{seat}/ledger?cause=assigned&limit=1")).await;
        assert_eq!(some["data"][0]["balance"]["assigned"], 2, "filters leave the balance alone");
        let at = |seconds: i64| start.plus_seconds(seconds);
        for (moment, wanted) in [(at(0), [2, 0, 2]), (at(60), [2, 1, 1]), (at(130), [2, 2, 0]), (at(180), [5, 2, 3]), (at(999), [5, 1, 4])] {
            let then = read(&app, &format!("/api/seats/{seat}?as_of={moment}")).await;
            let told = ["quantity", "assigned", "available"].map(|name| then[name].as_i64().expect(name));
            assert_eq!(told, wanted, "{moment}");
        }
        let before = app.get(&format!("/api/seats/{seat}?as_of={}", at(-1))).await;
        assert_eq!(before.status, 404, "it was not there yet");
        assert_eq!(app.get(&format!("/api/seats/{seat}?as_of=yesterday")).await.status, 400);
    }

    async fn an_unlimited_seat_was_unlimited_before_it_was_limited(app: ApiApp) {
        let seat = one_seat(&app, &json!({ "unlimited": true })).await;
        let then = app.node.app.clock.now();
        app.node.app.clock.advance(60);
        app.patch(&format!("/api/seats/{seat}"), &json!({ "quantity": 4 })).await;
        let was = read(&app, &format!("/api/seats/{seat}?as_of={then}")).await;
        assert_eq!((was["quantity"].clone(), was["available"].clone()), (json!(null), json!(null)));
    }

    async fn free_places_move_and_both_ledgers_name_each_other(app: ApiApp) {
        let from = one_seat(&app, &json!({ "quantity": 5, "expires_in_days": 30 })).await;
        team(&app, "u").await;
        provision(&app, &wish("ada", "t", "p", &json!({})), 201).await;
        let too_many = act(&app, &from, "move", &json!({ "to_team": "ext:u", "quantity": 5 }), 409).await;
        assert_eq!(too_many["code"], "seats_exhausted");
        let moved = act(&app, &from, "move", &json!({ "to_team": "ext:u", "quantity": 3 }), 200).await;
        let to = moved["to"]["id"].as_str().expect("a seat").to_owned();
        assert_eq!((moved["from"]["quantity"].clone(), moved["to"]["quantity"].clone(), moved["to"]["expires_in_days"].clone()), (json!(2), json!(3), json!(30)));
        let left = read(&app, &format!("/api/seats/{from}/ledger")).await["data"][0].clone();
        let arrived = read(&app, &format!("/api/seats/{to}/ledger?cause=moved_in")).await["data"][0].clone();
        assert_eq!((left["counterpart_id"].clone(), left["counterpart_seat_id"].clone()), (arrived["id"].clone(), json!(to)));
        assert_eq!((arrived["counterpart_id"].clone(), arrived["counterpart_seat_id"].clone()), (left["id"].clone(), json!(from)));
        act(&app, &from, "move", &json!({ "to_team": "ext:t", "quantity": 1 }), 409).await;
        let nothing = act(&app, &from, "move", &json!({ "to_team": "ext:u", "quantity": 0 }), 422).await;
        assert_eq!(nothing["errors"][0]["pointer"], "/quantity");
        for name in ["b", "c", "d", "e"] {
            provision(&app, &wish(name, "u", "p", &json!({ "if_full": "waitlist" })), 201).await;
            app.node.app.clock.advance(1);
        }
        act(&app, &from, "move", &json!({ "to_team": "ext:u", "quantity": 1 }), 200).await;
        assert_eq!(states(&app, &to, "e").await, ["active"], "an arrived place serves who waits");
        assert_integrity(&app).await;
    }

    async fn a_shared_seat_is_left_only_by_teams_whose_people_do_not_sit(app: ApiApp) {
        let seat = one_seat(&app, &json!({ "quantity": 2 })).await;
        team(&app, "u").await;
        let teams = format!("/api/seats/{seat}/teams");
        for _ in 0..2 {
            let shared = app.post(&teams, &json!({ "team": "ext:u" })).await;
            assert_eq!(shared.json()["team_ids"].as_array().map(Vec::len), Some(2), "{}", shared.text());
        }
        provision(&app, &wish("ada", "u", "p", &json!({})), 201).await;
        assert_eq!(app.count("seats").await, 1);
        let refused = app.delete(&format!("{teams}/ext:u")).await;
        assert_eq!((refused.status, refused.json()["code"].clone()), (409, json!("in_use")), "{}", refused.text());
        let released = app.delete(&format!("{teams}/ext:u?release=true")).await;
        assert_eq!((released.status, released.json()["results"].as_array().map(Vec::len)), (200, Some(1)), "{}", released.text());
        assert_eq!(access(&app, "ada", "c").await.0, "expired");
        assert_eq!(app.delete(&format!("{teams}/ext:u")).await.status, 404);
        assert_eq!(app.delete(&format!("{teams}/ext:t")).await.status, 409, "a seat has one team at least");
        act(&app, &seat, "assign", &json!({ "users": ["ext:ada"] }), 422).await;
        seat_of_its_own(&app).await;
        let taken = app.post(&teams, &json!({ "team": "ext:w" })).await;
        assert_eq!((taken.status, taken.json()["code"].clone()), (409, json!("already_exists")), "{}", taken.text());
        assert_integrity(&app).await;
    }

    async fn pain_10_all_members_are_those_who_learn(app: ApiApp) {
        let seat = one_seat(&app, &json!({ "quantity": 3 })).await;
        for name in ["a", "b"] {
            member(&app, name, "t").await;
        }
        let owner = json!({ "user": { "email": "boss@example.com", "external_id": "boss" }, "team": { "id": "ext:t", "role": "owner" }, "welcome_email": false });
        provision(&app, &owner, 201).await;
        act(&app, &seat, "assign", &json!({ "all_members": true, "users": ["ext:a"] }), 422).await;
        let all = act(&app, &seat, "assign", &json!({ "all_members": true }), 200).await;
        assert_eq!(all["results"].as_array().map(Vec::len), Some(2));
        assert_eq!(counters(&app, &seat).await, [Some(2), Some(0), Some(0), Some(1)], "the buyer uses none");
        act(&app, &seat, "assign", &json!({ "users": ["ext:boss"] }), 200).await;
        assert_integrity(&app).await;
    }

    async fn pain_01_many_are_given_as_a_whole_or_not(app: ApiApp) {
        let seat = one_seat(&app, &json!({ "quantity": 40 })).await;
        for n in 0..41 {
            member(&app, &format!("p{n}"), "t").await;
        }
        act(&app, &seat, "assign", &json!({ "all_members": true }), 409).await;
        assert_eq!(counters(&app, &seat).await[0], Some(0));
        app.patch(&format!("/api/seats/{seat}"), &json!({ "quantity": 41 })).await;
        let facts = app.count("audit_facts").await;
        act(&app, &seat, "assign", &json!({ "all_members": true }), 200).await;
        assert_eq!((counters(&app, &seat).await[0], app.count("audit_facts").await), (Some(41), facts + 1), "one transaction");
        assert_eq!(app.count("enrollments").await, 41);
        assert_integrity(&app).await;
    }

    async fn pain_03_handing_over_needs_no_room(app: ApiApp) {
        let seat = one_seat(&app, &json!({ "quantity": 2 })).await;
        for name in ["a", "b", "c"] {
            member(&app, name, "t").await;
        }
        act(&app, &seat, "assign", &json!({ "users": ["ext:a", "ext:b"] }), 200).await;
        let over = app.patch(&format!("/api/seats/{seat}"), &json!({ "quantity": 1, "on_shortfall": "overage", "name": "Small" })).await;
        assert_eq!(over.status, 200, "{}", over.text());
        act(&app, &seat, "transfer", &json!({ "from": "ext:a", "to": "ext:c" }), 200).await;
        let renamed = app.patch(&format!("/api/seats/{seat}"), &json!({ "name": "Still over" })).await;
        assert_eq!((renamed.status, renamed.json()["overage"].clone()), (200, json!(1)));
        assert_integrity(&app).await;
    }

    async fn a_wish_is_one_request_and_its_approval_gives_the_place(app: ApiApp) {
        let seat = one_seat(&app, &json!({ "quantity": 1 })).await;
        for name in ["a", "b"] {
            member(&app, name, "t").await;
        }
        let wish = |name: &str| json!({ "user": format!("ext:{name}"), "product": "ext:p", "note": "Please" });
        let asked = app.post("/api/seat_requests", &wish("a")).await;
        assert_eq!(asked.status, 201, "{}", asked.text());
        let again = app.post("/api/seat_requests", &wish("a")).await;
        assert_eq!((again.status, again.id()), (200, asked.id()));
        let approve = format!("/api/seat_requests/{}/approve", asked.id());
        let approved = app.post(&approve, &json!({})).await;
        assert_eq!((approved.status, approved.json()["given"]["outcome"].clone()), (200, json!("assigned")), "{}", approved.text());
        assert_eq!((approved.json()["request"]["state"].clone(), states(&app, &seat, "a").await), (json!("approved"), vec!["active".to_owned()]));
        let repeat = app.post(&approve, &json!({})).await;
        assert_eq!((repeat.status, repeat.json()["given"].clone()), (200, json!(null)));
        let has = app.post("/api/seat_requests", &wish("a")).await;
        assert_eq!(has.status, 409, "{}", has.text());
        let other = app.post("/api/seat_requests", &wish("b")).await;
        let full = app.post(&format!("/api/seat_requests/{}/approve", other.id()), &json!({})).await;
        assert_eq!((full.status, full.json()["code"].clone()), (409, json!("seats_exhausted")));
        assert_eq!(read(&app, &format!("/api/seats/{seat}/denials")).await["data"][0]["cause"], "request");
        let waits = app.post(&format!("/api/seat_requests/{}/approve", other.id()), &json!({ "if_full": "waitlist" })).await;
        assert_eq!(waits.json()["given"]["outcome"], "waitlisted", "{}", waits.text());
        run_jobs(&app).await;
        assert_eq!((mails(&app, "seat_assigned").await, mails(&app, "account_notice").await), (1, 1), "both are told");
        assert_integrity(&app).await;
    }

    async fn a_declined_request_tells_why_and_one_of_somebody_gone_is_cancelled(app: ApiApp) {
        one_seat(&app, &json!({ "quantity": 1 })).await;
        for name in ["a", "b"] {
            member(&app, name, "t").await;
        }
        let mut ids = Vec::new();
        for name in ["a", "b"] {
            let asked = app.post("/api/seat_requests", &json!({ "user": format!("ext:{name}"), "product": "ext:p" })).await;
            ids.push(asked.id());
        }
        let path = format!("/api/seat_requests/{}", ids[0]);
        let silent = app.post(&format!("{path}/decline"), &json!({ "reason": " " })).await;
        assert_eq!(silent.status, 422);
        for _ in 0..2 {
            let declined = app.post(&format!("{path}/decline"), &json!({ "reason": "Not this year" })).await;
            assert_eq!((declined.status, declined.json()["reason"].clone()), (200, json!("Not this year")), "{}", declined.text());
        }
        assert_eq!(app.post(&format!("{path}/approve"), &json!({})).await.status, 409);
        run_jobs(&app).await;
        assert_eq!(mails(&app, "account_notice").await, 1);
        assert_eq!(app.delete("/api/teams/ext:t/members/ext:b").await.status, 204);
        let left = read(&app, &format!("/api/seat_requests/{}", ids[1])).await;
        assert_eq!(left["state"], "cancelled");
        let stranger = app.post("/api/seat_requests", &json!({ "user": "ext:b", "product": "ext:p" })).await;
        assert_eq!(stranger.status, 422, "who is in no team asks for none");
    }

    async fn equal_wishes_at_once_are_one_request(app: ApiApp) {
        one_seat(&app, &json!({ "quantity": 1 })).await;
        member(&app, "a", "t").await;
        let body = json!({ "user": "ext:a", "product": "ext:p" });
        let all = (0..16).map(|_| app.post("/api/seat_requests", &body));
        let answers = futures::future::join_all(all).await;
        assert!(answers.iter().all(|answer| matches!(answer.status, 200 | 201)), "{:?}", answers.iter().map(|a| a.status).collect::<Vec<_>>());
        assert_eq!(app.count("seat_requests").await, 1);
    }

    async fn pain_14_who_is_refused_is_written_down(app: ApiApp) {
        let seat = line(&app, &[]).await;
        member(&app, "ada", "t").await;
        act(&app, &seat, "assign", &json!({ "users": ["ext:ada"] }), 409).await;
        provision(&app, &wish("ada", "t", "p", &json!({})), 409).await;
        app.post(&format!("/api/seats/{seat}/holds"), &json!({ "quantity": 3 })).await;
        let list = read(&app, &format!("/api/seat_denials?seat={seat}&sort=created_at")).await;
        let told: Vec<_> = list["data"].as_array().expect("a list").iter()
            .map(|one| (one["cause"].as_str().unwrap_or_default(), one["requested"].as_i64(), one["user_id"].is_string()))
            .collect();
        assert_eq!(told, [("api", Some(1), true), ("provision", Some(1), false), ("hold", Some(3), false)]);
        let events = app.count("(SELECT account_id FROM events WHERE account_id = $1 AND type = 'seat.denied') e").await;
        assert_eq!(events, 3);
    }

    async fn reminders_come_once_for_each_day_that_was_set(app: ApiApp) {
        let seat = one_seat(&app, &json!({ "quantity": 3, "expires_in_days": 40 })).await;
        provision(&app, &wish("ada", "t", "p", &json!({})), 201).await;
        provision(&app, &wish("short", "t", "p", &json!({ "expires_in_days": 20 })), 201).await;
        let mut told = Vec::new();
        for _ in 0..41 {
            for _ in 0..2 {
                seats::reminders::remind(&app.node.app, &app.first).await.expect("reminders");
            }
            told.push(mails(&app, "seat_expiring").await);
            app.node.app.clock.advance(DAY);
        }
        // Ada 30, 7 and 1 days before; the short one, given 20 days before its end, 7 and 1.
        assert_eq!((told[9], told[10], told[12], told[13], told[19], told[32], told[33], told[40]), (0, 1, 1, 2, 3, 3, 4, 5), "{told:?}");
        let longer = json!({ "user": "ext:ada", "expires_in_days": 8 });
        act(&app, &seat, "extend", &longer, 200).await;
        app.node.app.clock.advance(DAY);
        seats::reminders::remind(&app.node.app, &app.first).await.expect("reminders");
        assert_eq!(mails(&app, "seat_expiring").await, 6, "a new end is told anew");
        settings(&app, &json!({ "reminder_days": [] })).await;
        app.node.app.clock.advance(6 * DAY);
        seats::reminders::remind(&app.node.app, &app.first).await.expect("reminders");
        assert_eq!(mails(&app, "seat_expiring").await, 6);
    }

    async fn each_level_is_told_once_for_each_crossing(app: ApiApp) {
        let seat = one_seat(&app, &json!({ "quantity": 10 })).await;
        let owner = json!({ "user": { "email": "boss@example.com" }, "team": { "id": "ext:t", "role": "owner" }, "welcome_email": false });
        provision(&app, &owner, 201).await;
        let told = async || app.count("(SELECT account_id FROM events WHERE account_id = $1 AND type = 'seat.low') e").await;
        let mut levels = Vec::new();
        for n in 0..10 {
            provision(&app, &wish(&format!("p{n}"), "t", "p", &json!({})), 201).await;
            run_jobs(&app).await;
            levels.push(told().await);
        }
        assert_eq!(levels, [0, 0, 0, 0, 0, 0, 0, 1, 2, 3], "75, 90 and 100 %");
        assert_eq!(mails(&app, "account_notice").await, 3);
        act(&app, &seat, "revoke", &json!({ "users": ["ext:p0"] }), 200).await;
        run_jobs(&app).await;
        assert_eq!(told().await, 3, "a fall is not told");
        provision(&app, &wish("p0", "t", "p", &json!({})), 201).await;
        run_jobs(&app).await;
        assert_eq!(told().await, 4, "the next crossing is");
        let lost = Statement::new("DELETE FROM jobs WHERE account_id = $1", vec![]);
        act(&app, &seat, "revoke", &json!({ "users": ["ext:p0", "ext:p1"] }), 200).await;
        app.node.app.db.write(&app.first, vec![lost]).await.expect("lost jobs");
        seats::expire_due(&app.node.app, &app.first).await.expect("a sweep");
        provision(&app, &wish("p0", "t", "p", &json!({})), 201).await;
        run_jobs(&app).await;
        assert_eq!(told().await, 5, "the sweep made good what was lost");
    }

    async fn pain_07_idle_places_go_back_after_a_notice(app: ApiApp) {
        let seat = one_seat(&app, &json!({ "quantity": 3, "reusable": false })).await;
        for name in ["busy", "idle", "late"] {
            provision(&app, &wish(name, "t", "p", &json!({})), 201).await;
        }
        provision(&app, &wish("next", "t", "p", &json!({ "if_full": "waitlist" })), 201).await;
        begin(&app, "busy").await;
        let reclaim = format!("/api/seats/{seat}/reclaim");
        assert_eq!(app.post(&reclaim, &json!({})).await.status, 409, "there is no rule yet");
        settings(&app, &json!({ "reclaim_after_days": 30, "reclaim_notice_days": 7 })).await;
        let run = async || seats::idle::reclaim_all(&app.node.app, &app.first).await.expect("a run");
        app.node.app.clock.advance(22 * DAY);
        run().await;
        run_jobs(&app).await;
        assert_eq!(mails(&app, "account_notice").await, 0);
        app.node.app.clock.advance(DAY);
        let dry = app.post(&format!("{reclaim}?dry_run=true"), &json!({})).await;
        assert_eq!(dry.json()["noticed"].as_array().map(Vec::len), Some(2), "{}", dry.text());
        run().await;
        run().await;
        run_jobs(&app).await;
        assert_eq!(mails(&app, "account_notice").await, 2, "each once");
        begin(&app, "late").await;
        app.node.app.clock.advance(7 * DAY);
        run().await;
        assert_eq!((states(&app, &seat, "idle").await, states(&app, &seat, "next").await), (vec!["revoked".to_owned()], vec!["active".to_owned()]));
        assert_eq!(counters(&app, &seat).await, [Some(3), Some(0), Some(0), Some(0)], "what was not used is not spent");
        let kept = read(&app, &format!("/api/seat_assignments?seat={seat}&user=ext:late")).await;
        assert_eq!((kept["data"][0]["state"].clone(), kept["data"][0]["reclaim_at"].clone()), (json!("active"), json!(null)));
        assert_integrity(&app).await;
    }

    async fn who_is_given_a_place_is_told_where_that_is_set(app: ApiApp) {
        let seat = one_seat(&app, &json!({ "quantity": 2 })).await;
        for name in ["a", "b", "c"] {
            member(&app, name, "t").await;
        }
        act(&app, &seat, "assign", &json!({ "users": ["ext:a"] }), 200).await;
        run_jobs(&app).await;
        assert_eq!(mails(&app, "seat_assigned").await, 0, "not unless it is set");
        act(&app, &seat, "assign", &json!({ "users": ["ext:b"], "notify": true }), 200).await;
        act(&app, &seat, "assign", &json!({ "users": ["ext:c"], "if_full": "waitlist" }), 200).await;
        act(&app, &seat, "revoke", &json!({ "users": ["ext:a"] }), 200).await;
        run_jobs(&app).await;
        assert_eq!((mails(&app, "seat_assigned").await, mails(&app, "waitlist_promoted").await), (1, 1));
        settings(&app, &json!({ "assigned_mail": true })).await;
        act(&app, &seat, "revoke", &json!({ "users": ["ext:b"] }), 200).await;
        act(&app, &seat, "assign", &json!({ "users": ["ext:a"] }), 200).await;
        run_jobs(&app).await;
        assert_eq!(mails(&app, "seat_assigned").await, 2);
    }

    async fn pain_12_two_ends_at_once_leave_no_access(app: ApiApp) {
        for name in ["p", "q"] {
            product(&app, name, &["c"]).await;
        }
        team(&app, "t").await;
        let one = seat(&app, "p", &["t"], &json!({ "quantity": 40 })).await;
        let other = seat(&app, "q", &["t"], &json!({ "quantity": 40 })).await;
        for n in 0..40 {
            for product in ["p", "q"] {
                provision(&app, &wish(&format!("p{n}"), "t", product, &json!({})), if product == "p" { 201 } else { 201 }).await;
            }
        }
        let ends = (0..40).flat_map(|n| {
            let body = json!({ "users": [format!("ext:p{n}")] });
            [(&one, body.clone()), (&other, body)]
        });
        let mut running = tokio::task::JoinSet::new();
        for (seat, body) in ends {
            let (node, key, path) = (app.node.clone(), app.key.secret.clone(), format!("/api/seats/{seat}/revoke"));
            running.spawn(async move { node.send(Call::new("POST", path).key(&key).json(&body)).await });
        }
        for answer in running.join_all().await {
            assert_eq!(answer.status, 200, "{}", answer.text());
        }
        let open = app.count("(SELECT account_id FROM enrollments WHERE account_id = $1 AND status = 'active') e").await;
        assert_eq!(open, 0, "nobody who has no place has access");
        assert_integrity(&app).await;
    }

    async fn a_limited_key_touches_its_teams_only(app: ApiApp) {
        let seat = one_seat(&app, &json!({ "quantity": 5 })).await;
        let outside = team(&app, "u").await;
        let inside = read(&app, "/api/teams/ext:t").await["id"].as_str().expect("an id").to_owned();
        app.post(&format!("/api/seats/{seat}/teams"), &json!({ "team": outside })).await;
        provision(&app, &wish("ada", "t", "p", &json!({})), 201).await;
        provision(&app, &wish("mary", "u", "p", &json!({})), 201).await;
        let key = app.full_key(&app.first, KeyOptions { team_ids: vec![inside], ..KeyOptions::default() }).await;
        let send = async |verb: &str, body: JsonValue| {
            let path = format!("/api/seats/{seat}/{verb}");
            app.send(Call::new("POST", path).key(&key.secret).json(&body)).await
        };
        let other = send("revoke", json!({ "users": ["ext:mary"] })).await;
        assert!(other.status >= 400, "{}", other.text());
        assert_eq!(states(&app, &seat, "mary").await, ["active"]);
        for (verb, body) in [
            ("move", json!({ "to_team": "ext:t", "quantity": 1 })),
            ("teams", json!({ "team": "ext:t" })),
            ("reclaim", json!({ "after_days": 1, "notice_days": 0 })),
        ] {
            let refused = send(verb, body).await;
            assert_eq!(refused.status, 403, "{verb}: {}", refused.text());
        }
        assert_eq!(send("revoke", json!({ "users": ["ext:ada"] })).await.status, 200);
        assert_integrity(&app).await;
    }
}

/// A team `w` with a seat of the product of its own.
async fn seat_of_its_own(app: &ApiApp) {
    team(app, "w").await;
    seat(app, "p", &["w"], &json!({ "quantity": 1 })).await;
}
