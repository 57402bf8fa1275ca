#![expect(clippy::arithmetic_side_effects, reason = "sizes are known, and a test may fail loudly")]

use ::rsa::pkcs8::EncodePublicKey as _;
use ::rsa::traits::PublicKeyParts as _;
use serde_json::json;

use super::*;
use crate::jose::base64url;
use crate::jose::testing::{ED25519, P256, P384, P521, RSA, SECRET, Signer, hex};

fn read(jwk: Value) -> Result<VerificationKey, KeyFlaw> {
    VerificationKey::from_jwk(jwk.as_object().unwrap(), KeyOrigin::Configured)
}

fn flaw(jwk: Value) -> KeyFlaw {
    read(jwk).unwrap_err()
}

/// The public half of a test key with some members changed, or removed by null.
fn jwk(signer: &Signer, changes: Value) -> Value {
    let mut jwk = signer.jwk();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => jwk.remove(name),
            value => jwk.insert(name.clone(), value.clone()),
        };
    }
    Value::Object(jwk)
}

fn names(key: &VerificationKey) -> Vec<&'static str> {
    key.algorithms().iter().map(Algorithm::name).collect()
}

fn thumbprint(jwk: Value) -> String {
    base64url::encode(&read(jwk).unwrap().thumbprint())
}

const RFC_7638_N: &str = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";

