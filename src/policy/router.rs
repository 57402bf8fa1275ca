//! The most specific rule that matches host, path and method.
//!
//! A rule matches if one of its hosts, one of its paths and one of its methods do. Of all rules that match, the most
//! specific speaks; nobody counts priorities:
//!
//! 1. host: exact, then `*.` with the longest name, then rules without hosts;
//! 2. path, segment by segment from the left: literal, then `{name}`, then `{name...}`;
//! 3. method: named, then for `HEAD` what `GET` says (RFC 9110 section 9.3.2: a `HEAD` is a `GET` without its body, so
//!    whoever may do the one may do the other), then rules without methods.
//!
//! Two rules that are alike in all three are a [`RouteConflict`], so there are no ties. A more specific rule for
//! another method does not hide a less specific one: `GET /a/b` leaves `POST /a/b` to `/a/{rest...}`.
//!
//! Cost: a trie over segments holds each host's rules. A search visits a node of the trie at most once, and only nodes
//! whose literal or parameter fits; a request cannot make it visit one twice.

use std::collections::HashMap;
use std::fmt;

use super::host::HostPattern;
use super::rule::{MatchSpec, Method, RuleName};
use super::template::{Captured, Part, PathTemplate};

/// A rule that can never speak for something it names, because another does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteConflict {
    /// The rule that comes first in the configuration.
    pub earlier: RuleName,
    /// The rule that would never be asked; the same one, if it says one thing twice.
    pub later: RuleName,
    /// What both name, as the later one writes it: method, host and path, `*` for those left out.
    pub subject: String,
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
        let Self { earlier, later, subject } = self;
        if earlier == later {
            write!(f, "rule `{later}` names `{subject}` twice")
        } else {
            write!(f, "rule `{later}` is never asked about `{subject}`: rule `{earlier}` names the same")
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

    /// The rule that speaks for a request, if there is one.
    ///
    /// `host` in its normal form ([`crate::http::host::normalise`]), `segments` decoded
    /// ([`crate::http::Target::segments`]).
    #[must_use]
    pub fn find<'a>(&'a self, host: &str, method: &str, segments: &'a [String]) -> Option<RouteMatch<'a, T>> {
        let end = self.hosts.tries(host).find_map(|trie| trie.find(segments, method))?;
        let (rule, value) = self.rules.get(end.rule)?;
        Some(RouteMatch { rule, value, template: self.templates.get(end.template)?, segments })
    }

    /// Names of all rules, in the order of the configuration.
    pub fn rules(&self) -> impl Iterator<Item = &RuleName> {
        self.rules.iter().map(|(name, _)| name)
    }

    fn insert(&mut self, rule: usize, spec: MatchSpec, conflicts: &mut Vec<RouteConflict>) {
        let MatchSpec { name, hosts, mut paths, methods } = spec;
        if paths.is_empty() {
            paths.push(PathTemplate::every_path());
        }
        for path in paths {
            let end = End { rule, template: self.templates.len() };
            for host in named_or_any(&hosts) {
                let ends = self.hosts.trie_mut(host).ends_mut(path.parts());
                for method in named_or_any(&methods) {
                    let Some(earlier) = ends.insert(method, end) else { continue };
                    if conflicts.len() >= MAX_CONFLICTS {
                        return;
                    }
                    let earlier = self.rules.get(earlier.rule).map_or(&name, |(name, _)| name).clone();
                    conflicts.push(RouteConflict {
                        earlier,
                        later: name.clone(),
                        subject: subject(host, &path, method),
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
    fn find(&self, segments: &[String], method: &str) -> Option<End> {
        let Some((segment, after)) = segments.split_first() else {
            return self.ends.find(method).or_else(|| self.rest.find(method));
        };
        let literal = || self.literals.get(segment)?.find(after, method);
        let parameter = || self.parameter.as_ref().filter(|_| !segment.is_empty())?.find(after, method);
        literal().or_else(parameter).or_else(|| self.rest.find(method))
    }
}

/// The rules that end at one place of the trie, by method.
#[derive(Debug, Default)]
struct Ends {
    methods: HashMap<String, End>,
    any: Option<End>,
}

#[derive(Clone, Copy, Debug)]
struct End {
    rule: usize,
    template: usize,
}

impl Ends {
    /// Keeps the first, and returns it if there was one.
    fn insert(&mut self, method: Option<&Method>, end: End) -> Option<End> {
        let earlier = match method {
            Some(method) => self.methods.get(method.as_str()).copied(),
            None => self.any,
        };
        if earlier.is_none() {
            match method {
                Some(method) => drop(self.methods.insert(method.as_str().to_owned(), end)),
                None => self.any = Some(end),
            }
        }
        earlier
    }

    fn find(&self, method: &str) -> Option<End> {
        let named = self.methods.get(method);
        let as_get = || if method == "HEAD" { self.methods.get("GET") } else { None };
        named.or_else(as_get).copied().or(self.any)
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

/// Enough to mend a configuration by.
const MAX_CONFLICTS: usize = 100;

#[cfg(test)]
mod tests;
