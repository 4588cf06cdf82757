//! What has been aside for 30 days goes for good: people by the erasure, teams by emptying their row. One transaction
//! each, so what is cut off half-way goes on at the next run.

use serde_json::json;

use super::RESTORABLE_DAYS;
use super::erase::{ErasureCause, plan_erasure};
use crate::access::Call;
use crate::app::App;
use crate::commit::commit;
use crate::db::{Db, Row, Select, Statement};
use crate::error::Result;
use crate::events::{Event, Plan};
use crate::params;
use crate::resources::{Team, User};
use crate::types::{AccountId, Timestamp};

/// Records read at once.
const CHUNK: i64 = 100;

/// Purges what is due in one account.
pub async fn purge_due(app: &App, account: &AccountId) -> Result<()> {
    let call = Call::system(account.clone(), "worker: purge", app.clock.now());
    let before = call.now.plus_days(-RESTORABLE_DAYS);
    loop {
        let users: Vec<User> = due(&app.db, account, before).await?;
        for user in &users {
            commit(&app.db, &app.ids, &call, || async {
                let cause = ErasureCause::Purge;
                let Some(user) = still_due::<User>(&app.db, &call, user.id.as_str()).await? else {
                    return Ok((Plan::default(), ()));
                };
                let (plan, _) = plan_erasure(&app.db, &app.ids, &call, &user, cause, None).await?;
                Ok((plan, ()))
            })
            .await?;
        }
        let teams: Vec<Team> = due(&app.db, account, before).await?;
        for team in &teams {
            commit(&app.db, &app.ids, &call, || async {
                let team = still_due::<Team>(&app.db, &call, team.id.as_str()).await?;
                let plan = team.map_or_else(Plan::default, |team| plan_purge_team(&team, call.now));
                Ok((plan, ()))
            })
            .await?;
        }
        if users.is_empty() && teams.is_empty() {
            return Ok(());
        }
    }
}

async fn due<R: Row + Send + 'static>(
    db: &Db,
    account: &AccountId,
    before: Timestamp,
) -> Result<Vec<R>> {
    let select = Select::rows::<R>(
        "WHERE account_id = $1 AND deleted_at IS NOT NULL AND purged_at IS NULL AND deleted_at <= $2 ORDER BY deleted_at, id LIMIT $3",
        params![before, CHUNK],
    );
    Ok(db.fetch::<R>(account, select).await?)
}

/// The record, unless somebody has restored or erased it meanwhile.
async fn still_due<R: Row + Send + 'static>(db: &Db, call: &Call, id: &str) -> Result<Option<R>> {
    let select = Select::rows::<R>(
        "WHERE account_id = $1 AND id = $2 AND deleted_at IS NOT NULL AND purged_at IS NULL",
        params![id.to_owned()],
    );
    Ok(db.first::<R>(call.account(), select).await?)
}

/// A team's row without anything that tells what it was.
fn plan_purge_team(team: &Team, now: Timestamp) -> Plan {
    let mut plan = Plan::new("team.purge");
    plan.write(Statement::guarded(
        "UPDATE teams SET name = 'Removed team', name_key = id, external_id = NULL, description = NULL, tags = '[]', metadata = '{}', \
         purged_at = $2, updated_at = $2, version = version + 1 WHERE account_id = $1 AND id = $3 AND version = $4 AND deleted_at IS NOT NULL",
        params![now, team.id.clone(), team.version],
    ));
    for former in [
        "DELETE FROM former_members WHERE account_id = $1 AND team_id = $2",
        "DELETE FROM former_domain_claims WHERE account_id = $1 AND team_id = $2",
        "DELETE FROM former_defaults WHERE account_id = $1 AND team_id = $2",
    ] {
        plan.write(Statement::new(former, params![team.id.clone()]));
    }
    let data = json!({ "id": team.id });
    plan.event(Event::new("team.purged", &team.id, data).team(&team.id));
    plan
}
