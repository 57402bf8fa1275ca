//! The API key of a request: found in one place, read, and compared.

use std::rc::Rc;

use crate::api_key::{ApiKey, ApiKeyFlaw, ApiKeys, KeyText, text};
use crate::credential::{self, CredentialFlaw, Found, Place};
use crate::exchange::Denial;
use crate::exchange::walk::Walk;
use crate::http::RequestHead;
use crate::http::date::imf_fixdate;

/// The one key of the request.
///
/// # Errors
///
/// There are several, or one is in the query where that is not configured: it is in somebody's log by now.
pub(super) fn find<'a>(keys: &'a ApiKeys, head: &'a RequestHead) -> Result<Option<Found<'a>>, CredentialFlaw> {
    let found = credential::find_in(head, keys.sources())?;
    let in_query = text::count_in_query(head.path().query().unwrap_or_default());
    match &found {
        Some(Found { place: Place::QueryParameter(_), .. }) if in_query <= 1 => Ok(found),
        _ if in_query == 0 => Ok(found),
        Some(_) => Err(CredentialFlaw::Several),
        None => Err(CredentialFlaw::TokenInQuery),
    }
}

/// Whose key it is. The caller is told when it expires, if that is soon.
///
/// Somebody without the secret gets one answer, whatever is wrong. So does somebody with the secret of a key that lives, from
/// another network or too early: to a thief that answer would be worth something. A key that is over is worth nothing any
/// more, and its owner is told by the date.
pub(super) fn identify(walk: &mut Walk<'_>, keys: &ApiKeys, found: &Found<'_>) -> Result<Rc<ApiKey>, Denial> {
    let now = walk.now;
    let Some(shown) = KeyText::parse(found.token) else { return Err(Denial::ApiKey(ApiKeyFlaw::Malformed)) };
    let checked = keys.check(&shown, || walk.address(), now);
    let expires = match &checked {
        Ok(key) => keys.notice(key, now),
        Err(ApiKeyFlaw::Expired(end)) => Some(*end),
        Err(_) => None,
    };
    // A request that could not wait any longer walks twice.
    if let Some(end) = expires.filter(|_| walk.trace.response.iter().all(|(name, _)| *name != EXPIRES)) {
        walk.trace.response.push((EXPIRES, imf_fixdate(end)));
    }
    checked.map_err(|flaw| {
        walk.trace.kid = Some(shown.id().to_owned());
        Denial::ApiKey(flaw)
    })
}

/// When the key of the request is over. Not `Sunset` (RFC 8594), which speaks of the resource.
const EXPIRES: &str = "x-api-key-expires";
