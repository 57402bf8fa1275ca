//! Everybody who is no JWT: API keys, forwarded certificates and opaque tokens, bound ones too, with a limit, over two workers.

mod settings;
mod shown;

use std::collections::HashMap;

use portcullis::engine::{Engine, Purpose};
use portcullis::exchange::{Exchange, Passage, Record, Step};
use portcullis::jose::base64url;
use portcullis::provider::{Fetch, Fetched};
use portcullis::time::UnixTime;
use serde_json::json;

use super::host::{FakeHost, Sharing};
use super::script::Script;
use settings::{CI, DIGEST, MOST, NIGHT, TOKENS, configuration, hex};
use shown::Shown;

const START_MS: u64 = 1_800_000_000_000;
/// 2027-01-15T09:00:00Z, an hour later.
const OVER_MS: u64 = START_MS + 3_600_000;
/// How long "active" is believed.
const CACHE_MS: u64 = 10_000;
struct Worker {
    engine: Engine,
    flights: Vec<(Purpose, Fetch)>,
    waiting: Vec<(Exchange, Shown)>,
}

struct World {
    now_ms: u64,
    host: FakeHost,
    workers: Vec<Worker>,
    /// The proxies in front are trusted.
    believed: bool,
    stepped_back: bool,
    /// Until when the server's last word lets a token in, and whether that bound it to the certificate.
    active: HashMap<String, Vec<(u64, bool)>>,
    /// When the key `ci` was let on.
    counted: Vec<u64>,
}

/// Nobody gets in by what somebody else has, nor beyond a limit or an end, whatever servers and the host do; no secret goes on or is
/// printed; and in the end who should gets in.
pub fn callers(input: &[u8]) {
    let mut script = Script::new(input);
    let mut world = World::new(&mut script);
    while !script.is_over() {
        world.step(&mut script);
    }
    world.turns_honest();
}

impl World {
    fn new(script: &mut Script<'_>) -> Self {
        let believed = !script.is();
        let document = configuration(believed).to_string();
        let worker = |seed| {
            let engine = Engine::load(document.as_bytes(), &|_| None, seed);
            let engine = engine.unwrap_or_else(|problems| panic!("{problems}"));
            Worker { engine, flights: Vec::new(), waiting: Vec::new() }
        };
        Self {
            now_ms: START_MS,
            host: FakeHost::new(script),
            workers: (0..2).map(worker).collect(),
            believed,
            stepped_back: false,
            active: HashMap::new(),
            counted: Vec::new(),
        }
    }

    fn now(&self) -> UnixTime {
        UnixTime::from_millis(self.now_ms)
    }

    fn step(&mut self, script: &mut Script<'_>) {
        let worker = script.place(2).unwrap_or_default();
        match script.byte() % 16 {
            0..=5 => {
                let shown = Shown::choose(script);
                self.send(worker, shown);
            }
            6 | 7 => self.poll(worker),
            8..=10 => self.answer(worker, script),
            11 | 12 => {
                let place = script.place(self.workers[worker].waiting.len());
                place.into_iter().for_each(|place| self.resume(worker, place));
            }
            13 => self.now_ms += script.one(&[100, 1000, 9000, 31_000, 3_600_000, 90_000_000]),
            14 => {
                self.now_ms -= script.one(&[1, 1000, 61_000, 3_600_000]);
                self.stepped_back = true;
            }
            _ => self.host.change(script),
        }
        for worker in &self.workers {
            assert_eq!(usize::try_from(worker.engine.waiting()), Ok(worker.waiting.len()));
        }
    }

    /// Whether it is let on at once.
    fn send(&mut self, worker: usize, shown: Shown) -> bool {
        let now = self.now();
        let step = Exchange::begin(shown.pairs.clone(), &mut self.workers[worker].engine, &mut self.host, now);
        self.judge(worker, shown, step)
    }

