//! What becomes of paths that two servers may read differently.

use deserr::Deserr;
use schemars::JsonSchema;

use crate::config::problems::Problems;

/// Ambiguous paths. Each form is refused unless said otherwise here: a path that the upstream reads differently from the
/// rules is a way around them.
#[derive(Debug, Default, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct PathSettings {
    /// `/a//b`. `merge`: read, and forwarded, as `/a/b`. Default `refuse`.
    #[deserr(default)]
    pub empty_segments: Option<EmptySegmentSettings>,
    /// `/a/./b`, `/a/../b`, encoded too. `resolve`: read, and forwarded, as `/a/b` and `/b`. Default `refuse`.
    #[deserr(default)]
    pub dot_segments: Option<DotSegmentSettings>,
    /// `/a;x=1`. `literal`: text of the segment; only for an upstream that does not cut parameters off. Default `refuse`.
    #[deserr(default)]
    pub parameters: Option<LiteralSettings>,
    /// `/a%2Fb`. `literal`: text of the segment; only for an upstream that does not decode before it splits. Default
    /// `refuse`.
    #[deserr(default)]
    pub encoded_slashes: Option<LiteralSettings>,
}

/// What becomes of `//`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserr, JsonSchema)]
#[deserr(rename_all = lowercase, error = Problems)]
#[schemars(rename_all = "lowercase")]
pub enum EmptySegmentSettings {
    /// Status 400.
    Refuse,
    /// One slash, for the rules and for the upstream.
    Merge,
}

/// What becomes of `.` and `..`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserr, JsonSchema)]
#[deserr(rename_all = lowercase, error = Problems)]
#[schemars(rename_all = "lowercase")]
pub enum DotSegmentSettings {
    /// Status 400.
    Refuse,
    /// Resolved (RFC 3986 section 5.2.4), for the rules and for the upstream.
    Resolve,
}

/// What becomes of a form that may be text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserr, JsonSchema)]
#[deserr(rename_all = lowercase, error = Problems)]
#[schemars(rename_all = "lowercase")]
pub enum LiteralSettings {
    /// Status 400.
    Refuse,
    /// Text of its segment.
    Literal,
}
