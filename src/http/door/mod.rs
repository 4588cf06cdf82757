//! The door of the API: what happens to every request before and after its operation, in one place and in order.
//!
//! Request id → key → limit → body → operation → problem → headers. A write runs on a task of its own, so a client that
//! hangs up in the middle of it leaves it to finish; a panic is a 500 like any other. `limits` counts the requests,
//! `reading` takes apart what they say.

mod limits;
mod reading;

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderName, HeaderValue, Request as HttpRequest, Response, StatusCode, header};
use futures::FutureExt;

use super::canonical::preferred_wait;
use super::endpoint::Endpoint;
use super::idempotency::Idempotency;
use super::reply::Reply;
use super::request::Request;
use crate::access::Call;
use crate::access::authenticate::{authenticate, note_use};
use crate::access::rate_limit::Standing;
use crate::app::App;
use crate::error::{Code, Error, Result};
use crate::metrics::OperationMetrics;
use crate::types::Timestamp;
use limits::{count, give_back, limit_headers, limit_strangers, over_limit};
use reading::{LINES, accepts, media_type, names_stream, query_pairs, read_body, take_dry_run};

/// An operation as it is served.
pub struct Route {
    /// The operation.
    pub endpoint: &'static Endpoint,
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
    accepts(&parts.headers, route.endpoint)?;
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
