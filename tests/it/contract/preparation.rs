//! What an operation needs before its example can be carried out: the one place where special cases stand.

use b2b_dashboard::access::offers::join_url;
use b2b_dashboard::access::sessions::Origin;
use b2b_dashboard::db::Statement;
use b2b_dashboard::joining::{ask, confirm};
use b2b_dashboard::locale::Locale;
use b2b_dashboard::types::Email;
use b2b_dashboard::worker;
use serde_json::{Value as JsonValue, json};

use crate::support::http::{Answer, ApiApp, Call};
use crate::support::operation::{Document, Operation};

/// A call that must succeed.
#[derive(Debug, Clone)]
pub(crate) struct Prepared {
    /// Its address, without a query.
    pub(crate) path: String,
    /// Its body, if it takes one.
    pub(crate) body: Option<JsonValue>,
}

impl Prepared {
    /// The request, with this key.
    pub(crate) fn call(&self, operation: &Operation, key: &str) -> Call {
        self.call_with(operation, key, "")
    }

    /// The request with a query.
    pub(crate) fn call_with(&self, operation: &Operation, key: &str, query: &str) -> Call {
        // An address that carries its own query takes further members behind it.
        let query = if self.path.contains('?') {
            query.replacen('?', "&", 1)
        } else {
            query.to_owned()
        };
        let call = Call::new(&operation.method, format!("{}{query}", self.path)).key(key);
        match &self.body {
            Some(body) => call.json(body),
            None => call,
        }
    }
}

