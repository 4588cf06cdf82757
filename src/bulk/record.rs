//! Jobs and their rows as they are read.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value as JsonValue, json};

use crate::access::{Call, Permission};
use crate::columns;
use crate::events::Event;
use crate::jobs::JobId;
use crate::resource::{Expand, Field, FieldKind, Record};
use crate::types::{Id, Kind, Timestamp};

crate::words! {
    /// How far a job has come.
    pub enum JobState {
        /// It waits for its turn, or after a failure for another attempt.
        Queued = "queued",
        /// It is at work.
        Running = "running",
        /// All went well.
        Succeeded = "succeeded",
        /// Some rows failed; the others stand.
        PartlyFailed = "partly_failed",
        /// It was given up after its last attempt, or every row failed.
        Failed = "failed",
        /// It was cancelled; rows that were done stand.
        Cancelled = "cancelled",
    }
}

crate::words! {
    /// How far a row has come.
    pub enum RowState {
        /// It has not been carried out.
        Open = "open",
        /// It was carried out.
        Done = "done",
        /// It was refused.
        Failed = "failed",
    }
}

crate::words! {
    /// What a row did.
    pub enum RowOutcome {
        /// It made something.
        Created = "created",
        /// It changed what stood.
        Updated = "updated",
        /// All of it already stood so.
        Unchanged = "unchanged",
        /// It waits for a free place.
        Waitlisted = "waitlisted",
    }
}

/// Work in the background: one of the service's own, or a bulk job with rows.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "Job")]
pub struct JobRecord {
    /// Its id.
    pub id: JobId,
    /// What it does, such as `provision_bulk` or `send_mail`.
    pub kind: String,
    /// What it is about: a seat, a mail, a provision, another job.
    pub subject_id: Option<String>,
    /// Rows in all; 0 for a job without rows.
    pub total: i64,
    /// Rows that were carried out, well or not.
    pub done: i64,
    /// Rows that made something.
    pub created: i64,
    /// Rows that changed something.
    pub updated: i64,
    /// Rows that found all of it standing.
    pub unchanged: i64,
    /// Rows that wait for a free place.
    pub waitlisted: i64,
    /// Rows that were refused.
    pub failed: i64,
    /// How often it was tried.
    pub attempts: i64,
    /// What went wrong the last time.
    pub last_error: Option<String>,
    /// What kind of thing asked for it.
    pub actor_type: Option<String>,
    /// Its id.
    pub actor_id: Option<String>,
    /// Its name at that moment.
    pub actor_name: Option<String>,
    /// When it runs, or is tried again.
    pub run_at: Timestamp,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its present run began.
    pub started_at: Option<Timestamp>,
    /// When its last row was carried out: its sign of life.
    pub progressed_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// How far it has come.
    pub state: JobState,
    /// When it will have ended at the present pace.
    pub estimated_finish_at: Option<Timestamp>,
}
columns!(JobRecord in "jobs": id, kind, subject_id, total, done, created, updated, unchanged, waitlisted, failed, attempts, last_error,
    actor_type, actor_id, actor_name, run_at, created_at, started_at, progressed_at, finished_at;
    state = "CASE jobs.state WHEN 'done' THEN 'succeeded' WHEN 'dead' THEN 'failed' ELSE jobs.state END",
    estimated_finish_at = "CASE WHEN jobs.state = 'running' AND jobs.done > jobs.started_with \
        THEN jobs.progressed_at + (jobs.progressed_at - jobs.started_at) / (jobs.done - jobs.started_with) * (jobs.total - jobs.done) END");

impl Kind for JobRecord {
    const PREFIX: &'static str = "job";
}

