//! What is done with the credits of a team or an organization: look, add and take, allow an overdraft.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::account::{CreditAccount, Owner};
use super::books::{Cause, book};
use super::entry::{CreditEntry, CreditReason};
use super::payers::{Payer, payers};
use crate::access::{Call, Permission, Reach};
use crate::db::{Db, Select, Statement};
use crate::error::{Code, Error, Fault, Result};
use crate::events::{Event, Plan};
use crate::params;
use crate::resources::{Organization, Team};
use crate::types::merge::present;
use crate::types::text::Description;
use crate::types::{ExternalId, Id, Ids};

/// Credits in one movement at the most.
pub const MAX_CREDITS: i64 = 1_000_000_000_000;

crate::words! {
    /// Why credits are added or taken by hand.
    pub enum ManualReason {
        /// Given or sold to the customer.
        Grant = "grant",
        /// Put right, in either direction.
        Correction = "correction",
        /// Taken back.
        Withdrawal = "withdrawal",
    }
}

/// Credits to add, or with a negative amount to take.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreditsInput {
    /// How many; negative: taken.
    #[schemars(range(min = -1_000_000_000_000_i64, max = 1_000_000_000_000_i64))]
    pub amount: i64,
    /// Why; `grant` or, for a negative amount, `withdrawal` unless said.
    #[serde(default)]
    pub reason: Option<ManualReason>,
    /// The same in words.
    #[serde(default)]
    pub note: Option<Description>,
    /// Your reference, such as an invoice's number: counted once for each account.
    #[serde(default)]
    pub reference: Option<ExternalId>,
}

/// A change of how far below zero a balance may go.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CreditsPatch {
    /// How far below zero the balance may go.
    #[serde(deserialize_with = "present")]
    #[schemars(range(min = 0, max = 1_000_000_000_000_i64), with = "i64")]
    pub overdraft: Option<i64>,
}

/// Somebody whose credits pay for what the owner buys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PayerAnswer {
    /// Their name.
    pub name: String,
    /// The team.
    pub team_id: Option<Id<Team>>,
    /// Or the organization.
    pub organization_id: Option<Id<Organization>>,
    /// What they have, their overdraft included.
    pub available: i64,
}

/// The credits of a team or an organization, and who else pays for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Credits {
    /// The team.
    pub team_id: Option<Id<Team>>,
    /// Or the organization.
    pub organization_id: Option<Id<Organization>>,
    /// The account, once anything moved on it.
    pub credit_account_id: Option<Id<CreditAccount>>,
    /// The sum of its entries.
    pub balance: i64,
    /// How far below zero the balance may go.
    pub overdraft: i64,
    /// What it can spend itself.
    pub available: i64,
    /// What it can spend with those above it.
    pub spendable: i64,
    /// Who pays, in the order in which they do; organizations only for callers who see the whole account.
    pub payers: Vec<PayerAnswer>,
}

/// A movement of credits and the account after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Credited {
    /// The account.
    pub account: CreditAccount,
    /// The entry.
    pub entry: CreditEntry,
}

fn answer(all: &[Payer], own: &CreditAccount, call: &Call) -> Credits {
    let is_shown =
        |payer: &&Payer| call.caller.reach == Reach::Account || payer.account.team_id.is_some();
    let shown = |payer: &Payer| PayerAnswer {
        name: payer.name.clone(),
        team_id: payer.account.team_id.clone(),
        organization_id: payer.account.organization_id.clone(),
        available: payer.account.available(),
    };
    Credits {
        team_id: own.team_id.clone(),
        organization_id: own.organization_id.clone(),
        credit_account_id: (!own.is_new()).then(|| own.id.clone()),
        balance: own.balance,
        overdraft: own.overdraft,
        available: own.available(),
        spendable: all.iter().map(|payer| payer.account.available()).sum(),
        payers: all.iter().filter(is_shown).map(shown).collect(),
    }
}

async fn of_owner(db: &Db, ids: &Ids, call: &Call, owner: &Owner) -> Result<Vec<Payer>> {
    let all = payers(db, ids, call, owner).await?;
    if all.is_empty() {
        return Err(Error::not_found("owner of credits"));
    }
    Ok(all)
}

/// The first of the payers: the owner's own account.
fn own(all: &[Payer]) -> Result<&CreditAccount> {
    all.first()
        .map(|payer| &payer.account)
        .ok_or_else(|| Error::internal("an owner of credits is not among those who pay"))
}

/// What an owner has to spend.
pub async fn credits(db: &Db, ids: &Ids, call: &Call, owner: &Owner) -> Result<Credits> {
    call.caller.require(Permission::CreditsRead)?;
    let all = of_owner(db, ids, call, owner).await?;
    Ok(answer(&all, own(&all)?, call))
}

