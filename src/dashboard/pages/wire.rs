//! The addresses of the pages in which people work, each with its room and its page.

use std::future::Future;

use axum::Router;
use axum::extract::{RawPathParams, RawQuery};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{MethodRouter, get};

use super::desk::{Desk, Shown};
use super::{
    assignments, audit, bulk, catalog, catalog_buy, catalog_edit, courses, credits, domains,
    enrollments, groups, home, invitations, invite, invited, job, join_link, join_link_edit, link,
    links, mails, order, order_edit, order_refund, orders, organization, organization_edit,
    organization_move, organization_people, organizations, person, person_edit, person_explain,
    person_life, person_restore, person_roles, products, provision, provisions, reports, requests,
    roles, search, seat, seat_actions, seat_edit, seat_line, seat_settings, seat_teams, seats,
    team, team_edit, team_members, team_restore, teams, users,
};
use crate::app::App;
use crate::dashboard::answer::Answer;
use crate::dashboard::door::Visitor;
use crate::dashboard::form::{FormData, Posted};
use crate::dashboard::rooms::Room;
use crate::error::Result;

/// The routes.
pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/dashboard", at(Room::Home, home::home))
        .route("/dashboard/search", at(Room::Home, search::search))
        .merge(of_users())
        .merge(of_teams())
        .merge(of_catalog())
        .merge(of_domains())
        .merge(of_groups())
        .merge(of_commerce())
        .merge(of_seats())
        .merge(of_requests())
        .merge(of_roles())
        .merge(of_machinery())
        .merge(of_doors())
}

fn of_doors() -> Router<App> {
    Router::new()
        .route(
            "/dashboard/invitations",
            at(Room::Invitations, invitations::list),
        )
        .route(
            "/dashboard/invitations/new",
            at(Room::Invitations, invite::create),
        )
        .route(
            "/dashboard/invitations/{id}",
            at(Room::Invitations, invited::one),
        )
        .route(
            "/dashboard/invitations/{id}/resend",
            at(Room::Invitations, invited::resend),
        )
        .route(
            "/dashboard/invitations/{id}/revoke",
            at(Room::Invitations, invited::revoke),
        )
        .route("/dashboard/links", at(Room::Links, links::list))
        .route(
            "/dashboard/links/new",
            at(Room::Links, join_link_edit::create),
        )
        .route("/dashboard/links/{id}", at(Room::Links, join_link::one))
        .route(
            "/dashboard/links/{id}/edit",
            at(Room::Links, join_link_edit::edit),
        )
        .route(
            "/dashboard/links/{id}/pause",
            at(Room::Links, join_link::pause),
        )
        .route(
            "/dashboard/links/{id}/delete",
            at(Room::Links, join_link::delete),
        )
        .route(
            "/dashboard/links/{id}/approve",
            at(Room::Links, join_link::approve),
        )
        .route(
            "/dashboard/links/{id}/decline",
            at(Room::Links, join_link::decline),
        )
}

fn of_users() -> Router<App> {
    Router::new()
        .route("/dashboard/users", at(Room::Users, users::users))
        .route("/dashboard/users/bulk", at(Room::Users, bulk::preview))
        .route("/dashboard/users/bulk/run", at(Room::Users, bulk::run))
        .route(
            "/dashboard/provision",
            at(Room::Users, provision::provision),
        )
        .route("/dashboard/users/{id}", at(Room::Users, person::person))
        .route(
            "/dashboard/users/{id}/edit",
            at(Room::Users, person_edit::edit),
        )
        .route(
            "/dashboard/users/{id}/status",
            at(Room::Users, person_edit::status),
        )
        .route(
            "/dashboard/users/{id}/delete",
            at(Room::Users, person_edit::delete),
        )
        .merge(of_lives())
        .route(
            "/dashboard/users/{id}/sign-in-link",
            at(Room::Users, link::sign_in_link),
        )
        .route(
            "/dashboard/users/{id}/welcome",
            at(Room::Users, link::welcome),
        )
}

fn of_roles() -> Router<App> {
    Router::new()
        .route("/dashboard/settings/roles", at(Room::Roles, roles::roles))
        .route(
            "/dashboard/settings/roles/new",
            at(Room::Roles, roles::create),
        )
        .route(
            "/dashboard/settings/roles/{id}",
            at(Room::Roles, roles::role),
        )
        .route(
            "/dashboard/settings/roles/{id}/edit",
            at(Room::Roles, roles::edit),
        )
        .route(
            "/dashboard/settings/roles/{id}/delete",
            at(Room::Roles, roles::delete),
        )
        .route(
            "/dashboard/users/{id}/roles",
            at(Room::Users, person_roles::give),
        )
        .route(
            "/dashboard/users/{id}/roles/{role}/withdraw",
            at(Room::Users, person_roles::withdraw),
        )
        .route(
            "/dashboard/users/{id}/permissions",
            at(Room::Users, person_roles::permissions),
        )
}

/// How people go, come back and become one; what was provisioned.
fn of_lives() -> Router<App> {
    let user = |page: &str| format!("/dashboard/users/{{id}}/{page}");
    Router::new()
        .route(&user("restore"), at(Room::Users, person_restore::restore))
        .route(&user("erase"), at(Room::Users, person_life::erase))
        .route(&user("merge"), at(Room::Users, person_life::merge))
        .route(&user("export"), get(person_life::export))
        .route(
            &user("explain/{course}"),
            at(Room::Users, person_explain::explain),
        )
        .route(
            "/dashboard/provisions",
            at(Room::Provisions, provisions::provisions),
        )
        .route(
            "/dashboard/provisions/{id}",
            at(Room::Provisions, provisions::provision),
        )
        .route(
            "/dashboard/provisions/{id}/undo",
            at(Room::Provisions, provisions::undo),
        )
}

