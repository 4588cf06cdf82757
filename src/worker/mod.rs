//! The worker: runs jobs, gives events their sequence, queues what comes round by itself. Any number of nodes may run it.
//!
//! Accounts with due jobs are found by one read without a lock; jobs are then claimed account by account, each account
//! getting its share of the free places, so a crowd of jobs in one account does not make the others wait. A job is held
//! by a lease that is renewed while it runs. A worker that dies leaves its jobs `running`; when their leases run out any
//! other worker puts them back. So a job runs at least once, and each is safe to repeat.

mod clean_up;
mod periodic;
mod publisher;

use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use crate::app::App;
use crate::bulk;
use crate::commerce;
use crate::db::{Scan, Statement};
use crate::email::delivery;
use crate::error::{Error, Result};
use crate::invitations;
use crate::jobs::{self, Job, JobId};
use crate::joining;
use crate::lifecycle;
use crate::params;
use crate::resources::domain_claim::verification;
use crate::seats;
use crate::types::AccountId;

/// How long an idle worker sleeps when nothing is written here: other nodes write too.
const IDLE_POLL: Duration = Duration::from_secs(1);
/// The same while jobs run.
const BUSY_POLL: Duration = Duration::from_millis(250);
/// After a write the worker waits this long for others before it looks.
const GATHER: Duration = Duration::from_millis(10);
/// So often the worker looks for lost jobs and queues what comes round.
const UPKEEP: Duration = Duration::from_secs(15);
/// What a worker waits after the database failed.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// A job under a lease of ours.
#[derive(Clone)]
struct Claimed {
    account: AccountId,
    id: JobId,
    lease: String,
    payload: String,
    attempts: i64,
}

/// Runs jobs and publishes events until `stop` becomes true (or its sender is gone), then waits for what is running,
/// for `server.shutdown_grace_seconds` at the most. What is cut off then comes back when its lease runs out.
pub async fn run(app: App, stop: watch::Receiver<bool>) {
    let publisher = crate::tasks::spawn(publisher::run(app.clone(), stop.clone()));
    run_jobs(&app, stop).await;
    if publisher.await.is_err() {
        tracing::error!("the publisher of events has failed");
    }
}

async fn run_jobs(app: &App, mut stop: watch::Receiver<bool>) {
    let mut running = JoinSet::new();
    let mut due = VecDeque::new();
    let mut upkeep = Instant::now();
    let mut rounds = periodic::Rounds::default();
    while !*stop.borrow() {
        // Made before anything is read, so that no write between the reading and the waiting goes unnoticed.
        let written = app.db.written();
        while running.try_join_next().is_some() {}
        let worked = async {
            if upkeep <= Instant::now() {
                upkeep = Instant::now() + UPKEEP;
                release_lost(app).await?;
                periodic::queue(app, &mut rounds).await?;
            }
            fill(app, &mut running, &mut due).await
        };
        let pause = match worked.await {
            Ok(()) if running.is_empty() => IDLE_POLL,
            Ok(()) => BUSY_POLL,
            Err(error) => {
                tracing::warn!(?error, "the worker could not look for jobs");
                AFTER_FAILURE
            }
        };
        let full = running.len() >= app.config.jobs.workers;
        tokio::select! {
            changed = stop.changed() => if changed.is_err() { break },
            () = tokio::time::sleep(pause) => {}
            _ = running.join_next(), if !running.is_empty() => {}
            () = written, if !full => tokio::time::sleep(GATHER).await,
        }
    }
    let end = Instant::now() + app.config.server.shutdown_grace;
    while let Ok(Some(_)) = timeout_at(end, running.join_next()).await {}
    if !running.is_empty() {
        tracing::warn!(
            jobs = running.len(),
            "jobs are cut off by the shutdown; they come back when their leases run out"
        );
        running.shutdown().await;
    }
}

/// Claims jobs for the free places, each account its share, and starts them.
async fn fill(app: &App, running: &mut JoinSet<()>, due: &mut VecDeque<AccountId>) -> Result<()> {
    if due.is_empty() && running.len() < app.config.jobs.workers {
        due.extend(due_accounts(app).await?);
    }
    while let Some(free) = app
        .config
        .jobs
        .workers
        .checked_sub(running.len())
        .filter(|free| *free > 0)
    {
        let Some(account) = due.pop_front() else {
            break;
        };
        let share = free.div_ceil(due.len() + 1);
        let claimed = claim(app, &account, share).await?;
        if claimed.len() == share {
            due.push_back(account);
        }
        for job in claimed {
            running.spawn(carry_out(app.clone(), job));
        }
    }
    Ok(())
}

