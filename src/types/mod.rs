//! Values that are right once they exist.

pub mod secret;
