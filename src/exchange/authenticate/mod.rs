//! Who is calling, by the credential of the request, as far as the rule asks.
//!
//! - [`token`]: a token, from its text to the claims that are believed
//! - [`api_key`]: an API key, by its id and the hash of its secret
//! - [`certificate`]: the client's certificate
//! - [`binding`]: the proof that it is its sender's

mod api_key;
mod binding;
mod certificate;
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
    let (identity, binding) = match (token, key) {
        (Some(_), Some(_)) => return Err(Denial::Credential(CredentialFlaw::Several).into()),
        (Some(_), None) if !rule.accepts.token => return Err(Denial::CredentialNotTaken.into()),
        (None, Some(_)) if !rule.accepts.api_key => return Err(Denial::CredentialNotTaken.into()),
        (Some(found), None) => by_token(config, head, &found, engine, host, now, trace)?,
        (None, Some((keys, found))) => {
            let connection = Connection::new(host).addressed_by(config.client_address, head);
            (Identity::ApiKey(api_key::identify(keys, &found, &connection, now, trace)?), Binding::default())
        }
        (None, None) => return Ok(Identified::nobody()),
    };
    Ok(Identified { identity, binding })
}

/// Whose token it is, and how that was proven.
fn by_token(
    config: &Config,
    head: &RequestHead,
    found: &Found<'_>,
    engine: &mut Engine,
    host: &mut dyn Host,
    now: UnixTime,
    trace: &mut Trace,
) -> Result<(Identity, Binding), Stop> {
    trace.scheme = Some(found.scheme);
    let (within, around) = binding::signed_request(config, head, found, now)?.unzip();
    let text = within.as_ref().map_or(found.token, String::as_bytes);
    let token = token::identify(&Found { token: text, ..*found }, engine, host, now, trace)?;
    let sent = Sent { scheme: found.scheme, token: text, around };
    let prover = Prover { config, head, engine, host, now, trace };
    let binding = prover.prove(sent, &token).map_err(Denial::Binding)?;
    Ok((Identity::Token(token), binding))
}
