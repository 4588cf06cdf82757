//! Bookings: the one way in which credits move.
//!
//! A booking takes from or gives to accounts, with the system's account on the other side, so that its entries sum to
//! zero. Each account's balance moves in the same list of writes by one guarded UPDATE: what would go below the overdraft
//! changes nothing, the whole list is undone, and the plan is made anew from what is true then. Nothing is ever changed
//! or removed: what was wrong is put right by a booking of its own.

use serde_json::json;

use super::account::CreditAccount;
use super::entry::{CreditEntry, CreditReason, TransactionKind};
use crate::access::Call;
use crate::db::Statement;
use crate::events::{Event, Plan};
use crate::params;
use crate::types::text::Description;
use crate::types::{ExternalId, Id, Ids};

/// Why credits move, and what the entries refer to.
#[derive(Debug, Clone)]
pub struct Cause {
    /// Why.
    pub reason: CreditReason,
    /// The same in words.
    pub note: Option<Description>,
    /// The caller's reference, counted once for each account.
    pub reference: Option<ExternalId>,
    /// The order.
    pub order_id: Option<String>,
    /// The refund.
    pub refund_id: Option<String>,
}

impl Cause {
    /// A reason without anything else.
    pub const fn of(reason: CreditReason) -> Self {
        Self {
            reason,
            note: None,
            reference: None,
            order_id: None,
            refund_id: None,
        }
    }
}

/// Adds a movement to a plan: each account by so much, none of them twice. Gives the entries of the accounts, in order,
/// with the accounts as they will be.
pub fn book(
    plan: &mut Plan,
    moves: Vec<(CreditAccount, i64)>,
    cause: &Cause,
    ids: &Ids,
    call: &Call,
) -> Vec<(CreditAccount, CreditEntry)> {
    let transaction: Id<TransactionKind> = ids.next(call.now);
    let actor = &call.caller.actor;
    let entry = |account: Option<&CreditAccount>, amount| CreditEntry {
        id: ids.next(call.now),
        transaction_id: transaction.clone(),
        credit_account_id: account.map(|it| it.id.clone()),
        team_id: account.and_then(|it| it.team_id.clone()),
        organization_id: account.and_then(|it| it.organization_id.clone()),
        system_account: account.is_none().then(|| cause.reason.other_side()),
        amount,
        reason: cause.reason,
        note: cause.note.clone(),
        reference: cause.reference.clone(),
        order_id: cause.order_id.clone(),
        refund_id: cause.refund_id.clone(),
        actor_type: actor.kind.as_str().to_owned(),
        actor_id: actor.id.as_deref().map(str::to_owned),
        actor_name: actor.name.to_string(),
        created_at: call.now,
    };
    let booked: Vec<_> = moves
        .into_iter()
        .filter(|(_, amount)| *amount != 0)
        .map(|(mut account, amount)| {
            let entry = entry(Some(&account), amount);
            account.balance += amount;
            account.updated_at = call.now;
            plan.write(balance_write(&account, amount));
            plan.event(moved_event(&account, &entry));
            (account, entry)
        })
        .collect();
    if booked.is_empty() {
        return booked;
    }
    let sum: i64 = booked.iter().map(|(_, entry)| entry.amount).sum();
    let mut entries: Vec<CreditEntry> = booked.iter().map(|(_, entry)| entry.clone()).collect();
    entries.push(entry(None, -sum));
    plan.write(Statement::insert_all(&entries));
    booked
}

/// The write of an account's balance: its row if it is new, else the guarded UPDATE.
fn balance_write(account: &CreditAccount, amount: i64) -> Statement {
    if account.is_new() {
        return Statement::insert(&CreditAccount {
            version: 1,
            ..account.clone()
        });
    }
    Statement::guarded(
        "UPDATE credit_accounts SET balance = balance + $2, updated_at = $3, version = version + 1 \
         WHERE account_id = $1 AND id = $4 AND ($2 >= 0 OR balance + $2 + overdraft >= 0)",
        params![amount, account.updated_at, account.id.clone()],
    )
}

/// `credits.granted`, `credits.corrected`, `credits.withdrawn`, `credits.spent` or `credits.refunded`.
fn moved_event(account: &CreditAccount, entry: &CreditEntry) -> Event {
    let verb = match entry.reason {
        CreditReason::Grant => "granted",
        CreditReason::Correction => "corrected",
        CreditReason::Withdrawal => "withdrawn",
        CreditReason::Purchase => "spent",
        CreditReason::Refund => "refunded",
    };
    let event = Event::new(
        format!("credits.{verb}"),
        &account.id,
        json!({ "account": account, "entry": entry }),
    );
    match &account.team_id {
        Some(team) => event.team(team),
        None => event,
    }
}
