//! What is done with holds: places are kept, confirmed, given back, or lapse.
//!
//! A hold is made as a whole or not at all: its places count as reserved at every seat from the same list of writes on, so
//! parallel holds never promise more than there is. It lapses by a job that is due at its end, and by the sweep where that
//! job was lost; between its end and the sweep it can no longer be confirmed.

use schemars::JsonSchema;
use serde::Serialize;

use super::access::Access;
use super::actions::{Given, IfFull, Outcome, PROMOTE_AT_ONCE, give};
use super::allocate::change_for;
use super::assignment::{Assignment, AssignmentState};
use super::cause::Cause;
use super::change::{Change, Holder};
use super::hold::{ConfirmHold, HoldItem, HoldRow, HoldState, NewHold, SeatHold};
use super::reach::{reaches, require_reach};
use super::seat::Seat;
use super::settings::{self, SeatSettings};
use crate::access::{Call, Permission};
use crate::app::App;
use crate::commit::commit;
use crate::db::{Batch, Db, Select, Statement};
use crate::error::{Code, Error, Fault, Result};
use crate::events::Plan;
use crate::jobs::Job;
use crate::params;
use crate::records::{self, reach_condition};
use crate::resource::{Reference, resolve};
use crate::resources::{Product, Team, User};
use crate::types::text::Json;
use crate::types::{AccountId, Id, Ids, Ref};

/// A hold after its confirmation, and what became of each person.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct HoldResult {
    /// The hold.
    pub hold: SeatHold,
    /// One line for each person and seat.
    pub results: Vec<Given>,
}

fn list(texts: impl IntoIterator<Item = impl ToString>) -> String {
    let texts: Vec<String> = texts.into_iter().map(|text| text.to_string()).collect();
    serde_json::to_string(&texts).unwrap_or_default()
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
        &list(items.iter().map(|item| &item.seat_id)),
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

/// A hold while it ends, with its seats as they change.
struct Ending<'a> {
    hold: SeatHold,
    changes: Vec<Change<'a>>,
    /// Seats of the team to which places move.
    others: Vec<Change<'a>>,
    products: Vec<Product>,
    waiting: Vec<Assignment>,
}

/// Reads what the end of a hold needs, beside the seats those that a team has of the same products.
async fn ending<'a>(
    db: &Db,
    ids: &'a Ids,
    call: &'a Call,
    hold: SeatHold,
    team: Option<&Id<Team>>,
) -> Result<(Ending<'a>, Vec<Seat>)> {
    let seat_ids = list(hold.items.0.iter().map(|item| &item.seat_id));
    let team = team.map(ToString::to_string).unwrap_or_default();
    let products_of = "SELECT product_id FROM seats WHERE account_id = $1 AND id IN (SELECT value FROM JSON_LIST($2) AS s)";
    let of_team = format!(
        "SELECT seat_id FROM seat_teams WHERE account_id = $1 AND team_id = $3 AND live AND product_id IN ({products_of})"
    );
    let mut batch = Batch::new();
    let seats = batch.add::<Seat>(seats_within(call, &seat_ids));
    let products = batch.add::<Product>(Select::rows::<Product>(
        &format!("WHERE account_id = $1 AND id IN ({products_of})"),
        params![seat_ids],
    ));
    let targets = batch.add::<Seat>(Select::rows::<Seat>(
        &format!("WHERE account_id = $1 AND id IN ({of_team})"),
        params![seat_ids, team],
    ));
    let waiting = batch.add::<Assignment>(Select::rows::<Assignment>(
        &format!(
            "WHERE account_id = $1 AND state = 'waitlisted' AND (seat_id IN (SELECT value FROM JSON_LIST($2) AS s) OR seat_id IN ({of_team})) \
             ORDER BY waiting_at, id LIMIT $4"
        ),
        params![seat_ids, team, PROMOTE_AT_ONCE],
    ));
    let mut rows = db.read(call.account(), batch).await?;
    let seats = rows.take(&seats);
    if seats.len() < hold.items.0.len() {
        return Err(Error::not_found("seat_hold"));
    }
    let changes = seats
        .into_iter()
        .map(|seat| Change::of(seat, call, ids))
        .collect();
    let targets = rows.take(&targets);
    let ending = Ending {
        hold,
        changes,
        others: Vec::new(),
        products: rows.take(&products),
        waiting: rows.take(&waiting),
    };
    Ok((ending, targets))
}