/// Operations whose needs cannot be read from the document, by their id. Each makes what it needs by the first
/// account's key and says how it is then called.
#[expect(
    clippy::too_many_lines,
    reason = "all special cases in one place, each a few lines"
)]
async fn special(app: &ApiApp, document: &Document, operation: &Operation) -> Option<Prepared> {
    let path = match operation.id.as_str() {
        "update_enrollment" => {
            let record = make(app, document, document.operation("create_enrollment")).await;
            let example = operation.example.as_ref().expect("an example");
            return Some(Prepared {
                path: operation.path_with(&record.id()),
                body: Some(varied(example, app.number())),
            });
        }
        "get_team_member" | "update_team_member" | "remove_team_member" => {
            let team = make(app, document, document.operation("create_team"))
                .await
                .id();
            let body = json!({ "user": "email:grace@example.com", "role": "member" });
            let members = format!("/api/teams/{team}/members");
            let member = made(app, &members, &body).await;
            let user = member["user"]["id"].as_str().expect("a person").to_owned();
            format!("{members}/{user}")
        }
        "assign_seat" | "assign_seat_to_all" | "hold_seat" | "move_seat" | "share_seat" => {
            operation.path_with(&seat(app, document, false).await)
        }
        "move_team_member" => {
            let members = format!("/api/teams/{}/members", team(app, document).await);
            let member = made(app, &members, &json!({ "user": "email:grace@example.com" })).await;
            let user = member["user"]["id"].as_str().expect("a person");
            format!("{members}/{user}/move")
        }
        "batch_remove_team_members" => {
            let team = team(app, document).await;
            made(
                app,
                &format!("/api/teams/{team}/members"),
                &json!({ "user": "email:grace@example.com" }),
            )
            .await;
            operation.path_with(&team)
        }
        "list_team_members" | "add_team_member" | "batch_add_team_members" => {
            operation.path_with(&team(app, document).await)
        }
        "list_user_roles" | "add_user_role" | "list_user_permissions" => {
            operation.path_with(&person(app, document).await)
        }
        "get_user_role" | "remove_user_role" => {
            let user = person(app, document).await;
            let roles = format!("/api/users/{user}/roles");
            made(app, &roles, &json!({ "role": "reporter" })).await;
            format!("{roles}/reporter")
        }
        "get_organization_admin" | "remove_organization_admin" | "put_organization_admin" => {
            let admins = format!(
                "/api/organizations/{}/admins",
                organization(app, document).await
            );
            let user = make(app, document, document.operation("create_user"))
                .await
                .id();
            let path = format!("{admins}/{user}");
            if operation.id != "put_organization_admin" {
                assert_eq!(app.put(&path, &json!({})).await.status, 200);
            }
            path
        }
        "list_organization_teams" => {
            let (node, team) = (organization(app, document).await, team(app, document).await);
            let path = format!("/api/organizations/{node}/teams");
            let assigned = app.post(&path, &json!({ "teams": [team] })).await;
            assert_eq!(assigned.status, 200, "{}", assigned.text());
            path
        }
        "list_organization_domains" | "list_team_domains" => {
            let of_team = operation.id == "list_team_domains";
            let holder = if of_team {
                team(app, document).await
            } else {
                organization(app, document).await
            };
            let member = if of_team { "team" } else { "organization" };
            let claim = json!({ "domain": format!("d{}.example", app.number()), member: holder });
            made(app, "/api/domain_claims", &claim).await;
            operation.path_with(&holder)
        }
        "list_group_teams" => {
            let group = make(app, document, document.operation("create_group"))
                .await
                .id();
            let path = format!("/api/groups/{group}/teams");
            let team = team(app, document).await;
            let mapped = app
                .put(&format!("{path}/{team}"), &json!({ "direction": "to_lms" }))
                .await;
            assert_eq!(mapped.status, 201, "{}", mapped.text());
            path
        }
        "remove_organization_team" => {
            let (node, team) = (organization(app, document).await, team(app, document).await);
            let teams = format!("/api/organizations/{node}/teams");
            let assigned = app.post(&teams, &json!({ "teams": [team] })).await;
            assert_eq!(assigned.status, 200, "{}", assigned.text());
            format!("{teams}/{team}")
        }
        "get_group_team" | "put_group_team" | "delete_group_team" => {
            let group = make(app, document, document.operation("create_group"))
                .await
                .id();
            let path = format!("/api/groups/{group}/teams/{}", team(app, document).await);
            let mapped = app.put(&path, &json!({ "direction": "disabled" })).await;
            assert_eq!(mapped.status, 201, "{}", mapped.text());
            path
        }
        "revoke_seat" | "extend_seat" | "transfer_seat" => {
            operation.path_with(&seat(app, document, true).await)
        }
        "unshare_seat" => {
            let seat = seat(app, document, false).await;
            let path = format!("/api/seats/{seat}/share");
            let shared = app.post(&path, &json!({ "team": "ext:drivers" })).await;
            assert_eq!(shared.status, 200, "{}", shared.text());
            operation.path_with(&seat)
        }
        "list_seat_waitlist" | "list_denials_of_seat" => {
            operation.path_with(&full_seat(app, document).await.0)
        }
        "leave_seat_waitlist" => {
            let (seat, last) = full_seat(app, document).await;
            format!("/api/seats/{seat}/waitlist/{last}")
        }
        "move_in_seat_waitlist" => {
            let (seat, last) = full_seat(app, document).await;
            let mut body = operation.example.clone().expect("an example");
            body["assignment"] = json!(last);
            return Some(Prepared {
                path: operation.path_with(&seat),
                body: Some(body),
            });
        }
        "get_seat_denial" => {
            full_seat(app, document).await;
            operation.path_with(&newest(app, &operation.path).await)
        }
        "confirm_seat_hold" | "release_seat_hold" => {
            let seat = seat(app, document, false).await;
            let body = json!({ "quantity": 1 });
            let hold = made(app, &format!("/api/seats/{seat}/holds"), &body).await;
            operation.path_with(hold["id"].as_str().expect("an id"))
        }
        "get_seat_assignment"
        | "get_enrollment"
        | "progress_enrollment"
        | "list_enrollment_history" => {
            seat(app, document, true).await;
            operation.path_with(&newest(app, &operation.path).await)
        }
        "list_events" | "stream_events" => {
            worker::publish(&app.node.app)
                .await
                .expect("published events");
            operation.path.clone()
        }
        "get_event" | "get_audit_fact" => operation.path_with(&newest(app, &operation.path).await),
        "get_mail" | "retry_mail" => {
            make(app, document, document.operation("provision")).await;
            let mail = newest(app, "/api/mails/{id}").await;
            if operation.id == "retry_mail" {
                let failed = "UPDATE mails SET state = 'failed' WHERE account_id = $1 AND id = $2";
                let failed = Statement::new(failed, b2b_dashboard::params![mail]);
                app.node
                    .app
                    .db
                    .write(&app.first, vec![failed])
                    .await
                    .expect("a failed mail");
            }
            operation.path_with(&mail)
        }
        "get_job" | "list_job_rows" | "cancel_job" => {
            operation.path_with(&bulk_job(app, document, false).await)
        }
        "undo_job" => {
            let job = bulk_job(app, document, false).await;
            worker::drain(&app.node.app).await.expect("jobs that run");
            operation.path_with(&job)
        }
        "retry_failed_job" => {
            let job = bulk_job(app, document, true).await;
            worker::drain(&app.node.app).await.expect("jobs that run");
            operation.path_with(&job)
        }
        "run_again_job" => {
            let job = bulk_job(app, document, false).await;
            let dead = "UPDATE jobs SET state = 'dead', last_error = 'no luck' WHERE account_id = $1 AND id = $2";
            let dead = Statement::new(dead, b2b_dashboard::params![job]);
            app.node
                .app
                .db
                .write(&app.first, vec![dead])
                .await
                .expect("a dead job");
            operation.path_with(&job)
        }
        "resend_invitation" => {
            let made = make(app, document, document.operation("create_invitation")).await;
            // As if it had been sent a while ago: once a minute is enough.
            let earlier = Statement::new(
                "UPDATE invitations SET mailed_at = 0 WHERE account_id = $1",
                vec![],
            );
            let db = &app.node.app.db;
            db.write(&app.first, vec![earlier]).await.expect("a change");
            operation.path_with(&made.id())
        }
        "list_link_requests_of_link" => {
            let (link, _) = asked(app).await;
            operation.path_with(&link)
        }
        "get_link_request" => {
            let (_, request) = asked(app).await;
            operation.path_with(&request)
        }
        "approve_link_requests" | "decline_link_requests" => {
            let (link, request) = asked(app).await;
            let mut body = operation.example.clone().expect("an example");
            body["requests"] = json!([request]);
            return Some(Prepared {
                path: operation.path_with(&link),
                body: Some(body),
            });
        }
        "explain_access" => {
            seat(app, document, true).await;
            "/api/explain?user=email:ada@example.com&course=ext:safety-course".to_owned()
        }
        "put_enrollment" => {
            let mut body = body(app, document, operation).await.expect("an example");
            let key = body["external_id"].as_str().expect("a key").to_owned();
            // An end is put off freely; to set one where there is none would shorten it.
            body["expires_at"] = json!("2030-01-01T00:00:00Z");
            made(app, "/api/enrollments", &body).await;
            body["expires_at"] = json!("2031-01-01T00:00:00Z");
            return Some(Prepared {
                path: operation.path_with(&format!("ext:{key}")),
                body: Some(body),
            });
        }
        "restore_user" | "restore_team" => {
            let kind = operation.id.trim_start_matches("restore_");
            let record = make(app, document, document.operation(&format!("create_{kind}")))
                .await
                .id();
            let gone = app.delete(&format!("/api/{kind}s/{record}")).await;
            assert_eq!(gone.status, 204, "{}", gone.text());
            operation.path_with(&record)
        }
        "merge_user" => {
            let create = document.operation("create_user");
            let (into, from) = (
                make(app, document, create).await.id(),
                make(app, document, create).await.id(),
            );
            return Some(Prepared {
                path: operation.path_with(&into),
                body: Some(json!({ "from": from })),
            });
        }
        "get_erasure" => {
            let user = make(app, document, document.operation("create_user"))
                .await
                .id();
            let erasure = app
                .post(&format!("/api/users/{user}/erase"), &json!({}))
                .await;
            assert_eq!(erasure.status, 202, "{}", erasure.text());
            operation.path_with(&erasure.id())
        }
        "erase_user" | "export_user" | "list_user_courses" => {
            let user = make(app, document, document.operation("create_user"))
                .await
                .id();
            operation.path_with(&user)
        }
        // Accounts and entries are made by their first movement.
        "list_credit_accounts"
        | "get_credit_account"
        | "list_credit_entries"
        | "get_credit_entry" => {
            let credits = json!({ "amount": 5 });
            let moved = made(app, "/api/teams/ext:drivers/credits", &credits).await;
            let member = if operation.path.contains("entries") {
                "entry"
            } else {
                "account"
            };
            operation.path_with(moved[member]["id"].as_str().expect("an id"))
        }
        "put_order" | "update_order" | "delete_order" | "pay_order" | "cancel_order" => {
            operation.path_with(&order(app, "draft").await)
        }
        "fulfil_order" => operation.path_with(&order(app, "paid").await),
        "buy_catalog_item" => {
            let credits = json!({ "amount": 1000 });
            made(app, "/api/teams/ext:drivers/credits", &credits).await;
            let item = make(app, document, document.operation("create_catalog_item")).await;
            operation.path_with(&item.id())
        }
        "get_provision" | "undo_provision" => {
            let provision = make(app, document, document.operation("provision")).await;
            operation.path_with(&provision.id())
        }
        _ => return None,
    };
    let body = operation.example.clone();
    Some(Prepared { path, body })
}

