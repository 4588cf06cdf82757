//! Places taken back; those who wait move up in the same list of writes.

use super::input::{RevokeInput, listed};
use super::{Given, Outcome, SeatResult, on_people};
use crate::access::Call;
use crate::db::Db;
use crate::error::{Code, Error, Result};
use crate::events::Plan;
use crate::seats::assignment::AssignmentState;
use crate::seats::seat::Seat;
use crate::types::{Ids, Ref};

/// Plans the taking back of places, or of wishes for one. It works in every live state.
pub async fn plan_revoke(
    db: &Db,
    ids: &Ids,
    call: &Call,
    seat: &Ref<Seat>,
    input: &RevokeInput,
) -> Result<(Plan, SeatResult)> {
    let people = ("seat.revoke", listed(&input.users));
    on_people(db, ids, call, seat, people, |change, scene| {
        let mut results = Vec::new();
        for person in &scene.people {
            let one = scene.own(call, &person.id).ok_or_else(|| {
                Error::new(
                    Code::StateConflict,
                    "The person holds no place of this seat and does not wait for one.",
                )
                .with("pointer", person.pointer.as_str())
            })?;
            results.push(Given {
                outcome: Outcome::Ended,
                assignment: change.end(one, AssignmentState::Revoked)?,
            });
        }
        Ok(results)
    })
    .await
}
