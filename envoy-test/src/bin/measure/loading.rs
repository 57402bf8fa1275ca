//! How long the filter takes to load a large policy.

use std::process::ExitCode;

use crate::contenders::Field;
use crate::policy::large;

/// Starts an Envoy with `count` rules and prints how long its main thread and its worker took to load them.
pub(crate) fn run(count: usize) -> ExitCode {
    let field = Field::new();
    let configuration = large(count);
    println!("{count} rules, {} bytes of JSON", field.configuration(&configuration).to_string().len());
    for _ in 0..TIMES {
        let envoy = field.ours(&configuration).start();
        let mut loads = Vec::new();
        for line in envoy.filter_log() {
            loads.extend(
                line.split_once(" rules loaded in ").and_then(|(_, rest)| rest.split(' ').next()?.parse::<u64>().ok()),
            );
        }
        println!("loaded in {loads:?} ms, once for each VM");
        if loads.is_empty() {
            eprintln!("Envoy's log does not tell:\n{}", envoy.log_tail());
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

const TIMES: usize = 5;
