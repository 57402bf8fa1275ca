//! What a rule asks of a caller, as a tree: all of, any of, not; and single checks.
//!
//! What can't be told is neither yes nor no ([`Verdict::Unknown`]), in `not` too: an issuer that leaves a claim out or
//! writes it in the wrong type never opens a door by it.

mod check;

pub use check::Check;

use super::facts::Facts;
use super::lack::Lack;
use crate::verdict::Verdict;

/// What is asked for.
#[derive(Clone, Debug)]
pub enum Requirement {
    /// Every one of these.
    AllOf(Vec<Self>),
    /// At least one of these.
    AnyOf(Vec<Self>),
    /// This is not so.
    Not(Box<Self>),
    /// A single check.
    Check(Check),
}

impl Requirement {
    /// Is it so? Stops at the first answer that settles it.
    #[must_use]
    pub fn evaluate(&self, facts: &Facts<'_>) -> Verdict<Lack> {
        match self {
            Self::AllOf(parts) => {
                let verdicts = parts.iter().map(|part| part.evaluate(facts));
                verdicts.into_iter().find(|verdict| !verdict.is_met()).unwrap_or(Verdict::Met)
            }
            Self::AnyOf(parts) => {
                let mut best: Option<Verdict<Lack>> = None;
                for part in parts {
                    match part.evaluate(facts) {
                        Verdict::Met => return Verdict::Met,
                        verdict => best = Some(best.map_or_else(|| verdict.clone(), |best| best)),
                    }
                }
                best.unwrap_or(Verdict::Unmet(Lack::Never))
            }
            Self::Not(inner) => match inner.evaluate(facts) {
                Verdict::Met => Verdict::Unmet(Lack::Excluded),
                Verdict::Unmet(_) => Verdict::Met,
                unknown @ Verdict::Unknown(_) => unknown,
            },
            Self::Check(check) => check.evaluate(facts),
        }
    }
}
