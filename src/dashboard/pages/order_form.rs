//! The lines of an order's form: what can be chosen, how the rows become lines of a body, and where faults belong.

use std::collections::BTreeMap;

use maud::{Markup, html};
use serde_json::{Map, Value as JsonValue, json};

use super::desk::{Desk, fault};
use super::look::count;
use super::provision::with_none;
use super::seat_edit::whole;
use super::users::team_choices;
use crate::commerce::CatalogItem;
use crate::commerce::orders::Order;
use crate::commerce::orders::order::{OrderLine, Payment};
use crate::dashboard::components::{Field, counted, number};
use crate::dashboard::form::FieldErrors;
use crate::db::Batch;
use crate::error::{Error, Fault, Result};
use crate::params;
use crate::resources::{Organization, Product};
use crate::types::Id;

/// Rows of a new order, and those that more are added by.
const ROWS: usize = 3;
/// Lines of an order at the most.
const MOST: usize = 100;

/// What can be chosen in the form.
pub(super) struct Choices {
    pub(super) teams: Vec<(String, String)>,
    pub(super) organizations: Vec<(String, String)>,
    /// Packs of the catalog, then products: id and label.
    what: Vec<(String, String)>,
    prices: BTreeMap<Id<CatalogItem>, (Option<i64>, Option<i64>)>,
}

/// Reads what can be chosen.
pub(super) async fn choices(desk: &Desk) -> Result<Choices> {
    let mut batch = Batch::new();
    let teams = batch.add::<(String, String)>(team_choices(desk));
    let organizations = batch.add::<(String, String)>(desk.within::<Organization>(
        "SELECT organizations.id, organizations.name FROM organizations WHERE organizations.account_id = $1{reach} ORDER BY organizations.path LIMIT 200",
        params![],
    ));
    let items = batch.add::<CatalogItem>(desk.within::<CatalogItem>(
        &format!(
            "SELECT {} FROM catalog_items WHERE catalog_items.account_id = $1 AND catalog_items.status = 'published'{{reach}} ORDER BY catalog_items.name_key LIMIT 200",
            <CatalogItem as crate::db::Row>::selection()
        ),
        params![],
    ));
    let products = batch.add::<(String, String)>(desk.within::<Product>(
        "SELECT products.id, products.name FROM products WHERE products.account_id = $1 AND products.status <> 'archived'{reach} ORDER BY products.name_key LIMIT 200",
        params![],
    ));
    let mut rows = desk.db().read(&desk.caller().account, batch).await?;
    let items = rows.take(&items);
    let products = rows.take(&products).into_iter();
    let mut what: Vec<(String, String)> = items
        .iter()
        .map(|item| (item.id.to_string(), pack(item)))
        .collect();
    // Who is limited to teams buys from the catalog.
    if desk.caller().require_account().is_ok() {
        what.extend(products.map(|(id, name)| (id, format!("Places of {name}"))));
    }
    Ok(Choices {
        teams: rows.take(&teams),
        organizations: rows.take(&organizations),
        what,
        prices: items
            .into_iter()
            .map(|item| (item.id, (item.price_amount, item.price_credits)))
            .collect(),
    })
}

/// What an item is called among the choices.
fn pack(item: &CatalogItem) -> String {
    let places = counted(count(item.quantity), "place", "places");
    let price = price(item);
    let comma = if price.is_empty() { "" } else { ", " };
    format!("{} ({places}{comma}{price})", item.name)
}

/// What an item costs, in words.
fn price(item: &CatalogItem) -> String {
    let money = item.price_amount.zip(item.currency.as_ref());
    let money = money.map(|(amount, currency)| currency.show(amount));
    let credits = item
        .price_credits
        .map(|credits| format!("{} credits", number(count(credits))));
    money
        .into_iter()
        .chain(credits)
        .collect::<Vec<_>>()
        .join(" or ")
}

/// The rows of the form over the lines that stand.
pub(super) struct Sheet<'o> {
    /// How many rows there are.
    pub(super) rows: usize,
    order: Option<&'o Order>,
    /// Which rows are filled in: the nth line is of the nth of these.
    filled: Vec<usize>,
}

impl<'o> Sheet<'o> {
    /// As the form was sent, or as the order stands.
    pub(super) fn of(desk: &Desk, order: Option<&'o Order>) -> Self {
        let standing = order.map_or(0, |order| order.lines.0.len());
        let sent = desk.field("rows").parse().unwrap_or(0_usize);
        let more = if desk.field("step") == "more" {
            ROWS
        } else {
            0
        };
        let rows = (sent + more)
            .max(standing + usize::from(standing > 0))
            .max(ROWS);
        let rows = rows.min(MOST);
        let is_filled = |row: &usize| !desk.field(&name("what", *row)).is_empty();
        Self {
            rows,
            order,
            filled: (0..rows).filter(is_filled).collect(),
        }
    }

