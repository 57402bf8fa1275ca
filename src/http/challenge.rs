//! What every `WWW-Authenticate` field says alike (RFC 9110 section 11.6.1).

/// What every challenge says about this API.
#[derive(Clone, Debug)]
pub struct Challenge {
    /// `realm="..."`, fixed text; and `resource_metadata="..."` (RFC 9728 section 5.1) where it is served. Checked at load.
    parameters: String,
    /// The same with the place of an API key, where there are any.
    api_key: Option<String>,
    /// The algorithms of proofs (RFC 9449 section 7.1), where tokens may be bound so.
    proofs: Option<String>,
    /// Tokens may be within signed requests.
    signed_requests: bool,
}

impl Challenge {
    /// A challenge with this realm and metadata address. Both come from the configuration, where [`is_quotable`] checked them.
    #[must_use]
    pub fn new(realm: &str, resource_metadata: Option<&str>) -> Self {
        let mut parameters = format!("realm=\"{realm}\"");
        if let Some(address) = resource_metadata {
            parameters = format!("{parameters}, resource_metadata=\"{address}\"");
        }
        Self { parameters, api_key: None, proofs: None, signed_requests: false }
    }

    /// The same, which can also ask for an API key: in the header, cookie or query parameter of that name. There is no registered
    /// scheme for API keys; `in` and `name` are the words of OpenAPI's security schemes.
    #[must_use]
    pub fn with_api_key(self, place: &str, name: &str) -> Self {
        let name = if is_quotable(name) { name } else { "" };
        Self { api_key: Some(format!("{}, in=\"{place}\", name=\"{name}\"", self.parameters)), ..self }
    }

    /// The parameters of a challenge for an API key, as they stand after the scheme.
    #[must_use]
    pub fn api_key(&self) -> Option<&str> {
        self.api_key.as_deref()
    }

    /// The same where tokens may be bound to their senders: by proofs with one of these algorithms, by signed requests.
    #[must_use]
    pub fn with_bindings(mut self, proofs: Option<String>, signed_requests: bool) -> Self {
        self.proofs = proofs;
        self.signed_requests = signed_requests;
        self
    }

    /// The algorithms of proofs, with spaces between, where tokens may be bound so.
    #[must_use]
    pub fn proofs(&self) -> Option<&str> {
        self.proofs.as_deref()
    }

    /// May tokens be within signed requests?
    #[must_use]
    pub fn signed_requests(&self) -> bool {
        self.signed_requests
    }

    /// The parameters, as they stand after the scheme.
    #[must_use]
    pub fn parameters(&self) -> &str {
        &self.parameters
    }
}

/// May `text` stand between quotes in a header as it is (RFC 9110 section 5.6.4, without escapes).
#[must_use]
pub fn is_quotable(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\')
}

/// Can `text` be a scope (RFC 6749 section 3.3)?
#[must_use]
pub fn is_scope(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| matches!(byte, b'!' | b'#'..=b'[' | b']'..=b'~'))
}
