//! Carrying out a bulk job: its open rows in their order, each in one list of writes with its mark.
//!
//! Before each row the job is looked at again: one that was cancelled, or that another worker has taken over, is left
//! alone. A database that is away ends the run with an error, and the worker tries the job again later, from the first
//! open row. A fault of the program in one row fails that row and no other.

use std::sync::Arc;

use serde_json::{Value as JsonValue, json};

use super::record::{JobRecord, JobRow, RowOutcome};
use super::{assign, problem_of, provision, undo};
use crate::access::{Call, Caller, Permission, again};
use crate::app::App;
use crate::commit::commit;
use crate::db::{Batch, Select, Statement};
use crate::error::{Code, Error, Result};
use crate::events::Plan;
use crate::jobs::{Job, JobId};
use crate::params;
use crate::types::{AccountId, Id};

/// Rows read at once.
const CHUNK: i64 = 100;

/// What a row does, before its mark is added.
pub(super) struct Step {
    /// Its writes and events.
    pub(super) plan: Plan,
    /// The status its own request would have.
    pub(super) status: u16,
    /// What it did.
    pub(super) outcome: RowOutcome,
    /// The ids of what it made or found.
    pub(super) result: JsonValue,
}

/// A row that is to be carried out.
#[derive(Debug, Clone)]
pub(super) struct OpenRow {
    pub(super) number: i64,
    pub(super) input: String,
}

/// A job under a lease.
struct Held<'a> {
    app: &'a App,
    id: &'a JobId,
    lease: &'a str,
    job: &'a Job,
    caller: Arc<Caller>,
}

/// Carries out the open rows of a job and ends it.
pub async fn run(app: &App, account: &AccountId, id: &JobId, lease: &str, job: &Job) -> Result<()> {
    let system = Call::system(account.clone(), "worker", app.clock.now());
    let select = Select::new(
        "SELECT actor_type, actor_id, actor_name FROM jobs WHERE account_id = $1 AND id = $2 AND lease = $3",
        params![id.clone(), lease.to_owned()],
    );
    let Some((kind, actor, name)) = app
        .db
        .first::<(Option<String>, Option<String>, Option<String>)>(account, select)
        .await?
    else {
        return Ok(());
    };
    let name = name.unwrap_or_default();
    let caller = again::caller(app, account, kind.as_deref(), actor.as_deref(), &name).await?;
    // They reach where they hold now what the rows need.
    let caller = caller.and_then(|caller| Arc::new(caller).acting(needs(job)).ok());
    let Some(caller) = caller else {
        let why = format!("{name}, who asked for it, may not act any more.");
        return stop(app, &system, id, lease, &why).await;
    };
    let begin = Statement::new(
        "UPDATE jobs SET started_at = $2, started_with = done WHERE account_id = $1 AND id = $3 AND lease = $4 AND started_at IS NULL",
        params![app.clock.now(), id.clone(), lease.to_owned()],
    );
    app.db.write(account, vec![begin]).await?;
    let held = Held {
        app,
        id,
        lease,
        job,
        caller,
    };
    loop {
        let rows = open_rows(app, account, id).await?;
        if rows.is_empty() {
            return end(app, &system, id, lease).await;
        }
        for row in rows {
            if !held.carry_out(&row).await? {
                return Ok(());
            }
        }
    }
}

/// What a row of a job needs.
const fn needs(job: &Job) -> Permission {
    match job {
        Job::ProvisionBulk => Permission::ProvisionWrite,
        _ => Permission::SeatsAssign,
    }
}

async fn open_rows(app: &App, account: &AccountId, id: &JobId) -> Result<Vec<OpenRow>> {
    let select = Select::new(
        "SELECT number, input FROM job_rows WHERE account_id = $1 AND job_id = $2 AND state = 'open' ORDER BY number LIMIT $3",
        params![id.clone(), CHUNK],
    );
    let rows = app.db.fetch::<(i64, String)>(account, select).await?;
    let open = |(number, input)| OpenRow { number, input };
    Ok(rows.into_iter().map(open).collect())
}

