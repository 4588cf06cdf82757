//! What people and programs do with a seat. Every action on people has one shape, `on_people`: permission, seat, people,
//! what is known of them; then the action itself changes the seat, those who wait get what is free, and access follows.

mod assign;
mod extend;
mod input;
mod manage;
mod revoke;
mod transfer;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::access::Access;
use super::assignment::{Assignment, AssignmentState};
use super::change::Change;
use super::ledger::LedgerEntry;
use super::reach::reaches;
use super::seat::Seat;
use super::settings::{self, SeatSettings};
use crate::access::{Call, Permission};
use crate::db::{Batch, Db, Select};
use crate::error::{Code, Error, Fault, Result};
use crate::events::Plan;
use crate::params;
use crate::records;
use crate::resource::resolve;
use crate::resources::{Product, Team, User};
use crate::types::{Id, Ids, Ref, Timestamp, json_list};

pub use super::denial::record_denial;
pub use assign::{ALL_AT_ONCE, all_learners, give, plan_assign};
pub use extend::plan_extend;
pub use input::{AssignInput, ExtendInput, IfFull, RevokeInput, TransferInput, wanted_end};
pub use manage::{SeatChanged, plan_change, plan_create};
pub use revoke::plan_revoke;
pub use transfer::plan_transfer;

crate::words! {
    /// What became of a wish.
    pub enum Outcome {
        /// Given.
        Assigned = "assigned",
        /// The person has it already.
        AlreadyAssigned = "already_assigned",
        /// In the waiting line.
        Waitlisted = "waitlisted",
        /// It lasts until another end than before.
        Extended = "extended",
        /// It had ended and goes on: the same assignment with its history.
        Revived = "revived",
        /// Taken back or handed over.
        Ended = "ended",
    }
}

/// What became of a wish for one person.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Given {
    /// What became of it.
    pub outcome: Outcome,
    /// The assignment.
    pub assignment: Assignment,
}

/// A seat after an action, and what became of each person.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SeatResult {
    /// The seat.
    pub seat: Seat,
    /// One line for each person.
    pub results: Vec<Given>,
}

/// So many waiters are served in one list of writes at the most; a job serves the rest.
pub const PROMOTE_AT_ONCE: i64 = 50;

/// The live assignments of people at a seat.
pub fn live_of(seat_id: &str, user_ids: &[Id<User>]) -> Select {
    Select::rows::<Assignment>(
        "WHERE account_id = $1 AND seat_id = $2 AND state IN ('waitlisted', 'reserved', 'active') AND user_id IN (SELECT value FROM JSON_LIST($3) AS wanted)",
        params![seat_id.to_owned(), json_list(user_ids)],
    )
}

/// Those who wait at a seat, the first first.
pub fn waiting_at(seat_id: &str, limit: i64) -> Select {
    Select::rows::<Assignment>(
        "WHERE account_id = $1 AND seat_id = $2 AND state = 'waitlisted' ORDER BY waiting_at, id LIMIT $3",
        params![seat_id.to_owned(), limit],
    )
}

/// The product of a seat.
pub(super) fn product_of(seat: &Seat) -> Select {
    Select::rows::<Product>(
        "WHERE account_id = $1 AND id = $2",
        params![seat.product_id.clone()],
    )
}

/// A person that an action names, and where in the body.
pub(super) struct Person {
    pub(super) pointer: String,
    pub(super) id: Id<User>,
}

/// An ended assignment, with the entry of its end and the places that it spent.
type Past = (Assignment, Option<(Id<LedgerEntry>, i64)>);

/// What an action needs to know beside the seat.
pub(super) struct Scene {
    pub(super) people: Vec<Person>,
    product: Product,
    live: Vec<Assignment>,
    /// The newest ended assignment of each person, with the entry of its end and the places that it spent.
    past: BTreeMap<Id<User>, Past>,
    waiting: Vec<Assignment>,
    teams: BTreeMap<Id<User>, Id<Team>>,
    pub(super) settings: SeatSettings,
}

impl Scene {
    /// The live assignment of a person, whoever may touch it.
    pub(super) fn live(&self, user: &Id<User>) -> Option<&Assignment> {
        self.live
            .iter()
            .find(|assignment| assignment.user_id == *user)
    }

    /// The live assignment of a person, if the caller's reach has it.
    pub(super) fn own(&self, call: &Call, user: &Id<User>) -> Option<&Assignment> {
        self.live(user)
            .filter(|one| reaches(&call.caller, &one.team_id))
    }

    /// The team for which a person gets a place.
    pub(super) fn team(&self, person: &Person) -> Result<Id<Team>> {
        self.teams.get(&person.id).cloned().ok_or_else(|| {
            let detail = "The person is in none of the seat's teams. Add them to one first, or provision them with the team.";
            Error::invalid(vec![Fault::new(
                person.pointer.clone(),
                "not_a_member",
                detail,
            )])
        })
    }

    /// The only person, where an action names one.
    pub(super) fn person(&self, n: usize) -> Result<&Person> {
        self.people
            .get(n)
            .ok_or_else(|| Error::internal("an action without its person"))
    }
}