impl Ending<'_> {
    /// Gives the places of every item back to its seat.
    fn unhold(&mut self, cause: &str) {
        for item in &self.hold.items.0 {
            let change = self
                .changes
                .iter_mut()
                .find(|change| change.seat().id == item.seat_id);
            if let Some(change) = change {
                change.unhold(item.quantity, cause, &self.hold.id);
            }
        }
    }

    /// Hands everything to a plan: the rows of the hold, the seats, those who move up.
    fn finish(self, state: HoldState, plan: &mut Plan, ids: &Ids, call: &Call) -> Result<SeatHold> {
        let after = SeatHold {
            state,
            ended_at: Some(call.now),
            updated_at: call.now,
            ..self.hold
        };
        plan.write(Statement::update(&after, after.version));
        plan.write(Statement::new(
            "UPDATE seat_hold_items SET live = FALSE WHERE account_id = $1 AND hold_id = $2",
            params![after.id.clone()],
        ));
        plan.event(after.event(state.as_str()));
        let mut access = Access::new();
        for mut change in self.changes.into_iter().chain(self.others) {
            let seat_id = change.seat().id.clone();
            let here: Vec<_> = self
                .waiting
                .iter()
                .filter(|one| one.seat_id == seat_id && !change.touches(&one.id))
                .cloned()
                .collect();
            change.promote_waiting(&here)?;
            change.finish(plan, &mut access);
        }
        access.write(plan, &self.products, ids, call.now);
        Ok(after)
    }
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

/// Plans the end of a hold before its time. A repeat changes nothing.
pub async fn plan_release(
    db: &Db,
    ids: &Ids,
    call: &Call,
    hold: &Ref<SeatHold>,
) -> Result<(Plan, SeatHold)> {
    call.caller.require(Permission::SeatsHold)?;
    let hold = records::find::<SeatHold>(db, &call.caller, hold).await?;
    let mut plan = Plan::new("seat_hold.release");
    match hold.state {
        HoldState::Held => {
            let (mut ending, _) = ending(db, ids, call, hold, None).await?;
            ending.unhold("hold_released");
            let hold = ending.finish(HoldState::Released, &mut plan, ids, call)?;
            Ok((plan, hold))
        }
        HoldState::Released => Ok((plan, hold)),
        HoldState::Lapsed => Err(lapsed(&hold)),
        HoldState::Confirmed => Err(Error::new(
            Code::StateConflict,
            "The hold was confirmed; its places are given. Revoke them from those who have them.",
        )),
    }
}

/// Lets a hold lapse whose time is over.
pub async fn lapse(app: &App, account: &AccountId, hold_id: &str) -> Result<()> {
    let call = Call::system(account.clone(), "worker: holds", app.clock.now());
    let Some(id) = Id::<SeatHold>::parse(hold_id) else {
        return Ok(());
    };
    let reference = Ref::Id(id);
    commit(&app.db, &app.ids, &call, || async {
        let mut plan = Plan::new("seat_hold.lapse");
        let hold = records::maybe::<SeatHold>(&app.db, &call.caller, &reference).await?;
        let due = |hold: &SeatHold| hold.state == HoldState::Held && hold.expires_at <= call.now;
        if let Some(hold) = hold.filter(due) {
            let (mut ending, _) = ending(&app.db, &app.ids, &call, hold, None).await?;
            ending.unhold("hold_lapsed");
            ending.finish(HoldState::Lapsed, &mut plan, &app.ids, &call)?;
        }
        Ok((plan, ()))
    })
    .await
    .map(|_| ())
}

/// Lets every hold lapse whose job was lost.
pub async fn lapse_due(app: &App, account: &AccountId) -> Result<()> {
    let due = Select::new(
        "SELECT id FROM seat_holds WHERE account_id = $1 AND state = 'held' AND expires_at <= $2 ORDER BY expires_at LIMIT 1000",
        params![app.clock.now()],
    );
    for (hold,) in app.db.fetch::<(String,)>(account, due).await? {
        lapse(app, account, &hold).await?;
    }
    Ok(())
}

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
    let users = list(
        people
            .iter()
            .flat_map(|(_, users)| users.iter().map(|(_, id)| id)),
    );
    let seats = list(items_of(&hold));
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
