//! The command line of B2B Dashboard.

use std::process::ExitCode;

fn main() -> ExitCode {
    b2b_dashboard::cli::main_of_process()
}