impl Held<'_> {
    /// Carries out a row; false when the job is not this worker's any more.
    async fn carry_out(&self, row: &OpenRow) -> Result<bool> {
        let (db, ids) = (&self.app.db, &self.app.ids);
        let call = Call {
            caller: Arc::clone(&self.caller),
            now: self.app.clock.now(),
            request_id: self.id.as_str().into(),
            address: None,
            dry_run: false,
        };
        let planned = || async {
            match self.standing(row).await? {
                Standing::Lost => return Ok((Plan::default(), false)),
                Standing::Done => return Ok((Plan::default(), true)),
                Standing::Open => {}
            }
            let Step {
                mut plan,
                status,
                outcome,
                result,
            } = self.step(&call, row).await?;
            self.mark(
                &mut plan,
                &call,
                row,
                i64::from(status),
                Ok((outcome, &result)),
            );
            Ok((plan, true))
        };
        let error = match commit(db, ids, &call, planned).await {
            Ok(done) => return Ok(done.value),
            Err(error) => error,
        };
        if matches!(error.code(), Code::Unavailable | Code::Contention) {
            return Err(error);
        }
        if error.code() == Code::Internal {
            tracing::error!(job_id = %self.id, row = row.number, ?error, "a row of a job has failed");
        }
        let refused = || async {
            match self.standing(row).await? {
                Standing::Lost => return Ok((Plan::default(), false)),
                Standing::Done => return Ok((Plan::default(), true)),
                Standing::Open => {}
            }
            let mut plan = Plan::default();
            let status = i64::from(error.code().status());
            self.mark(&mut plan, &call, row, status, Err(&problem_of(&error)));
            Ok((plan, true))
        };
        Ok(commit(db, ids, &call, refused).await?.value)
    }

    async fn step(&self, call: &Call, row: &OpenRow) -> Result<Step> {
        match self.job {
            Job::ProvisionBulk => provision::step(self.app, call, row).await,
            Job::AssignBulk { seat_id, terms } => {
                assign::step(self.app, call, seat_id, terms, row).await
            }
            Job::UndoJob { .. } => undo::step(self.app, call, row).await,
            other => Err(Error::internal(format!("{} has no rows", other.kind()))),
        }
    }

    async fn standing(&self, row: &OpenRow) -> Result<Standing> {
        let mut batch = Batch::new();
        let mine = batch.add::<(i64,)>(Select::new(
            "SELECT count(*) FROM jobs WHERE account_id = $1 AND id = $2 AND lease = $3 AND state = 'running'",
            params![self.id.clone(), self.lease.to_owned()],
        ));
        let open = batch.add::<(i64,)>(Select::new(
            "SELECT count(*) FROM job_rows WHERE account_id = $1 AND job_id = $2 AND number = $3 AND state = 'open'",
            params![self.id.clone(), row.number],
        ));
        let mut rows = self.app.db.read(&self.caller.account, batch).await?;
        let is_there = |count: Option<(i64,)>| count.is_some_and(|(count,)| count > 0);
        Ok(
            match (is_there(rows.first(&mine)), is_there(rows.first(&open))) {
                (false, _) => Standing::Lost,
                (true, false) => Standing::Done,
                (true, true) => Standing::Open,
            },
        )
    }

    /// The row's mark and the job's counters, which stand even where the row changes nothing else.
    fn mark(
        &self,
        plan: &mut Plan,
        call: &Call,
        row: &OpenRow,
        status: i64,
        came: Result<(RowOutcome, &JsonValue), &JsonValue>,
    ) {
        let key = match self.job {
            Job::ProvisionBulk => provision::key(&row.input),
            Job::AssignBulk { .. } => Some(row.input.clone()),
            _ => None,
        };
        let state = if came.is_ok() { "done" } else { "failed" };
        plan.remember(Statement::guarded(
            "UPDATE job_rows SET state = $2, status = $3, outcome = $4, key = $5, problem = $6, result = $7, finished_at = $8 \
             WHERE account_id = $1 AND job_id = $9 AND number = $10 AND state = 'open'",
            params![
                state.to_owned(),
                status,
                came.ok().map(|(outcome, _)| outcome),
                key,
                came.err().cloned(),
                came.ok().map(|(_, result)| result.clone()),
                call.now,
                self.id.clone(),
                row.number
            ],
        ));
        let column = match came {
            Ok((outcome, _)) => outcome.as_str(),
            Err(_) => "failed",
        };
        // A job that gets on has all its attempts before it again.
        plan.remember(Statement::guarded(
            format!(
                "UPDATE jobs SET done = done + 1, {column} = {column} + 1, progressed_at = $2, attempts = 1 \
                 WHERE account_id = $1 AND id = $3 AND lease = $4 AND state = 'running'"
            ),
            params![call.now, self.id.clone(), self.lease.to_owned()],
        ));
    }
}

