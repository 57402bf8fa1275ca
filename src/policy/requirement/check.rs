//! The single checks of a requirement.

use std::rc::Rc;

use crate::access;
use crate::policy::facts::Facts;
use crate::policy::lack::Lack;
use crate::verdict::Verdict;

/// A single check.
#[derive(Clone, Debug)]
pub enum Check {
    /// Any of these scopes. (To be filled in.)
    Scopes(Rc<[String]>),
    /// Something about the circumstances.
    Circumstance(access::Check),
}

impl Check {
    /// Is it so?
    #[must_use]
    pub fn evaluate(&self, facts: &Facts<'_>) -> Verdict<Lack> {
        match self {
            Self::Scopes(scopes) => Verdict::Unmet(Lack::Scope(Rc::clone(scopes))),
            Self::Circumstance(check) => check.evaluate(&facts.circumstances).map(Lack::from),
        }
    }
}
