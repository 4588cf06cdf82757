//! Roles: built in and of one's own, given and withdrawn, and why somebody may do something.

use b2b_dashboard::access::Permission;
use b2b_dashboard::db::Statement;
use b2b_dashboard::params;
use serde_json::{Value as JsonValue, json};

use crate::support::database::both;
use crate::support::http::{Answer, ApiApp, Call, KeyOptions};

/// A key with every scope that belongs to this person: it may do what they may do, where they may do it.
pub(crate) async fn key_of(app: &ApiApp, user: &str) -> String {
    let key = app.full_key(&app.first, KeyOptions::default()).await;
    let own = Statement::new(
        "UPDATE api_keys SET created_by = $2 WHERE account_id = $1 AND id = $3",
        params![user.to_owned(), key.id],
    );
    app.node
        .app
        .db
        .write(&app.first, vec![own])
        .await
        .expect("an owner");
    key.secret
}

/// A person by their address.
pub(crate) async fn person(app: &ApiApp, name: &str) -> String {
    let made = app
        .post(
            "/api/users",
            &json!({ "email": format!("{name}@example.com"), "external_id": name }),
        )
        .await;
    assert_eq!(made.status, 201, "{}", made.text());
    made.id()
}

async fn by(app: &ApiApp, key: &str, method: &str, path: &str, body: Option<&JsonValue>) -> Answer {
    let call = Call::new(method, path).key(key);
    app.send(match body {
        Some(body) => call.json(body),
        None => call,
    })
    .await
}

