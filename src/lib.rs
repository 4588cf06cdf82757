//! B2B Dashboard: seats, teams and provisioning in front of an LMS.

pub mod access;
pub mod db;
pub mod error;
pub mod events;
pub mod jobs;
pub mod tasks;
pub mod cli;
pub mod config;
pub mod http;
pub mod metrics;
pub mod telemetry;
pub mod types;
