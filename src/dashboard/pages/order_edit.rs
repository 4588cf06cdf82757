//! Orders are put together: who buys, what, for how much; as a draft that can be changed until it is placed.

use maud::{Markup, Render, html};
use serde_json::{Map, Value as JsonValue, json};

use super::desk::{Desk, Shown, fault, faults, read, summary};
use super::order_form::{Choices, Sheet, choices, line_fields};
use super::orders::title;
use super::provision::with_none;
use crate::access::Permission;
use crate::commerce::orders::Order;
use crate::commerce::orders::actions::{plan_change, plan_delete};
use crate::commerce::orders::input::{NewOrder, OrderPatch};
use crate::commerce::orders::order::{OrderStatus, Payment};
use crate::commerce::orders::place::plan_create;
use crate::dashboard::components::{Button, Card, Field};
use crate::dashboard::form::FieldErrors;
use crate::dashboard::icons::Icon;
use crate::dashboard::layout::Page;
use crate::error::{Code, Error, Result};
use crate::records;
use crate::types::Ref;

const ORDERS: &str = "/dashboard/orders";

/// A new order.
pub(super) async fn new(desk: Desk) -> Result<Shown> {
    desk.require(Permission::OrdersWrite)?;
    let sheet = Sheet::of(&desk, None);
    let mut members = desk.filled(&["payment", "source", "external_reference"]);
    contents(&desk, &sheet, &mut members);
    members.retain(|_, value| !value.is_null());
    members.insert("status".into(), json!(status(&desk)));
    let body = JsonValue::from(members);
    let mut errors = None;
    if desk.is_post() && desk.field("step") != "more" {
        match place(&desk, &body).await {
            Ok(order) => {
                let href = format!("{ORDERS}/{}", order.id);
                return Ok(Shown::done(href, done(&order)));
            }
            Err(error) => errors = Some(faults(sheet.at_fields(error))?),
        }
    }
    let wrong = errors.as_ref();
    let choices = choices(&desk).await?;
    let call = desk
        .api("call-order", "POST", "/orders")
        .body(if desk.is_post() { body } else { example() })
        .scope("orders:write");
    let form = desk
        .post(
            format!("{ORDERS}/new"),
            fields(&desk, None, &sheet, &choices, wrong),
        )
        .hidden("rows", sheet.rows.to_string())
        .errors(summary(wrong))
        .buttons(buttons(ORDERS))
        .after(call);
    let page = Page {
        crumbs: vec![("Orders".into(), ORDERS.into())],
        lead: Some(
            "A draft can be changed until it is placed. Nothing is given before it is paid.".into(),
        ),
        narrow: true,
        ..Page::titled("New order")
    };
    Ok(Shown::form(page, wrong, form.render()))
}

/// A draft is changed.
pub(super) async fn edit(desk: Desk) -> Result<Shown> {
    desk.require(Permission::OrdersWrite)?;
    let order = records::find::<Order>(desk.db(), desk.caller(), &desk.reference(0)?).await?;
    let href = format!("{ORDERS}/{}", order.id);
    if order.status != OrderStatus::Draft {
        return Err(Error::new(
            Code::StateConflict,
            "The order is placed, so its buyer and lines stay as they are.",
        ));
    }
    let sheet = Sheet::of(&desk, Some(&order));
    let mut members = Map::new();
    contents(&desk, &sheet, &mut members);
    if desk.field("step") == "place" {
        members.insert("status".into(), json!("pending"));
    }
    let body = JsonValue::from(members);
    let mut errors = None;
    if desk.is_post() && desk.field("step") != "more" {
        match change(&desk, &order, &body).await {
            Ok(order) => return Ok(Shown::done(href, done(&order))),
            Err(error) => errors = Some(faults(sheet.at_fields(error))?),
        }
    }
    let wrong = errors.as_ref();
    let choices = choices(&desk).await?;
    let shown = if desk.is_post() {
        body
    } else {
        example_patch()
    };
    let call = desk
        .api("call-order", "PATCH", &format!("/orders/{}", order.id))
        .body(shown)
        .scope("orders:write");
    let form = desk
        .post(
            format!("{href}/edit"),
            fields(&desk, Some(&order), &sheet, &choices, wrong),
        )
        .hidden("rows", sheet.rows.to_string())
        .errors(summary(wrong))
        .buttons(buttons(&href))
        .after(call);
    let remove =
        desk.post(format!("{href}/delete"), html! {}).buttons([
            Button::submit("Delete draft").confirm("Delete this draft? It is gone for good.")
        ]);
    let page = Page {
        crumbs: vec![
            ("Orders".into(), ORDERS.into()),
            (title(&order), href.clone()),
        ],
        actions: Some(remove.render()),
        narrow: true,
        ..Page::titled("Edit order")
    };
    Ok(Shown::form(page, wrong, form.render()))
}

/// A draft is given up without a trace.
pub(super) async fn delete(desk: Desk) -> Result<Shown> {
    desk.require_post()?;
    let order: Ref<Order> = desk.reference(0)?;
    let (db, call) = (desk.db(), &desk.call);
    let plan = || async { Ok((plan_delete(db, call, &order, |_| Ok(())).await?, ())) };
    desk.commit(plan).await?;
    Ok(Shown::done(ORDERS, "The draft is deleted."))
}

fn status(desk: &Desk) -> &'static str {
    if desk.field("step") == "place" {
        "pending"
    } else {
        "draft"
    }
}

fn done(order: &Order) -> String {
    match order.status {
        OrderStatus::Pending => "The order is placed.".to_owned(),
        _ => "The draft is kept.".to_owned(),
    }
}

