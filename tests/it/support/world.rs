//! What tests of seats begin with: courses, products, teams and people by the API, and what must always be true.

use serde_json::{Value as JsonValue, json};

use super::http::{Answer, ApiApp, Call};

/// Merges members into an object.
pub(crate) fn with(mut base: JsonValue, further: &JsonValue) -> JsonValue {
    let members = base.as_object_mut().expect("an object");
    members.extend(further.as_object().expect("an object").clone());
    base
}

/// A product `ext:<name>` of these courses, which are made where they are missing.
pub(crate) async fn product(app: &ApiApp, name: &str, courses: &[&str]) -> String {
    let mut references = Vec::new();
    for course in courses {
        let made = app
            .put(
                &format!("/api/courses/ext:{course}"),
                &json!({ "name": course }),
            )
            .await;
        assert!(made.status < 300, "{}", made.text());
        references.push(format!("ext:{course}"));
    }
    let body = json!({ "name": name, "external_id": name, "courses": references });
    made(&app.post("/api/products", &body).await)
}

/// A team `ext:<name>`.
pub(crate) async fn team(app: &ApiApp, name: &str) -> String {
    made(
        &app.post("/api/teams", &json!({ "name": name, "external_id": name }))
            .await,
    )
}

/// A seat of `ext:<product>` for teams.
pub(crate) async fn seat(
    app: &ApiApp,
    product: &str,
    teams: &[&str],
    further: &JsonValue,
) -> String {
    let teams: Vec<String> = teams.iter().map(|team| format!("ext:{team}")).collect();
    let body = json!({ "product": format!("ext:{product}"), "teams": teams });
    made(&app.post("/api/seats", &with(body, further)).await)
}

/// A person `<name>@example.com`, `ext:<name>`, in a team; who stands already joins it.
pub(crate) async fn member(app: &ApiApp, name: &str, team: &str) {
    let body = json!({ "user": { "email": email(name), "external_id": name }, "team": { "strategy": "specific", "id": format!("ext:{team}") }, "welcome_email": false });
    let answer = app.post("/api/provision", &body).await;
    assert!(answer.status < 300, "{}", answer.text());
}

/// The address of a person.
pub(crate) fn email(name: &str) -> String {
    format!("{name}@example.com")
}

/// A place for a person in a team, with further members of the line.
pub(crate) fn wish(name: &str, team: &str, product: &str, further: &JsonValue) -> JsonValue {
    let line = json!({ "product": format!("ext:{product}") });
    json!({
        "user": { "email": email(name), "external_id": name },
        "team": { "strategy": "specific", "id": format!("ext:{team}") },
        "seats": [with(line, further)], "welcome_email": false,
    })
}

/// Provisions and expects this status.
pub(crate) async fn provision(app: &ApiApp, body: &JsonValue, status: u16) -> JsonValue {
    let answer = app.post("/api/provision", body).await;
    assert_eq!(answer.status, status, "{}", answer.text());
    answer.json()
}

/// An action on a seat, with the status it must have.
pub(crate) async fn act(
    app: &ApiApp,
    seat: &str,
    verb: &str,
    body: &JsonValue,
    status: u16,
) -> JsonValue {
    let answer = app.post(&format!("/api/seats/{seat}/{verb}"), body).await;
    assert_eq!(answer.status, status, "{}", answer.text());
    answer.json()
}

/// A record by its path.
pub(crate) async fn read(app: &ApiApp, path: &str) -> JsonValue {
    let answer = app.get(path).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

/// Assigned, spent, waitlisted and available of a seat.
pub(crate) async fn counters(app: &ApiApp, seat: &str) -> [Option<i64>; 4] {
    let seat = read(app, &format!("/api/seats/{seat}")).await;
    ["assigned", "spent", "waitlisted", "available"].map(|name| seat[name].as_i64())
}

/// Where a person stands at a seat: the states of their assignments there, the newest first.
pub(crate) async fn states(app: &ApiApp, seat: &str, name: &str) -> Vec<String> {
    let path = format!("/api/seat_assignments?seat={seat}&user=ext:{name}");
    let list = read(app, &path).await;
    let data = list["data"].as_array().expect("a list");
    data.iter()
        .map(|one| one["state"].as_str().expect("a state").to_owned())
        .collect()
}

/// Status and end of a person's access to a course.
pub(crate) async fn access(app: &ApiApp, name: &str, course: &str) -> (String, Option<String>) {
    let path = format!("/api/enrollments?user=ext:{name}&course=ext:{course}");
    let list = read(app, &path).await;
    let data = list["data"].as_array().expect("a list");
    let [one] = data.as_slice() else {
        panic!("one enrollment wanted: {list}")
    };
    (
        one["status"].as_str().expect("a status").to_owned(),
        one["expires_at"].as_str().map(str::to_owned),
    )
}

/// Every seat's counters equal its ledger and its assignments.
pub(crate) async fn assert_integrity(app: &ApiApp) {
    let report = read(app, "/api/integrity").await;
    assert_eq!(report["mismatches"], json!([]), "{report}");
}

/// Sends all at once.
pub(crate) async fn at_once(app: &ApiApp, bodies: Vec<JsonValue>) -> Vec<Answer> {
    let mut running = tokio::task::JoinSet::new();
    for body in bodies {
        let (node, key) = (app.node.clone(), app.key.secret.clone());
        running.spawn(async move {
            let call = Call::new("POST", "/api/provision").key(&key).json(&body);
            node.send(call).await
        });
    }
    running.join_all().await
}

fn made(answer: &Answer) -> String {
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.id()
}
