//! Algorithms: each that is supported, and none that the key and the configuration do not name.

use envoy_test::{BOTH, KeyKind, SigningKey, Token, forge};
use serde_json::json;

use super::{
    ALGORITHMS, AUDIENCE, CAST, HTTP1, MODULE_ONLY, SECRET, allowed, ask, configuration, envoy, plain, refused,
    refused_text, secret_claims, signed,
};

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
