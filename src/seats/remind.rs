//! Reminders before a place ends: to its holder by mail, on the days that the account's settings name.
//!
//! A reminder belongs to an end and a day before it. The row keeps the last one that was sent, written in the same list
//! as the mail, so each is sent once over all nodes and at whatever moment a worker is cut off; after a time without a
//! worker the one that fits the moment is sent, and those before it are not. A day that had passed when the place was
//! given or its end was moved is left out, and so is a place whose courses another place of the holder opens for longer.

use serde_json::json;

use super::holding::Holding;
use super::settings::{self, SeatSettings};
use crate::access::Call;
use crate::app::App;
use crate::commit::commit;
use crate::db::{Select, Statement};
use crate::email::TemplateKind;
use crate::error::Result;
use crate::events::Plan;
use crate::params;
use crate::types::{AccountId, Timestamp};

/// So many people are reminded by one list of writes at the most.
const AT_ONCE: i64 = 40;
const DAY: i64 = 86_400_000_000;

/// Reminds everybody whose place ends soon enough, the nearest day first.
pub async fn remind_due(app: &App, account: &AccountId) -> Result<()> {
    let row = app.db.first(account, settings::read()).await?;
    let mut days = SeatSettings::of(row).reminder_days;
    days.sort_unstable();
    let call = Call::system(account.clone(), "worker: reminders", app.clock.now());
    for day in days {
        while remind(app, &call, day).await? {}
    }
    Ok(())
}

/// The places for which the reminder of this day is due. A course of theirs must end with them: no other live place of
/// the holder opens it for longer, or as long and was given later.
fn due(now: Timestamp, day: i64) -> Select {
    let longer = "SELECT 1 FROM seat_assignments o JOIN product_courses d ON d.account_id = $1 AND d.product_id = o.product_id AND d.course_id = c.course_id \
                  WHERE o.account_id = $1 AND o.user_id = seat_assignments.user_id AND o.state = 'active' AND o.id <> seat_assignments.id \
                  AND (o.expires_at IS NULL OR o.expires_at > seat_assignments.expires_at OR (o.expires_at = seat_assignments.expires_at AND o.id > seat_assignments.id))";
    Select::new(
        format!(
            "{} WHERE seat_assignments.account_id = $1 AND u.deleted_at IS NULL AND u.status <> 'deactivated' \
             AND seat_assignments.state = 'active' AND seat_assignments.expires_at > $2 \
             AND seat_assignments.expires_at <= $3 \
             AND seat_assignments.expires_at - $4 > COALESCE(seat_assignments.extended_at, seat_assignments.starts_at, seat_assignments.created_at) \
             AND (seat_assignments.reminded_end IS NULL OR seat_assignments.reminded_end <> seat_assignments.expires_at OR seat_assignments.reminded_days > $5) \
             AND EXISTS (SELECT 1 FROM product_courses c WHERE c.account_id = $1 AND c.product_id = seat_assignments.product_id AND NOT EXISTS ({longer})) \
             ORDER BY seat_assignments.expires_at, seat_assignments.id LIMIT $6",
            Holding::selection("")
        ),
        params![now, now.plus_days(day), day * DAY, day, AT_ONCE],
    )
}

/// Reminds some of those for whom the reminder of a day is due, and tells whether there were any.
async fn remind(app: &App, call: &Call, day: i64) -> Result<bool> {
    let done = commit(&app.db, &app.ids, call, || async {
        let mut plan = Plan::new("seat.remind");
        let found = app
            .db
            .fetch::<Holding>(call.account(), due(call.now, day))
            .await?;
        for one in &found {
            tell(app, call, &mut plan, one, day);
        }
        Ok((plan, !found.is_empty()))
    });
    Ok(done.await?.value)
}

/// The mark on the row, the mail and the event of one reminder.
fn tell(app: &App, call: &Call, plan: &mut Plan, due: &Holding, day: i64) {
    let place = &due.assignment;
    let Some(end) = place.expires_at else { return };
    // The plan is stale when the place has ended, has another end or was reminded of meanwhile.
    plan.write(Statement::guarded(
        "UPDATE seat_assignments SET reminded_end = $2, reminded_days = $3 WHERE account_id = $1 AND id = $4 AND state = 'active' AND expires_at = $2 \
         AND (reminded_end IS NULL OR reminded_end <> $2 OR reminded_days > $3)",
        params![end, day, place.id],
    ));
    let days_left = (end.micros() - call.now.micros() + DAY / 2) / DAY;
    let key = format!("seat-expiring:{}:{}:{day}", place.id, end.micros());
    let context = json!({ "team": due.team, "team_id": place.team_id, "product": due.product, "ends_at": end, "days_left": days_left });
    let mail = (TemplateKind::SeatExpiring, key);
    due.queue(plan, &app.ids, call.now, mail, context);
    let mut event = place.event("expiring");
    if let Some(members) = event.data.as_object_mut() {
        members.insert("days_left".to_owned(), days_left.into());
    }
    plan.event(event);
}
