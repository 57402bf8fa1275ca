//! API keys: what loads, what is refused and in which words.

use super::*;

const HASH: &str = "sha256$AwMDAwMDAwMDAwMDAwMDAw$R4QIcrb_ig1fhNzZgi9EiEN4n2U-49CL_zqx8srT8m4";

fn with(settings: Value) -> Value {
    let mut document = good();
    document["networks"] = json!({ "office": ["203.0.113.0/24"] });
    document["roles"] = json!({ "reader": { "permissions": ["read"] } });
    document["rules"][0]["accept"] = json!(["token", "api_key"]);
    document["rules"][0]["require"] = json!({ "permissions": "read" });
    document["api_keys"] = settings;
    document
}

fn one(changes: Value) -> Value {
    let mut key = json!({
        "hash": HASH, "owner": "team-x", "scopes": ["orders.read"], "roles": ["reader"], "networks": ["office"],
        "not_before": "2026-01-01T00:00:00Z", "expires": "2027-01-01T00:00:00Z", "plan": "gold",
        "claims": { "team": "x", "groups": ["g-1"] },
    });
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(key.as_object_mut().unwrap().remove(name)),
            value => key[name] = value.clone(),
        }
    }
    with(json!({ "keys": { "ci": key } }))
}

#[test]
fn keys_load_and_say_when_they_end() {
    let config = load(&one(json!({}))).unwrap();
    assert!(config.warnings(true).is_empty());
    let ended = |at: &str| config.ended(crate::access::schedule::instant(at).unwrap());
    assert!(ended("2026-12-17T23:59:59Z").is_empty());
    assert_eq!(
        ended("2026-12-18T00:00:00Z"),
        ["api_keys.keys.ci.expires: is soon (Fri, 01 Jan 2027 00:00:00 GMT); make the key that takes its place"]
    );
    assert_eq!(ended("2027-01-01T00:00:00Z"), ["api_keys.keys.ci.expires: is over; take the key out"]);
}

#[test]
fn each_fault_of_a_key_is_named() {
    for (changes, expected) in [
        (
            json!({ "hash": "pcl_ci_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc" }),
            "api_keys.keys.ci.hash: is not a hash; expected `sha256$<salt>$<digest>`, as `portcullis api-key new` makes it; never the key itself",
        ),
        (json!({ "hash": null }), "api_keys.keys.ci.hash: is required"),
        (json!({ "hash": "sha256$short$short" }), "api_keys.keys.ci.hash: is not a hash"),
        (json!({ "owner": "" }), "api_keys.keys.ci.owner: expected 1 to 256 bytes of plain text"),
        (json!({ "owner": "a\nb" }), "api_keys.keys.ci.owner: expected"),
        (json!({ "scopes": ["a b"] }), "api_keys.keys.ci.scopes[0]: `a b` is not a scope"),
        (json!({ "roles": ["writer"] }), "api_keys.keys.ci.roles[0]: there is no role `writer`; known: `reader`"),
        (json!({ "networks": ["home"] }), "api_keys.keys.ci.networks[0]: there is no network `home`; known: `office`"),
        (json!({ "networks": [] }), "api_keys.keys.ci.networks: is empty; name a network, or leave it out"),
        (json!({ "expires": "2027-01-01" }), "api_keys.keys.ci.expires: `2027-01-01` is not a moment"),
        (
            json!({ "expires": "2026-01-01T00:00:00Z" }),
            "api_keys.keys.ci.expires: is not after `not_before`, so the key is never valid",
        ),
        (json!({ "plan": "" }), "api_keys.keys.ci.plan: expected"),
        (json!({ "claims": { "sub": "root" } }), "api_keys.keys.ci.claims.sub: says what a key does not"),
        (json!({ "claims": { "azp": "root" } }), "api_keys.keys.ci.claims.azp: says what a key does not"),
        (
            json!({ "claims": { "certificate": "shop" } }),
            "api_keys.keys.ci.claims.certificate: says what a key does not",
        ),
        (json!({ "claims": { "x5t#S256": "x" } }), "api_keys.keys.ci.claims.x5t#S256: says what a key does not"),
        (json!({ "claims": { "plan": "root" } }), "api_keys.keys.ci.claims.plan: says what a key does not"),
        (json!({ "claims": { "team": 7 } }), "api_keys.keys.ci.claims.team: expected a string, found a number"),
        (json!({ "secret": "x" }), "api_keys.keys.ci.secret: unknown setting"),
    ] {
        let problems = load(&one(changes.clone())).expect_err(expected);
        assert!(problems.iter().any(|problem| problem.starts_with(expected)), "{changes}: {problems:#?}");
        assert!(!problems.iter().any(|problem| problem.contains("BwcHBwc")), "a key is in the error: {problems:#?}");
    }
}

