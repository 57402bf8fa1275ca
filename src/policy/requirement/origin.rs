//! Where a token comes from and whom it names: provider, audience, client, tenant, subject.
//!
//! These name one thing each. Where the token leaves it out nobody can tell which it is, so absent is not "another".

use super::Wanted;
use crate::entra::ClientAuthentication;
use crate::identity::Identity;
use crate::policy::lack::Lack;
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

pub(super) fn providers(wanted: &[usize], caller: &Identity) -> Verdict<Lack> {
    Verdict::of(caller.provider().is_some_and(|provider| wanted.contains(&provider)), || Lack::Provider)
}

pub(super) fn audiences(wanted: &Wanted, caller: &Identity) -> Verdict<Lack> {
    let found = caller.audiences();
    Verdict::of(wanted.is_met(|text| found.iter().any(|found| found == text)), || Lack::Audience)
}

pub(super) fn clients(wanted: &[String], caller: &Identity) -> Verdict<Lack> {
    match client_of(caller) {
        Ok(client) => Verdict::of(wanted.iter().any(|wanted| wanted == client), || Lack::Client),
        Err(lack) => Verdict::Unknown(lack),
    }
}

pub(super) fn client_authentication(wanted: &[ClientAuthentication], caller: &Identity) -> Verdict<Lack> {
    match caller.client_authentication() {
        Ok(found) => Verdict::of(wanted.contains(&found), || Lack::ClientAuthentication),
        Err(flaw) => Verdict::Unknown(Lack::Unclear(flaw.reason())),
    }
}

/// Only Entra ID has tenants; whatever another issuer writes into `tid`, its token is of none of them.
pub(super) fn tenants(wanted: &[String], caller: &Identity) -> Verdict<Lack> {
    if caller.entra().is_none() {
        return Verdict::Unmet(Lack::Tenant);
    }
    match caller.text("tid") {
        Some(tid) => Verdict::of(wanted.iter().any(|wanted| wanted == tid), || Lack::Tenant),
        None => Verdict::Unknown(Lack::Unclear("tenant_unknown")),
    }
}

pub(super) fn subjects(wanted: &[SubjectSpec], caller: &Identity) -> Verdict<Lack> {
    let is_entra = caller.entra().is_some();
    let mut unclear = false;
    for wanted in wanted {
        let found = match wanted {
            SubjectSpec::Object { .. } if !is_entra => Some(false),
            SubjectSpec::Object { oid, tid } => {
                caller.text("oid").zip(caller.text("tid")).map(|found| found == (oid.as_str(), tid.as_str()))
            }
            SubjectSpec::Subject { provider, .. } if caller.provider() != Some(*provider) => Some(false),
            SubjectSpec::Subject { sub, .. } => caller.text("sub").map(|found| found == sub),
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
pub(super) fn client_of(caller: &Identity) -> Result<&str, Lack> {
    let claims = caller.claims();
    let named = ["azp", "appid", "client_id"].iter().find_map(|name| claims.get(*name));
    match named {
        None => Err(Lack::Unclear("client_unknown")),
        Some(value) => value.as_str().filter(|client| !client.is_empty()).ok_or(Lack::Unclear("client_malformed")),
    }
}
