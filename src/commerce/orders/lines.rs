//! The lines of an order, made from a body: what is bought, for how much, under which terms. Pure.

use serde_json::{Value as JsonValue, json};

use super::input::NewLine;
use super::order::{OrderLine, Payment};
use super::scene::Ground;
use crate::access::{Call, Reach};
use crate::commerce::item::CatalogItem;
use crate::error::{Error, Fault, Result};
use crate::resource::Resolved;
use crate::resources::Team;
use crate::seats::{SeatTemplate, Terms};
use crate::types::{Currency, Id, Ids};

/// What a line costs at the most, and so many places it has at the most.
const MAX_PRICE: i64 = 1_000_000_000_000;
const MAX_PLACES: i64 = crate::seats::seat::MAX_QUANTITY;

/// For whom lines are made.
pub struct Frame<'a> {
    /// How the order is paid.
    pub payment: Payment,
    /// The team that buys, where it is a team.
    pub buying_team: Option<Id<Team>>,
    /// The currency that the order names.
    pub currency: Option<Currency>,
    /// What the lines name.
    pub ground: &'a Ground,
    /// The ids behind their references.
    pub refs: &'a Resolved,
    /// Who calls.
    pub call: &'a Call,
    /// New ids.
    pub ids: &'a Ids,
}

/// The lines and the currency of their amounts; every fault of every line at its place.
pub fn make(frame: &Frame<'_>, lines: &[NewLine]) -> Result<(Vec<OrderLine>, Option<Currency>)> {
    let mut faults = Vec::new();
    let mut made = Vec::new();
    let mut currency = frame.currency.clone();
    for (n, new) in lines.iter().enumerate() {
        let mut told = Faults {
            n,
            faults: &mut faults,
        };
        let line = one(frame, new, &mut currency, &mut told)?;
        made.extend(line);
    }
    if currency.is_none() && made.iter().any(|line| line.amount.is_some()) {
        faults.push(Fault::new(
            "/currency",
            "required",
            "Amounts need their currency, such as EUR.",
        ));
    }
    if faults.is_empty() {
        Ok((made, currency))
    } else {
        Err(Error::invalid(faults))
    }
}

/// Refuses lines that do not fit who is to buy now, or the currency.
pub fn recheck(frame: &Frame<'_>, lines: &[OrderLine], was: Option<&Currency>) -> Result<()> {
    let mut faults = Vec::new();
    if frame.currency.as_ref() != was && lines.iter().any(|line| line.amount.is_some()) {
        faults.push(Fault::new(
            "/currency",
            "not_allowed",
            "The lines have amounts in the other currency. Give the lines anew with it.",
        ));
    }
    for (n, line) in lines.iter().enumerate() {
        let mut told = Faults {
            n,
            faults: &mut faults,
        };
        if let Some(team) = &line.team_id
            && !is_of_buyer(frame, team)
        {
            told.add("team", "not_of_buyer", NOT_OF_BUYER);
        }
        let item = line.catalog_item_id.as_ref();
        let item = item.and_then(|id| frame.ground.item(id));
        if frame.payment == Payment::Credits
            && item.is_some_and(|item| !frame.ground.is_on_offer(item))
        {
            told.add("item", "not_on_offer", NOT_ON_OFFER);
        }
    }
    if faults.is_empty() {
        Ok(())
    } else {
        Err(Error::invalid(faults))
    }
}

const NOT_OF_BUYER: &str =
    "The places go to the team that buys, or to a team at or below the organization that buys.";
const NOT_ON_OFFER: &str = "The item is not on offer for this buyer.";

struct Faults<'f> {
    n: usize,
    faults: &'f mut Vec<Fault>,
}

impl Faults<'_> {
    fn add(&mut self, member: &str, code: &'static str, words: impl Into<String>) {
        let pointer = format!("/lines/{}/{member}", self.n);
        let pointer = pointer.trim_end_matches('/').to_owned();
        self.faults.push(Fault::new(pointer, code, words));
    }
}

