//! Conditional access: policies, and which rules each is about.

use std::collections::HashSet;
use std::rc::Rc;

use super::{Names, requirement};
use crate::config::problems::{Problems, join};
use crate::config::settings::{BlockSettings, GrantSettings, HowManySettings, PolicySettings, RequirementSettings};
use crate::policy::conditional_access::{Grant, Policy};
use crate::policy::{Requirement, RuleName};

/// Policies with the rules that they are about.
#[derive(Default)]
pub(super) struct Policies(Vec<(Option<HashSet<String>>, Rc<Policy>)>);

impl Policies {
    /// Those about the rule of this name, in order.
    pub(super) fn about(&self, rule: &str) -> Vec<Rc<Policy>> {
        let about = self.0.iter().filter(|(rules, _)| rules.as_ref().is_none_or(|rules| rules.contains(rule)));
        about.map(|(_, policy)| Rc::clone(policy)).collect()
    }
}

pub(super) fn compile(
    settings: Vec<PolicySettings>,
    rules: &HashSet<String>,
    names: &Names<'_>,
    problems: &mut Problems,
) -> Policies {
    let mut taken = HashSet::new();
    let mut policies = Vec::with_capacity(settings.len());
    for (index, settings) in settings.into_iter().enumerate() {
        let path = format!("conditional_access[{index}]");
        // A policy is named as a rule is: both stand in the audit record.
        if RuleName::parse(&settings.name).is_err() {
            let message = format!("`{}` is not a policy name: 1 to 64 of `a-z`, `0-9`, `_` and `-`", settings.name);
            problems.add(join(&path, "name"), message);
        }
        if !taken.insert(settings.name.clone()) {
            problems.add(join(&path, "name"), format!("`{}` is the name of an earlier policy too", settings.name));
        }
        let about = about(&join(&path, "rules"), settings.rules, rules, problems);
        let mut condition = |name: &str, settings: Option<RequirementSettings>| match settings {
            None => Some(None),
            Some(settings) => requirement::compile(&join(&path, name), settings, names, problems).map(Some),
        };
        let (when, except) = (condition("when", settings.when), condition("except", settings.except));
        let grant = grant(&join(&path, "grant"), settings.grant, names, problems);
        if let (Some(when), Some(except), Some(grant)) = (when, except, grant) {
            let report_only = settings.report_only.unwrap_or(false);
            policies.push((about, Rc::new(Policy { name: settings.name.into(), when, except, grant, report_only })));
        }
    }
    Policies(policies)
}

fn about(
    path: &str,
    named: Option<Vec<String>>,
    rules: &HashSet<String>,
    problems: &mut Problems,
) -> Option<HashSet<String>> {
    let named = named?;
    if named.is_empty() {
        problems.add(path, "is empty, which is no rule; leave it out for every rule");
    }
    for (index, name) in named.iter().enumerate().filter(|(_, name)| !rules.contains(*name)) {
        problems.add(format!("{path}[{index}]"), format!("there is no rule `{name}`"));
    }
    Some(named.into_iter().collect())
}

fn grant(path: &str, settings: GrantSettings, names: &Names<'_>, problems: &mut Problems) -> Option<Grant> {
    let settings = match settings {
        GrantSettings::Block(BlockSettings::Block) => return Some(Grant::Block),
        GrantSettings::Controls(settings) => settings,
    };
    let at = join(path, "controls");
    if settings.controls.is_empty() {
        problems.add(&*at, "is empty; name what is asked for, or write `\"grant\": \"block\"`");
    }
    let controls = settings.controls.into_iter().enumerate();
    let controls: Vec<Option<Requirement>> = controls
        .map(|(index, settings)| requirement::compile(&format!("{at}[{index}]"), settings, names, problems))
        .collect();
    let controls = controls.into_iter().collect::<Option<Vec<_>>>()?;
    Some(match settings.require {
        HowManySettings::All => Grant::All(controls),
        HowManySettings::One => Grant::One(controls),
    })
}