#[test]
fn thumbprints_are_those_of_the_rfcs() {
    let rsa = json!({"kty": "RSA", "n": RFC_7638_N, "e": "AQAB", "alg": "RS256", "kid": "2011-04-29"});
    assert_eq!(thumbprint(rsa), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    let ed25519 = json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
    assert_eq!(thumbprint(ed25519), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
}

#[test]
fn a_thumbprint_covers_the_key_and_not_its_name() {
    for signer in [&*RSA, &*P256, &*P384, &*P521, &*ED25519, &*SECRET] {
        let plain = jwk(signer, json!({}));
        assert_eq!(thumbprint(plain.clone()), thumbprint(jwk(signer, json!({"kid": "x", "use": "sig", "x5t": "y"}))));
        assert_ne!(thumbprint(plain), thumbprint(json!({"kty": "RSA", "n": RFC_7638_N, "e": "AQAB"})));
    }
}

#[test]
fn j02_a_key_without_alg_can_do_what_its_kind_and_curve_can() {
    let algorithms = |signer: &Signer| names(&signer.verification_key());
    assert_eq!(algorithms(&RSA), ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]);
    assert_eq!(algorithms(&P256), ["ES256"]);
    assert_eq!(algorithms(&P384), ["ES384"]);
    assert_eq!(algorithms(&P521), ["ES512"]);
    assert_eq!(algorithms(&ED25519), ["EdDSA"]);
    assert_eq!(algorithms(&SECRET), ["HS256", "HS384", "HS512"]);
}

#[test]
fn j02_a_key_with_alg_can_do_that_and_only_if_its_kind_can() {
    for signer in [&*RSA, &*P256, &*P384, &*P521, &*ED25519, &*SECRET] {
        let can = signer.verification_key().algorithms();
        for alg in Algorithm::ALL {
            let key = read(jwk(signer, json!({"alg": alg.name()})));
            match can.contains(alg) {
                true => assert_eq!(key.unwrap().algorithms(), AlgorithmSet::only(alg)),
                false => assert_eq!(key.unwrap_err(), KeyFlaw::AlgorithmMismatch, "{alg}"),
            }
        }
    }
    for alg in ["none", "RSA-OAEP", "RS1", "ECDH-ES", "", "rs256"] {
        assert_eq!(flaw(jwk(&RSA, json!({"alg": alg}))), KeyFlaw::UnsupportedAlgorithm);
    }
    assert_eq!(flaw(jwk(&RSA, json!({"alg": 1}))), KeyFlaw::MemberMalformed("alg"));
    assert_eq!(flaw(jwk(&RSA, json!({"alg": ["RS256"]}))), KeyFlaw::MemberMalformed("alg"));
}

#[test]
fn entra_keys_are_read_with_issuer_and_cloud_and_without_alg() {
    let key = read(jwk(
        &RSA,
        json!({
            "use": "sig", "kid": "23ntaxfH9Gk-8D_USzoAJgwjyt8", "x5t": "23ntaxfH9Gk-8D_USzoAJgwjyt8",
            "x5c": ["not a certificate at all"], "cloud_instance_name": "microsoftonline.com",
            "issuer": "https://login.microsoftonline.com/{tenantid}/v2.0",
        }),
    ))
    .unwrap();
    assert_eq!(key.kid(), Some("23ntaxfH9Gk-8D_USzoAJgwjyt8"));
    assert_eq!(key.issuer(), Some("https://login.microsoftonline.com/{tenantid}/v2.0"));
    assert_eq!(key.cloud_instance_name(), Some("microsoftonline.com"));
    assert!(key.algorithms().contains(Algorithm::RS256));
}

#[test]
fn an_issuer_of_the_wrong_type_is_not_no_issuer() {
    for name in ["issuer", "cloud_instance_name", "kid", "use"] {
        for value in [json!(1), json!(false), json!([]), json!({})] {
            assert_eq!(flaw(jwk(&RSA, json!({name: value}))), KeyFlaw::MemberMalformed(name));
        }
    }
    let mut null = RSA.jwk();
    null.insert("issuer".to_owned(), Value::Null);
    assert_eq!(flaw(Value::Object(null)), KeyFlaw::MemberMalformed("issuer"));
}

#[test]
fn certificates_in_a_key_are_ignored_whatever_they_are() {
    for x5c in [json!("x"), json!([1]), json!([]), json!({"a": 1}), json!(["MIIB"])] {
        let key = read(jwk(&RSA, json!({"x5c": x5c, "x5u": "https://evil.example/", "x5t#S256": 1}))).unwrap();
        assert_eq!(key.thumbprint(), RSA.verification_key().thumbprint());
    }
}

#[test]
fn only_keys_for_verifying_signatures_are_read() {
    assert!(read(jwk(&RSA, json!({"use": "sig", "key_ops": ["verify"]}))).is_ok());
    assert!(read(jwk(&RSA, json!({"key_ops": ["sign", "verify"]}))).is_ok());
    for name in ["enc", "SIG", "", "sig "] {
        assert_eq!(flaw(jwk(&RSA, json!({"use": name}))), KeyFlaw::NotForSignatures);
    }
    for operations in [json!([]), json!(["sign"]), json!(["encrypt", "wrapKey"]), json!(["Verify"])] {
        assert_eq!(flaw(jwk(&RSA, json!({"key_ops": operations}))), KeyFlaw::NotForVerification);
    }
    for operations in [json!("verify"), json!(["verify", 1]), json!({"verify": true})] {
        assert_eq!(flaw(jwk(&RSA, json!({"key_ops": operations}))), KeyFlaw::MemberMalformed("key_ops"));
    }
}

#[test]
fn a_private_key_is_refused() {
    for signer in [&*RSA, &*P256, &*P384, &*P521, &*ED25519] {
        for name in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
            assert_eq!(flaw(jwk(signer, json!({name: "AQAB"}))), KeyFlaw::PrivateKey);
        }
    }
}

#[test]
fn a_shared_secret_is_never_taken_from_a_fetched_set() {
    assert!(VerificationKey::from_jwk(&SECRET.jwk(), KeyOrigin::Configured).is_ok());
    let flaw = VerificationKey::from_jwk(&SECRET.jwk(), KeyOrigin::Remote).unwrap_err();
    assert_eq!(flaw, KeyFlaw::SecretFromRemote);
}

