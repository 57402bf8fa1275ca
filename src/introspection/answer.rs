//! What is said to an authorization server, and which of its answers count (RFC 7662 sections 2.1 and 2.2).

use std::time::Duration;

use serde_json::{Map, Value};

use super::flaw::IntrospectionFlaw;
use super::health::Outcome;
use super::settings::{Client, ClientMethod};
use crate::jose::JsonLimits;
use crate::jose::json;
use crate::provider::fetch::{is_encoded, is_json, retry_after};
use crate::provider::form::{FORM, basic, form};
use crate::provider::{Fetched, Post};

/// What the server said of one token.
#[derive(Debug)]
pub(super) enum Said {
    Active(Map<String, Value>),
    Refused(IntrospectionFlaw),
}

/// A callout that came to nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Failure {
    pub(super) outcome: Outcome,
    /// The pause that was asked for.
    pub(super) after: Option<Duration>,
}

/// The question about `token`. The hint says what we take for an access token; a server may look further all the same.
pub(super) fn question(client: &Client, token: &[u8]) -> Post {
    let mut fields: Vec<(&str, &[u8])> = vec![("token", token), ("token_type_hint", b"access_token")];
    let authorization = match client.method {
        ClientMethod::Basic => Some(basic(&client.id, &client.secret)),
        ClientMethod::Post => {
            fields.push(("client_id", client.id.as_bytes()));
            fields.push(("client_secret", client.secret.reveal().as_bytes()));
            None
        }
    };
    Post { content_type: FORM, authorization, body: form(&fields) }
}

/// What an answer says.
pub(super) fn read(fetched: Fetched, max_bytes: usize) -> Result<Said, Failure> {
    let members = document(fetched, max_bytes)?;
    Ok(match members.get("active") {
        Some(Value::Bool(true)) => Said::Active(members),
        Some(Value::Bool(false)) => Said::Refused(IntrospectionFlaw::Inactive),
        Some(_) => Said::Refused(IntrospectionFlaw::ActiveMalformed),
        None => Said::Refused(IntrospectionFlaw::ActiveMissing),
    })
}

/// The JSON object of an answer that counts.
fn document(fetched: Fetched, max_bytes: usize) -> Result<Map<String, Value>, Failure> {
    let failure = |outcome| Failure { outcome, after: None };
    let Fetched::Response { status, headers, body } = fetched else { return Err(failure(Outcome::NoAnswer)) };
    match status {
        200 => {}
        300..=399 => return Err(failure(Outcome::Redirect)),
        401 | 403 => return Err(failure(Outcome::ClientRefused)),
        // A server that can't take this token can still take others: whoever sends such tokens must not silence it for all.
        400 | 413 | 414 => return Err(failure(Outcome::RequestRefused)),
        429 | 503 => {
            let after = retry_after(&headers).or((status == 429).then_some(UNSTATED_PAUSE));
            return Err(Failure { outcome: Outcome::Throttled, after });
        }
        _ => return Err(failure(Outcome::Status)),
    }
    if body.len() > max_bytes {
        return Err(failure(Outcome::TooLarge));
    }
    if !is_json(&headers) {
        return Err(failure(Outcome::ContentType));
    }
    if is_encoded(&headers) {
        return Err(failure(Outcome::Unreadable));
    }
    // A user may have more groups than a token would hold, and the answer is bounded by its length.
    let limits = JsonLimits { members: max_bytes.div_ceil(LEAST_ELEMENT), ..JsonLimits::default() };
    json::parse_object(&body, &limits).map_err(|_| failure(Outcome::Unreadable))
}

/// A text of one letter in a list, with its quotes and its comma.
const LEAST_ELEMENT: usize = 4;

/// Where a server wants to be asked less and does not say for how long it wants to be left alone.
const UNSTATED_PAUSE: Duration = Duration::from_secs(5);
