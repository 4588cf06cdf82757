//! Places for people: one, many, or all learners of the seat's teams.

use super::input::{AssignInput, IfFull, listed, wanted_end};
use super::{Given, Outcome, SeatResult, on_people, until_within};
use crate::access::{Call, Permission};
use crate::db::{Db, Select};
use crate::error::{Code, Error, Fault, Result};
use crate::events::Plan;
use crate::params;
use crate::records::{self, reach_condition};
use crate::resources::User;
use crate::seats::assignment::{Assignment, AssignmentState};
use crate::seats::cause::Cause;
use crate::seats::change::{Change, Holder, INVITED, exhausted};
use crate::seats::seat::Seat;
use crate::types::{Id, Ids, Ref, Timestamp};

/// So many people get a place in one transaction at the most.
pub const ALL_AT_ONCE: i64 = 300;
/// So many people get a place by one job at the most.
const ALL_IN_A_JOB: i64 = 100_000;

/// Gives a person a place, or finds that they have one, or lets them wait.
pub fn give(
    change: &mut Change<'_>,
    existing: Option<&Assignment>,
    holder: &Holder,
    if_full: IfFull,
    extend_to: Option<Timestamp>,
) -> Result<Given> {
    match existing.map(|one| (one, one.state)) {
        Some((one, AssignmentState::Active)) => {
            let longer = extend_to.filter(|to| {
                change.seat().extendable && one.expires_at.is_some_and(|end| *to > end)
            });
            let assignment = longer.map_or_else(|| one.clone(), |to| change.extend(one, Some(to)));
            return Ok(Given {
                outcome: Outcome::AlreadyAssigned,
                assignment,
            });
        }
        Some((one, AssignmentState::Reserved)) => {
            return Ok(Given {
                outcome: Outcome::Assigned,
                assignment: change.promote(&of_cause(one, holder.cause), holder.until)?,
            });
        }
        _ => {}
    }
    if !change.seat().has_room(1) {
        match (if_full, existing) {
            (IfFull::Fail, None) => {
                return Err(exhausted(change.seat(), 1).with("user_id", holder.user_id.as_str()));
            }
            (IfFull::Fail | IfFull::Waitlist, Some(one)) => {
                return Ok(Given {
                    outcome: Outcome::Waitlisted,
                    assignment: change.claim(one, holder.cause),
                });
            }
            (IfFull::Waitlist, None) => {
                return Ok(Given {
                    outcome: Outcome::Waitlisted,
                    assignment: change.wait(holder),
                });
            }
            (IfFull::Grow, _) => {
                let missing = change.seat().used() + 1 - change.seat().quantity.unwrap_or(0);
                change.add(missing, "grown", None);
            }
        }
    }
    let assignment = match existing {
        Some(one) => change.promote(&of_cause(one, holder.cause), holder.until)?,
        None => change.assign(holder)?,
    };
    Ok(Given {
        outcome: Outcome::Assigned,
        assignment,
    })
}

/// The same assignment; what was held for somebody invited is from now on theirs by this cause.
fn of_cause(one: &Assignment, cause: Cause) -> Assignment {
    let mut one = one.clone();
    if one.cause == INVITED {
        cause.as_str().clone_into(&mut one.cause);
    }
    one
}

