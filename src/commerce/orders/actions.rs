//! What is done with an order that stands: change, pay, fulfil, cancel, delete.

use super::input::{CancelInput, NewOrder, OrderPatch, PatchStatus, PayInput, line_references};
use super::lines::{self, Frame};
use super::order::{Buyer, Order, OrderStatus, Payment};
use super::place::{Parties, Placed, plan_create};
use super::scene::ground;
use super::work::{Work, steadily};
use crate::access::{Call, Permission};
use crate::db::{Db, Statement};
use crate::error::{Code, Error, Result};
use crate::events::Plan;
use crate::params;
use crate::records;
use crate::resource::{Record, Resolved, resolve};
use crate::types::text::Json;
use crate::types::{Id, Ids, Patch, Ref};

/// An order in a state in which something is not possible.
fn conflict(order: &Order, words: &str) -> Error {
    Error::new(
        Code::StateConflict,
        format!(
            "The order is {}. {words}",
            order.status.as_str().replace('_', " ")
        ),
    )
    .with("order_status", order.status.as_str())
}

async fn find(db: &Db, call: &Call, order: &Ref<Order>) -> Result<Order> {
    call.caller.require(Permission::OrdersWrite)?;
    records::find::<Order>(db, &call.caller, order).await
}

/// Plans a change.
pub async fn plan_change<C: FnOnce(&Order) -> Result<()>>(
    db: &Db,
    ids: &Ids,
    call: &Call,
    order: &Ref<Order>,
    patch: OrderPatch,
    check: C,
) -> Result<(Plan, Order)> {
    let before = find(db, call, order).await?;
    check(&before)?;
    let mut work = Work::of(before, db, ids, call);
    let order = &mut work.order;
    patch.external_id.clone().apply(&mut order.external_id);
    patch.note.clone().apply(&mut order.note);
    if let Some(metadata) = &patch.metadata {
        order.metadata = metadata.clone();
    }
    if patch.is_of_draft() {
        change_draft(&mut work, &patch).await?;
    }
    let order = &mut work.order;
    match (patch.status, order.status) {
        (Some(PatchStatus::Pending), OrderStatus::Draft | OrderStatus::Failed) => {
            work.order.status = OrderStatus::Pending;
            work.tell("pending", None);
        }
        (Some(PatchStatus::Failed), OrderStatus::Pending) => {
            work.order.status = OrderStatus::Failed;
            work.tell("failed", None);
        }
        (None, _)
        | (Some(PatchStatus::Pending), OrderStatus::Pending)
        | (Some(PatchStatus::Failed), OrderStatus::Failed) => {}
        (Some(_), _) => {
            return Err(conflict(
                order,
                "Only a draft is placed, and only a payment that is awaited fails.",
            ));
        }
    }
    Ok(work.conclude("order.update"))
}

/// Who buys, what, and in which currency, while the order is a draft.
async fn change_draft(work: &mut Work<'_>, patch: &OrderPatch) -> Result<()> {
    let (db, ids, call) = (work.db, work.ids, work.call);
    let order = &mut work.order;
    if order.status != OrderStatus::Draft {
        return Err(conflict(
            order,
            "Its buyer, currency and lines change while it is a draft only; what was bought since is an order of its own.",
        ));
    }
    if order.payment == Payment::External {
        call.caller.require_account()?;
    }
    let refs = resolve(db, &call.caller, patch.references()).await?;
    if patch.is_of_buyer() {
        let team = party(&patch.team, order.team_id.take(), &refs)?;
        let organization = party(&patch.organization, order.organization_id.take(), &refs)?;
        let parties = Parties::of(team, organization, call)?;
        order.buyer = parties.buyer();
        (order.team_id, order.organization_id) = (parties.team, parties.organization);
    }
    let was = order.currency.clone();
    patch.currency.clone().apply(&mut order.currency);
    let new = patch.lines.as_deref().unwrap_or_default();
    let ground = ground(db, call, new, &order.lines.0, &refs, &order.owner()?).await?;
    let frame = Frame {
        payment: order.payment,
        buying_team: order.team_id.clone().filter(|_| order.buyer == Buyer::Team),
        currency: order.currency.clone(),
        ground: &ground,
        refs: &refs,
        call,
        ids,
    };
    if patch.lines.is_none() {
        return lines::recheck(&frame, &order.lines.0, was.as_ref());
    }
    let (made, currency) = lines::make(&frame, new)?;
    order.lines = Json(lines::replaced(&order.lines.0, made));
    order.currency = currency;
    order.add_up();
    Ok(())
}

/// Who is named by a member of a change: as before, nobody, or somebody else.
fn party<R: Record>(
    patch: &Patch<Ref<R>>,
    before: Option<Id<R>>,
    refs: &Resolved,
) -> Result<Option<Id<R>>> {
    match patch {
        Patch::Keep => Ok(before),
        Patch::Clear => Ok(None),
        Patch::Set(reference) => refs.id(reference).map(Some),
    }
}

