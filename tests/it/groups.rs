//! Groups and their mappings: kept exactly, carried out never while no LMS is connected, and said so.

use serde_json::json;

use crate::support::database::both;
use crate::support::http::{ApiApp, Call, KeyOptions};
use crate::support::operation::assert_problem;
use crate::support::world::{member, read, team};

both! {
    async fn a_mapping_is_kept_once_and_says_that_nothing_is_carried_out(app: ApiApp) {
        let engines = team(&app, "engines").await;
        member(&app, "ada", "engines").await;
        let group = app.put("/api/groups/ext:night", &json!({ "name": "Night shift", "lms_group_id": "77" })).await;
        assert_eq!(group.status, 201, "{}", group.text());
        let path = "/api/groups/ext:night/teams/ext:engines";
        assert_problem(None, &app.get(path).await, 404, &["not_found"]);
        let body = json!({ "direction": "bidirectional" });
        let made = app.put(path, &body).await;
        assert_eq!((made.status, &made.json()["sync"]), (201, &json!("off")), "{}", made.text());
        let (events, jobs) = (app.count("events").await, app.count("jobs").await);
        let again = app.put(path, &body).await;
        assert_eq!((again.status, again.json()), (200, made.json()));
        assert_eq!(app.count("events").await, events, "a repeat tells nothing");
        let changed = app.put(path, &json!({ "direction": "from_lms" })).await;
        assert_eq!((changed.status, &changed.json()["id"]), (200, &made.json()["id"]));
        assert_eq!((app.count("group_teams").await, app.count("jobs").await), (1, jobs));
        let members = read(&app, "/api/teams/ext:engines/members").await;
        assert_eq!(members["data"].as_array().map(Vec::len), Some(1), "nobody was added or removed");
        assert_eq!(read(&app, "/api/groups/ext:night").await["team_count"], 1);
        let of_team = read(&app, &format!("/api/groups?team={engines}")).await;
        assert_eq!(of_team["data"][0]["external_id"], "night");
        let refused = app.put(path, &json!({ "direction": "sideways" })).await;
        assert_problem(None, &refused, 422, &["validation_failed"]);
    }

    async fn parallel_mappings_of_the_same_pair_are_one(app: ApiApp) {
        team(&app, "engines").await;
        app.put("/api/groups/ext:night", &json!({ "name": "Night shift" })).await;
        let mut running = tokio::task::JoinSet::new();
        for direction in ["to_lms", "from_lms", "bidirectional", "disabled"].repeat(4) {
            let (node, key) = (app.node.clone(), app.key.secret.clone());
            running.spawn(async move {
                let call = Call::new("PUT", "/api/groups/ext:night/teams/ext:engines");
                node.send(call.key(&key).json(&json!({ "direction": direction }))).await
            });
        }
        for answer in running.join_all().await {
            assert!(matches!(answer.status, 200 | 201), "{}", answer.text());
        }
        assert_eq!(app.count("group_teams").await, 1);
    }

    async fn mappings_go_with_the_team_and_with_the_group(app: ApiApp) {
        for name in ["one", "two"] {
            team(&app, name).await;
            app.put("/api/groups/ext:night", &json!({ "name": "Night shift" })).await;
            let path = format!("/api/groups/ext:night/teams/ext:{name}");
            assert_eq!(app.put(&path, &json!({ "direction": "to_lms" })).await.status, 201);
        }
        assert_eq!(app.delete("/api/teams/ext:one").await.status, 204);
        assert_eq!(app.count("group_teams").await, 1);
        assert_eq!(app.delete("/api/groups/ext:night").await.status, 204);
        assert_eq!(app.count("group_teams").await, 0);
        assert_eq!(app.get("/api/teams/ext:two").await.status, 200);
    }

    async fn two_groups_cannot_be_one_group_of_the_lms(app: ApiApp) {
        let body = |name: &str| json!({ "name": name, "lms_group_id": "77" });
        assert_eq!(app.post("/api/groups", &body("One")).await.status, 201);
        let refused = app.post("/api/groups", &body("Two")).await;
        assert_problem(None, &refused, 409, &["already_exists"]);
        assert_eq!(refused.json()["member"], "lms_group_id");
    }

    async fn a_limited_key_sees_the_groups_of_its_teams_and_changes_none(app: ApiApp) {
        let engines = team(&app, "engines").await;
        team(&app, "other").await;
        for (group, of) in [("night", "engines"), ("day", "other")] {
            app.put(&format!("/api/groups/ext:{group}"), &json!({ "name": group })).await;
            app.put(&format!("/api/groups/ext:{group}/teams/ext:{of}"), &json!({ "direction": "to_lms" })).await;
        }
        app.put("/api/groups/ext:night/teams/ext:other", &json!({ "direction": "to_lms" })).await;
        let options = KeyOptions { team_ids: vec![engines], ..KeyOptions::default() };
        let key = app.full_key(&app.first, options).await.secret;
        let list = app.send(Call::new("GET", "/api/groups").key(&key)).await.json();
        let names: Vec<_> = list["data"].as_array().into_iter().flatten().map(|group| group["external_id"].clone()).collect();
        assert_eq!(names, [json!("night")]);
        let mapped = app.send(Call::new("GET", "/api/groups/ext:night/teams").key(&key)).await.json();
        assert_eq!(mapped["data"].as_array().map(Vec::len), Some(1), "only its own team: {mapped}");
        let foreign = Call::new("GET", "/api/groups/ext:day").key(&key);
        assert_problem(None, &app.send(foreign).await, 404, &["not_found"]);
        let change = Call::new("PUT", "/api/groups/ext:night/teams/ext:engines").key(&key);
        let refused = app.send(change.json(&json!({ "direction": "disabled" }))).await;
        assert_problem(None, &refused, 403, &["forbidden"]);
    }
}
