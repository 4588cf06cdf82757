//! The limits of requests: of an account, of a key, and of addresses without a valid key.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue};

use super::Head;
use crate::access::authenticate::KnownKey;
use crate::access::rate_limit::Standing;
use crate::app::App;
use crate::error::{Code, Error, Result};
use crate::types::Timestamp;

/// Requests without a valid key are limited by address.
pub(super) fn limit_strangers(app: &App, head: &Head, error: Error) -> Error {
    let (Some(address), 401) = (head.address, error.code().status()) else {
        return error;
    };
    let limit = i64::from(app.config.limits.unauthenticated_per_minute);
    let standing = app.limiter.take_address(address, limit, head.now);
    if standing.allowed {
        return error;
    }
    app.metrics.rate_limited.inc();
    let wait = u64::try_from(standing.reset).unwrap_or(60).max(1);
    Error::new(
        Code::RateLimited,
        format!("Too many requests without a valid key from this address. Wait {wait} seconds."),
    )
    .retry_after(wait)
}

/// Counts a request against the account's limit and the key's own; the headers describe the one that would stop first.
pub(super) async fn count(app: &App, known: &Arc<KnownKey>, now: Timestamp) -> Result<Standing> {
    let account = &known.caller().account;
    let of_account = app
        .limiter
        .take(&app.db, account, account.as_str(), known.account_limit, now)
        .await?;
    let mut tightest = of_account;
    if let (Some(limit), true) = (known.key_limit, of_account.allowed) {
        let of_key = app
            .limiter
            .take(&app.db, account, &known.caller().lineage, limit, now)
            .await?;
        if !of_key.allowed {
            app.limiter.give_back(account.as_str(), now);
        }
        if !of_key.allowed || of_key.remaining < of_account.remaining {
            tightest = of_key;
        }
    }
    Ok(tightest)
}

pub(super) fn over_limit(app: &App, standing: &Standing) -> Error {
    app.metrics.rate_limited.inc();
    let wait = u64::try_from(standing.reset).unwrap_or(60).max(1);
    Error::new(
        Code::RateLimited,
        format!(
            "The limit of {} requests a minute is used up. Wait {wait} seconds.",
            standing.limit
        ),
    )
    .retry_after(wait)
    .with("violated-policies", vec!["default"])
}

pub(super) fn give_back(
    app: &App,
    known: &Arc<KnownKey>,
    now: Timestamp,
    standing: &mut Option<Standing>,
) {
    app.limiter.give_back(known.caller().account.as_str(), now);
    if known.key_limit.is_some() {
        app.limiter.give_back(&known.caller().lineage, now);
    }
    if let Some(standing) = standing {
        standing.remaining += 1;
    }
}

/// draft-ietf-httpapi-ratelimit-headers, and the older form that many clients read.
pub(super) fn limit_headers(headers: &mut HeaderMap, standing: &Standing, now: Timestamp) {
    let window = crate::access::rate_limit::WINDOW;
    let texts = [
        (
            "ratelimit-policy",
            format!("\"default\";q={};w={window}", standing.limit),
        ),
        (
            "ratelimit",
            format!("\"default\";r={};t={}", standing.remaining, standing.reset),
        ),
        ("x-ratelimit-limit", standing.limit.to_string()),
        ("x-ratelimit-remaining", standing.remaining.to_string()),
        (
            "x-ratelimit-reset",
            (now.seconds() + standing.reset).to_string(),
        ),
    ];
    for (name, text) in texts {
        if let Ok(value) = HeaderValue::try_from(text) {
            headers.insert(name, value);
        }
    }
}