#[test]
fn each_fault_of_their_places_is_named() {
    let keys = json!({ "ci": { "hash": HASH, "owner": "team-x", "roles": ["reader"] } });
    for (settings, expected) in [
        (json!({ "keys": {} }), "api_keys.keys: is empty"),
        (
            json!({ "keys": { "Big_One": { "hash": HASH, "owner": "x", "roles": ["reader"] } } }),
            "api_keys.keys.Big_One: the id of a key is",
        ),
        (json!({ "keys": keys, "notice": "366d" }), "api_keys.notice: expected at most `365d`"),
        (json!({ "keys": keys, "sources": { "headers": [] } }), "api_keys.sources: there is no place"),
        (
            json!({ "keys": keys, "sources": { "headers": [{ "name": "x-key" }, { "name": "X-Forwarded-Client-Cert" }] } }),
            "api_keys.sources.headers[1].name: `X-Forwarded-Client-Cert` cannot be",
        ),
        (
            json!({ "keys": keys, "sources": { "danger_query_parameters": ["a\"b"] } }),
            "api_keys.sources.danger_query_parameters[0]: `a\\\"b` is not a parameter's name",
        ),
        (
            json!({ "keys": keys, "sources": { "headers": [{ "name": "cookie" }] } }),
            "api_keys.sources.headers[0].name: `cookie` cannot be",
        ),
        (
            json!({ "keys": keys, "sources": { "headers": [{ "name": "Authorization", "prefix": "ApiKey " }] } }),
            "api_keys.sources: `Authorization` is where tokens are looked for (`credentials`)",
        ),
        (
            json!({ "keys": keys, "sources": { "danger_query_parameters": ["Access_Token"] } }),
            "api_keys.sources.danger_query_parameters[0]: `access_token` is the name of a token",
        ),
    ] {
        let problems = load(&with(settings)).expect_err(expected);
        assert!(problems.iter().any(|problem| problem.starts_with(expected)), "{expected}: {problems:#?}");
    }
    let dangerous = json!({ "keys": keys, "sources": { "danger_query_parameters": ["key"] } });
    let warnings = load(&with(dangerous)).unwrap().warnings(true);
    assert!(warnings.len() == 1 && warnings[0].starts_with("api_keys.sources.danger_query_parameters"), "{warnings:?}");
    let mut document = with(json!({ "keys": keys }));
    document["forward"] = json!({ "claims": [{ "claim": "sub", "header": "X_Api_Key" }] });
    assert_eq!(load(&document).unwrap_err(), ["forward: the header `X_Api_Key` is one that carries credentials"]);
}

#[test]
fn a_limit_counts_by_no_header_that_carries_credentials() {
    let mut document = one(json!({}));
    document["credentials"] = json!({ "headers": [{ "name": "x-token" }] });
    let by = |header: &str| {
        let mut document = document.clone();
        let key = json!(["route", { "header": header }]);
        document["rate_limits"] =
            json!({ "l": { "key": key, "rate": { "requests": 5, "per": "1m" }, "all_rules": true } });
        load(&document).map(|_| ())
    };
    for header in ["x-api-key", "X_Api_Key", "x-token", "authorization", "Cookie", "dpop", "proxy_authorization"] {
        let expected = format!(
            "rate_limits.l.key[1].header: `{}` carries credentials, which nobody has looked at here; count by `subject` or `api_key`",
            header.to_ascii_lowercase()
        );
        assert_eq!(by(header), Err(vec![expected]));
    }
    assert_eq!(by("x-team"), Ok(()));
}

#[test]
fn a_key_that_is_written_where_something_else_belongs_is_not_told() {
    let key = "pcl_ci_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc";
    let mut as_id = with(json!({ "keys": { key: { "hash": HASH, "owner": "x" } } }));
    as_id["networks"][key] = json!([]);
    let mut documents = vec![as_id];
    documents.extend(["expires", "not_before"].map(|name| one(json!({ name: key }))));
    documents.extend(["roles", "networks"].map(|name| one(json!({ name: [key] }))));
    documents.push(one(json!({ key: 1 })));
    documents.push(one(json!({ "claims": { key: 1 } })));
    documents.push(one(json!({ "expires": format!("a {key}x {key}") })));
    let mut duration = one(json!({}));
    duration["api_keys"]["notice"] = json!(key);
    documents.push(duration);
    for document in documents {
        let problems = load(&document).map(|_| ()).unwrap_err().join("; ");
        assert!(problems.contains("pcl_ci_...") && !problems.contains("Bwc"), "{problems}");
    }
}

#[test]
fn a_rule_takes_only_what_there_is() {
    let mut document = good();
    document["rules"][0]["accept"] = json!(["api_key"]);
    assert_eq!(
        load(&document).unwrap_err(),
        ["rules[0].accept: takes API keys, and there are none; name them in `api_keys`"]
    );
    let mut document = one(json!({}));
    document["rules"][0].as_object_mut().unwrap().remove("accept");
    let warnings = load(&document).unwrap().warnings(true);
    assert_eq!(warnings, ["api_keys: no rule takes them; say so in a rule's `accept`"]);
    let mut document = one(json!({}));
    document.as_object_mut().unwrap().remove("providers");
    assert_eq!(load(&document).unwrap_err(), ["rules[0].accept: takes tokens, and there are no `providers` of any"]);
}
