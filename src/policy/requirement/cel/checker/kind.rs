//! Types of values, as far as they are known at load.

/// What is known of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Any,
    Boolean,
    Int,
    UInt,
    Double,
    Text,
    List,
    Map,
    Null,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Any => "anything",
            Self::Boolean => "true or false",
            Self::Int => "a whole number",
            Self::UInt => "a whole number without sign",
            Self::Double => "a number",
            Self::Text => "a text",
            Self::List => "a list",
            Self::Map => "something with members",
            Self::Null => "null",
        }
    }

    pub(super) fn compares_with(self, other: Self) -> bool {
        self == other
            || self == Self::Any
            || other == Self::Any
            || (NUMBERS.contains(&self) && NUMBERS.contains(&other))
    }
}

pub(super) const ORDERED: [Kind; 4] = [Kind::Int, Kind::UInt, Kind::Double, Kind::Text];
pub(super) const ADDED: [Kind; 5] = [Kind::Int, Kind::UInt, Kind::Double, Kind::Text, Kind::List];
pub(super) const NUMBERS: [Kind; 3] = [Kind::Int, Kind::UInt, Kind::Double];
pub(super) const KEYS: [Kind; 4] = [Kind::Int, Kind::UInt, Kind::Text, Kind::Boolean];
pub(super) const CONVERTED: [Kind; 5] = [Kind::Int, Kind::UInt, Kind::Double, Kind::Text, Kind::Boolean];
