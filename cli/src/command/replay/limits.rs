//! Limits, as far as records tell of them.
//!
//! What is counted by who called, when and by which rule, is counted again, record after record. What hangs on more is taken out
//! of the configuration, and a request that would go on under it can't be told.

use std::time::Duration;

use portcullis::exchange::rehearsal::LimitTold;
use serde_json::Value;

use super::lacking::{Recorded, has_claim, of_requirement};

/// The limits of a configuration.
pub(super) struct Limits {
    limits: Vec<Replayed>,
    /// The places of those that apply, for each rule.
    of_rules: Vec<Vec<usize>>,
    /// They are all left out.
    without: bool,
}

struct Replayed {
    name: String,
    settings: Value,
    /// What it hangs on that no record has.
    lacking: Option<&'static str>,
}

impl Limits {
    /// Takes out of `document` what can't be counted again, or, `without` limits, all of them.
    pub(super) fn take(document: &mut Value, without: bool) -> Self {
        let limits: Vec<Replayed> = document
            .get("rate_limits")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .map(|(name, settings)| Replayed {
                name: name.clone(),
                settings: settings.clone(),
                lacking: lacking(settings).filter(|_| !without),
            })
            .collect();
        let gone: Vec<String> =
            limits.iter().filter(|limit| without || !strip(document, limit)).map(|limit| limit.name.clone()).collect();
        if let Some(settings) = document.get_mut("rate_limits").and_then(Value::as_object_mut) {
            settings.retain(|name, _| !gone.contains(name));
        }
        let mut of_rules = Vec::new();
        for rule in document.get_mut("rules").and_then(Value::as_array_mut).into_iter().flatten() {
            let named = rule.get_mut("limits").and_then(Value::as_array_mut);
            let names: Vec<String> = named.iter().flat_map(|named| named.iter().map(name_of)).collect();
            let applies = |limit: &Replayed| {
                names.contains(&limit.name) || limit.settings.get("all_rules").is_some_and(|all| all == true)
            };
            let places = limits.iter().enumerate().filter(|(_, limit)| applies(limit)).map(|(place, _)| place);
            of_rules.push(places.collect());
            if let Some(named) = named {
                named.retain(|limit| !gone.contains(&name_of(limit)));
            }
        }
        Self { limits, of_rules, without }
    }

    /// What the limits of a rule hang on that this record does not have. Without it nobody knows whether a request would go on; that
    /// one is refused is known, unless it is unknown what it was counted with.
    pub(super) fn hang_on(
        &self,
        document: &Value,
        rule: usize,
        recorded: Recorded<'_>,
        goes_on: bool,
    ) -> Option<String> {
        if self.without {
            return None;
        }
        let places = self.of_rules.get(rule)?;
        places.iter().filter_map(|place| self.limits.get(*place)).find_map(|limit| {
            let why = match limit.lacking {
                Some(lacking) if goes_on => lacking.to_owned(),
                Some(_) => return None,
                None => format!("`{}` of it is not in all records", limit.by_record(document, recorded)?),
            };
            Some(format!("it hangs on the limit `{}`: {why}", limit.name))
        })
    }

    /// A request that a limit refused would go on. Is that for want of records of what came before it? `counted` is how long
    /// all has been counted.
    pub(super) fn are_missed(&self, told: &[LimitTold], counted: Option<Duration>) -> Option<&'static str> {
        if self.without {
            return Some("a limit refused it, and limits are left out (--without-limits)");
        }
        let longest = told.iter().flat_map(|limit| &limit.left).map(|left| left.per).max()?;
        let is_whole = counted.is_some_and(|counted| counted >= Duration::from_secs(longest));
        (!is_whole).then_some("a limit refused it for requests before it, and the log does not have all of those")
    }
}

impl Replayed {
    /// What its key and its tiers hang on that this record does not have.
    fn by_record(&self, document: &Value, recorded: Recorded<'_>) -> Option<String> {
        // Nobody has no claims, and that is in the record.
        recorded.claims?;
        let list = |member: &str| self.settings.get(member).and_then(Value::as_array).into_iter().flatten();
        let mut paths = list("key").filter_map(|part| part.get("claim"));
        if paths.any(|path| !has_claim(path, recorded)) {
            return Some("claim".to_owned());
        }
        list("tiers").filter_map(|tier| tier.get("when")).find_map(|when| of_requirement(document, when, recorded))
    }
}

/// What this limit hangs on that no record has.
fn lacking(settings: &Value) -> Option<&'static str> {
    let has = |member: &str| settings.get(member).is_some_and(|value| !value.is_null());
    let list = |member: &str| settings.get(member).and_then(Value::as_array).into_iter().flatten();
    match () {
        () if has("global") => Some("an engine counts it, for other Envoys too"),
        () if settings.get("count").is_some_and(|count| count == "failures") => {
            Some("it counts credentials that are not accepted, and records do not have those")
        }
        () if list("key").any(|part| part.get("header").is_some()) => Some("it counts by a header"),
        () if has("adaptive") => Some("how much there is hangs on the upstream or on the risk"),
        () if has("concurrency") || list("tiers").any(|tier| tier.get("concurrency").is_some()) => {
            Some("a record does not say how long its request took")
        }
        () => None,
    }
}

/// Takes out of a limit what can't be counted again; `false` if nothing is left of it.
fn strip(document: &mut Value, limit: &Replayed) -> bool {
    let gone = |member: &str| limit.settings.get(member).is_some_and(|value| !value.is_null());
    let by_header = limit.settings.get("key").and_then(Value::as_array).into_iter().flatten();
    let mut by_header = by_header.filter(|part| part.get("header").is_some());
    let failures = limit.settings.get("count").is_some_and(|count| count == "failures");
    if gone("global") || failures || by_header.next().is_some() {
        return false;
    }
    let Some(settings) = document.get_mut("rate_limits").and_then(|limits| limits.get_mut(&limit.name)) else {
        return false;
    };
    if let Some(members) = settings.as_object_mut() {
        members.remove("adaptive");
    }
    let mut limits_something = without_concurrency(settings);
    for tier in settings.get_mut("tiers").and_then(Value::as_array_mut).into_iter().flatten() {
        limits_something &= without_concurrency(tier);
    }
    limits_something
}

/// The amounts of a limit or a tier without what is only at the same time; `false` if there are no others.
fn without_concurrency(amounts: &mut Value) -> bool {
    let Some(members) = amounts.as_object_mut() else { return false };
    members.remove("concurrency");
    ["rate", "window", "quota", "unlimited"]
        .iter()
        .any(|member| members.get(*member).is_some_and(|value| !value.is_null()))
}

/// The name of a rule's limit.
fn name_of(limit: &Value) -> String {
    let name = limit.get("name").unwrap_or(limit);
    name.as_str().unwrap_or_default().to_owned()
}

/// Is this the reason of a limit?
pub(super) fn is_limit(reason: &str) -> bool {
    matches!(reason, "rate_limited" | "quota_exhausted" | "too_many_at_once")
}
