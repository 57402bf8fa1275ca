//! Test issuers: real HTTP servers that publish discovery documents and key sets, rotate keys and fail on demand.

pub(crate) mod entra;
pub(crate) mod fault;
pub(crate) mod keys;
pub(crate) mod paper;
mod respond;
pub(crate) mod token;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};
use tokio::net::TcpSocket;
use tokio::task::JoinHandle;

use crate::support::{bind, block_on, listen, poll, runtime};
use entra::{Entra, EntraProfile};
use fault::{Document, Fault};
use keys::{KeyKind, SigningKey};
use token::Token;

/// One server on one port that plays any number of issuers, told apart by the `Host` header.
///
/// It speaks HTTP without TLS; Envoy's cluster decides what the filter's `https` address is carried on. Issuers that
/// must fail apart from each other at the level of connections need a server each.
pub struct IssuerServer {
    address: SocketAddr,
    state: Arc<State>,
    serving: Mutex<Option<JoinHandle<()>>>,
    /// Keeps the port while the server is stopped: nobody listens on it, so connections are refused.
    _placeholder: TcpSocket,
}

#[derive(Default)]
struct State {
    books: Mutex<Vec<Arc<Mutex<Book>>>>,
    /// Every request as `host/path?query`, in order.
    requests: Mutex<Vec<String>>,
    /// What every new connection gets instead of HTTP.
    raw: Mutex<Option<Raw>>,
}

/// Bytes on a connection.
#[derive(Clone)]
struct Raw {
    bytes: Vec<u8>,
    pace: Option<Duration>,
}

/// What is known of one issuer.
struct Book {
    profile: Profile,
    keys: Vec<Published>,
    headers: Vec<(String, String)>,
    faults: Vec<(Document, Fault)>,
    fetched: Vec<Document>,
}

enum Profile {
    Oidc { issuer: String, host: String, discovery: String, keys: String },
    Entra(EntraProfile),
}

#[derive(Clone)]
enum Published {
    Key { key: SigningKey, extra: Map<String, Value> },
    Raw(Value),
}