async fn organization(app: &ApiApp, document: &Document) -> String {
    make(app, document, document.operation("create_organization"))
        .await
        .id()
}

async fn team(app: &ApiApp, document: &Document) -> String {
    make(app, document, document.operation("create_team"))
        .await
        .id()
}

async fn person(app: &ApiApp, document: &Document) -> String {
    make(app, document, document.operation("create_user"))
        .await
        .id()
}

/// The newest record of the list before a path's place.
async fn newest(app: &ApiApp, path: &str) -> String {
    worker::publish(&app.node.app)
        .await
        .expect("published events");
    let (list, _) = path.split_once("/{").expect("a place");
    let sort = if list == "/api/events" {
        "-sequence"
    } else {
        "-created_at"
    };
    let page = app.get(&format!("{list}?limit=1&sort={sort}")).await.json();
    page["data"][0]["id"].as_str().expect("a record").to_owned()
}

/// A bulk job of one row; `broken`: one that will fail.
async fn bulk_job(app: &ApiApp, document: &Document, broken: bool) -> String {
    let operation = document.operation("bulk_provision");
    let mut body = body(app, document, operation).await.expect("an example");
    if broken {
        body["rows"][0]["email"] = json!("nonsense");
    }
    let answer = app.post(&operation.path, &body).await;
    assert_eq!(answer.status, 202, "{}", answer.text());
    answer.id()
}

