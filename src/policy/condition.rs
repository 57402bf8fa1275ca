//! What else a rule can match by: headers and query parameters.
//!
//! Whoever sends a request chooses its headers and its query, so a condition tells requests apart; it guards nothing that
//! the next rule, without it, does not guard.
//!
//! A header or parameter that comes more than once satisfies a condition only with every copy: servers differ on which one
//! they take, and a rule must not speak for a request that is another one to the server behind it.

use crate::http::{HeaderMap, query};

/// Headers and query parameters that a rule asks for; all of them have to be so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    /// By name, in lower case and in order.
    headers: Vec<(String, Expected)>,
    /// By name, decoded and in order.
    query: Vec<(String, Expected)>,
}

/// What a header or parameter must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// There.
    Present,
    /// There, and one of these.
    OneOf(Vec<String>),
}

/// What of a request conditions are about.
#[derive(Clone, Copy, Debug)]
pub struct Details<'a> {
    /// Its headers; `None` where they are those of a request still to come, which may have any.
    pub headers: Option<&'a HeaderMap>,
    /// Its query, as it came.
    pub query: &'a [u8],
}

impl Conditions {
    /// Conditions on these headers and query parameters. Header names are compared without case; so are names of parameters,
    /// because servers differ on it.
    #[must_use]
    pub fn new(headers: Vec<(String, Expected)>, query: Vec<(String, Expected)>) -> Self {
        let in_order = |mut named: Vec<(String, Expected)>| {
            named.iter_mut().for_each(|(name, _)| name.make_ascii_lowercase());
            named.sort_by(|(one, _), (other, _)| one.cmp(other));
            named
        };
        Self { headers: in_order(headers), query: in_order(query) }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.headers.len().saturating_add(self.query.len())
    }

    /// `true` when nothing is asked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.headers.is_empty() && self.query.is_empty()
    }

    /// A name that is there twice.
    #[must_use]
    pub fn repeated(&self) -> Option<&str> {
        let twice = |named: &'_ [(String, Expected)]| {
            let pairs = named.iter().zip(named.iter().skip(1));
            pairs.filter(|(one, other)| one.0 == other.0).map(|(one, _)| one.0.clone()).next()
        };
        let name = twice(&self.headers).or_else(|| twice(&self.query))?;
        self.headers.iter().chain(&self.query).map(|(other, _)| other.as_str()).find(|other| *other == name)
    }

    /// Are they all so?
    #[must_use]
    pub fn hold(&self, details: &Details<'_>) -> bool {
        let of_headers = details.headers.is_none_or(|headers| {
            self.headers
                .iter()
                .all(|(name, expected)| expected.holds(headers.values(name), |value, text| value == text.as_bytes()))
        });
        of_headers
            && self
                .query
                .iter()
                .all(|(name, expected)| expected.holds(query::values(details.query, name), query::is_text))
    }

    /// Whether they hold wherever `other` holds, as far as each can be compared with its namesake.
    #[must_use]
    pub fn cover(&self, other: &Self) -> bool {
        let covers = |ours: &[(String, Expected)], theirs: &[(String, Expected)]| {
            ours.iter()
                .all(|(name, expected)| theirs.iter().any(|(other, theirs)| name == other && expected.covers(theirs)))
        };
        covers(&self.headers, &other.headers) && covers(&self.query, &other.query)
    }
}

impl Expected {
    fn holds<'v>(&self, mut values: impl Iterator<Item = &'v [u8]>, is: impl Fn(&[u8], &str) -> bool) -> bool {
        let fits = |value: &[u8]| match self {
            Self::Present => true,
            Self::OneOf(texts) => texts.iter().any(|text| is(value, text)),
        };
        values.next().is_some_and(|first| fits(first) && values.all(fits))
    }

    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Present, _) => true,
            (Self::OneOf(_), Self::Present) => false,
            (Self::OneOf(ours), Self::OneOf(theirs)) => theirs.iter().all(|text| ours.contains(text)),
        }
    }
}

