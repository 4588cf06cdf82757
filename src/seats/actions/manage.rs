//! Seats as records: made under terms or a template, changed in name, terms, status and quantity.

use schemars::JsonSchema;
use serde::Serialize;

use super::{PROMOTE_AT_ONCE, conclude, product_of, waiting_at};
use crate::access::Call;
use crate::db::{Batch, Db};
use crate::error::{Error, Result};
use crate::events::Plan;
use crate::jobs::Job;
use crate::records;
use crate::resource::{Input, Resolved, Resource, Stamp, resolve};
use crate::resources::Product;
use crate::seats::access::Access;
use crate::seats::assignment::Assignment;
use crate::seats::change::Change;
use crate::seats::seat::{NewSeat, Seat, SeatPatch};
use crate::seats::shortfall::{self, OnShortfall};
use crate::seats::template::SeatTemplate;
use crate::types::{Ids, Ref};

/// A seat after a change.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SeatChanged {
    /// The seat.
    #[serde(flatten)]
    pub seat: Seat,
    /// Those who lost their places, with `on_shortfall: revoke_unstarted`.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub revoked: Vec<Assignment>,
}

/// Plans a new seat, under its template's terms where it names one.
pub async fn plan_create(db: &Db, ids: &Ids, call: &Call, new: NewSeat) -> Result<(Plan, Seat)> {
    call.caller.require(Seat::WRITE)?;
    call.caller.require_account()?;
    let refs = resolve(db, &call.caller, new.references()).await?;
    let template = match &new.template {
        Some(template) => Some(
            records::find::<SeatTemplate>(db, &call.caller, &Ref::Id(refs.id(template)?)).await?,
        ),
        None => None,
    };
    let seat = Seat::from_new(new, template.as_ref(), &refs, &Stamp { ids, now: call.now })?;
    let mut plan = Plan::new("seat.create");
    let seat = Change::create(seat, None, call, ids).finish(&mut plan, &mut Access::new());
    Ok((plan, seat))
}

/// Plans a change of a seat; a new quantity is an entry of the ledger, and serves those who wait.
pub async fn plan_change<C>(
    db: &Db,
    ids: &Ids,
    call: &Call,
    reference: &Ref<Seat>,
    patch: SeatPatch,
    check: C,
) -> Result<(Plan, SeatChanged)>
where
    C: FnOnce(&Seat) -> Result<()>,
{
    call.caller.require(Seat::WRITE)?;
    call.caller.require_account()?;
    let before = records::find::<Seat>(db, &call.caller, reference).await?;
    check(&before)?;
    let (wanted, policy) = (patch.quantity, patch.on_shortfall);
    let mut after = before.clone();
    after.apply(patch, &Resolved::default(), call.now)?;
    match wanted.filter(|wanted| before.quantity != Some(*wanted)) {
        None => Ok(rename(before, after, call)),
        Some(places) => {
            let policy = policy.unwrap_or(OnShortfall::Refuse);
            resize(db, ids, call, &before, after, places, policy).await
        }
    }
}

/// Everything but the quantity is written as a whole.
fn rename(before: Seat, after: Seat, call: &Call) -> (Plan, SeatChanged) {
    let mut plan = records::change(&before, &after, "updated");
    let reopened = !before.is_open(call.now) && after.is_open(call.now);
    if reopened && after.waitlisted > 0 && after.has_room(1) {
        let seat_id = after.id.to_string();
        let job = Job::PromoteWaitlist {
            seat_id: seat_id.clone(),
        };
        plan.job(job, Some(seat_id));
    }
    // What is written nowhere has not changed: the answer is the record as it stands.
    let seat = if plan.is_empty() { before } else { after };
    let revoked = Vec::new();
    (plan, SeatChanged { seat, revoked })
}

/// The quantity goes by the ledger, the policy for what is in use beyond it, and the waiting line.
async fn resize(
    db: &Db,
    ids: &Ids,
    call: &Call,
    before: &Seat,
    after: Seat,
    places: i64,
    policy: OnShortfall,
) -> Result<(Plan, SeatChanged)> {
    let lower = before.quantity.is_none_or(|standing| places < standing);
    let over = if lower { before.used() - places } else { 0 };
    let mut batch = Batch::new();
    let product = batch.add::<Product>(product_of(before));
    let waiting = batch.add::<Assignment>(waiting_at(before.id.as_str(), PROMOTE_AT_ONCE));
    let unstarted = shortfall::wanted(&[(before.id.clone(), over)], policy)
        .map(|select| batch.add::<Assignment>(select));
    let mut rows = db.read(call.account(), batch).await?;
    let product = rows
        .first(&product)
        .ok_or_else(|| Error::not_found("product"))?;
    let waiting = rows.take(&waiting);
    let unstarted = unstarted.map_or_else(Vec::new, |slot| rows.take(&slot));
    let mut plan = Plan::new("seat.update");
    plan.write_all(after.companions(Some(before)));
    let previous = records::differences(before, &after_with(&after, places));
    let mut change = Change::resize(before, after, places, call, ids);
    let revoked = if over > 0 {
        shortfall::settle(&mut change, policy, &unstarted)?
    } else {
        Vec::new()
    };
    change.updated(previous.into());
    let seat = conclude(change, &product, &waiting, &[], &mut plan)?;
    Ok((plan, SeatChanged { seat, revoked }))
}

fn after_with(after: &Seat, places: i64) -> Seat {
    Seat {
        quantity: Some(places),
        ..after.clone()
    }
}
