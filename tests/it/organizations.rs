//! Organizations: the tree and its moves, what is taken over from above, teams, administrators, counts.

use b2b_dashboard::db::{Select, Statement};
use b2b_dashboard::params;
use b2b_dashboard::resources::Organization;
use b2b_dashboard::types::Id;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value as JsonValue, json};
use tokio::task::JoinSet;

use crate::support::database::both;
use crate::support::http::{ApiApp, Call, KeyOptions};
use crate::support::operation::assert_problem;
use crate::support::world::{product, read, with};

/// An organization `ext:<name>` below `ext:<parent>`.
async fn organization(app: &ApiApp, name: &str, parent: Option<&str>) -> String {
    let parent = parent.map(|parent| format!("ext:{parent}"));
    let body = json!({ "name": name, "external_id": name, "parent": parent });
    let made = app.post("/api/organizations", &body).await;
    assert_eq!(made.status, 201, "{}", made.text());
    made.id()
}

/// A team `ext:<name>` at `ext:<organization>`.
async fn team_at(app: &ApiApp, name: &str, organization: &str) -> String {
    let body =
        json!({ "name": name, "external_id": name, "organization": format!("ext:{organization}") });
    let made = app.post("/api/teams", &body).await;
    assert_eq!(made.status, 201, "{}", made.text());
    made.id()
}

/// Two customers: acme > north > (lab, office), and globex.
async fn two_trees(app: &ApiApp) {
    organization(app, "acme", None).await;
    organization(app, "north", Some("acme")).await;
    organization(app, "lab", Some("north")).await;
    organization(app, "office", Some("north")).await;
    organization(app, "globex", None).await;
}

async fn relocate(
    app: &ApiApp,
    name: &str,
    parent: Option<&str>,
    query: &str,
) -> crate::support::http::Answer {
    let parent = parent.map(|parent| format!("ext:{parent}"));
    let path = format!("/api/organizations/ext:{name}/move{query}");
    app.post(&path, &json!({ "parent": parent })).await
}

fn names(list: &JsonValue) -> Vec<&str> {
    let rows = list["data"].as_array().or(list.as_array());
    rows.into_iter()
        .flatten()
        .filter_map(|row| row["name"].as_str())
        .collect()
}

/// Every path is the parent's path and the own id, every depth is that of the path, and so no node is above itself.
async fn assert_tree(app: &ApiApp) -> usize {
    let select = Select::new(
        "SELECT o.id, o.path, o.depth, coalesce(p.path, '/'), coalesce(p.depth, 0) FROM organizations o \
         LEFT JOIN organizations p ON p.account_id = $1 AND p.id = o.parent_id WHERE o.account_id = $1",
        params![],
    );
    let rows: Vec<(String, String, i64, String, i64)> = app
        .node
        .app
        .db
        .fetch(&app.first, select)
        .await
        .expect("rows");
    for (id, path, depth, above, level) in &rows {
        assert_eq!(*path, format!("{above}{id}/"), "a wrong path: {rows:#?}");
        assert_eq!(*depth, level + 1, "a wrong depth: {rows:#?}");
        assert_eq!(path.matches(id.as_str()).count(), 1, "a cycle: {rows:#?}");
        assert!(*depth <= 8, "too deep: {rows:#?}");
    }
    rows.len()
}

