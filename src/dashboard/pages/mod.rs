//! The pages, one file for each kind, with its routes.

mod api;
mod assignments;
mod audit;
mod bulk;
mod catalog;
mod catalog_buy;
mod catalog_edit;
mod courses;
mod credits;
mod desk;
mod domains;
mod enrollments;
mod feed;
mod groups;
mod home;
mod invitation;
mod invitations;
mod invite;
mod invited;
mod job;
mod jobs;
mod join;
mod join_confirm;
mod join_link;
mod join_link_edit;
mod link;
mod links;
mod look;
mod mails;
mod my;
mod my_requests;
mod names;
mod offers;
mod order;
mod order_edit;
mod order_form;
mod order_refund;
mod orders;
mod organization;
mod organization_aside;
mod organization_edit;
mod organization_move;
mod organization_people;
mod organizations;
mod person;
mod person_aside;
mod person_edit;
mod person_explain;
mod person_life;
mod person_restore;
mod person_roles;
mod products;
mod provision;
mod provisions;
mod reports;
mod requests;
mod roles;
mod search;
mod seat;
mod seat_actions;
mod seat_edit;
mod seat_line;
mod seat_over_time;
mod seat_settings;
mod seat_teams;
mod seats;
mod sign_in;
mod team;
mod team_edit;
mod team_members;
mod team_restore;
mod teams;
mod users;
mod wire;

use axum::Router;
use axum::routing::get;

use super::answer::{self, Answer, Policy};
use super::door::{Guest, Visitor};
use super::gallery;
use crate::app::App;

/// Every page.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/", get(start))
        .route("/dashboard/design", get(design))
        .merge(wire::routes())
        .merge(sign_in::routes())
        .merge(invitation::routes())
        .merge(join::routes())
        .merge(links::routes())
        .merge(my::routes())
        .merge(my_requests::routes())
        .merge(api::routes())
        .merge(mails::routes())
        .merge(jobs::routes())
        .merge(reports::routes())
}

/// The way in: to the dashboard, which sends on whoever is not at home there.
async fn start() -> Answer {
    Ok(answer::see_other("/dashboard"))
}

/// The style guide.
async fn design(guest: Guest, _: Visitor) -> Answer {
    Ok(answer::html(&guest, &gallery::gallery(), Policy::Strict))
}
