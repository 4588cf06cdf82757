//! The door of the API: what happens to every request before and after its operation, in one place and in order.
//!
//! Request id → key → limit → body → operation → problem → headers. A write runs on a task of its own, so a client that
//! hangs up in the middle of it leaves it to finish; a panic is a 500 like any other.

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{
    HeaderMap, HeaderName, HeaderValue, Request as HttpRequest, Response, StatusCode, header,
};
use futures::FutureExt;
use http_body_util::{BodyExt, Limited};

use super::canonical::preferred_wait;
use super::endpoint::Endpoint;
use super::idempotency::Idempotency;
use super::reply::Reply;
use super::request::Request;
use crate::access::Call;
use crate::access::authenticate::{KnownKey, authenticate, note_use};
use crate::access::rate_limit::Standing;
use crate::app::App;
use crate::error::{Code, Error, Result};
use crate::metrics::OperationMetrics;
use crate::types::Timestamp;

/// An operation as it is served.
pub struct Route {
    /// The operation.
    pub endpoint: Endpoint,
    /// Its counters.
    pub metrics: OperationMetrics,
}

/// What is known of a request from its head.
struct Head {
    now: Timestamp,
    request_id: Arc<str>,
    address: Option<IpAddr>,
    /// The caller's own id of the request, given back beside ours.
    callers_id: Option<HeaderValue>,
}

/// Serves one request of one operation.
pub async fn serve(
    app: App,
    route: Arc<Route>,
    places: Vec<String>,
    request: HttpRequest<Body>,
) -> Response<Body> {
    let begun = Instant::now();
    let head = head(&app, &request);
    let mut standing = None;
    let reply = match admit(&app, &route, &head, places, request, &mut standing).await {
        Ok(reply) => reply,
        Err(error) => {
            report(&error, &head, &route.endpoint.id);
            Reply::problem(&error, &head.request_id)
        }
    };
    let took = begun.elapsed();
    route.metrics.record(reply.status, took);
    tracing::info!(
        target: "http",
        operation = route.endpoint.id,
        status = reply.status,
        duration_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
        request_id = &*head.request_id,
        "answered"
    );
    response(reply, &head, standing.as_ref())
}

/// Faults of the program go to the log with their cause; refusals do not.
fn report(error: &Error, head: &Head, operation: &str) {
    if error.code().status() >= 500 {
        tracing::error!(operation, request_id = &*head.request_id, code = error.code().as_str(), error = ?error, "failed");
    }
}

fn head(app: &App, request: &HttpRequest<Body>) -> Head {
    let now = app.clock.now();
    Head {
        now,
        request_id: app.ids.uuid(now).to_string().into(),
        address: client_address(app, request),
        callers_id: request
            .headers()
            .get("x-request-id")
            .filter(|id| id.len() <= 200)
            .cloned(),
    }
}

/// The client's address: the peer's, or behind trusted proxies the last one in X-Forwarded-For that is none of them.
pub fn client_address(app: &App, request: &HttpRequest<Body>) -> Option<IpAddr> {
    let peer = request
        .extensions()
        .get::<ConnectInfo<SocketAddr>>()
        .map(|info| info.0.ip().to_canonical())?;
    let trusted = |address: &IpAddr| {
        app.config
            .server
            .trusted_proxies
            .iter()
            .any(|net| net.contains(address))
    };
    if !trusted(&peer) {
        return Some(peer);
    }
    let forwarded = request
        .headers()
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok());
    let chain: Vec<IpAddr> = forwarded
        .flat_map(|value| value.split(','))
        .filter_map(|part| part.trim().parse::<IpAddr>().ok())
        .map(|address| address.to_canonical())
        .collect();
    Some(
        chain
            .iter()
            .rev()
            .find(|address| !trusted(address))
            .copied()
            .unwrap_or(peer),
    )
}

