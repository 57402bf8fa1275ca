//! Another implementation has to agree, through the module's own path and through the path of a host.

#![expect(clippy::arithmetic_side_effects, reason = "sizes are known, and a test may fail loudly")]

use proptest::prelude::*;
use ring::signature as other;
use rsa::pkcs8::der::Decode as _;
use rsa::pkcs8::spki::SubjectPublicKeyInfoRef;

use super::*;
use crate::jose::testing::ED25519;

/// A host made of the other implementation.
struct Other;

impl NativeVerifier for Other {
    fn verify(&mut self, hash: Hash, spki: &[u8], signature: &[u8], text: &[u8]) -> Option<bool> {
        let spki = SubjectPublicKeyInfoRef::from_der(spki).unwrap();
        let key = spki.subject_public_key.as_bytes().unwrap();
        let scheme: &dyn other::VerificationAlgorithm = match (key.len(), hash) {
            (65, Hash::Sha256) => &other::ECDSA_P256_SHA256_ASN1,
            (97, Hash::Sha384) => &other::ECDSA_P384_SHA384_ASN1,
            (133, _) => return None,
            (_, Hash::Sha256) => &other::RSA_PKCS1_2048_8192_SHA256,
            (_, Hash::Sha384) => &other::RSA_PKCS1_2048_8192_SHA384,
            (_, Hash::Sha512) => &other::RSA_PKCS1_2048_8192_SHA512,
        };
        Some(other::UnparsedPublicKey::new(scheme, key).verify(text, signature).is_ok())
    }
}

/// The verdict on the signature as it stands in a token.
fn other_verdict(algorithm: Algorithm, text: &[u8], signature: &[u8]) -> bool {
    let scheme: &dyn other::VerificationAlgorithm = match algorithm {
        Algorithm::RS256 => &other::RSA_PKCS1_2048_8192_SHA256,
        Algorithm::PS256 => &other::RSA_PSS_2048_8192_SHA256,
        Algorithm::ES256 => &other::ECDSA_P256_SHA256_FIXED,
        Algorithm::ES384 => &other::ECDSA_P384_SHA384_FIXED,
        Algorithm::EdDSA => &other::ED25519,
        algorithm => panic!("no oracle for {algorithm}"),
    };
    let signer = signer(algorithm);
    let key = match (signer, signer.verification_key().spki()) {
        (Signer::Ed25519(key), _) => key.verifying_key().as_bytes().to_vec(),
        (_, Some(spki)) => {
            let spki = SubjectPublicKeyInfoRef::from_der(spki).unwrap();
            spki.subject_public_key.as_bytes().unwrap().to_vec()
        }
        (_, None) => panic!("no key"),
    };
    other::UnparsedPublicKey::new(scheme, key).verify(text, signature).is_ok()
}

/// What happens to a signature on its way.
#[derive(Clone, Debug)]
enum Change {
    Nothing,
    Flip(usize),
    Set(usize, u8),
    Cut(usize),
    Append(u8),
    Prepend(u8),
    Zero(usize, usize),
    Swap,
}

impl Change {
    fn apply(&self, signature: &mut Vec<u8>) {
        let length = signature.len();
        match *self {
            Self::Nothing => {}
            Self::Flip(bit) => signature[bit / 8 % length] ^= 1 << (bit % 8),
            Self::Set(at, byte) => signature[at % length] = byte,
            Self::Cut(at) => signature.truncate((at % length).max(1)),
            Self::Append(byte) => signature.push(byte),
            Self::Prepend(byte) => signature.insert(0, byte),
            Self::Zero(from, to) => {
                let (from, to) = (from % length, to % length);
                signature[from.min(to)..from.max(to)].fill(0);
            }
            Self::Swap => signature.rotate_left(length / 2),
        }
    }
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        2 => Just(Change::Nothing),
        4 => any::<usize>().prop_map(Change::Flip),
        2 => any::<(usize, u8)>().prop_map(|(at, byte)| Change::Set(at, byte)),
        1 => any::<usize>().prop_map(Change::Cut),
        1 => any::<u8>().prop_map(Change::Append),
        1 => any::<u8>().prop_map(Change::Prepend),
        1 => any::<(usize, usize)>().prop_map(|(from, to)| Change::Zero(from, to)),
        1 => Just(Change::Swap),
    ]
}

fn algorithm() -> impl Strategy<Value = Algorithm> {
    use Algorithm::*;
    proptest::sample::select(vec![RS256, PS256, ES256, ES384, EdDSA])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn changed_signatures_get_the_same_verdict(
        algorithm in algorithm(),
        subject in "[a-z]{0,4}",
        changes in proptest::collection::vec(change(), 1..3),
    ) {
        let token = signer(algorithm).token(algorithm, &header(algorithm), &format!(r#"{{"sub":"{subject}"}}"#));
        let mut signature = signature_of(&token);
        for change in &changes {
            change.apply(&mut signature);
        }
        let token = with_signature(&token, &signature);
        let text = token.rsplit_once('.').unwrap().0.as_bytes();
        let key = key(signer(algorithm));

        let theirs = other_verdict(algorithm, text, &signature);
        prop_assert_eq!(verify(&token, &key).is_ok(), theirs);
        let native = parse(&token).unwrap().verify(&key, &mut Other, SignaturePolicy::PreferNative);
        prop_assert_eq!(native.is_ok(), theirs);
    }
}

#[test]
fn good_signatures_of_every_algorithm_of_a_host_pass_through_it() {
    use Algorithm::*;
    for algorithm in [RS256, RS384, RS512, ES256, ES384] {
        let key = key(signer(algorithm));
        let verified = parse(&good(algorithm)).unwrap().verify(&key, &mut Other, SignaturePolicy::RequireNative);
        assert!(verified.is_ok(), "{algorithm}");
    }
    let token = parse(&good(EdDSA)).unwrap();
    let flaw = token.verify(&key(&ED25519), &mut Other, SignaturePolicy::RequireNative).unwrap_err();
    assert_eq!(flaw, SignatureFlaw::NativeUnavailable);
}
