//! Everything that is kept about one person, as one JSON document: what the law calls a copy of the data.
//!
//! One batch of reads whatever there is. What grows without end is cut at a bound, and the document says so.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value as JsonValue, json};

use crate::access::{Call, Permission};
use crate::db::{Answers, Batch, Db, FromRow, Select, Slot};
use crate::email::outbox::MailRow;
use crate::error::{Error, Result};
use crate::events::EventRow;
use crate::params;
use crate::records;
use crate::resources::{Enrollment, User};
use crate::seats::Assignment;
use crate::types::{Ref, Timestamp};

/// So many events, mails and provisions are in one document at the most, the newest ones.
pub const BOUND: i64 = 5000;

/// Everything that is kept about a person.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Export {
    /// When the document was made.
    pub exported_at: Timestamp,
    /// The record.
    pub user: User,
    /// Addresses of before, each with its end.
    pub former_addresses: Vec<JsonValue>,
    /// Records that became part of this one.
    pub aliases: Vec<JsonValue>,
    /// Teams with the role in each.
    pub memberships: Vec<JsonValue>,
    /// Roles in organizations and in the whole account.
    pub roles: Vec<JsonValue>,
    /// Places of seats, those that ended included.
    pub seat_assignments: Vec<Assignment>,
    /// Courses with their progress.
    pub enrollments: Vec<Enrollment>,
    /// Calls that provisioned the person.
    pub provisions: Vec<JsonValue>,
    /// Mails to the person.
    pub mails: Vec<MailRow>,
    /// Wishes for places that were refused.
    pub denials: Vec<JsonValue>,
    /// Wishes for places, and what came of them.
    pub seat_requests: Vec<JsonValue>,
    /// Sessions that are open.
    pub sessions: Vec<JsonValue>,
    /// API keys that the person made.
    pub api_keys: Vec<JsonValue>,
    /// What was asked of the LMS about the person's account.
    pub lms_wishes: Vec<JsonValue>,
    /// What happened, the newest first.
    pub events: Vec<JsonValue>,
    /// Which of these lists were cut at their bound.
    pub truncated: Vec<&'static str>,
}

/// The rows of one question as objects with these members.
struct Part<R> {
    slot: Slot<R>,
    object: fn(R) -> JsonValue,
}

impl<R: FromRow + Send + 'static> Part<R> {
    fn ask(batch: &mut Batch, sql: &'static str, id: &str, object: fn(R) -> JsonValue) -> Self {
        Self {
            slot: batch.add(Select::new(sql, params![id.to_owned()])),
            object,
        }
    }

    fn take(&self, rows: &mut Answers) -> Vec<JsonValue> {
        rows.take(&self.slot).into_iter().map(self.object).collect()
    }
}

/// A request: its id, team, product, note, state, reason and when it was made.
type RequestRow = (
    String,
    String,
    String,
    Option<String>,
    String,
    Option<String>,
    Timestamp,
);

/// The questions of an export, each with where its rows will be.
struct Asked {
    former_addresses: Part<(String, Timestamp)>,
    aliases: Part<(String, String, Option<String>, Timestamp)>,
    memberships: Part<(String, String, String, String, Timestamp)>,
    roles: Part<(Option<String>, String, Timestamp)>,
    provisions: Part<(String, Option<String>, JsonValue, Timestamp)>,
    denials: Part<(String, String, Timestamp)>,
    seat_requests: Part<RequestRow>,
    sessions: Part<(Option<String>, Option<String>, Timestamp, Timestamp)>,
    api_keys: Part<(String, String, Timestamp)>,
    lms_wishes: Part<(String, Timestamp, Option<Timestamp>)>,
    seat_assignments: Slot<Assignment>,
    enrollments: Slot<Enrollment>,
    mails: Slot<MailRow>,
    events: Slot<EventRow>,
}

