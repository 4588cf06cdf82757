//! Catalog items: packs on offer, so many places of a product for a price.
//!
//! What an order takes from an item it copies, so a later change of the item changes no order.

mod input;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::visibility;
use crate::access::Permission;
use crate::columns;
use crate::db::Statement;
use crate::error::{Error, Fault, Result};
use crate::events::Event;
use crate::params;
use crate::resource::{Expand, Field, FieldKind, Record, Resolved, Resource, Stamp, event_of};
use crate::resources::{Organization, Product, Team};
use crate::seats::{SeatTemplate, Terms};
use crate::types::text::{Description, Json};
use crate::types::{Currency, ExternalId, Id, Kind, Name, Patch, Timestamp, json_list};

pub use input::{AudienceInput, CatalogItemPatch, NewCatalogItem, TermsInput};

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

columns!(CatalogItem in "catalog_items": id, name, external_id, description, product_id, quantity, price_credits, price_amount,
    currency, terms, template_id, visible_to, for_all, status, version, created_at, updated_at
    => name_key: |item| item.name.key());

impl Kind for CatalogItem {
    const PREFIX: &'static str = "item";
}

/// A row of `catalog_audiences`: the id, and the same as the one it is of.
type AudienceRow = (String, Option<Id<Organization>>, Option<Id<Team>>);

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
                params![self.id.clone(), json_list(&gone)],
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
