//! Circumstances that rules ask for.

use crate::access::Check;
use crate::config::problems::Problems;

/// From one of these networks.
pub(super) fn networks(path: &str, names: Vec<String>, problems: &mut Problems) -> Option<Check> {
    if names.is_empty() {
        problems.add(path, "is empty");
        return None;
    }
    Some(Check::Networks(names.into()))
}
