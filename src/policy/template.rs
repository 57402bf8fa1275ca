//! How a rule names paths: `/orders/{id}/lines/{n}`, `/public/{rest...}`.
//!
//! A literal segment is compared decoded, with case. `{name}` is one segment with text. `{name...}`, only at the end,
//! is any number of segments, none included: `/public/{rest...}` speaks for `/public`, `/public/` and `/public/a/b`,
//! so that protecting a tree protects its root. A trailing slash is otherwise part of the path: `/a` is not `/a/`.

use std::fmt;

use crate::http::PathFlaw;
use crate::http::path::{Leniency, RawText, decode_segment};

/// Why a text is not a path template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TemplateFlaw {
    /// Braces that are not the whole of a segment: a segment is a literal or a parameter.
    Braces(String),
    /// Nothing between two slashes.
    EmptySegment,
    /// A literal that no request can match, because such paths are refused.
    Literal(String, PathFlaw),
    /// Not starting with `/`.
    NotAbsolute,
    /// A name that is not a letter or `_` with letters, digits and `_` after it, 64 at most.
    ParameterName(String),
    /// One name for two parameters.
    ParameterTwice(String),
    /// A query or fragment: rules speak of paths.
    Query,
    /// `{name...}` before the end.
    RestNotLast,
    /// More than [`MAX_SEGMENTS`] segments.
    TooManySegments,
}

impl TemplateFlaw {
    /// Stable code.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Braces(_) => "template_braces",
            Self::EmptySegment => "template_empty_segment",
            Self::Literal(..) => "template_bad_literal",
            Self::NotAbsolute => "template_not_absolute",
            Self::ParameterName(_) => "template_bad_parameter_name",
            Self::ParameterTwice(_) => "template_parameter_twice",
            Self::Query => "template_query",
            Self::RestNotLast => "template_rest_not_last",
            Self::TooManySegments => "template_too_many_segments",
        }
    }
}

impl fmt::Display for TemplateFlaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Braces(segment) => write!(f, "`{segment}`: a parameter is a whole segment, as in `/orders/{{id}}`"),
            Self::EmptySegment => f.write_str("there is nothing between two slashes"),
            Self::Literal(segment, flaw) => write!(f, "`{segment}` cannot match: {flaw}"),
            Self::NotAbsolute => f.write_str("a path starts with `/`"),
            Self::ParameterName(name) => write!(f, "`{name}` is not a parameter name"),
            Self::ParameterTwice(name) => write!(f, "there are two parameters `{name}`"),
            Self::Query => f.write_str("a path has no `?` or `#`"),
            Self::RestNotLast => f.write_str("`{name...}` can only be last"),
            Self::TooManySegments => write!(f, "there are more than {MAX_SEGMENTS} segments"),
        }
    }
}

impl std::error::Error for TemplateFlaw {}

/// The paths that a rule speaks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathTemplate {
    text: String,
    parts: Vec<Part>,
}

/// One segment of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// This text; without text only at the end, after a trailing slash.
    Literal(String),
    /// Any one segment with text.
    Parameter(String),
    /// All that follows.
    Rest(String),
}

/// What a parameter of a template stands for in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Captured<'a> {
    /// One decoded segment.
    Segment(&'a str),
    /// The decoded segments at the end, maybe none.
    Rest(&'a [String]),
}

impl PathTemplate {
    /// Reads a template. Literals are written as in an address, percent-encoded where they must be; text beyond ASCII
    /// may also stand as it is.
    ///
    /// # Errors
    ///
    /// The first [`TemplateFlaw`] found.
    pub fn parse(text: &str) -> Result<Self, TemplateFlaw> {
        let rest = text.strip_prefix('/').ok_or(TemplateFlaw::NotAbsolute)?;
        if rest.contains(['?', '#']) {
            return Err(TemplateFlaw::Query);
        }
        let mut parts: Vec<Part> = Vec::new();
        let mut segments = rest.split('/').peekable();
        while let Some(segment) = segments.next() {
            let is_last = segments.peek().is_none();
            if segment.is_empty() && !is_last {
                return Err(TemplateFlaw::EmptySegment);
            }
            let part = Part::parse(segment)?;
            if matches!(part, Part::Rest(_)) && !is_last {
                return Err(TemplateFlaw::RestNotLast);
            }
            if let Some(name) = part.name().filter(|name| parts.iter().any(|part| part.name() == Some(name))) {
                return Err(TemplateFlaw::ParameterTwice(name.to_owned()));
            }
            if parts.len() >= MAX_SEGMENTS {
                return Err(TemplateFlaw::TooManySegments);
            }
            parts.push(part);
        }
        Ok(Self { text: text.to_owned(), parts })
    }

    /// Every path: what a rule without paths means.
    pub(crate) fn every_path() -> Self {
        Self { text: "/{path...}".to_owned(), parts: vec![Part::Rest("path".to_owned())] }
    }

    /// As it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The names of its parameters, in order.
    pub fn parameters(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(Part::name)
    }

    /// Whether it has a parameter of this name, and whether that is one segment.
    #[must_use]
    pub fn has_parameter(&self, name: &str) -> Option<bool> {
        let part = self.parts.iter().find(|part| part.name() == Some(name))?;
        Some(matches!(part, Part::Parameter(_)))
    }

    pub(crate) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// What the parameters stand for in `segments`, which match this template.
    pub(crate) fn capture<'a>(&'a self, segments: &'a [String]) -> impl Iterator<Item = (&'a str, Captured<'a>)> {
        self.parts.iter().enumerate().filter_map(|(index, part)| match part {
            Part::Literal(_) => None,
            Part::Parameter(name) => Some((name.as_str(), Captured::Segment(segments.get(index)?))),
            Part::Rest(name) => Some((name.as_str(), Captured::Rest(segments.get(index..).unwrap_or_default()))),
        })
    }
}