async fn due_accounts(app: &App) -> Result<Vec<AccountId>> {
    let rows = app
        .db
        .scan::<(AccountId,)>(Scan::DueJobs, params![app.clock.now()])
        .await?;
    Ok(rows.into_iter().map(|(account,)| account).collect())
}

async fn claim(app: &App, account: &AccountId, limit: usize) -> Result<Vec<Claimed>> {
    let now = app.clock.now();
    let lease = app.ids.uuid(now).to_string();
    let until = now.plus_seconds(lease_seconds(app));
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let taken = app
        .db
        .write(account, vec![jobs::claim(&lease, limit, now, until)])
        .await?;
    if taken.iter().all(|count| *count == 0) {
        return Ok(Vec::new());
    }
    let rows = app
        .db
        .fetch::<(JobId, String, i64)>(account, jobs::leased(&lease))
        .await?;
    let claimed = |(id, payload, attempts)| Claimed {
        account: account.clone(),
        id,
        lease: lease.clone(),
        payload,
        attempts,
    };
    Ok(rows.into_iter().map(claimed).collect())
}

fn lease_seconds(app: &App) -> i64 {
    i64::try_from(app.config.jobs.lease.as_secs())
        .unwrap_or(i64::MAX)
        .max(1)
}

/// Puts back the jobs of workers that are gone.
async fn release_lost(app: &App) -> Result<()> {
    let now = app.clock.now();
    for (account,) in app
        .db
        .scan::<(AccountId,)>(Scan::LostJobs, params![now])
        .await?
    {
        let released = app
            .db
            .write(&account, vec![jobs::release_lost(now)])
            .await?;
        tracing::warn!(%account, jobs = released.iter().sum::<u64>(), "jobs of a worker that is gone are put back");
    }
    Ok(())
}

/// Runs a job to its end under its lease and notes what came of it.
async fn carry_out(app: App, job: Claimed) {
    let Some((kind, outcome)) = run_leased(&app, &job).await else {
        return;
    };
    let now = app.clock.now();
    let (name, statement) = match &outcome {
        Ok(()) => ("done", jobs::finish(&job.id, &job.lease, now)),
        Err(error) if job.attempts >= jobs::MAX_ATTEMPTS => {
            tracing::error!(job_id = %job.id, kind, attempts = job.attempts, error, "a job is dead");
            ("dead", jobs::fail(&job.id, &job.lease, error, None, now))
        }
        Err(error) => {
            tracing::warn!(job_id = %job.id, kind, attempts = job.attempts, error, "a job has failed and will be tried again");
            let retry_at =
                now.plus_seconds(jobs::back_off(job.attempts - 1) + jitter(&app, job.attempts - 1));
            (
                "failed",
                jobs::fail(&job.id, &job.lease, error, Some(retry_at), now),
            )
        }
    };
    app.metrics.job_run(kind, name);
    if let Err(error) = app.db.write(&job.account, vec![statement]).await {
        // It comes back when its lease runs out.
        tracing::warn!(job_id = %job.id, kind, %error, "the end of a job was not noted");
    }
}

/// Up to a quarter of the back-off, and a second at least, so that what failed together does not return together.
fn jitter(app: &App, attempts: i64) -> i64 {
    let mut chance = [0_u8; 2];
    app.ids.fill(&mut chance);
    let quarter = (jobs::back_off(attempts) / 4).max(1);
    1 + i64::from(u16::from_be_bytes(chance)) % quarter
}

