//! `portcullis test`

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use portcullis::config::Config;
use portcullis::time::UnixTime;
use serde::Serialize;
use serde_json::Value;

use super::{EnvironmentArguments, Exit, Format, line, named, progress};
use crate::scenario::gate::Gate;
use crate::scenario::verdict::{Difference, Outcome};
use crate::scenario::{Scenario, ScenarioRequest, read};
use crate::{document, moment};

pub(super) const EXAMPLES: &str = "Examples:
  portcullis test filter.json scenarios/*.yaml   these scenarios against this configuration
  portcullis test scenarios/*.yaml               each file brings its own `config`

A scenario file:
  requests:
    - what: a reader reads an order
      get: /orders/7                      # or post, put, patch, delete, options, head
      token: { provider: staff, claims: { scp: orders.read } }
      from: 203.0.113.7                   # default: 192.0.2.1
      at: 2026-03-02T09:00:00+01:00       # default: now
      expect: 200
      upstream: { x-user-id: 690222be-ff1a-4d56-abd1-7e4f7d38e474 }
    - what: and may not delete it
      delete: /orders/7
      token: { provider: staff, claims: { scp: orders.read } }
      expect: 403 scope_missing

Tokens are made for the test and are ordinary ones of the provider, but for the `claims` given and those `without`.
An API key of the configuration is shown by its id, as in `api_key: ci`; it gets a secret that is known here.
Requests of one `at` meet one gate, in their order.

Exit codes: 0 all as expected, 1 not, 2 a file that can't be read.";

/// What to ask.
#[derive(Debug, Args)]
pub struct Arguments {
    /// A configuration and scenario files, or scenario files that bring their configuration
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// How to tell it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Only requests with this in their `what`
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    #[command(flatten)]
    environment: EnvironmentArguments,
}

#[derive(Serialize)]
struct Report {
    file: String,
    requests: usize,
    failures: Vec<Failure>,
    /// Why the file could not be told.
    faults: Vec<String>,
}

#[derive(Serialize)]
struct Failure {
    what: String,
    request: String,
    differences: Vec<Told>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
}

#[derive(Serialize)]
struct Told {
    about: String,
    expected: String,
    found: String,
}

pub(super) fn run(arguments: &Arguments, out: &mut Vec<u8>) -> Result<Exit, String> {
    let mut files = Vec::new();
    for path in &arguments.files {
        let text = document::read(path)?;
        if files.is_empty() {
            as_written(&named(path), &text, arguments)?;
        }
        files.push((named(path), document::value(&text).map_err(|error| format!("{}: {error}", named(path)))?));
    }
    // A configuration has rules, a scenario file has requests.
    let shared = match files.first() {
        Some((_, first)) if first.get("rules").is_some() && first.get("requests").is_none() => Some(files.remove(0)),
        _ => None,
    };
    if files.is_empty() {
        return Err("there is a configuration and no scenario file".to_owned());
    }
    let mut reports = Vec::new();
    for (file, value) in &files {
        progress(file);
        reports.push(tell(file, value, shared.as_ref(), arguments));
    }
    progress("");
    let asked = reports.iter().any(|report| report.requests > 0 || !report.faults.is_empty());
    if let Some(only) = arguments.only.as_ref().filter(|_| !asked) {
        return Err(format!("no request has `{only}` in its `what`, so nothing was tested"));
    }
    let failed = reports.iter().any(|report| !report.failures.is_empty());
    let faulty = reports.iter().any(|report| !report.faults.is_empty());
    match arguments.format {
        Format::Json => line!(out, "{:#}", serde_json::json!({ "files": reports })),
        Format::Text => print(&reports, out),
    }
    Ok(match () {
        () if faulty => Exit::Usage,
        () if failed => Exit::Faults,
        () => Exit::Fine,
    })
}

/// The world gives providers keys of its own making, and reads what a document came to: what the filter would refuse in the
/// one that was written has to be told first. Only variables may be missing, where keys come from them.
fn as_written(file: &str, text: &str, arguments: &Arguments) -> Result<(), String> {
    let json = document::json_text(text).map_err(|error| format!("{file}: {error}"))?;
    let is_configuration = document::value(text).is_ok_and(|value| value.get("requests").is_none());
    let Some(problems) = Config::load(json.as_bytes(), &|name| arguments.environment.get(name)).err() else {
        return Ok(());
    };
    let faults: Vec<String> = problems
        .iter()
        .filter(|problem| is_configuration && !problem.message.starts_with("environment variable"))
        .map(|problem| format!("{file}: {problem}"))
        .collect();
    if faults.is_empty() { Ok(()) } else { Err(faults.join("\n")) }
}

fn tell(file: &str, value: &Value, shared: Option<&(String, Value)>, arguments: &Arguments) -> Report {
    let mut report = Report { file: file.to_owned(), requests: 0, failures: Vec::new(), faults: Vec::new() };
    let mut scenario = match read::scenario(value) {
        Ok(scenario) => scenario,
        Err(faults) => {
            report.faults = faults;
            return report;
        }
    };
    let config = match (shared, &scenario.config) {
        (Some((name, _)), Some(_)) => {
            report.faults.push(format!("config: the file has one, and {name} is another; leave one out"));
            return report;
        }
        (Some((_, config)), None) => config.clone(),
        (None, Some(config)) => config.clone(),
        (None, None) => {
            report
                .faults
                .push("config: is required, unless a configuration is named before the scenario files".to_owned());
            return report;
        }
    };
    if let Some(only) = &arguments.only {
        scenario.requests.retain(|request| request.what.contains(only.as_str()));
    }
    report.requests = scenario.requests.len();
    match ask(&scenario, &config, &|name| arguments.environment.get(name)) {
        Ok(outcomes) => {
            for (request, outcome) in scenario.requests.iter().zip(outcomes) {
                let differences = request.expect.differences(&outcome);
                if !differences.is_empty() {
                    report.failures.push(failure(request, &outcome, differences));
                }
            }
        }
        Err(faults) => report.faults = faults,
    }
    report
}

/// What comes of each request, in their order.
///
/// # Errors
/// Faults of the configuration, and requests that can't be made.
pub fn ask(
    scenario: &Scenario,
    config: &Value,
    environment: crate::world::Environment<'_>,
) -> Result<Vec<Outcome>, Vec<String>> {
    let mut gates: HashMap<Option<UnixTime>, Gate> = HashMap::new();
    let mut outcomes = Vec::new();
    let now = moment::now();
    let mut gone_by = HashMap::new();
    for (index, request) in scenario.requests.iter().enumerate() {
        let gate = match gates.entry(request.at) {
            Entry::Occupied(gate) => gate.into_mut(),
            Entry::Vacant(place) => {
                let gate = Gate::open(config, environment).map_err(|problems| {
                    problems.iter().map(|problem| format!("config: {problem}")).collect::<Vec<_>>()
                })?;
                place.insert(gate)
            }
        };
        let clock = gone_by.entry(request.at).or_insert(Duration::ZERO);
        *clock = clock.saturating_add(request.after);
        let outcome = gate.ask(request, request.at.unwrap_or(now).plus(*clock));
        outcomes.push(
            outcome
                .map_err(|fault| vec![format!("request {} ({}): {fault}", index.saturating_add(1), request.what)])?,
        );
    }
    Ok(outcomes)
}

fn failure(request: &ScenarioRequest, outcome: &Outcome, differences: Vec<Difference>) -> Failure {
    let told = |Difference { about, expected, found }| Told { about, expected, found };
    Failure {
        what: request.what.clone(),
        request: format!("{} {}{}", request.method, request.host, request.path),
        differences: differences.into_iter().map(told).collect(),
        rule: outcome.rule.clone(),
    }
}

fn print(reports: &[Report], out: &mut Vec<u8>) {
    let (mut requests, mut failures): (usize, usize) = (0, 0);
    for Report { file, requests: asked, failures: failed, faults } in reports {
        for fault in faults {
            line!(out, "{file}: error: {fault}");
        }
        for Failure { what, request, differences, rule } in failed {
            line!(out, "{file}: FAILED: {what}");
            line!(out, "    {request}, rule {}", rule.as_deref().unwrap_or("none"));
            for Told { about, expected, found } in differences {
                line!(out, "    {about}");
                line!(out, "      - {expected}");
                line!(out, "      + {found}");
            }
        }
        requests = requests.saturating_add(*asked);
        failures = failures.saturating_add(failed.len());
        if failed.is_empty() && faults.is_empty() {
            line!(out, "{file}: {asked} as expected");
        }
    }
    if failures > 0 {
        line!(out, "{failures} of {requests} requests are not as expected (- expected, + found)");
    }
}
