//! Who is calling, by the credential of the request, as far as the rule asks.
//!
//! - [`token`]: a token, from its text to the claims that are believed
//! - [`certificate`]: the client's certificate

mod certificate;
mod token;

use super::Denial;
use super::request::{Stop, Trace};
use crate::binding::Binding;
use crate::config::Config;
use crate::credential;
use crate::engine::{Engine, Host};
use crate::http::RequestHead;
use crate::identity::Identity;
use crate::policy::{Access, Rule};
use crate::time::UnixTime;

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
        // The connection's certificate is there whether it is meant as a credential or not, so any other goes before it.
        if rule.accepts.certificate
            && let Some(holder) = certificate::identify(config, head, host, now)?
        {
            return Ok(Identified { identity: Identity::Certificate(holder), binding: Binding::default() });
        }
        return Ok(Identified::nobody());
    };
    if !rule.accepts.token {
        return Err(Denial::CredentialNotTaken.into());
    }
    let token = token::identify(&found, engine, host, now, trace)?;
    Ok(Identified { identity: Identity::Token(token), binding: Binding::default() })
}
