//! Less while something is wrong.

use std::time::Duration;

use crate::config::compile::Names;
use crate::config::problems::{Problems, join};
use crate::config::settings::{AdaptiveRiskSettings, AdaptiveUpstreamSettings};
use crate::rate_limit::{AtRisk, Upstream};

pub(super) fn at_risk(
    path: &str,
    settings: &AdaptiveRiskSettings,
    names: &Names<'_>,
    problems: &mut Problems,
) -> AtRisk {
    if !names.risk {
        problems.add(path, "needs `risk` with `signals` or `observe`: nothing tells of a risk");
    }
    if settings.above > 99 {
        problems.add(join(path, "above"), "expected 0 to 99: no score is above 100");
    }
    percent(&join(path, "percent"), settings.percent, 99, problems);
    AtRisk { above: settings.above, percent: settings.percent }
}

pub(super) fn upstream(path: &str, settings: &AdaptiveUpstreamSettings, problems: &mut Problems) -> Upstream {
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

fn percent(path: &str, percent: u8, most: u8, problems: &mut Problems) {
    if !(1..=most).contains(&percent) {
        problems.add(path, format!("expected 1 to {most}"));
    }
}

/// A few errors are everyday.
const DEFAULT_BAD: u8 = 20;
/// Enough to see that it is well again.
const DEFAULT_LEAST: u8 = 10;
/// Long enough for a few responses, short enough that an overload ends before people give up.
const DEFAULT_EVERY: Duration = Duration::from_secs(10);
