//! What loads, what is refused and in which words.

// Where the tests run as wasm32 there are no files.
#[cfg(not(target_arch = "wasm32"))]
mod files;
mod global_limits;
mod rate_limit;
mod api_keys;
mod bindings;
mod certificates;
mod introspection;
mod requirement;

use serde_json::{Value, json};

use super::*;

/// A document that loads; each case below changes one thing in it.
fn good() -> Value {
    json!({
        "providers": {
            "idp": { "issuer": "https://idp.example", "cluster": "idp", "audiences": ["orders"] },
            "entra": {
                "entra": { "tenants": "11111111-2222-4333-8444-555555555555" },
                "cluster": "login",
                "audiences": ["api://orders"]
            }
        },
        "rules": [{ "name": "orders", "match": { "paths": ["/orders/{id}"] } }]
    })
}

fn load(document: &Value) -> Result<Config, Vec<String>> {
    let environment = |name: &str| match name {
        "BATCH_PUBLIC_KEY" => Some(PUBLIC_KEY.to_owned()),
        "INTROSPECTION_SECRET" | "PARTNER_SECRET" => Some("hush".to_owned()),
        "LEGACY_SECRET" => {
            Some("c2l4dHktZm91ciBieXRlcyBhcmUgZW5vdWdoIGZvciBhbnkgb2YgdGhlIHRocmVlIGhhc2hlcw".to_owned())
        }
        _ => None,
    };
    Config::load(document.to_string().as_bytes(), &environment)
        .map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

/// `good()` with the value at a JSON pointer replaced, or removed where `value` is null.
fn changed(pointer: &str, value: Value) -> Value {
    let mut document = good();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = document.pointer_mut(parent).unwrap();
    match parent {
        Value::Array(items) => items[name.parse::<usize>().unwrap()] = value,
        parent if value.is_null() => {
            parent.as_object_mut().unwrap().remove(name);
        }
        parent => parent[name] = value,
    }
    document
}

#[test]
fn each_fault_is_named_with_its_path_and_what_was_expected() {
    let cases = [
        (
            "/provider",
            json!(1),
            "provider: unknown setting; known here: `$schema`, `providers`, `api_keys`, `roles`, `rules`, `conditional_access`, `networks`, `client_address`, `geo`, `schedules`, `assurances`, `devices`, `client_certificates`, `risk`, `rate_limits`, `groups_overage`, `report_only`, `credentials`, `bindings`, `paths`, `forward`, `answers`, `audit`, `signatures`, `limits`",
        ),
        ("/rules", Value::Null, "rules: is required"),
        ("/rules", json!({}), "rules: expected a list, found an object"),
        ("/providers", json!({}), "providers: at least one provider is required"),
        (
            "/providers/Big",
            json!({ "issuer": "https://x.example", "cluster": "x", "audiences": ["x"] }),
            "providers.Big: a provider's name is 1 to 64 of a-z, 0-9, `_` and `-`",
        ),
        ("/providers/idp/issuer", Value::Null, "providers.idp: needs `entra` or `issuer`"),
        (
            "/providers/entra/issuer",
            json!("https://x.example"),
            "providers.entra: has both `entra` and `issuer`; `entra` knows its issuers",
        ),
        (
            "/providers/idp/cluster",
            Value::Null,
            "providers.idp.cluster: is required: the name of the Envoy cluster that reaches the issuer",
        ),
        (
            "/providers/idp/audiences",
            Value::Null,
            "providers.idp.audiences: is required: the `aud` of tokens made for this API",
        ),
        (
            "/providers/idp/audiences",
            json!(["*"]),
            "providers.idp.audiences: expected at least one audience, each spelled out",
        ),
        ("/providers/idp/audiences", json!(["a", 7]), "providers.idp.audiences[1]: expected a string, found a number"),
        (
            "/providers/idp/danger_any_audience",
            json!(true),
            "providers.idp.audiences: does not go with `danger_any_audience`",
        ),
        ("/providers/idp/clock_skew", json!("301s"), "providers.idp.clock_skew: expected at most `300s`"),
        ("/providers/idp/clock_skew", json!(60), "providers.idp.clock_skew: expected a string, found a number"),
        (
            "/providers/idp/clock_skew",
            json!("1 minute"),
            "providers.idp.clock_skew: `1 minute` is not a span of time; expected a whole number and a unit, such as `60s`, `5m`, `24h`",
        ),
        (
            "/providers/idp/algorithms",
            json!(["none"]),
            "providers.idp.algorithms[0]: `none` is not accepted; expected RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512 or EdDSA",
        ),
        (
            "/providers/idp/algorithms",
            json!(["HS256"]),
            "providers.idp.algorithms[0]: `HS256` is not accepted; expected RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512 or EdDSA",
        ),
        (
            "/providers/idp/token_type",
            json!("jwt"),
            "providers.idp.token_type: unknown value `jwt`; expected one of `any`, `at+jwt`",
        ),
        ("/providers/idp/jwks", json!({ "keys": [] }), "providers.idp.jwks.keys: expected 1 to 100 keys"),
        ("/providers/idp/secret", json!({ "value": "c2hvcnQ", "algorithm": "HS256" }), "providers.idp.secret.value: "),
        (
            "/providers/idp/keys",
            json!({ "min_fresh": "2h", "max_fresh": "1h" }),
            "providers.idp.keys.min_fresh: is longer than `max_fresh`",
        ),
        (
            "/providers/entra/jwks_uri",
            json!("https://x.example/keys"),
            "providers.entra.jwks_uri: does not go with `entra`, which knows where its keys are",
        ),
        (
            "/providers/entra/entra/tenants",
            json!("contoso.onmicrosoft.com"),
            "providers.entra.entra.tenants: `contoso.onmicrosoft.com` is not a tenant id; expected a GUID, a list of them, or `any`",
        ),
        (
            "/providers/entra/entra/tenants",
            json!([]),
            "providers.entra.entra.tenants: is an empty list, which lets nobody in",
        ),
        (
            "/providers/entra/entra/cloud",
            json!("germany"),
            "providers.entra.entra.cloud: unknown value `germany`; expected one of `global`, `us_government`, `china`",
        ),
        (
            "/providers/twin",
            json!({ "issuer": "https://idp.example", "cluster": "idp", "audiences": ["a"] }),
            "providers.twin: accepts an issuer that provider `idp` accepts too; one issuer has one provider",
        ),
        ("/rules/0/name", json!("Orders!"), "rules[0].name: "),
        ("/rules/0/providers", json!(["nobody"]), "rules[0].providers[0]: there is no provider `nobody`"),
        (
            "/rules/0/audiences",
            json!(["else"]),
            "rules[0].audiences[0]: `else` is not an audience of the rule's providers, so no token could have it",
        ),
        ("/rules/0/match/paths", json!(["orders"]), "rules[0].match.paths[0]: "),
        (
            "/rules/0/access",
            json!("public"),
            "rules[0].access: unknown value `public`; expected one of `required`, `optional`, `anonymous`",
        ),
        ("/answers", json!({ "realm": "a\"b" }), "answers.realm: expected printable ASCII without `\"` and `\\`"),
        (
            "/answers",
            json!({ "resource_metadata": { "resource": "http://api.example" } }),
            "answers.resource_metadata.resource: expected an https address without query and fragment (RFC 9728 section 1.2)",
        ),
        (
            "/providers/entra/token_type",
            json!("at+jwt"),
            "providers.entra.token_type: does not go with `entra`, whose access tokens all say `JWT`",
        ),
        (
            "/providers/idp/keys",
            json!({ "unknown_kid_cooldown": "0s" }),
            "providers.idp.keys.unknown_kid_cooldown: expected at least `1s`: anybody can make up a `kid`",
        ),
        ("/rules/0/providers", json!(["idp", "idp"]), "rules[0].providers[1]: `idp` is named twice"),
        (
            "/limits",
            json!({ "token_cache": "257MiB" }),
            "limits.token_cache: expected at most `256MiB`: each worker has one",
        ),
        ("/limits", json!({ "token": "1MiB" }), "limits.token: expected a size from `256B` to `64KiB`"),
        (
            "/limits",
            json!({ "wait": "5m" }),
            "limits.wait: expected at most `60s`: clients and proxies give up by then",
        ),
    ];
    for (pointer, value, expected) in cases {
        let problems = load(&changed(pointer, value.clone())).expect_err(pointer);
        assert!(
            problems.iter().any(|problem| problem.starts_with(expected)),
            "{pointer} = {value}\nexpected {expected}\nfound    {problems:#?}"
        );
        assert_eq!(problems.len(), 1, "{pointer} = {value}: {problems:#?}");
    }
}

#[test]
fn all_faults_are_reported_together() {
    let mut document = changed("/providers/idp/audiences", Value::Null);
    document["rule"] = json!([]);
    document["rules"][0]["match"]["path"] = json!("/x");
    document["limits"] = json!({ "token": 8192, "wait": "soon" });
    let problems = load(&document).expect_err("loaded");
    let paths: Vec<&str> = problems.iter().map(|problem| problem.split(':').next().unwrap()).collect();
    assert_eq!(paths, ["limits.token", "limits.wait", "rule", "rules[0].match.path"], "{problems:#?}");
}

#[test]
fn j07_a_short_secret_is_refused_at_load() {
    for (value, algorithm) in
        [("", "HS256"), ("c2hvcnQ", "HS256"), ("MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE", "HS512")]
    {
        let mut document = changed("/providers/idp/secret", json!({ "value": value, "algorithm": algorithm }));
        document["providers"]["idp"].as_object_mut().unwrap().remove("cluster");
        let problems = load(&document).expect_err(value);
        assert!(problems[0].starts_with("providers.idp.secret.value"), "{problems:#?}");
        assert!(value.is_empty() || !problems[0].contains(value), "a secret is in the error: {problems:#?}");
    }
}

#[test]
fn a_header_cannot_carry_the_credential_and_a_claim() {
    let mut document = good();
    document["credentials"] = json!({ "headers": [{ "name": "x-token" }] });
    document["forward"] = json!({ "claims": [{ "claim": "sub", "header": "X_Token" }] });
    assert_eq!(load(&document).expect_err("loaded"), ["forward: the header `X_Token` is one that carries credentials"]);
}

#[test]
fn keys_that_come_by_plain_http_are_heard_at_load() {
    for (pointer, address) in
        [("/providers/idp/jwks_uri", "http://idp.example/keys"), ("/providers/idp/discovery", "http://idp.example/d")]
    {
        let warnings = load(&changed(pointer, json!(address))).unwrap().warnings(true);
        assert!(warnings.len() == 1 && warnings[0].contains(address), "{warnings:#?}");
    }
}

#[test]
fn dangerous_settings_are_heard_at_load() {
    let mut document = changed("/providers/idp/audiences", Value::Null);
    document["providers"]["idp"]["danger_any_audience"] = json!(true);
    document["providers"]["entra"]["danger_accept_without_scope_or_role"] = json!(true);
    document["credentials"] = json!({ "danger_query_parameters": ["access_token"] });
    document["bindings"] = json!({ "dpop": {}, "signed_request": {} });
    let warnings = load(&document).unwrap().warnings(true);
    for setting in [
        "danger_any_audience",
        "danger_accept_without_scope_or_role",
        "danger_query_parameters",
        "bindings.dpop.origins",
        "bindings.signed_request.hosts",
    ] {
        assert!(warnings.iter().any(|warning| warning.contains(setting)), "{setting}: {warnings:#?}");
    }
    assert_eq!(load(&good()).unwrap().warnings(true), Vec::<String>::new());
    assert_eq!(load(&good()).unwrap().warnings(false).len(), 1);
}

const PUBLIC_KEY: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAnCcRB+cwhsvy2L/C2mcCx/K6uo4PPq2k8X0Y+bRgrxE=
-----END PUBLIC KEY-----
";
