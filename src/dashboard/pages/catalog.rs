//! The catalog: packs on offer, for whom and for how much.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::desk::{Desk, Shown};
use super::look::count;
use super::names::{self, Named};
use super::users::{pager, team_choices};
use crate::access::Permission;
use crate::commerce::CatalogItem;
use crate::commerce::item::{Audience, ItemStatus};
use crate::dashboard::components::{
    Avatar, Badge, Button, Cell, Column, EmptyState, FilterBar, Menu, Row, Table, Tone, counted,
    day, number,
};
use crate::dashboard::icons::Icon;
use crate::dashboard::layout::Page;
use crate::db::Batch;
use crate::error::Result;
use crate::resources::Product;
use crate::types::{ExternalId, Id};

fn actions(desk: &Desk) -> Markup {
    html! {
        @if desk.may_in_account(Permission::CatalogWrite) {
            (Button::link("New item", "/dashboard/catalog/new").primary().icon(Icon::Plus))
        }
    }
}

/// The list.
pub(super) async fn catalog(desk: Desk) -> Result<Shown> {
    let list = desk.records::<CatalogItem>().await?;
    let url = desk.list("/dashboard/catalog");
    let products: Vec<&str> = list
        .rows
        .iter()
        .map(|item| item.product_id.as_str())
        .collect();
    let mut batch = Batch::new();
    let names = batch.add::<(Id<Product>, String)>(names::select(Named::Product, &products));
    let teams = batch.add::<(String, String)>(team_choices(&desk));
    let mut rows = desk.db().read(&desk.caller().account, batch).await?;
    let names: BTreeMap<_, _> = rows.take(&names).into_iter().collect();
    let filters = FilterBar::new(url.clone())
        .search("Search by name")
        .select("status", "Status", STATUSES)
        .select("visible_to_team", "On offer for", rows.take(&teams));
    let table_rows = list.rows.iter().map(|item| {
        let product = names.get(&item.product_id).map_or("", String::as_str);
        row(&desk, item, product)
    });
    let columns = [
        Column::new("Name").sort(&url, "name"),
        Column::new("Status"),
        Column::new("Pack"),
        Column::new("Credits").numeric(),
        Column::new("Price").numeric(),
        Column::new("On offer for"),
        Column::new("Created").sort(&url, "created_at"),
    ];
    let empty = if filters.is_active() {
        EmptyState::no_match("/dashboard/catalog")
    } else {
        EmptyState::new(
            Icon::Tag,
            "Nothing is on offer yet",
            "An item is a pack of places of a product. Teams buy it with their credits; shops sell it for money.",
        )
        .actions(actions(&desk))
    };
    let table = Table::new("Catalog items", columns, table_rows)
        .empty(empty)
        .pager(pager(&desk, &url, &list));
    let page = Page {
        lead: Some("Packs of places that teams and organizations can buy.".into()),
        actions: Some(actions(&desk)),
        ..Page::titled("Catalog")
    };
    Ok(Shown::page(page, html! { div.stack { (filters) (table) } }))
}

/// Value and label of each status.
pub(super) const STATUSES: [(&str, &str); 3] = [
    ("draft", "Draft"),
    ("published", "Published"),
    ("archived", "Archived"),
];

fn badge(status: ItemStatus) -> Badge {
    match status {
        ItemStatus::Draft => Badge::new("Draft").tone(Tone::Warning),
        ItemStatus::Published => Badge::new("Published").tone(Tone::Success).dot(),
        ItemStatus::Archived => Badge::new("Archived"),
    }
}

fn audience(of: &Audience) -> String {
    let organizations = super::look::many(&of.organization_ids);
    let teams = super::look::many(&of.team_ids);
    match (of.all, organizations, teams) {
        (true, ..) => "Everybody".to_owned(),
        (false, 0, 0) => "Nobody".to_owned(),
        (false, 0, teams) => counted(teams, "team", "teams"),
        (false, some, 0) => counted(some, "organization", "organizations"),
        (false, some, teams) => format!(
            "{}, {}",
            counted(some, "organization", "organizations"),
            counted(teams, "team", "teams")
        ),
    }
}

/// The price in money, or nothing.
pub(super) fn money(item: &CatalogItem) -> String {
    match (item.price_amount, &item.currency) {
        (Some(amount), Some(currency)) => currency.show(amount),
        _ => String::new(),
    }
}

fn row(desk: &Desk, item: &CatalogItem, product: &str) -> Row {
    let name = item.name.as_str();
    let edit = format!("/dashboard/catalog/{}/edit", item.id);
    let buy = format!("/dashboard/catalog/{}/buy", item.id);
    let orders = format!("/dashboard/orders?catalog_item={}", item.id);
    let may_buy = desk.may(Permission::CatalogBuy)
        && item.status == ItemStatus::Published
        && item.price_credits.is_some();
    let may_edit = desk.may_in_account(Permission::CatalogWrite);
    let mut menu = Menu::new(format!("Actions for {name}")).link(Icon::Cart, "Orders", &orders);
    if may_buy {
        menu = menu.link(Icon::Plus, "Buy for a team", &buy);
    }
    if may_edit {
        menu = menu.link(Icon::Edit, "Edit", &edit);
    }
    let href = if may_edit { &edit } else { &orders };
    let pack = format!(
        "{} of {product}",
        counted(count(item.quantity), "place", "places")
    );
    let credits = item.price_credits.map(|price| number(count(price)));
    Row::new([
        Cell::record(
            &Avatar::group(name),
            name,
            href,
            item.external_id.as_ref().map(ExternalId::as_str),
        ),
        Cell::new(badge(item.status)),
        Cell::text(&pack),
        Cell::text(&credits.unwrap_or_default()),
        Cell::text(&money(item)),
        Cell::text(&audience(&item.visible_to.0)),
        Cell::new(day(item.created_at.to_jiff())),
    ])
    .actions(menu)
}
