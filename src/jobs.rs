//! Work that must happen later: a row written with the change that causes it, carried out at least once.
//!
//! A job carries ids, never texts, and acts on what is true when it runs; each is safe to repeat. A worker takes a job
//! by a lease, so a dead worker's jobs come back. After the last attempt a job is `dead`: it is shown with its error
//! and can be run again by hand.

use serde::{Deserialize, Serialize};

use crate::bulk::{AssignTerms, JobRecord};
use crate::db::{Column, DbError, FromRow, Reader, Select, Statement, Value};
use crate::params;
use crate::types::{Id, Ids, Timestamp};

/// The id of a job.
pub type JobId = Id<JobRecord>;

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Job {
    /// Hand a mail to the mail server.
    SendMail {
        /// The mail's row.
        mail_id: String,
    },
    /// Give freed places to those who wait for them.
    PromoteWaitlist {
        /// The seat's row.
        seat_id: String,
    },
    /// Tell somebody by mail of the place they were given.
    TellOfPlace {
        /// The assignment's row.
        assignment_id: String,
    },
    /// Tell by mail of a request for a place: those who decide, or whoever asked.
    TellOfRequest {
        /// The request's row.
        request_id: String,
    },
    /// Give back the places of a hold whose time is over.
    LapseHold {
        /// The hold's row.
        hold_id: String,
    },
    /// End assignments and holds whose time is over, remind of those that end soon, and tell of seats that run low.
    ExpireAssignments,
    /// Tell of places that nobody uses, and take them back when the notice is over.
    ReclaimIdle,
    /// Ask the DNS whether a domain has the text that proves a claim of it.
    CheckDomain {
        /// The claim's row.
        claim_id: String,
    },
    /// The same for all claims of an account that are due.
    CheckDomains,
    /// End invitations whose time is over, and send the reminders that are due.
    SweepInvitations,
    /// Compare every seat's counters with its ledger and its assignments.
    CheckIntegrity,
    /// Provision people, one for each row.
    ProvisionBulk,
    /// Give places of a seat to people, one for each row.
    AssignBulk {
        /// The seat's row.
        seat_id: String,
        /// What happens when none is free, and when the places end.
        terms: AssignTerms,
    },
    /// Take back what another job has made, row by row from its last.
    UndoJob {
        /// The other job.
        job_id: String,
    },
    /// Remove the traces of a person who was erased from what others keep.
    EraseTraces {
        /// The erasure's row.
        erasure_id: String,
    },
    /// Remove what has been kept long enough: idempotency records, rate windows, ended sessions, old events and jobs.
    CleanUp,
}

/// So often a job is tried before it is dead: with the back-off below, for about a day and a half.
pub const MAX_ATTEMPTS: i64 = 14;

impl Job {
    /// Its name, as it stands in the table and in metrics.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::SendMail { .. } => "send_mail",
            Self::PromoteWaitlist { .. } => "promote_waitlist",
            Self::TellOfPlace { .. } => "tell_of_place",
            Self::TellOfRequest { .. } => "tell_of_request",
            Self::LapseHold { .. } => "lapse_hold",
            Self::ExpireAssignments => "expire_assignments",
            Self::ReclaimIdle => "reclaim_idle",
            Self::CheckDomain { .. } => "check_domain",
            Self::CheckDomains => "check_domains",
            Self::SweepInvitations => "sweep_invitations",
            Self::CheckIntegrity => "check_integrity",
            Self::ProvisionBulk => "provision_bulk",
            Self::AssignBulk { .. } => "assign_bulk",
            Self::UndoJob { .. } => "undo_job",
            Self::EraseTraces { .. } => "erase_traces",
            Self::CleanUp => "clean_up",
        }
    }

    /// The row of a job that is due at `run_at`. `subject` is what it belongs to, such as a provision.
    pub fn enqueue(
        &self,
        ids: &Ids,
        subject: Option<&str>,
        run_at: Timestamp,
        now: Timestamp,
    ) -> Statement {
        let id: JobId = ids.next(now);
        let payload = serde_json::to_string(self).unwrap_or_default();
        Statement::new(
            "INSERT INTO jobs (account_id, id, kind, payload, state, subject_id, run_at, attempts, created_at) \
             VALUES ($1, $2, $3, $4, 'queued', $5, $6, 0, $7)",
            params![
                id,
                self.kind().to_owned(),
                payload,
                subject.map(str::to_owned),
                run_at,
                now
            ],
        )
    }
}

/// Seconds to wait after so many failed attempts, before jitter: 5 s doubling to six hours at the most.
pub fn back_off(attempts: i64) -> i64 {
    let doubled = 5_i64.saturating_mul(1 << attempts.clamp(0, 20));
    doubled.min(6 * 3600)
}

/// Takes up to `limit` due jobs of one account under a lease named `lease`.
pub fn claim(lease: &str, limit: i64, now: Timestamp, until: Timestamp) -> Statement {
    Statement::new(
        "UPDATE jobs SET state = 'running', lease = $2, leased_until = $3, attempts = attempts + 1 \
         WHERE account_id = $1 AND id IN (SELECT id FROM jobs WHERE account_id = $1 AND state = 'queued' AND run_at <= $4 \
         ORDER BY run_at, id LIMIT $5 FOR UPDATE SKIP LOCKED)",
        params![lease.to_owned(), until, now, limit],
    )
}

