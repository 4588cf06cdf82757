//! The whole API on one screen.

use std::sync::LazyLock;

use serde_json::json;

use super::crud::{self, Paths};
use super::endpoint::Endpoint;
use super::{
    batch, credits, domain_claims, enrollments, feeds, groups, holds, invitations, jobs, keys,
    lifecycle, links, mails, members, orders, organization_parts, organizations, people,
    permissions, provision, reports, roles, seat_requests, seat_sharing, seats, settings, system,
    waitlist,
};
use crate::bulk::JobRecord;
use crate::commerce::CatalogItem;
use crate::resources::{Course, Enrollment, Product, Role, Team, User};
use crate::seats::{Assignment, SeatTemplate};

const USERS: Paths = Paths {
    list: "/users",
    one: "/users/{id}",
};
const ROLES: Paths = Paths {
    list: "/roles",
    one: "/roles/{id}",
};
const TEAMS: Paths = Paths {
    list: "/teams",
    one: "/teams/{id}",
};
const ORGANIZATIONS: Paths = Paths {
    list: "/organizations",
    one: "/organizations/{id}",
};
const DOMAINS: Paths = Paths {
    list: "/domain_claims",
    one: "/domain_claims/{id}",
};
const GROUPS: Paths = Paths {
    list: "/groups",
    one: "/groups/{id}",
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
const DENIALS: Paths = Paths {
    list: "/seat_denials",
    one: "/seat_denials/{id}",
};
const TEMPLATES: Paths = Paths {
    list: "/seat_templates",
    one: "/seat_templates/{id}",
};
const ASSIGNMENTS: Paths = Paths {
    list: "/seat_assignments",
    one: "/seat_assignments/{id}",
};
const JOBS: Paths = Paths {
    list: "/jobs",
    one: "/jobs/{id}",
};
const ENROLLMENTS: Paths = Paths {
    list: "/enrollments",
    one: "/enrollments/{id}",
};

const INVITATIONS: Paths = Paths {
    list: "/invitations",
    one: "/invitations/{id}",
};

const LINKS: Paths = Paths {
    list: "/links",
    one: "/links/{id}",
};
const LINK_REQUESTS: Paths = Paths {
    list: "/link_requests",
    one: "/link_requests/{id}",
};

/// Every operation, in the order of the reference.
pub fn endpoints() -> &'static [Endpoint] {
    static ALL: LazyLock<Vec<Endpoint>> = LazyLock::new(all);
    &ALL
}

fn all() -> Vec<Endpoint> {
    let user = json!({ "email": "grace@example.com", "first_name": "Grace", "last_name": "Hopper", "external_id": "crm-90" });
    let team = json!({ "name": "Compiler group", "external_id": "team-90" });
    let organization = json!({ "name": "Navy", "external_id": "navy" });
    let domain = json!({ "domain": "navy.example", "team": "ext:engines" });
    let group = json!({ "name": "Night shift", "external_id": "group-90" });
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
        vec![people::create_user(&USERS, user.clone())],
        people::users(&USERS),
        lifecycle::users(),
        vec![crud::put_endpoint::<User>(&USERS, user)],
        crud::reads::<Team>(&TEAMS),
        lifecycle::teams(),
        people::teams(&TEAMS, team.clone()),
        vec![crud::put_endpoint::<Team>(&TEAMS, team)],
        members::endpoints(),
        crud::reads::<Role>(&ROLES),
        roles::writes(&ROLES),
        roles::of_people(),
        permissions::endpoints(),
        invitations::endpoints(&INVITATIONS),
        links::endpoints(&LINKS, &LINK_REQUESTS),
        organizations::reads(&ORGANIZATIONS),
        organizations::endpoints(&ORGANIZATIONS, organization),
        organization_parts::endpoints(),
        domain_claims::endpoints(&DOMAINS, domain),
        groups::endpoints(&GROUPS, group),
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
        seats::endpoints(&SEATS, seat),
        seat_sharing::endpoints(),
        waitlist::endpoints(&DENIALS),
        seat_requests::endpoints(),
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
        enrollments::endpoints(&ENROLLMENTS),
        reports::endpoints(),
        feeds::endpoints(),
        mails::endpoints(),
        keys::endpoints(),
        crud::reads::<JobRecord>(&JOBS),
        jobs::endpoints(),
        settings::endpoints(),
        system::endpoints(),
    ];
    batch::with_batches(all.concat())
}
