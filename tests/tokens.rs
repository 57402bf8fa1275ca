//! Every kind of token, good and forged, against the real module in a real Envoy.
//!
//! Names begin with the id of the requirement that they prove, where there is one.

#![expect(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "test helpers may panic, which is the failed test, and tests run on the real clock"
)]

use std::sync::LazyLock;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use envoy_test::{BOTH, Case, Envoy, Gate, Issuer, KeyKind, Protocol, Request, SigningKey, Token, forge};
use serde_json::{Value, json};

/// One gate for all tests that only ask.
struct Cast {
    gate: Gate,
    /// Publishes one key of each kind.
    every: Issuer,
    keys: Vec<(KeyKind, SigningKey)>,
    /// Access tokens of RFC 9068 only, and no clock difference.
    profile: Issuer,
}

static CAST: LazyLock<Cast> = LazyLock::new(|| {
    let kinds = [KeyKind::Rsa2048, KeyKind::P256, KeyKind::P384, KeyKind::P521, KeyKind::Ed25519];
    let keys: Vec<(KeyKind, SigningKey)> =
        kinds.into_iter().map(|kind| (kind, SigningKey::generate(kind, &format!("{kind:?}")))).collect();
    let mut issuers = Vec::new();
    let gate = Gate::start_with(configuration("prefer_host"), |builder, idps| {
        let (every, profile) = (idps.oidc("https://every.example"), idps.oidc("https://profile.example"));
        keys.iter().for_each(|(_, key)| every.publish(key));
        profile.add_key(KeyKind::P256, "profile-1");
        issuers = vec![every, profile];
        builder
    });
    let (profile, every) = (issuers.pop().unwrap(), issuers.pop().unwrap());
    Cast { gate, every, keys, profile }
});

fn configuration(signatures: &str) -> Value {
    let provider = |issuer: &str| json!({"issuer": issuer, "cluster": "idp", "audiences": ["orders"]});
    let mut profile = provider("https://profile.example");
    profile["token_type"] = json!("at+jwt");
    profile["clock_skew"] = json!("0s");
    json!({
        "providers": {
            "entra": {"entra": {"tenants": TENANT}, "cluster": "login", "audiences": [AUDIENCE]},
            "idp": provider("https://idp.example"),
            "every": provider("https://every.example"),
            "profile": profile,
            "secret": {
                "issuer": "https://secret.example",
                "secret": {"value": SECRET_BASE64URL, "algorithm": "HS256"},
                "audiences": ["orders"],
            },
        },
        "rules": [{"name": "all", "match": {"paths": ["/{rest...}"]}}],
        "signatures": signatures,
        "audit": {"log": "all"},
    })
}

/// Another Envoy before the same issuers.
fn envoy(configuration: Value) -> Envoy {
    let gate = &CAST.gate;
    let builder = Envoy::builder().filter_config(configuration).upstream(&gate.upstream);
    builder.cluster("login", gate.login.address()).cluster("idp", gate.idps.address()).start()
}

/// An ordinary token of the issuer with one P-256 key.
fn plain() -> Token {
    CAST.gate.idp.token(CAST.gate.idp.claims("orders"))
}

fn user() -> Token {
    CAST.gate.entra.token(CAST.gate.entra.v2_claims(AUDIENCE))
}

/// A token that the profile of RFC 9068 accepts.
fn profiled() -> Token {
    let token = CAST.profile.token(CAST.profile.claims("orders"));
    token.with_header("typ", "at+jwt").with("jti", "t-1").with("client_id", "c-1")
}

fn secret_claims() -> Value {
    let mut claims = CAST.gate.idp.claims("orders");
    claims["iss"] = json!("https://secret.example");
    claims
}

/// A token of `every`, signed with `algorithm` by the key of this kind.
fn signed(kind: KeyKind, algorithm: &str) -> Token {
    let (_, key) = CAST.keys.iter().find(|(of, _)| *of == kind).unwrap();
    CAST.every.token(CAST.every.claims("orders")).signed_by(key).algorithm(algorithm)
}

fn ask(token: &str) -> Request {
    Request::get("/orders/1").bearer(token)
}

fn allowed(title: impl Into<String>, token: &Token) -> Case {
    Case::allowed(title, ask(&token.build()))
}

fn refused(title: impl Into<String>, token: &Token, reason: &str) -> Case {
    Case::new(title, ask(&token.build()), 401, reason)
}

