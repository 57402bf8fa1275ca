//! The filter's configuration.

use portcullis::config::{Config, Problems};
use serde_json::Value;

/// A document is loaded or refused; a refusal says what is wrong, a second load is the same, and no secret is printed.
pub fn config(input: &[u8]) {
    match (load(input), load(input)) {
        (Ok(one), Ok(two)) => {
            let printed = format!("{one:?}");
            // Sets print in any order, so the letters are counted.
            assert_eq!(letters(&printed), letters(&format!("{two:?}")));
            for secret in secrets(input) {
                assert!(!printed.contains(&secret), "a secret is printed");
            }
            assert!(one.warnings(true).len() <= one.warnings(false).len());
        }
        (Err(one), Err(two)) => {
            assert_eq!(one, two);
            assert!(!one.is_empty(), "refused without a reason");
            for problem in one.iter() {
                assert!(!problem.message.is_empty() && !problem.message.ends_with('.'), "{problem:?}");
            }
            let printed = one.to_string();
            for secret in secrets(input) {
                assert!(!printed.contains(&secret), "a secret is printed");
            }
        }
        (one, two) => panic!("once {one:?}, once {two:?}"),
    }
}

fn load(input: &[u8]) -> Result<Config, Problems> {
    Config::load(input, &|name| (name == "TENANT").then(|| "11111111-2222-4333-8444-555555555555".to_owned()))
}

fn letters(text: &str) -> Vec<u8> {
    let mut letters = text.as_bytes().to_vec();
    letters.sort_unstable();
    letters
}

/// The shared secrets that the document gives, where they are long enough to be one and not by chance part of a text.
fn secrets(input: &[u8]) -> Vec<String> {
    let Ok(document) = serde_json::from_slice::<Value>(input) else { return Vec::new() };
    let Some(providers) = document["providers"].as_object() else { return Vec::new() };
    let secret = |provider: &Value| Some(provider["secret"]["value"].as_str()?.to_owned());
    providers.values().filter_map(secret).filter(|secret| secret.len() >= 32).collect()
}