fn of_teams() -> Router<App> {
    Router::new()
        .route("/dashboard/teams", at(Room::Teams, teams::teams))
        .route("/dashboard/teams/new", at(Room::Teams, team_edit::create))
        .route("/dashboard/teams/{id}", at(Room::Teams, team::team))
        .route(
            "/dashboard/teams/{id}/edit",
            at(Room::Teams, team_edit::edit),
        )
        .route(
            "/dashboard/teams/{id}/delete",
            at(Room::Teams, team_edit::delete),
        )
        .route(
            "/dashboard/teams/{id}/restore",
            at(Room::Teams, team_restore::restore),
        )
        .route(
            "/dashboard/teams/{id}/members",
            at(Room::Teams, team_members::add_member),
        )
        .route(
            "/dashboard/teams/{id}/members/many",
            at(Room::Teams, team_members::add_many),
        )
        .route(
            "/dashboard/teams/{id}/members/remove",
            at(Room::Teams, team_members::remove_many),
        )
        .route(
            "/dashboard/teams/{id}/members/{user}",
            at(Room::Teams, team_members::change_member),
        )
        .route(
            "/dashboard/teams/{id}/members/{user}/move",
            at(Room::Teams, team_members::move_member),
        )
        .route(
            "/dashboard/teams/{id}/members/{user}/remove",
            at(Room::Teams, team_members::remove_member),
        )
}

fn of_catalog() -> Router<App> {
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

fn of_domains() -> Router<App> {
    let room = Room::Organizations;
    Router::new()
        .route("/dashboard/domains", at(room, domains::domains))
        .route("/dashboard/domains/new", at(room, domains::create))
        .route("/dashboard/domains/{id}", at(room, domains::claim))
        .route("/dashboard/domains/{id}/verify", at(room, domains::verify))
        .route("/dashboard/domains/{id}/vouch", at(room, domains::vouch))
        .route("/dashboard/domains/{id}/delete", at(room, domains::delete))
}

fn of_groups() -> Router<App> {
    let room = Room::Groups;
    Router::new()
        .route("/dashboard/groups", at(room, groups::groups))
        .route("/dashboard/groups/new", at(room, groups::create))
        .route("/dashboard/groups/{id}", at(room, groups::group))
        .route("/dashboard/groups/{id}/edit", at(room, groups::edit))
        .route("/dashboard/groups/{id}/delete", at(room, groups::delete))
        .route("/dashboard/groups/{id}/teams", at(room, groups::map))
        .route(
            "/dashboard/groups/{id}/teams/{team}/remove",
            at(room, groups::unmap),
        )
}

fn of_commerce() -> Router<App> {
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

fn of_seats() -> Router<App> {
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

fn of_requests() -> Router<App> {
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

fn of_machinery() -> Router<App> {
    Router::new()
        .route("/dashboard/mails", at(Room::Mails, mails::list))
        .route("/dashboard/audit", at(Room::Audit, audit::list))
        .route("/dashboard/reports", at(Room::Reports, reports::list))
        .route(
            "/dashboard/reports/{name}",
            at(Room::Reports, reports::show),
        )
        .route("/dashboard/jobs/bulk", at(Room::Jobs, job::list))
        .route("/dashboard/jobs/{id}", at(Room::Jobs, job::show))
        .route("/dashboard/jobs/{id}/cancel", at(Room::Jobs, job::cancel))
        .route(
            "/dashboard/jobs/{id}/retry_failed",
            at(Room::Jobs, job::retry_failed),
        )
        .route("/dashboard/jobs/{id}/undo", at(Room::Jobs, job::undo))
}

/// One page: looked at with GET, its form sent with POST to the same address.
fn at<F, Fut>(room: Room, page: F) -> MethodRouter<App>
where
    F: Fn(Desk) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<Shown>> + Send + 'static,
{
    let looked = page.clone();
    get(
        move |visitor: Visitor, places: RawPathParams, RawQuery(query): RawQuery| async move {
            let desk = desk(&visitor, &places, query.as_deref(), None);
            show(&visitor, room, false, looked(desk).await)
        },
    )
    .post(
        move |places: RawPathParams, RawQuery(query): RawQuery, posted: Posted| async move {
            let Posted { visitor, form } = posted;
            let desk = desk(&visitor, &places, query.as_deref(), Some(form));
            show(&visitor, room, true, page(desk).await)
        },
    )
}

fn desk(
    visitor: &Visitor,
    places: &RawPathParams,
    query: Option<&str>,
    form: Option<FormData>,
) -> Desk {
    let query = FormData::parse(query.unwrap_or_default().as_bytes());
    let said = query.pairs().iter().filter(|(_, value)| !value.is_empty());
    Desk {
        app: visitor.app.clone(),
        call: visitor.call(),
        csrf: visitor.csrf.clone(),
        places: places.iter().map(|(_, value)| value.to_owned()).collect(),
        query: FormData::new(said.cloned().collect()),
        form,
    }
}

/// What a page answers. One that is only looked at is no failure, even where it says why something is not possible.
fn show(visitor: &Visitor, room: Room, is_post: bool, shown: Result<Shown>) -> Answer {
    Ok(match shown? {
        Shown::Page(status, page, body) => {
            let mut response: Response = visitor.render(room, &page, &body);
            if is_post {
                *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
            }
            response
        }
        Shown::Go(to, notice) => visitor.redirect_with(&to, notice),
    })
}
