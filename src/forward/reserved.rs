//! Which inbound headers are not the client's to send.

use crate::access::client_certificate::HEADER as CERTIFICATE;
use crate::http::name::{Twin, twin_key};

/// Headers that only this filter may set, in every spelling (see [`crate::http::name`]).
///
/// Always: the `X-MS-CLIENT-PRINCIPAL` family and `X-MS-TOKEN-*`, which an application built for App Service believes
/// whether this filter sets them or not, and the headers that make frameworks route by another path than the one that
/// rules saw (`X-Original-URL`, `X-Rewrite-URL`; CVE-2018-14773). Names that servers take for `x-forwarded-client-cert`, which nobody
/// sends who means well. Besides: every configured name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reserved {
    keys: Vec<String>,
}

impl Reserved {
    /// Whether an inbound header, or a name in a `Connection` header, is ours. A pseudo header never is, even with a
    /// header called `path` configured.
    #[must_use]
    pub fn contains(&self, name: &[u8]) -> bool {
        let twin = Twin::of(name);
        // The header itself is a proxy's to send.
        let is_forged = twin.has_key(CERTIFICATE) && !name.trim_ascii().eq_ignore_ascii_case(CERTIFICATE.as_bytes());
        let is_ours = is_forged
            || self.keys.iter().any(|key| twin.has_key(key))
            || PATH_OVERRIDES.iter().any(|key| twin.has_key(key))
            || PREFIXES.iter().any(|prefix| twin.starts_with(prefix));
        is_ours && !name.starts_with(b":")
    }

    /// Adds a configured name; false if it, or a twin, is there already.
    pub(super) fn insert(&mut self, name: &str) -> bool {
        let key = twin_key(name.as_bytes());
        let is_new = !self.keys.contains(&key);
        if is_new {
            self.keys.push(key);
        }
        is_new
    }
}

/// Whether a header means something already, so that no claim may be written to it, and no credential stands there.
pub(crate) fn is_taken(name: &str) -> bool {
    let key = twin_key(name.as_bytes());
    key.is_empty()
        || TAKEN.contains(&key.as_str())
        || PATH_OVERRIDES.contains(&key.as_str())
        || TAKEN_PREFIXES.iter().any(|prefix| key.starts_with(prefix))
}

const PREFIXES: [&str; 2] = ["x-ms-client-principal", "x-ms-token-"];

const PATH_OVERRIDES: [&str; 2] = ["x-original-url", "x-rewrite-url"];

const TAKEN: [&str; 22] = [
    "accept",
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "host",
    "keep-alive",
    "origin",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-request-id",
];

const TAKEN_PREFIXES: [&str; 3] = ["access-control-", "x-envoy-", "x-forwarded-"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_app_service_family_is_always_ours() {
        let reserved = Reserved::default();
        for name in [
            "X-MS-CLIENT-PRINCIPAL",
            "x-ms-client-principal-id",
            "X_MS_CLIENT_PRINCIPAL_NAME",
            "x.ms.client.principal.idp",
            "x-ms-client-principal-anything",
            "X-MS-TOKEN-AAD-ACCESS-TOKEN",
            "x_ms-token_aad-id-token",
            "x-original-url",
            "X_Rewrite_URL",
        ] {
            assert!(reserved.contains(name.as_bytes()), "{name}");
        }
        for name in ["x-ms-client-request-id", "x-ms-version", "x-ms-tokens", "ms-client-principal", ":path", "accept"]
        {
            assert!(!reserved.contains(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn what_servers_take_for_the_header_of_certificates_is_nobodys() {
        let reserved = Reserved::default();
        for name in ["x_forwarded_client_cert", "X-Forwarded_Client-Cert", "x.forwarded.client.cert"] {
            assert!(reserved.contains(name.as_bytes()), "{name}");
        }
        for name in ["x-forwarded-client-cert", "X-Forwarded-Client-Cert", " x-forwarded-client-cert"] {
            assert!(!reserved.contains(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn headers_with_a_meaning_are_taken() {
        for name in
            ["Host", "authorization", "Content_Length", "x-forwarded-for", "X-Envoy-Anything", "-", "x-original-url"]
        {
            assert!(is_taken(name), "{name}");
        }
        for name in ["x-user-id", "x-jwt-payload", "remote-user"] {
            assert!(!is_taken(name), "{name}");
        }
    }
}
