//! What one plan does to one order: its row, its lines, the places and the credits, put together in the end.

use std::future::Future;

use crate::access::Call;
use crate::commerce::books::{Cause, book};
use crate::commerce::entry::CreditReason;
use crate::commerce::payers::{payers, share_out};
use crate::db::{Db, Statement};
use crate::error::{Code, Error, Result};
use crate::events::Plan;
use crate::params;
use crate::records;
use crate::seats::allocate::{self, Addition};
use crate::types::text::Json;
use crate::types::{Id, Ids, Ref, json_list};

use super::order::{Buyer, Failure, Order, OrderLine, OrderStatus, PaidBy, Payment};
use super::refunded::OrderRefund;
use super::scene::whereto;

/// Plans what is done with an order that stands. A refusal counts only if the order is still the one it was made for:
/// places and credits are read after it, and what others have done meanwhile may have taken them.
pub async fn steadily<T, F, Fut>(db: &Db, call: &Call, reference: &Ref<Order>, plan: F) -> Result<T>
where
    F: Fn(Order) -> Fut,
    Fut: Future<Output = Result<T>>,
{
    let mut order = records::find::<Order>(db, &call.caller, reference).await?;
    loop {
        let version = order.version;
        let refused = match plan(order).await {
            Err(error) if error.code().status() < 500 => error,
            other => return other,
        };
        order = records::find::<Order>(db, &call.caller, reference).await?;
        if order.version == version {
            return Err(refused);
        }
    }
}

/// An order while a plan changes it.
pub struct Work<'a> {
    pub(super) db: &'a Db,
    pub(super) ids: &'a Ids,
    pub(super) call: &'a Call,
    pub(super) order: Order,
    before: Option<Order>,
    verbs: Vec<&'static str>,
    pub(super) places: Plan,
    pub(super) books: Plan,
    pub(super) refund: Option<OrderRefund>,
}

impl<'a> Work<'a> {
    /// A new order.
    pub fn new(order: Order, db: &'a Db, ids: &'a Ids, call: &'a Call) -> Self {
        let mut work = Self {
            before: None,
            ..Self::of(order, db, ids, call)
        };
        work.tell("created", None);
        work
    }

    /// An order that stands.
    pub fn of(order: Order, db: &'a Db, ids: &'a Ids, call: &'a Call) -> Self {
        Self {
            db,
            ids,
            call,
            before: Some(order.clone()),
            order,
            verbs: Vec::new(),
            places: Plan::default(),
            books: Plan::default(),
            refund: None,
        }
    }

    /// A step of the order's life: on its timeline, and as an event `order.{what}`.
    pub fn tell(&mut self, what: &'static str, detail: Option<String>) {
        self.order.step(what, detail, self.call.now);
        self.verbs.push(what);
    }

    /// Lets the order be paid; with credits, takes them from those who pay.
    pub async fn pay(&mut self) -> Result<()> {
        if self.order.payment == Payment::Credits {
            let price = self.order.total_credits.unwrap_or(0);
            let owner = self.order.owner()?;
            let payers = payers(self.db, self.ids, self.call, &owner).await?;
            let shares = share_out(&payers, price, self.call)?;
            let cause = Cause {
                order_id: Some(self.order.id.to_string()),
                ..Cause::of(CreditReason::Purchase)
            };
            let booked = book(&mut self.books, shares, &cause, self.ids, self.call);
            let paid = booked.into_iter().map(|(account, entry)| PaidBy {
                credit_account_id: account.id,
                team_id: account.team_id,
                organization_id: account.organization_id,
                credits: -entry.amount,
                returned: 0,
            });
            self.order.paid_by = Json(paid.collect());
        }
        self.order.status = OrderStatus::Paid;
        self.order.paid_at = Some(self.call.now);
        self.tell("paid", None);
        Ok(())
    }

    /// Gives the places, or notes on the order why they cannot be given.
    pub async fn fulfil(&mut self) -> Result<()> {
        let mut places = Plan::default();
        match self.give_places(&mut places).await {
            Ok(()) => {
                self.places.absorb(places);
                self.order.status = if self.order.status == OrderStatus::Paid {
                    OrderStatus::Fulfilled
                } else {
                    self.order.status
                };
                self.order.fulfilled_at = Some(self.call.now);
                self.order.failure = None;
                self.tell("fulfilled", None);
                Ok(())
            }
            // A fault of the service is no fault of the order.
            Err(error) if error.code().status() >= 500 || error.code().is_retryable() => Err(error),
            Err(error) => {
                let failure = Failure {
                    code: error.code().as_str().to_owned(),
                    detail: error.detail().to_owned(),
                    at: self.call.now,
                };
                self.tell("fulfilment_failed", Some(failure.detail.clone()));
                self.order.failure = Some(Json(failure));
                Ok(())
            }
        }
    }

