//! An order's page: its lines, who paid, what happened, and the next step.

use std::collections::BTreeMap;

use maud::{Markup, Render, html};

use super::credits::signed;
use super::desk::{Desk, Shown};
use super::look::{count, link, organization_href, seat_href, team_href};
use super::names::{self, Named};
use super::orders::{badge, price, title};
use crate::access::Permission;
use crate::commerce::orders::OrderRefund;
use crate::commerce::orders::actions::{plan_cancel, plan_fulfil, plan_pay};
use crate::commerce::orders::input::{CancelInput, PayInput};
use crate::commerce::orders::order::{Moment, Order, OrderLine, OrderStatus};
use crate::dashboard::components::{
    Button, Callout, Card, Cell, Column, CopyField, Facts, Row, Table, Timeline, TimelineItem,
    Tone, moment, number, split,
};
use crate::dashboard::icons::Icon;
use crate::dashboard::layout::Page;
use crate::dashboard::notice::Notice;
use crate::db::{Batch, Row as _, Select};
use crate::error::Result;
use crate::params;
use crate::records;
use crate::resources::{Organization, Product, Team};
use crate::types::{Id, Ref};

/// Refunds shown on the page.
const REFUNDS: i64 = 50;

struct Dossier {
    order: Order,
    products: BTreeMap<Id<Product>, String>,
    teams: BTreeMap<Id<Team>, String>,
    nodes: BTreeMap<Id<Organization>, String>,
    refunds: Vec<OrderRefund>,
}

/// The page.
pub(super) async fn order(desk: Desk) -> Result<Shown> {
    desk.require(Permission::OrdersRead)?;
    let order = records::find::<Order>(desk.db(), desk.caller(), &desk.reference(0)?).await?;
    let dossier = dossier(&desk, order).await?;
    let order = &dossier.order;
    let page = Page {
        crumbs: vec![("Orders".into(), "/dashboard/orders".into())],
        badges: Some(badge(order).render()),
        actions: Some(actions(&desk, order)),
        lead: Some(price(order)).filter(|price| !price.is_empty()),
        ..Page::titled(title(order))
    };
    let main = html! {
        @if let Some(failure) = &order.failure {
            (Callout::new(Tone::Danger, "Paid, but its places could not be given").body(failure.0.detail.as_str()))
        }
        (lines(&dossier))
        @if !order.paid_by.0.is_empty() { (payers(&dossier)) }
        @if !dossier.refunds.is_empty() { (refunds(&dossier)) }
    };
    let aside = html! {
        (facts(&dossier))
        (Card::new(Timeline(order.timeline.0.iter().rev().map(step).collect()).render()).title("Timeline"))
    };
    Ok(Shown::page(page, split(&main, &aside)))
}

async fn dossier(desk: &Desk, order: Order) -> Result<Dossier> {
    let (lines, paid) = (&order.lines.0, &order.paid_by.0);
    let of_lines = lines.iter().filter_map(|line| line.team_id.as_ref());
    let of_payers = paid.iter().filter_map(|one| one.team_id.as_ref());
    let teams = of_lines.chain(of_payers).chain(&order.team_id);
    let nodes = paid.iter().filter_map(|one| one.organization_id.as_ref());
    let nodes = nodes.chain(&order.organization_id);
    let products = lines.iter().map(|line| &line.product_id);
    let mut batch = Batch::new();
    let products = batch.add::<(Id<Product>, String)>(names::select(Named::Product, products));
    let teams = batch.add::<(Id<Team>, String)>(names::select(Named::Team, teams));
    let nodes = batch.add::<(Id<Organization>, String)>(names::select(Named::Organization, nodes));
    let refunds = batch.add::<OrderRefund>(Select::new(
        format!(
            "SELECT {} FROM order_refunds WHERE account_id = $1 AND order_id = $2 ORDER BY created_at DESC, id DESC LIMIT {REFUNDS}",
            OrderRefund::selection()
        ),
        params![order.id.clone()],
    ));
    let mut rows = desk.db().read(&desk.caller().account, batch).await?;
    Ok(Dossier {
        products: rows.take(&products).into_iter().collect(),
        teams: rows.take(&teams).into_iter().collect(),
        nodes: rows.take(&nodes).into_iter().collect(),
        refunds: rows.take(&refunds),
        order,
    })
}

