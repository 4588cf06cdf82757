//! The one call: a person, their team, their seats and their welcome, in one transaction.
//!
//! `request` reads the body, shorthand included; `scene` reads what is, in two round trips; `team` decides which team it
//! is to be; `plan` puts everything together as one list of writes; `answer` tells what was done. Mail and LMS are jobs
//! that follow. A repeat finds everything standing and writes nothing.

pub mod answer;
pub mod plan;
pub mod record;
pub mod request;
mod scene;
pub mod team;
pub mod undo;

pub use answer::{Answer, Provision, status};
pub use plan::plan;
pub use request::{ProvisionBody, ProvisionRequest, read};
