//! The command line of B2B Dashboard.

use std::process::ExitCode;

/// A page of records is a thousand small texts that live for a moment: an allocator that is quick at that saves a tenth
/// of its time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    b2b_dashboard::cli::main_of_process()
}
