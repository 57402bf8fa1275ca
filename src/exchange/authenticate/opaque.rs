//! The token behind a credential that says nothing itself: what it is, the authorization server says (RFC 7662).

use std::rc::Rc;

use crate::credential::Found;
use crate::exchange::Denial;
use crate::exchange::stop::{Stop, Wanted};
use crate::exchange::walk::Walk;
use crate::introspection::{Introspection, TokenDigest};
use crate::jose::TokenFlaw;
use crate::provider::{IssuerFlaw, IssuerRef};
use crate::token::{self, VerifiedToken};

/// The token, as the authorization server of the provider at `provider` describes it.
pub(super) fn identify(walk: &mut Walk<'_>, found: &Found<'_>, provider: usize) -> Result<Rc<VerifiedToken>, Stop> {
    walk.trace.provider = Some(provider);
    // The form of RFC 6750: what else could be sent might upset a server that expects tokens.
    found.check().map_err(Denial::Credential)?;
    if found.token.len() > walk.config.limits.token.bytes {
        return Err(Denial::Token(TokenFlaw::TooLarge).into());
    }
    let digest = TokenDigest::of(found.token);
    let now = walk.now;
    let (connection, engine, _) = walk.apart();
    let said = match engine.introspect(provider, digest, found.token, || connection.address(), now) {
        Introspection::Active(said) => said,
        Introspection::Wait => return Err(walk.wait(Wanted::Introspection { provider, digest })),
        Introspection::Refused(flaw) => return Err(Denial::Introspection(flaw).into()),
        Introspection::Full => return Err(Denial::TooManyWaiting.into()),
        Introspection::Unavailable { retry_after } => return Err(Denial::IntrospectionUnavailable(retry_after).into()),
    };
    // A provider with introspection has one issuer: it is not one of Entra ID.
    let issuer = IssuerRef { provider, issuer: 0 };
    let configured = walk.config.provider(provider).ok_or(Denial::Issuer(IssuerFlaw::Unknown))?;
    let signer = configured.issuer(issuer).ok_or(Denial::Issuer(IssuerFlaw::Unknown))?;
    let token = token::accept_introspected(issuer, signer, &configured.rules, said, now).map_err(Denial::Rule)?;
    Ok(Rc::new(token))
}