impl JobRecord {
    /// A job that has just been queued by a call.
    pub(super) fn queued(
        id: &JobId,
        kind: &str,
        subject: Option<&str>,
        total: i64,
        call: &Call,
    ) -> Self {
        let actor = &call.caller.actor;
        Self {
            id: id.clone(),
            kind: kind.to_owned(),
            subject_id: subject.map(str::to_owned),
            total,
            done: 0,
            created: 0,
            updated: 0,
            unchanged: 0,
            waitlisted: 0,
            failed: 0,
            attempts: 0,
            last_error: None,
            actor_type: Some(actor.kind.as_str().to_owned()),
            actor_id: actor.id.as_deref().map(str::to_owned),
            actor_name: Some(actor.name.to_string()),
            run_at: call.now,
            created_at: call.now,
            started_at: None,
            progressed_at: None,
            finished_at: None,
            state: JobState::Queued,
            estimated_finish_at: None,
        }
    }

    /// Whether it has rows.
    pub fn is_bulk(&self) -> bool {
        self.total > 0
    }

    /// The event of a change, `job.{verb}`.
    pub(super) fn event(&self, verb: &str) -> Event {
        super::event(&format!("job.{verb}"), &self.id, json!(self))
    }
}

impl Record for JobRecord {
    const KIND: &'static str = "job";
    const SUMMARY: &'static str = "Work in the background: bulk jobs with their rows, mails to be sent, waiting lists, clean-up.";
    const FIELDS: &'static [Field] = &[
        Field::sorted("created_at", "created_at", FieldKind::Time),
        Field::filter("kind", "kind", FieldKind::Text),
        Field::filter(
            "state",
            "CASE jobs.state WHEN 'done' THEN 'succeeded' WHEN 'dead' THEN 'failed' ELSE jobs.state END {}",
            FieldKind::Word(&[
                "queued",
                "running",
                "succeeded",
                "partly_failed",
                "failed",
                "cancelled",
            ]),
        ),
        Field::filter("subject", "subject_id", FieldKind::Text),
    ];
    const SEARCH: &'static [&'static str] = &[];
    const EXPANDS: &'static [Expand] = &[];
    const SOFT_DELETE: bool = false;
    // Whoever is limited to teams sees what was made by somebody who reached no further.
    const REACH: Option<&'static str> = Some(
        "jobs.team_ids IS NOT NULL AND NOT EXISTS (SELECT 1 FROM JSON_LIST(jobs.team_ids) AS t WHERE t.value NOT IN {})",
    );
    const READ: Permission = Permission::JobsRead;

    fn id(&self) -> &Id<Self> {
        &self.id
    }
}

/// A row of a bulk job.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct JobRow {
    /// Its id.
    pub id: Id<Self>,
    /// Its job.
    pub job_id: String,
    /// Its place, from 1.
    #[serde(rename = "row")]
    pub number: i64,
    /// How far it has come.
    pub state: RowState,
    /// The status its own request would have had.
    pub status: Option<i64>,
    /// What it did.
    pub outcome: Option<RowOutcome>,
    /// By what the caller knows it: an e-mail address or a key.
    pub key: Option<String>,
    /// Why it was refused, as a problem without address.
    pub problem: Option<JsonValue>,
    /// The ids of what it made or found: `user_id`, `team_id`, `organization_id`, `assignment_ids`, `provision_id`.
    pub result: Option<JsonValue>,
    /// When the job was made.
    pub created_at: Timestamp,
    /// When it was carried out.
    pub finished_at: Option<Timestamp>,
}
columns!(JobRow in "job_rows": id, job_id, number, state, status, outcome, key, problem, result, created_at, finished_at);

impl Kind for JobRow {
    const PREFIX: &'static str = "row";
}

impl Record for JobRow {
    const KIND: &'static str = "job_row";
    const SUMMARY: &'static str = "A row of a bulk job, with what it did or why it was refused.";
    const FIELDS: &'static [Field] = &[
        Field::sorted("row", "number", FieldKind::Int),
        Field::filter(
            "state",
            "state",
            FieldKind::Word(&["open", "done", "failed"]),
        ),
    ];
    const SEARCH: &'static [&'static str] = &[];
    const EXPANDS: &'static [Expand] = &[];
    const SOFT_DELETE: bool = false;
    const REACH: Option<&'static str> = None;
    const READ: Permission = Permission::JobsRead;

    fn id(&self) -> &Id<Self> {
        &self.id
    }
}
