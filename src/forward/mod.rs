//! What the upstream is told about the caller.
//!
//! On every route, with an identity or without: whatever a client sent under a name that the upstream may take for
//! ours is removed, in every spelling that a server may fold into it, and the credential goes no further unless
//! configured. Only then are our own headers set. An application behind the filter may therefore believe these
//! headers, and only these.
//!
//! - [`claim`]: a claim as the text of a header
//! - [`principal`]: `X-MS-CLIENT-PRINCIPAL` in App Service's form
//! - [`reserved`]: which inbound headers are not the client's to send

use std::fmt;

use serde_json::{Map, Value};

use crate::access::client_certificate::HEADER as CERTIFICATE_HEADER;
use crate::claim_path::ClaimPath;
use crate::credential::Sources;
use crate::http::name::is_token;
use crate::http::{HeaderValue, MutationFlaw, Mutations, RequestHead};

pub mod claim;
pub mod principal;
pub mod reserved;

pub use claim::ListForm;
pub use reserved::Reserved;

/// A claim that becomes a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimHeader {
    /// Which claim.
    pub claim: ClaimPath,
    /// The header's name, in any case.
    pub header: String,
    /// How a list is written.
    pub list: ListForm,
}

/// A claim that becomes a named value for access logs and later filters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimState {
    /// The name of the value.
    pub name: String,
    /// Which claim.
    pub claim: ClaimPath,
    /// How a list is written.
    pub list: ListForm,
}

/// What becomes of the credential that the client sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CredentialForwarding {
    /// It stays where it was; a query parameter is removed all the same.
    Keep,
    /// Every configured place for credentials is emptied, so that nothing unverified gets past a route that does not
    /// look. The default: an upstream that needs no token must not hold one (RFC 9700 section 4.9).
    #[default]
    Remove,
}

/// What the upstream is told, as configured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ForwardingSettings {
    /// The client's credential.
    pub credential: CredentialForwarding,
    /// Claims as headers.
    pub claims: Vec<ClaimHeader>,
    /// A header for the whole payload, base64url without padding, as it was signed.
    pub payload_header: Option<String>,
    /// Whether `X-MS-CLIENT-PRINCIPAL` and its companions are set.
    pub client_principal: bool,
    /// Claims as values for access logs and later filters.
    pub state: Vec<ClaimState>,
}

/// Why the upstream cannot be told so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ForwardingFlaw {
    /// Not a header name.
    HeaderName(String),
    /// A header that means something to HTTP or to Envoy, or that carries credentials.
    HeaderTaken(String),
    /// Two things in one header, in whatever spelling.
    HeaderTwice(String),
    /// A state name that is not 1 to 64 letters, digits, `_` and `-`.
    StateName(String),
    /// One state name twice.
    StateTwice(String),
}

impl ForwardingFlaw {
    /// Stable code.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::HeaderName(_) => "forward_bad_header_name",
            Self::HeaderTaken(_) => "forward_header_taken",
            Self::HeaderTwice(_) => "forward_header_twice",
            Self::StateName(_) => "forward_bad_state_name",
            Self::StateTwice(_) => "forward_state_twice",
        }
    }
}

impl fmt::Display for ForwardingFlaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HeaderName(name) => write!(f, "`{}` is not a header name", name.escape_default()),
            Self::HeaderTaken(name) => write!(f, "the header `{name}` has another meaning"),
            Self::HeaderTwice(name) => write!(f, "the header `{name}`, or one that servers take for it, is set twice"),
            Self::StateName(name) => write!(f, "`{}` is not a state name", name.escape_default()),
            Self::StateTwice(name) => write!(f, "the state `{name}` is set twice"),
        }
    }
}

impl std::error::Error for ForwardingFlaw {}

/// Why a request cannot go upstream with what is to be told about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForwardFlaw {
    /// The client's `Connection` header names one of our headers, so that the next hop would drop it (RFC 9110
    /// section 7.6.1, CVE-2022-31813). Nobody does that by mistake: the request is refused.
    ConnectionNamesOurs,
    /// The headers would be larger than [`MAX_TOTAL_BYTES`]. Leaving some out would tell the upstream of another
    /// caller than there is.
    TooLarge,
    /// A change that cannot be made. No [`RequestHead`] leads here.
    Mutation(MutationFlaw),
}

