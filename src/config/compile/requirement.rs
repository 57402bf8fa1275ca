//! Requirement trees: every leaf against what it names.

use super::{Names, caller, risk};
use crate::certificate::holder;
use crate::config::problems::{Problems, join};
use crate::config::settings::{CallerSettings, RequirementSettings};
use crate::policy::requirement::Check;
use crate::policy::{Credentials, PathTemplate, Requirement};

/// Where a requirement stands, and what it may name there.
pub(super) struct Scope<'s, 'n> {
    pub(super) names: &'s Names<'n>,
    /// The paths of the rule that it belongs to, none if it belongs to none; `None` where they have faults of their own.
    paths: Option<&'s [PathTemplate]>,
    /// It says who has a role.
    pub(super) is_role: bool,
    /// It may be asked of the holder of a certificate and of the bearer of a token alike.
    mixed: bool,
}

impl Scope<'_, '_> {
    /// Each path of the rule has to have this parameter: one without it would deny every request.
    pub(super) fn check_named(&self, at: &str, name: &str, problems: &mut Problems) {
        let Some(paths) = self.paths else { return };
        if paths.is_empty() {
            problems.add(at, format!("there is no parameter `{name}`: no path of a rule is known here"));
        }
        for path in paths.iter().filter(|path| path.has_parameter(name).is_none()) {
            problems.add(at, format!("there is no parameter `{name}` in path `{path}`"));
        }
    }

    /// The same for one that is a single segment.
    pub(super) fn check_parameter(&self, at: &str, name: &str, problems: &mut Problems) {
        self.check_named(at, name, problems);
        for path in self.paths.unwrap_or_default().iter().filter(|path| path.has_parameter(name) == Some(false)) {
            problems.add(
                at,
                format!(
                    "`{{{name}...}}` of path `{path}` is any number of segments; only a `{{{name}}}` can be compared"
                ),
            );
        }
    }

    /// A token may have a claim by the name of a certificate's, and who has such a token would pass for the holder.
    pub(super) fn check_meaning<'c>(&self, at: &str, claims: impl IntoIterator<Item = &'c str>) {
        for name in claims.into_iter().filter(|name| self.mixed && holder::CLAIMS.contains(name)) {
            self.warn(format!(
                "{at}: a token may have a claim `{name}` too; ask for `certificates`, or for `\"callers\": [\"certificate\"]` beside it"
            ));
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
    let mixed = names.takes_certificates_and_tokens();
    compile_for(path, settings, &Scope { names, paths: Some(&[]), is_role: false, mixed }, 0, problems)
}

/// The same for who has a role.
pub(super) fn compile_for_role(
    path: &str,
    settings: RequirementSettings,
    names: &Names<'_>,
    problems: &mut Problems,
) -> Option<Requirement> {
    let mixed = names.takes_certificates_and_tokens();
    compile_for(path, settings, &Scope { names, paths: Some(&[]), is_role: true, mixed }, 0, problems)
}

/// The same for a rule with these paths, which takes these credentials.
pub(super) fn compile_for_rule(
    path: &str,
    settings: RequirementSettings,
    names: &Names<'_>,
    paths: Option<&[PathTemplate]>,
    accepts: Credentials,
    problems: &mut Problems,
) -> Option<Requirement> {
    let mixed = accepts.certificate && accepts.token;
    compile_for(path, settings, &Scope { names, paths, is_role: false, mixed }, 0, problems)
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
    let mixed = scope.mixed && !settings.callers.as_ref().is_some_and(|kinds| one_meaning(kinds));
    let scope = &Scope { mixed, ..*scope };
    let mut circumstances = scope.names.access.checks(path, &mut settings, problems);
    if let Some(limit) = settings.risk_below.take() {
        let check = risk::check(&join(path, "risk_below"), limit, scope.names.risk, problems);
        circumstances = circumstances.zip(check).map(|(mut circumstances, check)| {
            circumstances.push(check);
            circumstances
        });
    }
    let each = |name: &str, list: Vec<RequirementSettings>, problems: &mut Problems| {
        let at = join(path, name);
        if list.is_empty() {
            problems.add(&*at, "is empty; name what is asked for, or leave it out");
        }
        // Each is looked at, so that the faults of all of them are found.
        let compiled: Vec<Option<Requirement>> = list
            .into_iter()
            .enumerate()
            .map(|(index, settings)| compile_for(&format!("{at}[{index}]"), settings, scope, deeper, problems))
            .collect();
        compiled.into_iter().collect::<Option<Vec<_>>>()
    };
    let mut nested = Vec::new();
    if let Some(list) = settings.all_of.take() {
        nested.push(each("all_of", list, problems).map(Requirement::AllOf));
    }
    if let Some(list) = settings.any_of.take() {
        nested.push(each("any_of", list, problems).map(Requirement::AnyOf));
    }
    if let Some(inner) = settings.not.take() {
        let inner = compile_for(&join(path, "not"), *inner, scope, deeper, problems);
        nested.push(inner.map(|inner| Requirement::Not(Box::new(inner))));
    }
    let caller = caller::checks(path, &mut settings, scope, problems);
    // A circumstance whose name stands for something faulty has its fault elsewhere.
    let circumstances = circumstances.map(|circumstances| circumstances.into_iter().map(circumstance));
    let nested = nested.into_iter().collect::<Option<Vec<_>>>();
    // The plain checks first: who lacks a scope is told so, and not sent for a sign-in that would not help.
    let mut parts: Vec<Requirement> = caller.into_iter().map(Requirement::Check).collect();
    parts.extend(circumstances?);
    parts.extend(nested?);
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

/// Do these callers have the claims of a certificate in one way only?
fn one_meaning(kinds: &[CallerSettings]) -> bool {
    kinds.iter().all(|kind| *kind == CallerSettings::Certificate) || !kinds.contains(&CallerSettings::Certificate)
}

fn circumstance(check: crate::access::Check) -> Requirement {
    Requirement::Check(Check::Circumstance(check))
}

/// Evaluation goes one call deeper for each; people stop reading long before.
const MAX_DEPTH: usize = 16;
