//! The confirmation of a hold: its places go to people, or to a team's own seats.

use super::ending::ending;
use super::{HoldResult, lapsed};
use crate::access::{Call, Permission};
use crate::db::{Batch, Db, Select};
use crate::error::{Code, Error, Fault, Result};
use crate::events::Plan;
use crate::params;
use crate::records;
use crate::resource::{Reference, resolve};
use crate::resources::{Team, User};
use crate::seats::actions::{IfFull, Outcome, give};
use crate::seats::allocate::change_for;
use crate::seats::assignment::{Assignment, AssignmentState};
use crate::seats::cause::Cause;
use crate::seats::change::Holder;
use crate::seats::hold::{ConfirmHold, HoldState, SeatHold};
use crate::seats::reach::{reaches, require_reach};
use crate::seats::seat::Seat;
use crate::seats::settings::{self, SeatSettings};
use crate::types::text::Json;
use crate::types::{Id, Ids, Ref, json_list};

/// Plans the confirmation of a hold: to people, or to a team's own seats. A repeat changes nothing.
pub async fn plan_confirm(
    db: &Db,
    ids: &Ids,
    call: &Call,
    hold: &Ref<SeatHold>,
    input: &ConfirmHold,
) -> Result<(Plan, HoldResult)> {
    call.caller.require(Permission::SeatsHold)?;
    let ways = [
        !input.users.is_empty(),
        !input.items.is_empty(),
        input.to_team.is_some(),
    ];
    if ways.iter().filter(|way| **way).count() != 1 {
        return Err(Error::invalid(vec![Fault::new(
            "/users",
            "required",
            "Say for whom the places are: give exactly one of users, items and to_team.",
        )]));
    }
    let hold = records::find::<SeatHold>(db, &call.caller, hold).await?;
    let mut plan = Plan::new("seat_hold.confirm");
    match hold.state {
        HoldState::Held if hold.expires_at > call.now => {}
        HoldState::Held | HoldState::Lapsed => return Err(lapsed(&hold)),
        HoldState::Confirmed => {
            let results = Vec::new();
            return Ok((plan, HoldResult { hold, results }));
        }
        HoldState::Released => {
            return Err(Error::new(
                Code::StateConflict,
                "The hold was released; its places are free again. Make a new one.",
            ));
        }
    }
    let result = match &input.to_team {
        Some(team) => to_team(db, ids, call, hold, team, &mut plan).await?,
        None => to_people(db, ids, call, hold, input, &mut plan).await?,
    };
    Ok((plan, result))
}

/// The places move to the team's own seats of the same products, which are made where there are none.
async fn to_team(
    db: &Db,
    ids: &Ids,
    call: &Call,
    hold: SeatHold,
    team: &Ref<Team>,
    plan: &mut Plan,
) -> Result<HoldResult> {
    call.caller.require(Permission::SeatsWrite)?;
    let team = records::find::<Team>(db, &call.caller, team).await?.id;
    let (mut ending, targets) = ending(db, ids, call, hold, Some(&team)).await?;
    ending.unhold("hold_confirmed");
    let sources = items_of(&ending.hold);
    let mut items = ending.hold.items.0.clone();
    for item in &mut items {
        let source = ending
            .changes
            .iter_mut()
            .find(|change| change.seat().id == item.seat_id)
            .ok_or_else(|| Error::not_found("seat"))?;
        require_reach(&call.caller, &source.seat().team_ids.0)?;
        let product = source.seat().product_id.clone();
        let standing = targets.iter().find(|seat| seat.product_id == product);
        if standing.is_some_and(|seat| sources.contains(&seat.id)) {
            return Err(Error::new(
                Code::StateConflict,
                "The team holds one of these seats itself; its places cannot be moved to it. Name people instead.",
            ));
        }
        let found = ending
            .others
            .iter()
            .position(|change| change.seat().product_id == product);
        if found.is_none() {
            let (terms, template) = (source.seat().terms(), source.seat().template_id.clone());
            let key = (&team, &product);
            let change = change_for(standing, key, terms, template.as_ref(), call, ids);
            ending.others.push(change);
        }
        let at = found.unwrap_or(ending.others.len() - 1);
        if let Some(target) = ending.others.get_mut(at) {
            source.move_to(target, item.quantity)?;
            item.moved_to = Some(target.seat().id.clone());
        }
    }
    ending.hold.items = Json(items);
    let hold = ending.finish(HoldState::Confirmed, plan, ids, call)?;
    Ok(HoldResult {
        hold,
        results: Vec::new(),
    })
}

fn items_of(hold: &SeatHold) -> Vec<Id<Seat>> {
    hold.items
        .0
        .iter()
        .map(|item| item.seat_id.clone())
        .collect()
}

/// A person and where the body names them.
type Named = (String, Id<User>);

