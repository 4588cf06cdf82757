//! The bodies of orders.

use schemars::JsonSchema;
use serde::Deserialize;

use super::order::{OrderLine, Payment};
use crate::commerce::item::{CatalogItem, TermsInput};
use crate::resource::{Input, Reference};
use crate::resources::{Organization, Product, Team};
use crate::seats::SeatTemplate;
use crate::types::merge::present;
use crate::types::text::{Description, Slug};
use crate::types::{Currency, ExternalId, Id, Metadata, Patch, Ref};

crate::words! {
    /// Where a new order stands.
    pub enum NewStatus {
        /// Being put together.
        Draft = "draft",
        /// Placed; the money is awaited.
        Pending = "pending",
        /// Paid.
        Paid = "paid",
    }
}

crate::words! {
    /// Where an order can be put by a change.
    pub enum PatchStatus {
        /// Placed; the money is awaited.
        Pending = "pending",
        /// The payment has failed.
        Failed = "failed",
    }
}

/// A line of a new order: a catalog item, or places of a product.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewLine {
    /// What places are bought of.
    #[serde(default)]
    pub product: Option<Ref<Product>>,
    /// Or the catalog item, which knows its product, places, price and terms.
    #[serde(default)]
    pub item: Option<Ref<CatalogItem>>,
    /// How many: places of the product, or packs of the item; 1 unless said.
    #[serde(default, deserialize_with = "present")]
    #[schemars(range(min = 1, max = 1_000_000), with = "i64")]
    pub quantity: Option<i64>,
    /// What the whole line costs, in minor units of the order's currency; the item's price unless said.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1_000_000_000_000_i64))]
    pub amount: Option<i64>,
    /// What the whole line costs in credits; the item's price unless said.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1_000_000_000_000_i64))]
    pub credits: Option<i64>,
    /// The team that gets the places, where an organization buys; the order's unless said.
    #[serde(default)]
    pub team: Option<Ref<Team>>,
    /// The terms of a seat that is made by it; the item's or the account's unless said.
    #[serde(default)]
    pub terms: Option<TermsInput>,
    /// The template whose terms a seat is made under.
    #[serde(default)]
    pub template: Option<Ref<SeatTemplate>>,
}

/// A new order.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOrder {
    /// The team that buys. With an organization: the team that gets the places the organization buys.
    #[serde(default)]
    pub team: Option<Ref<Team>>,
    /// The organization that buys; its default team gets the places unless a team is named.
    #[serde(default)]
    pub organization: Option<Ref<Organization>>,
    /// Where it comes from, such as your shop's name; `api` unless said.
    #[serde(default)]
    pub source: Option<Slug>,
    /// The source's own number. A repeat with the same source and number is the same order.
    #[serde(default)]
    pub external_reference: Option<ExternalId>,
    /// Your own key.
    #[serde(default)]
    pub external_id: Option<ExternalId>,
    /// How it is paid; `external` unless said.
    #[serde(default)]
    pub payment: Option<Payment>,
    /// The currency of its amounts; the items' unless said.
    #[serde(default)]
    pub currency: Option<Currency>,
    /// What is bought.
    #[schemars(length(min = 1, max = 100))]
    pub lines: Vec<NewLine>,
    /// Where it stands: `draft` unless said, or `paid` with credits and where it is to be fulfilled.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "NewStatus")]
    pub status: Option<NewStatus>,
    /// Whether its places are given at once; with credits they are unless said.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "bool")]
    pub fulfil: Option<bool>,
    /// A note of yours.
    #[serde(default)]
    pub note: Option<Description>,
    /// Your own data.
    #[serde(default)]
    pub metadata: Metadata,
}

/// A change of an order.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OrderPatch {
    /// Your own key.
    pub external_id: Patch<ExternalId>,
    /// The team that buys, while the order is a draft. With an organization: the team that gets the places.
    pub team: Patch<Ref<Team>>,
    /// The organization that buys, while the order is a draft.
    pub organization: Patch<Ref<Organization>>,
    /// The currency of its amounts, while the order is a draft; where lines have amounts already, with the lines anew.
    pub currency: Patch<Currency>,
    /// What is bought; replaces all, while the order is a draft.
    #[serde(deserialize_with = "present")]
    #[schemars(length(min = 1, max = 100), with = "Vec<NewLine>")]
    pub lines: Option<Vec<NewLine>>,
    /// `pending` for a draft that is placed or a payment that is tried again, `failed` for a payment that has failed.
    #[serde(deserialize_with = "present")]
    #[schemars(with = "PatchStatus")]
    pub status: Option<PatchStatus>,
    /// A note of yours.
    pub note: Patch<Description>,
    /// Your own data; replaces all.
    #[serde(deserialize_with = "present")]
    #[schemars(with = "Metadata")]
    pub metadata: Option<Metadata>,
}