fn one(
    frame: &Frame<'_>,
    new: &NewLine,
    currency: &mut Option<Currency>,
    told: &mut Faults<'_>,
) -> Result<Option<OrderLine>> {
    let item = frame.refs.maybe(new.item.as_ref())?;
    let item = item.as_ref().and_then(|id| frame.ground.item(id));
    let product = frame.refs.maybe(new.product.as_ref())?;
    let product_id = match (item, product) {
        (Some(item), None) => item.product_id.clone(),
        (None, Some(product)) => product,
        _ => {
            told.add(
                "",
                "ambiguous",
                "Name a product or a catalog item, one of them.",
            );
            return Ok(None);
        }
    };
    let quantity = new.quantity.unwrap_or(1);
    let places = quantity.saturating_mul(item.map_or(1, |item| item.quantity));
    if places > MAX_PLACES {
        told.add(
            "quantity",
            "too_large",
            format!("That makes more than {MAX_PLACES} places."),
        );
    }
    let (terms, template) = terms(frame, new, item, told)?;
    let (amount, credits) = price(frame, new, item, quantity, currency, told);
    Ok(Some(OrderLine {
        id: frame.ids.next(frame.call.now),
        product_id,
        catalog_item_id: item.map(|item| item.id.clone()),
        team_id: team(frame, new, told)?,
        seat_id: None,
        quantity,
        places,
        refunded: 0,
        amount,
        credits,
        terms,
        template_id: template.map(|template| template.id.clone()),
        ledger_reference: None,
    }))
}

/// The team that gets the places: one of the buyer's.
fn team(frame: &Frame<'_>, new: &NewLine, told: &mut Faults<'_>) -> Result<Option<Id<Team>>> {
    let Some(team) = frame.refs.maybe(new.team.as_ref())? else {
        return Ok(None);
    };
    if !is_of_buyer(frame, &team) {
        told.add("team", "not_of_buyer", NOT_OF_BUYER);
    }
    Ok(Some(team))
}

fn is_of_buyer(frame: &Frame<'_>, team: &Id<Team>) -> bool {
    match &frame.buying_team {
        Some(buyer) => buyer == team,
        None => frame.ground.is_of_buyer(team),
    }
}

/// The terms of a seat that is made by a line: its own, else the item's, else the account's.
fn terms<'g>(
    frame: &Frame<'g>,
    new: &NewLine,
    item: Option<&CatalogItem>,
    told: &mut Faults<'_>,
) -> Result<(Option<Terms>, Option<&'g SeatTemplate>)> {
    let own = frame.refs.maybe(new.template.as_ref())?;
    if own.is_some() && new.terms.is_some() {
        told.add(
            "terms",
            "contradicts",
            "Give terms or a template, not both.",
        );
    }
    if let Some(given) = &new.terms {
        return Ok(match given.over(Terms::default()) {
            Ok(terms) => (Some(terms), None),
            Err(error) => {
                for fault in error.faults() {
                    told.add(
                        fault.pointer.trim_start_matches('/'),
                        "invalid",
                        fault.detail.clone(),
                    );
                }
                (None, None)
            }
        });
    }
    let of_item = item.and_then(|item| item.template_id.clone());
    let template = own.or(of_item);
    let template = template.and_then(|id| frame.ground.template(&id));
    let terms = match (template, item) {
        (Some(template), _) => Some(template.terms()),
        (None, Some(item)) => item.terms.as_ref().map(|terms| terms.0),
        (None, None) => None,
    };
    Ok((terms, template))
}

