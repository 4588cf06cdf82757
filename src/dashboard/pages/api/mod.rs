//! Settings > API: the keys of the account, where the API is, and how much of it there is.

mod key;
mod new;

use axum::Router;
use axum::extract::RawQuery;
use axum::routing::get;
use maud::{Markup, Render as _, html};
use serde_json::json;

use crate::access::Permission;
use crate::access::api_keys::{self, ApiKey, ApiKeyStatus, Preset, Scopes};
use crate::accounts;
use crate::app::App;
use crate::dashboard::answer::Answer;
use crate::dashboard::components::{
    ApiCall, Badge, Button, Card, Cell, CodeTabs, Column, CopyField, EmptyState, Facts, ListUrl,
    Pager, Row, Secret, Table, Tone, ago, day, number, split, stack,
};
use crate::dashboard::door::Visitor;
use crate::dashboard::form::FormData;
use crate::dashboard::icons::Icon;
use crate::dashboard::layout::Page;
use crate::dashboard::rooms::Room;
use crate::types::Timestamp;

/// Where these pages are.
const PATH: &str = "/dashboard/settings/api";
/// Keys on a page.
const KEYS: i64 = 50;

/// The pages.
pub fn routes() -> Router<App> {
    Router::new()
        .route(PATH, get(list))
        .merge(new::routes())
        .merge(key::routes())
}

async fn list(visitor: Visitor, RawQuery(query): RawQuery) -> Answer {
    visitor.session.caller.require(Permission::KeysRead)?;
    let query = FormData::parse(query.unwrap_or_default().as_bytes());
    let app = &visitor.app;
    let account = accounts::find(&app.db, &visitor.session.account).await?;
    let after = query.optional("cursor").and_then(api_keys::ApiKeyId::parse);
    let mut keys = api_keys::list(&app.db, &account.id, after.as_ref(), KEYS + 1).await?;
    let more = keys.len() > 50;
    keys.truncate(50);
    let may_make = visitor.session.caller.may(Permission::KeysWrite);
    let limit = account
        .requests_per_minute
        .unwrap_or_else(|| i64::from(app.config.limits.requests_per_minute));
    let url = ListUrl::new(PATH, query.pairs().to_vec());
    let mut table = table(&keys, may_make, visitor.now());
    if more || after.is_some() {
        table = table.pager(Pager {
            previous: after.is_some().then(|| PATH.to_owned()),
            next: keys
                .last()
                .filter(|_| more)
                .map(|key| url.with("cursor", key.id.as_str()).href()),
            shown: keys.len() as u64,
            total: None,
            limit: 50,
            url,
        });
    }
    let body = split(
        &stack(&[table.render(), first_call(&visitor)]),
        &aside(&visitor, limit),
    );
    let page = Page {
        lead: Some("Keys for your own systems: your shop, your CRM, your scripts. Everything this dashboard does can be done by API.".to_owned()),
        actions: may_make.then(|| html! { (Button::link("New key", format!("{PATH}/new")).icon(Icon::Plus).primary()) }),
        ..Page::titled("API")
    };
    Ok(visitor.render(Room::Api, &page, &body))
}

fn table(keys: &[ApiKey], may_make: bool, now: Timestamp) -> Table {
    let columns = ["Name", "Key", "Access", "Last used", "Status"].map(Column::new);
    let empty = EmptyState::new(
        Icon::Key,
        "No keys yet",
        "A key lets a program of yours provision people, hand out seats and read what happened.",
    );
    let empty = if may_make {
        empty.actions(Button::link("Make the first key", format!("{PATH}/new")).icon(Icon::Plus))
    } else {
        empty
    };
    let rows = keys.iter().map(|key| row(key, now));
    Table::new("API keys", columns, rows).empty(empty)
}

fn row(key: &ApiKey, now: Timestamp) -> Row {
    let href = format!("{PATH}/{}", key.id);
    let used = key.last_used_at.map_or_else(
        || Cell::new(html! { span.muted { "Never" } }),
        |at| {
            Cell::new(html! {
                (ago(at.to_jiff()))
                @if let Some(address) = &key.last_used_address { span.cell-sub { (address) } }
            })
        },
    );
    let limits = limits(key);
    Row::new([
        Cell::link(key.name.as_str(), &href, None),
        Cell::new(html! { code.nowrap { (key.prefix) "…" (key.last_four) } }),
        Cell::new(html! {
            (access(&key.scopes))
            @if !limits.is_empty() { span.cell-sub { (limits.join(" · ")) } }
        }),
        used,
        Cell::new(status(key, now)),
    ])
}

