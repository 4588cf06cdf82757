//! Seats over time: balances and counters of any moment, reminders, levels, places that nobody uses, settings.

use b2b_dashboard::db::{Select, Statement};
use b2b_dashboard::jobs::Job;
use b2b_dashboard::params;
use b2b_dashboard::types::Timestamp;
use b2b_dashboard::worker;
use serde_json::{Value as JsonValue, json};

use crate::support::database::both;
use crate::support::http::{ApiApp, Call, KeyOptions};
use crate::support::world::{
    access, act, assert_integrity, at_once, counters, email, member, product, provision, read,
    seat, states, team, wish,
};

const DAY: i64 = 86_400;

/// A team `t` with a seat of the product `p`, which is the course `c`.
async fn one_seat(app: &ApiApp, further: &JsonValue) -> String {
    product(app, "p", &["c"]).await;
    team(app, "t").await;
    seat(app, "p", &["t"], further).await
}

async fn give(app: &ApiApp, name: &str, further: &JsonValue) -> JsonValue {
    provision(app, &wish(name, "t", "p", further), 201).await
}

async fn revoke(app: &ApiApp, seat: &str, name: &str) {
    let body = json!({ "users": [format!("ext:{name}")] });
    act(app, seat, "revoke", &body, 200).await;
}

/// So many days later the round of this job comes, twice, as after a lease that ran out, and what follows from it.
async fn round(app: &ApiApp, job: &Job, days: i64) {
    app.node.app.clock.advance(days * DAY);
    let now = app.node.app.clock.now();
    let rows = [job, job].map(|job| job.enqueue(&app.node.app.ids, None, now, now));
    let written = app.node.app.db.write(&app.first, rows.to_vec()).await;
    written.expect("jobs");
    worker::drain(&app.node.app).await.expect("jobs that run");
}

