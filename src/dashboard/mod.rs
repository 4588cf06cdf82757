//! The web dashboard: HTML made on the server, readable without script.
//!
//! [`door`] is what happens to each request before and after its page; [`pages`] has one file for each kind of page,
//! with its own routes. Pages are made of [`layout`] (the frame) and [`components`] (what stands inside it); both know
//! types and text only, never the database. [`assets`] serves the style sheet and the script that go with them, and
//! [`gallery`] shows every component on one page.
//!
//! A page's handler takes a [`door::Visitor`] (somebody signed in who may see the dashboard), a [`door::Guest`]
//! (anybody) or a [`form::Posted`] (a form that was sent from one of our pages), and gives an [`answer::Answer`]. It
//! calls the same functions as the API does, never the API itself. An error that it passes on with `?` becomes a whole
//! page at the door.

pub mod answer;
pub mod assets;
pub mod brand;
pub mod components;
pub mod door;
pub mod form;
pub mod gallery;
pub mod icons;
pub mod layout;
pub mod learner;
mod nav;
pub mod notice;
pub mod pages;
pub mod rooms;

use axum::Router;
use axum::middleware::from_fn_with_state;

use crate::app::App;

/// Every page, the files they are made with, and a page for addresses that do not exist.
pub fn routes(app: &App) -> Router {
    pages::routes()
        .fallback(answer::nowhere)
        .layer(from_fn_with_state(app.clone(), door::enter))
        .with_state(app.clone())
        .merge(assets::routes())
        .merge(brand::routes())
}
