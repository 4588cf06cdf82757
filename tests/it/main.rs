//! The one test binary. `scripts/test` runs it with all that its tests need beside it.
#![cfg(test)]

mod api_keys;
mod batches;
mod catalog;
mod cli;
mod commerce_pages;
mod contract;
mod credit_model;
mod credits;
mod docs;
mod faults;
mod guide;
mod hangup;
mod layers;
mod mail;
mod openapi;
mod orders;
mod pages;
mod provision;
mod races;
mod schemathesis;
mod seat_allocations;
mod seat_holds;
mod seat_model;
mod seats;
mod sign_in;
mod support;
mod tenancy;
mod worker;
