//! What would turn a no into a yes: every way there is, of which the shortest is told.

use serde_json::{Value as JsonValue, json};

use super::explain::Suggestion;
use super::explain_scene::Scene;
use crate::resources::enrollment::EnrollmentSource;
use crate::resources::user::UserStatus;
use crate::resources::{Product, Team};
use crate::seats::seat::SeatStatus;
use crate::seats::{Assignment, AssignmentState, Seat};
use crate::types::{Id, Timestamp};

impl Scene {
    /// The shortest list of requests.
    pub(super) fn requests(&self) -> Vec<Suggestion> {
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
        ways.extend(self.by_provision());
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
        if seat.status != SeatStatus::Active {
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

    /// A team of the person, or none for one of their own, and a product, or none where one must be made, for which a new
    /// place can be had: the team has no seat of the product that is closed.
    fn place_to_add(&self) -> Option<(Option<&Id<Team>>, Option<&Product>)> {
        let is_closed = |team: &Id<Team>, product: &Product| {
            self.own_seats.iter().any(|seat| {
                seat.product_id == product.id
                    && seat.team_ids.0.contains(team)
                    && !seat.is_open(self.now)
            })
        };
        let Some(first) = self.teams.first() else {
            return Some((None, self.products.first()));
        };
        if self.products.is_empty() {
            return Some((Some(first), None));
        }
        self.teams.iter().find_map(|team| {
            let product = self.products.iter().find(|one| !is_closed(team, one))?;
            Some((Some(team), Some(product)))
        })
    }

    /// A new place for the person's team, or for a team of their own; a product first where none has the course.
    fn by_provision(&self) -> Option<Vec<Suggestion>> {
        let (team, product) = self.place_to_add()?;
        let mut list = Vec::new();
        let product = product.map_or_else(
            || {
                let key = format!("access-to-{}", self.course.id);
                let body = json!({ "name": self.course.name, "external_id": key, "courses": [self.course.id] });
                list.push(post("/api/products".to_owned(), body, "Makes a product of the course."));
                format!("ext:{key}")
            },
            |product| product.id.to_string(),
        );
        let team = team.map_or_else(
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
        Some(list)
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
