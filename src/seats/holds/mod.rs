//! What is done with holds: places are kept, confirmed, given back, or lapse.
//!
//! A hold is made as a whole or not at all: its places count as reserved at every seat from the same list of writes on, so
//! parallel holds never promise more than there is. It lapses by a job that is due at its end, and by the sweep where that
//! job was lost; between its end and the sweep it can no longer be confirmed. Here holds are made, in `ending` they end
//! without being used, in `confirm` they are used.

mod confirm;
mod ending;

use schemars::JsonSchema;
use serde::Serialize;

use super::access::Access;
use super::actions::Given;
use super::change::Change;
use super::hold::{HoldItem, HoldRow, HoldState, NewHold, SeatHold};
use super::seat::Seat;
use crate::access::{Call, Permission};
use crate::db::{Batch, Db, Select, Statement};
use crate::error::{Code, Error, Result};
use crate::events::Plan;
use crate::jobs::Job;
use crate::params;
use crate::records::reach_condition;
use crate::resource::{Reference, resolve};
use crate::types::text::Json;
use crate::types::{Ids, json_list};

pub use confirm::plan_confirm;
pub use ending::{lapse, lapse_due, plan_release};

/// A hold after its confirmation, and what became of each person.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct HoldResult {
    /// The hold.
    pub hold: SeatHold,
    /// One line for each person and seat.
    pub results: Vec<Given>,
}

/// The seats of these ids that the caller sees.
fn seats_within(call: &Call, ids: &str) -> Select {
    let mut params = params![ids.to_owned()];
    let reach = reach_condition::<Seat>(&call.caller, 3).map(|(condition, value)| {
        params.push(value);
        condition
    });
    Select::rows::<Seat>(
        &format!(
            "WHERE account_id = $1 AND id IN (SELECT value FROM JSON_LIST($2) AS s){}",
            reach.unwrap_or_default()
        ),
        params,
    )
}

/// Plans a hold. One that stands with the same reference and the same places is that hold; the answer says whether it was
/// made.
pub async fn plan_hold(
    db: &Db,
    ids: &Ids,
    call: &Call,
    new: &NewHold,
) -> Result<(Plan, SeatHold, bool)> {
    call.caller.require(Permission::SeatsHold)?;
    let expires_at = new.checked(call.now)?;
    let references = new
        .items
        .iter()
        .enumerate()
        .map(|(n, item)| Reference::to(format!("/items/{n}/seat"), &item.seat));
    let refs = resolve(db, &call.caller, references.collect()).await?;
    let mut items: Vec<HoldItem> = Vec::new();
    for item in &new.items {
        let seat_id = refs.id(&item.seat)?;
        match items.iter_mut().find(|known| known.seat_id == seat_id) {
            Some(known) => known.quantity += item.quantity,
            None => items.push(HoldItem {
                seat_id,
                quantity: item.quantity,
                assignment_ids: Vec::new(),
                moved_to: None,
            }),
        }
    }
    let mut batch = Batch::new();
    let seats = batch.add::<Seat>(seats_within(
        call,
        &json_list(items.iter().map(|item| &item.seat_id)),
    ));
    let standing = new.reference.as_ref().map(|reference| {
        batch.add::<SeatHold>(Select::rows::<SeatHold>(
            "WHERE account_id = $1 AND reference = $2 AND state = 'held'",
            params![reference.clone()],
        ))
    });
    let mut rows = db.read(call.account(), batch).await?;
    let seats = rows.take(&seats);
    let mut plan = Plan::new("seat_hold.create");
    if let Some(hold) = standing.and_then(|slot| rows.first(&slot)) {
        return same_hold(hold, &items, call).map(|hold| (plan, hold, false));
    }
    let hold = SeatHold {
        id: ids.next(call.now),
        reference: new.reference.clone(),
        state: HoldState::Held,
        items: Json(items),
        expires_at,
        ended_at: None,
        version: 1,
        created_at: call.now,
        updated_at: call.now,
    };
    let mut item_rows = Vec::new();
    for item in &hold.items.0 {
        let seat = seats.iter().find(|seat| seat.id == item.seat_id);
        let seat = seat.ok_or_else(|| Error::not_found("seat"))?;
        let mut change = Change::of(seat.clone(), call, ids);
        change.hold(item.quantity, &hold.id)?;
        change.finish(&mut plan, &mut Access::new());
        item_rows.push(HoldRow {
            hold_id: hold.id.clone(),
            seat_id: item.seat_id.clone(),
            quantity: item.quantity,
            live: true,
        });
    }
    plan.write(Statement::insert(&hold));
    plan.write(Statement::insert_all(&item_rows));
    plan.event(hold.event("created"));
    let lapse = Job::LapseHold {
        hold_id: hold.id.to_string(),
    };
    plan.write(lapse.enqueue(ids, Some(hold.id.as_str()), expires_at, call.now));
    Ok((plan, hold, true))
}

/// The hold that stands with a reference, if the same places are meant.
fn same_hold(hold: SeatHold, items: &[HoldItem], call: &Call) -> Result<SeatHold> {
    if hold.expires_at <= call.now {
        return Err(Error::new(
            Code::Contention,
            "The earlier hold with this reference is just lapsing. Repeat the request.",
        )
        .retry_after(1));
    }
    if hold.items.0 == items {
        return Ok(hold);
    }
    Err(Error::new(
        Code::AlreadyExists,
        "A hold with this reference stands already, with other places. Release it first, or use another reference.",
    )
    .with("member", "reference")
    .with("hold_id", hold.id.as_str()))
}

fn lapsed(hold: &SeatHold) -> Error {
    Error::new(
        Code::HoldLapsed,
        format!(
            "The hold ended {} and its places were given back. Make a new one.",
            hold.expires_at
        ),
    )
    .with("hold_id", hold.id.as_str())
}
