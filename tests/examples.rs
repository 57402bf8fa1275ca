//! Every configuration in `filter-config/`, as it is, in a real Envoy with issuers at the addresses that it names.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "test helpers may panic: the panic is the failed test"
)]

use std::collections::BTreeMap;
use std::fs;

use envoy_test::{
    BOTH, Builder, Case, Entra, Envoy, IssuerServer, KeyKind, Request, SigningKey, Token, Upstream, forge, workspace,
};
use serde_json::json;

/// What one example needs around it, and what must then be true.
type Check = fn(&str);

#[test]
fn every_example_is_served_and_nobody_has_forgotten_one() {
    let checks: [(&str, Check); 5] = [
        ("entra-multi-tenant.json", entra_multi_tenant),
        ("entra-single-tenant.json", entra_single_tenant),
        ("offline-keys.json", offline_keys),
        ("oidc.json", oidc),
        ("two-issuers.json", two_issuers),
    ];
    let checks = BTreeMap::from(checks);
    let directory = workspace().join("filter-config");
    let files = fs::read_dir(&directory).unwrap_or_else(|error| panic!("cannot read {}: {error}", directory.display()));
    let mut names: Vec<String> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| name.ends_with(".json") && name != "schema.json");
    names.sort_unstable();
    // Policies are told by their scenarios, natively and in Envoy (tests/scenarios.rs).
    names.retain(|name| !directory.join("scenarios").join(name).with_extension("yaml").exists());
    assert_eq!(names, checks.keys().copied().collect::<Vec<_>>(), "an example without a check, or the other way round");
    for (name, check) in checks {
        let text =
            fs::read_to_string(directory.join(name)).unwrap_or_else(|error| panic!("cannot read {name}: {error}"));
        check(&text);
    }
}

fn builder(configuration: &str, upstream: &Upstream) -> Builder {
    Envoy::builder().filter_config_text(configuration).upstream(upstream)
}

fn get(path: &str, token: &Token) -> Request {
    Request::get(path).bearer(&token.build())
}

/// Without a token, and with each kind of bad one, nothing gets in at `path`.
fn refusals(path: &str, good: &Token) -> Vec<Case> {
    let broken = forge::with_broken_signature(&good.build());
    vec![
        Case::new(format!("{path} without a token"), Request::get(path), 401, "credential_missing"),
        Case::new(format!("{path}, bad signature"), Request::get(path).bearer(&broken), 401, "signature_wrong"),
        Case::new(
            format!("{path}, another API's token"),
            get(path, &good.clone().with("aud", "other")),
            401,
            "audience_not_accepted",
        ),
        Case::new(
            format!("{path}, expired"),
            get(path, &good.clone().with("exp", 1_700_000_000)),
            401,
            "token_expired",
        ),
        Case::new(
            format!("{path}, another issuer"),
            get(path, &good.clone().with("iss", "https://evil.example")),
            401,
            "issuer_unknown",
        ),
    ]
}

fn entra() -> (IssuerServer, Entra) {
    let login = IssuerServer::start();
    let entra = login.entra(TENANT);
    entra.add_key(KeyKind::Rsa2048, "entra-1");
    (login, entra)
}

fn entra_single_tenant(configuration: &str) {
    let (login, entra) = entra();
    let upstream = Upstream::start();
    let envoy = builder(configuration, &upstream).cluster("login", login.address()).start();
    let v2 = entra.token(entra.v2_claims("api://orders"));
    let v1 = entra.token(entra.v1_claims("api://orders"));
    let by_id = entra.token(entra.app_claims(CLIENT_ID));
    let good = [
        Case::allowed("a user, v2", get("/orders/1", &v2)),
        Case::allowed("a user, v1", get("/orders/1/lines", &v1)),
        Case::allowed("an application, by client id", get("/orders/", &by_id)),
        Case::allowed("health", Request::get("/healthz")),
        Case::new("health by POST", Request::post("/healthz", ""), 403, "no_rule"),
        Case::new("elsewhere", get("/else", &v2), 403, "no_rule"),
    ];
    let answers = envoy.assert_each(&BOTH, good.into_iter().chain(refusals("/orders/1", &v2)));
    assert_eq!(answers[0].upstream_headers("x-user-id"), ["690222be-ff1a-4d56-abd1-7e4f7d38e474"]);
    assert_eq!(answers[0].upstream_headers("x-user-roles"), ["Orders.Approve"]);
    assert_eq!(answers[0].upstream_headers("authorization"), [""; 0]);
}