/// A seat of a team of Ada and Grace; `assigned`: Ada has a place.
async fn seat(app: &ApiApp, document: &Document, assigned: bool) -> String {
    let team = make(app, document, document.operation("create_team"))
        .await
        .id();
    for name in ["ada", "grace"] {
        let member = json!({ "user": format!("email:{name}@example.com"), "role": "member" });
        made(app, &format!("/api/teams/{team}/members"), &member).await;
    }
    let mut body = body(app, document, document.operation("create_seat"))
        .await
        .expect("an example");
    body["teams"] = json!([team]);
    // Short enough for the example of an extension to be one.
    body["expires_in_days"] = json!(30);
    let seat = made(app, "/api/seats", &body).await["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    if assigned {
        let people = json!({ "users": ["email:ada@example.com"] });
        let answer = app
            .post(&format!("/api/seats/{seat}/assign"), &people)
            .await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    seat
}

/// A seat of one place that Ada has, with Grace and somebody else in its line, and a wish that was refused: the seat and
/// the assignment of the last in line.
async fn full_seat(app: &ApiApp, document: &Document) -> (String, String) {
    let seat = seat(app, document, true).await;
    let path = format!("/api/seats/{seat}");
    let lowered = app.patch(&path, &json!({ "quantity": 1 })).await;
    assert_eq!(lowered.status, 200, "{}", lowered.text());
    let team = lowered.json()["team_ids"][0]
        .as_str()
        .expect("a team")
        .to_owned();
    let other = make(app, document, document.operation("create_user"))
        .await
        .id();
    made(
        app,
        &format!("/api/teams/{team}/members"),
        &json!({ "user": other }),
    )
    .await;
    let assign = format!("{path}/assign");
    let refused = app.post(&assign, &json!({ "users": [other] })).await;
    assert_eq!(refused.status, 409, "{}", refused.text());
    for user in ["email:grace@example.com", &other] {
        // Who waits longer stands before.
        app.node.app.clock.advance(1);
        let wish = json!({ "users": [user], "if_full": "waitlist" });
        let waits = app.post(&assign, &wish).await;
        assert_eq!(waits.status, 200, "{}", waits.text());
    }
    // Both came at one moment: only the list says who is behind.
    let line = app.get(&format!("{path}/waitlist")).await.json();
    let last = line["data"][1]["id"]
        .as_str()
        .expect("a second one")
        .to_owned();
    (seat, last)
}

/// Somebody who has confirmed their address and waits for a decision: the link and the request.
async fn asked(app: &ApiApp) -> (String, String) {
    let body = json!({ "name": "Door", "team": "ext:engines", "requires_approval": true });
    let link = made(app, "/api/links", &body).await;
    let (service, now) = (&app.node.app, app.node.app.clock.now());
    let from = Origin {
        address: None,
        agent: None,
        request_id: "r1".into(),
    };
    let address = format!("n{}.asks@example.com", app.number());
    let email = Email::parse(&address).expect("an address");
    let slug = link["slug"].as_str().expect("a slug");
    ask::ask(service, slug, &email, None, &Locale::english(), &from, now)
        .await
        .expect("asked");
    let link = link["id"].as_str().expect("an id").to_owned();
    let list = app.get(&format!("/api/links/{link}/requests")).await.json();
    let request = list["data"][0]["id"]
        .as_str()
        .expect("a request")
        .to_owned();
    let url = join_url(service, &app.first, &request);
    let token = url.rsplit('/').next().expect("a token");
    confirm::confirm(service, token, None, None, &from, now)
        .await
        .expect("confirmed");
    (link, request)
}

/// An order of the team `ext:drivers` in this state.
async fn order(app: &ApiApp, status: &str) -> String {
    let lines = json!([{ "product": "ext:safety-101", "quantity": 2, "amount": 100 }]);
    let body =
        json!({ "team": "ext:drivers", "currency": "EUR", "status": status, "lines": lines });
    let order = made(app, "/api/orders", &body).await;
    order["id"].as_str().expect("an id").to_owned()
}

async fn made(app: &ApiApp, path: &str, body: &JsonValue) -> JsonValue {
    let answer = app.post(path, body).await;
    assert_eq!(answer.status, 201, "{path}: {}", answer.text());
    answer.json()
}

/// An operation's example with other values where they must be unique.
async fn body(app: &ApiApp, document: &Document, operation: &Operation) -> Option<JsonValue> {
    if let Some(path) = operation
        .path
        .strip_suffix("/batch")
        .filter(|_| !operation.has_place())
    {
        let creator = document
            .operations
            .iter()
            .find(|o| o.method == "POST" && o.path == path)
            .expect("what a batch makes can be made alone");
        let mut batch = operation.example.clone()?;
        batch["items"] = json!([Box::pin(self::body(app, document, creator)).await?]);
        return Some(batch);
    }
    let number = app.number();
    let mut body = varied(operation.example.as_ref()?, number);
    match operation.id.as_str() {
        // A person has one enrollment in a course from one source.
        "create_enrollment" | "put_enrollment" => {
            let user = document.operation("create_user").example.as_ref();
            let user = varied(user.expect("an example"), number);
            body["user"] = made(app, "/api/users", &user).await["id"].clone();
        }
        // A team has one live seat of a product.
        "create_seat" => {
            let new = document
                .operation("create_product")
                .example
                .as_ref()
                .expect("an example");
            let mut new = varied(new, number);
            new["courses"] = json!(["ext:safety-course"]);
            body["product"] = made(app, "/api/products", &new).await["id"].clone();
        }
        // A person has one pending request for a product in a team, and must be in it.
        "create_seat_request" => {
            let user = document.operation("create_user").example.as_ref();
            let user = varied(user.expect("an example"), number);
            body["user"] = made(app, "/api/users", &user).await["id"].clone();
            let member = json!({ "user": body["user"] });
            made(app, "/api/teams/ext:engines/members", &member).await;
        }
        // A hold with the same reference is the same hold.
        "create_seat_hold" => body["reference"] = json!(format!("checkout-{number}")),
        "bulk_provision" => body["rows"][0] = varied(&body["rows"][0], number),
        "provision" => {
            body["user"] = varied(&body["user"], number);
            body["team"] = varied(&body["team"], number);
        }
        _ => {}
    }
    Some(body)
}

/// What the examples take for granted: a product with a course, two teams, a person, a seat.
const GRANTED: &[(&str, &str)] = &[
    (
        "/api/courses",
        r#"{ "name": "Safety 101", "external_id": "safety-course" }"#,
    ),
    (
        "/api/products",
        r#"{ "name": "Safety 101", "external_id": "safety-101", "courses": ["ext:safety-course"] }"#,
    ),
    (
        "/api/teams",
        r#"{ "name": "Engines", "external_id": "engines" }"#,
    ),
    (
        "/api/teams",
        r#"{ "name": "Drivers", "external_id": "drivers" }"#,
    ),
    (
        "/api/users",
        r#"{ "email": "ada@example.com", "external_id": "crm-81" }"#,
    ),
    (
        "/api/teams/ext:engines/members",
        r#"{ "user": "email:ada@example.com" }"#,
    ),
    (
        "/api/seats",
        r#"{ "product": "ext:safety-101", "teams": ["ext:engines"], "external_id": "safety-2026", "quantity": 1000 }"#,
    ),
];

/// The records that the examples speak of by `ext:`: each example of a creation, carried out as it stands.
pub(crate) async fn make_examples(app: &ApiApp, document: &Document) {
    for (path, body) in GRANTED {
        made(app, path, &serde_json::from_str(body).expect("JSON")).await;
    }
    let creations = document
        .operations
        .iter()
        .filter(|o| o.method == "POST" && !o.has_place() && o.status() == 201);
    for operation in creations {
        let call = operation.call("").key(&app.key.secret);
        let answer = app.send(call).await;
        assert!(
            matches!(answer.status, 201 | 409),
            "{}: its example gives {}",
            operation.id,
            answer.text()
        );
    }
}

/// How this operation is called so that it succeeds. [`make_examples`] must have run.
pub(crate) async fn prepare(app: &ApiApp, document: &Document, operation: &Operation) -> Prepared {
    if let Some(prepared) = special(app, document, operation).await {
        return prepared;
    }
    let body = body(app, document, operation).await;
    if !operation.has_place() {
        return Prepared {
            path: operation.path.clone(),
            body,
        };
    }
    let places = operation.path.matches('{').count();
    let creator = document.creator_of(&operation.path).filter(|_| places == 1);
    let Some(creator) = creator else {
        panic!(
            "{} ({} {}) cannot be carried out by its example and a record of its kind: prepare it in `special`",
            operation.id, operation.method, operation.path
        );
    };
    let record = make(app, document, creator).await;
    Prepared {
        path: operation.path_with(&record.id()),
        body,
    }
}

/// A new record, made from an example that was varied.
pub(crate) async fn make(app: &ApiApp, document: &Document, creator: &Operation) -> Answer {
    let body = body(app, document, creator).await.expect("an example");
    let answer = app.post(&creator.path, &body).await;
    assert_eq!(answer.status, 201, "{}: {}", creator.id, answer.text());
    answer
}

/// An example with other values where they must be unique.
pub(crate) fn varied(example: &JsonValue, number: u64) -> JsonValue {
    let mut example = example.clone();
    if let Some(members) = example.as_object_mut() {
        for (name, value) in members {
            match (name.as_str(), value.as_str()) {
                ("email" | "domain", Some(text)) => *value = json!(format!("n{number}.{text}")),
                ("name" | "external_id" | "slug" | "external_reference", Some(text)) => {
                    *value = json!(format!("{text}-{number}"));
                }
                _ => {}
            }
        }
    }
    example
}
