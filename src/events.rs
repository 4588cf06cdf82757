//! Events, audit facts and plans: a change and everything that must stand or fall with it.
//!
//! A [`Plan`] collects the writes of one call. When it is finished, its events, its audit fact and its jobs are rows of
//! the same list, so no change can be made without them. Events get their public `sequence` afterwards by one publisher
//! ([`crate::worker`]), so a reader's cursor can never jump over a late commit.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value as JsonValue;

use crate::access::Call;
use crate::columns;
use crate::db::Statement;
use crate::jobs::Job;
use crate::types::{Id, Ids, Kind, Timestamp};

impl Kind for EventRow {
    const PREFIX: &'static str = "event";
}

impl Kind for AuditFact {
    const PREFIX: &'static str = "audit";
}

/// A change as it is told to others.
#[derive(Debug, Clone)]
pub struct Event {
    /// `noun.verb`, such as `seat.assigned`.
    pub kind: String,
    /// The id of the record that changed.
    pub subject_id: String,
    /// The person it concerns, for their timeline.
    pub user_id: Option<String>,
    /// The team it concerns.
    pub team_id: Option<String>,
    /// The seat it concerns.
    pub seat_id: Option<String>,
    /// The record after the change.
    pub data: JsonValue,
    /// Changed members as they were before.
    pub previous: Option<JsonValue>,
}

impl Event {
    /// An event about a record.
    pub fn new(
        kind: impl Into<String>,
        subject_id: &(impl ToString + ?Sized),
        data: JsonValue,
    ) -> Self {
        Self {
            kind: kind.into(),
            subject_id: subject_id.to_string(),
            user_id: None,
            team_id: None,
            seat_id: None,
            data,
            previous: None,
        }
    }

    /// Puts it on a person's timeline.
    #[must_use]
    pub fn user(mut self, id: &(impl ToString + ?Sized)) -> Self {
        self.user_id = Some(id.to_string());
        self
    }

    /// Puts it on a team's timeline.
    #[must_use]
    pub fn team(mut self, id: &(impl ToString + ?Sized)) -> Self {
        self.team_id = Some(id.to_string());
        self
    }

    /// Puts it on a seat's timeline.
    #[must_use]
    pub fn seat(mut self, id: &(impl ToString + ?Sized)) -> Self {
        self.seat_id = Some(id.to_string());
        self
    }

    /// Tells how changed members were before.
    #[must_use]
    pub fn previous(mut self, previous: JsonValue) -> Self {
        self.previous = Some(previous);
        self
    }
}

/// An event as it is stored.
#[derive(Debug, Clone)]
pub struct EventRow {
    /// Its id.
    pub id: Id<Self>,
    /// `noun.verb`.
    pub r#type: String,
    /// Its place in the account's feed; absent until it is published.
    pub sequence: Option<i64>,
    /// What kind of thing acted.
    pub actor_type: String,
    /// Its id.
    pub actor_id: Option<String>,
    /// Its name at that moment.
    pub actor_name: String,
    /// The request that caused it.
    pub request_id: Option<String>,
    /// The record that changed.
    pub subject_id: String,
    /// The person it concerns.
    pub user_id: Option<String>,
    /// The team it concerns.
    pub team_id: Option<String>,
    /// The seat it concerns.
    pub seat_id: Option<String>,
    /// The record after the change.
    pub data: JsonValue,
    /// Changed members as they were before.
    pub previous: Option<JsonValue>,
    /// When.
    pub created_at: Timestamp,
}
columns!(EventRow in "events": id, r#type, sequence, actor_type, actor_id, actor_name, request_id, subject_id, user_id, team_id, seat_id, data, previous, created_at);

/// A line of the audit trail, with the names of that moment.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct AuditFact {
    /// Its id.
    pub id: Id<Self>,
    /// What was done, such as `seat.assign`.
    pub action: String,
    /// What kind of thing acted.
    pub actor_type: String,
    /// Its id; the service has none.
    pub actor_id: Option<String>,
    /// Its name at that moment.
    pub actor_name: String,
    /// The record it was done to.
    pub subject_id: Option<String>,
    /// The record's name at that moment, where it has one.
    pub subject_name: Option<String>,
    /// The address it came from.
    pub address: Option<String>,
    /// The request that caused it.
    pub request_id: Option<String>,
    /// Every change: `type`, `id` and in `previous` the changed members as they were.
    pub changes: JsonValue,
    /// When.
    pub created_at: Timestamp,
}
columns!(AuditFact in "audit_facts": id, action, actor_type, actor_id, actor_name, subject_id, subject_name, address, request_id, changes, created_at);

/// The name of the record that an event is about.
fn name_of(event: &Event) -> Option<String> {
    ["/name", "/email", "/user/email", "/seat/name"]
        .iter()
        .find_map(|place| event.data.pointer(place)?.as_str())
        .map(str::to_owned)
}

