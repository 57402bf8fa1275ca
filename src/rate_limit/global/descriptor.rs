//! Whose allowance it is, in the engine's words.

use sha2::{Digest, Sha256};

/// Names and values, in order. The engine has a counter for each combination that its own configuration tells apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptor(Vec<(String, String)>);

impl Descriptor {
    /// The entries of the limit itself, and then those of the key. A value that is longer than `LONGEST` stands as its
    /// SHA-256: engines keep it as part of a name, and callers may write much into some.
    #[must_use]
    pub fn new(fixed: &[(String, String)], key: Vec<(String, String)>) -> Self {
        let key = key.into_iter().map(|(name, value)| (name, bounded(value)));
        Self(fixed.iter().cloned().chain(key).collect())
    }

    /// Names and values.
    #[must_use]
    pub fn entries(&self) -> &[(String, String)] {
        &self.0
    }

    /// The same for the same descriptor of the same domain, and for no other that anybody could find.
    #[must_use]
    pub(super) fn fingerprint(&self, domain: &str) -> Fingerprint {
        let mut hash = Sha256::new();
        let texts = self.0.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]);
        for text in std::iter::once(domain).chain(texts) {
            hash.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(text.as_bytes());
        }
        hash.finalize().into()
    }
}

/// See [`Descriptor::fingerprint`].
pub(super) type Fingerprint = [u8; 32];

fn bounded(value: String) -> String {
    if value.len() <= LONGEST {
        return value;
    }
    let digest = Sha256::digest(value.as_bytes());
    digest.iter().fold("sha256:".to_owned(), |mut text, byte| {
        text.push_str(&format!("{byte:02x}"));
        text
    })
}

/// Subjects with their issuer are shorter.
const LONGEST: usize = 256;
