//! Places taken back; those who wait move up in the same list of writes.

use super::input::{RevokeInput, listed};
use super::{Given, Outcome, SeatResult, on_people};
use crate::access::Call;
use crate::db::Db;
use crate::error::{Code, Error, Result};
use crate::events::Plan;
use crate::resource::{Reference, resolve};
use crate::resources::Team;
use crate::seats::assignment::{Assignment, AssignmentState};
use crate::seats::seat::Seat;
use crate::types::{Id, Ids, Ref};

/// Plans the taking back of places, or of wishes for one. It works in every live state.
pub async fn plan_revoke(
    db: &Db,
    ids: &Ids,
    call: &Call,
    seat: &Ref<Seat>,
    input: &RevokeInput,
) -> Result<(Plan, SeatResult)> {
    let team = match &input.team {
        Some(team) => {
            let named = vec![Reference::to("/team", team)];
            Some(resolve(db, &call.caller, named).await?.id(team)?)
        }
        None => None,
    };
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
            if let Some(team) = team.as_ref().filter(|team| **team != one.team_id) {
                return Err(of_another_team(&person.pointer, one, team));
            }
            results.push(Given {
                outcome: Outcome::Ended,
                assignment: change.end(one, AssignmentState::Revoked)?,
            });
        }
        Ok(results)
    })
    .await
}

/// A shared seat is one for several teams: who speaks of one of them does not mean the places of the others.
fn of_another_team(pointer: &str, one: &Assignment, team: &Id<Team>) -> Error {
    Error::new(
        Code::StateConflict,
        "The person's place of this seat counts for another team that shares it.",
    )
    .with("pointer", pointer)
    .with("assignment_id", one.id.as_str())
    .with("team_id", one.team_id.as_str())
    .with("wanted_team_id", team.as_str())
}
