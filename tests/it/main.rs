//! The one test binary. `scripts/test` runs it with all that its tests need beside it.
#![cfg(test)]

mod api_keys;
mod cli;
mod docs;
mod mail;
mod sign_in;
mod support;
mod worker;
