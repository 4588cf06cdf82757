//! The operations of the API, as its own document tells of them.

use jsonschema::Validator;
use serde_json::{Value as JsonValue, json};

use super::http::{Answer, ApiApp, Call};

/// One operation of `openapi.json`.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    pub(crate) id: String,
    /// In capitals.
    pub(crate) method: String,
    /// With `{places}`.
    pub(crate) path: String,
    pub(crate) scope: Option<String>,
    /// The example of its body; `None`: it takes none.
    pub(crate) example: Option<JsonValue>,
    /// Whether its answer has a secret that is shown once.
    pub(crate) shows_secret: bool,
    parameters: Vec<JsonValue>,
    responses: JsonValue,
    body: JsonValue,
    changes_nothing: bool,
}

/// The whole document.
pub(crate) struct Document {
    pub(crate) operations: Vec<Operation>,
    json: JsonValue,
}

impl Document {
    /// Reads it from the server itself.
    pub(crate) async fn of(app: &ApiApp) -> Self {
        let answer = app.send(Call::new("GET", "/api/openapi.json")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let json = answer.json();
        let mut operations = Vec::new();
        for (path, methods) in json["paths"].as_object().expect("paths") {
            for (method, operation) in methods.as_object().expect("methods") {
                operations.push(Operation::read(method, path, operation));
            }
        }
        assert!(operations.len() > 20, "the document is read");
        Self { operations, json }
    }

    /// Those that change something.
    pub(crate) fn writes(&self) -> impl Iterator<Item = &Operation> {
        self.operations
            .iter()
            .filter(|o| o.method != "GET" && !o.changes_nothing)
    }

    /// Those that take a body.
    pub(crate) fn with_body(&self) -> impl Iterator<Item = &Operation> {
        self.operations.iter().filter(|o| o.example.is_some())
    }

    /// Lists: those with a cursor.
    pub(crate) fn lists(&self) -> impl Iterator<Item = &Operation> {
        // The pages of reports have tests of their own.
        let is_list = |o: &&Operation| {
            o.parameter("cursor").is_some() && !o.path.starts_with("/api/reports/")
        };
        self.operations.iter().filter(is_list)
    }

    /// The operation that makes the records behind a path such as `/api/users/{id}`.
    pub(crate) fn creator_of(&self, path: &str) -> Option<&Operation> {
        let (list, _) = path.split_once("/{")?;
        self.operations
            .iter()
            .find(|o| o.method == "POST" && o.path == list && o.responses.get("201").is_some())
    }

    /// An operation by its id.
    pub(crate) fn operation(&self, id: &str) -> &Operation {
        let found = self.operations.iter().find(|o| o.id == id);
        found.unwrap_or_else(|| panic!("no operation {id}"))
    }

    /// A schema, or the one it refers to.
    pub(crate) fn resolved(&self, schema: &JsonValue) -> JsonValue {
        let mut schema = schema;
        while let Some(name) = schema["$ref"]
            .as_str()
            .and_then(|path| path.strip_prefix("#/components/schemas/"))
        {
            schema = &self.json["components"]["schemas"][name];
        }
        schema.clone()
    }

    /// What is wrong with an answer's body by the schema of its status; nothing for those without a body.
    pub(crate) fn faults(&self, operation: &Operation, answer: &Answer) -> Vec<String> {
        let response = &operation.responses[answer.status.to_string()];
        if response.is_null() {
            return vec![format!("the status {} is not documented", answer.status)];
        }
        let media = answer.header("content-type");
        let Some(content) = response.get("content") else {
            return if answer.body.is_empty() {
                Vec::new()
            } else {
                vec!["a body where none is documented".to_owned()]
            };
        };
        let Some(described) = content.get(media) else {
            return vec![format!("the media type {media} is not documented")];
        };
        if !media.ends_with("json") {
            return Vec::new();
        }
        let validator = self.validator(&described["schema"]);
        let json = answer.json();
        validator
            .iter_errors(&json)
            .map(|error| format!("{} {error}", error.instance_path()))
            .collect()
    }

    fn validator(&self, schema: &JsonValue) -> Validator {
        let whole = json!({ "components": self.json["components"], "allOf": [schema] });
        jsonschema::options()
            .with_draft(jsonschema::Draft::Draft202012)
            .build(&whole)
            .expect("a good schema")
    }
}

impl Operation {
    /// The schema of its body, if it takes one.
    pub(crate) fn body_schema(&self) -> Option<JsonValue> {
        (!self.body.is_null()).then(|| self.body.clone())
    }

