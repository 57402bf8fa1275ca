//! Who has the key of an accepted certificate.

use serde_json::{Map, Value, json};

use super::accepted::Accepted;
use super::flaw::CertificateFlaw;
use super::presented::Presented;
use crate::jose::base64url;
use crate::time::UnixTime;

/// Who has the key of an accepted certificate.
#[derive(Debug)]
pub struct Holder {
    claims: Map<String, Value>,
}

impl Holder {
    /// Whoever has the key of `presented`, if that is accepted by one that makes an identity of it: the first of them.
    ///
    /// # Errors
    ///
    /// Why it is not accepted.
    pub fn identify<'a>(
        accepted: impl Iterator<Item = (&'a str, &'a Accepted)>,
        presented: &Presented,
        now: UnixTime,
    ) -> Result<Self, CertificateFlaw> {
        let mut flaw = CertificateFlaw::NotAccepted;
        for (name, accepted) in accepted {
            let Some(from) = accepted.subject_from else { continue };
            match accepted.check(presented, now).and_then(|()| accepted.subject(from, presented)) {
                Ok(subject) => return Ok(Self { claims: claims(name, subject, presented) }),
                Err(other) => flaw = flaw.or_further(other),
            }
        }
        Err(flaw)
    }

    /// What is known of the holder, in the words of a token where there are some.
    #[must_use]
    pub fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }
}

/// The names of the claims that a holder alone has. A token may have them too, and then they say something else.
pub const CLAIMS: [&str; 7] = ["certificate", "x5t#S256", "issuer_dn", "subject_dn", "san_uri", "san_dns", "san_email"];

/// `sub` and `x5t#S256` (RFC 8705 section 3.1), and the names in the words of RFC 8705 section 2.1.2.
fn claims(name: &str, subject: String, presented: &Presented) -> Map<String, Value> {
    let mut claims = Map::new();
    let mut add = |name: &str, value: Value| claims.insert(name.to_owned(), value);
    add("sub", Value::String(subject));
    add("certificate", Value::String(name.to_owned()));
    add("x5t#S256", Value::String(base64url::encode(&presented.digest_sha256)));
    if let Some(issuer) = presented.certificate().and_then(|certificate| certificate.issuer.as_ref()) {
        add("issuer_dn", Value::String(issuer.to_string()));
    }
    let Some(names) = presented.names() else { return claims };
    if let Some(subject) = &names.subject {
        add("subject_dn", Value::String(subject.to_string()));
    }
    for (name, values) in [("san_uri", &names.uri_sans), ("san_dns", &names.dns_sans), ("san_email", &names.email_sans)]
    {
        if !values.is_empty() {
            add(name, json!(values));
        }
    }
    claims
}
