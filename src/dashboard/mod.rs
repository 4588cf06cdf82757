//! The web dashboard: HTML made on the server, readable without script.
//!
//! Pages are made of [`layout`] (the frame) and [`components`] (what stands inside it); both know types and
//! text only, never the database. [`assets`] serves the style sheet and the script that go with them, and
//! [`gallery`] shows every component on one page.

pub mod assets;
pub mod components;
pub mod gallery;
pub mod icons;
pub mod layout;
mod nav;
