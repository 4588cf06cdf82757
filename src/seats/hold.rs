//! Holds: places kept for a while for nobody in particular, as a checkout needs them, over several seats at once.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::assignment::Assignment;
use super::seat::{MAX_QUANTITY, Seat};
use crate::access::Permission;
use crate::columns;
use crate::error::{Error, Fault, Result};
use crate::events::Event;
use crate::resource::{Expand, Field, FieldKind, Record, event_of};
use crate::resources::{Team, User};
use crate::types::text::Json;
use crate::types::{ExternalId, Id, Kind, Ref, Timestamp};

/// How long a hold lasts in seconds unless it is said: a quarter of an hour.
const USUAL_TTL: i64 = 900;
/// How long it may last at the most: thirty days.
const LONGEST_TTL: i64 = 30 * 86_400;
/// Seats in one hold at the most.
const MOST_ITEMS: usize = 50;

crate::words! {
    /// Where a hold stands.
    pub enum HoldState {
        /// Its places are kept.
        Held = "held",
        /// They were given to people or moved to a team.
        Confirmed = "confirmed",
        /// They were given back.
        Released = "released",
        /// Its time ended first.
        Lapsed = "lapsed",
    }
}

/// The places of one seat in a hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HoldItem {
    /// The seat.
    pub seat_id: Id<Seat>,
    /// How many of its places are kept.
    pub quantity: i64,
    /// The assignments that came of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assignment_ids: Vec<Id<Assignment>>,
    /// The seat to which they were moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved_to: Option<Id<Seat>>,
}

/// Places that are kept for a while. They count as reserved.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SeatHold {
    /// The hold's id.
    pub id: Id<Self>,
    /// Your own reference, such as a checkout's number.
    pub reference: Option<ExternalId>,
    /// Where it stands.
    pub state: HoldState,
    /// Which places.
    pub items: Json<Vec<HoldItem>>,
    /// When it lapses unless it is confirmed.
    pub expires_at: Timestamp,
    /// When it was confirmed or released, or lapsed.
    pub ended_at: Option<Timestamp>,
    #[serde(skip)]
    pub(crate) version: i64,
    /// When the record was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}
columns!(SeatHold in "seat_holds": id, reference, state, items, expires_at, ended_at, version, created_at, updated_at);

impl Kind for SeatHold {
    const PREFIX: &'static str = "hold";
}

/// The row that ties a hold to a seat, for sums and look-ups.
#[derive(Debug, Clone)]
pub(super) struct HoldRow {
    pub(super) hold_id: Id<SeatHold>,
    pub(super) seat_id: Id<Seat>,
    pub(super) quantity: i64,
    pub(super) live: bool,
}
columns!(HoldRow in "seat_hold_items": hold_id, seat_id, quantity, live);

/// Places of one seat to be kept.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewHoldItem {
    /// The seat.
    pub seat: Ref<Seat>,
    /// How many places.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub quantity: i64,
}

/// Places to be kept over several seats: all of them or none.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewHold {
    /// Which places.
    #[schemars(length(min = 1, max = 50))]
    pub items: Vec<NewHoldItem>,
    /// How long, in seconds; 900 unless said.
    #[serde(default)]
    #[schemars(range(min = 1, max = 2_592_000))]
    pub ttl_seconds: Option<i64>,
    /// Until when, instead.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
    /// Your own reference: a repeat with it, while the hold stands, is the same hold.
    #[serde(default)]
    pub reference: Option<ExternalId>,
}

/// Places of one seat to be kept.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSeatHold {
    /// How many places.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub quantity: i64,
    /// How long, in seconds; 900 unless said.
    #[serde(default)]
    #[schemars(range(min = 1, max = 2_592_000))]
    pub ttl_seconds: Option<i64>,
    /// Until when, instead.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
    /// Your own reference: a repeat with it, while the hold stands, is the same hold.
    #[serde(default)]
    pub reference: Option<ExternalId>,
}

impl NewSeatHold {
    /// The same for the form over several seats.
    pub fn of(self, seat: Ref<Seat>) -> NewHold {
        let quantity = self.quantity;
        NewHold {
            items: vec![NewHoldItem { seat, quantity }],
            ttl_seconds: self.ttl_seconds,
            expires_at: self.expires_at,
            reference: self.reference,
        }
    }
}

