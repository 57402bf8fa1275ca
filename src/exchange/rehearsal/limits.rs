//! The limits of a request, told.

use std::net::IpAddr;

use serde::Serialize;

use crate::config::{Config, LimitConfig};
use crate::http::RequestHead;
use crate::identity::Identity;
use crate::policy::Rule;
use crate::rate_limit::{ExcessKind, Part, Room, Source, Tally, When};

/// A limit, and what was left of it.
#[derive(Debug, Serialize)]
pub struct LimitTold {
    /// Its name.
    pub name: String,
    /// By what it counts.
    pub key: Vec<PartTold>,
    /// The request counts as so many.
    pub weight: u32,
    /// The caller's tier, if they have one.
    pub tier: Option<String>,
    /// The tier is without a limit.
    pub unlimited: bool,
    /// It is counted by an engine that others ask too.
    pub global: bool,
    /// It counts credentials that are not accepted.
    pub counts_failures: bool,
    /// It is reported and not enforced.
    pub report_only: bool,
    /// What came of it: `admitted`, `limited`, `unenforced`, `uncounted` if another one stopped the request; `looked_at` if nothing
    /// was counted, `not_reached` if something else was
    /// decided before.
    pub outcome: &'static str,
    /// What is left of each amount.
    pub left: Vec<LeftTold>,
}

/// A part of a key.
#[derive(Debug, Serialize)]
pub struct PartTold {
    /// As the configuration calls it.
    pub name: String,
    /// What it is for this request, `-` if it can't be told; absent for headers, which may be secret, and where nobody looked.
    pub value: Option<String>,
}

/// What is left of an amount.
#[derive(Debug, Serialize)]
pub struct LeftTold {
    /// `rate`, `window`, `quota` or `concurrency`.
    pub kind: &'static str,
    /// So many.
    pub left: u32,
    /// Of so many.
    pub of: u32,
    /// In so many seconds; 0 for what is only at the same time.
    pub per: u64,
    /// All of it is there again in so many seconds.
    pub resets_in: u64,
}

/// What a request was counted by.
pub(super) struct By<'a> {
    pub(super) identity: &'a Identity,
    pub(super) head: &'a RequestHead,
    pub(super) address: Option<IpAddr>,
}

/// Every limit of `rule`, in order, with what came of it.
pub(super) fn tell(config: &Config, rule: &Rule, by: &By<'_>, tallies: &[Tally]) -> Vec<LimitTold> {
    let source = Source { identity: by.identity, head: by.head, address: by.address, rule: &rule.name };
    let limits =
        rule.limits.iter().filter_map(|applied| Some((config.rate_limits.get(applied.limit)?, applied.weight)));
    let told = limits.map(|(limit, weight)| {
        let tally = tallies.iter().find(|tally| tally.limit == limit.limit.name);
        LimitTold::of(limit, weight, source, tally)
    });
    told.collect()
}

impl LimitTold {
    fn of(LimitConfig { limit, .. }: &LimitConfig, weight: u32, source: Source<'_>, tally: Option<&Tally>) -> Self {
        let values = limit.key.entries(source);
        let key = limit.key.parts().iter().zip(values).map(|(part, (name, value))| PartTold {
            name,
            value: Some(value).filter(|_| tally.is_some() && !matches!(part, Part::Header(_))),
        });
        let outcome = match tally {
            None => "not_reached",
            Some(tally) if tally.quiet => "looked_at",
            Some(tally) => tally.outcome(),
        };
        let left = |(kind, room): &(ExcessKind, Room)| LeftTold {
            kind: kind.name(),
            left: room.left,
            of: room.of,
            per: room.per.as_secs(),
            resets_in: room.resets_in.as_secs(),
        };
        let tier = tally.and_then(|tally| tally.tier.as_deref());
        let of_tier = limit.tiers.iter().find(|one| Some(&*one.name) == tier);
        Self {
            name: limit.name.to_string(),
            key: key.collect(),
            weight,
            tier: tier.map(str::to_owned),
            unlimited: limit.global.is_none() && of_tier.is_some_and(|tier| tier.allowance.is_unlimited()),
            global: limit.global.is_some(),
            counts_failures: limit.when == When::ArrivalOfFailures,
            report_only: limit.report_only,
            outcome,
            left: tally.into_iter().flat_map(|tally| &tally.rooms).map(left).collect(),
        }
    }
}
