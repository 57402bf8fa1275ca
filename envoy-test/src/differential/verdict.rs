//! What the two filters said of a token, what of that is accounted for, and the table of it all.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde_json::Value;

use super::token::Specimen;
use super::wire::Answer;
use crate::support::load_yaml;

/// The classes of tokens about which the filters are known to differ, each with its reason.
#[derive(Default)]
pub struct Classes {
    stricter: BTreeMap<String, String>,
    laxer: BTreeMap<String, String>,
}

impl Classes {
    /// Reads a YAML file of two maps, `stricter` and `laxer`, from the name of a class to its reason.
    ///
    /// # Panics
    /// When the file is not one, or a reason is missing.
    #[must_use]
    pub fn read(path: &Path) -> Self {
        let file = load_yaml(path);
        let map = |name: &str| {
            let entries = file[name].as_object().unwrap_or_else(|| panic!("{} has no `{name}`", path.display()));
            let reason =
                |value: &Value| value.as_str().filter(|text| text.len() > 20).map(|text| text.trim().to_owned());
            entries
                .iter()
                .map(|(class, value)| {
                    (class.clone(), reason(value).unwrap_or_else(|| panic!("`{class}` has no reason")))
                })
                .collect()
        };
        Self { stricter: map("stricter"), laxer: map("laxer") }
    }
}

/// Tokens counted by what became of them.
#[derive(Default)]
pub struct Tally {
    both_accept: usize,
    both_refuse: usize,
    /// We refuse, `jwt_authn` accepts: by our reason.
    stricter: BTreeMap<String, Seen>,
    /// We accept, `jwt_authn` refuses: by what excuses it.
    laxer: BTreeMap<String, Seen>,
}

/// How often, and the first few.
#[derive(Default)]
struct Seen {
    times: usize,
    examples: Vec<String>,
}

impl Seen {
    fn note(&mut self, times: usize, examples: impl IntoIterator<Item = String>) {
        self.times += times;
        self.examples.extend(examples);
        self.examples.truncate(EXAMPLES);
    }
}

/// Whether a request went through.
///
/// # Panics
/// When the answer is neither: the filter has trapped, or Envoy is not as it should be.
pub(super) fn accepts(answer: &Answer) -> bool {
    assert!(matches!(answer.status, 200 | 400 | 401 | 403 | 431), "an answer that no filter gives: {answer:?}");
    answer.status == 200
}

impl Tally {
    /// Counts one token.
    pub(super) fn count(&mut self, native: &Answer, ours: &Answer, specimen: &Specimen) {
        let example = || format!("{} [jwt_authn: {} {}]", specimen.oddities.join("; "), native.status, native.why);
        match (accepts(native), accepts(ours)) {
            (true, true) => self.both_accept += 1,
            (false, false) => self.both_refuse += 1,
            (true, false) => {
                let inner = ours.why.strip_prefix("portcullis_denied{").and_then(|rest| rest.strip_suffix('}'));
                self.stricter.entry(inner.unwrap_or(&ours.why).to_owned()).or_default().note(1, [example()]);
            }
            (false, true) => {
                self.laxer.entry(specimen.excuse.unwrap_or(NONE).to_owned()).or_default().note(1, [example()]);
            }
        }
    }

    /// Adds what another client has counted.
    pub(super) fn add(&mut self, other: Self) {
        self.both_accept += other.both_accept;
        self.both_refuse += other.both_refuse;
        for (own, others) in [(&mut self.stricter, other.stricter), (&mut self.laxer, other.laxer)] {
            for (class, seen) in others {
                own.entry(class).or_default().note(seen.times, seen.examples);
            }
        }
    }

    /// How many tokens there were.
    #[must_use]
    pub fn total(&self) -> usize {
        let apart = self.stricter.values().chain(self.laxer.values()).map(|seen| seen.times);
        self.both_accept + self.both_refuse + apart.sum::<usize>()
    }

    /// Everything that is not accounted for: a class that nobody has listed, one that is listed and never seen (if
    /// `complete`), too few tokens that both accept. Empty when all is well.
    #[must_use]
    pub fn complaints(&self, classes: &Classes, complete: bool) -> Vec<String> {
        let mut complaints = Vec::new();
        let kinds = [("stricter", &self.stricter, &classes.stricter), ("laxer", &self.laxer, &classes.laxer)];
        for (kind, seen, listed) in kinds {
            for (class, seen) in seen.iter().filter(|(class, _)| !listed.contains_key(*class)) {
                let examples = seen.examples.join("\n    ");
                complaints.push(format!("{kind} than jwt_authn by `{class}`, {} times:\n    {examples}", seen.times));
            }
            for class in listed.keys().filter(|class| complete && !seen.contains_key(*class)) {
                complaints.push(format!("`{class}` is listed as {kind} than jwt_authn, and was never seen"));
            }
        }
        if self.both_accept * 5 < self.total() {
            complaints.push(format!("only {} of {} tokens are good for both", self.both_accept, self.total()));
        }
        complaints
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:>8}  tokens", self.total())?;
        writeln!(f, "{:>8}  both accept", self.both_accept)?;
        writeln!(f, "{:>8}  both refuse", self.both_refuse)?;
        for (kind, classes) in
            [("we refuse, jwt_authn accepts", &self.stricter), ("we accept, jwt_authn refuses", &self.laxer)]
        {
            writeln!(f, "{:>8}  {kind}", classes.values().map(|seen| seen.times).sum::<usize>())?;
            for (class, seen) in classes {
                let example = seen.examples.first().map_or("", String::as_str);
                let example: String = example.chars().take(80).collect();
                writeln!(f, "{:>8}    {class:32} {example}", seen.times)?;
            }
        }
        Ok(())
    }
}

const EXAMPLES: usize = 5;
const NONE: &str = "nothing";
