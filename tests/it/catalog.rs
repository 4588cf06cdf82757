//! The catalog: who sees what, what an item may be, and whom a limited key shows it to.

use serde_json::{Value as JsonValue, json};

use crate::support::database::both;
use crate::support::http::{ApiApp, Call, KeyOptions};
use crate::support::operation::assert_problem;
use crate::support::world::{product, read, team, with};

async fn made(app: &ApiApp, path: &str, body: &JsonValue) -> String {
    let answer = app.post(path, body).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.id()
}

async fn item(app: &ApiApp, name: &str, further: &JsonValue) -> String {
    let body = json!({ "name": name, "external_id": name, "product": "ext:safety", "price_credits": 10, "status": "published" });
    made(app, "/api/catalog_items", &with(body, further)).await
}

/// The names of the items in a list, sorted.
fn names(list: &JsonValue) -> Vec<String> {
    let data = list["data"].as_array().expect("a list");
    let mut names: Vec<String> = data
        .iter()
        .map(|item| item["name"].as_str().expect("a name").to_owned())
        .collect();
    names.sort();
    names
}

/// A tree: north > north-de > north-de-ops with a team in each; south with a team.
async fn tree(app: &ApiApp) {
    product(app, "safety", &["fire"]).await;
    for (key, parent) in [
        ("north", None),
        ("north-de", Some("ext:north")),
        ("north-de-ops", Some("ext:north-de")),
        ("south", None),
    ] {
        let body = json!({ "name": key, "external_id": key, "parent": parent });
        made(app, "/api/organizations", &body).await;
        let body = json!({ "name": "Team", "external_id": format!("team-{key}"), "organization": format!("ext:{key}") });
        made(app, "/api/teams", &body).await;
    }
    team(app, "loose").await;
}

both! {
    async fn an_item_is_seen_by_those_it_names_and_what_is_below_them(app: ApiApp) {
        tree(&app).await;
        item(&app, "for-all", &json!({})).await;
        item(&app, "north-only", &json!({ "visible_to": { "organizations": ["ext:north"] } })).await;
        item(&app, "de-only", &json!({ "visible_to": { "organizations": ["ext:north-de"] } })).await;
        item(&app, "loose-only", &json!({ "visible_to": { "teams": ["ext:loose"] } })).await;
        let seen = async |query: &str| names(&read(&app, &format!("/api/catalog_items?{query}")).await);
        assert_eq!(seen("visible_to_team=ext:team-north").await, ["for-all", "north-only"]);
        assert_eq!(seen("visible_to_team=ext:team-north-de-ops").await, ["de-only", "for-all", "north-only"]);
        assert_eq!(seen("visible_to_team=ext:team-south").await, ["for-all"]);
        assert_eq!(seen("visible_to_team=ext:loose").await, ["for-all", "loose-only"]);
        assert_eq!(seen("visible_to_organization=ext:north-de").await, ["de-only", "for-all", "north-only"]);
        assert_eq!(seen("visible_to_organization=ext:south").await, ["for-all"]);
        assert_eq!(seen("visible_to_team[ne]=ext:loose").await, ["de-only", "north-only"]);
    }

    async fn a_limited_key_sees_what_its_teams_could_buy(app: ApiApp) {
        tree(&app).await;
        item(&app, "for-all", &json!({})).await;
        let draft = item(&app, "draft", &json!({ "status": "draft" })).await;
        let foreign = item(&app, "south-only", &json!({ "visible_to": { "organizations": ["ext:south"] } })).await;
        item(&app, "ours", &json!({ "visible_to": { "organizations": ["ext:north"] } })).await;
        let de = read(&app, "/api/teams/ext:team-north-de").await["id"].as_str().expect("an id").to_owned();
        let options = KeyOptions { team_ids: vec![de], ..KeyOptions::default() };
        let key = app.full_key(&app.first, options).await.secret;
        let send = async |method: &str, path: &str, body: JsonValue| app.send(Call::new(method, path).key(&key).json(&body)).await;
        let list = app.send(Call::new("GET", "/api/catalog_items").key(&key)).await.json();
        assert_eq!(names(&list), ["for-all", "ours"]);
        for hidden in [&draft, &foreign] {
            let answer = app.send(Call::new("GET", format!("/api/catalog_items/{hidden}")).key(&key)).await;
            assert_problem(None, &answer, 404, &["not_found"]);
        }
        let body = json!({ "name": "Mine", "product": "ext:safety" });
        assert_problem(None, &send("POST", "/api/catalog_items", body).await, 403, &["forbidden"]);
        let credits = send("POST", "/api/teams/ext:team-north-de/credits", json!({ "amount": 5 })).await;
        assert_problem(None, &credits, 403, &["forbidden"]);
        let other = app.send(Call::new("GET", "/api/teams/ext:team-south/credits").key(&key)).await;
        assert_problem(None, &other, 404, &["not_found"]);
    }

    async fn an_item_keeps_its_members_in_agreement(app: ApiApp) {
        tree(&app).await;
        let refused = async |body: JsonValue, pointer: &str| {
            let body = with(json!({ "name": "X", "product": "ext:safety" }), &body);
            let answer = app.post("/api/catalog_items", &body).await;
            assert_problem(None, &answer, 422, &["validation_failed"]);
            assert_eq!(answer.json()["errors"][0]["pointer"], pointer, "{}", answer.text());
        };
        refused(json!({ "price_amount": 100 }), "/currency").await;
        refused(json!({ "currency": "EUR" }), "/price_amount").await;
        refused(json!({ "price_amount": 100, "currency": "eur" }), "/currency").await;
        refused(json!({ "price_credits": -1 }), "/price_credits").await;
        refused(json!({ "quantity": 0 }), "/quantity").await;
        refused(json!({ "terms": { "expiry": "days" } }), "/terms/expires_in_days").await;
        refused(json!({ "visible_to": { "all": true, "teams": ["ext:loose"] } }), "/visible_to/all").await;
        refused(json!({ "visible_to": { "teams": ["ext:nobody"] } }), "/visible_to/teams/0").await;
        let id = item(&app, "pack", &json!({ "visible_to": { "teams": ["ext:loose"] }, "terms": { "expires_in_days": 30 } })).await;
        let path = format!("/api/catalog_items/{id}");
        let answer = app.patch(&path, &json!({ "terms": { "reusable": false }, "visible_to": { "organizations": ["ext:north"] } })).await.json();
        assert_eq!(answer["terms"]["expires_in_days"], 30);
        assert_eq!(answer["terms"]["reusable"], false);
        assert_eq!(answer["visible_to"]["team_ids"].as_array().map(Vec::len), Some(1));
        assert_eq!(answer["visible_to"]["organization_ids"].as_array().map(Vec::len), Some(1));
        let answer = app.patch(&path, &json!({ "visible_to": { "all": true, "teams": [], "organizations": [] } })).await.json();
        assert_eq!(answer["visible_to"], json!({ "all": true, "organization_ids": [], "team_ids": [] }));
        let south = read(&app, "/api/catalog_items?visible_to_team=ext:team-south").await;
        assert_eq!(names(&south), ["pack"]);
    }
}
