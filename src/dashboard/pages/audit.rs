//! The audit trail: who did what, when and from where, the newest first.

use maud::{Render as _, html};

use super::desk::{Desk, Shown};
use super::users::pager;
use crate::dashboard::components::{
    ApiCall, Badge, Cell, Column, EmptyState, FilterBar, ListUrl, Row, Table, moment,
};
use crate::dashboard::icons::Icon;
use crate::dashboard::layout::Page;
use crate::error::Result;
use crate::events::AuditFact;

const PATH: &str = "/dashboard/audit";

/// The list.
pub(super) async fn list(desk: Desk) -> Result<Shown> {
    let facts = desk.records::<AuditFact>().await?;
    let url = desk.list(PATH);
    let actors = [
        ("user", "Person"),
        ("api_key", "API key"),
        ("system", "The service"),
    ];
    let mut bar = FilterBar::new(url.clone()).select("actor_type", "By", actors);
    for (name, label) in [("subject", "Record"), ("actor", "By"), ("action", "Action")] {
        if !desk.get(name).is_empty() {
            bar = bar.chip(name, label, desk.get(name));
        }
    }
    let empty = if bar.is_active() {
        EmptyState::no_match(url.reset().href())
    } else {
        EmptyState::new(
            Icon::Shield,
            "Nothing yet",
            "Every change is noted here, with who made it and from where.",
        )
    };
    let columns = ["Action", "By", "Record", "From", "When"].map(Column::new);
    let rows = facts.rows.iter().map(|fact| row(fact, &url));
    let table = Table::new("Audit trail", columns, rows)
        .empty(empty)
        .pager(pager(&desk, &url, &facts));
    let page = Page {
        lead: Some(
            "Who did what, when and from where. It can be added to, never changed.".to_owned(),
        ),
        ..Page::titled("Audit")
    };
    let call: ApiCall = desk
        .api("call-audit", "GET", "/audit_facts")
        .scope("audit:read");
    Ok(Shown::page(
        page,
        html! { div.stack { div.stack.stack-tight { (bar) (table) } (call) } },
    ))
}

fn row(fact: &AuditFact, url: &ListUrl) -> Row {
    let kind = match fact.actor_type.as_str() {
        "api_key" => Badge::new("API key").icon(Icon::Key),
        "user" => Badge::new("Person").icon(Icon::User),
        _ => Badge::new("Service").icon(Icon::Settings),
    };
    Row::new([
        Cell::new(html! {
            a.strong href=(url.with("action", &fact.action).href()) { (fact.action) }
            @if let (Some(id), false) = (&fact.request_id, fact.actor_type == "system") { span.cell-sub { "Request " (id) } }
        }),
        Cell::new(html! {
            @match &fact.actor_id {
                Some(id) => a href=(url.with("actor", id).href()) { (fact.actor_name) },
                None => (fact.actor_name),
            }
            " " (kind)
        }),
        fact.subject_id.as_ref().map_or_else(Cell::none, |id| {
            Cell::new(html! {
                @if let Some(name) = &fact.subject_name { (name) " " }
                a href=(url.with("subject", id).href()) { code { (id) } }
            })
        }),
        Cell::text(fact.address.as_deref().unwrap_or_default()),
        Cell::new(moment(fact.created_at.to_jiff()).render()),
    ])
}
