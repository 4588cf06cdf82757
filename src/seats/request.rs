//! Requests: a person asks for a place, and somebody who may give one decides.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::actions::IfFull;
use super::assignment::Assignment;
use crate::access::Permission;
use crate::columns;
use crate::events::Event;
use crate::resource::{Expand, Field, FieldKind, Input, Record, Reference, event_of};
use crate::resources::{Product, Team, User};
use crate::types::text::Description;
use crate::types::{Id, Kind, Ref, Timestamp};

crate::words! {
    /// Where a request stands.
    pub enum RequestState {
        /// Nobody has decided yet.
        Pending = "pending",
        /// A place was given, or the person waits for one.
        Approved = "approved",
        /// It was refused.
        Declined = "declined",
        /// It was taken back, or the person has left the team.
        Cancelled = "cancelled",
    }
}

/// A person's wish for a place of a product.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SeatRequest {
    /// The request's id.
    pub id: Id<Self>,
    /// Who asks.
    pub user_id: Id<User>,
    /// The team for which the person asks.
    pub team_id: Id<Team>,
    /// What they ask for.
    pub product_id: Id<Product>,
    /// What they say about it.
    pub note: Option<Description>,
    /// Where it stands.
    pub state: RequestState,
    /// Why it was declined.
    pub reason: Option<Description>,
    /// When it was decided.
    pub decided_at: Option<Timestamp>,
    /// Who decided, by the name of that moment.
    pub decided_by: Option<String>,
    /// The assignment that came of it.
    pub assignment_id: Option<Id<Assignment>>,
    #[serde(skip)]
    pub(crate) version: i64,
    /// When the record was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}
columns!(SeatRequest in "seat_requests": id, user_id, team_id, product_id, note, state, reason, decided_at, decided_by, assignment_id, version,
    created_at, updated_at);

impl Kind for SeatRequest {
    const PREFIX: &'static str = "request";
}

/// A wish for a place.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSeatRequest {
    /// Who asks.
    pub user: Ref<User>,
    /// What they ask for.
    pub product: Ref<Product>,
    /// The team for which they ask; unless said, the one of theirs that has a seat of the product, else the one joined first.
    #[serde(default)]
    pub team: Option<Ref<Team>>,
    /// What they say about it.
    #[serde(default)]
    pub note: Option<Description>,
}

/// How a request is granted.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ApproveInput {
    /// What happens when no place is free; `fail` unless said.
    pub if_full: Option<IfFull>,
    /// When the place ends, within the seat's terms.
    pub expires_at: Option<Timestamp>,
    /// The same in days from now.
    #[schemars(range(min = 1, max = 36500))]
    pub expires_in_days: Option<i64>,
}

/// Why a request is refused.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeclineInput {
    /// The reason; the person reads it.
    pub reason: Description,
}

impl Input for NewSeatRequest {
    fn references(&self) -> Vec<Reference> {
        let mut references = vec![
            Reference::to("/user", &self.user),
            Reference::to("/product", &self.product),
        ];
        references.extend(self.team.iter().map(|team| Reference::to("/team", team)));
        references
    }
}

impl Record for SeatRequest {
    const KIND: &'static str = "seat_request";
    const SUMMARY: &'static str = "A person's wish for a place, and what was decided.";
    const FIELDS: &'static [Field] = &[
        Field::sorted("created_at", "created_at", FieldKind::Time),
        Field::filter(
            "state",
            "state",
            FieldKind::Word(&["pending", "approved", "declined", "cancelled"]),
        ),
        Field::filter("user", "user_id", FieldKind::Reference("user", "users")),
        Field::filter("team", "team_id", FieldKind::Reference("team", "teams")),
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
    /// The event of a change, on the timelines of the person and the team.
    pub fn event(&self, verb: &str) -> Event {
        event_of(self, verb)
            .user(&self.user_id)
            .team(&self.team_id)
    }
}