    fn read(method: &str, path: &str, json: &JsonValue) -> Self {
        let text = |name: &str| json[name].as_str().map(str::to_owned);
        let id = text("operationId").expect("an operation id");
        for member in ["summary", "description"] {
            assert!(
                text(member).is_some_and(|t| !t.is_empty()),
                "{id} has no {member}"
            );
        }
        let body = &json["requestBody"]["content"]["application/json"];
        let example = body.get("example").cloned();
        assert!(body.is_null() || example.is_some(), "{id} has no example");
        Self {
            method: method.to_uppercase(),
            path: path.to_owned(),
            scope: text("x-required-scope"),
            example,
            shows_secret: json["x-shows-secret"] == true,
            parameters: json["parameters"].as_array().cloned().unwrap_or_default(),
            responses: json["responses"].clone(),
            body: body["schema"].clone(),
            changes_nothing: json["x-changes-nothing"] == true,
            id,
        }
    }

    /// A member of the query.
    pub(crate) fn parameter(&self, name: &str) -> Option<&JsonValue> {
        self.query_parameters().find(|p| p["name"] == name)
    }

    /// All members of the query.
    pub(crate) fn query_parameters(&self) -> impl Iterator<Item = &JsonValue> {
        self.parameters.iter().filter(|p| p["in"] == "query")
    }

    /// Whether its path has places.
    pub(crate) fn has_place(&self) -> bool {
        self.path.contains('{')
    }

    /// Its path with the same text in every place.
    pub(crate) fn path_with(&self, place: &str) -> String {
        self.path
            .split('/')
            .map(|part| if part.starts_with('{') { place } else { part })
            .collect::<Vec<_>>()
            .join("/")
    }

    /// A call of it, with this text in every place and its example as body.
    pub(crate) fn call(&self, place: &str) -> Call {
        let call = Call::new(&self.method, self.path_with(place));
        match &self.example {
            Some(example) => call.json(example),
            None => call,
        }
    }

    /// The lowest status of success that it documents.
    pub(crate) fn status(&self) -> u16 {
        let statuses = self.responses.as_object().expect("responses").keys();
        let all: Vec<u16> = statuses.filter_map(|status| status.parse().ok()).collect();
        let is_made = |status: &&u16| matches!(**status, 201 | 202 | 204);
        // 200 beside one of these is the answer of a dry run or of a repeat.
        let made = all.iter().find(is_made).filter(|_| self.method != "PUT");
        *made.unwrap_or(&200)
    }

    /// The codes of problems that it documents for a status.
    pub(crate) fn codes(&self, status: u16) -> Vec<&str> {
        let words = self.responses[status.to_string()]["description"].as_str();
        let parts = words.unwrap_or_default().split('`');
        parts.skip(1).step_by(2).collect()
    }
}

/// Holds an answer to the form of all problems; the document must list its code for the operation.
pub(crate) fn assert_problem(
    operation: Option<&Operation>,
    answer: &Answer,
    status: u16,
    codes: &[&str],
) {
    let at = operation.map_or("", |operation| operation.id.as_str());
    let text = format!("{at}: {}", answer.text());
    assert_eq!(answer.status, status, "{text}");
    assert_eq!(
        answer.header("content-type"),
        "application/problem+json",
        "{text}"
    );
    let json = answer.json();
    let code = json["code"].as_str().expect(&text);
    assert!(codes.contains(&code), "{codes:?} wanted: {text}");
    assert_eq!(json["type"], format!("/docs/problems/{code}"), "{text}");
    assert_eq!(json["status"], status, "{text}");
    for member in ["title", "detail", "instance", "request_id"] {
        assert!(
            json[member].as_str().is_some_and(|t| !t.is_empty()),
            "{member} {text}"
        );
    }
    assert!(json["retryable"].is_boolean(), "{text}");
    assert_eq!(json["request_id"], answer.header("request-id"), "{text}");
    if status == 401 {
        assert_eq!(answer.header("www-authenticate"), "Bearer", "{text}");
    }
    if status == 422 && code == "validation_failed" {
        let errors = json["errors"].as_array().expect(&text);
        assert!(!errors.is_empty(), "{text}");
        for error in errors {
            let pointer = error["pointer"].as_str().expect(&text);
            assert!(pointer.is_empty() || pointer.starts_with('/'), "{text}");
            assert!(
                error["code"].is_string() && error["detail"].is_string(),
                "{text}"
            );
        }
    }
    if let Some(operation) = operation {
        assert!(
            operation.codes(status).contains(&code),
            "the code is not documented: {text}"
        );
    }
}

/// Holds an answer to the headers that every authenticated one has.
pub(crate) fn assert_headers(operation: &Operation, answer: &Answer) {
    for name in [
        "request-id",
        "ratelimit",
        "ratelimit-policy",
        "x-ratelimit-limit",
        "x-ratelimit-remaining",
        "x-ratelimit-reset",
    ] {
        assert!(
            !answer.header(name).is_empty(),
            "{}: no {name}",
            operation.id
        );
    }
}
