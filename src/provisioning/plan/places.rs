//! The places of the call: those that are added, and those that are given.

use super::Work;
use crate::access::Call;
use crate::commerce::orders::provisioned::{self, Bought};
use crate::error::{Code, Error, Fault, Result};
use crate::provisioning::answer::{MadePlaces, SeatAnswer, SeatOutcome};
use crate::provisioning::request::SeatPart;
use crate::provisioning::scene::{First, Line, SeatScene};
use crate::resources::{Team, User};
use crate::seats::actions::{Given, IfFull, Outcome, give, wanted_end};
use crate::seats::allocate::change_for;
use crate::seats::change::{Holder, exhausted};
use crate::seats::{Access, Assignment, AssignmentState, Cause, Change, Seat};
use crate::types::{ExternalId, Ids};

impl Work<'_> {
    pub(super) fn seats(
        &mut self,
        user: &User,
        team: &Team,
        first: &First,
        scene: &SeatScene,
    ) -> Result<Vec<SeatAnswer>> {
        let mut changes: Vec<(Change<'_>, Vec<Assignment>)> = Vec::new();
        let mut places = Vec::new();
        let (ids, call) = (self.ids, self.call);
        // All places are added before any is given, in whichever order the lines stand.
        for (n, (part, line)) in self.request.seats.iter().zip(&first.lines).enumerate() {
            let found = changes
                .iter()
                .position(|(change, _)| is_seat_of(change.seat(), line));
            let at = found.unwrap_or(changes.len());
            if found.is_none() {
                let change = change_of(n, team, line, first, scene, part, call, ids)?;
                changes.push((change, Vec::new()));
            }
            if let Some((change, _)) = changes.get_mut(at) {
                let added = self.add_places(part, change, scene);
                let bought = part.quantity.filter(|_| added == SeatOutcome::Added);
                self.bought.extend(bought.map(|quantity| Bought {
                    product_id: change.seat().product_id.clone(),
                    seat_id: change.seat().id.clone(),
                    quantity,
                }));
                places.push((at, added));
            }
        }
        let mut answers = Vec::new();
        for (n, (part, (at, added))) in self.request.seats.iter().zip(places).enumerate() {
            let given = changes.get_mut(at).filter(|_| part.assigns());
            answers.push(match given {
                Some((change, given)) => {
                    let (outcome, one) =
                        self.give_place(n, part, user, team, change, given, scene)?;
                    (at, outcome, Some(one))
                }
                None => (at, added, None),
            });
        }
        let mut access = Access::new();
        let mut seats: Vec<Seat> = Vec::new();
        for (mut change, _) in changes {
            let seat_id = change.seat().id.clone();
            let waits = |one: &&Assignment| one.seat_id == seat_id && one.user_id != user.id;
            let waiting: Vec<_> = scene.waiting.iter().filter(waits).cloned().collect();
            if change.gains() {
                change.promote_waiting(&waiting)?;
                self.places.push(MadePlaces {
                    seat_id: seat_id.clone(),
                    quantity: change.added(),
                    seat_made: change.makes_seat(),
                });
            }
            seats.push(change.finish(&mut self.plan, &mut access));
        }
        let products = first.lines.iter().map(|line| &line.product);
        access.write(&mut self.plan, products, ids, call.now);
        Ok(answers
            .into_iter()
            .filter_map(|(at, outcome, one)| Some(seat_answer(seats.get(at)?, team, outcome, one)))
            .collect())
    }

    /// The places that a line adds, once for each reference.
    fn add_places(
        &self,
        part: &SeatPart,
        change: &mut Change<'_>,
        scene: &SeatScene,
    ) -> SeatOutcome {
        let Some(quantity) = part.quantity else {
            return SeatOutcome::Added;
        };
        if scene.added_before.contains(&change.seat().id) {
            return SeatOutcome::AlreadyAdded;
        }
        let reference = self.request.external_reference.as_ref();
        let reference = reference
            .map(ExternalId::as_str)
            .filter(|_| !change.has_reference());
        change.add(quantity, "added", reference);
        SeatOutcome::Added
    }

    /// The place that a line gives.
    #[expect(
        clippy::too_many_arguments,
        reason = "one line of the body against everything it may change"
    )]
    fn give_place(
        &self,
        n: usize,
        part: &SeatPart,
        user: &User,
        team: &Team,
        change: &mut Change<'_>,
        given: &mut Vec<Assignment>,
        scene: &SeatScene,
    ) -> Result<(SeatOutcome, Assignment)> {
        if let Some(one) = given.first() {
            // A line before this one has given it.
            let outcome = match one.state {
                AssignmentState::Waitlisted => SeatOutcome::Waitlisted,
                _ => SeatOutcome::AlreadyAssigned,
            };
            return Ok((outcome, one.clone()));
        }
        let pointer = format!("/seats/{n}/expires_at");
        let wanted = wanted_end(
            part.expires_at,
            part.expires_in_days,
            self.call.now,
            &pointer,
        )?;
        let until = change.seat().terms().end_within(wanted, self.call.now);
        let until = until.map_err(|fault| {
            Error::invalid(vec![Fault::new(
                pointer,
                "beyond_terms",
                format!("It {fault}."),
            )])
        })?;
        let holder = Holder {
            user_id: user.id.clone(),
            team_id: team.id.clone(),
            until,
            cause: Cause::Provision,
            provision_id: Some(self.id.to_string()),
            is_member: self.is_member,
        };
        let standing = scene
            .live
            .iter()
            .find(|one| one.seat_id == change.seat().id && one.user_id == user.id);
        let Given {
            outcome,
            assignment,
        } = give(
            change,
            standing,
            &holder,
            part.if_full.unwrap_or(IfFull::Fail),
            wanted,
        )?;
        given.push(assignment.clone());
        let outcome = match outcome {
            Outcome::Assigned => SeatOutcome::Assigned,
            Outcome::Waitlisted => SeatOutcome::Waitlisted,
            _ => SeatOutcome::AlreadyAssigned,
        };
        Ok((outcome, assignment))
    }

    /// The order of the places that were added under a reference.
    pub(super) fn order(&mut self, team: &Team, first: &First) -> Result<()> {
        let Some(reference) = &self.request.external_reference else {
            return Ok(());
        };
        let bought = std::mem::take(&mut self.bought);
        let told = (reference, first.orders_told);
        provisioned::record(
            &mut self.plan,
            self.ids,
            self.call,
            &team.id,
            told,
            self.id.as_str(),
            bought,
        )
    }
}

