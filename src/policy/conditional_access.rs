//! Policies over rules, as Entra's Conditional Access has them: all that apply count, block wins, and every grant must be
//! earned. A policy can only take away: what a rule refuses stays refused.

use std::rc::Rc;

use super::facts::Facts;
use super::lack::Lack;
use super::requirement::Requirement;
use crate::access;
use crate::verdict::Verdict;

/// A policy that is about a rule.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Its name in the configuration.
    pub name: Rc<str>,
    /// When it applies; `None` is always.
    pub when: Option<Requirement>,
    /// When it does not, though `when` says so.
    pub except: Option<Requirement>,
    /// What comes of it then.
    pub grant: Grant,
    /// It is decided and recorded, and not enforced.
    pub report_only: bool,
}

/// What comes of a policy that applies.
#[derive(Clone, Debug)]
pub enum Grant {
    /// Nothing gets through.
    Block,
    /// Every one of these must be met.
    All(Vec<Requirement>),
    /// One of these must be met.
    One(Vec<Requirement>),
}

/// What stands in a request's way, and the name of the policy that put it there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Objection {
    /// The policy.
    pub policy: Rc<str>,
    /// What is lacking; `None` where the policy blocks.
    pub lack: Option<Lack>,
}

/// What the policies say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Objections {
    /// By policies that are enforced.
    pub enforced: Option<Objection>,
    /// By policies that are only reported.
    pub reported: Option<Objection>,
}

/// What stands in the way: a block before anything else, then what the caller cannot mend by signing in anew, then what it
/// can. The order of the policies settles the rest.
#[must_use]
pub fn object(policies: &[Rc<Policy>], facts: &Facts<'_>) -> Objections {
    let mut objections = Objections::default();
    for policy in policies {
        let kept = if policy.report_only { &mut objections.reported } else { &mut objections.enforced };
        // Nothing weighs more than a block.
        if kept.as_ref().is_some_and(|objection| objection.lack.is_none()) {
            continue;
        }
        let Some(objection) = policy.objection(facts) else { continue };
        if kept.as_ref().is_none_or(|kept| objection.weight() > kept.weight()) {
            *kept = Some(objection);
        }
    }
    objections
}

impl Objection {
    fn weight(&self) -> u8 {
        self.lack.as_ref().map_or(3, weight)
    }
}

impl Policy {
    fn objection(&self, facts: &Facts<'_>) -> Option<Objection> {
        if !self.applies(facts) {
            return None;
        }
        let lack = match &self.grant {
            Grant::Block => None,
            Grant::All(controls) => Some(heaviest(controls.iter().filter_map(|control| lacking(control, facts)))?),
            Grant::One(controls) => {
                let mut best: Option<Lack> = None;
                for control in controls {
                    // One that is met is enough.
                    let lack = lacking(control, facts)?;
                    best = Some(match best {
                        Some(best) => best.or_better(lack),
                        None => lack,
                    });
                }
                Some(best.unwrap_or(Lack::Never))
            }
        };
        Some(Objection { policy: Rc::clone(&self.name), lack })
    }

    /// Where it can't be told, it applies.
    fn applies(&self, facts: &Facts<'_>) -> bool {
        let spoken_for = self.when.as_ref().is_none_or(|when| !matches!(when.evaluate(facts), Verdict::Unmet(_)));
        spoken_for && !self.except.as_ref().is_some_and(|except| except.evaluate(facts).is_met())
    }
}

fn lacking(control: &Requirement, facts: &Facts<'_>) -> Option<Lack> {
    match control.evaluate(facts) {
        Verdict::Met => None,
        Verdict::Unmet(lack) | Verdict::Unknown(lack) => Some(lack),
    }
}

/// The first of those that weigh most.
fn heaviest(lacks: impl Iterator<Item = Lack>) -> Option<Lack> {
    lacks.reduce(|kept, lack| if weight(&lack) > weight(&kept) { lack } else { kept })
}

/// How far the caller is from mending it: by signing in, by signing in anew, not at all.
fn weight(lack: &Lack) -> u8 {
    match lack {
        Lack::NoToken => 0,
        Lack::Circumstance(access::Lack::Assurance(shortfall)) if shortfall.step_up.is_some() => 1,
        _ => 2,
    }
}

#[cfg(test)]
#[path = "conditional_access/tests.rs"]
mod tests;
