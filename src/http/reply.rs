//! An answer, before it becomes bytes on a connection: plain data, so that it can be remembered.

use std::sync::{Arc, Mutex, PoisonError};

use axum::body::{Body, Bytes};
use futures::stream::Stream;
use serde::Serialize;
use serde_json::Value as JsonValue;
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::http::problem;

/// A body that is made while it is sent.
#[derive(Clone)]
pub struct Streamed(Arc<Mutex<Option<Body>>>);

impl Streamed {
    /// A body of these parts; a fault in one ends the connection.
    pub fn new(parts: impl Stream<Item = Result<Bytes>> + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(Some(Body::from_stream(parts)))))
    }

    /// This body.
    pub fn of(body: Body) -> Self {
        Self(Arc::new(Mutex::new(Some(body))))
    }

    /// The body, once.
    pub fn take(&self) -> Body {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.take().unwrap_or_default()
    }
}

impl std::fmt::Debug for Streamed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a stream")
    }
}

/// An answer of the API.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// Headers beside those that every answer has, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body; empty for 204 and 304.
    pub body: Vec<u8>,
    /// What is remembered for repeats in place of the body: an answer that shows a secret is remembered without it.
    pub kept: Option<Vec<u8>>,
    /// What is sent instead of the body, made on the way.
    pub stream: Option<Streamed>,
    /// Whether it counts against the limit of requests.
    pub counts: bool,
}

impl Reply {
    /// A JSON answer.
    pub fn json(status: u16, value: &impl Serialize) -> Result<Self> {
        let mut body = Vec::with_capacity(1024);
        serde_json::to_writer(&mut body, value).map_err(Error::internal)?;
        Ok(Self::of_json(status, body))
    }

    /// An answer that is JSON already.
    pub const fn of_json(status: u16, body: Vec<u8>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body,
            kept: None,
            stream: None,
            counts: true,
        }
    }

    /// 204.
    pub const fn empty() -> Self {
        Self {
            status: 204,
            headers: Vec::new(),
            body: Vec::new(),
            kept: None,
            stream: None,
            counts: true,
        }
    }

    /// 308: the record has become part of another, which stands at this address.
    pub fn moved(location: String) -> Self {
        Self {
            status: 308,
            ..Self::empty()
        }
        .header("location", location)
    }

    /// Another format than JSON.
    pub fn text(content_type: &str, body: Vec<u8>) -> Self {
        Self {
            status: 200,
            headers: vec![("content-type".to_owned(), content_type.to_owned())],
            body,
            kept: None,
            stream: None,
            counts: true,
        }
    }

    /// A fault as a problem document.
    pub fn problem(error: &Error, request_id: &str) -> Self {
        problem::reply(error, request_id)
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Adds the strong validator of the body (RFC 9110 section 8.8.3).
    #[must_use]
    pub fn with_etag(self) -> Self {
        let tag = etag(&self.body);
        self.header("etag", tag)
    }

    /// Turns it into the answer of a dry run: the same body with `dry_run` and `changes`, nothing else having happened.
    #[must_use]
    pub fn as_dry_run(mut self, changes: Vec<JsonValue>) -> Self {
        let mut body = match serde_json::from_slice(&self.body) {
            Ok(JsonValue::Object(members)) => members,
            _ => serde_json::Map::new(),
        };
        body.insert("dry_run".to_owned(), true.into());
        body.insert("changes".to_owned(), changes.into());
        self.body = serde_json::to_vec(&body).unwrap_or_default();
        self.status = if matches!(self.status, 201 | 202 | 204) {
            200
        } else {
            self.status
        };
        self.headers
            .retain(|(name, _)| name != "location" && name != "etag");
        self
    }
}

/// The strong entity tag of a body: the first 16 bytes of its SHA-256.
pub fn etag(body: &[u8]) -> String {
    use base64::Engine as _;
    let hash = Sha256::digest(body);
    let short = hash.get(..16).unwrap_or(&hash);
    format!(
        "\"{}\"",
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(short)
    )
}
