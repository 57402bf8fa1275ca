//! The compact serialisation of a JWS with a JSON payload (RFC 7515 section 7.1, RFC 7519 section 7.2).
//!
//! Reading makes an [`Unverified`]: well formed, and not to be believed. It gives out what is needed to find a key and
//! nothing more. The JSON serialisations (RFC 7515 section 7.2) and encrypted tokens (RFC 7516) are refused.

use memchr::memchr_iter;
use serde_json::{Map, Value};

use super::base64url::{self, Base64Flaw};
use super::claims::numeric_date;
use super::header::{Header, HeaderFlaw};
use super::json::{self, JsonFlaw, JsonLimits};
use crate::time::UnixTime;

/// A token of good form whose signature nobody has checked.
pub struct Unverified {
    pub(super) header: Header,
    pub(super) claims: Map<String, Value>,
    pub(super) signing_input: SigningInput,
    pub(super) signature: Vec<u8>,
}

/// Header and payload as sent, with the dot between: the text that is signed (RFC 7515 section 5.1).
pub(super) struct SigningInput {
    text: String,
    payload_at: usize,
}

/// Bounds for one token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenLimits {
    /// Size of the whole token.
    pub bytes: usize,
    /// Bounds for its header and for its payload.
    pub json: JsonLimits,
}

/// Why a text is not a token we read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenFlaw {
    /// Five parts: an encrypted token, which only the party it is for can read.
    Encrypted,
    /// The header is refused.
    Header(HeaderFlaw),
    /// Not three parts with a dot between.
    Parts,
    /// The payload is not JSON, or not an object.
    Payload(JsonFlaw),
    /// The payload is not base64url.
    PayloadEncoding(Base64Flaw),
    /// The signature is not base64url.
    SignatureEncoding(Base64Flaw),
    /// There is nothing after the second dot.
    SignatureMissing,
    /// Longer than allowed.
    TooLarge,
}

impl Unverified {
    /// Reads a token.
    ///
    /// # Errors
    /// The first flaw, in the order size, parts, header, payload, signature.
    pub fn parse(token: &[u8], limits: &TokenLimits) -> Result<Self, TokenFlaw> {
        Self::read(token, limits, |members| Ok((Header::from_members(members)?, ()))).map(|(token, ())| token)
    }

    /// Reads a proof of possession, whose header brings the public key that it proves (RFC 9449 section 4.2), and that key as
    /// it stands there. Whose key it is, something else has to say.
    ///
    /// # Errors
    /// As [`Unverified::parse`], and without a `jwk`.
    pub fn parse_proof(proof: &[u8], limits: &TokenLimits) -> Result<(Self, Map<String, Value>), TokenFlaw> {
        Self::read(proof, limits, Header::with_key)
    }

    fn read<K>(
        token: &[u8],
        limits: &TokenLimits,
        read_header: impl FnOnce(&Map<String, Value>) -> Result<(Header, K), HeaderFlaw>,
    ) -> Result<(Self, K), TokenFlaw> {
        if token.len() > limits.bytes {
            return Err(TokenFlaw::TooLarge);
        }
        let parts = Parts::split(token)?;

        let (header, key) = base64url::decode(parts.header)
            .map_err(HeaderFlaw::Encoding)
            .and_then(|bytes| json::parse_object(&bytes, &limits.json).map_err(HeaderFlaw::Json))
            .and_then(|members| read_header(&members))
            .map_err(TokenFlaw::Header)?;
        let payload = base64url::decode(parts.payload).map_err(TokenFlaw::PayloadEncoding)?;
        let claims = json::parse_object(&payload, &limits.json).map_err(TokenFlaw::Payload)?;
        let signature = base64url::decode(parts.signature).map_err(TokenFlaw::SignatureEncoding)?;
        if signature.is_empty() {
            return Err(TokenFlaw::SignatureMissing);
        }
        Ok((Self { header, claims, signing_input: parts.signing_input()?, signature }, key))
    }

    /// The header, for finding the key.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The `iss` as the token has it, for finding the provider. A hint: anyone can write it.
    #[must_use]
    pub fn issuer_hint(&self) -> Option<&str> {
        self.claims.get("iss").and_then(Value::as_str)
    }

