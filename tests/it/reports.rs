//! Reports: the same rows as JSON and CSV, days of the zone asked for, safe cells, and no further than the caller reaches.

use serde_json::{Value as JsonValue, json};

use crate::support::database::both;
use crate::support::http::{ApiApp, Call, KeyOptions};
use crate::support::operation::{Document, assert_problem};
use crate::support::world;

const NAMES: [&str; 7] = [
    "enrollment_progress",
    "seat_usage",
    "expiring_access",
    "idle_places",
    "denials_and_waitlist",
    "organization_rollup",
    "orders_and_credits",
];

async fn rows(app: &ApiApp, name: &str, query: &str) -> Vec<JsonValue> {
    let page = world::read(app, &format!("/api/reports/{name}?limit=200&{query}")).await;
    page["data"].as_array().cloned().expect("rows")
}

fn values<'a>(rows: &'a [JsonValue], name: &str) -> Vec<&'a str> {
    rows.iter()
        .map(|row| row[name].as_str().unwrap_or_default())
        .collect()
}

/// A company with two organizations, a shared seat, people with and without courses.
async fn company(app: &ApiApp) -> String {
    let post = async |path: &str, body: JsonValue| app.post(path, &body).await.id();
    let top = post(
        "/api/organizations",
        json!({ "name": "Top", "external_id": "top" }),
    )
    .await;
    post(
        "/api/organizations",
        json!({ "name": "Below", "external_id": "below", "parent": top }),
    )
    .await;
    post(
        "/api/teams",
        json!({ "name": "North", "external_id": "north", "organization": "ext:top" }),
    )
    .await;
    post(
        "/api/teams",
        json!({ "name": "South", "external_id": "south", "organization": "ext:below" }),
    )
    .await;
    world::product(app, "p", &["c1", "c2"]).await;
    let seat = world::seat(
        app,
        "p",
        &["north", "south"],
        &json!({ "quantity": 2, "tags": ["gold"] }),
    )
    .await;
    for (name, team) in [
        ("a", "north"),
        ("b", "south"),
        ("d", "south"),
        ("e", "south"),
    ] {
        world::member(app, name, team).await;
    }
    world::act(
        app,
        &seat,
        "assign",
        &json!({ "users": ["ext:a", "ext:b"] }),
        200,
    )
    .await;
    let refused = app
        .post(
            &format!("/api/seats/{seat}/assign"),
            &json!({ "users": ["ext:d"] }),
        )
        .await;
    assert_eq!(refused.status, 409);
    world::act(
        app,
        &seat,
        "assign",
        &json!({ "users": ["ext:e"], "if_full": "waitlist" }),
        200,
    )
    .await;
    seat
}

