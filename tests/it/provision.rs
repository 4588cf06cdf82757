//! The one call: what it makes, what it finds, what it refuses, and that a repeat makes nothing a second time.

use b2b_dashboard::db::Statement;
use b2b_dashboard::{params, worker};
use serde_json::{Value as JsonValue, json};

use crate::support::database::both;
use crate::support::http::{ApiApp, Call, KeyOptions};
use crate::support::world::{
    assert_integrity, counters, email, member, product, provision, read, seat, team, wish, with,
};

fn person(name: &str, team: &JsonValue) -> JsonValue {
    json!({ "user": { "email": email(name), "first_name": name }, "team": team })
}

async fn refused(app: &ApiApp, body: &JsonValue, status: u16, code: &str) -> JsonValue {
    let problem = provision(app, body, status).await;
    assert_eq!(problem["code"], code, "{problem}");
    problem
}

fn pointers(problem: &JsonValue) -> Vec<&str> {
    let faults = problem["errors"].as_array().expect("faults");
    faults
        .iter()
        .filter_map(|fault| fault["pointer"].as_str())
        .collect()
}

/// How many rows there are of everything that a provision may write.
async fn rows(app: &ApiApp) -> Vec<i64> {
    let mut counts = Vec::new();
    for table in [
        "users",
        "teams",
        "team_members",
        "seats",
        "seat_assignments",
        "seat_ledger",
        "enrollments",
        "provisions",
        "mails",
        "jobs",
        "events",
        "audit_facts",
        "sign_in_links",
    ] {
        counts.push(app.count(table).await);
    }
    counts
}

