//! Limits that are counted elsewhere.

use std::rc::Rc;
use std::time::Duration;

use crate::config::problems::{Problems, join};
use crate::config::settings::{DescriptorEntrySettings, GlobalLimitSettings, OnFailureSettings};
use crate::rate_limit::global::{GlobalLimit, OnFailure};

/// The limit `name` at an engine, whose `path` is that of its `global`. `engines` are the clusters, each once.
pub(super) fn global(
    path: &str,
    name: &str,
    settings: GlobalLimitSettings,
    engines: &mut Vec<String>,
    problems: &mut Problems,
) -> GlobalLimit {
    let domain = settings.domain.unwrap_or_else(|| DEFAULT_DOMAIN.to_owned());
    for (at, text) in [("cluster", &settings.cluster), ("domain", &domain)] {
        if text.is_empty() || text.len() > LONGEST_TEXT {
            problems.add(join(path, at), format!("expected 1 to {LONGEST_TEXT} bytes"));
        }
    }
    if settings.cluster.contains("://") {
        problems
            .add(join(path, "cluster"), "expected the name of a cluster in Envoy's configuration, found an address");
    }
    let timeout = settings.timeout.map_or(DEFAULT_TIMEOUT, |span| span.0);
    if !(SHORTEST_TIMEOUT..=LONGEST_TIMEOUT).contains(&timeout) {
        problems.add(join(path, "timeout"), "expected a span from `5ms` to `1s`: a request is waiting");
    }
    GlobalLimit {
        engine: place(settings.cluster, engines),
        domain: Rc::from(domain),
        entries: entries(&join(path, "descriptor"), name, settings.descriptor, problems),
        timeout,
        on_failure: match settings.on_failure {
            OnFailureSettings::Allow => OnFailure::Allow,
            OnFailureSettings::Deny => OnFailure::Deny,
            OnFailureSettings::Local => OnFailure::Local,
        },
        remembers: settings.remember.unwrap_or(true),
    }
}

fn place(cluster: String, engines: &mut Vec<String>) -> usize {
    engines.iter().position(|known| *known == cluster).unwrap_or_else(|| {
        engines.push(cluster);
        engines.len().saturating_sub(1)
    })
}

fn entries(
    path: &str,
    name: &str,
    settings: Option<Vec<DescriptorEntrySettings>>,
    problems: &mut Problems,
) -> Vec<(String, String)> {
    let Some(settings) = settings else { return vec![("generic_key".to_owned(), name.to_owned())] };
    if settings.len() > MOST_ENTRIES {
        problems.add(path, format!("there are more than {MOST_ENTRIES} entries"));
    }
    for (index, entry) in settings.iter().enumerate() {
        // An engine refuses a descriptor with an entry without a name.
        for (at, text) in [("key", &entry.key), ("value", &entry.value)] {
            if text.is_empty() || text.len() > LONGEST_TEXT {
                problems.add(format!("{path}[{index}].{at}"), format!("expected 1 to {LONGEST_TEXT} bytes"));
            }
        }
    }
    settings.into_iter().map(|entry| (entry.key, entry.value)).collect()
}

const DEFAULT_DOMAIN: &str = "portcullis";

const DEFAULT_TIMEOUT: Duration = Duration::from_millis(50);
/// The timer of a host that starts the call ticks in milliseconds.
const SHORTEST_TIMEOUT: Duration = Duration::from_millis(5);
/// A request that waits holds memory.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(1);

const MOST_ENTRIES: usize = 8;
const LONGEST_TEXT: usize = 256;