impl NewHold {
    /// When the hold lapses; every fault of the body at once.
    pub(super) fn checked(&self, now: Timestamp) -> Result<Timestamp> {
        let mut faults = Vec::new();
        if self.items.is_empty() || self.items.len() > MOST_ITEMS {
            faults.push(Fault::new(
                "/items",
                "invalid",
                format!("Name from 1 to {MOST_ITEMS} seats."),
            ));
        }
        for (n, item) in self.items.iter().enumerate() {
            if !(1..=MAX_QUANTITY).contains(&item.quantity) {
                faults.push(Fault::new(
                    format!("/items/{n}/quantity"),
                    "invalid",
                    format!("The quantity is a number from 1 to {MAX_QUANTITY}."),
                ));
            }
        }
        let latest = now.plus_seconds(LONGEST_TTL);
        let until = match (self.ttl_seconds, self.expires_at) {
            (Some(_), Some(_)) => {
                faults.push(Fault::new(
                    "/expires_at",
                    "ambiguous",
                    "Give ttl_seconds or expires_at, not both.",
                ));
                now
            }
            (ttl, None) => {
                let ttl = ttl.unwrap_or(USUAL_TTL);
                if !(1..=LONGEST_TTL).contains(&ttl) {
                    faults.push(Fault::new(
                        "/ttl_seconds",
                        "invalid",
                        format!("The time is from 1 to {LONGEST_TTL} seconds."),
                    ));
                }
                now.plus_seconds(ttl.clamp(1, LONGEST_TTL))
            }
            (None, Some(at)) => {
                if at <= now || at > latest {
                    faults.push(Fault::new(
                        "/expires_at",
                        "invalid",
                        "The moment lies in the future, thirty days from now at the latest.",
                    ));
                }
                at
            }
        };
        if faults.is_empty() {
            Ok(until)
        } else {
            Err(Error::invalid(faults))
        }
    }
}

/// For whom the places of one seat of a hold are.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmItem {
    /// The seat.
    pub seat: Ref<Seat>,
    /// The people, members of its teams.
    #[schemars(length(min = 1, max = 100))]
    pub users: Vec<Ref<User>>,
}

/// What becomes of the places of a hold: exactly one of the three. Places that nobody gets are given back.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ConfirmHold {
    /// These people get a place of each of its seats.
    #[schemars(length(max = 100))]
    pub users: Vec<Ref<User>>,
    /// These people get the places of these seats.
    #[schemars(length(max = 50))]
    pub items: Vec<ConfirmItem>,
    /// The places move to this team's own seats; needs the permission to change seats.
    pub to_team: Option<Ref<Team>>,
    /// Whether the people are told by mail; as the account's settings say unless given.
    pub notify: Option<bool>,
}

impl Record for SeatHold {
    const KIND: &'static str = "seat_hold";
    const SUMMARY: &'static str = "Places of seats that are kept for a while, as for a checkout.";
    const FIELDS: &'static [Field] = &[
        Field::sorted("created_at", "created_at", FieldKind::Time),
        Field::filter(
            "state",
            "state",
            FieldKind::Word(&["held", "confirmed", "released", "lapsed"]),
        ),
        Field::filter("reference", "reference", FieldKind::Text),
        Field::filter(
            "seat",
            "seat_holds.id IN (SELECT hold_id FROM seat_hold_items WHERE account_id = $1 AND seat_id {})",
            FieldKind::Reference("seat", "seats"),
        ),
    ];
    const SEARCH: &'static [&'static str] = &[];
    const EXPANDS: &'static [Expand] = &[];
    const SOFT_DELETE: bool = false;
    const REACH: Option<&'static str> = Some(
        "EXISTS (SELECT 1 FROM seat_hold_items i JOIN seat_teams t ON t.account_id = $1 AND t.seat_id = i.seat_id \
         WHERE i.account_id = $1 AND i.hold_id = seat_holds.id AND t.team_id IN {})",
    );
    const READ: Permission = Permission::SeatsRead;

    fn id(&self) -> &Id<Self> {
        &self.id
    }
}

impl SeatHold {
    /// The event of a change, on the timeline of its first seat.
    pub fn event(&self, verb: &str) -> Event {
        let event = event_of(self, verb);
        match self.items.0.first() {
            Some(item) => event.seat(&item.seat_id),
            None => event,
        }
    }
}
