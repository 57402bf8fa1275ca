//! Risk: what tells of it, and what follows.

use std::time::Duration;

use super::access::{AccessNames, warn_of_all};
use super::caller::claim_fit_to_decide;
use crate::access::Check;
use crate::access::risk::{Lockout, Observe, Reading, RiskSettings, Signal, SignalSource, SlowDown, Threshold};
use crate::config::problems::{Problems, join};
use crate::config::settings::{
    LockoutSettings, ObserveSettings, RiskSettings as Settings, SignalSettings, SlowDownSettings, ThresholdSettings,
};
use crate::http::name::is_token;

/// `None` if there are faults, each noted.
pub(super) fn compile(
    settings: Settings,
    names: &AccessNames,
    problems: &mut Problems,
    warnings: &mut Vec<String>,
) -> Option<RiskSettings> {
    let before = problems.len();
    let signals: Vec<_> = settings
        .signals
        .unwrap_or_default()
        .into_iter()
        .enumerate()
        .map(|(index, settings)| signal(&format!("risk.signals[{index}]"), settings, names, problems, warnings))
        .collect();
    let observe = observe(&settings.observe.unwrap_or_default(), problems);
    let half_life = settings.half_life.map_or(DEFAULT_HALF_LIFE, |span| span.0);
    span("risk.half_life", half_life, SHORTEST, problems);
    let slow_down = settings.slow_down.map(|settings| slow_down(&settings, problems));
    let lockout = settings.lockout.map(|settings| lockout(&settings, problems));
    let memory = settings.memory.map_or(DEFAULT_MEMORY, |size| size.0);
    if !(SMALLEST_MEMORY..=LARGEST_MEMORY).contains(&memory) {
        problems.add("risk.memory", "expected a size from `1MiB` to `256MiB`");
    }
    let Observe { networks, failures, spread } = observe;
    let tells = !signals.is_empty() || networks.is_some() || failures.is_some() || spread.is_some();
    if slow_down.is_some() && !tells {
        problems.add("risk.slow_down", "needs `signals` or `observe`: nothing tells of a risk");
    }
    if !tells && lockout.is_none() {
        problems.add("risk", "needs `signals`, `observe` or `lockout`; or leave it out");
    }
    let signals = signals.into_iter().collect::<Option<Vec<_>>>()?;
    (problems.len() == before).then_some(RiskSettings { signals, observe, half_life, lockout, slow_down, memory })
}

/// The check that a requirement asks for.
pub(super) fn check(path: &str, limit: u8, is_configured: bool, problems: &mut Problems) -> Option<Check> {
    if !is_configured {
        problems.add(path, "needs `risk` with `signals` or `observe`: nothing tells of a risk");
    }
    if !(1..=100).contains(&limit) {
        problems.add(path, "expected 1 to 100");
    }
    (is_configured && (1..=100).contains(&limit)).then_some(Check::RiskBelow(limit))
}

/// Can a requirement ask for the risk?
pub(super) fn tells(settings: &Settings) -> bool {
    let observe = settings.observe.as_ref();
    let seen = observe.is_some_and(|seen| seen.networks.is_some() || seen.failures.is_some() || seen.spread.is_some());
    seen || settings.signals.as_ref().is_some_and(|signals| !signals.is_empty())
}

