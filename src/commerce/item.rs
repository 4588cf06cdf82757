//! Catalog items: packs on offer, so many places of a product for a price.
//!
//! What an order takes from an item it copies, so a later change of the item changes no order.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::visibility;
use crate::access::Permission;
use crate::columns;
use crate::db::Statement;
use crate::error::{Error, Fault, Result};
use crate::events::Event;
use crate::params;
use crate::resource::{
    Expand, Field, FieldKind, Input, Record, Reference, Resolved, Resource, Stamp, event_of,
};
use crate::resources::{Organization, Product, Team};
use crate::seats::{Expiry, SeatTemplate, Terms};
use crate::types::merge::present;
use crate::types::text::{Description, Json};
use crate::types::{Currency, ExternalId, Id, Kind, Name, Patch, Ref, Timestamp};

crate::words! {
    /// Whether an item can be bought.
    pub enum ItemStatus {
        /// Not yet.
        Draft = "draft",
        /// By those who see it.
        Published = "published",
        /// No more; orders keep what they have taken from it.
        Archived = "archived",
    }
}

/// For whom an item is on offer.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Audience {
    /// Everybody.
    pub all: bool,
    /// These organizations and everything below them that inherits its catalog.
    pub organization_ids: Vec<Id<Organization>>,
    /// These teams.
    pub team_ids: Vec<Id<Team>>,
}

/// A pack on offer: so many places of a product for a price in credits or money.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct CatalogItem {
    /// The item's id.
    pub id: Id<Self>,
    /// Its name.
    pub name: Name,
    #[serde(skip)]
    pub(crate) name_key: String,
    /// Your own key.
    pub external_id: Option<ExternalId>,
    /// What it is.
    pub description: Option<Description>,
    /// What its places are of.
    pub product_id: Id<Product>,
    /// How many places are in the pack.
    pub quantity: i64,
    /// Its price in credits; absent: not for credits.
    pub price_credits: Option<i64>,
    /// Its price in minor units of the currency, such as cents; absent: not for money.
    pub price_amount: Option<i64>,
    /// The currency of the price, by ISO 4217.
    pub currency: Option<Currency>,
    /// The terms of a seat that is made by it; absent: those of the template, else the account's.
    pub terms: Option<Json<Terms>>,
    /// The template whose terms a seat is made under.
    pub template_id: Option<Id<SeatTemplate>>,
    /// For whom it is on offer.
    pub visible_to: Json<Audience>,
    #[serde(skip)]
    pub(crate) for_all: bool,
    /// Whether it can be bought.
    pub status: ItemStatus,
    #[serde(skip)]
    pub(crate) version: i64,
    /// When the record was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}
columns!(CatalogItem in "catalog_items": id, name, name_key, external_id, description, product_id, quantity, price_credits, price_amount,
    currency, terms, template_id, visible_to, for_all, status, version, created_at, updated_at);

impl Kind for CatalogItem {
    const PREFIX: &'static str = "item";
}

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

/// A row of `catalog_audiences`: the id, and the same as the one it is of.
type AudienceRow = (String, Option<Id<Organization>>, Option<Id<Team>>);

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
    fn over(&self, before: &Audience, refs: &Resolved) -> Result<Audience> {
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
    pub(super) fn over(&self, before: Terms) -> Result<Terms> {
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

impl CatalogItem {
    /// What must be true of every item, told at the members of a body.
    fn check(&self) -> Result<()> {
        let mut faults = Vec::new();
        if self.price_amount.is_some() != self.currency.is_some() {
            let (at, words) = if self.currency.is_none() {
                ("/currency", "An amount needs its currency, such as EUR.")
            } else {
                (
                    "/price_amount",
                    "A currency needs an amount, in its minor units.",
                )
            };
            faults.push(Fault::new(at, "required", words));
        }
        if self.terms.is_some() && self.template_id.is_some() {
            faults.push(Fault::new(
                "/terms",
                "contradicts",
                "Give terms or a template, not both. null empties the other.",
            ));
        }
        if faults.is_empty() {
            Ok(())
        } else {
            Err(Error::invalid(faults))
        }
    }

    fn audience_rows(&self) -> Vec<AudienceRow> {
        let audience = &self.visible_to.0;
        let organizations = audience.organization_ids.iter();
        let teams = audience.team_ids.iter();
        organizations
            .map(|id| (id.to_string(), Some(id.clone()), None))
            .chain(teams.map(|id| (id.to_string(), None, Some(id.clone()))))
            .collect()
    }
}

impl Record for CatalogItem {
    const KIND: &'static str = "catalog_item";
    const SUMMARY: &'static str =
        "A pack on offer: so many places of a product for a price in credits or money.";
    const FIELDS: &'static [Field] = &[
        Field::sorted("created_at", "created_at", FieldKind::Time),
        Field::sorted("name", "name_key", FieldKind::Folded),
        Field::filter("external_id", "external_id", FieldKind::Text),
        Field::filter(
            "product",
            "product_id",
            FieldKind::Reference("product", "products"),
        ),
        Field::filter(
            "status",
            "status",
            FieldKind::Word(&["draft", "published", "archived"]),
        ),
        Field::filter("price_credits", "price_credits", FieldKind::Int),
        Field::filter(
            "visible_to_team",
            visibility::OF_TEAM,
            FieldKind::Reference("team", "teams"),
        ),
        Field::filter(
            "visible_to_organization",
            visibility::OF_ORGANIZATION,
            FieldKind::Reference("org", "organizations"),
        ),
    ];
    const SEARCH: &'static [&'static str] = &["name_key"];
    const EXPANDS: &'static [Expand] = &[Expand {
        name: "product",
        member: "product_id",
        table: "products",
    }];
    const SOFT_DELETE: bool = false;
    const REACH: Option<&'static str> = Some(visibility::WITHIN_REACH);
    const READ: Permission = Permission::CatalogRead;

    fn id(&self) -> &Id<Self> {
        &self.id
    }
}

