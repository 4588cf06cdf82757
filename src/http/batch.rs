//! Batches: up to 100 records of one kind by one request, made for every kind that has a plain create.
//!
//! Each item runs the kind's own create (or, with `mode: upsert`, its PUT by the caller's own key), in order and in a
//! transaction of its own: its checks, its events, its audit fact. One that is refused leaves the others alone. 200 says
//! that all went well, 207 that at least one did not; each item has its own status.
//!
//! Under an Idempotency-Key every item has a key derived from it. A batch that is cut off is repeated as it is: what was
//! done answers from memory, the rest is done. Once every item has its lasting answer the whole is remembered too; while
//! one failed for a passing reason it is not, so that a repeat tries that one again.

use std::sync::Arc;

use axum::http::Method;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use serde_json::{Map, Value as JsonValue, json};

use super::door::caught;
use super::endpoint::{Content, Endpoint};
use super::problem;
use super::reply::Reply;
use super::request::Request;
use super::write::{is_lasting_status, keep};
use crate::access::Call;
use crate::app::App;
use crate::body::read_body;
use crate::error::{Code, Error, Fault, Result};
use crate::types::{Email, ExternalId};

/// Items of one batch at the most.
pub const MAX_ITEMS: usize = 100;

crate::words! {
    /// What is done with the items of a batch.
    pub enum Mode {
        /// Each is made.
        Create = "create",
        /// Each is made, or changed where a record with its own key stands.
        Upsert = "upsert",
    }
}

/// The body of a batch.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct BatchBody {
    /// What is done with the items; `create` unless said.
    #[serde(default)]
    mode: Option<Mode>,
    /// The records.
    #[schemars(length(min = 1, max = 100))]
    items: Vec<JsonValue>,
}

/// The operations, with a batch behind each that makes one record.
pub fn with_batches(all: Vec<Endpoint>) -> Vec<Endpoint> {
    let puts: Vec<Endpoint> = all
        .iter()
        .filter(|endpoint| endpoint.method == Method::PUT)
        .cloned()
        .collect();
    let mut list = Vec::with_capacity(all.len() + 16);
    for endpoint in all {
        let batch = is_create(&endpoint).then(|| {
            let one = format!("{}/{{id}}", endpoint.path);
            batch_of(&endpoint, puts.iter().find(|put| put.path == one))
        });
        list.push(endpoint);
        list.extend(batch);
    }
    list
}

/// What is done with an item: which places of the path it fills, read from it.
type PlacesOf = Arc<dyn Fn(&JsonValue) -> Result<Vec<String>> + Send + Sync>;

/// The items of a batch of another operation than a plain create.
pub struct Item {
    input: Option<Content>,
    places: Option<PlacesOf>,
}

impl Item {
    /// Bodies of the operation.
    pub const fn plain() -> Self {
        Self {
            input: None,
            places: None,
        }
    }

    /// Items that fill the further places of the operation's path, as `places` tells of each.
    pub fn of<T>(example: JsonValue, places: fn(T) -> Vec<String>) -> Self
    where
        T: serde::de::DeserializeOwned + JsonSchema + 'static,
    {
        let read = move |item: &JsonValue| read_body::<T>(item.to_string().as_bytes()).map(places);
        Self {
            input: Some(Content {
                schema: Arc::new(SchemaGenerator::subschema_for::<T>),
                example: Some(example),
            }),
            places: Some(Arc::new(read)),
        }
    }
}

/// A batch of an operation below one record: the places of `path` come first in the operation's own.
pub fn batch_of_items(one: &Endpoint, path: &'static str, id: &str, item: Item) -> Endpoint {
    let mut described = one.clone();
    if item.input.is_some() {
        described.input = item.input;
    }
    let aim = Aim {
        create: one.clone(),
        put: None,
        places: item.places,
    };
    let mut batch = Endpoint::new(Method::POST, path, id, one.tag, move |app, request| {
        run(app, request, aim.clone())
    })
    .also(207, "At least one item was refused; `problem` says why.")
    .problems(&[Code::NotFound]);
    batch.scope = one.scope;
    batch.input = Some(content_in(&described, false));
    batch.output = Some(content_out(one));
    batch
}

/// What the items of a batch are carried out by.
#[derive(Clone)]
struct Aim {
    create: Endpoint,
    put: Option<Endpoint>,
    places: Option<PlacesOf>,
}

/// A plain create: it makes one record from a body alone. What shows a secret is made one by one.
fn is_create(endpoint: &Endpoint) -> bool {
    let makes = endpoint.id == "provision" || endpoint.id.starts_with("create_");
    endpoint.method == Method::POST
        && makes
        && endpoint.status == 201
        && endpoint.input.is_some()
        && !endpoint.path.contains('{')
        && !endpoint.shows_secret
}

