//! `portcullis check`

use std::path::PathBuf;

use clap::Args;
use portcullis::config::Config;
use serde::Serialize;

use super::{EnvironmentArguments, Exit, Format, line, named};
use crate::{document, moment};

pub(super) const EXAMPLES: &str = "Examples:
  portcullis check filter.json                       every fault at once, each with its path
  portcullis check --deny-warnings policies/*.json   in CI
  portcullis check --format json filter.yaml         for a program
  portcullis check --env SECRET=x filter.json        `${SECRET}` in the file is `x`

Exit codes: 0 clean, 1 faults, 2 a file that can't be read.";

/// What to check.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Configurations, JSON or YAML; `-` is the standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// How to tell it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Warnings count as faults
    #[arg(long)]
    deny_warnings: bool,
    #[command(flatten)]
    environment: EnvironmentArguments,
}

#[derive(Serialize)]
struct Report {
    file: String,
    errors: Vec<Told>,
    warnings: Vec<String>,
}

#[derive(Serialize)]
struct Told {
    path: String,
    message: String,
}

pub(super) fn run(arguments: &Arguments, out: &mut Vec<u8>) -> Exit {
    let mut reports = Vec::new();
    let mut unreadable = false;
    for file in &arguments.files {
        let mut report = Report { file: named(file), errors: Vec::new(), warnings: Vec::new() };
        let text = document::read(file).inspect_err(|_| unreadable = true);
        match text.and_then(|text| document::json_text(&text)) {
            Err(message) => report.errors.push(Told { path: String::new(), message }),
            Ok(text) => match Config::load(text.as_bytes(), &|name| arguments.environment.get(name)) {
                Ok(config) => {
                    report.warnings = config.warnings(true);
                    report.warnings.extend(config.ended(moment::now()));
                }
                Err(problems) => {
                    let told = |problem: &portcullis::config::Problem| Told {
                        path: problem.path.clone(),
                        message: problem.message.clone(),
                    };
                    report.errors = problems.iter().map(told).collect();
                }
            },
        }
        reports.push(report);
    }
    match arguments.format {
        Format::Json => line!(out, "{:#}", serde_json::json!({ "files": reports })),
        Format::Text => tell(&reports, out),
    }
    let faults = reports.iter().any(|report| !report.errors.is_empty());
    let warnings = reports.iter().any(|report| !report.warnings.is_empty());
    match () {
        () if unreadable => Exit::Usage,
        () if faults || (warnings && arguments.deny_warnings) => Exit::Faults,
        () => Exit::Fine,
    }
}

fn tell(reports: &[Report], out: &mut Vec<u8>) {
    for Report { file, errors, warnings } in reports {
        for Told { path, message } in errors {
            match path.as_str() {
                "" => line!(out, "{file}: error: {message}"),
                path => line!(out, "{file}: error: {path}: {message}"),
            }
        }
        for warning in warnings {
            line!(out, "{file}: warning: {warning}");
        }
        if errors.is_empty() && warnings.is_empty() {
            line!(out, "{file}: fine");
        }
    }
}
