//! B2B Dashboard: seats, teams and provisioning in front of an LMS.

pub mod access;
pub mod app;
pub mod body;
pub mod cli;
pub mod commit;
pub mod config;
pub mod dashboard;
pub mod db;
pub mod email;
pub mod error;
pub mod events;
pub mod http;
pub mod i18n;
pub mod jobs;
pub mod listing;
pub mod locale;
pub mod metrics;
pub mod provisioning;
pub mod records;
pub mod resource;
pub mod resources;
pub mod seats;
pub mod tasks;
pub mod telemetry;
pub mod types;
pub mod worker;
