//! The pages, one file for each kind, with its routes.

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
}

/// The way in: to the dashboard, which sends on whoever is not at home there.
async fn start() -> Answer {
    Ok(answer::see_other("/dashboard"))
}

/// The style guide.
async fn design(guest: Guest, _: Visitor) -> Answer {
    Ok(answer::html(&guest, &gallery::gallery(), Policy::Strict))
}
