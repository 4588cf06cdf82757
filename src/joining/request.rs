//! Somebody who asked to join by a link.

use schemars::JsonSchema;
use serde::Serialize;

use super::link::Link;
use crate::access::Permission;
use crate::columns;
use crate::events::Event;
use crate::resource::{Expand, Field, FieldKind, Record, event_of};
use crate::resources::{Team, User};
use crate::types::text::{Description, Language};
use crate::types::{Email, Id, Kind, Name, Timestamp};

crate::words! {
    /// How far a request to join has come.
    pub enum RequestState {
        /// The address is not proved yet; the request lapses by itself.
        Unconfirmed = "unconfirmed",
        /// Somebody has to decide.
        Pending = "pending",
        /// The person has joined.
        Joined = "joined",
        /// It was declined.
        Declined = "declined",
    }
}

/// Somebody who asked to join by a link.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct LinkRequest {
    /// The request's id.
    pub id: Id<Self>,
    /// The link.
    pub link_id: Id<Link>,
    /// The team it leads into.
    pub team_id: Id<Team>,
    /// The address given.
    pub email: Email,
    /// The name given.
    pub name: Option<Name>,
    /// The language they read.
    pub locale: Language,
    /// How far it has come.
    pub state: RequestState,
    /// The person, once they have joined.
    pub user_id: Option<Id<User>>,
    /// Why it was declined.
    pub reason: Option<Description>,
    /// Who decided.
    pub decided_by: Option<Name>,
    #[serde(skip)]
    pub(crate) mailed_at: Option<Timestamp>,
    /// Until when the address can be confirmed.
    pub expires_at: Timestamp,
    /// When the address was confirmed.
    pub confirmed_at: Option<Timestamp>,
    /// When it was decided.
    pub decided_at: Option<Timestamp>,
    #[serde(skip)]
    pub(crate) version: i64,
    /// When the record was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}
columns!(LinkRequest in "link_requests": id, link_id, team_id, email, name, locale, state, user_id, reason, decided_by, mailed_at,
    expires_at, confirmed_at, decided_at, version, created_at, updated_at
    => email_key: |request| request.email.key());

impl Kind for LinkRequest {
    const PREFIX: &'static str = "link_request";
}

impl Record for LinkRequest {
    const KIND: &'static str = "link_request";
    const SUMMARY: &'static str = "Somebody who asked to join by a link.";
    const FIELDS: &'static [Field] = &[
        Field::sorted("created_at", "created_at", FieldKind::Time),
        Field::sorted("email", "email_key", FieldKind::Folded),
        Field::filter(
            "state",
            "state",
            FieldKind::Word(&["unconfirmed", "pending", "joined", "declined"]),
        ),
        Field::filter("link", "link_id", FieldKind::Reference("link", "links")),
        Field::filter("team", "team_id", FieldKind::Reference("team", "teams")),
    ];
    const SEARCH: &'static [&'static str] = &["email_key"];
    const EXPANDS: &'static [Expand] = &[
        Expand {
            name: "user",
            member: "user_id",
            table: "users",
        },
        Expand {
            name: "link",
            member: "link_id",
            table: "links",
        },
        Expand {
            name: "team",
            member: "team_id",
            table: "teams",
        },
    ];
    const SOFT_DELETE: bool = false;
    const REACH: Option<&'static str> = Some("link_requests.team_id IN {}");
    const READ: Permission = Permission::LinksRead;

    fn id(&self) -> &Id<Self> {
        &self.id
    }
}

impl LinkRequest {
    /// The event of a change, on the timelines where it belongs.
    pub(super) fn event(&self, verb: &str) -> Event {
        let event = event_of(self, verb).team(&self.team_id);
        match &self.user_id {
            Some(user) => event.user(user),
            None => event,
        }
    }
}
