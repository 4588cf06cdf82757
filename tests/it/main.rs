//! The one test binary. `scripts/test` runs it with all that its tests need beside it.
#![cfg(test)]

mod mail;
mod sign_in;
mod support;
mod worker;