both! {
    async fn a_named_team_is_found_and_never_made(app: ApiApp) {
        let id = team(&app, "engines").await;
        for named in [json!(id), json!("ext:engines")] {
            let answer = provision(&app, &person("ada", &json!({ "strategy": "specific", "id": named })), if named == json!(id) { 201 } else { 200 }).await;
            assert_eq!((&answer["team"]["id"], &answer["team"]["decision"]["rule"]), (&json!(id), &json!("specific.id")));
        }
        let answer = provision(&app, &person("grace", &json!({ "strategy": "specific", "name": "engines" })), 201).await;
        assert_eq!((&answer["team"]["outcome"], &answer["team"]["member_count"]), (&json!("existing"), &json!(2)));
        assert_eq!(answer["team"]["membership"], json!({ "role": "member", "outcome": "created" }));
        let before = rows(&app).await;
        for none in [json!({ "id": "ext:none" }), json!({ "name": "None" }), json!({ "id": "team_01hzzzzzzzzzzzzzzzzzzzzzzz" })] {
            refused(&app, &person("mary", &with(json!({ "strategy": "specific" }), &none)), 404, "team_not_found").await;
        }
        refused(&app, &person("mary", &json!({ "id": "ext:none" })), 404, "team_not_found").await;
        let problem = refused(&app, &person("mary", &json!({ "strategy": "specific" })), 422, "validation_failed").await;
        assert_eq!(pointers(&problem), ["/team/id"]);
        assert_eq!(rows(&app).await, before);
    }

    async fn the_first_team_or_the_default_one(app: ApiApp) {
        let first = json!({ "strategy": "first" });
        let problem = refused(&app, &person("ada", &first), 422, "no_team").await;
        assert!(problem["detail"].as_str().is_some_and(|text| text.contains("default team")), "{problem}");
        let id = team(&app, "newcomers").await;
        let set = Statement::new("UPDATE accounts SET default_team_id = $2 WHERE account_id = $1", params![id.clone()]);
        app.node.app.db.write(&app.first, vec![set]).await.expect("a default team");
        let answer = provision(&app, &person("ada", &first), 201).await;
        assert_eq!((&answer["team"]["id"], &answer["team"]["decision"]["rule"]), (&json!(id), &json!("first.default")));
        app.node.app.clock.advance(1);
        team(&app, "later").await;
        member(&app, "ada", "later").await;
        let answer = provision(&app, &person("ada", &first), 200).await;
        assert_eq!(answer["team"]["decision"]["rule"], "first.joined_first");
        assert_eq!(answer["team"]["id"], json!(id));
        let own = team(&app, "own").await;
        let organization = app.post("/api/organizations", &json!({ "name": "Navy", "external_id": "navy" })).await;
        assert_eq!(organization.status, 201, "{}", organization.text());
        let set = app.patch("/api/organizations/ext:navy", &json!({ "default_team": own })).await;
        assert_eq!(set.status, 200, "{}", set.text());
        let answer = provision(&app, &person("grace", &json!({ "strategy": "first", "organization": "ext:navy" })), 201).await;
        assert_eq!(answer["team"]["id"], json!(own), "the organization's goes before the account's");
    }

    async fn a_new_team_is_made_once_and_refused_to_strangers(app: ApiApp) {
        let create = json!({ "strategy": "create", "name": "Engines" });
        let made = provision(&app, &person("ada", &create), 201).await;
        assert_eq!((&made["team"]["outcome"], &made["team"]["membership"]["role"]), (&json!("created"), &json!("owner")));
        assert_eq!((&made["team"]["member_count"], &made["team"]["ownerless"]), (&json!(1), &json!(false)));
        let again = provision(&app, &person("ada", &create), 200).await;
        assert_eq!((&again["team"]["id"], &again["team"]["decision"]["rule"]), (&made["team"]["id"], &json!("create.repeat")));
        let problem = refused(&app, &person("grace", &with(create.clone(), &json!({ "name": " ENGINES" }))), 409, "team_name_taken").await;
        assert_eq!(problem["team_id"], made["team"]["id"]);
        let joined = provision(&app, &person("grace", &with(create, &json!({ "on_existing": "use" }))), 201).await;
        assert_eq!((&joined["team"]["id"], &joined["team"]["membership"]["role"]), (&made["team"]["id"], &json!("member")));
        let manager = provision(&app, &person("mary", &json!({ "strategy": "create", "name": "Other", "role": "manager" })), 201).await;
        assert_eq!((&manager["team"]["membership"]["role"], &manager["team"]["ownerless"]), (&json!("manager"), &json!(true)));
        let company = json!({ "user": { "email": email("joan"), "company": "Bletchley" }, "team": { "strategy": "create" } });
        assert_eq!(provision(&app, &company, 201).await["team"]["name"], "Bletchley");
        let last = person("ada", &json!({ "strategy": "specific", "name": "Engines", "role": "member" }));
        refused(&app, &last, 409, "last_owner").await;
    }

    async fn without_a_word_the_first_rule_that_fits_decides(app: ApiApp) {
        let own = |n: i64| json!({ "email": email(&format!("ada{n}")), "name": "Ada Byron" });
        for (n, name) in [(1, "Ada Byron's team"), (2, "Ada Byron's team (2)"), (3, "Ada Byron's team (3)"), (4, "Ada Byron's team (4)")] {
            let made = provision(&app, &own(n), 201).await;
            assert_eq!((&made["team"]["name"], &made["team"]["decision"]["rule"]), (&json!(name), &json!("auto.create")));
            let again = provision(&app, &own(n), 200).await;
            assert_eq!((&again["team"]["id"], &again["team"]["decision"]["rule"]), (&made["team"]["id"], &json!("auto.owned")));
            assert_eq!(again["id"], made["id"], "the answer of a repeat is that of the first");
        }
        let domain = team(&app, "domain").await;
        let claim = Statement::new(
            "INSERT INTO domain_claims (account_id, id, domain, team_id, proof, state, txt_record, version, created_at, updated_at) VALUES ($1, 'claim', 'bletchley.example', $2, 'dns', 'verified', '', 1, $3, $3)",
            params![domain.clone(), app.node.app.clock.now()],
        );
        app.node.app.db.write(&app.first, vec![claim]).await.expect("a claim");
        let joan = provision(&app, &json!({ "email": "joan@Bletchley.example" }), 201).await;
        assert_eq!((&joan["team"]["id"], &joan["team"]["decision"]["rule"]), (&json!(domain), &json!("auto.domain")));
        assert_eq!(joan["team"]["decision"]["passed_over"].as_array().map(Vec::len), Some(4));
        let named = provision(&app, &json!({ "email": "joan@bletchley.example", "team": "Hut 8" }), 201).await;
        assert_eq!((&named["team"]["outcome"], &named["team"]["decision"]["rule"]), (&json!("created"), &json!("auto.given_name")));
    }

    async fn identifiers_of_two_people_are_a_conflict(app: ApiApp) {
        let ada = json!({ "user": { "email": email("ada"), "external_id": "crm-1" } });
        let first = provision(&app, &ada, 201).await["user"]["id"].clone();
        let second = provision(&app, &json!({ "user": { "email": email("grace") } }), 201).await["user"]["id"].clone();
        let problem = refused(&app, &json!({ "user": { "email": email("grace"), "external_id": "crm-1" } }), 409, "identity_conflict").await;
        assert_eq!(problem["user_ids"], json!([first, second]));
        refused(&app, &json!({ "user": { "id": first, "email": email("grace") } }), 409, "identity_conflict").await;
        let none = "user_01hzzzzzzzzzzzzzzzzzzzzzzz";
        refused(&app, &json!({ "user": { "id": none } }), 404, "not_found").await;
        refused(&app, &json!({ "user": { "id": none, "email": email("grace") } }), 404, "not_found").await;
        let problem = refused(&app, &json!({ "user": { "external_id": "crm-9" } }), 422, "validation_failed").await;
        assert_eq!(pointers(&problem), ["/user/email"]);
        let moved = provision(&app, &json!({ "user": { "external_id": "crm-1", "email": email("countess"), "company": "Engines" } }), 200).await;
        assert_eq!((&moved["user"]["id"], &moved["user"]["outcome"], &moved["user"]["email"]), (&first, &json!("updated"), &json!(email("countess"))));
        let kept = provision(&app, &json!({ "user": { "id": first } }), 200).await;
        assert_eq!((&kept["user"]["company"], &kept["user"]["outcome"]), (&json!("Engines"), &json!("existing")));
    }

    async fn the_shorthand_does_what_the_full_form_does(app: ApiApp) {
        for name in ["p", "q"] {
            product(&app, name, &[]).await;
        }
        team(&app, "t").await;
        for name in ["p", "q"] {
            seat(&app, name, &["t"], &json!({ "quantity": 2 })).await;
        }
        let short = provision(&app, &json!({ "email": email("ada"), "name": "Ada Byron", "team": "t", "seats": "ext:p, ext:q" }), 201).await;
        let full = json!({ "user": { "email": email("ada"), "name": "Ada Byron" }, "team": { "name": "t" }, "seats": [{ "product": "ext:p" }, { "product": "ext:q" }] });
        let again = provision(&app, &full, 200).await;
        assert_eq!(again["id"], short["id"]);
        let outcomes: Vec<_> = again["seats"].as_array().expect("lines").iter().map(|line| line["outcome"].clone()).collect();
        assert_eq!(outcomes, ["already_assigned", "already_assigned"]);
        let list = json!({ "email": email("grace"), "team": "t", "seats": ["ext:p", { "product": "ext:q" }] });
        assert_eq!(provision(&app, &list, 201).await["seats"][1]["available"], 0);
    }

    async fn places_are_added_and_given(app: ApiApp) {
        product(&app, "p", &["c"]).await;
        team(&app, "t").await;
        let bought = provision(&app, &wish("ada", "t", "p", &json!({ "quantity": 3 })), 201).await;
        let line = &bought["seats"][0];
        assert_eq!((&line["outcome"], &line["assignment"], &line["quantity"], &line["assigned"]), (&json!("added"), &JsonValue::Null, &json!(3), &json!(0)));
        let topped = provision(&app, &wish("ada", "t", "p", &json!({ "quantity": 2, "assign": true })), 201).await;
        let line = &topped["seats"][0];
        assert_eq!((&line["outcome"], &line["quantity"], &line["available"]), (&json!("assigned"), &json!(5), &json!(4)));
        assert_eq!(line["seat_id"], bought["seats"][0]["seat_id"], "a team has one live seat of a product");
        let lines = json!([{ "product": "ext:p", "if_full": "fail" }, { "product": "ext:p", "quantity": 1 }]);
        let both = provision(&app, &with(wish("grace", "t", "p", &json!({})), &json!({ "seats": lines })), 201).await;
        assert_eq!((&both["seats"][0]["outcome"], &both["seats"][1]["outcome"]), (&json!("assigned"), &json!("added")));
        assert_eq!(both["seats"][0]["available"], 4);
        let twice = json!([{ "product": "ext:p" }, { "product": "ext:p", "expires_in_days": 5 }]);
        let once = provision(&app, &with(wish("mary", "t", "p", &json!({})), &json!({ "seats": twice })), 201).await;
        assert_eq!((&once["seats"][0]["outcome"], &once["seats"][1]["outcome"]), (&json!("assigned"), &json!("already_assigned")));
        assert_integrity(&app).await;
    }

    async fn places_for_somebody_who_waits_are_added_before_they_are_given(app: ApiApp) {
        product(&app, "p", &["c"]).await;
        team(&app, "t").await;
        let lines = json!([{ "product": "ext:p", "if_full": "waitlist" }, { "product": "ext:p", "quantity": 1 }]);
        let made = provision(&app, &with(wish("ada", "t", "p", &json!({})), &json!({ "seats": lines })), 201).await;
        assert_eq!(made["seats"][0]["outcome"], "assigned", "{made}");
        let waits = provision(&app, &wish("grace", "t", "p", &json!({ "if_full": "waitlist" })), 201).await;
        assert_eq!((&waits["seats"][0]["outcome"], &waits["outcome"]), (&json!("waitlisted"), &json!("waitlisted")));
        let grown = provision(&app, &wish("grace", "t", "p", &json!({ "if_full": "grow" })), 201).await;
        assert_eq!((&grown["seats"][0]["outcome"], &grown["seats"][0]["quantity"]), (&json!("assigned"), &json!(2)));
        assert_integrity(&app).await;
    }

    async fn a_full_seat_refuses_lets_wait_or_grows(app: ApiApp) {
        product(&app, "p", &[]).await;
        team(&app, "t").await;
        let none = refused(&app, &wish("ada", "t", "p", &json!({})), 409, "seats_exhausted").await;
        assert_eq!((&none["requested"], &none["available"]), (&json!(1), &json!(0)));
        let id = seat(&app, "p", &["t"], &json!({ "quantity": 1 })).await;
        provision(&app, &wish("ada", "t", "p", &json!({})), 201).await;
        let before = rows(&app).await;
        let problem = refused(&app, &wish("grace", "t", "p", &json!({ "if_full": "fail" })), 409, "seats_exhausted").await;
        assert_eq!((&problem["seat_id"], &problem["requested"], &problem["available"]), (&json!(id), &json!(1), &json!(0)));
        let mut after = rows(&app).await;
        assert_eq!(app.count("seat_denials").await, 1, "the denial is kept");
        // Its event and its audit fact are what a refusal leaves.
        after[10] -= 1;
        after[11] -= 1;
        assert_eq!(after, before);
        provision(&app, &wish("grace", "t", "p", &json!({ "if_full": "waitlist" })), 201).await;
        provision(&app, &wish("grace", "t", "p", &json!({ "if_full": "waitlist" })), 200).await;
        let grown = provision(&app, &wish("mary", "t", "p", &json!({ "if_full": "grow" })), 201).await;
        assert_eq!((&grown["seats"][0]["quantity"], &grown["seats"][0]["available"]), (&json!(2), &json!(0)));
        assert_eq!(counters(&app, &id).await, [Some(2), Some(0), Some(1), Some(0)]);
        let narrow = app.key_with(&app.first, &["provision:write"], KeyOptions::default()).await;
        let call = Call::new("POST", "/api/provision").key(&narrow.secret).json(&wish("joan", "t", "p", &json!({ "if_full": "grow" })));
        assert_eq!(app.send(call).await.status, 403, "growing needs the right to make seats");
        assert_integrity(&app).await;
    }

    async fn a_purchase_is_added_once_however_often_it_is_told(app: ApiApp) {
        for name in ["p", "q"] {
            product(&app, name, &[]).await;
        }
        team(&app, "t").await;
        let order = with(wish("ada", "t", "p", &json!({ "quantity": 10, "assign": true })), &json!({ "external_reference": "order-1" }));
        let first = provision(&app, &order, 201).await;
        app.node.app.clock.advance(5);
        let before = rows(&app).await;
        let again = provision(&app, &order, 200).await;
        assert_eq!((&again["id"], &again["seats"][0]["quantity"], &again["seats"][0]["outcome"]), (&first["id"], &json!(10), &json!("already_assigned")));
        let told = with(wish("ada", "t", "p", &json!({ "quantity": 10 })), &json!({ "external_reference": "order-1" }));
        assert_eq!(provision(&app, &told, 200).await["seats"][0]["outcome"], "already_added");
        assert_eq!(rows(&app).await, before);
        let other = with(order, &json!({ "external_reference": "order-2" }));
        assert_eq!(provision(&app, &other, 201).await["seats"][0]["quantity"], 20);
        assert_integrity(&app).await;
    }

    async fn an_end_lies_within_the_terms_and_moves_back_only(app: ApiApp) {
        product(&app, "p", &["c"]).await;
        team(&app, "t").await;
        seat(&app, "p", &["t"], &json!({ "quantity": 5, "expires_in_days": 30 })).await;
        let beyond = json!({ "seats": [{ "product": "ext:p", "quantity": 1 }, { "product": "ext:p", "expires_in_days": 31 }] });
        let problem = refused(&app, &with(wish("ada", "t", "p", &json!({})), &beyond), 422, "validation_failed").await;
        assert_eq!(pointers(&problem), ["/seats/1/expires_at"]);
        let past = refused(&app, &wish("ada", "t", "p", &json!({ "expires_at": "2020-01-01T00:00:00Z" })), 422, "validation_failed").await;
        assert_eq!(pointers(&past), ["/seats/0/expires_at"]);
        let short = provision(&app, &wish("ada", "t", "p", &json!({ "expires_in_days": 5 })), 201).await;
        let end = |answer: &JsonValue| answer["seats"][0]["assignment"]["expires_at"].as_str().expect("an end").to_owned();
        let shorter = provision(&app, &wish("ada", "t", "p", &json!({ "expires_in_days": 2 })), 200).await;
        assert_eq!(end(&shorter), end(&short), "it never shortens");
        let longer = provision(&app, &wish("ada", "t", "p", &json!({ "expires_in_days": 20 })), 200).await;
        assert!(end(&longer) > end(&short));
        assert_eq!(longer["seats"][0]["assignment"]["id"], short["seats"][0]["assignment"]["id"], "renewal keeps the assignment");
        assert_integrity(&app).await;
    }

    async fn a_repeat_and_a_dry_run_write_nothing(app: ApiApp) {
        product(&app, "p", &["c"]).await;
        let body = json!({
            "user": { "email": email("ada"), "first_name": "Ada", "external_id": "crm-1", "tags": ["vip"], "metadata": { "k": "v" }, "locale": "de" },
            "team": { "strategy": "create", "name": "Engines", "role": "owner" },
            "seats": [{ "product": "ext:p", "if_full": "grow" }],
        });
        let before = rows(&app).await;
        let dry = app.post("/api/provision?dry_run=true", &body).await;
        assert_eq!((dry.status, dry.json()["dry_run"].clone()), (200, json!(true)), "{}", dry.text());
        let kinds: Vec<String> = dry.json()["changes"].as_array().expect("changes").iter().map(|change| change["type"].as_str().unwrap_or("").to_owned()).collect();
        for kind in ["user.created", "team.created", "team_member.added", "seat.created", "seat.added", "seat.assigned", "mail.queued", "provision.created"] {
            assert!(kinds.iter().any(|one| one == kind), "{kind} in {kinds:?}");
        }
        assert_eq!(rows(&app).await, before);
        let made = provision(&app, &body, 201).await;
        let before = rows(&app).await;
        for later in [0, 1, 100_000] {
            app.node.app.clock.advance(later);
            let again = provision(&app, &body, 200).await;
            assert_eq!(again["id"], made["id"]);
            assert_eq!(again["welcome_email"]["state"], "not_needed");
            assert_eq!(rows(&app).await, before, "after {later} seconds");
        }
        let dry = app.post("/api/provision?dry_run=true", &body).await;
        assert_eq!(dry.json()["changes"], json!([]));
    }

    async fn the_steps_that_follow_can_be_waited_for_and_read(app: ApiApp) {
        team(&app, "t").await;
        let body = json!({ "email": email("ada"), "team": "t" });
        let made = provision(&app, &body, 201).await;
        assert_eq!((&made["outcome"], &made["welcome_email"]["state"]), (&json!("in_progress"), &json!("queued")));
        let path = format!("/api/provisions/{}", made["id"].as_str().expect("an id"));
        let status = read(&app, &path).await;
        assert_eq!((&status["outcome"], &status["steps"][0]["state"], &status["steps"][0]["attempts"]), (&json!("in_progress"), &json!("queued"), &json!(0)));
        worker::drain(&app.node.app).await.expect("jobs");
        let status = read(&app, &path).await;
        assert_eq!((&status["outcome"], &status["steps"][0]["step"], &status["steps"][0]["state"]), (&json!("complete"), &json!("welcome_email"), &json!("caught")));
        let node = app.node.clone();
        let mut jobs = tokio::task::JoinSet::new();
        jobs.spawn(async move {
            loop {
                worker::drain(&node.app).await.expect("jobs");
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        });
        let call = Call::new("POST", "/api/provision").key(&app.key.secret).header("prefer", "wait=10");
        let waited = app.send(call.json(&json!({ "email": email("grace"), "team": "t" }))).await;
        assert_eq!((waited.status, waited.json()["outcome"].clone(), waited.json()["steps"][0]["state"].clone()), (201, json!("complete"), json!("caught")));
        assert_eq!(waited.header("preference-applied"), "wait=10");
        let off = provision(&app, &json!({ "email": email("mary"), "team": "t", "welcome_email": false }), 201).await;
        assert_eq!((&off["welcome_email"]["state"], &off["outcome"]), (&json!("off"), &json!("complete")));
        assert_eq!(app.get("/api/provisions/provision_01hzzzzzzzzzzzzzzzzzzzzzzz").await.status, 404);
    }

    async fn templates_and_named_seats(app: ApiApp) {
        product(&app, "p", &[]).await;
        for name in ["t", "u"] {
            team(&app, name).await;
        }
        let template = json!({ "name": "A week", "external_id": "week", "product": "ext:p", "expires_in_days": 7, "reusable": false });
        assert_eq!(app.post("/api/seat_templates", &template).await.status, 201);
        let line = |line: JsonValue| json!({ "email": email("ada"), "team": { "id": "ext:t" }, "seats": [line], "welcome_email": false });
        let made = provision(&app, &line(json!({ "template": "ext:week", "quantity": 2, "assign": true })), 201).await;
        let id = made["seats"][0]["seat_id"].as_str().expect("an id").to_owned();
        let record = read(&app, &format!("/api/seats/{id}")).await;
        assert_eq!((&record["expires_in_days"], &record["reusable"], &record["quantity"]), (&json!(7), &json!(false), &json!(2)));
        let named = json!({ "email": email("grace"), "team": { "id": "ext:t" }, "seats": [{ "seat": id }] });
        assert_eq!(provision(&app, &named, 201).await["seats"][0]["outcome"], "assigned");
        let elsewhere = json!({ "email": email("mary"), "team": { "id": "ext:u" }, "seats": [{ "seat": id }] });
        assert_eq!(pointers(&refused(&app, &elsewhere, 422, "validation_failed").await), ["/seats/0/seat"]);
        assert_integrity(&app).await;
    }

    async fn several_faults_are_told_at_once(app: ApiApp) {
        let body = json!({
            "user": { "email": "nonsense", "timezone": "Mars/Olympus" }, "team": { "strategy": "guess" },
            "seats": [{ "product": "ext:p", "quantity": 0 }, { "product": "ext:p", "if_full": "cry" }], "sets": 1,
        });
        let problem = refused(&app, &body, 422, "validation_failed").await;
        let found = pointers(&problem);
        for wanted in ["/user/email", "/user/timezone", "/team/strategy", "/seats/0/quantity", "/seats/1/if_full", "/sets"] {
            assert!(found.contains(&wanted), "{wanted} in {found:?}");
        }
        let unknown = json!({ "email": email("ada"), "team": { "organization": "ext:none" }, "seats": ["ext:none", { "template": "ext:none" }, { "seat": "ext:none" }] });
        let problem = refused(&app, &unknown, 422, "validation_failed").await;
        assert_eq!(pointers(&problem), ["/team/organization", "/seats/0", "/seats/1/template", "/seats/2/seat"]);
        assert_eq!(rows(&app).await.iter().sum::<i64>(), 0);
    }

    async fn nobody_who_is_deactivated_is_provisioned(app: ApiApp) {
        team(&app, "t").await;
        member(&app, "ada", "t").await;
        let path = format!("/api/users/email:{}", email("ada"));
        assert_eq!(app.patch(&path, &json!({ "status": "deactivated" })).await.status, 200);
        let problem = refused(&app, &json!({ "email": email("ada"), "team": "t" }), 409, "state_conflict").await;
        assert!(problem["user_id"].is_string(), "{problem}");
    }
}
