//! The document as it arrives: JSON text to a value, with each repeated member found and `${NAME}` filled in.
//!
//! The strict reader of tokens stops at the first repeated member; an operator wants them all, with their paths.
//!
//! A configuration given to Envoy as a `google.protobuf.StringValue` arrives as its text; one given as a
//! `google.protobuf.Struct` arrives as that message's bytes (seen with Envoy 1.36 and 1.40), and can repeat no member.

use std::cell::RefCell;
use std::fmt;

use prost::Message;
use prost_types::Struct;
use prost_types::value::Kind;
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::problems::{Problems, join};

/// Reads `text` and fills in `${NAME}` in every string with what `environment` says.
///
/// `$${` stands for a literal `${`.
///
/// # Errors
/// Text that is not JSON, repeated members, unset variables: all that can be found together.
pub(super) fn read(text: &[u8], environment: &dyn Fn(&str) -> Option<String>) -> Result<Value, Problems> {
    if let Some(message) = structured(text) {
        let mut value = object(message);
        let mut problems = Problems::default();
        substitute(&mut value, "", environment, &mut problems);
        return if problems.is_empty() { Ok(value) } else { Err(problems) };
    }
    let repeated = RefCell::new(Problems::default());
    let mut reader = serde_json::Deserializer::from_slice(text);
    let value = Reader { path: String::new(), repeated: &repeated }
        .deserialize(&mut reader)
        .and_then(|value| reader.end().map(|()| value));
    let mut problems = repeated.into_inner();
    match value {
        Ok(mut value) => {
            substitute(&mut value, "", environment, &mut problems);
            if problems.is_empty() { Ok(value) } else { Err(problems) }
        }
        Err(error) => {
            problems.add("", format!("not valid JSON: {error}"));
            Err(problems)
        }
    }
}

/// The message, if `bytes` are one and not text: its first field begins with a byte that is a line break in JSON, but no
/// JSON object goes on to be a whole, well-formed message.
fn structured(bytes: &[u8]) -> Option<Struct> {
    if bytes.first() != Some(&STRUCT_FIELDS) {
        return None;
    }
    Struct::decode(bytes).ok()
}

fn object(message: Struct) -> Value {
    let mut members = Map::new();
    for (name, value) in message.fields {
        members.insert(name, plain(value.kind));
    }
    Value::Object(members)
}

fn plain(kind: Option<Kind>) -> Value {
    match kind {
        None | Some(Kind::NullValue(_)) => Value::Null,
        Some(Kind::BoolValue(value)) => Value::Bool(value),
        Some(Kind::StringValue(text)) => Value::String(text),
        Some(Kind::NumberValue(number)) => numeric(number),
        Some(Kind::ListValue(list)) => Value::Array(list.values.into_iter().map(|item| plain(item.kind)).collect()),
        Some(Kind::StructValue(members)) => object(members),
    }
}

/// Every number in a Struct is a double; whole ones were written as integers.
fn numeric(number: f64) -> Value {
    let Some(double) = Number::from_f64(number) else { return Value::Null };
    let text = double.to_string();
    Value::Number(text.strip_suffix(".0").and_then(|whole| whole.parse().ok()).unwrap_or(double))
}

/// Field 1, length-delimited.
const STRUCT_FIELDS: u8 = 0x0a;

/// Reads one value at `path`. Depth is bounded by serde_json's own limit of 128.
struct Reader<'a> {
    path: String,
    repeated: &'a RefCell<Problems>,
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
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

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        loop {
            let path = format!("{}[{}]", self.path, list.len());
            match items.next_element_seed(Reader { path, repeated: self.repeated })? {
                Some(item) => list.push(item),
                None => return Ok(Value::Array(list)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let path = join(&self.path, &name);
            let value = members.next_value_seed(Reader { path: path.clone(), repeated: self.repeated })?;
            if map.insert(name, value).is_some() {
                self.repeated.borrow_mut().add(path, "is given twice");
            }
        }
        Ok(Value::Object(map))
    }
}

fn substitute(value: &mut Value, path: &str, environment: &dyn Fn(&str) -> Option<String>, problems: &mut Problems) {
    match value {
        Value::String(text) if text.contains("${") => match filled(text, environment) {
            Ok(filled) => *text = filled,
            Err(message) => problems.add(path, message),
        },
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                substitute(item, &format!("{path}[{index}]"), environment, problems);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                substitute(member, &join(path, name), environment, problems);
            }
        }
        _ => {}
    }
}

/// What a variable holds is taken as it is: a `${` in it is not looked at again.
fn filled(text: &str, environment: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        if let Some(literal) = before.strip_suffix('$') {
            out.push_str(literal);
            out.push_str("${");
            rest = after;
            continue;
        }
        let Some((name, tail)) = after.split_once('}') else {
            return Err("`${` has no closing `}`; write `$${` for a literal `${`".to_owned());
        };
        let Some(value) = environment(name) else {
            return Err(format!(
                "environment variable `{name}` is not set for the filter; name it in `environment_variables` of Envoy's `vm_config`"
            ));
        };
        out.push_str(before);
        out.push_str(&value);
        rest = tail;
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read_with(text: &str) -> Result<Value, String> {
        let environment = |name: &str| match name {
            "TENANT" => Some("t-1".to_owned()),
            "ODD" => Some("${TENANT}".to_owned()),
            _ => None,
        };
        read(text.as_bytes(), &environment).map_err(|problems| problems.to_string())
    }

    #[test]
    fn every_repeated_member_is_named_with_its_path() {
        assert_eq!(
            read_with(r#"{"a":[{"b":1,"b":2}],"a":3,"\u0061":4}"#),
            Err("a[0].b: is given twice\na: is given twice\na: is given twice".to_owned())
        );
    }

    #[test]
    fn variables_are_filled_in_once() {
        assert_eq!(
            read_with(r#"{"a":"x-${TENANT}-y","b":["$${TENANT}","${ODD}"]}"#),
            Ok(json!({"a":"x-t-1-y","b":["${TENANT}","${TENANT}"]}))
        );
        assert!(
            read_with(r#"{"a":{"b":["${MISSING}"]}}"#)
                .unwrap_err()
                .starts_with("a.b[0]: environment variable `MISSING` is not set")
        );
        assert!(read_with(r#"{"a":"${TENANT"}"#).unwrap_err().contains("no closing"));
    }

    #[test]
    fn a_struct_reads_like_the_text_of_it() {
        let value = |kind| prost_types::Value { kind: Some(kind) };
        let list =
            prost_types::ListValue { values: vec![value(Kind::NumberValue(100.0)), value(Kind::BoolValue(true))] };
        let fields = [
            ("a".to_owned(), value(Kind::StringValue("${TENANT}".to_owned()))),
            ("b".to_owned(), value(Kind::ListValue(list))),
            ("c".to_owned(), value(Kind::StructValue(Struct::default()))),
        ];
        let message = Struct { fields: fields.into_iter().collect() }.encode_to_vec();
        let read = read(&message, &|_| Some("t-1".to_owned()));
        assert_eq!(read, Ok(json!({"a": "t-1", "b": [100, true], "c": {}})));
        assert_eq!(read_with("\n{\"a\": 1}"), Ok(json!({"a": 1})));
    }

    #[test]
    fn what_is_not_json_is_refused_with_its_line() {
        for text in ["", "{", "{}x", "\u{feff}{}", "{\"a\":1,}", "[1e999]"] {
            assert!(read_with(text).unwrap_err().contains("not valid JSON"), "{text}");
        }
        let deep = "[".repeat(100_000);
        assert!(read_with(&deep).unwrap_err().contains("recursion limit"));
    }
}
