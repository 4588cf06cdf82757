//! The proof of the books: every balance equals the sum of its entries, and every movement sums to zero.

use schemars::JsonSchema;
use serde::Serialize;

use super::account::CreditAccount;
use super::entry::TransactionKind;
use crate::app::App;
use crate::db::{Batch, Db, Select};
use crate::error::{Error, Result};
use crate::types::{AccountId, Id};

/// A credit account whose balance is not the sum of its entries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct BalanceMismatch {
    /// The account.
    pub credit_account_id: Id<CreditAccount>,
    /// Its balance.
    pub balance: i64,
    /// The sum of its entries.
    pub entries: i64,
}

/// A movement whose entries do not sum to zero.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Unbalanced {
    /// The movement.
    pub transaction_id: Id<TransactionKind>,
    /// What its entries sum to.
    pub sum: i64,
}

/// An order paid with credits whose movements are not what it says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct OrderMismatch {
    /// The order.
    pub order_id: String,
    /// What it cost, less what it says was given back.
    pub charged: i64,
    /// What the entries say.
    pub entries: i64,
}

/// What a check of the books found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CreditReport {
    /// Credit accounts that were checked.
    pub checked: i64,
    /// Those that do not agree with their entries; none, if all is well.
    pub mismatches: Vec<BalanceMismatch>,
    /// Movements that do not sum to zero; none, if all is well.
    pub unbalanced: Vec<Unbalanced>,
    /// Orders that do not agree with their movements; none, if all is well.
    pub orders: Vec<OrderMismatch>,
}

/// Checks all books of an account.
pub async fn check(db: &Db, account: &AccountId) -> Result<CreditReport> {
    let mut batch = Batch::new();
    let count = batch.add::<(i64,)>(Select::new(
        "SELECT count(*) FROM credit_accounts WHERE account_id = $1",
        vec![],
    ));
    let balances = batch.add::<(Id<CreditAccount>, i64, i64)>(Select::new(
        "SELECT a.id, a.balance, COALESCE(e.total, 0) FROM credit_accounts a LEFT JOIN \
         (SELECT credit_account_id, CAST(sum(amount) AS BIGINT) AS total FROM credit_entries WHERE account_id = $1 AND credit_account_id IS NOT NULL GROUP BY credit_account_id) e \
         ON e.credit_account_id = a.id WHERE a.account_id = $1 AND a.balance <> COALESCE(e.total, 0) ORDER BY a.id LIMIT 100",
        vec![],
    ));
    let sums = batch.add::<(Id<TransactionKind>, i64)>(Select::new(
        "SELECT transaction_id, CAST(sum(amount) AS BIGINT) FROM credit_entries WHERE account_id = $1 GROUP BY transaction_id HAVING sum(amount) <> 0 ORDER BY transaction_id LIMIT 100",
        vec![],
    ));
    let orders = batch.add::<(String, i64, i64)>(Select::new(
        "SELECT o.id, COALESCE(o.total_credits, 0) - o.refunded_credits, COALESCE(e.total, 0) FROM orders o LEFT JOIN \
         (SELECT order_id, CAST(-sum(amount) AS BIGINT) AS total FROM credit_entries WHERE account_id = $1 AND order_id IS NOT NULL AND credit_account_id IS NOT NULL GROUP BY order_id) e \
         ON e.order_id = o.id WHERE o.account_id = $1 AND o.payment = 'credits' AND o.paid_at IS NOT NULL \
         AND COALESCE(o.total_credits, 0) - o.refunded_credits <> COALESCE(e.total, 0) ORDER BY o.id LIMIT 100",
        vec![],
    ));
    let mut rows = db.read(account, batch).await?;
    let checked = rows.first(&count).map_or(0, |(count,)| count);
    let mismatches = rows.take(&balances).into_iter();
    let mismatches = mismatches.map(|(credit_account_id, balance, entries)| BalanceMismatch {
        credit_account_id,
        balance,
        entries,
    });
    let unbalanced = rows.take(&sums).into_iter();
    let unbalanced = unbalanced.map(|(transaction_id, sum)| Unbalanced {
        transaction_id,
        sum,
    });
    let orders = rows.take(&orders).into_iter();
    let orders = orders.map(|(order_id, charged, entries)| OrderMismatch {
        order_id,
        charged,
        entries,
    });
    Ok(CreditReport {
        checked,
        mismatches: mismatches.collect(),
        unbalanced: unbalanced.collect(),
        orders: orders.collect(),
    })
}

/// The nightly check: a fault is an error that somebody must see.
pub async fn check_books(app: &App, account: &AccountId) -> Result<()> {
    let report = check(&app.db, account).await?;
    let faults = report.mismatches.len() + report.unbalanced.len() + report.orders.len();
    if faults == 0 {
        return Ok(());
    }
    let ids = report
        .mismatches
        .iter()
        .map(|it| it.credit_account_id.as_str())
        .chain(
            report
                .unbalanced
                .iter()
                .map(|it| it.transaction_id.as_str()),
        )
        .chain(report.orders.iter().map(|it| it.order_id.as_str()));
    Err(Error::internal(format!(
        "the books of credits disagree at {faults} places: {}",
        ids.collect::<Vec<_>>().join(", ")
    )))
}
