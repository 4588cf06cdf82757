//! Idempotency-Key: the answer of a request is kept with its effect and given again to its repeats.
//!
//! draft-ietf-httpapi-idempotency-key-header-07. The record is one more row of the list of writes, so effect and memory
//! stand or fall together; a repeat that comes while the first is running gets 409, one that comes later the stored
//! answer, one that says something else 422. Nothing is looked up on the way of a first request: the primary key of the
//! record refuses the second, and only then is it read.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use super::canonical::{IdempotencyKey, fingerprint};
use super::reply::Reply;
use crate::access::Call;
use crate::app::App;
use crate::db::{Select, Statement};
use crate::error::{Code, Error, Result};
use crate::params;
use crate::types::text::Json;

/// What a request must be equal to in order to be a repeat.
#[derive(Debug, Clone)]
pub struct Idempotency {
    key: IdempotencyKey,
    fingerprint: String,
}

/// Requests with a key that are running on this node.
#[derive(Default, Clone)]
pub struct Running(Arc<Mutex<HashSet<String>>>);

/// Holds a request's place among the running ones.
pub struct Place {
    running: Running,
    name: String,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.running
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.name);
    }
}

impl Idempotency {
    /// Reads the header of a request.
    pub fn of(
        header: Option<&[u8]>,
        method: &str,
        path: &str,
        query: Option<&str>,
        body: &[u8],
    ) -> Result<Option<Self>> {
        let Some(header) = header else {
            return Ok(None);
        };
        let key = IdempotencyKey::parse(header).map_err(|fault| {
            Error::new(Code::MalformedRequest, format!("Idempotency-Key: {fault}."))
        })?;
        Ok(Some(Self {
            key,
            fingerprint: fingerprint(method, path, query, body),
        }))
    }

    /// What makes an item of a batch a repeat of the same item of the same batch. The mark between key and number stands in
    /// no key that a caller may send.
    #[must_use]
    pub fn derived(&self, index: usize, method: &str, path: &str, body: &[u8]) -> Self {
        Self {
            key: self.key.derived(index),
            fingerprint: fingerprint(method, path, None, body),
        }
    }

    /// Takes the place of a running request: 409 while another holds it.
    pub fn enter(&self, app: &App, call: &Call) -> Result<Place> {
        let name = format!(
            "{}\n{}\n{}",
            call.account(),
            call.caller.lineage,
            self.key.as_str()
        );
        if app
            .running
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(name.clone())
        {
            return Ok(Place {
                running: app.running.clone(),
                name,
            });
        }
        Err(Error::new(
            Code::IdempotencyInProgress,
            "A request with the same Idempotency-Key is still running. Ask again in a second.",
        )
        .retry_after(1))
    }

    /// The row that remembers an answer.
    pub fn remember(&self, call: &Call, reply: &Reply) -> Statement {
        Statement::new(
            "INSERT INTO idempotency_records (account_id, lineage, idempotency_key, fingerprint, status, headers, body, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            params![
                call.caller.lineage.to_string(),
                self.key.as_str().to_owned(),
                self.fingerprint,
                i64::from(reply.status),
                Json(reply.headers.clone()),
                String::from_utf8_lossy(reply.kept.as_ref().unwrap_or(&reply.body)).into_owned(),
                call.now
            ],
        )
    }

    /// The stored answer, if this request has been answered before and is still remembered; 422 if the key belongs to another request.
    pub async fn recall(&self, app: &App, call: &Call) -> Result<Option<Reply>> {
        let select = Select::new(
            "SELECT fingerprint, status, headers, body FROM idempotency_records WHERE account_id = $1 AND lineage = $2 AND idempotency_key = $3",
            params![
                call.caller.lineage.to_string(),
                self.key.as_str().to_owned()
            ],
        );
        let found = app
            .db
            .first::<(String, i64, Json<Vec<(String, String)>>, String)>(call.account(), select)
            .await?;
        let Some((fingerprint, status, headers, body)) = found else {
            return Ok(None);
        };
        if fingerprint != self.fingerprint {
            return Err(Error::new(
                Code::IdempotencyKeyReused,
                "This Idempotency-Key was used for a different request. Use a new key for a new request.",
            ));
        }
        let mut reply = Reply {
            status: u16::try_from(status).unwrap_or(500),
            headers: headers.0,
            body: body.into(),
            kept: None,
            stream: None,
            counts: false,
        };
        reply
            .headers
            .push(("idempotent-replayed".to_owned(), "true".to_owned()));
        Ok(Some(reply))
    }
}
