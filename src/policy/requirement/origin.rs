//! Where a token comes from and whom it names: provider, audience, client, tenant, subject.
//!
//! These name one thing each. Where the token leaves it out nobody can tell which it is, so absent is not "another".

use super::Wanted;
use crate::entra::ClientAuthentication;
use crate::policy::lack::Lack;
use crate::token::VerifiedToken;
use crate::verdict::Verdict;

/// One subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubjectSpec {
    /// A user or service principal of Entra ID, the same in every application.
    Object {
        /// `oid`
        oid: String,
        /// `tid`: an object id is of one tenant.
        tid: String,
    },
    /// What a provider calls `sub`.
    Subject {
        /// `sub`
        sub: String,
        /// The provider's place in the configuration: another one's `sub` is somebody else.
        provider: usize,
    },
}

pub(super) fn providers(wanted: &[usize], token: &VerifiedToken) -> Verdict<Lack> {
    Verdict::of(wanted.contains(&token.issuer().provider), || Lack::Provider)
}

pub(super) fn audiences(wanted: &Wanted, token: &VerifiedToken) -> Verdict<Lack> {
    let found = token.audiences();
    Verdict::of(wanted.is_met(|text| found.iter().any(|found| found == text)), || Lack::Audience)
}

pub(super) fn clients(wanted: &[String], token: &VerifiedToken) -> Verdict<Lack> {
    match client_of(token) {
        Ok(client) => Verdict::of(wanted.iter().any(|wanted| wanted == client), || Lack::Client),
        Err(lack) => Verdict::Unknown(lack),
    }
}

pub(super) fn client_authentication(wanted: &[ClientAuthentication], token: &VerifiedToken) -> Verdict<Lack> {
    match token.client_authentication() {
        Ok(found) => Verdict::of(wanted.contains(&found), || Lack::ClientAuthentication),
        Err(flaw) => Verdict::Unknown(Lack::Unclear(flaw.reason())),
    }
}

/// Only Entra ID has tenants; whatever another issuer writes into `tid`, its token is of none of them.
pub(super) fn tenants(wanted: &[String], token: &VerifiedToken) -> Verdict<Lack> {
    if token.caller().is_none() {
        return Verdict::Unmet(Lack::Tenant);
    }
    match token.text("tid") {
        Some(tid) => Verdict::of(wanted.iter().any(|wanted| wanted == tid), || Lack::Tenant),
        None => Verdict::Unknown(Lack::Unclear("tenant_unknown")),
    }
}

pub(super) fn subjects(wanted: &[SubjectSpec], token: &VerifiedToken) -> Verdict<Lack> {
    let is_entra = token.caller().is_some();
    let mut unclear = false;
    for wanted in wanted {
        let found = match wanted {
            SubjectSpec::Object { .. } if !is_entra => Some(false),
            SubjectSpec::Object { oid, tid } => {
                token.text("oid").zip(token.text("tid")).map(|found| found == (oid.as_str(), tid.as_str()))
            }
            SubjectSpec::Subject { provider, .. } if *provider != token.issuer().provider => Some(false),
            SubjectSpec::Subject { sub, .. } => token.text("sub").map(|found| found == sub),
        };
        match found {
            Some(true) => return Verdict::Met,
            Some(false) => {}
            None => unclear = true,
        }
    }
    if unclear { Verdict::Unknown(Lack::Unclear("subject_unknown")) } else { Verdict::Unmet(Lack::Subject) }
}

/// The client application: `azp` (Entra v2, OpenID Connect), `appid` (Entra v1), `client_id` (RFC 9068 section 2.2).
///
/// # Errors
///
/// None of them is there, or the first that is can't be read.
pub(super) fn client_of(token: &VerifiedToken) -> Result<&str, Lack> {
    let claims = token.claims();
    let named = ["azp", "appid", "client_id"].iter().find_map(|name| claims.get(*name));
    match named {
        None => Err(Lack::Unclear("client_unknown")),
        Some(value) => value.as_str().filter(|client| !client.is_empty()).ok_or(Lack::Unclear("client_malformed")),
    }
}
