//! Entra's proof of possession: a signed request around the token (draft-ietf-oauth-signed-http-request-03, as Microsoft's
//! libraries write it).
//!
//! `Authorization: PoP <JWS>`, whose payload has the token (`at`), the moment (`ts`), method, host and path (`m`, `u`, `p`) and
//! the public key (`cnf.jwk`), to which the token is bound by its thumbprint (`cnf.kid`). Compared as Microsoft's
//! `SignedHttpRequestHandler` compares: host and path without case, the path without slashes at its ends, because MSAL.js
//! writes both so. Query, headers and body (`q`, `h`, `b`) are not looked at, as there by default: what MSAL.js writes in `q` is
//! not what the draft says.

use std::rc::Rc;
use std::time::Duration;

use serde_json::{Map, Value};

use super::ProofFlaw;
use super::dpop::target::received_path;
use super::dpop::{check_time, moment, text};
use super::replay::{Replays, Use};
use crate::http::RequestHead;
use crate::http::host::{self, HostFlaw};
use crate::jose::{
    AlgorithmSet, JsonLimits, KeyOrigin, NativeVerifier, SignaturePolicy, TokenLimits, Unverified, VerificationKey,
};
use crate::time::UnixTime;

/// What is asked of signed requests.
#[derive(Clone, Debug)]
pub struct SignedRequests {
    /// Their algorithms; none is symmetric.
    pub algorithms: AlgorithmSet,
    /// How old one may be.
    pub max_age: Duration,
    /// How far its clock may be ahead.
    pub clock_skew: Duration,
    /// The hosts, with port if it is not the scheme's own, under which clients know this API. None: the request's own.
    pub hosts: Vec<Host>,
    /// Longest token within.
    pub token_bytes: usize,
    /// Where the use of signed requests is written down.
    pub replays: Replays,
}

/// A host and its port, as they are compared: case and a dot at the end say nothing, nor does the scheme's own port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    name: String,
    port: Option<u32>,
}

impl Host {
    /// Reads `host[:port]`.
    ///
    /// # Errors
    ///
    /// It can't be compared.
    pub fn read(text: &str) -> Result<Self, HostFlaw> {
        let name = host::normalise(text.as_bytes())?;
        // After the last colon of an IPv6 address without a port there is a bracket.
        let port = text.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
        Ok(Self { name, port })
    }

    fn is(&self, other: &Self, scheme: &str) -> bool {
        let own = if scheme == "https" { 443 } else { 80 };
        self.name == other.name && self.port.unwrap_or(own) == other.port.unwrap_or(own)
    }
}

/// A signed request that is for this request and this moment; its signature has not been looked at.
#[derive(Debug)]
pub struct SignedRequest {
    unverified: Unverified,
    jwk: Map<String, Value>,
    issued: UnixTime,
}

impl SignedRequests {
    /// Reads the JWS after `PoP`: the token within, and the rest.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong with it.
    pub fn read(&self, signed: &[u8], head: &RequestHead, now: UnixTime) -> Result<(String, SignedRequest), ProofFlaw> {
        // The token is in base64url once more, which adds a third.
        let bytes = self.token_bytes.saturating_mul(2).saturating_add(OTHERS);
        let limits = TokenLimits { bytes, json: JsonLimits { depth: 6, members: 256 } };
        let unverified = Unverified::parse(signed, &limits).map_err(ProofFlaw::Malformed)?;
        let header = unverified.header();
        if !header.typ.as_deref().is_some_and(|typ| typ.eq_ignore_ascii_case(TYPE)) {
            return Err(ProofFlaw::Type);
        }
        if !self.algorithms.contains(header.alg) {
            return Err(ProofFlaw::Algorithm);
        }
        let claims = unverified.unsigned_claims();
        let token = text(claims, "at")?.to_owned();
        let issued = moment(claims, "ts")?;
        check_time(issued, self.max_age, self.clock_skew, now)?;
        if !text(claims, "m")?.eq_ignore_ascii_case(head.method()) {
            return Err(ProofFlaw::Method);
        }
        if !self.is_host(text(claims, "u")?, head) || !is_path(text(claims, "p")?, head) {
            return Err(ProofFlaw::Target);
        }
        let jwk = claims.get("cnf").and_then(|cnf| cnf.get("jwk")).and_then(Value::as_object).cloned();
        let jwk = jwk.ok_or(ProofFlaw::Claim("cnf"))?;
        Ok((token, SignedRequest { unverified, jwk, issued }))
    }

    fn is_host(&self, claimed: &str, head: &RequestHead) -> bool {
        let Ok(claimed) = Host::read(claimed) else { return false };
        let is = |host: &Host| host.is(&claimed, head.scheme());
        match self.hosts.as_slice() {
            [] => {
                let own = head.only(":authority").ok().flatten().and_then(|host| std::str::from_utf8(host).ok());
                own.and_then(|host| Host::read(host).ok()).as_ref().is_some_and(is)
            }
            hosts => hosts.iter().any(is),
        }
    }
}

impl SignedRequest {
    /// Checks that it is signed with the key with the thumbprint `bound`: it may be used, and has to be
    /// [spent](Replays::spend) for it.
    ///
    /// # Errors
    ///
    /// It is signed with another key, or its signature is wrong, or can't be checked.
    pub fn verify(
        self,
        bound: &[u8; 32],
        native: &mut dyn NativeVerifier,
        policy: SignaturePolicy,
    ) -> Result<Use, ProofFlaw> {
        let key = VerificationKey::from_jwk(&self.jwk, KeyOrigin::Remote).map_err(ProofFlaw::Key)?;
        if key.thumbprint() != *bound {
            return Err(ProofFlaw::OtherKey);
        }
        // Not the signature: of one text there are many.
        let parts = [b"signed request".to_vec(), bound.to_vec(), self.unverified.signed_text().as_bytes().to_vec()];
        self.unverified.verify(&Rc::new(key), native, policy).map_err(|_| ProofFlaw::Signature)?;
        Ok(Use { parts, issued: self.issued })
    }
}

/// Both in percent-encoding, as they were sent.
fn is_path(claimed: &str, head: &RequestHead) -> bool {
    let sent = received_path(head).map(|path| path.trim_matches('/'));
    sent.is_some_and(|sent| sent.eq_ignore_ascii_case(claimed.trim_matches('/')))
}

const TYPE: &str = "pop";

/// A 4096-bit RSA key and its signature, and an address, in base64url.
const OTHERS: usize = 12 << 10;

#[cfg(test)]
mod tests;
