//! The record of an order.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::Permission;
use crate::columns;
use crate::commerce::account::{CreditAccount, Owner};
use crate::commerce::item::CatalogItem;
use crate::error::{Error, Result};
use crate::events::Event;
use crate::resource::{Expand, Field, FieldKind, Record};
use crate::resources::{Organization, Product, Team};
use crate::seats::{Seat, SeatTemplate, Terms};
use crate::types::text::{Description, Json, Slug};
use crate::types::{Currency, ExternalId, Id, Kind, Metadata, Timestamp};

crate::words! {
    /// Where an order stands.
    pub enum OrderStatus {
        /// Being put together: its lines can be changed.
        Draft = "draft",
        /// Placed; the money is awaited.
        Pending = "pending",
        /// Paid; its places are not given yet. With a `failure`: they could not be given.
        Paid = "paid",
        /// Paid, and its places given.
        Fulfilled = "fulfilled",
        /// Some of it was refunded.
        PartiallyRefunded = "partially_refunded",
        /// All of it was refunded.
        Refunded = "refunded",
        /// Given up before it was paid.
        Cancelled = "cancelled",
        /// The payment has failed; it can be paid again.
        Failed = "failed",
    }
}

crate::words! {
    /// How an order is paid.
    pub enum Payment {
        /// With the credits of the buyer and the organizations above it.
        Credits = "credits",
        /// Elsewhere: in a shop, by invoice.
        External = "external",
    }
}

crate::words! {
    /// Who buys.
    pub enum Buyer {
        /// A team.
        Team = "team",
        /// An organization.
        Organization = "organization",
    }
}

/// A line of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderLine {
    /// The line's id.
    pub id: Id<Self>,
    /// What its places are of.
    pub product_id: Id<Product>,
    /// The catalog item that was bought.
    pub catalog_item_id: Option<Id<CatalogItem>>,
    /// The team that gets the places; absent: the buyer's, which for an organization is its default team.
    pub team_id: Option<Id<Team>>,
    /// Where the places are, once they are given.
    pub seat_id: Option<Id<Seat>>,
    /// How many were bought: packs of a catalog item, else places.
    pub quantity: i64,
    /// How many places that makes.
    pub places: i64,
    /// How many of the quantity were refunded.
    pub refunded: i64,
    /// What the whole line costs, in minor units of the order's currency.
    pub amount: Option<i64>,
    /// What the whole line costs in credits.
    pub credits: Option<i64>,
    /// The terms of a seat that is made by it; absent: the account's.
    pub terms: Option<Terms>,
    /// The template the terms were copied from.
    pub template_id: Option<Id<SeatTemplate>>,
    /// The reference under which the places stand in the seat's ledger, once they are given.
    pub ledger_reference: Option<String>,
}

impl Kind for OrderLine {
    const PREFIX: &'static str = "line";
}

impl OrderLine {
    /// What of the quantity was not refunded.
    pub const fn left(&self) -> i64 {
        self.quantity - self.refunded
    }

    /// So many places come with one of the quantity.
    pub fn places_of_one(&self) -> i64 {
        self.places.checked_div(self.quantity).unwrap_or(0)
    }
}

/// Whose credits paid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaidBy {
    /// The account.
    pub credit_account_id: Id<CreditAccount>,
    /// The team it belongs to.
    pub team_id: Option<Id<Team>>,
    /// Or the organization.
    pub organization_id: Option<Id<Organization>>,
    /// How many it paid.
    pub credits: i64,
    /// How many it got back.
    pub returned: i64,
}

/// Why the places of a paid order could not be given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    /// The problem's code.
    pub code: String,
    /// A sentence that says what is wrong, and the way out.
    pub detail: String,
    /// When it was tried last.
    pub at: Timestamp,
}

/// A step of an order's life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Moment {
    /// When.
    pub at: Timestamp,
    /// What happened: `created`, `pending`, `paid`, `fulfilled`, `fulfilment_failed`, `refunded`, `undone`, `cancelled`, `failed`.
    pub what: String,
    /// The same in words.
    pub detail: Option<String>,
}

/// A purchase.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Order {
    /// The order's id.
    pub id: Id<Self>,
    /// Your own key.
    pub external_id: Option<ExternalId>,
    /// Where it comes from: a shop's name, `api`, `catalog`, `provision`.
    pub source: Slug,
    /// The source's own number; unique together with the source.
    pub external_reference: Option<ExternalId>,
    /// Who buys.
    pub buyer: Buyer,
    /// The team that buys, or for which the organization buys.
    pub team_id: Option<Id<Team>>,
    /// The organization that buys.
    pub organization_id: Option<Id<Organization>>,
    /// How it is paid.
    pub payment: Payment,
    /// Where it stands.
    pub status: OrderStatus,
    /// The currency of its amounts, by ISO 4217.
    pub currency: Option<Currency>,
    /// The sum of its lines' amounts, where they have any.
    pub total_amount: Option<i64>,
    /// The sum of its lines' credits, where they have any.
    pub total_credits: Option<i64>,
    /// What was refunded of the amount.
    pub refunded_amount: i64,
    /// What was refunded in credits.
    pub refunded_credits: i64,
    /// What was bought.
    pub lines: Json<Vec<OrderLine>>,
    /// Whose credits paid, in the order in which they were taken.
    pub paid_by: Json<Vec<PaidBy>>,
    /// The provision that bought its places, where one did.
    pub provision_id: Option<String>,
    /// Why its places could not be given, while that is so.
    pub failure: Option<Json<Failure>>,
    /// A note of yours.
    pub note: Option<Description>,
    /// Your own data.
    pub metadata: Metadata,
    /// What has happened to it, step by step.
    pub timeline: Json<Vec<Moment>>,
    /// When it was paid.
    pub paid_at: Option<Timestamp>,
    /// When its places were given.
    pub fulfilled_at: Option<Timestamp>,
    #[serde(skip)]
    pub(crate) version: i64,
    /// When the record was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}
