//! Who is calling: nobody known, or the bearer of a verified token.

use std::rc::Rc;

use crate::token::VerifiedToken;

/// Who is calling.
#[derive(Clone, Debug)]
pub enum Identity {
    /// Nobody known.
    Anonymous,
    /// The bearer of a verified token.
    Token(Rc<VerifiedToken>),
}

impl Identity {
    /// The verified token, if there is one.
    #[must_use]
    pub fn token(&self) -> Option<&VerifiedToken> {
        match self {
            Self::Anonymous => None,
            Self::Token(token) => Some(token),
        }
    }

    /// The subject: Entra's `oid`, which names a user in every application alike, otherwise `sub`.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.first(&["oid", "sub"])
    }

    /// The client application: `azp` (Entra v2, OpenID Connect), `appid` (Entra v1), `client_id` (RFC 9068).
    #[must_use]
    pub fn client(&self) -> Option<&str> {
        self.first(&["azp", "appid", "client_id"])
    }

    /// The Entra tenant, `tid`.
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        self.first(&["tid"])
    }

    /// The token's own id: Entra's `uti`, otherwise `jti`.
    #[must_use]
    pub fn token_id(&self) -> Option<&str> {
        self.first(&["uti", "jti"])
    }

    fn first(&self, names: &[&str]) -> Option<&str> {
        let token = self.token()?;
        names.iter().find_map(|name| token.text(name))
    }
}
