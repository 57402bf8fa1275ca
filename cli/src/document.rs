//! Configurations and scenarios as files: JSON, or YAML with the same members.

use std::path::Path;

use serde_json::Value;

/// The text of a file; `-` is the standard input.
///
/// # Errors
/// A sentence that names the file.
pub fn read(path: &Path) -> Result<String, String> {
    let read =
        if path == Path::new("-") { std::io::read_to_string(std::io::stdin()) } else { std::fs::read_to_string(path) };
    read.map_err(|error| format!("{}: {error}", path.display()))
}

/// A file's text as the JSON text that the filter reads. JSON stays as it is, so that the filter's own reader finds members
/// that come twice; anything else is taken for YAML.
///
/// # Errors
/// What the YAML reader says.
pub fn json_text(text: &str) -> Result<String, String> {
    if text.trim_start().starts_with('{') && serde_json::from_str::<Value>(text).is_ok() {
        return Ok(text.to_owned());
    }
    Ok(value(text)?.to_string())
}

/// A file's text as a value.
///
/// # Errors
/// What the reader says, with line and column.
pub fn value(text: &str) -> Result<Value, String> {
    // What looks like JSON and is broken is explained better by its own reader.
    if text.trim_start().starts_with('{') {
        return match (serde_json::from_str(text), serde_saphyr::from_str(text)) {
            (Ok(value), _) | (Err(_), Ok(value)) => Ok(value),
            (Err(error), Err(_)) => Err(format!("not valid JSON: {error}")),
        };
    }
    serde_saphyr::from_str(text).map_err(|error| format!("not valid YAML: {error}"))
}
