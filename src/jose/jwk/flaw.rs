//! Why a key was refused.

use std::fmt;

/// Why a key was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyFlaw {
    /// Its `alg` is one that its kind or curve cannot do.
    AlgorithmMismatch,
    /// The set has another key of this `kid` for the same algorithm.
    Ambiguous,
    /// A certificate where a public key should be.
    Certificate,
    /// An Ed25519 point that is not in its one canonical form.
    CoordinateNotCanonical,
    /// A coordinate that is longer or shorter than the curve's (RFC 7518 section 6.2.1.2).
    CoordinateLength,
    /// The RSA exponent is even, below 3 or above 32 bits.
    Exponent,
    /// Its `kid` is longer than 256 bytes.
    KidTooLong,
    /// A member that is not there.
    MemberMissing(&'static str),
    /// A member of the wrong type or encoding.
    MemberMalformed(&'static str),
    /// The RSA modulus is even.
    ModulusEven,
    /// The RSA modulus has more than 4096 bits.
    ModulusTooLarge,
    /// The RSA modulus has fewer than 2048 bits.
    ModulusTooSmall,
    /// The RSA modulus has the pattern of a faulty generator (CVE-2017-15361).
    ModulusWeak,
    /// An entry of the set that is not an object.
    NotAnObject,
    /// `use` is not `sig`.
    NotForSignatures,
    /// `key_ops` does not say `verify`.
    NotForVerification,
    /// Not a point of its curve.
    NotOnCurve,
    /// Not a PEM text of a public key.
    Pem,
    /// Members of a private key: whoever wrote it has lost it, or this is the wrong file.
    PrivateKey,
    /// A shared secret in a set that was fetched.
    SecretFromRemote,
    /// A shared secret shorter than the hash of its algorithm.
    SecretTooShort,
    /// An Ed25519 point with which a signature can be made to fit many messages.
    SmallOrder,
    /// Its `alg` is not a supported algorithm.
    UnsupportedAlgorithm,
    /// Its `crv` is not a supported curve.
    UnsupportedCurve,
    /// Its `kty` is not supported.
    UnsupportedType,
}

impl KeyFlaw {
    /// A stable code for records and counters.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::AlgorithmMismatch => "key_alg_mismatch",
            Self::Ambiguous => "key_ambiguous",
            Self::Certificate => "key_certificate",
            Self::CoordinateNotCanonical => "key_coordinate_not_canonical",
            Self::CoordinateLength => "key_coordinate_length",
            Self::Exponent => "key_rsa_exponent",
            Self::KidTooLong => "key_kid_too_long",
            Self::MemberMissing(_) => "key_member_missing",
            Self::MemberMalformed(_) => "key_member_malformed",
            Self::ModulusEven => "key_rsa_modulus_even",
            Self::ModulusTooLarge => "key_rsa_too_large",
            Self::ModulusTooSmall => "key_rsa_too_small",
            Self::ModulusWeak => "key_rsa_weak",
            Self::NotAnObject => "key_not_an_object",
            Self::NotForSignatures => "key_use",
            Self::NotForVerification => "key_ops",
            Self::NotOnCurve => "key_not_on_curve",
            Self::Pem => "key_pem",
            Self::PrivateKey => "key_private",
            Self::SecretFromRemote => "key_secret_from_remote",
            Self::SecretTooShort => "key_secret_too_short",
            Self::SmallOrder => "key_small_order",
            Self::UnsupportedAlgorithm => "key_alg_unsupported",
            Self::UnsupportedCurve => "key_crv_unsupported",
            Self::UnsupportedType => "key_kty_unsupported",
        }
    }
}

impl fmt::Display for KeyFlaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlgorithmMismatch => f.write_str("the key cannot be used with its `alg`"),
            Self::Ambiguous => f.write_str("two keys have this `kid` and the same algorithm"),
            Self::Certificate => f.write_str("a certificate; take the public key out of it"),
            Self::CoordinateNotCanonical => f.write_str("`x` is not the canonical form of its point"),
            Self::CoordinateLength => f.write_str("a coordinate does not have the length of its curve"),
            Self::Exponent => f.write_str("the RSA exponent is even, below 3 or above 32 bits"),
            Self::KidTooLong => f.write_str("`kid` is longer than 256 bytes"),
            Self::MemberMissing(name) => write!(f, "`{name}` is missing"),
            Self::MemberMalformed(name) => write!(f, "`{name}` has the wrong type or encoding"),
            Self::ModulusEven => f.write_str("the RSA modulus is even"),
            Self::ModulusTooLarge => f.write_str("the RSA modulus has more than 4096 bits"),
            Self::ModulusTooSmall => f.write_str("the RSA modulus has fewer than 2048 bits"),
            Self::ModulusWeak => f.write_str("the RSA key comes from a generator with a known fault (ROCA)"),
            Self::NotAnObject => f.write_str("not a JSON object"),
            Self::NotForSignatures => f.write_str("`use` is not `sig`"),
            Self::NotForVerification => f.write_str("`key_ops` does not have `verify`"),
            Self::NotOnCurve => f.write_str("not a point of its curve"),
            Self::Pem => f.write_str("not one PEM text of a public key"),
            Self::PrivateKey => f.write_str("a private key where a public key should be"),
            Self::SecretFromRemote => f.write_str("a shared secret in a fetched key set"),
            Self::SecretTooShort => f.write_str("the shared secret is shorter than the hash"),
            Self::SmallOrder => f.write_str("a point of small order"),
            Self::UnsupportedAlgorithm => f.write_str("`alg` is not a supported algorithm"),
            Self::UnsupportedCurve => f.write_str("`crv` is not a supported curve"),
            Self::UnsupportedType => f.write_str("`kty` is not supported"),
        }
    }
}

impl std::error::Error for KeyFlaw {}