enum Standing {
    /// The job was cancelled or is another worker's.
    Lost,
    /// The row was carried out before.
    Done,
    Open,
}

/// Ends a job whose rows are all done.
async fn end(app: &App, system: &Call, id: &JobId, lease: &str) -> Result<()> {
    close(app, system, id, lease, None).await
}

/// Ends a job that cannot go on.
async fn stop(app: &App, system: &Call, id: &JobId, lease: &str, why: &str) -> Result<()> {
    close(app, system, id, lease, Some(why)).await
}

async fn close(app: &App, system: &Call, id: &JobId, lease: &str, why: Option<&str>) -> Result<()> {
    let planned = || async {
        let mut plan = Plan::new("job.finish");
        let own = Id::<JobRecord>::clone(id);
        let found = crate::records::maybe::<JobRecord>(
            &app.db,
            &system.caller,
            &crate::types::Ref::Id(own),
        )
        .await?;
        let Some(mut job) = found else {
            return Ok((plan, ()));
        };
        job.state = if why.is_some() || job.failed == job.total {
            super::JobState::Failed
        } else if job.failed > 0 {
            super::JobState::PartlyFailed
        } else {
            super::JobState::Succeeded
        };
        let stored = match job.state {
            // What could not go on can be run again by hand, like any job that was given up.
            super::JobState::Failed if why.is_some() => "dead",
            super::JobState::Succeeded => "done",
            other => other.as_str(),
        };
        job.finished_at = Some(system.now);
        job.estimated_finish_at = None;
        job.last_error = why.map(str::to_owned);
        plan.write(Statement::new(
            "UPDATE jobs SET state = $2, finished_at = $3, last_error = $4, lease = NULL, leased_until = NULL \
             WHERE account_id = $1 AND id = $5 AND lease = $6 AND state = 'running'",
            params![
                stored.to_owned(),
                system.now,
                job.last_error,
                id.clone(),
                lease.to_owned()
            ],
        ));
        plan.event(job.event("finished"));
        Ok((plan, ()))
    };
    commit(&app.db, &app.ids, system, planned).await?;
    Ok(())
}

/// A row as it is undone or shown: what it did.
pub(super) fn rows_that_did(job: &JobId, limit: i64) -> Select {
    Select::rows::<JobRow>(
        "WHERE account_id = $1 AND job_id = $2 AND state = 'done' AND outcome <> 'unchanged' ORDER BY number DESC LIMIT $3",
        params![job.clone(), limit],
    )
}

/// The ids of a provision's answer.
pub(super) fn ids_of(answer: &JsonValue) -> JsonValue {
    let seats = answer.get("seats").and_then(JsonValue::as_array);
    let assignments: Vec<&JsonValue> = seats
        .into_iter()
        .flatten()
        .filter_map(|seat| seat.pointer("/assignment/id"))
        .collect();
    json!({
        "provision_id": answer.get("id"),
        "user_id": answer.pointer("/user/id"),
        "team_id": answer.pointer("/team/id"),
        "organization_id": answer.pointer("/team/organization_id"),
        "assignment_ids": assignments,
    })
}
