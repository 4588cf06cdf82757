//! Entries of the credit ledger: append-only, in transactions that sum to zero.

use schemars::JsonSchema;
use serde::Serialize;

use super::account::CreditAccount;
use crate::access::Permission;
use crate::columns;
use crate::resource::{Expand, Field, FieldKind, Record};
use crate::resources::{Organization, Team};
use crate::types::text::Description;
use crate::types::{ExternalId, Id, Kind, Timestamp};

crate::words! {
    /// The other side of a movement of credits.
    pub enum SystemAccount {
        /// Credits that came into being, or went out of it.
        Issued = "issued",
        /// Credits that bought something.
        Spent = "spent",
        /// Credits that were given back for something bought.
        Refunded = "refunded",
    }
}

crate::words! {
    /// Why credits moved.
    pub enum CreditReason {
        /// Given or sold to the customer.
        Grant = "grant",
        /// Put right, in either direction.
        Correction = "correction",
        /// Taken back.
        Withdrawal = "withdrawal",
        /// Spent on an order.
        Purchase = "purchase",
        /// Given back for an order.
        Refund = "refund",
    }
}

impl CreditReason {
    /// The account on the other side.
    pub const fn other_side(self) -> SystemAccount {
        match self {
            Self::Grant | Self::Correction | Self::Withdrawal => SystemAccount::Issued,
            Self::Purchase => SystemAccount::Spent,
            Self::Refund => SystemAccount::Refunded,
        }
    }
}

/// A movement: entries that sum to zero.
pub enum TransactionKind {}

impl Kind for TransactionKind {
    const PREFIX: &'static str = "transaction";
}

/// One side of a movement of credits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CreditEntry {
    /// The entry's id.
    pub id: Id<Self>,
    /// The movement it is a side of; its entries sum to zero.
    pub transaction_id: Id<TransactionKind>,
    /// The account that moved; absent on the system's side.
    pub credit_account_id: Option<Id<CreditAccount>>,
    /// The team whose account it is.
    pub team_id: Option<Id<Team>>,
    /// Or the organization.
    pub organization_id: Option<Id<Organization>>,
    /// The system's side: `issued`, `spent` or `refunded`.
    pub system_account: Option<SystemAccount>,
    /// By how much it moved.
    pub amount: i64,
    /// Why.
    pub reason: CreditReason,
    /// The same in words.
    pub note: Option<Description>,
    /// Your reference; counted once for each account.
    pub reference: Option<ExternalId>,
    /// The order it belongs to.
    pub order_id: Option<String>,
    /// The refund it belongs to.
    pub refund_id: Option<String>,
    /// What kind of thing acted.
    pub actor_type: String,
    /// Its id.
    pub actor_id: Option<String>,
    /// Its name at that moment.
    pub actor_name: String,
    /// When.
    pub created_at: Timestamp,
}
columns!(CreditEntry in "credit_entries": id, transaction_id, credit_account_id, team_id, organization_id, system_account, amount, reason, note,
    reference, order_id, refund_id, actor_type, actor_id, actor_name, created_at);

impl Kind for CreditEntry {
    const PREFIX: &'static str = "posting";
}

impl Record for CreditEntry {
    const KIND: &'static str = "credit_entry";
    const SUMMARY: &'static str =
        "One side of a movement of credits; the entries of a movement sum to zero.";
    const FIELDS: &'static [Field] = &[
        Field::sorted("created_at", "created_at", FieldKind::Time),
        Field::filter("team", "team_id", FieldKind::Reference("team", "teams")),
        Field::filter(
            "organization",
            "organization_id",
            FieldKind::Reference("org", "organizations"),
        ),
        Field::filter("order", "order_id", FieldKind::Reference("order", "orders")),
        Field::filter(
            "reason",
            "reason",
            FieldKind::Word(&["grant", "correction", "withdrawal", "purchase", "refund"]),
        ),
        Field::filter("reference", "reference", FieldKind::Text),
        Field::filter("transaction", "transaction_id", FieldKind::Text),
    ];
    const SEARCH: &'static [&'static str] = &[];
    const EXPANDS: &'static [Expand] = &[
        Expand {
            name: "team",
            member: "team_id",
            table: "teams",
        },
        Expand {
            name: "organization",
            member: "organization_id",
            table: "organizations",
        },
    ];
    const SOFT_DELETE: bool = false;
    const REACH: Option<&'static str> = Some("credit_entries.team_id IN {}");
    const READ: Permission = Permission::CreditsRead;

    fn id(&self) -> &Id<Self> {
        &self.id
    }
}
