//! Why an opaque token is not accepted.

use std::fmt;

/// Why an opaque token is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntrospectionFlaw {
    /// The authorization server says that it is not active: expired, revoked, never issued, or not for us to know.
    Inactive,
    /// The answer does not say whether it is active.
    ActiveMissing,
    /// `active` is not a boolean: `"true"`, `1`, `null`.
    ActiveMalformed,
    /// It is a JWT, and its provider takes opaque tokens only.
    JwtNotTaken,
}

impl IntrospectionFlaw {
    /// Stable code for the audit record and the counters.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Inactive => "token_inactive",
            Self::ActiveMissing => "introspection_active_missing",
            Self::ActiveMalformed => "introspection_active_malformed",
            Self::JwtNotTaken => "jwt_not_taken",
        }
    }
}

impl fmt::Display for IntrospectionFlaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Inactive => "the authorization server says that the token is not active",
            Self::ActiveMissing => "the authorization server does not say whether the token is active",
            Self::ActiveMalformed => {
                "the authorization server says whether the token is active, but not with a boolean"
            }
            Self::JwtNotTaken => "the provider takes no JWTs",
        })
    }
}

impl std::error::Error for IntrospectionFlaw {}
