//! Free places moved from one team's seat to another's, in one list of writes, with entries on both ledgers that name each
//! other. Nobody who sits is disturbed: only places that nobody uses can move.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{PROMOTE_AT_ONCE, product_of};
use crate::access::{Call, Permission};
use crate::db::{Batch, Db, Select};
use crate::error::{Error, Fault, Result};
use crate::events::Plan;
use crate::params;
use crate::records;
use crate::resource::{Input, Reference, resolve};
use crate::resources::{Product, Team};
use crate::seats::access::Access;
use crate::seats::allocate::change_for;
use crate::seats::assignment::Assignment;
use crate::seats::change::Change;
use crate::seats::reach::require_reach;
use crate::seats::seat::Seat;
use crate::types::{Ids, Ref};

/// How many places go to which team.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MoveInput {
    /// The team that gets them: its own seat of the product, which is made under the same terms if it has none.
    pub to_team: Ref<Team>,
    /// How many.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub quantity: i64,
}

/// Both seats after a move.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct MoveResult {
    /// The seat that gave places.
    pub from: Seat,
    /// The seat that got them.
    pub to: Seat,
}

impl Input for MoveInput {
    fn references(&self) -> Vec<Reference> {
        vec![Reference::to("/to_team", &self.to_team)]
    }
}

/// Plans the move.
pub async fn plan_move(
    db: &Db,
    ids: &Ids,
    call: &Call,
    seat: &Ref<Seat>,
    input: &MoveInput,
) -> Result<(Plan, MoveResult)> {
    call.caller.require(Permission::SeatsWrite)?;
    if input.quantity < 1 {
        return Err(Error::invalid(vec![Fault::new(
            "/quantity",
            "invalid",
            "One place at least.",
        )]));
    }
    let seat = records::find::<Seat>(db, &call.caller, seat).await?;
    require_reach(&call.caller, &seat.team_ids.0)?;
    let refs = resolve(db, &call.caller, input.references()).await?;
    let team = refs.id(&input.to_team)?;
    require_reach(&call.caller, [&team])?;
    let mut batch = Batch::new();
    let product = batch.add::<Product>(product_of(&seat));
    let of_team = "SELECT seat_id FROM seat_teams WHERE account_id = $1 AND team_id = $2 AND live AND product_id = $3";
    let standing = batch.add::<Seat>(Select::rows::<Seat>(
        &format!("WHERE account_id = $1 AND id IN ({of_team})"),
        params![team.clone(), seat.product_id.clone()],
    ));
    let waiting = batch.add::<Assignment>(Select::rows::<Assignment>(
        &format!("WHERE account_id = $1 AND state = 'waitlisted' AND seat_id IN ({of_team}) ORDER BY waiting_at, id LIMIT $4"),
        params![team.clone(), seat.product_id.clone(), PROMOTE_AT_ONCE],
    ));
    let mut rows = db.read(call.account(), batch).await?;
    let product = rows
        .first(&product)
        .ok_or_else(|| Error::not_found("product"))?;
    let standing = rows.first(&standing);
    if standing.as_ref().is_some_and(|other| other.id == seat.id) {
        return Err(super::state_conflict(
            "The team shares this seat already; its places are the team's as they are.",
        ));
    }
    let (terms, template) = (seat.terms(), seat.template_id.clone());
    let key = (&team, &product.id);
    let mut to = change_for(standing.as_ref(), key, terms, template.as_ref(), call, ids);
    let mut from = Change::of(seat, call, ids);
    from.move_to(&mut to, input.quantity)?;
    to.promote_waiting(&rows.take(&waiting))?;
    let mut plan = Plan::new("seat.move");
    let mut access = Access::new();
    let result = MoveResult {
        from: from.finish(&mut plan, &mut access),
        to: to.finish(&mut plan, &mut access),
    };
    access.write(&mut plan, [&product], ids, call.now);
    Ok((plan, result))
}
