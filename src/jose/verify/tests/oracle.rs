//! Another implementation has to agree, through the module's own path and through the path of a host.

#![expect(clippy::arithmetic_side_effects, reason = "sizes are known, and a test may fail loudly")]

use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::sample;
use ring::digest;
use ring::signature::{self as other, VerificationAlgorithm};
use ring_compat::signature::Verifier as _;
use ring_compat::signature::ecdsa::{p256 as other_p256, p384 as other_p384};
use ring_compat::signature::ed25519 as other_ed25519;
use rsa::pkcs8::der::Decode as _;
use rsa::pkcs8::spki::SubjectPublicKeyInfoRef;
use sha2::Digest as _;

use super::*;
use crate::jose::AlgorithmSet;
use crate::jose::testing::ED25519;

/// A host made of ring: ring-compat has no verifier of DER, nor of RSA.
struct Other;

impl NativeVerifier for Other {
    fn verify(&mut self, hash: Hash, spki: &[u8], signature: &[u8], text: &[u8]) -> Option<bool> {
        let key = public_key(spki);
        let scheme: &dyn VerificationAlgorithm = match (key.len(), hash) {
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

fn public_key(spki: &[u8]) -> Vec<u8> {
    let spki = SubjectPublicKeyInfoRef::from_der(spki).unwrap();
    spki.subject_public_key.as_bytes().unwrap().to_vec()
}

/// The verdict on the signature as it stands in a token.
fn other_verdict(algorithm: Algorithm, signer: &Signer, text: &[u8], signature: &[u8]) -> bool {
    let scheme: &dyn VerificationAlgorithm = match (algorithm, signer) {
        (Algorithm::ES256, Signer::P256(key)) => {
            let key = other_p256::VerifyingKey::new(key.verifying_key().to_sec1_point(false).as_bytes()).unwrap();
            return other_p256::Signature::from_slice(signature).is_ok_and(|sig| key.verify(text, &sig).is_ok());
        }
        (Algorithm::ES384, Signer::P384(key)) => {
            let key = other_p384::VerifyingKey::new(key.verifying_key().to_sec1_point(false).as_bytes()).unwrap();
            return other_p384::Signature::from_slice(signature).is_ok_and(|sig| key.verify(text, &sig).is_ok());
        }
        (Algorithm::EdDSA, Signer::Ed25519(key)) => {
            let key = other_ed25519::VerifyingKey::from_slice(key.verifying_key().as_bytes()).unwrap();
            return other_ed25519::Signature::from_slice(signature).is_ok_and(|sig| key.verify(text, &sig).is_ok());
        }
        (Algorithm::RS256, _) => &other::RSA_PKCS1_2048_8192_SHA256,
        (Algorithm::RS384, _) => &other::RSA_PKCS1_2048_8192_SHA384,
        (Algorithm::RS512, _) => &other::RSA_PKCS1_2048_8192_SHA512,
        (Algorithm::PS256, _) => &other::RSA_PSS_2048_8192_SHA256,
        (Algorithm::PS384, _) => &other::RSA_PSS_2048_8192_SHA384,
        (Algorithm::PS512, _) => &other::RSA_PSS_2048_8192_SHA512,
        (algorithm, _) => panic!("no oracle for {algorithm}"),
    };
    let key = public_key(signer.verification_key().spki().unwrap());
    other::UnparsedPublicKey::new(scheme, key).verify(text, signature).is_ok()
}

/// A private key that a case has made, or that all share.
enum SignerOf {
    Case(Box<Signer>),
    All(&'static Signer),
}

impl SignerOf {
    fn case(signer: Signer) -> Self {
        Self::Case(Box::new(signer))
    }

    fn get(&self) -> &Signer {
        match self {
            Self::Case(signer) => signer,
            Self::All(signer) => signer,
        }
    }
}

/// A key of its own for each seed; for RSA one of a few, since making one takes a second.
fn key_of(algorithm: Algorithm, seed: [u8; 32]) -> SignerOf {
    static RSA: LazyLock<[Signer; 3]> = LazyLock::new(|| [4, 5, 6].map(|seed| Signer::rsa(seed, 2048)));
    match algorithm {
        Algorithm::ES256 => SignerOf::case(Signer::P256(p256::ecdsa::SigningKey::from_slice(&seed).unwrap())),
        Algorithm::ES384 => {
            let scalar = [&seed[..16], &seed].concat();
            SignerOf::case(Signer::P384(p384::ecdsa::SigningKey::from_slice(&scalar).unwrap()))
        }
        Algorithm::EdDSA => SignerOf::case(Signer::Ed25519(ed25519_dalek::SigningKey::from_bytes(&seed))),
        _ => SignerOf::All(&RSA[usize::from(seed[0]) % RSA.len()]),
    }
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
    let rsa = AlgorithmSet::RSA.iter().collect::<Vec<_>>();
    prop_oneof![sample::select(rsa), sample::select(vec![ES256, ES384, EdDSA])]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn changed_signatures_get_the_same_verdict(
        algorithm in algorithm(),
        seed in any::<[u8; 32]>(),
        subject in "[a-z]{0,4}",
        changes in proptest::collection::vec(change(), 1..3),
    ) {
        let signer = key_of(algorithm, seed);
        let signer = signer.get();
        let token = signer.token(algorithm, &header(algorithm), &format!(r#"{{"sub":"{subject}"}}"#));
        let mut signature = signature_of(&token);
        for change in &changes {
            change.apply(&mut signature);
        }
        let token = with_signature(&token, &signature);
        let text = token.rsplit_once('.').unwrap().0.as_bytes();
        let key = key(signer);

        let theirs = other_verdict(algorithm, signer, text, &signature);
        prop_assert_eq!(verify(&token, &key).is_ok(), theirs);
        let native = parse(&token).unwrap().verify(&key, &mut Other, SignaturePolicy::PreferNative);
        prop_assert_eq!(native.is_ok(), theirs);
    }

    #[test]
    fn digests_are_the_same(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let other = |algorithm| digest::digest(algorithm, &bytes).as_ref().to_vec();
        prop_assert_eq!(sha2::Sha256::digest(&bytes).to_vec(), other(&digest::SHA256));
        prop_assert_eq!(sha2::Sha384::digest(&bytes).to_vec(), other(&digest::SHA384));
        prop_assert_eq!(sha2::Sha512::digest(&bytes).to_vec(), other(&digest::SHA512));
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
