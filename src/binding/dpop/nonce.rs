//! Nonces: a proof that has one was made after it was given out (RFC 9449 sections 8 and 9).
//!
//! A nonce is the number of its period and a MAC over it, so nothing is kept, and every worker that has the secret knows every
//! nonce. It is good in its period and in the next.

use std::time::Duration;

use subtle::ConstantTimeEq as _;

use crate::binding::ProofFlaw;
use crate::binding::secret::Secret;
use crate::jose::base64url;
use crate::time::UnixTime;

/// How nonces are made.
#[derive(Clone, Debug)]
pub struct Nonces {
    /// The secret they are made with, where several Envoys have to agree; otherwise the one that workers share.
    pub secret: Option<Secret>,
    /// How long a period is.
    pub rotate: Duration,
}

impl Nonces {
    /// The nonce of now.
    #[must_use]
    pub fn current(&self, shared: &Secret, now: UnixTime) -> Option<String> {
        Some(base64url::encode(&self.of_period(shared, self.period(now))?))
    }

    /// Is `nonce` one of ours, and of now? `Ok(false)` if it still is, and its successor is to be told.
    ///
    /// # Errors
    ///
    /// It is not ours, or not any more.
    pub fn check(&self, nonce: &str, shared: &Secret, now: UnixTime) -> Result<bool, ProofFlaw> {
        let found: [u8; BYTES] =
            base64url::decode_exact(nonce.as_bytes()).ok().flatten().ok_or(ProofFlaw::NonceStale)?;
        let (period, _) = found.split_first_chunk().ok_or(ProofFlaw::NonceStale)?;
        let period = u64::from_be_bytes(*period);
        let made = self.of_period(shared, period).ok_or(ProofFlaw::StoreUnavailable)?;
        let current = self.period(now);
        let is_ours = bool::from(made.as_slice().ct_eq(found.as_slice()));
        // Another Envoy with the same secret may be ahead by a little.
        let is_of_now = current.saturating_sub(1) <= period && period <= current.saturating_add(1);
        if is_ours && is_of_now { Ok(period >= current) } else { Err(ProofFlaw::NonceStale) }
    }

    fn period(&self, now: UnixTime) -> u64 {
        let rotate = u64::try_from(self.rotate.as_millis()).unwrap_or(u64::MAX);
        now.as_millis().checked_div(rotate).unwrap_or(0)
    }

    fn of_period(&self, shared: &Secret, period: u64) -> Option<Vec<u8>> {
        let period = period.to_be_bytes();
        let mac = self.secret.as_ref().unwrap_or(shared).mac("portcullis nonce", &[&period])?;
        let mut nonce = period.to_vec();
        nonce.extend_from_slice(mac.first_chunk::<MAC_BYTES>()?);
        Some(nonce)
    }
}

const MAC_BYTES: usize = 16;
const BYTES: usize = 8 + MAC_BYTES;
