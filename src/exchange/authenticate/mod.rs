//! Who is calling, by the credential of the request, as far as the rule asks.
//!
//! - [`token`]: a token, from its text to the claims that are believed
//! - [`opaque`]: a token that only the authorization server can read
//! - [`binding`]: the proof that it is its sender's
//! - [`api_key`]: an API key, by its id and the hash of its secret
//! - [`certificate`]: the client's certificate

mod api_key;
mod binding;
mod certificate;
mod opaque;
mod token;

use super::Denial;
use super::request::{Stop, Trace};
use crate::access::Connection;
use crate::binding::Binding;
use crate::config::Config;
use crate::credential::{self, CredentialFlaw, Found};
use crate::engine::{Engine, Host};
use crate::http::RequestHead;
use crate::identity::Identity;
use crate::policy::{Access, Rule};
use crate::time::UnixTime;
pub(super) use binding::spend;
use binding::{Prover, Sent};

/// Who is calling, and what they proved besides.
#[derive(Debug)]
pub(super) struct Identified {
    pub(super) identity: Identity,
    /// How a token was proven to be its sender's.
    pub(super) binding: Binding,
}

impl Identified {
    /// Nobody.
    pub(super) fn nobody() -> Self {
        Self { identity: Identity::Anonymous, binding: Binding::default() }
    }
}

/// Who is calling, as far as the rule asks.
pub(super) fn authenticate(
    config: &Config,
    rule: &Rule,
    head: &RequestHead,
    engine: &mut Engine,
    host: &mut dyn Host,
    now: UnixTime,
    trace: &mut Trace,
) -> Result<Identified, Stop> {
    if rule.access == Access::Anonymous {
        return Ok(Identified::nobody());
    }
    // Each kind is looked for on each request, also one that the rule does not take: two credentials may name two callers.
    let token = credential::find(head, &config.sources).map_err(Denial::Credential)?;
    let key = match &config.api_keys {
        Some(keys) => api_key::find(keys, head).map_err(Denial::Credential)?.map(|found| (keys, found)),
        None => None,
    };
    let identity = match (token, key) {
        (Some(_), Some(_)) => return Err(Denial::Credential(CredentialFlaw::Several).into()),
        (Some(_), None) if !rule.accepts.token => return Err(Denial::CredentialNotTaken.into()),
        (None, Some(_)) if !rule.accepts.api_key => return Err(Denial::CredentialNotTaken.into()),
        (Some(found), None) => return by_token(config, &found, head, engine, host, now, trace),
        (None, Some((keys, found))) => {
            let connection = Connection::new(host).addressed_by(config.client_address, head);
            Identity::ApiKey(api_key::identify(keys, &found, &connection, now, trace)?)
        }
        // The connection's certificate is there whether it is meant as a credential or not, so any other goes before it.
        (None, None) if rule.accepts.certificate => match certificate::identify(config, head, host, now)? {
            Some(holder) => Identity::Certificate(holder),
            None => return Ok(Identified::nobody()),
        },
        (None, None) => return Ok(Identified::nobody()),
    };
    Ok(Identified { identity, binding: Binding::default() })
}

/// The bearer of a token, and how the token was proven to be theirs.
fn by_token(
    config: &Config,
    found: &Found<'_>,
    head: &RequestHead,
    engine: &mut Engine,
    host: &mut dyn Host,
    now: UnixTime,
    trace: &mut Trace,
) -> Result<Identified, Stop> {
    trace.scheme = Some(found.scheme);
    let (within, around) = binding::signed_request(config, head, found, now)?.unzip();
    let text = within.as_ref().map_or(found.token, String::as_bytes);
    let inner = Found { token: text, ..*found };
    let token = match config.introspectors.of(text) {
        Some(provider) => opaque::identify(config, &inner, provider, head, engine, host, now, trace)?,
        None => token::identify(&inner, head, engine, host, now, trace)?,
    };
    let sent = Sent { scheme: found.scheme, token: text, around };
    let prover = Prover { config, head, engine, host, now, trace };
    let binding = prover.prove(sent, &token).map_err(Denial::Binding)?;
    Ok(Identified { identity: Identity::Token(token), binding })
}
