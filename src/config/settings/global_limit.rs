//! Limits that several Envoys share, counted by an engine of its own.

use deserr::{Deserr, ValuePointerRef};
use schemars::JsonSchema;

use crate::config::problems::{Invalid, Problems};
use crate::config::units::Span;

/// Counts a limit at an engine that several Envoys share, by Envoy's global rate limit protocol
/// (`envoy.service.ratelimit.v3`): Limitador, `envoyproxy/ratelimit` or another one. How much there is, the engine knows by its
/// own configuration, from the descriptor that it is sent: the entries of `descriptor`, then one for each part of the `key` with
/// the part's name (`subject`, `claim.plan`, `header.x-team`), then, if the limit has tiers, `tier` with the tier's name or `-`.
#[derive(Clone, Debug, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct GlobalLimitSettings {
    /// The Envoy cluster of the engine; it must speak HTTP/2.
    pub cluster: String,
    /// The engine's namespace. Default `portcullis`.
    #[deserr(default)]
    pub domain: Option<String>,
    /// How long a request waits for the engine, from `5ms` to `1s`. Default `50ms`: an engine beside Envoy answers in one or two,
    /// Envoy's own filter waits 20 ms, and this one waits a millisecond or two longer to begin with.
    #[deserr(default)]
    pub timeout: Option<Span>,
    /// What becomes of a request that the engine gives no answer for.
    #[deserr(missing_field_error = on_failure_missing)]
    pub on_failure: OnFailureSettings,
    /// The first entries of the descriptor, at most 8. Default: one with the key `generic_key` and the limit's name as value.
    #[deserr(default)]
    pub descriptor: Option<Vec<DescriptorEntrySettings>>,
    /// Remembers keys of which the engine said that nothing is left, until the moment that it named or for 10 s, and refuses them
    /// without asking. Default true.
    #[deserr(default)]
    pub remember: Option<bool>,
}

fn on_failure_missing(name: &str, _: ValuePointerRef) -> Invalid {
    Invalid(format!(
        "`{name}` is required: `allow`, `deny` or `local`, for requests that the engine gives no answer for"
    ))
}

/// What becomes of a request that the engine gives no answer for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserr, JsonSchema)]
#[deserr(rename_all = lowercase, error = Problems)]
#[schemars(rename_all = "lowercase")]
pub enum OnFailureSettings {
    /// It goes on, without a limit.
    Allow,
    /// It is answered 503.
    Deny,
    /// It is counted in this Envoy alone, by the limit's own `rate`, `window`, `quota` or `concurrency`.
    Local,
}

/// An entry of a descriptor that is the same for every request.
#[derive(Clone, Debug, PartialEq, Eq, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Problems)]
#[schemars(deny_unknown_fields)]
pub struct DescriptorEntrySettings {
    /// Its name.
    pub key: String,
    /// Its value.
    pub value: String,
}
