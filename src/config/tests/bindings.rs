//! Bound tokens in the configuration.

use super::*;

#[test]
fn what_is_wrong_with_bindings_is_said() {
    for (bindings, expected) in [
        (
            json!({ "dpop": { "algorithms": ["ES256", "HS256"] } }),
            "bindings.dpop.algorithms[1]: `HS256` is no signature algorithm; expected `ES256` or the like",
        ),
        (
            json!({ "dpop": { "origins": ["https://api.example", "https://api.example/v1"] } }),
            "bindings.dpop.origins[1]: `https://api.example/v1` is no origin; expected scheme and host, `https://api.example`",
        ),
        (json!({ "dpop": { "origins": [] } }), "bindings.dpop.origins: is empty; name one, or leave it out"),
        (
            json!({ "signed_request": { "hosts": [] } }),
            "bindings.signed_request.hosts: is empty; name one, or leave it out",
        ),
        (
            json!({ "signed_request": { "hosts": ["api.example", "https://api.example"] } }),
            "bindings.signed_request.hosts[1]: `https://api.example`: ",
        ),
        (
            json!({ "dpop": { "nonce": { "secret": "too short" } } }),
            "bindings.dpop.nonce.secret: expected 32 characters or more; anybody could try out a shorter one",
        ),
        (
            json!({ "signed_request": { "max_age": "1h" } }),
            "bindings.signed_request.max_age: expected a span from `1s` to `10m`: each use is remembered for that long",
        ),
    ] {
        let problems = load(&changed("/bindings", bindings.clone())).unwrap_err();
        assert!(problems.iter().any(|problem| problem.starts_with(expected)), "{bindings}: {problems:#?}");
    }
}

#[test]
fn a_rule_asks_for_what_can_be_proven() {
    let load = |bindings: Value, binding: Value| {
        let mut document = changed("/bindings", bindings);
        document["rules"][0]["require"] = json!({ "any_of": [{ "binding": binding }] });
        load(&document)
    };
    let all = json!({ "dpop": {}, "mtls": {}, "signed_request": {} });
    assert!(load(all.clone(), json!(["dpop", "mtls", "signed_request"])).is_ok());
    let at = "rules[0].require.any_of[0].binding";
    for (bindings, binding, expected) in [
        (json!({ "mtls": {} }), json!(["mtls", "dpop"]), format!("{at}: `dpop` is not among `bindings`")),
        (json!({}), json!(["signed_request"]), format!("{at}: `signed_request` is not among `bindings`")),
        (Value::Null, json!(["mtls"]), format!("{at}: `mtls` is not among `bindings`")),
        (all.clone(), json!([]), format!("{at}: is empty")),
        (
            all,
            json!(["tls"]),
            format!("{at}[0]: unknown value `tls`; expected one of `dpop`, `mtls`, `signed_request`"),
        ),
    ] {
        let problems = load(bindings, binding).unwrap_err();
        assert!(problems.len() == 1 && problems[0].starts_with(&expected), "{problems:#?}");
    }
}

#[test]
fn a_scheme_that_is_read_nowhere_is_an_error() {
    for (way, is_read) in [("dpop", false), ("signed_request", false), ("mtls", true)] {
        let mut document = changed("/bindings", json!({ way: {} }));
        document["credentials"] = json!({ "authorization": false, "cookies": ["token"] });
        match load(&document) {
            Ok(_) => assert!(is_read, "{way}"),
            Err(problems) => assert_eq!(
                problems,
                [format!(
                    "credentials.authorization: `bindings.{way}` needs it: how the token is sent is said in that header alone"
                )]
            ),
        }
    }
}