    async fn give_places(&mut self, plan: &mut Plan) -> Result<()> {
        let order = &self.order;
        let named = order.lines.0.iter().filter_map(|line| line.team_id.clone());
        let named: Vec<_> = named.chain(order.team_id.clone()).collect();
        let buyer = order.organization_id.as_ref();
        let buyer = buyer.filter(|_| order.buyer == Buyer::Organization);
        let (default, live) = whereto(self.db, self.call, buyer, &named).await?;
        let otherwise = order.team_id.clone().or(default);
        let mut additions = Vec::new();
        let mut at = Vec::new();
        for (n, line) in order.lines.0.iter().enumerate() {
            if line.left() == 0 {
                continue;
            }
            let team_id = line.team_id.clone().or_else(|| otherwise.clone());
            let team_id = team_id.ok_or_else(no_team)?;
            if !live.contains(&team_id) {
                return Err(team_gone().with("team_id", team_id.as_str()));
            }
            additions.push(Addition {
                team_id,
                product_id: line.product_id.clone(),
                quantity: line.places_of_one() * line.left(),
                terms: line.terms,
                template_id: line.template_id.clone(),
                cause: "ordered",
                reference: Some(line.id.to_string()),
            });
            at.push(n);
        }
        let added = allocate::add(self.db, self.ids, self.call, plan, &additions).await?;
        for ((n, addition), added) in at.into_iter().zip(additions).zip(added) {
            if let Some(line) = self.order.lines.0.get_mut(n) {
                line.team_id = Some(addition.team_id);
                line.seat_id = Some(added.seat.id);
                line.ledger_reference = addition.reference;
            }
        }
        Ok(())
    }

    /// The plan of everything, and the order as it will be; nothing where nothing changed.
    pub fn conclude(mut self, action: &str) -> (Plan, Order) {
        let mut plan = Plan::new(action);
        if self.before.as_ref() == Some(&self.order) {
            return (plan, self.order);
        }
        self.order.updated_at = self.call.now;
        match &self.before {
            None => plan.write(Statement::insert(&self.order)),
            Some(before) => plan.write(Statement::update(&self.order, before.version)),
        }
        if self.verbs.is_empty() {
            self.verbs.push("updated");
        }
        let refund = self.refund.as_ref();
        for verb in &self.verbs {
            let mut event = self.order.event(verb);
            if let (Some(refund), Some(members)) = (refund, event.data.as_object_mut()) {
                let refund = serde_json::to_value(refund).unwrap_or_default();
                members.insert("refund".to_owned(), refund);
            }
            plan.event(event);
        }
        plan.absorb(self.places);
        let before = self.before.as_ref().map(|order| order.lines.0.as_slice());
        plan.write_all(line_rows(&self.order, before.unwrap_or_default()));
        plan.write_all(refund.map(Statement::insert));
        plan.absorb(self.books);
        (plan, self.order)
    }
}

fn no_team() -> Error {
    Error::new(
        Code::NoTeam,
        "The organization has no default team, and no line names one. Set its default team, then fulfil the order again.",
    )
}

fn team_gone() -> Error {
    Error::new(
        Code::TeamNotFound,
        "The team that was to get the places is not there any more. Restore it and fulfil the order again, or refund it.",
    )
}

/// The rows of the lines: made, changed, gone.
fn line_rows(order: &Order, before: &[OrderLine]) -> Vec<Statement> {
    let mut list = Vec::new();
    for line in &order.lines.0 {
        match before.iter().find(|old| old.id == line.id) {
            Some(old) if old == line => {}
            Some(_) => list.push(Statement::guarded(
                "UPDATE order_lines SET refunded = $2, seat_id = $3, team_id = $4 WHERE account_id = $1 AND order_id = $5 AND id = $6",
                params![line.refunded, line.seat_id.clone(), line.team_id.clone(), order.id.clone(), line.id.clone()],
            )),
            None => list.push(line_row(&order.id, line)),
        }
    }
    let is_gone = |old: &&OrderLine| !order.lines.0.iter().any(|line| line.id == old.id);
    let gone: Vec<_> = before
        .iter()
        .filter(is_gone)
        .map(|old| old.id.as_str())
        .collect();
    if !gone.is_empty() {
        list.push(Statement::new(
            "DELETE FROM order_lines WHERE account_id = $1 AND order_id = $2 AND id IN (SELECT value FROM JSON_LIST($3) AS gone)",
            params![order.id.clone(), json_list(&gone)],
        ));
    }
    list
}

/// The row of a new line.
pub(super) fn line_row(order: &Id<Order>, line: &OrderLine) -> Statement {
    Statement::new(
        "INSERT INTO order_lines (account_id, order_id, id, product_id, catalog_item_id, team_id, seat_id, quantity, places, refunded, amount, credits) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        params![
            order.clone(),
            line.id.clone(),
            line.product_id.clone(),
            line.catalog_item_id.clone(),
            line.team_id.clone(),
            line.seat_id.clone(),
            line.quantity,
            line.places,
            line.refunded,
            line.amount,
            line.credits
        ],
    )
}
