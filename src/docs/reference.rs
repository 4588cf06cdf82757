//! The reference: every operation with its parameters, bodies, problems and examples, from the same table that serves it.

use std::collections::BTreeMap;

use maud::{Markup, html};
use serde_json::Value as JsonValue;

use super::catalog::{self, href};
use super::examples::examples;
use super::literal::{JSON, literal};
use super::schema::{Member, Schemas};
use super::shell::{Page, heading, icon_of};
use crate::dashboard::components::{Badge, CodeBlock, CodeTabs, Tone};
use crate::error::Code;
use crate::http::endpoint::Endpoint;
use crate::http::{openapi, problem};

/// `/docs/reference`: all operations, group by group.
pub(super) fn index() -> Page {
    let body = html! {
        div.stack {
            p.secondary { "The same for programs, as OpenAPI 3.1: " a href="/api/openapi.json" { "/api/openapi.json" } "." }
            @for tag in catalog::tags() {
                section.docs-group aria-labelledby=(tag) {
                    h2 id=(tag) { (icon_of(tag)) a href={ "/docs/reference/" (tag) } { (heading(tag)) } }
                    ul.docs-operations {
                        @for operation in catalog::of_tag(tag) { li { (line(operation)) } }
                    }
                }
            }
        }
    };
    let sections = catalog::tags()
        .into_iter()
        .map(|tag| (tag.to_owned(), heading(tag)));
    Page::new("All operations", "/docs/reference", body)
        .lead("Each with its parameters, bodies, problems and an example in five languages.")
        .sections(sections.collect())
}

/// An operation on one line, with a link to its place.
pub(super) fn line(operation: &Endpoint) -> Markup {
    html! {
        a.docs-operation href=(href(operation)) {
            (method(operation))
            code { "/api" (operation.path) }
            span { (operation.summary) }
        }
    }
}

fn method(operation: &Endpoint) -> Markup {
    let tone = match operation.method.as_str() {
        "GET" => Tone::Success,
        "DELETE" => Tone::Danger,
        "POST" => Tone::Accent,
        _ => Tone::Warning,
    };
    html! { span.docs-method { (Badge::new(operation.method.as_str()).tone(tone)) } }
}

/// `/docs/reference/{tag}`: the operations of one group; none where there is no such group.
pub(super) fn group(tag: &str, origin: &str) -> Option<Page> {
    let operations: Vec<&Endpoint> = catalog::of_tag(tag).collect();
    operations.first()?;
    let (described, schemas) = openapi::described(operations.iter().copied());
    let schemas = Schemas(&schemas);
    let body = html! {
        ul.docs-operations { @for one in &operations { li { (line(one)) } } }
        @for (one, described) in operations.iter().zip(&described) { (operation(one, described, &schemas, origin)) }
    };
    let page = Page::new(heading(tag), format!("/docs/reference/{tag}"), body)
        .above("All operations", "/docs/reference");
    Some(page)
}

fn operation(
    operation: &Endpoint,
    described: &JsonValue,
    schemas: &Schemas<'_>,
    origin: &str,
) -> Markup {
    let input = described.pointer("/requestBody/content/application~1json/schema");
    let success = format!(
        "/responses/{}/content/application~1json/schema",
        operation.status
    );
    let output = described.pointer(&success);
    html! {
        section.docs-entry id=(operation.id) aria-labelledby={ (operation.id) "-title" } {
            header {
                h2 id={ (operation.id) "-title" } { a.docs-anchor href={ "#" (operation.id) } { (operation.summary) } }
                p.docs-path { (method(operation)) code { "/api" (operation.path) } }
                p { (marked(&operation.description)) }
                p.small.secondary {
                    @match operation.scope {
                        Some(scope) => { "Needs a key with the scope " code { (scope.as_str()) } "." }
                        None => { "Any valid key will do." }
                    }
                }
            }
            div.docs-columns {
                div.docs-facts {
                    (parameters(described))
                    @if let Some(schema) = input { (block("Body", &members(&schemas.members(schema), true))) }
                    (answer(schemas, operation, output))
                    (problems(operation))
                }
                div.docs-examples {
                    (tabs(operation, origin))
                    @if let Some(schema) = output {
                        (sample(schemas, operation, schema))
                    }
                }
            }
        }
    }
}

fn block(title: &str, content: &Markup) -> Markup {
    html! { div.docs-block { h3 { (title) } (content) } }
}