both! {
    async fn people_who_never_enrolled_are_shown_too(app: ApiApp) {
        company(&app).await;
        let all = rows(&app, "enrollment_progress", "").await;
        assert_eq!(all.len(), 6, "two people in two courses, two in none: {all:?}");
        let never = rows(&app, "enrollment_progress", "status=never_enrolled").await;
        let mut emails = values(&never, "email");
        emails.sort_unstable();
        assert_eq!(emails, ["d@example.com", "e@example.com"]);
        let one = rows(&app, "enrollment_progress", "course=ext:c1&team=ext:south").await;
        assert_eq!(one.len(), 3, "{one:?}");
        assert_eq!(one.iter().filter(|row| row["status"] == "active").count(), 1);
        assert_eq!(rows(&app, "enrollment_progress", "organization=ext:below&status=active").await.len(), 2);
        assert_eq!(rows(&app, "enrollment_progress", "product=ext:p&status=active,completed").await.len(), 4);
    }

    async fn figures_are_those_of_the_records(app: ApiApp) {
        let seat = company(&app).await;
        let usage = rows(&app, "seat_usage", "tag=gold").await;
        for (name, value) in [("quantity", 2), ("assigned", 2), ("available", 0), ("waitlisted", 1), ("used_percent", 100), ("teams", 2), ("given", 2), ("ended", 0), ("denied", 1)] {
            assert_eq!(usage[0][name], value, "{name} {usage:?}");
        }
        assert_eq!((&usage[0]["seat_id"], &usage[0]["team"]), (&json!(seat), &json!("North")));
        assert!(rows(&app, "seat_usage", "tag=silver").await.is_empty());
        let none = rows(&app, "seat_usage", "to=2026-12-31").await;
        assert_eq!((&none[0]["given"], &none[0]["assigned"]), (&json!(0), &json!(2)));
        let wishes = rows(&app, "denials_and_waitlist", "").await;
        let mut kinds = values(&wishes, "status");
        kinds.sort_unstable();
        assert_eq!(kinds, ["denied", "waitlisted"]);
        assert_eq!(values(&rows(&app, "denials_and_waitlist", "status=waitlisted&organization=ext:below").await, "email"), ["e@example.com"]);
        let tree = rows(&app, "organization_rollup", "").await;
        assert_eq!(values(&tree, "name"), ["Top", "Below"]);
        for (name, top, below) in [("teams", 2, 1), ("people", 4, 3), ("seats", 1, 1), ("quantity", 2, 2), ("assigned", 2, 2), ("waitlisted", 1, 1)] {
            assert_eq!((&tree[0][name], &tree[1][name]), (&json!(top), &json!(below)), "{name} {tree:?}");
        }
        assert_eq!(values(&rows(&app, "organization_rollup", "organization=ext:below").await, "name"), ["Below"]);
    }

    async fn pages_and_the_file_have_the_same_rows(app: ApiApp) {
        company(&app).await;
        for name in NAMES {
            let all = rows(&app, name, "").await;
            let mut walked = Vec::new();
            let mut next = format!("/api/reports/{name}?limit=1");
            loop {
                let answer = app.get(&next).await;
                assert_eq!(answer.status, 200, "{}", answer.text());
                let page = answer.json();
                walked.extend(page["data"].as_array().cloned().expect("rows"));
                let link = answer.header("link");
                assert_eq!(page["page"]["has_more"], !link.is_empty());
                match link.strip_prefix('<').and_then(|link| link.strip_suffix(">; rel=\"next\"")) {
                    Some(link) => next = link.to_owned(),
                    None => break,
                }
            }
            assert_eq!(walked, all, "{name}");
            let call = Call::new("GET", format!("/api/reports/{name}?format=csv&time_zone=Europe/Berlin")).key(&app.key.secret);
            let file = app.send(call.header("accept", "text/csv")).await;
            assert_eq!(file.status, 200, "{}", file.text());
            assert!(file.header("content-type").starts_with("text/csv"), "{name}");
            assert!(file.header("content-disposition").contains(name));
            let text = String::from_utf8(file.body.clone()).expect("UTF-8");
            let mut reader = csv::Reader::from_reader(text.as_bytes());
            let head: Vec<String> = reader.headers().expect("names").iter().map(str::to_owned).collect();
            let wanted: Vec<String> = all.first().map(|row| row.as_object().expect("a row").keys().cloned().collect()).unwrap_or_default();
            assert!(all.is_empty() || head[..head.len() - 1] == wanted, "{head:?}");
            assert_eq!(head.last().map(String::as_str), Some("time_zone"));
            let lines: Vec<csv::StringRecord> = reader.records().map(|line| line.expect("a line")).collect();
            assert_eq!(lines.len(), all.len(), "{name}");
            assert!(lines.iter().all(|line| &line[line.len() - 1] == "Europe/Berlin"));
            assert!(text.is_empty() || text.ends_with("\r\n"));
        }
    }

    async fn a_file_is_read_a_thousand_rows_at_a_time(app: ApiApp) {
        let people: Vec<JsonValue> = (0..100).map(|n| json!({ "email": format!("p{n}@example.com"), "name": "=1+1, \"x\" Inc" })).collect();
        app.post("/api/users/batch", &json!({ "items": people })).await;
        let cost = async || {
            let before = app.node.app.db.reads();
            let file = app.get("/api/reports/enrollment_progress?format=csv").await;
            (app.node.app.db.reads() - before, String::from_utf8(file.body).expect("UTF-8"))
        };
        cost().await;
        let (reads, text) = cost().await;
        assert_eq!(reads, 2, "the account's zone and one page");
        // Formulas are defused and what has commas or quotes is quoted (RFC 4180).
        assert_eq!(text.matches("\"'=1+1, \"\"x\"\" Inc\"").count(), 100, "{text}");
        let json = rows(&app, "enrollment_progress", "").await;
        assert!(json[0]["name"].as_str().is_some_and(|name| name.starts_with("=1+1")), "{}", json[0]);
    }

    async fn pain_50_days_begin_and_end_as_in_the_zone_asked_for(app: ApiApp) {
        world::product(&app, "p", &["c"]).await;
        world::team(&app, "t").await;
        let seat = world::seat(&app, "p", &["t"], &json!({ "unlimited": true })).await;
        // The first and last moments of two days in Berlin, one of 23 and one of 25 hours, and their neighbours.
        let ends = [
            ("m1", "2027-03-27T22:59:59Z"), ("m2", "2027-03-27T23:00:00Z"), ("m3", "2027-03-28T21:59:59Z"), ("m4", "2027-03-28T22:00:00Z"),
            ("o1", "2027-10-30T21:59:59Z"), ("o2", "2027-10-30T22:00:00Z"), ("o3", "2027-10-31T22:59:59Z"), ("o4", "2027-10-31T23:00:00Z"),
        ];
        for (name, end) in ends {
            world::member(&app, name, "t").await;
            world::act(&app, &seat, "assign", &json!({ "users": [format!("ext:{name}")], "expires_at": end }), 200).await;
        }
        let on = async |day: &str, zone: &str| {
            let found = rows(&app, "expiring_access", &format!("from={day}&to={day}&time_zone={zone}")).await;
            values(&found, "email").iter().map(|email| email[..2].to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(on("2027-03-28", "Europe/Berlin").await, ["m2", "m3"]);
        assert_eq!(on("2027-03-28", "UTC").await, ["m3", "m4"]);
        assert_eq!(on("2027-10-31", "Europe/Berlin").await, ["o2", "o3"]);
        assert_eq!(on("2027-10-31", "UTC").await, ["o3", "o4"]);
        let page = world::read(&app, "/api/reports/expiring_access?from=2027-03-28&to=2027-03-28&time_zone=Europe/Berlin").await;
        assert_eq!(page["time_zone"], "Europe/Berlin");
        assert_eq!(page["data"][0]["expires_at"], "2027-03-28T00:00:00+01:00");
        assert_eq!(page["data"][1]["expires_at"], "2027-03-28T23:59:59+02:00");
        assert_eq!(page["data"][0]["days_left"], page["data"][1]["days_left"]);
        assert_eq!(world::read(&app, "/api/reports/expiring_access").await["time_zone"], "UTC", "the account's own");
        let document = Document::of(&app).await;
        let report = document.operation("report_expiring_access");
        for wrong in ["time_zone=Berlin", "from=28.3.2027", "from=2027-02-30", "from=2027-03-02&to=2027-03-01", "format=pdf", "team=ext:nobody", "course=ext:c", "limit=0", "team[ne]=x"] {
            let refused = app.get(&format!("/api/reports/expiring_access?{wrong}")).await;
            assert_problem(Some(report), &refused, 400, &["invalid_parameter"]);
        }
        let first = world::read(&app, "/api/reports/expiring_access?limit=1&to=2027-12-31").await;
        let cursor = first["page"]["next_cursor"].as_str().expect("a cursor");
        for elsewhere in ["seat_usage?", "expiring_access?to=2027-12-30&", "expiring_access?to=2027-12-31&time_zone=Europe/Berlin&"] {
            let refused = app.get(&format!("/api/reports/{elsewhere}cursor={cursor}")).await;
            assert_problem(None, &refused, 400, &["cursor_mismatch"]);
        }
    }

    async fn a_report_reaches_no_further_than_its_caller(app: ApiApp) {
        company(&app).await;
        let south = world::read(&app, "/api/teams/ext:south").await["id"].as_str().expect("an id").to_owned();
        let key = app.full_key(&app.first, KeyOptions { team_ids: vec![south], ..KeyOptions::default() }).await;
        let seen = async |key: &str, name: &str| {
            let answer = app.send(Call::new("GET", format!("/api/reports/{name}?limit=200")).key(key)).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            answer.json()["data"].as_array().cloned().expect("rows")
        };
        let mut people = values(&seen(&key.secret, "enrollment_progress").await, "email").iter().map(|email| (*email).to_owned()).collect::<Vec<_>>();
        people.sort_unstable();
        people.dedup();
        assert_eq!(people, ["b@example.com", "d@example.com", "e@example.com"]);
        let tree = seen(&key.secret, "organization_rollup").await;
        assert_eq!((values(&tree, "name"), &tree[0]["people"]), (vec!["Below"], &json!(3)));
        for name in NAMES {
            assert!(seen(&app.other_key.secret, name).await.is_empty(), "{name}");
        }
    }

    async fn an_accountant_can_reconcile_orders_and_credits(app: ApiApp) {
        company(&app).await;
        let post = async |path: &str, body: JsonValue| {
            let answer = app.post(path, &body).await;
            assert!(answer.status < 300, "{path}: {}", answer.text());
            answer.json()
        };
        let item = json!({ "name": "Ten", "external_id": "ten", "product": "ext:p", "quantity": 10, "price_credits": 100, "status": "published" });
        post("/api/catalog_items", item).await;
        post("/api/organizations/ext:top/credits", json!({ "amount": 150, "note": "=SUM(A1)" })).await;
        post("/api/teams/ext:south/credits", json!({ "amount": 60, "reason": "grant" })).await;
        app.node.app.clock.advance(86_400);
        let bought = post("/api/catalog_items/ext:ten/buy", json!({ "team": "ext:south", "quantity": 2 })).await;
        let shop = |reference: &str, further: JsonValue| world::with(json!({ "team": "ext:north", "source": "shop", "external_reference": reference, "currency": "EUR",
            "lines": [{ "product": "ext:p", "quantity": 3, "amount": 1000 }] }), &further);
        let open = post("/api/orders", shop("1", json!({ "status": "pending" }))).await;
        let sold = post("/api/orders", shop("2", json!({ "fulfil": true }))).await;
        app.node.app.clock.advance(86_400);
        let refund = |order: &JsonValue| format!("/api/orders/{}/refund", order["id"].as_str().expect("an id"));
        post(&refund(&bought), json!({ "lines": [{ "number": 1, "quantity": 1 }] })).await;
        post(&refund(&sold), json!({ "lines": [{ "number": 1, "quantity": 2 }], "reference": "back" })).await;
        post(&format!("/api/orders/{}/pay", open["id"].as_str().expect("an id")), json!({})).await;

        let all = rows(&app, "orders_and_credits", "").await;
        let sum = |rows: &[JsonValue], name: &str| rows.iter().filter_map(|row| row[name].as_i64()).sum::<i64>();
        let of = |kind: &str| all.iter().filter(|row| row["kind"] == kind).cloned().collect::<Vec<_>>();
        assert_eq!((of("order").len(), of("refund").len()), (3, 2), "{all:?}");
        // Each order with what moved for it comes to nothing, and the money to what was sold less what went back.
        for order in [&bought, &open, &sold] {
            let its: Vec<JsonValue> = all.iter().filter(|row| row["order_id"] == order["id"]).cloned().collect();
            assert_eq!(sum(&its, "credits") + sum(&its, "balance_change"), 0, "{its:?}");
        }
        assert_eq!(sum(&all, "amount"), 1000 + 1000 - 666);
        for (path, account) in [("organizations/ext:top", "organization_id"), ("teams/ext:south", "team_id")] {
            let balance = world::read(&app, &format!("/api/{path}/credits")).await;
            let id = world::read(&app, &format!("/api/{path}")).await["id"].clone();
            let its: Vec<JsonValue> = of("credit_entry").into_iter().filter(|row| row[account] == id).collect();
            assert_eq!(json!(sum(&its, "balance_change")), balance["balance"], "{its:?}");
        }
        // What is paid later is booked later.
        let last = all.last().expect("a row");
        assert!(of("order").iter().any(|row| row["id"] == open["id"] && row["booked_at"] == last["booked_at"]), "{all:?}");
        let booked = values(&all, "booked_at");
        assert!(booked.is_sorted(), "{booked:?}");
        let day = all.iter().find(|row| row["id"] == sold["id"]).expect("it")["booked_at"].as_str().expect("a time")[..10].to_owned();
        let on_the_day = rows(&app, "orders_and_credits", &format!("from={day}&to={day}")).await;
        assert_eq!(on_the_day.len(), 4, "two orders and two sides of one purchase: {on_the_day:?}");

        assert_eq!(rows(&app, "orders_and_credits", "source=shop").await.len(), 3);
        assert_eq!(rows(&app, "orders_and_credits", "status=partially_refunded&source=shop").await.len(), 2);
        assert_eq!(rows(&app, "orders_and_credits", "status=draft").await, Vec::<JsonValue>::new());
        let below = rows(&app, "orders_and_credits", "organization=ext:below").await;
        assert!(below.iter().all(|row| row["team"] == "South"), "{below:?}");
        assert_eq!(below.len(), 4, "a grant, an order, its part of the price, and the refund, which goes to the last who paid: {below:?}");
        assert_eq!(rows(&app, "orders_and_credits", "organization=ext:top").await.len(), all.len());
        assert_eq!(rows(&app, "orders_and_credits", "team=ext:north").await.len(), 3);
        let file = app.get("/api/reports/orders_and_credits?format=csv").await;
        assert!(file.text().contains("'=SUM(A1)"), "{}", file.text());
        let south = world::read(&app, "/api/teams/ext:south").await["id"].as_str().expect("an id").to_owned();
        let key = app.full_key(&app.first, KeyOptions { team_ids: vec![south], ..KeyOptions::default() }).await;
        let seen = app.send(Call::new("GET", "/api/reports/orders_and_credits?limit=200").key(&key.secret)).await;
        assert_eq!(seen.json()["data"].as_array().map(Vec::len), Some(4), "{}", seen.text());
    }
}
