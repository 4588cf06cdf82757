//! The routes of what is taught, sold and given: organizations with their catalog, orders, seats and wishes for them.

use axum::Router;

use super::at;
use crate::app::App;
use crate::dashboard::pages::{
    assignments, catalog, catalog_buy, catalog_edit, courses, credits, domains, enrollments, order,
    order_edit, order_refund, orders, organization, organization_edit, organization_move,
    organization_people, organizations, products, requests, seat, seat_actions, seat_edit,
    seat_line, seat_settings, seat_teams, seats,
};
use crate::dashboard::rooms::Room;

pub(super) fn of_catalog() -> Router<App> {
    Router::new()
        .route(
            "/dashboard/organizations",
            at(Room::Organizations, organizations::tree),
        )
        .route(
            "/dashboard/organizations/new",
            at(Room::Organizations, organization_edit::create),
        )
        .route(
            "/dashboard/organizations/{id}",
            at(Room::Organizations, organization::node),
        )
        .route(
            "/dashboard/organizations/{id}/edit",
            at(Room::Organizations, organization_edit::edit),
        )
        .route(
            "/dashboard/organizations/{id}/move",
            at(Room::Organizations, organization_move::relocate),
        )
        .route(
            "/dashboard/organizations/{id}/delete",
            at(Room::Organizations, organization_edit::delete),
        )
        .route(
            "/dashboard/organizations/{id}/teams",
            at(Room::Organizations, organization_people::assign),
        )
        .route(
            "/dashboard/organizations/{id}/teams/{team}/remove",
            at(Room::Organizations, organization_people::take_away),
        )
        .route(
            "/dashboard/organizations/{id}/admins",
            at(Room::Organizations, organization_people::name_admin),
        )
        .route(
            "/dashboard/organizations/{id}/admins/{user}/remove",
            at(Room::Organizations, organization_people::dismiss),
        )
        .route(
            "/dashboard/products",
            at(Room::Products, products::products),
        )
        .route(
            "/dashboard/products/new",
            at(Room::Products, products::create),
        )
        .route(
            "/dashboard/products/{id}/edit",
            at(Room::Products, products::edit),
        )
        .route(
            "/dashboard/enrollments",
            at(Room::Enrollments, enrollments::enrollments),
        )
        .route("/dashboard/courses", at(Room::Courses, courses::courses))
        .route("/dashboard/courses/new", at(Room::Courses, courses::create))
        .route(
            "/dashboard/courses/{id}/edit",
            at(Room::Courses, courses::edit),
        )
}

pub(super) fn of_domains() -> Router<App> {
    let room = Room::Organizations;
    Router::new()
        .route("/dashboard/domains", at(room, domains::domains))
        .route("/dashboard/domains/new", at(room, domains::create))
        .route("/dashboard/domains/{id}", at(room, domains::claim))
        .route("/dashboard/domains/{id}/verify", at(room, domains::verify))
        .route("/dashboard/domains/{id}/vouch", at(room, domains::vouch))
        .route("/dashboard/domains/{id}/delete", at(room, domains::delete))
}

pub(super) fn of_commerce() -> Router<App> {
    Router::new()
        .route("/dashboard/catalog", at(Room::Catalog, catalog::catalog))
        .route(
            "/dashboard/catalog/new",
            at(Room::Catalog, catalog_edit::create),
        )
        .route(
            "/dashboard/catalog/{id}/edit",
            at(Room::Catalog, catalog_edit::edit),
        )
        .route(
            "/dashboard/catalog/{id}/buy",
            at(Room::Catalog, catalog_buy::buy),
        )
        .route("/dashboard/orders", at(Room::Orders, orders::orders))
        .route("/dashboard/orders/new", at(Room::Orders, order_edit::new))
        .route("/dashboard/orders/{id}", at(Room::Orders, order::order))
        .route(
            "/dashboard/orders/{id}/edit",
            at(Room::Orders, order_edit::edit),
        )
        .route(
            "/dashboard/orders/{id}/delete",
            at(Room::Orders, order_edit::delete),
        )
        .route("/dashboard/orders/{id}/pay", at(Room::Orders, order::pay))
        .route(
            "/dashboard/orders/{id}/fulfil",
            at(Room::Orders, order::fulfil),
        )
        .route(
            "/dashboard/orders/{id}/cancel",
            at(Room::Orders, order::cancel),
        )
        .route(
            "/dashboard/orders/{id}/refund",
            at(Room::Orders, order_refund::refund),
        )
        .route(
            "/dashboard/teams/{id}/credits",
            at(Room::Teams, credits::of_team),
        )
        .route(
            "/dashboard/organizations/{id}/credits",
            at(Room::Organizations, credits::of_organization),
        )
}

pub(super) fn of_seats() -> Router<App> {
    Router::new()
        .route("/dashboard/seats", at(Room::Seats, seats::seats))
        .route("/dashboard/seats/new", at(Room::Seats, seat_edit::create))
        .route("/dashboard/seats/{id}", at(Room::Seats, seat::seat))
        .route(
            "/dashboard/seats/{id}/edit",
            at(Room::Seats, seat_edit::edit),
        )
        .route(
            "/dashboard/seats/{id}/assign",
            at(Room::Seats, seat_actions::assign),
        )
        .route(
            "/dashboard/seats/{id}/revoke",
            at(Room::Seats, seat_actions::revoke),
        )
        .route(
            "/dashboard/seats/{id}/extend",
            at(Room::Seats, seat_actions::extend),
        )
        .route(
            "/dashboard/seats/{id}/transfer",
            at(Room::Seats, seat_actions::transfer),
        )
        .route(
            "/dashboard/seats/{id}/teams",
            at(Room::Seats, seat_teams::teams),
        )
        .route(
            "/dashboard/seats/{id}/move",
            at(Room::Seats, seat_teams::relocate),
        )
        .route(
            "/dashboard/seats/{id}/share",
            at(Room::Seats, seat_teams::share),
        )
        .route(
            "/dashboard/seats/{id}/unshare",
            at(Room::Seats, seat_teams::unshare),
        )
        .route(
            "/dashboard/seats/{id}/line/{assignment}/{step}",
            at(Room::Seats, seat_line::step),
        )
        .route(
            "/dashboard/assignments",
            at(Room::Seats, assignments::assignments),
        )
        .route(
            "/dashboard/settings/seats",
            at(Room::SeatSettings, seat_settings::settings),
        )
}

pub(super) fn of_requests() -> Router<App> {
    let room = Room::Requests;
    Router::new()
        .route("/dashboard/requests", at(room, requests::requests))
        .route("/dashboard/requests/{id}", at(room, requests::request))
        .route(
            "/dashboard/requests/{id}/approve",
            at(room, requests::approve),
        )
        .route(
            "/dashboard/requests/{id}/decline",
            at(room, requests::decline),
        )
}