/// Reads what an action on these people needs.
pub(super) async fn scene(
    db: &Db,
    call: &Call,
    seat: &Seat,
    people: Vec<Person>,
    with_past: bool,
) -> Result<Scene> {
    let ids: Vec<_> = people.iter().map(|person| person.id.clone()).collect();
    let list = json_list(&ids);
    let mut batch = Batch::new();
    let product = batch.add::<Product>(product_of(seat));
    let live = batch.add::<Assignment>(live_of(seat.id.as_str(), &ids));
    let waiting = batch.add::<Assignment>(waiting_at(seat.id.as_str(), PROMOTE_AT_ONCE));
    let teams = batch.add::<(Id<User>, Id<Team>)>(Select::new(
        "SELECT m.user_id, m.team_id FROM team_members m JOIN seat_teams s ON s.account_id = $1 AND s.team_id = m.team_id AND s.seat_id = $2 \
         WHERE m.account_id = $1 AND m.user_id IN (SELECT value FROM JSON_LIST($3) AS wanted) ORDER BY m.joined_at DESC",
        params![seat.id.clone(), list],
    ));
    let settings = batch.add::<(serde_json::Value,)>(settings::read());
    let past = with_past.then(|| {
        let of_person = "WHERE a.account_id = $1 AND a.seat_id = $2 AND a.user_id IN (SELECT value FROM JSON_LIST($3) AS wanted)";
        let ended = batch.add::<Assignment>(Select::rows::<Assignment>(
            "WHERE account_id = $1 AND seat_id = $2 AND user_id IN (SELECT value FROM JSON_LIST($3) AS wanted) AND ended_at IS NOT NULL ORDER BY ended_at, id",
            params![seat.id.clone(), list],
        ));
        let entries = batch.add::<(Id<Assignment>, Id<LedgerEntry>, i64)>(Select::new(
            format!(
                "SELECT a.id, l.id, l.spent_delta FROM seat_assignments a JOIN seat_ledger l ON l.account_id = $1 AND l.assignment_id = a.id \
                 AND l.assigned_delta = -1 {of_person} ORDER BY l.created_at DESC"
            ),
            params![seat.id.clone(), list],
        ));
        (ended, entries)
    });
    let mut rows = db.read(call.account(), batch).await?;
    let product = rows
        .first(&product)
        .ok_or_else(|| Error::not_found("product"))?;
    let mut latest = BTreeMap::new();
    if let Some((ended, entries)) = past {
        let entries = rows.take(&entries);
        for one in rows.take(&ended) {
            let entry = entries
                .iter()
                .find(|(assignment, ..)| *assignment == one.id)
                .map(|(_, entry, spent)| (entry.clone(), *spent));
            latest.insert(one.user_id.clone(), (one, entry));
        }
    }
    let own = |(_, team): &(Id<User>, Id<Team>)| reaches(&call.caller, team);
    Ok(Scene {
        people,
        product,
        live: rows.take(&live),
        past: latest,
        waiting: rows.take(&waiting),
        teams: rows.take(&teams).into_iter().filter(own).collect(),
        settings: SeatSettings::of(rows.first(&settings)),
    })
}

/// Hands the change to the plan, with those who move up and the access that follows. `results` have had their turn.
pub(super) fn conclude(
    mut change: Change<'_>,
    product: &Product,
    waiting: &[Assignment],
    results: &[Given],
    plan: &mut Plan,
) -> Result<Seat> {
    let had_turn = |one: &Assignment| {
        results.iter().any(|given| {
            given.assignment.id == one.id && given.assignment.state != AssignmentState::Waitlisted
        })
    };
    let next: Vec<_> = waiting
        .iter()
        .filter(|one| !had_turn(one))
        .cloned()
        .collect();
    change.promote_waiting(&next)?;
    let (ids, now) = change.stamp();
    let mut access = Access::new();
    let seat = change.finish(plan, &mut access);
    access.write(plan, [product], ids, now);
    Ok(seat)
}

/// The shape of every action on people of a seat: `act` changes the seat and tells what became of each.
async fn on_people<F>(
    db: &Db,
    ids: &Ids,
    call: &Call,
    seat: &Ref<Seat>,
    (verb, people): (&str, Vec<(String, Ref<User>)>),
    act: F,
) -> Result<(Plan, SeatResult)>
where
    F: FnOnce(&mut Change<'_>, &Scene) -> Result<Vec<Given>>,
{
    call.caller.require(Permission::SeatsAssign)?;
    let seat = records::find::<Seat>(db, &call.caller, seat).await?;
    let references = people
        .iter()
        .map(|(pointer, user)| crate::resource::Reference::to(pointer, user))
        .collect();
    let refs = resolve(db, &call.caller, references).await?;
    let mut named: Vec<Person> = Vec::new();
    for (pointer, user) in people {
        let id = refs.id(&user)?;
        if !named.iter().any(|person| person.id == id) {
            named.push(Person { pointer, id });
        }
    }
    let with_past = verb == "seat.extend";
    let scene = scene(db, call, &seat, named, with_past).await?;
    let mut plan = Plan::new(verb);
    let mut change = Change::of(seat, call, ids);
    let results = act(&mut change, &scene)?;
    let seat = conclude(change, &scene.product, &scene.waiting, &results, &mut plan)?;
    Ok((plan, SeatResult { seat, results }))
}

fn state_conflict(detail: &'static str) -> Error {
    Error::new(Code::StateConflict, detail)
}

/// The end that was asked for, within the seat's terms.
pub(super) fn until_within(
    seat: &Seat,
    wanted: Option<Timestamp>,
    now: Timestamp,
    pointer: &str,
) -> Result<Option<Timestamp>> {
    seat.terms().end_within(wanted, now).map_err(|fault| {
        Error::invalid(vec![Fault::new(
            pointer,
            "beyond_terms",
            format!("It {fault}."),
        )])
    })
}
