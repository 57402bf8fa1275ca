//! How high a risk is, as far as it is known.

use std::fmt;
use std::time::Duration;

use crate::time::UnixTime;
use crate::verdict::Verdict;

/// A sum of scores, of which some may not be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Score {
    at_least: u8,
    complete: bool,
}

impl Score {
    /// Nothing is known.
    pub const UNKNOWN: Self = Self { at_least: 0, complete: false };

    /// No risk.
    pub(super) const NONE: Self = Self { at_least: 0, complete: true };

    /// With `more` on top; `None` is a part that can't be told.
    #[must_use]
    pub(super) fn plus(self, more: Option<u8>) -> Self {
        Self {
            at_least: self.at_least.saturating_add(more.unwrap_or(0)).min(HIGHEST),
            complete: self.complete && more.is_some(),
        }
    }

    /// What is known of it; it may be higher.
    #[must_use]
    pub fn at_least(self) -> u8 {
        self.at_least
    }

    /// Is it below `limit`? What is known may be enough to say no; only all of it says yes.
    #[must_use]
    pub fn is_below(self, limit: u8) -> Verdict<()> {
        match (self.at_least < limit, self.complete) {
            (false, _) => Verdict::Unmet(()),
            (true, true) => Verdict::Met,
            (true, false) => Verdict::Unknown(()),
        }
    }
}

/// `40`, or `40 or more` while a part of it is not known.
impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.at_least, if self.complete { "" } else { " or more" })
    }
}

/// What is left of a score that was raised at `raised`: half of it after each half-life, and evenly less in between.
pub(super) fn decayed(score: u8, raised: UnixTime, half_life: Duration, now: UnixTime) -> u8 {
    let elapsed = now.since(raised).as_millis();
    let half_life = half_life.as_millis().max(1);
    let halvings = u32::try_from(elapsed.checked_div(half_life).unwrap_or(0)).unwrap_or(u32::MAX);
    let left = u128::from(score.checked_shr(halvings).unwrap_or(0));
    let rest = elapsed.checked_rem(half_life).unwrap_or(0);
    let gone = left.saturating_mul(rest).checked_div(half_life.saturating_mul(2)).unwrap_or(0);
    u8::try_from(left.saturating_sub(gone)).unwrap_or(HIGHEST)
}

/// The highest score.
pub(super) const HIGHEST: u8 = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_may_be_enough_for_a_no_and_never_for_a_yes() {
        assert_eq!(Score::NONE.is_below(1), Verdict::Met);
        assert_eq!(Score::NONE.is_below(0), Verdict::Unmet(()));
        assert_eq!(Score::UNKNOWN.is_below(100), Verdict::Unknown(()));
        let half = Score::NONE.plus(Some(60)).plus(None);
        assert_eq!((half.is_below(60), half.is_below(61)), (Verdict::Unmet(()), Verdict::Unknown(())));
        assert_eq!(half.plus(Some(255)).at_least(), 100);
    }

    #[test]
    fn a_score_halves_with_each_half_life() {
        let raised = UnixTime::from_secs(1000);
        let after = |secs| decayed(80, raised, Duration::from_secs(60), raised.plus(Duration::from_secs(secs)));
        assert_eq!([0, 30, 60, 90, 120, 600].map(after), [80, 60, 40, 30, 20, 0]);
        assert_eq!(after(u64::MAX / 2000), 0);
        assert_eq!(decayed(80, raised, Duration::ZERO, raised), 80);
        assert_eq!(decayed(80, raised, Duration::from_secs(60), UnixTime::default()), 80, "a clock that stepped back");
    }
}
