//! Team members: joining, new people included, roles, leaving, moving with their places, many at once.

use serde_json::{Value as JsonValue, json};

use crate::roles::{key_of, person};
use crate::support::database::both;
use crate::support::http::{Answer, ApiApp, Call};
use crate::support::world::{act, assert_integrity, counters, product, read, seat, states, team};

async fn join(app: &ApiApp, team: &str, body: &JsonValue) -> Answer {
    app.post(&format!("/api/teams/ext:{team}/members"), body)
        .await
}

async fn joined(app: &ApiApp, team: &str, name: &str, role: &str) -> String {
    let body = json!({ "email": format!("{name}@example.com"), "external_id": name, "first_name": name, "role": role });
    let answer = join(app, team, &body).await;
    assert!(answer.status < 300, "{}", answer.text());
    answer.json()["user"]["id"]
        .as_str()
        .expect("an id")
        .to_owned()
}

fn names(list: &JsonValue) -> Vec<String> {
    let rows = list["data"].as_array().expect("a list").iter();
    rows.map(|row| {
        row["user"]["email"]
            .as_str()
            .expect("an address")
            .replace("@example.com", "")
    })
    .collect()
}

async fn code_by(
    app: &ApiApp,
    key: &str,
    method: &str,
    path: &str,
    body: &JsonValue,
) -> (u16, String) {
    let answer = app.send(Call::new(method, path).key(key).json(body)).await;
    (
        answer.status,
        answer.json()["code"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
    )
}

both! {
    async fn people_join_by_id_key_or_address_and_new_ones_are_made(app: ApiApp) {
        team(&app, "engines").await;
        let ada = person(&app, "ada").await;
        for user in [ada.clone(), "ext:ada".to_owned(), "email:Ada@Example.com".to_owned()] {
            let answer = join(&app, "engines", &json!({ "user": user })).await;
            assert_eq!(answer.json()["user"]["id"], ada.as_str(), "{}", answer.text());
        }
        let new = json!({ "email": "Grace@example.com", "first_name": "Grace", "last_name": "Hopper", "role": "manager" });
        let made = join(&app, "engines", &new).await;
        assert_eq!((made.status, made.json()["user"]["name"].as_str()), (201, Some("Grace Hopper")), "{}", made.text());
        let again = join(&app, "engines", &json!({ "email": "grace@EXAMPLE.com", "first_name": "Other" })).await;
        assert_eq!((again.status, again.json()["user"]["first_name"].as_str(), again.json()["role"].as_str()), (200, Some("Grace"), Some("manager")));
        assert_eq!(app.count("users").await, 2);
        for (body, pointer) in [
            (json!({}), "/user"),
            (json!({ "user": ada, "email": "ada@example.com" }), "/user"),
            (json!({ "user": ada, "first_name": "Ada" }), "/user"),
            (json!({ "user": "ext:nobody" }), "/user"),
            (json!({ "user": ada, "role": "captain" }), "/role"),
            (json!({ "user": ada, "role": "ext:captain" }), "/role"),
        ] {
            let refused = join(&app, "engines", &body).await;
            assert_eq!((refused.status, refused.json()["errors"][0]["pointer"].as_str()), (422, Some(pointer)), "{body} {}", refused.text());
        }
        let conflict = join(&app, "engines", &json!({ "email": "grace@example.com", "external_id": "ada" })).await;
        assert_eq!((conflict.status, conflict.json()["code"].as_str()), (409, Some("identity_conflict")));
    }

    async fn pain_19_the_same_person_in_other_letters_joins_once_at_once(app: ApiApp) {
        team(&app, "engines").await;
        let spelled = ["Ada@Example.com", "ada@example.com", "ADA@EXAMPLE.COM", "aDA@example.com"];
        let bodies = spelled.map(|email| json!({ "email": email, "first_name": "Ada" }));
        let answers = futures::future::join_all(bodies.iter().map(|body| join(&app, "engines", body))).await;
        for answer in &answers {
            assert!(answer.status < 300, "{}", answer.text());
        }
        assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
        assert_eq!((app.count("users").await, app.count("team_members").await), (1, 1));
    }

    async fn the_list_is_filtered_sorted_and_paged_like_all_lists(app: ApiApp) {
        team(&app, "engines").await;
        for (name, role) in [("cleo", "owner"), ("ada", "manager"), ("bob", "member"), ("dora", "member")] {
            app.node.app.clock.advance(60);
            joined(&app, "engines", name, role).await;
        }
        team(&app, "other").await;
        joined(&app, "other", "zoe", "member").await;
        let path = "/api/teams/ext:engines/members";
        assert_eq!(names(&read(&app, path).await), ["dora", "bob", "ada", "cleo"], "who joined last comes first");
        assert_eq!(names(&read(&app, &format!("{path}?sort=joined_at")).await), ["cleo", "ada", "bob", "dora"]);
        assert_eq!(names(&read(&app, &format!("{path}?sort=name")).await), ["ada", "bob", "cleo", "dora"]);
        assert_eq!(names(&read(&app, &format!("{path}?role=member&sort=name")).await), ["bob", "dora"]);
        assert_eq!(names(&read(&app, &format!("{path}?q=CL")).await), ["cleo"]);
        assert_eq!(names(&read(&app, &format!("{path}?managed_by=provision")).await), Vec::<String>::new());
        let first = app.get(&format!("{path}?limit=3&sort=name&include=total_count")).await;
        assert_eq!(first.json()["page"]["total_count"], 4);
        let link = first.header("link");
        let next = link.strip_prefix('<').and_then(|link| link.split('>').next()).expect("a link");
        assert_eq!(names(&read(&app, next).await), ["dora"]);
        let strange = app.get(&format!("{path}?cursor=x")).await;
        assert_eq!((strange.status, strange.json()["code"].as_str()), (400, Some("cursor_mismatch")));
    }

    async fn pain_03_a_full_seat_does_not_stop_a_change_of_role(app: ApiApp) {
        product(&app, "safety", &["fire"]).await;
        team(&app, "engines").await;
        let id = seat(&app, "safety", &["engines"], &json!({ "quantity": 1 })).await;
        let ada = joined(&app, "engines", "ada", "member").await;
        act(&app, &id, "assign", &json!({ "users": [ada] }), 200).await;
        let changed = app.patch("/api/teams/ext:engines/members/ext:ada", &json!({ "role": "manager" })).await;
        assert_eq!(changed.status, 200, "{}", changed.text());
        let corrected = app.patch("/api/users/ext:ada", &json!({ "first_name": "Augusta" })).await;
        assert_eq!(corrected.status, 200, "{}", corrected.text());
        assert_eq!(counters(&app, &id).await[0], Some(1));
    }

    async fn pain_10_managers_and_owners_hold_no_seat_by_themselves(app: ApiApp) {
        product(&app, "safety", &["fire"]).await;
        team(&app, "engines").await;
        let id = seat(&app, "safety", &["engines"], &json!({ "quantity": 1 })).await;
        joined(&app, "engines", "buyer", "owner").await;
        joined(&app, "engines", "manager", "manager").await;
        assert_eq!(counters(&app, &id).await[0], Some(0), "the buyer has not used up the seat");
        assert_eq!(app.count("seat_assignments").await, 0);
    }

    async fn pain_21_a_manager_makes_nobody_more_than_a_manager(app: ApiApp) {
        team(&app, "engines").await;
        let owner = joined(&app, "engines", "owner", "owner").await;
        let manager = joined(&app, "engines", "manager", "manager").await;
        joined(&app, "engines", "member", "member").await;
        let key = key_of(&app, &manager).await;
        let refused = (403, "grant_exceeds_rights".to_owned());
        let path = "/api/teams/ext:engines/members";
        for (method, path, body) in [
            ("POST", path.to_owned(), json!({ "email": "new@example.com", "role": "owner" })),
            ("POST", path.to_owned(), json!({ "user": "ext:member", "role": "owner" })),
            ("PATCH", format!("{path}/ext:member"), json!({ "role": "owner" })),
            ("PATCH", format!("{path}/ext:manager"), json!({ "role": "owner" })),
            ("PATCH", format!("{path}/ext:owner"), json!({ "role": "member" })),
        ] {
            assert_eq!(code_by(&app, &key, method, &path, &body).await, refused, "{method} {path} {body}");
        }
        let removed = app.send(Call::new("DELETE", format!("{path}/ext:owner")).key(&key)).await;
        assert_eq!((removed.status, removed.json()["code"].as_str()), (403, Some("grant_exceeds_rights")));
        let batch = json!({ "items": [{ "email": "new@example.com", "role": "owner" }, { "email": "new@example.com", "role": "manager" }] });
        let answer = app.send(Call::new("POST", format!("{path}/batch")).key(&key).json(&batch)).await;
        assert_eq!((answer.status, answer.json()["data"][0]["status"].as_i64(), answer.json()["data"][1]["status"].as_i64()), (207, Some(403), Some(201)), "{}", answer.text());
        assert_eq!(app.get(&format!("{path}/{owner}")).await.json()["role"], "owner");
        // What they may: members and further managers.
        for role in ["manager", "member"] {
            assert_eq!(code_by(&app, &key, "PATCH", &format!("{path}/ext:member"), &json!({ "role": role })).await.0, 200);
        }
        // Nor by an address of their own choosing.
        let powerful = person(&app, "powerful").await;
        app.post(&format!("/api/users/{powerful}/roles"), &json!({ "role": "owner" })).await;
        let writer = app.key_with(&app.first, &["users:write", "users:read", "provision:write"], crate::support::http::KeyOptions::default()).await;
        let body = json!({ "email": "mine@example.com" });
        assert_eq!(code_by(&app, &writer.secret, "PATCH", "/api/users/ext:powerful", &body).await, refused);
        let body = json!({ "user": { "external_id": "powerful", "email": "mine@example.com" }, "team": { "id": "ext:engines" } });
        assert_eq!(code_by(&app, &writer.secret, "POST", "/api/provision", &body).await, refused);
        let body = json!({ "user": { "email": "x@example.com" }, "team": { "strategy": "specific", "id": "ext:engines", "role": "owner" } });
        assert_eq!(code_by(&app, &writer.secret, "POST", "/api/provision", &body).await, refused);
    }

    async fn the_last_owner_of_a_team_stays_on_every_path_at_once(app: ApiApp) {
        team(&app, "other").await;
        for round in 0..5 {
            let name = format!("t{round}");
            team(&app, &name).await;
            let mut owners = Vec::new();
            for n in 0..4 {
                owners.push(joined(&app, &name, &format!("o{round}x{n}"), "owner").await);
            }
            let path = |n: usize| format!("/api/teams/ext:{name}/members/{}", owners[n]);
            let (demote, leave, goes) = (path(0), path(1), format!("{}/move", path(2)));
            let lower = json!({ "user": { "external_id": format!("o{round}x3") }, "team": { "strategy": "specific", "id": format!("ext:{name}"), "role": "member" } });
            let (role, to) = (json!({ "role": "member" }), json!({ "to_team": "ext:other" }));
            let (a, b, c, d) = tokio::join!(app.patch(&demote, &role), app.delete(&leave), app.post(&goes, &to), app.post("/api/provision", &lower));
            let told = format!("{}\n{}\n{}\n{}", a.text(), b.text(), c.text(), d.text());
            assert_eq!([&a, &b, &c, &d].iter().filter(|answer| answer.status == 409).count(), 1, "one of them stays: {told}");
            assert_eq!(read(&app, &format!("/api/teams/ext:{name}")).await["ownerless"], false, "{told}");
        }
    }

    async fn pain_46_who_leaves_a_team_stays_and_the_team_stays_when_somebody_is_deleted(app: ApiApp) {
        team(&app, "engines").await;
        joined(&app, "engines", "ada", "owner").await;
        joined(&app, "engines", "grace", "owner").await;
        assert_eq!(app.delete("/api/teams/ext:engines/members/ext:ada").await.status, 204);
        assert_eq!(app.get("/api/users/ext:ada").await.status, 200, "leaving deletes nobody");
        let dry = app.delete("/api/users/ext:grace?dry_run=true").await;
        assert_eq!(dry.status, 200, "{}", dry.text());
        assert_eq!(app.delete("/api/users/ext:grace").await.status, 204);
        let left = read(&app, "/api/teams/ext:engines").await;
        assert_eq!((&left["ownerless"], &left["member_count"]), (&json!(true), &json!(0)), "the team stays, and says what it lacks");
    }

    async fn a_member_moves_with_the_places_that_can_be_kept(app: ApiApp) {
        for name in ["shared", "both", "full", "lonely"] {
            product(&app, name, &[&format!("course-{name}")]).await;
        }
        team(&app, "old").await;
        team(&app, "new").await;
        let ada = joined(&app, "old", "ada", "manager").await;
        joined(&app, "old", "bob", "member").await;
        joined(&app, "new", "cleo", "owner").await;
        let days = json!({ "quantity": 1, "expiry": "days", "expires_in_days": 30 });
        let shared = seat(&app, "shared", &["old", "new"], &json!({ "quantity": 2 })).await;
        let both_old = seat(&app, "both", &["old"], &days).await;
        let both_new = seat(&app, "both", &["new"], &json!({ "quantity": 2, "expiry": "days", "expires_in_days": 300 })).await;
        let full_old = seat(&app, "full", &["old"], &json!({ "quantity": 1 })).await;
        let full_new = seat(&app, "full", &["new"], &json!({ "quantity": 1 })).await;
        let lonely = seat(&app, "lonely", &["old"], &json!({ "quantity": 1 })).await;
        for id in [&shared, &both_old, &full_old, &lonely] {
            act(&app, id, "assign", &json!({ "users": [ada] }), 200).await;
        }
        act(&app, &full_new, "assign", &json!({ "users": ["ext:cleo"] }), 200).await;
        act(&app, &both_old, "assign", &json!({ "users": ["ext:bob"], "if_full": "waitlist" }), 200).await;
        let until = crate::support::world::access(&app, "ada", "course-both").await;
        let path = format!("/api/teams/ext:old/members/{ada}/move");
        let dry = app.post(&format!("{path}?dry_run=true"), &json!({ "to_team": "ext:new" })).await;
        assert_eq!(dry.status, 200, "{}", dry.text());
        let moved = app.post(&path, &json!({ "to_team": "ext:new" })).await;
        assert_eq!(moved.status, 200, "{}", moved.text());
        let told = |answer: &Answer| {
            let json = answer.json();
            let mut lines: Vec<String> = json["places"].as_array().expect("places").iter().map(|one| {
                format!("{} {} {}", one["assignment"]["seat_id"].as_str().unwrap_or_default(), one["outcome"], one["reason"])
            }).collect();
            lines.sort();
            lines
        };
        let mut wanted = vec![
            format!("{shared} \"kept\" null"), format!("{both_new} \"reassigned\" null"),
            format!("{full_old} \"released\" \"no_room\""), format!("{lonely} \"released\" \"no_seat\""),
        ];
        wanted.sort();
        assert_eq!(told(&moved), wanted);
        assert_eq!(told(&dry), wanted, "the dry run has said so");
        assert_eq!(moved.json()["member"]["role"], "manager");
        assert_eq!(app.get("/api/teams/ext:old/members/ext:ada").await.status, 404);
        assert_eq!(crate::support::world::access(&app, "ada", "course-both").await, until, "the same end");
        assert_eq!(crate::support::world::access(&app, "ada", "course-lonely").await.0, "expired");
        assert_eq!(states(&app, &shared, "ada").await, ["active"]);
        assert_eq!(states(&app, &both_old, "bob").await, ["active"], "who waited has the freed place");
        assert_integrity(&app).await;
        let back = json!({ "to_team": "ext:old", "role": "owner" });
        let moved = app.post("/api/teams/ext:new/members/ext:ada/move", &back).await;
        assert_eq!((moved.status, moved.json()["member"]["role"].as_str()), (200, Some("owner")), "{}", moved.text());
        assert_integrity(&app).await;
        let same = app.post("/api/teams/ext:old/members/ext:ada/move", &json!({ "to_team": "ext:old" })).await;
        assert_eq!((same.status, same.json()["errors"][0]["pointer"].as_str()), (422, Some("/to_team")));
    }

    async fn nobody_moves_people_where_they_have_no_say(app: ApiApp) {
        team(&app, "mine").await;
        team(&app, "theirs").await;
        let manager = joined(&app, "mine", "manager", "manager").await;
        joined(&app, "mine", "ada", "member").await;
        let key = key_of(&app, &manager).await;
        let path = "/api/teams/ext:mine/members/ext:ada/move";
        assert_eq!(code_by(&app, &key, "POST", path, &json!({ "to_team": "ext:theirs" })).await, (422, "validation_failed".to_owned()), "as if it were not there");
        app.post("/api/teams/ext:theirs/members", &json!({ "user": manager, "role": "member" })).await;
        app.node.app.clock.advance(1);
        let key = key_of(&app, &manager).await;
        assert_eq!(code_by(&app, &key, "POST", path, &json!({ "to_team": "ext:theirs" })).await.0, 422, "a member there has no say");
        app.patch(&format!("/api/teams/ext:theirs/members/{manager}"), &json!({ "role": "manager" })).await;
        let key = key_of(&app, &manager).await;
        assert_eq!(code_by(&app, &key, "POST", path, &json!({ "to_team": "ext:theirs" })).await.0, 200);
    }

    async fn a_hundred_join_and_leave_by_one_call_each_with_a_status(app: ApiApp) {
        team(&app, "engines").await;
        joined(&app, "engines", "owner", "owner").await;
        let mut items: Vec<JsonValue> = (0..98).map(|n| json!({ "email": format!("n{n}@example.com"), "first_name": format!("N{n}") })).collect();
        items.push(json!({ "user": "ext:nobody" }));
        items.push(json!({ "user": "ext:owner" }));
        let path = "/api/teams/ext:engines/members";
        let call = Call::new("POST", format!("{path}/batch")).key(&app.key.secret).header("idempotency-key", "many").json(&json!({ "items": items }));
        let answer = app.send(call.clone()).await;
        assert_eq!((answer.status, &answer.json()["succeeded"], &answer.json()["failed"]), (207, &json!(99), &json!(1)), "{}", answer.text());
        assert_eq!(answer.json()["data"][98]["problem"]["errors"][0]["pointer"], "/items/98/user");
        assert_eq!(answer.json()["data"][99]["status"], 200, "who was there stays");
        let again = app.send(call).await;
        assert_eq!((again.status, app.count("team_members").await), (207, 99));
        let gone: Vec<JsonValue> = (0..98).map(|n| json!({ "user": format!("email:n{n}@example.com") })).chain([json!({ "user": "ext:owner" })]).collect();
        let answer = app.post(&format!("{path}/batch_remove"), &json!({ "items": gone })).await;
        assert_eq!((answer.status, &answer.json()["succeeded"], &answer.json()["data"][98]["problem"]["code"]), (207, &json!(98), &json!("last_owner")), "{}", answer.text());
        assert_eq!((app.count("team_members").await, app.count("users").await), (1, 99), "the people stay");
        let wrong = app.post(&format!("{path}/batch_remove"), &json!({ "items": [{ "person": "ext:owner" }] })).await;
        assert_eq!((wrong.status, wrong.json()["data"][0]["status"].as_i64()), (207, Some(422)), "{}", wrong.text());
    }
}
