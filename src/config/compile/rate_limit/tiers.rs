//! Other amounts for some callers.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use super::amounts::{AmountSettings, Counts, amounts};
use super::warnings::warn;
use crate::config::compile::{Names, requirement};
use crate::config::problems::{Problems, join};
use crate::config::settings::TierSettings;
use crate::policy::{Requirement, RuleName};
use crate::rate_limit::{Allowance, Tier};

/// The tiers of a limit whose own amounts are `whole`, and who has them.
pub(super) fn tiers(
    path: &str,
    settings: Vec<TierSettings>,
    counts: Counts,
    whole: Option<&Allowance>,
    names: &Names<'_>,
    problems: &mut Problems,
) -> Option<(Vec<Tier>, Vec<Requirement>)> {
    if settings.len() > MOST_TIERS {
        problems.add(path, format!("there are more than {MOST_TIERS} tiers"));
    }
    let mut taken = HashSet::new();
    let mut whens = HashMap::new();
    let mut compiled = Vec::new();
    for (index, settings) in settings.into_iter().enumerate() {
        let at = format!("{path}[{index}]");
        if RuleName::parse(&settings.name).is_err() {
            problems.add(join(&at, "name"), "a tier's name is 1 to 64 of `a-z`, `0-9`, `_` and `-`");
        }
        if !taken.insert(settings.name.clone()) {
            problems.add(join(&at, "name"), format!("`{}` is the name of an earlier tier too", settings.name));
        }
        // Requirements are no more than what is written in them.
        if let Some(earlier) = whens.insert(format!("{:?}", settings.when), settings.name.clone()) {
            warn(
                names,
                &join(&at, "when"),
                &format!("is that of `{earlier}`, an earlier tier: nobody comes to this one"),
            );
        }
        let when = requirement::compile(&join(&at, "when"), settings.when, names, problems);
        let amount_settings = AmountSettings {
            rate: settings.rate,
            window: settings.window,
            quota: settings.quota,
            concurrency: settings.concurrency,
        };
        let allowance = if settings.unlimited == Some(true) {
            unlimited(&at, &amount_settings, counts, problems)
        } else {
            amounts(&at, amount_settings, counts, problems).inspect(|allowance| left_out(&at, allowance, whole, names))
        };
        let tier = allowance.map(|allowance| Tier { name: Rc::from(settings.name), allowance });
        compiled.push(tier.zip(when));
    }
    compiled.into_iter().collect::<Option<Vec<_>>>().map(|tiers| tiers.into_iter().unzip())
}

/// A tier without a limit says nothing of amounts.
fn unlimited(at: &str, settings: &AmountSettings, counts: Counts, problems: &mut Problems) -> Option<Allowance> {
    let before = problems.len();
    if !settings.is_empty() {
        problems
            .add(join(at, "unlimited"), "does not go with amounts: of those, the ones that are left out are unlimited");
    }
    if counts == Counts::Elsewhere {
        problems.add(join(at, "unlimited"), "is a matter of the engine of `global`, which is told the tier's name");
    }
    (problems.len() == before).then(Allowance::default)
}

/// A tier replaces all amounts, so one that is left out is easily taken for that of the limit.
fn left_out(at: &str, tier: &Allowance, whole: Option<&Allowance>, names: &Names<'_>) {
    let Some(whole) = whole else { return };
    let kinds = [
        ("rate", whole.rate.is_some(), tier.rate.is_some()),
        ("window", whole.window.is_some(), tier.window.is_some()),
        ("quota", whole.quota.is_some(), tier.quota.is_some()),
        ("concurrency", whole.concurrency.is_some(), tier.concurrency.is_some()),
    ];
    for (kind, _, _) in kinds.into_iter().filter(|(_, whole, tier)| *whole && !tier) {
        warn(names, at, &format!("has no `{kind}`, and the limit has: whoever is of this tier is without one"));
    }
}

const MOST_TIERS: usize = 16;
