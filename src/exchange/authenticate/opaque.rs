//! The token behind a credential that says nothing itself: what it is, the authorization server says (RFC 7662).

use std::rc::Rc;

use crate::access::Connection;
use crate::config::Config;
use crate::credential::Found;
use crate::engine::{Engine, Host};
use crate::exchange::Denial;
use crate::exchange::request::{Stop, Trace, Wanted};
use crate::http::RequestHead;
use crate::introspection::{Introspection, TokenDigest};
use crate::jose::TokenFlaw;
use crate::provider::{IssuerFlaw, IssuerRef};
use crate::time::UnixTime;
use crate::token::{self, VerifiedToken};

/// The token, as the authorization server of the provider at `provider` describes it.
#[expect(clippy::too_many_arguments, reason = "what the answer hangs on, each of it once")]
pub(super) fn identify(
    config: &Config,
    found: &Found<'_>,
    provider: usize,
    head: &RequestHead,
    engine: &mut Engine,
    host: &mut dyn Host,
    now: UnixTime,
    trace: &mut Trace,
) -> Result<Rc<VerifiedToken>, Stop> {
    trace.provider = Some(provider);
    // The form of RFC 6750: what else could be sent might upset a server that expects tokens.
    found.check().map_err(Denial::Credential)?;
    if found.token.len() > config.limits.token.bytes {
        return Err(Denial::Token(TokenFlaw::TooLarge).into());
    }
    let digest = TokenDigest::of(found.token);
    let from = || Connection::new(host).addressed_by(config.client_address, head).address();
    let said = match engine.introspect(provider, digest, found.token, from, now) {
        Introspection::Active(said) => said,
        Introspection::Wait => {
            let wanted = Wanted::Introspection { provider, digest };
            return Err(trace.out_of_patience.clone().map_or(Stop::Wait(wanted), Stop::Denied));
        }
        Introspection::Refused(flaw) => return Err(Denial::Introspection(flaw).into()),
        Introspection::Full => return Err(Denial::TooManyWaiting.into()),
        Introspection::Unavailable { retry_after } => return Err(Denial::IntrospectionUnavailable(retry_after).into()),
    };
    // A provider with introspection has one issuer: it is not one of Entra ID.
    let issuer = IssuerRef { provider, issuer: 0 };
    let configured = config.provider(provider).ok_or(Denial::Issuer(IssuerFlaw::Unknown))?;
    let signer = configured.issuer(issuer).ok_or(Denial::Issuer(IssuerFlaw::Unknown))?;
    let token = token::accept_introspected(issuer, signer, &configured.rules, said, now).map_err(Denial::Rule)?;
    Ok(Rc::new(token))
}
