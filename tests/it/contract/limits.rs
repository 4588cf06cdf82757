//! Keys limited to one team: whatever they call, what belongs to other teams is neither seen nor changed.

use std::collections::{BTreeMap, BTreeSet};

use b2b_dashboard::db::Select;
use serde_json::{Value as JsonValue, json};

use super::preparation::{make_examples, prepare};
use crate::support::database::both;
use crate::support::http::{Answer, ApiApp, Call, KeyOptions};
use crate::support::operation::{Document, Operation};
use crate::support::schema::{self, Table};

/// Tables that only grow, or keep the books of requests: what is in them is looked at by what the API shows of it.
const BOOKS: [&str; 8] = [
    "rate_windows",
    "schema_migrations",
    "idempotency_records",
    "api_keys",
    "api_key_secrets",
    "installation_settings",
    "events",
    "audit_facts",
];

/// A team with a member and a seat, and a key that reaches nothing else.
struct Corner {
    team: String,
    key: String,
}

async fn corner(app: &ApiApp) -> Corner {
    let team = app
        .post(
            "/api/teams",
            &json!({ "name": "Corner", "external_id": "corner" }),
        )
        .await
        .id();
    let member = json!({ "email": "own@example.com", "first_name": "Own", "role": "owner" });
    let answer = app
        .post(&format!("/api/teams/{team}/members"), &member)
        .await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let seat = json!({ "product": "ext:safety-101", "teams": [team], "quantity": 3 });
    let answer = app.post("/api/seats", &seat).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let options = KeyOptions {
        team_ids: vec![team.clone()],
        ..KeyOptions::default()
    };
    let key = app.full_key(&app.first, options).await.secret;
    Corner { team, key }
}

/// Every row of the account by table and primary key, as a text.
async fn rows(app: &ApiApp) -> BTreeMap<(String, String), BTreeMap<String, String>> {
    let mut all = BTreeMap::new();
    for (name, table) in schema::tables(&app.database).await {
        let is_ours = table.columns.iter().any(|column| column == "account_id");
        if !is_ours || BOOKS.contains(&name.as_str()) {
            continue;
        }
        for row in rows_of(app, &name, &table).await {
            let key: Vec<&str> = table
                .primary
                .iter()
                .map(|column| row[column].as_str())
                .collect();
            all.insert((name.clone(), key.join("/")), row);
        }
    }
    all
}

async fn rows_of(app: &ApiApp, name: &str, table: &Table) -> Vec<BTreeMap<String, String>> {
    let quoted: Vec<String> = table
        .columns
        .iter()
        .map(|column| format!("coalesce(CAST({column} AS TEXT), '')"))
        .collect();
    let sql = format!(
        "SELECT {} FROM {name} WHERE account_id = $1",
        quoted.join(" || chr_between || ")
    );
    let between = if app.node.app.db.is_sqlite() {
        "char(31)"
    } else {
        "chr(31)"
    };
    let select = Select::new(sql.replace("chr_between", between), vec![]);
    let lines: Vec<(String,)> = app
        .node
        .app
        .db
        .fetch(&app.first, select)
        .await
        .expect("rows");
    let read = |line: String| {
        let values = line.split('\u{1f}').map(str::to_owned);
        table.columns.iter().cloned().zip(values).collect()
    };
    lines.into_iter().map(|(line,)| read(line)).collect()
}

/// The ids of what belongs to other teams: the teams, people who are in the corner by nothing, and what is theirs.
fn foreign(
    rows: &BTreeMap<(String, String), BTreeMap<String, String>>,
    corner: &Corner,
) -> BTreeSet<String> {
    let of = |table: &'static str| {
        rows.iter()
            .filter(move |((name, _), _)| name == table)
            .map(|(_, row)| row)
    };
    let within: BTreeSet<&str> = of("team_members")
        .filter(|row| row["team_id"] == corner.team)
        .map(|row| row["user_id"].as_str())
        .collect();
    let shared: BTreeSet<&str> = of("seat_teams")
        .filter(|row| row["team_id"] == corner.team)
        .map(|row| row["seat_id"].as_str())
        .collect();
    let mut ids = BTreeSet::new();
    for ((table, _), row) in rows {
        let Some(id) = row.get("id") else { continue };
        let text = |column: &str| row.get(column).map_or("", String::as_str);
        let is_foreign = match table.as_str() {
            "teams" => *id != corner.team,
            "users" => !within.contains(id.as_str()),
            "seats" => !shared.contains(id.as_str()),
            _ if !text("team_id").is_empty() => text("team_id") != corner.team,
            _ if !text("seat_id").is_empty() => !shared.contains(text("seat_id")),
            _ if !text("user_id").is_empty() => !within.contains(text("user_id")),
            _ => false,
        };
        if is_foreign {
            ids.insert(id.clone());
        }
    }
    ids
}

