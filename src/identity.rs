//! Who is calling: nobody known, the bearer of a verified token, the owner of an API key, or the holder of a client certificate.
//!
//! Rules ask all of them alike: each has claims. What only a token can say (an audience, a provider, a kind of caller of Entra
//! ID), others do not say.

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::LazyLock;

use serde_json::{Map, Value};

use crate::api_key::ApiKey;
use crate::certificate::Holder;
use crate::entra::{Caller, CallerKind, ClientAuthentication, ClientFlaw};
use crate::token::VerifiedToken;

/// Who is calling.
#[derive(Clone, Debug)]
pub enum Identity {
    /// Nobody known.
    Anonymous,
    /// The bearer of a verified token.
    Token(Rc<VerifiedToken>),
    /// Who has an API key.
    ApiKey(Rc<ApiKey>),
    /// Who has the key of a client certificate that the rule takes for an identity.
    Certificate(Rc<Holder>),
}

static NO_CLAIMS: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);

impl Identity {
    /// Is nobody known?
    #[must_use]
    pub fn is_anonymous(&self) -> bool {
        matches!(self, Self::Anonymous)
    }

    /// The verified token, if there is one.
    #[must_use]
    pub fn token(&self) -> Option<&VerifiedToken> {
        match self {
            Self::Token(token) => Some(token),
            Self::Anonymous | Self::ApiKey(_) | Self::Certificate(_) => None,
        }
    }

    /// What credential it is by, as a word for the record; nothing for nobody.
    #[must_use]
    pub fn credential(&self) -> Option<&'static str> {
        match self {
            Self::Anonymous => None,
            Self::Token(_) => Some("token"),
            Self::ApiKey(_) => Some("api_key"),
            Self::Certificate(_) => Some("certificate"),
        }
    }

    /// What is known of the caller, in the words of a token: `sub`, `client_id`, `scope`.
    #[must_use]
    pub fn claims(&self) -> &Map<String, Value> {
        match self {
            Self::Anonymous => &NO_CLAIMS,
            Self::Token(token) => token.claims(),
            Self::ApiKey(key) => key.claims(),
            Self::Certificate(holder) => holder.claims(),
        }
    }

    /// User, application or device, where Entra ID says so.
    #[must_use]
    pub fn entra(&self) -> Option<Caller> {
        self.token().and_then(VerifiedToken::caller)
    }

    /// The kinds of caller that it may be; one, where it can be told.
    #[must_use]
    pub fn kinds(&self) -> &[CallerKind] {
        match self {
            Self::Anonymous => &CallerKind::OF_TOKENS,
            Self::Token(token) => token.kinds(),
            Self::ApiKey(_) => &[CallerKind::ApiKey],
            Self::Certificate(_) => &[CallerKind::Certificate],
        }
    }

    /// How the client application proved who it is to Entra ID.
    ///
    /// # Errors
    ///
    /// It can't be told.
    pub fn client_authentication(&self) -> Result<ClientAuthentication, ClientFlaw> {
        self.token().ok_or(ClientFlaw::Absent)?.client_authentication()
    }

    /// The values of a token's `aud`.
    #[must_use]
    pub fn audiences(&self) -> &[String] {
        self.token().map_or(&[], VerifiedToken::audiences)
    }

    /// Whose token it is, by the provider's place in the configuration.
    #[must_use]
    pub fn provider(&self) -> Option<usize> {
        self.token().map(|token| token.issuer().provider)
    }

    /// A claim that is a string and not empty.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.claims().get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    /// Who says whom this is: the same subject at two of them is two callers. An authorization server need not name itself in its answers
    /// (RFC 7662 section 2.2), and a certificate names whoever signed it, so the provider and the entry stand for them.
    #[must_use]
    pub fn authority(&self) -> Cow<'_, str> {
        match (self, self.text("iss")) {
            (_, Some(iss)) => Cow::Borrowed(iss),
            (Self::Token(token), None) => Cow::Owned(format!("provider {}", token.issuer().provider)),
            (Self::Certificate(_), None) => Cow::Borrowed(self.text("certificate").unwrap_or_default()),
            (Self::Anonymous | Self::ApiKey(_), None) => Cow::Borrowed(""),
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
        names.iter().find_map(|name| self.text(name))
    }
}
