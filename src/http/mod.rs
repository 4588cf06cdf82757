//! The HTTP surface.

pub mod canonical;
pub mod idempotency;
pub mod problem;
pub mod reply;
