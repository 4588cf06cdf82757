//! Wrong passwords, and forms that anybody may send, counted for a minute on each node, so that nobody guesses or sends in
//! bulk.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::error::{Code, Error, Result};
use crate::types::Timestamp;

/// Wrong passwords from one network address for one e-mail address in a minute, before the next is not looked at.
const FAILURES: u32 = 10;
/// Pairs of addresses remembered at once; past it they are forgotten together.
const REMEMBERED: usize = 100_000;

/// Wrong passwords of the present minute on this node.
#[derive(Default)]
pub struct Failures(Mutex<(i64, HashMap<String, u32>)>);

impl Failures {
    fn with<T>(&self, now: Timestamp, act: impl FnOnce(&mut HashMap<String, u32>) -> T) -> T {
        let minute = now.seconds().div_euclid(60);
        let mut guard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if guard.0 != minute || guard.1.len() > REMEMBERED {
            *guard = (minute, HashMap::new());
        }
        act(&mut guard.1)
    }

    /// Refuses after too many: 429 `rate_limited` until the minute is over.
    pub(super) fn check(&self, name: &str, now: Timestamp) -> Result<()> {
        if self.with(now, |known| known.get(name).copied().unwrap_or(0)) < FAILURES {
            return Ok(());
        }
        let wait = 60 - now.seconds().rem_euclid(60);
        Err(Error::new(
            Code::RateLimited,
            "Too many wrong passwords. Wait a minute, or ask for a sign-in link.",
        )
        .retry_after(wait.unsigned_abs()))
    }

    /// Counts something that anybody may do, and refuses it after so many in a minute: 429 `rate_limited`.
    pub fn take(&self, name: &str, most: u32, now: Timestamp) -> Result<()> {
        let taken = self.with(now, |known| {
            let count = known.entry(name.to_owned()).or_insert(0);
            *count += 1;
            *count
        });
        if taken <= most {
            return Ok(());
        }
        let wait = 60 - now.seconds().rem_euclid(60);
        Err(Error::new(
            Code::RateLimited,
            "Too many tries from this address. Wait a minute.",
        )
        .retry_after(wait.unsigned_abs()))
    }

    /// Counts a wrong password.
    pub(super) fn count(&self, name: String, now: Timestamp) {
        self.with(now, |known| *known.entry(name).or_insert(0) += 1);
    }
}