/// Plans places for people.
pub async fn plan_assign(
    db: &Db,
    ids: &Ids,
    call: &Call,
    seat: &Ref<Seat>,
    input: &AssignInput,
) -> Result<(Plan, SeatResult)> {
    call.caller.require(Permission::SeatsAssign)?;
    let if_full = input.if_full.unwrap_or(IfFull::Fail);
    if if_full == IfFull::Grow {
        call.caller.require(Permission::SeatsWrite)?;
    }
    if input.users.is_empty() != input.all_members {
        return Err(Error::invalid(vec![Fault::new(
            "/users",
            "required",
            "Name people in «users», or say «all_members»: true instead.",
        )]));
    }
    let people = if input.all_members {
        let seat = records::find::<Seat>(db, &call.caller, seat).await?;
        let everybody = learners(db, call, &seat, ALL_AT_ONCE).await?;
        if i64::try_from(everybody.len()).unwrap_or(i64::MAX) > ALL_AT_ONCE {
            return Err(too_many(
                ALL_AT_ONCE,
                "Use POST /seats/{id}/assign_all, which gives them theirs in the background.",
            ));
        }
        everybody
            .into_iter()
            .map(|user| ("/all_members".to_owned(), Ref::Id(user)))
            .collect()
    } else {
        listed(&input.users)
    };
    on_people(
        db,
        ids,
        call,
        seat,
        ("seat.assign", people),
        |change, scene| {
            let (at, days) = (input.expires_at, input.expires_in_days);
            let wanted = wanted_end(at, days, call.now, "/expires_at")?;
            let until = until_within(change.seat(), wanted, call.now, "/expires_at")?;
            let tells = input.notify.unwrap_or(scene.settings.assigned_mail);
            let mut results = Vec::new();
            for person in &scene.people {
                let holder = Holder {
                    user_id: person.id.clone(),
                    team_id: scene.team(person)?,
                    until,
                    cause: Cause::Api,
                    provision_id: None,
                    is_member: true,
                };
                let given = give(change, scene.live(&person.id), &holder, if_full, wanted)?;
                if tells && given.outcome == Outcome::Assigned {
                    change.tell_assigned(&given.assignment);
                }
                results.push(given);
            }
            Ok(results)
        },
    )
    .await
}

fn too_many(most: i64, way_out: &str) -> Error {
    Error::new(
        Code::StateConflict,
        format!("The seat's teams have more than {most} learners. {way_out}"),
    )
    .with("limit", most)
}

/// The seat with all who learn in its teams, within the caller's reach, for a job that gives them places.
pub async fn all_learners(
    db: &Db,
    call: &Call,
    seat: &Ref<Seat>,
    if_full: Option<IfFull>,
) -> Result<(Id<Seat>, Vec<Id<User>>)> {
    call.caller.require(Permission::SeatsAssign)?;
    if if_full == Some(IfFull::Grow) {
        call.caller.require(Permission::SeatsWrite)?;
    }
    let seat = records::find::<Seat>(db, &call.caller, seat).await?;
    let users = learners(db, call, &seat, ALL_IN_A_JOB).await?;
    if i64::try_from(users.len()).unwrap_or(i64::MAX) > ALL_IN_A_JOB {
        return Err(too_many(ALL_IN_A_JOB, "Name them in parts with «users»."));
    }
    Ok((seat.id, users))
}

/// The learners of a seat's teams, within the caller's reach; one more than `most` where there are more.
async fn learners(db: &Db, call: &Call, seat: &Seat, most: i64) -> Result<Vec<Id<User>>> {
    let mut params = params![seat.id.clone(), most + 1];
    let reach = reach_condition::<Assignment>(&call.caller, 4).map(|(condition, value)| {
        params.push(value);
        condition.replace("seat_assignments.", "m.")
    });
    let select = Select::new(
        format!(
            "SELECT DISTINCT m.user_id FROM team_members m JOIN seat_teams s ON s.account_id = $1 AND s.team_id = m.team_id AND s.seat_id = $2 \
             JOIN users u ON u.account_id = $1 AND u.id = m.user_id AND u.deleted_at IS NULL AND u.status <> 'deactivated' \
             WHERE m.account_id = $1 AND m.role NOT IN ('owner', 'manager'){} ORDER BY m.user_id LIMIT $3",
            reach.unwrap_or_default()
        ),
        params,
    );
    let rows = db.fetch::<(Id<User>,)>(call.account(), select).await?;
    if rows.is_empty() {
        return Err(Error::new(
            Code::StateConflict,
            "The seat's teams have no learners yet. Add members first.",
        ));
    }
    Ok(rows.into_iter().map(|(user,)| user).collect())
}