fn shown(answer: &Answer, foreign: &BTreeSet<String>, called: &str) -> Vec<String> {
    let text = String::from_utf8_lossy(&answer.body);
    // What the caller has written into the request itself may come back to them.
    let found = foreign
        .iter()
        .filter(|id| text.contains(id.as_str()) && !called.contains(id.as_str()));
    found.cloned().collect()
}

/// What of the rows that were has changed or gone, and what is new outside of the corner.
fn changed(
    before: &BTreeMap<(String, String), BTreeMap<String, String>>,
    after: &BTreeMap<(String, String), BTreeMap<String, String>>,
    foreign: &BTreeSet<String>,
    corner: &Corner,
) -> Vec<String> {
    let mut faults = Vec::new();
    for (key, row) in before {
        let belongs = row.values().any(|value| foreign.contains(value));
        if belongs && after.get(key) != Some(row) {
            faults.push(format!("{key:?} was {row:?}, is {:?}", after.get(key)));
        }
    }
    for (key, row) in after.iter().filter(|(key, _)| !before.contains_key(*key)) {
        let team = row.get("team_id").filter(|team| !team.is_empty());
        let is_new_team = key.0 == "teams";
        if is_new_team
            || team.is_some_and(|team| *team != corner.team)
            || row.values().any(|value| foreign.contains(value))
        {
            faults.push(format!("{key:?} is new: {row:?}"));
        }
    }
    faults
}

async fn try_it(
    app: &ApiApp,
    operation: &Operation,
    call: Call,
    called: &str,
    corner: &Corner,
    faults: &mut Vec<String>,
) {
    let before = rows(app).await;
    let others = foreign(&before, corner);
    let answer = app.send(call).await;
    assert!(answer.status < 500, "{}: {}", operation.id, answer.text());
    let seen = shown(&answer, &others, called);
    // The history of one's own team names people who have left it.
    let is_history = matches!(operation.id.as_str(), "list_events" | "stream_events");
    if !is_history && !seen.is_empty() {
        faults.push(format!(
            "{} {called} shows {seen:?}: {}",
            operation.id,
            answer.text()
        ));
    }
    if operation.method == "GET" {
        return;
    }
    let after = rows(app).await;
    for fault in changed(&before, &after, &others, corner) {
        faults.push(format!(
            "{} {called} ({}): {fault}",
            operation.id, answer.status
        ));
    }
}

