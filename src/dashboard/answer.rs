//! What leaves with every page: its headers, the ways to another page, and the page of an error.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};

use super::components::{Button, Callout, Card, ErrorSummary, Tone};
use super::door::Guest;
use super::form::FieldErrors;
use super::layout::{self, CardPage, Page};
use super::notice;
use crate::error::{Code, Error, Result};
use crate::i18n::text as say;

/// What a page's handler gives: a response, or an error that the door makes a page of.
pub type Answer = Result<Response, PageError>;

/// An error on its way to the door. Made by `?` from an [`Error`].
#[derive(Clone)]
pub struct PageError(pub Arc<Error>);

impl<E: Into<Error>> From<E> for PageError {
    fn from(error: E) -> Self {
        Self(Arc::new(error.into()))
    }
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = status_of(&self.0);
        response.extensions_mut().insert(self);
        response
    }
}

fn status_of(error: &Error) -> StatusCode {
    StatusCode::from_u16(error.code().status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// What a page may load (Content Security Policy Level 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// Our own style sheet, script and pictures.
    Strict,
    /// The same, and frames of our own.
    Frames,
    /// The same as strict, and pictures from elsewhere: an account's logo.
    Logo,
    /// The HTML of a mail, which is shown in a frame: no script, no forms, its links in new windows.
    Mail,
}

impl Policy {
    const fn text(self) -> &'static str {
        match self {
            Self::Strict => {
                "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
            }
            Self::Frames => {
                "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; frame-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
            }
            Self::Logo => {
                "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data: https:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
            }
            Self::Mail => {
                "default-src 'none'; style-src 'unsafe-inline'; img-src https: data:; form-action 'none'; frame-ancestors 'self'; base-uri 'none'; sandbox allow-popups allow-popups-to-escape-sandbox"
            }
        }
    }
}

/// A page with the headers that all pages have; what the last request had to say is said now, and not again.
pub fn html(guest: &Guest, markup: &Markup, policy: Policy) -> Response {
    let response = document(&guest.request_id, markup.0.clone(), policy);
    if guest.notice.is_some() {
        return with_cookie(response, &notice::cleared(&guest.app));
    }
    response
}

/// An HTML document with the headers that all have.
pub fn document(request_id: &str, text: String, policy: Policy) -> Response {
    let mut response = Response::new(Body::from(text));
    let fixed: [(HeaderName, &'static str); 6] = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, policy.text()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
    ];
    let headers = response.headers_mut();
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert("request-id", id);
    }
    response
}

/// Leads to another page with GET (303).
pub fn see_other(to: &str) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let to = HeaderValue::from_str(to).unwrap_or(HeaderValue::from_static("/"));
    headers.insert(header::LOCATION, to);
    response
}

/// Leads to the sign-in page, and from there back to `target`.
pub fn to_sign_in(target: &str) -> Response {
    if target == "/" || target == "/dashboard" {
        return see_other("/sign-in");
    }
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("next", target)
        .finish();
    see_other(&format!("/sign-in?{query}"))
}

/// Adds a `Set-Cookie` header.
pub fn with_cookie(mut response: Response, cookie: &str) -> Response {
    if let Ok(cookie) = HeaderValue::from_str(cookie) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// `next`, if it leads to a page of this site (and not, say, to `//elsewhere`).
pub fn own_path(next: &str) -> Option<&str> {
    let is_own = next.starts_with('/')
        && !next.starts_with("//")
        && !next.contains('\\')
        && next.bytes().all(|byte| byte.is_ascii_graphic());
    is_own.then_some(next)
}

/// The page for an address that does not exist.
pub async fn nowhere(guest: Guest) -> Response {
    let error = Error::new(
        Code::RouteNotFound,
        "The address is not right, or what was here is gone.",
    );
    error_page(&guest, &error)
}

/// The page of an error, in the frame of whoever sees it.
pub fn error_page(guest: &Guest, error: &Error) -> Response {
    let code = error.code();
    if code.status() >= 500 {
        tracing::error!(page = &*guest.target, request_id = &*guest.request_id, code = code.as_str(), error = ?error, "failed");
    }
    let mut response = match guest.clone().visitor() {
        Ok(visitor) => {
            let page = Page {
                narrow: true,
                ..Page::titled(code.title())
            };
            let body = Card::new(error_body(error, &guest.request_id));
            html(
                guest,
                &layout::page(&visitor.shell(None), &page, &maud::Render::render(&body)),
                Policy::Strict,
            )
        }
        Err(_) => learner_error(guest, error),
    };
    *response.status_mut() = status_of(error);
    if let Some(seconds) = error.retry_after_seconds() {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// The same in the reader's language, for those who have no part in the dashboard.
fn learner_error(guest: &Guest, error: &Error) -> Response {
    let locale = guest.locale();
    let seconds = error.retry_after_seconds().unwrap_or(60);
    let values = [
        ("request", guest.request_id.to_string().into()),
        ("seconds", seconds.into()),
    ];
    let (title, text) = match (error.code(), error.code().status()) {
        (Code::CsrfMismatch, _) => ("error-form-expired-title", "error-form-expired"),
        (_, 404) => ("error-not-found-title", "error-not-found"),
        (_, 403) => ("error-forbidden-title", "error-forbidden"),
        (_, 429) => ("error-too-many-title", "error-too-many"),
        _ => ("error-internal-title", "error-internal"),
    };
    let page = CardPage {
        title: say(&locale, title, &[]),
        lead: Some(say(&locale, text, &values)),
        lang: locale.language().code().to_owned(),
        ..CardPage::default()
    };
    let home = Button::link(say(&locale, "page-home", &[]), "/").block();
    guest.card(page, &html! { (home) })
}

fn error_body(error: &Error, request_id: &str) -> Markup {
    let faults = FieldErrors::of(error);
    let tone = if error.code().status() >= 500 {
        Tone::Danger
    } else {
        Tone::Warning
    };
    html! {
        div.stack.stack-tight {
            @if error.faults().is_empty() {
                (Callout::new(tone, error.detail().to_owned()))
            } @else {
                (ErrorSummary(faults.plain()))
            }
            @if error.code().status() >= 500 { p.muted.small { "Request " code { (request_id) } } }
            div.row { (Button::link("Go to the start", "/dashboard")) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_this_site_are_followed() {
        assert_eq!(own_path("/dashboard?q=1"), Some("/dashboard?q=1"));
        for foreign in [
            "",
            "dashboard",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/a b",
            "/a\r\nX: y",
        ] {
            assert_eq!(own_path(foreign), None, "{foreign}");
        }
    }
}
