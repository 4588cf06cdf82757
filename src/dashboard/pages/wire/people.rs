//! The routes of people, their roles and lives, and of teams.

use axum::Router;
use axum::routing::get;

use super::at;
use crate::app::App;
use crate::dashboard::pages::{
    bulk, groups, invitations, invite, invited, join_link, join_link_edit, link, links, person,
    person_edit, person_explain, person_life, person_restore, person_roles, provision, provisions,
    roles, team, team_edit, team_members, team_restore, teams, users,
};
use crate::dashboard::rooms::Room;

pub(super) fn of_doors() -> Router<App> {
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

pub(super) fn of_users() -> Router<App> {
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

pub(super) fn of_roles() -> Router<App> {
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
pub(super) fn of_lives() -> Router<App> {
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

pub(super) fn of_teams() -> Router<App> {
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

pub(super) fn of_groups() -> Router<App> {
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
