//! Products: what seats are of, one course or a bundle of them.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::course::{Course, PublishStatus};
use crate::access::Permission;
use crate::columns;
use crate::db::Statement;
use crate::error::Result;
use crate::events::Event;
use crate::params;
use crate::resource::{
    Expand, Field, FieldKind, Input, Record, Reference, Resolved, Resource, Stamp, event_of,
};
use crate::types::merge::present;
use crate::types::text::{Description, Json};
use crate::types::{ExternalId, Id, Kind, Name, Patch, Ref, Timestamp};

/// What seats are of: one course or a bundle of them.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Product {
    /// The product's id.
    pub id: Id<Self>,
    /// Its name.
    pub name: Name,
    /// Your own key, such as an SKU.
    pub external_id: Option<ExternalId>,
    /// What it is.
    pub description: Option<Description>,
    /// Whether it is on offer.
    pub status: PublishStatus,
    /// Its courses, in order.
    pub course_ids: Json<Vec<Id<Course>>>,
    /// Its id in the LMS.
    pub lms_product_id: Option<ExternalId>,
    #[serde(skip)]
    pub(crate) version: i64,
    /// When the record was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}
columns!(Product in "products": id, name, external_id, description, status, course_ids, lms_product_id, version, created_at, updated_at
    => name_key: |product| product.name.key());

impl Kind for Product {
    const PREFIX: &'static str = "product";
}

/// A new product.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewProduct {
    /// Its name.
    pub name: Name,
    /// Your own key, such as an SKU.
    #[serde(default)]
    pub external_id: Option<ExternalId>,
    /// What it is.
    #[serde(default)]
    pub description: Option<Description>,
    /// Whether it is on offer; `published` unless said.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "PublishStatus")]
    pub status: Option<PublishStatus>,
    /// Its courses, in order.
    #[serde(default)]
    #[schemars(length(max = 100))]
    pub courses: Vec<Ref<Course>>,
    /// Its id in the LMS.
    #[serde(default)]
    pub lms_product_id: Option<ExternalId>,
}

/// A change of a product.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ProductPatch {
    /// Its name.
    #[serde(deserialize_with = "present")]
    #[schemars(with = "Name")]
    pub name: Option<Name>,
    /// Your own key.
    pub external_id: Patch<ExternalId>,
    /// What it is.
    pub description: Patch<Description>,
    /// Whether it is on offer.
    #[serde(deserialize_with = "present")]
    #[schemars(with = "PublishStatus")]
    pub status: Option<PublishStatus>,
    /// Its courses; replaces all.
    #[schemars(length(max = 100))]
    #[serde(deserialize_with = "present")]
    #[schemars(with = "Vec<Ref<Course>>")]
    pub courses: Option<Vec<Ref<Course>>>,
    /// Its id in the LMS.
    pub lms_product_id: Patch<ExternalId>,
}

fn course_references(courses: &[Ref<Course>]) -> Vec<Reference> {
    courses
        .iter()
        .enumerate()
        .map(|(n, course)| Reference::to(format!("/courses/{n}"), course))
        .collect()
}

impl Input for NewProduct {
    fn references(&self) -> Vec<Reference> {
        course_references(&self.courses)
    }
}

impl Input for ProductPatch {
    fn references(&self) -> Vec<Reference> {
        course_references(self.courses.as_deref().unwrap_or_default())
    }
}

/// The courses' ids, each once, in the order given.
fn course_ids(courses: &[Ref<Course>], refs: &Resolved) -> Result<Json<Vec<Id<Course>>>> {
    let mut seen = BTreeSet::new();
    let ids = courses
        .iter()
        .map(|course| refs.id(course))
        .collect::<Result<Vec<_>>>()?;
    Ok(Json(
        ids.into_iter()
            .filter(|id| seen.insert(id.clone()))
            .collect(),
    ))
}

impl Record for Product {
    const KIND: &'static str = "product";
    const SUMMARY: &'static str = "What seats are of: one course or a bundle of them.";
    const FIELDS: &'static [Field] = &[
        Field::sorted("created_at", "created_at", FieldKind::Time),
        Field::sorted("name", "name_key", FieldKind::Folded),
        Field::filter("external_id", "external_id", FieldKind::Text),
        Field::filter(
            "course",
            "products.id IN (SELECT product_id FROM product_courses WHERE account_id = $1 AND course_id {})",
            FieldKind::Reference("course", "courses"),
        ),
    ];
    const SEARCH: &'static [&'static str] = &["name_key"];
    const EXPANDS: &'static [Expand] = &[Expand {
        name: "courses",
        member: "course_ids",
        table: "courses",
    }];
    const SOFT_DELETE: bool = false;
    const REACH: Option<&'static str> = None;
    const READ: Permission = Permission::ProductsRead;

    fn id(&self) -> &Id<Self> {
        &self.id
    }
}

impl Resource for Product {
    const WRITE: Permission = Permission::ProductsWrite;
    type New = NewProduct;
    type Patch = ProductPatch;
    fn version(&self) -> i64 {
        self.version
    }

    fn create(new: NewProduct, refs: &Resolved, stamp: &Stamp<'_>) -> Result<Self> {
        Ok(Self {
            id: stamp.ids.next(stamp.now),
            name: new.name,
            external_id: new.external_id,
            description: new.description,
            status: new.status.unwrap_or(PublishStatus::Published),
            course_ids: course_ids(&new.courses, refs)?,
            lms_product_id: new.lms_product_id,
            version: 1,
            created_at: stamp.now,
            updated_at: stamp.now,
        })
    }

    fn apply(&mut self, patch: ProductPatch, refs: &Resolved, now: Timestamp) -> Result<()> {
        if let Some(name) = patch.name {
            self.name = name;
        }
        patch.external_id.apply(&mut self.external_id);
        patch.description.apply(&mut self.description);
        self.status = patch.status.unwrap_or(self.status);
        if let Some(courses) = patch.courses {
            self.course_ids = course_ids(&courses, refs)?;
        }
        patch.lms_product_id.apply(&mut self.lms_product_id);
        self.updated_at = now;
        Ok(())
    }

    fn companions(&self, before: Option<&Self>) -> Vec<Statement> {
        let ids = self.course_ids.0.iter();
        let old: BTreeSet<_> = before
            .map(|before| before.course_ids.0.iter().collect())
            .unwrap_or_default();
        let mut list = Vec::new();
        for id in ids.filter(|id| !old.contains(id)) {
            list.push(Statement::new(
                "INSERT INTO product_courses (account_id, product_id, course_id) VALUES ($1, $2, $3)",
                params![self.id.to_string(), id.to_string()],
            ));
        }
        for id in old.into_iter().filter(|id| !self.course_ids.0.contains(id)) {
            list.push(Statement::new(
                "DELETE FROM product_courses WHERE account_id = $1 AND product_id = $2 AND course_id = $3",
                params![self.id.to_string(), id.to_string()],
            ));
        }
        list
    }

    fn farewell(&self, _: Timestamp) -> Vec<Statement> {
        vec![Statement::new(
            "DELETE FROM product_courses WHERE account_id = $1 AND product_id = $2",
            params![self.id.to_string()],
        )]
    }

    fn event(&self, verb: &str) -> Event {
        event_of(self, verb)
    }
}