#[test]
fn the_kind_of_a_key_is_one_that_is_known() {
    for kty in ["rsa", "EC2", "", "OKP ", "AKP", "octet"] {
        assert_eq!(flaw(jwk(&RSA, json!({"kty": kty}))), KeyFlaw::UnsupportedType);
    }
    assert_eq!(flaw(json!({})), KeyFlaw::MemberMissing("kty"));
    assert_eq!(flaw(json!({"kty": 1})), KeyFlaw::MemberMalformed("kty"));
    for crv in ["P-224", "secp256k1", "p-256", "Ed25519", ""] {
        assert_eq!(flaw(jwk(&P256, json!({"crv": crv}))), KeyFlaw::UnsupportedCurve);
    }
    for crv in ["Ed448", "X25519", "P-256"] {
        assert_eq!(flaw(jwk(&ED25519, json!({"crv": crv}))), KeyFlaw::UnsupportedCurve);
    }
}

#[test]
fn members_of_a_key_are_there_and_strict_base64url() {
    for (signer, name) in [(&*RSA, "n"), (&*RSA, "e"), (&*P256, "x"), (&*P521, "y"), (&*ED25519, "x"), (&*SECRET, "k")]
    {
        assert_eq!(flaw(jwk(signer, json!({name: null}))), KeyFlaw::MemberMissing(name));
        assert_eq!(flaw(jwk(signer, json!({name: 65537}))), KeyFlaw::MemberMalformed(name));
        let text = signer.jwk()[name].as_str().unwrap().to_owned();
        for bad in [format!("{text}="), format!(" {text}"), format!("{text}\n"), format!("+{text}")] {
            assert_eq!(flaw(jwk(signer, json!({name: bad}))), KeyFlaw::MemberMalformed(name));
        }
    }
}

#[test]
fn j13_the_name_of_a_key_is_at_most_256_bytes() {
    assert!(read(jwk(&RSA, json!({"kid": "k".repeat(256)}))).is_ok());
    assert_eq!(flaw(jwk(&RSA, json!({"kid": "k".repeat(257)}))), KeyFlaw::KidTooLong);
    assert_eq!(
        VerificationKey::from_secret(&[1; 32], Algorithm::HS256, Some("k".repeat(257))).unwrap_err(),
        KeyFlaw::KidTooLong
    );
}

/// A modulus of this many bits: not a product of two primes, which nobody can see.
fn modulus(bits: usize) -> Vec<u8> {
    let mut bytes = vec![0xa7; bits.div_ceil(8)];
    bytes[0] = 0xff >> (bytes.len() * 8 - bits);
    bytes
}

fn rsa_key(n: &[u8], e: &[u8]) -> Result<VerificationKey, KeyFlaw> {
    read(json!({"kty": "RSA", "n": base64url::encode(n), "e": base64url::encode(e)}))
}

const F4: &[u8] = &[1, 0, 1];

#[test]
fn j06_an_rsa_modulus_has_2048_to_4096_bits() {
    for bits in [2048, 2049, 2055, 2056, 3072, 4095, 4096] {
        assert!(rsa_key(&modulus(bits), F4).is_ok(), "{bits}");
    }
    for bits in [0, 1, 512, 1024, 2040, 2047] {
        assert_eq!(
            rsa_key(&modulus(bits.max(1))[..bits.div_ceil(8)], F4).unwrap_err(),
            KeyFlaw::ModulusTooSmall,
            "{bits}"
        );
    }
    for bits in [4097, 8192, 65536] {
        assert_eq!(rsa_key(&modulus(bits), F4).unwrap_err(), KeyFlaw::ModulusTooLarge, "{bits}");
    }
}

