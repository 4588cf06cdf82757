//! A place handed over from one person to another, in one list of writes: nobody can come between.

use super::input::TransferInput;
use super::{Given, Outcome, SeatResult, on_people, state_conflict};
use crate::access::Call;
use crate::db::Db;
use crate::error::Result;
use crate::events::Plan;
use crate::seats::assignment::AssignmentState;
use crate::seats::cause::Cause;
use crate::seats::change::Holder;
use crate::seats::seat::Seat;
use crate::types::{Ids, Ref};

/// Plans the handing over of a place, with its end.
pub async fn plan_transfer(
    db: &Db,
    ids: &Ids,
    call: &Call,
    seat: &Ref<Seat>,
    input: &TransferInput,
) -> Result<(Plan, SeatResult)> {
    let people = vec![
        ("/from".to_owned(), input.from.clone()),
        ("/to".to_owned(), input.to.clone()),
    ];
    on_people(
        db,
        ids,
        call,
        seat,
        ("seat.transfer", people),
        |change, scene| {
            let (from, Some(to)) = (scene.person(0)?, scene.people.get(1)) else {
                return Err(state_conflict(
                    "The place is to go from the person to themselves; name two people.",
                ));
            };
            let one = scene
                .own(call, &from.id)
                .filter(|one| one.state == AssignmentState::Active)
                .ok_or_else(|| {
                    state_conflict("The person has no place of this seat to hand over.")
                })?;
            if !change.seat().reusable {
                return Err(state_conflict(
                    "The places of this seat are not reusable, so none can be handed over.",
                ));
            }
            if scene.live(&to.id).is_some() {
                return Err(state_conflict(
                    "The other person has a place of this seat already, or waits for one.",
                ));
            }
            let holder = Holder {
                user_id: to.id.clone(),
                team_id: scene.team(to)?,
                until: one.expires_at,
                cause: Cause::Transfer,
                provision_id: None,
                is_member: true,
            };
            let (ended, given) = change.hand_over(one, &holder)?;
            Ok(vec![
                Given {
                    outcome: Outcome::Ended,
                    assignment: ended,
                },
                Given {
                    outcome: Outcome::Assigned,
                    assignment: given,
                },
            ])
        },
    )
    .await
}
