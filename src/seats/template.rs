//! Seat templates: terms to copy a seat from.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::terms::{Expiry, Terms};
use crate::access::Permission;
use crate::columns;
use crate::db::Statement;
use crate::error::{Error, Result};
use crate::events::Event;
use crate::resource::{
    Expand, Field, FieldKind, Input, Record, Reference, Resolved, Resource, Stamp, event_of,
};
use crate::resources::Product;
use crate::types::merge::present;
use crate::types::{ExternalId, Id, Kind, Name, Patch, Ref, Timestamp};

/// Terms to copy a seat from.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SeatTemplate {
    /// The template's id.
    pub id: Id<Self>,
    /// Its name.
    pub name: Name,
    /// Your own key.
    pub external_id: Option<ExternalId>,
    /// What seats made from it are of.
    pub product_id: Id<Product>,
    /// When an assignment ends.
    pub expiry: Expiry,
    /// The date, with `expiry: date`.
    pub expires_at: Option<Timestamp>,
    /// The days, with `expiry: days`.
    pub expires_in_days: Option<i64>,
    /// Whether a released place can be given again.
    pub reusable: bool,
    /// Whether an assignment may be extended.
    pub extendable: bool,
    #[serde(skip)]
    pub(crate) version: i64,
    /// When the record was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}
columns!(SeatTemplate in "seat_templates": id, name, external_id, product_id, expiry, expires_at, expires_in_days, reusable,
    extendable, version, created_at, updated_at
    => name_key: |template| template.name.key());

impl Kind for SeatTemplate {
    const PREFIX: &'static str = "template";
}

/// A new template.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSeatTemplate {
    /// Its name.
    pub name: Name,
    /// Your own key.
    #[serde(default)]
    pub external_id: Option<ExternalId>,
    /// What seats made from it are of.
    pub product: Ref<Product>,
    /// When an assignment ends; `never` unless said.
    #[serde(default)]
    pub expiry: Option<Expiry>,
    /// The date, with `expiry: date`.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
    /// The days, with `expiry: days`.
    #[serde(default)]
    #[schemars(range(min = 1, max = 36500))]
    pub expires_in_days: Option<i64>,
    /// Whether a released place can be given again; true unless said.
    #[serde(default)]
    pub reusable: Option<bool>,
    /// Whether an assignment may be extended; true unless said.
    #[serde(default)]
    pub extendable: Option<bool>,
}

/// A change of a template. Seats made from it stay as they are.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SeatTemplatePatch {
    /// Its name.
    #[serde(deserialize_with = "present")]
    #[schemars(with = "Name")]
    pub name: Option<Name>,
    /// Your own key.
    pub external_id: Patch<ExternalId>,
    /// When an assignment ends.
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
}

impl Input for NewSeatTemplate {
    fn references(&self) -> Vec<Reference> {
        vec![Reference::to("/product", &self.product)]
    }
}

impl Input for SeatTemplatePatch {
    fn references(&self) -> Vec<Reference> {
        Vec::new()
    }
}

impl SeatTemplate {
    /// Its terms.
    pub const fn terms(&self) -> Terms {
        Terms {
            expiry: self.expiry,
            expires_at: self.expires_at,
            expires_in_days: self.expires_in_days,
            reusable: self.reusable,
            extendable: self.extendable,
        }
    }
}

impl Record for SeatTemplate {
    const KIND: &'static str = "seat_template";
    const SUMMARY: &'static str = "Terms to copy a seat from.";
    const FIELDS: &'static [Field] = &[
        Field::sorted("created_at", "created_at", FieldKind::Time),
        Field::filter("external_id", "external_id", FieldKind::Text),
    ];
    const SEARCH: &'static [&'static str] = &[];
    const EXPANDS: &'static [Expand] = &[Expand {
        name: "product",
        member: "product_id",
        table: "products",
    }];
    const SOFT_DELETE: bool = false;
    const REACH: Option<&'static str> = None;
    const READ: Permission = Permission::SeatsRead;

    fn id(&self) -> &Id<Self> {
        &self.id
    }
}

impl Resource for SeatTemplate {
    const WRITE: Permission = Permission::SeatsWrite;
    type New = NewSeatTemplate;
    type Patch = SeatTemplatePatch;
    fn version(&self) -> i64 {
        self.version
    }

    fn create(new: NewSeatTemplate, refs: &Resolved, stamp: &Stamp<'_>) -> Result<Self> {
        let terms = Terms::from_parts(
            Terms::default(),
            new.expiry,
            new.expires_at,
            new.expires_in_days,
        )
        .map_err(Error::invalid)?;
        Ok(Self {
            id: stamp.ids.next(stamp.now),
            name: new.name,
            external_id: new.external_id,
            product_id: refs.id(&new.product)?,
            expiry: terms.expiry,
            expires_at: terms.expires_at,
            expires_in_days: terms.expires_in_days,
            reusable: new.reusable.unwrap_or(true),
            extendable: new.extendable.unwrap_or(true),
            version: 1,
            created_at: stamp.now,
            updated_at: stamp.now,
        })
    }

    fn apply(&mut self, patch: SeatTemplatePatch, _: &Resolved, now: Timestamp) -> Result<()> {
        let terms = Terms::from_parts(
            self.terms(),
            patch.expiry,
            patch.expires_at,
            patch.expires_in_days,
        )
        .map_err(Error::invalid)?;
        (self.expiry, self.expires_at, self.expires_in_days) =
            (terms.expiry, terms.expires_at, terms.expires_in_days);
        if let Some(name) = patch.name {
            self.name = name;
        }
        patch.external_id.apply(&mut self.external_id);
        self.reusable = patch.reusable.unwrap_or(self.reusable);
        self.extendable = patch.extendable.unwrap_or(self.extendable);
        self.updated_at = now;
        Ok(())
    }

    fn companions(&self, _: Option<&Self>) -> Vec<Statement> {
        Vec::new()
    }
    fn farewell(&self, _: Timestamp) -> Vec<Statement> {
        Vec::new()
    }
    fn event(&self, verb: &str) -> Event {
        event_of(self, verb)
    }
}
