//! What each step costs in WebAssembly instructions, which no noisy machine can blur: units of wasmtime's fuel, about one
//! each, counted in a strict host whose clock, random numbers and keys are the same in every run.
//!
//! The figures are kept in `benches/instructions.json`. A step that has become dearer fails; after a change that is meant,
//! write them anew with `UPDATE_INSTRUCTIONS=1 cargo test --test instructions`.

mod steps;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use strict_host::Filter;

/// Instructions by step.
type Counts = BTreeMap<&'static str, u64>;

#[test]
fn no_step_costs_more_instructions_than_it_did() {
    let counts = steps::count(&Filter::load(&envoy_test::wasm()));
    let compiler = envoy_test::compiler();
    let file = envoy_test::workspace().join("benches/instructions.json");
    if std::env::var_os("UPDATE_INSTRUCTIONS").is_some() {
        let kept = json!({"compiler": compiler, "instructions": counts});
        fs::write(&file, format!("{kept:#}\n")).unwrap();
    }
    let kept = read(&file);
    let tolerance = if kept["compiler"] == json!(compiler) { SAME_COMPILER } else { OTHER_COMPILER };
    println!("{}", table(&counts, &kept));
    let dearer: Vec<String> =
        counts.iter().filter_map(|(step, count)| dearer(step, *count, &kept, tolerance)).collect();
    assert!(
        dearer.is_empty(),
        "{dearer:#?}\nmade by {compiler}, compared with {} at {tolerance} %; if it is meant: {UPDATE}",
        kept["compiler"],
    );
    let gone = kept["instructions"].as_object().unwrap().keys().find(|step| !counts.contains_key(step.as_str()));
    assert_eq!(gone, None, "is no step any more: {UPDATE}");
}

/// The same run gives the same figures, or they would prove nothing.
#[test]
fn counts_do_not_change_from_run_to_run() {
    let filter = Filter::load(&envoy_test::wasm());
    assert_eq!(steps::count(&filter), steps::count(&filter));
}

fn read(file: &Path) -> Value {
    let text = fs::read(file).unwrap_or_else(|error| panic!("{}: {error}; make it: {UPDATE}", file.display()));
    serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// What is wrong with the figure of a step, in percent of what is kept.
fn dearer(step: &str, count: u64, kept: &Value, tolerance: u64) -> Option<String> {
    match kept["instructions"][step].as_u64() {
        None => Some(format!("{step}: no figure is kept; {UPDATE}")),
        Some(before) if count * 100 > before * (100 + tolerance) => Some(format!("{step}: {count}, before {before}")),
        Some(_) => None,
    }
}

fn table(counts: &Counts, kept: &Value) -> String {
    let mut table = String::from("| step | instructions | kept | change |\n|---|---:|---:|---:|\n");
    for (step, count) in counts {
        let before = kept["instructions"][step].as_u64().unwrap_or_default();
        let change = (*count as f64 / before as f64 - 1.0) * 100.0;
        let _ = writeln!(table, "| {step} | {count} | {before} | {change:+.1} % |");
    }
    table
}

/// By how many percent a step may become dearer unnoticed.
const SAME_COMPILER: u64 = 5;

/// Another compiler makes other instructions.
const OTHER_COMPILER: u64 = 25;

const UPDATE: &str = "UPDATE_INSTRUCTIONS=1 cargo test --test instructions";
