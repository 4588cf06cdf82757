//! The audit trail: who did what, when and from where, the newest first.

use axum::Router;
use axum::extract::RawQuery;
use axum::routing::get;
use maud::{Render as _, html};

use crate::access::Permission;
use crate::app::App;
use crate::dashboard::answer::Answer;
use crate::dashboard::components::{
    Badge, Cell, Column, EmptyState, FilterBar, ListUrl, Pager, Row, Table, moment,
};
use crate::dashboard::door::Visitor;
use crate::dashboard::form::FormData;
use crate::dashboard::icons::Icon;
use crate::dashboard::layout::Page;
use crate::dashboard::rooms::Room;
use crate::db::{Column as _, DbError, FromRow, Reader, Select};
use crate::params;
use crate::types::Timestamp;

const PATH: &str = "/dashboard/audit";
/// Facts on a page.
const ROWS: usize = 50;

/// The page.
pub fn routes() -> Router<App> {
    Router::new().route(PATH, get(list))
}

/// One line of the trail.
struct Fact {
    id: String,
    action: String,
    actor_type: String,
    actor_name: String,
    subject_id: Option<String>,
    address: Option<String>,
    request_id: Option<String>,
    created_at: Timestamp,
}

impl FromRow for Fact {
    fn from_row(reader: &mut Reader<'_>) -> Result<Self, DbError> {
        Ok(Self {
            id: String::read(reader)?,
            action: String::read(reader)?,
            actor_type: String::read(reader)?,
            actor_name: String::read(reader)?,
            subject_id: Option::<String>::read(reader)?,
            address: Option::<String>::read(reader)?,
            request_id: Option::<String>::read(reader)?,
            created_at: Timestamp::read(reader)?,
        })
    }
}

async fn list(visitor: Visitor, RawQuery(query): RawQuery) -> Answer {
    visitor.session.caller.require(Permission::AuditRead)?;
    visitor.session.caller.require_account()?;
    let query = FormData::parse(query.unwrap_or_default().as_bytes());
    // `~` sorts behind every id, and an empty filter fits everything.
    let select = Select::new(
        "SELECT id, action, actor_type, actor_name, subject_id, address, request_id, created_at FROM audit_facts \
         WHERE account_id = $1 AND id < $2 AND ($3 = '' OR actor_type = $3) AND ($4 = '' OR subject_id = $4) ORDER BY id DESC LIMIT $5",
        params![
            query.optional("cursor").unwrap_or("~").to_owned(),
            query.get("actor").to_owned(),
            query.get("subject").to_owned(),
            i64::try_from(ROWS + 1).unwrap_or(i64::MAX)
        ],
    );
    let mut facts: Vec<Fact> = visitor
        .app
        .db
        .fetch(&visitor.session.account, select)
        .await?;
    let more = facts.len() > ROWS;
    facts.truncate(ROWS);
    let url = ListUrl::new(PATH, query.pairs().to_vec());
    let actors = [
        ("user", "Person"),
        ("api_key", "API key"),
        ("system", "The service"),
    ];
    let mut bar = FilterBar::new(url.clone()).select("actor", "By", actors);
    if let Some(subject) = query.optional("subject") {
        bar = bar.chip("subject", "Record", subject);
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
    let rows = facts.iter().map(|fact| row(fact, &url));
    let table = Table::new("Audit trail", columns, rows)
        .empty(empty)
        .pager(Pager {
            previous: query
                .optional("cursor")
                .map(|_| url.without("cursor").href()),
            next: facts
                .last()
                .filter(|_| more)
                .map(|fact| url.with("cursor", &fact.id).href()),
            shown: facts.len() as u64,
            total: None,
            limit: ROWS as u64,
            url,
        });
    let page = Page {
        lead: Some(
            "Who did what, when and from where. It can be added to, never changed.".to_owned(),
        ),
        ..Page::titled("Audit")
    };
    Ok(visitor.render(Room::Audit, &page, &html! { (bar) (table) }))
}

fn row(fact: &Fact, url: &ListUrl) -> Row {
    let kind = match fact.actor_type.as_str() {
        "api_key" => Badge::new("API key").icon(Icon::Key),
        "user" => Badge::new("Person").icon(Icon::User),
        _ => Badge::new("Service").icon(Icon::Settings),
    };
    Row::new([
        Cell::new(html! {
            span.strong { (fact.action) }
            @if let Some(id) = &fact.request_id { span.cell-sub { "Request " (id) } }
        }),
        Cell::new(html! { (fact.actor_name) " " (kind) }),
        fact.subject_id.as_ref().map_or_else(Cell::none, |id| {
            Cell::new(html! { a href=(url.with("subject", id).href()) { code { (id) } } })
        }),
        Cell::text(fact.address.as_deref().unwrap_or_default()),
        Cell::new(moment(fact.created_at.to_jiff()).render()),
    ])
}
