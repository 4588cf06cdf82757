//! What an operation needs before its example can be carried out: the one place where special cases stand.

use serde_json::{Value as JsonValue, json};

use crate::support::http::{Answer, ApiApp, Call};
use crate::support::operation::{Document, Operation};

/// A call that must succeed.
#[derive(Debug, Clone)]
pub(super) struct Prepared {
    /// Its address, without a query.
    pub(super) path: String,
    /// Its body, if it takes one.
    pub(super) body: Option<JsonValue>,
}

impl Prepared {
    /// The request, with this key.
    pub(super) fn call(&self, operation: &Operation, key: &str) -> Call {
        self.call_with(operation, key, "")
    }

    /// The request with a query.
    pub(super) fn call_with(&self, operation: &Operation, key: &str, query: &str) -> Call {
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
        "assign_seat" => operation.path_with(&seat(app, document, false).await),
        "revoke_seat" | "extend_seat" | "transfer_seat" => {
            operation.path_with(&seat(app, document, true).await)
        }
        "get_seat_assignment"
        | "get_enrollment"
        | "progress_enrollment"
        | "list_enrollment_history" => {
            seat(app, document, true).await;
            let (list, _) = operation.path.split_once("/{").expect("a place");
            let newest = app.get(&format!("{list}?limit=1")).await.json();
            operation.path_with(newest["data"][0]["id"].as_str().expect("a record"))
        }
        "explain_access" => {
            seat(app, document, true).await;
            "/api/explain?user=email:ada@example.com&course=ext:safety-course".to_owned()
        }
        "put_enrollment" => {
            let body = body(app, document, operation).await.expect("an example");
            let key = body["external_id"].as_str().expect("a key").to_owned();
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
        "get_provision" | "undo_provision" => {
            let provision = make(app, document, document.operation("provision")).await;
            operation.path_with(&provision.id())
        }
        _ => return None,
    };
    let body = operation.example.clone();
    Some(Prepared { path, body })
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

async fn made(app: &ApiApp, path: &str, body: &JsonValue) -> JsonValue {
    let answer = app.post(path, body).await;
    assert_eq!(answer.status, 201, "{path}: {}", answer.text());
    answer.json()
}

/// An operation's example with other values where they must be unique.
async fn body(app: &ApiApp, document: &Document, operation: &Operation) -> Option<JsonValue> {
    if let Some(path) = operation.path.strip_suffix("/batch") {
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
        "provision" => {
            body["user"] = varied(&body["user"], number);
            body["team"] = varied(&body["team"], number);
        }
        _ => {}
    }
    Some(body)
}

/// What the examples take for granted: a product with a course, a team, a person.
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
        "/api/users",
        r#"{ "email": "ada@example.com", "external_id": "crm-81" }"#,
    ),
];

/// The records that the examples speak of by `ext:`: each example of a creation, carried out as it stands.
pub(super) async fn make_examples(app: &ApiApp, document: &Document) {
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
pub(super) async fn prepare(app: &ApiApp, document: &Document, operation: &Operation) -> Prepared {
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
pub(super) async fn make(app: &ApiApp, document: &Document, creator: &Operation) -> Answer {
    let body = body(app, document, creator).await.expect("an example");
    let answer = app.post(&creator.path, &body).await;
    assert_eq!(answer.status, 201, "{}: {}", creator.id, answer.text());
    answer
}

/// An example with other values where they must be unique.
pub(super) fn varied(example: &JsonValue, number: u64) -> JsonValue {
    let mut example = example.clone();
    if let Some(members) = example.as_object_mut() {
        for (name, value) in members {
            match (name.as_str(), value.as_str()) {
                ("email", Some(text)) => *value = json!(format!("n{number}.{text}")),
                ("name" | "external_id" | "slug" | "external_reference", Some(text)) => {
                    *value = json!(format!("{text}-{number}"));
                }
                _ => {}
            }
        }
    }
    example
}
