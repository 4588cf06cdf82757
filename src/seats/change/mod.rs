//! What one plan does to one seat: deltas, ledger entries, assignments and events, with the seat's row touched once.
//!
//! `places` gives places, takes them back and keeps the waiting line; `quantity` adds places, withdraws them and holds
//! them; `moving` carries them over to another seat. Nothing is written before [`Change::finish`] hands it all to a plan, so a change that is dropped never was.

mod moving;
mod places;
mod quantity;
mod reversal;

use super::access::Access;
use super::assignment::Assignment;
use super::cause::Cause;
use super::ledger::{self, LedgerEntry};
use super::seat::Seat;
use crate::access::Call;
use crate::db::{Statement, Value};
use crate::events::{Event, Plan};
use crate::jobs::Job;
use crate::params;
use crate::resources::{Team, User};
use crate::types::{Id, Ids, Timestamp};

pub use super::denial::{deny, exhausted};
pub(in crate::seats) use places::UNSTARTED;
pub(in crate::seats) use reversal::guarded_by;

/// Rows that are inserted by one statement at the most: a list of writes has room for some hundreds of statements.
const ROWS: usize = 200;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Deltas {
    quantity: i64,
    assigned: i64,
    reserved: i64,
    spent: i64,
    waitlisted: i64,
}

impl Deltas {
    const fn used(self) -> i64 {
        self.assigned + self.reserved + self.spent
    }
}

/// What an entry of the ledger is about.
#[derive(Debug, Default)]
struct About<'a> {
    assignment: Option<&'a Id<Assignment>>,
    reference: Option<&'a str>,
    hold: Option<&'a str>,
    counterpart: Option<(Id<LedgerEntry>, Id<Seat>)>,
}

impl<'a> About<'a> {
    fn assignment(assignment: &'a Id<Assignment>) -> Self {
        Self {
            assignment: Some(assignment),
            ..Self::default()
        }
    }

    fn reference(reference: Option<&'a str>) -> Self {
        Self {
            reference,
            ..Self::default()
        }
    }
}

/// The cause of a place that is held, or waited for, for somebody who was invited and has not accepted yet.
pub const INVITED: &str = Cause::Invited.as_str();

/// For whom a place is, and how it came about.
#[derive(Debug, Clone)]
pub struct Holder {
    /// The person.
    pub user_id: Id<User>,
    /// The team for which they have it.
    pub team_id: Id<Team>,
    /// When it ends; none: never.
    pub until: Option<Timestamp>,
    /// What brought it about.
    pub cause: Cause,
    /// The provision that makes it.
    pub provision_id: Option<String>,
    /// Whether they are a member of the team as it stands, and must still be one when this is written: somebody can leave
    /// meanwhile. Not so for who joins by the same plan, or has yet to accept an invitation.
    pub is_member: bool,
}

/// What must be true of the row when it is written.
#[derive(Debug, Default)]
struct Guards {
    /// Waiters are counted as they were read: what frees or adds places must know of all of them.
    know_waiters: bool,
    /// No place is free: somebody waits for one.
    be_full: bool,
    /// The quantity may fall below what is in use, which is marked as overage.
    may_exceed: bool,
}

/// A seat while a plan changes it.
pub struct Change<'a> {
    call: &'a Call,
    ids: &'a Ids,
    seat: Seat,
    is_new: bool,
    deltas: Deltas,
    entries: Vec<LedgerEntry>,
    inserts: Vec<Assignment>,
    writes: Vec<Statement>,
    events: Vec<Event>,
    jobs: Vec<Job>,
    access: Access,
    /// Teams that must still hold the seat when it is written, because places are given for them.
    teams: Vec<Id<Team>>,
    guards: Guards,
    /// The row is written as a whole over this version, because more than its counters changes.
    whole_row: Option<i64>,
}

impl<'a> Change<'a> {
    /// A change of a seat that stands.
    pub fn of(seat: Seat, call: &'a Call, ids: &'a Ids) -> Self {
        Self {
            call,
            ids,
            seat,
            is_new: false,
            deltas: Deltas::default(),
            entries: Vec::new(),
            inserts: Vec::new(),
            writes: Vec::new(),
            events: Vec::new(),
            jobs: Vec::new(),
            access: Access::new(),
            teams: Vec::new(),
            guards: Guards::default(),
            whole_row: None,
        }
    }