fn refused_text(title: impl Into<String>, token: &str, reason: &str) -> Case {
    Case::new(title, ask(token), 401, reason)
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// Half a second later, as issuers with a finer clock write it.
fn half_past(seconds: u64) -> Value {
    serde_json::from_str(&format!("{seconds}.5")).unwrap()
}

// Algorithms.

fn one_token_of_each_algorithm() -> impl Iterator<Item = (&'static str, Token)> {
    ALGORITHMS.into_iter().map(|(algorithm, kind)| (algorithm, signed(kind, algorithm)))
}

#[test]
fn a03_every_algorithm_is_accepted_from_the_key_that_the_issuer_publishes() {
    let good = one_token_of_each_algorithm().map(|(algorithm, token)| allowed(algorithm, &token));
    let broken = one_token_of_each_algorithm().map(|(algorithm, token)| {
        refused_text(
            format!("{algorithm}, one bit flipped"),
            &forge::with_broken_signature(&token.build()),
            "signature_wrong",
        )
    });
    CAST.gate.envoy.assert_each(&BOTH, good.chain(broken));
}

#[test]
fn without_the_host_the_module_gives_the_same_answers() {
    let envoy = envoy(configuration("forbid_host"));
    let good = one_token_of_each_algorithm().map(|(algorithm, token)| allowed(algorithm, &token));
    let broken = one_token_of_each_algorithm().map(|(algorithm, token)| {
        refused_text(algorithm, &forge::with_broken_signature(&token.build()), "signature_wrong")
    });
    envoy.assert_each(&HTTP1, good.chain(broken));
    envoy.assert_every_worker_lets_through(&ask(&plain().build()));
}

#[test]
fn with_the_host_alone_what_the_host_cannot_check_is_refused_and_says_so() {
    let envoy = envoy(configuration("require_host"));
    let cases = one_token_of_each_algorithm().flat_map(|(algorithm, token)| {
        let broken = forge::with_broken_signature(&token.build());
        if MODULE_ONLY.contains(&algorithm) {
            let reason = "signature_host_unavailable";
            [refused(algorithm, &token, reason), refused_text(format!("{algorithm}, broken"), &broken, reason)]
        } else {
            let broken = refused_text(format!("{algorithm}, broken"), &broken, "signature_wrong");
            [allowed(algorithm, &token), broken]
        }
    });
    envoy.assert_each(&HTTP1, cases);
}

#[test]
fn hs256_is_accepted_by_a_configured_secret_and_by_nothing_else() {
    let secret = Token::new(secret_claims(), &SigningKey::secret("x", SECRET)).without_header("kid");
    let other = SigningKey::secret("x", b"another secret that is long enough for the longest hash there is");
    let mut of_idp = secret_claims();
    of_idp["iss"] = json!("https://idp.example");
    let public = Token::new(secret_claims(), &CAST.gate.idp.key());
    CAST.gate.envoy.assert_each(
        &HTTP1,
        [
            allowed("HS256 by the secret", &secret),
            refused("by another secret", &secret.clone().forged_by(&other), "signature_wrong"),
            refused("HS384 by the secret", &secret.clone().algorithm("HS384"), "algorithm_not_accepted"),
            refused("HS512 by the secret", &secret.clone().algorithm("HS512"), "algorithm_not_accepted"),
            refused("ES256 in the name of the secret's issuer", &public, "algorithm_not_accepted"),
            refused(
                "HS256 by the secret in the name of another issuer",
                &Token::new(of_idp, &SigningKey::secret("partner-1", SECRET)),
                "algorithm_not_accepted",
            ),
        ],
    );
}

#[test]
fn j01_no_public_key_serves_as_a_secret() {
    let rsa = CAST.gate.entra.key();
    let jwk = rsa.jwk();
    let modulus = jwk["n"].as_str().unwrap().to_owned();
    let pem = rsa.public_pem();
    let secrets: [(&str, Vec<u8>); 7] = [
        ("the PEM", pem.clone().into_bytes()),
        ("the PEM without its last line end", pem.trim_end().as_bytes().to_vec()),
        ("the PEM in one line", pem.lines().collect::<String>().into_bytes()),
        ("the JWK", jwk.to_string().into_bytes()),
        ("the modulus", modulus.into_bytes()),
        ("the kid", b"entra-1".to_vec()),
        ("nothing", Vec::new()),
    ];
    let algorithms = ["HS256", "HS384", "HS512"];
    let cases = secrets.iter().flat_map(|(what, secret)| {
        let key = SigningKey::secret("entra-1", secret);
        algorithms.map(|algorithm| {
            let token = Token::new(CAST.gate.entra.v2_claims(AUDIENCE), &key).algorithm(algorithm);
            refused(format!("{algorithm} with {what}"), &token, "algorithm_not_accepted")
        })
    });
    CAST.gate.envoy.assert_each(&HTTP1, cases);
}

#[test]
fn j02_a_key_serves_its_own_algorithms_only() {
    let key = |kind: KeyKind| CAST.keys.iter().find(|(of, _)| *of == kind).unwrap().1.kid().to_owned();
    let cases = ALGORITHMS.into_iter().flat_map(|(algorithm, kind)| {
        let others = CAST.keys.iter().filter(move |(other, _)| *other != kind);
        others.map(move |(other, _)| {
            let token = signed(kind, algorithm).with_header("kid", key(*other));
            refused(format!("{algorithm} under the kid of {other:?}"), &token, "key_algorithm_mismatch")
        })
    });
    CAST.gate.envoy.assert_each(&HTTP1, cases);
}

#[test]
fn j03_none_is_refused_in_every_spelling_with_and_without_a_signature() {
    let claims = CAST.gate.idp.claims("orders").to_string();
    let spellings = ["none", "None", "NONE", "nOnE", "nonE"];
    let cases = spellings.iter().flat_map(|alg| {
        let header = json!({"alg": alg, "kid": "partner-1", "typ": "JWT"}).to_string();
        [&b""[..], b"x", &[0; 64]].map(|signature| {
            let token = forge::raw(header.as_bytes(), claims.as_bytes(), |_| signature.to_vec());
            refused_text(format!("{alg} with {} bytes of signature", signature.len()), &token, "header_alg_none")
        })
    });
    let near = [" none", "none\0", "n\u{43e}ne", ""]
        .iter()
        .map(|alg| refused(format!("{alg:?}"), &plain().with_header("alg", *alg), "header_alg_unknown"));
    let unsigned = refused_text(
        "no signature",
        &(plain().build().rsplit_once('.').unwrap().0.to_owned() + "."),
        "signature_missing",
    );
    CAST.gate.envoy.assert_each(&HTTP1, cases.chain(near).chain([unsigned]));
}

#[test]
fn j04_an_algorithm_that_is_not_supported_is_refused() {
    let unknown =
        ["RSA1_5", "RS1", "HS1", "ES256K", "PBES2-HS256+A128KW", "dir", "RSA-OAEP", "es256", "ES256 ", "RS256,ES256"];
    let unknown = unknown.iter().map(|alg| refused(*alg, &plain().with_header("alg", *alg), "header_alg_unknown"));
    let not_text = [json!(null), json!(1), json!(true), json!(["ES256"]), json!({"alg": "ES256"})];
    let not_text = not_text
        .iter()
        .map(|alg| refused(alg.to_string(), &plain().with_header("alg", alg.clone()), "header_alg_not_a_string"));
    let missing = refused("no alg", &plain().without_header("alg"), "header_alg_missing");
    CAST.gate.envoy.assert_each(&HTTP1, unknown.chain(not_text).chain([missing]));
}

// Form.

#[test]
fn j05_five_parts_and_every_other_number_of_parts_are_refused() {
    let token = plain().build();
    let parts: Vec<&str> = token.split('.').collect();
    let (header, payload, signature) = (parts[0], parts[1], parts[2]);
    let jwe = json!({"alg": "dir", "enc": "A256GCM", "cty": "JWT"}).to_string();
    let jwe = forge::raw(jwe.as_bytes(), b"", |_| Vec::new());
    let jwe = jwe.split('.').next().unwrap();
    let cases = [
        (format!("{header}.{payload}"), "token_not_three_parts"),
        (header.to_owned(), "token_not_three_parts"),
        (format!("{token}.{signature}"), "token_not_three_parts"),
        (format!("{jwe}..{payload}.{payload}.{signature}"), "token_encrypted"),
        (format!("{token}.."), "token_encrypted"),
        (".".repeat(7000), "token_not_three_parts"),
        ("..".to_owned(), "header_not_json"),
    ];
    CAST.gate.envoy.assert_each(
        &BOTH,
        cases.iter().map(|(token, reason)| {
            let title: String = token.chars().take(30).collect();
            refused_text(title, token, reason)
        }),
    );
}

#[test]
fn j08_j16_j18_what_changes_how_a_token_is_read_is_refused() {
    let values =
        [json!(null), json!(false), json!(true), json!([]), json!(["exp"]), json!(["b64"]), json!("DEF"), json!({})];
    let cases = [("zip", "header_zip"), ("crit", "header_crit"), ("b64", "header_b64")].into_iter().flat_map(
        |(name, reason)| {
            values.iter().map(move |value| {
                refused(format!("{name}: {value}"), &plain().with_header(name, value.clone()), reason)
            })
        },
    );
    CAST.gate.envoy.assert_each(&HTTP1, cases);
}

#[test]
fn j09_j17_header_and_payload_are_one_strict_json_object_each() {
    let key = CAST.gate.idp.key();
    let (header, payload) =
        (json!({"alg": "ES256", "kid": "partner-1"}).to_string(), CAST.gate.idp.claims("orders").to_string());
    let build = |header: &[u8], payload: &[u8]| forge::raw(header, payload, |text| key.sign("ES256", text));
    let odd = |json: &str| -> Vec<(&'static str, Vec<u8>)> {
        let open = json.trim_end_matches('}');
        vec![
            ("with a byte order mark", [b"\xEF\xBB\xBF", json.as_bytes()].concat()),
            ("with a trailing byte", [json.as_bytes(), b"x"].concat()),
            ("with a trailing object", [json.as_bytes(), b"{}"].concat()),
            (
                "that is not UTF-8",
                format!("{open},\"a\":\"\u{1}\"}}")
                    .into_bytes()
                    .iter()
                    .map(|byte| if *byte == 1 { 0xFF } else { *byte })
                    .collect(),
            ),
            ("with a member twice", format!("{open},\"a\":1,\"a\":1}}").into_bytes()),
            ("with a member twice after unescaping", format!("{open},\"a\":1,\"\\u0061\":1}}").into_bytes()),
            ("with a member twice further down", format!("{open},\"a\":{{\"b\":1,\"b\":2}}}}").into_bytes()),
            ("with a trailing comma", format!("{open},}}").into_bytes()),
            ("with a lone surrogate", format!("{open},\"a\":\"\\ud800\"}}").into_bytes()),
            ("with NaN", format!("{open},\"a\":NaN}}").into_bytes()),
            ("nested too deep", format!("{open},\"a\":{}{}}}", "[".repeat(200), "]".repeat(200)).into_bytes()),
            ("that is a list", format!("[{json}]").into_bytes()),
            ("that is a string", b"\"x\"".to_vec()),
            ("that is null", b"null".to_vec()),
            ("that is empty", b"".to_vec()),
        ]
    };
    let headers = odd(&header).into_iter().map(|(what, bytes)| {
        refused_text(format!("a header {what}"), &build(&bytes, payload.as_bytes()), "header_not_json")
    });
    let payloads = odd(&payload).into_iter().map(|(what, bytes)| {
        refused_text(format!("a payload {what}"), &build(header.as_bytes(), &bytes), "payload_not_json")
    });
    let good = Case::allowed("the same, untouched", ask(&build(header.as_bytes(), payload.as_bytes())));
    CAST.gate.envoy.assert_each(&HTTP1, headers.chain(payloads).chain([good]));
}

#[test]
fn j13_a_kid_is_a_name_and_a_header_brings_no_key() {
    let stranger = SigningKey::generate(KeyKind::P256, "partner-1");
    let before = CAST.gate.idps.requests().len();
    let kids = [
        "../../../etc/passwd",
        "' OR '1'='1",
        "https://evil.example/jwks",
        ".*",
        "",
        "partner-1\0",
        "PARTNER-1",
        "partner-1 ",
    ];
    let kids = kids.iter().map(|kid| {
        refused(format!("the kid {kid:?}"), &plain().forged_by(&stranger).with_header("kid", *kid), "kid_unknown")
    });
    let not_text = [json!(null), json!(1), json!(["partner-1"])];
    let not_text = not_text.iter().map(|kid| {
        refused(format!("the kid {kid}"), &plain().with_header("kid", kid.clone()), "header_kid_not_a_string")
    });
    let long = refused("a kid of 257 bytes", &plain().with_header("kid", "k".repeat(257)), "header_kid_too_long");
    let embedded = [
        ("jwk", stranger.jwk()),
        ("jku", json!("https://evil.example/jwks")),
        ("x5u", json!("https://evil.example/cert")),
        ("x5c", json!(["MIIC"])),
        ("jwk", json!(null)),
        ("jku", json!(CAST.gate.idps.address().to_string())),
    ];
    let embedded = embedded.iter().map(|(name, value)| {
        let token = plain().forged_by(&stranger).with_header(name, value.clone());
        refused(format!("{name}: {value}"), &token, "header_embedded_key")
    });
    let own = refused("a stranger under a known kid", &plain().forged_by(&stranger), "signature_wrong");
    CAST.gate.envoy.assert_each(&HTTP1, kids.chain(not_text).chain([long, own]).chain(embedded));
    let asked = CAST.gate.idps.requests().split_off(before);
    let odd: Vec<&String> =
        asked.iter().filter(|path| !path.ends_with("/jwks") && !path.ends_with("/openid-configuration")).collect();
    assert!(odd.is_empty(), "a token has made the filter ask for {odd:?}");
}

#[test]
fn j19_base64url_is_strict_in_all_three_parts() {
    let token = plain().build();
    let parts: Vec<&str> = token.split('.').collect();
    let reasons = ["header_not_base64url", "payload_not_base64url", "signature_not_base64url"];
    let cases = (0..3).flat_map(|index| {
        let parts = parts.clone();
        // The first three are no `b64token`, so that they are not read as a credential at all.
        let spoil = ["A", "+A==", "/A=="];
        spoil.into_iter().map(move |bad| {
            let mut parts: Vec<String> = parts.iter().map(|part| (*part).to_owned()).collect();
            let part = &mut parts[index];
            // One character after whole groups of four is a length that base64 cannot have.
            part.truncate(part.len() / 4 * 4);
            part.push_str(bad);
            // `=` may only end a `b64token`; elsewhere the credential itself is unreadable.
            let (status, reason) =
                if bad.contains('=') && index < 2 { (400, "credential_malformed") } else { (401, reasons[index]) };
            Case::new(format!("`{bad}` after part {index}"), ask(&parts.join(".")), status, reason)
        })
    });
    // 64 bytes of signature end in a character with four stray bits.
    let (most, last) = token.split_at(token.len() - 1);
    let next = match last {
        "A" => "B",
        "Q" => "R",
        "g" => "h",
        "w" => "x",
        other => panic!("64 bytes do not end in `{other}`"),
    };
    let stray = format!("{most}{next}");
    CAST.gate.envoy.assert_each(&HTTP1, cases.chain([refused_text("stray bits", &stray, "signature_not_base64url")]));
}

#[test]
fn j18_the_json_serialisation_is_no_bearer_token() {
    let token = plain().build();
    let parts: Vec<&str> = token.split('.').collect();
    let json = json!({"protected": parts[0], "payload": parts[1], "signature": parts[2]}).to_string();
    CAST.gate.envoy.assert_each(
        &BOTH,
        [
            Case::new("JSON", ask(&json), 400, "credential_malformed"),
            Case::new("JSON around a good token", ask(&format!("{{\"{token}\":1}}")), 400, "credential_malformed"),
        ],
    );
}

#[test]
fn j21_a_token_over_the_limit_is_refused_before_it_is_read() {
    let fill = |bytes: usize| plain().with("fill", "x".repeat(bytes));
    let largest = fill(5000);
    assert!((6500..8192).contains(&largest.build().len()));
    let cases = [
        allowed("almost 8 KiB", &largest),
        refused("9 KiB", &fill(6500), "token_too_large"),
        refused("50 KiB", &fill(37_000), "token_too_large"),
        refused_text("50 KiB of dots", &".".repeat(50_000), "token_too_large"),
    ];
    CAST.gate.envoy.assert_each(&BOTH, cases);
}

// Claims.

#[test]
fn j10_the_issuer_is_compared_byte_for_byte_and_brings_only_its_own_keys() {
    let variants = [
        "https://idp.example/",
        "https://IDP.example",
        "http://idp.example",
        "https://idp.example:443",
        "idp.example",
        " https://idp.example",
        "https://idp.example/tenant",
        "",
    ];
    let variants = variants.iter().map(|iss| refused(*iss, &plain().with("iss", *iss), "issuer_unknown"));
    let malformed = [json!(null), json!(1), json!(["https://idp.example"]), json!({})];
    let malformed =
        malformed.iter().map(|iss| refused(iss.to_string(), &plain().with("iss", iss.clone()), "issuer_absent"));
    let missing = refused("no iss", &plain().without("iss"), "issuer_absent");
    // The key of one issuer under the name of another, with the kid of either.
    let mixed = signed(KeyKind::P256, "ES256").with("iss", "https://idp.example");
    let cases = [
        missing,
        refused("the key of `every` for `idp`", &mixed, "kid_unknown"),
        refused("the same with the kid of `idp`", &mixed.clone().with_header("kid", "partner-1"), "signature_wrong"),
    ];
    CAST.gate.envoy.assert_each(&HTTP1, variants.chain(malformed).chain(cases));
}

#[test]
fn j11_j12_j20_every_claim_that_is_missing_or_malformed_has_its_reason() {
    let odd = [
        json!(null),
        json!(true),
        json!("1800000000"),
        json!(-1),
        json!(1e308),
        json!(1_u64 << 53),
        json!([1]),
        json!({}),
    ];
    let times = [("exp", "expiry_malformed"), ("nbf", "not_before_malformed"), ("iat", "issued_at_malformed")];
    let times = times.into_iter().flat_map(|(claim, reason)| {
        odd.iter().map(move |value| refused(format!("{claim}: {value}"), &plain().with(claim, value.clone()), reason))
    });
    let subjects = [json!(null), json!(1), json!(""), json!(["user-1"]), json!({})];
    let subjects = subjects
        .iter()
        .map(|sub| refused(format!("sub: {sub}"), &plain().with("sub", sub.clone()), "subject_malformed"));
    let ids = [json!(null), json!(1), json!(["t-1"]), json!({})];
    let ids =
        ids.iter().map(|jti| refused(format!("jti: {jti}"), &plain().with("jti", jti.clone()), "token_id_malformed"));
    let audiences = [json!(null), json!(1), json!([]), json!({}), json!(["orders", 1]), json!([["orders"]])];
    let audiences = audiences
        .iter()
        .map(|aud| refused(format!("aud: {aud}"), &plain().with("aud", aud.clone()), "audience_malformed"));
    let wrong =
        [json!("order"), json!("orders/"), json!("Orders"), json!("orders other"), json!(""), json!(["a", "b"])];
    let wrong = wrong
        .iter()
        .map(|aud| refused(format!("aud: {aud}"), &plain().with("aud", aud.clone()), "audience_not_accepted"));
    let cases = [
        refused("no exp", &plain().without("exp"), "expiry_missing"),
        refused("no aud", &plain().without("aud"), "audience_missing"),
        allowed("no sub, nbf and iat", &plain().without("sub").without("nbf").without("iat")),
        allowed("one audience of several", &plain().with("aud", json!(["other", "orders"]))),
        allowed(
            "times with a fraction",
            &plain().with("exp", half_past(now() + 100)).with("nbf", half_past(now() - 1)),
        ),
        refused("expired beyond the clock difference", &plain().with("exp", now() - 70), "token_expired"),
        allowed("expired within the clock difference", &plain().with("exp", now() - 30)),
        refused("not yet, beyond the clock difference", &plain().with("nbf", now() + 120), "token_not_yet_valid"),
        refused("issued in the future", &plain().with("iat", now() + 120), "issued_in_future"),
    ];
    CAST.gate.envoy.assert_each(&HTTP1, times.chain(subjects).chain(ids).chain(audiences).chain(wrong).chain(cases));
}

#[test]
fn j14_a01_a02_the_profile_takes_complete_access_tokens_only() {
    let with_typ = |typ: &str| profiled().with_header("typ", typ);
    let good = ["at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt"];
    let good = good.map(|typ| allowed(typ, &with_typ(typ)));
    let bad = ["JWT", "jwt", "application/jwt", "logout+jwt", "dpop+jwt", "at+jwt ", "at", ""];
    let bad = bad.map(|typ| refused(typ, &with_typ(typ), "token_type_not_accepted"));
    let none = refused("no typ", &profiled().without_header("typ"), "token_type_not_accepted");
    let required = ["exp", "aud", "sub", "client_id", "iat", "jti"];
    let required =
        required.map(|claim| refused(format!("no {claim}"), &profiled().without(claim), "profile_claim_missing"));
    let no_issuer = refused("no iss", &profiled().without("iss"), "issuer_absent");
    CAST.gate.envoy.assert_each(&HTTP1, good.into_iter().chain(bad).chain([none, no_issuer]).chain(required));
}

#[test]
fn j15_what_the_same_key_signed_for_another_purpose_is_refused() {
    let logout = json!({"http://schemas.openid.net/event/backchannel-logout": {}});
    let cases = [
        refused("an ID token with at_hash", &plain().with("at_hash", "x"), "token_is_id_token"),
        refused("an ID token with a nonce", &plain().without("scope").with("nonce", "n"), "token_is_id_token"),
        refused(
            "a logout token by typ",
            &plain().with_header("typ", "logout+jwt").with("events", logout.clone()),
            "token_type_not_accepted",
        ),
        refused("a logout token", &plain().with("events", logout), "token_is_security_event"),
        refused("a security event by typ", &plain().with_header("typ", "secevent+jwt"), "token_type_not_accepted"),
        refused(
            "a DPoP proof by typ",
            &plain().with_header("typ", "dpop+jwt").with("htm", "GET"),
            "token_type_not_accepted",
        ),
        refused("a DPoP proof", &plain().with("htm", "GET").with("htu", "https://api.example/"), "token_is_dpop_proof"),
        refused("a client assertion", &plain().with("sub", "https://idp.example"), "token_is_client_assertion"),
        refused("a refresh token", &plain().with("typ", "Refresh"), "token_is_refresh_token"),
        refused("typ that is no string", &plain().with_header("typ", json!(["at+jwt"])), "header_typ_not_a_string"),
    ];
    CAST.gate.envoy.assert_each(&HTTP1, cases);
}

// Entra.

#[test]
fn entra_tokens_of_every_shape_pass_and_the_record_says_who_it_is() {
    let entra = &CAST.gate.entra;
    let guest = user()
        .with("acct", 1)
        .with("idp", "https://sts.windows.net/99999999-8888-4777-8666-555555555555/")
        .with("email", "guest@fabrikam.example");
    let tokens = [
        ("a user, v2", user(), "user"),
        ("a user, v1", entra.token(entra.v1_claims(AUDIENCE)).with_header("x5t", "entra-1"), "user"),
        ("an application, v2", entra.token(entra.app_claims(AUDIENCE)), "app"),
        ("an application without idtyp", entra.token(entra.app_claims(AUDIENCE)).without("idtyp"), "app"),
        ("a guest", guest, "user"),
        ("a user with a role and no scope", user().without("scp").with("idtyp", "user"), "user"),
    ];
    let cases = tokens.iter().map(|(title, token, _)| allowed(*title, token));
    let answers = CAST.gate.envoy.assert_each(&HTTP1, cases);
    for (answer, (title, _, caller)) in answers.iter().zip(&tokens) {
        let id = answer.header("x-request-id").unwrap();
        let record = CAST.gate.envoy.wait_for_audit(|record| record["request_id"] == id.as_str());
        assert_eq!(record["caller"], *caller, "{title}: {record}");
        assert_eq!(record["tenant"], TENANT, "{title}: {record}");
        assert_eq!(record["provider"], "entra", "{title}: {record}");
    }
}

#[test]
fn a_token_for_graph_is_refused_and_the_reason_says_so() {
    let graph = "00000003-0000-0000-c000-000000000000";
    let cases = [
        refused("Graph's audience", &user().with("aud", graph), "token_for_graph"),
        refused("Graph's address", &user().with("aud", "https://graph.microsoft.com"), "token_for_graph"),
        // As Graph's tokens really are: signed over another nonce than the one sent.
        refused_text(
            "a nonce in the header",
            &forge::with_broken_signature(&user().with_header("nonce", "n").build()),
            "token_for_microsoft",
        ),
        refused("a nonce in the header, for us", &user().with_header("nonce", "n"), "token_for_microsoft"),
    ];
    CAST.gate.envoy.assert_each(&BOTH, cases);
}

#[test]
fn an_entra_token_without_any_permission_is_forbidden() {
    let none = || user().without("scp").without("roles");
    let forbidden = |title: &str, token: Token, reason: &str| Case::new(title, ask(&token.build()), 403, reason);
    let neither = "neither_scope_nor_role";
    let cases = [
        forbidden("neither", none(), neither),
        forbidden("an empty scope", none().with("scp", ""), neither),
        forbidden("a slash for a scope", none().with("scp", "/"), neither),
        forbidden("no role in the list", none().with("roles", json!([])), neither),
        forbidden(
            "an application without a role",
            CAST.gate.entra.token(CAST.gate.entra.app_claims(AUDIENCE)).without("roles"),
            neither,
        ),
        forbidden("a scope that is a list", none().with("scp", json!(["orders.read"])), "scope_malformed"),
        forbidden("roles that are a text", none().with("roles", "Orders.Approve"), "roles_malformed"),
        forbidden("roles with a number", none().with("roles", json!(["a", 1])), "roles_malformed"),
    ];
    CAST.gate.envoy.assert_each(&HTTP1, cases);
}

#[test]
fn entra_tokens_of_other_tenants_are_refused() {
    let elsewhere = format!("https://login.microsoftonline.com/{OTHER_TENANT}/v2.0");
    let cases = [
        refused("another tenant", &user().with("iss", elsewhere.clone()).with("tid", OTHER_TENANT), "issuer_unknown"),
        refused("another tenant's tid", &user().with("tid", OTHER_TENANT), "tenant_mismatch"),
        refused("no tid", &user().without("tid"), "tenant_absent"),
        refused("a tid that is no text", &user().with("tid", 1), "tenant_malformed"),
        refused("another kind of subject", &user().with("idtyp", "robot"), "caller_type_unknown"),
    ];
    CAST.gate.envoy.assert_each(&HTTP1, cases);
}

// Remembered.

#[test]
fn a_remembered_token_still_expires() {
    let token = profiled().with("exp", now() + 4).build();
    let mut connection = CAST.gate.envoy.connection_per_worker(Protocol::Http1).remove(0);
    let mut send = || connection.send(&ask(&token)).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(send().status, 200);
    let again = send();
    let id = again.header("x-request-id").unwrap();
    let record = CAST.gate.envoy.wait_for_audit(|record| record["request_id"] == id.as_str());
    assert_eq!((again.status, &record["remembered"]), (200, &json!(true)), "{record}");

    let start = Instant::now();
    let late = loop {
        sleep(Duration::from_millis(200));
        let answer = send();
        if answer.status != 200 || start.elapsed() > Duration::from_secs(20) {
            break answer;
        }
    };
    assert_eq!(CAST.gate.envoy.reason_of(&late), "token_expired", "{late}");
}

#[test]
fn what_is_remembered_is_bounded_in_bytes() {
    let mut configuration = configuration("prefer_host");
    configuration["limits"] = json!({"token_cache": "64KiB"});
    configuration["audit"] = json!({"log": "none"});
    let envoy = envoy(configuration);
    let bytes = "wasmcustom.portcullis.token_cache.bytes";
    let entries = "wasmcustom.portcullis.token_cache.entries";
    let mut workers = envoy.connection_per_worker(Protocol::Http1);
    let limit = 64 * 1024 * u64::try_from(workers.len()).unwrap();
    for index in 0..3000 {
        let token = plain().with("jti", format!("token {index}")).build();
        let count = workers.len();
        let answer = workers[index % count].send(&ask(&token)).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(answer.status, 200, "token {index}: {answer}");
        if index % 500 == 0 {
            let held = envoy.stat(bytes).unwrap_or(0);
            assert!(held <= limit, "after {index} tokens {held} bytes are remembered, over {limit}");
        }
    }
    // The gauge is renewed once a second.
    let held = envoy.wait_for_stat(bytes, |held| held > limit / 2);
    assert!(held <= limit, "{held} bytes are remembered, over {limit}");
    let remembered = envoy.stat(entries).unwrap_or(0);
    assert!((10..200).contains(&remembered), "{remembered} tokens are remembered");
}

const HTTP1: [Protocol; 1] = [Protocol::Http1];
const TENANT: &str = "11111111-2222-4333-8444-555555555555";
const OTHER_TENANT: &str = "99999999-2222-4333-8444-555555555555";
const AUDIENCE: &str = "api://orders";

/// As long as the longest hash, in plain and in base64url.
const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const SECRET_BASE64URL: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZg";

/// Every algorithm, and the key that signs with it.
const ALGORITHMS: [(&str, KeyKind); 10] = [
    ("RS256", KeyKind::Rsa2048),
    ("RS384", KeyKind::Rsa2048),
    ("RS512", KeyKind::Rsa2048),
    ("PS256", KeyKind::Rsa2048),
    ("PS384", KeyKind::Rsa2048),
    ("PS512", KeyKind::Rsa2048),
    ("ES256", KeyKind::P256),
    ("ES384", KeyKind::P384),
    ("ES512", KeyKind::P521),
    ("EdDSA", KeyKind::Ed25519),
];

/// What Envoy's `verify_signature` cannot do.
const MODULE_ONLY: [&str; 4] = ["PS256", "PS384", "PS512", "EdDSA"];
