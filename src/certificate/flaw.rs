//! Why a client certificate is not accepted.

use super::presented::PresentedFlaw;

/// Why a client certificate is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateFlaw {
    /// There is none.
    Absent,
    /// It can't be told which it is.
    Presented(PresentedFlaw),
    /// Nobody checked who issued it.
    NotValidated,
    /// It is none of those that are accepted.
    NotAccepted,
    /// The host hands over some of its names only, and those are not accepted.
    NamesUnknown,
    /// The host does not hand it over, so it can't be told when it holds.
    ValidityUnknown,
    /// It does not hold yet.
    NotYetValid,
    /// It holds no longer.
    Expired,
    /// Its issuer has taken it back.
    Revoked,
    /// It can't be told whether its issuer has taken it back: no list of that issuer is there, or it is too old.
    RevocationUnknown,
    /// It has not exactly one of the names that its holder would be called by.
    NamesNobody,
}

impl CertificateFlaw {
    /// Stable code for the audit record and the counters.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Absent => "certificate_missing",
            Self::Presented(flaw) => flaw.reason(),
            Self::NotValidated => "certificate_not_validated",
            Self::NotAccepted => "certificate_not_accepted",
            Self::NamesUnknown => "certificate_names_unknown",
            Self::ValidityUnknown => "certificate_validity_unknown",
            Self::NotYetValid => "certificate_not_yet_valid",
            Self::Expired => "certificate_expired",
            Self::Revoked => "certificate_revoked",
            Self::RevocationUnknown => "certificate_revocation_unknown",
            Self::NamesNobody => "certificate_names_nobody",
        }
    }

    /// Of two reasons, where either certificate would have done: the one of what came further.
    #[must_use]
    pub fn or_further(self, other: Self) -> Self {
        if other.rank() > self.rank() { other } else { self }
    }

    /// It is certain that another certificate was asked for. Anything else can't be told: who is asked not to have a certificate
    /// does not get by with one that has expired, nor with none.
    #[must_use]
    pub fn is_certain(&self) -> bool {
        *self == Self::NotAccepted
    }

    fn rank(self) -> u8 {
        match self {
            Self::NotAccepted => 0,
            Self::NamesUnknown => 1,
            Self::NotValidated => 2,
            _ => 3,
        }
    }
}
