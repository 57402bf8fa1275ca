//! Nonces: a proof that has one was made after it was given out (RFC 9449 sections 8 and 9).
//!
//! A nonce is the number of its period and a MAC over it, so nothing is kept, and every worker that has the secret knows every
//! nonce. It is good in its period and in the next.
//!
//! So a nonce says by our own clock between which moments a proof was made, which may stand for what the proof says by a clock
//! that may be wrong (RFC 9449 section 4.3, check 11).

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

/// A nonce of ours, and of now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Good {
    /// Its successor is to be told.
    pub renew: bool,
    /// When its period began.
    pub since: UnixTime,
}

impl Nonces {
    /// How long a nonce is good.
    #[must_use]
    pub fn life(&self) -> Duration {
        self.rotate.saturating_mul(2)
    }

    /// The nonce of now.
    #[must_use]
    pub fn current(&self, shared: &Secret, now: UnixTime) -> Option<String> {
        Some(base64url::encode(&self.of_period(shared, self.period(now))?))
    }

    /// Is `nonce` one of ours, and of now?
    ///
    /// # Errors
    ///
    /// It is not ours, or not any more.
    pub fn check(&self, nonce: &str, shared: &Secret, now: UnixTime) -> Result<Good, ProofFlaw> {
        let found: [u8; BYTES] =
            base64url::decode_exact(nonce.as_bytes()).ok().flatten().ok_or(ProofFlaw::NonceStale)?;
        let (period, _) = found.split_first_chunk().ok_or(ProofFlaw::NonceStale)?;
        let period = u64::from_be_bytes(*period);
        let made = self.of_period(shared, period).ok_or(ProofFlaw::StoreUnavailable)?;
        let current = self.period(now);
        let is_ours = bool::from(made.as_slice().ct_eq(found.as_slice()));
        // Another Envoy with the same secret may be ahead by a little.
        let is_of_now = current.saturating_sub(1) <= period && period <= current.saturating_add(1);
        if !is_ours || !is_of_now {
            return Err(ProofFlaw::NonceStale);
        }
        let since = UnixTime::from_millis(period.saturating_mul(self.rotate_millis()));
        Ok(Good { renew: period < current, since })
    }

    fn period(&self, now: UnixTime) -> u64 {
        now.as_millis().checked_div(self.rotate_millis()).unwrap_or(0)
    }

    fn rotate_millis(&self) -> u64 {
        u64::try_from(self.rotate.as_millis()).unwrap_or(u64::MAX)
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
