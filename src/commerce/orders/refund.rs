//! Refunds: places and credits go back, whole or in part, never more than was bought.
//!
//! Places return by the shortfall policy; where it refuses, nothing happens at all. Credits return to those who paid, the
//! last who paid first. What a part is worth is its share of the line, so that all parts together are worth the whole.

use super::input::{RefundInput, RefundLine};
use super::order::{Order, OrderLine, OrderStatus, Payment};
use super::refunded::{OrderRefund, Refunded, RefundedLine};
use super::work::{Work, steadily};
use crate::access::{Call, Permission};
use crate::commerce::account::CreditAccount;
use crate::commerce::books::{Cause, book};
use crate::commerce::entry::CreditReason;
use crate::db::{Batch, Db, Select};
use crate::error::{Code, Error, Fault, Result};
use crate::events::Plan;
use crate::params;
use crate::seats::allocate::{self, Withdrawal};
use crate::seats::shortfall::OnShortfall;
use crate::types::text::Json;
use crate::types::{Ids, Ref, json_list};

/// What of a total belongs to the first `part` of `whole`, so that all parts together are the total.
fn share(total: i64, part: i64, whole: i64) -> i64 {
    let share = i128::from(total) * i128::from(part) / i128::from(whole.max(1));
    i64::try_from(share).unwrap_or(total)
}

/// What so many more of a line are worth.
fn worth(line: &OrderLine, total: Option<i64>, quantity: i64) -> i64 {
    let total = total.unwrap_or(0);
    share(total, line.refunded + quantity, line.quantity)
        - share(total, line.refunded, line.quantity)
}

/// What is to be refunded: the place of each line and how many of it.
fn wanted(order: &Order, input: &RefundInput) -> Result<Vec<(usize, i64)>> {
    let lines = &order.lines.0;
    let Some(named) = &input.lines else {
        let left = lines.iter().enumerate().map(|(n, line)| (n, line.left()));
        return Ok(left.filter(|(_, left)| *left > 0).collect());
    };
    let mut faults = Vec::new();
    if named.is_empty() {
        faults.push(Fault::new(
            "/lines",
            "required",
            "Name a line, or leave the lines out to refund all that is left.",
        ));
    }
    let mut wanted: Vec<(usize, i64)> = Vec::new();
    for (n, one) in named.iter().enumerate() {
        let mut fault = |member: &str, code: &'static str, words: String| {
            let pointer = format!("/lines/{n}/{member}");
            faults.push(Fault::new(pointer.trim_end_matches('/'), code, words));
        };
        let Some((at, line)) = place_of(lines, one) else {
            fault(
                "",
                "no_such_line",
                "The order has no such line. Give the line's id, or its number from 1.".to_owned(),
            );
            continue;
        };
        if wanted.iter().any(|(known, _)| *known == at) {
            fault("", "twice", "The line is named twice.".to_owned());
            continue;
        }
        let quantity = one.quantity.unwrap_or_else(|| line.left());
        if quantity > line.left() || quantity == 0 {
            fault(
                "quantity",
                "more_than_left",
                format!("{} of {} are left to refund.", line.left(), line.quantity),
            );
        }
        wanted.push((at, quantity));
    }
    if faults.is_empty() {
        Ok(wanted)
    } else {
        Err(Error::invalid(faults))
    }
}

fn place_of<'l>(lines: &'l [OrderLine], one: &RefundLine) -> Option<(usize, &'l OrderLine)> {
    let at = match (&one.line, one.number) {
        (Some(id), None) => lines.iter().position(|line| line.id == *id),
        (None, Some(number)) => usize::try_from(number - 1).ok(),
        _ => None,
    }?;
    lines.get(at).map(|line| (at, line))
}

/// Plans a refund. A repeat with the same reference is the same refund.
pub async fn plan_refund(
    db: &Db,
    ids: &Ids,
    call: &Call,
    order: &Ref<Order>,
    input: &RefundInput,
) -> Result<(Plan, Refunded)> {
    call.caller.require(Permission::OrdersRefund)?;
    call.caller.require_account()?;
    steadily(db, call, order, |order| {
        plan_of(db, ids, call, order, input)
    })
    .await
}

