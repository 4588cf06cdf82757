//! Places of a seat as they are given, held for somebody, waited for, extended, revived and taken back.

use serde_json::json;

use super::{About, Change, Deltas, Holder, INVITED};
use crate::db::Statement;
use crate::error::{Code, Error, Result};
use crate::jobs::Job;
use crate::resources::Team;
use crate::seats::assignment::{Assignment, AssignmentState};
use crate::seats::cause::Cause;
use crate::seats::denial::exhausted;
use crate::seats::ledger::LedgerEntry;
use crate::seats::terms::later;
use crate::types::{Id, Timestamp};

/// What is true while the holder has begun none of the courses that the place leads to.
pub(in crate::seats) const UNSTARTED: &str = "NOT EXISTS (SELECT 1 FROM enrollments e JOIN product_courses c ON c.account_id = $1 AND c.course_id = e.course_id \
     AND c.product_id = seat_assignments.product_id WHERE e.account_id = $1 AND e.user_id = seat_assignments.user_id AND e.source = 'seat' \
     AND (e.started_at IS NOT NULL OR e.completed_at IS NOT NULL OR e.percent > 0))";

impl Change<'_> {
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
            extended_at: None,
            reclaim_at: None,
            ended_at: None,
            waiting_at: (state == AssignmentState::Waitlisted).then_some(now),
            cause: holder.cause.as_str().to_owned(),
            provision_id: holder.provision_id.clone(),
            version: 1,
            created_at: now,
            updated_at: now,
        }
    }

    /// The seat must still be the team's when this is written: a seat can be taken from a team meanwhile.
    fn needs_team(&mut self, assignment: &Assignment) {
        if !self.is_new && !self.teams.contains(&assignment.team_id) {
            self.teams.push(assignment.team_id.clone());
        }
    }

    /// The person must still be in the team when this is written.
    fn needs_member(&mut self, assignment: &Assignment) {
        let membership = (assignment.team_id.clone(), assignment.user_id.clone());
        self.access.members.insert(membership);
    }

    fn begin(&mut self, holder: &Holder, state: AssignmentState, deltas: Deltas) -> Assignment {
        let assignment = self.assignment(holder, state);
        let cause = match state {
            AssignmentState::Active => "assigned",
            other => other.as_str(),
        };
        self.entry(cause, deltas, About::assignment(&assignment.id));
        self.shift(deltas);
        self.needs_team(&assignment);
        if holder.is_member {
            self.needs_member(&assignment);
        }
        self.inserts.push(assignment.clone());
        self.events.push(assignment.event(cause));
        assignment
    }

    /// Gives a free place; 409 `seats_exhausted` when there is none.
    pub fn assign(&mut self, holder: &Holder) -> Result<Assignment> {
        self.require_room(1)?;
        let deltas = Deltas {
            assigned: 1,
            ..Deltas::default()
        };
        let assignment = self.begin(holder, AssignmentState::Active, deltas);
        self.access.begun.push(assignment.clone());
        Ok(assignment)
    }

    /// Hands a place over to somebody else. The use stays what it is, so no room is needed, not even where more places are
    /// in use than there are.
    pub fn hand_over(
        &mut self,
        from: &Assignment,
        to: &Holder,
    ) -> Result<(Assignment, Assignment)> {
        self.require_room(0)?;
        let ended = self.end(from, AssignmentState::Released)?;
        let deltas = Deltas {
            assigned: 1,
            ..Deltas::default()
        };
        let given = self.begin(to, AssignmentState::Active, deltas);
        self.access.begun.push(given.clone());
        Ok((ended, given))
    }

    /// Holds a free place for somebody who was invited; it counts as used. 409 `seats_exhausted` when there is none.
    /// [`Self::promote`] makes it theirs, [`Self::end`] frees it.
    pub fn reserve(&mut self, holder: &Holder) -> Result<Assignment> {
        self.require_room(1)?;
        let deltas = Deltas {
            reserved: 1,
            ..Deltas::default()
        };
        Ok(self.begin(holder, AssignmentState::Reserved, deltas))
    }

    /// Puts a person into the waiting line.
    pub fn wait(&mut self, holder: &Holder) -> Assignment {
        self.guards.be_full = true;
        let deltas = Deltas {
            waitlisted: 1,
            ..Deltas::default()
        };
        self.begin(holder, AssignmentState::Waitlisted, deltas)
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
            self.require_room(1)?;
        }
        let now = self.call.now;
        let after = Assignment {
            state: AssignmentState::Active,
            starts_at: Some(now),
            expires_at: until,
            updated_at: now,
            ..waiting.clone()
        };
        self.entry(cause, deltas, About::assignment(&after.id));
        self.shift(deltas);
        self.needs_team(&after);
        self.writes.push(Statement::update(&after, waiting.version));
        self.events.push(after.event("assigned"));
        self.access.begun.push(after.clone());
        if waiting.state == AssignmentState::Waitlisted {
            self.tell_assigned(&after);
        }
        Ok(after)
    }

    /// Holds a free place for somebody who was invited and waits in line for it.
    fn keep_for(&mut self, waiting: &Assignment) -> Result<Assignment> {
        self.require_room(1)?;
        let after = Assignment {
            state: AssignmentState::Reserved,
            updated_at: self.call.now,
            ..waiting.clone()
        };
        let deltas = Deltas {
            reserved: 1,
            waitlisted: -1,
            ..Deltas::default()
        };
        self.entry("reserved", deltas, About::assignment(&after.id));
        self.shift(deltas);
        self.needs_team(&after);
        self.writes.push(Statement::update(&after, waiting.version));
        self.events.push(after.event("reserved"));
        Ok(after)
    }

    /// Makes a wish that came with an invitation the person's own, once they have a right to it: what comes free for it
    /// is given then, not held.
    pub fn claim(&mut self, waiting: &Assignment, cause: Cause) -> Assignment {
        if waiting.cause != INVITED || cause == Cause::Invited {
            return waiting.clone();
        }
        let after = Assignment {
            cause: cause.as_str().to_owned(),
            updated_at: self.call.now,
            ..waiting.clone()
        };
        self.writes.push(Statement::update(&after, waiting.version));
        after
    }

    /// Ends an assignment: released, revoked or expired. A place that is not reusable stays used for good.
    pub fn end(&mut self, assignment: &Assignment, state: AssignmentState) -> Result<Assignment> {
        let spent = i64::from(!self.seat.reusable && assignment.state == AssignmentState::Active);
        self.stop(assignment, state, state.as_str(), spent, |update| update)
    }

    /// Takes the place of somebody who has begun nothing, together with a place of the quantity, so that it is not spent.
    /// The plan is stale when they begin meanwhile.
    pub fn withdraw(&mut self, assignment: &Assignment) -> Result<Assignment> {
        let guard = |update: Statement| {
            let sql = format!("{} AND {UNSTARTED}", update.sql());
            Statement::guarded(sql, update.params().to_vec())
        };
        self.stop(assignment, AssignmentState::Revoked, "withdrawn", 0, guard)
    }

    pub(super) fn stop(
        &mut self,
        assignment: &Assignment,
        state: AssignmentState,
        cause: &str,
        spent: i64,
        guard: impl FnOnce(Statement) -> Statement,
    ) -> Result<Assignment> {
        let mut deltas = Deltas {
            spent,
            ..Deltas::default()
        };
        match assignment.state {
            AssignmentState::Waitlisted => deltas.waitlisted = -1,
            AssignmentState::Reserved => deltas.reserved = -1,
            AssignmentState::Active => deltas.assigned = -1,
            _ => return Err(assignment.ended()),
        }
        let now = self.call.now;
        let after = Assignment {
            state,
            ended_at: Some(now),
            updated_at: now,
            ..assignment.clone()
        };
        self.entry(cause, deltas, About::assignment(&after.id));
        self.shift(deltas);
        self.guards.know_waiters |= deltas.used() < 0;
        self.writes
            .push(guard(Statement::update(&after, assignment.version)));
        self.events.push(after.event(state.as_str()));
        if assignment.state == AssignmentState::Active {
            self.access.ended.push(after.clone());
        }
        Ok(after)
    }

    /// Gives an ended assignment its place again: same id, same history, same progress. `ending` is the entry of its end,
    /// which the new one takes back; a place that was used for good is the same one again. 409 `seats_exhausted` when a
    /// place that could be given again has gone to somebody else.
    pub fn revive(
        &mut self,
        ended: &Assignment,
        ending: Option<(Id<LedgerEntry>, i64)>,
        until: Option<Timestamp>,
    ) -> Result<Assignment> {
        if ended.is_live() {
            return Err(Error::new(
                Code::StateConflict,
                "The assignment has not ended; there is nothing to revive.",
            ));
        }
        let spent = ending.as_ref().map_or(0, |(_, spent)| *spent);
        let about = About {
            counterpart: ending.map(|(entry, _)| (entry, self.seat.id.clone())),
            ..About::assignment(&ended.id)
        };
        let after = self.take_up(ended, ("revived", about), spent, until)?;
        self.needs_member(&after);
        Ok(after)
    }

    /// An assignment that has ended is live again, with the entry that says so; `spent`: how many places used for good it
    /// takes back.
    pub(super) fn take_up(
        &mut self,
        ended: &Assignment,
        (cause, about): (&str, About<'_>),
        spent: i64,
        until: Option<Timestamp>,
    ) -> Result<Assignment> {
        let deltas = Deltas {
            assigned: 1,
            spent: -spent,
            ..Deltas::default()
        };
        self.require_room(deltas.used())?;
        let now = self.call.now;
        let after = Assignment {
            state: AssignmentState::Active,
            starts_at: ended.starts_at.or(Some(now)),
            expires_at: until,
            extended_at: Some(now),
            reclaim_at: None,
            ended_at: None,
            updated_at: now,
            ..ended.clone()
        };
        self.entry(cause, deltas, about);
        self.shift(deltas);
        self.needs_team(&after);
        self.writes.push(Statement::update(&after, ended.version));
        self.events.push(
            after
                .event(cause)
                .previous(json!({ "state": ended.state, "ended_at": ended.ended_at })),
        );
        self.access.begun.push(after.clone());
        Ok(after)
    }

    /// Moves the end of an assignment.
    pub fn extend(&mut self, assignment: &Assignment, until: Option<Timestamp>) -> Assignment {
        let now = self.call.now;
        let after = Assignment {
            expires_at: until,
            extended_at: Some(now),
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

    /// Has the holder told by mail of the place that is given here.
    pub fn tell_assigned(&mut self, assignment: &Assignment) {
        self.jobs.push(Job::TellOfPlace {
            assignment_id: assignment.id.to_string(),
        });
    }

    /// Lets a place, or a wish for one, count for another of the seat's teams. The counters stay as they are.
    pub fn rehome(&mut self, assignment: &Assignment, team: &Id<Team>) -> Assignment {
        let after = Assignment {
            team_id: team.clone(),
            updated_at: self.call.now,
            ..assignment.clone()
        };
        self.writes
            .push(Statement::update(&after, assignment.version));
        self.events.push(
            after
                .event("moved")
                .previous(json!({ "team_id": assignment.team_id })),
        );
        after
    }

    /// Gives free places to those who wait, in their order, as far as they reach; those who have not accepted their
    /// invitation get theirs held.
    pub fn promote_waiting(&mut self, waiting: &[Assignment]) -> Result<Vec<Assignment>> {
        let mut promoted = Vec::new();
        for one in waiting {
            if !self.seat.has_room(1) || !self.seat.is_open(self.call.now) {
                break;
            }
            if one.cause == INVITED {
                promoted.push(self.keep_for(one)?);
                continue;
            }
            let until = self.seat.terms().end(self.call.now);
            promoted.push(self.promote(one, until)?);
        }
        Ok(promoted)
    }

    pub(super) fn require_room(&self, places: i64) -> Result<()> {
        if !self.seat.is_open(self.call.now) {
            return Err(Error::new(
                Code::StateConflict,
                "The seat is archived or frozen, or its date has passed; its places cannot be given.",
            )
            .with("seat_id", self.seat.id.as_str()));
        }
        if places <= 0 || self.seat.has_room(places) {
            Ok(())
        } else {
            Err(exhausted(&self.seat, places))
        }
    }
}
