//! The whole API on one screen.

use serde_json::json;

use super::crud::{self, Paths};
use super::endpoint::Endpoint;
use super::{
    batch, enrollments, lifecycle, members, organizations, people, provision, seats, system,
};
use crate::resources::{Course, Enrollment, Organization, Product, Team, User};
use crate::seats::{Assignment, Seat, SeatTemplate};

const USERS: Paths = Paths {
    list: "/users",
    one: "/users/{id}",
};
const TEAMS: Paths = Paths {
    list: "/teams",
    one: "/teams/{id}",
};
const ORGANIZATIONS: Paths = Paths {
    list: "/organizations",
    one: "/organizations/{id}",
};
const COURSES: Paths = Paths {
    list: "/courses",
    one: "/courses/{id}",
};
const PRODUCTS: Paths = Paths {
    list: "/products",
    one: "/products/{id}",
};

const SEATS: Paths = Paths {
    list: "/seats",
    one: "/seats/{id}",
};
const TEMPLATES: Paths = Paths {
    list: "/seat_templates",
    one: "/seat_templates/{id}",
};
const ASSIGNMENTS: Paths = Paths {
    list: "/seat_assignments",
    one: "/seat_assignments/{id}",
};
const ENROLLMENTS: Paths = Paths {
    list: "/enrollments",
    one: "/enrollments/{id}",
};

/// Every operation, in the order of the reference.
pub fn endpoints() -> Vec<Endpoint> {
    let user = json!({ "email": "grace@example.com", "first_name": "Grace", "last_name": "Hopper", "external_id": "crm-90" });
    let team = json!({ "name": "Compiler group", "external_id": "team-90" });
    let organization = json!({ "name": "Navy", "external_id": "navy" });
    let course = json!({ "name": "Safety at work", "external_id": "course-90", "chapters": ["Welcome", "Fire", "First aid"] });
    let product = json!({ "name": "Safety pack", "external_id": "safety-pack", "courses": [] });
    let seat = json!({ "product": "ext:safety-101", "teams": ["ext:engines"], "quantity": 20, "expiry": "days", "expires_in_days": 365 });
    let all = [
        provision::endpoints(),
        crud::reads::<User>(&USERS),
        vec![people::create_user(&USERS, user.clone())],
        people::users(&USERS),
        lifecycle::users(),
        vec![crud::put_endpoint::<User>(&USERS, user)],
        crud::reads::<Team>(&TEAMS),
        lifecycle::teams(),
        people::teams(&TEAMS, team.clone()),
        vec![crud::put_endpoint::<Team>(&TEAMS, team)],
        members::endpoints(),
        crud::reads::<Organization>(&ORGANIZATIONS),
        organizations::endpoints(&ORGANIZATIONS, organization),
        crud::reads::<Course>(&COURSES),
        crud::writes::<Course>(&COURSES, course.clone(), json!({ "status": "archived" })),
        vec![crud::put_endpoint::<Course>(&COURSES, course)],
        crud::reads::<Product>(&PRODUCTS),
        crud::writes::<Product>(
            &PRODUCTS,
            product.clone(),
            json!({ "description": "Everything about safety" }),
        ),
        vec![crud::put_endpoint::<Product>(&PRODUCTS, product)],
        crud::reads::<Seat>(&SEATS),
        seats::endpoints(&SEATS, seat),
        crud::reads::<SeatTemplate>(&TEMPLATES),
        seats::templates(&TEMPLATES),
        crud::reads::<Assignment>(&ASSIGNMENTS),
        crud::reads::<Enrollment>(&ENROLLMENTS),
        enrollments::endpoints(&ENROLLMENTS),
        system::endpoints(),
    ];
    batch::with_batches(all.concat())
}
