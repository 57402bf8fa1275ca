//! Opaque tokens of the offline world, and the authorization servers that are asked about them (RFC 7662).
//!
//! A token holds what its server says of it, so that nobody has to remember it: not for the engine, which sees a text, but for
//! whoever answers, here or behind a socket.

use portcullis::introspection::IntrospectionSettings;
use portcullis::jose::{KeyOrigin, SignaturePolicy, TokenLimits, Unverified, VerificationKey};
use serde_json::{Map, Value, json};

use super::host::MemoryHost;
use super::keys::{base64url, from_base64url};
use super::{Signer, World};

/// What a server answers that is asked about an opaque token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opaque {
    /// The status.
    pub status: u16,
    /// The body, whatever it is; what the token says in JSON if left out.
    pub body: Option<String>,
}

impl Default for Opaque {
    fn default() -> Self {
        Self { status: 200, body: None }
    }
}

/// Where a server is asked about tokens, and how those begin.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    authority: String,
    path: String,
    prefix: String,
}

impl Endpoint {
    pub(crate) fn of(settings: &IntrospectionSettings) -> Self {
        Self {
            authority: settings.endpoint.authority().to_owned(),
            path: settings.endpoint.path_and_query().to_owned(),
            prefix: settings.token_prefix.clone().unwrap_or_default(),
        }
    }

    /// A token of which the server says `claims`.
    pub(crate) fn token(&self, opaque: &Opaque, claims: Map<String, Value>) -> String {
        let body = opaque.body.clone().unwrap_or_else(|| Value::Object(claims).to_string());
        let said = json!({ "status": opaque.status, "body": body });
        format!("{}{}", self.prefix, base64url(said.to_string().as_bytes()))
    }
}

impl World {
    /// What the server at `authority` and `path` answers to `form`; `None` if there is none.
    pub(crate) fn introspect(&self, authority: &str, path: &str, form: &[u8]) -> Option<(u16, Vec<u8>)> {
        let is_here = |endpoint: &&Endpoint| endpoint.authority == authority && endpoint.path == path;
        let endpoint = self.signers().iter().filter_map(|signer| signer.endpoint.as_ref()).find(is_here)?;
        let token = token_in(form).unwrap_or_default();
        Some(said(endpoint, &token).unwrap_or_else(|| (200, self.said_of_jwt(&token).to_string().into_bytes())))
    }

    /// Of a JWT that one of the issuers here has signed, its claims; of anything else that it is not active.
    fn said_of_jwt(&self, token: &str) -> Value {
        let claims = self.signers().iter().find_map(|signer| verified(signer, token));
        match claims {
            Some(mut claims) => {
                claims.insert("active".to_owned(), json!(true));
                Value::Object(claims)
            }
            None => json!({ "active": false }),
        }
    }
}

/// What `token` says of itself, if it is one that was made here.
fn said(endpoint: &Endpoint, token: &str) -> Option<(u16, Vec<u8>)> {
    let text = from_base64url(token.strip_prefix(&endpoint.prefix)?)?;
    let said: Value = serde_json::from_slice(&text).ok()?;
    let status = said.get("status").and_then(Value::as_u64).and_then(|status| u16::try_from(status).ok())?;
    Some((status, said.get("body")?.as_str()?.as_bytes().to_vec()))
}

fn verified(signer: &Signer, token: &str) -> Option<Map<String, Value>> {
    let unverified = Unverified::parse(token.as_bytes(), &TokenLimits::default()).ok()?;
    if !signer.rule.speaks_for(unverified.issuer_hint()?) {
        return None;
    }
    let key = VerificationKey::from_jwk(signer.key.jwk().as_object()?, KeyOrigin::Remote).ok()?;
    let signed = unverified.verify(&key.into(), &mut MemoryHost::default(), SignaturePolicy::PreferNative).ok()?;
    Some(signed.claims().clone())
}

/// The token in a form. It is one that the filter has escaped.
fn token_in(form: &[u8]) -> Option<String> {
    let field = form.split(|byte| *byte == b'&').find_map(|field| field.strip_prefix(b"token="))?;
    let mut token = Vec::new();
    let mut rest = field;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'%' {
            token.push(*first);
            continue;
        }
        let (digits, after) = rest.split_at_checked(2)?;
        token.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
        rest = after;
    }
    String::from_utf8(token).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_comes_out_of_a_form_as_it_was() {
        assert_eq!(token_in(b"token=a%2Bb%7E&token_type_hint=access_token").as_deref(), Some("a+b~"));
        assert_eq!(token_in(b"x=y"), None);
        assert_eq!(token_in(b"token=%"), None);
    }
}
