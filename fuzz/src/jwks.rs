//! A key set as an issuer might send it.

use portcullis::jose::{Algorithm, KeySet, KeySetLimits, base64url};

use crate::token::{signed_tokens, verifies};

const MOST_KEYS: usize = 16;

/// A set is read or refused; its keys are few, public, found by their names, and verify nothing but what they signed.
pub fn jwks(input: &[u8]) {
    let limits = KeySetLimits { keys: MOST_KEYS, ..KeySetLimits::default() };
    let Ok(set) = KeySet::parse(input, &limits) else { return };
    assert!(!set.keys().is_empty());
    assert!(set.keys().len() + set.skipped().len() <= MOST_KEYS);
    for key in set.keys() {
        assert!(!key.algorithms().is_empty());
        assert!(!key.algorithms().iter().any(Algorithm::is_symmetric), "a secret that anybody can fetch");
        assert!(set.contains_thumbprint(&key.thumbprint()));
        assert!(key.spki().is_none_or(|spki| !spki.is_empty()));
        for algorithm in key.algorithms().iter() {
            if let Ok(selected) = set.select(key.kid(), algorithm) {
                assert!(selected.algorithms().contains(algorithm) && selected.kid() == key.kid());
            }
            for signature in [[0; 64].as_slice(), &[1; 64], &[0xff; 256], &[0; 256], &[0; 132]] {
                let header = format!(r#"{{"alg":"{algorithm}"}}"#);
                let parts = [header.as_bytes(), b"{}", signature].map(base64url::encode);
                assert!(!verifies(&parts.join("."), key), "{algorithm}");
            }
        }
        for (token, public) in signed_tokens().iter().zip(crate::token::thumbprints()) {
            assert!(!verifies(token, key) || key.thumbprint() == public, "another key than the one that signed");
        }
    }
}
