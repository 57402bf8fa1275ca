//! Opaque tokens: what they say is asked of the authorization server that issued them (RFC 7662).

/// Why an opaque token is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntrospectionFlaw {
    /// The authorization server says that it is not active.
    Inactive,
}

impl IntrospectionFlaw {
    /// Stable code for the audit record and the counters.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Inactive => "token_inactive",
        }
    }
}