    /// The seat as it will be.
    pub const fn seat(&self) -> &Seat {
        &self.seat
    }

    /// The sources of ids and of time.
    pub(in crate::seats) const fn stamp(&self) -> (&'a Ids, Timestamp) {
        (self.ids, self.call.now)
    }

    /// Whether an assignment is changed here already.
    pub(in crate::seats) fn touches(&self, assignment: &Id<Assignment>) -> bool {
        self.entries
            .iter()
            .any(|entry| entry.assignment_id.as_ref() == Some(assignment))
    }

    /// Whether places were added, which may serve those who wait.
    pub const fn gains(&self) -> bool {
        self.deltas.quantity > 0
    }

    /// Whether an entry of this change carries this reference.
    pub(in crate::seats) fn counts(&self, reference: &str) -> bool {
        self.entries
            .iter()
            .any(|entry| entry.reference.as_deref() == Some(reference))
    }

    /// Whether an entry of this change carries a reference of the caller's already.
    pub fn has_reference(&self) -> bool {
        self.entries.iter().any(|entry| entry.reference.is_some())
    }

    fn entry(&mut self, cause: &str, deltas: Deltas, about: About<'_>) -> Id<LedgerEntry> {
        let actor = &self.call.caller.actor;
        // A microsecond apart, so that the entries of one change sort in their order by their ids too.
        let at = i64::try_from(self.entries.len()).unwrap_or(0) + self.call.now.micros();
        let id: Id<LedgerEntry> = self.ids.next(Timestamp::from_micros(at));
        let (counterpart_id, counterpart_seat_id) = about.counterpart.unzip();
        self.entries.push(LedgerEntry {
            id: id.clone(),
            seat_id: self.seat.id.clone(),
            cause: cause.to_owned(),
            quantity_delta: deltas.quantity,
            assigned_delta: deltas.assigned,
            reserved_delta: deltas.reserved,
            spent_delta: deltas.spent,
            waitlisted_delta: deltas.waitlisted,
            // What stands after it is known when the seat's row is written.
            quantity_after: None,
            assigned_after: 0,
            reserved_after: 0,
            spent_after: 0,
            waitlisted_after: 0,
            available_after: None,
            closes: false,
            assignment_id: about.assignment.cloned(),
            reference: about.reference.map(str::to_owned),
            hold_id: about.hold.map(str::to_owned),
            counterpart_id,
            counterpart_seat_id,
            actor_type: actor.kind.as_str().to_owned(),
            actor_id: actor.id.as_deref().map(str::to_owned),
            actor_name: actor.name.to_string(),
            created_at: self.call.now,
        });
        id
    }

    /// Moves the counters, those of the plan and those of the seat as it will be.
    fn shift(&mut self, deltas: Deltas) {
        let (sum, seat) = (&mut self.deltas, &mut self.seat);
        sum.quantity += deltas.quantity;
        sum.assigned += deltas.assigned;
        sum.reserved += deltas.reserved;
        sum.spent += deltas.spent;
        sum.waitlisted += deltas.waitlisted;
        seat.quantity = seat.quantity.map(|quantity| quantity + deltas.quantity);
        seat.assigned += deltas.assigned;
        seat.reserved += deltas.reserved;
        seat.spent += deltas.spent;
        seat.waitlisted += deltas.waitlisted;
        self.settle_overage();
        self.seat.updated_at = self.call.now;
    }

    fn settle_overage(&mut self) {
        let seat = &mut self.seat;
        seat.overage = seat.quantity.map_or(0, |quantity| {
            let over = (seat.used() - quantity).max(0);
            if self.guards.may_exceed {
                over
            } else {
                seat.overage.min(over)
            }
        });
        seat.available = seat.quantity.map(|quantity| quantity - seat.used());
    }

    /// An event about the seat, on its timeline and its first team's.
    pub(in crate::seats) fn announce(&mut self, event: Event) {
        let event = event.seat(&self.seat.id);
        self.events.push(match self.seat.team_ids.0.first() {
            Some(team) => event.team(team),
            None => event,
        });
    }

    /// An event about the seat, on its timeline and on that of the team it names.
    pub(in crate::seats) fn tell(&mut self, event: Event) {
        self.events.push(event.seat(&self.seat.id));
    }

