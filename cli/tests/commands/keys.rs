//! API keys: made, shown, replayed.

use super::*;

fn with_keys(entry: &Value) -> Value {
    let mut config = config();
    config["roles"] = json!({ "reader": { "permissions": ["read"] } });
    config["api_keys"] = json!({ "keys": entry });
    config["rules"][0]["accept"] = json!(["token", "api_key"]);
    config
}

#[test]
fn a_new_key_is_good_by_its_entry() {
    let files = Files::new();
    let made = portcullis(&[
        "api-key",
        "new",
        "--id",
        "ci-2",
        "--owner",
        "team-x",
        "--scopes",
        "orders.read,orders.write",
        "--role",
        "reader",
        "--network",
        "office",
        "--plan",
        "gold",
        "--expires",
        "90d",
        "--format",
        "json",
    ]);
    made.assert(0, &["pcl_ci-2_", "sha256$", "\"owner\": \"team-x\"", "\"plan\": \"gold\""]);
    let (key, entry) = (made.json()["key"].as_str().expect("a text").to_owned(), made.json()["entry"].clone());
    assert!(!entry.to_string().contains(key.rsplit('_').next().expect("a secret")));
    let file = files.add("keys.json", &with_keys(&entry).to_string());
    portcullis(&["check", "--deny-warnings", &file]).assert(0, &["fine"]);
    let header = format!("x-api-key: {key}");
    let get = ["--request", "GET https://api.example/orders/7", "--from", "203.0.113.9"];
    let by_key = portcullis(&[&["explain", &file, "--header", &header], get.as_slice()].concat());
    by_key.assert(
        0,
        &["in the header `x-api-key`", "API key ci-2 of team-x", "a good token or API key is needed", "allow"],
    );
    assert!(!by_key.out.contains(&key), "{}", by_key.out);
    let another = portcullis(&["api-key", "new", "--id", "ci-2", "--owner", "team-x"]);
    another.assert(0, &["pcl_ci-2_", "nobody can get it back"]);
    assert!(!another.out.contains(&key), "not twice the same");
    let by_id = portcullis(&[&["explain", &file, "--api-key", "ci-2"], get.as_slice()].concat());
    by_id.assert(0, &["API key ci-2 of team-x", "allow"]);
    portcullis(&[&["explain", &file, "--api-key", "old"], get.as_slice()].concat()).assert(0, &["api_key_unknown"]);
}

#[test]
fn a_key_that_could_not_be_good_is_not_made() {
    for wrong in [
        ["--id", "Big_One"],
        ["--owner", ""],
        ["--owner", "a\nb"],
        ["--plan", ""],
        ["--scope", "a b"],
        ["--scope", "a,,b"],
        ["--role", ""],
        ["--network", ""],
        ["--expires", "soon"],
        ["--expires", "0d"],
        ["--expires", "2000-01-01T00:00:00Z"],
        ["--expires", "40000000d"],
        ["--not-before", "40000000d"],
    ] {
        let mut arguments = vec!["api-key", "new"];
        for needed in [["--id", "x"], ["--owner", "x"]] {
            if wrong[0] != needed[0] {
                arguments.extend(needed);
            }
        }
        arguments.extend(wrong);
        let told = portcullis(&arguments);
        assert!(
            told.code == 2 && told.out.is_empty() && told.err.contains(wrong[0]),
            "{wrong:?}: {}{}",
            told.out,
            told.err
        );
    }
}

#[test]
fn records_of_keys_are_replayed_by_their_ids() {
    let files = Files::new();
    let entry =
        portcullis(&["api-key", "new", "--id", "ci", "--owner", "x", "--scopes", "orders.read", "--format", "json"]);
    let with_key = with_keys(&entry.json()["entry"]);
    let inputs = json!({ "claims": { "sub": "x", "client_id": "ci", "scope": "orders.read" } });
    let by_key = json!({ "credential": "api_key", "client": "ci", "subject": "x", "inputs": inputs });
    let log = files.add("envoy.log", &record(by_key));
    let same = files.add("same.json", &with_key.to_string());
    portcullis(&["explain", &same, "--envoy-log", &log]).assert(0, &["1 record"]);
    let mut without = with_key.clone();
    without["api_keys"]["keys"] = json!({ "other": with_key["api_keys"]["keys"]["ci"] });
    let without = files.add("without.json", &without.to_string());
    portcullis(&["explain", &without, "--envoy-log", &log]).assert(3, &["deny 401 api_key_unknown"]);
}
