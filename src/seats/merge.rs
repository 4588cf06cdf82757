//! Places of two records of one person: where both sit or wait at the same seat, the better place is kept, the other is
//! freed and goes to the waiting line in the same list of writes.

use super::access::Access;
use super::actions::PROMOTE_AT_ONCE;
use super::assignment::{Assignment, AssignmentState};
use super::change::Change;
use super::seat::Seat;
use super::terms::later;
use crate::access::Call;
use crate::db::{Batch, Db, Select, Statement};
use crate::error::Result;
use crate::events::Plan;
use crate::params;
use crate::resources::{Product, User};
use crate::types::{Id, Ids, json_list};

/// Plans the union of the places of `from` and `into`, and gives the assignments that were freed.
///
/// The access of the one who stays is not written here: whoever merges enrollments has all of it in hand.
pub async fn plan_union(
    db: &Db,
    ids: &Ids,
    call: &Call,
    plan: &mut Plan,
    from: &Id<User>,
    into: &Id<User>,
) -> Result<Vec<Assignment>> {
    let live = "state IN ('waitlisted', 'reserved', 'active')";
    let doubled = format!(
        "SELECT a.seat_id FROM seat_assignments a JOIN seat_assignments b ON b.account_id = $1 AND b.seat_id = a.seat_id AND b.user_id = $3 AND b.{live} \
         WHERE a.account_id = $1 AND a.user_id = $2 AND a.{live}"
    );
    let both = || params![from.clone(), into.clone()];
    let mut batch = Batch::new();
    let standing = batch.add::<Assignment>(Select::rows::<Assignment>(
        &format!(
            "WHERE account_id = $1 AND {live} AND user_id IN ($2, $3) AND seat_id IN ({doubled})"
        ),
        both(),
    ));
    let seats = batch.add::<Seat>(Select::rows::<Seat>(
        &format!("WHERE account_id = $1 AND id IN ({doubled})"),
        both(),
    ));
    let products = batch.add::<Product>(Select::rows::<Product>(
        &format!("WHERE account_id = $1 AND id IN (SELECT product_id FROM seats WHERE account_id = $1 AND id IN ({doubled}))"),
        both(),
    ));
    let waiting = batch.add::<Assignment>(Select::rows::<Assignment>(
        &format!(
            "WHERE account_id = $1 AND state = 'waitlisted' AND user_id NOT IN ($2, $3) AND seat_id IN ({doubled}) \
             ORDER BY waiting_at, id LIMIT {PROMOTE_AT_ONCE}"
        ),
        both(),
    ));
    let mut rows = db.read(call.account(), batch).await?;
    let (standing, waiting) = (rows.take(&standing), rows.take(&waiting));
    let of = |seat: &Seat, user: &Id<User>| {
        standing
            .iter()
            .find(|one| one.seat_id == seat.id && one.user_id == *user)
            .cloned()
    };
    let mut access = Access::new();
    let mut freed = Vec::new();
    for seat in rows.take(&seats) {
        let (Some(kept), Some(double)) = (of(&seat, into), of(&seat, from)) else {
            continue;
        };
        let seat_id = seat.id.clone();
        let mut change = Change::of(seat, call, ids);
        freed.push(unite(&mut change, &kept, &double)?);
        let next: Vec<_> = waiting
            .iter()
            .filter(|one| one.seat_id == seat_id)
            .cloned()
            .collect();
        change.promote_waiting(&next)?;
        change.finish(plan, &mut access);
    }
    access.begun.retain(|one| one.user_id != *into);
    access.shortened.clear();
    access.ended.clear();
    access.write(plan, &rows.take(&products), ids, call.now);
    plan.write(Statement::new(
        "UPDATE seat_assignments SET user_id = $2, version = version + 1, updated_at = $4 \
         WHERE account_id = $1 AND user_id = $3 AND id NOT IN (SELECT value FROM JSON_LIST($5) AS gone)",
        params![
            into.clone(),
            from.clone(),
            call.now,
            json_list(freed.iter().map(|one| &one.id))
        ],
    ));
    Ok(freed)
}

/// Frees the double, and lifts what is kept to the better of the two.
fn unite(change: &mut Change<'_>, kept: &Assignment, double: &Assignment) -> Result<Assignment> {
    // The freed one belongs to the history of the one who stays.
    let double = Assignment {
        user_id: kept.user_id.clone(),
        ..double.clone()
    };
    let freed = change.retract(&double)?;
    match (kept.state, double.state) {
        (AssignmentState::Active, AssignmentState::Active) => {
            let until = later(kept.expires_at, double.expires_at);
            if until != kept.expires_at {
                change.extend(kept, until);
            }
        }
        (_, AssignmentState::Active) => {
            change.promote(kept, double.expires_at)?;
        }
        _ => {}
    }
    Ok(freed)
}