impl IssuerServer {
    /// Listens on a free port of the loopback address.
    #[must_use]
    pub fn start() -> Self {
        Self::start_on(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
    }

    /// Listens on `address`; for the docker-compose file, which fixes its ports.
    #[must_use]
    pub fn start_on(address: SocketAddr) -> Self {
        let placeholder = bind(address);
        let address = placeholder.local_addr().expect("a bound socket has an address");
        let server = Self { address, state: Arc::default(), serving: Mutex::new(None), _placeholder: placeholder };
        server.resume();
        server
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Closes every connection and refuses new ones, until [`resume`](Self::resume).
    pub fn stop(&self) {
        if let Some(task) = lock(&self.serving).take() {
            task.abort();
            // Its listener is closed when the task is gone, and not before.
            let _ = block_on(task);
        }
    }

    /// Listens again after [`stop`](Self::stop), on the same port.
    pub fn resume(&self) {
        let mut serving = lock(&self.serving);
        if serving.is_none() {
            *serving = Some(runtime().spawn(respond::serve(listen(self.address), Arc::clone(&self.state))));
        }
    }

    /// Ends every connection, and gives new ones these bytes and no HTTP after their first, until [`speak_http`] ends that.
    /// `pace` is the time between two bytes; without it they come at once, and the connection ends.
    ///
    /// [`speak_http`]: Self::speak_http
    pub fn speak_raw(&self, bytes: &[u8], pace: Option<Duration>) {
        self.stop();
        *lock(&self.state.raw) = Some(Raw { bytes: bytes.to_vec(), pace });
        self.resume();
    }

    /// Ends [`speak_raw`](Self::speak_raw).
    pub fn speak_http(&self) {
        self.stop();
        *lock(&self.state.raw) = None;
        self.resume();
    }

    /// A plain OIDC issuer such as `https://idp.example/tenant`: discovery at `/.well-known/openid-configuration` below
    /// it, keys at `/jwks` below it, on the host of its address. It has no key yet.
    ///
    /// # Panics
    /// When `issuer` is not an `http` or `https` address.
    #[must_use]
    pub fn oidc(&self, issuer: &str) -> Issuer {
        let Some((host, path)) = split(issuer) else { panic!("`{issuer}` is not an address") };
        let path = path.trim_end_matches('/');
        self.oidc_at(issuer, &host, &format!("{path}/.well-known/openid-configuration"), &format!("{path}/jwks"))
    }

    /// An issuer whose documents are somewhere else than its name says, as for Entra External ID and B2C. `jwks_uri` is
    /// `keys` on `host`, with the scheme of `issuer`.
    #[must_use]
    pub fn oidc_at(&self, issuer: &str, host: &str, discovery: &str, keys: &str) -> Issuer {
        self.add(Profile::Oidc {
            issuer: issuer.to_owned(),
            host: host.to_owned(),
            discovery: discovery.to_owned(),
            keys: keys.to_owned(),
        })
    }

    /// Microsoft Entra ID, global cloud, with this tenant. It has no key yet.
    #[must_use]
    pub fn entra(&self, tenant: &str) -> Entra {
        self.entra_in("login.microsoftonline.com", "sts.windows.net", tenant)
    }

    /// Microsoft Entra ID of another cloud, by its login host and the host of its v1 issuers.
    #[must_use]
    pub fn entra_in(&self, login: &str, sts: &str, tenant: &str) -> Entra {
        let profile = EntraProfile::new(login, sts, tenant);
        let issuer = self.add(Profile::Entra(profile.clone()));
        issuer.set_header("cache-control", "max-age=86400, private");
        Entra::new(issuer, profile)
    }

    /// Every request so far as `host/path?query`, those that were refused or left hanging included.
    #[must_use]
    pub fn requests(&self) -> Vec<String> {
        lock(&self.state.requests).clone()
    }

    fn add(&self, profile: Profile) -> Issuer {
        let book = Book { profile, keys: Vec::new(), headers: Vec::new(), faults: Vec::new(), fetched: Vec::new() };
        let book = Arc::new(Mutex::new(book));
        lock(&self.state.books).push(Arc::clone(&book));
        Issuer { book }
    }
}

impl Drop for IssuerServer {
    fn drop(&mut self) {
        self.stop();
    }
}

/// One issuer: its keys, its tokens, its faults. Clones are the same issuer.
#[derive(Clone)]
pub struct Issuer {
    book: Arc<Mutex<Book>>,
}

impl Issuer {
    /// Makes a key and publishes it beside the others.
    pub fn add_key(&self, kind: KeyKind, kid: &str) -> SigningKey {
        let key = SigningKey::generate(kind, kid);
        self.publish(&key);
        key
    }

    /// Publishes a key beside the others.
    pub fn publish(&self, key: &SigningKey) {
        self.publish_with(key, &json!({}));
    }

    /// Publishes a key with more or other members in its JWK; null leaves a member out.
    pub fn publish_with(&self, key: &SigningKey, members: &Value) {
        let extra = members.as_object().cloned().unwrap_or_else(|| panic!("members are an object, not {members}"));
        lock(&self.book).keys.push(Published::Key { key: key.clone(), extra });
    }

    /// Publishes any JSON value as a member of the key set.
    pub fn publish_raw(&self, jwk: Value) {
        lock(&self.book).keys.push(Published::Raw(jwk));
    }

    /// Takes a key out of the key set.
    ///
    /// # Panics
    /// When it is not there.
    pub fn withdraw(&self, kid: &str) {
        let keys = &mut lock(&self.book).keys;
        let before = keys.len();
        keys.retain(|published| !matches!(published, Published::Key { key, .. } if key.kid() == kid));
        assert!(keys.len() < before, "the issuer has no key `{kid}` to withdraw");
    }

    /// Takes every key out and publishes a new one: a rotation without overlap.
    pub fn replace_keys(&self, kind: KeyKind, kid: &str) -> SigningKey {
        let key = SigningKey::generate(kind, kid);
        let mut book = lock(&self.book);
        book.keys.clear();
        book.keys.push(Published::Key { key: key.clone(), extra: Map::new() });
        key
    }

    /// The key that signs when nothing else is said: the last published.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn key(&self) -> SigningKey {
        let book = lock(&self.book);
        let key = book.keys.iter().rev().find_map(|published| match published {
            Published::Key { key, .. } => Some(key.clone()),
            Published::Raw(_) => None,
        });
        key.unwrap_or_else(|| panic!("the issuer has no key yet: call `add_key` first"))
    }

    /// A token with these claims, signed with [`key`](Self::key).
    #[must_use]
    pub fn token(&self, claims: Value) -> Token {
        Token::new(claims, &self.key())
    }

    /// Ordinary claims for `audience` of a plain OIDC issuer, good for an hour.
    #[must_use]
    pub fn claims(&self, audience: &str) -> Value {
        let issuer = match &lock(&self.book).profile {
            Profile::Oidc { issuer, .. } => issuer.clone(),
            Profile::Entra(entra) => entra.issuer_v2(),
        };
        let now = now();
        json!({
            "iss": issuer, "aud": audience, "sub": "user-1", "client_id": "client-1", "scope": "orders.read",
            "iat": now, "nbf": now, "exp": now + 3600,
        })
    }

    /// Lets this happen to requests for `document` from now on, instead of what was set before.
    pub fn fail(&self, document: Document, fault: Fault) {
        let faults = &mut lock(&self.book).faults;
        faults.retain(|(other, _)| *other != document);
        faults.push((document, fault));
    }

    /// Ends every fault.
    pub fn recover(&self) {
        lock(&self.book).faults.clear();
    }

    /// Sets a header of every answer, for example `cache-control`.
    pub fn set_header(&self, name: &str, value: &str) {
        let headers = &mut lock(&self.book).headers;
        headers.retain(|(other, _)| other != name);
        headers.push((name.to_owned(), value.to_owned()));
    }

    /// How often `document` has been asked for, whatever the answer.
    #[must_use]
    pub fn fetched(&self, document: Document) -> usize {
        let fetched = &lock(&self.book).fetched;
        fetched.iter().filter(|one| document == Document::Any || **one == document).count()
    }

    /// Waits until `document` has been asked for at least `times` times.
    ///
    /// # Panics
    /// When that has not happened in time.
    pub fn wait_for_fetches(&self, document: Document, times: usize, limit: Duration) {
        let enough = poll(limit, || (self.fetched(document) >= times).then_some(()));
        let fetched = self.fetched(document);
        assert!(enough.is_some(), "{document:?} was fetched {fetched} times in {limit:?}, not {times} times");
    }
}

/// Seconds since 1970, as tokens have them.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970").as_secs()
}

/// `https://host/path` gives `host` and `/path`.
fn split(address: &str) -> Option<(String, String)> {
    let (_, rest) = address.split_once("://")?;
    let end = rest.find('/').unwrap_or(rest.len());
    Some((rest[..end].to_owned(), rest[end..].to_owned()))
}

/// A panic of one test thread must not fail the others that share a server.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
