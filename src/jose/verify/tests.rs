mod confusion;
mod mutations;
mod native;
#[cfg(not(target_arch = "wasm32"))]
mod oracle;
mod rfc;
mod wycheproof;

use super::*;
use crate::jose::testing::{NoHost, Signer, signer};
use crate::jose::{TokenFlaw, TokenLimits, base64url};

const CLAIMS: &str = r#"{"iss":"https://idp.example","sub":"1"}"#;

fn header(algorithm: Algorithm) -> String {
    format!(r#"{{"alg":"{algorithm}","kid":"1"}}"#)
}

fn good(algorithm: Algorithm) -> String {
    signer(algorithm).token(algorithm, &header(algorithm), CLAIMS)
}

fn key(signer: &Signer) -> Rc<VerificationKey> {
    Rc::new(signer.verification_key())
}

fn parse(token: &str) -> Result<Unverified, TokenFlaw> {
    Unverified::parse(token.as_bytes(), &TokenLimits::default())
}

fn verify(token: &str, key: &Rc<VerificationKey>) -> Result<SignedClaims, SignatureFlaw> {
    parse(token).unwrap().verify(key, &mut NoHost, SignaturePolicy::ForbidNative)
}

/// The token with another signature.
fn with_signature(token: &str, signature: &[u8]) -> String {
    let (text, _) = token.rsplit_once('.').unwrap();
    format!("{text}.{}", base64url::encode(signature))
}

fn signature_of(token: &str) -> Vec<u8> {
    base64url::decode(token.rsplit_once('.').unwrap().1.as_bytes()).unwrap()
}

#[test]
fn a_good_signature_of_every_algorithm_makes_signed_claims() {
    for algorithm in Algorithm::ALL {
        let token = good(algorithm);
        let key = key(signer(algorithm));
        let claims = verify(&token, &key).unwrap();
        assert_eq!(claims.header().alg, algorithm);
        assert_eq!(claims.claims().len(), 2);
        assert_eq!(claims.payload_base64url(), token.split('.').nth(1).unwrap());
        assert!(Rc::ptr_eq(claims.key(), &key));
    }
}

#[test]
fn a_signature_of_another_key_is_wrong() {
    let other_rsa = Signer::rsa(2, 2048);
    let others = [
        (Algorithm::RS256, &other_rsa),
        (Algorithm::PS512, &other_rsa),
        (Algorithm::ES256, &Signer::P256(p256::ecdsa::SigningKey::from_slice(&[0x12; 32]).unwrap())),
        (Algorithm::ES384, &Signer::P384(p384::ecdsa::SigningKey::from_slice(&[0x23; 48]).unwrap())),
        (Algorithm::EdDSA, &Signer::Ed25519(ed25519_dalek::SigningKey::from_bytes(&[0x45; 32]))),
        (Algorithm::HS256, &Signer::Secret([0x56; 64])),
    ];
    for (algorithm, other) in others {
        let token = other.token(algorithm, &header(algorithm), CLAIMS);
        assert!(verify(&token, &key(other)).is_ok());
        assert_eq!(verify(&token, &key(signer(algorithm))).unwrap_err(), SignatureFlaw::Wrong, "{algorithm}");
    }
}

#[test]
fn a_key_of_4096_bits_verifies() {
    let signer = Signer::rsa(3, 4096);
    for algorithm in [Algorithm::RS256, Algorithm::PS384] {
        let token = signer.token(algorithm, &header(algorithm), CLAIMS);
        assert!(verify(&token, &key(&signer)).is_ok());
        assert_eq!(verify(&token, &key(&crate::jose::testing::RSA)).unwrap_err(), SignatureFlaw::Wrong);
    }
}

#[test]
fn b06_all_wrong_signatures_are_refused_in_the_same_words() {
    for algorithm in Algorithm::ALL {
        let token = good(algorithm);
        let signature = signature_of(&token);
        let mut changed = signature.clone();
        changed[0] ^= 1;
        let key = key(signer(algorithm));
        for wrong in [changed, vec![0; signature.len()], vec![1], vec![0xff; 600], signature[1..].to_vec()] {
            let flaw = verify(&with_signature(&token, &wrong), &key).unwrap_err();
            assert_eq!(flaw.to_string(), "the signature is wrong", "{algorithm}");
        }
    }
}
