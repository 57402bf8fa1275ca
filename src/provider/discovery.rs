//! Reading an OpenID Connect discovery document.
//!
//! Decides whether a document speaks for the issuer it was asked about, and where that issuer's keys are (OpenID Connect
//! Discovery 1.0 sections 3 and 4.3; RFC 8414 section 3.3). Takes nothing else from it: algorithms, endpoints and scopes
//! in the document change no decision.

use std::fmt;

use serde_json::Value;

use crate::jose::json::{self, JsonFlaw, JsonLimits};

use super::url::{Scheme, Url, UrlFlaw};

/// What the document's `issuer` must be, byte for byte.
///
/// For an Entra endpoint that speaks for many tenants this is the template as Microsoft publishes it, with the literal
/// `{tenantid}` in it: `https://login.microsoftonline.com/{tenantid}/v2.0`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ExpectedIssuer(String);

impl ExpectedIssuer {
    /// Expects exactly this text.
    #[must_use]
    pub fn new(issuer: impl Into<String>) -> Self {
        Self(issuer.into())
    }

    /// The text expected.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Where the document at `address` says the keys are.
///
/// `any_host` is true when the configuration names a cluster for keys of its own; without it the keys must live where the
/// document lives, because the callout goes to that cluster whatever the document says.
///
/// # Errors
///
/// See [`DiscoveryFlaw`]. Nothing of the document is kept in an error.
pub fn jwks_uri(
    document: &[u8],
    address: &Url,
    expected: &ExpectedIssuer,
    any_host: bool,
) -> Result<Url, DiscoveryFlaw> {
    let members = json::parse_object(document, &JsonLimits::default()).map_err(DiscoveryFlaw::Json)?;
    match members.get("issuer") {
        None => return Err(DiscoveryFlaw::IssuerAbsent),
        Some(Value::String(issuer)) if issuer == expected.as_str() => {}
        Some(_) => return Err(DiscoveryFlaw::IssuerMismatch),
    }
    let text = match members.get("jwks_uri") {
        None => return Err(DiscoveryFlaw::JwksUriAbsent),
        Some(Value::String(text)) => text,
        Some(_) => return Err(DiscoveryFlaw::JwksUriMalformed(UrlFlaw::Malformed)),
    };
    let found = Url::parse(text).map_err(DiscoveryFlaw::JwksUriMalformed)?;
    if found.scheme() == Scheme::Http && address.scheme() == Scheme::Https {
        return Err(DiscoveryFlaw::JwksUriInsecure);
    }
    if !any_host && found.authority() != address.authority() {
        return Err(DiscoveryFlaw::JwksUriHost);
    }
    Ok(found)
}

/// Why a discovery document was not followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DiscoveryFlaw {
    /// It names no issuer.
    IssuerAbsent,
    /// It speaks for another issuer (OpenID Connect Discovery 1.0 section 4.3).
    IssuerMismatch,
    /// It is not one strict JSON object.
    Json(JsonFlaw),
    /// It names no key address.
    JwksUriAbsent,
    /// The keys are on another host than the document, and no cluster is configured for them.
    JwksUriHost,
    /// The document came by TLS and points to plain text.
    JwksUriInsecure,
    /// The key address is not an address.
    JwksUriMalformed(UrlFlaw),
}

impl DiscoveryFlaw {
    /// A stable code for records and counters.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::IssuerAbsent => "discovery_issuer_absent",
            Self::IssuerMismatch => "discovery_issuer_mismatch",
            Self::Json(_) => "discovery_not_json",
            Self::JwksUriAbsent => "discovery_jwks_uri_absent",
            Self::JwksUriHost => "discovery_jwks_uri_host",
            Self::JwksUriInsecure => "discovery_jwks_uri_insecure",
            Self::JwksUriMalformed(_) => "discovery_jwks_uri_malformed",
        }
    }
}

impl fmt::Display for DiscoveryFlaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::IssuerAbsent => "the discovery document names no issuer",
            Self::IssuerMismatch => "the discovery document speaks for another issuer than the configured one",
            Self::Json(_) => "the discovery document is not one strict JSON object",
            Self::JwksUriAbsent => "the discovery document names no `jwks_uri`",
            Self::JwksUriHost => "`jwks_uri` is on another host than the discovery document; configure `jwks_cluster`",
            Self::JwksUriInsecure => "`jwks_uri` is plain http while the discovery document came by https",
            Self::JwksUriMalformed(_) => "`jwks_uri` is not an http or https address",
        })
    }
}

