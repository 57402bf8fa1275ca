//! Opaque tokens in the configuration.

use super::*;

fn with(change: impl FnOnce(&mut Value)) -> Result<Config, Vec<String>> {
    let mut document = good();
    document["providers"]["idp"]["introspection"] =
        json!({ "endpoint": "https://idp.example/introspect", "client": { "id": "gate", "secret": "hush" } });
    change(&mut document);
    load(&document)
}

fn setting(name: &str, value: Value) -> Result<Config, Vec<String>> {
    with(|document| document["providers"]["idp"]["introspection"][name] = value)
}

#[test]
fn a_provider_takes_opaque_tokens_beside_jwts_or_alone() {
    assert!(with(|_| {}).is_ok());
    for jwts in ["introspect", "refuse"] {
        let alone = with(|document| {
            let idp = document["providers"]["idp"].as_object_mut().unwrap();
            idp.remove("cluster");
            idp["introspection"]["cluster"] = json!("idp");
            idp["introspection"]["jwts"] = json!(jwts);
        });
        assert!(alone.is_ok(), "{jwts}");
    }
    let plain = setting("endpoint", json!("http://idp.example/introspect")).unwrap();
    assert!(plain.warnings(true).iter().any(|warning| warning.contains("introspection.endpoint")));
}

#[test]
fn what_is_wrong_with_introspection_is_said() {
    let at = "providers.idp.introspection";
    for (name, value, expected) in [
        ("endpoint", json!("idp"), format!("{at}.endpoint: ")),
        ("cluster", json!(""), format!("{at}.cluster: is required")),
        ("client", json!({ "id": "", "secret": "x" }), format!("{at}.client.id: is empty")),
        ("client", json!({ "id": "x", "secret": "" }), format!("{at}.client.secret: is empty")),
        ("client", json!({ "id": "x", "secret": "x", "method": "private_key_jwt" }), format!("{at}.client.method: ")),
        ("token_prefix", json!(""), format!("{at}.token_prefix: expected 1 to 64")),
        ("token_prefix", json!("a b"), format!("{at}.token_prefix: expected 1 to 64")),
        ("token_prefix", json!("eyJ"), format!("{at}.token_prefix: is how JWTs begin")),
        ("token_prefix", json!("e"), format!("{at}.token_prefix: is how JWTs begin")),
        ("cache", json!("2h"), format!("{at}.cache: expected a span from `1s` to `1h`")),
        ("cache", json!("0s"), format!("{at}.cache: expected a span from `1s` to `1h`")),
        ("negative_cache", json!("0s"), format!("{at}.negative_cache: expected a span from `1s` to `5m`")),
        ("timeout", json!("1ms"), format!("{at}.timeout: expected a span from `100ms` to `30s`")),
        ("cache_size", json!("1GiB"), format!("{at}.cache_size: ")),
        ("cache_size", json!("65MiB"), format!("{at}.cache_size: expected a size from `64KiB` to `64MiB`")),
        ("max_bytes", json!("0B"), format!("{at}.max_bytes: expected `1B` to `1MiB`")),
        ("concurrency", json!(0), format!("{at}.concurrency: expected 1 to 256")),
        ("jwts", json!(true), format!("{at}.jwts: ")),
        ("jwt", json!(true), format!("{at}.jwt: unknown setting")),
    ] {
        let problems = setting(name, value.clone()).unwrap_err();
        assert!(problems.iter().any(|problem| problem.starts_with(&expected)), "{name} {value}: {problems:?}");
    }
}

#[test]
fn keys_that_nothing_is_verified_with_are_refused_and_so_are_opaque_tokens_of_entra_id() {
    let keys = with(|document| {
        document["providers"]["idp"]["jwks_uri"] = json!("https://idp.example/keys");
        document["providers"]["idp"]["introspection"]["jwts"] = json!("refuse");
    });
    assert!(keys.unwrap_err()[0].contains("has keys (jwks_uri) that no token is verified with"));
    let entra = with(|document| {
        let introspection = document["providers"]["idp"]["introspection"].clone();
        document["providers"]["entra"]["introspection"] = introspection;
        document["providers"].as_object_mut().unwrap().remove("idp");
    });
    assert!(entra.unwrap_err()[0].starts_with("providers.entra.introspection: does not go with `entra`"));
}

#[test]
fn tokens_of_two_providers_are_told_apart_by_how_they_begin() {
    let two = |one: Value, other: Value| {
        with(|document| {
            let mut second = document["providers"]["idp"].clone();
            second["issuer"] = json!("https://second.example");
            document["providers"]["second"] = second;
            document["providers"]["idp"]["introspection"]["token_prefix"] = one;
            document["providers"]["second"]["introspection"]["token_prefix"] = other;
        })
    };
    assert!(two(json!("a_"), json!("b_")).is_ok());
    assert!(two(Value::Null, json!("b_")).is_ok());
    for (one, other) in [(Value::Null, Value::Null), (json!("a"), json!("a_")), (json!("a_"), json!("a"))] {
        let problems = two(one, other).unwrap_err();
        assert!(
            problems[0]
                .starts_with("providers.second.introspection.token_prefix: an opaque token could be of `idp` too")
        );
    }
}

#[test]
fn a_question_that_takes_longer_than_requests_wait_is_heard_at_load() {
    let warned = |timeout: &str, wait: &str| {
        let config = with(|document| {
            document["providers"]["idp"]["introspection"]["timeout"] = json!(timeout);
            document["limits"] = json!({ "wait": wait });
        });
        let warnings = config.unwrap().warnings(true);
        warnings
            .iter()
            .any(|warning| warning.starts_with("providers.idp.introspection.timeout: is longer than `limits.wait`"))
    };
    assert!(warned("3s", "2s") && !warned("2s", "2s"));
}

#[test]
fn tokens_that_wait_take_a_part_of_the_room_that_there_is() {
    for (waiting, expected) in [(1000, 500), (100_000, 500), (40, 20), (0, 0)] {
        let config = with(|document| document["limits"] = json!({ "waiting_requests": waiting })).unwrap();
        let idp = config.providers.iter().find_map(|provider| provider.introspection.as_ref());
        assert_eq!(idp.unwrap().pending, expected, "{waiting}");
    }
}

#[test]
fn the_clients_secret_is_not_printed() {
    let printed = format!("{:?}", with(|_| {}).unwrap());
    assert!(!printed.contains("hush"));
}