fn reason(input: &CreditsInput) -> Result<CreditReason> {
    let fault = |at: &str, words: &str| {
        Err(Error::invalid(vec![Fault::new(
            at,
            "contradicts",
            words.to_owned(),
        )]))
    };
    match (input.reason, input.amount) {
        (_, 0) => fault(
            "/amount",
            "Nothing would move. Give an amount above or below zero.",
        ),
        (Some(ManualReason::Grant), ..0) => fault(
            "/amount",
            "A grant adds credits: its amount is above zero. To take some, say «withdrawal».",
        ),
        (Some(ManualReason::Withdrawal), 1..) => fault(
            "/amount",
            "A withdrawal takes credits: its amount is below zero. To add some, say «grant».",
        ),
        (Some(ManualReason::Correction), _) => Ok(CreditReason::Correction),
        (_, 1..) => Ok(CreditReason::Grant),
        (_, ..0) => Ok(CreditReason::Withdrawal),
    }
}

/// Plans a movement by hand. A repeat with the same reference is the same movement.
pub async fn plan_move(
    db: &Db,
    ids: &Ids,
    call: &Call,
    owner: &Owner,
    input: &CreditsInput,
) -> Result<(Plan, Credited)> {
    call.caller.require(Permission::CreditsWrite)?;
    call.caller.require_account()?;
    let reason = reason(input)?;
    let all = of_owner(db, ids, call, owner).await?;
    let account = own(&all)?.clone();
    let mut plan = Plan::new("credits.move");
    if let Some(entry) = told_before(db, call, &account, input).await? {
        refuse_other(&entry, reason, input)?;
        return Ok((plan, Credited { account, entry }));
    }
    let missing = -(account.available() + input.amount);
    if input.amount < 0 && missing > 0 {
        return Err(Error::new(
            Code::InsufficientCredits,
            format!(
                "The account has {} credits to take from, {missing} too few.",
                account.available()
            ),
        )
        .with("available", account.available())
        .with("missing", missing));
    }
    let cause = Cause {
        note: input.note.clone(),
        reference: input.reference.clone(),
        ..Cause::of(reason)
    };
    let moved = book(&mut plan, vec![(account, input.amount)], &cause, ids, call);
    let (account, entry) = moved
        .into_iter()
        .next()
        .ok_or_else(|| Error::internal("a movement without an entry"))?;
    Ok((plan, Credited { account, entry }))
}

async fn told_before(
    db: &Db,
    call: &Call,
    account: &CreditAccount,
    input: &CreditsInput,
) -> Result<Option<CreditEntry>> {
    let Some(reference) = &input.reference else {
        return Ok(None);
    };
    let select = Select::rows::<CreditEntry>(
        "WHERE account_id = $1 AND credit_account_id = $2 AND reference = $3",
        params![account.id.clone(), reference.clone()],
    );
    Ok(db.first(call.account(), select).await?)
}

/// A reference that was used for something else is no repeat.
fn refuse_other(entry: &CreditEntry, reason: CreditReason, input: &CreditsInput) -> Result<()> {
    let mut differences = Vec::new();
    if entry.amount != input.amount {
        differences
            .push(json!({ "member": "amount", "before": entry.amount, "now": input.amount }));
    }
    if entry.reason != reason {
        differences.push(json!({ "member": "reason", "before": entry.reason, "now": reason }));
    }
    if differences.is_empty() {
        return Ok(());
    }
    Err(Error::new(
        Code::ReferenceReused,
        "This reference was used for another movement of this account. Give a new one, or the amount and reason of the first.",
    )
    .with("credit_entry_id", entry.id.as_str())
    .with("differences", differences))
}

/// Plans a change of the overdraft.
pub async fn plan_overdraft(
    db: &Db,
    ids: &Ids,
    call: &Call,
    owner: &Owner,
    patch: &CreditsPatch,
) -> Result<(Plan, Credits)> {
    call.caller.require(Permission::CreditsWrite)?;
    call.caller.require_account()?;
    let mut all = of_owner(db, ids, call, owner).await?;
    let before = own(&all)?.clone();
    let mut plan = Plan::new("credits.overdraft");
    let Some(overdraft) = patch.overdraft.filter(|it| *it != before.overdraft) else {
        return Ok((plan, answer(&all, &before, call)));
    };
    if before.balance + overdraft < 0 {
        return Err(Error::new(
            Code::StateConflict,
            format!(
                "The balance is {}: the overdraft can be {} at the least. Add credits first.",
                before.balance, -before.balance
            ),
        )
        .with("balance", before.balance));
    }
    let mut after = CreditAccount {
        overdraft,
        updated_at: call.now,
        ..before.clone()
    };
    if before.is_new() {
        after.version = 1;
        plan.write(Statement::insert(&after));
    } else {
        plan.write(Statement::guarded(
            "UPDATE credit_accounts SET overdraft = $2, updated_at = $3, version = version + 1 WHERE account_id = $1 AND id = $4 AND balance + $2 >= 0",
            params![overdraft, call.now, after.id.clone()],
        ));
    }
    let event = Event::new(
        "credits.overdraft_changed",
        &after.id,
        json!({ "account": after }),
    )
    .previous(json!({ "overdraft": before.overdraft }));
    plan.event(match &after.team_id {
        Some(team) => event.team(team),
        None => event,
    });
    if let Some(first) = all.first_mut() {
        first.account = after.clone();
    }
    Ok((plan, answer(&all, &after, call)))
}
