//! Requests for places: what people wish for, on which somebody of their team decides.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::actions::{Given, IfFull};
use super::assignment::Assignment;
use crate::access::Permission;
use crate::columns;
use crate::events::Event;
use crate::resource::{Expand, Field, FieldKind, Input, Record, Reference, event_of};
use crate::resources::{Product, Team, User};
use crate::types::text::Description;
use crate::types::{Id, Kind, Name, Ref, Timestamp};

crate::words! {
    /// How far a request has come.
    pub enum SeatRequestState {
        /// Somebody has to decide.
        Pending = "pending",
        /// It was approved; `assignment_id` is the place, or the wait for one.
        Approved = "approved",
        /// It was declined.
        Declined = "declined",
        /// It was taken back, or its person or team is not there any more.
        Cancelled = "cancelled",
    }
}

/// A wish for a place of a product, for a team.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SeatRequest {
    /// The request's id.
    pub id: Id<Self>,
    /// Who wishes for the place.
    pub user_id: Id<User>,
    /// The team whose place it would be.
    pub team_id: Id<Team>,
    /// What the place is of.
    pub product_id: Id<Product>,
    /// What they say about it.
    pub note: Option<Description>,
    /// How far it has come.
    pub state: SeatRequestState,
    /// Why it was declined.
    pub reason: Option<Description>,
    /// When it was decided or cancelled.
    pub decided_at: Option<Timestamp>,
    /// Who decided.
    pub decided_by: Option<Name>,
    /// The place that came of it, or the wait for one.
    pub assignment_id: Option<Id<Assignment>>,
    #[serde(skip)]
    pub(crate) version: i64,
    /// When the record was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}
columns!(SeatRequest in "seat_requests": id, user_id, team_id, product_id, note, state, reason, decided_at, decided_by, assignment_id,
    version, created_at, updated_at);

impl Kind for SeatRequest {
    const PREFIX: &'static str = "seat_request";
}

impl Record for SeatRequest {
    const KIND: &'static str = "seat_request";
    const SUMMARY: &'static str = "A wish for a place, on which somebody of the team decides.";
    const FIELDS: &'static [Field] = &[
        Field::sorted("created_at", "created_at", FieldKind::Time),
        Field::filter(
            "state",
            "state",
            FieldKind::Word(&["pending", "approved", "declined", "cancelled"]),
        ),
        Field::filter("team", "team_id", FieldKind::Reference("team", "teams")),
        Field::filter("user", "user_id", FieldKind::Reference("user", "users")),
        Field::filter(
            "product",
            "product_id",
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
    const REACH: Option<&'static str> = Some("seat_requests.team_id IN {}");
    const READ: Permission = Permission::SeatsRead;

    fn id(&self) -> &Id<Self> {
        &self.id
    }
}

impl SeatRequest {
    /// The event of a change, on the timelines where it belongs.
    pub(super) fn event(&self, verb: &str) -> Event {
        event_of(self, verb).user(&self.user_id).team(&self.team_id)
    }
}

/// A new request, for somebody.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSeatRequest {
    /// Who wishes for the place, a member of the team.
    pub user: Ref<User>,
    /// The team whose place it would be.
    pub team: Ref<Team>,
    /// What the place is of.
    pub product: Ref<Product>,
    /// What they say about it.
    #[serde(default)]
    pub note: Option<Description>,
}

/// How a request is approved.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ApproveRequest {
    /// What happens when no place is free; `fail` unless said.
    pub if_full: Option<IfFull>,
    /// When the place ends, within the seat's terms.
    pub expires_at: Option<Timestamp>,
    /// The same in days from now.
    #[schemars(range(min = 1, max = 36500))]
    pub expires_in_days: Option<i64>,
}

/// Why a request is declined.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DeclineRequest {
    /// Why, for the person's mail.
    pub reason: Option<Description>,
}

/// A request after its approval, and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct RequestApproved {
    /// The request.
    #[serde(flatten)]
    pub request: SeatRequest,
    /// The place, or the wait for one; absent when it was approved before.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub result: Option<Given>,
}

impl Input for NewSeatRequest {
    fn references(&self) -> Vec<Reference> {
        vec![
            Reference::to("/user", &self.user),
            Reference::to("/team", &self.team),
            Reference::to("/product", &self.product),
        ]
    }
}
