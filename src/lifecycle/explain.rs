//! Why somebody may enter a course, or not: the chain that leads to a yes, or on a no the shortest list of requests that
//! would turn it into one. Read in four round trips at most, whatever there is.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value as JsonValue, json};

use super::restore::aside;
use crate::access::{Call, Permission};
use crate::db::{Batch, Db, Select};
use crate::error::{Error, Result};
use crate::events::EventRow;
use crate::params;
use crate::records::{self, reach_condition};
use crate::resources::enrollment::EnrollmentSource;
use crate::resources::user::UserStatus;
use crate::resources::{Course, Enrollment, Product, Team, User};
use crate::seats::ledger::LedgerEntry;
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

struct Scene {
    user: User,
    course: Course,
    now: Timestamp,
    enrollments: Vec<Enrollment>,
    products: Vec<Product>,
    assignments: Vec<Assignment>,
    /// Teams the person is in, or was in when they were put aside.
    teams: Vec<Id<Team>>,
    /// Seats of the person's teams and assignments.
    own_seats: Vec<Seat>,
    /// Other seats of a product with the course, those with free places first.
    other_seats: Vec<Seat>,
    orders: Vec<LedgerEntry>,
    events: Vec<EventRow>,
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

async fn scene(db: &Db, call: &Call, user: &Ref<User>, course: &Ref<Course>) -> Result<Scene> {
    let caller = &call.caller;
    let user = match records::maybe::<User>(db, caller, user).await? {
        Some(user) => Some(user),
        None if caller.require_account().is_ok() => {
            db.first::<User>(&caller.account, aside::<User>(user))
                .await?
        }
        None => None,
    };
    let user = user.ok_or_else(|| Error::not_found("user"))?;
    // Courses belong to the whole account: whoever may see the person may name one.
    let course = records::find::<Course>(db, caller, course).await?;
    let of_course =
        "SELECT product_id FROM product_courses WHERE account_id = $1 AND course_id = $3";
    let members = if user.deleted_at.is_some() {
        "SELECT f.team_id, f.joined_at FROM former_members f JOIN teams t ON t.account_id = $1 AND t.id = f.team_id AND t.deleted_at IS NULL \
         WHERE f.account_id = $1 AND f.departed_id = $2"
    } else {
        "SELECT f.team_id, f.joined_at FROM team_members f WHERE f.account_id = $1 AND f.user_id = $2"
    };
    let both = || params![user.id.clone(), course.id.clone()];
    let mut batch = Batch::new();
    let enrollments = batch.add::<Enrollment>(Select::rows::<Enrollment>(
        "WHERE account_id = $1 AND user_id = $2 AND course_id = $3",
        both(),
    ));
    let products = batch.add::<Product>(Select::rows::<Product>(
        "WHERE account_id = $1 AND id IN (SELECT product_id FROM product_courses WHERE account_id = $1 AND course_id = $2) \
         ORDER BY CASE WHEN status = 'archived' THEN 1 ELSE 0 END, id LIMIT 50",
        params![course.id.clone()],
    ));
    let assignments = batch.add::<Assignment>(Select::rows::<Assignment>(
        &format!("WHERE account_id = $1 AND user_id = $2 AND product_id IN ({of_course}) ORDER BY id DESC LIMIT 50"),
        both(),
    ));
    let teams = batch.add::<(Id<Team>, Timestamp)>(Select::new(
        format!("{members} ORDER BY f.joined_at, f.team_id LIMIT 200"),
        params![user.id.clone()],
    ));
    let own = format!(
        "WHERE seats.account_id = $1 AND (seats.id IN (SELECT a.seat_id FROM seat_assignments a WHERE a.account_id = $1 AND a.user_id = $2 AND a.product_id IN ({of_course})) \
         OR seats.id IN (SELECT s.seat_id FROM seat_teams s WHERE s.account_id = $1 AND s.product_id IN ({of_course}) \
         AND s.team_id IN (SELECT m.team_id FROM ({members}) m))) LIMIT 100"
    );
    let own_seats = batch.add::<Seat>(Select::rows::<Seat>(&own, both()));
    let mut values = params![course.id.clone()];
    let reach = reach_condition::<Seat>(caller, 3).map(|(condition, value)| {
        values.push(value);
        condition
    });
    let other_seats = batch.add::<Seat>(Select::rows::<Seat>(
        &format!(
            "WHERE seats.account_id = $1 AND seats.status = 'active' AND seats.product_id IN (SELECT product_id FROM product_courses WHERE account_id = $1 AND course_id = $2){} \
             ORDER BY CASE WHEN seats.available IS NULL OR seats.available > 0 THEN 0 ELSE 1 END, seats.id LIMIT 20",
            reach.unwrap_or_default()
        ),
        values,
    ));
    let orders = batch.add::<LedgerEntry>(Select::rows::<LedgerEntry>(
        &format!(
            "WHERE account_id = $1 AND quantity_delta > 0 AND seat_id IN (SELECT a.seat_id FROM seat_assignments a WHERE a.account_id = $1 AND a.user_id = $2 \
             AND a.state = 'active' AND a.product_id IN ({of_course})) ORDER BY created_at DESC, id DESC LIMIT 50"
        ),
        both(),
    ));
    let events = batch.add::<EventRow>(Select::rows::<EventRow>(
        &format!(
            "WHERE account_id = $1 AND user_id = $2 AND (subject_id IN (SELECT a.id FROM seat_assignments a WHERE a.account_id = $1 AND a.user_id = $2 \
             AND a.product_id IN ({of_course})) OR subject_id IN (SELECT e.id FROM enrollments e WHERE e.account_id = $1 AND e.user_id = $2 AND e.course_id = $3)) \
             ORDER BY id DESC LIMIT 100"
        ),
        both(),
    ));
    let mut rows = db.read(&caller.account, batch).await?;
    Ok(Scene {
        now: call.now,
        enrollments: rows.take(&enrollments),
        products: rows.take(&products),
        assignments: rows.take(&assignments),
        teams: rows
            .take(&teams)
            .into_iter()
            .map(|(team, _)| team)
            .collect(),
        own_seats: rows.take(&own_seats),
        other_seats: rows.take(&other_seats),
        orders: rows.take(&orders),
        events: rows.take(&events),
        user,
        course,
    })
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

    fn seat(&self, id: &Id<Seat>) -> Option<&Seat> {
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

    fn live(&self, state: AssignmentState) -> Option<&Assignment> {
        self.assignments.iter().find(|one| one.state == state)
    }

    /// The shortest list of requests.
    fn requests(&self) -> Vec<Suggestion> {
        let mut list = Vec::new();
        if let Some(at) = self.user.deleted_at {
            let says = "Restores the person, with memberships and the places that are free.";
            list.push(post(
                format!("/api/users/{}/restore", self.user.id),
                json!({}),
                says,
            ));
            if self.comes_back(at) {
                return list;
            }
        }
        if self.user.status == UserStatus::Deactivated {
            list.push(Suggestion {
                method: "PATCH",
                path: format!("/api/users/{}", self.user.id),
                body: json!({ "status": "active" }),
                says: "Lets the person sign in again.".to_owned(),
            });
        }
        if self
            .enrollments
            .iter()
            .any(|one| one.gives_access(self.now))
        {
            return list;
        }
        let mut ways: Vec<Vec<Suggestion>> = Vec::new();
        ways.extend(self.longer());
        ways.extend(
            self.own_seats
                .iter()
                .filter(|seat| self.is_member(seat))
                .map(|seat| self.place_of(seat)),
        );
        ways.extend(self.renewed());
        ways.extend(
            self.other_seats
                .iter()
                .filter_map(|seat| self.by_joining(seat)),
        );
        ways.push(self.by_provision());
        // Of equally short ones the first: ways that cost nothing stand before those that add places.
        if let Some(way) = ways.into_iter().min_by_key(|way| (way.len(), costs(way))) {
            list.extend(way);
        }
        list
    }

    /// Whether the restore itself brings a place back.
    fn comes_back(&self, deleted_at: Timestamp) -> bool {
        let back = |one: &Assignment| {
            let is_free = self.seat(&one.seat_id).is_some_and(|seat| {
                seat.is_open(self.now) && (seat.has_room(1) || (!seat.reusable && seat.spent > 0))
            });
            one.ended_at == Some(deleted_at)
                && one.state == AssignmentState::Released
                && one.starts_at.is_some()
                && one.expires_at.is_none_or(|end| end > self.now)
                && self.teams.contains(&one.team_id)
                && is_free
        };
        self.assignments.iter().any(back)
            || self
                .enrollments
                .iter()
                .any(|one| one.gives_access(self.now))
    }

    fn is_member(&self, seat: &Seat) -> bool {
        seat.team_ids.0.iter().any(|team| self.teams.contains(team))
    }

    /// A place that is theirs still, whose time is over.
    fn longer(&self) -> Option<Vec<Suggestion>> {
        let place = self
            .live(AssignmentState::Active)
            .filter(|one| one.expires_at.is_some_and(|end| end <= self.now))?;
        let seat = self.seat(&place.seat_id)?;
        seat.extendable.then(|| {
            vec![post(
                format!("/api/seats/{}/extend", seat.id),
                json!({ "user": self.user.id, "expires_in_days": 30 }),
                "Moves the end of the person's place.",
            )]
        })
    }

    /// A place of a seat of the person's team.
    fn place_of(&self, seat: &Seat) -> Vec<Suggestion> {
        let mut list = Vec::new();
        if seat.status != crate::seats::seat::SeatStatus::Active {
            list.push(patch_seat(
                seat,
                json!({ "status": "active" }),
                "Opens the seat again.",
            ));
        }
        if seat
            .terms()
            .end(self.now)
            .is_some_and(|end| end <= self.now)
        {
            let later = self.now.plus_days(365);
            list.push(patch_seat(
                seat,
                json!({ "expires_at": later }),
                "Moves the date of the seat.",
            ));
        }
        if let Some(place) = self
            .assignments
            .iter()
            .find(|one| one.seat_id == seat.id && one.state == AssignmentState::Active)
        {
            // Its time is over, and the terms forbid to extend it: a new one takes its place.
            let body = json!({ "users": [place.user_id] });
            list.push(post(
                format!("/api/seats/{}/revoke", seat.id),
                body,
                "Ends the place that is over.",
            ));
        }
        list.push(self.assign(seat));
        list
    }

    fn assign(&self, seat: &Seat) -> Suggestion {
        let path = format!("/api/seats/{}/assign", seat.id);
        if seat.has_room(1) {
            let body = json!({ "users": [self.user.id] });
            post(path, body, "Gives the person a free place of the seat.")
        } else {
            let body = json!({ "users": [self.user.id], "if_full": "grow" });
            post(
                path,
                body,
                "Adds a place to the seat, which is full, and gives it to the person.",
            )
        }
    }

    /// Private access whose time is over.
    fn renewed(&self) -> Option<Vec<Suggestion>> {
        let over = self
            .enrollments
            .iter()
            .find(|one| one.source != EnrollmentSource::Seat)?;
        Some(vec![Suggestion {
            method: "PATCH",
            path: format!("/api/enrollments/{}", over.id),
            body: json!({ "expires_at": null }),
            says: "Lets the access that no seat gives go on without an end.".to_owned(),
        }])
    }

    /// A place of another team's seat, after joining it.
    fn by_joining(&self, seat: &Seat) -> Option<Vec<Suggestion>> {
        let team = seat.team_ids.0.first()?;
        if self.is_member(seat) || !seat.is_open(self.now) {
            return None;
        }
        let body = json!({ "user": self.user.id, "role": "member" });
        let join = post(
            format!("/api/teams/{team}/members"),
            body,
            "Adds the person to the team that has the seat.",
        );
        Some(vec![join, self.assign(seat)])
    }

    /// A new place for the person's team, or for a team of their own; a product first where none has the course.
    fn by_provision(&self) -> Vec<Suggestion> {
        let mut list = Vec::new();
        let product = self.products.first().map(|product| product.id.to_string());
        let product = product.unwrap_or_else(|| {
            let key = format!("access-to-{}", self.course.id);
            let body = json!({ "name": self.course.name, "external_id": key, "courses": [self.course.id] });
            list.push(post("/api/products".to_owned(), body, "Makes a product of the course."));
            format!("ext:{key}")
        });
        let team = self.teams.first().map_or_else(
            || json!({ "strategy": "create" }),
            |team| json!({ "strategy": "specific", "id": team }),
        );
        let body = json!({
            "user": { "id": self.user.id },
            "team": team,
            "seats": [{ "product": product, "quantity": 1, "assign": true }],
            "welcome_email": false,
        });
        list.push(post(
            "/api/provision".to_owned(),
            body,
            "Adds a place to the team's seat, made if there is none, and gives it to the person.",
        ));
        list
    }
}

/// Whether a way adds places that somebody must have paid for.
fn costs(way: &[Suggestion]) -> bool {
    way.iter()
        .any(|one| one.path == "/api/provision" || one.body.get("if_full").is_some())
}

fn post(path: String, body: JsonValue, says: &str) -> Suggestion {
    Suggestion {
        method: "POST",
        path,
        body,
        says: says.to_owned(),
    }
}

fn patch_seat(seat: &Seat, body: JsonValue, says: &str) -> Suggestion {
    Suggestion {
        method: "PATCH",
        path: format!("/api/seats/{}", seat.id),
        body,
        says: says.to_owned(),
    }
}
