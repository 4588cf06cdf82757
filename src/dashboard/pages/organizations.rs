//! Organizations: the tree of customers as a list, each node with what it has and everything below it.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::desk::{Desk, Shown};
use super::look::{count, organization_href};
use super::teams::usage_meter;
use super::users::pager;
use crate::access::Permission;
use crate::dashboard::components::{
    Avatar, Button, Cell, Column, EmptyState, FilterBar, Row, Table, day, number,
};
use crate::dashboard::icons::Icon;
use crate::dashboard::layout::Page;
use crate::error::Result;
use crate::listing::{self, ListQuery};
use crate::resource::Record as _;
use crate::resources::Organization;
use crate::resources::organization::summary::{self, OrganizationSummary};

fn actions(desk: &Desk) -> Markup {
    html! {
        @if desk.may(Permission::OrganizationsRead) {
            (Button::link("Domains", "/dashboard/domains").icon(Icon::Globe))
        }
        @if desk.may_in_account(Permission::OrganizationsWrite) {
            (Button::link("New organization", "/dashboard/organizations/new").primary().icon(Icon::Plus))
        }
    }
}

/// One page of organizations as the query asks for it; in the order of the tree unless it says otherwise.
async fn page(desk: &Desk) -> Result<listing::Page<Organization>> {
    desk.require(Organization::READ)?;
    let mut pairs = desk.query.pairs().to_vec();
    if desk.get("sort").is_empty() {
        pairs.push(("sort".to_owned(), "path".to_owned()));
    }
    if desk.get("limit").is_empty() {
        pairs.push(("limit".to_owned(), "50".to_owned()));
    }
    pairs.push(("include".to_owned(), "total_count".to_owned()));
    let key = &desk.app.keys.cursor;
    let query = ListQuery::parse::<Organization>(&pairs, desk.caller(), key)?;
    query.run(desk.db(), desk.caller(), key).await
}

/// The whole tree, page by page.
pub(super) async fn tree(desk: Desk) -> Result<Shown> {
    let list = page(&desk).await?;
    let ids: Vec<&str> = list.rows.iter().map(|node| node.id.as_str()).collect();
    let account = &desk.caller().account;
    let summaries: Vec<OrganizationSummary> = desk
        .db()
        .fetch(account, summary::of(desk.caller(), &ids))
        .await?;
    let url = desk.list("/dashboard/organizations");
    let filters = FilterBar::new(url.clone()).search("Search by name").select(
        "depth",
        "Level",
        ["1", "2", "3", "4"].map(|level| (level, level)),
    );
    let empty = if filters.is_active() {
        EmptyState::no_match("/dashboard/organizations")
    } else {
        EmptyState::new(
            Icon::Building,
            "No organizations yet",
            "An organization is a customer as a whole, with departments or sites below it and teams at each.",
        )
        .actions(actions(&desk))
    };
    let mut pages = pager(&desk, &url, &list);
    pages.limit = desk.get("limit").parse().unwrap_or(50);
    let table = nodes_table(&list.rows, &summaries, 1)
        .empty(empty)
        .pager(pages);
    let page = Page {
        lead: Some("Your customers, as trees: teams stand at any node. Each line counts what stands below it too.".into()),
        actions: Some(actions(&desk)),
        ..Page::titled("Organizations")
    };
    Ok(Shown::page(page, html! { div.stack { (filters) (table) } }))
}

/// Nodes as an indented table with their counts; `top` is the level that is not indented.
pub(super) fn nodes_table(
    nodes: &[Organization],
    summaries: &[OrganizationSummary],
    top: i64,
) -> Table {
    let by_id: BTreeMap<_, _> = summaries
        .iter()
        .map(|summary| (&summary.organization_id, summary))
        .collect();
    let rows = nodes.iter().map(|node| {
        let name = node.name.as_str();
        let indent = (node.depth - top).clamp(0, 7);
        let counts = by_id.get(&node.id);
        let shown = |value: fn(&OrganizationSummary) -> i64| {
            counts.map_or_else(Cell::none, |one| Cell::new(number(count(value(one)))))
        };
        Row::new([
            Cell::new(html! {
                div class={ "person indent-" (indent) } {
                    (Avatar::group(name).small())
                    a.row-link href=(organization_href(node.id.as_str())) { (name) }
                }
            }),
            shown(|one| one.teams),
            shown(|one| one.members),
            match counts {
                Some(one) if one.seats > 0 => Cell::new(usage_meter(
                    count(one.assigned),
                    count(one.quantity),
                    one.unlimited_seats,
                    count(one.waiting),
                )),
                _ => Cell::none(),
            },
            Cell::text(node.external_id.as_ref().map_or("", |id| id.as_str())),
            Cell::new(day(node.created_at.to_jiff())),
        ])
    });
    let columns = [
        Column::new("Name"),
        Column::new("Teams").numeric(),
        Column::new("People").numeric(),
        Column::new("Seats in use"),
        Column::new("External id"),
        Column::new("Created"),
    ];
    Table::new("Organizations", columns, rows)
}