#[test]
fn j06_leading_zeros_neither_add_bits_to_a_modulus_nor_change_the_key() {
    let padded = |bits| [vec![0; 256], modulus(bits)].concat();
    assert_eq!(rsa_key(&padded(1024), F4).unwrap_err(), KeyFlaw::ModulusTooSmall);
    assert_eq!(rsa_key(&[0; 256], F4).unwrap_err(), KeyFlaw::ModulusTooSmall);
    let (plain, padded) = (rsa_key(&modulus(2048), F4).unwrap(), rsa_key(&padded(2048), &[0, 1, 0, 1]).unwrap());
    assert_eq!(plain.thumbprint(), padded.thumbprint());
    assert_eq!(plain.spki(), padded.spki());
}

#[test]
fn j06_an_even_modulus_is_refused() {
    let mut even = modulus(2048);
    even[255] = 0xa6;
    assert_eq!(rsa_key(&even, F4).unwrap_err(), KeyFlaw::ModulusEven);
}

#[test]
fn j06_an_rsa_exponent_is_odd_and_from_3_to_32_bits() {
    for e in [&[3][..], &[5], F4, &[0, 3], &[0xff, 0xff, 0xff, 0xff]] {
        assert!(rsa_key(&modulus(2048), e).is_ok(), "{e:?}");
    }
    for e in [&[][..], &[0], &[1], &[2], &[4], &[1, 0, 0], &[1, 0, 0, 0, 1], &[0xff; 8], &modulus(2048)] {
        assert_eq!(rsa_key(&modulus(2048), e).unwrap_err(), KeyFlaw::Exponent, "{e:?}");
    }
}

#[test]
fn a_modulus_with_the_pattern_of_a_faulty_generator_is_refused() {
    assert_eq!(rsa_key(&roca::tests::patterned(), F4).unwrap_err(), KeyFlaw::ModulusWeak);
}

#[test]
fn j06_coordinates_have_exactly_the_length_of_their_curve() {
    for (signer, length) in [(&*P256, 32), (&*P384, 48), (&*P521, 66), (&*ED25519, 32)] {
        for name in ["x", "y"].into_iter().take(signer.jwk().len() - 2) {
            let coordinate = base64url::decode(signer.jwk()[name].as_str().unwrap().as_bytes()).unwrap();
            assert_eq!(coordinate.len(), length);
            for bad in [coordinate[1..].to_vec(), [&[0], &coordinate[..]].concat(), vec![], coordinate[..16].to_vec()] {
                let changed = jwk(signer, json!({name: base64url::encode(&bad)}));
                assert_eq!(flaw(changed), KeyFlaw::CoordinateLength);
            }
        }
    }
}

#[test]
fn j06_a_point_is_on_its_curve_and_not_infinity() {
    for (signer, length) in [(&*P256, 32), (&*P384, 48), (&*P521, 66)] {
        let zero = base64url::encode(&vec![0; length]);
        let largest = base64url::encode(&vec![0xff; length]);
        let original = signer.jwk();
        let mut y = base64url::decode(original["y"].as_str().unwrap().as_bytes()).unwrap();
        y[length - 1] ^= 1;
        for changes in [
            json!({"x": zero, "y": zero}),
            json!({"x": largest}),
            json!({"y": largest}),
            json!({"y": zero}),
            json!({"y": base64url::encode(&y)}),
            json!({"x": original["y"], "y": original["x"]}),
        ] {
            assert_eq!(flaw(jwk(signer, changes)), KeyFlaw::NotOnCurve);
        }
    }
}

