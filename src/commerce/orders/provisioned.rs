//! The order of a provision: places that the one call adds under a reference are a purchase, and stand among the others.
//! When the provision is taken back, what went of its places is refunded.

use serde_json::json;

use super::input::RefundInput;
use super::order::{Buyer, Moment, Order, OrderLine, OrderStatus, Payment};
use super::refund::{refund_of, settle};
use super::work::{Work, line_row};
use crate::access::Call;
use crate::db::{Db, Select, Statement};
use crate::error::{Error, Result};
use crate::events::Plan;
use crate::params;
use crate::resources::{Product, Team};
use crate::seats::Seat;
use crate::types::text::{Description, Json, Slug};
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
        provision_id: Some(provision.to_owned()),
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

/// The read of the order of a provision.
pub fn of(provision: &str) -> Select {
    Select::rows::<Order>(
        "WHERE account_id = $1 AND provision_id = $2",
        params![provision.to_owned()],
    )
}

/// How many places of a seat the order has given back.
pub fn refunded(order: Option<&Order>, seat: &Id<Seat>) -> i64 {
    let lines = order.iter().flat_map(|order| &order.lines.0);
    let of_seat = lines.filter(|line| line.seat_id.as_ref() == Some(seat));
    of_seat
        .map(|line| line.refunded * line.places_of_one())
        .sum()
}

/// Adds to a plan that so many places of each seat were taken back; tells how many that are in all, and the same in words.
pub fn take_back(
    db: &Db,
    ids: &Ids,
    call: &Call,
    plan: &mut Plan,
    order: Order,
    taken: &[(Id<Seat>, i64)],
) -> Result<(i64, String)> {
    let mut wanted = Vec::new();
    for (seat, places) in taken {
        let mut places = *places;
        for (at, line) in order.lines.0.iter().enumerate() {
            let part = line.left().min(places);
            if line.seat_id.as_ref() == Some(seat) && part > 0 {
                places -= part;
                wanted.push((at, part));
            }
        }
    }
    let went: i64 = wanted.iter().map(|(_, places)| places).sum();
    let left: i64 = order.lines.0.iter().map(OrderLine::left).sum::<i64>() - went;
    let says = match (went, left) {
        (0, 0) => "Its provision was taken back; everything had been refunded before.".to_owned(),
        (0, _) => "Its provision was taken back; its places are in use and stay.".to_owned(),
        (_, 0) => format!("Its provision was taken back: {went} places are refunded."),
        (_, _) => format!(
            "Its provision was taken back: {went} places are refunded, {left} are in use and stay."
        ),
    };
    let mut work = Work::of(order, db, ids, call);
    if wanted.is_empty() {
        work.order.step("undone", Some(says.clone()), call.now);
    } else {
        let input = RefundInput {
            lines: None,
            on_shortfall: None,
            reference: work
                .order
                .provision_id
                .as_deref()
                .and_then(|id| ExternalId::parse(id).ok()),
            reason: Some(Description::parse(&says).map_err(Error::internal)?),
        };
        let refund = refund_of(&work.order, &wanted, &input, call, ids);
        settle(&mut work, &wanted, refund);
    }
    let (changes, _) = work.conclude("order.refund");
    plan.absorb(changes);
    Ok((went, says))
}
