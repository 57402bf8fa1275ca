//! The token behind a credential: from its text to the claims that are believed.

use std::rc::Rc;

use serde_json::{Map, Value};

use super::opaque;
use crate::binding::{BindingFlaw, Confirmation};
use crate::credential::Found;
use crate::entra::{EntraFlaw, graph};
use crate::exchange::Denial;
use crate::exchange::stop::{Stop, Wanted};
use crate::exchange::walk::Walk;
use crate::introspection::{IntrospectionFlaw, Jwts};
use crate::jose::Unverified;
use crate::provider::{IssuerFlaw, KeyLookup};
use crate::token::{self, TokenRuleFlaw, VerifiedToken};

/// The verified token behind a credential: remembered, or checked from the first byte.
pub(super) fn identify(walk: &mut Walk<'_>, found: &Found<'_>) -> Result<Rc<VerifiedToken>, Stop> {
    let text = found.token;
    if let Some(token) = walk.engine.remembered(text, walk.now) {
        walk.trace.remembered = true;
        walk.trace.provider = Some(token.issuer().provider);
        if let Err(flaw) = token.check_time(walk.now) {
            walk.trace.kid = token.kid().map(str::to_owned);
            return Err(Denial::Rule(flaw).into());
        }
        return Ok(token);
    }
    let config = walk.config;
    let unverified = Unverified::parse(text, &config.limits.token).map_err(|flaw| match found.check() {
        Ok(()) => Denial::Token(flaw),
        Err(flaw) => Denial::Credential(flaw),
    })?;
    let header = unverified.header();
    walk.trace.kid = header.kid.clone();
    let (issuer, provider) = config.issuer(unverified.issuer_hint()).map_err(Denial::Issuer)?;
    walk.trace.provider = Some(issuer.provider);
    match provider.introspection.as_ref().map_or(Jwts::Verify, |introspection| introspection.jwts) {
        Jwts::Verify => {}
        Jwts::Introspect => {
            let token = opaque::identify(walk, found, issuer.provider)?;
            check_confirmation(unverified.unsigned_claims(), token.claims()).map_err(Denial::Binding)?;
            return Ok(token);
        }
        Jwts::Refuse => return Err(Denial::Introspection(IntrospectionFlaw::JwtNotTaken).into()),
    }
    if !provider.rules.algorithms.contains(header.alg) {
        return Err(Denial::AlgorithmNotAccepted.into());
    }
    if provider.rules.entra.is_some() {
        // Their signature is not over what they say, so without this the reason would be a wrong signature.
        graph::check(&[], header.has_nonce)
            .map_err(|flaw| Denial::Rule(TokenRuleFlaw::Entra(EntraFlaw::Graph(flaw))))?;
    }
    // What a token says against itself is believed unsigned: an old token is refused without the cost of its signature.
    if unverified.expiry_hint().is_some_and(|expiry| walk.now >= expiry.plus(provider.rules.clock_skew)) {
        return Err(Denial::Rule(TokenRuleFlaw::Expired).into());
    }
    let key = match walk.engine.key(issuer, header.kid.as_deref(), header.alg, walk.now) {
        KeyLookup::Found(key) => key,
        KeyLookup::Wait => {
            return Err(walk.wait(Wanted::Key { issuer, kid: header.kid.clone(), alg: header.alg }));
        }
        KeyLookup::Refused(flaw) => return Err(Denial::Key(flaw).into()),
        KeyLookup::Unavailable { retry_after } => return Err(Denial::KeysUnavailable(retry_after).into()),
    };
    let signed = unverified.verify(&key, walk.host, config.signatures).map_err(Denial::Signature)?;
    let signer = provider.issuer(issuer).ok_or(Denial::Issuer(IssuerFlaw::Unknown))?;
    let token = Rc::new(token::accept(issuer, signer, &provider.rules, signed, walk.now).map_err(Denial::Rule)?);
    walk.engine.remember(text, &token);
    Ok(token)
}

/// What a JWT says against itself is believed unsigned: a server that leaves out in its answer what the token is bound to makes
/// no bearer token of it.
fn check_confirmation(unsigned: &Map<String, Value>, said: &Map<String, Value>) -> Result<(), BindingFlaw> {
    match Confirmation::of(unsigned)? {
        Some(own) if Confirmation::of(said)? != Some(own) => Err(BindingFlaw::ConfirmationDisputed),
        _ => Ok(()),
    }
}
