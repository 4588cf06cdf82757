//! `config check`: reads the settings as every command does, and shows each with its origin.

use clap::Subcommand;
use serde_json::json;

use super::{CliError, Output};
use crate::config::Config;

/// What to do with the settings.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Show every setting, its value and where it comes from; fail with all that is wrong.
    Check,
}

/// Shows the settings. Wrong ones never come here: reading them has failed before.
pub fn run(config: &Config, command: &ConfigCommand) -> Result<Output, CliError> {
    match command {
        ConfigCommand::Check => {
            let lines: Vec<String> = config.explain().iter().map(ToString::to_string).collect();
            Ok(Output::new(
                lines.join("\n"),
                json!({ "settings": config.explain() }),
            ))
        }
    }
}
