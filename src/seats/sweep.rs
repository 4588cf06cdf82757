//! What time brings about: assignments that end, free places for those who wait, and what people are told of.

use super::access::Access;
use super::actions::{PROMOTE_AT_ONCE, waiting_at};
use super::assignment::{Assignment, AssignmentState};
use super::change::Change;
use super::holds::lapse_due;
use super::remind::remind_due;
use super::seat::Seat;
use super::watch::watch_seats;
use crate::access::Call;
use crate::app::App;
use crate::commit::commit;
use crate::db::{Batch, Select};
use crate::error::Result;
use crate::events::Plan;
use crate::params;
use crate::resources::Product;
use crate::types::{AccountId, Id};

/// So many assignments of one seat end in one list of writes at the most.
const AT_ONCE: i64 = 50;

/// One round: what is over ends, then people are told of what is to come. What fails in one part keeps none of the others
/// from its turn; the round is run again then.
pub async fn sweep(app: &App, account: &AccountId) -> Result<()> {
    let ended = expire_due(app, account).await;
    let reminded = remind_due(app, account).await;
    let watched = watch_seats(app, account).await;
    ended.and(reminded).and(watched)
}

/// Ends the holds and the assignments of an account whose time is over, seat by seat. What is cut off half-way goes on at the next run.
pub async fn expire_due(app: &App, account: &AccountId) -> Result<()> {
    lapse_due(app, account).await?;
    loop {
        let due = Select::new(
            "SELECT DISTINCT seat_id FROM seat_assignments WHERE account_id = $1 AND state = 'active' AND expires_at <= $2 LIMIT 100",
            params![app.clock.now()],
        );
        let seats = app.db.fetch::<(Id<Seat>,)>(account, due).await?;
        if seats.is_empty() {
            return Ok(());
        }
        for (seat,) in seats {
            settle(app, account, seat.as_str(), "worker: expiry").await?;
        }
    }
}

/// Gives the free places of a seat to those who wait for them; a further job follows where they are too many for one.
pub async fn promote_waitlist(app: &App, account: &AccountId, seat_id: &str) -> Result<()> {
    settle(app, account, seat_id, "worker: waiting line").await
}

/// Ends what is over and serves who waits at one seat.
async fn settle(app: &App, account: &AccountId, seat_id: &str, name: &str) -> Result<()> {
    let call = Call::system(account.clone(), name, app.clock.now());
    commit(&app.db, &app.ids, &call, || {
        plan_settle(app, &call, seat_id)
    })
    .await
    .map(|_| ())
}

async fn plan_settle(app: &App, call: &Call, seat_id: &str) -> Result<(Plan, ())> {
    let mut batch = Batch::new();
    let seat = batch.add::<Seat>(Select::rows::<Seat>(
        "WHERE account_id = $1 AND id = $2",
        params![seat_id.to_owned()],
    ));
    let product = batch.add::<Product>(Select::rows::<Product>(
        "WHERE account_id = $1 AND id IN (SELECT product_id FROM seats WHERE account_id = $1 AND id = $2)",
        params![seat_id.to_owned()],
    ));
    let over = batch.add::<Assignment>(Select::rows::<Assignment>(
        "WHERE account_id = $1 AND seat_id = $2 AND state = 'active' AND expires_at <= $3 ORDER BY expires_at, id LIMIT $4",
        params![seat_id.to_owned(), call.now, AT_ONCE],
    ));
    let waiting = batch.add::<Assignment>(waiting_at(seat_id, PROMOTE_AT_ONCE));
    let mut rows = app.db.read(call.account(), batch).await?;
    let mut plan = Plan::new("seat.settle");
    let (Some(seat), Some(product)) = (rows.first(&seat), rows.first(&product)) else {
        return Ok((plan, ()));
    };
    let mut change = Change::of(seat, call, &app.ids);
    let over = rows.take(&over);
    for one in &over {
        change.end(one, AssignmentState::Expired)?;
    }
    change.promote_waiting(&rows.take(&waiting))?;
    let mut access = Access::new();
    change.finish(&mut plan, &mut access);
    access.write(&mut plan, [&product], &app.ids, call.now);
    Ok((plan, ()))
}
