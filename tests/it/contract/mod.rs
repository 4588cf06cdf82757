//! The API's contract, held for every operation of `openapi.json`: whoever adds one is held to it too.
//!
//! An operation that needs more than its example and a record of its own kind is prepared in `preparation.rs`; one that
//! cannot be carried out fails there by name.

mod bodies;
mod examples;
mod keys;
mod limits;
mod lists;
mod plans;
pub(crate) mod preparation;
mod repeats;
mod versions;
