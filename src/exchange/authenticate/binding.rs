//! Whose token it is: what it is bound to, and the proof that its sender has that.

use super::certificate::presented;
use crate::binding::signed_request::SignedRequest;
use crate::binding::{Binding, BindingFlaw, Confirmation, Dpop, Fault, Method, ProofFlaw, SignedRequests, certificate};
use crate::config::Config;
use crate::credential::{Found, Scheme};
use crate::engine::{Engine, Host};
use crate::exchange::Denial;
use crate::exchange::request::{Proven, Trace};
use crate::http::RequestHead;
use crate::time::UnixTime;
use crate::token::VerifiedToken;

/// The signed request in a credential, if it is one, and the token within.
pub(super) fn signed_request(
    config: &Config,
    head: &RequestHead,
    found: &Found<'_>,
    now: UnixTime,
) -> Result<Option<(String, SignedRequest)>, Denial> {
    let (Scheme::Pop, Some(settings)) = (found.scheme, &config.bindings.signed_request) else { return Ok(None) };
    settings.read(found.token, head, now).map(Some).map_err(|flaw| Denial::Binding(flaw.into()))
}

/// How a token was sent.
pub(super) struct Sent<'a> {
    pub(super) scheme: Scheme,
    pub(super) token: &'a [u8],
    pub(super) around: Option<SignedRequest>,
}

/// Who asks for proofs, and of what request.
pub(super) struct Prover<'a> {
    pub(super) config: &'a Config,
    pub(super) head: &'a RequestHead,
    pub(super) engine: &'a mut Engine,
    pub(super) host: &'a mut dyn Host,
    pub(super) now: UnixTime,
    pub(super) trace: &'a mut Trace,
}

impl Prover<'_> {
    /// Everything that `token` says it is bound to, proven.
    pub(super) fn prove(mut self, sent: Sent<'_>, token: &VerifiedToken) -> Result<Binding, BindingFlaw> {
        let Some(bound) = Confirmation::of(token.claims())? else {
            let is_bearer = sent.scheme == Scheme::Bearer;
            return if is_bearer { Ok(Binding::default()) } else { Err(BindingFlaw::NotBound) };
        };
        check_sent(self.config, &bound, sent.scheme)?;
        let mut binding = Binding::default();
        if let Some(bound) = &bound.certificate {
            certificate::check(bound, self.certificate()?.as_ref())?;
            binding.prove(Method::Mtls);
        }
        if let (Some(bound), Some(dpop)) = (&bound.dpop_key, &self.config.bindings.dpop) {
            let proven = self.by_proof(dpop, sent.token, bound);
            self.tell_nonce(dpop, &proven);
            proven?;
            binding.prove(Method::Dpop);
        }
        if let (Some(bound), Some(around), Some(settings)) =
            (&bound.request_key, sent.around, &self.config.bindings.signed_request)
        {
            self.by_request(settings, around, bound)?;
            binding.prove(Method::SignedRequest);
        }
        Ok(binding)
    }

    /// By the proof in the header `DPoP`, which this request uses up when it goes on. One that waited has shown it already.
    fn by_proof(&mut self, dpop: &Dpop, token: &[u8], bound: &[u8; 32]) -> Result<Proven, ProofFlaw> {
        if let Some(proven) = self.trace.done.proven.filter(|proven| proven.key == *bound) {
            return Ok(proven);
        }
        let secret = self.engine.secrets().get(self.host).ok_or(ProofFlaw::StoreUnavailable)?;
        let proof = dpop.read(self.head, token, bound, secret, self.now)?;
        let (used, renew_nonce) = proof.verify(self.host, self.config.signatures)?;
        self.trace.done.unspent = Some((dpop.replays, used));
        Ok(*self.trace.done.proven.insert(Proven { key: *bound, renew_nonce }))
    }

    /// The same by a signed request.
    fn by_request(
        &mut self,
        settings: &SignedRequests,
        around: SignedRequest,
        bound: &[u8; 32],
    ) -> Result<(), ProofFlaw> {
        if self.trace.done.proven.is_some_and(|proven| proven.key == *bound) {
            return Ok(());
        }
        let used = around.verify(bound, self.host, self.config.signatures)?;
        self.trace.done.unspent = Some((settings.replays, used));
        self.trace.done.proven = Some(Proven { key: *bound, renew_nonce: false });
        Ok(())
    }

    /// A client without a nonce of now is told one, whatever becomes of its request (RFC 9449 sections 8 and 8.2).
    fn tell_nonce(&mut self, dpop: &Dpop, proven: &Result<Proven, ProofFlaw>) {
        let needs_one = match proven {
            Ok(proven) => proven.renew_nonce,
            Err(flaw) => BindingFlaw::from(flaw.clone()).fault() == Fault::Nonce,
        };
        let (true, Some(nonces), Some(secret)) = (needs_one, &dpop.nonces, self.engine.secrets().get(self.host)) else {
            return;
        };
        if let Some(nonce) = nonces.current(secret, self.now) {
            self.trace.response.retain(|(name, _)| *name != NONCE);
            self.trace.response.push((NONCE, nonce));
        }
    }

    /// The hash of the client's certificate.
    fn certificate(&mut self) -> Result<Option<[u8; 32]>, BindingFlaw> {
        let presented = presented(self.config, self.head, self.host);
        let presented = presented.map_err(|_| BindingFlaw::CertificateUnreadable)?;
        Ok(presented.map(|presented| presented.digest_sha256))
    }
}

/// Uses up the proof that the request showed, if it did: when nothing else stops it, so that requests which are refused, or are too
/// many, take no room among those that are remembered.
pub(in crate::exchange) fn spend(
    engine: &mut Engine,
    host: &mut dyn Host,
    now: UnixTime,
    trace: &mut Trace,
) -> Result<(), Denial> {
    let Some((replays, used)) = trace.done.unspent.take() else { return Ok(()) };
    let secret = engine.secrets().get(host).ok_or(ProofFlaw::StoreUnavailable);
    let spent = secret.and_then(|secret| replays.spend(secret, &used, host, now));
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
