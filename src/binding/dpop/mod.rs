//! Demonstrating Proof of Possession (RFC 9449): what a proof must be for this request, this token and this moment.
//!
//! What costs little comes first; a signature is looked at when everything else is right (section 4.3 leaves the order open).
//!
//! - [`target`]: the address that a proof is for
//! - [`nonce`]: proof that a proof is no older than that

pub mod nonce;
pub mod target;

use std::rc::Rc;
use std::time::Duration;

use serde_json::{Map, Value};

use super::ProofFlaw;
use super::replay::{Replays, Use};
use super::secret::Secret;
use crate::http::RequestHead;
use crate::jose::{
    AlgorithmSet, JsonLimits, KeyOrigin, NativeVerifier, SignaturePolicy, TokenLimits, Unverified, VerificationKey,
    base64url, numeric_date,
};
use crate::time::UnixTime;
pub use nonce::{Good, Nonces};
use sha2::{Digest as _, Sha256};
pub use target::Origins;

/// What is asked of proofs.
#[derive(Clone, Debug)]
pub struct Dpop {
    /// Their algorithms; none is symmetric.
    pub algorithms: AlgorithmSet,
    /// How old one may be.
    pub max_age: Duration,
    /// How far its clock may be ahead.
    pub clock_skew: Duration,
    /// Under what addresses clients know this API.
    pub origins: Origins,
    /// Nonces, if proofs need one.
    pub nonces: Option<Nonces>,
    /// Where the use of proofs is written down.
    pub replays: Replays,
}

/// A proof in which everything is right but, perhaps, its signature.
#[derive(Debug)]
pub struct Proof {
    unverified: Unverified,
    key: Rc<VerificationKey>,
    of: Use,
    renew_nonce: bool,
}

impl Dpop {
    /// Reads the one proof in the header `DPoP` of `head`, for a `token` that is bound to the key with the thumbprint `bound`.
    ///
    /// # Errors
    ///
    /// The first of the checks of RFC 9449 section 4.3 that fails.
    pub fn read(
        &self,
        head: &RequestHead,
        token: &[u8],
        bound: &[u8; 32],
        secret: &Secret,
        now: UnixTime,
    ) -> Result<Proof, ProofFlaw> {
        let proof = head.only(HEADER).map_err(|_| ProofFlaw::Repeated)?.ok_or(ProofFlaw::Missing)?;
        let (unverified, jwk) = Unverified::parse_proof(proof, &LIMITS).map_err(ProofFlaw::Malformed)?;
        let header = unverified.header();
        if !header.typ.as_deref().is_some_and(|typ| typ.eq_ignore_ascii_case(TYPE)) {
            return Err(ProofFlaw::Type);
        }
        if !self.algorithms.contains(header.alg) {
            return Err(ProofFlaw::Algorithm);
        }
        let claims = unverified.unsigned_claims();
        let id = text(claims, "jti")?;
        if id.len() > LONGEST_ID {
            return Err(ProofFlaw::Claim("jti"));
        }
        if text(claims, "htm")? != head.method() {
            return Err(ProofFlaw::Method);
        }
        let address = self.origins.address(text(claims, "htu")?, head).ok_or(ProofFlaw::Target)?;
        let nonce = self.check_nonce(claims, secret, now)?;
        let issued = self.moment(claims, nonce, now)?;
        if text(claims, "ath")? != base64url::encode(&Sha256::digest(token)) {
            return Err(ProofFlaw::OtherToken);
        }
        let key = VerificationKey::from_jwk(&jwk, KeyOrigin::Remote).map_err(ProofFlaw::Key)?;
        if key.thumbprint() != *bound {
            return Err(ProofFlaw::OtherKey);
        }
        let of = Use { parts: [id.as_bytes().to_vec(), bound.to_vec(), address.into_bytes()], issued };
        Ok(Proof { unverified, key: Rc::new(key), of, renew_nonce: nonce.is_some_and(|nonce| nonce.renew) })
    }