/// The places go to people.
async fn to_people(
    db: &Db,
    ids: &Ids,
    call: &Call,
    hold: SeatHold,
    input: &ConfirmHold,
    plan: &mut Plan,
) -> Result<HoldResult> {
    call.caller.require(Permission::SeatsAssign)?;
    let people = people_of(db, call, &hold, input).await?;
    let users = json_list(
        people
            .iter()
            .flat_map(|(_, users)| users.iter().map(|(_, id)| id)),
    );
    let seats = json_list(items_of(&hold));
    let mut batch = Batch::new();
    let live = batch.add::<Assignment>(Select::rows::<Assignment>(
        "WHERE account_id = $1 AND state IN ('waitlisted', 'reserved', 'active') AND seat_id IN (SELECT value FROM JSON_LIST($2) AS s)          AND user_id IN (SELECT value FROM JSON_LIST($3) AS u)",
        params![seats, users],
    ));
    let teams = batch.add::<(Id<Seat>, Id<User>, Id<Team>)>(Select::new(
        "SELECT s.seat_id, m.user_id, m.team_id FROM team_members m JOIN seat_teams s ON s.account_id = $1 AND s.team_id = m.team_id          AND s.seat_id IN (SELECT value FROM JSON_LIST($2) AS s) WHERE m.account_id = $1 AND m.user_id IN (SELECT value FROM JSON_LIST($3) AS u)          ORDER BY m.joined_at",
        params![seats, users],
    ));
    let settings = batch.add::<(serde_json::Value,)>(settings::read());
    let mut rows = db.read(call.account(), batch).await?;
    let (live, teams) = (rows.take(&live), rows.take(&teams));
    let own = SeatSettings::of(rows.first(&settings)).assigned_mail;
    let tells = input.notify.unwrap_or(own);
    let (mut ending, _) = ending(db, ids, call, hold, None).await?;
    ending.unhold("hold_confirmed");
    let mut results = Vec::new();
    let mut items = ending.hold.items.0.clone();
    for (seat_id, users) in &people {
        let item = items.iter_mut().find(|item| item.seat_id == *seat_id);
        let change = ending
            .changes
            .iter_mut()
            .find(|change| change.seat().id == *seat_id);
        let (Some(item), Some(change)) = (item, change) else {
            continue;
        };
        let mut left = item.quantity;
        for (pointer, user) in users {
            let team = teams.iter().find(|(seat, member, team)| {
                seat == seat_id && member == user && reaches(&call.caller, team)
            });
            let Some((_, _, team)) = team else {
                return Err(Error::invalid(vec![Fault::new(
                    pointer.clone(),
                    "not_a_member",
                    "The person is in none of the seat's teams. Add them to one first.",
                )]));
            };
            let standing = live
                .iter()
                .find(|one| one.seat_id == *seat_id && one.user_id == *user);
            let needs = standing.is_none_or(|one| one.state == AssignmentState::Waitlisted);
            left -= i64::from(needs);
            if left < 0 {
                let detail = format!(
                    "The hold has {} places of this seat, and more people are named.",
                    item.quantity
                );
                return Err(Error::invalid(vec![Fault::new(
                    pointer.clone(),
                    "too_many",
                    detail,
                )]));
            }
            let holder = Holder {
                user_id: user.clone(),
                team_id: team.clone(),
                until: change.seat().terms().end(call.now),
                cause: Cause::Hold,
                provision_id: None,
                is_member: true,
            };
            let given = give(change, standing, &holder, IfFull::Fail, None)?;
            if given.outcome == Outcome::Assigned {
                item.assignment_ids.push(given.assignment.id.clone());
                if tells {
                    change.tell_assigned(&given.assignment);
                }
            }
            results.push(given);
        }
    }
    ending.hold.items = Json(items);
    let hold = ending.finish(HoldState::Confirmed, plan, ids, call)?;
    Ok(HoldResult { hold, results })
}

/// Who gets places of which seat.
async fn people_of(
    db: &Db,
    call: &Call,
    hold: &SeatHold,
    input: &ConfirmHold,
) -> Result<Vec<(Id<Seat>, Vec<Named>)>> {
    let at = |n: usize| format!("/items/{n}/seat");
    let one = |base: &str, users: &[Ref<User>]| -> Vec<(String, Ref<User>)> {
        let named = users.iter().enumerate();
        named
            .map(|(n, user)| (format!("{base}/users/{n}"), user.clone()))
            .collect()
    };
    let lists: Vec<_> = if input.items.is_empty() {
        vec![one("", &input.users)]
    } else {
        let items = input.items.iter().enumerate();
        items
            .map(|(n, item)| one(&format!("/items/{n}"), &item.users))
            .collect()
    };
    let seats = input.items.iter().enumerate();
    let mut references: Vec<_> = seats
        .map(|(n, item)| Reference::to(at(n), &item.seat))
        .collect();
    references.extend(
        lists
            .iter()
            .flatten()
            .map(|(pointer, user)| Reference::to(pointer.clone(), user)),
    );
    let refs = resolve(db, &call.caller, references).await?;
    let named = |people: &[(String, Ref<User>)]| -> Result<Vec<Named>> {
        let mut named: Vec<Named> = Vec::new();
        for (pointer, user) in people {
            let id = refs.id(user)?;
            if !named.iter().any(|(_, known)| *known == id) {
                named.push((pointer.clone(), id));
            }
        }
        Ok(named)
    };
    if input.items.is_empty() {
        let everybody = named(lists.first().map_or(&[], Vec::as_slice))?;
        return Ok(items_of(hold)
            .into_iter()
            .map(|seat| (seat, everybody.clone()))
            .collect());
    }
    let mut people = Vec::new();
    for (n, (item, users)) in input.items.iter().zip(&lists).enumerate() {
        let seat = refs.id(&item.seat)?;
        if !items_of(hold).contains(&seat) || people.iter().any(|(known, _)| *known == seat) {
            return Err(Error::invalid(vec![Fault::new(
                at(n),
                "not_held",
                "The hold has no places of this seat, or it is named twice.",
            )]));
        }
        people.push((seat, named(users)?));
    }
    Ok(people)
}