impl Asked {
    fn about(id: &str, batch: &mut Batch) -> Self {
        let of_user =
            |rest: &str| format!("WHERE account_id = $1 AND user_id = $2 {rest} LIMIT {BOUND}");
        Self {
            former_addresses: Part::ask(
                batch,
                "SELECT email, ended_at FROM former_addresses WHERE account_id = $1 AND user_id = $2 ORDER BY ended_at DESC",
                id,
                |(email, ended_at)| json!({ "email": email, "ended_at": ended_at }),
            ),
            aliases: Part::ask(
                batch,
                "SELECT id, email, external_id, created_at FROM user_aliases WHERE account_id = $1 AND user_id = $2 ORDER BY created_at",
                id,
                |(id, email, external_id, at)| json!({ "id": id, "email": email, "external_id": external_id, "merged_at": at }),
            ),
            memberships: Part::ask(
                batch,
                "SELECT m.team_id, t.name, m.role, m.managed_by, m.joined_at FROM team_members m JOIN teams t ON t.account_id = $1 AND t.id = m.team_id \
                 WHERE m.account_id = $1 AND m.user_id = $2 ORDER BY m.joined_at, m.team_id",
                id,
                |(team, name, role, by, at)| json!({ "team_id": team, "name": name, "role": role, "managed_by": by, "joined_at": at }),
            ),
            roles: Part::ask(
                batch,
                "SELECT organization_id, role, created_at FROM organization_members WHERE account_id = $1 AND user_id = $2 \
                 UNION ALL SELECT NULL, role, created_at FROM user_roles WHERE account_id = $1 AND user_id = $2",
                id,
                |(organization, role, at)| json!({ "organization_id": organization, "role": role, "created_at": at }),
            ),
            provisions: Part::ask(
                batch,
                "SELECT id, external_reference, answer, created_at FROM provisions WHERE account_id = $1 AND user_id = $2 ORDER BY id DESC LIMIT 5000",
                id,
                |(id, reference, answer, at)| json!({ "id": id, "external_reference": reference, "answer": answer, "created_at": at }),
            ),
            denials: Part::ask(
                batch,
                "SELECT seat_id, cause, created_at FROM seat_denials WHERE account_id = $1 AND user_id = $2 ORDER BY id DESC LIMIT 5000",
                id,
                |(seat, cause, at)| json!({ "seat_id": seat, "cause": cause, "created_at": at }),
            ),
            seat_requests: Part::ask(
                batch,
                "SELECT id, team_id, product_id, note, state, reason, created_at FROM seat_requests WHERE account_id = $1 AND user_id = $2 \
                 ORDER BY created_at DESC, id DESC LIMIT 5000",
                id,
                |(id, team, product, note, state, reason, at)| json!({ "id": id, "team_id": team, "product_id": product, "note": note, "state": state, "reason": reason, "created_at": at }),
            ),
            sessions: Part::ask(
                batch,
                "SELECT address, agent, created_at, last_seen_at FROM sessions WHERE account_id = $1 AND user_id = $2 ORDER BY created_at DESC LIMIT 5000",
                id,
                |(address, agent, at, seen)| json!({ "address": address, "agent": agent, "created_at": at, "last_seen_at": seen }),
            ),
            api_keys: Part::ask(
                batch,
                "SELECT id, name, created_at FROM api_keys WHERE account_id = $1 AND created_by = $2 ORDER BY created_at LIMIT 5000",
                id,
                |(id, name, at)| json!({ "id": id, "name": name, "created_at": at }),
            ),
            lms_wishes: Part::ask(
                batch,
                "SELECT action, created_at, done_at FROM lms_wishes WHERE account_id = $1 AND user_id = $2 ORDER BY id",
                id,
                |(action, at, done)| json!({ "action": action, "created_at": at, "done_at": done }),
            ),
            seat_assignments: batch.add(Select::rows::<Assignment>(
                &of_user("ORDER BY id DESC"),
                params![id.to_owned()],
            )),
            enrollments: batch.add(Select::rows::<Enrollment>(
                &of_user("ORDER BY id DESC"),
                params![id.to_owned()],
            )),
            mails: batch.add(Select::rows::<MailRow>(
                &of_user("ORDER BY id DESC"),
                params![id.to_owned()],
            )),
            events: batch.add(Select::rows::<EventRow>(
                &of_user("ORDER BY id DESC"),
                params![id.to_owned()],
            )),
        }
    }

    fn document(&self, user: User, rows: &mut Answers, now: Timestamp) -> Export {
        let events = rows.take(&self.events);
        let mut export = Export {
            exported_at: now,
            former_addresses: self.former_addresses.take(rows),
            aliases: self.aliases.take(rows),
            memberships: self.memberships.take(rows),
            roles: self.roles.take(rows),
            seat_assignments: rows.take(&self.seat_assignments),
            enrollments: rows.take(&self.enrollments),
            provisions: self.provisions.take(rows),
            mails: rows.take(&self.mails),
            denials: self.denials.take(rows),
            seat_requests: self.seat_requests.take(rows),
            sessions: self.sessions.take(rows),
            api_keys: self.api_keys.take(rows),
            lms_wishes: self.lms_wishes.take(rows),
            events: events.iter().map(event).collect(),
            truncated: Vec::new(),
            user,
        };
        let bound = usize::try_from(BOUND).unwrap_or(usize::MAX);
        let sizes = [
            ("seat_assignments", export.seat_assignments.len()),
            ("enrollments", export.enrollments.len()),
            ("provisions", export.provisions.len()),
            ("mails", export.mails.len()),
            ("denials", export.denials.len()),
            ("seat_requests", export.seat_requests.len()),
            ("sessions", export.sessions.len()),
            ("api_keys", export.api_keys.len()),
            ("events", export.events.len()),
        ];
        let cut = sizes.into_iter().filter(|(_, size)| *size >= bound);
        export.truncated = cut.map(|(name, _)| name).collect();
        export
    }
}

/// Reads everything about a person.
pub async fn export(db: &Db, call: &Call, reference: &Ref<User>) -> Result<Export> {
    let caller = &call.caller;
    for permission in [
        Permission::UsersRead,
        Permission::EventsRead,
        Permission::MailsRead,
        Permission::SeatsRead,
        Permission::EnrollmentsRead,
    ] {
        caller.require(permission)?;
    }
    caller.require_account()?;
    let user = match records::maybe::<User>(db, caller, reference).await? {
        Some(user) => Some(user),
        None => {
            db.first::<User>(&caller.account, super::restore::aside::<User>(reference))
                .await?
        }
    };
    let user = user.ok_or_else(|| Error::not_found("user"))?;
    let mut batch = Batch::new();
    let asked = Asked::about(user.id.as_str(), &mut batch);
    let mut rows = db.read(&caller.account, batch).await?;
    Ok(asked.document(user, &mut rows, call.now))
}

/// An event as it concerns the person; who else has acted is told by kind alone.
fn event(row: &EventRow) -> JsonValue {
    json!({
        "id": row.id, "type": row.r#type, "actor_type": row.actor_type, "subject_id": row.subject_id, "team_id": row.team_id,
        "seat_id": row.seat_id, "data": row.data, "previous": row.previous, "created_at": row.created_at,
    })
}
