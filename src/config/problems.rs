//! What is wrong with a configuration: every fault at once, each with its path in the document and what was expected.

use std::fmt;
use std::ops::ControlFlow;

use crate::api_key::text::blanked;
use deserr::{DeserializeError, ErrorKind, IntoValue, MergeWithError, Value, ValueKind, ValuePointerRef};

/// One fault: where (`providers.entra.audiences[0]`; empty for the document itself) and what.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The path of the setting at fault.
    pub path: String,
    /// What is wrong and what was expected; lower case, no full stop.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() { write!(f, "{}", self.message) } else { write!(f, "{}: {}", self.path, self.message) }
    }
}

/// All faults of one document, in the order they were found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Adds one. Whatever in it has the form of an API key is blanked: a key that is written where something else belongs must not
    /// get into a log by that.
    pub fn add(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.0.push(Problem { path: blanked(path.into()), message: blanked(message.into()) });
    }

    /// Adds that there is no `kind` by this name among the `known`.
    pub(super) fn add_unknown<K: AsRef<str>>(
        &mut self,
        path: impl Into<String>,
        kind: &str,
        name: &str,
        known: impl IntoIterator<Item = K>,
    ) {
        let known: Vec<String> = known.into_iter().map(|known| format!("`{}`", known.as_ref())).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        self.add(path, format!("there is no {kind} `{name}`; known: {known}"));
    }

    /// Adds all of `other`.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// `true` when nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each fault.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

/// A value of the right JSON type that says something impossible; carries the whole sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid(pub String);

impl MergeWithError<Self> for Problems {
    fn merge(self_: Option<Self>, other: Self, _: ValuePointerRef) -> ControlFlow<Self, Self> {
        let mut all = self_.unwrap_or_default();
        all.extend(other);
        ControlFlow::Continue(all)
    }
}

impl MergeWithError<Invalid> for Problems {
    fn merge(self_: Option<Self>, other: Invalid, at: ValuePointerRef) -> ControlFlow<Self, Self> {
        let mut all = self_.unwrap_or_default();
        all.add(path(at), other.0);
        ControlFlow::Continue(all)
    }
}

impl DeserializeError for Problems {
    fn error<V: IntoValue>(self_: Option<Self>, error: ErrorKind<V>, at: ValuePointerRef) -> ControlFlow<Self, Self> {
        let mut all = self_.unwrap_or_default();
        let (at, message) = match error {
            ErrorKind::IncorrectValueKind { actual, accepted } => {
                (path(at), format!("expected {}, found {}", kinds(accepted), kind(actual_kind(&actual))))
            }
            ErrorKind::MissingField { field } => (path(at.push_key(field)), "is required".to_owned()),
            ErrorKind::UnknownKey { key, accepted } => {
                (path(at.push_key(key)), format!("unknown setting; known here: {}", listed(accepted)))
            }
            ErrorKind::UnknownValue { value, accepted } => {
                (path(at), format!("unknown value `{value}`; expected one of {}", listed(accepted)))
            }
            ErrorKind::BadSequenceLen { expected, .. } => (path(at), format!("expected {expected} items")),
            ErrorKind::Unexpected { msg } => (path(at), msg),
        };
        all.add(at, message);
        ControlFlow::Continue(all)
    }
}

fn path(at: ValuePointerRef) -> String {
    match at {
        ValuePointerRef::Origin => String::new(),
        ValuePointerRef::Key { key, prev } => join(&path(*prev), key),
        ValuePointerRef::Index { index, prev } => format!("{}[{index}]", path(*prev)),
    }
}

/// `parent.key`, or `key` at the top.
#[must_use]
pub(super) fn join(parent: &str, key: &str) -> String {
    if parent.is_empty() { key.to_owned() } else { format!("{parent}.{key}") }
}

fn actual_kind<V: IntoValue>(value: &Value<V>) -> ValueKind {
    value.kind()
}

fn kind(kind: ValueKind) -> &'static str {
    match kind {
        ValueKind::Null => "null",
        ValueKind::Boolean => "true or false",
        ValueKind::Integer => "a number",
        ValueKind::NegativeInteger => "a negative number",
        ValueKind::Float => "a number with a fraction",
        ValueKind::String => "a string",
        ValueKind::Sequence => "a list",
        ValueKind::Map => "an object",
    }
}

fn kinds(accepted: &[ValueKind]) -> String {
    let whole = match accepted.contains(&ValueKind::NegativeInteger) {
        _ if accepted.contains(&ValueKind::Float) => "a number",
        true => "a whole number",
        false => "a whole number from 0",
    };
    let name = |accepted: &ValueKind| match accepted {
        ValueKind::Integer | ValueKind::NegativeInteger | ValueKind::Float => whole,
        other => kind(*other),
    };
    let mut names: Vec<&str> = accepted.iter().map(name).collect();
    names.dedup();
    names.join(" or ")
}

fn listed(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}
