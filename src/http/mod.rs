//! The HTTP surface of the API.
//!
//! `routes.rs` lists every operation; `door` is what happens to each request before and after it; `crud.rs` makes the
//! operations that all kinds of record have. Nothing below `http/` knows of HTTP.

pub mod batch;
pub mod canonical;
pub mod credits;
pub mod crud;
pub mod domain_claims;
pub mod door;
pub mod endpoint;
pub mod enrollments;
pub mod expand;
pub mod feeds;
pub mod groups;
pub mod holds;
pub mod idempotency;
pub mod invitations;
pub mod jobs;
pub mod keys;
pub mod lifecycle;
pub mod links;
pub mod mails;
pub mod members;
pub mod openapi;
pub mod orders;
pub mod organization_parts;
pub mod organizations;
pub mod parameters;
pub mod people;
pub mod permissions;
pub mod problem;
pub mod provision;
pub mod reply;
pub mod reports;
pub mod request;
pub mod roles;
pub mod routes;
pub mod seat_requests;
pub mod seat_sharing;
pub mod seats;
pub mod settings;
pub mod stream;
pub mod system;
pub mod waitlist;
pub mod write;

use std::collections::BTreeMap;
use std::future::ready;
use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, Request as HttpRequest};
use axum::http::{Response, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{MethodFilter, MethodRouter, any, get, on};
use tower_http::compression::CompressionLayer;

use crate::app::App;
use crate::error::{Code, Error};
use crate::metrics;
use door::Route;
use reply::Reply;

/// The whole site: the API, its documentation and the dashboard.
pub fn site(app: &App) -> Router {
    router(app)
        .merge(crate::docs::routes(app))
        .merge(crate::dashboard::routes(app))
}

/// Everything under `/api`, and what the operator's machines ask for.
pub fn router(app: &App) -> Router {
    let mut by_path: BTreeMap<&'static str, MethodRouter> = BTreeMap::new();
    for endpoint in routes::endpoints() {
        let path = endpoint.path;
        let filter = MethodFilter::try_from(endpoint.method.clone()).unwrap_or(MethodFilter::GET);
        let counters = app.metrics.operation(&endpoint.id);
        let route = Arc::new(Route {
            endpoint,
            metrics: counters,
        });
        let own = app.clone();
        let handler = move |places: Result<RawPathParams, RawPathParamsRejection>, request| {
            // An address that is no UTF-8 names nothing: its place stays empty.
            let places = places.map_or_else(
                |_| vec![String::new()],
                |places| places.iter().map(|(_, value)| value.to_owned()).collect(),
            );
            door::serve(own.clone(), Arc::clone(&route), places, request)
        };
        let methods = by_path.remove(path).unwrap_or_default();
        by_path.insert(path, methods.on(filter, handler));
    }
    let mut api = Router::new();
    for (path, methods) in by_path {
        api = api.route(path, methods);
    }
    let ids = app.clone();
    let nowhere = app.clone();
    let api = api
        .route("/openapi.json", get(describe))
        .method_not_allowed_fallback(move || ready(plain_problem(&ids, &Error::new(Code::MethodNotAllowed, "This address does not take that method; the Allow header lists those it takes."))))
        .fallback(move || ready(plain_problem(&nowhere, &nowhere_error())));
    let (asked, scraped, root) = (app.clone(), app.clone(), app.clone());
    Router::new()
        .nest("/api", api)
        .route(
            "/api/",
            any(move || ready(plain_problem(&root, &nowhere_error()))),
        )
        .route("/healthz", on(MethodFilter::GET, || async { "ok\n" }))
        .route("/readyz", get(move || readiness(asked.clone())))
        .route(
            "/metrics",
            get(move |request: HttpRequest| ready(scrape(&scraped, &request))),
        )
        .layer(CompressionLayer::new())
}

/// The OpenAPI document.
async fn describe() -> impl IntoResponse {
    (
        [
            (header::CONTENT_TYPE, "application/json"),
            (header::CACHE_CONTROL, "public, max-age=300"),
        ],
        openapi::text().await,
    )
}

fn nowhere_error() -> Error {
    Error::new(
        Code::RouteNotFound,
        "There is no such address in this API. All of them are listed at /docs and in /api/openapi.json.",
    )
}

fn plain_problem(app: &App, error: &Error) -> Response<Body> {
    let now = app.clock.now();
    let request_id = app.ids.uuid(now).to_string();
    let reply = Reply::problem(error, &request_id);
    let mut response = Response::new(Body::from(reply.body));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::NOT_FOUND);
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static(problem::CONTENT_TYPE),
    );
    if let Ok(id) = header::HeaderValue::from_str(&request_id) {
        response.headers_mut().insert("request-id", id);
    }
    response
}

/// Whether this node can serve: the database answers.
async fn readiness(app: App) -> (StatusCode, &'static str) {
    match app.db.ping().await {
        Ok(()) => (StatusCode::OK, "ready\n"),
        Err(error) => {
            tracing::warn!(%error, "not ready");
            (
                StatusCode::SERVICE_UNAVAILABLE,
                "the database does not answer\n",
            )
        }
    }
}

/// The counters, for machines in the same house only.
fn scrape(app: &App, request: &HttpRequest) -> Response<Body> {
    let is_near = |address: IpAddr| match address {
        IpAddr::V4(address) => address.is_loopback() || address.is_private(),
        IpAddr::V6(address) => address.is_loopback() || address.is_unique_local(),
    };
    if !door::client_address(app, request).is_none_or(is_near) {
        return plain_problem(
            app,
            &Error::new(Code::RouteNotFound, "There is no such address here."),
        );
    }
    let mut response = Response::new(Body::from(app.metrics.encode()));
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static(metrics::CONTENT_TYPE),
    );
    response
}
