//! The addresses of the pages in which people work, each with its room and its page.
//!
//! Here stand how a page is served and the pages of the machinery; `people` and `goods` list the others.

mod goods;
mod people;

use std::future::Future;

use axum::Router;
use axum::extract::{RawPathParams, RawQuery};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{MethodRouter, get};

use super::desk::{Desk, Shown};
use super::{audit, home, job, mails, reports, search};
use crate::app::App;
use crate::dashboard::answer::Answer;
use crate::dashboard::door::Visitor;
use crate::dashboard::form::{FormData, Posted};
use crate::dashboard::rooms::Room;
use crate::error::Result;
use goods::{of_catalog, of_commerce, of_domains, of_requests, of_seats};
use people::{of_doors, of_groups, of_roles, of_teams, of_users};

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
