//! Envoy's `verify_signature` foreign function, and whether this host has it.
//!
//! Messages as in Envoy's `source/extensions/common/wasm/ext/verify_signature.proto`:
//! `VerifySignatureArguments { 1: hash_function, 2: public_key (DER SubjectPublicKeyInfo), 3: signature, 4: text }` and
//! `VerifySignatureResult { 1: result, 2: error }`. An ECDSA signature is DER.

use super::abi;
use crate::jose::{Hash, NativeVerifier};

/// Asks the host, if it can be asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct HostVerifier {
    present: bool,
}

impl HostVerifier {
    /// Finds out, once, by a known answer: a good signature must pass and a bad one must not.
    ///
    /// A host that lacks the function, or answers wrongly, is not asked again.
    pub(super) fn probe() -> Self {
        let mut host = Self { present: true };
        let good = host.verify(Hash::Sha256, &KNOWN_KEY, &KNOWN_SIGNATURE, b"portcullis");
        let bad = host.verify(Hash::Sha256, &KNOWN_KEY, &KNOWN_SIGNATURE, b"portculliS");
        host.present = good == Some(true) && bad == Some(false);
        host
    }

    pub(super) fn is_present(self) -> bool {
        self.present
    }
}

impl NativeVerifier for HostVerifier {
    fn verify(&mut self, hash: Hash, spki: &[u8], signature: &[u8], text: &[u8]) -> Option<bool> {
        if !self.present {
            return None;
        }
        let name = match hash {
            Hash::Sha256 => "sha256",
            Hash::Sha384 => "sha384",
            Hash::Sha512 => "sha512",
        };
        let mut arguments = Vec::with_capacity(
            spki.len().saturating_add(signature.len()).saturating_add(text.len()).saturating_add(32),
        );
        for (field, bytes) in [(1, name.as_bytes()), (2, spki), (3, signature), (4, text)] {
            put_field(&mut arguments, field, bytes);
        }
        let answer = abi::call_foreign_function("verify_signature", &arguments).ok()?;
        // `result` is the first field and `false` is left out, so `true` is these two bytes and nothing else is.
        Some(answer.get(..2) == Some(&[0x08, 0x01]))
    }
}

/// One length-delimited field of a protobuf message.
fn put_field(message: &mut Vec<u8>, field: u8, bytes: &[u8]) {
    message.push((field << 3) | 2);
    let mut rest = bytes.len();
    while rest >= 0x80 {
        message.push(u8::try_from(rest & 0x7f).unwrap_or(0) | 0x80);
        rest >>= 7;
    }
    message.push(u8::try_from(rest).unwrap_or(0));
    message.extend_from_slice(bytes);
}

/// A P-256 key made for this check alone; its private half was thrown away.
#[rustfmt::skip]
const KNOWN_KEY: [u8; 91] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03,
    0x42, 0x00, 0x04, 0xc9, 0x4b, 0xb9, 0xa7, 0x08, 0x91, 0xa5, 0x7e, 0xb0, 0x95, 0x78, 0x5e, 0x5b, 0x8b, 0x25, 0x60, 0xfd, 0x3f, 0x68, 0x88, 0xc3,
    0xf7, 0xc0, 0xa0, 0x28, 0xc7, 0x09, 0xc4, 0xac, 0x63, 0xea, 0x85, 0x49, 0xe3, 0xe9, 0x24, 0xff, 0x04, 0x7f, 0x32, 0xc5, 0x65, 0xda, 0x06, 0xa4,
    0x0f, 0xca, 0xcc, 0xf5, 0x99, 0x02, 0xb1, 0x56, 0x79, 0xc3, 0xff, 0x1c, 0x4a, 0x6b, 0x40, 0x6c, 0x96, 0x8d, 0x77,
];

/// Its signature over `portcullis`.
#[rustfmt::skip]
const KNOWN_SIGNATURE: [u8; 70] = [
    0x30, 0x44, 0x02, 0x20, 0x40, 0xed, 0xbf, 0x59, 0x57, 0x3b, 0x82, 0xe5, 0x0d, 0x4f, 0xb8, 0x64, 0x31, 0xae, 0xf9, 0xef, 0xfb, 0x87, 0x34, 0x02,
    0xae, 0xd8, 0xf3, 0x5d, 0x08, 0x87, 0xd1, 0x56, 0xc7, 0x06, 0x60, 0x5a, 0x02, 0x20, 0x44, 0xf7, 0xc4, 0x28, 0x4a, 0xec, 0xa0, 0xb9, 0x3d, 0x79,
    0x25, 0x42, 0xb5, 0x23, 0x54, 0x17, 0xfa, 0x73, 0x7b, 0xe9, 0x37, 0xa9, 0xf7, 0x95, 0xdb, 0xc7, 0xb3, 0x8b, 0x8e, 0xa9, 0x31, 0x5f,
];