/// A purchase from the catalog.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BuyInput {
    /// The team that buys. With an organization: the team that gets the places the organization buys.
    #[serde(default)]
    pub team: Option<Ref<Team>>,
    /// The organization that buys.
    #[serde(default)]
    pub organization: Option<Ref<Organization>>,
    /// How many packs; 1 unless said.
    #[serde(default, deserialize_with = "present")]
    #[schemars(range(min = 1, max = 1_000_000), with = "i64")]
    pub quantity: Option<i64>,
    /// Your reference: a repeat with the same one is the same purchase.
    #[serde(default)]
    pub external_reference: Option<ExternalId>,
    /// A note of yours.
    #[serde(default)]
    pub note: Option<Description>,
}

/// A payment that has come.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PayInput {
    /// Whether the places are given at once; with credits they are unless said.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "bool")]
    pub fulfil: Option<bool>,
}

/// An order that is given up.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelInput {
    /// Why, for the timeline.
    #[serde(default)]
    pub reason: Option<Description>,
}

/// What is refunded of a line.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RefundLine {
    /// The line's id.
    #[serde(default)]
    pub line: Option<Id<OrderLine>>,
    /// Or its number in the order, from 1.
    #[serde(default)]
    #[schemars(range(min = 1, max = 100))]
    pub number: Option<i64>,
    /// How many of its quantity; all that is left unless said.
    #[serde(default, deserialize_with = "present")]
    #[schemars(range(min = 1, max = 1_000_000), with = "i64")]
    pub quantity: Option<i64>,
}

/// A refund.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RefundInput {
    /// What is refunded; everything that is left unless said.
    #[serde(default)]
    #[schemars(length(max = 100))]
    pub lines: Option<Vec<RefundLine>>,
    /// What happens when the places are in use; `refuse` unless said.
    #[serde(default)]
    pub on_shortfall: Option<crate::seats::shortfall::OnShortfall>,
    /// Your reference: a repeat with the same one refunds once.
    #[serde(default)]
    pub reference: Option<ExternalId>,
    /// Why, for the record.
    #[serde(default)]
    pub reason: Option<Description>,
}

impl OrderPatch {
    /// Whether it changes who buys.
    pub fn is_of_buyer(&self) -> bool {
        self.team != Patch::Keep || self.organization != Patch::Keep
    }

    /// Whether it changes what only a draft lets change: who buys, what, and in which currency.
    pub fn is_of_draft(&self) -> bool {
        self.is_of_buyer() || self.currency != Patch::Keep || self.lines.is_some()
    }

    /// The records that it refers to.
    pub fn references(&self) -> Vec<Reference> {
        let mut all = line_references(self.lines.as_deref().unwrap_or_default());
        let team = self.team.as_set();
        all.extend(team.map(|it| Reference::to("/team", it)));
        let organization = self.organization.as_set();
        all.extend(organization.map(|it| Reference::to("/organization", it)));
        all
    }
}

/// The records that lines refer to.
pub fn line_references(lines: &[NewLine]) -> Vec<Reference> {
    let of = |(n, line): (usize, &NewLine)| {
        let at = |member: &str| format!("/lines/{n}/{member}");
        let mut all = Vec::new();
        all.extend(
            line.product
                .iter()
                .map(|it| Reference::to(at("product"), it)),
        );
        all.extend(line.item.iter().map(|it| Reference::to(at("item"), it)));
        all.extend(line.team.iter().map(|it| Reference::to(at("team"), it)));
        all.extend(
            line.template
                .iter()
                .map(|it| Reference::to(at("template"), it)),
        );
        all
    };
    lines.iter().enumerate().flat_map(of).collect()
}

impl Input for NewOrder {
    fn references(&self) -> Vec<Reference> {
        let mut all = line_references(&self.lines);
        all.extend(self.team.iter().map(|it| Reference::to("/team", it)));
        let organization = self.organization.iter();
        all.extend(organization.map(|it| Reference::to("/organization", it)));
        all
    }
}
