//! The way to a claim within a token: its name, or the names of the objects around it.

use std::fmt;

use serde_json::{Map, Value};

/// Why something does not name a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimPathFlaw {
    /// No name, or an empty one between two dots.
    EmptyName,
    /// More than [`MAX_NAMES`] names.
    TooDeep,
}

impl ClaimPathFlaw {
    /// Stable code.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::EmptyName => "claim_path_empty_name",
            Self::TooDeep => "claim_path_too_deep",
        }
    }
}

impl fmt::Display for ClaimPathFlaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EmptyName => f.write_str("a name of the claim is empty"),
            Self::TooDeep => write!(f, "the claim has more than {MAX_NAMES} names"),
        }
    }
}

impl std::error::Error for ClaimPathFlaw {}

/// Something on the way to a claim has no members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAnObject;

/// The way to a claim: its name, or the names of the objects around it and then its own. Lists are not entered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimPath {
    names: Vec<String>,
}

impl ClaimPath {
    /// Reads `oid` or `realm_access.roles`: a dot goes one object deeper. For a name with dots in it, such as
    /// `https://claims.example/role`, use [`of_names`](Self::of_names).
    ///
    /// # Errors
    ///
    /// A [`ClaimPathFlaw`].
    pub fn parse(dotted: &str) -> Result<Self, ClaimPathFlaw> {
        Self::of_names(dotted.split('.').map(str::to_owned).collect())
    }

    /// Takes names as they are, outermost first.
    ///
    /// # Errors
    ///
    /// A [`ClaimPathFlaw`].
    pub fn of_names(names: Vec<String>) -> Result<Self, ClaimPathFlaw> {
        if names.is_empty() || names.iter().any(String::is_empty) {
            return Err(ClaimPathFlaw::EmptyName);
        }
        if names.len() > MAX_NAMES {
            return Err(ClaimPathFlaw::TooDeep);
        }
        Ok(Self { names })
    }

    /// The claim, if it is there and every name before it is an object.
    #[must_use]
    pub fn find<'c>(&self, claims: &'c Map<String, Value>) -> Option<&'c Value> {
        let (first, rest) = self.names.split_first()?;
        rest.iter().try_fold(claims.get(first)?, |value, name| value.as_object()?.get(name))
    }

    /// The same, where it matters why there is none.
    ///
    /// # Errors
    ///
    /// [`NotAnObject`] if a name before the last stands for something that has no members: the claim is not absent then, it
    /// can't be read.
    pub fn reach<'c>(&self, claims: &'c Map<String, Value>) -> Result<Option<&'c Value>, NotAnObject> {
        let Some((last, before)) = self.names.split_last() else { return Ok(None) };
        let mut members = claims;
        for name in before {
            match members.get(name) {
                None => return Ok(None),
                Some(value) => members = value.as_object().ok_or(NotAnObject)?,
            }
        }
        Ok(members.get(last))
    }

    /// The name of the outermost claim.
    #[must_use]
    pub fn first(&self) -> &str {
        self.names.first().map_or("", String::as_str)
    }
}

impl fmt::Display for ClaimPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.names.join("."))
    }
}

/// Deeper than any token of a known issuer.
pub const MAX_NAMES: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_path_goes_through_objects_only() {
        let claims = json!({"a": {"b": {"c": 1}, "l": [{"c": 2}]}, "x.y": 3, "n": null});
        let claims = claims.as_object().unwrap();
        let find = |dotted: &str| ClaimPath::parse(dotted).unwrap().find(claims).cloned();
        assert_eq!(find("a.b.c"), Some(json!(1)));
        assert_eq!(find("n"), Some(Value::Null));
        for absent in ["b", "a.c", "a.b.c.d", "a.l.c", "a.l.0", "x.y", "n.a"] {
            assert_eq!(find(absent), None, "{absent}");
        }
        assert_eq!(ClaimPath::of_names(vec!["x.y".into()]).unwrap().find(claims), Some(&json!(3)));
    }

    #[test]
    fn a_path_has_names() {
        for bad in ["", ".", "a.", ".a", "a..b"] {
            assert_eq!(ClaimPath::parse(bad), Err(ClaimPathFlaw::EmptyName), "{bad}");
        }
        assert_eq!(ClaimPath::of_names(Vec::new()), Err(ClaimPathFlaw::EmptyName));
        assert_eq!(ClaimPath::of_names(vec!["a".into(); MAX_NAMES + 1]), Err(ClaimPathFlaw::TooDeep));
    }
}