#[test]
fn j06_ed25519_keys_are_canonical_and_not_of_small_order() {
    let flaw_of = |x: &[u8; 32]| flaw(json!({"kty": "OKP", "crv": "Ed25519", "x": base64url::encode(x)}));
    let little = |first: u8, middle: u8, last: u8| {
        let mut x = [middle; 32];
        (x[0], x[31]) = (first, last);
        x
    };
    assert_eq!(flaw_of(&little(1, 0, 0)), KeyFlaw::SmallOrder); // the identity
    assert_eq!(flaw_of(&little(0, 0, 0)), KeyFlaw::SmallOrder); // order 4
    assert_eq!(flaw_of(&little(0, 0, 0x80)), KeyFlaw::SmallOrder); // order 4
    assert_eq!(flaw_of(&little(0xec, 0xff, 0x7f)), KeyFlaw::SmallOrder); // order 2
    assert_eq!(flaw_of(&little(0xed, 0xff, 0x7f)), KeyFlaw::CoordinateNotCanonical); // p, which is 0 again
    assert_eq!(flaw_of(&little(0xee, 0xff, 0x7f)), KeyFlaw::CoordinateNotCanonical); // p + 1
    assert_eq!(flaw_of(&little(2, 0, 0)), KeyFlaw::NotOnCurve);
    let order_8 = hex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05");
    assert_eq!(flaw_of(&order_8.try_into().unwrap()), KeyFlaw::SmallOrder);
}

#[test]
fn j07_a_shared_secret_is_as_long_as_the_hash() {
    for (algorithm, length) in [(Algorithm::HS256, 32), (Algorithm::HS384, 48), (Algorithm::HS512, 64)] {
        for short in [0, 1, 16, length - 1] {
            let secret = vec![7; short];
            let flaw_of_secret = VerificationKey::from_secret(&secret, algorithm, None).unwrap_err();
            assert_eq!(flaw_of_secret, KeyFlaw::SecretTooShort, "{algorithm} {short}");
            let jwk = json!({"kty": "oct", "alg": algorithm.name(), "k": base64url::encode(&secret)});
            assert_eq!(flaw(jwk), KeyFlaw::SecretTooShort, "{algorithm} {short}");
        }
        let key = VerificationKey::from_secret(&vec![7; length], algorithm, Some("k".to_owned())).unwrap();
        assert_eq!(key.algorithms(), AlgorithmSet::only(algorithm));
        assert_eq!(key.kid(), Some("k"));
    }
    let unbound = read(json!({"kty": "oct", "k": base64url::encode(&[7; 48])})).unwrap();
    assert_eq!(names(&unbound), ["HS256", "HS384"]);
}

#[test]
fn a_shared_secret_is_for_hmac_only() {
    for algorithm in AlgorithmSet::ASYMMETRIC.iter() {
        let flaw = VerificationKey::from_secret(&[7; 64], algorithm, None).unwrap_err();
        assert_eq!(flaw, KeyFlaw::AlgorithmMismatch);
    }
}

#[test]
fn the_spki_for_the_host_is_what_the_libraries_write_and_read() {
    let Signer::Rsa(rsa) = &*RSA else { panic!("another kind of key") };
    assert_eq!(RSA.verification_key().spki(), Some(rsa.to_public_key().to_public_key_der().unwrap().as_bytes()));
    let Signer::P256(p256) = &*P256 else { panic!("another kind of key") };
    assert_eq!(P256.verification_key().spki(), Some(p256.verifying_key().to_public_key_der().unwrap().as_bytes()));
    assert_eq!(P384.verification_key().spki().map(<[u8]>::len), Some(120));
    assert_eq!(P521.verification_key().spki().map(<[u8]>::len), Some(158));
    assert_eq!(ED25519.verification_key().spki(), None);
    assert_eq!(SECRET.verification_key().spki(), None);
}

#[test]
fn b06_debug_output_of_a_key_shows_no_secret() {
    let secret = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let key = VerificationKey::from_secret(secret, Algorithm::HS256, Some("name".to_owned())).unwrap();
    let shown = format!("{key:?}");
    assert!(shown.contains("name"));
    assert!(!shown.contains("0123") && !shown.contains("48, 49") && !shown.contains(&base64url::encode(secret)));
}

mod pem {
    use ::rsa::pkcs1::EncodeRsaPublicKey as _;
    use ::rsa::pkcs8::LineEnding;

    use super::*;

    fn read(pem: &str) -> Result<VerificationKey, KeyFlaw> {
        VerificationKey::from_pem(pem, Some("pem".to_owned()))
    }

