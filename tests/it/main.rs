//! The one test binary. `scripts/test` runs it with all that its tests need beside it.
#![cfg(test)]

mod api_keys;
mod cli;
mod contract;
mod docs;
mod guide;
mod hangup;
mod layers;
mod mail;
mod pages;
mod races;
mod schemathesis;
mod sign_in;
mod support;
mod tenancy;
mod worker;
