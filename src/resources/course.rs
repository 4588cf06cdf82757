//! Courses: mirrored from the LMS, or made by hand where none is connected.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::Permission;
use crate::columns;
use crate::db::Statement;
use crate::error::Result;
use crate::events::Event;
use crate::resource::{
    Expand, Field, FieldKind, Input, Record, Reference, Resolved, Resource, Stamp, event_of,
};
use crate::types::merge::present;
use crate::types::text::{Description, Json, Slug, WebUrl};
use crate::types::{ExternalId, Id, Kind, Name, Patch, Timestamp};

crate::words! {
    /// Whether something may be offered.
    pub enum PublishStatus {
        /// Being prepared.
        Draft = "draft",
        /// On offer.
        Published = "published",
        /// No longer on offer; those who have it keep it.
        Archived = "archived",
    }
}

/// A course.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Course {
    /// The course's id.
    pub id: Id<Self>,
    /// Its name.
    pub name: Name,
    /// Its short name in addresses.
    pub slug: Option<Slug>,
    /// Your own key.
    pub external_id: Option<ExternalId>,
    /// What it teaches.
    pub description: Option<Description>,
    /// Whether it is on offer.
    pub status: PublishStatus,
    /// The names of its chapters, in order.
    pub chapters: Json<Vec<Name>>,
    /// A picture.
    pub image_url: Option<WebUrl>,
    /// Its id in the LMS.
    pub lms_course_id: Option<ExternalId>,
    #[serde(skip)]
    pub(crate) version: i64,
    /// When the record was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}
columns!(Course in "courses": id, name, slug, external_id, description, status, chapters, image_url, lms_course_id, version, created_at, updated_at
    => name_key: |course| course.name.key());

impl Kind for Course {
    const PREFIX: &'static str = "course";
}

/// A new course.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCourse {
    /// Its name.
    pub name: Name,
    /// Its short name in addresses.
    #[serde(default)]
    pub slug: Option<Slug>,
    /// Your own key.
    #[serde(default)]
    pub external_id: Option<ExternalId>,
    /// What it teaches.
    #[serde(default)]
    pub description: Option<Description>,
    /// Whether it is on offer; `published` unless said.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "PublishStatus")]
    pub status: Option<PublishStatus>,
    /// The names of its chapters, in order.
    #[serde(default)]
    #[schemars(length(max = 500))]
    pub chapters: Vec<Name>,
    /// A picture.
    #[serde(default)]
    pub image_url: Option<WebUrl>,
    /// Its id in the LMS.
    #[serde(default)]
    pub lms_course_id: Option<ExternalId>,
}

/// A change of a course.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CoursePatch {
    /// Its name.
    #[serde(deserialize_with = "present")]
    #[schemars(with = "Name")]
    pub name: Option<Name>,
    /// Its short name in addresses.
    pub slug: Patch<Slug>,
    /// Your own key.
    pub external_id: Patch<ExternalId>,
    /// What it teaches.
    pub description: Patch<Description>,
    /// Whether it is on offer.
    #[serde(deserialize_with = "present")]
    #[schemars(with = "PublishStatus")]
    pub status: Option<PublishStatus>,
    /// The names of its chapters; replaces all.
    #[schemars(length(max = 500))]
    #[serde(deserialize_with = "present")]
    #[schemars(with = "Vec<Name>")]
    pub chapters: Option<Vec<Name>>,
    /// A picture.
    pub image_url: Patch<WebUrl>,
    /// Its id in the LMS.
    pub lms_course_id: Patch<ExternalId>,
}

impl Input for NewCourse {
    fn references(&self) -> Vec<Reference> {
        Vec::new()
    }
}

impl Input for CoursePatch {
    fn references(&self) -> Vec<Reference> {
        Vec::new()
    }
}

impl Record for Course {
    const KIND: &'static str = "course";
    const SUMMARY: &'static str = "A course, mirrored from the LMS or made by hand.";
    const FIELDS: &'static [Field] = &[
        Field::sorted("created_at", "created_at", FieldKind::Time),
        Field::sorted("name", "name_key", FieldKind::Folded),
        Field::filter("external_id", "external_id", FieldKind::Text),
        Field::filter("slug", "slug", FieldKind::Text),
    ];
    const SEARCH: &'static [&'static str] = &["name_key"];
    const EXPANDS: &'static [Expand] = &[];
    const SOFT_DELETE: bool = false;
    const REACH: Option<&'static str> = None;
    const READ: Permission = Permission::CoursesRead;

    fn id(&self) -> &Id<Self> {
        &self.id
    }
}

impl Resource for Course {
    const WRITE: Permission = Permission::CoursesWrite;
    type New = NewCourse;
    type Patch = CoursePatch;
    fn version(&self) -> i64 {
        self.version
    }

    fn create(new: NewCourse, _: &Resolved, stamp: &Stamp<'_>) -> Result<Self> {
        Ok(Self {
            id: stamp.ids.next(stamp.now),
            name: new.name,
            slug: new.slug,
            external_id: new.external_id,
            description: new.description,
            status: new.status.unwrap_or(PublishStatus::Published),
            chapters: Json(new.chapters),
            image_url: new.image_url,
            lms_course_id: new.lms_course_id,
            version: 1,
            created_at: stamp.now,
            updated_at: stamp.now,
        })
    }

    fn apply(&mut self, patch: CoursePatch, _: &Resolved, now: Timestamp) -> Result<()> {
        if let Some(name) = patch.name {
            self.name = name;
        }
        patch.slug.apply(&mut self.slug);
        patch.external_id.apply(&mut self.external_id);
        patch.description.apply(&mut self.description);
        self.status = patch.status.unwrap_or(self.status);
        if let Some(chapters) = patch.chapters {
            self.chapters = Json(chapters);
        }
        patch.image_url.apply(&mut self.image_url);
        patch.lms_course_id.apply(&mut self.lms_course_id);
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
