mod address;
mod nonce;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::binding::Method;
use crate::http::HeaderMap;
use crate::jose::testing::{ED25519, NoHost, P256, RSA, SECRET, Signer};
use crate::jose::{Algorithm, KeyFlaw, TokenFlaw};

/// The moment of the RFC's own example.
const NOW: u64 = 1_562_262_618;
const TOKEN: &[u8] = b"Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";

/// RFC 9449 section 7.1, figure 12.
const RFC_PROOF: &str = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA";
/// The same of section 4.1, figure 2: for the token endpoint, without `ath`.
const RFC_TOKEN_PROOF: &str = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg";
/// `cnf.jkt` of section 6.1.
const RFC_THUMBPRINT: &str = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";

fn dpop() -> Dpop {
    let algorithms = [Algorithm::ES256, Algorithm::EdDSA, Algorithm::PS256, Algorithm::RS256];
    Dpop {
        algorithms: algorithms.into_iter().collect(),
        max_age: Duration::from_secs(60),
        clock_skew: Duration::from_secs(5),
        origins: Origins::default(),
        nonces: None,
        replays: Replays::new(Method::Dpop, 1024, Duration::from_secs(60)),
    }
}

fn head(method: &str, host: &str, path: &str, proofs: &[&str]) -> RequestHead {
    let mut pairs = vec![(":method", method), (":scheme", "https"), (":authority", host), (":path", path)];
    pairs.extend(proofs.iter().map(|proof| ("dpop", *proof)));
    let pairs = pairs.into_iter().map(|(name, value)| (name.into(), value.into()));
    RequestHead::read(pairs.collect::<HeaderMap>()).unwrap()
}

fn secret() -> Secret {
    Secret::new(vec![1; 32])
}

/// What comes of a proof for `GET https://api.example/orders/7`, signature and all.
fn checked(dpop: &Dpop, proofs: &[&str], bound: &[u8; 32], now: UnixTime) -> Result<bool, ProofFlaw> {
    let head = head("GET", "api.example", "/orders/7?full=1", proofs);
    let proof = dpop.read(&head, TOKEN, bound, &secret(), now)?;
    proof.verify(&mut NoHost, SignaturePolicy::ForbidNative).map(|(_, renew)| renew)
}

fn now() -> UnixTime {
    UnixTime::from_secs(NOW)
}

/// A proof to be changed.
struct Draft {
    header: Value,
    claims: Value,
}

fn draft(signer: &Signer, algorithm: Algorithm) -> Draft {
    Draft {
        header: json!({ "typ": "dpop+jwt", "alg": algorithm.name(), "jwk": signer.jwk() }),
        claims: json!({
            "jti": "e1j3V_bKic8-LAEB",
            "htm": "GET",
            "htu": "https://api.example/orders/7",
            "iat": NOW,
            "ath": base64url::encode(&Sha256::digest(TOKEN)),
        }),
    }
}

impl Draft {
    fn signed(&self, signer: &Signer, algorithm: Algorithm) -> String {
        signer.token(algorithm, &self.header.to_string(), &self.claims.to_string())
    }
}

fn es256(change: impl FnOnce(&mut Draft)) -> Result<bool, ProofFlaw> {
    let mut draft = draft(&P256, Algorithm::ES256);
    change(&mut draft);
    let proof = draft.signed(&P256, Algorithm::ES256);
    checked(&dpop(), &[&proof], &P256.verification_key().thumbprint(), now())
}

#[test]
fn d02_the_examples_of_rfc_9449_verify_as_they_stand() {
    let bound = base64url::decode_exact(RFC_THUMBPRINT.as_bytes()).unwrap().unwrap();
    let request = head("GET", "resource.example.org", "/protectedresource", &[RFC_PROOF]);
    let proof = dpop().read(&request, TOKEN, &bound, &secret(), now()).unwrap();
    let (used, renew) = proof.verify(&mut NoHost, SignaturePolicy::ForbidNative).unwrap();
    assert_eq!(used.parts[0], b"e1j3V_bKic8-LAEB");
    assert_eq!(used.parts[2], b"https://resource.example.org/protectedresource");
    assert!(!renew && used.issued == now());
    // What is for the authorization server is for nobody else: it names no token.
    let request = head("POST", "server.example.com", "/token", &[RFC_TOKEN_PROOF]);
    let flaw = dpop().read(&request, TOKEN, &bound, &secret(), now()).unwrap_err();
    assert_eq!(flaw, ProofFlaw::Claim("ath"));
}

