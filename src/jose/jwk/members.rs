//! Members of a JWK, read with their types (RFC 7517 section 4).
//!
//! A member that is there with the wrong type is a flaw, never the same as one that is not there.

use serde_json::{Map, Value};

use super::KeyFlaw;
use crate::jose::base64url;

pub(super) struct Members<'j>(pub(super) &'j Map<String, Value>);

impl<'j> Members<'j> {
    pub(super) fn text(&self, name: &'static str) -> Result<Option<&'j str>, KeyFlaw> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(KeyFlaw::MemberMalformed(name)),
        }
    }

    pub(super) fn required_text(&self, name: &'static str) -> Result<&'j str, KeyFlaw> {
        self.text(name)?.ok_or(KeyFlaw::MemberMissing(name))
    }

    pub(super) fn required_bytes(&self, name: &'static str) -> Result<Vec<u8>, KeyFlaw> {
        base64url::decode(self.required_text(name)?.as_bytes()).map_err(|_| KeyFlaw::MemberMalformed(name))
    }

    /// A number or coordinate of one fixed length.
    pub(super) fn required_exactly<const N: usize>(&self, name: &'static str) -> Result<[u8; N], KeyFlaw> {
        base64url::decode_exact(self.required_text(name)?.as_bytes())
            .map_err(|_| KeyFlaw::MemberMalformed(name))?
            .ok_or(KeyFlaw::CoordinateLength)
    }

    /// Public keys only: the members of RFC 7518 sections 6.2.2, 6.3.2 and 6.4.1 do not belong.
    pub(super) fn refuse_private(&self) -> Result<(), KeyFlaw> {
        match PRIVATE.iter().any(|name| self.0.contains_key(*name)) {
            true => Err(KeyFlaw::PrivateKey),
            false => Ok(()),
        }
    }

    /// RFC 7517 section 4.2. Not there means any use.
    pub(super) fn require_use_for_signatures(&self) -> Result<(), KeyFlaw> {
        match self.text("use")? {
            None | Some("sig") => Ok(()),
            Some(_) => Err(KeyFlaw::NotForSignatures),
        }
    }

    /// RFC 7517 section 4.3. Not there means any operation.
    pub(super) fn require_key_ops_for_verification(&self) -> Result<(), KeyFlaw> {
        let operations = match self.0.get("key_ops") {
            None => return Ok(()),
            Some(Value::Array(operations)) => operations,
            Some(_) => return Err(KeyFlaw::MemberMalformed("key_ops")),
        };
        if !operations.iter().all(Value::is_string) {
            return Err(KeyFlaw::MemberMalformed("key_ops"));
        }
        match operations.iter().any(|operation| operation == "verify") {
            true => Ok(()),
            false => Err(KeyFlaw::NotForVerification),
        }
    }
}

const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
