//! The most specific rule that matches host, path, method, headers and query.
//!
//! A rule matches if one of its hosts, one of its paths, one of its methods and all of its conditions on headers and query do. Of all rules that match, the most
//! specific speaks; nobody counts priorities:
//!
//! 1. host: exact, then `*.` with the longest name, then rules without hosts;
//! 2. path, segment by segment from the left: literal, then `{name}`, then `{name...}`;
//! 3. method: named, then for `HEAD` what `GET` says (RFC 9110 section 9.3.2: a `HEAD` is a `GET` without its body, so
//!    whoever may do the one may do the other), then rules without methods;
//! 4. headers and query: more conditions before fewer, and of as many the one that comes first in the configuration.
//!
//! A rule that is never asked is a [`RouteConflict`]: one that is alike in all of the first three and whose conditions are
//! covered by those of a rule that is asked before it. So nothing but the order of conditions is a matter of order. A more
//! specific rule for another method, or with conditions that do not hold, does not hide a less specific one: `GET /a/b`
//! leaves `POST /a/b` to `/a/{rest...}`.
//!
//! Cost: a trie over segments holds each host's rules. A search visits a node of the trie at most once, and only nodes
//! whose literal or parameter fits; a request cannot make it visit one twice. Where rules end, at most [`MAX_ALIKE`] differ by
//! conditions only.

use std::collections::HashMap;
use std::fmt;
use std::rc::Rc;

use super::condition::{Conditions, Details};
use super::host::HostPattern;
use super::rule::{MatchSpec, Method, RuleName};
use super::template::{Captured, Part, PathTemplate};
use crate::http::HeaderMap;

/// A rule that can never speak for something it names, because another does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteConflict {
    /// The rule that comes first in the configuration.
    pub earlier: RuleName,
    /// The rule that would never be asked; the same one, if it says one thing twice.
    pub later: RuleName,
    /// What both name, as the later one writes it: method, host and path, `*` for those left out.
    pub subject: String,
    /// Why it would not be asked.
    pub kind: ConflictKind,
}

/// Why a rule would never be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConflictKind {
    /// Another names the same.
    Same,
    /// Another names the same, and its conditions hold wherever this one's do.
    Covered,
    /// There are too many that differ by conditions only.
    TooMany,
}

impl RouteConflict {
    /// Stable code.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        "rule_unreachable"
    }
}

impl fmt::Display for RouteConflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { earlier, later, subject, kind } = self;
        match kind {
            ConflictKind::Same if earlier == later => write!(f, "rule `{later}` names `{subject}` twice"),
            ConflictKind::Same => {
                write!(f, "rule `{later}` is never asked about `{subject}`: rule `{earlier}` names the same")
            }
            ConflictKind::Covered => write!(
                f,
                "rule `{later}` is never asked about `{subject}`: the conditions of rule `{earlier}`, which is asked before it, hold wherever its own do"
            ),
            ConflictKind::TooMany => {
                write!(
                    f,
                    "rule `{later}`: more than {MAX_ALIKE} rules for `{subject}` differ only by headers and query"
                )
            }
        }
    }
}

impl std::error::Error for RouteConflict {}

/// Rules, ready to be searched. What a rule says is a `T`.
#[derive(Debug)]
pub struct Router<T> {
    rules: Vec<(RuleName, T)>,
    templates: Vec<PathTemplate>,
    hosts: Hosts,
}

/// The rule that speaks for a request.
#[derive(Debug)]
pub struct RouteMatch<'a, T> {
    rule: &'a RuleName,
    value: &'a T,
    template: &'a PathTemplate,
    segments: &'a [String],
}

impl<T> Router<T> {
    /// Builds the router.
    ///
    /// # Errors
    ///
    /// Every [`RouteConflict`] between the rules, up to 100 of them.
    pub fn new(rules: Vec<(MatchSpec, T)>) -> Result<Self, Vec<RouteConflict>> {
        let mut router =
            Self { rules: Vec::with_capacity(rules.len()), templates: Vec::new(), hosts: Hosts::default() };
        let mut conflicts = Vec::new();
        for (spec, value) in rules {
            let rule = router.rules.len();
            router.rules.push((spec.name.clone(), value));
            router.insert(rule, spec, &mut conflicts);
        }
        if conflicts.is_empty() { Ok(router) } else { Err(conflicts) }
    }

