//! What the documentation is made from: the operations and the commands.

use std::sync::LazyLock;

use clap::CommandFactory;

use crate::cli::CommandLine;
use crate::error::Code;
use crate::http::endpoint::Endpoint;
use crate::http::openapi;
use crate::http::routes::endpoints;

/// A command of the program as its `--help` tells of it.
pub(super) struct CommandHelp {
    /// `key create`.
    pub(super) name: String,
    /// What it does.
    pub(super) about: String,
    /// How it is written.
    pub(super) usage: String,
    /// Its arguments: how each is written and what it says.
    pub(super) arguments: Vec<(String, String)>,
}

/// The commands of the program, in their order.
pub(super) fn commands() -> &'static [CommandHelp] {
    static COMMANDS: LazyLock<Vec<CommandHelp>> = LazyLock::new(|| {
        let mut commands = Vec::new();
        let mut tree = CommandLine::command();
        tree.build();
        for command in tree.get_subcommands() {
            add_command(command, "", &mut commands);
        }
        commands
    });
    &COMMANDS
}

/// The groups of operations, in their order.
pub(super) fn tags() -> Vec<&'static str> {
    let mut tags = Vec::new();
    for operation in endpoints() {
        if !tags.contains(&operation.tag) {
            tags.push(operation.tag);
        }
    }
    tags
}

/// The operations of a group.
pub(super) fn of_tag(tag: &str) -> impl Iterator<Item = &'static Endpoint> {
    endpoints()
        .iter()
        .filter(move |operation| operation.tag == tag)
}

/// The operations that may answer with a code.
pub(super) fn answering(code: Code) -> Vec<&'static Endpoint> {
    let may = |operation: &&Endpoint| {
        openapi::problems(operation)
            .values()
            .any(|codes| codes.contains(&code))
    };
    endpoints().iter().filter(may).collect()
}

/// The page of what a code span names: an operation (`POST /api/users`) or the code of a problem.
pub(super) fn page_of(span: &str) -> Option<String> {
    if let Some((method, path)) = span.split_once(" /api") {
        let path = path.split('?').next().unwrap_or(path);
        let operation = endpoints()
            .iter()
            .find(|known| known.method.as_str() == method && known.path == path)?;
        return Some(href(operation));
    }
    let code = Code::ALL.iter().find(|code| code.as_str() == span)?;
    Some(crate::http::problem::page(*code))
}

/// The address of an operation in the reference.
pub(super) fn href(operation: &Endpoint) -> String {
    format!("/docs/reference/{}#{}", operation.tag, operation.id)
}

fn add_command(command: &clap::Command, above: &str, out: &mut Vec<CommandHelp>) {
    if command.get_name() == "help" {
        return;
    }
    let name = format!("{above}{}", command.get_name());
    if command.has_subcommands() {
        for below in command.get_subcommands() {
            add_command(below, &format!("{name} "), out);
        }
        return;
    }
    let arguments = command
        .get_arguments()
        .filter(|argument| !argument.is_global_set() && argument.get_id() != "help")
        .map(|argument| {
            let about = argument
                .get_help()
                .map(ToString::to_string)
                .unwrap_or_default();
            (argument.to_string(), about)
        })
        .collect();
    out.push(CommandHelp {
        about: command
            .get_about()
            .map(ToString::to_string)
            .unwrap_or_default(),
        usage: command.clone().render_usage().to_string(),
        name,
        arguments,
    });
}
