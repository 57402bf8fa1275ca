//! Texts that a check asks for: any of them, or all.

use std::rc::Rc;

/// Texts that a check asks for, compared exactly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    texts: Rc<[String]>,
    every: bool,
}

impl Wanted {
    /// One of these is enough.
    pub fn any(texts: impl Into<Rc<[String]>>) -> Self {
        Self { texts: texts.into(), every: false }
    }

    /// All of these are needed.
    pub fn all(texts: impl Into<Rc<[String]>>) -> Self {
        Self { texts: texts.into(), every: true }
    }

    /// The texts.
    #[must_use]
    pub fn texts(&self) -> &Rc<[String]> {
        &self.texts
    }

    /// Are all of them needed.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.every
    }

    /// Is it so, by what `has` says of each. Without texts nothing is asked for, and nothing met.
    pub(super) fn is_met(&self, mut has: impl FnMut(&str) -> bool) -> bool {
        if self.every {
            !self.texts.is_empty() && self.texts.iter().all(|text| has(text))
        } else {
            self.texts.iter().any(|text| has(text))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_or_all() {
        let texts = || vec!["a".to_owned(), "b".to_owned()];
        assert!(Wanted::any(texts()).is_met(|text| text == "b"));
        assert!(!Wanted::any(texts()).is_met(|text| text == "c"));
        assert!(!Wanted::all(texts()).is_met(|text| text == "b"));
        assert!(Wanted::all(texts()).is_met(|_| true));
        assert!(!Wanted::all(Vec::new()).is_met(|_| true) && !Wanted::any(Vec::new()).is_met(|_| true));
    }
}