fn actions(desk: &Desk, order: &Order) -> Markup {
    let href = format!("/dashboard/orders/{}", order.id);
    let step = |verb: &str, button: Button| {
        desk.post(format!("{href}/{verb}"), html! {})
            .buttons([button])
    };
    let write = desk.may(Permission::OrdersWrite);
    let is_open = matches!(
        order.status,
        OrderStatus::Draft | OrderStatus::Pending | OrderStatus::Failed
    );
    let refundable = order.paid_at.is_some() && !order.is_refunded_whole();
    html! {
        @if write && order.status == OrderStatus::Draft {
            (Button::link("Edit", format!("{href}/edit")).icon(Icon::Edit))
        }
        @if write && is_open {
            (step("cancel", Button::submit("Cancel order").confirm("Cancel this order?")))
            (step("pay", Button::submit("Paid: fulfil it").primary()))
        }
        @if refundable && desk.may_in_account(Permission::OrdersRefund) {
            (Button::link("Refund", format!("{href}/refund")).icon(Icon::Refresh))
        }
        @if write && order.awaits_places() { (step("fulfil", Button::submit("Fulfil").primary())) }
    }
}

/// A team's name, linked.
fn team_link(dossier: &Dossier, id: Option<&Id<Team>>) -> Markup {
    html! { @if let Some(id) = id { (link(&team_href(id.as_str()), dossier.teams.get(id).map_or("Team", String::as_str))) } }
}

fn node_link(dossier: &Dossier, id: Option<&Id<Organization>>) -> Markup {
    html! { @if let Some(id) = id { (link(&organization_href(id.as_str()), dossier.nodes.get(id).map_or("Organization", String::as_str))) } }
}

/// What a line costs.
fn line_price(order: &Order, line: &OrderLine) -> String {
    match (line.credits, line.amount, &order.currency) {
        (Some(credits), ..) => format!("{} credits", number(count(credits))),
        (None, Some(amount), Some(currency)) => currency.show(amount),
        _ => String::new(),
    }
}

fn lines(dossier: &Dossier) -> Card {
    let rows = dossier.order.lines.0.iter().map(|line| {
        let product = dossier
            .products
            .get(&line.product_id)
            .map_or("", String::as_str);
        let name = line.seat_id.as_ref().map_or_else(
            || html! { (product) },
            |seat| link(&seat_href(seat.as_str()), product),
        );
        let refunded = if line.refunded > 0 {
            number(count(line.refunded))
        } else {
            String::new()
        };
        Row::new([
            Cell::new(name),
            Cell::new(team_link(
                dossier,
                line.team_id.as_ref().or(dossier.order.team_id.as_ref()),
            )),
            Cell::new(html! { span.num { (number(count(line.quantity))) } }),
            Cell::new(html! { span.num { (number(count(line.places))) } }),
            Cell::text(&line_price(&dossier.order, line)),
            Cell::text(&refunded),
        ])
    });
    let heads = [
        Column::new("Product"),
        Column::new("For"),
        Column::new("Quantity").numeric(),
        Column::new("Places").numeric(),
        Column::new("Price").numeric(),
        Column::new("Refunded").numeric(),
    ];
    Card::new(Table::new("Lines", heads, rows).plain().render())
        .title("Lines")
        .flush()
}

fn payers(dossier: &Dossier) -> Card {
    let rows = dossier.order.paid_by.0.iter().map(|paid| {
        Row::new([
            Cell::new(html! { (team_link(dossier, paid.team_id.as_ref())) (node_link(dossier, paid.organization_id.as_ref())) }),
            Cell::new(html! { span.num { (number(count(paid.credits))) } }),
            Cell::new(html! { span.num { (number(count(paid.returned))) } }),
        ])
    });
    let heads = [
        Column::new("Paid by"),
        Column::new("Credits").numeric(),
        Column::new("Given back").numeric(),
    ];
    Card::new(Table::new("Who paid", heads, rows).plain().render())
        .title("Credits")
        .flush()
}

fn refunds(dossier: &Dossier) -> Card {
    let currency = dossier.order.currency.as_ref();
    let rows = dossier.refunds.iter().map(|refund| {
        let places: i64 = refund.lines.0.iter().map(|line| line.places).sum();
        let worth = match currency {
            _ if refund.credits > 0 => format!("{} credits", number(count(refund.credits))),
            Some(currency) => currency.show(refund.amount),
            None => String::new(),
        };
        Row::new([
            Cell::new(moment(refund.created_at.to_jiff())),
            Cell::text(&signed(-places)),
            Cell::text(&worth),
            Cell::text(refund.reason.as_ref().map_or("", |reason| reason.as_str())),
            Cell::text(&refund.actor_name),
        ])
    });
    let heads = [
        Column::new("When"),
        Column::new("Places").numeric(),
        Column::new("Worth").numeric(),
        Column::new("Why"),
        Column::new("By"),
    ];
    Card::new(Table::new("Refunds", heads, rows).plain().render())
        .title("Refunds")
        .flush()
}

