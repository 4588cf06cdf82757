//! How people and teams go, come back, become one and are forgotten.

use b2b_dashboard::access::links::LinkPurpose;
use b2b_dashboard::access::passwords;
use b2b_dashboard::access::sessions::Origin;
use b2b_dashboard::db::{Select, Statement};
use b2b_dashboard::jobs::Job;
use b2b_dashboard::lifecycle::references::REFERENCES;
use b2b_dashboard::lifecycle::traces::searched;
use b2b_dashboard::resource::Stamp;
use b2b_dashboard::resources::User;
use b2b_dashboard::resources::user::NewUser;
use b2b_dashboard::types::Email;
use b2b_dashboard::{params, worker};
use serde_json::{Value as JsonValue, json};

use crate::support::database::both;
use crate::support::http::{Answer, ApiApp, Call, KeyOptions};
use crate::support::schema;
use crate::support::world::{
    access, act, assert_integrity, counters, email, member, product, provision, read, seat, states,
    team, wish,
};

async fn id_of(app: &ApiApp, name: &str) -> String {
    read(app, &format!("/api/users/ext:{name}")).await["id"]
        .as_str()
        .expect("an id")
        .to_owned()
}

fn done(answer: &Answer, status: u16) -> JsonValue {
    assert_eq!(answer.status, status, "{}", answer.text());
    answer.json()
}

async fn restore(app: &ApiApp, id: &str, body: &JsonValue, status: u16) -> JsonValue {
    done(
        &app.post(&format!("/api/users/{id}/restore"), body).await,
        status,
    )
}

async fn run_jobs(app: &ApiApp) {
    worker::drain(&app.node.app).await.expect("jobs that run");
    assert_eq!(app.count("(SELECT account_id FROM jobs WHERE account_id = $1 AND (state = 'dead' OR last_error IS NOT NULL)) j").await, 0);
}

/// A team `t` with a seat of the product `p`, which is the course `c`; Ada has a place.
async fn world(app: &ApiApp, terms: &JsonValue) -> String {
    product(app, "p", &["c"]).await;
    team(app, "t").await;
    let seat = seat(app, "p", &["t"], terms).await;
    provision(app, &wish("ada", "t", "p", &json!({})), 201).await;
    seat
}

fn count_of<'a>(list: &'a JsonValue, what: &str) -> Option<&'a JsonValue> {
    let list = list.as_array().expect("consequences");
    list.iter()
        .find(|one| one["what"] == what)
        .map(|one| &one["count"])
}

/// Every text in every table of the account, with its place.
async fn texts(app: &ApiApp) -> Vec<(String, String)> {
    let tables = schema::tables(&app.database).await;
    let mut found = Vec::new();
    for (name, table) in tables {
        if !table.columns.iter().any(|column| column == "account_id") {
            continue;
        }
        for column in &table.columns {
            let sql = format!(
                "SELECT CAST({column} AS TEXT) FROM {name} WHERE account_id = $1 AND {column} IS NOT NULL"
            );
            let rows = app
                .node
                .app
                .db
                .fetch::<(String,)>(&app.first, Select::new(sql, vec![]))
                .await;
            for (text,) in rows.expect("rows") {
                found.push((format!("{name}.{column}"), text));
            }
        }
    }
    found
}