fn entra_multi_tenant(configuration: &str) {
    let (login, entra) = entra();
    let upstream = Upstream::start();
    let envoy = builder(configuration, &upstream)
        .cluster("login", login.address())
        .log_state("tenant")
        .log_state("subject")
        .start();
    let user = entra.token(entra.v2_claims(CLIENT_ID));
    let tenant = |tenant: &str| {
        let issuer = format!("https://login.microsoftonline.com/{tenant}/v2.0");
        user.clone().with("tid", tenant).with("iss", issuer)
    };
    let other = tenant("99999999-8888-4777-8666-555555555555");
    let third = tenant("22222222-2222-4333-8444-555555555555");
    let cases = [
        Case::allowed("the first tenant", get("/v1/x", &user)),
        Case::allowed("the second tenant", get("/v1/x", &other)),
        Case::new("a third tenant", get("/v1/x", &third), 401, "issuer_unknown"),
        Case::allowed("the catalogue without a token", Request::get("/catalogue/a")),
        Case::allowed("the catalogue with a token", get("/catalogue/a", &user)),
        Case::new("the catalogue with a bad token", get("/catalogue/a", &third), 401, "issuer_unknown"),
        Case::new("the catalogue by POST", Request::post("/catalogue/a", ""), 403, "no_rule"),
        Case::new("another host", get("/v1/x", &user).host("other.example"), 403, "no_rule"),
        Case::new("a version 1 token", get("/v1/x", &entra.token(entra.v1_claims(CLIENT_ID))), 401, "issuer_unknown"),
    ];
    let answers = envoy.assert_each(&BOTH, cases.into_iter().chain(refusals("/v1/x", &user)));
    assert_eq!(answers[0].upstream_headers("x-tenant-id"), [TENANT]);
    assert_eq!(answers[2].upstream_headers("x-tenant-id"), ["99999999-8888-4777-8666-555555555555"]);
    assert_eq!(answers[0].upstream_headers("x-ms-client-principal-idp"), ["aad"]);
    assert_eq!(answers[0].upstream_headers("authorization").len(), 1, "`authorization` is `keep`");
    let line = envoy.access_log_of(&answers[0]);
    assert_eq!((&line["tenant"], &line["subject"]), (&json!(TENANT), &json!("690222be-ff1a-4d56-abd1-7e4f7d38e474")));
}

fn oidc(configuration: &str) {
    let server = IssuerServer::start();
    let idp = server.oidc("https://idp.example");
    let key = idp.add_key(KeyKind::P256, "idp-1");
    let edward = idp.add_key(KeyKind::Ed25519, "idp-2");
    let upstream = Upstream::start();
    let envoy = builder(configuration, &upstream).cluster("idp", server.address()).start();
    let token = Token::new(idp.claims("https://api.example"), &key).with_header("typ", "at+jwt").with("jti", "t-1");
    let preflight = Request::new("OPTIONS", "/x").header("origin", "https://app.example");
    let cases = [
        Case::allowed("a good token", get("/x", &token)),
        Case::new(
            "an ordinary JWT",
            get("/x", &token.clone().with_header("typ", "JWT")),
            401,
            "token_type_not_accepted",
        ),
        Case::new(
            "an algorithm that is not configured",
            get("/x", &token.clone().signed_by(&edward)),
            401,
            "algorithm_not_accepted",
        ),
        Case::new(
            "a token for a week",
            get("/x", &token.clone().with("exp", 4_000_000_000_u64)),
            401,
            "lifetime_too_long",
        ),
        Case::allowed("a CORS preflight", preflight.clone().header("access-control-request-method", "GET")),
        Case::new("OPTIONS without a method to ask for", preflight, 401, "credential_missing"),
        Case::new(
            "the metadata",
            Request::get("/.well-known/oauth-protected-resource"),
            200,
            "portcullis_resource_metadata",
        ),
    ];
    let answers = envoy.assert_each(&BOTH, cases.into_iter().chain(refusals("/x", &token)));
    let payload = token.build().split('.').nth(1).unwrap().to_owned();
    assert_eq!(answers[0].upstream_headers("x-jwt-payload"), [payload]);
    let metadata = answers[12].json();
    assert_eq!(metadata["resource"], "https://api.example");
    assert_eq!(metadata["authorization_servers"], json!(["https://idp.example"]));
    assert_eq!(metadata["scopes_supported"], json!(["orders:read", "orders:write"]));
}

