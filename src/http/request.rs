//! A request of the API after the door: who calls, the parts of its address, its body as read.

use serde::de::DeserializeOwned;

use super::idempotency::Idempotency;
use crate::access::Call;
use crate::body::read_body;
use crate::error::{Code, Error, Result};
use crate::types::{Kind, Ref};

/// What a handler gets.
pub struct Request {
    /// Who calls, when, under which id.
    pub call: Call,
    /// The values of the path's places, in order.
    pub places: Vec<String>,
    /// The members of the query, decoded, without those that every operation takes.
    pub query: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// Whether the body came as JSON lines.
    pub is_lines: bool,
    /// The validator of If-Match.
    pub if_match: Option<String>,
    /// The validators of If-None-Match.
    pub if_none_match: Option<String>,
    /// Whether the answer may be a stream of events.
    pub accepts_stream: bool,
    /// The last event that a stream had before it was cut off.
    pub last_event_id: Option<String>,
    /// What makes it a repeat of another.
    pub idempotency: Option<Idempotency>,
    /// How long the caller would wait for what follows, in seconds.
    pub wait: Option<u64>,
}

impl Request {
    /// The reference at a place of the path; what is not one is not found.
    pub fn reference<K: Kind + ?Sized>(&self, place: usize) -> Result<Ref<K>> {
        let text = self.places.get(place).map_or("", String::as_str);
        Ref::parse(text).map_err(|fault| {
            Error::new(
                Code::NotFound,
                format!("«{}» {fault}.", text.chars().take(100).collect::<String>()),
            )
        })
    }

    /// Refuses query members that the operation does not take.
    pub fn no_query(&self) -> Result<()> {
        match self.query.first() {
            None => Ok(()),
            Some((name, _)) => Err(Error::new(
                Code::InvalidParameter,
                format!(
                    "This operation has no parameter «{}».",
                    name.chars().take(60).collect::<String>()
                ),
            )),
        }
    }

    /// The body as `T`, or every fault it has.
    pub fn body<T: DeserializeOwned + schemars::JsonSchema + 'static>(&self) -> Result<T> {
        read_body(&self.body)
    }
}