/// The job's kind and outcome; `None` when the lease was lost on the way: then it is another worker's.
async fn run_leased(app: &App, claimed: &Claimed) -> Option<(&'static str, Result<(), String>)> {
    let job: Job = match serde_json::from_str(&claimed.payload) {
        Ok(job) => job,
        Err(error) => {
            return Some((
                "unknown",
                Err(format!(
                    "this version of the program does not know the job: {error}"
                )),
            ));
        }
    };
    let kind = job.kind();
    if claimed.attempts > jobs::MAX_ATTEMPTS {
        return Some((
            kind,
            Err("its worker was lost at the last attempt".to_owned()),
        ));
    }
    // On a task of its own, so that a fault in one job ends that job alone; it ends with the worker that waits for it.
    let mut work = AbortOnDrop(crate::tasks::spawn(run_one(
        app.clone(),
        claimed.clone(),
        job,
    )));
    let mut renewals =
        tokio::time::interval((app.config.jobs.lease / 3).max(Duration::from_millis(100)));
    renewals.tick().await;
    loop {
        tokio::select! {
            outcome = &mut work.0 => return Some((kind, match outcome {
                Ok(Ok(())) => Ok(()),
                Ok(Err(error)) => Err(error_text(&error)),
                Err(fault) => Err(format!("a fault in the program: {fault}")),
            })),
            _ = renewals.tick() => match app.db.write(&claimed.account, vec![renew(app, claimed)]).await {
                Ok(counts) if counts.iter().all(|count| *count == 0) => {
                    tracing::warn!(job_id = %claimed.id, kind, "the lease of a job was lost");
                    return None;
                }
                Ok(_) => {}
                Err(error) => tracing::warn!(job_id = %claimed.id, kind, %error, "the lease of a job was not renewed"),
            },
        }
    }
}

struct AbortOnDrop<T>(tokio::task::JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn renew(app: &App, claimed: &Claimed) -> Statement {
    let until = app.clock.now().plus_seconds(lease_seconds(app));
    Statement::new(
        "UPDATE jobs SET leased_until = $2 WHERE account_id = $1 AND id = $3 AND lease = $4 AND state = 'running'",
        params![until, claimed.id, claimed.lease],
    )
}

/// What operators read on the page of jobs: the cause where there is one.
fn error_text(error: &Error) -> String {
    error
        .cause()
        .map_or_else(|| error.detail().to_owned(), ToString::to_string)
}

/// Runs a job by the mechanism it belongs to.
async fn run_one(app: App, claimed: Claimed, job: Job) -> Result<()> {
    let Claimed {
        account,
        id,
        lease,
        attempts,
        ..
    } = claimed;
    match job {
        Job::SendMail { mail_id } => {
            let last = attempts >= jobs::MAX_ATTEMPTS;
            let delivered = delivery::deliver(&app, &account, &mail_id, last).await;
            invitations::follow_mail(&app, &account, &mail_id).await?;
            delivered
        }
        Job::ProvisionBulk | Job::AssignBulk { .. } | Job::UndoJob { .. } => {
            bulk::run(&app, &account, &id, &lease, &job).await
        }
        Job::EraseTraces { erasure_id } => {
            lifecycle::traces::erase_traces(&app, &account, &erasure_id).await
        }
        Job::CleanUp => clean_up::run(&app, &account).await,
        Job::PromoteWaitlist { seat_id } => seats::promote_waitlist(&app, &account, &seat_id).await,
        Job::TellOfPlace { assignment_id } => {
            seats::notices::tell_of_place(&app, &account, &assignment_id).await
        }
        Job::TellOfRequest { request_id } => {
            seats::request_mails::tell_of_request(&app, &account, &request_id).await
        }
        Job::LapseHold { hold_id } => seats::holds::lapse(&app, &account, &hold_id).await,
        Job::ExpireAssignments => seats::sweep(&app, &account).await,
        Job::ReclaimIdle => seats::reclaim_idle(&app, &account).await,
        Job::CheckDomain { claim_id } => verification::check(&app, &account, &claim_id).await,
        Job::CheckDomains => verification::check_due(&app, &account).await,
        Job::SweepInvitations => {
            invitations::sweep(&app, &account).await?;
            joining::sweep(&app, &account).await
        }
        Job::CheckIntegrity => {
            seats::check_integrity(&app, &account).await?;
            commerce::integrity::check_books(&app, &account).await
        }
    }
}

/// Gives every event that is committed its place in its account's feed, and tells how many there were.
pub async fn publish(app: &App) -> Result<u64> {
    publisher::publish_all(app).await
}

/// Runs everything that is due at this moment until nothing is left, publishes all events, and tells how many jobs ran.
/// Jobs that fail are due later and not waited for.
pub async fn drain(app: &App) -> Result<u64> {
    let mut ran = 0;
    loop {
        publisher::publish_all(app).await?;
        release_lost(app).await?;
        let mut found = false;
        for account in due_accounts(app).await? {
            for job in claim(app, &account, app.config.jobs.workers).await? {
                found = true;
                ran += 1;
                carry_out(app.clone(), job).await;
            }
        }
        if !found {
            return Ok(ran);
        }
    }
}