    /// Hands everything to the plan, what it means for people's access to `access`, and the seat as it will be. Those who
    /// wait for places that are free then are served by a job.
    pub fn finish(mut self, plan: &mut Plan, access: &mut Access) -> Seat {
        let entries = i64::try_from(self.entries.len()).unwrap_or(i64::MAX);
        if self.is_new {
            self.seat.ledger_at = self.call.now;
            plan.write(Statement::insert(&self.seat));
            plan.write_all(ledger::record(&self.entries));
            plan.write_all(self.seat.team_rows());
        } else if let Some(version) = self.whole_row {
            let after_all = Timestamp::from_micros(self.seat.ledger_at.micros() + entries);
            if entries > 0 {
                self.seat.ledger_at = after_all.max(self.call.now);
            }
            plan.write(Statement::update(&self.seat, version));
            plan.write_all(ledger::record(&self.entries));
        } else if !self.entries.is_empty() || !self.teams.is_empty() {
            plan.write(self.update(entries));
            plan.write_all(ledger::record(&self.entries));
        }
        plan.write_all(self.inserts.chunks(ROWS).map(Statement::insert_all));
        plan.write_all(self.writes);
        for event in self.events {
            plan.event(event);
        }
        for job in self.jobs {
            plan.job(job, Some(self.seat.id.to_string()));
        }
        access.begun.extend(self.access.begun);
        access.shortened.extend(self.access.shortened);
        access.ended.extend(self.access.ended);
        access.members.extend(self.access.members);
        if self.seat.waitlisted > 0 && self.seat.has_room(1) && self.seat.is_open(self.call.now) {
            let seat_id = self.seat.id.to_string();
            let job = Job::PromoteWaitlist {
                seat_id: seat_id.clone(),
            };
            plan.job(job, Some(seat_id));
        }
        self.seat
    }

    /// The one UPDATE of the seat, with its guards.
    fn update(&self, entries: i64) -> Statement {
        let d = self.deltas;
        let mut params = params![
            d.quantity,
            d.assigned,
            d.reserved,
            d.spent,
            d.waitlisted,
            self.call.now,
            self.seat.id.clone(),
            entries
        ];
        let used = "assigned + reserved + spent + $3 + $4 + $5";
        let overage = if self.guards.may_exceed {
            format!(
                "CASE WHEN quantity IS NULL THEN 0 ELSE GREATEST(0, {used} - quantity - $2) END"
            )
        } else {
            format!(
                "CASE WHEN overage = 0 OR quantity IS NULL THEN 0 ELSE GREATEST(0, LEAST(overage, {used} - quantity - $2)) END"
            )
        };
        let mut sql = format!(
            "UPDATE seats SET quantity = quantity + $2, assigned = assigned + $3, reserved = reserved + $4, spent = spent + $5, \
             waitlisted = waitlisted + $6, updated_at = $7, version = version + 1, overage = {overage}, \
             ledger_at = CASE WHEN $9 = 0 THEN ledger_at ELSE GREATEST(ledger_at + $9, $7) END \
             WHERE account_id = $1 AND id = $8"
        );
        if d.used() > 0 {
            sql.push_str(" AND status = 'active'");
        }
        if d.used() > 0 || (d.quantity < 0 && !self.guards.may_exceed) {
            sql.push_str(" AND (quantity IS NULL OR ");
            sql.push_str(used);
            sql.push_str(" <= quantity + $2)");
        }
        if d.quantity < 0 {
            sql.push_str(" AND quantity + $2 >= 0");
        }
        if self.guards.be_full {
            sql.push_str(" AND quantity IS NOT NULL AND assigned + reserved + spent + $3 + $4 + $5 >= quantity + $2");
        }
        if self.guards.know_waiters {
            params.push(Value::Int(Some(self.seat.waitlisted - d.waitlisted)));
            sql.push_str(" AND waitlisted = $10");
        }
        for team in &self.teams {
            params.push(Value::text(format!("%\"{team}\"%")));
            sql.push_str(" AND team_ids LIKE $");
            sql.push_str(&(params.len() + 1).to_string());
        }
        Statement::guarded(sql, params)
    }
}

/// The event of a new team member, here because seats follow memberships.
pub fn member_event(team: &Team, user: &Id<User>, role: &str) -> Event {
    let data = serde_json::json!({ "team_id": team.id, "user_id": user, "role": role });
    Event::new("team_member.added", &team.id, data)
        .team(&team.id)
        .user(user)
}