    /// The claims as they stand there: what is wrong with them is wrong, signed or not, and costs no signature. What is right
    /// with them is believed once they are [`SignedClaims`](super::SignedClaims).
    #[must_use]
    pub fn unsigned_claims(&self) -> &Map<String, Value> {
        &self.claims
    }

    /// Header and payload as they were sent, with the dot between: what a signature is over, and the same for every signature.
    #[must_use]
    pub fn signed_text(&self) -> &str {
        self.signing_input.text()
    }

    /// The `exp` as the token has it, if it can be read. A token that says itself that it is over needs no signature to
    /// be refused; one that says otherwise is not believed.
    #[must_use]
    pub fn expiry_hint(&self) -> Option<UnixTime> {
        self.claims.get("exp").and_then(Value::as_number).and_then(numeric_date)
    }
}

impl Default for TokenLimits {
    /// 8 KiB: Entra's tokens with 200 groups stay below it, and Envoy takes 60 KiB for all headers together.
    fn default() -> Self {
        Self { bytes: 8 * 1024, json: JsonLimits::default() }
    }
}

impl SigningInput {
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn payload(&self) -> &str {
        self.text.get(self.payload_at..).unwrap_or_default()
    }
}

impl TokenFlaw {
    /// A stable code for records and counters.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Encrypted => "token_encrypted",
            Self::Header(flaw) => flaw.reason(),
            Self::Parts => "token_not_three_parts",
            Self::Payload(_) => "payload_not_json",
            Self::PayloadEncoding(_) => "payload_not_base64url",
            Self::SignatureEncoding(_) => "signature_not_base64url",
            Self::SignatureMissing => "signature_missing",
            Self::TooLarge => "token_too_large",
        }
    }
}

impl std::fmt::Display for TokenFlaw {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Encrypted => f.write_str("the token is encrypted"),
            Self::Header(flaw) => write!(f, "{flaw}"),
            Self::Parts => f.write_str("the token does not have three parts"),
            Self::Payload(flaw) => write!(f, "the payload is {flaw}"),
            Self::PayloadEncoding(flaw) => write!(f, "the payload is {flaw}"),
            Self::SignatureEncoding(flaw) => write!(f, "the signature is {flaw}"),
            Self::SignatureMissing => f.write_str("the token has no signature"),
            Self::TooLarge => f.write_str("the token is larger than allowed"),
        }
    }
}

impl std::error::Error for TokenFlaw {}

impl std::fmt::Debug for Unverified {
    /// Leaves out everything but the header: a token is a credential.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Unverified").field("header", &self.header).finish_non_exhaustive()
    }
}

/// Has a text the three parts of a JWS, whatever they are?
#[must_use]
pub fn has_three_parts(token: &[u8]) -> bool {
    memchr_iter(b'.', token).take(3).count() == 2
}

struct Parts<'t> {
    header: &'t [u8],
    payload: &'t [u8],
    signature: &'t [u8],
}

impl<'t> Parts<'t> {
    /// Looks at five dots at most and keeps nothing of what is between them until there are exactly two.
    fn split(token: &'t [u8]) -> Result<Self, TokenFlaw> {
        let part = |from: usize, to: usize| token.get(from..to).unwrap_or_default();
        let mut dots = memchr_iter(b'.', token);
        let (Some(first), Some(second)) = (dots.next(), dots.next()) else { return Err(TokenFlaw::Parts) };
        match dots.take(3).count() {
            0 => Ok(Self {
                header: part(0, first),
                payload: part(first.saturating_add(1), second),
                signature: part(second.saturating_add(1), token.len()),
            }),
            2 => Err(TokenFlaw::Encrypted),
            _ => Err(TokenFlaw::Parts),
        }
    }

    /// Copies what is signed. Both parts have been decoded, so they are ASCII.
    fn signing_input(&self) -> Result<SigningInput, TokenFlaw> {
        let header = std::str::from_utf8(self.header).map_err(|_| TokenFlaw::Parts)?;
        let payload = std::str::from_utf8(self.payload).map_err(|_| TokenFlaw::Parts)?;
        let text = [header, payload].join(".");
        Ok(SigningInput { text, payload_at: header.len().saturating_add(1) })
    }
}

#[cfg(test)]
mod tests;
