//! Limits, and the rules that they apply to.

mod amounts;
mod global;

use std::rc::Rc;
use std::time::Duration;

use super::caller::is_unfit;
use super::claim::claim_path;
use super::{Names, requirement};
use crate::config::LimitConfig;
use crate::config::named::Named;
use crate::config::problems::{Problems, join};
use crate::config::settings::{
    AdaptiveRiskSettings, AdaptiveUpstreamSettings, CountSettings, LimitKeyDetailSettings, LimitKeySettings,
    LimitKeyWordSettings, NetworkPrefixSettings, RateLimitSettings, RuleLimitSettings, TierSettings,
    WeightedLimitSettings, WhenSettings,
};
use crate::config::units::Size;
use crate::http::name::is_token;
use crate::policy::{Requirement, RuleLimit, RuleName};
use crate::rate_limit::global::OnFailure;
use crate::rate_limit::{AtRisk, Key, Limit, Part, Tier, Upstream, When};
use amounts::{AmountSettings, Counts, amounts};

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

    /// The limits of a rule: those that it names, and those for all. `path` is that of its `limits`.
    pub(super) fn of_rule(
        &mut self,
        path: &str,
        settings: Option<Vec<RuleLimitSettings>>,
        problems: &mut Problems,
    ) -> Vec<RuleLimit> {
        let settings = settings.unwrap_or_default();
        if settings.len() > MOST_OF_A_RULE {
            problems.add(path, format!("there are more than {MOST_OF_A_RULE} limits"));
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
    pub(super) fn finish(self, problems: &mut Problems) -> Option<(Vec<LimitConfig>, Vec<String>)> {
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
    let tiers = tiers(&join(path, "tiers"), settings.tiers.unwrap_or_default(), counts, names, problems);
    let adaptive = settings.adaptive.unwrap_or_default();
    let at = join(path, "adaptive");
    let risk = adaptive.risk.map(|risk| at_risk(&join(&at, "risk"), &risk, names, problems));
    let upstream = adaptive.upstream.map(|settings| upstream(&join(&at, "upstream"), &settings, problems));
    if problems.len() > before {
        return None;
    }
    let (key, allowance, (tiers, requirements)) = (key?, allowance?, tiers?);
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

/// By what it counts.
fn key(path: &str, settings: Vec<LimitKeySettings>, problems: &mut Problems) -> Option<Key> {
    if settings.len() > MOST_PARTS {
        problems.add(path, format!("has more than {MOST_PARTS} parts"));
        return None;
    }
    let parts: Vec<Option<Part>> = settings
        .into_iter()
        .enumerate()
        .map(|(index, settings)| part(&format!("{path}[{index}]"), settings, problems))
        .collect();
    let parts = parts.into_iter().collect::<Option<Vec<_>>>()?;
    let mut rest = parts.as_slice();
    while let Some((part, after)) = rest.split_first() {
        if after.contains(part) {
            problems.add(path, format!("`{}` is there twice", part.name()));
            return None;
        }
        rest = after;
    }
    Some(Key::new(parts))
}

fn part(path: &str, settings: LimitKeySettings, problems: &mut Problems) -> Option<Part> {
    let detail = match settings {
        LimitKeySettings::Word(word) => {
            return Some(match word {
                LimitKeyWordSettings::Subject => Part::Subject,
                LimitKeyWordSettings::Client => Part::Client,
                LimitKeyWordSettings::Tenant => Part::Tenant,
                LimitKeyWordSettings::ApiKey => Part::ApiKey,
                LimitKeyWordSettings::Address => Part::Address,
                LimitKeyWordSettings::Route => Part::Route,
            });
        }
        LimitKeySettings::Detail(detail) => detail,
    };
    match detail {
        LimitKeyDetailSettings { claim: Some(claim), header: None, network_prefix: None } => {
            let at = join(path, "claim");
            let claim = claim_path(&at, claim, problems)?;
            if is_unfit(claim.first()) {
                let name = claim.first();
                problems.add(at, format!("`{name}` can be changed by users, who then had an allowance with each"));
                return None;
            }
            Some(Part::Claim(claim))
        }
        LimitKeyDetailSettings { claim: None, header: Some(header), network_prefix: None } => {
            if !is_token(header.as_bytes()) {
                problems.add(join(path, "header"), format!("`{header}` is not a header's name"));
                return None;
            }
            Some(Part::Header(header.to_ascii_lowercase()))
        }
        LimitKeyDetailSettings { claim: None, header: None, network_prefix: Some(prefix) } => {
            let NetworkPrefixSettings { ipv4, ipv6 } = prefix;
            let (ipv4, ipv6) = (ipv4.unwrap_or(DEFAULT_IPV4), ipv6.unwrap_or(DEFAULT_IPV6));
            if !(8..=32).contains(&ipv4) || !(16..=128).contains(&ipv6) {
                let at = join(path, "network_prefix");
                problems.add(at, "expected `ipv4` from 8 to 32 and `ipv6` from 16 to 128");
                return None;
            }
            Some(Part::Network { ipv4, ipv6 })
        }
        _ => {
            problems.add(path, "expected one of `claim`, `header` and `network_prefix`");
            None
        }
    }
}

fn when(
    path: &str,
    when: Option<WhenSettings>,
    count: Option<CountSettings>,
    key: &Key,
    problems: &mut Problems,
) -> When {
    let default =
        if key.needs_address() && !key.needs_identity() { WhenSettings::Arrival } else { WhenSettings::Admitted };
    let failures = count == Some(CountSettings::Failures);
    match when.unwrap_or(default) {
        WhenSettings::Arrival if key.needs_identity() => {
            problems.add(join(path, "when"), "the `key` hangs on who calls, which is not known on arrival");
            When::Arrival
        }
        WhenSettings::Arrival if failures => When::ArrivalOfFailures,
        WhenSettings::Arrival => When::Arrival,
        WhenSettings::Admitted => {
            if failures {
                problems.add(join(path, "count"), "`failures` are counted on arrival only; set `when` to `arrival`");
            }
            When::Admitted
        }
    }
}

/// The tiers, and who has them.
fn tiers(
    path: &str,
    settings: Vec<TierSettings>,
    counts: Counts,
    names: &Names<'_>,
    problems: &mut Problems,
) -> Option<(Vec<Tier>, Vec<Requirement>)> {
    if settings.len() > MOST_TIERS {
        problems.add(path, format!("there are more than {MOST_TIERS} tiers"));
    }
    let mut taken = std::collections::HashSet::new();
    let mut compiled = Vec::new();
    for (index, settings) in settings.into_iter().enumerate() {
        let at = format!("{path}[{index}]");
        if RuleName::parse(&settings.name).is_err() {
            problems.add(join(&at, "name"), "a tier's name is 1 to 64 of `a-z`, `0-9`, `_` and `-`");
        }
        if !taken.insert(settings.name.clone()) {
            problems.add(join(&at, "name"), format!("`{}` is the name of an earlier tier too", settings.name));
        }
        let when = requirement::compile(&join(&at, "when"), settings.when, names, problems);
        let amount_settings = AmountSettings {
            rate: settings.rate,
            window: settings.window,
            quota: settings.quota,
            concurrency: settings.concurrency,
        };
        let allowance = amounts(&at, amount_settings, counts, problems);
        let tier = allowance.map(|allowance| Tier { name: Rc::from(settings.name), allowance });
        compiled.push(tier.zip(when));
    }
    compiled.into_iter().collect::<Option<Vec<_>>>().map(|tiers| tiers.into_iter().unzip())
}

fn at_risk(path: &str, settings: &AdaptiveRiskSettings, names: &Names<'_>, problems: &mut Problems) -> AtRisk {
    if !names.risk {
        problems.add(path, "needs `risk` with `signals` or `observe`: nothing tells of a risk");
    }
    if settings.above > 99 {
        problems.add(join(path, "above"), "expected 0 to 99: no score is above 100");
    }
    percent(&join(path, "percent"), settings.percent, 99, problems);
    AtRisk { above: settings.above, percent: settings.percent }
}

fn upstream(path: &str, settings: &AdaptiveUpstreamSettings, problems: &mut Problems) -> Upstream {
    let slower_than = settings.slower_than.map(|span| span.0);
    if slower_than.is_some_and(|span| !(Duration::from_millis(10)..=Duration::from_secs(60)).contains(&span)) {
        problems.add(join(path, "slower_than"), "expected a span from `10ms` to `60s`");
    }
    let every = settings.every.map_or(DEFAULT_EVERY, |span| span.0);
    if !(Duration::from_secs(1)..=Duration::from_secs(600)).contains(&every) {
        problems.add(join(path, "every"), "expected a span from `1s` to `10m`");
    }
    let bad_percent = settings.bad_percent.unwrap_or(DEFAULT_BAD);
    percent(&join(path, "bad_percent"), bad_percent, 100, problems);
    let least_percent = settings.least_percent.unwrap_or(DEFAULT_LEAST);
    percent(&join(path, "least_percent"), least_percent, 99, problems);
    Upstream { slower_than, bad_percent, least_percent, every }
}

/// How much memory counting may take.
pub(super) fn memory(settings: Option<Size>, problems: &mut Problems) -> usize {
    let memory = settings.map_or(DEFAULT_MEMORY, |size| size.0);
    if !(SMALLEST_MEMORY..=LARGEST_MEMORY).contains(&memory) {
        problems.add("limits.rate_limit_memory", "expected a size from `1MiB` to `256MiB`");
    }
    memory
}

fn percent(path: &str, percent: u8, most: u8, problems: &mut Problems) {
    if !(1..=most).contains(&percent) {
        problems.add(path, format!("expected 1 to {most}"));
    }
}

/// Each has a counter for what it let on and one for what it did not.
const MOST_LIMITS: usize = 64;
/// Each is read and written for each request.
const MOST_OF_A_RULE: usize = 8;
const MOST_PARTS: usize = 4;
const MOST_TIERS: usize = 16;
const MOST_WEIGHT: u32 = 1_000_000;

const DEFAULT_MEMORY: usize = 16 << 20;
const SMALLEST_MEMORY: usize = 1 << 20;
const LARGEST_MEMORY: usize = 256 << 20;

/// What one customer of a provider usually has at most.
const DEFAULT_IPV4: u8 = 24;
/// What a household has (RFC 6177).
const DEFAULT_IPV6: u8 = 56;

/// A few errors are everyday.
const DEFAULT_BAD: u8 = 20;
/// Enough to see that it is well again.
const DEFAULT_LEAST: u8 = 10;
/// Long enough for a few responses, short enough that an overload ends before people give up.
const DEFAULT_EVERY: Duration = Duration::from_secs(10);
