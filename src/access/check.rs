//! One circumstance that a requirement asks for.

use std::rc::Rc;

use super::Circumstances;
use crate::verdict::Verdict;

/// One circumstance that a requirement asks for.
#[derive(Clone, Debug)]
pub enum Check {
    /// From one of these networks, by name. (To be filled in.)
    Networks(Rc<[String]>),
}

/// A circumstance that is not as asked for, or not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lack {
    /// The client's address is in none of the networks.
    Network,
    /// The client's address is not known.
    AddressUnknown,
}

impl Lack {
    /// Stable code for the audit record and the counters.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Network => "network_not_allowed",
            Self::AddressUnknown => "address_unknown",
        }
    }
}

impl Check {
    /// Is it so?
    #[must_use]
    pub fn evaluate(&self, circumstances: &Circumstances<'_>) -> Verdict<Lack> {
        match self {
            Self::Networks(_) => match circumstances.connection.address() {
                None => Verdict::Unknown(Lack::AddressUnknown),
                Some(_) => Verdict::Unmet(Lack::Network),
            },
        }
    }
}
