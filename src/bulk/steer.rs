//! Steering jobs by hand: cancel, try failed rows again, run one of the service's own jobs again.

use super::record::{JobRecord, JobState};
use crate::access::{Call, Permission};
use crate::db::{Db, Statement};
use crate::error::{Code, Error, Result};
use crate::events::Plan;
use crate::jobs;
use crate::params;
use crate::records;
use crate::types::Ref;

async fn find(db: &Db, call: &Call, job: &Ref<JobRecord>) -> Result<JobRecord> {
    call.caller.require(Permission::JobsWrite)?;
    records::find(db, &call.caller, job).await
}

fn refuse(detail: &'static str, job: &JobRecord) -> Error {
    Error::new(Code::StateConflict, detail).with("state", job.state.as_str())
}

/// Plans the end of a bulk job that has not ended. The row at work is finished; what was done stands.
pub async fn plan_cancel(db: &Db, call: &Call, job: &Ref<JobRecord>) -> Result<(Plan, JobRecord)> {
    let mut job = find(db, call, job).await?;
    if !job.is_bulk() {
        return Err(refuse(
            "This is one of the service's own jobs; only bulk jobs can be cancelled.",
            &job,
        ));
    }
    if !matches!(job.state, JobState::Queued | JobState::Running) {
        return Err(refuse(
            "The job has ended already. What it made can be taken back by undo.",
            &job,
        ));
    }
    let mut plan = Plan::new("job.cancel");
    plan.write(Statement::guarded(
        "UPDATE jobs SET state = 'cancelled', finished_at = $2, lease = NULL, leased_until = NULL \
         WHERE account_id = $1 AND id = $3 AND state IN ('queued', 'running')",
        params![call.now, job.id.clone()],
    ));
    job.state = JobState::Cancelled;
    job.finished_at = Some(call.now);
    job.estimated_finish_at = None;
    plan.event(job.event("cancelled"));
    Ok((plan, job))
}

/// Plans another run of the rows that failed, and of a cancelled job's rows that were not begun.
pub async fn plan_retry_failed(
    db: &Db,
    call: &Call,
    job: &Ref<JobRecord>,
) -> Result<(Plan, JobRecord)> {
    let mut job = find(db, call, job).await?;
    let has_rest = job.failed > 0 || job.done < job.total;
    let has_ended = matches!(
        job.state,
        JobState::PartlyFailed | JobState::Failed | JobState::Cancelled
    );
    if !job.is_bulk() || !has_ended || !has_rest {
        return Err(refuse(
            "Nothing of this job can be tried again: it is at work, or no row has failed.",
            &job,
        ));
    }
    let mut plan = Plan::new("job.retry_failed");
    plan.write(Statement::guarded(
        "UPDATE jobs SET state = 'queued', run_at = $2, attempts = 0, done = done - failed, failed = 0, started_at = NULL, \
         progressed_at = NULL, finished_at = NULL, last_error = NULL \
         WHERE account_id = $1 AND id = $3 AND state IN ('partly_failed', 'failed', 'cancelled', 'dead') AND failed = $4",
        params![call.now, job.id.clone(), job.failed],
    ));
    plan.write(Statement::new(
        "UPDATE job_rows SET state = 'open', status = NULL, problem = NULL, finished_at = NULL \
         WHERE account_id = $1 AND job_id = $2 AND state = 'failed'",
        params![job.id.clone()],
    ));
    job.state = JobState::Queued;
    job.run_at = call.now;
    job.attempts = 0;
    job.done -= job.failed;
    job.failed = 0;
    job.last_error = None;
    (job.started_at, job.progressed_at, job.finished_at) = (None, None, None);
    plan.event(job.event("retried"));
    Ok((plan, job))
}

/// Plans another run of a job that was given up, or waits after a failure.
pub async fn plan_run_again(
    db: &Db,
    call: &Call,
    job: &Ref<JobRecord>,
) -> Result<(Plan, JobRecord)> {
    let mut job = find(db, call, job).await?;
    let waits = job.state == JobState::Queued && job.last_error.is_some();
    let given_up = job.state == JobState::Failed && job.done < job.total.max(1);
    if !(waits || given_up) {
        return Err(refuse(
            "The job has not failed. A bulk job whose rows failed is tried again by retry_failed.",
            &job,
        ));
    }
    let mut plan = Plan::new("job.run_again");
    plan.write(jobs::run_again(&job.id, call.now));
    if given_up {
        job.attempts = 0;
    }
    job.state = JobState::Queued;
    job.run_at = call.now;
    job.finished_at = None;
    plan.event(job.event("run_again"));
    Ok((plan, job))
}