/// Each is looked for among all headers or parameters of a request.
pub const MAX_CONDITIONS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Pair;

    fn conditions(headers: &[(&str, Expected)], query: &[(&str, Expected)]) -> Conditions {
        let named = |named: &[(&str, Expected)]| {
            named.iter().map(|(name, expected)| ((*name).to_owned(), expected.clone())).collect()
        };
        Conditions::new(named(headers), named(query))
    }

    fn one_of(texts: &[&str]) -> Expected {
        Expected::OneOf(texts.iter().map(|text| (*text).to_owned()).collect())
    }

    fn hold(conditions: &Conditions, headers: &[(&str, &[u8])], query: &str) -> bool {
        let pairs: Vec<Pair> = headers.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.to_vec())).collect();
        conditions.hold(&Details { headers: Some(&pairs.into()), query: query.as_bytes() })
    }

    #[test]
    fn a_header_has_one_of_the_values_in_every_copy() {
        let gold = conditions(&[("X-Tier", one_of(&["gold", "silver"]))], &[]);
        assert!(
            hold(&gold, &[("x-tier", b"gold")], "") && hold(&gold, &[("x-tier", b"gold"), ("X-TIER", b"silver")], "")
        );
        let others: [&[(&str, &[u8])]; 6] = [
            &[],
            &[("x-tier", b"Gold")],
            &[("x-tier", b"")],
            &[("x-tier", b"gold,silver")],
            &[("x-tier", b"gold"), ("x-tier", b"bronze")],
            &[("x-tier", b"\xff")],
        ];
        for headers in others {
            assert!(!hold(&gold, headers, ""), "{headers:?}");
        }
        let present = conditions(&[("x-tier", Expected::Present)], &[]);
        assert!(hold(&present, &[("x-tier", b"")], "") && hold(&present, &[("x-tier", b"\xff"), ("x-tier", b"a")], ""));
        assert!(!hold(&present, &[], ""));
    }

    #[test]
    fn a_parameter_is_compared_decoded_in_every_copy() {
        let full = conditions(&[], &[("view", one_of(&["full & more"]))]);
        for query in ["view=full+%26%20more", "a=1&VIEW=full%20%26%20more&b", "%76iew=full+%26+more&view=full+%26+more"]
        {
            assert!(hold(&full, &[], query), "{query}");
        }
        for query in [
            "",
            "view",
            "view=",
            "view=full",
            "view=Full+%26+more",
            "view=full+%26+more&view=full",
            "xview=full+%26+more",
        ] {
            assert!(!hold(&full, &[], query), "{query}");
        }
        assert!(hold(&conditions(&[], &[("view", Expected::Present)]), &[], "a&view"));
    }

    #[test]
    fn a_request_still_to_come_may_have_any_header() {
        let both = conditions(&[("x-tier", one_of(&["gold"]))], &[("view", Expected::Present)]);
        assert!(both.hold(&Details { headers: None, query: b"view" }));
        assert!(!both.hold(&Details { headers: None, query: b"" }));
    }

    #[test]
    fn what_covers_what() {
        let (gold, more) = (one_of(&["gold"]), one_of(&["silver", "gold"]));
        for (one, other, covers) in [
            (conditions(&[], &[]), conditions(&[("a", gold.clone())], &[]), true),
            (conditions(&[("a", Expected::Present)], &[]), conditions(&[("A", gold.clone())], &[]), true),
            (conditions(&[("a", more.clone())], &[]), conditions(&[("a", gold.clone())], &[]), true),
            (conditions(&[("a", gold.clone())], &[]), conditions(&[("a", more)], &[]), false),
            (conditions(&[("a", gold.clone())], &[]), conditions(&[("b", gold.clone())], &[]), false),
            (conditions(&[("a", gold.clone())], &[]), conditions(&[], &[("a", gold.clone())]), false),
            (conditions(&[("a", gold.clone())], &[]), conditions(&[("a", Expected::Present)], &[]), false),
        ] {
            assert_eq!(one.cover(&other), covers, "{one:?} {other:?}");
        }
        assert_eq!(conditions(&[("a", gold.clone()), ("b", gold.clone()), ("A", gold)], &[]).repeated(), Some("a"));
    }
}
