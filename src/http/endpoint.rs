//! An operation of the API as data: what it is called, who may call it, what it takes and gives, and what runs it.
//!
//! The router, the scope check, the OpenAPI document, the reference pages and the contract tests are all made from the
//! same list, so none of them can say something else than the others.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use axum::http::Method;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::Value as JsonValue;

use super::reply::Reply;
use super::request::Request;
use crate::access::Permission;
use crate::app::App;
use crate::error::{Code, Result};

type Answer = Pin<Box<dyn Future<Output = Result<Reply>> + Send>>;
/// What runs an operation.
pub type Run = Arc<dyn Fn(App, Request) -> Answer + Send + Sync>;
/// What writes a schema into a document.
pub type MakeSchema = Arc<dyn Fn(&mut SchemaGenerator) -> Schema + Send + Sync>;

/// A member of the query.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// What it does.
    pub description: String,
    /// The schema of its value.
    pub schema: JsonValue,
}

/// A body that is taken or given.
#[derive(Clone)]
pub struct Content {
    /// Its schema.
    pub schema: MakeSchema,
    /// A body that works; executed in the tests.
    pub example: Option<JsonValue>,
}

/// One operation.
#[derive(Clone)]
pub struct Endpoint {
    /// GET, POST, PATCH, PUT or DELETE.
    pub method: Method,
    /// Below `/api`, with `{places}`.
    pub path: &'static str,
    /// `list_users`.
    pub id: String,
    /// The group in the reference: the plural of the record.
    pub tag: &'static str,
    /// One line.
    pub summary: String,
    /// What it promises.
    pub description: String,
    /// The permission it needs; none: any valid key.
    pub scope: Option<Permission>,
    /// Members of the query beside those every operation takes.
    pub query: Vec<Parameter>,
    /// The body it takes.
    pub input: Option<Content>,
    /// The status of success and the body it gives.
    pub status: u16,
    /// A further status of success, and when it is given.
    pub also: Option<(u16, &'static str)>,
    /// Whether it changes nothing although it takes a body.
    pub asks: bool,
    /// A media type beside JSON in which it can answer.
    pub also_media: Option<&'static str>,
    /// Whether its body may come as JSON lines, of any size an upload may have.
    pub takes_lines: bool,
    /// Whether its answer has a secret that is shown this once.
    pub shows_secret: bool,
    /// The body of success, if there is one.
    pub output: Option<Content>,
    /// Media types in which it answers instead of JSON.
    pub pictures: &'static [&'static str],
    /// Problems it may answer with, beside those every operation may.
    pub problems: Vec<Code>,
    /// What runs it.
    pub run: Run,
}

impl Endpoint {
    /// An operation that runs `handler`.
    pub fn new<F, Fut>(
        method: Method,
        path: &'static str,
        id: impl Into<String>,
        tag: &'static str,
        handler: F,
    ) -> Self
    where
        F: Fn(App, Request) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Reply>> + Send + 'static,
    {
        Self {
            method,
            path,
            id: id.into(),
            tag,
            summary: String::new(),
            description: String::new(),
            scope: None,
            query: Vec::new(),
            input: None,
            status: 200,
            also: None,
            asks: false,
            also_media: None,
            takes_lines: false,
            shows_secret: false,
            output: None,
            pictures: &[],
            problems: Vec::new(),
            run: Arc::new(move |app, request| Box::pin(handler(app, request))),
        }
    }

    /// Runs another handler, for a kind that needs more than what is made for all.
    #[must_use]
    pub fn runs<F, Fut>(mut self, handler: F) -> Self
    where
        F: Fn(App, Request) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Reply>> + Send + 'static,
    {
        self.run = Arc::new(move |app, request| Box::pin(handler(app, request)));
        self
    }

    /// Says what it is for: one line, and what it promises.
    #[must_use]
    pub fn about(mut self, summary: impl Into<String>, description: impl Into<String>) -> Self {
        self.summary = summary.into();
        self.description = description.into();
        self
    }

    /// Needs a permission.
    #[must_use]
    pub const fn scope(mut self, scope: Permission) -> Self {
        self.scope = Some(scope);
        self
    }

    /// Takes a body, of which `example` is one that works.
    #[must_use]
    pub fn takes<T: JsonSchema + 'static>(mut self, example: JsonValue) -> Self {
        self.input = Some(Content {
            schema: Arc::new(T::json_schema_of),
            example: Some(example),
        });
        self
    }

    /// Takes JSON lines (`application/x-ndjson`) as well.
    #[must_use]
    pub const fn takes_lines(mut self) -> Self {
        self.takes_lines = true;
        self
    }

    /// Gives a body.
    #[must_use]
    pub fn gives<T: JsonSchema + 'static>(mut self, status: u16) -> Self {
        self.status = status;
        self.output = Some(Content {
            schema: Arc::new(T::json_schema_of),
            example: None,
        });
        self
    }

    /// May also succeed with another status.
    #[must_use]
    pub const fn also(mut self, status: u16, when: &'static str) -> Self {
        self.also = Some((status, when));
        self
    }

    /// Shows a secret in its answer, which is not kept for repeats.
    #[must_use]
    pub const fn shows_secret(mut self) -> Self {
        self.shows_secret = true;
        self
    }

    /// Gives a picture of one of these media types.
    #[must_use]
    pub const fn gives_picture(mut self, media: &'static [&'static str]) -> Self {
        self.pictures = media;
        self
    }

    /// Gives no body.
    #[must_use]
    pub const fn gives_nothing(mut self) -> Self {
        self.status = 204;
        self
    }

    /// Takes a member in the query.
    #[must_use]
    pub fn parameter(
        mut self,
        name: impl Into<String>,
        description: impl Into<String>,
        schema: JsonValue,
    ) -> Self {
        self.query.push(Parameter {
            name: name.into(),
            description: description.into(),
            schema,
        });
        self
    }

    /// May answer with these problems.
    #[must_use]
    pub fn problems(mut self, codes: &[Code]) -> Self {
        self.problems.extend_from_slice(codes);
        self
    }

    /// Asks something by a body and changes nothing.
    #[must_use]
    pub const fn asks(mut self) -> Self {
        self.asks = true;
        self
    }

    /// Whether it changes nothing.
    pub fn is_read(&self) -> bool {
        self.asks || self.method == Method::GET
    }
}

/// The schema of a type as a reference into the document's components, as a plain function pointer.
trait SchemaOf: JsonSchema {
    fn json_schema_of(generator: &mut SchemaGenerator) -> Schema;
}

impl<T: JsonSchema> SchemaOf for T {
    fn json_schema_of(generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<T>()
    }
}
