//! Why signed claims are not good enough.

use std::fmt;

use crate::entra::EntraFlaw;
use crate::provider::IssuerFlaw;

/// A rule of [`accept`](super::accept) that is not met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenRuleFlaw {
    /// `aud` holds none of the accepted values.
    AudienceNotAccepted,
    /// `aud` is neither a string nor a list of strings, or an empty list.
    AudienceMalformed,
    /// No `aud`.
    AudienceMissing,
    /// A rule of Entra's own.
    Entra(EntraFlaw),
    /// `exp` is past.
    Expired,
    /// `exp` is not a NumericDate.
    ExpiryMalformed,
    /// No `exp`.
    ExpiryMissing,
    /// `iss` is not the issuer's.
    Issuer(IssuerFlaw),
    /// `iat` is not a NumericDate.
    IssuedAtMalformed,
    /// No `iat`, though a lifetime or an age is limited.
    IssuedAtMissing,
    /// `iat` is in the future.
    IssuedInFuture,
    /// `exp` less `iat` is over the configured bound.
    LifetimeTooLong,
    /// `nbf` is not a NumericDate.
    NotBeforeMalformed,
    /// `nbf` is in the future.
    NotYetValid,
    /// RFC 9068 section 2.2 requires this claim.
    ProfileClaimMissing(&'static str),
    /// `sub` is not a string, or empty.
    SubjectMalformed,
    /// `jti` is not a string.
    TokenIdMalformed,
    /// `iat` is longer ago than the configured bound.
    TooOld,
    /// `typ` says that it is something else than an access token.
    TypeNotAccepted,
    /// Its claims say that it is something else than an access token: an ID token, a logout token, a DPoP proof.
    NotAnAccessToken(&'static str),
}

impl TokenRuleFlaw {
    /// Stable code for the audit record and the counters.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::AudienceNotAccepted => "audience_not_accepted",
            Self::AudienceMalformed => "audience_malformed",
            Self::AudienceMissing => "audience_missing",
            Self::Entra(flaw) => flaw.reason(),
            Self::Expired => "token_expired",
            Self::ExpiryMalformed => "expiry_malformed",
            Self::ExpiryMissing => "expiry_missing",
            Self::Issuer(flaw) => flaw.reason(),
            Self::IssuedAtMalformed => "issued_at_malformed",
            Self::IssuedAtMissing => "issued_at_missing",
            Self::IssuedInFuture => "issued_in_future",
            Self::LifetimeTooLong => "lifetime_too_long",
            Self::NotBeforeMalformed => "not_before_malformed",
            Self::NotYetValid => "token_not_yet_valid",
            Self::ProfileClaimMissing(_) => "profile_claim_missing",
            Self::SubjectMalformed => "subject_malformed",
            Self::TokenIdMalformed => "token_id_malformed",
            Self::TooOld => "token_too_old",
            Self::TypeNotAccepted => "token_type_not_accepted",
            Self::NotAnAccessToken(kind) => kind,
        }
    }
}

impl fmt::Display for TokenRuleFlaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Entra(flaw) => flaw.fmt(f),
            Self::Issuer(flaw) => flaw.fmt(f),
            Self::ProfileClaimMissing(claim) => write!(f, "RFC 9068 requires the claim `{claim}`"),
            other => f.write_str(&other.reason().replace('_', " ")),
        }
    }
}