fn signal(
    path: &str,
    settings: SignalSettings,
    names: &AccessNames,
    problems: &mut Problems,
    warnings: &mut Vec<String>,
) -> Option<Signal> {
    let source = match (settings.claim, settings.header) {
        (Some(name), None) => {
            if settings.trusted_proxies.is_some() {
                problems.add(join(path, "trusted_proxies"), "does not go with `claim`");
            }
            claim_fit_to_decide(&join(path, "claim"), name, problems).map(SignalSource::Claim)
        }
        (None, Some(name)) => {
            if !is_token(name.as_bytes()) {
                problems.add(join(path, "header"), format!("`{name}` is not a header's name"));
            }
            let at = join(path, "trusted_proxies");
            let proxies = names.networks(&at, &settings.trusted_proxies.unwrap_or_default(), problems);
            warn_of_all(&at, proxies.as_deref().unwrap_or_default(), warnings);
            proxies.map(|proxies| SignalSource::Header(name.to_ascii_lowercase(), proxies))
        }
        _ => {
            problems.add(path, "needs one of `claim` and `header`");
            None
        }
    };
    let reading = match (settings.scores, settings.numeric) {
        (Some(scores), None | Some(false)) => {
            let at = join(path, "scores");
            if scores.0.is_empty() {
                problems.add(&*at, "is empty; name the values");
            }
            for (word, value) in &scores.0 {
                score(&join(&at, word), *value, 0, problems);
            }
            Some(Reading::Words(scores.0))
        }
        (None, Some(true)) => Some(Reading::Numeric),
        _ => {
            problems.add(path, "needs one of `scores` and `\"numeric\": true`");
            None
        }
    };
    if let Some(absent) = settings.absent {
        score(&join(path, "absent"), absent, 0, problems);
    }
    Some(Signal { source: source?, reading: reading?, absent: settings.absent })
}

fn observe(settings: &ObserveSettings, problems: &mut Problems) -> Observe {
    let mut threshold = |name: &str, settings: Option<&ThresholdSettings>, most: u8| {
        let settings = settings?;
        let at = join("risk.observe", name);
        if !(1..=most).contains(&settings.more_than) {
            problems.add(join(&at, "more_than"), format!("expected 1 to {most}"));
        }
        span(&join(&at, "within"), settings.within.0, SHORTEST, problems);
        score(&join(&at, "score"), settings.score, 1, problems);
        Some(Threshold { more_than: settings.more_than, within: settings.within.0, score: settings.score })
    };
    Observe {
        networks: threshold("networks", settings.networks.as_ref(), MOST_NETWORKS),
        failures: threshold("failures", settings.failures.as_ref(), MOST_FAILURES.saturating_sub(1)),
        spread: threshold("spread", settings.spread.as_ref(), MOST_RULES),
    }
}

fn slow_down(settings: &SlowDownSettings, problems: &mut Problems) -> SlowDown {
    if settings.above >= 100 {
        problems.add("risk.slow_down.above", "expected 0 to 99: no score is above 100");
    }
    if settings.delay.0.is_zero() || settings.delay.0 > LONGEST_DELAY {
        problems.add("risk.slow_down.delay", "expected more than nothing and at most `5s`");
    }
    SlowDown { above: settings.above, delay: settings.delay.0 }
}

fn lockout(settings: &LockoutSettings, problems: &mut Problems) -> Lockout {
    if !(1..=MOST_FAILURES).contains(&settings.failures) {
        problems.add("risk.lockout.failures", format!("expected 1 to {MOST_FAILURES}"));
    }
    span("risk.lockout.within", settings.within.0, SHORTEST, problems);
    span("risk.lockout.for", settings.locked_for.0, Duration::from_secs(1), problems);
    Lockout { failures: settings.failures, within: settings.within.0, locked_for: settings.locked_for.0 }
}

fn span(path: &str, span: Duration, shortest: Duration, problems: &mut Problems) {
    if !(shortest..=LONGEST).contains(&span) {
        problems.add(path, format!("expected a span from `{}s` to `24h`", shortest.as_secs()));
    }
}

fn score(path: &str, score: u8, least: u8, problems: &mut Problems) {
    if !(least..=100).contains(&score) {
        problems.add(path, format!("expected {least} to 100"));
    }
}

/// Half an hour after something odd little is left of it.
const DEFAULT_HALF_LIFE: Duration = Duration::from_secs(10 * 60);

const DEFAULT_MEMORY: usize = 16 << 20;
const SMALLEST_MEMORY: usize = 1 << 20;
const LARGEST_MEMORY: usize = 256 << 20;

/// Times are kept in seconds, and an eighth of a window is let pass unnoted.
const SHORTEST: Duration = Duration::from_secs(10);
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Longer, and clients give up and come again.
const LONGEST_DELAY: Duration = Duration::from_secs(5);

// What a record may hold; see `access::risk`.
const MOST_NETWORKS: u8 = 8;
const MOST_FAILURES: u8 = 50;
const MOST_RULES: u8 = 32;
