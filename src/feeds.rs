//! What has happened, as records: events in the order in which they were published, audit facts, mails and API keys.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Serialize, Serializer};
use serde_json::Value as JsonValue;

use crate::access::Permission;
use crate::access::api_keys::ApiKey;
use crate::email::outbox::MailRow;
use crate::events::{AuditFact, EventRow};
use crate::resource::{Expand, Field, FieldKind, Record};
use crate::types::{Id, Timestamp};

/// Who acted, with the name of that moment.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "EventActor")]
struct Actor<'a> {
    /// What kind of thing: `user`, `api_key`, `system`.
    r#type: &'a str,
    /// Its id; the service has none.
    id: Option<&'a str>,
    /// Its name at that moment.
    name: &'a str,
}

/// A change that has happened.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Event")]
struct Shown<'a> {
    /// Its id.
    id: &'a str,
    /// What happened: `noun.verb`, such as `seat.assigned`.
    r#type: &'a str,
    /// When.
    created_at: Timestamp,
    /// Its place in the account's feed, without holes; absent until it is published, a moment later.
    sequence: Option<i64>,
    /// Who did it.
    actor: Actor<'a>,
    /// The request that caused it.
    request_id: Option<&'a str>,
    /// The record that changed.
    subject_id: &'a str,
    /// The person it concerns.
    user_id: Option<&'a str>,
    /// The team it concerns.
    team_id: Option<&'a str>,
    /// The seat it concerns.
    seat_id: Option<&'a str>,
    /// The record after the change.
    data: &'a JsonValue,
    /// Changed members as they were before.
    previous: Option<&'a JsonValue>,
}

impl Serialize for EventRow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let shown = Shown {
            id: self.id.as_str(),
            r#type: &self.r#type,
            created_at: self.created_at,
            sequence: self.sequence,
            actor: Actor {
                r#type: &self.actor_type,
                id: self.actor_id.as_deref(),
                name: &self.actor_name,
            },
            request_id: self.request_id.as_deref(),
            subject_id: &self.subject_id,
            user_id: self.user_id.as_deref(),
            team_id: self.team_id.as_deref(),
            seat_id: self.seat_id.as_deref(),
            data: &self.data,
            previous: self.previous.as_ref(),
        };
        shown.serialize(serializer)
    }
}

impl JsonSchema for EventRow {
    fn schema_name() -> Cow<'static, str> {
        Shown::schema_name()
    }
    fn schema_id() -> Cow<'static, str> {
        Shown::schema_id()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Shown::json_schema(generator)
    }
}

impl Record for EventRow {
    const KIND: &'static str = "event";
    const SUMMARY: &'static str =
        "A change that has happened, in the order in which changes were published.";
    const FIELDS: &'static [Field] = &[
        Field::sorted("sequence", "sequence", FieldKind::Int),
        Field::filter("type", "type", FieldKind::Text),
        Field::filter("user", "user_id", FieldKind::Reference("user", "users")),
        Field::filter("team", "team_id", FieldKind::Reference("team", "teams")),
        Field::filter("seat", "seat_id", FieldKind::Reference("seat", "seats")),
        Field::filter("subject", "subject_id", FieldKind::Text),
        Field::filter("created_at", "created_at", FieldKind::Time),
    ];
    const SEARCH: &'static [&'static str] = &[];
    const EXPANDS: &'static [Expand] = &[];
    const SOFT_DELETE: bool = false;
    const REACH: Option<&'static str> = Some(
        "(events.team_id IN {} OR (events.team_id IS NULL AND events.user_id IN \
         (SELECT m.user_id FROM team_members m WHERE m.account_id = $1 AND m.team_id IN {})))",
    );
    const READ: Permission = Permission::EventsRead;

    fn id(&self) -> &Id<Self> {
        &self.id
    }
}

impl Record for AuditFact {
    const KIND: &'static str = "audit_fact";
    const SUMMARY: &'static str = "A line of the audit trail: who did what, when and from where. It can be added to, never changed.";
    const FIELDS: &'static [Field] = &[
        Field::sorted("created_at", "created_at", FieldKind::Time),
        Field::filter("action", "action", FieldKind::Text),
        Field::filter("actor", "actor_id", FieldKind::Text),
        Field::filter(
            "actor_type",
            "actor_type",
            FieldKind::Word(&["user", "api_key", "system"]),
        ),
        Field::filter("subject", "subject_id", FieldKind::Text),
    ];
    const SEARCH: &'static [&'static str] = &[];
    const EXPANDS: &'static [Expand] = &[];
    const SOFT_DELETE: bool = false;
    // Whoever is limited to teams sees what was done to the teams themselves.
    const REACH: Option<&'static str> = Some("audit_facts.subject_id IN {}");
    const READ: Permission = Permission::AuditRead;

    fn id(&self) -> &Id<Self> {
        &self.id
    }
}

impl Record for MailRow {
    const KIND: &'static str = "mail";
    const SUMMARY: &'static str =
        "A mail to a person: to be sent, sent, caught here, or failed with the server's words.";
    const FIELDS: &'static [Field] = &[
        Field::sorted("created_at", "created_at", FieldKind::Time),
        Field::filter(
            "state",
            "state",
            FieldKind::Word(&["queued", "sent", "caught", "failed"]),
        ),
        Field::filter("kind", "kind", FieldKind::Text),
        Field::filter("user", "user_id", FieldKind::Reference("user", "users")),
        Field::filter("provision", "provision_id", FieldKind::Text),
    ];
    const SEARCH: &'static [&'static str] = &[];
    const EXPANDS: &'static [Expand] = &[Expand {
        name: "user",
        member: "user_id",
        table: "users",
    }];
    const SOFT_DELETE: bool = false;
    const REACH: Option<&'static str> = Some(
        "mails.user_id IN (SELECT m.user_id FROM team_members m WHERE m.account_id = $1 AND m.team_id IN {})",
    );
    const READ: Permission = Permission::MailsRead;

    fn id(&self) -> &Id<Self> {
        &self.id
    }
}

impl Record for ApiKey {
    const KIND: &'static str = "api_key";
    const SUMMARY: &'static str = "A key for programs, without its secret, which is shown once.";
    const FIELDS: &'static [Field] = &[
        Field::sorted("created_at", "created_at", FieldKind::Time),
        Field::filter(
            "created_by",
            "created_by",
            FieldKind::Reference("user", "users"),
        ),
    ];
    const SEARCH: &'static [&'static str] = &[];
    const EXPANDS: &'static [Expand] = &[];
    const SOFT_DELETE: bool = false;
    const REACH: Option<&'static str> = None;
    const READ: Permission = Permission::KeysRead;

    fn id(&self) -> &Id<Self> {
        &self.id
    }
}
