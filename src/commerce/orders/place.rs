//! Placing orders: new ones, and those that are told again.
//!
//! A shop tells a purchase as often as it likes: what has the same source and reference is the same order. A repeat moves
//! it on where it says more than is known (placed, then paid, then to be fulfilled), never back; one that says something
//! else is refused, with the differences.

use serde_json::{Value as JsonValue, json};

use super::input::{BuyInput, NewLine, NewOrder, NewStatus};
use super::lines::{self, Frame};
use super::order::{Buyer, Order, OrderStatus, Payment};
use super::scene::ground;
use super::work::{Work, steadily};
use crate::access::{Call, Permission};
use crate::commerce::account::Owner;
use crate::commerce::item::CatalogItem;
use crate::db::{Db, Select};
use crate::error::{Code, Error, Fault, Result};
use crate::events::Plan;
use crate::params;
use crate::records;
use crate::resource::{Input, Resolved, resolve};
use crate::resources::{Organization, Team};
use crate::types::text::{Json, Slug};
use crate::types::{Id, Ids, Metadata, Ref};

/// An order that was placed.
pub struct Placed {
    /// What is to be written.
    pub plan: Plan,
    /// The order as it will be.
    pub order: Order,
    /// Whether it is made by the plan, not by one before.
    pub is_new: bool,
}

/// How far a new order is to go.
struct Wish {
    status: NewStatus,
    fulfil: bool,
}

impl Wish {
    fn of(new: &NewOrder) -> Result<Self> {
        let with_credits = new.payment == Some(Payment::Credits);
        let goes_far = with_credits || new.fulfil == Some(true);
        let status = new.status.unwrap_or(if goes_far {
            NewStatus::Paid
        } else {
            NewStatus::Draft
        });
        if new.fulfil == Some(true) && status != NewStatus::Paid {
            return Err(Error::invalid(vec![Fault::new(
                "/fulfil",
                "contradicts",
                "Only a paid order is fulfilled. Say «status»: «paid», or leave it out.",
            )]));
        }
        let fulfil = status == NewStatus::Paid && new.fulfil.unwrap_or(with_credits);
        Ok(Self { status, fulfil })
    }
}

/// Who buys and who gets the places.
pub(super) struct Parties {
    pub(super) team: Option<Id<Team>>,
    pub(super) organization: Option<Id<Organization>>,
}

impl Parties {
    /// Those named, within the caller's reach.
    pub(super) fn of(
        team: Option<Id<Team>>,
        organization: Option<Id<Organization>>,
        call: &Call,
    ) -> Result<Self> {
        if team.is_none() && organization.is_none() {
            return Err(Error::invalid(vec![Fault::new(
                "/team",
                "required",
                "Name the team that buys, or the organization.",
            )]));
        }
        let reach = &call.caller.reach;
        if organization
            .as_ref()
            .is_some_and(|it| !reach.holds(it.as_str()))
        {
            call.caller.require_account()?;
        }
        if team.as_ref().is_some_and(|it| !reach.holds(it.as_str())) {
            return Err(Error::not_found("team"));
        }
        Ok(Self { team, organization })
    }

    /// As what they buy.
    pub(super) const fn buyer(&self) -> Buyer {
        match self.organization {
            Some(_) => Buyer::Organization,
            None => Buyer::Team,
        }
    }

    fn owner(&self) -> Result<Owner> {
        let organization = self.organization.clone().map(Owner::Organization);
        let team = self.team.clone().map(Owner::Team);
        organization
            .or(team)
            .ok_or_else(|| Error::internal("an order without a buyer was let through"))
    }
}

/// Plans an order by somebody who sells: a shop, an administrator.
pub async fn plan_create(db: &Db, ids: &Ids, call: &Call, new: &NewOrder) -> Result<Placed> {
    call.caller.require(Permission::OrdersWrite)?;
    if new.payment == Some(Payment::Credits) {
        call.caller.require(Permission::CatalogBuy)?;
    } else {
        // What is paid elsewhere is the seller's word; who is limited to teams buys with credits.
        call.caller.require_account()?;
    }
    plan_place(db, ids, call, new).await
}

/// Plans a purchase of a catalog item with credits.
pub async fn plan_buy(
    db: &Db,
    ids: &Ids,
    call: &Call,
    item: &Ref<CatalogItem>,
    input: &BuyInput,
) -> Result<Placed> {
    call.caller.require(Permission::CatalogBuy)?;
    let item: CatalogItem = records::find(db, &call.caller, item).await?;
    let source = Slug::parse("catalog").map_err(Error::internal)?;
    let new = NewOrder {
        team: input.team.clone(),
        organization: input.organization.clone(),
        source: Some(source),
        external_reference: input.external_reference.clone(),
        external_id: None,
        payment: Some(Payment::Credits),
        currency: None,
        lines: vec![NewLine {
            product: None,
            item: Some(Ref::Id(item.id)),
            quantity: input.quantity,
            amount: None,
            credits: None,
            team: None,
            terms: None,
            template: None,
        }],
        status: Some(NewStatus::Paid),
        fulfil: Some(true),
        note: input.note.clone(),
        metadata: Metadata::default(),
    };
    plan_place(db, ids, call, &new).await.map_err(of_item)
}

/// The faults of the one line, told as the item's.
fn of_item(error: Error) -> Error {
    let line = error
        .faults()
        .iter()
        .find(|fault| fault.pointer.starts_with("/lines/0"));
    match line {
        Some(fault) if fault.code == "too_large" => Error::invalid(vec![Fault {
            pointer: "/quantity".to_owned(),
            ..fault.clone()
        }]),
        Some(fault) => Error::new(Code::StateConflict, fault.detail.clone()),
        None => error,
    }
}