#[test]
fn d01_there_is_exactly_one_proof() {
    let proof = draft(&P256, Algorithm::ES256).signed(&P256, Algorithm::ES256);
    let bound = P256.verification_key().thumbprint();
    let check = |proofs: &[&str]| checked(&dpop(), proofs, &bound, now());
    assert_eq!(check(&[&proof]), Ok(false));
    assert_eq!(check(&[]), Err(ProofFlaw::Missing));
    assert_eq!(check(&[&proof, &proof]), Err(ProofFlaw::Repeated));
    // As some proxies join two copies.
    for joined in [format!("{proof},{proof}"), format!("{proof}, {proof}")] {
        assert!(matches!(check(&[&joined]), Err(ProofFlaw::Malformed(_))));
    }
}

#[test]
fn d02_every_algorithm_by_the_key_in_the_header() {
    for (signer, algorithm) in [
        (&*P256, Algorithm::ES256),
        (&*ED25519, Algorithm::EdDSA),
        (&*RSA, Algorithm::PS256),
        (&*RSA, Algorithm::RS256),
    ] {
        let proof = draft(signer, algorithm).signed(signer, algorithm);
        let bound = signer.verification_key().thumbprint();
        assert_eq!(checked(&dpop(), &[&proof], &bound, now()), Ok(false), "{algorithm}");
    }
    // Known, and not accepted; and one that any reader of the proof could have made.
    let proof = draft(&RSA, Algorithm::RS384).signed(&RSA, Algorithm::RS384);
    assert_eq!(checked(&dpop(), &[&proof], &RSA.verification_key().thumbprint(), now()), Err(ProofFlaw::Algorithm));
    let proof = draft(&SECRET, Algorithm::HS256).signed(&SECRET, Algorithm::HS256);
    assert_eq!(checked(&dpop(), &[&proof], &SECRET.verification_key().thumbprint(), now()), Err(ProofFlaw::Algorithm));
}

#[test]
fn d02_a_proof_is_a_jws_of_its_type_with_a_public_key() {
    for typ in [json!("JWT"), json!("at+jwt"), json!("application/dpop+jwt"), json!("")] {
        assert_eq!(es256(|draft| draft.header["typ"] = typ.clone()), Err(ProofFlaw::Type), "{typ}");
    }
    assert_eq!(es256(|draft| draft.header["typ"] = json!("DPoP+JWT")), Ok(false));
    let malformed = |change: &dyn Fn(&mut Draft)| {
        let found = es256(change);
        assert!(matches!(found, Err(ProofFlaw::Malformed(_))), "{found:?}");
    };
    malformed(&|draft| draft.header["alg"] = json!("none"));
    malformed(&|draft| draft.header["crit"] = json!(["exp"]));
    malformed(&|draft| draft.header["x5u"] = json!("https://keys.example"));
    malformed(&|draft| draft.header["jwk"] = json!("key"));
    malformed(&|draft| _ = draft.header.as_object_mut().unwrap().remove("jwk"));
    malformed(&|draft| draft.claims = json!(["jti"]));
    // A private member, of whatever kind of key.
    for member in ["d", "p", "q", "dp", "dq", "qi", "k", "oth"] {
        assert_eq!(
            es256(|draft| draft.header["jwk"][member] = json!("AQAB")),
            Err(ProofFlaw::Key(KeyFlaw::PrivateKey)),
            "{member}"
        );
    }
    assert_eq!(
        es256(|draft| draft.header["jwk"] = json!({ "kty": "oct", "k": "AAAA" })),
        Err(ProofFlaw::Key(KeyFlaw::SecretFromRemote))
    );
    assert_eq!(
        es256(|draft| draft.header["jwk"]["use"] = json!("enc")),
        Err(ProofFlaw::Key(KeyFlaw::NotForSignatures))
    );
}

#[test]
fn d02_a_name_that_is_there_twice_is_no_proof() {
    let good = draft(&P256, Algorithm::ES256);
    let twice = good.claims.to_string().replace("\"htm\":\"GET\"", "\"htm\":\"POST\",\"htm\":\"GET\"");
    let proof = P256.token(Algorithm::ES256, &good.header.to_string(), &twice);
    let found = checked(&dpop(), &[&proof], &P256.verification_key().thumbprint(), now());
    assert!(matches!(found, Err(ProofFlaw::Malformed(TokenFlaw::Payload(_)))), "{found:?}");
}

#[test]
fn d02_another_signature_is_none() {
    let good = draft(&P256, Algorithm::ES256);
    let signed_by_other = good.signed(&ED25519, Algorithm::EdDSA);
    let bound = P256.verification_key().thumbprint();
    assert_eq!(checked(&dpop(), &[&signed_by_other], &bound, now()), Err(ProofFlaw::Signature));
    let mut changed = good.signed(&P256, Algorithm::ES256).into_bytes();
    let place = changed.len() - 10;
    changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
    let changed = String::from_utf8(changed).unwrap();
    assert_eq!(checked(&dpop(), &[&changed], &bound, now()), Err(ProofFlaw::Signature));
}

