//! The examples of the document are carried out, in a dry run and for good.

use std::collections::BTreeMap;

use super::preparation::{make_examples, prepare};
use crate::support::database::both;
use crate::support::http::ApiApp;
use crate::support::operation::{Document, assert_headers};
use crate::support::schema;

/// Tables that keep the API's own books, not its records.
const BOOKS: [&str; 2] = ["rate_windows", "schema_migrations"];

async fn rows(app: &ApiApp) -> BTreeMap<String, i64> {
    let mut counts = BTreeMap::new();
    for (name, table) in schema::tables(&app.database).await {
        let is_ours = table.columns.iter().any(|column| column == "account_id");
        if is_ours && !BOOKS.contains(&name.as_str()) {
            counts.insert(name.clone(), app.count(&name).await);
        }
    }
    counts
}

both! {
    async fn every_example_gives_what_is_documented(app: ApiApp) {
        let document = Document::of(&app).await;
        make_examples(&app, &document).await;
        let mut faults = Vec::new();
        for operation in &document.operations {
            let prepared = prepare(&app, &document, operation).await;
            let answer = app.send(prepared.call(operation, &app.key.secret)).await;
            if answer.status != operation.status() {
                faults.push(format!("{}: {} wanted: {}", operation.id, operation.status(), answer.text()));
                continue;
            }
            assert_headers(operation, &answer);
            for fault in document.faults(operation, &answer) {
                faults.push(format!("{}: {fault} in {}", operation.id, answer.text()));
            }
            if answer.status == 201 {
                let location = answer.header("location");
                let read = app.get(location).await;
                assert_eq!(read.status, 200, "{} {location}: {}", operation.id, read.text());
            }
        }
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }

    async fn a_record_reads_as_it_was_answered_when_it_was_made(app: ApiApp) {
        let document = Document::of(&app).await;
        make_examples(&app, &document).await;
        for operation in document.writes().filter(|o| matches!(o.method.as_str(), "POST" | "PATCH" | "PUT")) {
            let prepared = prepare(&app, &document, operation).await;
            let answer = app.send(prepared.call(operation, &app.key.secret)).await;
            let address = match answer.header("location") {
                "" => prepared.path.as_str(),
                location => location,
            };
            let below = address.rsplit_once('/').map_or("", |(list, _)| list);
            let is_own = prepared.path == address || prepared.path == below;
            // An action's answer is about something else than what stands at its address.
            let is_list = document.operations.iter().any(|o| o.path == address) || operation.id.starts_with("batch_");
            if !is_own || is_list || !document.operations.iter().any(|o| o.method == "GET" && same_place(&o.path, address)) {
                continue;
            }
            let read = app.get(address).await;
            let mut answered = answer.json();
            if operation.shows_secret {
                answered.as_object_mut().expect("an object").remove("secret");
            }
            assert_eq!(read.json(), answered, "{}", operation.id);
            if operation.shows_secret {
                continue;
            }
            assert_eq!(read.header("etag"), answer.header("etag"), "{}", operation.id);
        }
    }

    async fn a_dry_run_changes_nothing(app: ApiApp) {
        let document = Document::of(&app).await;
        make_examples(&app, &document).await;
        for operation in document.writes() {
            let prepared = prepare(&app, &document, operation).await;
            let before = rows(&app).await;
            let seen = app.get(&prepared.path).await;
            let call = prepared.call_with(operation, &app.key.secret, "?dry_run=true");
            let answer = app.send(call.header("idempotency-key", "dry")).await;
            assert_eq!(answer.status, 200, "{}: {}", operation.id, answer.text());
            assert_eq!(answer.json()["dry_run"], true, "{}: {}", operation.id, answer.text());
            assert!(answer.json()["changes"].is_array(), "{}: {}", operation.id, answer.text());
            let faults = document.faults(operation, &answer);
            assert!(faults.is_empty(), "{}: {faults:?}", operation.id);
            assert_eq!(rows(&app).await, before, "{}", operation.id);
            let after = app.get(&prepared.path).await;
            assert_eq!(after.status, seen.status, "{}", operation.id);
            if seen.status == 200 {
                assert_eq!(after.json(), seen.json(), "{}", operation.id);
            }
            let done = app.send(prepared.call_with(operation, &app.key.secret, "?dry_run=false")).await;
            assert_eq!(done.status, operation.status(), "{}: {}", operation.id, done.text());
        }
    }

    async fn every_change_leaves_an_event_and_a_line_in_the_audit_trail(app: ApiApp) {
        let document = Document::of(&app).await;
        make_examples(&app, &document).await;
        for operation in document.writes() {
            let prepared = prepare(&app, &document, operation).await;
            let before = (app.count("events").await, app.count("audit_facts").await);
            let answer = app.send(prepared.call(operation, &app.key.secret)).await;
            assert!(answer.status < 300, "{}: {}", operation.id, answer.text());
            let after = (app.count("events").await, app.count("audit_facts").await);
            assert!(after.0 > before.0 && after.1 > before.1, "{} left no trace", operation.id);
        }
    }
}

fn same_place(template: &str, address: &str) -> bool {
    let (a, b): (Vec<&str>, Vec<&str>) =
        (template.split('/').collect(), address.split('/').collect());
    a.len() == b.len()
        && a.iter().zip(&b).all(|(a, b)| a.starts_with('{') || a == b)
        && template.ends_with('}')
}
