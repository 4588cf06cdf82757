//! The OpenAPI 3.1 document, made from the operations that serve the requests.

use std::panic::resume_unwind;

use axum::body::Bytes;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value as JsonValue, json};
use tokio::sync::OnceCell;
use tokio::task::spawn_blocking;

use super::endpoint::{Content, Endpoint, Parameter};
use super::problem;
use super::routes::endpoints;
use crate::error::{Code, Fault};

/// Problems that every operation may answer with.
const COMMON: &[Code] = &[
    Code::KeyMissing,
    Code::KeyMalformed,
    Code::KeyUnknown,
    Code::KeyExpired,
    Code::KeyRevoked,
    Code::IpNotAllowed,
    Code::KeyInQuery,
    Code::NotAcceptable,
    Code::BodyTooLarge,
    Code::RateLimited,
    Code::Internal,
    Code::Unavailable,
];

/// Problems that every operation with a body may answer with.
const OF_BODIES: &[Code] = &[
    Code::MalformedRequest,
    Code::BodyTooLarge,
    Code::UnsupportedMediaType,
    Code::ValidationFailed,
];

/// Problems that every write may answer with.
const OF_WRITES: &[Code] = &[
    Code::IdempotencyInProgress,
    Code::IdempotencyKeyReused,
    Code::Contention,
];

/// The document as it is served, made when it is first asked for.
pub async fn text() -> Bytes {
    static TEXT: OnceCell<Bytes> = OnceCell::const_new();
    let text = TEXT.get_or_try_init(|| spawn_blocking(|| document(None).to_string().into()));
    match text.await {
        Ok(text) => text.clone(),
        Err(stopped) => resume_unwind(stopped.into_panic()),
    }
}

/// Operations as the document has them, in their order, and the schemas that they refer to.
pub fn described<'a>(
    endpoints: impl IntoIterator<Item = &'a Endpoint>,
) -> (Vec<JsonValue>, Map<String, JsonValue>) {
    let mut generator = SchemaSettings::draft2020_12()
        .with(|settings| settings.definitions_path = "/components/schemas".into())
        .into_generator();
    let operations = endpoints
        .into_iter()
        .map(|endpoint| operation(endpoint, &mut generator))
        .collect();
    let fault = generator.subschema_for::<Fault>();
    let mut schemas = generator.take_definitions(true);
    schemas.insert("Problem".to_owned(), problem_schema(&fault));
    (operations, schemas)
}

/// The document, for a server at `origin`; without one, for the server it is read from.
pub fn document(origin: Option<&str>) -> JsonValue {
    let mut paths: Map<String, JsonValue> = Map::new();
    let mut tags: Vec<&str> = Vec::new();
    let (operations, schemas) = described(endpoints());
    for (endpoint, operation) in endpoints().iter().zip(operations) {
        if !tags.contains(&endpoint.tag) {
            tags.push(endpoint.tag);
        }
        let path = paths
            .entry(format!("/api{}", endpoint.path))
            .or_insert_with(|| json!({}));
        if let Some(path) = path.as_object_mut() {
            path.insert(endpoint.method.as_str().to_lowercase(), operation);
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "B2B Dashboard",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Users, teams, organizations, seats and provisioning in front of an LMS. Start with `POST /api/provision`.",
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": origin.unwrap_or("/") }],
        "security": [{ "key": [] }],
        "tags": tags.iter().map(|tag| json!({ "name": tag })).collect::<Vec<_>>(),
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": { "key": { "type": "http", "scheme": "bearer", "description": "An API key of Settings > API: `Authorization: Bearer b2b_live_…`." } },
        },
    })
}

fn operation(endpoint: &Endpoint, generator: &mut schemars::SchemaGenerator) -> JsonValue {
    let mut operation = json!({
        "operationId": endpoint.id,
        "tags": [endpoint.tag],
        "summary": endpoint.summary,
        "description": endpoint.description,
        "parameters": parameters(endpoint),
        "responses": responses(endpoint, generator),
    });
    if let Some(members) = operation.as_object_mut() {
        if endpoint.shows_secret {
            members.insert("x-shows-secret".to_owned(), true.into());
        }
        if let Some(scope) = endpoint.scope {
            members.insert("x-required-scope".to_owned(), scope.as_str().into());
        }
        if endpoint.asks {
            members.insert("x-changes-nothing".to_owned(), true.into());
        }
        if let Some(input) = &endpoint.input {
            members.insert("requestBody".to_owned(), json!({ "required": true, "content": { "application/json": content(input, generator) } }));
        }
    }
    operation
}

fn content(content: &Content, generator: &mut schemars::SchemaGenerator) -> JsonValue {
    let mut media = json!({ "schema": (content.schema)(generator) });
    if let (Some(example), Some(members)) = (&content.example, media.as_object_mut()) {
        members.insert("example".to_owned(), example.clone());
    }
    media
}

fn parameters(endpoint: &Endpoint) -> Vec<JsonValue> {
    let places = endpoint
        .path
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let mut list: Vec<JsonValue> = places
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string", "maxLength": 330 }, "description": "The record's id, or `ext:<external_id>`." }))
        .collect();
    let query = endpoint.query.iter();
    list.extend(query.map(query_parameter));
    if !endpoint.is_read() {
        list.push(json!({ "name": "dry_run", "in": "query", "schema": { "type": "boolean", "default": false }, "description": "Shows what would happen and changes nothing." }));
        list.push(json!({ "name": "Idempotency-Key", "in": "header", "schema": { "type": "string", "pattern": "^([A-Za-z0-9_.:-]{1,255}|\"[A-Za-z0-9_.:-]{1,255}\")$" }, "description": "Makes the request safe to repeat for 30 days." }));
    }
    list
}

