//! The feeds over HTTP: events by their published sequence, and the audit trail.

use std::sync::Arc;

use serde_json::json;

use super::crud::{self, Paths};
use super::endpoint::Endpoint;
use super::jobs::in_order;
use super::request::Request;
use super::stream;
use crate::error::{Code, Error};
use crate::events::{AuditFact, EventRow};

const EVENTS: Paths = Paths {
    list: "/events",
    one: "/events/{id}",
};
const AUDIT: Paths = Paths {
    list: "/audit_facts",
    one: "/audit_facts/{id}",
};

/// The operations.
pub fn endpoints() -> Vec<Endpoint> {
    let mut list = Vec::new();
    for endpoint in crud::reads::<EventRow>(&EVENTS) {
        if endpoint.path == EVENTS.list {
            let feed = feed(endpoint);
            list.push(stream::endpoint(&feed));
            list.push(feed);
        } else {
            list.push(endpoint);
        }
    }
    list.extend(crud::reads::<AuditFact>(&AUDIT));
    list
}

/// The list of events: published ones alone, in their order, from a place in the sequence on.
fn feed(endpoint: Endpoint) -> Endpoint {
    let inner = Arc::clone(&endpoint.run);
    let published = endpoint
        .about(
            "List events",
            "Every change, in the order of `sequence`, which has no holes: an event is shown once all before it are. Follow the feed with \
             `since=<the last sequence you have>`, or page by page with `cursor`. Kept for 90 days.",
        )
        .parameter(
            "since",
            "Events after this sequence.",
            json!({ "type": "integer", "minimum": 0 }),
        )
        .runs(move |app, mut request: Request| {
            let mut wrong = None;
            for (name, value) in &mut request.query {
                if name == "since" {
                    let sequence = value.trim().parse::<i64>().ok();
                    if sequence.is_none_or(|sequence| sequence < 0) {
                        wrong = Some(Error::new(
                            Code::InvalidParameter,
                            "since takes the sequence of an event.",
                        ));
                    }
                    "sequence[gt]".clone_into(name);
                }
            }
            // What is not published has no sequence and is not greater than any.
            let published = ("sequence[gt]".to_owned(), "0".to_owned());
            if !request.query.contains(&published) {
                request.query.push(published);
            }
            let inner = Arc::clone(&inner);
            async move {
                match wrong {
                    Some(error) => Err(error),
                    None => inner(app, request).await,
                }
            }
        });
    in_order(published, "sequence")
}
