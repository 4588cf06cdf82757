//! The end of a hold: released, or lapsed when its time is over.

use super::{lapsed, seats_within};
use crate::access::{Call, Permission};
use crate::app::App;
use crate::commit::commit;
use crate::db::{Batch, Db, Select, Statement};
use crate::error::{Code, Error, Result};
use crate::events::Plan;
use crate::params;
use crate::records;
use crate::resources::{Product, Team};
use crate::seats::access::Access;
use crate::seats::actions::PROMOTE_AT_ONCE;
use crate::seats::assignment::Assignment;
use crate::seats::change::Change;
use crate::seats::hold::{HoldState, SeatHold};
use crate::seats::seat::Seat;
use crate::types::{AccountId, Id, Ids, Ref, json_list};

/// A hold while it ends, with its seats as they change.
pub(super) struct Ending<'a> {
    pub(super) hold: SeatHold,
    pub(super) changes: Vec<Change<'a>>,
    /// Seats of the team to which places move.
    pub(super) others: Vec<Change<'a>>,
    products: Vec<Product>,
    waiting: Vec<Assignment>,
}

/// Reads what the end of a hold needs, beside the seats those that a team has of the same products.
pub(super) async fn ending<'a>(
    db: &Db,
    ids: &'a Ids,
    call: &'a Call,
    hold: SeatHold,
    team: Option<&Id<Team>>,
) -> Result<(Ending<'a>, Vec<Seat>)> {
    let seat_ids = json_list(hold.items.0.iter().map(|item| &item.seat_id));
    let team = team.map(ToString::to_string).unwrap_or_default();
    let products_of = "SELECT product_id FROM seats WHERE account_id = $1 AND id IN (SELECT value FROM JSON_LIST($2) AS s)";
    let of_team = format!(
        "SELECT seat_id FROM seat_teams WHERE account_id = $1 AND team_id = $3 AND live AND product_id IN ({products_of})"
    );
    let mut batch = Batch::new();
    let seats = batch.add::<Seat>(seats_within(call, &seat_ids));
    let products = batch.add::<Product>(Select::rows::<Product>(
        &format!("WHERE account_id = $1 AND id IN ({products_of})"),
        params![seat_ids],
    ));
    let targets = batch.add::<Seat>(Select::rows::<Seat>(
        &format!("WHERE account_id = $1 AND id IN ({of_team})"),
        params![seat_ids, team],
    ));
    let waiting = batch.add::<Assignment>(Select::rows::<Assignment>(
        &format!(
            "WHERE account_id = $1 AND state = 'waitlisted' AND (seat_id IN (SELECT value FROM JSON_LIST($2) AS s) OR seat_id IN ({of_team})) \
             ORDER BY waiting_at, id LIMIT $4"
        ),
        params![seat_ids, team, PROMOTE_AT_ONCE],
    ));
    let mut rows = db.read(call.account(), batch).await?;
    let seats = rows.take(&seats);
    if seats.len() < hold.items.0.len() {
        return Err(Error::not_found("seat_hold"));
    }
    let changes = seats
        .into_iter()
        .map(|seat| Change::of(seat, call, ids))
        .collect();
    let targets = rows.take(&targets);
    let ending = Ending {
        hold,
        changes,
        others: Vec::new(),
        products: rows.take(&products),
        waiting: rows.take(&waiting),
    };
    Ok((ending, targets))
}

impl Ending<'_> {
    /// Gives the places of every item back to its seat.
    pub(super) fn unhold(&mut self, cause: &str) {
        for item in &self.hold.items.0 {
            let change = self
                .changes
                .iter_mut()
                .find(|change| change.seat().id == item.seat_id);
            if let Some(change) = change {
                change.unhold(item.quantity, cause, &self.hold.id);
            }
        }
    }

    /// Hands everything to a plan: the rows of the hold, the seats, those who move up.
    pub(super) fn finish(
        self,
        state: HoldState,
        plan: &mut Plan,
        ids: &Ids,
        call: &Call,
    ) -> Result<SeatHold> {
        let after = SeatHold {
            state,
            ended_at: Some(call.now),
            updated_at: call.now,
            ..self.hold
        };
        plan.write(Statement::update(&after, after.version));
        plan.write(Statement::new(
            "UPDATE seat_hold_items SET live = FALSE WHERE account_id = $1 AND hold_id = $2",
            params![after.id.clone()],
        ));
        plan.event(after.event(state.as_str()));
        let mut access = Access::new();
        for mut change in self.changes.into_iter().chain(self.others) {
            let seat_id = change.seat().id.clone();
            let here: Vec<_> = self
                .waiting
                .iter()
                .filter(|one| one.seat_id == seat_id && !change.touches(&one.id))
                .cloned()
                .collect();
            change.promote_waiting(&here)?;
            change.finish(plan, &mut access);
        }
        access.write(plan, &self.products, ids, call.now);
        Ok(after)
    }
}

/// Plans the end of a hold before its time. A repeat changes nothing.
pub async fn plan_release(
    db: &Db,
    ids: &Ids,
    call: &Call,
    hold: &Ref<SeatHold>,
) -> Result<(Plan, SeatHold)> {
    call.caller.require(Permission::SeatsHold)?;
    let hold = records::find::<SeatHold>(db, &call.caller, hold).await?;
    let mut plan = Plan::new("seat_hold.release");
    match hold.state {
        HoldState::Held => {
            let (mut ending, _) = ending(db, ids, call, hold, None).await?;
            ending.unhold("hold_released");
            let hold = ending.finish(HoldState::Released, &mut plan, ids, call)?;
            Ok((plan, hold))
        }
        HoldState::Released => Ok((plan, hold)),
        HoldState::Lapsed => Err(lapsed(&hold)),
        HoldState::Confirmed => Err(Error::new(
            Code::StateConflict,
            "The hold was confirmed; its places are given. Revoke them from those who have them.",
        )),
    }
}

/// Lets a hold lapse whose time is over.
pub async fn lapse(app: &App, account: &AccountId, hold_id: &str) -> Result<()> {
    let call = Call::system(account.clone(), "worker: holds", app.clock.now());
    let Some(id) = Id::<SeatHold>::parse(hold_id) else {
        return Ok(());
    };
    let reference = Ref::Id(id);
    commit(&app.db, &app.ids, &call, || async {
        let mut plan = Plan::new("seat_hold.lapse");
        let hold = records::maybe::<SeatHold>(&app.db, &call.caller, &reference).await?;
        let due = |hold: &SeatHold| hold.state == HoldState::Held && hold.expires_at <= call.now;
        if let Some(hold) = hold.filter(due) {
            let (mut ending, _) = ending(&app.db, &app.ids, &call, hold, None).await?;
            ending.unhold("hold_lapsed");
            ending.finish(HoldState::Lapsed, &mut plan, &app.ids, &call)?;
        }
        Ok((plan, ()))
    })
    .await
    .map(|_| ())
}

/// Lets every hold lapse whose job was lost.
pub async fn lapse_due(app: &App, account: &AccountId) -> Result<()> {
    let due = Select::new(
        "SELECT id FROM seat_holds WHERE account_id = $1 AND state = 'held' AND expires_at <= $2 ORDER BY expires_at LIMIT 1000",
        params![app.clock.now()],
    );
    for (hold,) in app.db.fetch::<(String,)>(account, due).await? {
        lapse(app, account, &hold).await?;
    }
    Ok(())
}
