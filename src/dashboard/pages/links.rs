//! The room of links: the list of self-enrolment addresses, and the pictures of their QR codes.

use std::collections::BTreeMap;

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};

use super::desk::{Desk, Shown};
use super::look::{count, link, team_href};
use super::names::{self, Named};
use super::users::{pager, team_choices};
use crate::access::Permission;
use crate::app::App;
use crate::dashboard::answer::Answer;
use crate::dashboard::components::{
    Avatar, Badge, Button, Cell, Column, EmptyState, FilterBar, Menu, Row, Table, Tone, moment,
    number,
};
use crate::dashboard::door::Visitor;
use crate::dashboard::icons::Icon;
use crate::dashboard::layout::Page;
use crate::db::{Batch, Select};
use crate::error::{Error, Result};
use crate::http::links::url as link_url;
use crate::joining::{Link, qr};
use crate::params;
use crate::records;
use crate::resources::Team;
use crate::types::{Id, Ref, Timestamp, json_list};

/// The room.
pub(super) const ROOM: &str = "/dashboard/links";

pub(super) fn href(id: &Id<Link>) -> String {
    format!("{ROOM}/{id}")
}

pub(super) fn state_badge(one: &Link, now: Timestamp) -> Badge {
    use crate::error::Code;
    match one.refusal(None, now).map(|refusal| refusal.code()) {
        None => Badge::new("Open").tone(Tone::Success).dot(),
        Some(Code::LinkPaused) => Badge::new("Paused").tone(Tone::Warning).dot(),
        Some(Code::LinkNotStarted) => Badge::new("Not open yet").tone(Tone::Accent),
        Some(Code::LinkExpired) => Badge::new("Expired"),
        Some(_) => Badge::new("Used up"),
    }
}

pub(super) fn uses(one: &Link) -> String {
    match one.max_uses {
        Some(most) => format!("{} of {most}", one.used),
        None => one.used.to_string(),
    }
}

fn new_button(desk: &Desk) -> Markup {
    html! {
        @if desk.may(Permission::LinksWrite) {
            (Button::link("New link", format!("{ROOM}/new")).primary().icon(Icon::Plus))
        }
    }
}

/// The pictures of the codes, to be kept.
pub(super) fn routes() -> Router<App> {
    Router::new().route("/dashboard/links/{id}/qr/{file}", get(picture))
}

async fn picture(visitor: Visitor, Path((id, file)): Path<(String, String)>) -> Answer {
    let caller = visitor.call().caller;
    caller.require(Permission::LinksRead)?;
    let reference = Ref::parse(&id).map_err(|_| Error::not_found("link"))?;
    let one: Link = records::find(&visitor.app.db, &caller, &reference).await?;
    let url = link_url(&visitor.app, one.slug.as_str());
    let (kind, bytes) = match file.as_str() {
        "link.svg" => ("image/svg+xml", qr::svg(&url)?.into_bytes()),
        "link.png" => ("image/png", qr::png(&url)?),
        _ => return Err(Error::not_found("picture").into()),
    };
    let mut response = Response::new(Body::from(bytes));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(
        header::CONTENT_DISPOSITION,
        HeaderValue::from_static("attachment"),
    );
    Ok(response)
}

/// The list.
pub(super) async fn list(desk: Desk) -> Result<Shown> {
    let list = desk.records::<Link>().await?;
    let url = desk.list(ROOM);
    let teams: Vec<&str> = list.rows.iter().map(|one| one.team_id.as_str()).collect();
    let ids = json_list(list.rows.iter().map(|one| &one.id));
    let mut batch = Batch::new();
    let names = batch.add::<(Id<Team>, String)>(names::select(Named::Team, &teams));
    let waiting = batch.add::<(Id<Link>, i64)>(Select::new(
        "SELECT link_id, count(*) FROM link_requests WHERE account_id = $1 AND state = 'pending' AND link_id IN (SELECT value FROM JSON_LIST($2) AS wanted) GROUP BY link_id",
        params![ids],
    ));
    let views = batch.add::<(Id<Link>, i64)>(Select::new(
        "SELECT link_id, views FROM link_views WHERE account_id = $1 AND link_id IN (SELECT value FROM JSON_LIST($2) AS wanted)",
        params![ids],
    ));
    let choices = batch.add::<(String, String)>(team_choices(&desk));
    let mut rows = desk.db().read(&desk.caller().account, batch).await?;
    let names: BTreeMap<_, _> = rows.take(&names).into_iter().collect();
    let waiting: BTreeMap<_, _> = rows.take(&waiting).into_iter().collect();
    let views: BTreeMap<_, _> = rows.take(&views).into_iter().collect();
    let filters = FilterBar::new(url.clone()).search("Search by name").select(
        "team",
        "Team",
        rows.take(&choices),
    );
    let table_rows = list.rows.iter().map(|one| {
        let team = names.get(&one.team_id).map_or("", String::as_str);
        let count = |of: &BTreeMap<Id<Link>, i64>| of.get(&one.id).copied().unwrap_or(0);
        row(&desk, one, team, (count(&views), count(&waiting)))
    });
    let columns = [
        Column::new("Name").sort(&url, "name"),
        Column::new("Team"),
        Column::new("State"),
        Column::new("Views").numeric(),
        Column::new("Joined"),
        Column::new("Requests").numeric(),
        Column::new("Created").sort(&url, "created_at"),
    ];
    let empty = if filters.is_active() {
        EmptyState::no_match(ROOM)
    } else {
        EmptyState::new(
            Icon::Link,
            "No links yet",
            "A link is an address, with a QR code, by which people join a team themselves, within the limits you set.",
        )
        .actions(new_button(&desk))
    };
    let table = Table::new("Links", columns, table_rows)
        .empty(empty)
        .pager(pager(&desk, &url, &list));
    let page = Page {
        lead: Some("Addresses by which people join a team themselves.".into()),
        actions: Some(new_button(&desk)),
        ..Page::titled("Links")
    };
    Ok(Shown::page(page, html! { div.stack { (filters) (table) } }))
}

fn row(desk: &Desk, one: &Link, team: &str, (views, waiting): (i64, i64)) -> Row {
    let name = one.name.as_str();
    let mut menu = Menu::new(format!("Actions for {name}")).link(Icon::Eye, "View", &href(&one.id));
    if desk.may(Permission::LinksWrite) {
        let label = if one.paused { "Resume" } else { "Pause" };
        menu = menu
            .link(Icon::Edit, "Edit", &format!("{}/edit", href(&one.id)))
            .post(
                Icon::Clock,
                label,
                &format!("{}/pause", href(&one.id)),
                &desk.csrf,
                None,
            );
    }
    Row::new([
        Cell::record(&Avatar::group(name), name, &href(&one.id), None),
        Cell::new(link(&team_href(one.team_id.as_str()), team)),
        Cell::new(state_badge(one, desk.call.now)),
        Cell::new(html! { span.num { (number(count(views))) } }),
        Cell::new(uses(one)),
        if waiting == 0 {
            Cell::none()
        } else {
            Cell::new(Badge::new(waiting.to_string()).tone(Tone::Warning).dot())
        },
        Cell::new(moment(one.created_at.to_jiff())),
    ])
    .actions(menu)
}