/// A member of the query; several values stand in one member, with commas between them.
fn query_parameter(parameter: &Parameter) -> JsonValue {
    let mut described = json!({ "name": parameter.name, "in": "query", "description": parameter.description, "schema": parameter.schema });
    if let (Some("array"), Some(members)) = (
        parameter.schema.get("type").and_then(JsonValue::as_str),
        described.as_object_mut(),
    ) {
        members.insert("style".to_owned(), "form".into());
        members.insert("explode".to_owned(), false.into());
    }
    described
}

fn responses(endpoint: &Endpoint, generator: &mut schemars::SchemaGenerator) -> JsonValue {
    let mut responses = Map::new();
    let mut success = json!({ "description": if endpoint.status == 204 { "Done; no body." } else { "Success." }, "headers": headers() });
    if let (Some(output), Some(members)) = (&endpoint.output, success.as_object_mut()) {
        members.insert(
            "content".to_owned(),
            json!({ "application/json": content(output, generator) }),
        );
    }
    if let (Some(media), Some(content)) = (
        endpoint.also_media,
        success
            .get_mut("content")
            .and_then(JsonValue::as_object_mut),
    ) {
        content.insert(media.to_owned(), json!({ "schema": { "type": "string" } }));
    }
    if let (false, Some(members)) = (endpoint.pictures.is_empty(), success.as_object_mut()) {
        let one = |media: &&str| {
            (
                (*media).to_owned(),
                json!({ "schema": { "type": "string" } }),
            )
        };
        let content: Map<String, JsonValue> = endpoint.pictures.iter().map(one).collect();
        members.insert("content".to_owned(), content.into());
    }
    responses.insert(endpoint.status.to_string(), success.clone());
    let also_200 = !endpoint.is_read() && endpoint.status != 200;
    if also_200 {
        // The answer of a dry run, and of a repeat that found everything standing.
        let mut plain = json!({ "description": "The answer of a dry run, or of a repeat that changed nothing.", "headers": headers() });
        if let Some(members) = plain.as_object_mut() {
            let schema = endpoint.output.as_ref().map_or_else(
                || json!({ "schema": { "type": "object" } }),
                |output| content(output, generator),
            );
            members.insert("content".to_owned(), json!({ "application/json": schema }));
        }
        responses.insert("200".to_owned(), plain);
    } else if endpoint.method == axum::http::Method::PUT {
        responses.insert("201".to_owned(), success);
    }
    if let Some((status, when)) = endpoint.also {
        let mut further = responses
            .get(&endpoint.status.to_string())
            .cloned()
            .unwrap_or_default();
        if let Some(members) = further.as_object_mut() {
            members.insert("description".to_owned(), when.into());
        }
        responses.insert(status.to_string(), further);
    }
    if endpoint.method == axum::http::Method::GET {
        responses.insert("304".to_owned(), json!({ "description": "The version named in If-None-Match is still the present one." }));
    }
    for (status, codes) in problems(endpoint) {
        let list: Vec<_> = codes
            .iter()
            .map(|code| format!("`{}`", code.as_str()))
            .collect();
        let problem = json!({ "schema": { "$ref": "#/components/schemas/Problem" } });
        responses.insert(
            status.to_string(),
            json!({ "description": list.join(", "), "content": { problem::CONTENT_TYPE: problem }, "headers": headers() }),
        );
    }
    responses.into()
}

/// Every problem that an operation may answer with, by status.
pub fn problems(endpoint: &Endpoint) -> std::collections::BTreeMap<u16, Vec<Code>> {
    let mut by_status: std::collections::BTreeMap<u16, Vec<Code>> =
        std::collections::BTreeMap::new();
    let of_scope: &[Code] = if endpoint.scope.is_some() {
        &[Code::InsufficientScope, Code::Forbidden]
    } else {
        &[]
    };
    let of_body = if endpoint.input.is_some() {
        OF_BODIES
    } else {
        &[]
    };
    let of_write = if endpoint.is_read() {
        &[Code::InvalidParameter][..]
    } else {
        OF_WRITES
    };
    let of_all = [
        COMMON,
        of_scope,
        of_body,
        of_write,
        &[Code::InvalidParameter, Code::MalformedRequest],
        &endpoint.problems,
    ];
    for code in of_all.concat() {
        let codes = by_status.entry(code.status()).or_default();
        if !codes.contains(&code) {
            codes.push(code);
        }
    }
    by_status
}

fn headers() -> JsonValue {
    json!({
        "Request-Id": { "description": "The id of this request, a UUIDv7.", "schema": { "type": "string" } },
        "RateLimit": { "description": "Requests left in the window and seconds until it turns.", "schema": { "type": "string" } },
    })
}

fn problem_schema(fault: &schemars::Schema) -> JsonValue {
    let codes: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
    json!({
        "type": "object",
        "description": "A fault (RFC 9457).",
        "required": ["type", "title", "status", "detail", "instance", "code", "request_id", "retryable"],
        "properties": {
            "type": { "type": "string", "description": "The page that explains the code." },
            "title": { "type": "string" },
            "status": { "type": "integer" },
            "detail": { "type": "string", "description": "What happened this time, and what to do next." },
            "instance": { "type": "string" },
            "code": { "type": "string", "enum": codes },
            "request_id": { "type": "string" },
            "retryable": { "type": "boolean", "description": "Whether the same request may succeed later." },
            "errors": { "type": "array", "description": "Every fault of the body, with 422.", "items": fault },
        },
        "additionalProperties": true,
    })
}
