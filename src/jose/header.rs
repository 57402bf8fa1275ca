//! The JOSE header of a token (RFC 7515 section 4), read as if its writer wants to choose how we verify.
//!
//! Refused because the header may not bring its own key or rules: `jwk`, `jku`, `x5c`, `x5u`, any `crit` (RFC 8725
//! section 3.10, RFC 7515 section 4.1.11: no extension is understood here), `b64` (RFC 7797), `zip` and every algorithm
//! that is not in [`Algorithm`], `none` first of all. Certificate thumbprints (`x5t`, `x5t#S256`) are ignored: Entra's v1
//! tokens carry one. Members not named here are ignored, as RFC 7515 section 4 requires.

use serde_json::{Map, Value};

use super::algorithm::Algorithm;
use super::base64url::Base64Flaw;
use super::json::JsonFlaw;

/// What a header says, before any of it is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Header {
    /// The algorithm it claims; the key has to agree.
    pub alg: Algorithm,
    /// Which key of the issuer; a lookup key and nothing else, at most 256 bytes.
    pub kid: Option<String>,
    /// The media type, as written.
    pub typ: Option<String>,
    /// Whether there is a `nonce`. Microsoft Graph's tokens have one, and only Graph can verify them: what is signed is
    /// not what is sent.
    pub has_nonce: bool,
}

/// Why a header was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderFlaw {
    /// No `alg`.
    AlgorithmMissing,
    /// `alg` is not a string.
    AlgorithmNotText,
    /// An algorithm that is not supported.
    AlgorithmUnknown,
    /// The payload is said to be compressed (`zip`).
    Compressed,
    /// There is a `crit`, well formed or not.
    Critical,
    /// A key or an address of one (`jwk`, `jku`, `x5c`, `x5u`).
    EmbeddedKey,
    /// Not base64url.
    Encoding(Base64Flaw),
    /// Not a JSON object.
    Json(JsonFlaw),
    /// A proof of possession without a key in `jwk`.
    KeyMissing,
    /// `kid` is not a string.
    KidNotText,
    /// `kid` is longer than 256 bytes.
    KidTooLong,
    /// A registered member, other than `alg`, `kid` and `typ`, that should be a string and is not.
    MemberNotText,
    /// `typ` is not a string.
    TypNotText,
    /// There is a `b64`, true or false.
    UnencodedPayload,
    /// `alg` is `none`, in any case.
    Unsigned,
}

impl Header {
    /// Reads the members of a header.
    ///
    /// # Errors
    /// What should not be there comes before what is missing.
    pub fn from_members(members: &Map<String, Value>) -> Result<Self, HeaderFlaw> {
        if members.contains_key(JWK) {
            return Err(HeaderFlaw::EmbeddedKey);
        }
        Self::read(members)
    }

    /// Reads the members of the header of a proof of possession, which brings the public key that it proves: header and `jwk`
    /// (RFC 9449 section 4.2).
    ///
    /// # Errors
    /// The same, and [`HeaderFlaw::KeyMissing`] without an object in `jwk`.
    pub(super) fn with_key(members: &Map<String, Value>) -> Result<(Self, Map<String, Value>), HeaderFlaw> {
        let header = Self::read(members)?;
        match members.get(JWK) {
            Some(Value::Object(jwk)) => Ok((header, jwk.clone())),
            _ => Err(HeaderFlaw::KeyMissing),
        }
    }

