//! The form of a hash, `sha256$<salt>$<digest>`, and the comparison.
//!
//! The digest is SHA-256 over the salt's 16 bytes and the whole text of the key, its id as well as its secret: an entry that is copied
//! under another id lets nobody in. Both parts are in base64url without padding.
//! One fast hash is enough here, and would not be for passwords: slow hashes make guessing dear, and nobody guesses 256 random bits
//! at any price, while each request would pay for the slowness. The salt keeps one secret from looking alike in two places.

use std::fmt;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::text::KeyText;
use crate::jose::base64url;

/// The salted hash of a key. Its `Debug` does not show it.
#[derive(Clone)]
pub struct SecretHash {
    salt: [u8; SALT_BYTES],
    digest: [u8; DIGEST_BYTES],
}

/// The text is no hash of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashFlaw;

impl fmt::Display for HashFlaw {
    /// Without the text: a key in clear may have been written there.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("is not a hash; expected `sha256$<salt>$<digest>`, as `portcullis api-key new` makes it; never the key itself")
    }
}

impl std::error::Error for HashFlaw {}

impl SecretHash {
    /// The hash of a key.
    #[must_use]
    pub fn of(key: &KeyText<'_>, salt: [u8; SALT_BYTES]) -> Self {
        Self { digest: digest(&salt, key), salt }
    }

    /// Reads the text that [`Display`](fmt::Display) writes.
    ///
    /// # Errors
    ///
    /// [`HashFlaw`].
    pub fn parse(text: &str) -> Result<Self, HashFlaw> {
        let parts = text.strip_prefix(ALGORITHM).and_then(|rest| rest.split_once('$'));
        let (salt, digest) = parts.ok_or(HashFlaw)?;
        let salt = base64url::decode_exact(salt.as_bytes()).ok().flatten();
        let digest = base64url::decode_exact(digest.as_bytes()).ok().flatten();
        let (salt, digest) = salt.zip(digest).ok_or(HashFlaw)?;
        Ok(Self { salt, digest })
    }

    /// Is it the hash of this key? Takes as long whether it is or not.
    #[must_use]
    pub fn is_of(&self, key: &KeyText<'_>) -> bool {
        self.digest.ct_eq(&digest(&self.salt, key)).into()
    }
}

impl fmt::Display for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{ALGORITHM}{}${}", base64url::encode(&self.salt), base64url::encode(&self.digest))
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretHash").finish_non_exhaustive()
    }
}

/// The salt has one length, so that no two pairs of a salt and a key are one text.
fn digest(salt: &[u8; SALT_BYTES], key: &KeyText<'_>) -> [u8; DIGEST_BYTES] {
    Sha256::new().chain_update(salt).chain_update(key.text()).finalize().into()
}

/// Stands in where there is no entry. Nobody knows a text whose hash is all zeros.
pub(super) static OF_NOTHING: SecretHash = SecretHash { salt: [0; SALT_BYTES], digest: [0; DIGEST_BYTES] };

const ALGORITHM: &str = "sha256$";

/// Enough that no two keys ever have the same.
pub const SALT_BYTES: usize = 16;

const DIGEST_BYTES: usize = 32;
