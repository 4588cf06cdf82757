//! Where places are and who waits for them: moves between teams, shared seats, the waiting line, denials.

use serde_json::{Value as JsonValue, json};

use crate::support::database::both;
use crate::support::http::{ApiApp, Call, KeyOptions};
use crate::support::world::{
    access, act, assert_integrity, member, product, read, seat, states, team,
};

/// Teams `t` and `u`, and a seat of `t`.
async fn two_teams(app: &ApiApp, further: &JsonValue) -> String {
    product(app, "p", &["c"]).await;
    team(app, "t").await;
    team(app, "u").await;
    seat(app, "p", &["t"], further).await
}

async fn numbers(app: &ApiApp, seat: &str) -> [i64; 5] {
    let seat = read(app, &format!("/api/seats/{seat}")).await;
    ["quantity", "assigned", "spent", "waitlisted", "available"]
        .map(|name| seat[name].as_i64().expect(name))
}

async fn assign(app: &ApiApp, seat: &str, names: &[&str], if_full: &str) -> Vec<String> {
    let users: Vec<String> = names.iter().map(|name| format!("ext:{name}")).collect();
    let body = json!({ "users": users, "if_full": if_full });
    let answer = act(app, seat, "assign", &body, 200).await;
    let results = answer["results"].as_array().expect("results").clone();
    results
        .iter()
        .map(|one| one["assignment"]["id"].as_str().expect("an id").to_owned())
        .collect()
}

async fn line(app: &ApiApp, seat: &str) -> Vec<(String, i64)> {
    let page = read(app, &format!("/api/seats/{seat}/waitlist?expand=user")).await;
    let rows = page["data"].as_array().expect("a list");
    rows.iter()
        .map(|row| {
            let name = row["user"]["external_id"].as_str().expect("a key");
            (name.to_owned(), row["position"].as_i64().expect("a number"))
        })
        .collect()
}

async fn names_in_line(app: &ApiApp, seat: &str) -> Vec<String> {
    let line = line(app, seat).await;
    for (n, (_, position)) in (1..).zip(&line) {
        assert_eq!(*position, n, "{line:?}");
    }
    line.into_iter().map(|(name, _)| name).collect()
}

fn id(record: &JsonValue) -> String {
    record["id"].as_str().expect("an id").to_owned()
}

async fn limited(app: &ApiApp, teams: &[&str]) -> String {
    let options = KeyOptions {
        team_ids: teams.iter().map(|team| (*team).to_owned()).collect(),
        ..KeyOptions::default()
    };
    app.full_key(&app.first, options).await.secret
}

