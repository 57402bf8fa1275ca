//! What a caller lacks for a rule, in the words of the record and the answer.

use std::rc::Rc;

use crate::access;

/// What is lacking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lack {
    /// There is nobody: the check is about a token and there is none.
    NoToken,
    /// One of these scopes.
    Scope(Rc<[String]>),
    /// What is excluded is so.
    Excluded,
    /// An alternative: there is none that could be met.
    Never,
    /// A circumstance.
    Circumstance(access::Lack),
}

impl Lack {
    /// Stable code for the audit record and the counters.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NoToken => "credential_missing",
            Self::Scope(_) => "scope_missing",
            Self::Excluded => "excluded",
            Self::Never => "never_met",
            Self::Circumstance(lack) => lack.reason(),
        }
    }
}

impl From<access::Lack> for Lack {
    fn from(lack: access::Lack) -> Self {
        match lack {
            access::Lack::NoToken => Self::NoToken,
            lack => Self::Circumstance(lack),
        }
    }
}
