//! What an alternative name of a certificate may look like: a text, or the start and the end of one.

use std::fmt;

/// Why a text is not such a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatternFlaw {
    /// It is empty, or anything fits it.
    Anything,
    /// It has more than one `*`.
    Stars,
}

impl fmt::Display for PatternFlaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Anything => "expected a text, or the start or end of one with a `*`; anything fits this",
            Self::Stars => "has more than one `*`",
        })
    }
}

impl std::error::Error for PatternFlaw {}

/// A text, or one with anything in place of a `*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    start: String,
    /// After the `*`, if there is one.
    end: Option<String>,
}

impl Pattern {
    /// Reads `spiffe://contoso/device/*`, `*.devices.contoso.example`, `laptop-7`.
    ///
    /// # Errors
    ///
    /// A [`PatternFlaw`].
    pub fn parse(text: &str) -> Result<Self, PatternFlaw> {
        let (start, end) = match text.split_once('*') {
            Some((_, end)) if end.contains('*') => return Err(PatternFlaw::Stars),
            Some((start, end)) => (start, Some(end.to_owned())),
            None => (text, None),
        };
        if start.is_empty() && end.as_ref().is_none_or(String::is_empty) {
            return Err(PatternFlaw::Anything);
        }
        Ok(Self { start: start.to_owned(), end })
    }

    /// Does `text` fit? In place of the `*` stands at least one character.
    #[must_use]
    pub fn fits(&self, text: &str) -> bool {
        match (&self.end, text.strip_prefix(self.start.as_str())) {
            (None, _) => text == self.start,
            (Some(end), Some(rest)) => rest.strip_suffix(end.as_str()).is_some_and(|middle| !middle.is_empty()),
            (Some(_), None) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything_but_nothing() {
        let fits = |pattern: &str, text: &str| Pattern::parse(pattern).unwrap().fits(text);
        for (pattern, text) in [
            ("laptop-7", "laptop-7"),
            ("spiffe://contoso/device/*", "spiffe://contoso/device/7"),
            ("*.devices.example", "a.devices.example"),
            ("laptop-*.example", "laptop-7.example"),
        ] {
            assert!(fits(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [
            ("laptop-7", "laptop-77"),
            ("laptop-7", ""),
            ("spiffe://contoso/device/*", "spiffe://contoso/device/"),
            ("spiffe://contoso/device/*", "spiffe://contoso.evil/device/7"),
            ("*.devices.example", ".devices.example"),
            ("*.devices.example", "a.devices.example.evil"),
            ("ab*ba", "aba"),
        ] {
            assert!(!fits(pattern, text), "{pattern} {text}");
        }
        assert_eq!(Pattern::parse(""), Err(PatternFlaw::Anything));
        assert_eq!(Pattern::parse("*"), Err(PatternFlaw::Anything));
        assert_eq!(Pattern::parse("a*b*"), Err(PatternFlaw::Stars));
    }
}