/// What one call will write: rows, the events they mean and the jobs that follow.
#[derive(Debug, Default)]
pub struct Plan {
    action: String,
    guards: Vec<Statement>,
    writes: Vec<Statement>,
    events: Vec<Event>,
    jobs: Vec<(Job, Option<String>)>,
    memory: Vec<Statement>,
}

impl Plan {
    /// An empty plan for an action such as `provision.create`, the word of its audit fact.
    pub fn new(action: impl Into<String>) -> Self {
        Self {
            action: action.into(),
            ..Self::default()
        }
    }

    /// Adds a write that holds rows others may want as well: it comes before all writes that are no guards, so that two plans
    /// take what both want in the same order.
    pub fn guard(&mut self, statement: Statement) {
        self.guards.push(statement);
    }

    /// Adds a write.
    pub fn write(&mut self, statement: Statement) {
        self.writes.push(statement);
    }

    /// Adds writes.
    pub fn write_all(&mut self, statements: impl IntoIterator<Item = Statement>) {
        self.writes.extend(statements);
    }

    /// Adds an event.
    pub fn event(&mut self, event: Event) {
        self.events.push(event);
    }

    /// Adds a job that belongs to `subject`.
    pub fn job(&mut self, job: Job, subject: Option<String>) {
        self.jobs.push((job, subject));
    }

    /// Adds a row that remembers the answer, or the mark of a row of a job: it is written even where nothing else changes,
    /// and then leaves no audit fact.
    pub fn remember(&mut self, statement: Statement) {
        self.memory.push(statement);
    }

    /// Takes over everything another plan would do; the action stays this one's.
    pub fn absorb(&mut self, other: Self) {
        self.guards.extend(other.guards);
        self.writes.extend(other.writes);
        self.events.extend(other.events);
        self.jobs.extend(other.jobs);
        self.memory.extend(other.memory);
    }

    /// What kinds of events it has.
    pub fn event_kinds(&self) -> impl Iterator<Item = &str> {
        self.events.iter().map(|event| event.kind.as_str())
    }

    /// Whether nothing would change.
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }

    /// The changes for a dry run: what kind, which record, and how it would be.
    pub fn changes(&self) -> Vec<JsonValue> {
        let change = |event: &Event| {
            let mut change = serde_json::json!({ "type": event.kind, "id": event.subject_id, "data": event.data });
            if let (Some(previous), Some(members)) = (&event.previous, change.as_object_mut()) {
                members.insert("previous".to_owned(), previous.clone());
            }
            change
        };
        self.events.iter().map(change).collect()
    }

    /// The whole list of writes, with the rows of events, audit and jobs.
    pub fn finish(self, call: &Call, ids: &Ids) -> Vec<Statement> {
        if self.writes.is_empty() {
            return self.memory;
        }
        let mut list = self.guards;
        list.extend(self.writes);
        list.extend(self.memory);
        let actor = &call.caller.actor;
        let request_id = Some(call.request_id.to_string());
        let changes: Vec<JsonValue> = self
            .events
            .iter()
            .map(|event| serde_json::json!({ "type": event.kind, "id": event.subject_id, "previous": event.previous }))
            .collect();
        list.push(Statement::insert(&AuditFact {
            id: ids.next(call.now),
            action: self.action,
            actor_type: actor.kind.as_str().to_owned(),
            actor_id: actor.id.as_deref().map(str::to_owned),
            actor_name: actor.name.to_string(),
            subject_id: self.events.first().map(|event| event.subject_id.clone()),
            subject_name: self.events.first().and_then(name_of),
            address: call.address.as_deref().map(str::to_owned),
            request_id: request_id.clone(),
            changes: changes.into(),
            created_at: call.now,
        }));
        let rows: Vec<EventRow> = self
            .events
            .into_iter()
            .zip(call.now.micros()..)
            // A microsecond apart, so that the events of one change sort in the order in which it tells them.
            .map(|(event, at)| EventRow {
                id: ids.next(Timestamp::from_micros(at)),
                r#type: event.kind,
                sequence: None,
                actor_type: actor.kind.as_str().to_owned(),
                actor_id: actor.id.as_deref().map(str::to_owned),
                actor_name: actor.name.to_string(),
                request_id: request_id.clone(),
                subject_id: event.subject_id,
                user_id: event.user_id,
                team_id: event.team_id,
                seat_id: event.seat_id,
                data: event.data,
                previous: event.previous,
                created_at: call.now,
            })
            .collect();
        if !rows.is_empty() {
            list.push(Statement::insert_all(&rows));
        }
        list.extend(
            self.jobs
                .iter()
                .map(|(job, subject)| job.enqueue(ids, subject.as_deref(), call.now, call.now)),
        );
        list
    }
}
