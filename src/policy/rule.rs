//! What a rule is called and what it matches.

use std::fmt;

use super::condition::Conditions;
use super::host::HostPattern;
use super::template::PathTemplate;
use crate::http::name::is_token;

/// Why a text is not a rule's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleNameFlaw(String);

impl RuleNameFlaw {
    /// Stable code.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        "rule_bad_name"
    }
}

impl fmt::Display for RuleNameFlaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not a rule name: 1 to 64 of `a-z`, `0-9`, `_` and `-`", self.0)
    }
}

impl std::error::Error for RuleNameFlaw {}

/// The name of a rule, as audit records and metrics show it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RuleName(String);

impl RuleName {
    /// Reads 1 to 64 of `a-z`, `0-9`, `_` and `-`.
    ///
    /// # Errors
    ///
    /// [`RuleNameFlaw`] for anything else.
    pub fn parse(text: &str) -> Result<Self, RuleNameFlaw> {
        let is_name = (1..=MAX_NAME_BYTES).contains(&text.len())
            && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'));
        if is_name { Ok(Self(text.to_owned())) } else { Err(RuleNameFlaw(text.to_owned())) }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RuleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is not a method that a rule can name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MethodFlaw(String);

impl MethodFlaw {
    /// Stable code.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        "rule_bad_method"
    }
}

impl fmt::Display for MethodFlaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not a method in upper case", self.0)
    }
}

impl std::error::Error for MethodFlaw {}

/// A method that a rule names: a token without lower-case letters. Methods are compared with case (RFC 9110 section
/// 9.1), and `get` in a rule would be a mistake.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Method(String);

impl Method {
    /// Reads a method.
    ///
    /// # Errors
    ///
    /// [`MethodFlaw`] if it is not a token or has a lower-case letter.
    pub fn parse(text: &str) -> Result<Self, MethodFlaw> {
        if is_token(text.as_bytes()) && !text.bytes().any(|byte| byte.is_ascii_lowercase()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(MethodFlaw(text.to_owned()))
        }
    }

    /// The method as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a rule matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MatchSpec {
    /// The rule.
    pub name: RuleName,
    /// Any of these hosts; none named: every host.
    pub hosts: Vec<HostPattern>,
    /// Any of these paths; none named: every path.
    pub paths: Vec<PathTemplate>,
    /// Any of these methods; none named: every method.
    pub methods: Vec<Method>,
    /// With these headers and query parameters.
    pub conditions: Conditions,
}

const MAX_NAME_BYTES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_name_is_safe_in_a_metric() {
        assert_eq!(RuleName::parse("orders_v2-read").unwrap().as_str(), "orders_v2-read");
        for bad in ["", "Orders", "a b", "a.b", "a\n", "é", &"a".repeat(65)] {
            assert_eq!(RuleName::parse(bad), Err(RuleNameFlaw(bad.to_owned())));
        }
    }

    #[test]
    fn a_method_is_an_upper_case_token() {
        assert_eq!(Method::parse("M-SEARCH").unwrap().as_str(), "M-SEARCH");
        for bad in ["", "get", "Get", "GE T", "GET,POST", "*\n"] {
            assert_eq!(Method::parse(bad), Err(MethodFlaw(bad.to_owned())));
        }
    }
}