    /// The rule that speaks for a request without headers and query, if there is one; see [`find_with`](Self::find_with).
    #[must_use]
    pub fn find<'a>(&'a self, host: &str, method: &str, segments: &'a [String]) -> Option<RouteMatch<'a, T>> {
        self.find_with(host, method, segments, &Details { headers: Some(&HeaderMap::default()), query: b"" })
    }

    /// The rule that speaks for a request, if there is one.
    ///
    /// `host` in its normal form ([`crate::http::host::normalise`]), `segments` decoded
    /// ([`crate::http::Target::segments`]).
    #[must_use]
    pub fn find_with<'a>(
        &'a self,
        host: &str,
        method: &str,
        segments: &'a [String],
        details: &Details<'_>,
    ) -> Option<RouteMatch<'a, T>> {
        let end = self.hosts.tries(host).find_map(|trie| trie.find(segments, method, details))?;
        let (rule, value) = self.rules.get(end.rule)?;
        Some(RouteMatch { rule, value, template: self.templates.get(end.template)?, segments })
    }

    /// Names of all rules, in the order of the configuration.
    pub fn rules(&self) -> impl Iterator<Item = &RuleName> {
        self.rules.iter().map(|(name, _)| name)
    }

    fn insert(&mut self, rule: usize, spec: MatchSpec, conflicts: &mut Vec<RouteConflict>) {
        let MatchSpec { name, hosts, mut paths, methods, conditions } = spec;
        let conditions = Rc::new(conditions);
        if paths.is_empty() {
            paths.push(PathTemplate::every_path());
        }
        for path in paths {
            let end = End { rule, template: self.templates.len(), conditions: Rc::clone(&conditions) };
            for host in named_or_any(&hosts) {
                let ends = self.hosts.trie_mut(host).ends_mut(path.parts());
                for method in named_or_any(&methods) {
                    let Some((earlier, kind)) = ends.insert(method, &end) else { continue };
                    if conflicts.len() >= MAX_CONFLICTS {
                        return;
                    }
                    let earlier = self.rules.get(earlier).map_or(&name, |(name, _)| name).clone();
                    conflicts.push(RouteConflict {
                        earlier,
                        later: name.clone(),
                        subject: subject(host, &path, method),
                        kind,
                    });
                }
            }
            self.templates.push(path);
        }
    }
}

impl<'a, T> RouteMatch<'a, T> {
    /// The rule's name.
    #[must_use]
    pub fn rule(&self) -> &'a RuleName {
        self.rule
    }

    /// What the rule says.
    #[must_use]
    pub fn value(&self) -> &'a T {
        self.value
    }

    /// The one of its paths that matched.
    #[must_use]
    pub fn template(&self) -> &'a PathTemplate {
        self.template
    }

    /// Path parameters by name, in order.
    pub fn parameters(&self) -> impl Iterator<Item = (&'a str, Captured<'a>)> {
        self.template.capture(self.segments)
    }

    /// One path parameter.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<Captured<'a>> {
        self.parameters().find(|(other, _)| *other == name).map(|(_, captured)| captured)
    }
}

/// The rules of each host. A request's host is looked up exactly, then with its labels taken off from the left.
#[derive(Debug, Default)]
struct Hosts {
    exact: HashMap<String, Node>,
    below: HashMap<String, Node>,
    any: Node,
}

impl Hosts {
    fn trie_mut(&mut self, host: Option<&HostPattern>) -> &mut Node {
        match host {
            Some(HostPattern::Exact(host)) => self.exact.entry(host.clone()).or_default(),
            Some(HostPattern::Below(host)) => self.below.entry(host.clone()).or_default(),
            None => &mut self.any,
        }
    }

    /// The most specific first. A host has at most 255 bytes, so there are few suffixes to try.
    fn tries<'a>(&'a self, host: &'a str) -> impl Iterator<Item = &'a Node> {
        let parents = std::iter::successors(parent(host), |host| parent(host));
        let below = parents.filter_map(|host| self.below.get(host));
        self.exact.get(host).into_iter().chain(below).chain([&self.any])
    }
}

