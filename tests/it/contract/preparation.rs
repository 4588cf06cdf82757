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
        let call = Call::new(&operation.method, format!("{}{query}", self.path)).key(key);
        match &self.body {
            Some(body) => call.json(body),
            None => call,
        }
    }
}

/// Operations whose needs cannot be read from the document, by their id. Each makes what it needs by the first
/// account's key and says how it is then called.
async fn special(_: &ApiApp, _: &Document, operation: &Operation) -> Option<Prepared> {
    #[expect(
        clippy::match_single_binding,
        reason = "the table of special cases; so far no operation is one"
    )]
    match operation.id.as_str() {
        _ => None,
    }
}

/// The records that the examples speak of by `ext:`: each example of a creation, carried out as it stands.
pub(super) async fn make_examples(app: &ApiApp, document: &Document) {
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
    let body = operation
        .example
        .as_ref()
        .map(|example| varied(example, app.number()));
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
    let record = make(app, creator).await;
    Prepared {
        path: operation.path_with(&record.id()),
        body,
    }
}

/// A new record, made from an example that was varied.
pub(super) async fn make(app: &ApiApp, creator: &Operation) -> Answer {
    let example = creator.example.as_ref().expect("an example");
    let answer = app
        .post(&creator.path, &varied(example, app.number()))
        .await;
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
