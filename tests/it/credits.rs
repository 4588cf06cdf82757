//! Credits: double entry that always balances, never below zero, each reference once.

use serde_json::{Value as JsonValue, json};

use crate::support::database::both;
use crate::support::http::{Answer, ApiApp, Call};
use crate::support::operation::assert_problem;
use crate::support::world::{read, team};

/// Every balance is the sum of its entries, every movement sums to zero, every order agrees.
pub(crate) async fn assert_books(app: &ApiApp) {
    let report = read(app, "/api/integrity").await;
    for list in ["mismatches", "unbalanced", "orders"] {
        assert_eq!(report["credits"][list], json!([]), "{report}");
    }
}

/// Gives a team or an organization credits, or takes some.
pub(crate) async fn credit(app: &ApiApp, owner: &str, amount: i64) -> JsonValue {
    let answer = app
        .post(
            &format!("/api/{owner}/credits"),
            &json!({ "amount": amount }),
        )
        .await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()
}

/// What an owner has.
pub(crate) async fn balance(app: &ApiApp, owner: &str) -> i64 {
    let credits = read(app, &format!("/api/{owner}/credits")).await;
    credits["balance"].as_i64().expect("a balance")
}

async fn parallel(app: &ApiApp, path: &str, bodies: Vec<JsonValue>) -> Vec<Answer> {
    let mut running = tokio::task::JoinSet::new();
    for body in bodies {
        let (node, key, path) = (app.node.clone(), app.key.secret.clone(), path.to_owned());
        running.spawn(async move {
            node.send(Call::new("POST", path).key(&key).json(&body))
                .await
        });
    }
    running.join_all().await
}

both! {
    async fn a_reference_counts_once_and_another_amount_is_refused(app: ApiApp) {
        team(&app, "engines").await;
        let path = "/api/teams/ext:engines/credits";
        let body = json!({ "amount": 100, "reference": "invoice-1", "note": "Invoice 1" });
        let first = app.post(path, &body).await;
        assert_eq!(first.status, 201, "{}", first.text());
        let again = app.post(path, &body).await;
        assert_eq!((again.status, again.json()), (200, first.json()));
        let other = app.post(path, &json!({ "amount": 90, "reference": "invoice-1" })).await;
        assert_problem(None, &other, 409, &["reference_reused"]);
        assert_eq!(other.json()["differences"], json!([{ "member": "amount", "before": 100, "now": 90 }]));
        let bodies = (0..32).map(|_| json!({ "amount": 7, "reference": "invoice-2" })).collect();
        let answers = parallel(&app, path, bodies).await;
        assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
        assert!(answers.iter().all(|answer| matches!(answer.status, 200 | 201)));
        assert_eq!(balance(&app, "teams/ext:engines").await, 107);
        assert_books(&app).await;
    }

    async fn first_movements_of_an_account_do_not_get_in_each_others_way(app: ApiApp) {
        team(&app, "engines").await;
        let bodies = (0..16).map(|_| json!({ "amount": 3 })).collect();
        for answer in parallel(&app, "/api/teams/ext:engines/credits", bodies).await {
            assert_eq!(answer.status, 201, "{}", answer.text());
        }
        assert_eq!(balance(&app, "teams/ext:engines").await, 48);
        let entries = read(&app, "/api/credit_entries?limit=200&reason=grant").await;
        let sum: i64 = entries["data"].as_array().expect("a list").iter().filter_map(|entry| entry["amount"].as_i64()).sum();
        assert_eq!(sum, 0, "both sides are shown");
        assert_books(&app).await;
    }

    async fn nothing_goes_below_zero_without_an_overdraft(app: ApiApp) {
        team(&app, "engines").await;
        let path = "/api/teams/ext:engines/credits";
        credit(&app, "teams/ext:engines", 10).await;
        let bodies = (0..20).map(|_| json!({ "amount": -1 })).collect();
        let answers = parallel(&app, path, bodies).await;
        assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 10);
        for refused in answers.iter().filter(|answer| answer.status != 201) {
            assert_problem(None, refused, 409, &["insufficient_credits"]);
        }
        assert_eq!(balance(&app, "teams/ext:engines").await, 0);
        assert_eq!(app.patch(path, &json!({ "overdraft": 5 })).await.json()["available"], 5);
        credit(&app, "teams/ext:engines", -5).await;
        let refused = app.post(path, &json!({ "amount": -1 })).await;
        assert_problem(None, &refused, 409, &["insufficient_credits"]);
        let refused = app.patch(path, &json!({ "overdraft": 4 })).await;
        assert_problem(None, &refused, 409, &["state_conflict"]);
        for (body, pointer) in [(json!({ "amount": 0 }), "/amount"), (json!({ "amount": -1, "reason": "grant" }), "/amount"), (json!({ "amount": 1, "reason": "withdrawal" }), "/amount"), (json!({ "amount": 2_000_000_000_000_i64 }), "/amount")] {
            let refused = app.post(path, &body).await;
            assert_problem(None, &refused, 422, &["validation_failed"]);
            assert_eq!(refused.json()["errors"][0]["pointer"], pointer);
        }
        assert_books(&app).await;
    }

    async fn the_check_of_the_books_sees_what_is_wrong(app: ApiApp) {
        use b2b_dashboard::db::Statement;
        team(&app, "engines").await;
        let account = credit(&app, "teams/ext:engines", 10).await["account"]["id"].clone();
        let write = async |sql: &'static str| {
            app.node.app.db.write(&app.first, vec![Statement::new(sql, vec![])]).await.expect("a write");
        };
        write("UPDATE credit_accounts SET balance = 11 WHERE account_id = $1").await;
        let report = read(&app, "/api/integrity").await;
        assert_eq!(report["credits"]["mismatches"], json!([{ "credit_account_id": account, "balance": 11, "entries": 10 }]));
        write("UPDATE credit_entries SET amount = -9 WHERE account_id = $1 AND system_account IS NOT NULL").await;
        let report = read(&app, "/api/integrity").await;
        assert_eq!(report["credits"]["unbalanced"][0]["sum"], 1, "{report}");
        write("UPDATE credit_accounts SET balance = -1 WHERE account_id = $1 AND balance = 0").await;
        let below = Statement::new("UPDATE credit_accounts SET balance = -1 WHERE account_id = $1", vec![]);
        app.node.app.db.write(&app.first, vec![below]).await.expect_err("the CHECK behind the guard");
    }
}