both! {
    async fn a_key_of_one_team_sees_and_changes_nothing_of_another(app: ApiApp) {
        let document = Document::of(&app).await;
        make_examples(&app, &document).await;
        let corner = corner(&app).await;
        let mut faults = Vec::new();
        for operation in &document.operations {
            let prepared = prepare(&app, &document, operation).await;
            let body = prepared.body.as_ref().map(JsonValue::to_string).unwrap_or_default();
            let called = format!("{} {body}", prepared.path);
            let mut queries = vec![String::new()];
            if operation.parameter("cursor").is_some() {
                queries = vec!["?limit=200&include=total_count".to_owned()];
                queries.extend(operation.parameter("team").map(|_| "?limit=200&team=ext:engines".to_owned()));
            }
            for query in queries {
                let call = prepared.call_with(operation, &corner.key, &query);
                try_it(&app, operation, call, &called, &corner, &mut faults).await;
            }
            // The same with what lies within the limits: it may work, and still nothing else is touched.
            if let Some(near) = near(&prepared.path, prepared.body.as_ref(), &corner) {
                let call = Call::new(&operation.method, &near.0).key(&corner.key);
                let call = match &near.1 {
                    Some(body) => call.json(body),
                    None => call,
                };
                let called = format!("{} {}", near.0, near.1.as_ref().map(JsonValue::to_string).unwrap_or_default());
                try_it(&app, operation, call, &called, &corner, &mut faults).await;
            }
        }
        assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    }

    async fn what_a_limited_key_would_make_outside_of_its_limits_is_refused_by_name(app: ApiApp) {
        let document = Document::of(&app).await;
        make_examples(&app, &document).await;
        let corner = corner(&app).await;
        for (path, body) in [
            ("/api/teams", json!({ "name": "Beyond" })),
            ("/api/users", json!({ "email": "beyond@example.com" })),
            ("/api/organizations", json!({ "name": "Beyond" })),
            ("/api/roles", json!({ "name": "Beyond", "kind": "team", "permissions": ["teams:read"] })),
            ("/api/provision", json!({ "user": { "email": "beyond@example.com" }, "team": { "strategy": "create", "name": "Beyond" } })),
            ("/api/provision", json!({ "user": { "email": "ada@example.com" }, "team": { "strategy": "specific", "id": corner.team } })),
            (&format!("/api/teams/{}/members", corner.team) as &str, json!({ "email": "ada@example.com" })),
        ] {
            let answer = app.send(Call::new("POST", path).key(&corner.key).json(&body)).await;
            assert_eq!((answer.status, answer.json()["code"].as_str()), (403, Some("forbidden")), "{path} {body}: {}", answer.text());
        }
        // References out of reach are as unknown as those that lead nowhere.
        let unknown = |user: &str| json!({ "user": user });
        for user in ["email:ada@example.com", "ext:crm-81", "ext:nobody"] {
            let call = Call::new("POST", format!("/api/teams/{}/members", corner.team)).key(&corner.key).json(&unknown(user));
            let answer = app.send(call).await;
            assert_eq!(answer.status, 422, "{}", answer.text());
            assert_eq!(answer.json()["errors"][0]["code"], "reference_not_found");
        }
        // Somebody new in the team lies within.
        let new = json!({ "email": "near@example.com", "first_name": "Near" });
        let call = Call::new("POST", format!("/api/teams/{}/members", corner.team)).key(&corner.key).json(&new);
        let made = app.send(call).await;
        assert_eq!(made.status, 201, "{}", made.text());
        let seen = app.send(Call::new("GET", "/api/users/email:near@example.com").key(&corner.key)).await;
        assert_eq!(seen.status, 200);
    }

    async fn a_key_of_an_organization_makes_teams_in_it_and_sees_them(app: ApiApp) {
        let above = app.post("/api/organizations", &json!({ "name": "Acme", "external_id": "acme" })).await.id();
        let below = app.post("/api/organizations", &json!({ "name": "Acme South", "parent": above })).await.id();
        app.post("/api/organizations", &json!({ "name": "Other", "external_id": "other" })).await;
        let key = app.full_key(&app.first, KeyOptions { organization_ids: vec![above.clone()], ..KeyOptions::default() }).await.secret;
        let list = app.send(Call::new("GET", "/api/organizations?include=total_count").key(&key)).await;
        assert_eq!(list.json()["page"]["total_count"], 2, "{}", list.text());
        for organization in [&above, &below] {
            let body = json!({ "name": format!("Team of {organization}"), "organization": organization });
            let made = app.send(Call::new("POST", "/api/teams").key(&key).json(&body)).await;
            assert_eq!(made.status, 201, "{}", made.text());
        }
        let refused = app.send(Call::new("POST", "/api/teams").key(&key).json(&json!({ "name": "X" }))).await;
        assert_eq!(refused.status, 403, "{}", refused.text());
        let refused = app.send(Call::new("POST", "/api/teams").key(&key).json(&json!({ "name": "X", "organization": "ext:other" }))).await;
        assert_eq!((refused.status, refused.json()["errors"][0]["pointer"].as_str()), (422, Some("/organization")));
        app.node.app.clock.advance(2);
        let provisioned = json!({ "user": { "email": "new@example.com" }, "team": { "strategy": "create", "name": "Made", "organization": "ext:acme" } });
        let made = app.send(Call::new("POST", "/api/provision").key(&key).json(&provisioned)).await;
        assert_eq!(made.status, 201, "{}", made.text());
    }
}

/// The same call with the corner in the place of the team, where there is one.
fn near(
    path: &str,
    body: Option<&JsonValue>,
    corner: &Corner,
) -> Option<(String, Option<JsonValue>)> {
    let mut parts: Vec<String> = path.split('/').map(str::to_owned).collect();
    let mut is_near = false;
    if let Some(at) = parts.iter().position(|part| part == "teams")
        && let Some(team) = parts.get_mut(at + 1)
    {
        team.clone_from(&corner.team);
        is_near = true;
    }
    let mut body = body.cloned();
    if let Some(body) = &mut body {
        is_near |= replace(body, &corner.team);
    }
    is_near.then(|| (parts.join("/"), body))
}

/// Puts the corner wherever a body names a team.
fn replace(body: &mut JsonValue, team: &str) -> bool {
    match body {
        JsonValue::Object(members) => {
            let mut any = false;
            for (name, value) in members.iter_mut() {
                if matches!(name.as_str(), "team" | "to_team") && value.is_string() {
                    *value = team.into();
                    any = true;
                } else if matches!(name.as_str(), "teams" | "team_ids") && value.is_array() {
                    *value = json!([team]);
                    any = true;
                } else {
                    any |= replace(value, team);
                }
            }
            any
        }
        JsonValue::Array(items) => {
            let replaced: Vec<bool> = items.iter_mut().map(|item| replace(item, team)).collect();
            replaced.contains(&true)
        }
        _ => false,
    }
}
