//! Why somebody may enter a course, or not: the chain that leads to a yes, or on a no the shortest list of requests that
//! would turn it into one. Read in four round trips at most, whatever there is.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value as JsonValue;

use super::explain_scene::{Scene, scene};
use crate::access::{Call, Permission};
use crate::db::Db;
use crate::error::Result;
use crate::resources::enrollment::EnrollmentSource;
use crate::resources::user::UserStatus;
use crate::resources::{Course, Enrollment, User};
use crate::seats::{Assignment, AssignmentState, Seat};
use crate::types::{Id, Ref, Timestamp};

crate::words! {
    /// A link of the chain.
    pub enum Step {
        /// What brought the places: a purchase or a grant.
        Order = "order",
        /// The allocation.
        Seat = "seat",
        /// The person's place of it.
        Assignment = "assignment",
        /// The person in the course.
        Enrollment = "enrollment",
        /// When access ends.
        Expiry = "expiry",
    }
}

/// The event of a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ChainEvent {
    /// Its id.
    pub id: String,
    /// What happened.
    pub r#type: String,
    /// When.
    pub created_at: Timestamp,
    /// Who did it.
    pub actor_name: String,
}

/// One link of the chain that gives access.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ChainLink {
    /// What it is.
    pub step: Step,
    /// The record.
    pub id: Option<String>,
    /// What it says, in a sentence.
    pub says: String,
    /// When it came about; of the end: when it comes.
    pub at: Option<Timestamp>,
    /// The event that tells of it, as long as events are kept.
    pub event: Option<ChainEvent>,
}

/// A request that helps.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Suggestion {
    /// The method.
    pub method: &'static str,
    /// The path.
    pub path: String,
    /// The body.
    pub body: JsonValue,
    /// What it does.
    pub says: String,
}

/// Why somebody may enter a course, or not.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Explanation {
    /// The person.
    pub user_id: Id<User>,
    /// The course.
    pub course_id: Id<Course>,
    /// Whether the person may enter the course now.
    pub access: bool,
    /// Why, in a sentence.
    pub says: String,
    /// When access ends; absent: never, or there is none.
    pub expires_at: Option<Timestamp>,
    /// On yes, the chain that gives access.
    pub chain: Vec<ChainLink>,
    /// On no, the shortest list of requests that would turn it into a yes, to be carried out in their order.
    pub requests: Vec<Suggestion>,
}

/// Explains.
pub async fn explain(
    db: &Db,
    call: &Call,
    user: &Ref<User>,
    course: &Ref<Course>,
) -> Result<Explanation> {
    call.caller.require(Permission::EnrollmentsRead)?;
    call.caller.require(Permission::SeatsRead)?;
    let scene = scene(db, call, user, course).await?;
    Ok(scene.explain())
}

fn day(at: Timestamp) -> String {
    at.to_string().chars().take(10).collect()
}

impl Scene {
    fn explain(&self) -> Explanation {
        let may_come_in =
            self.user.deleted_at.is_none() && self.user.status != UserStatus::Deactivated;
        // No end is the latest of all.
        let best = self
            .enrollments
            .iter()
            .filter(|one| one.gives_access(self.now))
            .max_by_key(|one| (one.expires_at.is_none(), one.expires_at));
        let (access, says, chain, requests) = match best {
            Some(best) if may_come_in => {
                let chain = self.chain(best);
                (true, self.yes(best), chain, Vec::new())
            }
            _ => (false, self.no(), Vec::new(), self.requests()),
        };
        Explanation {
            user_id: self.user.id.clone(),
            course_id: self.course.id.clone(),
            access,
            says,
            expires_at: best.filter(|_| access).and_then(|one| one.expires_at),
            chain,
            requests,
        }
    }

    fn yes(&self, best: &Enrollment) -> String {
        let end = best.expires_at.map_or_else(
            || "without an end".to_owned(),
            |end| format!("until {}", day(end)),
        );
        let by = match best.source {
            EnrollmentSource::Seat => "by a place of a seat",
            EnrollmentSource::Private => "bought privately",
            EnrollmentSource::Trial => "on trial",
        };
        format!(
            "{} may enter «{}», {by}, {end}.",
            self.user.display_name(),
            self.course.name
        )
    }