both! {
    async fn free_places_move_and_both_ledgers_name_each_other(app: ApiApp) {
        let from = two_teams(&app, &json!({ "quantity": 10, "expiry": "days", "expires_in_days": 30, "reusable": false })).await;
        let dry = Call::new("POST", format!("/api/seats/{from}/move?dry_run=true")).key(&app.key.secret);
        let dry = app.send(dry.json(&json!({ "to_team": "ext:u", "quantity": 4 }))).await;
        let types: Vec<JsonValue> = dry.json()["changes"].as_array().expect("changes").iter().map(|change| change["type"].clone()).collect();
        assert_eq!((dry.status, types), (200, vec![json!("seat.moved"), json!("seat.created"), json!("seat.added")]), "{}", dry.text());
        assert_eq!(app.count("seats").await, 1, "a dry run makes nothing");
        let moved = act(&app, &from, "move", &json!({ "to_team": "ext:u", "quantity": 4 }), 200).await;
        let to = id(&moved["to"]);
        assert_eq!((moved["moved"].clone(), moved["to"]["expires_in_days"].clone(), moved["to"]["reusable"].clone()), (json!(4), json!(30), json!(false)), "the same terms");
        assert_eq!((numbers(&app, &from).await, numbers(&app, &to).await), ([6, 0, 0, 0, 6], [4, 0, 0, 0, 4]));
        let out = read(&app, &format!("/api/seats/{from}/ledger?cause=moved_out")).await["data"][0].clone();
        let come = read(&app, &format!("/api/seats/{to}/ledger?cause=moved_in")).await["data"][0].clone();
        assert_eq!((out["counterpart_id"].clone(), out["counterpart_seat_id"].clone()), (come["id"].clone(), json!(to)));
        assert_eq!((come["counterpart_id"].clone(), come["counterpart_seat_id"].clone()), (out["id"].clone(), json!(from)));
        let again = act(&app, &from, "move", &json!({ "to_team": "ext:u", "quantity": 1 }), 200).await;
        assert_eq!(again["to"]["id"], json!(to), "the seat that stands is topped up");
        assert_integrity(&app).await;
    }

    async fn a_move_never_goes_below_what_is_in_use_and_says_why_not(app: ApiApp) {
        let from = two_teams(&app, &json!({ "quantity": 3 })).await;
        for name in ["ada", "bob"] {
            member(&app, name, "t").await;
        }
        assign(&app, &from, &["ada", "bob"], "fail").await;
        let refused = act(&app, &from, "move", &json!({ "to_team": "ext:u", "quantity": 2 }), 409).await;
        let told = ["code", "available", "in_use", "requested"].map(|name| refused[name].clone());
        assert_eq!(told, [json!("quantity_below_usage"), json!(1), json!(2), json!(2)]);
        let itself = act(&app, &from, "move", &json!({ "to_team": "ext:t", "quantity": 1 }), 409).await;
        assert_eq!(itself["code"], "state_conflict");
        for (body, pointer) in [
            (json!({ "to_team": "ext:u" }), "/quantity"),
            (json!({ "to_team": "ext:u", "quantity": 0 }), "/quantity"),
            (json!({ "to_team": "ext:nobody", "quantity": 1 }), "/to_team"),
            (json!({ "to_team": "ext:u", "users": ["ext:ada"] }), "/users/0"),
            (json!({ "to_team": "ext:u", "users": ["ext:ada"], "with_holders": true }), "/with_holders"),
        ] {
            let wrong = act(&app, &from, "move", &body, 422).await;
            assert_eq!(wrong["errors"][0]["pointer"], pointer, "{wrong}");
        }
        product(&app, "q", &["d"]).await;
        let unlimited = seat(&app, "q", &["t"], &json!({ "unlimited": true })).await;
        let refused = act(&app, &unlimited, "move", &json!({ "to_team": "ext:u", "quantity": 1 }), 409).await;
        assert!(refused["detail"].as_str().expect("words").contains("unlimited"), "{refused}");
        assert_eq!(numbers(&app, &from).await, [3, 2, 0, 0, 1]);
        assert_integrity(&app).await;
    }

    async fn people_of_both_teams_go_along_with_their_ends(app: ApiApp) {
        let from = two_teams(&app, &json!({ "quantity": 4, "reusable": false })).await;
        for name in ["ada", "bob", "eve"] {
            member(&app, name, "t").await;
        }
        for name in ["ada", "bob", "zoe"] {
            member(&app, name, "u").await;
        }
        let body = json!({ "users": ["ext:ada"], "expires_in_days": 9 });
        act(&app, &from, "assign", &body, 200).await;
        assign(&app, &from, &["bob", "eve"], "fail").await;
        let ends = access(&app, "ada", "c").await;
        // Bob waits at the other seat, and so does Zoe.
        let to = seat(&app, "p", &["u"], &json!({ "quantity": 0 })).await;
        assign(&app, &to, &["zoe", "bob"], "waitlist").await;
        let moved = act(&app, &from, "move", &json!({ "to_team": "ext:u", "quantity": 3, "with_holders": true }), 200).await;
        assert_eq!(moved["results"].as_array().map(Vec::len), Some(4), "two people, two lines each");
        assert_eq!(numbers(&app, &from).await, [1, 1, 0, 0, 0], "nothing is spent by a move");
        assert_eq!(numbers(&app, &to).await, [3, 3, 0, 0, 0], "who waited there is served in the same transaction");
        assert_eq!((states(&app, &to, "bob").await, states(&app, &to, "zoe").await), (vec!["active".to_owned()], vec!["active".to_owned()]));
        assert_eq!((states(&app, &from, "eve").await, access(&app, "ada", "c").await), (vec!["active".to_owned()], ends), "her access stays as it was");
        assert_integrity(&app).await;
        let none = act(&app, &from, "move", &json!({ "to_team": "ext:u", "with_holders": true }), 409).await;
        assert_eq!(none["code"], "state_conflict", "{none}");
    }

    async fn named_people_go_along_or_are_refused_by_name(app: ApiApp) {
        let from = two_teams(&app, &json!({ "quantity": 2 })).await;
        for name in ["ada", "bob"] {
            member(&app, name, "t").await;
            member(&app, name, "u").await;
        }
        let places = assign(&app, &from, &["ada", "bob"], "fail").await;
        let few = act(&app, &from, "move", &json!({ "to_team": "ext:u", "quantity": 1, "users": ["ext:ada", "ext:bob"] }), 422).await;
        assert_eq!(few["errors"][0]["code"], "too_few");
        let moved = act(&app, &from, "move", &json!({ "to_team": "ext:u", "assignments": [places[0]], "users": ["ext:ada"] }), 200).await;
        let to = id(&moved["to"]);
        assert_eq!((numbers(&app, &from).await, numbers(&app, &to).await), ([1, 1, 0, 0, 0], [1, 1, 0, 0, 0]));
        // Back again: she has no place at the first seat any more, Bob has one and cannot follow her twice.
        act(&app, &to, "move", &json!({ "to_team": "ext:t", "users": ["ext:ada"] }), 200).await;
        assert_eq!((numbers(&app, &from).await, numbers(&app, &to).await), ([2, 2, 0, 0, 0], [0, 0, 0, 0, 0]));
        assert_integrity(&app).await;
    }

    async fn a_team_shares_a_seat_and_leaves_it_with_nobody_unheard(app: ApiApp) {
        let shared = two_teams(&app, &json!({ "quantity": 3 })).await;
        // Eve is in both teams; her place counts for the one she joined first.
        for (name, of) in [("ada", "t"), ("bob", "u"), ("eve", "u"), ("eve", "t")] {
            member(&app, name, of).await;
            app.node.app.clock.advance(1);
        }
        let answer = act(&app, &shared, "share", &json!({ "team": "ext:u" }), 200).await;
        let names: Vec<&str> = answer["shared_with"].as_array().expect("teams").iter().map(|team| team["name"].as_str().expect("a name")).collect();
        assert_eq!(names, ["t", "u"]);
        let audits = app.count("audit_facts").await;
        act(&app, &shared, "share", &json!({ "team": "ext:u" }), 200).await;
        assert_eq!(app.count("audit_facts").await, audits, "a repeat changes nothing");
        assign(&app, &shared, &["ada", "bob"], "fail").await;
        let eve = assign(&app, &shared, &["eve"], "fail").await;
        let refused = act(&app, &shared, "unshare", &json!({ "team": "ext:u" }), 409).await;
        assert_eq!((refused["code"].clone(), refused["holders"].clone(), refused["waiting"].clone()), (json!("in_use"), json!(1), json!(0)));
        let answer = act(&app, &shared, "unshare", &json!({ "team": "ext:u", "on_holders": "revoke" }), 200).await;
        assert_eq!((answer["revoked"].as_array().map(Vec::len), answer["kept"][0]["id"].clone()), (Some(1), json!(eve[0])), "{answer}");
        assert_eq!((states(&app, &shared, "bob").await, states(&app, &shared, "eve").await), (vec!["revoked".to_owned()], vec!["active".to_owned()]));
        let team_of_eve = read(&app, &format!("/api/seat_assignments/{}?expand=team", eve[0])).await;
        assert_eq!(team_of_eve["team"]["external_id"], "t", "her place counts for the team that stays");
        act(&app, &shared, "unshare", &json!({ "team": "ext:u" }), 200).await;
        let last = act(&app, &shared, "unshare", &json!({ "team": "ext:t", "on_holders": "revoke" }), 409).await;
        assert_eq!(last["code"], "state_conflict");
        seat(&app, "p", &["u"], &json!({ "quantity": 1 })).await;
        let own = act(&app, &shared, "share", &json!({ "team": "ext:u" }), 409).await;
        assert_eq!(own["code"], "already_exists");
        assert_integrity(&app).await;
    }

    async fn places_of_a_shared_seat_count_for_the_team_that_is_named(app: ApiApp) {
        product(&app, "p", &["c"]).await;
        let (t, u) = (team(&app, "t").await, team(&app, "u").await);
        let shared = seat(&app, "p", &["t", "u"], &json!({ "quantity": 2 })).await;
        member(&app, "ada", "t").await;
        let place = assign(&app, &shared, &["ada"], "fail").await;
        app.node.app.clock.advance(1);
        member(&app, "ada", "u").await;
        let other = act(&app, &shared, "revoke", &json!({ "users": ["ext:ada"], "team": "ext:u" }), 409).await;
        assert_eq!((other["code"].clone(), other["team_id"].clone()), (json!("state_conflict"), json!(t)));
        let key = limited(&app, &[&u]).await;
        let call = Call::new("POST", format!("/api/seats/{shared}/revoke")).key(&key).json(&json!({ "users": ["ext:ada"] }));
        assert_eq!(app.send(call).await.status, 409, "whoever sees only the other team does not touch it");
        for (verb, body) in [("share", json!({ "team": u })), ("unshare", json!({ "team": u })), ("move", json!({ "to_team": u, "quantity": 1 }))] {
            let call = Call::new("POST", format!("/api/seats/{shared}/{verb}")).key(&key).json(&body);
            assert_eq!(app.send(call).await.status, 403, "{verb}");
        }
        // She leaves the one team and goes on learning in the other: the place stays hers.
        assert_eq!(app.delete("/api/teams/ext:t/members/ext:ada").await.status, 204);
        let kept = read(&app, &format!("/api/seat_assignments/{}", place[0])).await;
        assert_eq!((kept["state"].clone(), kept["team_id"].clone()), (json!("active"), json!(u)));
        assert_eq!(access(&app, "ada", "c").await.0, "active");
        assert_eq!(app.delete("/api/teams/ext:u/members/ext:ada").await.status, 204);
        assert_eq!(states(&app, &shared, "ada").await, ["released"]);
        assert_integrity(&app).await;
    }

    async fn the_line_is_listed_moved_and_left(app: ApiApp) {
        let seat = two_teams(&app, &json!({ "quantity": 1 })).await;
        let names = ["sitter", "a", "b", "c", "d"];
        for name in names {
            member(&app, name, "t").await;
        }
        // All of one moment: there is no room between them.
        let places = assign(&app, &seat, &names, "waitlist").await;
        let place = |name: &str| places[names.iter().position(|one| *one == name).expect("known")].clone();
        for (n, name) in (1..).zip(&names[1..]) {
            act(&app, &seat, "waitlist/move", &json!({ "assignment": place(name), "position": n }), 200).await;
        }
        assert_eq!(names_in_line(&app, &seat).await, ["a", "b", "c", "d"]);
        let steps: [(&str, JsonValue, &[&str]); 7] = [
            ("d", json!({ "position": 1 }), &["d", "a", "b", "c"]),
            ("a", json!({ "after": place("c") }), &["d", "b", "c", "a"]),
            ("c", json!({ "before": place("b") }), &["d", "c", "b", "a"]),
            ("d", json!({ "after": place("c") }), &["c", "d", "b", "a"]),
            ("c", json!({ "position": 99 }), &["d", "b", "a", "c"]),
            ("b", json!({ "position": 2 }), &["d", "b", "a", "c"]),
            ("a", json!({ "before": place("d") }), &["a", "d", "b", "c"]),
        ];
        for (name, to, wanted) in steps {
            let mut body = to.clone();
            body["assignment"] = json!(place(name));
            let answer = act(&app, &seat, "waitlist/move", &body, 200).await;
            assert_eq!(names_in_line(&app, &seat).await, wanted, "{name} {to}");
            assert_eq!(Some(wanted[usize::try_from(answer["position"].as_i64().expect("a number") - 1).expect("small")]), Some(name));
        }
        // Who comes later stands behind all of them, and who is first is served first.
        app.node.app.clock.advance(1);
        member(&app, "late", "t").await;
        assign(&app, &seat, &["late"], "waitlist").await;
        assert_eq!(names_in_line(&app, &seat).await, ["a", "d", "b", "c", "late"]);
        let path = format!("/api/seats/{seat}/waitlist/{}", place("d"));
        assert_eq!((app.delete(&path).await.status, app.delete(&path).await.status), (204, 404));
        assert_eq!(app.delete(&format!("/api/seats/{seat}/waitlist/{}", place("sitter"))).await.status, 404, "who sits does not wait");
        act(&app, &seat, "revoke", &json!({ "users": ["ext:sitter"] }), 200).await;
        assert_eq!((names_in_line(&app, &seat).await, states(&app, &seat, "a").await), (vec!["b".to_owned(), "c".to_owned(), "late".to_owned()], vec!["active".to_owned()]));
        for (body, pointer) in [
            (json!({ "assignment": place("a"), "position": 1 }), "/assignment"),
            (json!({ "assignment": place("b") }), "/position"),
            (json!({ "assignment": place("b"), "before": place("b") }), "/before"),
            (json!({ "assignment": place("b"), "after": place("a") }), "/after"),
            (json!({ "assignment": place("b"), "after": place("c"), "position": 1 }), "/position"),
        ] {
            let wrong = act(&app, &seat, "waitlist/move", &body, 422).await;
            assert_eq!(wrong["errors"][0]["pointer"], pointer, "{wrong}");
        }
        assert_integrity(&app).await;
    }

    async fn the_line_is_paged_in_its_order_and_shown_as_far_as_a_key_reaches(app: ApiApp) {
        product(&app, "p", &["c"]).await;
        let (_, u) = (team(&app, "t").await, team(&app, "u").await);
        let shared = seat(&app, "p", &["t", "u"], &json!({ "quantity": 0 })).await;
        for n in 0..7 {
            let (name, of) = (format!("p{n}"), if n % 2 == 0 { "t" } else { "u" });
            member(&app, &name, of).await;
            app.node.app.clock.advance(1);
            assign(&app, &shared, &[&name], "waitlist").await;
        }
        let mut seen = Vec::new();
        let mut path = format!("/api/seats/{shared}/waitlist?limit=3");
        loop {
            let page = app.get(&path).await;
            assert_eq!(page.status, 200, "{}", page.text());
            let rows = page.json()["data"].as_array().cloned().expect("rows");
            seen.extend(rows.iter().map(|row| row["position"].as_i64().expect("a number")));
            let Some(next) = page.header("link").strip_prefix('<').and_then(|link| link.split('>').next()).map(str::to_owned) else { break };
            path = next;
        }
        assert_eq!(seen, [1, 2, 3, 4, 5, 6, 7]);
        let key = limited(&app, &[&u]).await;
        let theirs = app.send(Call::new("GET", format!("/api/seats/{shared}/waitlist")).key(&key)).await.json();
        let places: Vec<i64> = theirs["data"].as_array().expect("rows").iter().map(|row| row["position"].as_i64().expect("a number")).collect();
        assert_eq!(places, [2, 4, 6], "their own, at their true places");
        let body = json!({ "assignment": theirs["data"][2]["id"], "position": 1 });
        let call = Call::new("POST", format!("/api/seats/{shared}/waitlist/move")).key(&key).json(&body);
        assert_eq!(app.send(call).await.status, 403, "nobody passes people of other teams by a key of one");
        let first = read(&app, &format!("/api/seats/{shared}/waitlist?user=ext:p6")).await;
        assert_eq!(first["data"][0]["position"], 7);
    }

    async fn refused_wishes_are_kept_beside_the_seat(app: ApiApp) {
        let full = two_teams(&app, &json!({ "quantity": 0 })).await;
        member(&app, "ada", "t").await;
        act(&app, &full, "assign", &json!({ "users": ["ext:ada"] }), 409).await;
        let list = read(&app, &format!("/api/seats/{full}/denials?expand=user")).await;
        let one = &list["data"][0];
        assert_eq!((one["cause"].clone(), one["requested"].clone(), one["user"]["external_id"].clone()), (json!("api"), json!(1), json!("ada")));
        let path = format!("/api/seat_denials/{}", id(one));
        assert_eq!(read(&app, &path).await["seat_id"], json!(full));
        assert_eq!(read(&app, "/api/seat_denials?user=ext:ada").await["data"].as_array().map(Vec::len), Some(1));
        let key = limited(&app, &[&team(&app, "v").await]).await;
        assert_eq!(app.send(Call::new("GET", path).key(&key)).await.status, 404);
    }

    /// Of a leave and an assignment at the same moment, whichever comes first, nobody keeps a place without a membership.
    async fn nobody_sits_who_has_left_at_the_same_moment(app: ApiApp) {
        let seat = two_teams(&app, &json!({ "quantity": 100 })).await;
        for n in 0..30 {
            member(&app, &format!("p{n}"), "t").await;
        }
        let mut running = tokio::task::JoinSet::new();
        for n in 0..30 {
            let (node, key) = (app.node.clone(), app.key.secret.clone());
            let body = json!({ "users": [format!("ext:p{n}")] });
            let path = format!("/api/seats/{seat}/assign");
            let calls = [
                Call::new("POST", path).key(&key).json(&body),
                match n % 3 {
                    0 => Call::new("DELETE", format!("/api/users/ext:p{n}")).key(&key),
                    1 => Call::new("POST", format!("/api/teams/ext:t/members/ext:p{n}/move")).key(&key).json(&json!({ "to_team": "ext:u" })),
                    _ => Call::new("DELETE", format!("/api/teams/ext:t/members/ext:p{n}")).key(&key),
                },
            ];
            for call in calls {
                let node = node.clone();
                running.spawn(async move { node.send(call).await });
            }
        }
        for answer in running.join_all().await {
            assert!(answer.status < 500, "{}", answer.text());
        }
        let select = b2b_dashboard::db::Select::new(
            "SELECT a.user_id FROM seat_assignments a WHERE a.account_id = $1 AND a.state IN ('waitlisted', 'reserved', 'active') \
             AND NOT EXISTS (SELECT 1 FROM team_members m WHERE m.account_id = $1 AND m.team_id = a.team_id AND m.user_id = a.user_id)",
            vec![],
        );
        let strays: Vec<(String,)> = app.node.app.db.fetch(&app.first, select).await.expect("rows");
        assert_eq!(strays, [], "places without a membership");
        assert_integrity(&app).await;
    }
}
