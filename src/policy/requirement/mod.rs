//! What a rule asks of a caller, as a tree: all of, any of, not; and single checks.
//!
//! What can't be told is neither yes nor no ([`Verdict::Unknown`]), in `not` too: an issuer that writes a claim in the
//! wrong type never opens a door by it.
//!
//! - [`granted`]: scopes, app roles, groups, directory roles
//! - [`origin`]: provider, audience, client, tenant, subject
//! - [`callers`]: what kind of caller it is
//! - [`claim`]: any claim
//! - [`cel`]: conditions in CEL
//! - [`owner`]: whether the caller is whom the request names

pub mod callers;
pub mod cel;
mod check;
pub mod claim;
mod explain;
pub mod granted;
pub mod origin;
pub mod owner;
#[cfg(test)]
pub(crate) mod tests;
mod wanted;

pub use crate::entra::{CallerKind, ClientAuthentication};
pub use cel::CelCheck;
pub use check::Check;
pub use claim::{ClaimCheck, Comparison, Scalar};
pub use explain::Finding;
pub use origin::SubjectSpec;
pub use owner::{OwnerCheck, Place};
pub use wanted::Wanted;

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
    /// Is it so? Stops at the first answer that settles it: in `all_of` the first that is not met, in order.
    #[must_use]
    pub fn evaluate(&self, facts: &Facts<'_>) -> Verdict<Lack> {
        match self {
            Self::AllOf(parts) => {
                let mut verdicts = parts.iter().map(|part| part.evaluate(facts));
                verdicts.find(|verdict| !verdict.is_met()).unwrap_or(Verdict::Met)
            }
            Self::AnyOf(parts) => any_of(parts.iter().map(|part| part.evaluate(facts))),
            Self::Not(inner) => negated(inner.evaluate(facts)),
            Self::Check(check) => check.evaluate(facts),
        }
    }
}

/// Met and unmet change places; what can't be told stays so.
fn negated(verdict: Verdict<Lack>) -> Verdict<Lack> {
    match verdict {
        Verdict::Met => Verdict::Unmet(Lack::Excluded),
        Verdict::Unmet(_) => Verdict::Met,
        unknown @ Verdict::Unknown(_) => unknown,
    }
}

/// Met if one is; otherwise with what the caller can act on best, and unknown if that is so of any.
pub(super) fn any_of(verdicts: impl Iterator<Item = Verdict<Lack>>) -> Verdict<Lack> {
    let mut best: Option<Lack> = None;
    let mut is_unknown = false;
    for verdict in verdicts {
        let lack = match verdict {
            Verdict::Met => return Verdict::Met,
            Verdict::Unmet(lack) => lack,
            Verdict::Unknown(lack) => {
                is_unknown = true;
                lack
            }
        };
        best = Some(match best {
            Some(best) => best.or_better(lack),
            None => lack,
        });
    }
    let lack = best.unwrap_or(Lack::Never);
    if is_unknown { Verdict::Unknown(lack) } else { Verdict::Unmet(lack) }
}