both! {
    async fn a_tree_has_eight_levels_and_no_cycle(app: ApiApp) {
        organization(&app, "l1", None).await;
        for level in 2..=8 {
            organization(&app, &format!("l{level}"), Some(&format!("l{}", level - 1))).await;
        }
        let ninth = json!({ "name": "l9", "parent": "ext:l8" });
        let refused = app.post("/api/organizations", &ninth).await;
        assert_problem(None, &refused, 409, &["organization_too_deep"]);
        for lower in ["l1", "l2", "l8"] {
            let refused = relocate(&app, "l1", Some(lower), "").await;
            assert_problem(None, &refused, 409, &["organization_cycle"]);
        }
        organization(&app, "root", None).await;
        let refused = relocate(&app, "l1", Some("root"), "").await;
        assert_problem(None, &refused, 409, &["organization_too_deep"]);
        assert_eq!(refused.json()["levels"], 9);
        let moved = relocate(&app, "l5", Some("root"), "").await;
        assert_eq!(moved.status, 200, "{}", moved.text());
        assert_eq!(read(&app, "/api/organizations/ext:l8").await["depth"], 5);
        let forgotten = app.post("/api/organizations/ext:l5/move", &json!({})).await;
        assert_problem(None, &forgotten, 422, &["validation_failed"]);
        assert_eq!(forgotten.json()["errors"][0]["pointer"], "/parent");
        assert_tree(&app).await;
    }

    async fn a_dry_run_of_a_move_tells_what_the_move_then_does(app: ApiApp) {
        two_trees(&app).await;
        for (name, at) in [("chemists", "lab"), ("clerks", "office"), ("board", "acme")] {
            team_at(&app, name, at).await;
        }
        app.patch("/api/organizations/ext:acme", &json!({ "default_team": "ext:chemists", "branding": { "color": "#AA0000", "name": "Acme" } })).await;
        app.patch("/api/organizations/ext:globex", &json!({ "branding": { "logo_url": "https://globex.example/logo.svg" } })).await;
        for (user, at) in [("ada", "acme"), ("bob", "globex"), ("cleo", "lab")] {
            let body = json!({ "email": format!("{user}@example.com"), "external_id": user });
            assert_eq!(app.post("/api/users", &body).await.status, 201);
            let named = app.put(&format!("/api/organizations/ext:{at}/admins/ext:{user}"), &json!({})).await;
            assert_eq!(named.status, 200, "{}", named.text());
        }
        let before = read(&app, "/api/organizations?limit=200").await;
        let dry = relocate(&app, "north", Some("globex"), "?dry_run=true").await;
        assert_eq!(dry.status, 200, "{}", dry.text());
        assert_eq!(read(&app, "/api/organizations?limit=200").await, before, "a dry run changes nothing");
        let told = dry.json();
        assert_eq!((&told["organization_count"], &told["team_count"]), (&json!(2), &json!(2)));
        assert_eq!(names(&told["organizations"]), ["lab", "office"]);
        assert_eq!(names(&told["catalog_gained"]), ["globex"]);
        assert_eq!(names(&told["catalog_lost"]), ["acme"]);
        assert_eq!(names(&told["default_teams_cleared"]), ["acme"]);
        let members: Vec<_> = told["branding"].as_array().into_iter().flatten().filter_map(|one| one["member"].as_str()).collect();
        assert_eq!(members, ["name", "logo_url", "color"]);
        assert_eq!(told["branding"][2]["before"]["value"], "#aa0000");
        let (ada, bob) = (read(&app, "/api/users/ext:ada").await, read(&app, "/api/users/ext:bob").await);
        assert_eq!(told["admins_gained"][0]["user_id"], bob["id"]);
        assert_eq!(told["admins_lost"][0]["user_id"], ada["id"]);
        let types: Vec<_> = told["changes"].as_array().into_iter().flatten().map(|one| one["type"].clone()).collect();
        assert_eq!(types, [json!("organization.moved"), json!("organization.updated")]);
        let mut done = relocate(&app, "north", Some("globex"), "").await.json();
        let members = done.as_object_mut().expect("an object");
        let mut promised = told.as_object().expect("an object").clone();
        promised.retain(|name, _| !matches!(name.as_str(), "dry_run" | "changes"));
        assert_eq!(*members, promised, "what was told is what was done");
        assert_eq!(read(&app, "/api/organizations/ext:acme").await["default_team_id"], JsonValue::Null);
        assert_tree(&app).await;
    }

    async fn parallel_moves_creations_and_deletions_leave_a_right_tree(app: ApiApp) {
        let mut ids: Vec<String> = Vec::new();
        for n in 0..10 {
            ids.push(organization(&app, &format!("n{n}"), None).await);
        }
        let nodes = [app.node.clone(), app.another_node()];
        let mut chance = StdRng::seed_from_u64(7);
        let mut statuses = std::collections::BTreeMap::new();
        for round in 0..12 {
            let mut running = JoinSet::new();
            for n in 0..12 {
                let one = ids[chance.random_range(0..ids.len())].clone();
                let other = ids[chance.random_range(0..ids.len())].clone();
                let call = match chance.random_range(0..10) {
                    0 => Call::new("DELETE", format!("/api/organizations/{one}")),
                    1 | 2 => Call::new("POST", "/api/organizations").json(&json!({ "name": format!("{round}-{n}"), "parent": other })),
                    3 => Call::new("POST", format!("/api/organizations/{one}/move")).json(&json!({ "parent": null })),
                    4 => Call::new("PATCH", format!("/api/organizations/{one}")).json(&json!({ "description": format!("{round}-{n}"), "parent": other })),
                    _ => Call::new("POST", format!("/api/organizations/{one}/move")).json(&json!({ "parent": other })),
                };
                let (node, call) = (nodes[n % 2].clone(), call.key(&app.key.secret));
                running.spawn(async move { node.send(call).await });
            }
            for answer in running.join_all().await {
                assert!(answer.status < 500, "{}", answer.text());
                *statuses.entry(answer.status).or_insert(0) += 1;
                if answer.status == 201 {
                    ids.push(answer.id());
                }
            }
            assert_tree(&app).await;
        }
        assert!(statuses[&200] > 20 && statuses[&201] > 5, "too little happened: {statuses:?}");
    }

    async fn two_that_are_put_below_each_other_at_once_do_not_become_a_cycle(app: ApiApp) {
        let nodes = [app.node.clone(), app.another_node()];
        for round in 0..8 {
            let (a, b) = (format!("a{round}"), format!("b{round}"));
            organization(&app, &a, None).await;
            organization(&app, &b, None).await;
            let mut running = JoinSet::new();
            for (node, one, other) in [(&nodes[0], &a, &b), (&nodes[1], &b, &a)] {
                let call = Call::new("POST", format!("/api/organizations/ext:{one}/move")).key(&app.key.secret);
                let call = call.json(&json!({ "parent": format!("ext:{other}") }));
                let node = node.clone();
                running.spawn(async move { node.send(call).await });
            }
            let answers = running.join_all().await;
            let done = answers.iter().filter(|answer| answer.status == 200).count();
            assert_eq!(done, 1, "{} {}", answers[0].text(), answers[1].text());
            assert_tree(&app).await;
        }
    }

    async fn an_upsert_by_the_own_key_makes_changes_and_moves(app: ApiApp) {
        two_trees(&app).await;
        let path = "/api/organizations/ext:depot";
        let body = json!({ "name": "Depot", "parent": "ext:north" });
        let made = app.put(path, &body).await;
        assert_eq!(made.status, 201, "{}", made.text());
        let events = app.count("events").await;
        let again = app.put(path, &body).await;
        assert_eq!((again.status, again.json()), (200, made.json()));
        assert_eq!(app.count("events").await, events);
        let moved = app.put(path, &json!({ "name": "Depot South", "parent": "ext:globex" })).await;
        assert_eq!((moved.status, &moved.json()["depth"], &moved.json()["name"]), (200, &json!(2), &json!("Depot South")));
        let without = app.put(path, &json!({ "name": "Depot South" })).await;
        assert_eq!(without.json(), moved.json(), "a parent that is not named stays");
        let root = app.patch(path, &json!({ "parent": null })).await;
        assert_eq!((&root.json()["parent_id"], &root.json()["depth"]), (&JsonValue::Null, &json!(1)));
        assert_tree(&app).await;
    }

    async fn filters_follow_the_tree(app: ApiApp) {
        two_trees(&app).await;
        team_at(&app, "chemists", "lab").await;
        team_at(&app, "board", "acme").await;
        let found = async |query: &str| {
            let list = read(&app, &format!("/api/{query}")).await;
            let mut names: Vec<String> = names(&list).into_iter().map(str::to_owned).collect();
            names.sort();
            names.join(" ")
        };
        assert_eq!(found("organizations?within=ext:north").await, "lab north office");
        assert_eq!(found("organizations?within=ext:north&depth[gt]=2").await, "lab office");
        assert_eq!(found("organizations?within[ne]=ext:acme").await, "globex");
        assert_eq!(found("organizations?parent=ext:north").await, "lab office");
        assert_eq!(found("organizations?depth=1").await, "acme globex");
        assert_eq!(found("organizations?q=NOR").await, "north");
        assert_eq!(found("organizations?within=ext:nowhere").await, "");
        let tree = read(&app, "/api/organizations?sort=path&limit=200&expand=parent").await;
        let order = names(&tree);
        let place = |name: &str| order.iter().position(|other| *other == name);
        assert!(place("acme") < place("north") && place("north") < place("lab"), "{order:?}");
        assert_eq!(tree["data"][place("lab").expect("lab")]["parent"]["name"], "north");
        assert_eq!(found("teams?within=ext:acme").await, "board chemists");
        assert_eq!(found("teams?within=ext:north").await, "chemists");
        assert_eq!(found("teams?organization=ext:acme").await, "board");
        assert_eq!(found("organizations/ext:acme/teams").await, "board");
        assert_eq!(found("organizations/ext:acme/teams?include_subtree=true").await, "board chemists");
    }

    async fn teams_are_assigned_and_taken_away(app: ApiApp) {
        two_trees(&app).await;
        team_at(&app, "board", "acme").await;
        for name in ["a", "b"] {
            app.post("/api/teams", &json!({ "name": name, "external_id": name })).await;
        }
        let body = json!({ "teams": ["ext:a", "ext:b", "ext:board", "ext:a"] });
        let assigned = app.post("/api/organizations/ext:globex/teams", &body).await;
        assert_eq!((assigned.status, names(&assigned.json())), (200, vec!["a", "b", "board"]));
        assert_eq!(names(&read(&app, "/api/organizations/ext:acme/teams").await), [""; 0]);
        let events = app.count("events").await;
        app.post("/api/organizations/ext:globex/teams", &body).await;
        assert_eq!(app.count("events").await, events, "a repeat tells nothing");
        app.post("/api/teams", &json!({ "name": "A", "external_id": "other", "organization": "ext:acme" })).await;
        let taken = app.post("/api/organizations/ext:globex/teams", &json!({ "teams": ["ext:other"] })).await;
        assert_problem(None, &taken, 409, &["already_exists"]);
        let unknown = app.post("/api/organizations/ext:acme/teams", &json!({ "teams": ["ext:a", "ext:nobody"] })).await;
        assert_eq!(unknown.json()["errors"][0]["pointer"], "/teams/1", "{}", unknown.text());
        assert_eq!(app.delete("/api/organizations/ext:acme/teams/ext:a").await.status, 404);
        assert_eq!(app.delete("/api/organizations/ext:globex/teams/ext:a").await.status, 204);
        assert_eq!(read(&app, "/api/teams/ext:a").await["organization_id"], JsonValue::Null);
    }

    async fn pain_26_the_default_team_is_never_one_of_another_customer(app: ApiApp) {
        two_trees(&app).await;
        let chemists = team_at(&app, "chemists", "lab").await;
        team_at(&app, "sales", "globex").await;
        app.post("/api/teams", &json!({ "name": "loose", "external_id": "loose" })).await;
        for wrong in ["sales", "loose"] {
            let refused = app.patch("/api/organizations/ext:acme", &json!({ "default_team": format!("ext:{wrong}") })).await;
            assert_problem(None, &refused, 422, &["validation_failed"]);
            assert_eq!(refused.json()["errors"][0]["pointer"], "/default_team");
        }
        let set = app.patch("/api/organizations/ext:acme", &json!({ "default_team": "ext:chemists" })).await;
        assert_eq!((set.status, &set.json()["default_team_id"]), (200, &json!(chemists)));
        let newcomer = json!({ "user": { "email": "new@acme.example" }, "team": { "organization": "ext:acme" } });
        let landed = app.post("/api/provision", &newcomer).await.json();
        assert_eq!(landed["team"]["id"], chemists.as_str(), "{landed}");
        assert_eq!(landed["team"]["decision"]["rule"], "auto.default");
        // The team goes to another customer: nobody of this one follows it there.
        app.post("/api/organizations/ext:globex/teams", &json!({ "teams": ["ext:chemists"] })).await;
        assert_eq!(read(&app, "/api/organizations/ext:acme").await["default_team_id"], JsonValue::Null);
        let next = json!({ "user": { "email": "next@acme.example" }, "team": { "organization": "ext:acme" } });
        let landed = app.post("/api/provision", &next).await.json();
        assert_ne!(landed["team"]["id"], chemists.as_str(), "{landed}");
    }

    async fn counts_go_over_the_tree_and_count_people_and_shared_seats_once(app: ApiApp) {
        two_trees(&app).await;
        for (name, at) in [("chemists", "lab"), ("clerks", "office"), ("board", "acme"), ("sales", "globex")] {
            team_at(&app, name, at).await;
        }
        product(&app, "safety", &["safety-course"]).await;
        let seat = |teams: JsonValue, further: JsonValue| with(json!({ "product": "ext:safety", "teams": teams }), &further);
        let shared = app.post("/api/seats", &seat(json!(["ext:chemists", "ext:clerks"]), json!({ "quantity": 3 }))).await.id();
        app.post("/api/seats", &seat(json!(["ext:board"]), json!({ "unlimited": true }))).await;
        app.post("/api/seats", &seat(json!(["ext:sales"]), json!({ "quantity": 50 }))).await;
        for (user, team) in [("ada", "chemists"), ("ada", "clerks"), ("bob", "clerks"), ("cleo", "board"), ("dan", "sales")] {
            crate::support::world::member(&app, user, team).await;
        }
        app.post(&format!("/api/seats/{shared}/assign"), &json!({ "users": ["ext:ada", "ext:bob"] })).await;
        let summary = read(&app, "/api/organizations/ext:acme/summary").await;
        let wanted = json!({
            "organization_id": summary["organization_id"], "organizations": 3, "teams": 3, "members": 3, "seats": 2, "unlimited_seats": 1,
            "quantity": 3, "assigned": 2, "available": 1, "waiting": 0,
        });
        assert_eq!(summary, wanted);
        let lab = read(&app, "/api/organizations/ext:lab/summary").await;
        assert_eq!((&lab["organizations"], &lab["members"], &lab["quantity"]), (&json!(0), &json!(1), &json!(3)));
        let list = read(&app, "/api/organizations?include=summary,total_count&sort=name&expand=parent").await;
        assert_eq!(list["data"][0]["summary"], wanted);
        assert_eq!(list["page"]["total_count"], 5);
        let plain = read(&app, "/api/organizations").await;
        assert_eq!(plain["data"][0].get("summary"), None);
    }

    async fn a_look_is_taken_over_member_by_member_up_to_a_stop(app: ApiApp) {
        two_trees(&app).await;
        let set = async |name: &str, body: JsonValue| {
            let answer = app.patch(&format!("/api/organizations/ext:{name}"), &body).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            answer.json()
        };
        set("acme", json!({ "branding": { "name": "Acme", "color": "#AA0000", "support_email": "help@acme.example" } })).await;
        set("north", json!({ "branding": { "color": "#00aa00" } })).await;
        let look = read(&app, "/api/organizations/ext:lab/effective").await;
        let (acme, north) = (read(&app, "/api/organizations/ext:acme").await, read(&app, "/api/organizations/ext:north").await);
        assert_eq!(look["branding"]["color"], json!({ "value": "#00aa00", "from": "organization", "organization_id": north["id"] }));
        assert_eq!(look["branding"]["name"]["organization_id"], acme["id"]);
        assert_eq!(look["branding"]["logo_url"], JsonValue::Null);
        assert_eq!(names(&look["path"]), ["acme", "north", "lab"]);
        assert_eq!(names(&look["catalog"]), ["lab", "north", "acme"]);
        assert_eq!(look["account_catalog"], true);
        let changed = set("acme", json!({ "branding": { "color": null } })).await;
        assert_eq!((&changed["branding"]["color"], &changed["branding"]["name"]), (&JsonValue::Null, &json!("Acme")), "merged, not replaced");
        set("north", json!({ "inherit_branding": false, "inherit_catalog": false })).await;
        let look = read(&app, "/api/organizations/ext:lab/effective").await;
        assert_eq!(look["branding"]["name"]["value"], "north");
        assert_eq!(look["branding"]["support_email"], JsonValue::Null);
        assert_eq!(names(&look["catalog"]), ["lab", "north"]);
        assert_eq!(look["account_catalog"], false);
        let refused = app.patch("/api/organizations/ext:lab", &json!({ "branding": { "color": "red", "support_email": "x" } })).await;
        let errors = refused.json()["errors"].as_array().cloned().expect("errors");
        let pointers: std::collections::BTreeSet<_> = errors.iter().filter_map(|error| error["pointer"].as_str()).collect();
        assert_eq!(pointers.into_iter().collect::<Vec<_>>(), ["/branding/color", "/branding/support_email"], "all faults at once: {}", refused.text());
    }

    async fn what_is_still_used_is_not_deleted_and_says_by_what(app: ApiApp) {
        two_trees(&app).await;
        team_at(&app, "chemists", "lab").await;
        let refused = app.delete("/api/organizations/ext:north").await;
        assert_problem(None, &refused, 409, &["in_use"]);
        assert_eq!(refused.json()["organizations"].as_array().map(Vec::len), Some(2), "{}", refused.text());
        let refused = app.delete("/api/organizations/ext:lab").await;
        assert_eq!(refused.json()["teams"].as_array().map(Vec::len), Some(1), "{}", refused.text());
        // A team that was put aside does not hold it.
        assert_eq!(app.delete("/api/teams/ext:chemists").await.status, 204);
        assert_eq!(app.delete("/api/organizations/ext:lab").await.status, 204);
        assert_eq!(app.delete("/api/organizations/ext:office").await.status, 204);
        assert_eq!(app.delete("/api/organizations/ext:north").await.status, 204);
        assert_tree(&app).await;
    }

    async fn administrators_are_named_once_and_go_with_the_person(app: ApiApp) {
        two_trees(&app).await;
        app.post("/api/users", &json!({ "email": "ada@example.com", "external_id": "ada" })).await;
        let path = "/api/organizations/ext:acme/admins/ext:ada";
        let named = app.put(path, &json!({})).await;
        assert_eq!((named.status, &named.json()["role"]), (200, &json!("organization_admin")), "{}", named.text());
        let events = app.count("events").await;
        assert_eq!(app.put(path, &json!({})).await.json(), named.json());
        assert_eq!(app.count("events").await, events);
        assert_eq!(app.get(path).await.json(), named.json());
        let below = read(&app, "/api/organizations/ext:lab/effective").await;
        assert_eq!(below["admins"][0]["user_id"], named.json()["user"]["id"]);
        assert_problem(None, &app.delete("/api/organizations/ext:lab/admins/ext:ada").await, 404, &["not_found"]);
        assert_eq!(app.delete("/api/users/ext:ada").await.status, 204);
        assert_eq!(read(&app, "/api/organizations/ext:acme/admins").await["data"], json!([]));
        assert_eq!(app.count("organization_members").await, 0);
    }

    async fn a_limited_key_sees_its_organizations_and_changes_none(app: ApiApp) {
        two_trees(&app).await;
        let team = team_at(&app, "chemists", "lab").await;
        team_at(&app, "clerks", "office").await;
        let options = KeyOptions { team_ids: vec![team], ..KeyOptions::default() };
        let key = app.full_key(&app.first, options).await.secret;
        let list = app.send(Call::new("GET", "/api/organizations").key(&key)).await.json();
        assert_eq!(names(&list), ["lab"]);
        for path in ["/api/organizations/ext:globex", "/api/organizations/ext:globex/summary", "/api/organizations/ext:office/effective", "/api/organizations/ext:acme/teams"] {
            assert_problem(None, &app.send(Call::new("GET", path).key(&key)).await, 404, &["not_found"]);
        }
        let look = app.send(Call::new("GET", "/api/organizations/ext:lab/effective").key(&key)).await.json();
        assert_eq!(names(&look["path"]), ["lab"], "names of what it does not see stay hidden: {look}");
        let writes = [
            ("PATCH", "/api/organizations/ext:lab", json!({ "name": "Mine" })),
            ("POST", "/api/organizations/ext:lab/move", json!({ "parent": null })),
            ("DELETE", "/api/organizations/ext:lab", json!(null)),
            ("POST", "/api/organizations", json!({ "name": "Mine" })),
            ("PUT", "/api/organizations/ext:mine", json!({ "name": "Mine" })),
            ("DELETE", "/api/organizations/ext:lab/teams/ext:chemists", json!(null)),
        ];
        for (method, path, body) in writes {
            let call = Call::new(method, path).key(&key);
            let call = if body.is_null() { call } else { call.json(&body) };
            assert_problem(None, &app.send(call).await, 403, &["forbidden"]);
        }
    }

    async fn a_key_limited_to_an_organization_works_in_its_tree_alone(app: ApiApp) {
        two_trees(&app).await;
        team_at(&app, "chemists", "lab").await;
        team_at(&app, "board", "acme").await;
        let north = read(&app, "/api/organizations/ext:north").await["id"].as_str().expect("an id").to_owned();
        let options = KeyOptions { organization_ids: vec![north], ..KeyOptions::default() };
        let key = app.full_key(&app.first, options).await.secret;
        let send = async |method: &str, path: &str, body: JsonValue| {
            let call = Call::new(method, path).key(&key);
            app.send(if body.is_null() { call } else { call.json(&body) }).await
        };
        let list = send("GET", "/api/organizations?sort=path", json!(null)).await.json();
        assert_eq!(names(&list).first(), Some(&"north"), "also without a team of its own: {list}");
        assert_eq!(names(&list).len(), 3);
        let changed = send("PATCH", "/api/organizations/ext:north", json!({ "description": "Ours", "default_team": "ext:chemists" })).await;
        assert_eq!(changed.status, 200, "{}", changed.text());
        let below = send("POST", "/api/organizations", json!({ "name": "annex", "external_id": "annex", "parent": "ext:lab" })).await;
        assert_eq!(below.status, 201, "{}", below.text());
        let moved = send("POST", "/api/organizations/ext:lab/move", json!({ "parent": "ext:office" })).await;
        assert_eq!(moved.status, 200, "{}", moved.text());
        for (path, parent) in [("ext:office", json!(null)), ("ext:north", json!(null)), ("ext:north", json!("ext:globex"))] {
            let answer = send("POST", &format!("/api/organizations/{path}/move"), json!({ "parent": parent })).await;
            assert!(matches!(answer.status, 403 | 422), "{path} {parent}: {}", answer.text());
        }
        for (method, path, body) in [
            ("PATCH", "/api/organizations/ext:acme", json!({ "name": "Mine" })),
            ("PATCH", "/api/organizations/ext:globex", json!({ "name": "Mine" })),
            ("GET", "/api/organizations/ext:globex/admins", json!(null)),
        ] {
            let answer = send(method, path, body).await;
            assert_problem(None, &answer, 404, &["not_found"]);
        }
        let refused = send("PATCH", "/api/organizations/ext:north", json!({ "default_team": "ext:board" })).await;
        assert_problem(None, &refused, 422, &["validation_failed"]);
        let claimed = send("POST", "/api/domain_claims", json!({ "domain": "north.example", "organization": "ext:north" })).await;
        assert_eq!((claimed.status, &claimed.json()["state"]), (201, &json!("pending")), "{}", claimed.text());
        let vouched = send("POST", "/api/domain_claims", json!({ "domain": "n.example", "organization": "ext:north", "proof": "admin" })).await;
        assert_problem(None, &vouched, 403, &["forbidden"]);
        crate::support::world::member(&app, "ada", "chemists").await;
        let named = send("PUT", "/api/organizations/ext:lab/admins/ext:ada", json!({})).await;
        assert_eq!(named.status, 200, "{}", named.text());
        let few = app.key_with(&app.first, &["organizations:read", "organizations:write", "users:read"], KeyOptions::default()).await.secret;
        let call = Call::new("PUT", "/api/organizations/ext:acme/admins/ext:ada").key(&few).json(&json!({}));
        let refused = app.send(call).await;
        assert_problem(None, &refused, 403, &["grant_exceeds_rights"]);
        assert_tree(&app).await;
    }

    async fn pain_36_thousands_of_organizations_cost_no_query_each(app: ApiApp) {
        let top = organization(&app, "top", None).await;
        let now = app.node.app.clock.now();
        let mut list = Vec::new();
        for n in 0..3000 {
            let id: Id<Organization> = app.node.app.ids.next(now.plus_seconds(n));
            let path = format!("/{top}/{id}/");
            list.push(Statement::new(
                "INSERT INTO organizations (account_id, id, name, name_key, external_id, parent_id, path, depth, tags, metadata, version, created_at, updated_at) \
                 VALUES ($1, $2, $3, $3, $4, $5, $6, 2, '[]', '{}', 1, $7, $7)",
                params![id, format!("node {n:04}"), format!("node-{n}"), top, path, now.plus_seconds(n)],
            ));
        }
        for part in list.chunks(200) {
            app.node.app.db.write(&app.first, part.to_vec()).await.expect("rows");
        }
        organization(&app, "other", None).await;
        let db = &app.node.app.db;
        let cost = async |call: Call| {
            let mut least = u64::MAX;
            for _ in 0..3 {
                let before = db.reads();
                let answer = app.send(call.clone().key(&app.key.secret)).await;
                assert_eq!(answer.status, 200, "{}", answer.text());
                least = least.min(db.reads() - before);
            }
            least
        };
        let get = |path: &str| Call::new("GET", path);
        assert_eq!(cost(get("/api/organizations?limit=200")).await, 1);
        assert_eq!(cost(get("/api/organizations?limit=200&within=ext:top&sort=path")).await, 1);
        assert_eq!(cost(get("/api/organizations?limit=200&include=summary")).await, 2);
        assert_eq!(cost(get("/api/organizations/ext:top/summary")).await, 2);
        let dry = Call::new("POST", "/api/organizations/ext:top/move?dry_run=true").json(&json!({ "parent": "ext:other" }));
        let small = Call::new("POST", "/api/organizations/ext:node-7/move?dry_run=true").json(&json!({ "parent": "ext:other" }));
        assert_eq!(cost(dry).await, cost(small).await, "a large subtree costs as many reads as a small one");
        let (reads, writes) = (db.reads(), db.writes());
        let moved = relocate(&app, "top", Some("other"), "").await;
        assert_eq!((moved.status, &moved.json()["organization_count"]), (200, &json!(3000)));
        assert!(db.reads() - reads < 30 && db.writes() - writes == 1, "{} {}", db.reads() - reads, db.writes() - writes);
        assert_eq!(assert_tree(&app).await, 3002);
        let mut seen = std::collections::BTreeSet::new();
        let mut next = "/api/organizations?limit=200&within=ext:other".to_owned();
        loop {
            let page = app.get(&next).await;
            seen.extend(names(&page.json()).into_iter().map(str::to_owned));
            let Some(cursor) = page.json()["page"]["next_cursor"].as_str().map(str::to_owned) else { break };
            next = format!("/api/organizations?limit=200&within=ext:other&cursor={cursor}");
        }
        assert_eq!(seen.len(), 3002, "every one of them is listed");
    }
}
