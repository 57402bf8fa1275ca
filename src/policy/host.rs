//! How a rule names hosts: exactly (`api.example`), or every host below one (`*.example`).

use std::fmt;

use crate::http::host::{HostFlaw, normalise};

/// Why a text does not name hosts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostPatternFlaw {
    /// A `*` anywhere but as the whole first label, or alone: a rule for every host leaves its hosts out.
    Wildcard(String),
    /// A port: rules do not look at it.
    Port(String),
    /// Not a host.
    Host(String, HostFlaw),
}

impl HostPatternFlaw {
    /// Stable code.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Wildcard(_) => "host_pattern_bad_wildcard",
            Self::Port(_) => "host_pattern_port",
            Self::Host(_, flaw) => flaw.reason(),
        }
    }
}

impl fmt::Display for HostPatternFlaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wildcard(text) => {
                write!(f, "`{text}`: a `*` can only be the whole first label, as in `*.example.com`")
            }
            Self::Port(text) => write!(f, "`{text}`: a host is named without its port"),
            Self::Host(text, flaw) => write!(f, "`{text}`: {flaw}"),
        }
    }
}

impl std::error::Error for HostPatternFlaw {}

/// The hosts that a rule speaks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HostPattern {
    /// This host.
    Exact(String),
    /// Every host with one or more labels before this one; not this one itself.
    Below(String),
}

impl HostPattern {
    /// Reads `host` or `*.host`, in any case.
    ///
    /// # Errors
    ///
    /// A [`HostPatternFlaw`] for anything else.
    pub fn parse(text: &str) -> Result<Self, HostPatternFlaw> {
        let parent = text.strip_prefix("*.");
        let host = parent.unwrap_or(text);
        if host.contains('*') {
            return Err(HostPatternFlaw::Wildcard(text.to_owned()));
        }
        let is_ipv6 = host.starts_with('[');
        if parent.is_some() && is_ipv6 {
            return Err(HostPatternFlaw::Wildcard(text.to_owned()));
        }
        if if is_ipv6 { !host.ends_with(']') } else { host.contains(':') } {
            return Err(HostPatternFlaw::Port(text.to_owned()));
        }
        let host = normalise(host.as_bytes()).map_err(|flaw| HostPatternFlaw::Host(text.to_owned(), flaw))?;
        Ok(if parent.is_some() { Self::Below(host) } else { Self::Exact(host) })
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(host) => f.write_str(host),
            Self::Below(host) => write!(f, "*.{host}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_or_all_hosts_below_it() {
        assert_eq!(HostPattern::parse("API.Example."), Ok(HostPattern::Exact("api.example".into())));
        assert_eq!(HostPattern::parse("*.Example"), Ok(HostPattern::Below("example".into())));
        assert_eq!(HostPattern::parse("[::1]"), Ok(HostPattern::Exact("[::1]".into())));
    }

    #[test]
    fn other_texts_name_no_host() {
        for text in ["*", "a.*", "*a.example", "*.*.example", "*.[::1]"] {
            assert_eq!(HostPattern::parse(text), Err(HostPatternFlaw::Wildcard(text.into())));
        }
        for text in ["a.example:443", "[::1]:443", "::1"] {
            assert_eq!(HostPattern::parse(text), Err(HostPatternFlaw::Port(text.into())));
        }
        assert_eq!(HostPattern::parse(""), Err(HostPatternFlaw::Host(String::new(), HostFlaw::Empty)));
        assert_eq!(HostPattern::parse("*."), Err(HostPatternFlaw::Host("*.".into(), HostFlaw::Empty)));
        assert_eq!(HostPattern::parse("a b"), Err(HostPatternFlaw::Host("a b".into(), HostFlaw::ForbiddenByte)));
    }
}
