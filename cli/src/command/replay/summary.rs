//! What became of all records, told.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::Replayed;
use crate::command::line;

/// What became of all records.
#[derive(Default)]
pub(super) struct Summary {
    pub(super) records: u64,
    same: u64,
    allows: u64,
    changed: BTreeMap<(String, String), Group>,
    untold: BTreeMap<String, u64>,
}

/// Decisions that change alike.
struct Group {
    count: u64,
    example: Value,
    rules: BTreeSet<String>,
}

/// How a record says it went, in one word or some.
fn went(record: &Value) -> String {
    let text = |member: &str| record.get(member).and_then(Value::as_str);
    let reason = text("reason").unwrap_or_default();
    match (text("decision"), text("unenforced")) {
        (Some("allow"), Some(unenforced)) => format!("allow (reported: {unenforced})"),
        (Some("allow"), None) => "allow".to_owned(),
        _ => format!("deny {} {reason}", record.get("status").and_then(Value::as_u64).unwrap_or_default()),
    }
}

impl Summary {
    pub(super) fn add(&mut self, record: &Value, replayed: Replayed) {
        let was = went(record);
        if was.starts_with("allow") {
            self.allows = self.allows.saturating_add(1);
        }
        match replayed {
            Replayed::Untold(why) => {
                let count = self.untold.entry(why).or_default();
                *count = count.saturating_add(1);
            }
            Replayed::Told { would_be, .. } if would_be == was => self.same = self.same.saturating_add(1),
            Replayed::Told { would_be, rule } => {
                let new = || Group { count: 0, example: record.clone(), rules: BTreeSet::new() };
                let group = self.changed.entry((was, would_be)).or_insert_with(new);
                group.count = group.count.saturating_add(1);
                if group.rules.len() < MOST_RULES {
                    group.rules.insert(rule.unwrap_or_else(|| "none".to_owned()));
                }
            }
        }
    }

    pub(super) fn changes(&self) -> u64 {
        self.changed.values().map(|group| group.count).fold(0, u64::saturating_add)
    }

    fn cannot_be_told(&self) -> u64 {
        self.untold.values().copied().fold(0, u64::saturating_add)
    }

    pub(super) fn json(&self) -> Value {
        let changed: Vec<Value> = self
            .changed
            .iter()
            .map(|((was, would_be), group)| {
                json!({"was": was, "would_be": would_be, "count": group.count, "rules": group.rules, "example": group.example})
            })
            .collect();
        let untold: Vec<Value> = self.untold.iter().map(|(why, count)| json!({"why": why, "count": count})).collect();
        json!({
            "records": self.records, "same": self.same, "changes": self.changes(), "cannot_be_told": self.cannot_be_told(),
            "changed": changed, "untold": untold,
        })
    }

    pub(super) fn print(&self, out: &mut Vec<u8>) {
        let mut groups: Vec<_> = self.changed.iter().collect();
        groups.sort_by_key(|(_, group)| std::cmp::Reverse(group.count));
        for ((was, would_be), Group { count, example, rules }) in groups {
            let rules: Vec<&str> = rules.iter().map(String::as_str).collect();
            line!(out, "{count} x {was} -> {would_be}, by rule {}", rules.join(", "));
            let text = |member: &str| example.get(member).and_then(Value::as_str).unwrap_or("-");
            line!(
                out,
                "    such as {} {}{} of {} with {}, request {}",
                text("method"),
                text("host"),
                text("path"),
                text("subject"),
                text("client"),
                text("request_id")
            );
        }
        for (why, count) in &self.untold {
            line!(out, "{count} x can't be told: {why}");
        }
        line!(
            out,
            "{} records: {} would go as they went, {} would not, {} can't be told",
            self.records,
            self.same,
            self.changes(),
            self.cannot_be_told()
        );
        if self.allows == 0 && self.records > 0 {
            line!(
                out,
                "no record of a request that went on: `audit.log` has to be `all` to see what would be turned away"
            );
        }
    }
}

/// More rules than these are not listed.
const MOST_RULES: usize = 5;
