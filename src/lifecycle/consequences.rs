//! What hangs on a person or a team, counted in one round trip, so that nobody deletes without knowing.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::db::{Batch, Db, Select};
use crate::error::Result;
use crate::params;
use crate::types::AccountId;

/// One kind of thing that is concerned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Consequence {
    /// What it is: `memberships`, `places`, `sessions`, …
    pub what: String,
    /// How many of it.
    pub count: i64,
    /// What becomes of it.
    pub becomes: String,
}

/// What a deletion, a merge or an erasure does; the answer of its dry run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Consequences {
    /// Everything that is concerned; what is not there is not listed.
    pub consequences: Vec<Consequence>,
}

/// A kind of thing, how it is counted for the id at `$2`, and what becomes of it.
pub(super) struct Counted {
    pub(super) what: &'static str,
    pub(super) sql: &'static str,
    pub(super) becomes: &'static str,
}

const OF_USER: &[Counted] = &[
    Counted {
        what: "memberships",
        sql: "SELECT count(*) FROM team_members WHERE account_id = $1 AND user_id = $2",
        becomes: "end; a restore brings them back",
    },
    Counted {
        what: "owned_teams",
        sql: "SELECT count(*) FROM team_members m WHERE m.account_id = $1 AND m.user_id = $2 AND m.role = 'owner' AND NOT EXISTS \
              (SELECT 1 FROM team_members o WHERE o.account_id = $1 AND o.team_id = m.team_id AND o.role = 'owner' AND o.user_id <> $2)",
        becomes: "have no owner any more",
    },
    Counted {
        what: "places",
        sql: "SELECT count(*) FROM seat_assignments WHERE account_id = $1 AND user_id = $2 AND state = 'active'",
        becomes: "are released to those who wait; a restore brings them back where one is free",
    },
    Counted {
        what: "held_places",
        sql: "SELECT count(*) FROM seat_assignments WHERE account_id = $1 AND user_id = $2 AND state = 'reserved'",
        becomes: "are released",
    },
    Counted {
        what: "waiting_wishes",
        sql: "SELECT count(*) FROM seat_assignments WHERE account_id = $1 AND user_id = $2 AND state = 'waitlisted'",
        becomes: "leave the waiting line",
    },
    Counted {
        what: "enrollments",
        sql: "SELECT count(*) FROM enrollments WHERE account_id = $1 AND user_id = $2 AND status IN ('pending', 'active')",
        becomes: "end where a place gave them; progress is kept",
    },
    Counted {
        what: "roles",
        sql: "SELECT (SELECT count(*) FROM user_roles WHERE account_id = $1 AND user_id = $2) \
              + (SELECT count(*) FROM organization_members WHERE account_id = $1 AND user_id = $2)",
        becomes: "rest; a restore brings them back",
    },
    Counted {
        what: "sessions",
        sql: "SELECT count(*) FROM sessions WHERE account_id = $1 AND user_id = $2",
        becomes: "end at once",
    },
    Counted {
        what: "api_keys",
        sql: "SELECT count(*) FROM api_keys WHERE account_id = $1 AND created_by = $2 AND revoked_at IS NULL",
        becomes: "grant nothing while their maker is gone",
    },
    Counted {
        what: "invitations",
        sql: "SELECT count(*) FROM invitations WHERE account_id = $1 AND user_id = $2 AND state IN ('queued', 'sent', 'failed')",
        becomes: "lose the places that are held for them",
    },
    Counted {
        what: "queued_mails",
        sql: "SELECT count(*) FROM mails WHERE account_id = $1 AND user_id = $2 AND state = 'queued'",
        becomes: "are not sent",
    },
];

const OF_TEAM: &[Counted] = &[
    Counted {
        what: "memberships",
        sql: "SELECT count(*) FROM team_members WHERE account_id = $1 AND team_id = $2",
        becomes: "end; the people stay; a restore brings them back",
    },
    Counted {
        what: "places",
        sql: "SELECT count(*) FROM seat_assignments WHERE account_id = $1 AND team_id = $2 AND state IN ('active', 'reserved')",
        becomes: "are released; a restore brings them back where one is free",
    },
    Counted {
        what: "waiting_wishes",
        sql: "SELECT count(*) FROM seat_assignments WHERE account_id = $1 AND team_id = $2 AND state = 'waitlisted'",
        becomes: "leave the waiting line",
    },
    Counted {
        what: "seats",
        sql: "SELECT count(*) FROM seat_teams WHERE account_id = $1 AND team_id = $2 AND live",
        becomes: "stay with their places, for a restore or to be shared with another team",
    },
    Counted {
        what: "domain_claims",
        sql: "SELECT count(*) FROM domain_claims WHERE account_id = $1 AND team_id = $2",
        becomes: "are given up for good",
    },
    Counted {
        what: "default_team",
        sql: "SELECT (SELECT count(*) FROM accounts WHERE account_id = $1 AND default_team_id = $2) \
              + (SELECT count(*) FROM organizations WHERE account_id = $1 AND default_team_id = $2)",
        becomes: "is no team any more; set another",
    },
];

/// What the deletion of a person does.
pub async fn of_user(db: &Db, account: &AccountId, id: &str) -> Result<Vec<Consequence>> {
    count(db, account, OF_USER, id).await
}

/// What the deletion of a team does.
pub async fn of_team(db: &Db, account: &AccountId, id: &str) -> Result<Vec<Consequence>> {
    count(db, account, OF_TEAM, id).await
}

/// Counts, and leaves out what is not there.
pub(super) async fn count(
    db: &Db,
    account: &AccountId,
    counted: &[Counted],
    id: &str,
) -> Result<Vec<Consequence>> {
    let mut batch = Batch::new();
    let slots: Vec<_> = counted
        .iter()
        .map(|one| batch.add::<(i64,)>(Select::new(one.sql, params![id.to_owned()])))
        .collect();
    let mut rows = db.read(account, batch).await?;
    let found = counted.iter().zip(&slots).filter_map(|(one, slot)| {
        let (count,) = rows.first(slot)?;
        (count > 0).then(|| Consequence {
            what: one.what.to_owned(),
            count,
            becomes: one.becomes.to_owned(),
        })
    });
    Ok(found.collect())
}