async fn plan_of(
    db: &Db,
    ids: &Ids,
    call: &Call,
    order: Order,
    input: &RefundInput,
) -> Result<(Plan, Refunded)> {
    let known = scene(db, call, &order, input).await?;
    if let Some(refund) = known.told_before {
        refuse_other(&order, &refund, input)?;
        return Ok((Plan::new("order.refund"), Refunded { refund, order }));
    }
    if order.paid_at.is_none() {
        return Err(Error::new(
            Code::StateConflict,
            "The order was never paid, so there is nothing to refund. Cancel it instead.",
        )
        .with("order_status", order.status.as_str()));
    }
    let wanted = wanted(&order, input)?;
    if wanted.is_empty() {
        return Err(Error::new(
            Code::StateConflict,
            "Everything of this order was refunded already.",
        )
        .with("order_status", order.status.as_str()));
    }
    let mut work = Work::of(order, db, ids, call);
    let refund = refund_of(&work.order, &wanted, input, call, ids);
    take_places(&mut work, &refund, input).await?;
    return_credits(&mut work, &refund, &known.accounts)?;
    settle(&mut work, &wanted, refund.clone());
    let (plan, order) = work.conclude("order.refund");
    Ok((plan, Refunded { refund, order }))
}

struct Known {
    told_before: Option<OrderRefund>,
    accounts: Vec<CreditAccount>,
}

async fn scene(db: &Db, call: &Call, order: &Order, input: &RefundInput) -> Result<Known> {
    let paid = order.paid_by.0.iter();
    let paid = json_list(paid.map(|one| &one.credit_account_id));
    let mut batch = Batch::new();
    let told = batch.add::<OrderRefund>(Select::rows::<OrderRefund>(
        "WHERE account_id = $1 AND order_id = $2 AND reference = $3",
        params![order.id.clone(), input.reference.clone()],
    ));
    let accounts = batch.add::<CreditAccount>(Select::rows::<CreditAccount>(
        "WHERE account_id = $1 AND id IN (SELECT value FROM JSON_LIST($2) AS paid)",
        params![paid],
    ));
    let mut rows = db.read(call.account(), batch).await?;
    Ok(Known {
        told_before: rows.first(&told),
        accounts: rows.take(&accounts),
    })
}

/// A reference that was used for another refund is no repeat.
fn refuse_other(order: &Order, refund: &OrderRefund, input: &RefundInput) -> Result<()> {
    let Some(named) = &input.lines else {
        return Ok(());
    };
    let is_same = named.iter().all(|one| {
        let line = place_of(&order.lines.0, one).map(|(_, line)| &line.id);
        refund.lines.0.iter().any(|was| {
            Some(&was.line_id) == line && one.quantity.is_none_or(|it| it == was.quantity)
        })
    });
    if is_same && named.len() == refund.lines.0.len() {
        return Ok(());
    }
    Err(Error::new(
        Code::ReferenceReused,
        "This reference was used for another refund of the order. A repeat says the same as the first time; another refund needs a reference of its own.",
    )
    .with("refund_id", refund.id.as_str())
    .with("differences", serde_json::json!([{ "member": "lines", "before": refund.lines, "now": named.len() }])))
}

