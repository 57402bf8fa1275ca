//! What came of a request, against what was expected.

use super::{Expectation, HeaderExpectation};

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The status; 200 is a request that went on.
    pub status: u16,
    /// The fine reason.
    pub reason: String,
    /// The rule that spoke.
    pub rule: Option<String>,
    /// What would have stopped it, were everything enforced.
    pub unenforced: Option<String>,
    /// What the upstream got, names in lower case.
    pub upstream: Vec<(String, String)>,
    /// What the filter answered, names in lower case.
    pub answer: Vec<(String, String)>,
}

impl Outcome {
    /// `200`, or status and reason.
    #[must_use]
    pub fn short(&self) -> String {
        if self.status == 200 { "200".to_owned() } else { format!("{} {}", self.status, self.reason) }
    }
}

/// One thing that is not as expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What it is about.
    pub about: String,
    /// What was expected.
    pub expected: String,
    /// What was found.
    pub found: String,
}

impl Expectation {
    /// What of `outcome` is not as expected.
    #[must_use]
    pub fn differences(&self, outcome: &Outcome) -> Vec<Difference> {
        let mut differences = Vec::new();
        let mut differs = |about: &str, expected: String, found: String| {
            differences.push(Difference { about: about.to_owned(), expected, found });
        };
        let reason_fits = self.reason.as_ref().is_none_or(|reason| *reason == outcome.reason);
        if self.status != outcome.status || !reason_fits {
            let expected = self.reason.as_ref().map_or(String::new(), |reason| format!(" {reason}"));
            differs("decision", format!("{}{expected}", self.status), outcome.short());
        }
        if let Some(rule) = &self.rule
            && outcome.rule.as_ref() != Some(rule)
        {
            differs("rule", rule.clone(), outcome.rule.clone().unwrap_or_else(|| "none".to_owned()));
        }
        // An expectation without `unenforced` says that there is nothing of the kind.
        if self.unenforced != outcome.unenforced {
            let told = |reason: &Option<String>| reason.clone().unwrap_or_else(|| "nothing".to_owned());
            differs("unenforced", told(&self.unenforced), told(&outcome.unenforced));
        }
        for (where_found, expected, found) in
            [("upstream", &self.upstream, &outcome.upstream), ("answer", &self.answer, &outcome.answer)]
        {
            for (name, expectation) in expected {
                let values: Vec<&str> =
                    found.iter().filter(|(other, _)| other == name).map(|(_, value)| value.as_str()).collect();
                if !expectation.holds(&values) {
                    differs(&format!("{where_found} {name}"), expectation.to_string(), told(&values));
                }
            }
        }
        differences
    }
}

impl HeaderExpectation {
    fn holds(&self, values: &[&str]) -> bool {
        match (self, values) {
            (Self::Absent, values) => values.is_empty(),
            (Self::Is(expected), [value]) => value == expected,
            (Self::Contains(part), [value]) => value.contains(part.as_str()),
            (Self::Is(_) | Self::Contains(_), _) => false,
        }
    }
}

impl std::fmt::Display for HeaderExpectation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Absent => f.write_str("absent"),
            Self::Is(value) => write!(f, "{value:?}"),
            Self::Contains(part) => write!(f, "something with {part:?}"),
        }
    }
}

fn told(values: &[&str]) -> String {
    match values {
        [] => "absent".to_owned(),
        [value] => format!("{value:?}"),
        values => format!("{} of it: {values:?}", values.len()),
    }
}