    /// A PEM text around the SPKI of a key.
    fn armoured(label: &str, der: &[u8]) -> String {
        use base64::Engine as _;
        let base64 = base64::engine::general_purpose::STANDARD.encode(der);
        let lines: Vec<&str> = base64.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
        format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
    }

    #[test]
    fn public_keys_in_pem_are_the_same_keys() {
        for signer in [&*RSA, &*P256, &*P384, &*P521] {
            let jwk = signer.verification_key();
            let key = read(&armoured("PUBLIC KEY", jwk.spki().unwrap())).unwrap();
            assert_eq!(key.thumbprint(), jwk.thumbprint());
            assert_eq!(key.algorithms(), jwk.algorithms());
            assert_eq!(key.kid(), Some("pem"));
        }
        let Signer::Rsa(rsa) = &*RSA else { panic!("another kind of key") };
        let pkcs1 = rsa.to_public_key().to_pkcs1_pem(LineEnding::CRLF).unwrap();
        assert_eq!(read(&pkcs1).unwrap().thumbprint(), RSA.verification_key().thumbprint());
        assert_eq!(read(&format!("\n\n  {pkcs1}\n ")).unwrap().algorithms(), AlgorithmSet::RSA);
    }

    #[test]
    fn an_ed25519_key_in_pem_is_read() {
        // RFC 8410 section 10.1.
        let pem = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";
        assert_eq!(names(&read(pem).unwrap()), ["EdDSA"]);
    }

    #[test]
    fn the_same_rules_hold_for_keys_in_pem() {
        let small = ::rsa::RsaPublicKey::new_unchecked(
            ::rsa::BoxedUint::from_be_slice_vartime(&modulus(1024)),
            ::rsa::BoxedUint::from(65537_u64),
        );
        let pem = small.to_public_key_pem(LineEnding::LF).unwrap();
        assert_eq!(read(&pem).unwrap_err(), KeyFlaw::ModulusTooSmall);
        let mut spki = P256.verification_key().spki().unwrap().to_vec();
        *spki.last_mut().unwrap() ^= 1;
        assert_eq!(read(&armoured("PUBLIC KEY", &spki)).unwrap_err(), KeyFlaw::NotOnCurve);
        // A point at infinity is one zero byte.
        let infinity = [&[0x30, 0x17], &spki[2..23], &[0x03, 0x02, 0x00, 0x00]].concat();
        assert!(read(&armoured("PUBLIC KEY", &infinity)).is_err());
    }

    #[test]
    fn what_is_not_a_public_key_is_refused_as_what_it_is() {
        let der = RSA.verification_key().spki().unwrap().to_vec();
        assert_eq!(read(&armoured("CERTIFICATE", &der)).unwrap_err(), KeyFlaw::Certificate);
        for label in ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY"] {
            assert_eq!(read(&armoured(label, &der)).unwrap_err(), KeyFlaw::PrivateKey);
        }
        let good = armoured("PUBLIC KEY", &der);
        for text in [
            String::new(),
            "ssh-rsa AAAA".to_owned(),
            armoured("X509 CRL", &der),
            armoured("PUBLIC KEY", &der[1..]),
            armoured("PUBLIC KEY", &[&der[..], &[0]].concat()),
            armoured("RSA PUBLIC KEY", &der),
            format!("{good}{good}"),
            good.replace("END PUBLIC", "END RSA PUBLIC"),
            good.replacen('M', "=", 1),
            good.replace("-----END PUBLIC KEY-----", ""),
        ] {
            assert_eq!(read(&text).unwrap_err(), KeyFlaw::Pem, "{text}");
        }
    }
}

#[test]
fn the_test_key_has_the_size_it_says() {
    let Signer::Rsa(key) = &*RSA else { panic!("another kind of key") };
    assert_eq!(key.size(), 256);
}
