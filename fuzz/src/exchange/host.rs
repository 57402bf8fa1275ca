//! A host that does not keep its word, but never lies about a signature.

use std::collections::{HashMap, HashSet};

use portcullis::access::Properties;
use portcullis::binding::Entropy;
use portcullis::jose::{Hash, NativeVerifier};
use portcullis::provider::{CasMismatch, SharedData};

use super::script::Script;

/// How the shared data behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sharing {
    Honest,
    /// Nothing can be written.
    ReadOnly,
    /// What is written is gone.
    Forgetful,
    /// What is read is cut off, or something else.
    Garbled,
}

/// What the host says of signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verifier {
    None,
    Truthful,
    /// Wrong, all of them.
    Sceptical,
}

pub(super) struct FakeHost {
    pub(super) sharing: Sharing,
    pub(super) verifier: Verifier,
    /// Whether the shared data was honest all the time.
    pub(super) always_shared: bool,
    shared: HashMap<String, (Vec<u8>, u32)>,
    garbage: Vec<u8>,
    signed: HashSet<(Vec<u8>, Vec<u8>, Vec<u8>)>,
}

impl FakeHost {
    pub(super) fn new(script: &mut Script<'_>) -> Self {
        let verifier = script.one(&[Verifier::Truthful, Verifier::None, Verifier::Sceptical]);
        Self {
            sharing: Sharing::Honest,
            verifier,
            always_shared: true,
            shared: HashMap::new(),
            garbage: Vec::new(),
            signed: HashSet::new(),
        }
    }

    /// Lets the shared data behave in another way.
    pub(super) fn change(&mut self, script: &mut Script<'_>) {
        self.sharing = script.one(&[Sharing::Honest, Sharing::ReadOnly, Sharing::Forgetful, Sharing::Garbled]);
        self.always_shared &= self.sharing == Sharing::Honest;
        if self.sharing == Sharing::Garbled {
            self.garbage = script.bytes();
        }
    }

    /// Notes a signature as right.
    pub(super) fn sign(&mut self, spki: &[u8], signature: Vec<u8>, text: &[u8]) {
        self.signed.insert((spki.to_vec(), signature, text.to_vec()));
    }

    /// Bytes of the shared data.
    pub(super) fn bytes(&self) -> usize {
        self.shared.iter().map(|(key, (value, _))| key.len() + value.len()).sum()
    }
}

impl SharedData for FakeHost {
    fn get(&mut self, key: &str) -> Option<(Vec<u8>, u32)> {
        let (mut value, version) = self.shared.get(key)?.clone();
        if self.sharing == Sharing::Garbled {
            match self.garbage.first() {
                Some(length) if length % 2 == 0 => value.truncate(usize::from(*length)),
                Some(_) | None => value.clone_from(&self.garbage),
            }
        }
        Some((value, version))
    }

    fn set(&mut self, key: &str, value: &[u8], cas: u32) -> Result<(), CasMismatch> {
        match self.sharing {
            Sharing::ReadOnly => return Err(CasMismatch),
            Sharing::Forgetful => return Ok(()),
            Sharing::Honest | Sharing::Garbled => {}
        }
        let found = self.shared.get(key).map(|(_, version)| *version);
        if cas != 0 && found.is_some_and(|version| version != cas) {
            return Err(CasMismatch);
        }
        self.shared.insert(key.to_owned(), (value.to_vec(), found.unwrap_or_default() + 1));
        Ok(())
    }
}

/// The same in every run.
impl Entropy for FakeHost {
    fn fill(&mut self, bytes: &mut [u8]) -> bool {
        bytes.fill(0x5a);
        true
    }
}

impl Properties for FakeHost {
    fn property(&mut self, path: &str) -> Option<Vec<u8>> {
        (path == "source.address").then(|| b"203.0.113.7:4711".to_vec())
    }
}

impl NativeVerifier for FakeHost {
    fn verify(&mut self, _: Hash, spki: &[u8], signature: &[u8], text: &[u8]) -> Option<bool> {
        match self.verifier {
            Verifier::None => None,
            Verifier::Sceptical => Some(false),
            Verifier::Truthful => Some(self.signed.contains(&(spki.to_vec(), signature.to_vec(), text.to_vec()))),
        }
    }
}
