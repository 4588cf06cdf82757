//! Limits of requests: fixed windows of a minute, held over all nodes together.
//!
//! A node takes small leases of the window from the database and serves from them, so the limit is never exceeded and
//! costs no write per request. A lease is a quarter of what is left and 5 % of the limit at most, so that near the end
//! the nodes share what remains one by one.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use crate::db::{Db, DbError, Select, Statement};
use crate::error::{Error, Result};
use crate::params;
use crate::types::{AccountId, Timestamp};

/// The length of a window in seconds.
pub const WINDOW: i64 = 60;

/// Addresses remembered for requests without a valid key, at most; past it the oldest window's are forgotten.
const ADDRESSES: usize = 100_000;

/// What a limit says to one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Requests a window.
    pub limit: i64,
    /// Requests left in this one.
    pub remaining: i64,
    /// Seconds until the next one.
    pub reset: i64,
    /// Whether this request may pass.
    pub allowed: bool,
}

#[derive(Default)]
struct Window {
    at: i64,
    /// Leased here and not used yet.
    unspent: i64,
    /// Leased by all nodes, as far as is known here.
    leased: i64,
}

#[derive(Default)]
struct Subject {
    window: Mutex<Window>,
    leasing: tokio::sync::Mutex<()>,
}

/// The limits of this node.
#[derive(Default)]
pub struct Limiter {
    subjects: Mutex<HashMap<Arc<str>, Arc<Subject>>>,
    addresses: Mutex<(i64, HashMap<IpAddr, i64>)>,
}

impl Limiter {
    /// No requests yet.
    pub fn new() -> Self {
        Self::default()
    }

    fn subject(&self, name: &str) -> Arc<Subject> {
        let mut subjects = self.subjects.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(subject) = subjects.get(name) {
            return Arc::clone(subject);
        }
        let subject = Arc::new(Subject::default());
        subjects.insert(name.into(), Arc::clone(&subject));
        subject
    }

    /// Counts one request of `name` (an account's or a key's id) against `limit`.
    pub async fn take(
        &self,
        db: &Db,
        account: &AccountId,
        name: &str,
        limit: i64,
        now: Timestamp,
    ) -> Result<Standing> {
        let subject = self.subject(name);
        let at = now.seconds().div_euclid(WINDOW) * WINDOW;
        if let Some(standing) = subject.take(at, limit, now) {
            return Ok(standing);
        }
        // One lease at a time; those who waited for it find it filled.
        let _leasing = subject.leasing.lock().await;
        loop {
            if let Some(standing) = subject.take(at, limit, now) {
                return Ok(standing);
            }
            // On a task of its own: a caller who goes away must not take what was leased along.
            let (subject, db) = (Arc::clone(&subject), db.clone());
            let (account, name) = (account.clone(), name.to_owned());
            let lease = async move { subject.lease(&db, &account, &name, limit).await };
            crate::tasks::spawn(lease)
                .await
                .map_err(Error::internal)??;
        }
    }

    /// Gives one request back that does not count: a replay, or an answer without a body.
    pub fn give_back(&self, name: &str, now: Timestamp) {
        let subject = self.subject(name);
        let mut window = subject
            .window
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if window.at == now.seconds().div_euclid(WINDOW) * WINDOW {
            window.unspent += 1;
        }
    }

    /// Counts one request without a valid key from an address, on this node alone.
    pub fn take_address(&self, address: IpAddr, limit: i64, now: Timestamp) -> Standing {
        let at = now.seconds().div_euclid(WINDOW) * WINDOW;
        let mut guard = self
            .addresses
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if guard.0 != at || guard.1.len() > ADDRESSES {
            *guard = (at, HashMap::new());
        }
        let used = guard.1.entry(address).or_insert(0);
        *used += 1;
        Standing {
            limit,
            remaining: (limit - *used).max(0),
            reset: at + WINDOW - now.seconds(),
            allowed: *used <= limit,
        }
    }
}

impl Subject {
    /// Serves from what is leased; `None` when a new lease is needed.
    fn take(&self, at: i64, limit: i64, now: Timestamp) -> Option<Standing> {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        if window.at < at {
            *window = Window {
                at,
                ..Window::default()
            };
        }
        let reset = (window.at + WINDOW - now.seconds()).max(1);
        if window.unspent > 0 {
            window.unspent -= 1;
            return Some(Standing {
                limit,
                remaining: (limit - window.leased + window.unspent).max(0),
                reset,
                allowed: true,
            });
        }
        (window.leased >= limit).then_some(Standing {
            limit,
            remaining: 0,
            reset,
            allowed: false,
        })
    }

    /// Leases for the window that requests are served from: a request that was stamped just before the turn may find
    /// the next one.
    async fn lease(&self, db: &Db, account: &AccountId, name: &str, limit: i64) -> Result<()> {
        let at = self
            .window
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .at;
        loop {
            let known = Select::new(
                "SELECT leased FROM rate_windows WHERE account_id = $1 AND subject = $2 AND window_at = $3",
                params![name.to_owned(), at],
            );
            let leased = db
                .first::<(i64,)>(account, known)
                .await?
                .map_or(0, |(leased,)| leased);
            let wanted = ((limit - leased) / 4).clamp(1, (limit / 20).max(1));
            if leased >= limit {
                self.note(at, leased, 0);
                return Ok(());
            }
            // The guard is on what was read, so two nodes never believe in the same lease.
            let statement = if leased == 0 {
                Statement::guarded(
                    "INSERT INTO rate_windows (account_id, subject, window_at, leased) VALUES ($1, $2, $3, $4) ON CONFLICT (account_id, subject, window_at) DO NOTHING",
                    params![name.to_owned(), at, wanted],
                )
            } else {
                Statement::guarded(
                    "UPDATE rate_windows SET leased = leased + $4 WHERE account_id = $1 AND subject = $2 AND window_at = $3 AND leased = $5",
                    params![name.to_owned(), at, wanted, leased],
                )
            };
            match db.write(account, vec![statement]).await {
                Ok(_) => {
                    self.note(at, leased + wanted, wanted);
                    return Ok(());
                }
                Err(DbError::Stale) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn note(&self, at: i64, leased: i64, got: i64) {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        if window.at == at {
            window.leased = leased;
            window.unspent += got;
        }
    }
}