impl fmt::Display for PathTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Part {
    fn parse(segment: &str) -> Result<Self, TemplateFlaw> {
        let Some(inner) = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else {
            if segment.contains(['{', '}']) {
                return Err(TemplateFlaw::Braces(segment.to_owned()));
            }
            return decode_segment(segment.as_bytes(), RawText::Unicode, Leniency::default())
                .map(Self::Literal)
                .map_err(|flaw| TemplateFlaw::Literal(segment.to_owned(), flaw));
        };
        if inner.contains(['{', '}']) {
            return Err(TemplateFlaw::Braces(segment.to_owned()));
        }
        let rest = inner.strip_suffix("...");
        let name = rest.unwrap_or(inner);
        if !is_parameter_name(name) {
            return Err(TemplateFlaw::ParameterName(name.to_owned()));
        }
        Ok(if rest.is_some() { Self::Rest(name.to_owned()) } else { Self::Parameter(name.to_owned()) })
    }

    fn name(&self) -> Option<&str> {
        match self {
            Self::Literal(_) => None,
            Self::Parameter(name) | Self::Rest(name) => Some(name),
        }
    }
}

fn is_parameter_name(name: &str) -> bool {
    name.len() <= MAX_NAME_BYTES
        && !name.starts_with(|first: char| first.is_ascii_digit())
        && !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Matching goes one call deeper for each segment.
pub const MAX_SEGMENTS: usize = 64;

const MAX_NAME_BYTES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_literals_and_parameters() {
        let template = PathTemplate::parse("/orders/{id}/lines/{rest...}").unwrap();
        assert_eq!(
            template.parts(),
            [
                Part::Literal("orders".into()),
                Part::Parameter("id".into()),
                Part::Literal("lines".into()),
                Part::Rest("rest".into())
            ]
        );
        assert_eq!(template.parameters().collect::<Vec<_>>(), ["id", "rest"]);
        assert_eq!(PathTemplate::parse("/").unwrap().parts(), [Part::Literal(String::new())]);
        assert_eq!(
            PathTemplate::parse("/a/").unwrap().parts(),
            [Part::Literal("a".into()), Part::Literal(String::new())]
        );
    }

    #[test]
    fn literals_are_compared_decoded() {
        for text in ["/caf%C3%A9", "/café", "/%63af%c3%a9"] {
            assert_eq!(PathTemplate::parse(text).unwrap().parts(), [Part::Literal("café".into())], "{text}");
        }
        assert_eq!(PathTemplate::parse("/%7Bid%7D").unwrap().parts(), [Part::Literal("{id}".into())]);
    }

    #[test]
    fn a_template_that_cannot_match_is_refused() {
        let literal = |segment: &str, flaw| TemplateFlaw::Literal(segment.into(), flaw);
        for (text, flaw) in [
            ("", TemplateFlaw::NotAbsolute),
            ("orders", TemplateFlaw::NotAbsolute),
            ("*", TemplateFlaw::NotAbsolute),
            ("/a//b", TemplateFlaw::EmptySegment),
            ("//", TemplateFlaw::EmptySegment),
            ("/a?b", TemplateFlaw::Query),
            ("/a#b", TemplateFlaw::Query),
            ("/a/../b", literal("..", PathFlaw::DotSegment)),
            ("/a%2Fb", literal("a%2Fb", PathFlaw::EncodedSlash)),
            ("/a;b", literal("a;b", PathFlaw::Parameters)),
            ("/a b", literal("a b", PathFlaw::ControlCharacter)),
            ("/{id}.json", TemplateFlaw::Braces("{id}.json".into())),
            ("/v{n}", TemplateFlaw::Braces("v{n}".into())),
            ("/{a}{b}", TemplateFlaw::Braces("{a}{b}".into())),
            ("/{", TemplateFlaw::Braces("{".into())),
            ("/{}", TemplateFlaw::ParameterName(String::new())),
            ("/{...}", TemplateFlaw::ParameterName(String::new())),
            ("/{*}", TemplateFlaw::ParameterName("*".into())),
            ("/{1a}", TemplateFlaw::ParameterName("1a".into())),
            ("/{a-b}", TemplateFlaw::ParameterName("a-b".into())),
            ("/{a....}", TemplateFlaw::ParameterName("a.".into())),
            ("/{a}/{a}", TemplateFlaw::ParameterTwice("a".into())),
            ("/{a}/{a...}", TemplateFlaw::ParameterTwice("a".into())),
            ("/{a...}/b", TemplateFlaw::RestNotLast),
            ("/{a...}/", TemplateFlaw::RestNotLast),
        ] {
            assert_eq!(PathTemplate::parse(text), Err(flaw), "{text}");
        }
        assert!(PathTemplate::parse(&"/a".repeat(MAX_SEGMENTS)).is_ok());
        assert_eq!(PathTemplate::parse(&"/a".repeat(MAX_SEGMENTS + 1)), Err(TemplateFlaw::TooManySegments));
        let long = "a".repeat(MAX_NAME_BYTES + 1);
        assert_eq!(PathTemplate::parse(&format!("/{{{long}}}")), Err(TemplateFlaw::ParameterName(long)));
    }
}
