//! A large policy, and how long the filter takes to load it.

use std::process::ExitCode;

use serde_json::{Value, json};

use crate::contenders::Field;

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

/// `count` rules, the one that requests match among them.
pub(crate) fn large(count: usize) -> Value {
    let mut rules: Vec<Value> = (1..count)
        .map(|index| {
            json!({
                "name": format!("rule-{index}"),
                "match": { "methods": ["GET", "POST"], "paths": [format!("/service-{index}/items/{{id}}")] }
            })
        })
        .collect();
    rules.push(json!({ "name": "orders", "match": { "paths": ["/orders/{id}"] } }));
    json!({ "rules": rules })
}

const TIMES: usize = 5;