    fn standing(&self, row: usize) -> Option<&'o OrderLine> {
        self.order.and_then(|order| order.lines.0.get(row))
    }

    /// The lines of the body.
    pub(super) fn lines(&self, desk: &Desk) -> JsonValue {
        let line = |row: &usize| self.line(desk, *row);
        self.filled.iter().map(line).collect()
    }

    fn line(&self, desk: &Desk, row: usize) -> JsonValue {
        let field = |of: &str| desk.field(&name(of, row));
        let what = field("what");
        let mut line = Map::new();
        let member = if what.starts_with("item_") {
            "item"
        } else {
            "product"
        };
        line.insert(member.into(), json!(what));
        let quantity = if field("quantity").is_empty() {
            "1"
        } else {
            field("quantity")
        };
        line.insert("quantity".into(), whole(quantity));
        if !field("price").is_empty() {
            let with_credits = desk.field("payment") == Payment::Credits.as_str();
            let member = if with_credits { "credits" } else { "amount" };
            line.insert(member.into(), whole(field("price")));
        }
        if !field("for").is_empty() {
            line.insert("team".into(), json!(field("for")));
        }
        // The form does not show terms: of a line that buys the same they stay.
        if let Some(standing) = self.standing(row).filter(|line| bought(line) == what) {
            match (&standing.template_id, &standing.terms) {
                (Some(template), _) => line.insert("template".into(), json!(template)),
                (None, Some(terms)) => line.insert("terms".into(), json!(terms)),
                (None, None) => None,
            };
        }
        line.into()
    }

    /// The faults of the body at the fields of the form.
    pub(super) fn at_fields(&self, error: Error) -> Error {
        if error.faults().is_empty() {
            return error;
        }
        let moved = |fault: &Fault| {
            let parts: Vec<&str> = fault.pointer.split('/').skip(1).collect();
            let row = |n: &str| {
                n.parse()
                    .ok()
                    .and_then(|n: usize| self.filled.get(n).copied())
            };
            let field = match parts.as_slice() {
                ["lines"] => name("what", 0),
                ["lines", n, member @ ..] => {
                    let of = match member.first().copied() {
                        Some("quantity") => "quantity",
                        Some("amount" | "credits") => "price",
                        Some("team") => "for",
                        _ => "what",
                    };
                    name(of, row(n).unwrap_or(0))
                }
                [member, ..] => (*member).to_owned(),
                [] => String::new(),
            };
            Fault {
                pointer: format!("/{field}"),
                ..fault.clone()
            }
        };
        Error::invalid(error.faults().iter().map(moved).collect())
    }
}

fn name(of: &str, row: usize) -> String {
    format!("{of}_{row}")
}

/// The id of what a line buys.
fn bought(line: &OrderLine) -> &str {
    let item = line.catalog_item_id.as_ref().map(Id::as_str);
    item.unwrap_or_else(|| line.product_id.as_str())
}

/// A line's own price: none where it is the item's.
fn own_price(line: &OrderLine, choices: &Choices) -> String {
    let item = line.catalog_item_id.as_ref();
    let (amount, credits) = item
        .and_then(|id| choices.prices.get(id).copied())
        .unwrap_or_default();
    let times = |price: Option<i64>| price.map(|price| price.saturating_mul(line.quantity));
    let own = match (line.amount, line.credits) {
        (amount_now @ Some(_), _) => amount_now.filter(|_| amount_now != times(amount)),
        (None, credits_now) => credits_now.filter(|_| credits_now != times(credits)),
    };
    own.map_or_else(String::new, |price| price.to_string())
}

/// The rows.
pub(super) fn line_fields(
    desk: &Desk,
    sheet: &Sheet<'_>,
    choices: &Choices,
    errors: Option<&FieldErrors>,
) -> Markup {
    html! {
        div.stack.stack-tight {
            @for row in 0..sheet.rows {
                @let standing = sheet.standing(row);
                @let value = |of: &str, stored: String| desk.shown(&name(of, row), &stored);
                @let wrong = |of: &str| fault(errors, &name(of, row)).map(str::to_owned);
                @let what = standing.map_or_else(String::new, |line| bought(line).to_owned());
                @let quantity = standing.map_or_else(String::new, |line| line.quantity.to_string());
                @let price = standing.map_or_else(String::new, |line| own_price(line, choices));
                @let team = standing.and_then(|line| line.team_id.as_ref()).map_or_else(String::new, ToString::to_string);
                div.seat-line {
                    (Field::select(&name("what", row), &format!("Line {}", row + 1), with_known(choices, &what)).value(value("what", what)).error(wrong("what").as_deref()))
                    (Field::number(&name("quantity", row), "Quantity").value(value("quantity", quantity)).error(wrong("quantity").as_deref()))
                    (Field::number(&name("price", row), "Price").value(value("price", price)).error(wrong("price").as_deref()))
                    (Field::select(&name("for", row), "For", with_none("The buyer", &choices.teams)).value(value("for", team)).error(wrong("for").as_deref()))
                }
            }
            p.hint { "Prices are in the currency's smallest unit, such as cents, or in credits." }
        }
    }
}

/// The choices of a line; what it buys already is among them though it may be archived by now.
fn with_known(choices: &Choices, what: &str) -> Vec<(String, String)> {
    let mut all = with_none("Nothing", &choices.what);
    if !all.iter().any(|(id, _)| id == what) {
        all.push((
            what.to_owned(),
            "As it stands (not on offer now)".to_owned(),
        ));
    }
    all
}