/// What a key may do, in a word or two.
fn access(scopes: &Scopes) -> String {
    let known = [
        (Preset::Full, "Full access"),
        (Preset::ReadOnly, "Read only"),
        (Preset::Provisioning, "Provisioning"),
    ];
    let name = known.iter().find(|(preset, _)| preset.scopes() == *scopes);
    name.map_or_else(
        || match scopes.iter().count() {
            1 => scopes.iter().map(Permission::as_str).collect(),
            count => format!("{count} scopes"),
        },
        |(_, name)| (*name).to_owned(),
    )
}

fn limits(key: &ApiKey) -> Vec<String> {
    let mut limits = Vec::new();
    if let Some(limit) = key.requests_per_minute {
        limits.push(format!("{} a minute", number(limit.unsigned_abs())));
    }
    match key.allowed_addresses.0.as_slice() {
        [] => {}
        [one] => limits.push(format!("from {one}")),
        many => limits.push(format!("from {} networks", many.len())),
    }
    if key.is_limited() {
        limits.push("some teams".to_owned());
    }
    limits
}

fn status(key: &ApiKey, now: Timestamp) -> Markup {
    match key.status(now) {
        ApiKeyStatus::Revoked => Badge::new("Revoked").dot().render(),
        ApiKeyStatus::Expired => Badge::new("Expired").tone(Tone::Warning).dot().render(),
        ApiKeyStatus::Active => html! {
            (Badge::new("Active").tone(Tone::Success).dot())
            @if let Some(end) = key.expires_at { span.cell-sub { "until " (day(end.to_jiff())) } }
        },
    }
}

fn aside(visitor: &Visitor, limit: i64) -> Markup {
    let origin = visitor.origin();
    let base = html! {
        div.stack.stack-tight {
            (CopyField { label: "Base URL".to_owned(), value: format!("{origin}/api") })
            (Facts::new()
                .text("Requests a minute", number(limit.unsigned_abs()))
                .markup("Keys go in", html! { code { "Authorization: Bearer …" } })
                .text("Format", "JSON over HTTPS"))
            p.hint { "Every answer says in its RateLimit headers how much is left. A repeat with the same Idempotency-Key is carried out once." }
        }
    };
    let docs = html! {
        ul.plain-links {
            li { a href="/docs" { (Icon::Book) "Guides and reference" } }
            li { a href="/api/openapi.json" { (Icon::Code) "OpenAPI description" } }
        }
    };
    stack(&[
        Card::new(base).title("Connection").render(),
        Card::new(docs).title("Documentation").render(),
    ])
}

/// The one call that most integrations begin with.
fn provision_call(visitor: &Visitor) -> ApiCall {
    ApiCall::new(
        "provision",
        "POST",
        format!("{}/api/provision", visitor.origin()),
    )
    .body(json!({
        "user": { "email": "ada@example.com", "first_name": "Ada", "last_name": "Byron" },
        "team": { "strategy": "auto", "name": "Analytical Engines" },
        "welcome_email": true,
    }))
}

fn first_call(visitor: &Visitor) -> Markup {
    let call = provision_call(visitor);
    let tabs = vec![
        ("curl".to_owned(), call.curl()),
        ("JavaScript".to_owned(), call.javascript()),
        ("Python".to_owned(), call.python()),
    ];
    Card::new(CodeTabs { id: "first".to_owned(), tabs }.render())
        .title("The one call")
        .lead("Makes the person, finds or makes the team, and mails the welcome: all or nothing, safe to repeat.")
        .render()
}

/// The page that shows a secret, this once, with a call that uses it.
fn secret_page(
    visitor: &Visitor,
    key: &ApiKey,
    secret: &str,
    title: &str,
    note: &str,
) -> axum::response::Response {
    let call = provision_call(visitor).curl().replace("$API_KEY", secret);
    let body = html! {
        div.stack {
            (Secret { title: format!("The key «{}»", key.name.as_str()), text: note.to_owned(), value: secret.to_owned() })
            (Card::new(crate::dashboard::components::CodeBlock { title: "curl".to_owned(), code: call }.render())
                .title("Try it now")
                .lead("Runs as it stands: provisions a first person with this key."))
            div.row {
                (Button::link("I have copied it", PATH).primary())
                (Button::link("Documentation", "/docs").icon(Icon::Book))
            }
        }
    };
    let page = Page {
        crumbs: vec![("API".to_owned(), PATH.to_owned())],
        narrow: true,
        ..Page::titled(title)
    };
    visitor.render(Room::Api, &page, &body)
}