impl ForwardFlaw {
    /// Stable code for audit and metrics.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::ConnectionNamesOurs => "forward_connection_names_ours",
            Self::TooLarge => "forward_too_large",
            Self::Mutation(flaw) => flaw.reason(),
        }
    }
}

impl fmt::Display for ForwardFlaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ConnectionNamesOurs => f.write_str("the `connection` header names an identity header"),
            Self::TooLarge => write!(f, "the identity headers are larger than {MAX_TOTAL_BYTES} bytes"),
            Self::Mutation(flaw) => flaw.fmt(f),
        }
    }
}

impl std::error::Error for ForwardFlaw {}

impl From<MutationFlaw> for ForwardFlaw {
    fn from(flaw: MutationFlaw) -> Self {
        Self::Mutation(flaw)
    }
}

/// A verified caller, as far as the upstream is concerned.
#[derive(Clone, Copy, Debug)]
pub struct ForwardedIdentity<'a> {
    /// The verified claims.
    pub claims: &'a Map<String, Value>,
    /// The payload of the token, base64url as it was signed, if there is a signed token.
    pub payload: Option<&'a str>,
    /// What App Service would call the identity provider: `aad` for Entra ID, else the provider's name; without one `api_key` or
    /// `certificate`.
    pub identity_provider: &'a str,
}

/// What the upstream is told, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forwarding {
    settings: ForwardingSettings,
    reserved: Reserved,
}

impl Forwarding {
    /// Checks settings.
    ///
    /// # Errors
    ///
    /// Every [`ForwardingFlaw`] in them.
    pub fn new(settings: ForwardingSettings) -> Result<Self, Vec<ForwardingFlaw>> {
        let mut flaws = Vec::new();
        let mut reserved = Reserved::default();
        for name in settings.header_names() {
            if !is_token(name.as_bytes()) {
                flaws.push(ForwardingFlaw::HeaderName(name.to_owned()));
            } else if reserved::is_taken(name) {
                flaws.push(ForwardingFlaw::HeaderTaken(name.to_owned()));
            } else if !reserved.insert(name) {
                flaws.push(ForwardingFlaw::HeaderTwice(name.to_owned()));
            }
        }
        for (index, ClaimState { name, .. }) in settings.state.iter().enumerate() {
            if !is_state_name(name) {
                flaws.push(ForwardingFlaw::StateName(name.clone()));
            }
            if settings.state.iter().take(index).any(|other| other.name == *name) {
                flaws.push(ForwardingFlaw::StateTwice(name.clone()));
            }
        }
        if flaws.is_empty() { Ok(Self { settings, reserved }) } else { Err(flaws) }
    }

    /// The places that are emptied before a request goes upstream: those of tokens as configured, and those of `secrets` always.
    /// A secret that is shown with each request is between the client and this filter, and good for more than one upstream.
    #[must_use]
    pub fn emptied(&self, tokens: &Sources, secrets: Option<&Sources>) -> Sources {
        let emptied = match self.settings.credential {
            CredentialForwarding::Keep => tokens.parameters(),
            CredentialForwarding::Remove => tokens.clone(),
        };
        match secrets {
            Some(secrets) => emptied.and(secrets),
            None => emptied,
        }
    }

    /// Whether a request trailer of this name must not go upstream: it would be removed as a header, or no proxy sends it so, and
    /// some servers merge trailers into the headers.
    #[must_use]
    pub fn removes_trailer(&self, name: &[u8], emptied: &Sources) -> bool {
        self.reserved.contains(name)
            || emptied.reads_header(name)
            || name.eq_ignore_ascii_case(CERTIFICATE_HEADER.as_bytes())
    }

    /// Whether a header of this name, or one that servers take for it, is ours to set.
    #[must_use]
    pub fn sets(&self, name: &[u8]) -> bool {
        self.reserved.contains(name)
    }