    fn resume(&mut self, worker: usize, place: usize) {
        let (exchange, shown) = self.workers[worker].waiting.swap_remove(place);
        let now = self.now();
        let step = exchange.resume(&mut self.workers[worker].engine, &mut self.host, now);
        self.judge(worker, shown, step);
    }

    fn judge(&mut self, worker: usize, shown: Shown, step: Step) -> bool {
        match step {
            Step::Continue(passage, record) => {
                self.admitted(&shown, &passage, &record);
                shown.check_printed(&format!("{record:?}"));
                passage.afterwards.end(&mut self.workers[worker].engine, &mut self.host);
                return true;
            }
            Step::Wait(exchange, until) => {
                assert!(until <= self.now().plus(std::time::Duration::from_secs(5)), "waits too long");
                self.workers[worker].waiting.push((exchange, shown));
            }
            Step::Reply(reply, record) => {
                assert!(matches!(reply.status, 400 | 401 | 403 | 404 | 429 | 431 | 503), "{}", reply.status);
                shown.check_printed(&format!("{reply:?}{record:?}{}", String::from_utf8_lossy(&reply.body)));
            }
        }
        false
    }

    fn admitted(&mut self, shown: &Shown, passage: &Passage, record: &Record) {
        let after = passage.mutations.applied(&shown.pairs);
        let subjects: Vec<&[u8]> =
            after.iter().filter(|(name, _)| name == b"x-sub").map(|(_, value)| value.as_slice()).collect();
        if !shown.odd {
            shown.check_printed(&format!(
                "{:?}",
                after.iter().map(|(_, value)| value.escape_ascii().to_string()).collect::<Vec<_>>()
            ));
        }
        let rule = record.rule.as_ref().map_or("", |(_, name)| name);
        if rule == "open" {
            assert!(subjects.is_empty(), "somebody where nobody is asked for");
            return;
        }
        let [subject] = subjects[..] else { panic!("{rule}: {} subjects", subjects.len()) };
        let subject = std::str::from_utf8(subject).expect("one of ours");
        let certified = self.believed && shown.certificates == [hex(&DIGEST)];
        match subject {
            "team-x" => {
                assert!(matches!(rule, "key" | "any"), "{rule} takes no key");
                assert_eq!(shown.tokens.len(), 0, "a key and a token");
                let is_ci = shown.keys == [CI.as_str()];
                assert!(is_ci || shown.keys == [NIGHT.as_str()], "{:?}", shown.keys);
                assert!(!is_ci || self.now_ms < OVER_MS, "it is over");
                if is_ci && rule == "key" {
                    self.counted.push(self.now_ms);
                    let recent = self.counted.iter().filter(|at| **at + 3_600_000 > self.now_ms).count();
                    assert!(recent <= MOST || self.stepped_back || !self.host.always_shared, "beyond the limit");
                }
            }
            _ if TOKENS.contains(&subject) => {
                assert!(matches!(rule, "opaque" | "both" | "bound" | "any"), "{rule} takes no token");
                assert_eq!(shown.tokens, [subject], "another's token");
                assert!(shown.keys.is_empty(), "a key and a token");
                let said = self.active.get(subject).map(Vec::as_slice).unwrap_or_default();
                let good = said.iter().any(|(until, bound)| {
                    (self.now_ms < *until || self.stepped_back) && (certified || !bound) && (*bound || rule != "bound")
                });
                assert!(good, "nobody said so: {rule}, {said:?} at {}", self.now_ms);
                assert!(certified || rule != "both", "without its certificate");
            }
            _ => {
                assert!(matches!(rule, "own" | "any"), "{rule} takes no certificate");
                assert!(certified, "{subject}: not of a trusted proxy");
                assert!(shown.keys.is_empty() && shown.tokens.is_empty(), "a certificate beside another credential");
            }
        }
    }