fn seat_answer(
    seat: &Seat,
    team: &Team,
    outcome: SeatOutcome,
    assignment: Option<Assignment>,
) -> SeatAnswer {
    SeatAnswer {
        seat_id: seat.id.clone(),
        product_id: seat.product_id.to_string(),
        outcome,
        assignment,
        quantity: seat.quantity,
        assigned: seat.assigned,
        available: seat.available,
        shared_with: seat
            .team_ids
            .0
            .iter()
            .filter(|id| **id != team.id)
            .cloned()
            .collect(),
    }
}

/// Whether a seat is the one that a line means.
fn is_seat_of(seat: &Seat, line: &Line) -> bool {
    line.seat
        .as_ref()
        .map_or(seat.product_id == line.product.id, |named| {
            named.id == seat.id
        })
}

/// The seat of a line while it changes: the team's, the one named, or a new one.
#[expect(
    clippy::too_many_arguments,
    reason = "everything that was read, and the two sources of ids and time"
)]
fn change_of<'c>(
    n: usize,
    team: &Team,
    line: &Line,
    first: &First,
    scene: &SeatScene,
    part: &SeatPart,
    call: &'c Call,
    ids: &'c Ids,
) -> Result<Change<'c>> {
    if let Some(seat) = scene
        .seats
        .iter()
        .find(|seat| is_seat_of(seat, line))
        .or(line.seat.as_ref())
    {
        if !seat.team_ids.0.contains(&team.id) {
            let detail = "The seat named does not belong to the team; name the product instead, or the seat's own team.";
            return Err(Error::invalid(vec![Fault::new(
                format!("/seats/{n}/seat"),
                "not_of_team",
                detail,
            )]));
        }
        return Ok(Change::of(seat.clone(), call, ids));
    }
    let may_make = part.quantity.is_some()
        || part.if_full == Some(IfFull::Grow)
        || part.if_full == Some(IfFull::Waitlist);
    let terms = line
        .template
        .as_ref()
        .map_or(first.terms, crate::seats::SeatTemplate::terms);
    let template = line.template.as_ref().map(|template| &template.id);
    let key = (&team.id, &line.product.id);
    let change = change_for(None, key, terms, template, call, ids);
    if !may_make {
        let error = exhausted(change.seat(), 1);
        return Err(Error::new(
            Code::SeatsExhausted,
            format!(
                "The team has no seat of «{}» yet. {}",
                line.product.name,
                error.detail()
            ),
        )
        .with("product_id", line.product.id.as_str())
        .with("requested", 1)
        .with("available", 0));
    }
    Ok(change)
}
