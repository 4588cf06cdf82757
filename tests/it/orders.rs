//! Orders: told once, paid whole, fulfilled once, refunded never beyond what was bought.

use serde_json::{Value as JsonValue, json};

use crate::credits::{assert_books, balance, credit};
use crate::support::database::both;
use crate::support::http::{Answer, ApiApp, Call, KeyOptions};
use crate::support::operation::assert_problem;
use crate::support::world::{
    access, act, assert_integrity, counters, member, product, provision, read, states, team, wish,
    with,
};

async fn made(app: &ApiApp, path: &str, body: &JsonValue) -> JsonValue {
    let answer = app.post(path, body).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()
}

/// A step of an order that must succeed.
async fn step(app: &ApiApp, order: &JsonValue, verb: &str, body: &JsonValue) -> JsonValue {
    let id = order["id"].as_str().expect("an id");
    let answer = app.post(&format!("/api/orders/{id}/{verb}"), body).await;
    assert_eq!(answer.status, 200, "{verb}: {}", answer.text());
    answer.json()
}

async fn refused(
    app: &ApiApp,
    order: &JsonValue,
    verb: &str,
    body: &JsonValue,
    code: &str,
) -> JsonValue {
    let id = order["id"].as_str().expect("an id");
    let answer = app.post(&format!("/api/orders/{id}/{verb}"), body).await;
    assert_eq!(
        (answer.status, answer.json()["code"].as_str()),
        (409, Some(code)),
        "{}",
        answer.text()
    );
    answer.json()
}

/// What a shop tells: `quantity` places for a team, paid, to be fulfilled.
fn told(reference: &str, quantity: i64) -> JsonValue {
    json!({
        "team": "ext:engines", "source": "shop", "external_reference": reference, "currency": "EUR", "fulfil": true,
        "lines": [{ "product": "ext:safety", "quantity": quantity, "amount": quantity * 1000 }],
    })
}

/// A team with a product, and an item of ten places for a hundred credits.
async fn shop(app: &ApiApp) {
    product(app, "safety", &["fire"]).await;
    team(app, "engines").await;
    let item = json!({ "name": "Ten", "external_id": "ten", "product": "ext:safety", "quantity": 10, "price_credits": 100, "price_amount": 49000, "currency": "EUR", "status": "published" });
    made(app, "/api/catalog_items", &item).await;
}

/// Head office over a branch with a team: north > south, `ext:branch`.
async fn company(app: &ApiApp) {
    shop(app).await;
    made(
        app,
        "/api/organizations",
        &json!({ "name": "North", "external_id": "north" }),
    )
    .await;
    made(
        app,
        "/api/organizations",
        &json!({ "name": "South", "external_id": "south", "parent": "ext:north" }),
    )
    .await;
    made(
        app,
        "/api/teams",
        &json!({ "name": "Branch", "external_id": "branch", "organization": "ext:south" }),
    )
    .await;
}

async fn seat_of(app: &ApiApp, team: &str) -> String {
    let seats = read(
        app,
        &format!("/api/seats?team=ext:{team}&product=ext:safety"),
    )
    .await;
    let data = seats["data"].as_array().expect("a list");
    assert_eq!(data.len(), 1, "{seats}");
    data[0]["id"].as_str().expect("an id").to_owned()
}

async fn quantity(app: &ApiApp, team: &str) -> i64 {
    let seat = seat_of(app, team).await;
    read(app, &format!("/api/seats/{seat}")).await["quantity"]
        .as_i64()
        .expect("a number")
}

/// Sends all at once, to two nodes in turns.
async fn at_once(app: &ApiApp, calls: Vec<Call>) -> Vec<Answer> {
    let nodes = [app.node.clone(), app.another_node()];
    let mut running = tokio::task::JoinSet::new();
    for (n, call) in calls.into_iter().enumerate() {
        let node = nodes[n % 2].clone();
        running.spawn(async move { node.send(call).await });
    }
    running.join_all().await
}

fn post(app: &ApiApp, path: impl Into<String>, body: &JsonValue) -> Call {
    Call::new("POST", path).key(&app.key.secret).json(body)
}

fn count(answers: &[Answer], status: u16) -> usize {
    answers
        .iter()
        .filter(|answer| answer.status == status)
        .count()
}

async fn assert_all(app: &ApiApp) {
    assert_integrity(app).await;
    assert_books(app).await;
}

