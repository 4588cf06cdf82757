//! The one test binary. `scripts/test` runs it with all that its tests need beside it.
#![cfg(test)]

mod api_keys;
mod batches;
mod cli;
mod contract;
mod docs;
mod enrollments;
mod faults;
mod guide;
mod hangup;
mod layers;
mod lifecycle;
mod mail;
mod openapi;
mod pages;
mod provision;
mod races;
mod schemathesis;
mod seat_model;
mod seats;
mod sign_in;
mod support;
mod tenancy;
mod undo;
mod worker;
