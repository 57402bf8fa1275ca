//! Requirement trees: every leaf against what it names.

use super::{Names, caller, risk};
use crate::config::problems::{Problems, join};
use crate::config::settings::RequirementSettings;
use crate::policy::requirement::Check;
use crate::policy::{PathTemplate, Requirement};

/// Where a requirement stands, and what it may name there.
pub(super) struct Scope<'s, 'n> {
    pub(super) names: &'s Names<'n>,
    /// The paths of the rule that it belongs to, none if it belongs to none; `None` where they have faults of their own.
    paths: Option<&'s [PathTemplate]>,
}

impl Scope<'_, '_> {
    /// Each path of the rule has to have this parameter: one without it would deny every request.
    pub(super) fn check_parameter(&self, at: &str, name: &str, problems: &mut Problems) {
        let Some(paths) = self.paths else { return };
        if paths.is_empty() {
            problems.add(at, format!("there is no parameter `{name}`: no path of a rule is known here"));
        }
        for path in paths {
            match path.has_parameter(name) {
                Some(true) => {}
                Some(false) => problems.add(
                    at,
                    format!("`{{{name}...}}` of path `{path}` is any number of segments; only a `{{{name}}}` can be compared"),
                ),
                None => problems.add(at, format!("there is no parameter `{name}` in path `{path}`")),
            }
        }
    }

    pub(super) fn warn(&self, warning: String) {
        self.names.warnings.borrow_mut().push(warning);
    }
}

/// The tree at `path`, which belongs to no single rule; `None` if it has faults.
pub(super) fn compile(
    path: &str,
    settings: RequirementSettings,
    names: &Names<'_>,
    problems: &mut Problems,
) -> Option<Requirement> {
    compile_for(path, settings, &Scope { names, paths: Some(&[]) }, 0, problems)
}

/// The same for a rule with these paths.
pub(super) fn compile_for_rule(
    path: &str,
    settings: RequirementSettings,
    names: &Names<'_>,
    paths: Option<&[PathTemplate]>,
    problems: &mut Problems,
) -> Option<Requirement> {
    compile_for(path, settings, &Scope { names, paths }, 0, problems)
}

fn compile_for(
    path: &str,
    mut settings: RequirementSettings,
    scope: &Scope<'_, '_>,
    depth: usize,
    problems: &mut Problems,
) -> Option<Requirement> {
    let before = problems.len();
    if depth > MAX_DEPTH {
        problems.add(path, format!("is more than {MAX_DEPTH} requirements deep"));
        return None;
    }
    let deeper = depth.saturating_add(1);
    let mut parts = Vec::new();
    let mut circumstances = scope.names.access.checks(path, &mut settings, problems);
    if let Some(limit) = settings.risk_below.take() {
        circumstances.extend(risk::check(&join(path, "risk_below"), limit, scope.names.risk, problems));
    }
    let each = |name: &str, list: Vec<RequirementSettings>, problems: &mut Problems| {
        let at = join(path, name);
        if list.is_empty() {
            problems.add(&*at, "is empty; name what is asked for, or leave it out");
        }
        let compiled = list.into_iter().enumerate();
        compiled
            .filter_map(|(index, settings)| compile_for(&format!("{at}[{index}]"), settings, scope, deeper, problems))
            .collect::<Vec<_>>()
    };
    if let Some(list) = settings.all_of.take() {
        parts.push(Requirement::AllOf(each("all_of", list, problems)));
    }
    if let Some(list) = settings.any_of.take() {
        parts.push(Requirement::AnyOf(each("any_of", list, problems)));
    }
    if let Some(inner) = settings.not.take() {
        parts.extend(
            compile_for(&join(path, "not"), *inner, scope, deeper, problems)
                .map(|inner| Requirement::Not(Box::new(inner))),
        );
    }
    parts.extend(caller::checks(path, &mut settings, scope, problems).into_iter().map(Requirement::Check));
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

/// Evaluation goes one call deeper for each; people stop reading long before.
const MAX_DEPTH: usize = 16;