async fn plan_place(db: &Db, ids: &Ids, call: &Call, new: &NewOrder) -> Result<Placed> {
    let wish = Wish::of(new)?;
    let refs = resolve(db, &call.caller, new.references()).await?;
    let (team, organization) = (new.team.as_ref(), new.organization.as_ref());
    let parties = Parties::of(refs.maybe(team)?, refs.maybe(organization)?, call)?;
    let source = match &new.source {
        Some(source) => source.clone(),
        None => Slug::parse("api").map_err(Error::internal)?,
    };
    let mut standing = told_before(db, call, &source, new).await?;
    if standing.is_none() {
        let planned = plan_new(db, ids, call, new, source.clone(), &refs, &parties, &wish);
        let refused = match planned.await {
            Err(error) if error.code().status() < 500 => error,
            other => return other,
        };
        // Somebody may have told the same purchase meanwhile, and spent on it what was missing here.
        standing = told_before(db, call, &source, new).await?;
        if standing.is_none() {
            return Err(refused);
        }
    }
    let standing = standing.ok_or_else(|| Error::not_found("order"))?;
    refuse_other(&standing, new, &parties, &refs, call)?;
    let reference = Ref::Id(standing.id);
    steadily(db, call, &reference, |order| {
        move_on(Work::of(order, db, ids, call), &wish)
    })
    .await
}

#[expect(
    clippy::too_many_arguments,
    reason = "the body with everything that was read for it"
)]
async fn plan_new(
    db: &Db,
    ids: &Ids,
    call: &Call,
    new: &NewOrder,
    source: Slug,
    refs: &Resolved,
    parties: &Parties,
    wish: &Wish,
) -> Result<Placed> {
    let owner = parties.owner()?;
    let ground = ground(db, call, &new.lines, &[], refs, &owner).await?;
    let buyer = parties.buyer();
    let payment = new.payment.unwrap_or(Payment::External);
    let frame = Frame {
        payment,
        buying_team: parties.team.clone().filter(|_| buyer == Buyer::Team),
        currency: new.currency.clone(),
        ground: &ground,
        refs,
        call,
        ids,
    };
    let (lines, currency) = lines::make(&frame, &new.lines)?;
    let mut order = Order {
        id: ids.next(call.now),
        external_id: new.external_id.clone(),
        source,
        external_reference: new.external_reference.clone(),
        buyer,
        team_id: parties.team.clone(),
        organization_id: parties.organization.clone(),
        payment,
        status: OrderStatus::Draft,
        currency,
        total_amount: None,
        total_credits: None,
        refunded_amount: 0,
        refunded_credits: 0,
        lines: Json(lines),
        paid_by: Json(Vec::new()),
        provision_id: None,
        failure: None,
        note: new.note.clone(),
        metadata: new.metadata.clone(),
        timeline: Json(Vec::new()),
        paid_at: None,
        fulfilled_at: None,
        version: 1,
        created_at: call.now,
        updated_at: call.now,
    };
    order.add_up();
    let mut placed = move_on(Work::new(order, db, ids, call), wish).await?;
    placed.is_new = true;
    Ok(placed)
}

/// Takes an order as far as it is to go.
async fn move_on(mut work: Work<'_>, wish: &Wish) -> Result<Placed> {
    let before = |status| matches!(status, OrderStatus::Draft | OrderStatus::Failed);
    if wish.status == NewStatus::Pending && before(work.order.status) {
        work.order.status = OrderStatus::Pending;
        work.tell("pending", None);
    }
    let is_open = before(work.order.status) || work.order.status == OrderStatus::Pending;
    if wish.status == NewStatus::Paid && is_open {
        work.pay().await?;
    }
    if wish.fulfil && work.order.awaits_places() {
        work.fulfil().await?;
    }
    let (plan, order) = work.conclude("order.create");
    Ok(Placed {
        plan,
        order,
        is_new: false,
    })
}

async fn told_before(db: &Db, call: &Call, source: &Slug, new: &NewOrder) -> Result<Option<Order>> {
    let Some(reference) = &new.external_reference else {
        return Ok(None);
    };
    let select = Select::rows::<Order>(
        "WHERE account_id = $1 AND source = $2 AND external_reference = $3",
        params![source.clone(), reference.clone()],
    );
    Ok(db.first(call.account(), select).await?)
}

/// A reference that belongs to another purchase is no repeat.
fn refuse_other(
    standing: &Order,
    new: &NewOrder,
    parties: &Parties,
    refs: &Resolved,
    call: &Call,
) -> Result<()> {
    let refused = || {
        Error::new(
            Code::ReferenceReused,
            "This source has told another order under this reference. A repeat says the same as the first time; another order needs a reference of its own.",
        )
    };
    // Whose it is stays hidden from who may not see it.
    let owner = standing.owner()?;
    if !call.caller.reach.holds(owner.place()) {
        return Err(refused());
    }
    let mut differences = lines::differences(&standing.lines.0, &new.lines, refs)?;
    let mut note = |member: &str, before: JsonValue, now: JsonValue| {
        if before != now {
            differences.push(json!({ "member": member, "before": before, "now": now }));
        }
    };
    note("team", json!(standing.team_id), json!(parties.team));
    note(
        "organization",
        json!(standing.organization_id),
        json!(parties.organization),
    );
    let payment = new.payment.unwrap_or(Payment::External);
    note("payment", json!(standing.payment), json!(payment));
    if new.currency.is_some() {
        note("currency", json!(standing.currency), json!(new.currency));
    }
    if new.external_id.is_some() {
        note(
            "external_id",
            json!(standing.external_id),
            json!(new.external_id),
        );
    }
    if differences.is_empty() {
        return Ok(());
    }
    Err(refused()
        .with("order_id", standing.id.as_str())
        .with("differences", differences))
}
