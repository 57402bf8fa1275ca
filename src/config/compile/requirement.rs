//! Requirement trees: every leaf against what it names.

use super::Names;
use crate::config::problems::{Problems, join};
use crate::config::settings::{AnyOrAllSettings, RequirementSettings};
use crate::policy::Requirement;
use crate::policy::requirement::Check;

/// The tree at `path`; `None` if it has faults.
pub(super) fn compile(
    path: &str,
    mut settings: RequirementSettings,
    names: &Names<'_>,
    problems: &mut Problems,
) -> Option<Requirement> {
    let before = problems.len();
    let mut parts = Vec::new();
    let circumstances = names.access.checks(path, &mut settings, problems);
    let each = |name: &str, list: Vec<RequirementSettings>, problems: &mut Problems| {
        let at = join(path, name);
        if list.is_empty() {
            problems.add(&*at, "is empty; name what is asked for, or leave it out");
        }
        let compiled = list.into_iter().enumerate();
        compiled
            .filter_map(|(index, settings)| compile(&format!("{at}[{index}]"), settings, names, problems))
            .collect::<Vec<_>>()
    };
    if let Some(list) = settings.all_of {
        parts.push(Requirement::AllOf(each("all_of", list, problems)));
    }
    if let Some(list) = settings.any_of {
        parts.push(Requirement::AnyOf(each("any_of", list, problems)));
    }
    if let Some(inner) = settings.not {
        parts.extend(
            compile(&join(path, "not"), *inner, names, problems).map(|inner| Requirement::Not(Box::new(inner))),
        );
    }
    if let Some(AnyOrAllSettings::Any(scopes)) = settings.scopes {
        parts.push(Requirement::Check(Check::Scopes(scopes.into())));
    }
    parts.extend(circumstances.into_iter().map(circumstance));
    if problems.len() > before {
        return None;
    }
    match parts.len() {
        0 => {
            problems.add(path, "asks for nothing; name what is asked for, or leave it out");
            None
        }
        1 => parts.pop(),
        _ => Some(Requirement::AllOf(parts)),
    }
}

fn circumstance(check: crate::access::Check) -> Requirement {
    Requirement::Check(Check::Circumstance(check))
}
