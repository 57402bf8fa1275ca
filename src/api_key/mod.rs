//! API keys: an id that everybody may see, a secret of which only a salted hash is configured, and what its owner may do.

use std::rc::Rc;

use serde_json::{Map, Value};

/// The API keys of the configuration, and where a request may carry one.
#[derive(Debug, Default)]
pub struct ApiKeys {}

/// A key that a request showed, whole.
#[derive(Debug)]
pub struct ApiKey {
    id: Rc<str>,
    claims: Map<String, Value>,
}

impl ApiKey {
    /// Its id, which is no secret.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What is known of its owner, in the words of a token.
    #[must_use]
    pub fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }
}

/// Why an API key is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApiKeyFlaw {
    /// There is no such key, or its secret is another.
    Unknown,
}

impl ApiKeyFlaw {
    /// Stable code for the audit record and the counters.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Unknown => "api_key_unknown",
        }
    }
}
