//! Limits, and the rules that they apply to.

mod adaptive;
mod amounts;
mod global;
mod key;
mod tiers;
mod warnings;

use std::rc::Rc;

use super::Names;
use crate::config::LimitConfig;
use crate::config::named::Named;
use crate::config::problems::{Problems, join};
use crate::config::settings::{RateLimitSettings, RuleLimitSettings, WeightedLimitSettings};
use crate::config::units::Size;
use crate::policy::{Access, RuleLimit, RuleName};
use crate::rate_limit::global::OnFailure;
use crate::rate_limit::{Allowance, Limit, When};
use adaptive::{at_risk, upstream};
use amounts::{AmountSettings, Counts, amounts};
pub(super) use key::own_headers;
use key::{key, when};
use warnings::warn;

/// Limits by their names.
#[derive(Default)]
pub(super) struct RateLimits {
    /// `None` where one has faults of its own, so that a rule that names it is not told that there is none.
    limits: Vec<(String, Option<LimitConfig>)>,
    /// The places of those that apply to every rule.
    everywhere: Vec<usize>,
    /// The places of those that a rule names.
    named: Vec<usize>,
    /// The clusters of those who count elsewhere, each once.
    engines: Vec<String>,
    /// The rules, and which limits apply to them.
    applied: Vec<Applied>,
}

/// A rule, as far as limits have to do with it.
struct Applied {
    path: String,
    access: Access,
    limits: Vec<usize>,
}

impl RateLimits {
    pub(super) fn compile(
        settings: Option<Named<RateLimitSettings>>,
        names: &Names<'_>,
        problems: &mut Problems,
    ) -> Self {
        let settings = settings.unwrap_or_default().0;
        if settings.len() > MOST_LIMITS {
            problems.add("rate_limits", format!("there are more than {MOST_LIMITS} limits"));
        }
        let mut all = Self::default();
        for (place, (name, settings)) in settings.into_iter().enumerate() {
            let path = join("rate_limits", &name);
            if RuleName::parse(&name).is_err() {
                problems.add(&*path, "a limit's name is 1 to 64 of `a-z`, `0-9`, `_` and `-`");
            }
            if settings.all_rules == Some(true) {
                all.everywhere.push(place);
            }
            let limit = limit(&path, &name, settings, names, &mut all.engines, problems);
            all.limits.push((name, limit));
        }
        all
    }

    /// The limits of the rule at `path`: those that it names, and those for all.
    pub(super) fn of_rule(
        &mut self,
        path: &str,
        access: Access,
        settings: Option<Vec<RuleLimitSettings>>,
        problems: &mut Problems,
    ) -> Vec<RuleLimit> {
        let rule = path;
        let path = join(rule, "limits");
        let settings = settings.unwrap_or_default();
        if settings.len() > MOST_OF_A_RULE {
            problems.add(&*path, format!("there are more than {MOST_OF_A_RULE} limits"));
        }
        let mut applied: Vec<RuleLimit> = Vec::new();
        for (index, settings) in settings.into_iter().enumerate() {
            let at = format!("{path}[{index}]");
            let settings = match settings {
                RuleLimitSettings::Name(name) => WeightedLimitSettings { name, weight: None },
                RuleLimitSettings::Weighted(settings) => settings,
            };
            let Some(limit) = self.limits.iter().position(|(name, _)| *name == settings.name) else {
                problems.add_unknown(at, "limit", &settings.name, self.limits.iter().map(|(name, _)| name));
                continue;
            };
            if applied.iter().any(|one| one.limit == limit) {
                problems.add(&*at, format!("`{}` is named twice", settings.name));
            }
            let weight = settings.weight.unwrap_or(1);
            self.check_weight(&join(&at, "weight"), limit, weight, problems);
            self.named.push(limit);
            applied.push(RuleLimit { limit, weight });
        }
        for &limit in &self.everywhere {
            if !applied.iter().any(|one| one.limit == limit) {
                applied.push(RuleLimit { limit, weight: 1 });
            }
        }
        let limits = applied.iter().map(|one| one.limit).collect();
        self.applied.push(Applied { path: rule.to_owned(), access, limits });
        applied
    }

    /// A weight that never fits would deny every request.
    fn check_weight(&self, at: &str, limit: usize, weight: u32, problems: &mut Problems) {
        if !(1..=MOST_WEIGHT).contains(&weight) {
            problems.add(at, format!("expected 1 to {MOST_WEIGHT}"));
        }
        let Some(limit) = self.limits.get(limit).and_then(|(_, limit)| limit.as_ref()) else { return };
        let tiers = limit.limit.tiers.iter().map(|tier| &tier.allowance);
        let fits = std::iter::once(&limit.limit.allowance).chain(tiers).all(|allowance| allowance.fits(weight));
        if !fits {
            problems.add(at, format!("never fits into `{}`: one of its amounts is less", limit.limit.name));
        }
    }