both! {
    async fn pain_23_a_shop_that_tells_an_order_again_grants_once(app: ApiApp) {
        shop(&app).await;
        let calls = (0..64).map(|_| post(&app, "/api/orders", &told("1001", 10))).collect();
        let answers = at_once(&app, calls).await;
        assert_eq!((count(&answers, 201), count(&answers, 200)), (1, 63), "{}", answers[0].text());
        let first = answers.iter().find(|answer| answer.status == 201).expect("one").json();
        assert!(answers.iter().all(|answer| answer.json()["id"] == first["id"]));
        assert_eq!(first["status"], "fulfilled");
        assert_eq!(first["total_amount"], 10_000);
        assert_eq!(quantity(&app, "engines").await, 10);
        assert_eq!((app.count("orders").await, app.count("order_lines").await), (1, 1));
        let later = app.post("/api/orders", &told("1001", 10)).await;
        assert_eq!((later.status, later.json()["version"].clone()), (200, JsonValue::Null));
        let other = app.post("/api/orders", &told("1001", 12)).await;
        assert_problem(None, &other, 409, &["reference_reused"]);
        let differences = other.json()["differences"].clone();
        assert!(differences.as_array().is_some_and(|all| all.contains(&json!({ "member": "lines/0/quantity", "before": 10, "now": 12 }))), "{differences}");
        assert_eq!(quantity(&app, "engines").await, 10);
        made(&app, "/api/orders", &told("1002", 5)).await;
        assert_eq!(quantity(&app, "engines").await, 15);
        assert_all(&app).await;
    }

    async fn a_shop_may_tell_an_order_step_by_step(app: ApiApp) {
        shop(&app).await;
        let placed = with(told("1", 3), &json!({ "status": "pending", "fulfil": false }));
        assert_eq!(made(&app, "/api/orders", &placed).await["status"], "pending");
        let paid = with(told("1", 3), &json!({ "status": "paid", "fulfil": false }));
        assert_eq!(app.post("/api/orders", &paid).await.json()["status"], "paid");
        let fulfilled = app.post("/api/orders", &told("1", 3)).await;
        assert_eq!((fulfilled.status, fulfilled.json()["status"].clone()), (200, json!("fulfilled")));
        let steps: Vec<_> = fulfilled.json()["timeline"].as_array().expect("steps").iter().map(|step| step["what"].clone()).collect();
        assert_eq!(steps, [json!("created"), json!("pending"), json!("paid"), json!("fulfilled")]);
        assert_eq!(app.post("/api/orders", &placed).await.json(), fulfilled.json(), "never back");
        assert_eq!(quantity(&app, "engines").await, 3);
    }

    async fn pain_24_a_double_click_buys_once(app: ApiApp) {
        shop(&app).await;
        credit(&app, "teams/ext:engines", 500).await;
        let body = json!({ "team": "ext:engines", "external_reference": "click-1" });
        let calls = (0..16).map(|_| post(&app, "/api/catalog_items/ext:ten/buy", &body)).collect();
        let answers = at_once(&app, calls).await;
        assert_eq!((count(&answers, 201), count(&answers, 200)), (1, 15), "{}", answers[0].text());
        assert_eq!((balance(&app, "teams/ext:engines").await, quantity(&app, "engines").await), (400, 10));
        let call = post(&app, "/api/catalog_items/ext:ten/buy", &json!({ "team": "ext:engines" })).header("idempotency-key", "click-2");
        let answers = at_once(&app, vec![call.clone(), call.clone(), call]).await;
        assert!(answers.iter().all(|answer| matches!(answer.status, 201 | 409)));
        assert_eq!((balance(&app, "teams/ext:engines").await, quantity(&app, "engines").await), (300, 20));
        assert_all(&app).await;
    }

    async fn credits_are_taken_from_the_team_first_and_then_upwards(app: ApiApp) {
        company(&app).await;
        credit(&app, "teams/ext:branch", 30).await;
        credit(&app, "organizations/ext:south", 20).await;
        credit(&app, "organizations/ext:north", 300).await;
        let bought = made(&app, "/api/catalog_items/ext:ten/buy", &json!({ "team": "ext:branch" })).await;
        let paid: Vec<_> = bought["paid_by"].as_array().expect("payers").iter().map(|one| one["credits"].clone()).collect();
        assert_eq!(paid, [json!(30), json!(20), json!(50)]);
        let all = async |app: &ApiApp| (balance(app, "teams/ext:branch").await, balance(app, "organizations/ext:south").await, balance(app, "organizations/ext:north").await);
        assert_eq!(all(&app).await, (0, 0, 250));
        let short = app.post("/api/catalog_items/ext:ten/buy", &json!({ "team": "ext:branch", "quantity": 3 })).await;
        assert_problem(None, &short, 409, &["insufficient_credits"]);
        assert_eq!((short.json()["price"].clone(), short.json()["missing"].clone()), (json!(300), json!(50)));
        assert_eq!(short.json()["payers"][2]["available"], 250);
        assert_eq!(all(&app).await, (0, 0, 250), "nothing was taken");
        // In reverse: what came last from above goes back there first.
        let part = json!({ "lines": [{ "number": 1, "quantity": 1 }], "reference": "r1" });
        let refunded = step(&app, &bought, "refund", &part).await;
        assert_eq!(refunded["order"]["status"], "refunded");
        assert_eq!(all(&app).await, (30, 20, 300));
        assert_eq!(quantity(&app, "branch").await, 0);
        assert_all(&app).await;
    }

    async fn parts_of_credits_return_in_reverse_order(app: ApiApp) {
        company(&app).await;
        credit(&app, "teams/ext:branch", 30).await;
        credit(&app, "organizations/ext:north", 300).await;
        let order = json!({ "team": "ext:branch", "payment": "credits", "lines": [{ "product": "ext:safety", "quantity": 7, "credits": 100 }] });
        let order = made(&app, "/api/orders", &order).await;
        assert_eq!(order["status"], "fulfilled");
        let all = async |app: &ApiApp| (balance(app, "teams/ext:branch").await, balance(app, "organizations/ext:north").await);
        assert_eq!(all(&app).await, (0, 230));
        let mut returned = Vec::new();
        for n in 1..=7 {
            let body = json!({ "lines": [{ "number": 1, "quantity": 1 }], "reference": format!("part-{n}") });
            returned.push(step(&app, &order, "refund", &body).await["refund"]["credits"].as_i64().expect("credits"));
        }
        assert_eq!(returned.iter().sum::<i64>(), 100, "{returned:?}");
        assert_eq!(all(&app).await, (30, 300));
        refused(&app, &order, "refund", &json!({}), "state_conflict").await;
        let refunds = read(&app, &format!("/api/orders/{}/refunds", order["id"].as_str().expect("an id"))).await;
        assert_eq!(refunds["data"].as_array().map(Vec::len), Some(7));
        assert_all(&app).await;
    }

    async fn two_purchases_race_for_the_last_credits(app: ApiApp) {
        company(&app).await;
        credit(&app, "teams/ext:branch", 250).await;
        credit(&app, "organizations/ext:south", 260).await;
        let calls = (0..20).map(|_| post(&app, "/api/catalog_items/ext:ten/buy", &json!({ "team": "ext:branch" }))).collect();
        let answers = at_once(&app, calls).await;
        assert_eq!(count(&answers, 201), 5, "{:?}", answers.iter().map(Answer::text).collect::<Vec<_>>());
        for answer in answers.iter().filter(|answer| answer.status != 201) {
            assert_problem(None, answer, 409, &["insufficient_credits"]);
        }
        assert_eq!(balance(&app, "teams/ext:branch").await + balance(&app, "organizations/ext:south").await, 10);
        assert_eq!(quantity(&app, "branch").await, 50);
        assert_all(&app).await;
    }

    async fn refunds_race_and_never_exceed_what_was_bought(app: ApiApp) {
        shop(&app).await;
        credit(&app, "teams/ext:engines", 300).await;
        let order = made(&app, "/api/catalog_items/ext:ten/buy", &json!({ "team": "ext:engines", "quantity": 3 })).await;
        let path = format!("/api/orders/{}/refund", order["id"].as_str().expect("an id"));
        let same = json!({ "lines": [{ "number": 1, "quantity": 1 }], "reference": "once" });
        let answers = at_once(&app, (0..16).map(|_| post(&app, &path, &same)).collect()).await;
        assert_eq!(count(&answers, 200), 16, "{}", answers[0].text());
        assert!(answers.iter().all(|answer| answer.json()["refund"] == answers[0].json()["refund"]));
        assert_eq!((balance(&app, "teams/ext:engines").await, quantity(&app, "engines").await), (100, 20));
        let other = app.post(&path, &json!({ "lines": [{ "number": 1, "quantity": 2 }], "reference": "once" })).await;
        assert_problem(None, &other, 409, &["reference_reused"]);
        let one = json!({ "lines": [{ "number": 1, "quantity": 1 }] });
        let answers = at_once(&app, (0..8).map(|_| post(&app, &path, &one)).collect()).await;
        assert_eq!(count(&answers, 200), 2);
        for answer in answers.iter().filter(|answer| answer.status != 200) {
            assert_problem(None, answer, 422, &["validation_failed"]);
        }
        assert_eq!((balance(&app, "teams/ext:engines").await, quantity(&app, "engines").await), (300, 0));
        assert_eq!(app.count("order_refunds").await, 3);
        assert_all(&app).await;
    }

    async fn pain_04_what_is_sold_is_reserved_and_taken_back_by_a_policy(app: ApiApp) {
        shop(&app).await;
        let order = made(&app, "/api/orders", &told("1", 3)).await;
        let seat = seat_of(&app, "engines").await;
        for name in ["ada", "grace"] {
            member(&app, name, "engines").await;
            act(&app, &seat, "assign", &json!({ "users": [format!("ext:{name}")] }), 200).await;
        }
        let told = refused(&app, &order, "refund", &json!({}), "quantity_below_usage").await;
        assert_eq!(told["in_use"], 2, "{told}");
        assert_eq!(counters(&app, &seat).await, [Some(2), Some(0), Some(0), Some(1)], "nothing happened");
        let part = json!({ "lines": [{ "number": 1, "quantity": 2 }], "on_shortfall": "overage" });
        let refunded = step(&app, &order, "refund", &part).await;
        assert_eq!((refunded["refund"]["places"].clone(), refunded["order"]["status"].clone()), (JsonValue::Null, json!("partially_refunded")));
        assert_eq!(refunded["refund"]["lines"][0]["places"], 2);
        let after = read(&app, &format!("/api/seats/{seat}")).await;
        assert_eq!((after["quantity"].clone(), after["overage"].clone()), (json!(1), json!(1)));
        step(&app, &order, "refund", &json!({ "on_shortfall": "revoke_unstarted" })).await;
        assert_eq!(counters(&app, &seat).await, [Some(0), Some(0), Some(0), Some(0)]);
        assert_eq!(states(&app, &seat, "grace").await, ["revoked"]);
        assert_eq!(access(&app, "grace", "fire").await.0, "expired");
        assert_all(&app).await;
    }

    async fn pain_09_entries_of_a_refund_name_the_entry_they_reverse(app: ApiApp) {
        shop(&app).await;
        let order = made(&app, "/api/orders", &told("1", 4)).await;
        step(&app, &order, "refund", &json!({ "lines": [{ "number": 1, "quantity": 3 }] })).await;
        let seat = seat_of(&app, "engines").await;
        let ledger = read(&app, &format!("/api/seats/{seat}/ledger?sort=created_at")).await;
        let of = |cause: &str| ledger["data"].as_array().expect("a list").iter().find(|entry| entry["cause"] == cause).expect(cause).clone();
        let (bought, back) = (of("ordered"), of("refunded"));
        assert_eq!((bought["quantity_delta"].clone(), back["quantity_delta"].clone()), (json!(4), json!(-3)));
        assert_eq!(bought["reference"], order["lines"][0]["id"]);
        assert_eq!(back["counterpart_id"], bought["id"], "{back}");
        assert_integrity(&app).await;
    }

    async fn pain_10_buying_uses_up_no_place(app: ApiApp) {
        shop(&app).await;
        credit(&app, "teams/ext:engines", 100).await;
        made(&app, "/api/catalog_items/ext:ten/buy", &json!({ "team": "ext:engines" })).await;
        let seat = seat_of(&app, "engines").await;
        assert_eq!(counters(&app, &seat).await, [Some(0), Some(0), Some(0), Some(10)]);
    }

    async fn bought_places_serve_those_who_wait(app: ApiApp) {
        shop(&app).await;
        made(&app, "/api/orders", &told("1", 1)).await;
        for name in ["ada", "grace"] {
            provision(&app, &wish(name, "engines", "safety", &json!({ "if_full": "waitlist" })), 201).await;
        }
        let seat = seat_of(&app, "engines").await;
        assert_eq!(states(&app, &seat, "grace").await, ["waitlisted"]);
        made(&app, "/api/orders", &told("2", 1)).await;
        assert_eq!(states(&app, &seat, "grace").await, ["active"]);
        assert_integrity(&app).await;
    }

    async fn pain_32_paid_but_not_fulfilled_is_told_and_can_be_put_right(app: ApiApp) {
        company(&app).await;
        credit(&app, "organizations/ext:north", 100).await;
        let body = json!({ "organization": "ext:north", "source": "shop", "external_reference": "9", "currency": "EUR", "fulfil": true, "lines": [{ "product": "ext:safety", "amount": 100 }] });
        let order = made(&app, "/api/orders", &body).await;
        assert_eq!((order["status"].clone(), order["failure"]["code"].clone()), (json!("paid"), json!("no_team")));
        let events = read(&app, "/api/orders?status=paid").await;
        assert_eq!(events["data"][0]["id"], order["id"]);
        app.node.app.clock.advance(60);
        refused(&app, &order, "fulfil", &json!({}), "fulfilment_failed").await;
        refused(&app, &order, "cancel", &json!({}), "state_conflict").await;
        app.node.app.clock.advance(60);
        assert_eq!(app.post("/api/orders", &body).await.json()["status"], "paid", "a repeat tries again");
        let told = b2b_dashboard::db::Select::new("SELECT count(*) FROM events WHERE account_id = $1 AND type = 'order.fulfilment_failed'", vec![]);
        let (told,): (i64,) = app.node.app.db.first(&app.first, told).await.expect("a read").expect("a row");
        assert_eq!(told, 3);
        let steps = read(&app, &format!("/api/orders/{}", order["id"].as_str().expect("an id"))).await["timeline"].clone();
        assert_eq!(steps.as_array().map(Vec::len), Some(3), "the same failure is one step: {steps}");
        let patched = app.patch("/api/organizations/ext:north", &json!({ "default_team": "ext:branch" })).await;
        assert_eq!(patched.status, 200, "{}", patched.text());
        let done = step(&app, &order, "fulfil", &json!({})).await;
        assert_eq!((done["status"].clone(), done["failure"].clone()), (json!("fulfilled"), JsonValue::Null));
        assert_eq!(quantity(&app, "branch").await, 1);
        // With credits the same: what was paid can be refunded without ever having been fulfilled.
        app.delete("/api/teams/ext:branch").await;
        let bought = made(&app, "/api/catalog_items/ext:ten/buy", &json!({ "organization": "ext:north" })).await;
        assert_eq!((bought["status"].clone(), balance(&app, "organizations/ext:north").await), (json!("paid"), 0));
        let back = step(&app, &bought, "refund", &json!({})).await;
        assert_eq!((back["order"]["status"].clone(), balance(&app, "organizations/ext:north").await), (json!("refunded"), 100));
        refused(&app, &bought, "fulfil", &json!({}), "state_conflict").await;
        assert_all(&app).await;
    }

    async fn an_organization_buys_for_the_teams_it_names(app: ApiApp) {
        company(&app).await;
        credit(&app, "organizations/ext:north", 500).await;
        let body = json!({ "organization": "ext:north", "payment": "credits", "lines": [{ "item": "ext:ten", "team": "ext:branch" }, { "item": "ext:ten", "quantity": 2 }], "team": "ext:branch" });
        let order = made(&app, "/api/orders", &body).await;
        assert_eq!((order["buyer"].clone(), order["status"].clone(), order["total_credits"].clone()), (json!("organization"), json!("fulfilled"), json!(300)));
        assert_eq!((quantity(&app, "branch").await, balance(&app, "organizations/ext:north").await), (30, 200));
        let foreign = with(body.clone(), &json!({ "lines": [{ "item": "ext:ten", "team": "ext:engines" }] }));
        let answer = app.post("/api/orders", &foreign).await;
        assert_problem(None, &answer, 422, &["validation_failed"]);
        assert_eq!(answer.json()["errors"][0]["pointer"], "/lines/0/team");
        assert_all(&app).await;
    }

    async fn a_draft_changes_until_it_is_placed(app: ApiApp) {
        shop(&app).await;
        let draft = made(&app, "/api/orders", &json!({ "team": "ext:engines", "external_id": "o-1", "lines": [{ "item": "ext:ten", "quantity": 2 }, { "product": "ext:safety", "quantity": 3, "amount": 5 }] })).await;
        assert_eq!((draft["status"].clone(), draft["total_amount"].clone(), draft["currency"].clone()), (json!("draft"), json!(98_005), json!("EUR")));
        let lines = json!({ "lines": [{ "product": "ext:safety", "quantity": 3, "amount": 5 }] });
        let changed = app.patch("/api/orders/ext:o-1", &lines).await.json();
        assert_eq!(changed["lines"][0]["id"], draft["lines"][1]["id"], "the same line keeps its id");
        assert_eq!((changed["total_amount"].clone(), app.count("order_lines").await), (json!(5), 1));
        let put = app.put("/api/orders/ext:o-1", &with(json!({ "team": "ext:engines" }), &json!({ "currency": "EUR", "lines": [{ "product": "ext:safety", "amount": 7 }] }))).await;
        assert_eq!((put.status, put.json()["total_amount"].clone()), (200, json!(7)), "{}", put.text());
        let paid = step(&app, &draft, "pay", &json!({ "fulfil": true })).await;
        assert_eq!(paid["status"], "fulfilled");
        assert_eq!(step(&app, &draft, "pay", &json!({})).await, paid, "paying twice is paying once");
        assert_problem(None, &app.patch("/api/orders/ext:o-1", &lines).await, 409, &["state_conflict"]);
        assert_problem(None, &app.delete("/api/orders/ext:o-1").await, 409, &["state_conflict"]);
        let other = made(&app, "/api/orders", &json!({ "team": "ext:engines", "lines": [{ "item": "ext:ten" }] })).await;
        let cancelled = step(&app, &other, "cancel", &json!({ "reason": "Twice" })).await;
        assert_eq!((cancelled["status"].clone(), cancelled["timeline"][1]["detail"].clone()), (json!("cancelled"), json!("Twice")));
        refused(&app, &other, "pay", &json!({}), "state_conflict").await;
        refused(&app, &other, "refund", &json!({}), "state_conflict").await;
    }

    async fn lines_tell_all_their_faults(app: ApiApp) {
        shop(&app).await;
        made(&app, "/api/catalog_items", &json!({ "name": "Yen", "external_id": "yen", "product": "ext:safety", "price_amount": 1, "currency": "JPY" })).await;
        made(&app, "/api/catalog_items", &json!({ "name": "Many", "external_id": "many", "product": "ext:safety", "quantity": 1_000_000 })).await;
        let refused = async |body: JsonValue, pointers: &[&str]| {
            let answer = app.post("/api/orders", &with(json!({ "team": "ext:engines" }), &body)).await;
            assert_problem(None, &answer, 422, &["validation_failed"]);
            let told: Vec<_> = answer.json()["errors"].as_array().expect("errors").iter().map(|error| error["pointer"].as_str().expect("a pointer").to_owned()).collect();
            assert_eq!(told, pointers, "{}", answer.text());
        };
        refused(json!({ "lines": [{}, { "product": "ext:safety", "item": "ext:ten" }] }), &["/lines/0", "/lines/1"]).await;
        refused(json!({ "lines": [{ "product": "ext:safety", "amount": 5 }] }), &["/currency"]).await;
        refused(json!({ "lines": [{ "item": "ext:ten" }, { "item": "ext:yen" }] }), &["/lines/1/item"]).await;
        refused(json!({ "lines": [{ "product": "ext:safety", "credits": 5 }] }), &["/lines/0/credits"]).await;
        refused(json!({ "payment": "credits", "lines": [{ "product": "ext:safety" }, { "item": "ext:yen" }] }), &["/lines/0/credits", "/lines/1/item", "/lines/1/credits"]).await;
        refused(json!({ "lines": [{ "item": "ext:many", "quantity": 1_000_000 }] }), &["/lines/0/quantity"]).await;
        refused(json!({ "lines": [{ "product": "ext:nobody" }] }), &["/lines/0/product"]).await;
        refused(json!({ "fulfil": true, "status": "pending", "lines": [{ "item": "ext:ten" }] }), &["/fulfil"]).await;
        let nobody = app.post("/api/orders", &json!({ "lines": [{ "item": "ext:ten" }] })).await;
        assert_eq!(nobody.json()["errors"][0]["pointer"], "/team", "{}", nobody.text());
    }

    async fn a_limited_key_buys_for_its_teams_at_the_catalogs_prices(app: ApiApp) {
        company(&app).await;
        credit(&app, "teams/ext:branch", 150).await;
        made(&app, "/api/orders", &told("foreign", 1)).await;
        let branch = read(&app, "/api/teams/ext:branch").await["id"].as_str().expect("an id").to_owned();
        let options = KeyOptions { team_ids: vec![branch], ..KeyOptions::default() };
        let key = app.full_key(&app.first, options).await.secret;
        let send = async |method: &str, path: &str, body: JsonValue| app.send(Call::new(method, path).key(&key).json(&body)).await;
        let bought = send("POST", "/api/catalog_items/ext:ten/buy", json!({ "team": "ext:branch" })).await;
        assert_eq!(bought.status, 201, "{}", bought.text());
        let list = app.send(Call::new("GET", "/api/orders").key(&key)).await.json();
        assert_eq!(list["data"].as_array().map(Vec::len), Some(1), "{list}");
        let short = send("POST", "/api/catalog_items/ext:ten/buy", json!({ "team": "ext:branch" })).await;
        assert_problem(None, &short, 409, &["insufficient_credits"]);
        assert_eq!(short.json()["payers"].as_array().map(Vec::len), Some(1), "organizations stay hidden");
        let line = |line: JsonValue| json!({ "team": "ext:branch", "payment": "credits", "lines": [line] });
        let cheap = send("POST", "/api/orders", line(json!({ "item": "ext:ten", "credits": 1 }))).await;
        assert_problem(None, &cheap, 422, &["validation_failed"]);
        let bare = send("POST", "/api/orders", line(json!({ "product": "ext:safety", "credits": 1 }))).await;
        assert_problem(None, &bare, 422, &["validation_failed"]);
        let external = send("POST", "/api/orders", with(told("x", 1), &json!({ "team": "ext:branch" }))).await;
        assert_problem(None, &external, 403, &["forbidden"]);
        let foreign = send("POST", "/api/catalog_items/ext:ten/buy", json!({ "team": "ext:engines" })).await;
        assert_problem(None, &foreign, 422, &["validation_failed"]);
        let organization = send("POST", "/api/catalog_items/ext:ten/buy", json!({ "organization": "ext:north" })).await;
        assert_problem(None, &organization, 422, &["validation_failed"]);
        let refund = send("POST", &format!("/api/orders/{}/refund", bought.id()), json!({})).await;
        assert_problem(None, &refund, 403, &["forbidden"]);
        let theirs = read(&app, "/api/orders?team=ext:engines").await["data"][0]["id"].as_str().expect("an id").to_owned();
        assert_problem(None, &send("POST", &format!("/api/orders/{theirs}/fulfil"), json!({})).await, 404, &["not_found"]);
        let spied = send("POST", "/api/orders", json!({ "team": "ext:branch", "source": "shop", "external_reference": "foreign", "payment": "credits", "lines": [{ "item": "ext:ten" }] })).await;
        assert_problem(None, &spied, 409, &["reference_reused"]);
        assert!(spied.json().get("differences").is_none() && spied.json().get("order_id").is_none(), "{}", spied.text());
        app.patch("/api/catalog_items/ext:ten", &json!({ "status": "archived" })).await;
        let gone = app.post("/api/catalog_items/ext:ten/buy", &json!({ "team": "ext:branch" })).await;
        assert_problem(None, &gone, 409, &["state_conflict"]);
    }

    async fn a_provision_with_a_reference_stands_among_the_orders(app: ApiApp) {
        shop(&app).await;
        let body = with(wish("ada", "engines", "safety", &json!({ "quantity": 5, "assign": true })), &json!({ "external_reference": "crm-7" }));
        provision(&app, &body, 201).await;
        provision(&app, &body, 200).await;
        let orders = read(&app, "/api/orders?source=provision&external_reference=crm-7").await;
        let order = &orders["data"][0];
        assert_eq!((orders["data"].as_array().map(Vec::len), order["status"].clone(), order["lines"][0]["quantity"].clone()), (Some(1), json!("fulfilled"), json!(5)), "{orders}");
        product(&app, "sales", &[]).await;
        let more = with(wish("ada", "engines", "sales", &json!({ "quantity": 2 })), &json!({ "external_reference": "crm-7" }));
        provision(&app, &more, 201).await;
        assert_eq!(read(&app, "/api/orders?source=provision").await["data"].as_array().map(Vec::len), Some(2));
        let seat = order["lines"][0]["seat_id"].as_str().expect("a seat").to_owned();
        assert_eq!(read(&app, &format!("/api/orders?seat={seat}")).await["data"][0]["id"], order["id"]);
        let back = step(&app, order, "refund", &json!({ "lines": [{ "number": 1, "quantity": 4 }] })).await;
        assert_eq!(back["order"]["status"], "partially_refunded");
        assert_eq!(counters(&app, &seat).await, [Some(1), Some(0), Some(0), Some(0)]);
        assert_all(&app).await;
    }

    async fn a_draft_changes_its_buyer_and_what_is_placed_does_not(app: ApiApp) {
        company(&app).await;
        let draft = json!({ "team": "ext:engines", "source": "shop", "external_reference": "7", "currency": "EUR", "lines": [{ "item": "ext:ten", "team": "ext:engines" }] });
        let order = made(&app, "/api/orders", &draft).await;
        let path = format!("/api/orders/{}", order["id"].as_str().expect("an id"));
        let change = async |body: JsonValue| app.patch(&path, &body).await;
        // The line's team is none of the organization's.
        let wrong = change(json!({ "team": null, "organization": "ext:north" })).await;
        assert_problem(None, &wrong, 422, &["validation_failed"]);
        assert_eq!(wrong.json()["errors"][0]["pointer"], "/lines/0/team", "{}", wrong.text());
        let nobody = change(json!({ "team": null })).await;
        assert_eq!(nobody.json()["errors"][0]["pointer"], "/team", "{}", nobody.text());
        let other = change(json!({ "currency": "CHF" })).await;
        assert_eq!(other.json()["errors"][0]["pointer"], "/currency", "{}", other.text());
        let moved = change(json!({ "team": null, "organization": "ext:north", "lines": [{ "item": "ext:ten", "team": "ext:branch", "amount": 50000 }] })).await;
        assert_eq!(moved.status, 200, "{}", moved.text());
        let moved = moved.json();
        assert_eq!((&moved["buyer"], &moved["team_id"], &moved["total_amount"]), (&json!("organization"), &JsonValue::Null, &json!(50000)));
        let swiss = change(json!({ "currency": "CHF", "lines": [{ "product": "ext:safety", "amount": 900, "quantity": 3 }] })).await;
        assert_eq!((swiss.status, swiss.json()["currency"].clone()), (200, json!("CHF")), "{}", swiss.text());
        let placed = change(json!({ "team": "ext:branch", "status": "pending" })).await;
        assert_eq!((placed.status, placed.json()["status"].clone()), (200, json!("pending")), "{}", placed.text());
        let late = change(json!({ "organization": "ext:south" })).await;
        assert_problem(None, &late, 409, &["state_conflict"]);
        let noted = change(json!({ "note": "By telephone" })).await;
        assert_eq!(noted.status, 200, "{}", noted.text());
        step(&app, &order, "pay", &json!({ "fulfil": true })).await;
        assert_eq!(quantity(&app, "branch").await, 3);
        assert_all(&app).await;
    }

    async fn a_draft_with_credits_buys_what_the_new_buyer_sees(app: ApiApp) {
        company(&app).await;
        let own = json!({ "name": "Own", "external_id": "own", "product": "ext:safety", "quantity": 1, "price_credits": 5, "status": "published", "visible_to": { "teams": ["ext:engines"] } });
        made(&app, "/api/catalog_items", &own).await;
        let draft = json!({ "team": "ext:engines", "payment": "credits", "status": "draft", "lines": [{ "item": "ext:own" }] });
        let order = made(&app, "/api/orders", &draft).await;
        let path = format!("/api/orders/{}", order["id"].as_str().expect("an id"));
        let refused = app.patch(&path, &json!({ "team": "ext:branch" })).await;
        assert_problem(None, &refused, 422, &["validation_failed"]);
        assert_eq!(refused.json()["errors"][0]["pointer"], "/lines/0/item", "{}", refused.text());
        let branch = read(&app, "/api/teams/ext:branch").await["id"].as_str().expect("an id").to_owned();
        let key = app.full_key(&app.first, KeyOptions { team_ids: vec![branch], ..KeyOptions::default() }).await;
        let out_of_reach = app.send(Call::new("PATCH", &path).key(&key.secret).json(&json!({ "team": "ext:branch" }))).await;
        assert_eq!(out_of_reach.status, 404, "{}", out_of_reach.text());
        let seen = app.patch(&path, &json!({ "team": "ext:branch", "lines": [{ "item": "ext:ten" }] })).await;
        assert_eq!((seen.status, seen.json()["total_credits"].clone()), (200, json!(100)), "{}", seen.text());
        let stranger = app.send(Call::new("PATCH", &path).key(&key.secret).json(&json!({ "team": "ext:engines" }))).await;
        assert_eq!(stranger.status, 422, "a team out of reach is not there: {}", stranger.text());
    }
}
