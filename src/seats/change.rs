//! What one plan does to one seat: deltas, ledger entries, assignments and events, with the seat's row touched once.

use serde_json::json;

use super::access::Access;
use super::assignment::{Assignment, AssignmentState};
use super::ledger::LedgerEntry;
use super::seat::Seat;
use super::terms::later;
use crate::access::Call;
use crate::db::{Statement, Value};
use crate::error::{Code, Error, Result};
use crate::events::{Event, Plan};
use crate::jobs::Job;
use crate::params;
use crate::resource::Resource;
use crate::resources::{Team, User};
use crate::types::{Id, Ids, Timestamp};

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
    pub cause: &'static str,
    /// The provision that makes it.
    pub provision_id: Option<String>,
}

/// A seat while a plan changes it.
pub struct Change<'a> {
    call: &'a Call,
    ids: &'a Ids,
    seat: Seat,
    is_new: bool,
    deltas: Deltas,
    entries: Vec<LedgerEntry>,
    writes: Vec<Statement>,
    events: Vec<Event>,
    access: Access,
    /// Waiters are counted as they were read: what frees or adds places must know of all of them.
    must_know_waiters: bool,
    must_be_full: bool,
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
            writes: Vec::new(),
            events: Vec::new(),
            access: Access::new(),
            must_know_waiters: false,
            must_be_full: false,
            whole_row: None,
        }
    }

    /// A seat that is made by this plan, with its quantity as the first entry.
    pub fn create(seat: Seat, reference: Option<String>, call: &'a Call, ids: &'a Ids) -> Self {
        let mut change = Self {
            is_new: true,
            ..Self::of(seat, call, ids)
        };
        let quantity = change.seat.quantity.unwrap_or(0);
        change.entry(
            "created",
            Deltas {
                quantity,
                ..Deltas::default()
            },
            None,
            reference,
        );
        change.events.push(change.seat.event("created"));
        change
    }

    /// A seat whose quantity becomes `after`'s, together with whatever else differs there.
    pub fn resize(before: &Seat, after: Seat, call: &'a Call, ids: &'a Ids) -> Self {
        let places = after.quantity.unwrap_or(0) - before.quantity.unwrap_or(0);
        let version = before.version;
        let previous = json!({ "quantity": before.quantity });
        let mut change = Self::of(after, call, ids);
        change.whole_row = Some(version);
        change.entry(
            "resized",
            Deltas {
                quantity: places,
                ..Deltas::default()
            },
            None,
            None,
        );
        change
            .events
            .push(change.seat.event("updated").previous(previous));
        change
    }

    /// The seat as it will be.
    pub const fn seat(&self) -> &Seat {
        &self.seat
    }

    /// Whether places were added, which may serve those who wait.
    pub const fn gains(&self) -> bool {
        self.deltas.quantity > 0
    }

    /// Whether an entry of this change carries the caller's reference already.
    pub fn has_reference(&self) -> bool {
        self.entries.iter().any(|entry| entry.reference.is_some())
    }

    fn entry(
        &mut self,
        cause: &str,
        deltas: Deltas,
        assignment: Option<&Id<Assignment>>,
        reference: Option<String>,
    ) {
        let actor = &self.call.caller.actor;
        self.entries.push(LedgerEntry {
            id: self.ids.next(self.call.now),
            seat_id: self.seat.id.clone(),
            cause: cause.to_owned(),
            quantity_delta: deltas.quantity,
            assigned_delta: deltas.assigned,
            reserved_delta: deltas.reserved,
            spent_delta: deltas.spent,
            waitlisted_delta: deltas.waitlisted,
            assignment_id: assignment.cloned(),
            reference,
            actor_type: actor.kind.as_str().to_owned(),
            actor_id: actor.id.as_deref().map(str::to_owned),
            actor_name: actor.name.to_string(),
            created_at: self.call.now,
        });
    }

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
        seat.overage = seat.quantity.map_or(0, |quantity| {
            seat.overage.min(seat.used() - quantity).max(0)
        });
        seat.available = seat.quantity.map(|quantity| quantity - seat.used());
        seat.updated_at = self.call.now;
    }

    /// Adds places; to an unlimited seat nothing but the entry. Those who sit are not disturbed; `reference` counts once
    /// per seat.
    pub fn add(&mut self, places: i64, cause: &str, reference: Option<&str>) {
        let deltas = Deltas {
            quantity: self.seat.quantity.map_or(0, |_| places),
            ..Deltas::default()
        };
        self.entry(cause, deltas, None, reference.map(str::to_owned));
        self.shift(deltas);
        self.must_know_waiters = true;
        let data = json!({ "seat": self.seat, "added": places, "reference": reference });
        let event = Event::new("seat.added", &self.seat.id, data).seat(&self.seat.id);
        self.events.push(match self.seat.team_ids.0.first() {
            Some(team) => event.team(team),
            None => event,
        });
    }

    fn assignment(&self, holder: &Holder, state: AssignmentState) -> Assignment {
        let now = self.call.now;
        Assignment {
            id: self.ids.next(now),
            seat_id: self.seat.id.clone(),
            product_id: self.seat.product_id.clone(),
            user_id: holder.user_id.clone(),
            team_id: holder.team_id.clone(),
            state,
            starts_at: (state == AssignmentState::Active).then_some(now),
            expires_at: holder.until,
            ended_at: None,
            cause: holder.cause.to_owned(),
            provision_id: holder.provision_id.clone(),
            version: 1,
            created_at: now,
            updated_at: now,
        }
    }

    /// Gives a free place; 409 `seats_exhausted` when there is none.
    pub fn assign(&mut self, holder: &Holder) -> Result<Assignment> {
        self.require_room()?;
        let assignment = self.assignment(holder, AssignmentState::Active);
        let deltas = Deltas {
            assigned: 1,
            ..Deltas::default()
        };
        self.entry("assigned", deltas, Some(&assignment.id), None);
        self.shift(deltas);
        self.writes.push(Statement::insert(&assignment));
        self.events.push(assignment.event("assigned"));
        self.access.begun.push(assignment.clone());
        Ok(assignment)
    }

    /// Holds a free place for somebody who was invited; it counts as used. 409 `seats_exhausted` when there is none.
    /// [`Self::promote`] makes it theirs, [`Self::end`] frees it.
    pub fn reserve(&mut self, holder: &Holder) -> Result<Assignment> {
        self.require_room()?;
        let assignment = self.assignment(holder, AssignmentState::Reserved);
        let deltas = Deltas {
            reserved: 1,
            ..Deltas::default()
        };
        self.entry("reserved", deltas, Some(&assignment.id), None);
        self.shift(deltas);
        self.writes.push(Statement::insert(&assignment));
        self.events.push(assignment.event("reserved"));
        Ok(assignment)
    }

    /// Puts a person into the waiting line.
    pub fn wait(&mut self, holder: &Holder) -> Assignment {
        let assignment = self.assignment(holder, AssignmentState::Waitlisted);
        let deltas = Deltas {
            waitlisted: 1,
            ..Deltas::default()
        };
        self.entry("waitlisted", deltas, Some(&assignment.id), None);
        self.shift(deltas);
        self.must_be_full = true;
        self.writes.push(Statement::insert(&assignment));
        self.events.push(assignment.event("waitlisted"));
        assignment
    }

    /// Gives a place to somebody who waits for one, or for whom one is held.
    pub fn promote(
        &mut self,
        waiting: &Assignment,
        until: Option<Timestamp>,
    ) -> Result<Assignment> {
        let (cause, deltas) = match waiting.state {
            AssignmentState::Waitlisted => (
                "promoted",
                Deltas {
                    assigned: 1,
                    waitlisted: -1,
                    ..Deltas::default()
                },
            ),
            AssignmentState::Reserved => (
                "accepted",
                Deltas {
                    assigned: 1,
                    reserved: -1,
                    ..Deltas::default()
                },
            ),
            _ => return Err(waiting.ended()),
        };
        if deltas.used() > 0 {
            self.require_room()?;
        }
        let now = self.call.now;
        let after = Assignment {
            state: AssignmentState::Active,
            starts_at: Some(now),
            expires_at: until,
            updated_at: now,
            ..waiting.clone()
        };
        self.entry(cause, deltas, Some(&after.id), None);
        self.shift(deltas);
        self.writes.push(Statement::update(&after, waiting.version));
        self.events.push(after.event("assigned"));
        self.access.begun.push(after.clone());
        Ok(after)
    }

    /// Ends an assignment: released, revoked or expired. A place that is not reusable stays used for good.
    pub fn end(&mut self, assignment: &Assignment, state: AssignmentState) -> Result<Assignment> {
        let deltas = match assignment.state {
            AssignmentState::Waitlisted => Deltas {
                waitlisted: -1,
                ..Deltas::default()
            },
            AssignmentState::Reserved => Deltas {
                reserved: -1,
                ..Deltas::default()
            },
            AssignmentState::Active => Deltas {
                assigned: -1,
                spent: i64::from(!self.seat.reusable),
                ..Deltas::default()
            },
            _ => return Err(assignment.ended()),
        };
        let now = self.call.now;
        let after = Assignment {
            state,
            ended_at: Some(now),
            updated_at: now,
            ..assignment.clone()
        };
        self.entry(state.as_str(), deltas, Some(&after.id), None);
        self.shift(deltas);
        self.must_know_waiters |= deltas.used() < 0;
        self.writes
            .push(Statement::update(&after, assignment.version));
        self.events.push(after.event(state.as_str()));
        if assignment.state == AssignmentState::Active {
            self.access.ended.push(after.clone());
        }
        Ok(after)
    }

    fn was_spent(&self, ended: &Assignment) -> bool {
        !self.seat.reusable && self.seat.spent > 0 && ended.starts_at.is_some()
    }

    /// Whether an assignment that has ended can be taken up again.
    pub fn can_revive(&self, ended: &Assignment) -> bool {
        self.seat.is_open(self.call.now) && (self.was_spent(ended) || self.seat.has_room(1))
    }

    /// Takes up an assignment that has ended, with its id and its history. A place that was used for good becomes theirs
    /// again; otherwise one must be free.
    pub fn revive(&mut self, ended: &Assignment, until: Option<Timestamp>) -> Result<Assignment> {
        self.require_open()?;
        let was_spent = self.was_spent(ended);
        let deltas = Deltas {
            assigned: 1,
            spent: -i64::from(was_spent),
            ..Deltas::default()
        };
        if deltas.used() > 0 {
            self.require_room()?;
        }
        let now = self.call.now;
        let after = Assignment {
            state: AssignmentState::Active,
            starts_at: ended.starts_at.or(Some(now)),
            expires_at: until,
            ended_at: None,
            updated_at: now,
            ..ended.clone()
        };
        self.entry("restored", deltas, Some(&after.id), None);
        self.shift(deltas);
        self.writes.push(Statement::update(&after, ended.version));
        self.events.push(after.event("assigned"));
        self.access.begun.push(after.clone());
        Ok(after)
    }

    /// Takes back a place that was never used: it is free again even where the places of the seat are used for good.
    pub fn retract(&mut self, assignment: &Assignment) -> Result<Assignment> {
        let after = self.end(assignment, AssignmentState::Revoked)?;
        if assignment.state == AssignmentState::Active && !self.seat.reusable {
            let back = Deltas {
                spent: -1,
                ..Deltas::default()
            };
            self.entry("undone", back, Some(&after.id), None);
            self.shift(back);
            self.must_know_waiters = true;
        }
        Ok(after)
    }

    /// Takes places away that nobody uses, as far as there are any, and tells how many.
    pub fn take_away(&mut self, places: i64, cause: &str) -> i64 {
        let free = self.seat.available.unwrap_or(0).clamp(0, places.max(0));
        if free == 0 {
            return 0;
        }
        let deltas = Deltas {
            quantity: -free,
            ..Deltas::default()
        };
        self.entry(cause, deltas, None, None);
        self.shift(deltas);
        self.must_know_waiters = true;
        let data = json!({ "seat": self.seat, "removed": free });
        let event = Event::new("seat.reduced", &self.seat.id, data).seat(&self.seat.id);
        self.events.push(match self.seat.team_ids.0.first() {
            Some(team) => event.team(team),
            None => event,
        });
        free
    }

    /// How many places this change adds.
    pub const fn added(&self) -> i64 {
        self.deltas.quantity
    }

    /// Whether the seat is made by this change.
    pub const fn makes_seat(&self) -> bool {
        self.is_new
    }

    /// Moves the end of an assignment.
    pub fn extend(&mut self, assignment: &Assignment, until: Option<Timestamp>) -> Assignment {
        let now = self.call.now;
        let after = Assignment {
            expires_at: until,
            updated_at: now,
            ..assignment.clone()
        };
        self.writes
            .push(Statement::update(&after, assignment.version));
        self.events.push(
            after
                .event("extended")
                .previous(json!({ "expires_at": assignment.expires_at })),
        );
        if later(assignment.expires_at, until) == until {
            self.access.begun.push(after.clone());
        } else {
            self.access.shortened.push(after.clone());
        }
        after
    }

    /// Gives free places to those who wait, in their order, as far as they reach.
    pub fn promote_waiting(&mut self, waiting: &[Assignment]) -> Result<Vec<Assignment>> {
        let mut promoted = Vec::new();
        for one in waiting {
            if !self.seat.has_room(1) || !self.seat.is_open(self.call.now) {
                break;
            }
            let until = self.seat.terms().end(self.call.now);
            promoted.push(self.promote(one, until)?);
        }
        Ok(promoted)
    }

    fn require_open(&self) -> Result<()> {
        if self.seat.is_open(self.call.now) {
            return Ok(());
        }
        Err(Error::new(
            Code::StateConflict,
            "The seat is archived, or its date has passed; its places cannot be given any more.",
        )
        .with("seat_id", self.seat.id.as_str()))
    }

    fn require_room(&self) -> Result<()> {
        self.require_open()?;
        if self.seat.has_room(1) {
            Ok(())
        } else {
            Err(exhausted(&self.seat, 1))
        }
    }

    /// Hands everything to the plan, what it means for people's access to `access`, and the seat as it will be. Those who
    /// wait for places that are free then are served by a job.
    pub fn finish(self, plan: &mut Plan, access: &mut Access) -> Seat {
        if self.is_new {
            plan.write(Statement::insert(&self.seat));
            plan.write_all(self.seat.team_rows());
        } else if let Some(version) = self.whole_row {
            plan.write(Statement::update(&self.seat, version));
        } else if self.deltas != Deltas::default() {
            plan.write(self.update());
        }
        plan.write_all(self.writes);
        if !self.entries.is_empty() {
            plan.write(Statement::insert_all(&self.entries));
        }
        for event in self.events {
            plan.event(event);
        }
        access.begun.extend(self.access.begun);
        access.shortened.extend(self.access.shortened);
        access.ended.extend(self.access.ended);
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
    fn update(&self) -> Statement {
        let d = self.deltas;
        let mut params = params![
            d.quantity,
            d.assigned,
            d.reserved,
            d.spent,
            d.waitlisted,
            self.call.now,
            self.seat.id.clone()
        ];
        let mut sql = String::from(
            "UPDATE seats SET quantity = quantity + $2, assigned = assigned + $3, reserved = reserved + $4, spent = spent + $5, \
             waitlisted = waitlisted + $6, updated_at = $7, version = version + 1, \
             overage = CASE WHEN overage = 0 OR quantity IS NULL THEN 0 \
             ELSE GREATEST(0, LEAST(overage, assigned + reserved + spent + $3 + $4 + $5 - quantity - $2)) END \
             WHERE account_id = $1 AND id = $8",
        );
        if d.quantity < 0 {
            sql.push_str(" AND (quantity IS NULL OR assigned + reserved + spent + $3 + $4 + $5 <= quantity + $2)");
        }
        if d.used() > 0 {
            sql.push_str(" AND status = 'active' AND (quantity IS NULL OR assigned + reserved + spent + $3 + $4 + $5 <= quantity + $2)");
        }
        if self.must_be_full {
            sql.push_str(" AND quantity IS NOT NULL AND assigned + reserved + spent + $3 + $4 + $5 >= quantity + $2");
        }
        if self.must_know_waiters {
            params.push(Value::Int(Some(self.seat.waitlisted - d.waitlisted)));
            sql.push_str(" AND waitlisted = $9");
        }
        Statement::guarded(sql, params)
    }
}

