//! The documentation people read, at `/docs`: guides, reference, problems, commands and settings.
//!
//! Nothing here is written twice: the reference comes from the table of operations, the pages of problems from the
//! codes, the commands from the command line, the settings from the example file, the guides from `docs/`. Everything
//! is read without script and without a network, and examples carry the reader's own address.

mod catalog;
pub mod examples;
mod guides;
mod literal;
mod problems;
mod reference;
mod sample;
mod schema;
mod search;
mod shell;
mod start;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use serde::Deserialize;

use crate::app::App;
use crate::dashboard::layout::Theme;
use shell::Page;

/// What pages may load: the server's own style sheet, script and pictures. Nothing inline, nothing from elsewhere.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; font-src 'self'; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

#[derive(Clone)]
struct Docs {
    /// The address in the settings; without one the reader's is used.
    public_origin: Option<Arc<str>>,
    /// Where the server listens, for readers who name no host.
    listening: Arc<str>,
}

/// Everything under `/docs`, and `/llms.txt`. The style sheet is [`crate::dashboard::assets`]'.
pub fn routes(app: &App) -> Router {
    let server = &app.config.server;
    let docs = Docs {
        public_origin: server.public_url.as_ref().map(|_| server.origin().into()),
        listening: server.origin().into(),
    };
    Router::new()
        .route("/docs", get(begin))
        .route("/docs/", get(|| async { Redirect::permanent("/docs") }))
        .route("/docs/guides/{name}", get(guide))
        .route("/docs/reference", get(all_operations))
        .route("/docs/reference/{tag}", get(operations))
        .route("/docs/problems", get(all_problems))
        .route("/docs/problems/{code}", get(one_problem))
        .route("/docs/commands", get(commands))
        .route("/docs/settings", get(settings))
        .route("/docs/search", get(find))
        .route("/docs/{*rest}", get(nowhere))
        .route("/llms.txt", get(index_for_programs))
        .with_state(docs)
}

impl Docs {
    /// The address of this server as the reader knows it: the setting, else the host they asked for.
    fn origin(&self, headers: &HeaderMap) -> String {
        if let Some(origin) = &self.public_origin {
            return origin.to_string();
        }
        let host = headers
            .get(header::HOST)
            .and_then(|host| host.to_str().ok())
            .filter(|host| is_host(host));
        host.map_or_else(
            || self.listening.to_string(),
            |host| format!("http://{host}"),
        )
    }
}

fn answer(status: StatusCode, page: &Page, headers: &HeaderMap) -> Response {
    let cookies = headers
        .get(header::COOKIE)
        .and_then(|cookies| cookies.to_str().ok())
        .unwrap_or_default();
    let html = shell::write(page, Theme::from_cookies(cookies));
    let fixed = [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::CACHE_CONTROL, "private, no-cache"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
    ];
    let fixed: [(HeaderName, HeaderValue); 4] =
        fixed.map(|(name, value)| (name, HeaderValue::from_static(value)));
    (status, fixed, html).into_response()
}

fn found(page: &Page, headers: &HeaderMap) -> Response {
    answer(StatusCode::OK, page, headers)
}

fn found_or_not(page: Option<Page>, headers: &HeaderMap) -> Response {
    match page {
        Some(page) => found(&page, headers),
        None => answer(StatusCode::NOT_FOUND, &start::nowhere(), headers),
    }
}

/// A host name or address with its port, and nothing that could be anything else.
fn is_host(host: &str) -> bool {
    let fits =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']');
    (1..=255).contains(&host.len()) && host.bytes().all(fits)
}

async fn begin(State(docs): State<Docs>, headers: HeaderMap) -> Response {
    let page = start::page(&docs.origin(&headers));
    found(&page, &headers)
}

async fn guide(State(docs): State<Docs>, Path(name): Path<String>, headers: HeaderMap) -> Response {
    let origin = docs.origin(&headers);
    let source = name
        .strip_suffix(".md")
        .and_then(|name| guides::GUIDES.iter().find(|guide| guide.name == name));
    if let Some(guide) = source {
        let kind = [(header::CONTENT_TYPE, "text/markdown; charset=utf-8")];
        return (kind, guide.markdown(&origin)).into_response();
    }
    let page = start::guide(&name, &origin);
    found_or_not(page, &headers)
}

async fn all_operations(headers: HeaderMap) -> Response {
    found(&reference::index(), &headers)
}

async fn operations(
    State(docs): State<Docs>,
    Path(tag): Path<String>,
    headers: HeaderMap,
) -> Response {
    let page = reference::group(&tag, &docs.origin(&headers));
    found_or_not(page, &headers)
}

async fn all_problems(headers: HeaderMap) -> Response {
    found(&problems::index(), &headers)
}

async fn one_problem(Path(code): Path<String>, headers: HeaderMap) -> Response {
    found_or_not(problems::one(&code), &headers)
}

async fn commands(headers: HeaderMap) -> Response {
    found(&start::commands(), &headers)
}

async fn settings(headers: HeaderMap) -> Response {
    found(&start::settings(), &headers)
}

#[derive(Deserialize)]
struct Search {
    #[serde(default)]
    q: String,
}

async fn find(Query(search): Query<Search>, headers: HeaderMap) -> Response {
    found(&search::page(&search.q), &headers)
}

async fn nowhere(headers: HeaderMap) -> Response {
    found_or_not(None, &headers)
}

/// The index of the documentation as plain text (llmstxt.org), with whole addresses.
async fn index_for_programs(State(docs): State<Docs>, headers: HeaderMap) -> Response {
    let text = start::plain_index(&docs.origin(&headers));
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_host_is_taken_for_one() {
        for host in ["example.com", "127.0.0.1:8080", "[::1]:80", "a-b.example"] {
            assert!(is_host(host), "{host}");
        }
        for host in ["", "a/b", "a'b", "a b", "<x>", "user@host"] {
            assert!(!is_host(host), "{host}");
        }
    }
}
