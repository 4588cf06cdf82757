//! Bulk jobs: up to 100,000 rows, each carried out by itself, with progress that can be read and a result for each.
//!
//! A bulk job is a job of the worker ([`crate::jobs`]) with rows in `job_rows`. [`queue`] adds both to a plan, so they
//! stand or fall with the call that asks for them. A row's effect, its mark and the job's counters are one list of
//! writes, guarded by «this row is open» and «this job is still mine»: a row takes effect once, whatever is repeated. A
//! worker that is killed leaves the job to the next, which goes on at the first open row. Rows run as whoever asked for
//! them, with the rights they have when the row runs.

mod assign;
mod provision;
mod record;
mod run;
mod steer;
mod undo;

use serde_json::{Value as JsonValue, json};

pub use assign::{AssignTerms, queue_assignments};
pub use record::{JobRecord, JobRow, JobState, RowOutcome, RowState};
pub use run::run;
pub use steer::{plan_cancel, plan_retry_failed, plan_run_again};
pub use undo::{Prospect, UNDO_DAYS, plan_undo, prospect};

use crate::access::{Call, Caller, Reach};
use crate::db::Statement;
use crate::error::Error;
use crate::events::{Event, Plan};
use crate::jobs::{Job, JobId};
use crate::params;
use crate::types::{Id, Ids, Timestamp};

/// Rows of one job at the most.
pub const MAX_ROWS: usize = 100_000;
/// Rows that one statement inserts.
const ROWS_OF_A_STATEMENT: usize = 5000;
/// Characters of a row's id, which stands before the row's input on its way into the table.
const ID_LENGTH: usize = 30;

/// Adds a bulk job with these rows to a plan and tells how it will stand. `subject` is what it is about, such as a seat.
///
/// `job` is one of the kinds that [`run`] carries out. The rows are texts that only this kind understands. Whoever calls
/// answers 202 with the job's address, `/api/jobs/{id}`.
pub fn queue(
    plan: &mut Plan,
    ids: &Ids,
    call: &Call,
    job: &Job,
    subject: Option<&str>,
    rows: &[String],
) -> JobRecord {
    let id: JobId = ids.next(call.now);
    let actor = &call.caller.actor;
    let record = JobRecord::queued(
        &id,
        job.kind(),
        subject,
        i64::try_from(rows.len()).unwrap_or(i64::MAX),
        call,
    );
    plan.write(Statement::new(
        "INSERT INTO jobs (account_id, id, kind, payload, state, subject_id, run_at, attempts, created_at, total, actor_type, actor_id, actor_name, team_ids) \
         VALUES ($1, $2, $3, $4, 'queued', $5, $6, 0, $6, $7, $8, $9, $10, $11)",
        params![
            id,
            job.kind().to_owned(),
            json!(job),
            subject.map(str::to_owned),
            call.now,
            record.total,
            actor.kind.as_str().to_owned(),
            actor.id.as_deref().map(str::to_owned),
            actor.name.to_string(),
            teams_of(&call.caller)
        ],
    ));
    for (chunk, texts) in rows.chunks(ROWS_OF_A_STATEMENT).enumerate() {
        plan.write(insertion(
            &id,
            ids,
            call.now,
            chunk * ROWS_OF_A_STATEMENT,
            texts,
        ));
    }
    plan.event(record.event("created"));
    record
}

/// The teams that a caller is limited to, as a JSON list; none: they see the whole account.
fn teams_of(caller: &Caller) -> Option<String> {
    match &caller.reach {
        Reach::Account => None,
        Reach::Teams(teams) => Some(teams.to_string()),
    }
}

/// Inserts rows from one value: a list of texts, each a row's id with its input behind it, so that the number of values
/// does not grow with the rows.
fn insertion(job: &JobId, ids: &Ids, now: Timestamp, first: usize, texts: &[String]) -> Statement {
    let begin = i64::try_from(first).unwrap_or(i64::MAX);
    let list: JsonValue = texts
        .iter()
        .zip(now.micros() + begin..)
        .map(|(text, at)| {
            // Ids a microsecond apart keep the order of the rows.
            let id: Id<JobRow> = ids.next(Timestamp::from_micros(at));
            JsonValue::String(format!("{id}{text}"))
        })
        .collect();
    Statement::new(
        format!(
            "INSERT INTO job_rows (account_id, job_id, number, id, input, state, created_at) \
             SELECT $1, $2, $3 + l.position, substr(l.value, 1, {ID_LENGTH}), substr(l.value, {}), 'open', $4 FROM JSON_LIST($5) AS l",
            ID_LENGTH + 1
        ),
        params![job.clone(), begin + 1, now, list],
    )
}

/// What went wrong with a row, in the words of a problem document.
fn problem_of(error: &Error) -> JsonValue {
    let code = error.code();
    let mut problem = json!({
        "code": code.as_str(),
        "title": code.title(),
        "status": code.status(),
        "detail": error.detail(),
        "retryable": code.is_retryable(),
    });
    if let Some(members) = problem.as_object_mut() {
        if !error.faults().is_empty() {
            members.insert("errors".to_owned(), json!(error.faults()));
        }
        for (name, value) in error.members() {
            members.insert((*name).to_owned(), value.clone());
        }
    }
    problem
}

/// An event about a job.
fn event(kind: &str, id: &JobId, data: JsonValue) -> Event {
    Event::new(kind, id, data)
}