/// 409 `seats_exhausted`, with the numbers and the way out.
pub fn exhausted(seat: &Seat, requested: i64) -> Error {
    let available = seat.available.unwrap_or(0).max(0);
    Error::new(
        Code::SeatsExhausted,
        format!(
            "The seat has {available} free places, and {requested} are wanted. Add places with «quantity», wait with «if_full»: «waitlist», or let it grow with «if_full»: «grow»."
        ),
    )
    .with("seat_id", seat.id.as_str())
    .with("requested", requested)
    .with("available", available)
}

/// A denial, kept beside the seat and told as `seat.denied`.
pub fn deny(seat: &Seat, user: Option<&Id<User>>, cause: &str, call: &Call, ids: &Ids) -> Plan {
    let mut plan = Plan::new("seat.deny");
    let id: Id<Denial> = ids.next(call.now);
    let available = seat.available.unwrap_or(0).max(0);
    plan.write(Statement::new(
        "INSERT INTO seat_denials (account_id, id, seat_id, user_id, requested, available, cause, created_at) VALUES ($1, $2, $3, $4, 1, $5, $6, $7)",
        params![id, seat.id.clone(), user.cloned(), available, cause.to_owned(), call.now],
    ));
    let event = Event::new(
        "seat.denied",
        &seat.id,
        json!({ "seat": seat, "user_id": user, "available": available }),
    )
    .seat(&seat.id);
    plan.event(match user {
        Some(user) => event.user(user),
        None => event,
    });
    plan
}

/// A wish that was refused for want of places.
pub enum Denial {}

impl crate::types::Kind for Denial {
    const PREFIX: &'static str = "denial";
}

/// The event of a new team member, here because seats follow memberships.
pub fn member_event(team: &Team, user: &Id<User>, role: &str) -> Event {
    let data = json!({ "team_id": team.id, "user_id": user, "role": role });
    Event::new("team_member.added", &team.id, data)
        .team(&team.id)
        .user(user)
}
