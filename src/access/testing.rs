//! What tests of circumstances share: requests, and tokens of Entra ID and of another issuer.

use std::rc::Rc;

use serde_json::{Value, json};

use super::{Circumstances, Connection};
use crate::http::RequestHead;
use crate::testing::{MemoryHost, entra_token, other_token};
pub(crate) use crate::testing::{NOW, TENANT};
use crate::time::UnixTime;
use crate::token::VerifiedToken;

/// A user's token of Entra ID (provider 0) with these claims besides.
pub(crate) fn entra(claims: &Value) -> Rc<VerifiedToken> {
    let user = json!({ "oid": "99999999-9999-4999-8999-999999999999", "idtyp": "user", "scp": "use" });
    entra_token(&with(user, claims))
}

/// A token of another issuer (provider 1) with these claims besides.
pub(crate) fn plain(claims: &Value) -> Rc<VerifiedToken> {
    other_token(&with(json!({ "client_id": "c-1" }), claims))
}

fn with(mut own: Value, claims: &Value) -> Value {
    own.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
    own
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
    let known = crate::access::Known::default();
    let connection = Connection::new(&mut host, &known);
    question(&Circumstances {
        head: &head,
        token,
        connection: &connection,
        risk: crate::access::risk::Score::UNKNOWN,
        now: UnixTime::from_secs(NOW),
    })
}