    fn event_of(&self, subject: &str) -> Option<ChainEvent> {
        let row = self.events.iter().find(|row| row.subject_id == subject)?;
        Some(ChainEvent {
            id: row.id.to_string(),
            r#type: row.r#type.clone(),
            created_at: row.created_at,
            actor_name: row.actor_name.clone(),
        })
    }

    pub(super) fn seat(&self, id: &Id<Seat>) -> Option<&Seat> {
        self.own_seats.iter().find(|seat| seat.id == *id)
    }

    fn chain(&self, best: &Enrollment) -> Vec<ChainLink> {
        let link = |step, id: Option<String>, says: String, at| ChainLink {
            event: id.as_deref().and_then(|id| self.event_of(id)),
            step,
            id,
            says,
            at,
        };
        let mut chain = Vec::new();
        let place = self
            .assignments
            .iter()
            .filter(|one| one.state == AssignmentState::Active)
            .max_by_key(|one| (one.expires_at.is_none(), one.expires_at))
            .filter(|_| best.source == EnrollmentSource::Seat);
        if let Some(place) = place {
            let seat = self.seat(&place.seat_id);
            if let Some(order) = self.orders.iter().find(|one| one.seat_id == place.seat_id) {
                let by = order
                    .reference
                    .as_ref()
                    .map_or_else(String::new, |reference| {
                        format!(" under the reference «{reference}»")
                    });
                let says = format!(
                    "{} places were {}{by} by {}.",
                    order.quantity_delta, order.cause, order.actor_name
                );
                chain.push(link(
                    Step::Order,
                    Some(order.id.to_string()),
                    says,
                    Some(order.created_at),
                ));
            }
            if let Some(seat) = seat {
                let says = match seat.quantity {
                    Some(quantity) => format!(
                        "The seat has {quantity} places; {} are assigned.",
                        seat.assigned
                    ),
                    None => format!(
                        "The seat has places without a limit; {} are assigned.",
                        seat.assigned
                    ),
                };
                chain.push(link(
                    Step::Seat,
                    Some(seat.id.to_string()),
                    says,
                    Some(seat.created_at),
                ));
            }
            let says = format!("A place of it was given ({}).", place.cause);
            chain.push(link(
                Step::Assignment,
                Some(place.id.to_string()),
                says,
                place.starts_at,
            ));
        }
        let says = format!("The enrollment is {}, at {} %.", best.status, best.percent);
        chain.push(link(
            Step::Enrollment,
            Some(best.id.to_string()),
            says,
            Some(best.created_at),
        ));
        let says = best.expires_at.map_or_else(
            || "Access has no end.".to_owned(),
            |end| format!("Access ends on {}.", day(end)),
        );
        chain.push(link(Step::Expiry, None, says, best.expires_at));
        chain
    }

    /// Why not, in a sentence.
    fn no(&self) -> String {
        let who = self.user.display_name();
        if let Some(at) = self.user.deleted_at {
            return format!("{who} was put aside on {}.", day(at));
        }
        if self.user.status == UserStatus::Deactivated {
            return format!("{who} is deactivated and may not sign in.");
        }
        if let Some(waits) = self.live(AssignmentState::Waitlisted) {
            return format!(
                "{who} has waited for a place since {}.",
                day(waits.created_at)
            );
        }
        if self.live(AssignmentState::Reserved).is_some() {
            return format!("A place is held for {who}, and not taken yet.");
        }
        if let Some(over) = self
            .enrollments
            .iter()
            .filter_map(|one| one.expires_at)
            .max()
            .filter(|end| *end <= self.now)
        {
            return format!("Access of {who} ended on {}.", day(over));
        }
        if self.products.is_empty() {
            return format!("No product leads to «{}».", self.course.name);
        }
        if self.teams.is_empty() {
            return format!("{who} is in no team.");
        }
        if self.own_seats.is_empty() {
            return format!(
                "No team of {who} has a seat that leads to «{}».",
                self.course.name
            );
        }
        format!(
            "{who} has no place of a seat that leads to «{}».",
            self.course.name
        )
    }

    pub(super) fn live(&self, state: AssignmentState) -> Option<&Assignment> {
        self.assignments.iter().find(|one| one.state == state)
    }
}
