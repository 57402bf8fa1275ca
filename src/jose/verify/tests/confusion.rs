//! A token's header against the key's kind: the header never wins.

use rsa::pkcs1::EncodeRsaPublicKey as _;
use rsa::pkcs8::{EncodePublicKey as _, LineEnding};
use serde_json::Value;

use super::*;
use crate::jose::testing::{ED25519, P256, P384, P521, RSA, SECRET, mac};
use crate::jose::{AlgorithmSet, KeyOrigin, KeySet};

const HMACS: [Algorithm; 3] = [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512];

fn signed_with(algorithm: Algorithm, secret: &[u8]) -> String {
    let text = format!("{}.{}", base64url::encode(header(algorithm).as_bytes()), base64url::encode(CLAIMS.as_bytes()));
    format!("{text}.{}", base64url::encode(&mac(algorithm, secret, text.as_bytes())))
}

#[test]
fn j01_only_the_algorithms_of_a_key_verify_with_it() {
    for signer_of_key in [&*RSA, &*P256, &*P384, &*P521, &*ED25519, &*SECRET] {
        let key = key(signer_of_key);
        for algorithm in Algorithm::ALL {
            let verified = verify(&good(algorithm), &key);
            match key.algorithms().contains(algorithm) {
                true => assert!(verified.is_ok(), "{algorithm}"),
                false => assert_eq!(verified.unwrap_err(), SignatureFlaw::AlgorithmMismatch, "{algorithm}"),
            }
        }
    }
}

#[test]
fn j01_a_public_key_is_not_a_secret_in_any_of_its_forms() {
    for signer in [&*RSA, &*P256, &*P384, &*P521, &*ED25519] {
        let key = key(signer);
        let jwk = signer.jwk();
        let mut secrets = vec![
            Vec::new(),
            vec![0; 32],
            Value::Object(jwk.clone()).to_string().into_bytes(),
            key.thumbprint().to_vec(),
            key.spki().unwrap_or_default().to_vec(),
        ];
        for name in ["n", "x"] {
            if let Some(Value::String(number)) = jwk.get(name) {
                secrets.push(number.clone().into_bytes());
                secrets.push(base64url::decode(number.as_bytes()).unwrap());
            }
        }
        if let Signer::Rsa(rsa) = signer {
            let public = rsa.to_public_key();
            for ending in [LineEnding::LF, LineEnding::CRLF] {
                for pem in [public.to_public_key_pem(ending).unwrap(), public.to_pkcs1_pem(ending).unwrap()] {
                    secrets.push(pem.trim_end().as_bytes().to_vec());
                    secrets.push(format!(" {pem}").into_bytes());
                    secrets.push(pem.into_bytes());
                }
            }
            secrets.push(public.to_pkcs1_der().unwrap().as_bytes().to_vec());
        }
        for algorithm in HMACS {
            for secret in &secrets {
                let flaw = verify(&signed_with(algorithm, secret), &key).unwrap_err();
                assert_eq!(flaw, SignatureFlaw::AlgorithmMismatch);
            }
        }
    }
}

#[test]
fn j02_a_fetched_key_without_alg_never_verifies_an_hmac() {
    // CVE-2026-44699: an RSA key without `alg` became an empty secret.
    let jwk = RSA.jwk();
    let set = KeySet::new(vec![VerificationKey::from_jwk(&jwk, KeyOrigin::Remote).unwrap()]);
    let token = parse(&signed_with(Algorithm::HS256, b"")).unwrap();
    assert!(set.select(None, token.header().alg).is_err());
    let key = &set.keys()[0];
    let flaw = token.verify(key, &mut NoHost, SignaturePolicy::PreferNative).unwrap_err();
    assert_eq!(flaw, SignatureFlaw::AlgorithmMismatch);
}

#[test]
fn j02_a_key_with_alg_verifies_that_algorithm_only() {
    for bound in AlgorithmSet::RSA.iter() {
        let mut jwk = RSA.jwk();
        jwk.insert("alg".to_owned(), bound.name().into());
        let key = Rc::new(VerificationKey::from_jwk(&jwk, KeyOrigin::Remote).unwrap());
        for algorithm in AlgorithmSet::RSA.iter() {
            assert_eq!(verify(&good(algorithm), &key).is_ok(), algorithm == bound, "{algorithm} with {bound}");
        }
    }
}

#[test]
fn j01_a_signature_of_one_algorithm_is_not_one_of_another_of_the_same_key() {
    let key = key(&RSA);
    for named in AlgorithmSet::RSA.iter() {
        for used in AlgorithmSet::RSA.iter() {
            let token = RSA.token(used, &header(named), CLAIMS);
            assert_eq!(verify(&token, &key).is_ok(), used == named, "{used} as {named}");
        }
    }
    let secret = super::key(&SECRET);
    for named in HMACS {
        for used in HMACS {
            let token = SECRET.token(used, &header(named), CLAIMS);
            assert_eq!(verify(&token, &secret).is_ok(), used == named, "{used} as {named}");
        }
    }
}

#[test]
fn j03_a_token_without_a_signature_has_no_way_in() {
    for name in ["none", "None", "NONE", "nOnE", " none", "none\\u0000", ""] {
        let head = base64url::encode(format!(r#"{{"alg":"{name}"}}"#).as_bytes());
        let payload = base64url::encode(CLAIMS.as_bytes());
        for signature in ["", "AA", "AAAA"] {
            assert!(parse(&format!("{head}.{payload}.{signature}")).is_err(), "{name} {signature}");
        }
    }
    for algorithm in Algorithm::ALL {
        let token = good(algorithm);
        let (text, _) = token.rsplit_once('.').unwrap();
        assert_eq!(parse(&format!("{text}.")).unwrap_err(), TokenFlaw::SignatureMissing);
    }
}

#[test]
fn an_hmac_with_an_empty_secret_and_a_kid_of_a_device_is_refused() {
    let head = base64url::encode(br#"{"alg":"HS256","kid":"../../../../dev/null"}"#);
    let text = format!("{head}.{}", base64url::encode(CLAIMS.as_bytes()));
    let token = format!("{text}.{}", base64url::encode(&mac(Algorithm::HS256, b"", text.as_bytes())));
    let set = KeySet::new(vec![RSA.verification_key(), SECRET.verification_key()]);
    let header = parse(&token).unwrap().header().clone();
    assert!(set.select(header.kid.as_deref(), header.alg).is_err());
    for key in set.keys() {
        assert!(verify(&token, key).is_err());
    }
}