/// Plans an order by its own key: made, or while it is a draft changed.
pub async fn plan_put<C: Fn(Option<&Order>) -> Result<()>>(
    db: &Db,
    ids: &Ids,
    call: &Call,
    order: &Ref<Order>,
    new: &NewOrder,
    check: C,
) -> Result<Placed> {
    call.caller.require(Permission::OrdersWrite)?;
    let Some(standing) = records::maybe::<Order>(db, &call.caller, order).await? else {
        check(None)?;
        if matches!(order, Ref::Id(_)) {
            return Err(Error::new(
                Code::NotFound,
                "There is no such order. To make one by PUT, name it by your own key: ext:<value>.",
            ));
        }
        return plan_create(db, ids, call, new).await;
    };
    // Who buys what is settled once it is placed; a repeat that says the same lines is let through below.
    let is_draft = standing.status == OrderStatus::Draft;
    let patch = OrderPatch {
        external_id: new.external_id.clone().map_or(Patch::Keep, Patch::Set),
        team: replaced_by(is_draft, new.team.as_ref()),
        organization: replaced_by(is_draft, new.organization.as_ref()),
        currency: new
            .currency
            .clone()
            .filter(|_| is_draft)
            .map_or(Patch::Keep, Patch::Set),
        lines: is_draft.then(|| new.lines.clone()),
        status: None,
        note: new.note.clone().map_or(Patch::Keep, Patch::Set),
        metadata: Some(new.metadata.clone()),
    };
    if !is_draft {
        let refs = resolve(db, &call.caller, line_references(&new.lines)).await?;
        let differences = lines::differences(&standing.lines.0, &new.lines, &refs)?;
        if !differences.is_empty() {
            return Err(conflict(&standing, "Its lines cannot be changed any more.")
                .with("differences", differences));
        }
    }
    let reference = Ref::Id(standing.id.clone());
    let (plan, order) =
        plan_change(db, ids, call, &reference, patch, |order| check(Some(order))).await?;
    Ok(Placed {
        plan,
        order,
        is_new: false,
    })
}

/// What a body that says everything says of a member that only a draft lets change.
fn replaced_by<R>(is_draft: bool, new: Option<&Ref<R>>) -> Patch<Ref<R>> {
    match new {
        _ if !is_draft => Patch::Keep,
        Some(reference) => Patch::Set(reference.clone()),
        None => Patch::Clear,
    }
}

/// Plans the payment of an order. One that is paid already stays as it is.
pub async fn plan_pay(
    db: &Db,
    ids: &Ids,
    call: &Call,
    order: &Ref<Order>,
    input: &PayInput,
) -> Result<(Plan, Order)> {
    call.caller.require(Permission::OrdersWrite)?;
    steadily(db, call, order, |before| pay(db, ids, call, before, input)).await
}

async fn pay(
    db: &Db,
    ids: &Ids,
    call: &Call,
    before: Order,
    input: &PayInput,
) -> Result<(Plan, Order)> {
    let with_credits = before.payment == Payment::Credits;
    if with_credits {
        call.caller.require(Permission::CatalogBuy)?;
    } else {
        call.caller.require_account()?;
    }
    let mut work = Work::of(before, db, ids, call);
    match work.order.status {
        OrderStatus::Draft | OrderStatus::Pending | OrderStatus::Failed => work.pay().await?,
        OrderStatus::Cancelled => {
            return Err(conflict(
                &work.order,
                "It cannot be paid any more; make a new one.",
            ));
        }
        _ => {}
    }
    if input.fulfil.unwrap_or(with_credits) && work.order.awaits_places() {
        work.fulfil().await?;
    }
    Ok(work.conclude("order.pay"))
}

/// Plans the giving of the places of a paid order. One that is fulfilled already stays as it is.
pub async fn plan_fulfil(
    db: &Db,
    ids: &Ids,
    call: &Call,
    order: &Ref<Order>,
) -> Result<(Plan, Order)> {
    let mut work = Work::of(find(db, call, order).await?, db, ids, call);
    if work.order.awaits_places() {
        work.fulfil().await?;
    } else if work.order.fulfilled_at.is_none() {
        return Err(conflict(
            &work.order,
            "Only a paid order is fulfilled: POST /api/orders/{id}/pay first.",
        ));
    }
    Ok(work.conclude("order.fulfil"))
}

/// Plans the end of an order that was never paid. One that is cancelled already stays as it is.
pub async fn plan_cancel(
    db: &Db,
    ids: &Ids,
    call: &Call,
    order: &Ref<Order>,
    input: &CancelInput,
) -> Result<(Plan, Order)> {
    let mut work = Work::of(find(db, call, order).await?, db, ids, call);
    match work.order.status {
        OrderStatus::Draft | OrderStatus::Pending | OrderStatus::Failed => {
            work.order.status = OrderStatus::Cancelled;
            work.tell("cancelled", input.reason.as_ref().map(ToString::to_string));
        }
        OrderStatus::Cancelled => {}
        _ => {
            return Err(conflict(&work.order, "It is paid: refund it instead."));
        }
    }
    Ok(work.conclude("order.cancel"))
}

/// Plans the removal of an order that was never placed.
pub async fn plan_delete<C: FnOnce(&Order) -> Result<()>>(
    db: &Db,
    call: &Call,
    order: &Ref<Order>,
    check: C,
) -> Result<Plan> {
    let order = find(db, call, order).await?;
    check(&order)?;
    if order.status != OrderStatus::Draft {
        return Err(conflict(
            &order,
            "Only a draft can be deleted; cancel it, or refund it.",
        ));
    }
    let mut plan = Plan::new("order.delete");
    plan.write(Statement::new(
        "DELETE FROM order_lines WHERE account_id = $1 AND order_id = $2",
        params![order.id.clone()],
    ));
    plan.write(Statement::guarded(
        "DELETE FROM orders WHERE account_id = $1 AND id = $2 AND version = $3",
        params![order.id.clone(), order.version],
    ));
    plan.event(order.event("deleted"));
    Ok(plan)
}
