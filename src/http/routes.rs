//! The whole API on one screen.

use serde_json::json;

use super::crud::{self, Paths};
use super::endpoint::Endpoint;
use super::{organizations, system};
use crate::resources::{Course, Organization, Product, Team, User};

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

/// Every operation, in the order of the reference.
pub fn endpoints() -> Vec<Endpoint> {
    let user = json!({ "email": "grace@example.com", "first_name": "Grace", "last_name": "Hopper", "external_id": "crm-90" });
    let team = json!({ "name": "Compiler group", "external_id": "team-90" });
    let organization = json!({ "name": "Navy", "external_id": "navy" });
    let course = json!({ "name": "Safety at work", "external_id": "course-90", "chapters": ["Welcome", "Fire", "First aid"] });
    let product = json!({ "name": "Safety pack", "external_id": "safety-pack", "courses": [] });
    [
        crud::reads::<User>(&USERS),
        crud::writes::<User>(
            &USERS,
            user.clone(),
            json!({ "company": "Navy", "tags": ["pioneer"] }),
        ),
        vec![crud::put_endpoint::<User>(&USERS, user)],
        crud::reads::<Team>(&TEAMS),
        crud::writes::<Team>(
            &TEAMS,
            team.clone(),
            json!({ "description": "Writes compilers" }),
        ),
        vec![crud::put_endpoint::<Team>(&TEAMS, team)],
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
        system::endpoints(),
    ]
    .concat()
}
