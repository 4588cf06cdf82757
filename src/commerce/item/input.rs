//! Catalog items as bodies give them, and what they make of terms and audiences.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Audience, ItemStatus};
use crate::error::{Error, Fault, Result};
use crate::resource::{Input, Record, Reference, Resolved};
use crate::resources::{Organization, Product, Team};
use crate::seats::{Expiry, SeatTemplate, Terms};
use crate::types::merge::present;
use crate::types::text::Description;
use crate::types::{Currency, ExternalId, Id, Name, Patch, Ref, Timestamp};

/// Terms as a body gives them: what is not said is as the account's default has it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TermsInput {
    /// When an assignment ends.
    pub expiry: Option<Expiry>,
    /// The date, with `expiry: date`.
    pub expires_at: Option<Timestamp>,
    /// The days, with `expiry: days`.
    #[schemars(range(min = 1, max = 36500))]
    pub expires_in_days: Option<i64>,
    /// Whether a released place can be given again.
    pub reusable: Option<bool>,
    /// Whether an assignment may be extended.
    pub extendable: Option<bool>,
}

/// For whom an item is on offer, as a body says it: with lists and no `all`, for those alone.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AudienceInput {
    /// Everybody.
    pub all: Option<bool>,
    /// Organizations with everything below them; replaces all.
    #[schemars(length(max = 200))]
    pub organizations: Option<Vec<Ref<Organization>>>,
    /// Teams; replaces all.
    #[schemars(length(max = 200))]
    pub teams: Option<Vec<Ref<Team>>>,
}

/// A new catalog item.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCatalogItem {
    /// Its name.
    pub name: Name,
    /// Your own key.
    #[serde(default)]
    pub external_id: Option<ExternalId>,
    /// What it is.
    #[serde(default)]
    pub description: Option<Description>,
    /// What its places are of.
    pub product: Ref<Product>,
    /// How many places are in the pack; 1 unless said.
    #[serde(default, deserialize_with = "present")]
    #[schemars(range(min = 1, max = 1_000_000), with = "i64")]
    pub quantity: Option<i64>,
    /// Its price in credits.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1_000_000_000_000_i64))]
    pub price_credits: Option<i64>,
    /// Its price in minor units of the currency.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1_000_000_000_000_i64))]
    pub price_amount: Option<i64>,
    /// The currency of the price.
    #[serde(default)]
    pub currency: Option<Currency>,
    /// The terms of a seat that is made by it.
    #[serde(default)]
    pub terms: Option<TermsInput>,
    /// The template whose terms a seat is made under, instead of `terms`.
    #[serde(default)]
    pub template: Option<Ref<SeatTemplate>>,
    /// For whom it is on offer; everybody unless said.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "AudienceInput")]
    pub visible_to: Option<AudienceInput>,
    /// Whether it can be bought; `draft` unless said.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "ItemStatus")]
    pub status: Option<ItemStatus>,
}

/// A change of a catalog item. Orders keep what they have taken from it.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CatalogItemPatch {
    /// Its name.
    #[serde(deserialize_with = "present")]
    #[schemars(with = "Name")]
    pub name: Option<Name>,
    /// Your own key.
    pub external_id: Patch<ExternalId>,
    /// What it is.
    pub description: Patch<Description>,
    /// What its places are of.
    #[serde(deserialize_with = "present")]
    #[schemars(with = "Ref<Product>")]
    pub product: Option<Ref<Product>>,
    /// How many places are in the pack.
    #[serde(deserialize_with = "present")]
    #[schemars(range(min = 1, max = 1_000_000), with = "i64")]
    pub quantity: Option<i64>,
    /// Its price in credits.
    #[schemars(range(min = 0, max = 1_000_000_000_000_i64))]
    pub price_credits: Patch<i64>,
    /// Its price in minor units of the currency; `null` empties the currency too.
    #[schemars(range(min = 0, max = 1_000_000_000_000_i64))]
    pub price_amount: Patch<i64>,
    /// The currency of the price.
    pub currency: Patch<Currency>,
    /// The terms of a seat that is made by it; members that are not named stay.
    pub terms: Patch<TermsInput>,
    /// The template whose terms a seat is made under.
    pub template: Patch<Ref<SeatTemplate>>,
    /// For whom it is on offer; members that are not named stay.
    #[serde(deserialize_with = "present")]
    #[schemars(with = "AudienceInput")]
    pub visible_to: Option<AudienceInput>,
    /// Whether it can be bought.
    #[serde(deserialize_with = "present")]
    #[schemars(with = "ItemStatus")]
    pub status: Option<ItemStatus>,
}

impl AudienceInput {
    fn references(&self) -> Vec<Reference> {
        let organizations = self.organizations.iter().flatten().enumerate();
        let teams = self.teams.iter().flatten().enumerate();
        organizations
            .map(|(n, it)| Reference::to(format!("/visible_to/organizations/{n}"), it))
            .chain(teams.map(|(n, it)| Reference::to(format!("/visible_to/teams/{n}"), it)))
            .collect()
    }

    /// What it makes of an audience. To name somebody without `all` is to mean those alone.
    pub(super) fn over(&self, before: &Audience, refs: &Resolved) -> Result<Audience> {
        let mut after = before.clone();
        if let Some(list) = &self.organizations {
            after.organization_ids = each_once(list, refs)?;
        }
        if let Some(list) = &self.teams {
            after.team_ids = each_once(list, refs)?;
        }
        let names_some = !after.organization_ids.is_empty() || !after.team_ids.is_empty();
        after.all = self.all.unwrap_or(before.all && !names_some);
        if after.all && names_some {
            return Err(Error::invalid(vec![Fault::new(
                "/visible_to/all",
                "contradicts",
                "An item for all names no organizations and teams. Leave «all» out, or empty the lists.",
            )]));
        }
        Ok(after)
    }
}

fn each_once<K: Record>(list: &[Ref<K>], refs: &Resolved) -> Result<Vec<Id<K>>> {
    let mut seen = BTreeSet::new();
    let ids = list
        .iter()
        .map(|it| refs.id(it))
        .collect::<Result<Vec<_>>>()?;
    Ok(ids
        .into_iter()
        .filter(|id| seen.insert(id.clone()))
        .collect())
}

impl TermsInput {
    /// What it makes of terms.
    pub(in crate::commerce) fn over(&self, before: Terms) -> Result<Terms> {
        let terms =
            Terms::from_parts(before, self.expiry, self.expires_at, self.expires_in_days)
                .map_err(|faults| Error::invalid(faults.into_iter().map(below_terms).collect()))?;
        Ok(Terms {
            reusable: self.reusable.unwrap_or(terms.reusable),
            extendable: self.extendable.unwrap_or(terms.extendable),
            ..terms
        })
    }
}

fn below_terms(fault: Fault) -> Fault {
    Fault {
        pointer: format!("/terms{}", fault.pointer),
        ..fault
    }
}

impl Input for NewCatalogItem {
    fn references(&self) -> Vec<Reference> {
        let mut all = vec![Reference::to("/product", &self.product)];
        all.extend(
            self.template
                .iter()
                .map(|it| Reference::to("/template", it)),
        );
        all.extend(self.visible_to.iter().flat_map(AudienceInput::references));
        all
    }
}

impl Input for CatalogItemPatch {
    fn references(&self) -> Vec<Reference> {
        let product = self.product.iter().map(|it| Reference::to("/product", it));
        let template = self.template.as_set();
        product
            .chain(template.map(|it| Reference::to("/template", it)))
            .chain(self.visible_to.iter().flat_map(AudienceInput::references))
            .collect()
    }
}
