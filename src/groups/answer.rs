//! What is said to Microsoft Graph and its token endpoint, and which of their answers count.
//!
//! RFC 6749 section 4.4; "JSON batching" and `directoryObject: getMemberObjects` of Microsoft Graph.

use std::time::Duration;

use serde_json::{Map, Value};

use super::health::Outcome;
use super::list::{self, GroupList};
use super::member::Member;
use crate::jose::json::{self, JsonLimits};
use crate::provider::fetch::{is_encoded, retry_after};
use crate::provider::form::form;
use crate::provider::{Fetched, Secret};

/// What Graph said of one caller.
#[derive(Clone, Debug)]
pub(super) enum Entry {
    Groups(GroupList),
    /// It does not know the caller, or would not list so many.
    Unresolvable,
    /// Anything that is neither.
    Failed,
    /// It wants to be asked less, or later.
    Throttled(Duration),
}

/// A whole callout that came to nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Failure {
    pub(super) outcome: Outcome,
    /// The pause that was asked for.
    pub(super) after: Option<Duration>,
}

/// The form that asks for a token.
pub(super) fn token_form(client_id: &str, secret: &Secret, scope: &str) -> Vec<u8> {
    form(&[
        ("grant_type", b"client_credentials"),
        ("client_id", client_id.as_bytes()),
        ("client_secret", secret.reveal().as_bytes()),
        ("scope", scope.as_bytes()),
    ])
}

/// The token and how long it lives.
pub(super) fn token(fetched: Fetched) -> Result<(Secret, Duration), Failure> {
    let answer = document(fetched, LARGEST_TOKEN, 100)?;
    let unreadable = Failure { outcome: Outcome::TokenUnreadable, after: None };
    let text = answer.get("access_token").and_then(Value::as_str).ok_or(unreadable)?;
    let fit = (1..=LARGEST_TOKEN).contains(&text.len()) && text.bytes().all(|byte| matches!(byte, b'!'..=b'~'));
    let bearer =
        answer.get("token_type").and_then(Value::as_str).is_some_and(|kind| kind.eq_ignore_ascii_case("Bearer"));
    let lifetime = answer.get("expires_in").and_then(Value::as_u64).ok_or(unreadable)?;
    // One that is over at once would be asked for again at once.
    if fit && bearer && lifetime >= SHORTEST_LIFE {
        Ok((Secret::new(text.to_owned()), Duration::from_secs(lifetime)))
    } else {
        Err(unreadable)
    }
}

/// In seconds; Entra's live for an hour.
const SHORTEST_LIFE: u64 = 60;

/// The batch that asks for the groups of `members`, each known by its place. Their ids are GUIDs, so nothing has to be
/// escaped.
pub(super) fn batch(members: &[Member], security_groups_only: bool) -> Vec<u8> {
    let mut body = String::from(r#"{"requests":["#);
    for (place, member) in members.iter().enumerate() {
        if place > 0 {
            body.push(',');
        }
        body.push_str(r#"{"id":""#);
        body.push_str(&place.to_string());
        body.push_str(r#"","method":"POST","url":"/"#);
        body.push_str(member.kind().segment());
        body.push('/');
        body.push_str(member.id().as_str());
        body.push_str(
            r#"/getMemberObjects","headers":{"Content-Type":"application/json"},"body":{"securityEnabledOnly":"#,
        );
        body.push_str(if security_groups_only { "true" } else { "false" });
        body.push_str("}}");
    }
    body.push_str("]}");
    body.into_bytes()
}

/// What a batch's answer says of each of `count` callers, in their order.
pub(super) fn entries(fetched: Fetched, count: usize) -> Result<Vec<Entry>, Failure> {
    let answer = document(fetched, LARGEST, MOST_MEMBERS)?;
    let unreadable = Failure { outcome: Outcome::AnswerUnreadable, after: None };
    let responses = answer.get("responses").and_then(Value::as_array).ok_or(unreadable)?;
    // What Graph leaves out, or says twice, it has not said.
    let entries = (0..count).map(|place| {
        let id = place.to_string();
        let mut about = responses.iter().filter(|response| response.get("id").and_then(Value::as_str) == Some(&id));
        match (about.next(), about.next()) {
            (Some(response), None) => entry(response),
            _ => Entry::Failed,
        }
    });
    Ok(entries.collect())
}

fn entry(response: &Value) -> Entry {
    let body = response.get("body");
    match response.get("status").and_then(Value::as_u64) {
        Some(200) => {
            let groups = body.and_then(|body| body.get("value")).and_then(Value::as_array);
            groups.and_then(|groups| list::read(groups)).map_or(Entry::Failed, Entry::Groups)
        }
        Some(404) => Entry::Unresolvable,
        Some(400) => {
            let error = body.and_then(|body| body.get("error"));
            let code = error.and_then(|error| error.get("code")).and_then(Value::as_str);
            if code == Some("Directory_ResultSizeLimitExceeded") { Entry::Unresolvable } else { Entry::Failed }
        }
        Some(429) => Entry::Throttled(pause(response.get("headers"))),
        _ => Entry::Failed,
    }
}

/// `Retry-After` of a response within a batch: header names in any case.
fn pause(headers: Option<&Value>) -> Duration {
    let headers = headers.and_then(Value::as_object).into_iter().flatten();
    let mut seconds = headers
        .filter(|(name, _)| name.eq_ignore_ascii_case("retry-after"))
        .filter_map(|(_, value)| value.as_u64().or_else(|| value.as_str()?.parse().ok()));
    seconds.next().map_or(UNSTATED_PAUSE, Duration::from_secs)
}

/// A JSON object of an answer that counts.
fn document(fetched: Fetched, max_bytes: usize, members: usize) -> Result<Map<String, Value>, Failure> {
    let failure = |outcome| Failure { outcome, after: None };
    let Fetched::Response { status, headers, body } = fetched else { return Err(failure(Outcome::NoAnswer)) };
    match status {
        200 => {}
        400 | 401 => return Err(failure(Outcome::TokenRefused)),
        403 => return Err(failure(Outcome::Forbidden)),
        429 | 503 => {
            let after = retry_after(&headers).or((status == 429).then_some(UNSTATED_PAUSE));
            return Err(Failure { outcome: Outcome::Throttled, after });
        }
        _ => return Err(failure(Outcome::Status)),
    }
    if body.len() > max_bytes || is_encoded(&headers) {
        return Err(failure(Outcome::AnswerUnreadable));
    }
    json::parse_object(&body, &JsonLimits { depth: 8, members }).map_err(|_| failure(Outcome::AnswerUnreadable))
}

/// A batch of twenty callers with two thousand groups each has 1.6 MB; one with 11,000, the most that Graph lists, 430 KB.
pub(super) const LARGEST: usize = 2 << 20;

/// As many ids as fit into that.
const MOST_MEMBERS: usize = 60_000;

/// Graph's own tokens are 2 KiB.
pub(super) const LARGEST_TOKEN: usize = 16 << 10;

/// Where Graph throttles and does not say for how long.
const UNSTATED_PAUSE: Duration = Duration::from_secs(5);