pub(super) fn refund_of(
    order: &Order,
    wanted: &[(usize, i64)],
    input: &RefundInput,
    call: &Call,
    ids: &Ids,
) -> OrderRefund {
    let of = |(at, quantity): &(usize, i64)| {
        let line = order.lines.0.get(*at)?;
        Some(RefundedLine {
            line_id: line.id.clone(),
            quantity: *quantity,
            places: line
                .seat_id
                .as_ref()
                .map_or(0, |_| line.places_of_one() * quantity),
            seat_id: line.seat_id.clone(),
            amount: worth(line, line.amount, *quantity),
            credits: match order.payment {
                Payment::Credits => worth(line, line.credits, *quantity),
                Payment::External => 0,
            },
        })
    };
    let lines: Vec<_> = wanted.iter().filter_map(of).collect();
    let actor = &call.caller.actor;
    OrderRefund {
        id: ids.next(call.now),
        order_id: order.id.clone(),
        reference: input.reference.clone(),
        reason: input.reason.clone(),
        amount: lines.iter().map(|line| line.amount).sum(),
        credits: lines.iter().map(|line| line.credits).sum(),
        lines: Json(lines),
        actor_type: actor.kind.as_str().to_owned(),
        actor_id: actor.id.as_deref().map(str::to_owned),
        actor_name: actor.name.to_string(),
        created_at: call.now,
    }
}

async fn take_places(work: &mut Work<'_>, refund: &OrderRefund, input: &RefundInput) -> Result<()> {
    let policy = input.on_shortfall.unwrap_or(OnShortfall::Refuse);
    let lines = &work.order.lines.0;
    let mut withdrawals = Vec::new();
    let mut reversed = Vec::new();
    for line in &refund.lines.0 {
        let bought = lines.iter().find(|bought| bought.id == line.line_id);
        let (Some(bought), Some(seat_id)) = (bought, line.seat_id.clone()) else {
            continue;
        };
        withdrawals.push(Withdrawal {
            seat_id,
            quantity: line.places,
            policy,
            cause: "refunded",
            reference: Some(format!("{}/{}", refund.id, line.line_id)),
        });
        reversed.push(bought.ledger_reference.clone());
    }
    let (db, ids, call) = (work.db, work.ids, work.call);
    allocate::take_back(db, ids, call, &mut work.places, &withdrawals, &reversed).await?;
    Ok(())
}

/// Gives credits back to those who paid, the last first.
fn return_credits(
    work: &mut Work<'_>,
    refund: &OrderRefund,
    accounts: &[CreditAccount],
) -> Result<()> {
    let mut left = refund.credits;
    let mut parts = Vec::new();
    for paid in work.order.paid_by.0.iter_mut().rev() {
        let part = (paid.credits - paid.returned).min(left);
        if part <= 0 {
            continue;
        }
        left -= part;
        paid.returned += part;
        let account = accounts.iter().find(|it| it.id == paid.credit_account_id);
        let account = account.ok_or_else(|| Error::internal("an account that paid is gone"))?;
        parts.push((account.clone(), part));
    }
    if left != 0 {
        return Err(Error::internal(format!(
            "{left} credits of the order {} belong to nobody",
            work.order.id
        )));
    }
    let cause = Cause {
        order_id: Some(work.order.id.to_string()),
        refund_id: Some(refund.id.to_string()),
        ..Cause::of(CreditReason::Refund)
    };
    book(&mut work.books, parts, &cause, work.ids, work.call);
    Ok(())
}

/// Notes on the order what was refunded.
pub(super) fn settle(work: &mut Work<'_>, wanted: &[(usize, i64)], refund: OrderRefund) {
    let order = &mut work.order;
    for (at, quantity) in wanted {
        if let Some(line) = order.lines.0.get_mut(*at) {
            line.refunded += quantity;
        }
    }
    order.refunded_amount += refund.amount;
    order.refunded_credits += refund.credits;
    let whole = order.is_refunded_whole();
    order.status = if whole {
        OrderStatus::Refunded
    } else {
        OrderStatus::PartiallyRefunded
    };
    if whole {
        order.failure = None;
    }
    let reason = refund.reason.as_ref().map(ToString::to_string);
    work.refund = Some(refund);
    work.tell("refunded", reason);
}

#[cfg(test)]
mod tests {
    use super::share;

    #[test]
    fn all_parts_together_are_the_whole() {
        for (total, whole) in [(100, 3), (1, 7), (0, 5), (999_999_999_999, 1_000_000)] {
            let parts: i64 = (0..whole)
                .map(|part| share(total, part + 1, whole) - share(total, part, whole))
                .sum();
            assert_eq!(parts, total);
        }
    }
}
