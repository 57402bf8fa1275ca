//! Why a token is not believed to be its sender's.

use crate::jose::{KeyFlaw, TokenFlaw};

/// Why a token is not believed to be its sender's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BindingFlaw {
    // What the token says.
    /// `cnf` is not an object, is empty, or has a member that can't be read.
    ConfirmationMalformed,
    /// It is bound in a way that is not known here (RFC 7800 section 3.1); that is another thing than not bound.
    ConfirmationUnknown,
    /// It is bound in a way that is known and not configured.
    ConfirmationNotConfigured,
    /// It is bound in two ways of which each needs a scheme of its own.
    ConfirmationUnprovable,
    /// The token says another thing than the authorization server that was asked about it.
    ConfirmationDisputed,

    // How it was sent.
    /// It is bound to a key, and was sent as if it were not (RFC 9449 section 7.2).
    SentAsBearer,
    /// It was sent as bound to a key, and is not (RFC 9449 section 7.1).
    NotBound,

    // The certificate.
    /// The connection has no client certificate.
    CertificateMissing,
    /// It can't be told which one it has.
    CertificateUnreadable,
    /// The connection has another client certificate.
    CertificateOther,

    /// The proof of possession is not accepted.
    Proof(ProofFlaw),
}

/// Why a proof of possession is not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProofFlaw {
    /// There is none.
    Missing,
    /// There is more than one.
    Repeated,
    /// It is no JWS that we read.
    Malformed(TokenFlaw),
    /// Its `typ` is another.
    Type,
    /// Its algorithm is not accepted.
    Algorithm,
    /// Its key is not a sound public key.
    Key(KeyFlaw),
    /// A claim is not there, or can't be read.
    Claim(&'static str),
    /// It is for another method.
    Method,
    /// It is for another address.
    Target,
    /// It was made too long ago.
    TooOld,
    /// It is from the future.
    TooEarly,
    /// It is for another token.
    OtherToken,
    /// Its key is not the one that the token is bound to.
    OtherKey,
    /// It has no nonce of ours.
    NonceMissing,
    /// Its nonce is not ours, or not any more.
    NonceStale,
    /// Its signature is wrong, or can't be checked.
    Signature,
    /// It was used before, or may have been.
    Replayed,

    // Ours.
    /// There is no room to remember that it was used, and what is not remembered could be used again.
    StoreFull,
    /// Other workers were faster each time that its use was written down.
    StoreBusy,
    /// The host has no shared data, or no random numbers.
    StoreUnavailable,
}

/// What the sender can do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Get another token.
    Token,
    /// Make another proof.
    Proof,
    /// Make another proof with the nonce that is in the answer.
    Nonce,
    /// Nothing; it is ours.
    Ours,
}

impl BindingFlaw {
    /// What the sender can do about it.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::Proof(ProofFlaw::NonceMissing | ProofFlaw::NonceStale) => Fault::Nonce,
            Self::Proof(ProofFlaw::StoreFull | ProofFlaw::StoreBusy | ProofFlaw::StoreUnavailable) => Fault::Ours,
            Self::Proof(_) => Fault::Proof,
            Self::ConfirmationMalformed
            | Self::ConfirmationUnknown
            | Self::ConfirmationNotConfigured
            | Self::ConfirmationUnprovable
            | Self::ConfirmationDisputed
            | Self::SentAsBearer
            | Self::NotBound
            | Self::CertificateMissing
            | Self::CertificateUnreadable
            | Self::CertificateOther => Fault::Token,
        }
    }

    /// Is it what somebody meets who sends what is not theirs? A nonce is asked for in this way (RFC 9449 section 8), a clock may be
    /// wrong, and what is not configured is the operator's.
    #[must_use]
    pub fn is_the_senders(&self) -> bool {
        let is_excused =
            matches!(self, Self::ConfirmationNotConfigured | Self::Proof(ProofFlaw::TooOld | ProofFlaw::TooEarly));
        !is_excused && matches!(self.fault(), Fault::Token | Fault::Proof)
    }

    /// Stable code for the audit record and the counters.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::ConfirmationMalformed => "confirmation_malformed",
            Self::ConfirmationUnknown => "confirmation_unknown",
            Self::ConfirmationNotConfigured => "confirmation_not_configured",
            Self::ConfirmationUnprovable => "confirmation_unprovable",
            Self::ConfirmationDisputed => "confirmation_disputed",
            Self::SentAsBearer => "bound_token_as_bearer",
            Self::NotBound => "token_not_bound",
            Self::CertificateMissing => "binding_certificate_missing",
            Self::CertificateUnreadable => "binding_certificate_unreadable",
            Self::CertificateOther => "binding_certificate_other",
            Self::Proof(flaw) => flaw.reason(),
        }
    }
}

impl ProofFlaw {
    fn reason(&self) -> &'static str {
        match self {
            Self::Missing => "proof_missing",
            Self::Repeated => "proof_repeated",
            Self::Malformed(_) => "proof_malformed",
            Self::Type => "proof_type",
            Self::Algorithm => "proof_algorithm_not_accepted",
            Self::Key(_) => "proof_key",
            Self::Claim(_) => "proof_claim",
            Self::Method => "proof_for_other_method",
            Self::Target => "proof_for_other_address",
            Self::TooOld => "proof_too_old",
            Self::TooEarly => "proof_from_future",
            Self::OtherToken => "proof_for_other_token",
            Self::OtherKey => "proof_by_other_key",
            Self::NonceMissing => "proof_nonce_missing",
            Self::NonceStale => "proof_nonce_stale",
            Self::Signature => "proof_signature_wrong",
            Self::Replayed => "proof_replayed",
            Self::StoreFull => "proof_store_full",
            Self::StoreBusy => "proof_store_busy",
            Self::StoreUnavailable => "proof_store_unavailable",
        }
    }
}

impl From<ProofFlaw> for BindingFlaw {
    fn from(flaw: ProofFlaw) -> Self {
        Self::Proof(flaw)
    }
}