    /// Whether a request can be forwarded at all, before anything is verified for it. [`apply`](Self::apply) looks
    /// again.
    ///
    /// # Errors
    ///
    /// [`ForwardFlaw::ConnectionNamesOurs`].
    pub fn check(&self, head: &RequestHead) -> Result<(), ForwardFlaw> {
        let mut options = head.values("connection").flat_map(|value| value.split(|&byte| byte == b','));
        if options.any(|option| self.reserved.contains(option)) {
            return Err(ForwardFlaw::ConnectionNamesOurs);
        }
        Ok(())
    }

    /// The changes to a request before it goes upstream, where the places in `emptied` are. Without an identity, the client's
    /// copies of our headers and its credentials go, and nothing is set.
    ///
    /// # Errors
    ///
    /// A [`ForwardFlaw`]; the request must then be answered, not forwarded.
    pub fn apply(
        &self,
        head: &RequestHead,
        emptied: &Sources,
        identity: Option<&ForwardedIdentity<'_>>,
    ) -> Result<Mutations, ForwardFlaw> {
        self.check(head)?;
        let mut mutations = emptied.removal(head)?;
        if head.path().is_rewritten() && mutations.path().is_none() {
            mutations.set_path(head.path().raw().to_vec())?;
        }
        mutations.remove_all(head.headers().names().filter(|name| self.reserved.contains(name)))?;
        if let Some(identity) = identity {
            self.set_headers(identity, &mut mutations)?;
        }
        Ok(mutations)
    }

    /// Names and values for access logs and later filters. Values are escaped like header values, so that no claim
    /// can write a line of a log. A claim that is not there has no entry.
    #[must_use]
    pub fn state(&self, identity: &ForwardedIdentity<'_>) -> Vec<(&str, HeaderValue)> {
        let value = |state: &ClaimState| claim::header_value(state.claim.find(identity.claims)?, state.list);
        self.settings.state.iter().filter_map(|state| Some((state.name.as_str(), value(state)?))).collect()
    }

    /// The names of the headers that are set.
    pub fn headers(&self) -> impl Iterator<Item = &str> {
        self.settings.header_names()
    }

    fn set_headers(&self, identity: &ForwardedIdentity<'_>, mutations: &mut Mutations) -> Result<(), ForwardFlaw> {
        let mut left = MAX_TOTAL_BYTES;
        let mut set = |name: &str, value: HeaderValue| {
            left = left.checked_sub(value.as_bytes().len()).ok_or(ForwardFlaw::TooLarge)?;
            Ok::<(), ForwardFlaw>(mutations.set(name.as_bytes(), value)?)
        };
        for ClaimHeader { claim, header, list } in &self.settings.claims {
            if let Some(value) = claim.find(identity.claims).and_then(|value| claim::header_value(value, *list)) {
                set(header, value)?;
            }
        }
        if let (Some(header), Some(payload)) = (&self.settings.payload_header, identity.payload) {
            set(header, HeaderValue::escaped(payload))?;
        }
        if self.settings.client_principal {
            for (name, value) in principal::headers(identity, MAX_TOTAL_BYTES).ok_or(ForwardFlaw::TooLarge)? {
                set(name, value)?;
            }
        }
        Ok(())
    }
}

impl ForwardingSettings {
    fn header_names(&self) -> impl Iterator<Item = &str> {
        let claims = self.claims.iter().map(|claim| claim.header.as_str());
        let principal = principal::HEADERS.into_iter().filter(|_| self.client_principal);
        claims.chain(self.payload_header.as_deref()).chain(principal)
    }
}

fn is_state_name(name: &str) -> bool {
    (1..=MAX_STATE_NAME_BYTES).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

/// All values together. Envoy takes 60 KiB of request headers by default, and upstreams often less; what the client
/// sent goes beside these.
pub const MAX_TOTAL_BYTES: usize = 49_152;

const MAX_STATE_NAME_BYTES: usize = 64;

#[cfg(test)]
mod tests;
