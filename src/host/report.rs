//! What a worker tells an operator beside its decisions: lines of the log when something changes, and gauges.

use super::metrics::Metrics;
use crate::engine::Engine;
use crate::groups::Outcome as GroupsOutcome;
use crate::introspection::Outcome as TokenOutcome;
use crate::provider::key_cache::Outcome as KeyOutcome;
use crate::time::UnixTime;

/// What the log was told, so that it is told once.
#[derive(Default)]
pub(super) struct Told {
    /// What the log was last told of the keys of each issuer, in the engine's order.
    keys: Vec<Option<KeyOutcome>>,
    /// And of groups.
    groups: Option<GroupsOutcome>,
    /// And of tokens of each provider that is asked about them.
    tokens: Vec<Option<TokenOutcome>>,
    /// Which engines that count limits it was told are left alone, in the engine's order.
    engines: Vec<bool>,
}

impl Told {
    /// Says once what became of a fetch: an operator whose requests get 503 has no other way to learn why.
    pub(super) fn tell(&mut self, engine: &mut Engine, now: UnixTime) {
        for (index, (name, health)) in engine.key_health(now).enumerate() {
            if self.keys.len() <= index {
                self.keys.push(None);
            }
            let Some(told) = self.keys.get_mut(index) else { continue };
            if *told == health.last_outcome {
                continue;
            }
            match &health.last_outcome {
                // Whoever fetched them has said so.
                None | Some(KeyOutcome::Adopted) => {}
                Some(outcome @ KeyOutcome::Fetched) => {
                    let (keys, skipped) = (health.keys, health.skipped);
                    log::info!("{name}: {outcome}: {keys} usable, {skipped} left out");
                }
                Some(outcome) => {
                    log::warn!("{name}: no new keys ({}): {outcome}", outcome.reason());
                }
            }
            *told = health.last_outcome;
        }
        let outcome = engine.groups_health().and_then(|health| health.last_outcome);
        if outcome != self.groups {
            match outcome {
                None => {}
                Some(outcome @ GroupsOutcome::Resolved) => log::info!("groups: {outcome}"),
                Some(outcome) => log::warn!("groups: none found ({}): {outcome}", outcome.reason()),
            }
            self.groups = outcome;
        }
        let outcomes = engine.introspection_health().map(|(name, health)| (name, health.last_outcome));
        let outcomes: Vec<_> = outcomes.collect();
        self.tokens.resize(outcomes.len(), None);
        for (told, (name, outcome)) in self.tokens.iter_mut().zip(outcomes) {
            match outcome.filter(|_| *told != outcome) {
                None => {}
                Some(outcome @ TokenOutcome::Answered) => log::info!("{name}: {outcome}"),
                Some(outcome) => log::warn!("{name}: a token is not known ({}): {outcome}", outcome.reason()),
            }
            *told = outcome;
        }
        self.tell_of_engines(engine);
    }

    /// Says once that an engine does not count limits any more, and once that it does again.
    fn tell_of_engines(&mut self, engine: &mut Engine) {
        for (index, health) in engine.global_limits_health().enumerate() {
            if self.engines.len() <= index {
                self.engines.push(false);
            }
            let Some(told) = self.engines.get_mut(index).filter(|told| **told != health.rests) else {
                continue;
            };
            *told = health.rests;
            let cluster = health.cluster;
            match health.last_outcome {
                Some(Err(failure)) => {
                    log::warn!("limits: nobody counts at cluster `{cluster}` ({}): {failure}", failure.reason());
                }
                _ => log::info!("limits: cluster `{cluster}` counts again"),
            }
        }
        for (cluster, limit) in engine.unlimited_elsewhere() {
            log::warn!(
                "limits: `{limit}` is without a limit for some: cluster `{cluster}` has none for their descriptor, or does not tell"
            );
        }
    }
}

/// Sets the gauges.
pub(super) fn report(engine: &Engine, metrics: &mut Metrics, now: UnixTime) {
    for (name, health) in engine.key_health(now) {
        if let Some(age) = health.age {
            metrics.set(&format!("portcullis.keys.{name}.age_seconds"), age.as_secs());
        }
        metrics.set(&format!("portcullis.keys.{name}.count"), wide(health.keys));
        metrics.set(&format!("portcullis.keys.{name}.failures"), health.failures.into());
    }
    if let Some(health) = engine.api_keys_health(now) {
        // Sums, not one for each key: there may be thousands, and the host keeps each gauge for good.
        metrics.set("portcullis.api_keys.count", wide(health.keys));
        metrics.set("portcullis.api_keys.expiring", wide(health.expiring));
        metrics.set("portcullis.api_keys.expired", wide(health.expired));
        if let Some(left) = health.next_expiry {
            metrics.set("portcullis.api_keys.next_expiry_seconds", left.as_secs());
        }
    }
    let (tokens, bytes) = engine.remembered_tokens();
    metrics.share("portcullis.token_cache.entries", wide(tokens));
    metrics.share("portcullis.token_cache.bytes", wide(bytes));
    if let Some(health) = engine.groups_health() {
        metrics.share("portcullis.groups.callers", wide(health.callers));
        metrics.share("portcullis.groups.bytes", wide(health.bytes));
        metrics.share("portcullis.groups.pending", wide(health.pending));
        metrics.share("portcullis.groups.failures", health.failures.into());
    }
    for (name, health) in engine.introspection_health() {
        metrics.share(&format!("portcullis.introspection.{name}.tokens"), wide(health.tokens));
        metrics.share(&format!("portcullis.introspection.{name}.bytes"), wide(health.bytes));
        metrics.share(&format!("portcullis.introspection.{name}.pending"), wide(health.pending));
        metrics.share(&format!("portcullis.introspection.{name}.failures"), health.failures.into());
    }
    let (forgotten, crowded) = engine.limits_wanting();
    metrics.share("portcullis.limits.forgotten", forgotten);
    metrics.share("portcullis.limits.crowded", crowded);
    for health in engine.global_limits_health() {
        let name = |what: &str| format!("portcullis.rate_limit_engine.{}.{what}", metric_part(health.cluster));
        metrics.share(&name("waiting"), wide(health.waiting));
        metrics.share(&name("failures"), health.failures.into());
    }
    metrics.share("portcullis.waiting_aside", u64::from(engine.aside()));
    metrics.share("portcullis.waiting_requests", u64::from(engine.waiting()));
}

fn wide(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// A cluster may have any name, and a metric's parts have dots between them.
fn metric_part(name: &str) -> String {
    let plain = |letter: char| if letter.is_ascii_alphanumeric() || letter == '-' { letter } else { '_' };
    name.chars().map(plain).collect()
}
