//! Tokens bound to their sender: whoever sends one proves that it is theirs (RFC 8705, RFC 9449, Entra's Signed HTTP Request).

/// A way to prove that a token is one's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// By the client certificate of the connection (RFC 8705).
    Mtls,
    /// By a proof of possession in a header of its own (RFC 9449).
    Dpop,
    /// By a signed request around the token (Entra's Signed HTTP Request).
    SignedRequest,
}

impl Method {
    /// The word in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mtls => "mtls",
            Self::Dpop => "dpop",
            Self::SignedRequest => "signed_request",
        }
    }
}

/// What the sender of a token proved. A bound token that was not proven never gets as far as this.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Binding {
    mtls: bool,
    dpop: bool,
    signed_request: bool,
}

impl Binding {
    /// Was the token proven so?
    #[must_use]
    pub fn has(self, method: Method) -> bool {
        match method {
            Method::Mtls => self.mtls,
            Method::Dpop => self.dpop,
            Method::SignedRequest => self.signed_request,
        }
    }
}

/// Why a token is not believed to be its sender's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BindingFlaw {
    /// It is bound in a way that is not known here (RFC 7800 section 3.1); that is another thing than not bound.
    UnknownConfirmation,
}

impl BindingFlaw {
    /// Stable code for the audit record and the counters.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::UnknownConfirmation => "confirmation_unknown",
        }
    }
}
