//! Who is calling, by the credential of the request, as far as the rule asks.
//!
//! - [`token`]: a token, from its text to the claims that are believed
//! - [`binding`]: the proof that it is its sender's

mod binding;
mod token;

use super::Denial;
use super::request::{Stop, Trace};
use crate::binding::Binding;
use crate::config::Config;
use crate::credential::{self, Found};
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
    let Some(found) = credential::find(head, &config.sources).map_err(Denial::Credential)? else {
        return Ok(Identified::nobody());
    };
    if !rule.accepts.token {
        return Err(Denial::CredentialNotTaken.into());
    }
    trace.scheme = Some(found.scheme);
    let (within, around) = binding::signed_request(config, head, &found, now)?.unzip();
    let text = within.as_ref().map_or(found.token, String::as_bytes);
    let token = token::identify(&Found { token: text, ..found }, engine, host, now, trace)?;
    let sent = Sent { scheme: found.scheme, token: text, around };
    let prover = Prover { config, head, engine, host, now, trace };
    let binding = prover.prove(sent, &token).map_err(Denial::Binding)?;
    Ok(Identified { identity: Identity::Token(token), binding })
}