    /// When the proof was made: not too long ago, by its own word or, where that bounds it as well, by its nonce's.
    ///
    /// Its use is remembered until it is `max_age` old by what is returned here, so that has to end no earlier than the proof
    /// can be used. The nonce ends that, whatever `iat` says, `life` after `since`; and where it stands for the moment, `life` is
    /// at most `max_age`. So nothing is returned from before `since`. Nor from after the nonce's end: a clock that is a year
    /// ahead takes no room for a year. The same proof has the same moment each time, also when a reload changes which of the two
    /// is believed.
    fn moment(&self, claims: &Map<String, Value>, nonce: Option<Good>, now: UnixTime) -> Result<UnixTime, ProofFlaw> {
        let issued = moment(claims, "iat")?;
        let nonces = self.nonces.as_ref().zip(nonce);
        if nonces.is_none_or(|(nonces, _)| nonces.life() > self.max_age) {
            check_time(issued, self.max_age, self.clock_skew, now)?;
        }
        Ok(nonces.map_or(issued, |(nonces, nonce)| issued.max(nonce.since).min(nonce.since.plus(nonces.life()))))
    }

    /// The nonce, where one is asked for.
    fn check_nonce(
        &self,
        claims: &Map<String, Value>,
        secret: &Secret,
        now: UnixTime,
    ) -> Result<Option<Good>, ProofFlaw> {
        let Some(nonces) = &self.nonces else { return Ok(None) };
        match claims.get("nonce") {
            None => Err(ProofFlaw::NonceMissing),
            Some(Value::String(nonce)) => nonces.check(nonce, secret, now).map(Some),
            Some(_) => Err(ProofFlaw::Claim("nonce")),
        }
    }
}

impl Proof {
    /// Checks the signature: the proof may be used, and has to be [spent](Replays::spend) for it. Besides, whether the client
    /// is to be told a newer nonce.
    ///
    /// # Errors
    ///
    /// It is wrong, or can't be checked.
    pub fn verify(self, native: &mut dyn NativeVerifier, policy: SignaturePolicy) -> Result<(Use, bool), ProofFlaw> {
        let Self { unverified, key, of, renew_nonce } = self;
        unverified.verify(&key, native, policy).map_err(|_| ProofFlaw::Signature)?;
        Ok((of, renew_nonce))
    }
}

/// Not older than `max_age`, and ahead by no more than `clock_skew`.
pub(super) fn check_time(
    issued: UnixTime,
    max_age: Duration,
    clock_skew: Duration,
    now: UnixTime,
) -> Result<(), ProofFlaw> {
    if now.since(issued) > max_age {
        return Err(ProofFlaw::TooOld);
    }
    if issued > now.plus(clock_skew) {
        return Err(ProofFlaw::TooEarly);
    }
    Ok(())
}

/// A claim that is a text, and not empty.
pub(super) fn text<'c>(claims: &'c Map<String, Value>, name: &'static str) -> Result<&'c str, ProofFlaw> {
    claims.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).ok_or(ProofFlaw::Claim(name))
}

/// A claim that is a NumericDate.
pub(super) fn moment(claims: &Map<String, Value>, name: &'static str) -> Result<UnixTime, ProofFlaw> {
    claims.get(name).and_then(Value::as_number).and_then(numeric_date).ok_or(ProofFlaw::Claim(name))
}

/// The header of a proof.
pub const HEADER: &str = "dpop";

/// RFC 9449 section 4.2; media types are compared without case, and `application/` is left out (RFC 7515 section 4.1.9).
const TYPE: &str = "dpop+jwt";

/// A proof with a 4096-bit RSA key has about 2 KiB, and the address may be long; one with an EC key has 500 bytes.
const LIMITS: TokenLimits = TokenLimits { bytes: 8 << 10, json: JsonLimits { depth: 4, members: 64 } };

/// A `jti` of 96 bits or more has to be unique (RFC 9449 section 4.2); UUIDs have 36 letters.
const LONGEST_ID: usize = 256;

#[cfg(test)]
mod tests;
