//! Counters and gauges in the host, each defined once: a definition allocates in the host and is never given back.

use std::collections::HashMap;

use super::abi::{self, MetricType};

/// The ids of the metrics defined so far.
#[derive(Debug, Default)]
pub(super) struct Metrics {
    /// By rule and reason; see [`OTHER`].
    counters: HashMap<(Option<usize>, &'static str), u32>,
    /// By limit and outcome; there are at most 64 limits, of which few are in use.
    limits: Vec<((Box<str>, &'static str), u32)>,
    /// The ids, and this worker's share.
    gauges: HashMap<String, (u32, u64)>,
}

impl Metrics {
    /// Counts one decision of `rule` (its index, and its name) for `reason`, as `portcullis.requests.RULE.REASON`.
    pub(super) fn count(&mut self, rule: Option<usize>, name: &str, reason: &'static str) {
        if let Some(id) = self.counters.get(&(rule, reason)) {
            let _ = abi::increment_metric(*id, 1);
            return;
        }
        // Beyond the bound rules are no longer told apart, so that ten thousand of them do not become a million counters.
        if rule.is_some_and(|rule| rule != OTHER) && self.counters.len() >= MOST_COUNTERS {
            return self.count(Some(OTHER), "other", reason);
        }
        if let Ok(id) = abi::define_metric(MetricType::Counter, &format!("portcullis.requests.{name}.{reason}")) {
            self.counters.insert((rule, reason), id);
            let _ = abi::increment_metric(id, 1);
        }
    }

    /// Counts what came of a request in a limit, as `portcullis.limits.LIMIT.OUTCOME`.
    pub(super) fn count_limit(&mut self, limit: &str, outcome: &'static str) {
        if let Some((_, id)) = self.limits.iter().find(|((name, of), _)| **name == *limit && *of == outcome) {
            let _ = abi::increment_metric(*id, 1);
            return;
        }
        if let Ok(id) = abi::define_metric(MetricType::Counter, &format!("portcullis.limits.{limit}.{outcome}")) {
            self.limits.push(((limit.into(), outcome), id));
            let _ = abi::increment_metric(id, 1);
        }
    }

    /// Sets a gauge that says the same in every worker, such as the age of keys.
    pub(super) fn set(&mut self, name: &str, value: u64) {
        if let Some((id, _)) = self.gauge(name) {
            let _ = abi::record_metric(id, value);
        }
    }

    /// Sets this worker's share of a gauge that is the sum over all workers, such as the size of caches.
    pub(super) fn share(&mut self, name: &str, value: u64) {
        let Some((id, before)) = self.gauge(name) else { return };
        let signed = |value| i64::try_from(value).unwrap_or(i64::MAX);
        let change = signed(value).saturating_sub(signed(before));
        if change != 0 && abi::increment_metric(id, change).is_ok() {
            self.gauges.insert(name.to_owned(), (id, value));
        }
    }

    /// Takes back this worker's shares.
    pub(super) fn withdraw(&mut self) {
        for (id, share) in std::mem::take(&mut self.gauges).into_values() {
            if share != 0 {
                let _ = abi::increment_metric(id, i64::try_from(share).unwrap_or(i64::MAX).saturating_neg());
            }
        }
    }

    fn gauge(&mut self, name: &str) -> Option<(u32, u64)> {
        if let Some(known) = self.gauges.get(name) {
            return Some(*known);
        }
        let id = abi::define_metric(MetricType::Gauge, name).ok()?;
        self.gauges.insert(name.to_owned(), (id, 0));
        Some((id, 0))
    }
}

/// Stands for every rule beyond the bound. No configuration has so many.
const OTHER: usize = usize::MAX;

/// Two thousand counters are about a megabyte in Envoy.
const MOST_COUNTERS: usize = 2000;