async fn settings(app: &ApiApp, body: &JsonValue) {
    let call = Call::new("PATCH", "/api/settings/seats")
        .key(&app.key.secret)
        .json(body);
    let answer = app.node.send(call).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// Kind, address and language of the mails of a kind, the oldest first.
async fn mails(app: &ApiApp, kind: &str) -> Vec<(String, String)> {
    let select = Select::new(
        "SELECT to_address, COALESCE(subject, '') FROM mails WHERE account_id = $1 AND kind = $2 ORDER BY created_at, to_address",
        params![kind.to_owned()],
    );
    app.node
        .app
        .db
        .fetch(&app.first, select)
        .await
        .expect("mails")
}

/// The data of the events of a kind, in their order.
async fn events(app: &ApiApp, kind: &str) -> Vec<JsonValue> {
    worker::publish(&app.node.app).await.expect("published");
    let list = read(app, &format!("/api/events?type={kind}&limit=200")).await;
    let data = list["data"].as_array().cloned().expect("a list");
    data.into_iter()
        .map(|event| event["data"].clone())
        .collect()
}

async fn extend(app: &ApiApp, seat: &str, name: &str, days: i64) {
    let body = json!({ "user": format!("ext:{name}"), "expires_in_days": days });
    act(app, seat, "extend", &body, 200).await;
}

/// Notes activity of a person in all their courses.
async fn study(app: &ApiApp, name: &str, completed: bool) {
    let user = read(app, &format!("/api/users/ext:{name}")).await["id"].clone();
    let now = app.node.app.clock.now();
    let done = completed.then_some(now);
    let activity = Statement::guarded(
        "UPDATE enrollments SET last_activity_at = $2, completed_at = $3, version = version + 1 WHERE account_id = $1 AND user_id = $4",
        params![now, done, user.as_str().expect("an id").to_owned()],
    );
    let written = app.node.app.db.write(&app.first, vec![activity]).await;
    written.expect("activity");
}

fn after(entry: &JsonValue) -> [Option<i64>; 6] {
    [
        "quantity",
        "assigned",
        "reserved",
        "spent",
        "waitlisted",
        "available",
    ]
    .map(|name| entry[format!("{name}_after")].as_i64())
}

/// The whole ledger, page by page, the newest first.
async fn ledger(app: &ApiApp, seat: &str, limit: usize) -> Vec<JsonValue> {
    let mut all = Vec::new();
    let mut path = format!("/api/seats/{seat}/ledger?limit={limit}");
    loop {
        let page = read(app, &path).await;
        all.extend(page["data"].as_array().cloned().expect("a page"));
        let Some(cursor) = page["page"]["next_cursor"].as_str() else {
            return all;
        };
        path = format!("/api/seats/{seat}/ledger?limit={limit}&cursor={cursor}");
    }
}

/// Each entry stands on the one before it, and the last on the seat.
async fn assert_balances(app: &ApiApp, seat: &str) {
    let entries = ledger(app, seat, 7).await;
    let now = read(app, &format!("/api/seats/{seat}")).await;
    let newest = entries.first().expect("an entry");
    for name in [
        "quantity",
        "assigned",
        "reserved",
        "spent",
        "waitlisted",
        "available",
    ] {
        assert_eq!(newest[format!("{name}_after")], now[name], "{name}");
    }
    for pair in entries.windows(2) {
        let [later, earlier] = pair else { continue };
        for name in ["quantity", "assigned", "reserved", "spent", "waitlisted"] {
            let number = |entry: &JsonValue, of: &str| entry[format!("{name}_{of}")].as_i64();
            let (Some(before), Some(after)) = (number(earlier, "after"), number(later, "after"))
            else {
                continue;
            };
            assert_eq!(
                before + number(later, "delta").expect("a delta"),
                after,
                "{name}: {later}"
            );
        }
        let at = |entry: &JsonValue| entry["created_at"].as_str().and_then(Timestamp::parse);
        assert!(at(later) > at(earlier), "{later}\n{earlier}");
    }
}

both! {
    async fn every_entry_of_the_ledger_says_what_stood_after_it(app: ApiApp) {
        let seat = one_seat(&app, &json!({ "quantity": 2, "reusable": false })).await;
        give(&app, "ada", &json!({})).await;
        give(&app, "grace", &json!({})).await;
        give(&app, "mary", &json!({ "if_full": "waitlist" })).await;
        let full = ledger(&app, &seat, 1).await;
        assert_eq!(after(&full[0]), [Some(2), Some(2), Some(0), Some(0), Some(1), Some(0)]);
        let more = json!({ "quantity": 4 });
        let answer = app.node.send(Call::new("PATCH", format!("/api/seats/{seat}")).key(&app.key.secret).json(&more)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        // The move up of who waits is an entry of the same change.
        let grown = ledger(&app, &seat, 2).await;
        assert_eq!(grown[0]["cause"], "promoted");
        assert_eq!(after(&grown[0]), [Some(4), Some(3), Some(0), Some(0), Some(0), Some(1)]);
        assert_eq!(after(&grown[1]), [Some(4), Some(2), Some(0), Some(0), Some(1), Some(2)]);
        revoke(&app, &seat, "ada").await;
        assert_eq!(after(&ledger(&app, &seat, 3).await[0]), [Some(4), Some(2), Some(0), Some(1), Some(0), Some(1)]);
        assert_balances(&app, &seat).await;
        assert_integrity(&app).await;
    }

    async fn an_unlimited_seat_has_a_balance_without_a_quantity(app: ApiApp) {
        let seat = one_seat(&app, &json!({ "unlimited": true })).await;
        give(&app, "ada", &json!({ "quantity": 5, "assign": true })).await;
        assert_eq!(after(&ledger(&app, &seat, 5).await[0]), [None, Some(1), Some(0), Some(0), Some(0), None]);
        let limited = Call::new("PATCH", format!("/api/seats/{seat}")).key(&app.key.secret).json(&json!({ "quantity": 3 }));
        assert_eq!(app.node.send(limited).await.status, 200);
        assert_eq!(after(&ledger(&app, &seat, 5).await[0]), [Some(3), Some(1), Some(0), Some(0), Some(0), Some(2)]);
        assert_balances(&app, &seat).await;
        assert_integrity(&app).await;
    }

    async fn balances_follow_each_other_however_many_write_at_once(app: ApiApp) {
        let seat = one_seat(&app, &json!({ "quantity": 20 })).await;
        let wishes = (0..40).map(|n| wish(&format!("p{n}"), "t", "p", &json!({ "if_full": "waitlist" }))).collect();
        for answer in at_once(&app, wishes).await {
            assert_eq!(answer.status, 201, "{}", answer.text());
        }
        assert_balances(&app, &seat).await;
        assert_integrity(&app).await;
    }

    async fn all_seats_are_shown_as_they_stood(app: ApiApp) {
        let made = app.node.app.clock.now();
        let first = one_seat(&app, &json!({ "quantity": 1 })).await;
        app.node.app.clock.advance(DAY);
        give(&app, "ada", &json!({})).await;
        product(&app, "later", &["welding"]).await;
        let later = seat(&app, "later", &["t"], &json!({ "quantity": 5 })).await;
        let all = async |query: &str| {
            let page = read(&app, &format!("/api/seats?{query}")).await;
            let rows = page["data"].as_array().expect("rows").iter();
            let rows = rows.map(|row| (row["id"].as_str().unwrap_or_default().to_owned(), row["assigned"].clone()));
            (rows.collect::<Vec<_>>(), page["page"]["next_cursor"].as_str().map(str::to_owned))
        };
        let (at, now) = (made.plus_seconds(1), app.node.app.clock.now());
        assert_eq!(all(&format!("as_of={at}")).await, (vec![(first.clone(), json!(0))], None));
        assert_eq!(all(&format!("as_of={now}")).await.0, [(later.clone(), json!(0)), (first.clone(), json!(1))]);
        // A walk stays at its moment, and a place in it leads nowhere at another.
        let (page, next) = all(&format!("as_of={now}&limit=1")).await;
        let next = next.expect("a second page");
        assert_eq!(page, [(later, json!(0))]);
        assert_eq!(all(&format!("as_of={now}&limit=1&cursor={next}")).await, (vec![(first, json!(1))], None));
        for wrong in ["as_of=tomorrow".to_owned(), "as_of=2099-01-01T00:00:00Z".to_owned(), format!("limit=1&cursor={next}")] {
            let refused = app.get(&format!("/api/seats?{wrong}")).await;
            assert_eq!(refused.status, 400, "{wrong}: {}", refused.text());
        }
        let elsewhere = team(&app, "elsewhere").await;
        let limited = app.full_key(&app.first, KeyOptions { team_ids: vec![elsewhere], ..KeyOptions::default() }).await;
        let hidden = app.node.send(Call::new("GET", format!("/api/seats?as_of={at}")).key(&limited.secret)).await;
        assert_eq!(hidden.json()["data"], json!([]));
    }

    async fn a_balance_that_was_tampered_with_is_found(app: ApiApp) {
        let seat = one_seat(&app, &json!({ "quantity": 2 })).await;
        give(&app, "ada", &json!({})).await;
        let wrong = Statement::guarded("UPDATE seat_ledger SET assigned_after = 2 WHERE account_id = $1 AND cause = 'assigned'", vec![]);
        app.node.app.db.write(&app.first, vec![wrong]).await.expect("a wrong balance");
        let report = read(&app, "/api/integrity").await;
        assert_eq!(report["mismatches"], json!([{ "seat_id": seat, "with": "balance", "counters": [2, 2, 0, 0, 0], "other": [2, 1, 0, 0, 0] }]));
    }

    async fn a_seat_is_shown_as_it_stood(app: ApiApp) {
        let made = app.node.app.clock.now();
        let seat = one_seat(&app, &json!({ "quantity": 1 })).await;
        let path = |at: Timestamp| format!("/api/seats/{seat}?as_of={at}");
        app.node.app.clock.advance(DAY);
        give(&app, "ada", &json!({})).await;
        app.node.app.clock.advance(DAY);
        let grown = Call::new("PATCH", format!("/api/seats/{seat}")).key(&app.key.secret).json(&json!({ "quantity": 3, "name": "Spring" }));
        assert_eq!(app.node.send(grown).await.status, 200);
        app.node.app.clock.advance(DAY);
        revoke(&app, &seat, "ada").await;
        let numbers = async |at: Timestamp| {
            let seat = read(&app, &path(at)).await;
            ["quantity", "assigned", "available"].map(|name| seat[name].as_i64())
        };
        assert_eq!(numbers(made.plus_seconds(1)).await, [Some(1), Some(0), Some(1)]);
        assert_eq!(numbers(made.plus_days(1)).await, [Some(1), Some(1), Some(0)]);
        assert_eq!(numbers(made.plus_days(2)).await, [Some(3), Some(1), Some(2)]);
        assert_eq!(numbers(app.node.app.clock.now()).await, [Some(3), Some(0), Some(3)]);
        let before = app.get(&path(made.plus_days(-1))).await;
        assert_eq!((before.status, before.json()["code"].as_str()), (404, Some("not_found")), "{}", before.text());
        assert!(before.text().contains("did not exist"), "{}", before.text());
        for wrong in ["tomorrow", "2099-01-01T00:00:00Z"] {
            let refused = app.get(&format!("/api/seats/{seat}?as_of={wrong}")).await;
            assert_eq!(refused.json()["code"], "invalid_parameter", "{}", refused.text());
        }
        // Who sees other teams only, or another account, finds nothing, at whatever moment.
        let elsewhere = team(&app, "elsewhere").await;
        let limited = app.full_key(&app.first, KeyOptions { team_ids: vec![elsewhere], ..KeyOptions::default() }).await;
        for key in [&limited, &app.other_key] {
            assert_eq!(app.node.send(Call::new("GET", path(made.plus_days(1))).key(&key.secret)).await.status, 404);
        }
    }

    async fn pain_12_reminders_follow_the_latest_end_and_go_once_each(app: ApiApp) {
        let seat = one_seat(&app, &json!({ "quantity": 9 })).await;
        // ada: one end. grace: renewed in between. mary: another seat opens the course for longer. lin: too short for 30.
        give(&app, "ada", &json!({ "expires_in_days": 40 })).await;
        give(&app, "grace", &json!({ "expires_in_days": 40 })).await;
        give(&app, "mary", &json!({ "expires_in_days": 40 })).await;
        give(&app, "lin", &json!({ "expires_in_days": 5 })).await;
        product(&app, "longer", &["c", "d"]).await;
        let other = seat_of(&app, "longer").await;
        provision(&app, &wish("mary", "t", "longer", &json!({ "expires_in_days": 60 })), 201).await;
        let german = json!({ "locale": "de" });
        let changed = app.node.send(Call::new("PATCH", "/api/users/ext:ada").key(&app.key.secret).json(&german)).await;
        assert_eq!(changed.status, 200);
        let told = async |days: i64| {
            round(&app, &Job::ExpireAssignments, days).await;
            let names = mails(&app, "seat_expiring").await.into_iter();
            names.map(|(to, _)| to.replace("@example.com", "")).collect::<Vec<_>>()
        };
        assert_eq!(told(1).await, Vec::<String>::new());
        assert_eq!(told(3).await, ["lin"], "a day before: the only day that lies after the place was given");
        assert_eq!(told(6).await, ["lin", "ada", "grace"], "30 days before");
        extend(&app, &seat, "grace", 50).await;
        assert_eq!(told(10).await.len(), 3, "nothing between");
        // No worker ran on the seventh day before ada's end: that reminder comes later, and only that one. The others are
        // reminded 30 days before the later ends.
        let so_far = ["lin", "ada", "grace", "ada", "grace", "mary"];
        assert_eq!(told(15).await, so_far);
        // What opened the course for longer is gone: the end is the earlier one again.
        revoke(&app, &other, "mary").await;
        assert_eq!(told(0).await, [&so_far[..], &["mary"]].concat());
        assert_eq!(told(4).await, [&so_far[..], &["mary", "ada", "mary"]].concat(), "a day before");
        assert_eq!(told(2).await.len(), 9, "over");
        assert_eq!(states(&app, &seat, "ada").await, ["expired"]);
        assert_eq!(told(18).await[9..], ["grace"], "a day before the end that was moved");
        let subjects = mails(&app, "seat_expiring").await;
        let of_ada: Vec<_> = subjects.iter().filter(|(to, _)| to == &email("ada")).map(|(_, subject)| subject.as_str()).collect();
        assert!(of_ada.iter().all(|subject| subject.contains("Ihr Zugang")), "in her language: {of_ada:?}");
        let seen = events(&app, "seat.expiring").await;
        assert_eq!((seen.len(), seen[0]["days_left"].as_i64()), (subjects.len(), Some(1)));
    }

    async fn reminders_go_on_the_days_that_the_account_names(app: ApiApp) {
        one_seat(&app, &json!({ "quantity": 2 })).await;
        settings(&app, &json!({ "reminder_days": [] })).await;
        give(&app, "ada", &json!({ "expires_in_days": 40 })).await;
        round(&app, &Job::ExpireAssignments, 20).await;
        assert_eq!(mails(&app, "seat_expiring").await.len(), 0);
        settings(&app, &json!({ "reminder_days": [21, 3] })).await;
        round(&app, &Job::ExpireAssignments, 0).await;
        let first = mails(&app, "seat_expiring").await;
        assert_eq!((first.len(), first[0].1.contains("in 20 days")), (1, true), "{first:?}");
        let [one, other] = [app.another_node(), app.another_node()];
        app.node.app.clock.advance(17 * DAY);
        let (one, other) = tokio::join!(
            b2b_dashboard::seats::sweep(&one.app, &app.first),
            b2b_dashboard::seats::sweep(&other.app, &app.first)
        );
        assert_eq!((one.is_ok(), other.is_ok()), (true, true));
        assert_eq!(mails(&app, "seat_expiring").await.len(), 2, "once over two nodes");
    }

    async fn each_crossing_of_a_level_is_told_once(app: ApiApp) {
        let seat = one_seat(&app, &json!({ "quantity": 4 })).await;
        for (name, role) in [("owner", "owner"), ("manager", "manager")] {
            let body = json!({ "email": email(name), "role": role });
            let added = app.post("/api/teams/ext:t/members", &body).await;
            assert!(added.status < 300, "{}", added.text());
        }
        let levels = async || {
            round(&app, &Job::ExpireAssignments, 0).await;
            let seen = events(&app, "seat.low").await.into_iter();
            seen.map(|data| data["level"].as_i64().expect("a level")).collect::<Vec<_>>()
        };
        for name in ["ada", "grace"] {
            give(&app, name, &json!({})).await;
        }
        assert_eq!(levels().await, Vec::<i64>::new());
        give(&app, "mary", &json!({})).await;
        assert_eq!(levels().await, [75]);
        assert_eq!(mails(&app, "account_notice").await.len(), 2, "owner and manager, not who learns");
        // Up and down again between two looks: the event tells of it, a mail would not be true any more.
        give(&app, "lin", &json!({})).await;
        revoke(&app, &seat, "lin").await;
        assert_eq!(levels().await, [75, 100]);
        assert_eq!(mails(&app, "account_notice").await.len(), 2);
        revoke(&app, &seat, "mary").await;
        settings(&app, &json!({ "low_mail": false })).await;
        give(&app, "eve", &json!({})).await;
        assert_eq!(levels().await, [75, 100, 75], "again after it fell");
        assert_eq!(mails(&app, "account_notice").await.len(), 2, "mails are off");
        let lower = Call::new("PATCH", format!("/api/seats/{seat}")).key(&app.key.secret).json(&json!({ "quantity": 3 }));
        assert_eq!(app.node.send(lower).await.status, 200);
        assert_eq!(levels().await, [75, 100, 75, 100], "a lowered quantity fills it too");
        // Full from its first moment: nothing was crossed.
        product(&app, "single", &["c"]).await;
        provision(&app, &wish("zoe", "t", "single", &json!({ "quantity": 1, "assign": true })), 201).await;
        assert_eq!(levels().await.len(), 4);
    }

    async fn pain_07_places_that_nobody_uses_go_back_after_a_notice(app: ApiApp) {
        let seat = one_seat(&app, &json!({ "quantity": 4 })).await;
        settings(&app, &json!({ "reclaim_after_days": 30, "reclaim_notice_days": 7 })).await;
        for name in ["idle", "late", "busy", "done"] {
            give(&app, name, &json!({})).await;
        }
        study(&app, "done", true).await;
        app.node.app.clock.advance(20 * DAY);
        study(&app, "busy", false).await;
        give(&app, "waits", &json!({ "if_full": "waitlist" })).await;
        round(&app, &Job::ReclaimIdle, 9).await;
        assert_eq!(mails(&app, "seat_idle").await, vec![], "29 days");
        round(&app, &Job::ReclaimIdle, 1).await;
        let told: Vec<_> = mails(&app, "seat_idle").await.into_iter().map(|(to, _)| to).collect();
        assert_eq!(told, [email("idle"), email("late")]);
        let report = read(&app, "/api/reports/idle_places?status=announced").await;
        let rows = report["data"].as_array().cloned().expect("rows");
        assert_eq!(rows.len(), 2, "{report}");
        assert!(rows.iter().all(|row| row["reclaim_at"].is_string()), "{report}");
        app.node.app.clock.advance(DAY);
        study(&app, "late", false).await;
        round(&app, &Job::ReclaimIdle, 0).await;
        assert_eq!(events(&app, "seat.kept").await.len(), 1);
        round(&app, &Job::ReclaimIdle, 5).await;
        assert_eq!(states(&app, &seat, "idle").await, ["active"], "the notice is not over");
        round(&app, &Job::ReclaimIdle, 1).await;
        assert_eq!(states(&app, &seat, "idle").await, ["released"]);
        assert_eq!(states(&app, &seat, "waits").await, ["active"], "the place went on in the same moment");
        assert_eq!(access(&app, "idle", "c").await.0, "expired");
        for name in ["late", "busy", "done"] {
            assert_eq!(states(&app, &seat, name).await, ["active"], "{name}");
        }
        let causes: Vec<_> = ledger(&app, &seat, 50).await.iter().map(|entry| entry["cause"].clone()).collect();
        assert_eq!(causes.iter().filter(|cause| **cause == "reclaimed").count(), 1);
        // It can be taken up again, with its history, and the clock of idleness begins anew.
        revoke(&app, &seat, "waits").await;
        act(&app, &seat, "extend", &json!({ "user": "ext:idle", "expires_in_days": 90 }), 200).await;
        round(&app, &Job::ReclaimIdle, 0).await;
        assert_eq!(states(&app, &seat, "idle").await, ["active"]);
        assert_eq!(mails(&app, "seat_idle").await.len(), 2);
        assert_integrity(&app).await;
    }

    async fn a_seat_has_a_rule_of_its_own_for_idle_places(app: ApiApp) {
        let seat = one_seat(&app, &json!({ "quantity": 2, "reclaim_after_days": 10, "reclaim_notice_days": 2 })).await;
        give(&app, "ada", &json!({})).await;
        product(&app, "free", &["c"]).await;
        let other = seat_of(&app, "free").await;
        provision(&app, &wish("grace", "t", "free", &json!({})), 201).await;
        round(&app, &Job::ReclaimIdle, 11).await;
        assert_eq!(mails(&app, "seat_idle").await.len(), 1, "the account has no rule");
        // A rule that is taken back lets everybody off; one in the account does not concern a seat that says never.
        let change = async |seat: &str, body: JsonValue| {
            let call = Call::new("PATCH", format!("/api/seats/{seat}")).key(&app.key.secret).json(&body);
            let answer = app.node.send(call).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
        };
        change(&seat, json!({ "reclaim_after_days": 0 })).await;
        settings(&app, &json!({ "reclaim_after_days": 5, "reclaim_notice_days": 1 })).await;
        round(&app, &Job::ReclaimIdle, 3).await;
        round(&app, &Job::ReclaimIdle, 3).await;
        assert_eq!((states(&app, &seat, "ada").await, states(&app, &other, "grace").await), (vec!["active".to_owned()], vec!["released".to_owned()]));
        assert_eq!(read(&app, "/api/seat_assignments?user=ext:ada").await["data"][0]["reclaim_at"], JsonValue::Null);
        let refused = Call::new("PATCH", format!("/api/seats/{seat}")).key(&app.key.secret).json(&json!({ "reclaim_notice_days": 0 }));
        assert_eq!(app.node.send(refused).await.status, 422);
    }

    async fn the_report_of_idle_places_shows_whom_a_rule_would_concern(app: ApiApp) {
        one_seat(&app, &json!({ "quantity": 3 })).await;
        for name in ["ada", "grace"] {
            give(&app, name, &json!({})).await;
        }
        app.node.app.clock.advance(40 * DAY);
        study(&app, "grace", false).await;
        let names = async |query: &str| {
            let report = read(&app, &format!("/api/reports/idle_places?{query}")).await;
            let rows = report["data"].as_array().cloned().expect("rows");
            rows.iter().map(|row| row["email"].as_str().expect("an address").to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(names("").await, [email("ada")]);
        assert_eq!(names("status=announced").await, Vec::<String>::new());
        let today = app.node.app.clock.now().to_jiff().strftime("%Y-%m-%d").to_string();
        assert_eq!(names(&format!("to={today}&limit=1")).await, [email("ada")], "a page of one");
        assert_eq!(names(&format!("to={today}")).await.len(), 2, "whoever was not active after today");
        let elsewhere = team(&app, "elsewhere").await;
        let limited = app.full_key(&app.first, KeyOptions { team_ids: vec![elsewhere], ..KeyOptions::default() }).await;
        let answer = app.node.send(Call::new("GET", "/api/reports/idle_places").key(&limited.secret)).await;
        assert_eq!(answer.json()["data"], json!([]), "{}", answer.text());
    }

    async fn settings_are_merged_checked_and_guarded(app: ApiApp) {
        let all = read(&app, "/api/settings/seats").await;
        assert_eq!(all["reminder_days"], json!([30, 7, 1]));
        settings(&app, &json!({ "reminder_days": [1, 14, 14], "reclaim_after_days": 60 })).await;
        settings(&app, &json!({ "low_levels": [100, 50] })).await;
        let after = read(&app, "/api/settings/seats").await;
        assert_eq!((&after["reminder_days"], &after["low_levels"], &after["reclaim_after_days"]), (&json!([14, 1]), &json!([50, 100]), &json!(60)));
        assert_eq!(read(&app, "/api/account").await["account"]["settings"]["seats"], after);
        settings(&app, &json!({ "reclaim_after_days": null })).await;
        let patch = |body: &JsonValue| Call::new("PATCH", "/api/settings/seats").key(&app.key.secret).json(body);
        for wrong in [json!({ "reminder_days": [0] }), json!({ "low_levels": [101] }), json!({ "reclaim_after_days": 0 }), json!({ "low_mail": null }), json!({ "surprise": 1 })] {
            let refused = app.node.send(patch(&wrong)).await;
            assert_eq!(refused.status, 422, "{wrong}: {}", refused.text());
        }
        let stale = app.node.send(patch(&json!({ "low_mail": false })).header("if-match", "\"old\"")).await;
        assert_eq!(stale.status, 412);
        let dry = app.node.send(Call::new("PATCH", "/api/settings/seats?dry_run=true").key(&app.key.secret).json(&json!({ "low_mail": false }))).await;
        assert_eq!(dry.json()["low_mail"], false, "{}", dry.text());
        assert_eq!(read(&app, "/api/settings/seats").await["low_mail"], true);
        let team = team(&app, "t").await;
        let limited = app.full_key(&app.first, KeyOptions { team_ids: vec![team], ..KeyOptions::default() }).await;
        for method in ["GET", "PATCH"] {
            let call = Call::new(method, "/api/settings/seats").key(&limited.secret);
            let call = if method == "PATCH" { call.json(&json!({ "low_mail": false })) } else { call };
            assert_eq!(app.node.send(call).await.status, 403, "{method}");
        }
        worker::publish(&app.node.app).await.expect("published");
        assert_eq!(events(&app, "account.updated").await.len(), 3, "each change that is one");
    }

    async fn who_leaves_a_team_keeps_the_place_where_the_account_says_so(app: ApiApp) {
        let seat = one_seat(&app, &json!({ "quantity": 2 })).await;
        settings(&app, &json!({ "release_on_leave": false })).await;
        give(&app, "ada", &json!({})).await;
        give(&app, "grace", &json!({})).await;
        give(&app, "mary", &json!({ "if_full": "waitlist" })).await;
        let leave = async |name: &str| {
            let gone = app.node.send(Call::new("DELETE", format!("/api/teams/ext:t/members/ext:{name}")).key(&app.key.secret)).await;
            assert_eq!(gone.status, 204, "{}", gone.text());
        };
        leave("ada").await;
        leave("mary").await;
        assert_eq!(states(&app, &seat, "ada").await, ["active"]);
        assert_eq!(states(&app, &seat, "mary").await, ["released"], "a wish ends all the same");
        settings(&app, &json!({ "release_on_leave": true })).await;
        leave("grace").await;
        assert_eq!(states(&app, &seat, "grace").await, ["released"]);
        assert_eq!(counters(&app, &seat).await, [Some(1), Some(0), Some(0), Some(1)]);
        member(&app, "zoe", "t").await;
        assert_integrity(&app).await;
    }
}

async fn seat_of(app: &ApiApp, product: &str) -> String {
    seat(app, product, &["t"], &json!({ "quantity": 5 })).await
}
