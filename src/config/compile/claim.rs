//! How the configuration names a claim.

use crate::claim_path::ClaimPath;
use crate::config::problems::Problems;
use crate::config::settings::ClaimPathSettings;

/// The way to a claim; `None` if it has faults.
pub(super) fn claim_path(at: &str, settings: ClaimPathSettings, problems: &mut Problems) -> Option<ClaimPath> {
    let path = match settings {
        ClaimPathSettings::Dotted(text) => ClaimPath::parse(&text),
        ClaimPathSettings::Names(names) => ClaimPath::of_names(names),
    };
    match path {
        Ok(path) => Some(path),
        Err(flaw) => {
            problems.add(at, flaw.to_string());
            None
        }
    }
}