fn facts(dossier: &Dossier) -> Card {
    let order = &dossier.order;
    let key =
        |key: Option<&crate::types::ExternalId>| key.map_or(String::new(), ToString::to_string);
    let mut facts = Facts::new();
    if order.organization_id.is_some() {
        facts = facts.markup(
            "Organization",
            node_link(dossier, order.organization_id.as_ref()),
        );
    }
    if order.team_id.is_some() {
        facts = facts.markup("Team", team_link(dossier, order.team_id.as_ref()));
    }
    facts = facts
        .text(
            "Paid with",
            if order.total_credits.is_some() {
                "Credits"
            } else {
                "Paid elsewhere"
            },
        )
        .text("Source", order.source.as_str())
        .text("Reference", key(order.external_reference.as_ref()))
        .text("External id", key(order.external_id.as_ref()));
    if let Some(provision) = &order.provision_id {
        let href = format!("/dashboard/provisions/{provision}");
        facts = facts.markup("Provision", link(&href, "The call that bought it"));
    }
    facts = facts.markup("Placed", moment(order.created_at.to_jiff()));
    let body = html! {
        div.stack.stack-tight {
            @if let Some(note) = &order.note { p.prose { (note) } }
            (facts)
            (CopyField { label: "Id".into(), value: order.id.to_string() })
        }
    };
    Card::new(body).title("Details")
}

fn step(step: &Moment) -> TimelineItem {
    let (icon, tone, words) = match step.what.as_str() {
        "created" => (Icon::Plus, Tone::Neutral, "Made"),
        "pending" => (Icon::Clock, Tone::Neutral, "Placed, money awaited"),
        "paid" => (Icon::Check, Tone::Success, "Paid"),
        "fulfilled" => (Icon::Seat, Tone::Success, "Places given"),
        "fulfilment_failed" => (Icon::Alert, Tone::Danger, "Places could not be given"),
        "refunded" => (Icon::Refresh, Tone::Warning, "Refunded"),
        "undone" => (Icon::Refresh, Tone::Warning, "Provision taken back"),
        "cancelled" => (Icon::X, Tone::Neutral, "Cancelled"),
        _ => (Icon::Info, Tone::Neutral, step.what.as_str()),
    };
    let item = TimelineItem::new(icon, words, step.at.to_jiff()).tone(tone);
    match &step.detail {
        Some(detail) => item.detail(detail.as_str()),
        None => item,
    }
}

/// What a step comes back with: how the order stands then.
fn after(order: &Order, text: &str) -> Shown {
    let href = format!("/dashboard/orders/{}", order.id);
    match &order.failure {
        Some(failure) => Shown::Go(href, Notice::error(failure.0.detail.clone())),
        None => Shown::done(href, text),
    }
}

/// Takes the payment, and gives the places.
pub(super) async fn pay(desk: Desk) -> Result<Shown> {
    desk.require_post()?;
    let reference: Ref<Order> = desk.reference(0)?;
    let input = PayInput { fulfil: Some(true) };
    let (db, ids, call) = (desk.db(), &desk.app.ids, &desk.call);
    let order = desk
        .commit(|| plan_pay(db, ids, call, &reference, &input))
        .await?;
    Ok(after(
        &order,
        "The order is paid, and its places were given.",
    ))
}

/// Gives the places.
pub(super) async fn fulfil(desk: Desk) -> Result<Shown> {
    desk.require_post()?;
    let reference: Ref<Order> = desk.reference(0)?;
    let (db, ids, call) = (desk.db(), &desk.app.ids, &desk.call);
    let order = desk
        .commit(|| plan_fulfil(db, ids, call, &reference))
        .await?;
    Ok(after(&order, "The places were given."))
}

/// Gives the order up.
pub(super) async fn cancel(desk: Desk) -> Result<Shown> {
    desk.require_post()?;
    let reference: Ref<Order> = desk.reference(0)?;
    let input = CancelInput { reason: None };
    let (db, ids, call) = (desk.db(), &desk.app.ids, &desk.call);
    let order = desk
        .commit(|| plan_cancel(db, ids, call, &reference, &input))
        .await?;
    Ok(after(&order, "The order was cancelled."))
}