fn batch_of(create: &Endpoint, put: Option<&Endpoint>) -> Endpoint {
    let plural = if create.id == "provision" {
        "provisions".to_owned()
    } else {
        create.tag.replace('_', " ")
    };
    let upsert = if put.is_some() {
        " With `mode: upsert` an item whose key (`external_id`, for people also `email`) is known changes that record."
    } else {
        ""
    };
    let aim = Aim {
        create: create.clone(),
        put: put.cloned(),
        places: None,
    };
    let mut batch = Endpoint::new(
        Method::POST,
        // The list of operations is made once.
        format!("{}/batch", create.path).leak(),
        format!("batch_{}", create.tag),
        create.tag,
        move |app, request| run(app, request, aim.clone()),
    )
    .about(
        format!("Up to {MAX_ITEMS} {plural} at once"),
        format!(
            "Each item is what `POST /api{}` takes and has its own status; it is carried out by itself and in order, so one that is refused \
             leaves the others alone.{upsert} 200: all went well; 207: at least one was refused. Pointers in problems are into this body. \
             Counts as one request. With an Idempotency-Key a repeat does only what was not done; in a dry run each item is judged by what \
             stands now, not by the items before it.",
            create.path
        ),
    )
    .also(207, "At least one item was refused; `problem` says why.");
    batch.scope = create.scope;
    batch.input = Some(content_in(create, put.is_some()));
    batch.output = Some(content_out(create));
    batch
}

fn content_in(create: &Endpoint, may_upsert: bool) -> Content {
    let input = create.input.clone();
    let modes: &[&str] = if may_upsert {
        &["create", "upsert"]
    } else {
        &["create"]
    };
    let example = input
        .as_ref()
        .and_then(|input| input.example.clone())
        .map(|example| json!({ "mode": "create", "items": [example] }));
    let schema = move |generator: &mut SchemaGenerator| {
        let item = input.as_ref().map(|input| (input.schema)(generator));
        object(&json!({
            "type": "object",
            "required": ["items"],
            "properties": {
                "mode": { "type": ["string", "null"], "enum": modes.iter().map(|word| json!(word)).chain([JsonValue::Null]).collect::<Vec<_>>(), "default": "create", "description": "What is done with the items." },
                "items": { "type": "array", "minItems": 1, "maxItems": MAX_ITEMS, "items": item, "description": "The records, in order." },
            },
            "additionalProperties": false,
        }))
    };
    Content {
        schema: Arc::new(schema),
        example,
    }
}

fn content_out(create: &Endpoint) -> Content {
    let output = create.output.clone();
    let schema = move |generator: &mut SchemaGenerator| {
        let record = output.as_ref().map(|output| (output.schema)(generator));
        // What gives nothing has no body here either.
        let record = record.map_or_else(|| json!({}), Schema::to_value);
        object(&json!({
            "type": "object",
            "required": ["data", "succeeded", "failed"],
            "properties": {
                "data": { "type": "array", "description": "One line for each item, in order.", "items": {
                    "type": "object",
                    "required": ["index", "status"],
                    "properties": {
                        "index": { "type": "integer", "description": "The item's place, from 0." },
                        "status": { "type": "integer", "description": "The status its own request would have had." },
                        "location": { "type": "string", "description": "The record's address." },
                        "body": record,
                        "problem": { "$ref": "#/components/schemas/Problem" },
                    },
                } },
                "succeeded": { "type": "integer", "description": "Items that went well." },
                "failed": { "type": "integer", "description": "Items that were refused." },
            },
        }))
    };
    Content {
        schema: Arc::new(schema),
        example: None,
    }
}

fn object(schema: &JsonValue) -> Schema {
    Schema::try_from(schema.clone()).unwrap_or_default()
}

async fn run(app: App, request: Request, mut aim: Aim) -> Result<Reply> {
    request.no_query()?;
    let body: BatchBody = request.body()?;
    let mode = body.mode.unwrap_or(Mode::Create);
    aim.put = match (mode, aim.put) {
        (Mode::Create, _) => None,
        (Mode::Upsert, Some(put)) => Some(put),
        (Mode::Upsert, None) => {
            let detail =
                "These records have no key of yours to find them by; only «create» is possible.";
            return Err(Error::invalid(vec![Fault::new(
                "/mode",
                "not_allowed",
                detail,
            )]));
        }
    };
    let call = &request.call;
    let remembered = request.idempotency.as_ref().filter(|_| !call.dry_run);
    let _place = match remembered {
        Some(idempotency) => {
            let place = idempotency.enter(&app, call)?;
            if let Some(reply) = idempotency.recall(&app, call).await? {
                return Ok(reply);
            }
            Some(place)
        }
        None => None,
    };
    let mut lines = Vec::with_capacity(body.items.len());
    let mut changes = Vec::new();
    let mut lasts = true;
    for (index, item) in body.items.into_iter().enumerate() {
        let reply = one(&app, &request, &aim, index, item).await;
        lasts &= reply.status < 400 || is_lasting_reply(&reply);
        lines.push(line(index, &reply, &mut changes));
    }
    let reply = answer(&lines, call.dry_run.then_some(changes))?;
    match remembered.filter(|_| lasts) {
        Some(idempotency) => keep(&app, call, idempotency, reply).await,
        None => Ok(reply),
    }
}

