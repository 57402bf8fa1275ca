//! Workers, an issuer and a clock in one place, stepped by hand.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::SigningKey;

use super::super::super::fetch::{Fetch, Fetched};
use super::super::super::{ExpectedIssuer, Url};
use super::super::*;
use super::memory::Memory;

/// The address of the discovery document, and the issuer in it.
pub(super) const DOCUMENT: &str = "https://idp.example/.well-known/openid-configuration";
pub(super) const ISSUER: &str = "https://idp.example";
pub(super) const KEYS: &str = "https://idp.example/keys";

/// How the issuer answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Mood {
    /// With this status and body, whatever was asked for.
    Odd(u16, Vec<u8>),
    /// With this header besides.
    OddHeader(&'static str, &'static str),
    Good,
    Unreachable,
}

pub(super) struct World {
    pub(super) now: UnixTime,
    pub(super) shared: Memory,
    pub(super) workers: Vec<KeyCache>,
    /// Callouts that are out, with the worker that waits for each.
    pub(super) out: Vec<(usize, Fetch)>,
    /// All callouts for keys (not for documents) there ever were.
    pub(super) fetches: Vec<(UnixTime, Fetch)>,
    /// Which of them an unknown id has brought about.
    pub(super) asked: Vec<bool>,
    pub(super) kids: Vec<String>,
    pub(super) mood: Mood,
    pub(super) max_age: Option<u64>,
}

impl World {
    pub(super) fn new(workers: usize) -> Self {
        Self::with(workers, &jwks_source(), &KeyCacheSettings::default())
    }

    pub(super) fn with(workers: usize, source: &KeySource, settings: &KeyCacheSettings) -> Self {
        let worker = |seed| KeyCache::new("idp/0".to_owned(), source.clone(), settings.clone(), seed);
        Self {
            now: UnixTime::from_secs(1_760_000_000),
            shared: Memory::default(),
            workers: (0_u64..).take(workers).map(worker).collect(),
            out: Vec::new(),
            fetches: Vec::new(),
            asked: Vec::new(),
            kids: vec!["a".to_owned()],
            mood: Mood::Good,
            max_age: None,
        }
    }

    pub(super) fn publish(&mut self, kids: &[&str]) {
        self.kids = kids.iter().map(|kid| (*kid).to_owned()).collect();
    }

    pub(super) fn advance(&mut self, span: Duration) {
        self.now = self.now.plus(span);
    }

    pub(super) fn poll(&mut self, worker: usize) {
        let before = self.workers.iter().filter_map(|worker| worker.schedule.asked_at).max();
        if let Some(fetch) = self.workers[worker].poll(self.now, &mut self.shared) {
            if fetch.path == "/keys" {
                self.fetches.push((self.now, fetch.clone()));
                self.asked.push(
                    self.workers[worker].schedule.asked_at.is_some_and(|at| at == self.now && Some(at) != before),
                );
            }
            self.out.push((worker, fetch));
        }
    }

    pub(super) fn poll_all(&mut self) {
        (0..self.workers.len()).for_each(|worker| self.poll(worker));
    }

    /// The issuer answers one callout, and the worker polls as it should.
    pub(super) fn answer(&mut self, at: usize) {
        let (worker, fetch) = self.out.remove(at);
        let fetched = self.reply(&fetch);
        self.workers[worker].handle_response(self.now, &mut self.shared, fetch.id, fetched);
        self.poll(worker);
    }

    /// Polls and answers until nothing is out any more.
    pub(super) fn settle(&mut self) {
        self.poll_all();
        while !self.out.is_empty() {
            self.answer(0);
        }
        self.poll_all();
    }

    /// Ticks of a second, each settled.
    pub(super) fn run(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.advance(Duration::from_secs(1));
            self.settle();
        }
    }

    pub(super) fn lookup(&mut self, worker: usize, kid: &str) -> Answer {
        Answer::of(self.workers[worker].lookup(self.now, Some(kid), Algorithm::EdDSA))
    }

    /// A request: looks up, and as long as it has to wait lets the world go on.
    pub(super) fn ask(&mut self, worker: usize, kid: &str) -> Answer {
        for _ in 0..5 {
            match self.lookup(worker, kid) {
                Answer::Wait => self.settle(),
                answer => return answer,
            }
        }
        Answer::Wait
    }

    pub(super) fn reply(&self, fetch: &Fetch) -> Fetched {
        let mut headers = vec![(b"content-type".to_vec(), b"application/json".to_vec())];
        if let Some(max_age) = self.max_age {
            headers.push((b"cache-control".to_vec(), format!("max-age={max_age}").into_bytes()));
        }
        let good = if fetch.path == "/keys" {
            jwks(&self.kids)
        } else {
            format!(r#"{{"issuer":"{ISSUER}","jwks_uri":"{KEYS}"}}"#).into_bytes()
        };
        match &self.mood {
            Mood::Good => Fetched::Response { status: 200, headers, body: good },
            Mood::Odd(status, body) => Fetched::Response { status: *status, headers, body: body.clone() },
            Mood::OddHeader(name, value) => {
                headers.push((name.as_bytes().to_vec(), value.as_bytes().to_vec()));
                Fetched::Response { status: 200, headers, body: good }
            }
            Mood::Unreachable => Fetched::Failed,
        }
    }
}

/// What a lookup said, in a form that can be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Found(String),
    Refused(SelectFlaw),
    Unavailable(u64),
    Wait,
}

impl Answer {
    pub(super) fn of(lookup: KeyLookup) -> Self {
        match lookup {
            KeyLookup::Found(key) => Self::Found(key.kid().unwrap_or_default().to_owned()),
            KeyLookup::Refused(flaw) => Self::Refused(flaw),
            KeyLookup::Unavailable { retry_after } => Self::Unavailable(retry_after.as_secs()),
            KeyLookup::Wait => Self::Wait,
        }
    }
}

pub(super) const UNKNOWN: Answer = Answer::Refused(SelectFlaw::UnknownKid);

pub(super) fn found(kid: &str) -> Answer {
    Answer::Found(kid.to_owned())
}

pub(super) fn jwks_source() -> KeySource {
    KeySource::Jwks { address: Url::parse(KEYS).unwrap(), cluster: "idp".to_owned() }
}

pub(super) fn discovery_source() -> KeySource {
    KeySource::Discovery {
        address: Url::parse(DOCUMENT).unwrap(),
        issuer: ExpectedIssuer::new(ISSUER),
        cluster: "idp".to_owned(),
        jwks_cluster: None,
    }
}

/// A set of keys, one for each id, each id always with the same key.
pub(super) fn jwks<S: AsRef<str>>(kids: &[S]) -> Vec<u8> {
    let keys: Vec<String> = kids.iter().map(|kid| jwk(kid.as_ref())).collect();
    format!(r#"{{"keys":[{}]}}"#, keys.join(",")).into_bytes()
}

pub(super) fn jwk(kid: &str) -> String {
    let mut secret = [7; 32];
    secret.iter_mut().zip(kid.bytes()).for_each(|(place, byte)| *place = byte);
    let public = URL_SAFE_NO_PAD.encode(SigningKey::from_bytes(&secret).verifying_key().to_bytes());
    format!(r#"{{"kty":"OKP","crv":"Ed25519","use":"sig","kid":"{kid}","x":"{public}"}}"#)
}
