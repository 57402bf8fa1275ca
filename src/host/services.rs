//! Envoy's services, as the core asks for them: the clock, shared data, random numbers, properties, signatures.

use super::abi::{self, Status};
use super::foreign::HostVerifier;
use crate::access::Properties;
use crate::binding::Entropy;
use crate::jose::{Hash, NativeVerifier};
use crate::provider::{CasMismatch, SharedData};
use crate::time::UnixTime;

/// The wall clock. A host without one gives the epoch, at which every token is too early: closed, not open.
pub(super) fn now() -> UnixTime {
    UnixTime::from_millis(abi::now_nanos().unwrap_or(0) / 1_000_000)
}

/// Envoy's services, as the engine asks for them.
pub(super) struct EnvoyHost {
    verifier: HostVerifier,
}

impl EnvoyHost {
    pub(super) fn new(verifier: HostVerifier) -> Self {
        Self { verifier }
    }
}

impl SharedData for EnvoyHost {
    fn get(&mut self, key: &str) -> Option<(Vec<u8>, u32)> {
        abi::shared_data(key).ok()
    }

    fn set(&mut self, key: &str, value: &[u8], cas: u32) -> Result<(), CasMismatch> {
        match abi::set_shared_data(key, value, cas) {
            Err(status) if status == Status::CAS_MISMATCH => Err(CasMismatch),
            // Without shared data each worker fetches for itself: more fetches, the same decisions.
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

impl Entropy for EnvoyHost {
    fn fill(&mut self, bytes: &mut [u8]) -> bool {
        // WASI's `random_get`, which Envoy answers from BoringSSL's generator.
        getrandom::fill(bytes).is_ok()
    }
}

impl Properties for EnvoyHost {
    fn property(&mut self, path: &str) -> Option<Vec<u8>> {
        abi::property(path).ok()
    }
}

impl NativeVerifier for EnvoyHost {
    fn verify(&mut self, hash: Hash, spki: &[u8], signature: &[u8], text: &[u8]) -> Option<bool> {
        self.verifier.verify(hash, spki, signature, text)
    }
}
