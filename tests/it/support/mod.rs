//! What tests stand on: databases, a mail server, a browser and the real program, all on the loopback address.
//!
//! A test that needs a program from outside says so by a component of its path, which `.config/nextest.toml`
//! goes by: `postgres`, `browser`, `schemathesis`, `faults` or `snippets`. Those are left out by `scripts/test --quick`.

pub(crate) mod app;
pub(crate) mod browser;
pub(crate) mod cluster;
pub(crate) mod database;
pub(crate) mod dns;
pub(crate) mod http;
pub(crate) mod operation;
pub(crate) mod plans;
pub(crate) mod postgres;
pub(crate) mod process;
pub(crate) mod schema;
pub(crate) mod schemathesis;
pub(crate) mod smtp;
pub(crate) mod world;

/// The value of a variable that `scripts/test` sets.
///
/// A test never passes by leaving out what it needs: without the variable it fails and names the way to run it.
pub(crate) fn from_script(variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| {
        panic!("{variable} is not set: run this test by `scripts/test -- FILTER`, which starts what it needs, or leave such tests out by `scripts/test --quick`")
    })
}
