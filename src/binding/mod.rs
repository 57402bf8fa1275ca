//! Tokens bound to their sender: whoever sends one proves that it is theirs.
//!
//! A token says in `cnf` how it is bound (RFC 7800). What it says is proven, or the request stops: a bound token that is sent
//! like any other has been stolen, or its sender does not know what it is. A way of binding that is not known, or not
//! configured, is not the same as none.
//!
//! - [`confirmation`]: what `cnf` says
//! - [`dpop`]: a proof in a header of its own (RFC 9449)
//! - [`signed_request`]: a signed request around the token (Entra's Signed HTTP Request)
//! - [`certificate`]: the certificate of the connection (RFC 8705)
//! - [`replay`]: proofs that were used, known to all workers
//! - [`secret`]: what workers draw together, for nonces and for the places of proofs
//!
//! The order in which a request meets these is in `exchange/authenticate/binding.rs`.

pub mod certificate;
pub mod confirmation;
pub mod dpop;
mod flaw;
pub mod replay;
pub mod secret;
pub mod signed_request;
#[cfg(test)]
mod tests;

pub use confirmation::Confirmation;
pub use dpop::Dpop;
pub use flaw::{BindingFlaw, Fault, ProofFlaw};
pub use secret::{Entropy, Secrets};
pub use signed_request::SignedRequests;

/// How tokens may be bound to their senders, as configured. A way that is not configured is refused.
#[derive(Clone, Debug, Default)]
pub struct Bindings {
    /// By proofs of possession.
    pub dpop: Option<Dpop>,
    /// By signed requests.
    pub signed_request: Option<SignedRequests>,
    /// By certificates.
    pub mtls: bool,
}

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
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Mtls, Self::Dpop, Self::SignedRequest];

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

    /// The ways in which it was proven.
    pub fn methods(self) -> impl Iterator<Item = Method> {
        Method::ALL.into_iter().filter(move |method| self.has(*method))
    }

    /// It was proven so, too.
    pub(crate) fn prove(&mut self, method: Method) {
        match method {
            Method::Mtls => self.mtls = true,
            Method::Dpop => self.dpop = true,
            Method::SignedRequest => self.signed_request = true,
        }
    }
}
