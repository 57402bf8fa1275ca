//! Whose token it is: what it is bound to, and the proof that its sender has that.

use crate::binding::signed_request::SignedRequest;
use crate::binding::{Binding, BindingFlaw, Confirmation, Dpop, Fault, Method, ProofFlaw, SignedRequests, certificate};
use crate::config::Config;
use crate::credential::{Found, Scheme};
use crate::exchange::Denial;
use crate::exchange::trace::Proven;
use crate::exchange::walk::Walk;
use crate::token::VerifiedToken;

/// The signed request in a credential, if it is one, and the token within.
pub(super) fn signed_request(walk: &Walk<'_>, found: &Found<'_>) -> Result<Option<(String, SignedRequest)>, Denial> {
    let settings = walk.config.bindings.signed_request.as_ref();
    let Some(settings) = settings.filter(|_| found.scheme == Scheme::Pop) else { return Ok(None) };
    settings.read(found.token, walk.head, walk.now).map(Some).map_err(|flaw| Denial::Binding(flaw.into()))
}

/// How a token was sent.
pub(super) struct Sent<'a> {
    pub(super) scheme: Scheme,
    pub(super) token: &'a [u8],
    pub(super) around: Option<SignedRequest>,
}

/// Proves everything that `token` says it is bound to.
pub(super) fn prove(walk: &mut Walk<'_>, sent: Sent<'_>, token: &VerifiedToken) -> Result<Binding, BindingFlaw> {
    let Some(bound) = Confirmation::of(token.claims())? else {
        let is_bearer = sent.scheme == Scheme::Bearer;
        return if is_bearer { Ok(Binding::default()) } else { Err(BindingFlaw::NotBound) };
    };
    check_sent(walk.config, &bound, sent.scheme)?;
    let mut binding = Binding::default();
    if let Some(bound) = &bound.certificate {
        let connection = walk.connection();
        let presented = connection.presented().map_err(|_| BindingFlaw::CertificateUnreadable)?;
        certificate::check(bound, presented.map(|presented| &presented.digest_sha256))?;
        binding.prove(Method::Mtls);
    }
    if let (Some(bound), Some(dpop)) = (&bound.dpop_key, &walk.config.bindings.dpop) {
        let proven = by_proof(walk, dpop, sent.token, bound);
        tell_nonce(walk, dpop, &proven);
        proven?;
        binding.prove(Method::Dpop);
    }
    if let (Some(bound), Some(around), Some(settings)) =
        (&bound.request_key, sent.around, &walk.config.bindings.signed_request)
    {
        by_request(walk, settings, around, bound)?;
        binding.prove(Method::SignedRequest);
    }
    Ok(binding)
}

/// By the proof in the header `DPoP`, which this request uses up when it goes on. One that waited has shown it already.
fn by_proof(walk: &mut Walk<'_>, dpop: &Dpop, token: &[u8], bound: &[u8; 32]) -> Result<Proven, ProofFlaw> {
    if let Some(proven) = walk.trace.done.proven.filter(|proven| proven.key == *bound) {
        return Ok(proven);
    }
    let secret = walk.engine.secrets().get(walk.host).ok_or(ProofFlaw::StoreUnavailable)?;
    let proof = dpop.read(walk.head, token, bound, secret, walk.now)?;
    let (used, renew_nonce) = proof.verify(walk.host, walk.config.signatures)?;
    dpop.replays.look(secret, &used, walk.host, walk.now)?;
    walk.trace.done.unspent = Some((dpop.replays, used));
    Ok(*walk.trace.done.proven.insert(Proven { key: *bound, renew_nonce }))
}

/// The same by a signed request.
fn by_request(
    walk: &mut Walk<'_>,
    settings: &SignedRequests,
    around: SignedRequest,
    bound: &[u8; 32],
) -> Result<(), ProofFlaw> {
    if walk.trace.done.proven.is_some_and(|proven| proven.key == *bound) {
        return Ok(());
    }
    let secret = walk.engine.secrets().get(walk.host).ok_or(ProofFlaw::StoreUnavailable)?;
    let used = around.verify(bound, walk.host, walk.config.signatures)?;
    settings.replays.look(secret, &used, walk.host, walk.now)?;
    walk.trace.done.unspent = Some((settings.replays, used));
    walk.trace.done.proven = Some(Proven { key: *bound, renew_nonce: false });
    Ok(())
}

/// A client without a nonce of now is told one, whatever becomes of its request (RFC 9449 sections 8 and 8.2).
fn tell_nonce(walk: &mut Walk<'_>, dpop: &Dpop, proven: &Result<Proven, ProofFlaw>) {
    let needs_one = match proven {
        Ok(proven) => proven.renew_nonce,
        Err(flaw) => BindingFlaw::from(flaw.clone()).fault() == Fault::Nonce,
    };
    let Some(nonces) = dpop.nonces.as_ref().filter(|_| needs_one) else { return };
    let secret = walk.engine.secrets().get(walk.host);
    if let Some(nonce) = secret.and_then(|secret| nonces.current(secret, walk.now)) {
        walk.trace.response.retain(|(name, _)| *name != NONCE);
        walk.trace.response.push((NONCE, nonce));
    }
}

/// Uses up the proof that the request showed, if it did: when nothing else stops it, so that requests which are refused, or are too
/// many, take no room among those that are remembered. Of two that were on their way at the same time one is told here.
pub(in crate::exchange) fn spend(walk: &mut Walk<'_>) -> Result<(), Denial> {
    let Some((replays, used)) = walk.trace.done.unspent.take() else { return Ok(()) };
    let secret = walk.engine.secrets().get(walk.host).ok_or(ProofFlaw::StoreUnavailable);
    let spent = secret.and_then(|secret| replays.spend(secret, &used, walk.host, walk.now));
    spent.map_err(|flaw| Denial::Binding(flaw.into()))
}

/// Was it sent in the one way in which it can be proven? Keys are proven by a scheme of their own.
fn check_sent(config: &Config, bound: &Confirmation, scheme: Scheme) -> Result<(), BindingFlaw> {
    let ways = &config.bindings;
    let (by_proof, by_request) = (bound.dpop_key.is_some(), bound.request_key.is_some());
    let is_configured = (bound.certificate.is_none() || ways.mtls)
        && (!by_proof || ways.dpop.is_some())
        && (!by_request || ways.signed_request.is_some());
    if !is_configured {
        return Err(BindingFlaw::ConfirmationNotConfigured);
    }
    if by_proof && by_request {
        return Err(BindingFlaw::ConfirmationUnprovable);
    }
    let (is_proof, is_request) = (scheme == Scheme::Dpop, scheme == Scheme::Pop);
    if (by_proof && !is_proof) || (by_request && !is_request) {
        return Err(BindingFlaw::SentAsBearer);
    }
    if (is_proof && !by_proof)
        || (is_request && !by_request)
        || (scheme == Scheme::MtlsPop && bound.certificate.is_none())
    {
        return Err(BindingFlaw::NotBound);
    }
    Ok(())
}

const NONCE: &str = "dpop-nonce";