    fn poll(&mut self, worker: usize) {
        let now = self.now();
        let Worker { engine, flights, .. } = &mut self.workers[worker];
        flights.extend(engine.poll(now, &mut self.host));
        let surplus = flights.len().saturating_sub(8);
        flights.drain(..surplus);
    }

    /// The server answers one question, as it likes; it may do so again.
    fn answer(&mut self, worker: usize, script: &mut Script<'_>) {
        let Some(place) = script.place(self.workers[worker].flights.len()) else { return };
        let token = self.asked(worker, place);
        let claims = json!({ "active": true, "aud": "orders", "sub": token });
        let mut bound = claims.clone();
        bound["cnf"] = json!({ "x5t#S256": base64url::encode(&DIGEST) });
        let (said, status) = match script.byte() % 10 {
            0..=3 => (Some((claims, false)), 200),
            4 | 5 => (Some((bound, true)), 200),
            6 => (Some((json!({ "active": "true", "aud": "orders", "sub": token }), false)), 200),
            7 => (Some((json!({ "active": true, "aud": "billing", "sub": token }), false)), 200),
            8 => (Some((claims, false)), script.one(&[500, 400, 302, 201, 0])),
            _ => (None, 200),
        };
        let counts =
            said.as_ref().filter(|(said, _)| status == 200 && said["active"] == true && said["aud"] == "orders");
        if let Some((_, bound)) = counts {
            self.active.entry(token).or_default().push((self.now_ms + CACHE_MS, *bound));
        }
        let body = said.map_or_else(|| script.bytes(), |(said, _)| said.to_string().into_bytes());
        self.deliver(worker, place, status, body);
    }

    fn deliver(&mut self, worker: usize, place: usize, status: u16, body: Vec<u8>) {
        let now = self.now();
        let Worker { engine, flights, .. } = &mut self.workers[worker];
        let (purpose, id) = (flights[place].0, flights[place].1.id);
        let headers = vec![(b"content-type".to_vec(), b"application/json".to_vec())];
        engine.handle_response(purpose, now, &mut self.host, id, Fetched::Response { status, headers, body });
    }

    /// Which token a question is about.
    fn asked(&self, worker: usize, place: usize) -> String {
        let (_, fetch) = &self.workers[worker].flights[place];
        let form = String::from_utf8_lossy(&fetch.post.as_ref().expect("a question").body).into_owned();
        let token = form.split('&').find_map(|field| field.strip_prefix("token=")).unwrap_or_default();
        token.replace("%7E", "~").replace("%2D", "-").replace("%2E", ".")
    }

    fn turns_honest(&mut self) {
        self.host.sharing = Sharing::Honest;
        self.now_ms += 3 * 24 * 3_600_000;
        for worker in 0..2 {
            let shown = Shown::to("/opaque").with("authorization", "Bearer ", TOKENS[0]);
            self.workers[worker].flights.clear();
            let mut is_in = self.send(worker, shown.clone());
            for _ in 0..8 {
                self.now_ms += 1500;
                self.poll(worker);
                for place in 0..self.workers[worker].flights.len() {
                    let token = self.asked(worker, place);
                    self.active.entry(token.clone()).or_default().push((self.now_ms + CACHE_MS, false));
                    let said = json!({ "active": true, "aud": "orders", "sub": token });
                    self.deliver(worker, place, 200, said.to_string().into_bytes());
                }
                for place in (0..self.workers[worker].waiting.len()).rev() {
                    self.resume(worker, place);
                }
                is_in |= self.send(worker, shown.clone());
            }
            assert!(is_in, "a good token is refused when all is well");
            self.now_ms += 10_000;
            for place in (0..self.workers[worker].waiting.len()).rev() {
                self.resume(worker, place);
            }
            assert!(self.workers[worker].waiting.is_empty(), "waits for ever");
            let key = Shown::to("/key").with("x-api-key", "", &NIGHT);
            assert!(self.send(worker, key), "a good key is refused when all is well");
        }
    }
}
