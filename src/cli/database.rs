//! `migrate`, `backup` and `restore`: the operator's work on the database.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::session::block_on;
use super::{CliError, Output};
use crate::app::database_url;
use crate::config::Config;
use crate::db::backup::{self, BackupError};
use crate::db::migrate;
use crate::types::Clock;

/// Where a backup goes, or comes from.
#[derive(Debug, Args)]
pub struct CopyFile {
    /// The backup's file.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Replace what is there already (a restore keeps it under another name).
    #[arg(long)]
    pub force: bool,
}

impl From<BackupError> for CliError {
    fn from(error: BackupError) -> Self {
        Self::Failed {
            code: error.code(),
            detail: error.to_string(),
        }
    }
}

/// Brings the schema up to date.
pub fn migrate(config: &Config) -> Result<Output, CliError> {
    let ran = block_on(false, async {
        Ok(migrate::migrate(&database_url(config)).await?)
    })?;
    let text = if ran.is_empty() {
        "The schema is up to date.".to_owned()
    } else {
        format!("Ran {}. The schema is up to date.", ran.join(", "))
    };
    Ok(Output::new(text, json!({ "ran": ran })))
}

/// Copies the SQLite file while the service goes on.
pub fn backup(config: &Config, command: &CopyFile) -> Result<Output, CliError> {
    let copied = backup::backup(&database_url(config), &command.file, command.force)?;
    let key = &config.secrets.master_key_file;
    let advice = if config.secrets.master_key.is_some() {
        "Keep the master key from the settings apart from it".to_owned()
    } else {
        format!(
            "The master key {} is not in it: keep a copy apart from the backup",
            key.display()
        )
    };
    let text = format!(
        "Wrote {} ({} bytes), checked and complete.\n{advice}; without it, API keys, sessions and links of a restored database do not work.",
        copied.path.display(),
        copied.bytes
    );
    Ok(Output::new(
        text,
        json!({ "file": copied.path, "bytes": copied.bytes, "master_key_file": config.secrets.master_key.is_none().then_some(key) }),
    ))
}

/// Puts a backup in the place of the SQLite file, while nothing has it open.
pub fn restore(config: &Config, command: &CopyFile) -> Result<Output, CliError> {
    let restored = backup::restore(
        &database_url(config),
        &command.file,
        command.force,
        Clock::system().now(),
    )?;
    let kept = restored.kept.as_ref().map_or_else(String::new, |kept| {
        format!("\nWhat was there before is kept as {}.", kept.display())
    });
    let text = format!(
        "{} is back as it was in {}.{kept}\nNow start the service, which brings the schema up to date.",
        restored.path.display(),
        command.file.display()
    );
    Ok(Output::new(
        text,
        json!({ "file": restored.path, "bytes": restored.bytes, "kept": restored.kept }),
    ))
}