fn code(answer: &Answer) -> (u16, String) {
    (
        answer.status,
        answer.json()["code"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
    )
}

async fn grant(app: &ApiApp, user: &str, role: &str) -> Answer {
    app.post(
        &format!("/api/users/{user}/roles"),
        &json!({ "role": role }),
    )
    .await
}

both! {
    async fn built_in_roles_are_listed_and_stay_as_they_are(app: ApiApp) {
        let list = app.get("/api/roles?built_in=true&sort=name&limit=200").await.json();
        let words: Vec<&str> = list["data"].as_array().expect("roles").iter().map(|role| role["word"].as_str().expect("a word")).collect();
        assert_eq!(words, ["admin", "organization_admin", "owner", "reporter", "manager", "member", "owner"]);
        for role in list["data"].as_array().expect("roles") {
            let path = format!("/api/roles/{}", role["id"].as_str().expect("an id"));
            assert_eq!(app.get(&path).await.json(), *role);
            let changed = app.patch(&path, &json!({ "name": "Mine" })).await;
            assert_eq!(code(&changed), (409, "state_conflict".to_owned()), "{}", changed.text());
            assert!(changed.json()["detail"].as_str().expect("a sentence").contains("built-in"));
            assert_eq!(code(&app.delete(&path).await), (409, "state_conflict".to_owned()));
        }
        let team = app.get("/api/roles?kind=team").await.json();
        assert_eq!(team["data"].as_array().map(Vec::len), Some(3));
    }

    async fn a_role_in_use_says_where_it_is_held_and_goes_when_it_is_not(app: ApiApp) {
        let role = json!({ "name": "Tutor", "kind": "team", "external_id": "tutor", "permissions": ["teams:read", "seats:read", "seats:assign"] });
        let id = app.post("/api/roles", &role).await.id();
        let ada = person(&app, "ada").await;
        let team = app.post("/api/teams", &json!({ "name": "Engines", "external_id": "engines" })).await.id();
        let joined = app.post(&format!("/api/teams/{team}/members"), &json!({ "user": "ext:ada", "role": "ext:tutor" })).await;
        assert_eq!((joined.status, joined.json()["role"].as_str()), (201, Some(id.as_str())), "{}", joined.text());
        let filtered = app.get(&format!("/api/teams/{team}/members?role={id}")).await.json();
        assert_eq!(filtered["data"][0]["user"]["id"], ada.as_str());
        let refused = app.delete("/api/roles/ext:tutor").await;
        assert_eq!(code(&refused), (409, "in_use".to_owned()));
        assert_eq!(refused.json()["held_by"], json!({ "team_members": 1 }));
        // The holder has its new permissions at once.
        let key = key_of(&app, &ada).await;
        let me = by(&app, &key, "GET", "/api/me", None).await.json();
        assert_eq!(me["scopes"], json!(["teams:read", "seats:read", "seats:assign"]));
        let patched = app.patch("/api/roles/ext:tutor", &json!({ "permissions": ["teams:read"] })).await;
        assert_eq!(patched.status, 200, "{}", patched.text());
        let key = key_of(&app, &ada).await;
        assert_eq!(by(&app, &key, "GET", "/api/me", None).await.json()["scopes"], json!(["teams:read"]));
        let changed = app.patch(&format!("/api/teams/{team}/members/{ada}"), &json!({ "role": "member" })).await;
        assert_eq!(changed.status, 200, "{}", changed.text());
        assert_eq!(app.delete("/api/roles/ext:tutor").await.status, 204);
        let gone = app.patch(&format!("/api/teams/{team}/members/{ada}"), &json!({ "role": id })).await;
        assert_eq!((gone.status, gone.json()["errors"][0]["pointer"].as_str()), (422, Some("/role")), "{}", gone.text());
    }

    async fn an_account_has_so_many_roles_of_its_own_and_no_more(app: ApiApp) {
        let role = |n: usize| json!({ "name": format!("Role {n}"), "kind": "team", "permissions": ["teams:read"], "external_id": format!("r{n}") });
        for n in 0..200 {
            assert_eq!(app.post("/api/roles", &role(n)).await.status, 201);
        }
        let beyond = (409, "state_conflict".to_owned());
        assert_eq!(code(&app.post("/api/roles", &role(200)).await), beyond);
        assert_eq!(code(&app.put("/api/roles/ext:r200", &role(200)).await), beyond);
        assert_eq!(app.put("/api/roles/ext:r1", &role(1)).await.status, 200);
        assert_eq!(app.delete("/api/roles/ext:r0").await.status, 204);
        assert_eq!(app.post("/api/roles", &role(200)).await.status, 201);
    }

    async fn a_role_is_not_given_while_it_is_deleted(app: ApiApp) {
        for round in 0..6 {
            let name = format!("role{round}");
            let role = json!({ "name": name, "kind": "global", "external_id": name, "permissions": ["teams:read"] });
            let id = app.post("/api/roles", &role).await.id();
            let user = person(&app, &format!("user{round}")).await;
            let (deleted, given) = (format!("/api/roles/{id}"), format!("/api/users/{user}/roles"));
            let body = json!({ "role": id });
            let (deleted, given) = tokio::join!(app.delete(&deleted), app.post(&given, &body));
            let stands = app.get(&format!("/api/roles/{id}")).await.status == 200;
            let held = app.count("user_roles").await > 0;
            assert_eq!(stands, held, "{} {}", deleted.text(), given.text());
            if held {
                assert_eq!(app.delete(&format!("/api/users/{user}/roles/{id}")).await.status, 204);
            }
        }
    }

    async fn roles_of_the_account_are_given_and_withdrawn(app: ApiApp) {
        let (ada, grace) = (person(&app, "ada").await, person(&app, "grace").await);
        assert_eq!(grant(&app, &ada, "owner").await.status, 201);
        assert_eq!(grant(&app, &ada, "owner").await.status, 200, "a repeat");
        assert_eq!(grant(&app, &grace, "reporter").await.status, 201);
        assert_eq!(grant(&app, "ext:grace", "manager").await.status, 422, "a role of teams");
        let list = app.get(&format!("/api/users/{ada}/roles")).await.json();
        assert_eq!((list["data"][0]["role"].as_str(), list["data"][0]["name"].as_str()), (Some("owner"), Some("Owner")));
        let holders = app.get("/api/users?role=reporter").await.json();
        assert_eq!((holders["data"].as_array().map(Vec::len), holders["data"][0]["id"].as_str()), (Some(1), Some(grace.as_str())));
        let refused = app.delete(&format!("/api/users/{ada}/roles/owner")).await;
        assert_eq!(code(&refused), (409, "last_owner".to_owned()));
        for path in [format!("/api/users/{ada}"), format!("/api/users/{grace}")] {
            let gone = app.send(Call::new("PATCH", path).key(&app.key.secret).json(&json!({ "status": "deactivated" }))).await;
            assert_eq!(gone.status, if gone.text().contains("last_owner") { 409 } else { 200 });
        }
        assert_eq!(app.delete(&format!("/api/users/{ada}")).await.status, 409, "the last owner");
        assert_eq!(app.delete(&format!("/api/users/{grace}/roles/reporter")).await.status, 204);
        assert_eq!(app.delete(&format!("/api/users/{grace}/roles/reporter")).await.status, 404);
    }

    async fn the_last_owner_of_an_account_stays_on_every_path_at_once(app: ApiApp) {
        for round in 0..5 {
            let mut owners = Vec::new();
            for n in 0..3 {
                let id = person(&app, &format!("owner{round}x{n}")).await;
                assert_eq!(grant(&app, &id, "owner").await.status, 201);
                owners.push(id);
            }
            let deactivated = json!({ "status": "deactivated" });
            let (withdraw, patch, delete) = (format!("/api/users/{}/roles/owner", owners[0]), format!("/api/users/{}", owners[1]), format!("/api/users/{}", owners[2]));
            let answers = tokio::join!(app.delete(&withdraw), app.patch(&patch, &deactivated), app.delete(&delete));
            let refused = [&answers.0, &answers.1, &answers.2].iter().filter(|answer| answer.status == 409).count();
            let told = format!("{} {} {}", answers.0.text(), answers.1.text(), answers.2.text());
            assert_eq!(refused, 1, "one of them stays: {told}");
            // Whoever is left makes room for the next round.
            let left = app.get("/api/users?role=owner&status=invited,active").await.json();
            let ids: Vec<&str> = left["data"].as_array().expect("owners").iter().map(|user| user["id"].as_str().expect("an id")).collect();
            assert_eq!(ids.len(), 1, "{left}");
            let clear = Statement::new("DELETE FROM user_roles WHERE account_id = $1", params![]);
            app.node.app.db.write(&app.first, vec![clear]).await.expect("none");
        }
    }

    async fn the_answer_of_a_check_says_why(app: ApiApp) {
        let ada = person(&app, "ada").await;
        let above = app.post("/api/organizations", &json!({ "name": "Acme", "external_id": "acme" })).await.id();
        let team = app.post("/api/teams", &json!({ "name": "Engines", "external_id": "engines", "organization": above })).await.id();
        let other = app.post("/api/teams", &json!({ "name": "Other", "external_id": "other" })).await.id();
        app.post(&format!("/api/teams/{team}/members"), &json!({ "user": ada, "role": "manager" })).await;
        let asks = json!({ "user": "ext:ada", "permissions": ["seats:assign", "catalog:buy"], "team": "ext:engines" });
        let answer = app.post("/api/permissions/check", &asks).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let answer = answer.json();
        assert_eq!((&answer["allowed"], &answer["results"][0]["allowed"], &answer["results"][1]["allowed"]), (&json!(false), &json!(true), &json!(false)));
        assert_eq!(answer["results"][0]["from"], json!([{ "role": "manager", "place": { "kind": "team", "id": team, "name": "Engines" } }]));
        assert!(answer["results"][1]["why"].as_str().expect("why").contains("owner"), "{answer}");
        for (place, allowed) in [(json!({ "team": other }), false), (json!({}), false), (json!({ "organization": above }), false)] {
            let asks = crate::support::world::with(json!({ "user": ada, "permissions": ["seats:assign"] }), &place);
            assert_eq!(app.post("/api/permissions/check", &asks).await.json()["allowed"], allowed, "{place}");
        }
        // On the organization, and so in all below it.
        let joined = Statement::new(
            "INSERT INTO organization_members (account_id, organization_id, user_id, role, created_at) VALUES ($1, $2, $3, 'organization_admin', 0)",
            params![above.clone(), ada.clone()],
        );
        app.node.app.db.write(&app.first, vec![joined]).await.expect("an administrator");
        let asks = json!({ "user": ada, "permissions": ["catalog:buy"], "team": team });
        let answer = app.post("/api/permissions/check", &asks).await.json();
        assert_eq!((&answer["allowed"], &answer["results"][0]["from"][0]["place"]["kind"]), (&json!(true), &json!("organization")), "{answer}");
        let all = app.get(&format!("/api/users/{ada}/permissions?explain=true")).await.json();
        let buys = all["permissions"].as_array().expect("a list").iter().find(|one| one["permission"] == "catalog:buy").expect("catalog:buy").clone();
        assert_eq!(buys["from"], json!([{ "role": "organization_admin", "place": { "kind": "organization", "id": above, "name": "Acme" } }]));
        let plain = app.get(&format!("/api/users/{ada}/permissions")).await.json();
        assert!(plain["permissions"][0].get("from").is_none() && plain["permissions"][0]["places"].is_array());
        // Whoever may not sign in may do nothing.
        app.patch(&format!("/api/users/{ada}"), &json!({ "status": "deactivated" })).await;
        let none = app.get(&format!("/api/users/{ada}/permissions")).await.json();
        assert_eq!((&none["may_sign_in"], &none["permissions"]), (&json!(false), &json!([])));
    }

    async fn the_catalogue_names_every_permission(app: ApiApp) {
        let list = app.get("/api/permissions").await.json();
        let list = list["data"].as_array().expect("permissions");
        assert_eq!(list.len(), Permission::ALL.len());
        assert!(list.len() >= 40);
        for one in list {
            assert!(one["allows"].as_str().is_some_and(|text| text.len() > 5), "{one}");
        }
    }

    async fn a_manager_of_one_team_is_nobody_in_another(app: ApiApp) {
        let ada = person(&app, "ada").await;
        let grace = person(&app, "grace").await;
        for (team, role) in [("owned", "owner"), ("managed", "manager"), ("joined", "member")] {
            app.post("/api/teams", &json!({ "name": team, "external_id": team })).await;
            let joined = app.post(&format!("/api/teams/ext:{team}/members"), &json!({ "user": ada, "role": role })).await;
            assert_eq!(joined.status, 201, "{}", joined.text());
            app.post(&format!("/api/teams/ext:{team}/members"), &json!({ "user": grace, "role": "member" })).await;
        }
        let key = key_of(&app, &ada).await;
        let seen = by(&app, &key, "GET", "/api/teams?sort=name", None).await.json();
        let names: Vec<&str> = seen["data"].as_array().expect("teams").iter().map(|team| team["name"].as_str().expect("a name")).collect();
        assert_eq!(names, ["managed", "owned"]);
        let describe = json!({ "description": "Ours" });
        for (team, status) in [("owned", 200), ("managed", 404), ("joined", 404)] {
            let answer = by(&app, &key, "PATCH", &format!("/api/teams/ext:{team}"), Some(&describe)).await;
            assert_eq!(answer.status, status, "{team}: {}", answer.text());
        }
        let role = json!({ "role": "manager" });
        for (team, status) in [("owned", 200), ("managed", 200), ("joined", 404)] {
            let answer = by(&app, &key, "PATCH", &format!("/api/teams/ext:{team}/members/ext:grace"), Some(&role)).await;
            assert_eq!(answer.status, status, "{team}: {}", answer.text());
        }
    }
}
