//! One record of every decision: who, what, which rule, why.
//!
//! It can hold no token, header or body: none of its fields takes one. What the caller wrote (path, method, `kid`) is
//! bounded and escaped, so that a line of the log stays one line whatever was sent.

use std::io;

mod inputs;

pub use inputs::{AuditInputs, DECIDING, Inputs};

use serde::Serialize;
use serde_json::ser::{CharEscape, Formatter};

/// What happened to one request. Fields that do not apply are left out of the line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AuditEvent {
    /// `allow` or `deny`.
    pub decision: Decision,
    /// The fine reason; `allowed` for an allow.
    pub reason: &'static str,
    /// The reason that would have stopped the request, were it enforced (`report_only`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unenforced: Option<&'static str>,
    /// The status that the filter answered with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The rule that spoke for the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// The policy over the rule that decided, or would have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// The limit that decided, or would have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<String>,
    /// Request method.
    pub method: String,
    /// Host, as it was matched.
    pub host: String,
    /// Path, without query: a query may hold secrets.
    pub path: String,
    /// The provider whose token it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// By what credential the caller is known: `token`, `api_key`, `certificate`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential: Option<&'static str>,
    /// `oid` for Entra ID, otherwise `sub`; of a verified token only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// `user` or `app`, where the issuer says so; of a verified token only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caller: Option<&'static str>,
    /// `azp`, `appid` or `client_id`; of a verified token only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// `tid`; of a verified token only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// `uti` or `jti`; of a verified token only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_id: Option<String>,
    /// Key id; as the token names it, verified or not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kid: Option<String>,
    /// The token is what the authorization server said it is when it was asked.
    #[serde(skip_serializing_if = "is_false")]
    pub introspected: bool,
    /// The verified token was remembered from an earlier request.
    #[serde(skip_serializing_if = "is_false")]
    pub remembered: bool,
    /// What is known of the risk, 0 to 100, where that is configured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub risk: Option<u8>,
    /// How long the request waited for keys, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waited_ms: Option<u64>,
    /// `x-request-id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// When it was decided, in milliseconds since 1970-01-01T00:00:00Z.
    pub time_ms: u64,
    /// What it was decided by, where `audit.inputs` asks for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inputs: Option<Inputs>,
}

/// Which way it went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// The request went on.
    Allow,
    /// The request was answered by the filter. The default, as everything is.
    #[default]
    Deny,
}

/// Which decisions are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditLog {
    /// Every one.
    All,
    /// Those that stopped a request.
    Denials,
    /// None.
    None,
}

impl AuditLog {
    /// Is a decision that went `decision`'s way written.
    #[must_use]
    pub fn writes(self, decision: Decision) -> bool {
        match self {
            Self::All => true,
            Self::Denials => decision == Decision::Deny,
            Self::None => false,
        }
    }
}

impl AuditEvent {
    /// The record as one line of JSON in printable ASCII.
    #[must_use]
    pub fn line(&self) -> String {
        let mut line = Vec::with_capacity(512);
        let mut writer = serde_json::Serializer::with_formatter(&mut line, Ascii);
        match self.serialize(&mut writer) {
            Ok(()) => String::from_utf8(line).unwrap_or_default(),
            Err(_) => String::new(),
        }
    }
}

/// At most `bytes` bytes of `text`, cut where a character ends.
#[must_use]
pub fn bounded(text: &str, bytes: usize) -> String {
    let mut end = text.len().min(bytes);
    while !text.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    text.get(..end).unwrap_or_default().to_owned()
}

/// Writes everything outside printable ASCII as `\uXXXX`: U+2028, DEL and the C1 controls end lines or move cursors too.
struct Ascii;

impl Formatter for Ascii {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut units = [0; 2];
        for character in fragment.chars() {
            if matches!(character, ' '..='~') {
                writer.write_all(&[u8::try_from(character).unwrap_or(b'?')])?;
            } else {
                for unit in character.encode_utf16(&mut units) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            }
        }
        Ok(())
    }

    fn write_char_escape<W: ?Sized + io::Write>(&mut self, writer: &mut W, escape: CharEscape) -> io::Result<()> {
        serde_json::ser::CompactFormatter.write_char_escape(writer, escape)
    }
}

// serde calls it with a reference.
fn is_false(value: &bool) -> bool {
    !value
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_line_holds_what_applies_and_nothing_else() {
        let event = AuditEvent {
            reason: "token_expired",
            status: Some(401),
            method: "GET".to_owned(),
            path: "/orders/7".to_owned(),
            ..AuditEvent::default()
        };
        assert_eq!(
            event.line(),
            r#"{"decision":"deny","reason":"token_expired","status":401,"method":"GET","host":"","path":"/orders/7","time_ms":0}"#
        );
    }

    proptest! {
        // Advisories 23 and 24: nothing that a caller writes ends a line or escapes the string.
        #[test]
        fn whatever_is_sent_a_line_stays_one_line_of_ascii(path in any::<String>(), kid in "\\PC*|[\u{0}-\u{20}\u{7f}-\u{9f}\u{2028}\u{2029}\"\\\\]*") {
            let event = AuditEvent { path: path.clone(), kid: Some(kid.clone()), ..AuditEvent::default() };
            let line = event.line();
            prop_assert!(line.bytes().all(|byte| matches!(byte, b' '..=b'~')));
            let read: serde_json::Value = serde_json::from_str(&line).unwrap();
            prop_assert_eq!(read["path"].as_str(), Some(path.as_str()));
            prop_assert_eq!(read["kid"].as_str(), Some(kid.as_str()));
        }

        #[test]
        fn bounded_text_ends_where_a_character_ends(text in any::<String>(), bytes in 0usize..64) {
            let cut = bounded(&text, bytes);
            prop_assert!(cut.len() <= bytes && text.starts_with(&cut) && text.len().min(bytes) < cut.len().saturating_add(4));
        }
    }
}
