//! Bodies of seats: what is given to make and to change one.

use schemars::JsonSchema;
use serde::Deserialize;

use super::seat::SeatStatus;
use super::shortfall::OnShortfall;
use super::template::SeatTemplate;
use super::terms::Expiry;
use crate::resource::{Input, Reference};
use crate::resources::{Product, Team};
use crate::types::merge::present;
use crate::types::{ExternalId, Name, Patch, Ref, Tags, Timestamp};

/// A new seat.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSeat {
    /// What its places are of; not needed with a template.
    #[serde(default)]
    pub product: Option<Ref<Product>>,
    /// The template to copy terms and product from.
    #[serde(default)]
    pub template: Option<Ref<SeatTemplate>>,
    /// The teams that hold it; more than one share it.
    #[schemars(length(min = 1, max = 100))]
    pub teams: Vec<Ref<Team>>,
    /// How many places.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1_000_000_000))]
    pub quantity: Option<i64>,
    /// As many as are wanted, instead of a quantity.
    #[serde(default)]
    pub unlimited: bool,
    /// A name, where several are to be told apart.
    #[serde(default)]
    pub name: Option<Name>,
    /// Your own key.
    #[serde(default)]
    pub external_id: Option<ExternalId>,
    /// When an assignment ends; the template's or `never` unless said.
    #[serde(default)]
    pub expiry: Option<Expiry>,
    /// The date, with `expiry: date`.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
    /// The days, with `expiry: days`.
    #[serde(default)]
    #[schemars(range(min = 1, max = 36500))]
    pub expires_in_days: Option<i64>,
    /// Whether a released place can be given again.
    #[serde(default)]
    pub reusable: Option<bool>,
    /// Whether an assignment may be extended.
    #[serde(default)]
    pub extendable: Option<bool>,
    /// After how many days without activity the holder is told that the place goes back; as the account's settings say
    /// unless said; 0: never.
    #[serde(default)]
    #[schemars(range(min = 0, max = 3650))]
    pub reclaim_after_days: Option<i64>,
    /// How many days after that it goes back; as the account's settings say unless said.
    #[serde(default)]
    #[schemars(range(min = 1, max = 365))]
    pub reclaim_notice_days: Option<i64>,
    /// Labels.
    #[serde(default)]
    pub tags: Tags,
}

/// A change of a seat. Its people stay undisturbed.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SeatPatch {
    /// How many places.
    #[schemars(range(min = 0, max = 1_000_000_000))]
    #[serde(deserialize_with = "present")]
    #[schemars(with = "i64")]
    pub quantity: Option<i64>,
    /// What happens when the quantity falls below what is in use: `refuse` unless said.
    #[serde(deserialize_with = "present")]
    #[schemars(with = "OnShortfall")]
    pub on_shortfall: Option<OnShortfall>,
    /// A name.
    pub name: Patch<Name>,
    /// Your own key.
    pub external_id: Patch<ExternalId>,
    /// When an assignment ends, for those given from now on.
    #[serde(deserialize_with = "present")]
    #[schemars(with = "Expiry")]
    pub expiry: Option<Expiry>,
    /// The date, with `expiry: date`.
    #[serde(deserialize_with = "present")]
    #[schemars(with = "Timestamp")]
    pub expires_at: Option<Timestamp>,
    /// The days, with `expiry: days`.
    #[schemars(range(min = 1, max = 36500))]
    #[serde(deserialize_with = "present")]
    #[schemars(with = "i64")]
    pub expires_in_days: Option<i64>,
    /// Whether a released place can be given again.
    #[serde(deserialize_with = "present")]
    #[schemars(with = "bool")]
    pub reusable: Option<bool>,
    /// Whether an assignment may be extended.
    #[serde(deserialize_with = "present")]
    #[schemars(with = "bool")]
    pub extendable: Option<bool>,
    /// After how many days without activity the holder is told that the place goes back; `null`: as the account's
    /// settings say; 0: never.
    #[schemars(range(min = 0, max = 3650))]
    pub reclaim_after_days: Patch<i64>,
    /// How many days after that it goes back; `null`: as the account's settings say.
    #[schemars(range(min = 1, max = 365))]
    pub reclaim_notice_days: Patch<i64>,
    /// Whether its places may be given.
    #[serde(deserialize_with = "present")]
    #[schemars(with = "SeatStatus")]
    pub status: Option<SeatStatus>,
    /// Labels; replaces all.
    #[serde(deserialize_with = "present")]
    #[schemars(with = "Tags")]
    pub tags: Option<Tags>,
}

impl Input for NewSeat {
    fn references(&self) -> Vec<Reference> {
        let teams = self
            .teams
            .iter()
            .enumerate()
            .map(|(n, team)| Reference::to(format!("/teams/{n}"), team));
        let product = self
            .product
            .iter()
            .map(|product| Reference::to("/product", product));
        let template = self
            .template
            .iter()
            .map(|template| Reference::to("/template", template));
        teams.chain(product).chain(template).collect()
    }
}

impl Input for SeatPatch {
    fn references(&self) -> Vec<Reference> {
        Vec::new()
    }
}
