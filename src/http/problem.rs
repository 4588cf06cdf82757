//! Faults as problem documents (RFC 9457), the only form in which the API tells of one.

use serde_json::{Map, Value as JsonValue, json};

use super::reply::Reply;
use crate::error::{Code, Error};

/// The media type.
pub const CONTENT_TYPE: &str = "application/problem+json";

/// The page of the documentation for a code, relative to the server.
pub fn page(code: Code) -> String {
    format!("/docs/problems/{}", code.as_str())
}

/// The document of one occurrence.
pub fn document(error: &Error, request_id: &str) -> JsonValue {
    let code = error.code();
    let mut members = Map::new();
    members.insert("type".to_owned(), page(code).into());
    members.insert("title".to_owned(), code.title().into());
    members.insert("status".to_owned(), code.status().into());
    members.insert("detail".to_owned(), error.detail().into());
    members.insert(
        "instance".to_owned(),
        format!("urn:uuid:{request_id}").into(),
    );
    members.insert("code".to_owned(), code.as_str().into());
    members.insert("request_id".to_owned(), request_id.into());
    members.insert("retryable".to_owned(), code.is_retryable().into());
    if !error.faults().is_empty() {
        members.insert("errors".to_owned(), json!(error.faults()));
    }
    for (name, value) in error.members() {
        members.insert((*name).to_owned(), value.clone());
    }
    members.into()
}

/// The answer for a fault.
pub fn reply(error: &Error, request_id: &str) -> Reply {
    let code = error.code();
    let body = serde_json::to_vec(&document(error, request_id)).unwrap_or_default();
    let mut reply = Reply {
        status: code.status(),
        headers: Vec::new(),
        body,
        kept: None,
        stream: None,
        counts: true,
    }
    .header("content-type", CONTENT_TYPE);
    if code.status() == 401 {
        reply = reply.header("www-authenticate", "Bearer");
    }
    if let Some(seconds) = error.retry_after_seconds() {
        reply = reply.header("retry-after", seconds.to_string());
    }
    reply
}
