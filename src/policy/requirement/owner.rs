//! Whether the caller is whom the request names: a path parameter or a header against a claim.

use serde_json::Value;

use crate::claim_path::ClaimPath;
use crate::http::name::{Twin, twin_key};
use crate::identity::Identity;
use crate::policy::facts::Facts;
use crate::policy::lack::Lack;
use crate::policy::template::Captured;
use crate::verdict::Verdict;

/// Where a request names its owner, and the claim that must say the same.
#[derive(Clone, Debug)]
pub struct OwnerCheck {
    /// Where the request says it.
    pub place: Place,
    /// Which claim.
    pub claim: ClaimPath,
}

/// Where a request names somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A path parameter, decoded.
    Parameter(String),
    /// A header that comes once.
    Header(String),
}

pub(super) fn check(check: &OwnerCheck, caller: &Identity, facts: &Facts<'_>) -> Verdict<Lack> {
    let named = match named(&check.place, facts) {
        Ok(named) => named,
        Err(reason) => return Verdict::Unknown(Lack::Unclear(reason)),
    };
    match check.claim.reach(caller.claims()) {
        Ok(Some(Value::String(claim))) if !claim.is_empty() => Verdict::of(claim.as_bytes() == named, || Lack::Owner),
        Ok(None) => Verdict::Unknown(Lack::Unclear("owner_claim_missing")),
        Ok(Some(_)) | Err(_) => Verdict::Unknown(Lack::Unclear("owner_claim_malformed")),
    }
}

/// Whom the request names, as bytes: a header need not be text.
///
/// # Errors
///
/// Nobody, or more than one.
pub(super) fn named<'f>(place: &Place, facts: &Facts<'f>) -> Result<&'f [u8], &'static str> {
    match place {
        Place::Parameter(name) => match facts.parameters.iter().find(|(other, _)| other == name) {
            Some((_, Captured::Segment(text))) => Ok(text.as_bytes()),
            Some((_, Captured::Rest(_))) | None => Err("owner_parameter_unknown"),
        },
        Place::Header(name) => {
            let head = facts.circumstances.head;
            let key = twin_key(name.as_bytes());
            let fields = head.headers().names().filter(|other| !other.starts_with(b":"));
            // The server behind us may read `x_user` where it asks for `x-user`.
            if fields.filter(|other| Twin::of(other).has_key(&key)).count() > 1 {
                return Err("owner_header_repeated");
            }
            match head.only(name) {
                Ok(Some(value)) if !value.is_empty() => Ok(value),
                Ok(_) => Err("owner_header_missing"),
                Err(_) => Err("owner_header_repeated"),
            }
        }
    }
}
