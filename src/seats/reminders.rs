//! Reminders: the holder of a place is told so many days before it ends, once for each end and each of those days.
//!
//! The sweep looks at the places whose end is between one day less and exactly so many days away; the key of the mail names
//! the place, its end and the days, so that however often the sweep runs, one mail comes of it. A place that was given when
//! the day was past already gets no such mail, nor does one whose holder has a longer place of the same product.

use serde_json::json;

use super::notices;
use super::settings::{self, SeatSettings};
use crate::access::Call;
use crate::app::App;
use crate::commit::commit;
use crate::db::Select;
use crate::email::TemplateKind;
use crate::error::Result;
use crate::events::Plan;
use crate::params;
use crate::types::{AccountId, Timestamp};

/// So many places are looked at in one round.
const AT_ONCE: i64 = 200;

/// Reminds everybody of an account whose place ends soon. What is cut off half-way goes on at the next run.
pub async fn remind(app: &App, account: &AccountId) -> Result<()> {
    let row = app
        .db
        .first::<(serde_json::Value,)>(account, settings::read())
        .await?;
    for days in SeatSettings::of(row).reminder_days {
        remind_at(app, account, days).await?;
    }
    Ok(())
}

async fn remind_at(app: &App, account: &AccountId, days: i64) -> Result<()> {
    loop {
        let call = Call::system(account.clone(), "worker: reminders", app.clock.now());
        let due = due(days, call.now);
        let due = app
            .db
            .fetch::<(String, Timestamp)>(account, due)
            .await?;
        let full = i64::try_from(due.len()).unwrap_or(0) == AT_ONCE;
        let mut told = false;
        for (assignment, end) in due {
            let done = commit(&app.db, &app.ids, &call, || async {
                let mut plan = Plan::new("seat.remind");
                let key = key(&assignment, end, days);
                let facts = notices::facts(app, account, &assignment).await?;
                let facts = facts.filter(|facts| facts.assignment.expires_at == Some(end));
                if let Some(facts) = facts
                    && !notices::is_queued(app, account, &key).await?
                {
                    let left = (end.seconds() - call.now.seconds() + 86_399).div_euclid(86_400);
                    let context = json!({
                        "team": facts.team, "product": facts.product, "ends_at": end, "days_left": left.max(1),
                    });
                    let kind = (TemplateKind::SeatExpiring, key);
                    facts.queue(&mut plan, &app.ids, call.now, kind, context);
                }
                let tells = !plan.is_empty();
                Ok((plan, tells))
            })
            .await?;
            told |= done.value;
        }
        // Where nobody could be told, another look would find the same people.
        if !full || !told {
            return Ok(());
        }
    }
}

fn key(assignment: &str, end: Timestamp, days: i64) -> String {
    format!("seat-expiring:{assignment}:{}:{days}", end.micros())
}

/// The places whose holders are to be told now and were not yet.
fn due(days: i64, now: Timestamp) -> Select {
    let before = days * 86_400_000_000;
    Select::new(
        "SELECT a.id, a.expires_at FROM seat_assignments a JOIN users u ON u.account_id = $1 AND u.id = a.user_id AND u.deleted_at IS NULL \
         AND u.status <> 'deactivated' WHERE a.account_id = $1 AND a.state = 'active' AND a.expires_at > $2 AND a.expires_at <= $3 \
         AND a.expires_at - $4 > COALESCE(a.starts_at, a.created_at) \
         AND NOT EXISTS (SELECT 1 FROM seat_assignments o WHERE o.account_id = $1 AND o.user_id = a.user_id AND o.product_id = a.product_id \
         AND o.state = 'active' AND o.id <> a.id AND (o.expires_at IS NULL OR o.expires_at > a.expires_at)) \
         AND NOT EXISTS (SELECT 1 FROM mails m WHERE m.account_id = $1 \
         AND m.once_key = 'seat-expiring:' || a.id || ':' || CAST(a.expires_at AS TEXT) || ':' || CAST($5 AS TEXT)) \
         ORDER BY a.expires_at, a.id LIMIT $6",
        params![
            now.plus_days(days - 1),
            now.plus_days(days),
            before,
            days,
            AT_ONCE
        ],
    )
}
