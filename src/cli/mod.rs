//! The command line: one file a command, one line in [`Command`], one arm in `run`.
//!
//! Every command answers with an [`Output`], which is text for people or, with `--json`, one JSON value on standard
//! output; every failure is a sentence, or with `--json` a problem in the style of RFC 9457, on standard error. Exit
//! codes: 0 done, 1 failed, 2 the command line or the settings are wrong.

pub mod account;
pub mod admin;
pub mod config;
pub mod database;
pub mod demo;
pub mod doctor;
pub mod key;
pub mod serve;
mod session;

use std::ffi::OsString;
use std::fmt::Display;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use serde_json::{Value, json};
use thiserror::Error;

use crate::config::{Config, ConfigError};

/// Exit code of a command that could not do its work.
pub const EXIT_FAILED: u8 = 1;
/// Exit code of a wrong command line or wrong settings.
pub const EXIT_USAGE: u8 = 2;

/// Seats, teams and provisioning in front of an LMS.
#[derive(Debug, Parser)]
#[command(name = "b2b-dashboard", version, about, arg_required_else_help = true)]
#[command(after_help = "Exit codes: 0 done, 1 failed, 2 wrong command line or settings.")]
pub struct CommandLine {
    /// Settings file (default: ./b2b-dashboard.toml if it is there).
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Answer in JSON, on standard output; failures in JSON on standard error.
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the API and the dashboard; prints one JSON line with `url` when it is ready.
    Serve(serve::Serve),
    /// Serve a made-up company to look around in.
    Demo(demo::Demo),
    /// Run background jobs alone, beside `serve` with `jobs.run_in_serve = false`.
    Worker,
    /// Bring the database's schema up to date.
    Migrate,
    /// Accounts: the training companies of this installation.
    #[command(subcommand)]
    Account(account::AccountCommand),
    /// People who administer an account.
    #[command(subcommand)]
    Admin(admin::AdminCommand),
    /// API keys.
    #[command(subcommand)]
    Key(key::KeyCommand),
    /// Print the API's description (OpenAPI 3.1).
    Openapi,
    /// Look at everything the service needs, and say what is not well.
    Doctor,
    /// Copy the SQLite database, while the service goes on.
    Backup(database::CopyFile),
    /// Put a backup in the place of the SQLite database, while the service is stopped.
    Restore(database::CopyFile),
    /// Look at the settings.
    #[command(subcommand)]
    Config(config::ConfigCommand),
}

/// What a command has to say when it is done.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// For people; a line feed at the end is added.
    pub text: String,
    /// The same for programs, under `--json`.
    pub json: Value,
    /// The exit code: not 0 when the answer itself is bad news.
    pub code: u8,
}

impl Output {
    /// Good news, for people and for programs.
    pub fn new(text: impl Into<String>, json: Value) -> Self {
        Self {
            text: text.into(),
            json,
            code: 0,
        }
    }

    /// Nothing more to say.
    pub const fn silent() -> Self {
        Self {
            text: String::new(),
            json: Value::Null,
            code: 0,
        }
    }
}

/// Why a command failed.
#[derive(Debug, Error)]
pub enum CliError {
    /// The settings cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// An argument cannot be used.
    #[error("{detail}")]
    Usage {
        /// Which, and why.
        detail: String,
    },
    /// The work could not be done.
    #[error("{detail}")]
    Failed {
        /// A stable word for programs, such as `account_not_found`.
        code: &'static str,
        /// A sentence for people, with what to do.
        detail: String,
    },
}

impl CliError {
    /// A failure with its code, and its whole chain of causes as the sentence.
    pub fn failed(code: &'static str, error: &dyn std::error::Error) -> Self {
        let chain = std::iter::successors(Some(error), |error| error.source());
        let detail = chain
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(": ");
        Self::Failed { code, detail }
    }

    /// [`EXIT_FAILED`] or [`EXIT_USAGE`].
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Config(_) | Self::Usage { .. } => EXIT_USAGE,
            Self::Failed { .. } => EXIT_FAILED,
        }
    }

    /// The failure for programs: `code`, `detail`, and for settings `errors[]` with `key` and `detail`.
    pub fn problem(&self) -> Value {
        match self {
            Self::Config(error) => problem("invalid_config", self, Some(json!(error.faults))),
            Self::Usage { detail } => problem("invalid_usage", detail, None),
            Self::Failed { code, detail } => problem(code, detail, None),
        }
    }
}

fn problem(code: &str, detail: impl Display, errors: Option<Value>) -> Value {
    let mut problem = json!({ "code": code, "detail": detail.to_string() });
    if let (Some(members), Some(errors)) = (problem.as_object_mut(), errors) {
        members.insert("errors".to_owned(), errors);
    }
    problem
}

/// Reads the settings and runs the command.
fn run(
    line: CommandLine,
    env: impl Iterator<Item = (String, String)>,
    out: &mut dyn Write,
) -> Result<Output, CliError> {
    let own = match &line.command {
        Command::Demo(command) => command.settings(),
        _ => Vec::new(),
    };
    let config = Config::load(line.config.as_deref(), env.chain(own))?;
    match line.command {
        Command::Serve(command) => serve::serve(config, &command, out),
        Command::Demo(command) => demo::run_demo(config, &command, line.json, out),
        Command::Worker => serve::work(config),
        Command::Migrate => database::migrate(&config),
        Command::Account(command) => account::run(config, &command),
        Command::Admin(command) => admin::run(config, &command),
        Command::Key(command) => key::run(config, &command),
        Command::Openapi => openapi(&config),
        Command::Doctor => doctor::run(&config),
        Command::Backup(command) => database::backup(&config, &command),
        Command::Restore(command) => database::restore(&config, &command),
        Command::Config(command) => config::run(&config, &command),
    }
}

