//! What a token says about who may send it: the claim `cnf` (RFC 7800 section 3.1).

use serde_json::{Map, Value};

use super::BindingFlaw;
use crate::jose::{KeyOrigin, VerificationKey, base64url};

/// How a token is bound. What it names has to be proven, all of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Confirmation {
    /// To the certificate with this SHA-256 (`x5t#S256`, RFC 8705 section 3.1).
    pub certificate: Option<[u8; 32]>,
    /// To the key with this thumbprint, by proofs of possession (`jkt`, RFC 9449 section 6.1).
    pub dpop_key: Option<[u8; 32]>,
    /// To the key with this thumbprint, by signed requests (`kid` or `jwk`, as Entra ID writes them).
    pub request_key: Option<[u8; 32]>,
}

impl Confirmation {
    /// What `claims` say; `None` if the token is not bound.
    ///
    /// # Errors
    ///
    /// A `cnf` that is not an object, says nothing, or has a member that can't be read or is not known. RFC 7800 would have
    /// members passed over that are not understood; then a token that is bound in a new way would be bound in none.
    pub fn of(claims: &Map<String, Value>) -> Result<Option<Self>, BindingFlaw> {
        let members = match claims.get("cnf") {
            None => return Ok(None),
            Some(Value::Object(members)) => members,
            Some(_) => return Err(BindingFlaw::ConfirmationMalformed),
        };
        let mut found = Self::default();
        for (name, value) in members {
            match name.as_str() {
                "x5t#S256" => found.certificate = Some(hash(value)?),
                "jkt" => found.dpop_key = Some(hash(value)?),
                "kid" => found.bind_request(hash(value)?)?,
                "jwk" => found.bind_request(thumbprint(value)?)?,
                // Where the client keeps the key, as Entra ID was told; it proves nothing.
                "xms_ksl" if value.is_string() => {}
                "xms_ksl" => return Err(BindingFlaw::ConfirmationMalformed),
                _ => return Err(BindingFlaw::ConfirmationUnknown),
            }
        }
        if found == Self::default() { Err(BindingFlaw::ConfirmationMalformed) } else { Ok(Some(found)) }
    }

    /// `kid` and `jwk` at once have to be of one key.
    fn bind_request(&mut self, key: [u8; 32]) -> Result<(), BindingFlaw> {
        match self.request_key.replace(key) {
            Some(other) if other != key => Err(BindingFlaw::ConfirmationMalformed),
            _ => Ok(()),
        }
    }
}

/// A SHA-256 in base64url.
fn hash(value: &Value) -> Result<[u8; 32], BindingFlaw> {
    let text = value.as_str().ok_or(BindingFlaw::ConfirmationMalformed)?;
    base64url::decode_exact(text.as_bytes()).ok().flatten().ok_or(BindingFlaw::ConfirmationMalformed)
}

fn thumbprint(value: &Value) -> Result<[u8; 32], BindingFlaw> {
    let jwk = value.as_object().ok_or(BindingFlaw::ConfirmationMalformed)?;
    let key = VerificationKey::from_jwk(jwk, KeyOrigin::Remote).map_err(|_| BindingFlaw::ConfirmationMalformed)?;
    Ok(key.thumbprint())
}
