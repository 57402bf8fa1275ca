//! How a client application proved who it is when it got a token: `azpacr` (v2) or `appidacr` (v1), which only Entra ID
//! writes ("Access token claims reference").

use serde_json::{Map, Value};

/// How a client application proved who it is when it got the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientAuthentication {
    /// It did not.
    Public,
    /// With a secret.
    Secret,
    /// With a certificate.
    Certificate,
}

impl ClientAuthentication {
    /// The word in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Secret => "secret",
            Self::Certificate => "certificate",
        }
    }
}

/// Why it can't be told how a client proved who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientFlaw {
    /// The token does not say.
    Absent,
    /// It says none of the three values, or two.
    Malformed,
}

impl ClientFlaw {
    /// Stable code.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Absent => "client_authentication_unknown",
            Self::Malformed => "client_authentication_malformed",
        }
    }
}

/// What a token of Entra ID says of it.
///
/// # Errors
///
/// A [`ClientFlaw`].
pub fn client_authentication(claims: &Map<String, Value>) -> Result<ClientAuthentication, ClientFlaw> {
    let stated = match (claims.get("azpacr"), claims.get("appidacr")) {
        (None, None) => return Err(ClientFlaw::Absent),
        (Some(stated), None) | (None, Some(stated)) => stated,
        (Some(one), Some(other)) if one == other => one,
        (Some(_), Some(_)) => return Err(ClientFlaw::Malformed),
    };
    match stated.as_str() {
        Some("0") => Ok(ClientAuthentication::Public),
        Some("1") => Ok(ClientAuthentication::Secret),
        Some("2") => Ok(ClientAuthentication::Certificate),
        _ => Err(ClientFlaw::Malformed),
    }
}