async fn admit(
    app: &App,
    route: &Arc<Route>,
    head: &Head,
    places: Vec<String>,
    request: HttpRequest<Body>,
    standing: &mut Option<Standing>,
) -> Result<Reply> {
    let (parts, body) = request.into_parts();
    let pairs = query_pairs(parts.uri.query())?;
    let authorization = parts
        .headers
        .get(header::AUTHORIZATION)
        .map(|value| value.to_str().unwrap_or(""));
    let known = match authenticate(app, authorization, head.address, head.now).await {
        Ok(known) => known,
        Err(error) => return Err(limit_strangers(app, head, error)),
    };
    let counted = count(app, &known, head.now).await?;
    *standing = Some(counted);
    if !counted.allowed {
        return Err(over_limit(app, &counted));
    }
    let agent = parts
        .headers
        .get(header::USER_AGENT)
        .and_then(|value| value.to_str().ok());
    note_use(app, &known, head.address, agent, head.now);
    // Whoever holds different permissions in different teams reaches those where they hold this one.
    let caller = match route.endpoint.scope {
        Some(scope) => known.caller().acting(scope)?,
        None => Arc::clone(known.caller()),
    };
    accepts(&parts.headers, &route.endpoint)?;
    let is_write = !route.endpoint.is_read();
    let is_lines = route.endpoint.takes_lines && media_type(&parts.headers) == LINES;
    let body = read_body(
        app,
        &parts.headers,
        body,
        route.endpoint.input.is_some(),
        is_lines,
    )
    .await?;
    let mut query = pairs;
    let dry_run = is_write && take_dry_run(&mut query)?;
    let call = Call {
        caller,
        now: head.now,
        request_id: Arc::clone(&head.request_id),
        address: head.address.map(|address| address.to_string().into()),
        dry_run,
    };
    let key = parts
        .headers
        .get("idempotency-key")
        .filter(|_| is_write)
        .map(HeaderValue::as_bytes);
    let text = |name: HeaderName| {
        parts
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned)
    };
    let prefer = parts
        .headers
        .get_all("prefer")
        .iter()
        .filter_map(|value| value.to_str().ok());
    let request = Request {
        idempotency: Idempotency::of(
            key,
            parts.method.as_str(),
            parts.uri.path(),
            parts.uri.query(),
            &body,
        )?,
        is_lines,
        accepts_stream: names_stream(&parts.headers),
        last_event_id: text(HeaderName::from_static("last-event-id")),
        if_match: text(header::IF_MATCH),
        if_none_match: text(header::IF_NONE_MATCH),
        wait: preferred_wait(prefer).map(|wait| wait.as_secs()),
        call,
        places,
        query,
        body,
    };
    let reply = run(app, route, request, is_write).await?;
    if !reply.counts {
        give_back(app, &known, head.now, standing);
    }
    Ok(reply)
}

/// Runs the operation; a write to its end, whatever becomes of the client.
async fn run(app: &App, route: &Arc<Route>, request: Request, is_write: bool) -> Result<Reply> {
    let future = caught((route.endpoint.run)(app.clone(), request));
    let limit = app.config.server.request_timeout;
    let late = || {
        Error::new(Code::Unavailable, "The request took too long. A write may still be finished: repeat it with the same Idempotency-Key.").retry_after(2)
    };
    if is_write {
        let task = crate::tasks::spawn(future);
        tokio::time::timeout(limit, task)
            .await
            .map_err(|_| late())?
            .map_err(Error::internal)?
    } else {
        tokio::time::timeout(limit, future)
            .await
            .map_err(|_| late())?
    }
}

/// Runs an operation; a panic in it is a fault like any other.
pub(super) async fn caught(running: impl Future<Output = Result<Reply>>) -> Result<Reply> {
    let outcome = AssertUnwindSafe(running).catch_unwind().await;
    outcome.unwrap_or_else(|panic| {
        let text = panic
            .downcast_ref::<&str>()
            .map_or("no message", |text| text);
        Err(Error::internal(format!("a handler panicked: {text}")))
    })
}

