use serde_json::{Value, json};

use super::*;
use crate::jose::base64url;
use crate::jose::testing::{P256, RSA, hex};

/// RFC 8705 appendix A: the certificate's `x5t#S256`, and the same in hexadecimal, as a host has it.
const RFC_X5T: &str = "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0";
const RFC_DIGEST: &str = "0380ed2f626650c840b2f263e6d2b29fae12ab39ae5db32b25ad27efad72e6fd";

fn rfc_digest() -> Option<[u8; 32]> {
    hex(RFC_DIGEST).try_into().ok()
}

fn of(cnf: Value) -> Result<Option<Confirmation>, BindingFlaw> {
    Confirmation::of(json!({ "sub": "u", "cnf": cnf }).as_object().unwrap())
}

#[test]
fn m01_the_certificate_is_the_one_that_the_token_names() {
    let bound = of(json!({ "x5t#S256": RFC_X5T })).unwrap().unwrap().certificate.unwrap();
    let presented = rfc_digest().unwrap();
    assert_eq!(certificate::check(&bound, Some(&presented)), Ok(()));
    assert_eq!(certificate::check(&bound, None), Err(BindingFlaw::CertificateMissing));
    for place in 0..32 {
        let mut other = presented;
        other[place] ^= 1;
        assert_eq!(certificate::check(&bound, Some(&other)), Err(BindingFlaw::CertificateOther));
    }
}

#[test]
fn m03_a_confirmation_that_is_not_known_is_not_none() {
    assert_eq!(Confirmation::of(json!({ "sub": "u" }).as_object().unwrap()), Ok(None));
    for unknown in [
        json!({ "jwe": "x" }),
        json!({ "jku": "https://keys.example" }),
        json!({ "x5t": "x" }),
        json!({ "x5t#s256": RFC_X5T }),
        json!({ "x5t#S256": RFC_X5T, "osc": {} }),
    ] {
        assert_eq!(of(unknown.clone()), Err(BindingFlaw::ConfirmationUnknown), "{unknown}");
    }
}

#[test]
fn m03_a_confirmation_that_cannot_be_read_is_not_none() {
    for malformed in [
        json!(null),
        json!({}),
        json!([]),
        json!("jkt"),
        json!({ "jkt": null }),
        json!({ "jkt": 7 }),
        json!({ "jkt": [RFC_X5T] }),
        json!({ "jkt": "" }),
        json!({ "jkt": format!("{RFC_X5T}=") }),
        json!({ "jkt": RFC_X5T.split_at(1).1 }),
        json!({ "x5t#S256": RFC_DIGEST }),
        json!({ "kid": "my-key" }),
        json!({ "jwk": "key" }),
        json!({ "jwk": { "kty": "oct", "k": "AAAA" } }),
        json!({ "xms_ksl": "sw" }),
        json!({ "kid": RFC_X5T, "xms_ksl": 7 }),
        json!({ "kid": RFC_X5T, "jwk": P256.jwk() }),
    ] {
        assert_eq!(of(malformed.clone()), Err(BindingFlaw::ConfirmationMalformed), "{malformed}");
    }
}

#[test]
fn m04_every_confirmation_counts() {
    let thumbprint = P256.verification_key().thumbprint();
    let both = of(json!({ "x5t#S256": RFC_X5T, "jkt": base64url::encode(&thumbprint) })).unwrap().unwrap();
    assert_eq!(both.certificate, rfc_digest());
    assert_eq!((both.dpop_key, both.request_key), (Some(thumbprint), None));
}

#[test]
fn entra_names_the_key_of_signed_requests_by_its_thumbprint() {
    let thumbprint = RSA.verification_key().thumbprint();
    let by_kid = of(json!({ "kid": base64url::encode(&thumbprint), "xms_ksl": "sw" })).unwrap().unwrap();
    assert_eq!(by_kid, Confirmation { request_key: Some(thumbprint), ..Confirmation::default() });
    assert_eq!(of(json!({ "jwk": RSA.jwk() })), Ok(Some(by_kid)));
    assert_eq!(of(json!({ "jwk": RSA.jwk(), "kid": base64url::encode(&thumbprint) })), Ok(Some(by_kid)));
}

#[test]
fn a_secret_shows_nothing_of_itself() {
    let secret = secret::Secret::new(b"hunter2".to_vec());
    assert_eq!(format!("{secret:?}"), "Secret");
    assert!(!format!("{:?}", dpop::Nonces { secret: Some(secret), rotate: std::time::Duration::ZERO }).contains("104"));
}