/// Carries out one item as the request it stands for.
async fn one(app: &App, batch: &Request, aim: &Aim, index: usize, item: JsonValue) -> Reply {
    let target = match (&aim.put, &aim.places) {
        (Some(put), _) => own_key(&item).map(|key| (put, vec![key])),
        (None, None) => Ok((&aim.create, batch.places.clone())),
        (None, Some(places)) => {
            places(&item).map(|more| (&aim.create, [batch.places.clone(), more].concat()))
        }
    };
    let outcome = match target {
        Ok((endpoint, places)) => {
            let body = item.to_string().into_bytes();
            let idempotency = batch
                .idempotency
                .as_ref()
                .map(|whole| whole.derived(index, endpoint.method.as_str(), endpoint.path, &body));
            let request = Request {
                call: Call {
                    // A moment of its own, so that the events of the items keep their order.
                    now: app.clock.now(),
                    ..batch.call.clone()
                },
                places,
                query: Vec::new(),
                body,
                is_lines: false,
                accepts_stream: false,
                last_event_id: None,
                if_match: None,
                if_none_match: None,
                idempotency,
                wait: None,
            };
            caught((endpoint.run)(app.clone(), request)).await
        }
        Err(error) => Err(error),
    };
    outcome.unwrap_or_else(|error| {
        if error.code() == Code::Internal {
            tracing::error!(
                index,
                request_id = &*batch.call.request_id,
                ?error,
                "an item of a batch has failed"
            );
        }
        Reply::problem(&error, &batch.call.request_id)
    })
}

/// The caller's own key of an item, as the address of its record names it.
fn own_key(item: &JsonValue) -> Result<String> {
    let text = |name: &str| item.get(name).and_then(JsonValue::as_str);
    if let Some(key) = text("external_id").and_then(|text| ExternalId::parse(text).ok()) {
        return Ok(format!("ext:{key}"));
    }
    if let Some(email) = text("email").and_then(|text| Email::parse(text).ok()) {
        return Ok(format!("email:{}", email.as_str()));
    }
    Err(Error::invalid(vec![Fault::new(
        "/external_id",
        "required",
        "An upsert finds its record by your own key: give external_id.",
    )]))
}

fn is_lasting_reply(reply: &Reply) -> bool {
    let problem: JsonValue = serde_json::from_slice(&reply.body).unwrap_or_default();
    is_lasting_status(reply.status) && problem.get("retryable") == Some(&JsonValue::Bool(false))
}

/// The line of one item.
fn line(index: usize, reply: &Reply, changes: &mut Vec<JsonValue>) -> JsonValue {
    let header = |name: &str| {
        let found = reply.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    };
    let mut line = Map::new();
    line.insert("index".to_owned(), index.into());
    line.insert("status".to_owned(), reply.status.into());
    if let Some(location) = header("location") {
        line.insert("location".to_owned(), location.into());
    }
    let mut body: JsonValue = serde_json::from_slice(&reply.body).unwrap_or_default();
    if header("content-type") == Some(problem::CONTENT_TYPE) {
        for fault in body
            .get_mut("errors")
            .and_then(JsonValue::as_array_mut)
            .into_iter()
            .flatten()
        {
            let pointer = fault.get("pointer").and_then(JsonValue::as_str);
            let whole = format!("/items/{index}{}", pointer.unwrap_or_default());
            if let Some(members) = fault.as_object_mut() {
                members.insert("pointer".to_owned(), whole.into());
            }
        }
        line.insert("problem".to_owned(), body);
    } else {
        if let Some(members) = body.as_object_mut()
            && members.shift_remove("dry_run").is_some()
            && let Some(JsonValue::Array(planned)) = members.shift_remove("changes")
        {
            changes.extend(planned);
        }
        line.insert("body".to_owned(), body);
    }
    line.into()
}

fn answer(lines: &[JsonValue], changes: Option<Vec<JsonValue>>) -> Result<Reply> {
    let failed = lines
        .iter()
        .filter(|line| line.get("problem").is_some())
        .count();
    let body = json!({ "data": lines, "succeeded": lines.len() - failed, "failed": failed });
    let reply = Reply::json(if failed == 0 { 200 } else { 207 }, &body)?;
    Ok(match changes {
        Some(changes) => reply.as_dry_run(changes),
        None => reply,
    })
}
