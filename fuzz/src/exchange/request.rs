//! Requests, honest and hostile.

use portcullis::http::Pair;

use super::issuer::{Claims, Minted};
use super::script::Script;
use super::settings::{PAYLOAD, Settings};

/// A request, and what it carries to say who it is from.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) pairs: Vec<Pair>,
    /// Path and query.
    pub(super) target: Vec<u8>,
    /// What stands in places that the filter looks at.
    pub(super) credentials: Vec<String>,
    /// A token stands in a place that nobody looks at, too.
    pub(super) elsewhere: bool,
}

/// Names that must not come from outside, in some of their spellings, and names that change what others mean.
const NAMES: [&str; 16] = [
    "x-user-id",
    "X_User_Id",
    "x.user.id",
    "-x-user-id-",
    PAYLOAD,
    "x_jwt_payload",
    "x-ms-client-principal",
    "X-MS-Client-Principal_Id",
    "x-ms-token-aad-id-token",
    "x-original-url",
    "connection",
    "x-http-method-override",
    "host",
    "cookie",
    "content-type",
    "x-request-id",
];

impl Request {
    /// A plain request for an order.
    pub(super) fn plain(token: &Minted) -> Self {
        let mut request = Self::to("GET", "/orders/1");
        request.carry("authorization", "Bearer ", &token.text);
        request
    }

    pub(super) fn choose(script: &mut Script<'_>, settings: &Settings, minted: &mut Vec<Minted>, now: u64) -> Self {
        let method = script.one(&["GET", "POST", "OPTIONS", "DELETE", "get"]);
        let mut path = script
            .one(&[
                "/orders/1",
                "/portal",
                "/news",
                "/open/x",
                "/orders/1/2",
                "/else",
                "/open/../orders/1",
                "/orders//1",
            ])
            .to_owned();
        if script.is_rare() {
            path.extend(script.bytes().into_iter().map(char::from));
        }
        let mut request = Self::to(method, &path);
        for _ in 0..script.byte() % 3 {
            let token = token(script, minted, now);
            match (script.byte() % 8, settings.many_places) {
                (4, true) => request.carry("x-token", "Token ", &token),
                (5, true) => request.carry("cookie", "a=b; session=", &token),
                (6, true) => {
                    let separator = if request.target.contains(&b'?') { '&' } else { '?' };
                    request.target.extend(format!("{separator}at={token}").into_bytes());
                    request.credentials.push(token);
                }
                (4..=7, _) => {
                    request.push("x-other", token.into_bytes());
                    request.elsewhere = true;
                }
                _ => request.carry("authorization", "Bearer ", &token),
            }
        }
        for _ in 0..script.byte() % 4 {
            let name = script.one(&NAMES);
            let value = match script.byte() % 4 {
                0 => b"admin".to_vec(),
                1 => script.one(&["close, x-user-id", "GET", "api.example", "a=b", "application/grpc"]).into(),
                2 => script.bytes().into_iter().map(|byte| byte.clamp(b' ', b'~')).collect(),
                _ => script.bytes(),
            };
            request.push(name, value);
        }
        if method == "OPTIONS" && script.is() {
            request.push("origin", b"https://app.example".to_vec());
            request.push("access-control-request-method", script.one(&["GET", "DELETE", "GET,POST"]).into());
        }
        if script.is_rare() {
            let (name, value) = (script.bytes(), script.bytes());
            request.pairs.push((name, value));
        }
        request.finish()
    }

    fn to(method: &str, target: &str) -> Self {
        let pairs = [(":method", method), (":path", ""), (":authority", "api.example"), (":scheme", "https")];
        Self {
            pairs: pairs.map(|(name, value)| (name.into(), value.into())).into(),
            target: target.into(),
            credentials: Vec::new(),
            elsewhere: false,
        }
        .finish()
    }

    fn push(&mut self, name: &str, value: Vec<u8>) {
        self.pairs.push((name.into(), value));
    }

    fn carry(&mut self, name: &str, prefix: &str, token: &str) {
        self.push(name, [prefix, token].concat().into_bytes());
        self.credentials.push(token.to_owned());
    }

    fn finish(mut self) -> Self {
        self.pairs[1].1.clone_from(&self.target);
        self
    }
}

/// A token: minted now or before, changed in one bit, or none at all.
fn token(script: &mut Script<'_>, minted: &mut Vec<Minted>, now: u64) -> String {
    match script.byte() % 8 {
        0 | 1 => {
            let token = Claims::choose(script).sign(now);
            minted.push(token.clone());
            token.text
        }
        3 | 4 => script.place(minted.len()).map(|place| minted[place].text.clone()).unwrap_or_default(),
        2 | 5 => {
            let token = Claims::good(script.place(5).unwrap_or_default()).sign(now);
            minted.push(token.clone());
            token.text
        }
        6 => {
            let mut text =
                script.place(minted.len()).map(|place| minted[place].text.clone()).unwrap_or_default().into_bytes();
            let at = usize::from(script.byte()) << 8 | usize::from(script.byte());
            if let Some(at) = at.checked_rem(text.len()) {
                text[at] ^= 1 << (script.byte() % 7);
            }
            String::from_utf8(text).expect("the eighth bit stays")
        }
        _ => script.bytes().into_iter().map(|byte| char::from(byte % 128)).collect(),
    }
}
