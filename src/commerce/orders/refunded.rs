//! The record of a refund.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::order::{Order, OrderLine};
use crate::access::Permission;
use crate::columns;
use crate::resource::{Expand, Field, FieldKind, Record};
use crate::seats::Seat;
use crate::types::text::{Description, Json};
use crate::types::{ExternalId, Id, Kind, Timestamp};

/// What was refunded of a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RefundedLine {
    /// The line.
    pub line_id: Id<OrderLine>,
    /// How many of its quantity.
    pub quantity: i64,
    /// How many places went back.
    pub places: i64,
    /// The seat they were taken from.
    pub seat_id: Option<Id<Seat>>,
    /// What that is worth, in minor units of the order's currency.
    pub amount: i64,
    /// What that is worth in credits.
    pub credits: i64,
}

/// A refund of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct OrderRefund {
    /// The refund's id.
    pub id: Id<Self>,
    /// The order.
    pub order_id: Id<Order>,
    /// Your reference; unique within the order.
    pub reference: Option<ExternalId>,
    /// Why.
    pub reason: Option<Description>,
    /// What was refunded.
    pub lines: Json<Vec<RefundedLine>>,
    /// What it is worth, in minor units of the order's currency. Money paid elsewhere is returned there.
    pub amount: i64,
    /// The credits that were returned.
    pub credits: i64,
    /// What kind of thing acted.
    pub actor_type: String,
    /// Its id.
    pub actor_id: Option<String>,
    /// Its name at that moment.
    pub actor_name: String,
    /// When.
    pub created_at: Timestamp,
}
columns!(OrderRefund in "order_refunds": id, order_id, reference, reason, lines, amount, credits, actor_type, actor_id, actor_name, created_at);

impl Kind for OrderRefund {
    const PREFIX: &'static str = "refund";
}

impl Record for OrderRefund {
    const KIND: &'static str = "order_refund";
    const SUMMARY: &'static str = "What was refunded of an order.";
    const FIELDS: &'static [Field] = &[
        Field::sorted("created_at", "created_at", FieldKind::Time),
        Field::filter("reference", "reference", FieldKind::Text),
    ];
    const SEARCH: &'static [&'static str] = &[];
    const EXPANDS: &'static [Expand] = &[];
    const SOFT_DELETE: bool = false;
    const REACH: Option<&'static str> = Some(
        "EXISTS (SELECT 1 FROM orders o WHERE o.account_id = $1 AND o.id = order_refunds.order_id AND (o.team_id IN {} OR o.organization_id IN {}))",
    );
    const READ: Permission = Permission::OrdersRead;

    fn id(&self) -> &Id<Self> {
        &self.id
    }
}

/// A refund and the order after it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Refunded {
    /// The refund.
    pub refund: OrderRefund,
    /// The order.
    pub order: Order,
}