    /// All of them, and the clusters of their engines; `None` if one has faults. One that applies to no rule is a mistake.
    pub(super) fn finish(self, names: &Names<'_>, problems: &mut Problems) -> Option<(Vec<LimitConfig>, Vec<String>)> {
        warnings::of_all(&self, names);
        for (place, (name, _)) in self.limits.iter().enumerate() {
            if !self.everywhere.contains(&place) && !self.named.contains(&place) {
                let at = join("rate_limits", name);
                problems.add(at, "applies to no rule; name it in a rule's `limits`, or set `all_rules`");
            }
        }
        let limits: Option<Vec<_>> = self.limits.into_iter().map(|(_, limit)| limit).collect();
        limits.map(|limits| (limits, self.engines))
    }
}

fn limit(
    path: &str,
    name: &str,
    settings: RateLimitSettings,
    names: &Names<'_>,
    engines: &mut Vec<String>,
    problems: &mut Problems,
) -> Option<LimitConfig> {
    let before = problems.len();
    let global =
        settings.global.map(|global| self::global::global(&join(path, "global"), name, global, engines, problems));
    let counts = match &global {
        Some(global) if global.on_failure != OnFailure::Local => Counts::Elsewhere,
        _ => Counts::Here,
    };
    if global.as_ref().is_some_and(|global| global.entries.is_empty())
        && settings.key.is_empty()
        && settings.tiers.is_none()
    {
        problems.add(join(path, "global.descriptor"), "is empty, as is `key`: no engine has a limit for nothing");
    }
    if global.is_some() && settings.adaptive.is_some() {
        problems.add(join(path, "adaptive"), "is nothing that the engine of `global` could do");
    }
    let key = key(&join(path, "key"), settings.key, problems);
    let amount_settings = AmountSettings {
        rate: settings.rate,
        window: settings.window,
        quota: settings.quota,
        concurrency: settings.concurrency,
    };
    let allowance = amounts(path, amount_settings, counts, problems);
    let tiers = settings.tiers.unwrap_or_default();
    let tiers = self::tiers::tiers(&join(path, "tiers"), tiers, counts, allowance.as_ref(), names, problems);
    let at = join(path, "adaptive");
    let is_adaptive = settings.adaptive.is_some();
    let adaptive = settings.adaptive.unwrap_or_default();
    if is_adaptive && adaptive.risk.is_none() && adaptive.upstream.is_none() {
        warn(names, &at, "is empty, and changes nothing; give it `risk` or `upstream`");
    }
    let risk = adaptive.risk.map(|risk| at_risk(&join(&at, "risk"), &risk, names, problems));
    let upstream = adaptive.upstream.map(|settings| upstream(&join(&at, "upstream"), &settings, problems));
    if problems.len() > before {
        return None;
    }
    let (key, allowance, (tiers, requirements)) = (key?, allowance?, tiers?);
    let changes = |allowance: &Allowance| {
        allowance.rate.is_some() || allowance.window.is_some() || allowance.concurrency.is_some()
    };
    if is_adaptive && !changes(&allowance) && !tiers.iter().any(|tier| changes(&tier.allowance)) {
        warn(names, &at, "changes nothing: there are only quotas, and those stay as they are");
    }
    let when = when(path, settings.when, settings.count, &key, problems);
    if when != When::Admitted {
        for (given, name) in [(!tiers.is_empty(), "tiers"), (risk.is_some(), "adaptive.risk")] {
            if given {
                problems.add(
                    join(path, name),
                    "hangs on who calls, which is not known on arrival; set `when` to `admitted`",
                );
            }
        }
        if when == When::ArrivalOfFailures && global.is_some() {
            problems.add(path, "`count` `failures` does not go with `global`: an engine counts what it is asked");
        }
        if when == When::ArrivalOfFailures && (allowance.concurrency.is_some() || allowance.quota.is_some()) {
            problems.add(path, "`count` `failures` goes with `rate` and `window` only");
        }
    }
    let limit = Limit {
        name: Rc::from(name),
        key,
        when,
        global,
        allowance,
        tiers,
        risk,
        upstream,
        report_only: settings.report_only.unwrap_or(false),
    };
    (problems.len() == before).then_some(LimitConfig { limit, tiers: requirements })
}

/// How much memory counting may take.
pub(super) fn memory(settings: Option<Size>, problems: &mut Problems) -> usize {
    let memory = settings.map_or(DEFAULT_MEMORY, |size| size.0);
    if !(SMALLEST_MEMORY..=LARGEST_MEMORY).contains(&memory) {
        problems.add("limits.rate_limit_memory", "expected a size from `1MiB` to `256MiB`");
    }
    memory
}

/// Each has a counter for what it let on and one for what it did not.
const MOST_LIMITS: usize = 64;
/// Each is read and written for each request.
const MOST_OF_A_RULE: usize = 8;
const MOST_WEIGHT: u32 = 1_000_000;

const DEFAULT_MEMORY: usize = 16 << 20;
const SMALLEST_MEMORY: usize = 1 << 20;
const LARGEST_MEMORY: usize = 256 << 20;