#[test]
fn d03_method_and_address_are_the_requests() {
    assert_eq!(es256(|draft| draft.claims["htm"] = json!("get")), Err(ProofFlaw::Method));
    assert_eq!(es256(|draft| draft.claims["htm"] = json!("POST")), Err(ProofFlaw::Method));
    for htu in ["https://other.example/orders/7", "https://api.example/orders/8", "/orders/7", "", "api.example"] {
        let found = es256(|draft| draft.claims["htu"] = json!(htu));
        assert!(matches!(found, Err(ProofFlaw::Target | ProofFlaw::Claim("htu"))), "{htu}: {found:?}");
    }
    for name in ["htm", "htu"] {
        assert_eq!(es256(|draft| draft.claims[name] = json!(7)), Err(ProofFlaw::Claim(name)));
    }
}

#[test]
fn d04_a_proof_is_of_now() {
    for (iat, expected) in [
        (json!(NOW - 60), Ok(false)),
        (json!(NOW - 61), Err(ProofFlaw::TooOld)),
        (json!(NOW + 5), Ok(false)),
        (json!(NOW + 6), Err(ProofFlaw::TooEarly)),
        (json!(0), Err(ProofFlaw::TooOld)),
        (json!(-1), Err(ProofFlaw::Claim("iat"))),
        (json!(NOW.to_string()), Err(ProofFlaw::Claim("iat"))),
        (json!(null), Err(ProofFlaw::Claim("iat"))),
        (json!(1e300), Err(ProofFlaw::Claim("iat"))),
    ] {
        assert_eq!(es256(|draft| draft.claims["iat"] = iat.clone()), expected, "{iat}");
    }
    assert_eq!(es256(|draft| draft.claims["jti"] = json!("x".repeat(256))), Ok(false));
    for jti in [json!("x".repeat(257)), json!(""), json!(7), json!(null)] {
        assert_eq!(es256(|draft| draft.claims["jti"] = jti.clone()), Err(ProofFlaw::Claim("jti")), "{jti}");
    }
}

#[test]
fn d05_token_key_and_proof_belong_together() {
    assert_eq!(
        es256(|draft| draft.claims["ath"] = json!("fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEp")),
        Err(ProofFlaw::OtherToken)
    );
    assert_eq!(es256(|draft| _ = draft.claims.as_object_mut().unwrap().remove("ath")), Err(ProofFlaw::Claim("ath")));
    let proof = draft(&P256, Algorithm::ES256).signed(&P256, Algorithm::ES256);
    let other = ED25519.verification_key().thumbprint();
    assert_eq!(checked(&dpop(), &[&proof], &other, now()), Err(ProofFlaw::OtherKey));
}

#[test]
fn d08_a_large_rsa_key_is_refused_before_arithmetic() {
    let large = |bytes: usize| {
        let mut n = vec![0xff; bytes];
        n[0] = 0x80;
        json!({ "kty": "RSA", "n": base64url::encode(&n), "e": "AQAB" })
    };
    for bytes in [513, 1024, 2048] {
        let found = es256(|draft| {
            draft.header["alg"] = json!("RS256");
            draft.header["jwk"] = large(bytes);
        });
        assert_eq!(found, Err(ProofFlaw::Key(KeyFlaw::ModulusTooLarge)), "{bytes}");
    }
    // Beyond the largest proof nothing is read at all.
    let found = es256(|draft| draft.claims["pad"] = json!("x".repeat(8 << 10)));
    assert_eq!(found, Err(ProofFlaw::Malformed(TokenFlaw::TooLarge)));
}

proptest! {
    #[test]
    fn any_bytes_are_no_proof(bytes in proptest::collection::vec(any::<u8>().prop_filter("no control", |byte| *byte >= 0x20 && *byte != 0x7f), 0..200)) {
        let pairs = [(":method", &b"GET"[..]), (":scheme", b"https"), (":authority", b"api.example"), (":path", b"/"), ("dpop", &bytes)];
        let pairs: HeaderMap = pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        if let Ok(head) = RequestHead::read(pairs) {
            prop_assert!(dpop().read(&head, TOKEN, &[0; 32], &secret(), now()).is_err());
        }
    }

    #[test]
    fn any_address_is_compared_without_a_trap(htu in "\\PC{0,80}") {
        let _ = Origins::default().address(&htu, &head("GET", "api.example", "/a", &[]));
    }

    #[test]
    fn plausible_addresses_too(htu in "https?://[a-zA-Z0-9.:@\\[\\]%-]{0,20}/[a-z./%0-9A-F?#]{0,30}") {
        let _ = Origins::default().address(&htu, &head("GET", "api.example", "/a", &[]));
    }
}
