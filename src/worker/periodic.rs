//! Jobs that come round by themselves, in every account, once a period over all nodes.
//!
//! The id of such a job follows from its kind, its account and its period, so of many nodes that queue it one succeeds
//! and the others change nothing. A period in which no worker ran is not made up for.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

use crate::app::App;
use crate::db::{Scan, Statement};
use crate::error::Result;
use crate::jobs::{Job, JobId};
use crate::params;
use crate::types::{AccountId, Ids, Timestamp};

/// A job that comes round: its period, and how far into it it is due, both in seconds.
struct Round {
    job: Job,
    period: i64,
    offset: i64,
}

const ROUNDS: [Round; 6] = [
    Round {
        job: Job::ExpireAssignments,
        period: 300,
        offset: 0,
    },
    Round {
        job: Job::ReclaimIdle,
        period: 3600,
        offset: 1200,
    },
    Round {
        job: Job::CheckDomains,
        period: 900,
        offset: 450,
    },
    Round {
        job: Job::SweepInvitations,
        period: 300,
        offset: 150,
    },
    Round {
        job: Job::CleanUp,
        period: 3600,
        offset: 600,
    },
    // At three in the night, in UTC.
    Round {
        job: Job::CheckIntegrity,
        period: 86_400,
        offset: 3 * 3600,
    },
];

/// What this node has queued last, so that it tries each period once.
#[derive(Default)]
pub(super) struct Rounds(HashMap<&'static str, i64>);

/// Queues the jobs of the present periods that this node has not queued yet.
pub(super) async fn queue(app: &App, rounds: &mut Rounds) -> Result<()> {
    let now = app.clock.now();
    let period_of = |round: &Round| now.seconds().div_euclid(round.period) * round.period;
    let open: Vec<(&Round, i64)> = ROUNDS
        .iter()
        .map(|round| (round, period_of(round)))
        .filter(|(round, start)| rounds.0.get(round.job.kind()) != Some(start))
        .collect();
    if open.is_empty() {
        return Ok(());
    }
    for (account,) in app
        .db
        .scan::<(AccountId,)>(Scan::Accounts, Vec::new())
        .await?
    {
        let list = open
            .iter()
            .map(|(round, start)| insert(round, &account, *start, now))
            .collect();
        app.db.write(&account, list).await?;
    }
    rounds
        .0
        .extend(open.iter().map(|(round, start)| (round.job.kind(), *start)));
    Ok(())
}

fn insert(round: &Round, account: &AccountId, start: i64, now: Timestamp) -> Statement {
    let start = Timestamp::from_micros(start.saturating_mul(1_000_000));
    let name = format!("{}\n{account}\n{start}", round.job.kind());
    let seed = Sha256::digest(name)
        .first_chunk::<8>()
        .copied()
        .unwrap_or_default();
    let id: JobId = Ids::seeded(u64::from_be_bytes(seed)).next(start);
    Statement::new(
        "INSERT INTO jobs (account_id, id, kind, payload, state, run_at, attempts, created_at) VALUES ($1, $2, $3, $4, 'queued', $5, 0, $6) \
         ON CONFLICT (account_id, id) DO NOTHING",
        params![
            id,
            round.job.kind().to_owned(),
            serde_json::to_string(&round.job).unwrap_or_default(),
            start.plus_seconds(round.offset),
            now
        ],
    )
}
