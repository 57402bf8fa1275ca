//! The files of the repository that are configurations, and the one that is their schema.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::*;

fn examples() -> Vec<(PathBuf, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("filter-config");
    let mut examples: Vec<(PathBuf, Value)> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json") && !path.ends_with("schema.json"))
        .map(|path| (path.clone(), serde_json::from_slice(&fs::read(&path).unwrap()).unwrap()))
        .collect();
    examples.sort_by(|(one, _), (other, _)| one.cmp(other));
    assert!(examples.len() >= 5, "{examples:?}");
    examples
}

#[test]
fn every_example_loads() {
    for (path, document) in examples() {
        if let Err(problems) = load(&document) {
            panic!("{}: {problems:#?}", path.display());
        }
    }
}

#[test]
fn the_schema_in_the_repository_is_the_generated_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("filter-config/schema.json");
    let generated = format!("{:#}\n", serde_json::to_value(schemars::schema_for!(Settings)).unwrap());
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        fs::write(&path, &generated).unwrap();
    }
    assert!(
        fs::read_to_string(&path).unwrap_or_default() == generated,
        "filter-config/schema.json is out of step; run `UPDATE_SCHEMA=1 cargo test the_schema`"
    );
}

#[test]
fn the_schema_accepts_every_example_and_refuses_what_the_reader_refuses_by_shape() {
    let schema = serde_json::to_value(schemars::schema_for!(Settings)).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    for (path, document) in examples() {
        let errors: Vec<String> = schema.iter_errors(&document).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{}: {errors:#?}", path.display());
    }
    for (pointer, value) in [
        ("/provider", json!(1)),
        ("/rules", Value::Null),
        ("/rules/0/access", json!("public")),
        ("/providers/idp/clock_skew", json!("1 minute")),
        ("/providers/idp/audiences", json!(["a", 7])),
        ("/limits", json!({ "token": 8192 })),
    ] {
        let document = changed(pointer, value);
        assert!(!schema.is_valid(&document) && load(&document).is_err(), "{pointer}");
    }
}
