//! Another end for a place: later, or earlier where that is said. A place that has ended goes on as the same assignment.

use super::input::{ExtendInput, wanted_end};
use super::{Given, Outcome, Scene, SeatResult, on_people, state_conflict};
use crate::access::Call;
use crate::db::Db;
use crate::error::{Code, Error, Fault, Result};
use crate::events::Plan;
use crate::seats::assignment::{Assignment, AssignmentState};
use crate::seats::change::Change;
use crate::seats::reach::reaches;
use crate::seats::seat::Seat;
use crate::seats::terms::later;
use crate::types::{Ids, Ref, Timestamp};

/// Plans a new end of one person's place. It never shortens unless told to.
pub async fn plan_extend(
    db: &Db,
    ids: &Ids,
    call: &Call,
    seat: &Ref<Seat>,
    input: &ExtendInput,
) -> Result<(Plan, SeatResult)> {
    let people = vec![("/user".to_owned(), input.user.clone())];
    on_people(
        db,
        ids,
        call,
        seat,
        ("seat.extend", people),
        |change, scene| {
            let (at, days) = (input.expires_at, input.expires_in_days);
            let until = wanted_end(at, days, call.now, "/expires_at")?;
            if until.is_some_and(|until| until <= call.now) {
                return Err(Error::invalid(vec![Fault::new(
                    "/expires_at",
                    "in_the_past",
                    "The new end lies in the past; to end the place now, revoke it.",
                )]));
            }
            let person = scene.person(0)?;
            match scene.own(call, &person.id) {
                Some(one) if one.state == AssignmentState::Active => {
                    extend(change, one, until, input.allow_shorten)
                }
                Some(_) => Err(state_conflict(
                    "The person waits for a place, or one is held for them; there is no end to move yet.",
                )),
                None => revive(change, scene, call, until),
            }
            .map(|given| vec![given])
        },
    )
    .await
}

fn extend(
    change: &mut Change<'_>,
    one: &Assignment,
    until: Option<Timestamp>,
    allow_shorten: bool,
) -> Result<Given> {
    if until == one.expires_at {
        return Ok(Given {
            outcome: Outcome::AlreadyAssigned,
            assignment: one.clone(),
        });
    }
    let is_later = later(one.expires_at, until) == until;
    if is_later && !change.seat().extendable {
        return Err(state_conflict(
            "The seat's terms say that its places cannot be extended.",
        ));
    }
    if !is_later && !allow_shorten {
        return Err(Error::new(Code::StateConflict, "The new end is earlier than the present one. Say «allow_shorten»: true if that is meant.")
            .with("expires_at", serde_json::to_value(one.expires_at).unwrap_or_default()));
    }
    Ok(Given {
        outcome: Outcome::Extended,
        assignment: change.extend(one, until),
    })
}

/// The newest ended place of the person goes on.
fn revive(
    change: &mut Change<'_>,
    scene: &Scene,
    call: &Call,
    until: Option<Timestamp>,
) -> Result<Given> {
    let person = scene.person(0)?;
    let past = scene.past.get(&person.id);
    let past =
        past.filter(|(one, _)| one.starts_at.is_some() && reaches(&call.caller, &one.team_id));
    let Some((one, ending)) = past else {
        return Err(state_conflict(
            "The person has no place of this seat that could be extended, and never had one.",
        ));
    };
    if !change.seat().extendable {
        return Err(state_conflict(
            "The seat's terms say that its places cannot be extended.",
        ));
    }
    let ended = Assignment {
        team_id: scene.team(person)?,
        ..one.clone()
    };
    Ok(Given {
        outcome: Outcome::Revived,
        assignment: change.revive(&ended, ending.clone(), until)?,
    })
}
