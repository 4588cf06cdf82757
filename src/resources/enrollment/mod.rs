//! Enrollments: a person in a course, by one source of access.
//!
//! Those of the source `seat` are made and ended by the seat engine alone; private and trial ones are made by the API and
//! never use a company's seat. Progress is told for all of them alike ([`Enrollment::advance`]).

mod progress;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Course, User};
use crate::access::Permission;
use crate::columns;
use crate::db::Statement;
use crate::error::{Code, Error, Fault, Result};
use crate::events::Event;
use crate::resource::{
    Expand, Field, FieldKind, Input, Record, Reference, Resolved, Resource, Stamp, event_of,
};
use crate::types::merge::present;
use crate::types::{ExternalId, Id, Kind, Patch, Ref, Timestamp};

pub use progress::Progress;

crate::words! {
    /// Where somebody stands in a course.
    pub enum EnrollmentStatus {
        /// On its way to the LMS.
        Pending = "pending",
        /// Has access.
        Active = "active",
        /// Has finished.
        Completed = "completed",
        /// Access is over.
        Expired = "expired",
        /// The LMS refused it.
        Failed = "failed",
    }
}

crate::words! {
    /// Where access comes from.
    pub enum EnrollmentSource {
        /// A place of a seat.
        Seat = "seat",
        /// Bought privately; never uses a company's seat.
        Private = "private",
        /// On trial.
        Trial = "trial",
    }
}

crate::words! {
    /// Where access comes from that no seat gives.
    pub enum OwnSource {
        /// Bought privately.
        Private = "private",
        /// On trial.
        Trial = "trial",
    }
}

/// A person in a course. Access by seats lasts until the latest of the live assignments that lead there.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Enrollment {
    /// The enrollment's id.
    pub id: Id<Self>,
    /// The person.
    pub user_id: Id<User>,
    /// The course.
    pub course_id: Id<Course>,
    /// Where access comes from.
    pub source: EnrollmentSource,
    /// Your own key of the enrollment.
    pub external_id: Option<ExternalId>,
    /// Where the person stands.
    pub status: EnrollmentStatus,
    /// Progress, 0 to 100.
    pub percent: i64,
    /// When the person began.
    pub started_at: Option<Timestamp>,
    /// When the person finished.
    pub completed_at: Option<Timestamp>,
    /// When access ends; absent: never.
    pub expires_at: Option<Timestamp>,
    /// When the person was last in the course.
    pub last_activity_at: Option<Timestamp>,
    #[serde(skip)]
    pub(crate) version: i64,
    /// When the record was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

columns!(Enrollment in "enrollments": id, user_id, course_id, source, external_id, status, percent, started_at, completed_at, expires_at,
    last_activity_at, version, created_at, updated_at);

impl Kind for Enrollment {
    const PREFIX: &'static str = "enrollment";
}

/// A new enrollment that no seat gives.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewEnrollment {
    /// The person.
    pub user: Ref<User>,
    /// The course.
    pub course: Ref<Course>,
    /// `private` or `trial`; `private` unless said. Places of seats are given by `POST /seats/{id}/assign`.
    #[serde(default)]
    pub source: Option<OwnSource>,
    /// Your own key.
    #[serde(default)]
    pub external_id: Option<ExternalId>,
    /// When access ends; never unless said.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
}

/// A change of an enrollment that no seat gives. Progress is told by `POST /enrollments/{id}/progress`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EnrollmentPatch {
    /// The person; cannot change. Taken so that a PUT may be repeated.
    #[serde(deserialize_with = "present")]
    #[schemars(with = "Ref<User>")]
    pub user: Option<Ref<User>>,
    /// The course; cannot change. Taken so that a PUT may be repeated.
    #[serde(deserialize_with = "present")]
    #[schemars(with = "Ref<Course>")]
    pub course: Option<Ref<Course>>,
    /// The source; cannot change. Taken so that a PUT may be repeated.
    #[serde(deserialize_with = "present")]
    #[schemars(with = "OwnSource")]
    pub source: Option<OwnSource>,
    /// Your own key.
    pub external_id: Patch<ExternalId>,
    /// When access ends; `null`: never. A later end revives access that is over.
    pub expires_at: Patch<Timestamp>,
    /// Whether an earlier end than the present one is meant.
    pub allow_shorten: bool,
}

impl Input for NewEnrollment {
    fn references(&self) -> Vec<Reference> {
        vec![
            Reference::to("/user", &self.user),
            Reference::to("/course", &self.course),
        ]
    }
}

impl Input for EnrollmentPatch {
    fn references(&self) -> Vec<Reference> {
        let user = self.user.iter().map(|user| Reference::to("/user", user));
        let course = self
            .course
            .iter()
            .map(|course| Reference::to("/course", course));
        user.chain(course).collect()
    }
}

