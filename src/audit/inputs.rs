//! What a decision was made of, so that it can be made again with other rules.
//!
//! Claims that rules ask about, and the client's address: never the token, nor a claim that says who a person is to people
//! (`name`, `email`, `upn`), unless the configuration names it. Bounded, and says so where something was left out.

use std::net::IpAddr;

use serde::Serialize;
use serde_json::{Map, Value};

use super::bounded;
use crate::identity::Identity;

/// Which claims go into a record besides [`DECIDING`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditInputs {
    more: Vec<String>,
}

/// What one decision was made of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Inputs {
    /// The client's address, if the host knows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// The `typ` of a verified token's header, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub typ: Option<String>,
    /// Claims of a verified token; absent without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claims: Option<Map<String, Value>>,
    /// Those of the claims named in the configuration that the token does not have.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub absent: Vec<String>,
    /// Those that are too long for a record. Nothing can be told from them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
}

impl AuditInputs {
    /// [`DECIDING`] and these.
    #[must_use]
    pub fn new(more: &[String]) -> Self {
        Self { more: more.iter().filter(|name| !DECIDING.contains(&name.as_str())).cloned().collect() }
    }

    /// What there is to record of a request.
    pub(crate) fn of(&self, identity: &Identity, address: Option<IpAddr>) -> Inputs {
        let mut inputs = Inputs { address, ..Inputs::default() };
        if identity.is_anonymous() {
            return inputs;
        }
        let mut claims = Map::new();
        let mut room = ROOM;
        for name in DECIDING.into_iter().chain(self.more.iter().map(String::as_str)) {
            let Some(value) = identity.claims().get(name) else {
                if !DECIDING.contains(&name) {
                    inputs.absent.push(name.to_owned());
                }
                continue;
            };
            match room.checked_sub(size(value, room)) {
                Some(left) => {
                    room = left;
                    claims.insert(name.to_owned(), value.clone());
                }
                None => inputs.left_out.push(name.to_owned()),
            }
        }
        let typ = identity.token().and_then(|token| token.signed()?.header().typ.as_deref());
        inputs.typ = typ.map(|typ| bounded(typ, LONGEST_TYP));
        inputs.claims = Some(claims);
        inputs
    }
}

/// About how many bytes `value` takes; more than `most` as soon as that is certain.
fn size(value: &Value, most: usize) -> usize {
    let mut size: usize = 8;
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => size = 24,
        // A character of an issuer's may take six bytes of ASCII.
        Value::String(text) => {
            size = size.saturating_add(text.len().saturating_mul(if text.is_ascii() { 1 } else { 6 }))
        }
        Value::Array(values) => {
            for value in values {
                size = size.saturating_add(self::size(value, most));
                if size > most {
                    return size;
                }
            }
        }
        Value::Object(members) => {
            for (name, value) in members {
                size = size.saturating_add(name.len().saturating_mul(6)).saturating_add(self::size(value, most));
                if size > most {
                    return size;
                }
            }
        }
    }
    size
}

/// The claims that rules ask about: who calls, by what application, what it may, how surely it signed in, until when.
pub const DECIDING: [&str; 40] = [
    "iss",
    "aud",
    "exp",
    "iat",
    "nbf",
    "sub",
    "oid",
    "tid",
    "ver",
    "idtyp",
    "acct",
    "azp",
    "azpacr",
    "appid",
    "appidacr",
    "client_id",
    "scp",
    "scope",
    "roles",
    "groups",
    "hasgroups",
    "_claim_names",
    "wids",
    "acrs",
    "acr",
    "amr",
    "auth_time",
    "xms_cc",
    "xms_act_fct",
    "xms_sub_fct",
    "xms_par_app_azp",
    "xms_mirid",
    "xms_az_rid",
    "deviceid",
    "device_id",
    "xms_tdbr",
    "tfp",
    "xms_idrel",
    "idp",
    "cnf",
];

/// Those that are accepted are far shorter.
const LONGEST_TYP: usize = 64;

/// Bytes of claims in one record: two hundred groups fit, and Envoy's log takes lines of 16 KiB.
const ROOM: usize = 10 << 10;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn sizes_end_early() {
        let long = json!(vec!["x".repeat(100); 1000]);
        assert!(size(&long, 1000) < 1300);
        assert_eq!(size(&json!(["ab", 1]), 1000), 8 + 10 + 24);
    }

    #[test]
    fn a_claim_is_listed_once_and_none_of_them_names_a_person() {
        let mut sorted = DECIDING.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), DECIDING.len());
        for name in ["name", "email", "upn", "preferred_username", "unique_name", "family_name"] {
            assert!(!DECIDING.contains(&name));
        }
        assert_eq!(AuditInputs::new(&["scp".to_owned(), "dept".to_owned()]).more, ["dept"]);
    }
}
