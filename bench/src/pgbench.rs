//! The baseline on PostgreSQL: the statements of a provision, one by one, by `pgbench` on the same server.
//!
//! The writes are those of a real plan, taken from the program itself; the reads are its selects. Values that differ
//! between two people are made unique by pgbench's random number, all others stay as they are.

use std::collections::HashMap;
use std::fmt::Write as _;

use b2b_dashboard::access::Call;
use b2b_dashboard::app::App;
use b2b_dashboard::db::portable::{Dialect, translate};
use b2b_dashboard::db::{Row, Statement, Value};
use b2b_dashboard::provisioning;
use b2b_dashboard::resources::{Product, Team, User};
use b2b_dashboard::seats::Seat;
use serde_json::json;

/// A script for one team: a transaction of reads and writes.
pub async fn script(app: &App, call: &Call, team: usize) -> String {
    let one = writes(app, call, team, "a").await;
    let two = writes(app, call, team, "b").await;
    let account = quoted(call.account().as_str());
    let mut text = String::from("\\set r random(1, 9000000000000000)\nBEGIN;\n");
    for select in reads(team) {
        let _ = writeln!(text, "{};", select.replace("$1", &account));
    }
    let mut unique: HashMap<String, usize> = HashMap::new();
    for (a, b) in one.iter().zip(&two) {
        let values: Vec<String> = a
            .params()
            .iter()
            .zip(b.params())
            .map(|(a, b)| literal(a, b, &mut unique))
            .collect();
        let mut sql = one_by_one(&translate(a.sql(), Dialect::Postgres));
        for (n, value) in values.iter().enumerate().rev() {
            sql = sql.replace(&format!("${}", n + 2), value);
        }
        let _ = writeln!(text, "{};", sql.replace("$1", &account));
    }
    text.push_str("COMMIT;\n");
    text
}

/// A statement for itself: what the one before has written stands in its table.
fn one_by_one(sql: &str) -> String {
    let Some((before, rest)) = sql.split_once("WRITTEN(") else {
        return sql.to_owned();
    };
    let (table, after) = rest.split_once(')').expect("a table");
    format!("{before}{table}{}", one_by_one(after))
}

async fn writes(app: &App, call: &Call, team: usize, person: &str) -> Vec<Statement> {
    let body = body(team, &format!("pgbench-{person}"));
    let (request, _) = provisioning::read(&body).expect("a body");
    let (plan, _) = provisioning::plan(&app.db, &app.ids, call, &request)
        .await
        .expect("a plan");
    plan.finish(call, &app.ids)
}

/// The body that the load sends: a new person, a known team, one place.
pub fn body(team: usize, person: &str) -> serde_json::Value {
    json!({
        "user": { "email": format!("{person}@load.example"), "first_name": "Load", "last_name": "Person", "external_id": person },
        "team": { "strategy": "specific", "id": format!("ext:team-{team}") },
        "seats": [{ "product": "ext:load" }],
    })
}

fn reads(team: usize) -> Vec<String> {
    let rows = |columns: &str, table: &str, rest: &str| {
        format!("SELECT {columns} FROM {table} WHERE {table}.account_id = $1 {rest}")
    };
    vec![
        rows(
            User::selection(),
            "users",
            "AND external_id = 'p' || CAST(:r AS TEXT) AND deleted_at IS NULL",
        ),
        rows(
            User::selection(),
            "users",
            "AND email_key = 'p' || CAST(:r AS TEXT) || '@load.example' AND deleted_at IS NULL",
        ),
        rows(
            Team::selection(),
            "teams",
            &format!("AND external_id = 'team-{team}' AND deleted_at IS NULL"),
        ),
        "SELECT settings, locale FROM accounts WHERE account_id = $1".to_owned(),
        rows(Product::selection(), "products", "AND external_id = 'load'"),
        rows(
            Seat::selection(),
            "seats",
            &format!(
                "AND id IN (SELECT seat_id FROM seat_teams WHERE account_id = $1 AND live AND team_id IN \
                 (SELECT id FROM teams WHERE account_id = $1 AND external_id = 'team-{team}'))"
            ),
        ),
    ]
}

/// A text as it stands in the script. A colon is spelled out: pgbench would take what follows it for a variable of its
/// own, even between quotes.
fn quoted(text: &str) -> String {
    let text = text.replace('\'', "''");
    if text.contains(':') {
        format!("E'{}'", text.replace('\\', "\\\\").replace(':', "\\072"))
    } else {
        format!("'{text}'")
    }
}

/// A value as it stands in the script: the same for all, or made unique.
fn literal(a: &Value, b: &Value, unique: &mut HashMap<String, usize>) -> String {
    match (a, b) {
        (Value::Text(Some(a)), Value::Text(Some(b))) if a != b => {
            let next = unique.len();
            let n = unique.entry(a.to_string()).or_insert(next);
            format!("'u{n}_' || CAST(:r AS TEXT)")
        }
        (Value::Text(Some(text)), _) => quoted(text),
        (Value::Text(None), _) => "CAST(NULL AS TEXT)".to_owned(),
        (Value::Int(Some(int)), _) => format!("CAST({int} AS BIGINT)"),
        (Value::Int(None), _) => "CAST(NULL AS BIGINT)".to_owned(),
        (Value::Bool(Some(truth)), _) => truth.to_string(),
        (Value::Bool(None), _) => "CAST(NULL AS BOOLEAN)".to_owned(),
    }
}
