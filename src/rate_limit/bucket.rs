//! Token buckets, as one number: the moment at which the bucket is full again (GCRA, ITU-T I.371: the theoretical arrival time).

use std::time::Duration;

use super::limit::Rate;
use super::room::Room;
use crate::time::UnixTime;

/// When the bucket is full, in nanoseconds since 1970; what is past is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Bucket(pub(super) u64);

impl Bucket {
    /// After a step back of the clock no bucket is emptier than it can get: nobody is locked for longer than it takes to fill one,
    /// where only `percent` of the limit is left.
    pub(super) fn step_back(self, rate: Rate, percent: u8, now: UnixTime) -> Self {
        Self(self.0.min(nanos(now).saturating_add(rate.token(percent).saturating_mul(rate.burst.into()))))
    }

    /// Takes `weight` tokens, each dearer when only `percent` of the limit is left. A full bucket always gives them, or a limit that
    /// is small and tightened would let nothing on: what they cost more than it holds is owed, and the next ones wait for it.
    ///
    /// # Errors
    ///
    /// There are not so many; when there will be.
    pub(super) fn take(self, rate: Rate, weight: u32, percent: u8, now: UnixTime) -> Result<Self, Duration> {
        let now = nanos(now);
        let full_at = self.0.max(now);
        let wait_until_full = full_at.saturating_sub(now);
        let cost = rate.token(percent).checked_mul(weight.into());
        let after = cost.and_then(|cost| full_at.checked_add(cost));
        let (Some(after), Some(brim)) = (after, now.checked_add(rate.span())) else {
            // It takes longer than clocks go.
            return Err(Duration::from_nanos(wait_until_full).max(NEVER));
        };
        if after <= brim || wait_until_full == 0 {
            return Ok(Self(after));
        }
        Err(Duration::from_nanos(after.saturating_sub(brim).min(wait_until_full)))
    }

    /// Puts back what was taken. What has filled since it was taken is there twice, which is what fills in the time of a lost race.
    pub(super) fn give_back(self, rate: Rate, weight: u32, percent: u8) -> Self {
        Self(self.0.saturating_sub(rate.token(percent).saturating_mul(weight.into())))
    }

    /// What is left in it.
    pub(super) fn room(self, rate: Rate, percent: u8, now: UnixTime) -> Room {
        let span = rate.span();
        let full_in = self.0.saturating_sub(nanos(now));
        let left = span.saturating_sub(full_in).checked_div(rate.token(percent)).unwrap_or(0);
        Room {
            // What the bucket holds, in the time that it takes to fill: never less than is left.
            of: rate.burst,
            per: Duration::from_nanos(span),
            left: u32::try_from(left).unwrap_or(u32::MAX).min(rate.burst),
            resets_in: Duration::from_nanos(full_in),
        }
    }

    /// How much of it is used, of 255, and when it is worth nothing.
    pub(super) fn weight(self, rate: Rate, now: UnixTime) -> (u8, UnixTime) {
        let now = nanos(now);
        let full_at = self.0.max(now);
        (share(full_at.saturating_sub(now), rate.span()), UnixTime::from_millis((full_at / NANOS).saturating_add(1)))
    }
}

impl Rate {
    /// How long it takes until there is a token more, when only `percent` of the limit is left.
    fn token(self, percent: u8) -> u64 {
        let tokens = u64::from(self.requests).saturating_mul(percent.into());
        self.nanos().saturating_mul(100).checked_div(tokens).unwrap_or(u64::MAX).max(1)
    }

    /// What it is counted over: of two buckets that fill in the same time the same part is used.
    pub(super) fn base(self) -> u32 {
        let span = self.span();
        u32::try_from((span ^ (span >> 32)) & u64::from(u32::MAX)).unwrap_or(0)
    }

    /// How long an empty bucket takes to fill.
    fn span(self) -> u64 {
        self.token(100).saturating_mul(self.burst.into())
    }

    /// Without the 128 bits of the standard library.
    fn nanos(self) -> u64 {
        self.per.as_secs().saturating_mul(1_000_000_000).saturating_add(self.per.subsec_nanos().into())
    }
}

/// `part` of `whole` as a part of 255.
pub(super) fn share(part: u64, whole: u64) -> u8 {
    let share = match part.checked_mul(255) {
        Some(parts) => parts.checked_div(whole).unwrap_or(255),
        None => part.checked_div(whole / 255).unwrap_or(255),
    };
    u8::try_from(share).unwrap_or(u8::MAX)
}

fn nanos(now: UnixTime) -> u64 {
    now.as_millis().saturating_mul(NANOS)
}

/// In a millisecond.
const NANOS: u64 = 1_000_000;

/// When it is worth to come again to a bucket that never fills. None is configured.
const NEVER: Duration = Duration::from_secs(24 * 60 * 60);
