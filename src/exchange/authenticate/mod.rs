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
use super::identified::Identified;
use super::stop::Stop;
use super::walk::Walk;
use crate::binding::Binding;
use crate::credential::{self, CredentialFlaw, Found};
use crate::identity::Identity;
use crate::policy::{Access, Rule};
use binding::Sent;
pub(super) use binding::spend;

/// Who is calling, as far as the rule asks.
pub(super) fn authenticate(walk: &mut Walk<'_>, rule: &Rule) -> Result<Identified, Stop> {
    if rule.access == Access::Anonymous {
        return Ok(Identified::nobody());
    }
    // Each kind is looked for on each request, also one that the rule does not take: two credentials may name two callers.
    let token = credential::find(walk.head, &walk.config.sources).map_err(Denial::Credential)?;
    let key = match &walk.config.api_keys {
        Some(keys) => api_key::find(keys, walk.head).map_err(Denial::Credential)?.map(|found| (keys, found)),
        None => None,
    };
    let identity = match (token, key) {
        (Some(_), Some(_)) => return Err(Denial::Credential(CredentialFlaw::Several).into()),
        (Some(_), None) if !rule.accepts.token => return Err(Denial::CredentialNotTaken.into()),
        (None, Some(_)) if !rule.accepts.api_key => return Err(Denial::CredentialNotTaken.into()),
        (Some(found), None) => return by_token(walk, &found),
        (None, Some((keys, found))) => Identity::ApiKey(api_key::identify(walk, keys, &found)?),
        // The connection's certificate is there whether it is meant as a credential or not, so any other goes before it.
        (None, None) if rule.accepts.certificate => match certificate::identify(walk)? {
            Some(holder) => Identity::Certificate(holder),
            None => return Ok(Identified::nobody()),
        },
        (None, None) => return Ok(Identified::nobody()),
    };
    Ok(Identified { identity, binding: Binding::default() })
}

/// The bearer of a token, and how the token was proven to be theirs.
fn by_token(walk: &mut Walk<'_>, found: &Found<'_>) -> Result<Identified, Stop> {
    walk.trace.scheme = Some(found.scheme);
    let (within, around) = binding::signed_request(walk, found)?.unzip();
    let text = within.as_ref().map_or(found.token, String::as_bytes);
    let inner = Found { token: text, ..*found };
    let token = match walk.config.introspectors.of(text) {
        Some(provider) => opaque::identify(walk, &inner, provider)?,
        None => token::identify(walk, &inner)?,
    };
    let sent = Sent { scheme: found.scheme, token: text, around };
    let binding = binding::prove(walk, sent, &token).map_err(Denial::Binding)?;
    Ok(Identified { identity: Identity::Token(token), binding })
}
