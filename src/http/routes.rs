//! The whole API on one screen.

use serde_json::json;

use super::crud::{self, Paths};
use super::endpoint::Endpoint;
use super::{
    batch, credits, holds, members, orders, organizations, people, provision, seats, system,
};
use crate::commerce::CatalogItem;
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
const ITEMS: Paths = Paths {
    list: "/catalog_items",
    one: "/catalog_items/{id}",
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
    let seat = json!({ "product": "ext:safety-101", "teams": ["ext:engines"], "external_id": "safety-2026", "quantity": 20, "expiry": "days", "expires_in_days": 365 });
    let item = json!({
        "name": "Ten places of safety", "external_id": "safety-10", "product": "ext:safety-101", "quantity": 10, "price_credits": 100,
        "price_amount": 49000, "currency": "EUR", "terms": { "expires_in_days": 365 }, "status": "published",
    });
    let all = [
        provision::endpoints(),
        crud::reads::<User>(&USERS),
        vec![crud::create_endpoint::<User>(&USERS, user.clone())],
        people::users(&USERS),
        vec![crud::put_endpoint::<User>(&USERS, user)],
        crud::reads::<Team>(&TEAMS),
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
        holds::endpoints(),
        crud::reads::<SeatTemplate>(&TEMPLATES),
        seats::templates(&TEMPLATES),
        crud::reads::<CatalogItem>(&ITEMS),
        crud::writes::<CatalogItem>(&ITEMS, item.clone(), json!({ "price_credits": 90 })),
        vec![crud::put_endpoint::<CatalogItem>(&ITEMS, item)],
        credits::endpoints(),
        orders::endpoints(),
        crud::reads::<Assignment>(&ASSIGNMENTS),
        crud::reads::<Enrollment>(&ENROLLMENTS),
        system::endpoints(),
    ];
    batch::with_batches(all.concat())
}
