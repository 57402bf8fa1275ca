//! An object whose member names the operator chooses.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::ControlFlow;

use deserr::{Deserr, ErrorKind, IntoValue, Map, MergeWithError, Value, ValueKind, ValuePointerRef, take_cf_content};
use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::problems::Problems;

/// Names and values, in the order of the reader. deserr 0.6 reads maps as well, but forgets the errors of their values: a provider with a fault would
/// be left out of the configuration without a word.
#[derive(Debug)]
pub struct Named<T>(pub Vec<(String, T)>);

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Deserr<Problems>> Deserr<Problems> for Named<T> {
    fn deserialize_from_value<V: IntoValue>(value: Value<V>, location: ValuePointerRef) -> Result<Self, Problems> {
        let Value::Map(members) = value else {
            let kind = ErrorKind::IncorrectValueKind { actual: value, accepted: &[ValueKind::Map] };
            return Err(take_cf_content(deserr::DeserializeError::error(None, kind, location)));
        };
        let mut named = Vec::new();
        let mut problems: Option<Problems> = None;
        for (name, value) in members.into_iter() {
            match T::deserialize_from_value(value.into_value(), location.push_key(&name)) {
                Ok(value) => {
                    named.push((name, value));
                }
                Err(more) => {
                    problems = match Problems::merge(problems, more, location) {
                        ControlFlow::Continue(all) | ControlFlow::Break(all) => Some(all),
                    };
                }
            }
        }
        problems.map_or(Ok(Self(named)), Err)
    }
}

impl<T: JsonSchema> JsonSchema for Named<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        BTreeMap::<String, T>::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        BTreeMap::<String, T>::json_schema(generator)
    }
}
