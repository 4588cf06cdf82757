//! The HTTP surface.

pub mod canonical;