async fn place(desk: &Desk, body: &JsonValue) -> Result<Order> {
    let new: NewOrder = read(body)?;
    let (db, ids, call) = (desk.db(), &desk.app.ids, &desk.call);
    desk.commit(|| async {
        let placed = plan_create(db, ids, call, &new).await?;
        Ok((placed.plan, placed.order))
    })
    .await
}

async fn change(desk: &Desk, order: &Order, body: &JsonValue) -> Result<Order> {
    let patch: OrderPatch = read(body)?;
    let reference = Ref::Id(order.id.clone());
    let (db, ids, call) = (desk.db(), &desk.app.ids, &desk.call);
    desk.commit(|| plan_change(db, ids, call, &reference, patch.clone(), |_| Ok(())))
        .await
}

/// The members that a new order and a change of one share: what was left empty is `null`.
fn contents(desk: &Desk, sheet: &Sheet<'_>, members: &mut Map<String, JsonValue>) {
    members.extend(desk.changed(&["team", "organization", "note"]));
    let currency = desk.field("currency").to_uppercase();
    let currency = Some(currency).filter(|code| !code.is_empty());
    members.insert("currency".into(), json!(currency));
    members.insert("lines".into(), sheet.lines(desk));
}

fn example() -> JsonValue {
    json!({
        "team": "ext:engines", "payment": "external", "source": "dashboard", "external_reference": "1001", "status": "draft",
        "lines": [{ "item": "ext:ten-places", "quantity": 1 }],
    })
}

fn example_patch() -> JsonValue {
    json!({ "team": "ext:engines", "lines": [{ "item": "ext:ten-places", "quantity": 2 }] })
}

fn buttons(back: &str) -> [Button; 4] {
    [
        Button::submit_value("Save draft", "step", "save").primary(),
        Button::submit_value("Place order", "step", "place"),
        Button::submit_value("More lines", "step", "more")
            .icon(Icon::Plus)
            .quiet(),
        Button::link("Cancel", back).quiet(),
    ]
}

fn fields(
    desk: &Desk,
    order: Option<&Order>,
    sheet: &Sheet<'_>,
    choices: &Choices,
    errors: Option<&FieldErrors>,
) -> Markup {
    html! {
        div.stack {
            (Card::new(buyer(desk, order, choices, errors)).title("Buyer"))
            (Card::new(line_fields(desk, sheet, choices, errors)).title("Lines").lead("Packs of the catalog, or places of a product. Without a price the item's counts; a price is that of the whole line."))
            (Card::new(details(desk, order, errors)).title("Details"))
        }
    }
}

fn buyer(
    desk: &Desk,
    order: Option<&Order>,
    choices: &Choices,
    errors: Option<&FieldErrors>,
) -> Markup {
    let team = order.and_then(|order| order.team_id.as_ref());
    let team = team.map_or_else(|| desk.get("team").to_owned(), ToString::to_string);
    let organization = order.and_then(|order| order.organization_id.as_ref());
    let organization =
        organization.map_or_else(|| desk.get("organization").to_owned(), ToString::to_string);
    let mut payments = vec![("credits", "With credits")];
    if desk.caller().require_account().is_ok() {
        payments.insert(0, ("external", "Elsewhere: by invoice, in a shop"));
    }
    html! {
        div.stack.stack-tight {
            div.form-row {
                (Field::select("team", "Team", with_none("None", &choices.teams)).value(desk.shown("team", &team)).error(fault(errors, "team")))
                (Field::select("organization", "Organization", with_none("None", &choices.organizations)).value(desk.shown("organization", &organization)).error(fault(errors, "organization")).hint("Buys for its teams. With a team too, that team gets the places."))
            }
            @if let Some(order) = order {
                @let paid = if order.payment == Payment::Credits { "with credits" } else { "elsewhere" };
                p.secondary { "It is paid " (paid) "; that stays." }
                input type="hidden" name="payment" value=(order.payment.as_str());
            } @else {
                (Field::select("payment", "Paid", payments).value(desk.shown("payment", "external")).error(fault(errors, "payment")).required())
            }
        }
    }
}

fn details(desk: &Desk, order: Option<&Order>, errors: Option<&FieldErrors>) -> Markup {
    let currency = order.and_then(|order| order.currency.as_ref());
    let currency = currency.map_or_else(String::new, ToString::to_string);
    let note = order.and_then(|order| order.note.as_ref());
    let note = note.map_or_else(String::new, ToString::to_string);
    html! {
        div.stack.stack-tight {
            @if order.is_none() {
                div.form-row {
                    (Field::text("source", "Source").value(desk.shown("source", "dashboard")).error(fault(errors, "source")).hint("Where it comes from, such as phone or a shop's name."))
                    (Field::text("external_reference", "Reference").value(desk.shown("external_reference", &number(desk))).error(fault(errors, "external_reference")).hint("The source's own number. Sent twice, it is one order."))
                }
            }
            (Field::text("currency", "Currency").value(desk.shown("currency", &currency)).error(fault(errors, "currency")).hint("Such as EUR; the items' unless said. Not with credits."))
            (Field::text_area("note", "Note").value(desk.shown("note", &note)).error(fault(errors, "note")))
        }
    }
}

/// A number for an order that has none yet, by which a form that is sent twice makes one: the day and some letters.
fn number(desk: &Desk) -> String {
    let id = desk
        .app
        .ids
        .uuid(desk.call.now)
        .simple()
        .to_string()
        .to_uppercase();
    let tail: String = id.chars().skip(id.len().saturating_sub(6)).collect();
    format!("{}-{tail}", desk.call.now.to_jiff().strftime("%y%m%d"))
}
