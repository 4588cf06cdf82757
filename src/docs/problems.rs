//! The pages of problems: one for each code, which is where the `type` of a problem document leads.

use std::collections::BTreeMap;

use maud::{Markup, Render, html};

use super::catalog;
use super::reference::{line, marked};
use super::shell::Page;
use crate::dashboard::components::{Badge, CodeBlock, Tone};
use crate::error::{Code, Error, Fault};
use crate::http::problem;
use crate::http::routes::endpoints;

/// A request id that is nobody's.
const SAMPLE_REQUEST: &str = "019cadb2-7e80-7000-8000-00000000c0de";

/// `/docs/problems`: all codes by status.
pub(super) fn index() -> Page {
    let mut by_status: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
    for code in Code::ALL {
        by_status.entry(code.status()).or_default().push(*code);
    }
    let body = html! {
        div.stack {
            @for (status, codes) in &by_status {
                section.docs-group aria-labelledby={ "status-" (status) } {
                    h2 id={ "status-" (status) } { (status) " " (status_words(*status)) }
                    ul.docs-operations {
                        @for code in codes {
                            li { a.docs-operation href=(problem::page(*code)) {
                                code { (code.as_str()) } span { (code.title()) }
                                @if code.is_retryable() { (Badge::new("retryable").tone(Tone::Accent)) }
                            } }
                        }
                    }
                }
            }
        }
    };
    let sections = by_status.keys().map(|status| {
        (
            format!("status-{status}"),
            format!("{status} {}", status_words(*status)),
        )
    });
    Page::new("Problems", "/docs/problems", body)
        .lead("Every code that an answer may carry. A code keeps its meaning for ever.")
        .sections(sections.collect())
}

fn status_words(status: u16) -> &'static str {
    axum::http::StatusCode::from_u16(status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or_default()
}

/// `/docs/problems/{code}`; none where there is no such code.
pub(super) fn one(name: &str) -> Option<Page> {
    let code = *Code::ALL.iter().find(|code| code.as_str() == name)?;
    let body = html! {
        div.stack.docs-narrow {
            div.row {
                (Badge::new(format!("{} {}", code.status(), status_words(code.status()))).tone(tone(code)))
                code { (code.as_str()) }
            }
            div.prose {
                p { (marked(code.explanation().trim())) }
                p { (repeating(code)) }
            }
            (example(code))
            (operations(code))
        }
    };
    let page = Page::new(code.title(), "/docs/problems", body).above("Problems", "/docs/problems");
    Some(page)
}

fn tone(code: Code) -> Tone {
    if code.status() >= 500 {
        Tone::Danger
    } else {
        Tone::Warning
    }
}

fn repeating(code: Code) -> Markup {
    html! {
        @if code.is_retryable() {
            b { "May succeed later. " }
            "Send the same request again after the seconds in " code { "Retry-After" } " (a second or two where there is none), a write with the same "
            a href="/docs/guides/idempotency" { code { "Idempotency-Key" } } "."
        } @else {
            b { "Will not succeed by repeating. " }
            "Change what the answer names, then send it again."
        }
    }
}

/// The document as it may come, with a detail of its own.
fn example(code: Code) -> Markup {
    let detail = code.explanation().replace('`', "").trim().to_owned();
    let mut error = match code {
        Code::ValidationFailed => Error::invalid(vec![
            Fault::new("/email", "invalid_format", "This is not a valid email."),
            Fault::new(
                "/nmae",
                "unknown_member",
                "There is no member «nmae» here. Did you mean «name»?",
            ),
        ]),
        _ => Error::new(code, detail),
    };
    if code.is_retryable() {
        error = error.retry_after(if code == Code::RateLimited { 38 } else { 1 });
    }
    error = match code {
        Code::InsufficientScope => error
            .with("required", "users:write")
            .with("granted", vec!["users:read"]),
        Code::RateLimited => error.with("violated-policies", vec!["default"]),
        Code::AlreadyExists => error.with("member", "email"),
        _ => error,
    };
    let head = error
        .retry_after_seconds()
        .map_or_else(String::new, |seconds| format!("Retry-After: {seconds}\n"));
    let document = problem::document(&error, SAMPLE_REQUEST);
    CodeBlock {
        title: "Answer".to_owned(),
        code: format!(
            "HTTP/1.1 {} {}\nContent-Type: {}\n{head}Request-Id: {SAMPLE_REQUEST}\n\n{document:#}",
            code.status(),
            status_words(code.status()),
            problem::CONTENT_TYPE,
        ),
    }
    .render()
}

fn operations(code: Code) -> Markup {
    let answering = catalog::answering(code);
    html! {
        section.docs-group aria-labelledby="operations" {
            h2 #operations { "Operations that may answer with it" }
            @if answering.len() == endpoints().len() {
                p { "Every operation of the " a href="/docs/reference" { "reference" } "." }
            } @else if answering.is_empty() {
                p { "No operation of the " a href="/docs/reference" { "reference" } ": it comes before one is found, or from the dashboard." }
            } @else {
                ul.docs-operations { @for operation in answering { li { (line(operation)) } } }
            }
        }
    }
}