/// Parameters by where they stand: path, query, headers.
fn parameters(described: &JsonValue) -> Markup {
    let list = described.get("parameters").and_then(JsonValue::as_array);
    let mut places: BTreeMap<&str, Vec<Member>> = BTreeMap::new();
    for parameter in list.into_iter().flatten() {
        let text = |name: &str| {
            parameter
                .get(name)
                .and_then(JsonValue::as_str)
                .unwrap_or_default()
        };
        let title = match text("in") {
            "path" => "1 In the path",
            "query" => "2 In the query",
            _ => "3 As headers",
        };
        places
            .entry(title)
            .or_default()
            .push(super::schema::parameter(parameter));
    }
    html! {
        @for (title, list) in &places {
            (block(title.get(2..).unwrap_or(title), &members(list, true)))
        }
    }
}

/// Members as rows; `asked` says that they are the caller's to give, so that those that must be given are marked.
pub(super) fn members(list: &[Member], asked: bool) -> Markup {
    html! {
        @if list.is_empty() { p.muted { "An object without members." } }
        dl.docs-members {
            @for member in list {
                div {
                    dt {
                        code { (member.path) }
                        span.docs-kind { (member.kind) }
                        @if asked && member.required { span.docs-required { "required" } }
                    }
                    dd {
                        @if !member.description.is_empty() { p { (marked(&member.description)) } }
                        @if !member.words.is_empty() { (words(&member.words)) }
                        @if !member.notes.is_empty() { p.docs-notes { (member.notes.join(" · ")) } }
                    }
                }
            }
        }
    }
}

fn words(words: &[(String, String)]) -> Markup {
    html! {
        @if words.iter().any(|(_, about)| !about.is_empty()) {
            details.disclosure open[words.len() <= 8] {
                summary { (words.len()) " values" }
                ul.docs-words { @for (word, about) in words { li { code { (word) } " " (marked(about)) } } }
            }
        } @else {
            p.docs-notes { @for (n, (word, _)) in words.iter().enumerate() { @if n > 0 { ", " } code { (word) } } }
        }
    }
}

fn answer(schemas: &Schemas<'_>, operation: &Endpoint, output: Option<&JsonValue>) -> Markup {
    let status = match (operation.method.as_str(), operation.status) {
        ("PUT", 200) => "200, or 201 when it was made".to_owned(),
        (_, status) => status.to_string(),
    };
    let content = html! {
        @match output {
            None => p.secondary { "No body." }
            Some(schema) => {
                details.disclosure {
                    summary { "Members of the answer" }
                    (members(&schemas.members(schema), false))
                }
            }
        }
    };
    block(&format!("Answer: {status}"), &content)
}

/// The problems of the operation itself, then those that many have in common.
fn problems(operation: &Endpoint) -> Markup {
    let by_status = openapi::problems(operation);
    let codes: Vec<Code> = by_status.into_values().flatten().collect();
    let (own, common): (Vec<Code>, Vec<Code>) = codes
        .into_iter()
        .partition(|code| operation.problems.contains(code));
    let link = |code: &Code| html! { li { a href=(problem::page(*code)) { code { (code.as_str()) } } " " span.muted { (code.status()) } } };
    let content = html! {
        @if !own.is_empty() { ul.docs-codes { @for code in &own { (link(code)) } } }
        details.disclosure {
            summary { @if own.is_empty() { "Problems that many operations have in common" } @else { "and those that many operations have in common" } }
            ul.docs-codes { @for code in &common { (link(code)) } }
        }
    };
    block("Problems", &content)
}

fn tabs(operation: &Endpoint, origin: &str) -> CodeTabs {
    let tabs = examples(operation, origin)
        .into_iter()
        .map(|example| (example.language.to_owned(), example.code));
    CodeTabs {
        id: format!("{}-example", operation.id),
        tabs: tabs.collect(),
    }
}

fn sample(schemas: &Schemas<'_>, operation: &Endpoint, schema: &JsonValue) -> CodeBlock {
    let known = operation
        .input
        .as_ref()
        .and_then(|input| input.example.clone())
        .unwrap_or_default();
    let sample = schemas.sample(schema, &known);
    CodeBlock {
        title: format!("Answer {} (form)", operation.status),
        code: literal(&sample, &JSON, 0),
    }
}

/// A sentence with its code spans.
pub(super) fn marked(text: &str) -> Markup {
    html! {
        @for (n, part) in text.split('`').enumerate() {
            @if n % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}
