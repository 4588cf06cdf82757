//! Assignments: one place given to one person, or wished for.

use schemars::JsonSchema;
use serde::Serialize;

use super::seat::Seat;
use crate::access::Permission;
use crate::columns;
use crate::error::Error;
use crate::events::Event;
use crate::resource::{Expand, Field, FieldKind, Record, event_of};
use crate::resources::{Product, Team, User};
use crate::types::{Id, Kind, Timestamp};

crate::words! {
    /// Where an assignment stands.
    pub enum AssignmentState {
        /// Waits in order for a free place.
        Waitlisted = "waitlisted",
        /// A place is held for somebody who was invited; it counts as used.
        Reserved = "reserved",
        /// The person sits.
        Active = "active",
        /// Given back.
        Released = "released",
        /// Taken back.
        Revoked = "revoked",
        /// Its time is over.
        Expired = "expired",
    }
}

/// One place of a seat given to one person.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Assignment {
    /// The assignment's id.
    pub id: Id<Self>,
    /// The seat the place is of.
    pub seat_id: Id<Seat>,
    /// The seat's product.
    pub product_id: Id<Product>,
    /// The person.
    pub user_id: Id<User>,
    /// The team for which the person has it.
    pub team_id: Id<Team>,
    /// Where it stands.
    pub state: AssignmentState,
    /// When the person got the place; absent while waiting.
    pub starts_at: Option<Timestamp>,
    /// When it ends; absent: never.
    pub expires_at: Option<Timestamp>,
    /// When its end was last moved, or the place was taken up again.
    pub extended_at: Option<Timestamp>,
    /// When the place goes back because it is not used, unless its holder becomes active before.
    pub reclaim_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// What orders the waiting line: when the person joined it, unless somebody moved them.
    pub waiting_at: Option<Timestamp>,
    /// What brought it about: `api`, `provision`, `dashboard`, `waitlist`, …
    pub cause: String,
    /// The provision that made it.
    pub provision_id: Option<String>,
    #[serde(skip)]
    pub(crate) version: i64,
    /// When the record was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}
columns!(Assignment in "seat_assignments": id, seat_id, product_id, user_id, team_id, state, starts_at, expires_at, extended_at, reclaim_at, ended_at, waiting_at, cause,
    provision_id, version, created_at, updated_at);

impl Kind for Assignment {
    const PREFIX: &'static str = "assignment";
}

impl Record for Assignment {
    const KIND: &'static str = "seat_assignment";
    const SUMMARY: &'static str = "One place of a seat, given to one person or waited for.";
    const FIELDS: &'static [Field] = &[
        Field::sorted("created_at", "created_at", FieldKind::Time),
        Field::filter("expires_at", "expires_at", FieldKind::Time),
        Field::filter("user", "user_id", FieldKind::Reference("user", "users")),
        Field::filter("seat", "seat_id", FieldKind::Reference("seat", "seats")),
        Field::filter("team", "team_id", FieldKind::Reference("team", "teams")),
        Field::filter(
            "state",
            "state",
            FieldKind::Word(&[
                "waitlisted",
                "reserved",
                "active",
                "released",
                "revoked",
                "expired",
            ]),
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
            name: "seat",
            member: "seat_id",
            table: "seats",
        },
        Expand {
            name: "team",
            member: "team_id",
            table: "teams",
        },
        Expand {
            name: "product",
            member: "product_id",
            table: "products",
        },
    ];
    const SOFT_DELETE: bool = false;
    const REACH: Option<&'static str> = Some("seat_assignments.team_id IN {}");
    const READ: Permission = Permission::SeatsRead;

    fn id(&self) -> &Id<Self> {
        &self.id
    }
}

impl Assignment {
    /// The event of a change, on the timelines where it belongs.
    pub fn event(&self, verb: &str) -> Event {
        let mut event = event_of(self, verb)
            .user(&self.user_id)
            .team(&self.team_id)
            .seat(&self.seat_id);
        event.kind = format!("seat.{verb}");
        event
    }
}

impl Assignment {
    /// Whether it holds or waits for a place.
    pub fn is_live(&self) -> bool {
        matches!(
            self.state,
            AssignmentState::Waitlisted | AssignmentState::Reserved | AssignmentState::Active
        )
    }

    /// The end of an ended assignment, as an error for those who would change it.
    pub fn ended(&self) -> Error {
        Error::new(
            crate::error::Code::StateConflict,
            format!(
                "The assignment is {}; only a live one can be changed.",
                self.state
            ),
        )
    }
}
