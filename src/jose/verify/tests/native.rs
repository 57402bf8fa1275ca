//! What a host is asked, and what its answer is worth.

use super::*;
use crate::jose::testing::{P256, RSA};

const POLICIES: [SignaturePolicy; 3] =
    [SignaturePolicy::PreferNative, SignaturePolicy::RequireNative, SignaturePolicy::ForbidNative];

/// A host that says the same to everything and remembers the questions.
struct Says {
    answer: Option<bool>,
    asked: Vec<Question>,
}

struct Question {
    hash: Hash,
    spki: Vec<u8>,
    signature: Vec<u8>,
    text: Vec<u8>,
}

impl NativeVerifier for Says {
    fn verify(&mut self, hash: Hash, spki: &[u8], signature: &[u8], text: &[u8]) -> Option<bool> {
        let (spki, signature, text) = (spki.to_vec(), signature.to_vec(), text.to_vec());
        self.asked.push(Question { hash, spki, signature, text });
        self.answer
    }
}

fn says(answer: Option<bool>) -> Says {
    Says { answer, asked: Vec::new() }
}

fn run(token: &str, host: &mut Says, policy: SignaturePolicy) -> Result<(), SignatureFlaw> {
    let token = parse(token).unwrap();
    let key = key(signer(token.header().alg));
    token.verify(&key, host, policy).map(|_| ())
}

fn is_for_the_host(algorithm: Algorithm) -> bool {
    use Algorithm::*;
    matches!(algorithm, RS256 | RS384 | RS512 | ES256 | ES384 | ES512)
}

fn broken(algorithm: Algorithm) -> String {
    let token = good(algorithm);
    let mut signature = signature_of(&token);
    *signature.last_mut().unwrap() ^= 1;
    with_signature(&token, &signature)
}

#[test]
fn the_answer_of_the_host_counts_where_it_is_asked() {
    for algorithm in Algorithm::ALL {
        for policy in POLICIES {
            let (mut yes, mut no) = (says(Some(true)), says(Some(false)));
            let (good, broken) = (run(&good(algorithm), &mut no, policy), run(&broken(algorithm), &mut yes, policy));
            let expected = match (policy, is_for_the_host(algorithm)) {
                (SignaturePolicy::PreferNative | SignaturePolicy::RequireNative, true) => {
                    (Err(SignatureFlaw::Wrong), Ok(()))
                }
                (SignaturePolicy::RequireNative, false) => {
                    (Err(SignatureFlaw::NativeUnavailable), Err(SignatureFlaw::NativeUnavailable))
                }
                (SignaturePolicy::PreferNative, false) | (SignaturePolicy::ForbidNative, _) => {
                    (Ok(()), Err(SignatureFlaw::Wrong))
                }
            };
            assert_eq!((good, broken), expected, "{algorithm} {policy:?}");
            let asked = usize::from(policy != SignaturePolicy::ForbidNative && is_for_the_host(algorithm));
            assert_eq!((yes.asked.len(), no.asked.len()), (asked, asked));
        }
    }
}

#[test]
fn a_host_that_cannot_tell_leaves_it_to_the_module_unless_it_is_required() {
    for algorithm in Algorithm::ALL {
        let silent = || says(None);
        assert_eq!(run(&good(algorithm), &mut silent(), SignaturePolicy::PreferNative), Ok(()));
        let flaw = run(&broken(algorithm), &mut silent(), SignaturePolicy::PreferNative);
        assert_eq!(flaw, Err(SignatureFlaw::Wrong));
        let flaw = run(&good(algorithm), &mut silent(), SignaturePolicy::RequireNative);
        assert_eq!(flaw, Err(SignatureFlaw::NativeUnavailable), "{algorithm}");
    }
}

#[test]
fn the_host_is_asked_in_der_about_exactly_what_was_sent() {
    let hashes = [
        (Algorithm::RS256, Hash::Sha256),
        (Algorithm::RS384, Hash::Sha384),
        (Algorithm::RS512, Hash::Sha512),
        (Algorithm::ES256, Hash::Sha256),
        (Algorithm::ES384, Hash::Sha384),
        (Algorithm::ES512, Hash::Sha512),
    ];
    for (algorithm, expected_hash) in hashes {
        let token = good(algorithm);
        let mut host = says(Some(true));
        run(&token, &mut host, SignaturePolicy::PreferNative).unwrap();
        let Question { hash, spki, signature, text } = host.asked.pop().unwrap();
        assert_eq!(hash, expected_hash);
        assert_eq!(Some(spki.as_slice()), signer(algorithm).verification_key().spki());
        assert_eq!(text, token.rsplit_once('.').unwrap().0.as_bytes());
        let raw = match signer(algorithm) {
            Signer::P256(_) => p256::ecdsa::Signature::from_der(&signature).unwrap().to_vec(),
            Signer::P384(_) => p384::ecdsa::Signature::from_der(&signature).unwrap().to_vec(),
            Signer::P521(_) => p521::ecdsa::Signature::from_der(&signature).unwrap().to_vec(),
            Signer::Rsa(_) | Signer::Ed25519(_) | Signer::Secret(_) => signature,
        };
        assert_eq!(raw, signature_of(&token), "{algorithm}");
    }
}

#[test]
fn the_host_is_not_asked_about_what_cannot_be_a_signature() {
    for (algorithm, signer, length) in [(Algorithm::RS256, &*RSA, 256), (Algorithm::ES256, &*P256, 64)] {
        for signature in [vec![1; length - 1], vec![1; length + 1], vec![1; 8]] {
            let mut host = says(Some(true));
            let token = with_signature(&signer.token(algorithm, &header(algorithm), CLAIMS), &signature);
            assert_eq!(run(&token, &mut host, SignaturePolicy::RequireNative), Err(SignatureFlaw::Wrong));
            assert!(host.asked.is_empty());
        }
    }
    let mut host = says(Some(true));
    let token = with_signature(&good(Algorithm::ES256), &[0; 64]);
    assert_eq!(run(&token, &mut host, SignaturePolicy::PreferNative), Err(SignatureFlaw::Wrong));
    assert!(host.asked.is_empty());
}

#[test]
fn j01_a_host_that_says_yes_to_everything_cannot_undo_the_choice_of_algorithm() {
    for policy in POLICIES {
        let token = parse(&good(Algorithm::HS256)).unwrap();
        let flaw = token.verify(&key(&RSA), &mut says(Some(true)), policy).unwrap_err();
        assert_eq!(flaw, SignatureFlaw::AlgorithmMismatch);
    }
}
