//! The list of orders: what was bought, by whom, from where, and what needs somebody to look at it.

use std::collections::BTreeMap;

use maud::html;

use super::desk::{Desk, Shown};
use super::look::count;
use super::names::{self, Named};
use super::users::{pager, team_choices};
use crate::access::Permission;
use crate::commerce::orders::Order;
use crate::commerce::orders::order::{Buyer, OrderStatus};
use crate::dashboard::components::{
    Badge, Button, Cell, Column, EmptyState, FilterBar, Row, Table, Tone, counted, moment, number,
};
use crate::dashboard::icons::Icon;
use crate::dashboard::layout::Page;
use crate::db::Batch;
use crate::error::Result;
use crate::resources::{Organization, Team};
use crate::types::Id;

/// Value and label of each status.
const STATUSES: [(&str, &str); 8] = [
    ("draft", "Draft"),
    ("pending", "Pending"),
    ("paid", "Paid, not fulfilled"),
    ("fulfilled", "Fulfilled"),
    ("partially_refunded", "Partly refunded"),
    ("refunded", "Refunded"),
    ("cancelled", "Cancelled"),
    ("failed", "Payment failed"),
];

/// Where an order stands.
pub(super) fn badge(order: &Order) -> Badge {
    match order.status {
        OrderStatus::Draft => Badge::new("Draft"),
        OrderStatus::Pending => Badge::new("Pending").tone(Tone::Accent).dot(),
        OrderStatus::Paid if order.failure.is_some() => {
            Badge::new("Paid, not fulfilled").tone(Tone::Danger).dot()
        }
        OrderStatus::Paid => Badge::new("Paid").tone(Tone::Warning).dot(),
        OrderStatus::Fulfilled => Badge::new("Fulfilled").tone(Tone::Success).dot(),
        OrderStatus::PartiallyRefunded => Badge::new("Partly refunded").tone(Tone::Warning),
        OrderStatus::Refunded => Badge::new("Refunded"),
        OrderStatus::Cancelled => Badge::new("Cancelled"),
        OrderStatus::Failed => Badge::new("Payment failed").tone(Tone::Danger),
    }
}

/// What an order costs, in words.
pub(super) fn price(order: &Order) -> String {
    match (order.total_credits, order.total_amount, &order.currency) {
        (Some(credits), ..) => format!("{} credits", number(count(credits))),
        (None, Some(amount), Some(currency)) => currency.show(amount),
        _ => String::new(),
    }
}

/// The number by which people know an order: the source's own, else the end of the id.
pub(super) fn title(order: &Order) -> String {
    order.external_reference.as_ref().map_or_else(
        || {
            let id = order.id.as_str();
            let tail: String = id.chars().skip(id.len().saturating_sub(8)).collect();
            format!("Order {tail}")
        },
        |reference| format!("{} {reference}", order.source),
    )
}

/// The list.
pub(super) async fn orders(desk: Desk) -> Result<Shown> {
    let list = desk.records::<Order>().await?;
    let url = desk.list("/dashboard/orders");
    let teams: Vec<&str> = list
        .rows
        .iter()
        .filter_map(|order| order.team_id.as_ref())
        .map(Id::as_str)
        .collect();
    let nodes: Vec<&str> = list
        .rows
        .iter()
        .filter_map(|order| order.organization_id.as_ref())
        .map(Id::as_str)
        .collect();
    let mut batch = Batch::new();
    let team_names = batch.add::<(Id<Team>, String)>(names::select(Named::Team, &teams));
    let node_names =
        batch.add::<(Id<Organization>, String)>(names::select(Named::Organization, &nodes));
    let choices = batch.add::<(String, String)>(team_choices(&desk));
    let mut rows = desk.db().read(&desk.caller().account, batch).await?;
    let team_names: BTreeMap<_, _> = rows.take(&team_names).into_iter().collect();
    let node_names: BTreeMap<_, _> = rows.take(&node_names).into_iter().collect();
    let mut filters = FilterBar::new(url.clone())
        .select("status", "Status", STATUSES)
        .select(
            "payment",
            "Payment",
            [("external", "Paid elsewhere"), ("credits", "Credits")],
        )
        .select("team", "Team", rows.take(&choices));
    for (key, label) in [
        ("catalog_item", "Item"),
        ("seat", "Seat"),
        ("source", "Source"),
        ("external_reference", "Reference"),
    ] {
        if !desk.get(key).is_empty() {
            filters = filters.chip(key, label, desk.get(key));
        }
    }
    let table_rows = list.rows.iter().map(|order| {
        let team = order.team_id.as_ref().and_then(|id| team_names.get(id));
        let node = order
            .organization_id
            .as_ref()
            .and_then(|id| node_names.get(id));
        let who = match order.buyer {
            Buyer::Team => team,
            Buyer::Organization => node,
        };
        row(order, who.map_or("", String::as_str))
    });
    let columns = [
        Column::new("Order"),
        Column::new("Status"),
        Column::new("Buyer"),
        Column::new("Places").numeric(),
        Column::new("Price").numeric(),
        Column::new("Placed").sort(&url, "created_at"),
    ];
    let empty = if filters.is_active() {
        EmptyState::no_match("/dashboard/orders")
    } else {
        EmptyState::new(
            Icon::Cart,
            "No orders yet",
            "Orders come from shops by the API, from the catalog, and from provisions that name a reference.",
        )
    };
    let table = Table::new("Orders", columns, table_rows)
        .empty(empty)
        .pager(pager(&desk, &url, &list));
    let page = Page {
        lead: Some("What was bought, and what came of it.".into()),
        actions: desk.may(Permission::OrdersWrite).then(|| {
            html! { (Button::link("New order", "/dashboard/orders/new").primary().icon(Icon::Plus)) }
        }),
        ..Page::titled("Orders")
    };
    Ok(Shown::page(page, html! { div.stack { (filters) (table) } }))
}

fn row(order: &Order, buyer: &str) -> Row {
    let href = format!("/dashboard/orders/{}", order.id);
    let places: i64 = order
        .lines
        .0
        .iter()
        .map(|line| line.places_of_one() * line.left())
        .sum();
    let lines = counted(super::look::many(&order.lines.0), "line", "lines");
    Row::new([
        Cell::link(&title(order), &href, Some(&lines)),
        Cell::new(badge(order)),
        Cell::text(buyer),
        Cell::new(html! { span.num { (number(count(places))) } }),
        Cell::text(&price(order)),
        Cell::new(moment(order.created_at.to_jiff())),
    ])
}
