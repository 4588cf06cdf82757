//! A refund of an order: what is given back, with a preview of what happens before it does.

use maud::{Markup, Render, html};
use serde_json::{Value as JsonValue, json};

use super::desk::{Desk, Shown, fault, faults, read, summary};
use super::look::{count, many};
use super::names::{self, Named};
use super::orders::title;
use super::seat_edit::whole;
use crate::access::Permission;
use crate::commerce::orders::Order;
use crate::commerce::orders::input::RefundInput;
use crate::commerce::orders::refund::plan_refund;
use crate::commerce::orders::refunded::Refunded;
use crate::dashboard::components::{Button, Callout, Card, Field, Tone, counted, number};
use crate::dashboard::form::FieldErrors;
use crate::dashboard::layout::Page;
use crate::error::Result;
use crate::records;
use crate::resources::Product;
use crate::types::{Id, Ref};

const POLICIES: [(&str, &str); 3] = [
    ("refuse", "Refuse, if the places are in use"),
    (
        "revoke_unstarted",
        "Take them from those who have not begun",
    ),
    ("overage", "Let those who sit stay, and mark the overage"),
];

/// The form, its preview, and the refund.
pub(super) async fn refund(desk: Desk) -> Result<Shown> {
    desk.require(Permission::OrdersRefund)?;
    let order = records::find::<Order>(desk.db(), desk.caller(), &desk.reference(0)?).await?;
    let href = format!("/dashboard/orders/{}", order.id);
    let mut errors = None;
    let mut preview = None;
    if desk.is_post() {
        match carry_out(&desk, &order, desk.field("step") != "refund").await {
            Ok(refunded) if desk.field("step") == "refund" => {
                let text = format!("{} refunded.", what(&refunded));
                return Ok(Shown::done(href, text));
            }
            Ok(refunded) => preview = Some(refunded),
            Err(error) => errors = Some(faults(error)?),
        }
    }
    let products = names(&desk, &order).await?;
    let once = if desk.is_post() {
        desk.field("reference").to_owned()
    } else {
        desk.app.ids.uuid(desk.call.now).to_string()
    };
    let call = desk
        .api("call-refund", "POST", &format!("/orders/{}/refund", order.id))
        .body(json!({ "lines": [{ "number": 1, "quantity": 1 }], "on_shortfall": "refuse", "reference": "refund-1001" }))
        .scope("orders:refund");
    let buttons = [
        Button::submit_value(
            if preview.is_some() {
                "Refund now"
            } else {
                "Preview"
            },
            "step",
            if preview.is_some() {
                "refund"
            } else {
                "preview"
            },
        )
        .primary(),
        Button::link("Cancel", href.clone()).quiet(),
    ];
    let form = desk
        .post(
            format!("{href}/refund"),
            fields(&desk, &order, &products, errors.as_ref()),
        )
        .hidden("reference", once)
        .errors(summary(errors.as_ref()))
        .buttons(buttons)
        .after(call);
    let body = html! {
        div.stack {
            @if let Some(refunded) = &preview {
                (Callout::new(Tone::Warning, format!("This gives back {}", what(refunded))).body("Nothing has happened yet. Look again, then refund."))
            }
            (Card::new(form.render()))
        }
    };
    let page = Page {
        crumbs: vec![("Orders".into(), "/dashboard/orders".into()), (title(&order), href)],
        lead: Some("Places return to nobody; credits return to those who paid, the last who paid first. Money paid elsewhere is returned there.".into()),
        narrow: true,
        ..Page::titled("Refund")
    };
    Ok(Shown::form(page, errors.as_ref(), body))
}

async fn names(desk: &Desk, order: &Order) -> Result<Vec<(Id<Product>, String)>> {
    let ids: Vec<&str> = order
        .lines
        .0
        .iter()
        .map(|line| line.product_id.as_str())
        .collect();
    let select = names::select(Named::Product, &ids);
    Ok(desk.db().fetch(&desk.caller().account, select).await?)
}

fn fields(
    desk: &Desk,
    order: &Order,
    products: &[(Id<Product>, String)],
    errors: Option<&FieldErrors>,
) -> Markup {
    html! {
        @for (n, line) in order.lines.0.iter().enumerate().filter(|(_, line)| line.left() > 0) {
            @let name = format!("line_{}", n + 1);
            @let product = products.iter().find(|(id, _)| *id == line.product_id).map_or("", |(_, name)| name.as_str());
            @let left = line.left().to_string();
            (Field::number(&name, product).value(desk.shown(&name, &left)).error(fault(errors, "lines")).hint(format!("{} of {} left, {} each.", left, number(count(line.quantity)), counted(count(line.places_of_one()), "place", "places"))))
        }
        (Field::select("on_shortfall", "Places in use", POLICIES).value(desk.shown("on_shortfall", "refuse")).error(fault(errors, "on_shortfall")).required())
        (Field::text("reason", "Why").value(desk.shown("reason", "")).error(fault(errors, "reason")))
    }
}

async fn carry_out(desk: &Desk, order: &Order, dry: bool) -> Result<Refunded> {
    let mut lines: Vec<JsonValue> = Vec::new();
    for number in 1..=order.lines.0.len() {
        let text = desk.field(&format!("line_{number}")).to_owned();
        if !text.is_empty() && text != "0" {
            lines.push(json!({ "number": number, "quantity": whole(&text) }));
        }
    }
    let mut members = desk.filled(&["on_shortfall", "reason", "reference"]);
    members.insert("lines".into(), json!(lines));
    let input: RefundInput = read(&members.into())?;
    let reference = Ref::Id(order.id.clone());
    let call = if dry { desk.dry() } else { desk.call.clone() };
    let (db, ids) = (desk.db(), &desk.app.ids);
    let done = desk
        .rehearse(&call, || plan_refund(db, ids, &call, &reference, &input))
        .await?;
    Ok(done.value)
}

/// What a refund gives back, in words.
fn what(refunded: &Refunded) -> String {
    let refund = &refunded.refund;
    let places: i64 = refund.lines.0.iter().map(|line| line.places).sum();
    let places = counted(count(places), "place", "places");
    let worth = match &refunded.order.currency {
        _ if refund.credits > 0 => counted(count(refund.credits), "credit", "credits"),
        Some(currency) => currency.show(refund.amount),
        None => counted(many(&refund.lines.0), "line", "lines"),
    };
    format!("{places}, {worth}")
}