impl Record for Enrollment {
    const KIND: &'static str = "enrollment";
    const SUMMARY: &'static str = "A person in a course, by one source of access.";
    const FIELDS: &'static [Field] = &[
        Field::sorted("created_at", "created_at", FieldKind::Time),
        Field::sorted("updated_at", "updated_at", FieldKind::Time),
        Field::sorted("percent", "percent", FieldKind::Int),
        Field::filter("external_id", "external_id", FieldKind::Text),
        Field::filter(
            "status",
            "status",
            FieldKind::Word(&["pending", "active", "completed", "expired", "failed"]),
        ),
        Field::filter(
            "source",
            "source",
            FieldKind::Word(&["seat", "private", "trial"]),
        ),
        Field::filter("expires_at", "expires_at", FieldKind::Time),
        Field::filter("last_activity_at", "last_activity_at", FieldKind::Time),
        Field::filter("user", "user_id", FieldKind::Reference("user", "users")),
        Field::filter(
            "course",
            "course_id",
            FieldKind::Reference("course", "courses"),
        ),
        Field::filter(
            "team",
            "enrollments.user_id IN (SELECT user_id FROM team_members WHERE account_id = $1 AND team_id {})",
            FieldKind::Reference("team", "teams"),
        ),
        Field::filter(
            "organization",
            "enrollments.user_id IN (SELECT m.user_id FROM teams t JOIN team_members m ON m.account_id = $1 AND m.team_id = t.id \
             WHERE t.account_id = $1 AND t.deleted_at IS NULL AND t.organization_id {})",
            FieldKind::Reference("organization", "organizations"),
        ),
        Field::filter(
            "product",
            "enrollments.course_id IN (SELECT course_id FROM product_courses WHERE account_id = $1 AND product_id {})",
            FieldKind::Reference("product", "products"),
        ),
    ];
    const SEARCH: &'static [&'static str] = &[];
    const EXPANDS: &'static [Expand] = &[
        Expand {
            name: "user",
            member: "user_id",
            table: "users",
        },
        Expand {
            name: "course",
            member: "course_id",
            table: "courses",
        },
    ];
    const SOFT_DELETE: bool = false;
    const REACH: Option<&'static str> = Some(
        "EXISTS (SELECT 1 FROM team_members m WHERE m.account_id = $1 AND m.user_id = enrollments.user_id AND m.team_id IN {})",
    );
    const READ: Permission = Permission::EnrollmentsRead;

    fn id(&self) -> &Id<Self> {
        &self.id
    }
}

impl Resource for Enrollment {
    const WRITE: Permission = Permission::EnrollmentsWrite;
    type New = NewEnrollment;
    type Patch = EnrollmentPatch;
    fn version(&self) -> i64 {
        self.version
    }

    fn create(new: NewEnrollment, refs: &Resolved, stamp: &Stamp<'_>) -> Result<Self> {
        if new.expires_at.is_some_and(|end| end <= stamp.now) {
            return Err(Error::invalid(vec![Fault::new(
                "/expires_at",
                "in_the_past",
                "The end lies in the past; give a later one, or none for access without an end.",
            )]));
        }
        Ok(Self {
            id: stamp.ids.next(stamp.now),
            user_id: refs.id(&new.user)?,
            course_id: refs.id(&new.course)?,
            source: match new.source.unwrap_or(OwnSource::Private) {
                OwnSource::Private => EnrollmentSource::Private,
                OwnSource::Trial => EnrollmentSource::Trial,
            },
            external_id: new.external_id,
            status: EnrollmentStatus::Active,
            percent: 0,
            started_at: None,
            completed_at: None,
            expires_at: new.expires_at,
            last_activity_at: None,
            version: 1,
            created_at: stamp.now,
            updated_at: stamp.now,
        })
    }

    fn apply(&mut self, patch: EnrollmentPatch, refs: &Resolved, now: Timestamp) -> Result<()> {
        self.check_same(&patch, refs)?;
        patch.external_id.apply(&mut self.external_id);
        let until = match patch.expires_at {
            Patch::Keep => self.expires_at,
            Patch::Clear => None,
            Patch::Set(at) => Some(at),
        };
        if until != self.expires_at {
            self.move_end(until, patch.allow_shorten, now)?;
        }
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
        event_of(self, verb).user(&self.user_id)
    }
}

impl Enrollment {
    /// Person, course and source are what it is; a PUT that names them again names the same.
    fn check_same(&self, patch: &EnrollmentPatch, refs: &Resolved) -> Result<()> {
        let mut faults = Vec::new();
        let mut differs = |member: &str| {
            let detail =
                "Person, course and source of an enrollment cannot change. Make another one.";
            faults.push(Fault::new(format!("/{member}"), "cannot_change", detail));
        };
        if refs
            .maybe(patch.user.as_ref())?
            .is_some_and(|id| id != self.user_id)
        {
            differs("user");
        }
        if refs
            .maybe(patch.course.as_ref())?
            .is_some_and(|id| id != self.course_id)
        {
            differs("course");
        }
        if patch
            .source
            .is_some_and(|source| source.as_str() != self.source.as_str())
        {
            differs("source");
        }
        if faults.is_empty() {
            Ok(())
        } else {
            Err(Error::invalid(faults))
        }
    }

    fn move_end(
        &mut self,
        until: Option<Timestamp>,
        may_shorten: bool,
        now: Timestamp,
    ) -> Result<()> {
        if self.source == EnrollmentSource::Seat {
            return Err(Error::new(
                Code::StateConflict,
                "Access by a seat lasts as long as its places do. Move the end of the place: POST /api/seats/{id}/extend.",
            ));
        }
        let is_shorter = match (self.expires_at, until) {
            (Some(end), Some(until)) => until < end,
            (None, Some(_)) => true,
            (_, None) => false,
        };
        if is_shorter && !may_shorten {
            return Err(Error::new(
                Code::StateConflict,
                "The new end is earlier than the present one. Say «allow_shorten»: true if that is meant.",
            ));
        }
        self.expires_at = until;
        let is_over = until.is_some_and(|end| end <= now);
        self.status = match self.status {
            EnrollmentStatus::Expired if !is_over => EnrollmentStatus::Active,
            EnrollmentStatus::Active if is_over => EnrollmentStatus::Expired,
            other => other,
        };
        Ok(())
    }

    /// Whether it gives access at a moment.
    pub fn gives_access(&self, now: Timestamp) -> bool {
        matches!(
            self.status,
            EnrollmentStatus::Active | EnrollmentStatus::Completed
        ) && self.expires_at.is_none_or(|end| end > now)
    }
}