/// What the line costs: amount or credits, as the order is paid.
fn price(
    frame: &Frame<'_>,
    new: &NewLine,
    item: Option<&CatalogItem>,
    quantity: i64,
    currency: &mut Option<Currency>,
    told: &mut Faults<'_>,
) -> (Option<i64>, Option<i64>) {
    let times = |price: i64| price.saturating_mul(quantity);
    let (amount, credits) = match frame.payment {
        Payment::External => {
            let of_item = item.filter(|_| new.amount.is_none());
            let priced =
                of_item.and_then(|item| Some((item.price_amount?, item.currency.clone()?)));
            if let Some((_, of_item)) = &priced
                && currency.get_or_insert_with(|| of_item.clone()) != of_item
            {
                told.add(
                    "item",
                    "other_currency",
                    format!(
                        "Its price is in {of_item}. Give the line's amount in the order's currency."
                    ),
                );
            }
            if new.credits.is_some() {
                told.add("credits", "contradicts", "The order is not paid with credits. Say «payment»: «credits», or give an amount.");
            }
            (new.amount.or(priced.map(|(price, _)| times(price))), None)
        }
        Payment::Credits => {
            if new.amount.is_some() {
                told.add(
                    "amount",
                    "contradicts",
                    "The order is paid with credits. Give credits, or leave the price to the item.",
                );
            }
            let is_free = frame.call.caller.reach == Reach::Account;
            if !is_free && (new.credits.is_some() || item.is_none()) {
                told.add(
                    "credits",
                    "not_allowed",
                    "Who is limited to teams buys from the catalog, at its prices.",
                );
            }
            if item.is_some_and(|item| !frame.ground.is_on_offer(item)) {
                told.add("item", "not_on_offer", NOT_ON_OFFER);
            }
            let of_item = item.and_then(|item| item.price_credits).map(times);
            let credits = new.credits.or(of_item);
            if credits.is_none() {
                told.add(
                    "credits",
                    "required",
                    "There is no price in credits. Give one, or buy an item that has one.",
                );
            }
            (None, credits)
        }
    };
    if amount.max(credits).is_some_and(|price| price > MAX_PRICE) {
        told.add(
            "quantity",
            "too_large",
            format!("A line costs {MAX_PRICE} at the most."),
        );
    }
    (amount, credits)
}

/// Whether two lines buy the same for the same.
fn is_same(a: &OrderLine, b: &OrderLine) -> bool {
    OrderLine {
        id: b.id.clone(),
        ..a.clone()
    } == *b
}

/// Lines in place of others: those that are the same keep their ids.
pub fn replaced(before: &[OrderLine], mut after: Vec<OrderLine>) -> Vec<OrderLine> {
    let mut left: Vec<&OrderLine> = before.iter().collect();
    for line in &mut after {
        if let Some(at) = left.iter().position(|old| is_same(old, line)) {
            line.id = left.remove(at).id.clone();
        }
    }
    after
}

/// In what the lines of a repeat differ from those that stand, as far as the repeat says.
pub fn differences(
    standing: &[OrderLine],
    told: &[NewLine],
    refs: &Resolved,
) -> Result<Vec<JsonValue>> {
    let mut found = Vec::new();
    let mut note = |member: String, before: JsonValue, now: JsonValue| {
        if before != now {
            found.push(json!({ "member": member, "before": before, "now": now }));
        }
    };
    note("lines".to_owned(), json!(standing.len()), json!(told.len()));
    for (n, (line, new)) in standing.iter().zip(told).enumerate() {
        let at = |member: &str| format!("lines/{n}/{member}");
        if let Some(product) = refs.maybe(new.product.as_ref())? {
            note(at("product"), json!(line.product_id), json!(product));
        }
        note(
            at("item"),
            json!(line.catalog_item_id),
            json!(refs.maybe(new.item.as_ref())?),
        );
        note(
            at("quantity"),
            json!(line.quantity),
            json!(new.quantity.unwrap_or(1)),
        );
        if new.amount.is_some() {
            note(at("amount"), json!(line.amount), json!(new.amount));
        }
        if new.credits.is_some() {
            note(at("credits"), json!(line.credits), json!(new.credits));
        }
        if let Some(team) = refs.maybe(new.team.as_ref())? {
            note(at("team"), json!(line.team_id), json!(team));
        }
    }
    Ok(found)
}