/// A place in the trie: what may follow, and whose rules end here.
#[derive(Debug, Default)]
struct Node {
    literals: HashMap<String, Node>,
    parameter: Option<Box<Node>>,
    ends: Ends,
    rest: Ends,
}

impl Node {
    fn ends_mut(&mut self, parts: &[Part]) -> &mut Ends {
        match parts.split_first() {
            None => &mut self.ends,
            Some((Part::Rest(_), _)) => &mut self.rest,
            Some((Part::Literal(text), rest)) => self.literals.entry(text.clone()).or_default().ends_mut(rest),
            Some((Part::Parameter(_), rest)) => self.parameter.get_or_insert_default().ends_mut(rest),
        }
    }

    /// No deeper than the longest template, whatever the request.
    fn find(&self, segments: &[String], method: &str, details: &Details<'_>) -> Option<&End> {
        let Some((segment, after)) = segments.split_first() else {
            return self.ends.find(method, details).or_else(|| self.rest.find(method, details));
        };
        let literal = || self.literals.get(segment)?.find(after, method, details);
        let parameter = || self.parameter.as_ref().filter(|_| !segment.is_empty())?.find(after, method, details);
        literal().or_else(parameter).or_else(|| self.rest.find(method, details))
    }
}

/// The rules that end at one place of the trie, by method; those with more conditions first.
#[derive(Debug, Default)]
struct Ends {
    methods: HashMap<String, Vec<End>>,
    any: Vec<End>,
}

#[derive(Clone, Debug)]
struct End {
    rule: usize,
    template: usize,
    conditions: Rc<Conditions>,
}

impl Ends {
    /// Keeps it, unless one of the two would never be asked then: returns the rule that is in its way.
    fn insert(&mut self, method: Option<&Method>, end: &End) -> Option<(usize, ConflictKind)> {
        let alike = match method {
            Some(method) => self.methods.entry(method.as_str().to_owned()).or_default(),
            None => &mut self.any,
        };
        if let Some(same) = alike.iter().find(|other| other.conditions == end.conditions) {
            return Some((same.rule, ConflictKind::Same));
        }
        // A covering one has no more conditions, and is asked first only if it has no fewer and comes first.
        let covers =
            |other: &&End| other.conditions.len() == end.conditions.len() && other.conditions.cover(&end.conditions);
        if let Some(covering) = alike.iter().find(covers) {
            return Some((covering.rule, ConflictKind::Covered));
        }
        if alike.len() >= MAX_ALIKE {
            return Some((end.rule, ConflictKind::TooMany));
        }
        let place = alike.iter().take_while(|other| other.conditions.len() >= end.conditions.len()).count();
        alike.insert(place, end.clone());
        None
    }

    fn find(&self, method: &str, details: &Details<'_>) -> Option<&End> {
        let holding = |ends: &'_ [End]| ends.iter().position(|end| end.conditions.hold(details));
        let of = |method: &str| {
            let ends = self.methods.get(method)?;
            ends.get(holding(ends)?)
        };
        let as_get = || if method == "HEAD" { of("GET") } else { None };
        of(method).or_else(as_get).or_else(|| self.any.get(holding(&self.any)?))
    }
}

fn parent(host: &str) -> Option<&str> {
    host.split_once('.').map(|(_, parent)| parent)
}

fn named_or_any<T>(named: &[T]) -> impl Iterator<Item = Option<&T>> {
    named.iter().map(Some).chain(named.is_empty().then_some(None))
}

fn subject(host: Option<&HostPattern>, path: &PathTemplate, method: Option<&Method>) -> String {
    let host = host.map_or_else(|| "*".to_owned(), HostPattern::to_string);
    format!("{} {host}{path}", method.map_or("*", Method::as_str))
}

/// Each of them is looked at for each request that gets there.
pub const MAX_ALIKE: usize = 64;

/// Enough to mend a configuration by.
const MAX_CONFLICTS: usize = 100;

#[cfg(test)]
mod tests;