/// The jobs under a lease: id, payload, attempts.
pub fn leased(lease: &str) -> Select {
    Select::new(
        "SELECT id, payload, attempts FROM jobs WHERE account_id = $1 AND lease = $2 AND state = 'running' ORDER BY run_at, id",
        params![lease.to_owned()],
    )
}

/// Puts jobs back whose worker has not finished them in time.
pub fn release_lost(now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE jobs SET state = 'queued', lease = NULL, leased_until = NULL WHERE account_id = $1 AND state = 'running' AND leased_until < $2",
        params![now],
    )
}

/// Marks a job as done, if this lease still holds it.
pub fn finish(id: &JobId, lease: &str, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE jobs SET state = 'done', finished_at = $2, last_error = NULL, lease = NULL WHERE account_id = $1 AND id = $3 AND lease = $4",
        params![now, id.clone(), lease.to_owned()],
    )
}

/// Notes a failure: queued again at `retry_at`, or dead when there is none.
pub fn fail(
    id: &JobId,
    lease: &str,
    error: &str,
    retry_at: Option<Timestamp>,
    now: Timestamp,
) -> Statement {
    let state = if retry_at.is_some() { "queued" } else { "dead" };
    Statement::new(
        "UPDATE jobs SET state = $2, run_at = $3, last_error = $4, finished_at = $5, lease = NULL, leased_until = NULL \
         WHERE account_id = $1 AND id = $6 AND lease = $7",
        vec![
            Value::text(state),
            Value::Int(Some(retry_at.unwrap_or(now).micros())),
            Value::text(error.chars().take(2000).collect::<String>()),
            Value::Int(retry_at.is_none().then_some(now.micros())),
            Value::text(id.as_str()),
            Value::text(lease),
        ],
    )
}

/// Lets a job that is dead, or waits after a failure, run now, by hand. A dead one gets all its attempts again.
pub fn run_again(id: &JobId, now: Timestamp) -> Statement {
    Statement::guarded(
        "UPDATE jobs SET attempts = CASE WHEN state = 'dead' THEN 0 ELSE attempts END, state = 'queued', run_at = $2, finished_at = NULL \
         WHERE account_id = $1 AND id = $3 AND (state = 'dead' OR (state = 'queued' AND last_error IS NOT NULL))",
        params![now, id.clone()],
    )
}

/// The same for all such jobs of the account.
pub fn run_all_again(now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE jobs SET attempts = CASE WHEN state = 'dead' THEN 0 ELSE attempts END, state = 'queued', run_at = $2, finished_at = NULL \
         WHERE account_id = $1 AND (state = 'dead' OR (state = 'queued' AND last_error IS NOT NULL))",
        params![now],
    )
}

/// A job that did not go as it should: dead, or waiting after a failure.
#[derive(Debug, Clone)]
pub struct TroubledJob {
    /// Its id.
    pub id: JobId,
    /// What is to be done, as [`Job::kind`] names it.
    pub kind: String,
    /// Whether it is given up; else it is tried again at `run_at`.
    pub is_dead: bool,
    /// What it belongs to, such as a provision or a mail.
    pub subject_id: Option<String>,
    /// When it is tried next.
    pub run_at: Timestamp,
    /// How often it was tried.
    pub attempts: i64,
    /// What went wrong the last time.
    pub last_error: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
}

impl FromRow for TroubledJob {
    fn from_row(reader: &mut Reader<'_>) -> Result<Self, DbError> {
        Ok(Self {
            id: Column::read(reader)?,
            kind: Column::read(reader)?,
            is_dead: Column::read(reader)?,
            subject_id: Column::read(reader)?,
            run_at: Column::read(reader)?,
            attempts: Column::read(reader)?,
            last_error: Column::read(reader)?,
            created_at: Column::read(reader)?,
        })
    }
}

/// Jobs in trouble as [`TroubledJob`], the newest first, at most `limit`, before the one with the id `before`.
pub fn troubled(before: Option<&JobId>, limit: i64) -> Select {
    // Greater than every id: `~` sorts behind the letters of an id.
    let before = before.map_or_else(|| "~".to_owned(), ToString::to_string);
    Select::new(
        "SELECT id, kind, state = 'dead', subject_id, run_at, attempts, last_error, created_at FROM jobs \
         WHERE account_id = $1 AND (state = 'dead' OR (state = 'queued' AND last_error IS NOT NULL)) AND id < $2 ORDER BY id DESC LIMIT $3",
        params![before, limit],
    )
}

/// How many jobs are in trouble.
pub fn count_troubled() -> Select {
    Select::new(
        "SELECT count(*) FROM jobs WHERE account_id = $1 AND (state = 'dead' OR (state = 'queued' AND last_error IS NOT NULL))",
        Vec::new(),
    )
}
