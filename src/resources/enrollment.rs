//! Enrollments: a person in a course.

use schemars::JsonSchema;
use serde::Serialize;

use super::{Course, User};
use crate::access::Permission;
use crate::columns;
use crate::events::Event;
use crate::resource::{Expand, Field, FieldKind, Record, event_of};
use crate::types::{Id, Kind, Timestamp};

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
columns!(Enrollment in "enrollments": id, user_id, course_id, source, status, percent, started_at, completed_at, expires_at,
    last_activity_at, version, created_at, updated_at);

impl Kind for Enrollment {
    const PREFIX: &'static str = "enrollment";
}

impl Record for Enrollment {
    const KIND: &'static str = "enrollment";
    const SUMMARY: &'static str = "A person in a course.";
    const FIELDS: &'static [Field] = &[
        Field::sorted("created_at", "created_at", FieldKind::Time),
        Field::filter("user", "user_id", FieldKind::Reference("user", "users")),
        Field::filter(
            "course",
            "course_id",
            FieldKind::Reference("course", "courses"),
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

impl Enrollment {
    /// The event of a change, on the timelines where it belongs.
    pub fn event(&self, verb: &str) -> Event {
        event_of(self, verb).user(&self.user_id)
    }
}
