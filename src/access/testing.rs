//! What tests of circumstances share: requests, and tokens of Entra ID and of another issuer.

use std::rc::Rc;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Circumstances, Connection};
use crate::entra::{Cloud, Directory, EntraSettings, Tenants, Versions};
use crate::http::RequestHead;
use crate::jose::{AlgorithmSet, KeySet};
use crate::provider::{Issuer, IssuerRef, IssuerRule, KeyRule, KeySource};
use crate::testing::{MemoryHost, TestIssuer};
use crate::time::UnixTime;
use crate::token::{self, TokenRules, VerifiedToken};

pub(crate) const NOW: u64 = 1_800_000_000;
pub(crate) const TENANT: &str = "11111111-aaaa-4bbb-8ccc-222222222222";

/// A user's token of Entra ID (provider 0) with these claims besides.
pub(crate) fn entra(claims: &Value) -> Rc<VerifiedToken> {
    let settings = EntraSettings {
        directory: Directory::Workforce(Tenants::One(TENANT.parse().unwrap())),
        cloud: Cloud::Global,
        versions: Versions::Both,
        app_id: None,
    };
    let own = json!({
        "iss": format!("https://login.microsoftonline.com/{TENANT}/v2.0"),
        "tid": TENANT, "oid": "99999999-9999-4999-8999-999999999999", "sub": "s-1", "idtyp": "user", "scp": "use"
    });
    let issuer = settings.issuers("login", None).unwrap().remove(0);
    accept(own, claims, 0, &issuer, Some(settings.checks(false)))
}

/// A token of another issuer (provider 1) with these claims besides.
pub(crate) fn plain(claims: &Value) -> Rc<VerifiedToken> {
    let own = json!({ "iss": "https://idp.example", "sub": "u-1", "client_id": "c-1" });
    let source = KeySource::Fixed(KeySet::new(vec![]));
    let issuer = Issuer { rule: IssuerRule::exact("https://idp.example"), key_rule: KeyRule::default(), source };
    accept(own, claims, 1, &issuer, None)
}

fn accept(
    mut own: Value,
    claims: &Value,
    provider: usize,
    issuer: &Issuer,
    entra: Option<crate::entra::Checks>,
) -> Rc<VerifiedToken> {
    own["exp"] = json!(NOW + 600);
    own["aud"] = json!("api://orders");
    own.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
    let rules = TokenRules {
        audiences: None,
        algorithms: AlgorithmSet::ASYMMETRIC,
        access_token_profile: false,
        clock_skew: Duration::from_secs(60),
        max_lifetime: None,
        max_age: None,
        entra,
    };
    let stated = json!({ "issuer": "https://login.microsoftonline.com/{tenantid}/v2.0" });
    let signed = TestIssuer::new("idp").signed_with(&json!({ "alg": "EdDSA", "typ": "JWT" }), &own, stated);
    let place = IssuerRef { provider, issuer: 0 };
    Rc::new(token::accept(place, issuer, &rules, signed, UnixTime::from_secs(NOW)).unwrap())
}

/// A request with these headers.
pub(crate) fn head(headers: &[(&str, &str)]) -> RequestHead {
    let mut pairs = vec![(":method", "GET"), (":path", "/"), (":authority", "api.example"), (":scheme", "https")];
    pairs.extend(headers);
    let pairs = pairs.into_iter().map(|(name, value)| (name.into(), value.into()));
    RequestHead::read(pairs.collect::<Vec<_>>()).unwrap()
}

/// Asks `question` about a request with these headers, this token and these properties of the host.
pub(crate) fn under<T>(
    headers: &[(&str, &str)],
    token: Option<&VerifiedToken>,
    properties: &[(&str, &[u8])],
    question: impl FnOnce(&Circumstances<'_>) -> T,
) -> T {
    let mut host = MemoryHost::default();
    for (name, value) in properties {
        host.properties.insert((*name).to_owned(), value.to_vec());
    }
    let head = head(headers);
    let connection = Connection::new(&mut host);
    question(&Circumstances {
        head: &head,
        token,
        connection: &connection,
        risk: crate::access::risk::Score::UNKNOWN,
        now: UnixTime::from_secs(NOW),
    })
}
