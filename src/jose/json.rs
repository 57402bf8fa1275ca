//! JSON as a security boundary may read it: one reading or none.
//!
//! The grammar is serde_json's (RFC 8259). On top of it: nothing before or after the value, valid UTF-8, no member twice
//! in one object at any level (RFC 7515 section 4 and RFC 7519 section 4 allow a refusal; two parsers that keep different
//! ones would see two tokens), and bounds on depth and number of values. Names are compared after unescaping and never
//! case-folded. Cost is linear in the text, but for a logarithm in the members of one object.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::map::Entry;
use serde_json::{Map, Value};

/// Bounds for one document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonLimits {
    /// How many arrays and objects may be open at once; serde_json itself stops at 127.
    pub depth: usize,
    /// How many object members and array elements there may be in all.
    pub members: usize,
}

/// Why a text was not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JsonFlaw {
    /// An object names a member twice.
    DuplicateMember,
    /// A value, but not an object.
    NotAnObject,
    /// Not valid UTF-8.
    NotUtf8,
    /// Not JSON, or something before or after it (a byte order mark included), or a number beyond a double.
    Syntax,
    /// More arrays and objects inside each other than allowed.
    TooDeep,
    /// More members and elements than allowed.
    TooManyMembers,
}

/// Reads one value.
///
/// # Errors
/// The first flaw found, reading from the start.
pub fn parse(bytes: &[u8], limits: &JsonLimits) -> Result<Value, JsonFlaw> {
    let text = std::str::from_utf8(bytes).map_err(|_| JsonFlaw::NotUtf8)?;
    let mut reading = Reading { members_left: limits.members, flaw: None };
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = AnyValue { depth_left: limits.depth, reading: &mut reading }.deserialize(&mut deserializer);
    match value.and_then(|value| deserializer.end().map(|()| value)) {
        Ok(value) => Ok(value),
        Err(_) => Err(reading.flaw.unwrap_or(JsonFlaw::Syntax)),
    }
}

/// Reads one object.
///
/// # Errors
/// As [`parse`], and [`JsonFlaw::NotAnObject`] for any other value.
pub fn parse_object(bytes: &[u8], limits: &JsonLimits) -> Result<Map<String, Value>, JsonFlaw> {
    match parse(bytes, limits)? {
        Value::Object(members) => Ok(members),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Err(JsonFlaw::NotAnObject)
        }
    }
}

impl Default for JsonLimits {
    /// Depth 16: claims nest two or three deep, verified claims of OpenID Connect reach eight. A thousand members:
    /// Entra ID writes at most 200 groups and 300 roles into a token, and 8 KiB of token hold few more.
    fn default() -> Self {
        Self { depth: 16, members: 1000 }
    }
}

impl JsonFlaw {
    /// A stable code for records and counters.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::DuplicateMember => "json_duplicate_member",
            Self::NotAnObject => "json_not_an_object",
            Self::NotUtf8 => "json_not_utf8",
            Self::Syntax => "json_syntax",
            Self::TooDeep => "json_too_deep",
            Self::TooManyMembers => "json_too_many_members",
        }
    }
}

impl fmt::Display for JsonFlaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DuplicateMember => "a member appears twice in one object",
            Self::NotAnObject => "not a JSON object",
            Self::NotUtf8 => "not valid UTF-8",
            Self::Syntax => "not valid JSON",
            Self::TooDeep => "JSON nested too deep",
            Self::TooManyMembers => "JSON with too many members",
        })
    }
}

impl std::error::Error for JsonFlaw {}

/// What is shared by all levels of one reading. The flaw is kept here because serde's errors are text.
struct Reading {
    members_left: usize,
    flaw: Option<JsonFlaw>,
}

impl Reading {
    fn refuse<E: serde::de::Error>(&mut self, flaw: JsonFlaw) -> E {
        self.flaw = Some(flaw);
        E::custom("refused")
    }

    fn count_member<E: serde::de::Error>(&mut self) -> Result<(), E> {
        match self.members_left.checked_sub(1) {
            Some(left) => {
                self.members_left = left;
                Ok(())
            }
            None => Err(self.refuse(JsonFlaw::TooManyMembers)),
        }
    }
}

struct AnyValue<'r> {
    depth_left: usize,
    reading: &'r mut Reading,
}

impl AnyValue<'_> {
    fn inner_depth<E: serde::de::Error>(&mut self) -> Result<usize, E> {
        self.depth_left.checked_sub(1).ok_or_else(|| self.reading.refuse(JsonFlaw::TooDeep))
    }
}

impl<'de> DeserializeSeed<'de> for AnyValue<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for AnyValue<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        // Not a number and the infinities cannot be written in JSON; `from_f64` would turn them into null.
        serde_json::Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("not finite"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut elements: A) -> Result<Value, A::Error> {
        let depth_left = self.inner_depth()?;
        let mut values = Vec::new();
        while let Some(value) = elements.next_element_seed(AnyValue { depth_left, reading: self.reading })? {
            self.reading.count_member()?;
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<Value, A::Error> {
        let depth_left = self.inner_depth()?;
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            self.reading.count_member()?;
            let Entry::Vacant(place) = object.entry(name) else {
                return Err(self.reading.refuse(JsonFlaw::DuplicateMember));
            };
            place.insert(members.next_value_seed(AnyValue { depth_left, reading: self.reading })?);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests;
