//! The signature algorithms Portcullis knows, and sets of them.
//!
//! Names are those of the IANA registry (RFC 7518 section 3.1, RFC 8037 section 3.1). What is not in the list does not
//! exist here: `none`, RSA with SHA-1, ES256K and the encryption algorithms have no value of this type.

/// A signature or MAC algorithm of JWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RS256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    RS384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    RS512,
    /// RSASSA-PSS with SHA-256, MGF1 with SHA-256 and a salt of 32 bytes.
    PS256,
    /// RSASSA-PSS with SHA-384, MGF1 with SHA-384 and a salt of 48 bytes.
    PS384,
    /// RSASSA-PSS with SHA-512, MGF1 with SHA-512 and a salt of 64 bytes.
    PS512,
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// ECDSA on P-384 with SHA-384.
    ES384,
    /// ECDSA on P-521 with SHA-512.
    ES512,
    /// EdDSA, here always Ed25519.
    EdDSA,
    /// HMAC with SHA-256.
    HS256,
    /// HMAC with SHA-384.
    HS384,
    /// HMAC with SHA-512.
    HS512,
}

/// The hash of a signature algorithm, as asked of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hash {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

/// A set of algorithms: what a key may verify, or what a provider's tokens may be signed with.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct AlgorithmSet(u16);

impl Algorithm {
    /// Every algorithm, in the order of the registry.
    pub const ALL: [Self; 13] = [
        Self::RS256,
        Self::RS384,
        Self::RS512,
        Self::PS256,
        Self::PS384,
        Self::PS512,
        Self::ES256,
        Self::ES384,
        Self::ES512,
        Self::EdDSA,
        Self::HS256,
        Self::HS384,
        Self::HS512,
    ];

    /// The algorithm of this name, compared byte for byte: names are case-sensitive (RFC 7515 section 4.1.1).
    ///
    /// `Ed25519` (RFC 9864 section 2.2) is the newer name of what `EdDSA` means here, so both are read.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        if name == "Ed25519" {
            return Some(Self::EdDSA);
        }
        Self::ALL.into_iter().find(|alg| alg.name() == name)
    }

    /// The name in the header of a token and in a JWK.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::RS256 => "RS256",
            Self::RS384 => "RS384",
            Self::RS512 => "RS512",
            Self::PS256 => "PS256",
            Self::PS384 => "PS384",
            Self::PS512 => "PS512",
            Self::ES256 => "ES256",
            Self::ES384 => "ES384",
            Self::ES512 => "ES512",
            Self::EdDSA => "EdDSA",
            Self::HS256 => "HS256",
            Self::HS384 => "HS384",
            Self::HS512 => "HS512",
        }
    }

    /// Whether whoever can verify can also sign (HMAC).
    #[must_use]
    pub const fn is_symmetric(self) -> bool {
        matches!(self, Self::HS256 | Self::HS384 | Self::HS512)
    }

    const fn bit(self) -> u16 {
        match self {
            Self::RS256 => 1 << 0,
            Self::RS384 => 1 << 1,
            Self::RS512 => 1 << 2,
            Self::PS256 => 1 << 3,
            Self::PS384 => 1 << 4,
            Self::PS512 => 1 << 5,
            Self::ES256 => 1 << 6,
            Self::ES384 => 1 << 7,
            Self::ES512 => 1 << 8,
            Self::EdDSA => 1 << 9,
            Self::HS256 => 1 << 10,
            Self::HS384 => 1 << 11,
            Self::HS512 => 1 << 12,
        }
    }
}

impl AlgorithmSet {
    /// No algorithm.
    pub const EMPTY: Self = Self(0);

    /// Every algorithm with a public key.
    pub const ASYMMETRIC: Self = Self(0b00_0011_1111_1111);

    /// What an RSA key can verify.
    pub const RSA: Self = Self(0b11_1111);

    /// The set of one.
    #[must_use]
    pub const fn only(algorithm: Algorithm) -> Self {
        Self(algorithm.bit())
    }

    /// Whether the algorithm is in the set.
    #[must_use]
    pub const fn contains(self, algorithm: Algorithm) -> bool {
        self.0 & algorithm.bit() != 0
    }

    /// What is in both sets.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether the set is empty.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The members, in the order of the registry.
    pub fn iter(self) -> impl Iterator<Item = Algorithm> {
        Algorithm::ALL.into_iter().filter(move |alg| self.contains(*alg))
    }
}

impl FromIterator<Algorithm> for AlgorithmSet {
    fn from_iter<I: IntoIterator<Item = Algorithm>>(algorithms: I) -> Self {
        Self(algorithms.into_iter().fold(0, |bits, alg| bits | alg.bit()))
    }
}

impl std::fmt::Debug for AlgorithmSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl std::fmt::Display for Algorithm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_algorithm_is_found_by_its_own_name_and_has_its_own_bit() {
        let mut seen = AlgorithmSet::EMPTY;
        for alg in Algorithm::ALL {
            assert_eq!(Algorithm::from_name(alg.name()), Some(alg));
            assert!(!seen.contains(alg), "{alg} shares a bit");
            seen = seen.iter().chain([alg]).collect();
        }
        assert_eq!(seen.iter().count(), 13);
    }

    #[test]
    fn j04_unknown_and_weak_algorithms_have_no_value() {
        for name in [
            "none",
            "RSA1_5",
            "RS1",
            "ES256K",
            "rs256",
            "RS256 ",
            "",
            "RSA-OAEP",
            "dir",
            "PBES2-HS256+A128KW",
            "HS1",
            "ESP256",
            "ES256\0",
            "Ed448",
            "ed25519",
        ] {
            assert_eq!(Algorithm::from_name(name), None, "{name:?}");
        }
    }

    #[test]
    fn the_asymmetric_set_is_all_but_hmac() {
        let expected: AlgorithmSet = Algorithm::ALL.into_iter().filter(|alg| !alg.is_symmetric()).collect();
        assert_eq!(AlgorithmSet::ASYMMETRIC, expected);
        assert_eq!(AlgorithmSet::RSA.iter().count(), 6);
        assert!(AlgorithmSet::RSA.iter().all(|alg| alg.name().starts_with(['R', 'P'])));
    }
}
