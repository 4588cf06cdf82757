//! The one test binary. `scripts/test` runs it with all that its tests need beside it.
#![cfg(test)]

mod contract;
mod hangup;
mod layers;
mod races;
mod schemathesis;
mod support;
mod tenancy;
