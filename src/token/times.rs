//! When a token is believed (RFC 7519 sections 4.1.4 to 4.1.6).

use std::time::Duration;

use super::{TokenRuleFlaw, TokenRules};
use crate::jose::{Claim, Claims};
use crate::time::UnixTime;

/// The times of one token, and how they are read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    expires: UnixTime,
    not_before: Option<UnixTime>,
    issued: Option<UnixTime>,
    skew: Duration,
    max_age: Option<Duration>,
}

impl Times {
    /// Reads them. `unstated` is when a token expires that does not say so; without it every token has to say so.
    pub(super) fn read(
        claims: Claims<'_>,
        rules: &TokenRules,
        unstated: Option<UnixTime>,
    ) -> Result<Self, TokenRuleFlaw> {
        // How long a token lives that does not say so is not known, so a bound on it is not met.
        let unstated = unstated.filter(|_| rules.max_lifetime.is_none());
        let expires = match (claims.numeric_date("exp"), unstated) {
            (Claim::Value(expires), _) | (Claim::Absent, Some(expires)) => expires,
            (Claim::Absent, None) => return Err(TokenRuleFlaw::ExpiryMissing),
            (Claim::Malformed, _) => return Err(TokenRuleFlaw::ExpiryMalformed),
        };
        let not_before = optional(claims.numeric_date("nbf"), TokenRuleFlaw::NotBeforeMalformed)?;
        let issued = optional(claims.numeric_date("iat"), TokenRuleFlaw::IssuedAtMalformed)?;
        match (rules.max_lifetime, rules.max_age, issued) {
            (None, None, None) => {}
            (_, _, None) => return Err(TokenRuleFlaw::IssuedAtMissing),
            (Some(longest), _, Some(issued)) if expires.since(issued) > longest => {
                return Err(TokenRuleFlaw::LifetimeTooLong);
            }
            _ => {}
        }
        Ok(Self { expires, not_before, issued, skew: rules.clock_skew, max_age: rules.max_age })
    }

    /// When it stops being believed, clock difference included.
    pub(super) fn end(&self) -> UnixTime {
        self.expires.plus(self.skew)
    }

    /// Is it believed at `now`.
    pub(super) fn check(&self, now: UnixTime) -> Result<(), TokenRuleFlaw> {
        if now >= self.end() {
            return Err(TokenRuleFlaw::Expired);
        }
        if self.not_before.is_some_and(|not_before| now.plus(self.skew) < not_before) {
            return Err(TokenRuleFlaw::NotYetValid);
        }
        if let Some(issued) = self.issued {
            if now.plus(self.skew) < issued {
                return Err(TokenRuleFlaw::IssuedInFuture);
            }
            if self.max_age.is_some_and(|oldest| now.since(issued) > oldest.saturating_add(self.skew)) {
                return Err(TokenRuleFlaw::TooOld);
            }
        }
        Ok(())
    }
}

fn optional(claim: Claim<UnixTime>, malformed: TokenRuleFlaw) -> Result<Option<UnixTime>, TokenRuleFlaw> {
    match claim {
        Claim::Value(value) => Ok(Some(value)),
        Claim::Absent => Ok(None),
        Claim::Malformed => Err(malformed),
    }
}
