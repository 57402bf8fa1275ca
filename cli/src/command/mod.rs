//! What the tool does, one module per command.
//!
//! Exit codes: 0 as it should be, 1 not, 2 wrongly called or unreadable, 3 decisions that change.

pub mod api_key;
pub mod check;
pub mod explain;
mod matching;
pub mod replay;
pub mod test;

use std::io::{IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use portcullis::config::settings::Settings;

/// The tool's arguments.
#[derive(Debug, Parser)]
#[command(name = "portcullis", version, about, long_about = LONG, after_help = AFTER)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

const LONG: &str = "Checks, explains, replays and tests configurations of the Portcullis filter for Envoy.\n\nEvery decision is \
made by the engine that runs in the filter; nothing is asked of a network.";

const AFTER: &str = "Exit codes: 0 as it should be, 1 not, 2 wrongly called or unreadable, 3 decisions that change.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Tells every error and warning of configurations, each with its path
    #[command(after_help = check::EXAMPLES)]
    Check(check::Arguments),
    /// Walks a request step by step, or replays a log against a configuration
    #[command(after_help = explain::EXAMPLES)]
    Explain(Box<explain::Arguments>),
    /// Asks what scenario files ask, and tells what is not as they say
    #[command(after_help = test::EXAMPLES)]
    Test(test::Arguments),
    /// Makes API keys
    #[command(subcommand, name = "api-key")]
    ApiKey(api_key::Command),
    /// Prints the JSON Schema of the configuration
    #[command(
        after_help = "Examples:\n  portcullis schema > schema.json   then `\"$schema\": \"./schema.json\"` in the configuration, and an editor helps"
    )]
    Schema,
    /// Prints a completion script for a shell
    #[command(
        after_help = "Examples:\n  portcullis completions bash > /etc/bash_completion.d/portcullis\n  portcullis completions zsh > ~/.zfunc/_portcullis"
    )]
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
}

/// How something is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For a person
    #[default]
    Text,
    /// For a program
    Json,
}

/// Where `${NAME}` in a configuration comes from.
#[derive(Clone, Debug, Default, Args)]
pub struct EnvironmentArguments {
    /// What `${NAME}` stands for in the configuration; otherwise the environment of the tool says it
    #[arg(long = "env", value_name = "NAME=VALUE", value_parser = assignment)]
    env: Vec<(String, String)>,
}

impl EnvironmentArguments {
    /// The value of a variable.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<String> {
        let given = self.env.iter().rev().find(|(given, _)| given == name).map(|(_, value)| value.clone());
        given.or_else(|| std::env::var(name).ok())
    }
}

fn assignment(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// What came of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// As it should be.
    Fine,
    /// Not as it should be.
    Faults,
    /// Wrongly called, or something can't be read.
    Usage,
    /// Decisions change.
    Changes,
}

/// Does what `cli` says.
#[must_use]
pub fn run(cli: Cli) -> ExitCode {
    let mut out = Vec::new();
    let exit = match cli.command {
        Command::Check(arguments) => Ok(check::run(&arguments, &mut out)),
        Command::Explain(arguments) => explain::run(&arguments, &mut out),
        Command::Test(arguments) => test::run(&arguments, &mut out),
        Command::ApiKey(command) => api_key::run(&command, &mut out),
        Command::Schema => {
            let schema = serde_json::to_value(schemars::schema_for!(Settings)).unwrap_or_default();
            out.extend(format!("{schema:#}\n").into_bytes());
            Ok(Exit::Fine)
        }
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "portcullis", &mut out);
            Ok(Exit::Fine)
        }
    };
    // A reader that went away, as `head` does, has read enough.
    let _ = std::io::stdout().write_all(&out);
    let exit = exit.unwrap_or_else(|error| {
        let _ = writeln!(std::io::stderr(), "error: {error}");
        Exit::Usage
    });
    ExitCode::from(match exit {
        Exit::Fine => 0,
        Exit::Faults => 1,
        Exit::Usage => 2,
        Exit::Changes => 3,
    })
}

/// A line that is overwritten by the next, so that a long step does not look like a hang. Only where a person looks.
pub(crate) fn progress(message: &str) {
    let mut err = std::io::stderr();
    if err.is_terminal() {
        let _ = write!(err, "\r\x1b[2K{message}");
        let _ = err.flush();
    }
}

/// A file's name, or the standard input's.
pub(crate) fn named(path: &Path) -> String {
    if path.as_os_str() == "-" { "standard input".to_owned() } else { path.display().to_string() }
}

/// One line of output. What is written goes into memory, which does not fail.
macro_rules! line {
    ($out:expr, $($text:tt)*) => {{
        $out.extend_from_slice(format!($($text)*).as_bytes());
        $out.push(b'\n');
    }};
}
pub(crate) use line;
