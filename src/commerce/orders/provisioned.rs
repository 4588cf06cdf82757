//! The order of a provision: places that the one call adds under a reference are a purchase, and stand among the others.

use serde_json::json;

use super::order::{Buyer, Moment, Order, OrderLine, OrderStatus, Payment};
use super::work::line_row;
use crate::access::Call;
use crate::db::{Select, Statement};
use crate::error::{Error, Result};
use crate::events::Plan;
use crate::params;
use crate::resources::{Product, Team};
use crate::seats::Seat;
use crate::types::text::{Json, Slug};
use crate::types::{ExternalId, Id, Ids, Metadata};

/// The word by which provisions are told from shops.
pub const SOURCE: &str = "provision";

/// Places that a provision adds.
pub struct Bought {
    /// What they are of.
    pub product_id: Id<Product>,
    /// Where they are.
    pub seat_id: Id<Seat>,
    /// How many.
    pub quantity: i64,
}

/// The read that tells whether a provision's order of this reference stands already.
pub fn standing(reference: &ExternalId) -> Select {
    Select::new(
        "SELECT count(*) FROM orders WHERE account_id = $1 AND source = 'provision' AND external_reference = $2",
        params![reference.clone()],
    )
}

/// Adds the order of what a provision added to its plan. `told` is how many orders of this reference there are: a
/// provision that adds something else under the same one has an order of its own.
pub fn record(
    plan: &mut Plan,
    ids: &Ids,
    call: &Call,
    team: &Id<Team>,
    (reference, told): (&ExternalId, i64),
    provision: &str,
    bought: Vec<Bought>,
) -> Result<()> {
    if bought.is_empty() {
        return Ok(());
    }
    let external_reference = if told == 0 {
        reference.clone()
    } else {
        let shown: String = reference.as_str().chars().take(150).collect();
        ExternalId::parse(&format!("{shown}/{provision}")).map_err(Error::internal)?
    };
    let line = |one: Bought| OrderLine {
        id: ids.next(call.now),
        product_id: one.product_id,
        catalog_item_id: None,
        team_id: Some(team.clone()),
        seat_id: Some(one.seat_id),
        quantity: one.quantity,
        places: one.quantity,
        refunded: 0,
        amount: None,
        credits: None,
        terms: None,
        template_id: None,
        ledger_reference: Some(reference.to_string()),
    };
    let step = |what: &str| Moment {
        at: call.now,
        what: what.to_owned(),
        detail: None,
    };
    let order = Order {
        id: ids.next(call.now),
        external_id: None,
        source: Slug::parse(SOURCE).map_err(Error::internal)?,
        external_reference: Some(external_reference),
        buyer: Buyer::Team,
        team_id: Some(team.clone()),
        organization_id: None,
        payment: Payment::External,
        status: OrderStatus::Fulfilled,
        currency: None,
        total_amount: None,
        total_credits: None,
        refunded_amount: 0,
        refunded_credits: 0,
        lines: Json(bought.into_iter().map(line).collect()),
        paid_by: Json(Vec::new()),
        failure: None,
        note: None,
        metadata: Metadata::default(),
        timeline: Json(vec![step("created"), step("fulfilled")]),
        paid_at: Some(call.now),
        fulfilled_at: Some(call.now),
        version: 1,
        created_at: call.now,
        updated_at: call.now,
    };
    plan.write(Statement::insert(&order));
    let rows = order.lines.0.iter();
    plan.write_all(rows.map(|line| line_row(&order.id, line)));
    let mut event = order.event("fulfilled");
    if let Some(members) = event.data.as_object_mut() {
        members.insert("provision_id".to_owned(), json!(provision));
    }
    plan.event(event);
    Ok(())
}
