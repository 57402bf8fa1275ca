//! How much there is.

use std::ops::RangeInclusive;
use std::rc::Rc;
use std::time::Duration;

use crate::config::problems::{Problems, join};
use crate::config::settings::{PeriodSettings, QuotaSettings, RateSettings, RateWindowSettings};
use crate::rate_limit::{Allowance, Period, Quota, Rate, Window};
use crate::time_zone::Zone;

/// What a limit or a tier says of amounts.
pub(super) struct AmountSettings {
    pub(super) rate: Option<RateSettings>,
    pub(super) window: Option<RateWindowSettings>,
    pub(super) quota: Option<QuotaSettings>,
    pub(super) concurrency: Option<u32>,
}

impl AmountSettings {
    pub(super) fn is_empty(&self) -> bool {
        self.rate.is_none() && self.window.is_none() && self.quota.is_none() && self.concurrency.is_none()
    }
}

/// Who counts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Counts {
    /// This Envoy, at least when the engine does not answer.
    Here,
    /// An engine, always.
    Elsewhere,
}

/// The amounts of the limit or tier at `path`; `None` if they have faults.
pub(super) fn amounts(
    path: &str,
    settings: AmountSettings,
    counts: Counts,
    problems: &mut Problems,
) -> Option<Allowance> {
    let before = problems.len();
    let is_empty = settings.is_empty();
    let AmountSettings { rate, window, quota, concurrency } = settings;
    match counts {
        Counts::Here if is_empty => {
            problems.add(path, "limits nothing; give one of `rate`, `window`, `quota` and `concurrency`");
        }
        Counts::Elsewhere if !is_empty => problems.add(
            path,
            "has amounts that nobody would count by: the engine has its own; set `global.on_failure` to `local`, or make it a \
             limit of its own",
        ),
        Counts::Here | Counts::Elsewhere => {}
    }
    let allowance = Allowance {
        rate: rate.map(|settings| self::rate(&join(path, "rate"), &settings, problems)),
        window: window.map(|settings| self::window(&join(path, "window"), &settings, problems)),
        quota: quota.and_then(|settings| self::quota(&join(path, "quota"), &settings, problems)),
        concurrency,
    };
    if concurrency.is_some_and(|most| !(1..=MOST_AT_ONCE).contains(&most)) {
        problems.add(join(path, "concurrency"), format!("expected 1 to {MOST_AT_ONCE}"));
    }
    (problems.len() == before).then_some(allowance)
}

fn rate(path: &str, settings: &RateSettings, problems: &mut Problems) -> Rate {
    let burst = settings.burst.unwrap_or(settings.requests);
    requests(&join(path, "requests"), settings.requests, problems);
    requests(&join(path, "burst"), burst, problems);
    span(&join(path, "per"), settings.per.0, Duration::from_secs(1)..=DAY, "`1s` to `1d`", problems);
    let fastest = settings.per.0.as_secs().saturating_mul(FASTEST);
    if u64::from(settings.requests) > fastest.max(1) {
        problems.add(join(path, "requests"), "expected at most a million a second");
    }
    // In whole seconds of `per`, which is at most a day.
    let fills = settings.per.0.as_secs().saturating_mul(burst.into()).checked_div(settings.requests.into());
    if fills.is_some_and(|fills| fills > LONGEST_TO_FILL.as_secs()) {
        problems.add(join(path, "burst"), "takes longer than a year to fill; expected less, or more `requests`");
    }
    Rate { requests: settings.requests, per: settings.per.0, burst }
}

fn window(path: &str, settings: &RateWindowSettings, problems: &mut Problems) -> Window {
    requests(&join(path, "requests"), settings.requests, problems);
    let longest = DAY.saturating_mul(7);
    span(&join(path, "per"), settings.per.0, Duration::from_secs(1)..=longest, "`1s` to `7d`", problems);
    Window { requests: settings.requests, per: settings.per.0 }
}

fn quota(path: &str, settings: &QuotaSettings, problems: &mut Problems) -> Option<Quota> {
    requests(&join(path, "requests"), settings.requests, problems);
    let period = match settings.per {
        PeriodSettings::Hour => Period::Hour,
        PeriodSettings::Day => Period::Day,
        PeriodSettings::Month => Period::Month,
    };
    let zone = match settings.zone.as_deref().map(Zone::named) {
        None => None,
        Some(Ok(zone)) => Some(Rc::new(zone)),
        Some(Err(flaw)) => {
            problems.add(join(path, "zone"), flaw.to_string());
            return None;
        }
    };
    Some(Quota { requests: settings.requests, period, zone })
}

fn requests(path: &str, requests: u32, problems: &mut Problems) {
    if !(1..=MOST_REQUESTS).contains(&requests) {
        problems.add(path, format!("expected 1 to {MOST_REQUESTS}"));
    }
}

fn span(path: &str, span: Duration, spans: RangeInclusive<Duration>, expected: &str, problems: &mut Problems) {
    if !spans.contains(&span) {
        problems.add(path, format!("expected a span from {expected}"));
    }
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A structured field has numbers up to fifteen digits, a counter of ours ten.
const MOST_REQUESTS: u32 = 1_000_000_000;

/// Longer is no rate, and a number of nanoseconds ends after centuries.
const LONGEST_TO_FILL: Duration = DAY.saturating_mul(366);

/// Buckets are kept to the nanosecond, and clocks tick in milliseconds.
const FASTEST: u64 = 1_000_000;

/// Held by one key; each worker counts its own.
const MOST_AT_ONCE: u32 = 10_000;
