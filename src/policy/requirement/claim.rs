//! Any claim by its path, with a typed comparison.
//!
//! A claim of another type than the comparison's can't be told: `"7"` is not 7, and a text is no list of one. Absent is
//! not so, whatever is asked, but for `present: false`.

use std::cmp::Ordering;

use serde_json::{Number, Value};

use crate::claim_path::{ClaimPath, NotAnObject};
use crate::identity::Identity;
use crate::policy::lack::Lack;
use crate::policy::requirement::granted::has_overage;
use crate::verdict::Verdict;

/// A claim and what it is compared with.
#[derive(Clone, Debug)]
pub struct ClaimCheck {
    /// Which claim.
    pub path: ClaimPath,
    /// What it must say.
    pub comparison: Comparison,
}

/// What a claim must say.
#[derive(Clone, Debug, PartialEq)]
pub enum Comparison {
    /// This.
    Equals(Scalar),
    /// One of these.
    OneOf(Vec<Scalar>),
    /// A list with each of these in it.
    ContainsAll(Vec<Scalar>),
    /// A list with one of these in it.
    ContainsAny(Vec<Scalar>),
    /// A text that starts so.
    Prefix(String),
    /// A number between two, both included.
    Range {
        /// Not less than this.
        min: Option<Number>,
        /// Not more than this.
        max: Option<Number>,
    },
    /// Something, or nothing.
    Present(bool),
}

/// A value without parts.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar {
    /// True or false.
    Boolean(bool),
    /// A number.
    Number(Number),
    /// A text.
    Text(String),
}

impl Scalar {
    /// Whether `value` is the same; `None` if it is of another type.
    fn equals(&self, value: &Value) -> Option<bool> {
        match (self, value) {
            (Self::Boolean(wanted), Value::Bool(found)) => Some(wanted == found),
            (Self::Number(wanted), Value::Number(found)) => Some(compare(found, wanted) == Some(Ordering::Equal)),
            (Self::Text(wanted), Value::String(found)) => Some(wanted == found),
            _ => None,
        }
    }

    /// Whether `value` is one of `wanted`; `None` if it is of none of their types.
    fn is_one_of(value: &Value, wanted: &[Self]) -> Option<bool> {
        let mut comparable = wanted.iter().filter_map(|wanted| wanted.equals(value)).peekable();
        comparable.peek()?;
        Some(comparable.any(|equal| equal))
    }
}

pub(super) fn check(check: &ClaimCheck, caller: &Identity) -> Verdict<Lack> {
    let malformed = || Verdict::Unknown(Lack::Unclear("claim_malformed"));
    let value = match check.path.reach(caller.claims()) {
        Err(NotAnObject) | Ok(Some(Value::Null)) => return malformed(),
        Ok(None) if check.path.first() == "groups" && has_overage(caller.claims()) => {
            return Verdict::Unknown(Lack::GroupsOverage);
        }
        Ok(value) => value,
    };
    let met = match (&check.comparison, value) {
        (Comparison::Present(wanted), value) => Some(value.is_some() == *wanted),
        (_, None) => Some(false),
        (comparison, Some(value)) => is_so(comparison, value),
    };
    met.map_or_else(malformed, |met| Verdict::of(met, || Lack::Claim))
}

fn is_so(comparison: &Comparison, value: &Value) -> Option<bool> {
    match comparison {
        Comparison::Equals(wanted) => wanted.equals(value),
        Comparison::OneOf(wanted) => Scalar::is_one_of(value, wanted),
        Comparison::ContainsAny(wanted) => {
            let found: Option<Vec<bool>> =
                value.as_array()?.iter().map(|value| Scalar::is_one_of(value, wanted)).collect();
            Some(found?.contains(&true))
        }
        Comparison::ContainsAll(wanted) => {
            let list = value.as_array()?;
            list.iter().map(|value| Scalar::is_one_of(value, wanted)).collect::<Option<Vec<bool>>>()?;
            Some(wanted.iter().all(|wanted| list.iter().any(|value| wanted.equals(value) == Some(true))))
        }
        Comparison::Prefix(prefix) => Some(value.as_str()?.starts_with(prefix.as_str())),
        Comparison::Range { min, max } => {
            let number = value.as_number()?;
            let above = min.as_ref().map_or(Some(true), |min| compare(number, min).map(Ordering::is_ge))?;
            let below = max.as_ref().map_or(Some(true), |max| compare(number, max).map(Ordering::is_le))?;
            Some(above && below)
        }
        Comparison::Present(wanted) => Some(*wanted),
    }
}

/// Whole numbers exactly; others as doubles, as every JSON parser has them.
fn compare(one: &Number, other: &Number) -> Option<Ordering> {
    let whole = |number: &Number| number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
    match (whole(one), whole(other)) {
        (Some(one), Some(other)) => Some(one.cmp(&other)),
        _ => one.as_f64()?.partial_cmp(&other.as_f64()?),
    }
}