both! {
    async fn pain_46_a_dry_run_tells_what_a_deletion_takes_along(app: ApiApp) {
        world(&app, &json!({ "quantity": 1 })).await;
        provision(&app, &wish("grace", "t", "p", &json!({ "if_full": "waitlist" })), 201).await;
        let dry = done(&app.delete("/api/users/ext:ada?dry_run=true").await, 200);
        let list = &dry["consequences"];
        assert_eq!((count_of(list, "memberships"), count_of(list, "places")), (Some(&json!(1)), Some(&json!(1))), "{dry}");
        assert!(dry["changes"].as_array().is_some_and(|changes| changes.iter().any(|one| one["type"] == "seat.released")), "{dry}");
        let dry = done(&app.delete("/api/users/ext:grace?dry_run=true").await, 200);
        assert_eq!(count_of(&dry["consequences"], "waiting_wishes"), Some(&json!(1)), "{dry}");
        let dry = done(&app.delete("/api/teams/ext:t?dry_run=true").await, 200);
        let list = &dry["consequences"];
        assert_eq!((count_of(list, "memberships"), count_of(list, "seats")), (Some(&json!(2)), Some(&json!(1))), "{dry}");
        assert_eq!(done(&app.delete("/api/teams/ext:t").await, 204), JsonValue::Null);
        assert_eq!(app.get("/api/users/ext:ada").await.status, 200, "the people stay");
        assert_integrity(&app).await;
    }

    async fn pain_07_a_place_goes_to_who_waits_and_comes_back_where_one_is_free(app: ApiApp) {
        let seat = world(&app, &json!({ "quantity": 1 })).await;
        let end = access(&app, "ada", "c").await.1;
        let ada = id_of(&app, "ada").await;
        let first = read(&app, "/api/seat_assignments?user=ext:ada").await["data"][0]["id"].clone();
        app.node.app.clock.advance(60);
        assert_eq!(app.delete("/api/users/ext:ada").await.status, 204);
        assert_eq!(counters(&app, &seat).await, [Some(0), Some(0), Some(0), Some(1)]);
        app.node.app.clock.advance(60);
        let back = restore(&app, &ada, &json!({}), 200).await;
        assert_eq!(back["outcome"], "restored");
        assert_eq!(back["memberships"][0]["outcome"], "restored", "{back}");
        assert_eq!((&back["places"][0]["outcome"], &back["places"][0]["assignment_id"]), (&json!("restored"), &first), "{back}");
        assert_eq!(states(&app, &seat, "ada").await, ["active"], "the same assignment, with its history");
        assert_eq!(access(&app, "ada", "c").await, ("active".to_owned(), end));
        assert_integrity(&app).await;
        // Somebody else has the place meanwhile: the restored one waits.
        app.node.app.clock.advance(60);
        assert_eq!(app.delete("/api/users/ext:ada").await.status, 204);
        provision(&app, &wish("grace", "t", "p", &json!({})), 201).await;
        let back = restore(&app, &ada, &json!({}), 200).await;
        assert_eq!(back["places"][0]["outcome"], "waitlisted", "{back}");
        assert_eq!(counters(&app, &seat).await, [Some(1), Some(0), Some(1), Some(0)]);
        assert_integrity(&app).await;
    }

    async fn a_place_that_is_used_for_good_is_theirs_again(app: ApiApp) {
        let seat = world(&app, &json!({ "quantity": 1, "reusable": false })).await;
        let ada = id_of(&app, "ada").await;
        app.node.app.clock.advance(60);
        assert_eq!(app.delete("/api/users/ext:ada").await.status, 204);
        assert_eq!(counters(&app, &seat).await, [Some(0), Some(1), Some(0), Some(0)]);
        let back = restore(&app, &ada, &json!({}), 200).await;
        assert_eq!(back["places"][0]["outcome"], "restored", "{back}");
        assert_eq!(counters(&app, &seat).await, [Some(1), Some(0), Some(0), Some(0)]);
        assert_integrity(&app).await;
    }

    async fn pain_47_a_deleted_name_blocks_nobody_and_the_old_one_is_offered(app: ApiApp) {
        member_of_nothing(&app, "ada").await;
        let old = id_of(&app, "ada").await;
        assert_eq!(app.delete("/api/users/ext:ada").await.status, 204);
        let list = read(&app, "/api/users?deleted=true&sort=-name&q=ada").await;
        assert_eq!(list["data"][0]["id"], json!(old), "{list}");
        assert!(list["data"][0]["deleted_at"].is_string(), "{list}");
        assert_eq!(read(&app, "/api/users").await["data"], json!([]));
        let new = done(&app.post("/api/users", &json!({ "email": "ADA@example.com", "external_id": "ada" })).await, 201);
        assert_eq!(new["put_aside"]["id"], json!(old), "{new}");
        assert!(new["put_aside"]["hint"].as_str().is_some_and(|hint| hint.contains("restore")), "{new}");
        assert_ne!(new["id"], json!(old));
        let again = json!({ "user": { "email": email("ada") }, "team": { "strategy": "create" }, "welcome_email": false });
        assert!(provision(&app, &again, 201).await["user"]["put_aside"].is_null(), "the person is not new");
        let refused = restore(&app, &old, &json!({}), 409).await;
        assert_eq!((&refused["code"], &refused["member"], &refused["taken_by"]), (&json!("already_exists"), &json!("email"), &new["id"]), "{refused}");
        let refused = restore(&app, &old, &json!({ "email": "old@example.com" }), 409).await;
        assert_eq!(refused["member"], "external_id", "{refused}");
        let back = restore(&app, &old, &json!({ "email": "old@example.com", "external_id": null }), 200).await;
        assert_eq!((&back["user"]["id"], &back["user"]["email"]), (&json!(old), &json!("old@example.com")));
        assert_eq!(restore(&app, &old, &json!({}), 200).await["outcome"], "already_there");
    }

    async fn pain_20_a_recycled_address_inherits_nothing(app: ApiApp) {
        let seat = world(&app, &json!({ "quantity": 5 })).await;
        app.node.app.clock.advance(60);
        assert_eq!(app.delete("/api/users/ext:ada").await.status, 204);
        let new = done(&app.post("/api/users", &json!({ "email": email("ada") })).await, 201);
        let id = new["id"].as_str().expect("an id");
        for list in ["seat_assignments", "enrollments", "provisions"] {
            assert_eq!(read(&app, &format!("/api/{list}?user={id}")).await["data"], json!([]), "{list}");
        }
        assert_eq!(read(&app, &format!("/api/teams?user={id}")).await["data"], json!([]));
        assert_eq!(counters(&app, &seat).await[0], Some(0));
    }

    async fn a_changed_address_is_in_the_history(app: ApiApp) {
        member_of_nothing(&app, "ada").await;
        assert_eq!(app.patch("/api/users/ext:ada", &json!({ "email": "new@example.com" })).await.status, 200);
        let export = read(&app, "/api/users/ext:ada/export").await;
        assert_eq!(export["former_addresses"][0]["email"], json!(email("ada")), "{export}");
        app.node.app.clock.advance(60);
        assert_eq!(app.patch("/api/users/ext:ada", &json!({ "email": email("ada") })).await.status, 200);
        let export = read(&app, "/api/users/ext:ada/export").await;
        assert_eq!(export["former_addresses"][0]["email"], "new@example.com", "{export}");
    }

    async fn a_team_comes_back_with_its_people_and_places(app: ApiApp) {
        let seat = world(&app, &json!({ "quantity": 2 })).await;
        member(&app, "grace", "t").await;
        let (t, ada, grace) = (read(&app, "/api/teams/ext:t").await["id"].as_str().expect("an id").to_owned(), id_of(&app, "ada").await, id_of(&app, "grace").await);
        app.node.app.clock.advance(60);
        assert_eq!(app.delete("/api/teams/ext:t").await.status, 204);
        assert_eq!(read(&app, "/api/teams?deleted=true").await["data"][0]["id"], json!(t));
        assert_eq!(counters(&app, &seat).await[0], Some(0));
        app.node.app.clock.advance(60);
        assert_eq!(app.delete(&format!("/api/users/{grace}")).await.status, 204);
        let path = format!("/api/teams/{t}/restore");
        let other = team(&app, "t").await;
        let refused = done(&app.post(&path, &json!({})).await, 409);
        assert_eq!((&refused["member"], &refused["taken_by"]), (&json!("name"), &json!(other)), "{refused}");
        let back = done(&app.post(&path, &json!({ "name": "Old", "external_id": "old" })).await, 200);
        assert_eq!((&back["memberships_restored"], &back["memberships_waiting"]), (&json!(1), &json!(1)), "{back}");
        assert_eq!(back["places"][0]["outcome"], "restored", "{back}");
        let members = read(&app, "/api/teams/ext:old/members").await;
        assert_eq!(members["data"][0]["user"]["id"], json!(ada));
        // Hers waited for her.
        let back = restore(&app, &grace, &json!({}), 200).await;
        assert_eq!(back["memberships"][0]["outcome"], "restored", "{back}");
        assert_eq!(read(&app, "/api/teams/ext:old").await["member_count"], 2);
        assert_integrity(&app).await;
    }

    async fn a_team_comes_back_with_its_domains_and_as_the_default_where_they_are_free(app: ApiApp) {
        let node = app.post("/api/organizations", &json!({ "name": "Acme", "external_id": "acme" })).await;
        assert_eq!(node.status, 201, "{}", node.text());
        let made = app.post("/api/teams", &json!({ "name": "t", "external_id": "t", "organization": "ext:acme" })).await;
        let id = made.id();
        team(&app, "other").await;
        for domain in ["free.example", "taken.example"] {
            let claim = app.post("/api/domain_claims", &json!({ "domain": domain, "team": "ext:t", "proof": "admin" })).await;
            assert_eq!(claim.status, 201, "{}", claim.text());
        }
        let claim = read(&app, "/api/domain_claims?sort=domain").await["data"][0].clone();
        assert_eq!(app.patch("/api/organizations/ext:acme", &json!({ "default_team": "ext:t" })).await.status, 200);
        let set = Statement::new("UPDATE accounts SET default_team_id = $2 WHERE account_id = $1", params![id.clone()]);
        app.node.app.db.write(&app.first, vec![set]).await.expect("a default");
        let aside = async || {
            assert_eq!(app.delete(&format!("/api/teams/{id}")).await.status, 204);
            assert_eq!(read(&app, "/api/organizations/ext:acme").await["default_team_id"], JsonValue::Null);
        };
        aside().await;
        let other = app.post("/api/domain_claims", &json!({ "domain": "taken.example", "team": "ext:other", "proof": "admin" })).await;
        assert_eq!(other.status, 201, "{}", other.text());
        let back = async |path: &str| done(&app.post(&format!("/api/teams/{id}/restore{path}"), &json!({})).await, 200);
        let dry = back("?dry_run=true").await;
        let domains = json!([{ "domain": "free.example", "outcome": "restored" }, { "domain": "taken.example", "outcome": "taken" }]);
        assert_eq!((&dry["domains"], &dry["is_account_default"], dry["default_of"].as_array().map(Vec::len)), (&domains, &json!(true), Some(1)), "{dry}");
        let first = back("").await;
        assert_eq!(first["domains"], domains, "{first}");
        assert_eq!(read(&app, "/api/organizations/ext:acme").await["default_team_id"], id);
        let again = read(&app, &format!("/api/domain_claims/{}", claim["id"].as_str().expect("an id"))).await;
        assert_eq!((&again["state"], &again["team_id"]), (&json!("verified"), &json!(id)), "the claim is proved as it was");
        let newcomer = provision(&app, &json!({ "user": { "email": "x@free.example" }, "welcome_email": false }), 201).await;
        assert_eq!(newcomer["team"]["id"], id);
        // Another team has taken its place meanwhile: that one keeps it.
        aside().await;
        let own = app.post("/api/teams", &json!({ "name": "own", "external_id": "own", "organization": "ext:acme" })).await.id();
        assert_eq!(app.patch("/api/organizations/ext:acme", &json!({ "default_team": "ext:own" })).await.status, 200);
        let second = back("").await;
        assert_eq!((&second["default_of"], second["domains"].as_array().map(Vec::len)), (&json!([]), Some(1)), "{second}");
        assert_eq!(read(&app, "/api/organizations/ext:acme").await["default_team_id"], own);
        assert_eq!((app.count("former_domain_claims").await, app.count("former_defaults").await), (0, 0));
        assert_eq!(app.delete(&format!("/api/teams/{id}")).await.status, 204);
        clean_up(&app, 31).await;
        assert_eq!((app.count("former_domain_claims").await, app.count("former_defaults").await), (0, 0), "what is purged keeps nothing");
    }

    async fn a_membership_of_two_who_left_waits_for_the_second(app: ApiApp) {
        team(&app, "t").await;
        member(&app, "ada", "t").await;
        let (t, ada) = (read(&app, "/api/teams/ext:t").await["id"].as_str().expect("an id").to_owned(), id_of(&app, "ada").await);
        assert_eq!(app.delete(&format!("/api/users/{ada}")).await.status, 204);
        assert_eq!(app.delete(&format!("/api/teams/{t}")).await.status, 204);
        let back = restore(&app, &ada, &json!({}), 200).await;
        assert_eq!(back["memberships"][0]["outcome"], "waits", "{back}");
        let back = done(&app.post(&format!("/api/teams/{t}/restore"), &json!({})).await, 200);
        assert_eq!(back["memberships_restored"], 1, "{back}");
        assert_eq!(read(&app, "/api/teams/ext:t").await["member_count"], 1);
    }

    async fn two_restores_at_once_give_one_place(app: ApiApp) {
        let seat = world(&app, &json!({ "quantity": 3 })).await;
        let ada = id_of(&app, "ada").await;
        app.node.app.clock.advance(60);
        assert_eq!(app.delete("/api/users/ext:ada").await.status, 204);
        let mut running = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let call = Call::new("POST", format!("/api/users/{ada}/restore")).key(&app.key.secret).json(&json!({}));
            let node = app.node.clone();
            running.spawn(async move { node.send(call).await });
        }
        let answers = running.join_all().await;
        let of = |outcome: &str| answers.iter().filter(|answer| answer.json()["outcome"] == outcome).count();
        assert_eq!((of("restored"), of("already_there")), (1, 7), "{answers:?}");
        assert_eq!(counters(&app, &seat).await[0], Some(1));
        assert_integrity(&app).await;
    }

    async fn what_was_aside_for_thirty_days_is_purged(app: ApiApp) {
        world(&app, &json!({ "quantity": 2 })).await;
        let ada = id_of(&app, "ada").await;
        let t = read(&app, "/api/teams/ext:t").await["id"].as_str().expect("an id").to_owned();
        app.node.app.clock.advance(60);
        assert_eq!(app.delete("/api/users/ext:ada").await.status, 204);
        assert_eq!(app.delete("/api/teams/ext:t").await.status, 204);
        clean_up(&app, 29).await;
        assert_eq!(read(&app, "/api/users?deleted=true").await["data"].as_array().map(Vec::len), Some(1));
        clean_up(&app, 2).await;
        for list in ["users", "teams"] {
            assert_eq!(read(&app, &format!("/api/{list}?deleted=true")).await["data"], json!([]), "{list}");
        }
        restore(&app, &ada, &json!({}), 404).await;
        assert_eq!(app.post(&format!("/api/teams/{t}/restore"), &json!({})).await.status, 404);
        let left: Vec<_> = texts(&app).await.into_iter().filter(|(_, text)| text.contains("ada@example.com")).collect();
        assert!(left.is_empty(), "{left:?}");
        assert_eq!(read(&app, "/api/erasures").await["data"][0]["cause"], "purge");
        assert_integrity(&app).await;
    }

    async fn pain_49_an_erasure_leaves_neither_address_nor_name_anywhere(app: ApiApp) {
        let needles = ["zephyrine", "quillfeather", "zq@old.example", "quill works", "vip-zq", "crm-zq"];
        product(&app, "p", &["c"]).await;
        team(&app, "t").await;
        let seat = seat(&app, "p", &["t"], &json!({ "quantity": 5 })).await;
        let body = json!({
            "user": { "email": "Zephyrine@Quillfeather.example", "first_name": "Zephyrine", "last_name": "Quillfeather", "company": "Quill Works",
                "external_id": "crm-zq", "tags": ["vip-zq"], "metadata": { "note": "Zephyrine likes ink" } },
            "team": { "strategy": "create", "name": "Zephyrine Quillfeather's team" },
            "seats": [{ "product": "ext:p", "quantity": 2, "assign": true }], "external_reference": "o-1",
        });
        let call = Call::new("POST", "/api/provision").key(&app.key.secret).json(&body).header("idempotency-key", "zq-1");
        let made = done(&app.send(call).await, 201);
        let id = made["user"]["id"].as_str().expect("an id").to_owned();
        app.node.app.clock.advance(1);
        for patch in [json!({ "email": "zq@old.example" }), json!({ "last_name": "Quillfeather-Noel" }), json!({ "last_name": "Quillfeather" }), json!({ "email": "Zephyrine@Quillfeather.example" })] {
            assert_eq!(app.patch(&format!("/api/users/{id}"), &patch).await.status, 200);
        }
        // What the person did, what failed about them, and what others wrote.
        let act_of = json!({ "users": [id] });
        act(&app, &seat, "assign", &act_of, 422).await;
        let now = app.node.app.clock.now();
        let rows = vec![
            Statement::new("UPDATE seat_ledger SET actor_type = 'user', actor_id = $2, actor_name = 'Zephyrine Quillfeather' WHERE account_id = $1", params![id.clone()]),
            Statement::new("UPDATE events SET actor_type = 'user', actor_id = $2, actor_name = 'Zephyrine Quillfeather' WHERE account_id = $1 AND type = 'user.updated'", params![id.clone()]),
            Statement::new("UPDATE audit_facts SET actor_type = 'user', actor_id = $2, actor_name = 'Zephyrine Quillfeather', address = '192.0.2.7' WHERE account_id = $1", params![id.clone()]),
            Statement::new("INSERT INTO mails (account_id, id, kind, to_address, locale, state, context, attempts, last_reply, created_at) \
                VALUES ($1, 'mail_x', 'welcome', 'other@example.com', 'en', 'failed', '{\"inviter\":\"Zephyrine Quillfeather\"}', 1, '550 ZEPHYRINE@quillfeather.example unknown', $2)", params![now]),
            Statement::new("UPDATE jobs SET last_error = 'not sent to zephyrine@quillfeather.example' WHERE account_id = $1", params![]),
        ];
        app.node.app.db.write(&app.first, rows).await.expect("rows");
        member(&app, "grace", "t").await;
        assert_eq!(app.patch("/api/users/ext:grace", &json!({ "metadata": { "mentor": "Zephyrine Quillfeather <zephyrine@quillfeather.example>" } })).await.status, 200);
        let before = texts(&app).await;
        for needle in needles {
            assert!(before.iter().any(|(_, text)| text.to_lowercase().contains(needle)), "{needle} is somewhere to begin with");
        }
        let dry = done(&app.post(&format!("/api/users/{id}/erase?dry_run=true"), &json!({})).await, 200);
        assert!(count_of(&dry["report"]["erased"], "events").is_some() && count_of(&dry["report"]["kept"], "assignments").is_some(), "{dry}");
        assert_eq!(texts(&app).await.len(), before.len(), "a dry run leaves everything");
        let erasure = done(&app.post(&format!("/api/users/{id}/erase"), &json!({ "lms": "keep" })).await, 202);
        assert_eq!(erasure["state"], "running");
        assert_eq!(app.get(&format!("/api/users/{id}")).await.status, 404);
        let wait = Statement::new("UPDATE jobs SET run_at = 0 WHERE account_id = $1", params![]);
        app.node.app.db.write(&app.first, vec![wait]).await.expect("due jobs");
        worker::drain(&app.node.app).await.expect("jobs that run");
        let path = format!("/api/erasures/{}", erasure["id"].as_str().expect("an id"));
        let jobs = read(&app, "/api/jobs?limit=200").await;
        assert_eq!(read(&app, &path).await["state"], "done", "{jobs}");
        for needle in needles {
            let left: Vec<_> = texts(&app).await.into_iter().filter(|(_, text)| text.to_lowercase().contains(needle)).collect();
            assert!(left.is_empty(), "{needle} is left in {left:#?}");
        }
        let audit = app.count("(SELECT account_id FROM audit_facts WHERE account_id = $1 AND address = '192.0.2.7') a").await;
        assert_eq!(audit, 0, "network addresses of what the person did");
        assert_integrity(&app).await;
        let again = done(&app.post(&format!("/api/users/{id}/erase"), &json!({})).await, 200);
        assert_eq!(again["id"], erasure["id"], "a repeat finds the first");
        assert_eq!(app.get("/api/users/ext:grace").await.json()["email"], json!(email("grace")), "others are left alone");
    }

    async fn a_name_is_taken_out_of_teams_without_a_collision(app: ApiApp) {
        for name in ["ada", "grace"] {
            let body = json!({ "user": { "email": email(name), "name": "Ada Byron" }, "team": { "strategy": "auto" }, "welcome_email": false });
            provision(&app, &body, 201).await;
        }
        for name in ["ada", "grace"] {
            done(&app.post(&format!("/api/users/email:{}/erase", email(name)), &json!({})).await, 202);
        }
        run_jobs(&app).await;
        let left: Vec<_> = texts(&app).await.into_iter().filter(|(_, text)| text.to_lowercase().contains("byron")).collect();
        assert!(left.is_empty(), "{left:?}");
    }

    async fn the_last_owner_of_an_account_is_not_erased(app: ApiApp) {
        member_of_nothing(&app, "ada").await;
        let id = id_of(&app, "ada").await;
        let owner = Statement::new("INSERT INTO user_roles (account_id, user_id, role, created_at) VALUES ($1, $2, 'owner', 0)", params![id.clone()]);
        app.node.app.db.write(&app.first, vec![owner]).await.expect("a role");
        let refused = done(&app.post(&format!("/api/users/{id}/erase"), &json!({})).await, 409);
        assert_eq!(refused["code"], "last_owner");
    }

    async fn pain_19_two_records_of_one_person_become_one(app: ApiApp) {
        let seat_id = world(&app, &json!({ "quantity": 2 })).await;
        team(&app, "other").await;
        let other_seat = seat(&app, "p", &["other"], &json!({ "quantity": 5 })).await;
        provision(&app, &wish("double", "t", "p", &json!({})), 201).await;
        provision(&app, &wish("waiter", "t", "p", &json!({ "if_full": "waitlist" })), 201).await;
        provision(&app, &wish("double", "other", "p", &json!({})), 201).await;
        assert_eq!(app.patch("/api/teams/ext:t/members/ext:double", &json!({ "role": "owner" })).await.status, 200);
        let of = async |name: &str| read(&app, &format!("/api/enrollments?user=ext:{name}")).await["data"][0]["id"].as_str().expect("an id").to_owned();
        let (mine, theirs) = (of("ada").await, of("double").await);
        for (id, percent) in [(&mine, 20), (&theirs, 70)] {
            assert_eq!(app.post(&format!("/api/enrollments/{id}/progress"), &json!({ "percent": percent })).await.status, 200);
        }
        let (ada, double) = (id_of(&app, "ada").await, id_of(&app, "double").await);
        let body = json!({ "from": "ext:double" });
        let dry = done(&app.post(&format!("/api/users/{ada}/merge?dry_run=true"), &body).await, 200);
        assert_eq!(count_of(&dry["consequences"], "memberships"), Some(&json!(2)), "{dry}");
        assert_eq!(app.get(&format!("/api/users/{double}")).await.status, 200);
        let merged = done(&app.post(&format!("/api/users/{ada}/merge"), &body).await, 200);
        assert_eq!((&merged["outcome"], merged["freed_assignments"].as_array().map(Vec::len)), (&json!("merged"), Some(1)), "{merged}");
        run_jobs(&app).await;
        assert_eq!(counters(&app, &seat_id).await, [Some(2), Some(0), Some(0), Some(0)], "the freed place went to who waited");
        assert_eq!(states(&app, &seat_id, "waiter").await, ["active"]);
        assert_eq!(counters(&app, &other_seat).await[0], Some(1));
        assert_eq!(states(&app, &other_seat, "ada").await, ["active"]);
        let enrollments = read(&app, "/api/enrollments?user=ext:ada").await;
        assert_eq!((enrollments["data"].as_array().map(Vec::len), &enrollments["data"][0]["percent"]), (Some(1), &json!(70)), "{enrollments}");
        assert_eq!(read(&app, "/api/teams/ext:t/members/ext:ada").await["role"], "owner");
        assert_eq!(read(&app, "/api/teams?user=ext:ada").await["data"].as_array().map(Vec::len), Some(2));
        // What the other was known by leads here.
        let moved = app.get(&format!("/api/users/{double}")).await;
        assert_eq!((moved.status, moved.header("location")), (308, format!("/api/users/{ada}").as_str()), "{}", moved.text());
        for name in ["ext:double".to_owned(), format!("email:{}", email("double"))] {
            assert_eq!(read(&app, &format!("/api/users/{name}")).await["id"], json!(ada), "{name}");
        }
        act(&app, &other_seat, "revoke", &json!({ "users": [double] }), 200).await;
        let again = provision(&app, &wish("double", "other", "p", &json!({})), 201).await;
        assert_eq!((&again["user"]["id"], &again["user"]["email"], &again["user"]["external_id"]), (&json!(ada), &json!(email("ada")), &json!("ada")), "{again}");
        let put = done(&app.put("/api/users/ext:double", &json!({ "email": email("double"), "company": "Navy" })).await, 200);
        assert_eq!((&put["id"], &put["external_id"]), (&json!(ada), &json!("ada")), "{put}");
        let refused = done(&app.post("/api/users", &json!({ "email": email("double") })).await, 409);
        assert_eq!(refused["taken_by"], json!(ada), "{refused}");
        let repeat = done(&app.post(&format!("/api/users/{ada}/merge"), &json!({ "from": double })).await, 200);
        assert_eq!(repeat["outcome"], "already_merged");
        let itself = done(&app.post(&format!("/api/users/{ada}/merge"), &json!({ "from": ada })).await, 422);
        assert_eq!(itself["errors"][0]["pointer"], "/from");
        assert_integrity(&app).await;
    }

    async fn a_merge_moves_who_invited_and_leaves_who_acted(app: ApiApp) {
        team(&app, "t").await;
        for name in ["ada", "twin"] {
            member_of_nothing(&app, name).await;
        }
        let (ada, twin) = (id_of(&app, "ada").await, id_of(&app, "twin").await);
        let invited = app.post("/api/invitations", &json!({ "email": email("lin"), "team": "ext:t" })).await;
        let own = app.post("/api/invitations", &json!({ "email": email("twin"), "team": "ext:t" })).await;
        assert_eq!((invited.status, own.status), (201, 201), "{} {}", invited.text(), own.text());
        let by_twin = [
            "UPDATE invitations SET inviter_id = $2, inviter_name = 'Twin person' WHERE account_id = $1",
            "UPDATE events SET actor_type = 'user', actor_id = $2, actor_name = 'Twin person' WHERE account_id = $1 AND type = 'invitation.created'",
        ];
        let by_twin = by_twin.map(|sql| Statement::new(sql, params![twin.clone()]));
        app.node.app.db.write(&app.first, by_twin.to_vec()).await.expect("an inviter");
        let merged = done(&app.post(&format!("/api/users/{ada}/merge"), &json!({ "from": "ext:twin" })).await, 200);
        assert_eq!(merged["outcome"], "merged");
        for one in [&invited, &own] {
            let invitation = read(&app, &format!("/api/invitations/{}", one.id())).await;
            assert_eq!((&invitation["inviter_id"], &invitation["inviter_name"]), (&json!(ada), &json!("Twin person")), "{invitation}");
        }
        assert_eq!(read(&app, &format!("/api/invitations/{}", own.id())).await["user_id"], ada);
        worker::publish(&app.node.app).await.expect("published events");
        let events = read(&app, &format!("/api/events?subject={}", invited.id())).await;
        assert_eq!((&events["data"][0]["actor"]["id"], &events["data"][0]["actor"]["name"]), (&json!(twin), &json!("Twin person")), "{events}");
    }

    async fn the_address_from_before_a_merge_signs_in_by_the_present_one(app: ApiApp) {
        for name in ["ada", "twin", "old"] {
            member_of_nothing(&app, name).await;
        }
        for name in ["twin", "old"] {
            done(&app.post("/api/users/ext:ada/merge", &json!({ "from": format!("email:{}", email(name)) })).await, 200);
        }
        let service = &app.node.app;
        let origin = Origin { address: None, agent: None, request_id: "r1".into() };
        let mails = async || {
            let select = Select::new("SELECT to_address FROM mails WHERE account_id = $1 AND kind = 'sign_in_link'", vec![]);
            let rows = service.db.fetch::<(String,)>(&app.first, select).await.expect("mails");
            rows.into_iter().map(|(to,)| to).collect::<Vec<_>>()
        };
        let ask = async |address: String| {
            let address = Email::parse(&address).expect("an address");
            passwords::request_link(service, &address, LinkPurpose::SignIn, &origin, service.clock.now()).await.expect("the same answer for all");
        };
        ask(email("twin")).await;
        assert_eq!(mails().await, [email("ada")], "to the present address, once");
        ask(email("nobody")).await;
        assert_eq!(mails().await.len(), 1);
        // Who has the address now is meant, not who had it.
        let taken = User::from_new(NewUser::with_email(Email::parse(&email("old")).expect("an address")), &Stamp { ids: &service.ids, now: service.clock.now() });
        service.db.write(&app.first, vec![Statement::insert(&taken)]).await.expect("somebody");
        ask(email("old")).await;
        let mut all = mails().await;
        all.sort();
        assert_eq!(all, [email("ada"), email("old")]);
        // A person who may not come in does not by another address either.
        done(&app.patch("/api/users/ext:ada", &json!({ "status": "deactivated" })).await, 200);
        ask(email("twin")).await;
        assert_eq!(mails().await.len(), 2);
    }

    async fn merges_at_once_make_one_person(app: ApiApp) {
        world(&app, &json!({ "quantity": 5 })).await;
        for name in ["b", "c", "d"] {
            provision(&app, &wish(name, "t", "p", &json!({})), 201).await;
        }
        let ids = [id_of(&app, "ada").await, id_of(&app, "b").await, id_of(&app, "c").await, id_of(&app, "d").await];
        let mut running = tokio::task::JoinSet::new();
        for (into, from) in [(0, 1), (1, 0), (1, 2), (2, 3), (3, 0)] {
            let call = Call::new("POST", format!("/api/users/{}/merge", ids[into])).key(&app.key.secret).json(&json!({ "from": ids[from] }));
            let node = app.node.clone();
            running.spawn(async move { node.send(call).await });
        }
        for answer in running.join_all().await {
            assert!(matches!(answer.status, 200 | 409 | 422), "{}", answer.text());
        }
        for from in [1, 2, 3] {
            let answer = app.post(&format!("/api/users/{}/merge", ids[0]), &json!({ "from": ids[from] })).await;
            assert!(matches!(answer.status, 200 | 422), "{}", answer.text());
        }
        assert_eq!(app.count("users").await, 1);
        assert_eq!(read(&app, "/api/seat_assignments?state=active").await["data"].as_array().map(Vec::len), Some(1));
        assert_integrity(&app).await;
    }

    async fn a_merge_needs_the_right_and_grants_no_more_than_is_held(app: ApiApp) {
        for name in ["ada", "admin"] {
            member_of_nothing(&app, name).await;
        }
        let role = Statement::new("INSERT INTO user_roles (account_id, user_id, role, created_at) VALUES ($1, $2, 'admin', 0)", params![id_of(&app, "admin").await]);
        app.node.app.db.write(&app.first, vec![role]).await.expect("a role");
        let key = app.key_with(&app.first, &["users:merge", "users:read", "users:write"], KeyOptions::default()).await;
        let call = |key: &str, from: &str| Call::new("POST", "/api/users/ext:ada/merge").key(key).json(&json!({ "from": format!("ext:{from}") }));
        let refused = app.send(call(&key.secret, "admin")).await;
        assert_eq!((refused.status, refused.json()["code"].clone()), (403, json!("grant_exceeds_rights")), "{}", refused.text());
        let limited = KeyOptions { team_ids: vec![team(&app, "t").await], ..KeyOptions::default() };
        let limited = app.full_key(&app.first, limited).await;
        for path in ["merge", "erase", "restore"] {
            let body = if path == "merge" { json!({ "from": "ext:admin" }) } else { json!({}) };
            let answer = app.send(Call::new("POST", format!("/api/users/ext:ada/{path}")).key(&limited.secret).json(&body)).await;
            assert!(matches!(answer.status, 403 | 404), "{path}: {}", answer.text());
        }
        let stranger = app.send(call(&app.other_key.secret, "admin")).await;
        assert!(matches!(stranger.status, 404 | 422), "{}", stranger.text());
    }

    async fn the_export_has_everything_of_a_person(app: ApiApp) {
        world(&app, &json!({ "quantity": 5 })).await;
        let export = read(&app, "/api/users/ext:ada/export").await;
        for list in ["memberships", "seat_assignments", "enrollments", "provisions", "events"] {
            assert!(export[list].as_array().is_some_and(|rows| !rows.is_empty()), "{list}: {export}");
        }
        assert_eq!(export["user"]["email"], json!(email("ada")));
        let key = app.key_with(&app.first, &["users:read"], KeyOptions::default()).await;
        let refused = app.send(Call::new("GET", "/api/users/ext:ada/export").key(&key.secret)).await;
        assert_eq!(refused.status, 403, "{}", refused.text());
    }

    async fn the_account_in_the_lms_is_left_alone_unless_the_call_says_so(app: ApiApp) {
        for name in ["ada", "grace"] {
            member_of_nothing(&app, name).await;
        }
        let known = Statement::new("UPDATE users SET lms_user_id = 'lms-' || external_id WHERE account_id = $1", params![]);
        app.node.app.db.write(&app.first, vec![known]).await.expect("accounts");
        assert_eq!(app.delete("/api/users/ext:ada").await.status, 204);
        assert_eq!(app.count("lms_wishes").await, 0);
        assert_eq!(app.delete("/api/users/ext:grace?lms=explode").await.status, 400);
        assert_eq!(app.delete("/api/users/ext:grace?lms=suspend").await.status, 204);
        assert_eq!(app.count("(SELECT account_id FROM lms_wishes WHERE account_id = $1 AND action = 'suspend' AND lms_user_id = 'lms-grace') w").await, 1);
    }

    async fn every_column_that_names_a_person_has_a_rule(app: ApiApp) {
        let mut missing = Vec::new();
        for (name, table) in schema::tables(&app.database).await {
            for column in &table.columns {
                let names_a_person = column == "user_id" || (column.ends_with("_by") && column != "managed_by" && column != "paid_by") || (column.ends_with("_user_id") && column != "lms_user_id");
                let is_known = REFERENCES.iter().any(|(table, known, _)| *table == name && known == column);
                if names_a_person && !is_known {
                    missing.push(format!("{name}.{column}"));
                }
            }
        }
        assert!(missing.is_empty(), "say in lifecycle/references.rs what becomes of these when two people become one: {missing:?}");
    }

    async fn every_text_that_may_name_a_person_is_searched(app: ApiApp) {
        // Removed with the person, emptied, or about none.
        const ELSEWHERE: &[(&str, &str)] = &[
            ("accounts", "the customer's own name"),
            ("rate_windows", "ids of keys and accounts"),
            ("schema_migrations", "names of files"),
            ("custom_roles", "what may be done"),
            ("catalog_items", "what is on offer"),
            ("link_refusals", "counts of refusals by kind"),
            ("courses", "what is taught"),
            ("products", "what is sold"),
            ("seat_templates", "terms"),
            ("mail_templates", "texts for everybody"),
            ("user_aliases", "removed with the person"),
            ("former_addresses", "removed with the person"),
            ("invitations", "removed with the person"),
            ("link_requests", "removed with the person"),
            ("link_refusals", "codes of reasons"),
            ("idempotency_records", "removed where it names the person"),
            ("sessions", "removed with the person"),
            ("installation_settings", "the operator's"),
        ];
        const TELLING: &[&str] = &[
            "name", "name_key", "email", "email_key", "to_address", "data", "previous", "changes", "answer", "payload", "context", "subject", "text_body",
            "html_body", "body", "last_reply", "last_error", "actor_name", "description", "metadata", "message", "reason", "note", "comment", "error",
            "problem", "undo_report", "subject_name", "inviter_name", "input", "result", "buyer", "timeline",
        ];
        // The person's own row is emptied as a whole.
        let own = |table: &str, column: &str| table == "users" && column != "metadata";
        let known: Vec<_> = searched().collect();
        let mut missing = Vec::new();
        for (name, table) in schema::tables(&app.database).await {
            if ELSEWHERE.iter().any(|(other, _)| *other == name) {
                continue;
            }
            for column in &table.columns {
                let is_known = own(&name, column) || known.iter().any(|(t, c)| *t == name && c == column);
                if TELLING.contains(&column.as_str()) && !is_known {
                    missing.push(format!("{name}.{column}"));
                }
            }
        }
        assert!(missing.is_empty(), "an erasure must search these (lifecycle/traces.rs), or ELSEWHERE says why not: {missing:?}");
    }
}

async fn member_of_nothing(app: &ApiApp, name: &str) {
    let body =
        json!({ "email": email(name), "name": format!("{name} person"), "external_id": name });
    let made = app.post("/api/users", &body).await;
    assert_eq!(made.status, 201, "{}", made.text());
}

/// Lets days pass and the worker clean up.
async fn clean_up(app: &ApiApp, days: i64) {
    app.node.app.clock.advance(days * 86_400);
    let (node, now) = (&app.node.app, app.node.app.clock.now());
    let row = Job::CleanUp.enqueue(&node.ids, None, now, now);
    node.db.write(&app.first, vec![row]).await.expect("a job");
    worker::drain(node).await.expect("jobs that run");
}
