//! `portcullis`

use std::process::ExitCode;

use clap::Parser;
use portcullis_cli::command::{Cli, run};

fn main() -> ExitCode {
    run(Cli::parse())
}
