//! Places, their order and the mail: what was given and added goes as far as nobody has used it.

use super::Work;
use super::scene::Scene;
use crate::commerce::orders::provisioned;
use crate::db::{Db, Statement};
use crate::email::outbox::MailState;
use crate::error::Result;
use crate::params;
use crate::resources::Enrollment;
use crate::seats::{Access, Assignment, AssignmentState, Change, Seat};

impl Work<'_> {
    /// The mail, if it still waits to be sent, with the sign-in link in it.
    pub(super) fn mail(&mut self, scene: &Scene) {
        let Some(mail) = &scene.mail else { return };
        if mail.state != MailState::Queued {
            let says = format!("It is {} already.", mail.state);
            self.report.kept("mail", &mail.id, says);
            return;
        }
        self.plan.write(Statement::guarded(
            "UPDATE mails SET state = 'failed', once_key = NULL, last_reply = $2 WHERE account_id = $1 AND id = $3 AND state = 'queued'",
            params![
                "The provision was taken back before the mail was sent.".to_owned(),
                mail.id
            ],
        ));
        if let Some(link) = &mail.link_id {
            self.plan.write(Statement::new(
                "DELETE FROM sign_in_links WHERE account_id = $1 AND id = $2 AND used_at IS NULL",
                params![link.clone()],
            ));
        }
        self.report.undone("mail", &mail.id, "It is not sent.");
    }

    /// Places given and added. Gives the assignments that end.
    pub(super) fn seats(&mut self, scene: &Scene) -> Result<Vec<Assignment>> {
        let mut ended = Vec::new();
        let mut access = Access::new();
        for seat in &scene.seats {
            let mut change = Change::of(seat.clone(), self.call, self.ids);
            for one in scene.live.iter().filter(|one| one.seat_id == seat.id) {
                if !self.made.assignments.contains(&one.id) {
                    continue;
                }
                if let Some(why) = used(scene, one) {
                    self.report.kept("assignment", &one.id, why);
                    continue;
                }
                ended.push(change.retract(one)?);
                let says = if one.state == AssignmentState::Waitlisted {
                    "The wish is taken out of the waiting line."
                } else {
                    "The place is taken back."
                };
                self.report.undone("assignment", &one.id, says);
            }
            self.places(scene, seat, &mut change);
            let waits = |one: &&Assignment| {
                one.seat_id == seat.id && !ended.iter().any(|other| other.id == one.id)
            };
            let waiting: Vec<_> = scene
                .waiting
                .iter()
                .filter(waits)
                .take_while(|one| one.user_id != scene.provision.user_id)
                .cloned()
                .collect();
            change.promote_waiting(&waiting)?;
            change.finish(self.plan, &mut access);
        }
        access.write(self.plan, &scene.products, self.ids, self.call.now);
        for id in &self.made.assignments {
            if !scene.live.iter().any(|one| one.id == *id) {
                self.report
                    .kept("assignment", id, "It has ended by itself meanwhile.");
            }
        }
        Ok(ended)
    }

    /// Places that were added to a seat, as far as they are free.
    fn places(&mut self, scene: &Scene, seat: &Seat, change: &mut Change<'_>) {
        let bought: i64 = self
            .made
            .places
            .iter()
            .filter(|one| one.seat_id == seat.id)
            .map(|one| one.quantity)
            .sum();
        if bought == 0 {
            return;
        }
        // What was refunded went back already.
        let refunded = provisioned::refunded(scene.order.as_ref(), &seat.id);
        let added = (bought - refunded).max(0);
        if let Some(order) = scene.order.as_ref().filter(|_| refunded > 0) {
            let says = format!("{refunded} places were refunded before.");
            self.report.kept("order", &order.id, says);
        }
        let taken = change.take_away(added, "undone");
        self.taken.push((seat.id.clone(), taken));
        if taken > 0 {
            let says = format!("{taken} places are taken off the seat.");
            self.report.undone("places", &seat.id, says);
        }
        if taken < added {
            let says = format!("{} places are in use.", added - taken);
            self.report.kept("places", &seat.id, says);
        } else if self
            .made
            .places
            .iter()
            .any(|one| one.seat_id == seat.id && one.seat_made)
        {
            let says = "The seat stays without places: its ledger is never removed.";
            self.report.kept("seat", &seat.id, says);
        }
    }

    /// The order of the places says how many went back.
    pub(super) fn order(&mut self, db: &Db, scene: &Scene) -> Result<()> {
        let Some(order) = &scene.order else {
            return Ok(());
        };
        let (ids, call) = (self.ids, self.call);
        let (went, says) =
            provisioned::take_back(db, ids, call, self.plan, order.clone(), &self.taken)?;
        if went > 0 {
            self.report.undone("order", &order.id, says);
        } else {
            self.report.kept("order", &order.id, says);
        }
        Ok(())
    }
}

/// Why a place cannot be taken back: it has been used.
fn used(scene: &Scene, one: &Assignment) -> Option<&'static str> {
    if one.state != AssignmentState::Active {
        return None;
    }
    let product = scene
        .products
        .iter()
        .find(|product| product.id == one.product_id)?;
    let has_begun = |enrollment: &&Enrollment| {
        product.course_ids.0.contains(&enrollment.course_id)
            && (enrollment.percent > 0 || enrollment.started_at.is_some())
    };
    scene
        .enrollments
        .iter()
        .find(has_begun)
        .map(|_| "The person has begun to learn.")
}