impl std::error::Error for DiscoveryFlaw {}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: &str = "https://idp.example";

    fn follow(document: &str) -> Result<String, DiscoveryFlaw> {
        follow_from("https://idp.example/.well-known/openid-configuration", document, false)
    }

    fn follow_from(address: &str, document: &str, any_host: bool) -> Result<String, DiscoveryFlaw> {
        let address = Url::parse(address).unwrap();
        jwks_uri(document.as_bytes(), &address, &ExpectedIssuer::new(ISSUER), any_host).map(|url| url.to_string())
    }

    fn document(issuer: &str, keys: &str) -> String {
        format!(r#"{{"issuer":"{issuer}","jwks_uri":"{keys}","scopes_supported":["openid"]}}"#)
    }

    #[test]
    fn the_keys_are_where_the_document_says() {
        let keys = "https://idp.example/keys?appid=7";
        assert_eq!(follow(&document(ISSUER, keys)), Ok(keys.to_owned()));
        assert_eq!(
            follow(&document(ISSUER, "https://IDP.example:443/keys")),
            Ok("https://idp.example/keys".to_owned())
        );
    }

    #[test]
    fn an_issuer_that_differs_in_one_byte_is_another_issuer() {
        let keys = "https://idp.example/keys";
        for issuer in ["https://idp.example/", "https://IDP.example", "http://idp.example", "", "https://idp.example "]
        {
            assert_eq!(follow(&document(issuer, keys)), Err(DiscoveryFlaw::IssuerMismatch), "{issuer:?}");
        }
        assert_eq!(follow(&format!(r#"{{"jwks_uri":"{keys}"}}"#)), Err(DiscoveryFlaw::IssuerAbsent));
        for wrong in ["null", "[]", "7", "{}", "[\"https://idp.example\"]"] {
            let document = format!(r#"{{"issuer":{wrong},"jwks_uri":"{keys}"}}"#);
            assert_eq!(follow(&document), Err(DiscoveryFlaw::IssuerMismatch), "{wrong}");
        }
    }

    #[test]
    fn a_template_is_matched_as_the_literal_text() {
        let template = "https://login.example/{tenantid}/v2.0";
        let address = Url::parse("https://login.example/organizations/v2.0/.well-known/openid-configuration").unwrap();
        let read = |issuer: &str| {
            let text = document(issuer, "https://login.example/organizations/discovery/v2.0/keys");
            jwks_uri(text.as_bytes(), &address, &ExpectedIssuer::new(template), false).map(|_| ())
        };
        assert_eq!(read(template), Ok(()));
        let filled = "https://login.example/11111111-aaaa-4bbb-8ccc-222222222222/v2.0";
        assert_eq!(read(filled), Err(DiscoveryFlaw::IssuerMismatch));
    }

    /// Advisory 31: the document cannot point the fetch at an address of its choosing.
    #[test]
    fn the_keys_stay_on_the_host_of_the_document() {
        for elsewhere in [
            "https://169.254.169.254/latest",
            "https://localhost/keys",
            "https://idp.example:8443/keys",
            "https://idp.example.evil.example/keys",
        ] {
            assert_eq!(follow(&document(ISSUER, elsewhere)), Err(DiscoveryFlaw::JwksUriHost), "{elsewhere}");
        }
        let address = "https://idp.example/.well-known/openid-configuration";
        let other = document(ISSUER, "https://keys.example/keys");
        assert_eq!(follow_from(address, &other, true), Ok("https://keys.example/keys".to_owned()));
    }

    #[test]
    fn a_document_by_tls_cannot_point_to_plain_text() {
        let plain = document(ISSUER, "http://idp.example/keys");
        assert_eq!(follow(&plain), Err(DiscoveryFlaw::JwksUriInsecure));
        let by_http = "http://idp.example/.well-known/openid-configuration";
        assert_eq!(follow_from(by_http, &plain, false), Ok("http://idp.example/keys".to_owned()));
    }

    #[test]
    fn a_key_address_that_is_none_is_refused() {
        let absent = format!(r#"{{"issuer":"{ISSUER}"}}"#);
        assert_eq!(follow(&absent), Err(DiscoveryFlaw::JwksUriAbsent));
        for wrong in ["null", "7", "[\"https://idp.example/keys\"]"] {
            let text = format!(r#"{{"issuer":"{ISSUER}","jwks_uri":{wrong}}}"#);
            assert_eq!(follow(&text), Err(DiscoveryFlaw::JwksUriMalformed(UrlFlaw::Malformed)), "{wrong}");
        }
        for (keys, flaw) in [
            ("file:///etc/passwd", UrlFlaw::Scheme),
            ("https://user@idp.example/keys", UrlFlaw::UserInfo),
            ("/keys", UrlFlaw::Malformed),
        ] {
            assert_eq!(follow(&document(ISSUER, keys)), Err(DiscoveryFlaw::JwksUriMalformed(flaw)), "{keys}");
        }
    }

    #[test]
    fn two_issuers_in_one_document_are_not_json_to_us() {
        let twice =
            format!(r#"{{"issuer":"{ISSUER}","issuer":"https://evil.example","jwks_uri":"https://idp.example/k"}}"#);
        assert!(matches!(follow(&twice), Err(DiscoveryFlaw::Json(_))));
        assert!(matches!(follow("<html>"), Err(DiscoveryFlaw::Json(_))));
        assert!(matches!(follow("[]"), Err(DiscoveryFlaw::Json(_))));
    }
}