/// The description of the API, the same text with and without `--json`.
fn openapi(config: &Config) -> Result<Output, CliError> {
    let origin = config
        .server
        .public_url
        .as_ref()
        .map(|_| config.server.origin());
    let document = crate::http::openapi::document(origin.as_deref());
    let text = serde_json::to_string_pretty(&document)
        .map_err(|error| CliError::failed("internal_error", &error))?;
    Ok(Output::new(text, document))
}

/// The whole program but for the process: reads `args` (the program's name first), runs the command, writes its answer
/// to `out` and its failure to `err`, and gives the exit code.
pub fn main(
    args: impl IntoIterator<Item = OsString>,
    env: impl Iterator<Item = (String, String)>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> u8 {
    let args: Vec<OsString> = args.into_iter().collect();
    let in_json = args.iter().any(|arg| arg == "--json");
    let result = match CommandLine::try_parse_from(&args) {
        Ok(line) => run(line, env, out),
        Err(error) => return usage(&error, in_json, out, err),
    };
    let (written, code) = match result {
        Ok(output) if output.text.is_empty() => (Ok(()), output.code),
        Ok(output) if in_json => (writeln!(out, "{}", output.json), output.code),
        Ok(output) => (writeln!(out, "{}", output.text), output.code),
        Err(error) if in_json => (writeln!(err, "{}", error.problem()), error.exit_code()),
        Err(error) => (writeln!(err, "error: {error}"), error.exit_code()),
    };
    code.max(exit_of(&written))
}

/// Help and version go out as they are; a wrong command line is a failure like any other.
fn usage(error: &clap::Error, in_json: bool, out: &mut dyn Write, err: &mut dyn Write) -> u8 {
    if !error.use_stderr() {
        return exit_of(&write!(out, "{error}"));
    }
    let text = error.to_string();
    let _ = if in_json {
        let detail = text.trim_start_matches("error: ").trim_end();
        writeln!(err, "{}", problem("invalid_usage", detail, None))
    } else {
        write!(err, "{text}")
    };
    EXIT_USAGE
}

/// A reader that has gone away (`… | head`) is no failure; a full disk is.
fn exit_of(written: &io::Result<()>) -> u8 {
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => EXIT_FAILED,
        _ => 0,
    }
}

/// [`main`] with the arguments, environment and streams of this process. Variables that are not Unicode are left out.
pub fn main_of_process() -> ExitCode {
    let env = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    main(
        std::env::args_os(),
        env,
        &mut io::stdout(),
        &mut io::stderr(),
    )
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn program(args: &[&str], env: &[(&str, &str)]) -> (u8, String, String) {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let args = std::iter::once("b2b-dashboard")
            .chain(args.iter().copied())
            .map(OsString::from);
        let env = env
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let code = main(args, env, &mut out, &mut err);
        (
            code,
            String::from_utf8(out).unwrap(),
            String::from_utf8(err).unwrap(),
        )
    }

    #[test]
    fn the_tree_is_well_formed() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn config_check_speaks_to_people_and_programs() {
        let (code, out, err) = program(&["config", "check"], &[("B2B_JOBS__WORKERS", "9")]);
        assert_eq!((code, err.as_str()), (0, ""));
        assert!(
            out.contains("jobs.workers = 9  (B2B_JOBS__WORKERS)"),
            "{out}"
        );
        let (code, out, _) = program(&["--json", "config", "check"], &[]);
        let json: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(code, 0);
        assert!(
            json["settings"]
                .as_array()
                .unwrap()
                .iter()
                .any(|setting| setting["key"] == "server.listen")
        );
    }

    #[test]
    fn wrong_settings_exit_with_2_and_name_each_fault() {
        let env = [("B2B_JOBS__WORKERS", "many"), ("B2B_LOG__FORMAT", "xml")];
        let (code, out, err) = program(&["config", "check"], &env);
        assert_eq!((code, out.as_str()), (2, ""));
        assert!(
            err.starts_with("error: the settings cannot be used:\n"),
            "{err}"
        );
        let (code, _, err) = program(&["config", "check", "--json"], &env);
        let json: Value = serde_json::from_str(&err).unwrap();
        assert_eq!((code, &json["code"]), (2, &json!("invalid_config")));
        assert_eq!(json["errors"].as_array().unwrap().len(), 2);
    }

    #[test]
    fn wrong_usage_exits_with_2_and_help_with_0() {
        let (code, _, err) = program(&["confg", "--json"], &[]);
        let json: Value = serde_json::from_str(&err).unwrap();
        assert_eq!((code, &json["code"]), (2, &json!("invalid_usage")));
        let (code, out, _) = program(&["--help"], &[]);
        assert_eq!(code, 0);
        assert!(out.contains("Exit codes: 0 done"), "{out}");
        assert_eq!(program(&[], &[]).0, 2);
    }

    #[test]
    fn failures_carry_their_chain() {
        let inner = io::Error::other(ConfigError { faults: Vec::new() });
        let error = CliError::failed("cannot_open", &inner);
        assert_eq!(error.exit_code(), 1);
        assert_eq!(error.problem()["code"], "cannot_open");
    }
}