    fn read(members: &Map<String, Value>) -> Result<Self, HeaderFlaw> {
        for (name, flaw) in REFUSED {
            if members.contains_key(name) {
                return Err(flaw);
            }
        }
        let alg = match members.get("alg") {
            Some(Value::String(name)) if name.eq_ignore_ascii_case("none") => Err(HeaderFlaw::Unsigned),
            Some(Value::String(name)) => Algorithm::from_name(name).ok_or(HeaderFlaw::AlgorithmUnknown),
            Some(_) => Err(HeaderFlaw::AlgorithmNotText),
            None => Err(HeaderFlaw::AlgorithmMissing),
        }?;
        let kid = text(members, "kid", HeaderFlaw::KidNotText)?;
        if kid.is_some_and(|kid| kid.len() > KID_BYTES) {
            return Err(HeaderFlaw::KidTooLong);
        }
        let typ = text(members, "typ", HeaderFlaw::TypNotText)?;
        for name in IGNORED_TEXTS {
            text(members, name, HeaderFlaw::MemberNotText)?;
        }
        Ok(Self {
            alg,
            kid: kid.map(str::to_owned),
            typ: typ.map(str::to_owned),
            has_nonce: members.contains_key("nonce"),
        })
    }
}

impl HeaderFlaw {
    /// A stable code for records and counters.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::AlgorithmMissing => "header_alg_missing",
            Self::AlgorithmNotText => "header_alg_not_a_string",
            Self::AlgorithmUnknown => "header_alg_unknown",
            Self::Compressed => "header_zip",
            Self::Critical => "header_crit",
            Self::EmbeddedKey => "header_embedded_key",
            Self::Encoding(_) => "header_not_base64url",
            Self::Json(_) => "header_not_json",
            Self::KeyMissing => "header_jwk_missing",
            Self::KidNotText => "header_kid_not_a_string",
            Self::KidTooLong => "header_kid_too_long",
            Self::MemberNotText => "header_member_not_a_string",
            Self::TypNotText => "header_typ_not_a_string",
            Self::UnencodedPayload => "header_b64",
            Self::Unsigned => "header_alg_none",
        }
    }
}

impl std::fmt::Display for HeaderFlaw {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AlgorithmMissing => f.write_str("the header has no `alg`"),
            Self::AlgorithmNotText => f.write_str("the header's `alg` is not a string"),
            Self::AlgorithmUnknown => f.write_str("the header's `alg` is not a supported algorithm"),
            Self::Compressed => f.write_str("the header has a `zip`"),
            Self::Critical => f.write_str("the header has a `crit`"),
            Self::EmbeddedKey => f.write_str("the header brings its own key"),
            Self::Encoding(flaw) => write!(f, "the header is {flaw}"),
            Self::Json(flaw) => write!(f, "the header is {flaw}"),
            Self::KeyMissing => f.write_str("the header has no key in `jwk`"),
            Self::KidNotText => f.write_str("the header's `kid` is not a string"),
            Self::KidTooLong => write!(f, "the header's `kid` is longer than {KID_BYTES} bytes"),
            Self::MemberNotText => f.write_str("a registered member of the header is not a string"),
            Self::TypNotText => f.write_str("the header's `typ` is not a string"),
            Self::UnencodedPayload => f.write_str("the header has a `b64`"),
            Self::Unsigned => f.write_str("the header's `alg` is `none`"),
        }
    }
}

impl std::error::Error for HeaderFlaw {}

fn text<'m>(members: &'m Map<String, Value>, name: &str, not_text: HeaderFlaw) -> Result<Option<&'m str>, HeaderFlaw> {
    match members.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(not_text),
    }
}

/// Entra's are 27 bytes, RFC 7638 thumbprints 43, ARNs of cloud key stores about 80.
pub(super) const KID_BYTES: usize = 256;

const JWK: &str = "jwk";

const REFUSED: [(&str, HeaderFlaw); 6] = [
    ("crit", HeaderFlaw::Critical),
    ("b64", HeaderFlaw::UnencodedPayload),
    ("zip", HeaderFlaw::Compressed),
    ("jku", HeaderFlaw::EmbeddedKey),
    ("x5c", HeaderFlaw::EmbeddedKey),
    ("x5u", HeaderFlaw::EmbeddedKey),
];

const IGNORED_TEXTS: [&str; 3] = ["cty", "x5t", "x5t#S256"];

#[cfg(test)]
mod tests;