impl Resource for CatalogItem {
    const WRITE: Permission = Permission::CatalogWrite;
    type New = NewCatalogItem;
    type Patch = CatalogItemPatch;
    fn version(&self) -> i64 {
        self.version
    }

    fn create(new: NewCatalogItem, refs: &Resolved, stamp: &Stamp<'_>) -> Result<Self> {
        let everybody = Audience {
            all: true,
            ..Audience::default()
        };
        let audience = new.visible_to.unwrap_or_default().over(&everybody, refs)?;
        let terms = new.terms.map(|given| given.over(Terms::default()));
        let item = Self {
            id: stamp.ids.next(stamp.now),
            name_key: new.name.key(),
            name: new.name,
            external_id: new.external_id,
            description: new.description,
            product_id: refs.id(&new.product)?,
            quantity: new.quantity.unwrap_or(1),
            price_credits: new.price_credits,
            price_amount: new.price_amount,
            currency: new.currency,
            terms: terms.transpose()?.map(Json),
            template_id: refs.maybe(new.template.as_ref())?,
            for_all: audience.all,
            visible_to: Json(audience),
            status: new.status.unwrap_or(ItemStatus::Draft),
            version: 1,
            created_at: stamp.now,
            updated_at: stamp.now,
        };
        item.check().map(|()| item)
    }

    fn apply(&mut self, patch: CatalogItemPatch, refs: &Resolved, now: Timestamp) -> Result<()> {
        if let Some(name) = patch.name {
            self.name = name;
        }
        self.name_key = self.name.key();
        patch.external_id.apply(&mut self.external_id);
        patch.description.apply(&mut self.description);
        if let Some(product) = refs.maybe(patch.product.as_ref())? {
            self.product_id = product;
        }
        self.quantity = patch.quantity.unwrap_or(self.quantity);
        patch.price_credits.apply(&mut self.price_credits);
        if patch.price_amount == Patch::Clear {
            self.currency = None;
        }
        patch.price_amount.apply(&mut self.price_amount);
        patch.currency.apply(&mut self.currency);
        match patch.terms {
            Patch::Keep => {}
            Patch::Clear => self.terms = None,
            Patch::Set(given) => {
                let before = self.terms.as_ref().map_or_else(Terms::default, |it| it.0);
                self.terms = Some(Json(given.over(before)?));
            }
        }
        match patch.template {
            Patch::Keep => {}
            Patch::Clear => self.template_id = None,
            Patch::Set(template) => self.template_id = Some(refs.id(&template)?),
        }
        if let Some(given) = patch.visible_to {
            self.visible_to = Json(given.over(&self.visible_to.0, refs)?);
            self.for_all = self.visible_to.0.all;
        }
        self.status = patch.status.unwrap_or(self.status);
        self.updated_at = now;
        self.check()
    }

    fn companions(&self, before: Option<&Self>) -> Vec<Statement> {
        let rows = self.audience_rows();
        let old = before.map(Self::audience_rows).unwrap_or_default();
        let new = rows.iter().filter(|row| !old.contains(row));
        let mut list: Vec<_> = new
            .map(|(audience, organization, team)| {
                Statement::new(
                    "INSERT INTO catalog_audiences (account_id, item_id, audience, organization_id, team_id) VALUES ($1, $2, $3, $4, $5)",
                    params![self.id.clone(), audience.clone(), organization.clone(), team.clone()],
                )
            })
            .collect();
        let gone: Vec<&str> = old
            .iter()
            .filter(|row| !rows.contains(row))
            .map(|(audience, ..)| audience.as_str())
            .collect();
        if !gone.is_empty() {
            list.push(Statement::new(
                "DELETE FROM catalog_audiences WHERE account_id = $1 AND item_id = $2 AND audience IN (SELECT value FROM JSON_LIST($3) AS gone)",
                params![self.id.clone(), serde_json::to_string(&gone).unwrap_or_default()],
            ));
        }
        list
    }

    fn farewell(&self, _: Timestamp) -> Vec<Statement> {
        vec![Statement::new(
            "DELETE FROM catalog_audiences WHERE account_id = $1 AND item_id = $2",
            params![self.id.clone()],
        )]
    }

    fn event(&self, verb: &str) -> Event {
        event_of(self, verb)
    }
}