fn two_issuers(configuration: &str) {
    let (login, entra) = entra();
    let server = IssuerServer::start();
    let partner = server.oidc_at("https://idp.example", "idp.example", "/none", "/keys");
    partner.add_key(KeyKind::P256, "partner-1");
    let upstream = Upstream::start();
    let envoy =
        builder(configuration, &upstream).cluster("login", login.address()).cluster("idp", server.address()).start();
    let staff = entra.token(entra.v2_claims("api://orders"));
    let orders = partner.token(partner.claims("orders"));
    let portal = partner.token(partner.claims("partner-portal"));
    let cases = [
        Case::allowed("staff at admin", get("/admin/x", &staff)),
        Case::new("a partner at admin", get("/admin/x", &orders), 401, "provider_not_accepted_by_rule"),
        Case::allowed("a partner at the portal", get("/portal/x", &portal)),
        Case::new(
            "a partner's other token at the portal",
            get("/portal/x", &orders),
            401,
            "audience_not_accepted_by_rule",
        ),
        Case::new("staff at the portal", get("/portal/x", &staff), 401, "provider_not_accepted_by_rule"),
        Case::allowed("staff at orders", get("/orders/1", &staff)),
        Case::allowed("a partner at orders", get("/orders/1", &orders)),
    ];
    let cases = cases.into_iter().chain(refusals("/orders/1", &staff)).chain(refusals("/orders/1", &orders));
    let answers = envoy.assert_each(&BOTH, cases);
    assert_eq!(answers[12].upstream_headers("x-user-id"), ["user-1"]);
    assert!(server.requests().iter().all(|path| path == "idp.example/keys"), "{:?}", server.requests());
}

fn offline_keys(configuration: &str) {
    let upstream = Upstream::start();
    let batch = SigningKey::generate(KeyKind::P256, "batch-1");
    let secret = b"a secret of 32 bytes or more, ok";
    let legacy = SigningKey::secret("legacy", secret);
    let envoy = builder(configuration, &upstream)
        .environment("BATCH_PUBLIC_KEY", &batch.public_pem())
        .environment("LEGACY_SECRET", legacy.jwk()["k"].as_str().unwrap())
        .start();
    // No issuer runs here; one lends its ordinary claims.
    let server = IssuerServer::start();
    let claims = |issuer: &str| {
        let mut claims = server.oidc("https://lender.example").claims("reports");
        claims["iss"] = json!(issuer);
        claims["exp"] = json!(claims["iat"].as_u64().unwrap() + 600);
        claims
    };
    let of_batch = Token::new(claims("https://batch.example"), &batch);
    let of_legacy = Token::new(claims("legacy-scheduler"), &legacy).without_header("kid");
    let of_partner =
        Token::new(claims("https://partner.example"), &SigningKey::generate(KeyKind::Ed25519, "partner-1"));
    let long = of_legacy.clone().with("exp", claims("x")["iat"].as_u64().unwrap() + 3600);
    let cases = [
        Case::allowed("a batch job", get("/reports/1", &of_batch)),
        Case::allowed("the scheduler", get("/reports/1", &of_legacy)),
        Case::new("the scheduler, for an hour", get("/reports/1", &long), 401, "lifetime_too_long"),
        Case::new(
            "the scheduler in the name of a batch job",
            get("/reports/1", &of_legacy.clone().with("iss", "https://batch.example")),
            401,
            "algorithm_not_accepted",
        ),
        Case::new(
            "a batch job in the name of the scheduler",
            get("/reports/1", &of_batch.clone().with("iss", "legacy-scheduler")),
            401,
            "algorithm_not_accepted",
        ),
        Case::new("a partner with another key", get("/reports/1", &of_partner), 401, "signature_wrong"),
        Case::new(
            "a method without a rule",
            Request::new("DELETE", "/reports/1").bearer(&of_batch.build()),
            403,
            "no_rule",
        ),
    ];
    envoy.assert_each(&BOTH, cases.into_iter().chain(refusals("/reports/1", &of_batch)));
    assert_eq!(server.requests(), [""; 0], "keys in the configuration need no network");

    for missing in ["BATCH_PUBLIC_KEY", "LEGACY_SECRET"] {
        let kept = if missing == "LEGACY_SECRET" { "BATCH_PUBLIC_KEY" } else { "LEGACY_SECRET" };
        let value =
            if kept == "LEGACY_SECRET" { legacy.jwk()["k"].as_str().unwrap().to_owned() } else { batch.public_pem() };
        let log = builder(configuration, &upstream).environment(kept, &value).try_start().err();
        let log = log.unwrap_or_else(|| panic!("Envoy has accepted the configuration without {missing}"));
        assert!(log.contains(missing), "the log does not name {missing}:\n{log}");
        assert!(!log.contains(&value), "the log has the value of {kept}:\n{log}");
    }
}

const TENANT: &str = "11111111-2222-4333-8444-555555555555";
const CLIENT_ID: &str = "66666666-7777-4888-9999-aaaaaaaaaaaa";