/// Requests without a valid key are limited by address.
fn limit_strangers(app: &App, head: &Head, error: Error) -> Error {
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
async fn count(app: &App, known: &Arc<KnownKey>, now: Timestamp) -> Result<Standing> {
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

fn over_limit(app: &App, standing: &Standing) -> Error {
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

fn give_back(app: &App, known: &Arc<KnownKey>, now: Timestamp, standing: &mut Option<Standing>) {
    app.limiter.give_back(known.caller().account.as_str(), now);
    if known.key_limit.is_some() {
        app.limiter.give_back(&known.caller().lineage, now);
    }
    if let Some(standing) = standing {
        standing.remaining += 1;
    }
}

fn query_pairs(query: Option<&str>) -> Result<Vec<(String, String)>> {
    let Some(query) = query.filter(|query| !query.is_empty()) else {
        return Ok(Vec::new());
    };
    let pairs: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect();
    if pairs.iter().any(|(name, value)| {
        value.contains("b2b_live_") || matches!(name.as_str(), "api_key" | "access_token")
    }) {
        return Err(Error::new(
            Code::KeyInQuery,
            "An API key was sent in the address, where it is logged and shared. Send it in the Authorization header, and replace it: it may have been seen.",
        ));
    }
    Ok(pairs)
}

fn take_dry_run(query: &mut Vec<(String, String)>) -> Result<bool> {
    let Some(at) = query.iter().position(|(name, _)| name == "dry_run") else {
        return Ok(false);
    };
    match query.remove(at).1.as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(Error::new(
            Code::InvalidParameter,
            "dry_run takes true or false.",
        )),
    }
}

fn accepts(headers: &HeaderMap, endpoint: &Endpoint) -> Result<()> {
    let mut accepted = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .peekable();
    if accepted.peek().is_none() {
        return Ok(());
    }
    let fits = |range: &str| {
        let range = range.split(';').next().unwrap_or("").trim();
        matches!(
            range,
            "*/*" | "application/*" | "application/json" | "application/problem+json"
        ) || endpoint.also_media == Some(range)
            || endpoint.pictures.contains(&range)
            || (range == "image/*" && !endpoint.pictures.is_empty())
    };
    if accepted.any(|value| value.split(',').any(fits)) {
        return Ok(());
    }
    Err(Error::new(
        Code::NotAcceptable,
        "The answers of this API are JSON; the Accept header asks for something else only.",
    ))
}

/// Whether the Accept header names the media type of streams.
fn names_stream(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter();
    let mut ranges = accepted
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    ranges.any(|range| range.split(';').next().unwrap_or("").trim() == super::stream::MEDIA)
}

/// JSON lines.
const LINES: &str = "application/x-ndjson";

/// The media type of a body, without parameters and in lower case.
fn media_type(headers: &HeaderMap) -> String {
    let media = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("");
    let essence = media.split(';').next().unwrap_or("");
    essence.trim().to_ascii_lowercase()
}

async fn read_body(
    app: &App,
    headers: &HeaderMap,
    body: Body,
    wanted: bool,
    is_lines: bool,
) -> Result<Vec<u8>> {
    let limit = if is_lines {
        app.config.server.upload_limit_bytes
    } else {
        app.config.server.body_limit_bytes
    };
    let too_large = || {
        Error::new(
            Code::BodyTooLarge,
            format!("The body is larger than the {limit} bytes that this endpoint takes."),
        )
    };
    let announced = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    let read = tokio::time::timeout(Duration::from_secs(30), Limited::new(body, limit).collect());
    let bytes = match read.await {
        Ok(Ok(collected)) => collected.to_bytes(),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => return Err(too_large()),
        Ok(Err(_)) => {
            return Err(Error::new(
                Code::MalformedRequest,
                "The body broke off before its end.",
            ));
        }
        Err(_) => {
            return Err(Error::new(
                Code::MalformedRequest,
                "The body did not arrive within 30 seconds.",
            ));
        }
    };
    if !wanted {
        return Ok(Vec::new());
    }
    let essence = media_type(headers);
    if !is_lines
        && essence != "application/json"
        && !(essence.starts_with("application/") && essence.ends_with("+json"))
    {
        return Err(Error::new(
            Code::UnsupportedMediaType,
            "The body must be JSON: send Content-Type: application/json.",
        ));
    }
    if bytes.is_empty() {
        return Err(Error::new(
            Code::MalformedRequest,
            "The body is empty; this operation takes a JSON object.",
        ));
    }
    Ok(bytes.to_vec())
}

fn response(reply: Reply, head: &Head, standing: Option<&Standing>) -> Response<Body> {
    let body = match &reply.stream {
        Some(stream) => stream.take(),
        None => Body::from(reply.body),
    };
    let mut response = Response::new(body);
    *response.status_mut() =
        StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    if !matches!(reply.status, 204 | 304) {
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    for (name, value) in reply.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.insert(name, value);
        }
    }
    if headers.contains_key(header::ETAG) {
        headers.insert(
            header::CACHE_CONTROL,
            HeaderValue::from_static("private, no-cache"),
        );
    }
    if let Ok(id) = HeaderValue::from_str(&head.request_id) {
        headers.insert("request-id", id);
    }
    if let Some(id) = &head.callers_id {
        headers.insert("x-request-id", id.clone());
    }
    if let Some(standing) = standing {
        limit_headers(headers, standing, head.now);
    }
    response
}

/// draft-ietf-httpapi-ratelimit-headers, and the older form that many clients read.
fn limit_headers(headers: &mut HeaderMap, standing: &Standing, now: Timestamp) {
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