columns!(Order in "orders": id, external_id, source, external_reference, buyer, team_id, organization_id, payment, status, currency,
    total_amount, total_credits, refunded_amount, refunded_credits, lines, paid_by, provision_id, failure, note, metadata, timeline, paid_at,
    fulfilled_at, version, created_at, updated_at);

impl Kind for Order {
    const PREFIX: &'static str = "order";
}

/// Steps that are kept at the most.
const STEPS: usize = 200;

impl Order {
    /// Whose credits pay: the buyer's and those above it.
    pub fn owner(&self) -> Result<Owner> {
        let of_team = self.team_id.clone().map(Owner::Team);
        let owner = match self.buyer {
            Buyer::Team => of_team,
            Buyer::Organization => self.organization_id.clone().map(Owner::Organization),
        };
        owner.ok_or_else(|| Error::internal("an order without a buyer"))
    }

    /// Whether it is paid and its places are still to be given.
    pub const fn awaits_places(&self) -> bool {
        matches!(
            self.status,
            OrderStatus::Paid | OrderStatus::PartiallyRefunded
        ) && self.fulfilled_at.is_none()
    }

    /// Whether everything was refunded.
    pub fn is_refunded_whole(&self) -> bool {
        self.lines.0.iter().all(|line| line.left() == 0)
    }

    /// Adds up its lines.
    pub fn add_up(&mut self) {
        let sum = |of: fn(&OrderLine) -> Option<i64>| {
            let known: Vec<i64> = self.lines.0.iter().filter_map(of).collect();
            (!known.is_empty()).then(|| known.iter().sum())
        };
        let (amount, credits) = (sum(|line| line.amount), sum(|line| line.credits));
        (self.total_amount, self.total_credits) = (amount, credits);
    }

    /// Notes a step; the same failure again is not a new one.
    pub fn step(&mut self, what: &str, detail: Option<String>, at: Timestamp) {
        let last = self.timeline.0.last();
        if last.is_some_and(|last| {
            last.what == what && last.detail == detail && what == "fulfilment_failed"
        }) || self.timeline.0.len() >= STEPS
        {
            return;
        }
        self.timeline.0.push(Moment {
            at,
            what: what.to_owned(),
            detail,
        });
    }

    /// The event of a change, on its team's timeline.
    pub fn event(&self, verb: &str) -> Event {
        let event = crate::resource::event_of(self, verb);
        match &self.team_id {
            Some(team) => event.team(team),
            None => event,
        }
    }
}

impl Record for Order {
    const KIND: &'static str = "order";
    const SUMMARY: &'static str =
        "A purchase by a team or an organization: its lines, how it is paid, what came of it.";
    const FIELDS: &'static [Field] = &[
        Field::sorted("created_at", "created_at", FieldKind::Time),
        Field::filter(
            "status",
            "status",
            FieldKind::Word(&[
                "draft",
                "pending",
                "paid",
                "fulfilled",
                "partially_refunded",
                "refunded",
                "cancelled",
                "failed",
            ]),
        ),
        Field::filter(
            "payment",
            "payment",
            FieldKind::Word(&["credits", "external"]),
        ),
        Field::filter("team", "team_id", FieldKind::Reference("team", "teams")),
        Field::filter(
            "organization",
            "organization_id",
            FieldKind::Reference("org", "organizations"),
        ),
        Field::filter("source", "source", FieldKind::Text),
        Field::filter("external_reference", "external_reference", FieldKind::Text),
        Field::filter("external_id", "external_id", FieldKind::Text),
        Field::filter("provision", "provision_id", FieldKind::Text),
        Field::filter(
            "product",
            "orders.id IN (SELECT l.order_id FROM order_lines l WHERE l.account_id = $1 AND l.product_id {})",
            FieldKind::Reference("product", "products"),
        ),
        Field::filter(
            "catalog_item",
            "orders.id IN (SELECT l.order_id FROM order_lines l WHERE l.account_id = $1 AND l.catalog_item_id {})",
            FieldKind::Reference("item", "catalog_items"),
        ),
        Field::filter(
            "seat",
            "orders.id IN (SELECT l.order_id FROM order_lines l WHERE l.account_id = $1 AND l.seat_id {})",
            FieldKind::Reference("seat", "seats"),
        ),
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
    const REACH: Option<&'static str> =
        Some("(orders.team_id IN {} OR orders.organization_id IN {})");
    const READ: Permission = Permission::OrdersRead;

    fn id(&self) -> &Id<Self> {
        &self.id
    }
}
