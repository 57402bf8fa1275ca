//! Workers, issuers, a host and a clock, moved by the script.

use portcullis::exchange::{Exchange, Step};
use portcullis::provider::Fetched;
use portcullis::time::UnixTime;

use super::host::{FakeHost, Sharing, Verifier};
use super::issuer::{Claims, IssuerKey, KEYS, Minted, OF_ENTRA, OF_IDP};
use super::keys::{Served, document, set};
use super::request::Request;
use super::script::Script;
use super::settings::Settings;
use super::verdict;
use super::worker::{Waiting, Worker};

const START_MS: u64 = 1_800_000_000_000;

pub(super) struct World {
    now_ms: u64,
    host: FakeHost,
    workers: Vec<Worker>,
    minted: Vec<Minted>,
    /// Requests that were let on.
    liked: Vec<Request>,
    /// What each issuer serves now: a mask of keys.
    masks: [u8; 2],
    served: Served,
}

impl World {
    pub(super) fn new(script: &mut Script<'_>) -> Self {
        let many_places = script.is();
        let settings = Settings::choose(script, many_places);
        let workers = 1 + usize::from(script.is_rare());
        let host = FakeHost::new(script);
        let mut world = Self {
            now_ms: START_MS,
            host,
            workers: (0..workers).map(|seed| Worker::new(settings.clone(), seed)).collect(),
            minted: Vec::new(),
            liked: Vec::new(),
            masks: [OF_IDP & 0b11, OF_ENTRA],
            served: Served::new(workers == 1),
        };
        (0..workers).for_each(|worker| world.poll(worker));
        world
    }

    /// One thing happens.
    pub(super) fn step(&mut self, script: &mut Script<'_>) {
        let worker = script.place(self.workers.len()).unwrap_or_default();
        match script.byte() % 20 {
            0..=3 => self.request(worker, script),
            4 | 5 => self.request_again(worker, script),
            6..=8 => self.poll(worker),
            9..=11 => self.answer(worker, script),
            12 | 13 => self.resume(worker, script),
            14 => self.now_ms += script.one(&[1, 100, 1000, 5000, 61_000, 301_000, 3_600_000, 90_000_000]),
            15 => self.clock_steps_back(script),
            16 => self.rotate(script),
            17 => self.host_changes(script),
            18 => self.abandon(worker, script),
            _ => self.reload(worker, script),
        }
    }

    /// Counts and sizes are within their bounds.
    pub(super) fn check(&self) {
        self.workers.iter().for_each(Worker::check);
        // Two issuers, for each a small entry and the largest key set that is read.
        assert!(self.host.bytes() <= 4 * self.workers.len() * (600 << 10));
    }

    /// From now on everybody does as they should: whoever waits gets an answer, and who should get in does.
    pub(super) fn turns_honest(&mut self) {
        self.host.sharing = Sharing::Honest;
        self.host.verifier = Verifier::Truthful;
        self.masks = [OF_IDP, OF_ENTRA];
        self.now_ms += 3 * 24 * 3_600_000;
        for _ in 0..8 {
            self.now_ms += 20_000;
            for worker in 0..self.workers.len() {
                self.poll(worker);
                self.answer_all(worker);
                self.resume_all(worker);
            }
        }
        for worker in 0..self.workers.len() {
            assert!(self.workers[worker].waiting.is_empty(), "waits for ever");
            assert_eq!(self.workers[worker].engine.waiting(), 0);
            // The second key is one that a host can be asked about.
            let token = Claims::good(usize::from(self.workers[worker].settings.host_only)).sign(self.now_ms / 1000);
            self.note(&token);
            let request = Request::plain(&token);
            self.minted.push(token);
            assert!(self.send(worker, request), "a good request is refused when all is well");
        }
    }

    fn request(&mut self, worker: usize, script: &mut Script<'_>) {
        let known = self.minted.len();
        let settings = self.workers[worker].settings.clone();
        let request = Request::choose(script, &settings, &mut self.minted, self.now_ms / 1000);
        for token in self.minted.split_off(known) {
            self.note(&token);
            self.minted.push(token);
        }
        self.send(worker, request);
    }

    /// One that was let on before comes again.
    fn request_again(&mut self, worker: usize, script: &mut Script<'_>) {
        if let Some(place) = script.place(self.liked.len()) {
            self.send(worker, self.liked[place].clone());
        }
    }

    /// The host learns of a signature that is right.
    fn note(&mut self, token: &Minted) {
        let IssuerKey { key, spki, .. } = &KEYS[token.key];
        if let Some(der) = crate::keys::as_a_host_gets_it(key, &token.text) {
            let (text, _) = token.text.rsplit_once('.').expect("a token has dots");
            self.host.sign(spki, der, text.as_bytes());
        }
    }

    /// Whether the request is let on at once.
    fn send(&mut self, worker: usize, request: Request) -> bool {
        let engine = &mut self.workers[worker].engine;
        let now = UnixTime::from_millis(self.now_ms);
        let step = Exchange::begin(request.pairs.clone(), engine, &mut self.host, now);
        self.judge(worker, request, step)
    }

    fn judge(&mut self, worker: usize, request: Request, step: Step) -> bool {
        let Worker { settings, waiting, .. } = &mut self.workers[worker];
        match step {
            Step::Continue(passage, record) => {
                let token = verdict::admitted(&request, settings, &self.minted, &passage, &record, self.now_ms);
                if let Some(token) = token {
                    self.served.check(token, settings, &self.host, self.now_ms);
                    self.liked.push(request);
                }
                true
            }
            Step::Wait(exchange, until) => {
                assert!(until.as_millis() <= self.now_ms + settings.wait_ms, "waits too long");
                waiting.push(Waiting { exchange, request, counted: true });
                false
            }
            Step::Reply(reply, record) => {
                verdict::answered(&request, &reply, &record);
                false
            }
        }
    }

    fn poll(&mut self, worker: usize) {
        self.workers[worker].poll(self.now_ms, &mut self.host, self.served.clock_stepped_back);
    }

    fn answer(&mut self, worker: usize, script: &mut Script<'_>) {
        let Some(place) = script.place(self.workers[worker].flights.len()) else { return };
        let flight = &self.workers[worker].flights[place];
        let current = self.masks[flight.source.issuer];
        let mask = match script.byte() % 8 {
            7 => script.byte() % 64,
            _ => current,
        };
        let (mask, body) = match (flight.source.is_document, script.byte() % 8) {
            (true, 6) => (None, script.one(&[&b"{}"[..], b"{\"issuer\":\"https://forger.example\"}"]).to_vec()),
            (true, _) => (None, document(flight.source.issuer)),
            (false, 6) => (None, set(0)),
            (false, _) => (Some(mask), set(mask)),
        };
        let (mask, body) = match script.byte() % 16 {
            12 => (None, script.bytes()),
            13 => (None, vec![b' '; 600 << 10]),
            14 => (None, body[..body.len() / 2].to_vec()),
            _ => (mask, body),
        };
        let header = script.one(&[
            None,
            Some(("cache-control", "max-age=5")),
            Some(("cache-control", "no-store")),
            Some(("cache-control", "max-age=99999999999999999999")),
            Some(("content-encoding", "gzip")),
        ]);
        let headers = header.map(|(name, value)| (name.into(), value.into())).into_iter().collect();
        let status = script.one(&[200, 200, 200, 200, 200, 200, 404, 500, 302, 0]);
        let fetched = if script.is_rare() { Fetched::Failed } else { Fetched::Response { status, headers, body } };
        self.deliver(worker, place, fetched, mask);
    }

    fn answer_all(&mut self, worker: usize) {
        while let Some(place) = self.workers[worker].flights.iter().position(|flight| flight.open) {
            let source = self.workers[worker].flights[place].source;
            let mask = self.masks[source.issuer];
            let body = if source.is_document { document(source.issuer) } else { set(mask) };
            let fetched = Fetched::Response { status: 200, headers: vec![], body };
            self.deliver(worker, place, fetched, (!source.is_document).then_some(mask));
            self.poll(worker);
        }
    }

    /// An answer comes, with the keys in `mask` if it has any.
    fn deliver(&mut self, worker: usize, place: usize, fetched: Fetched, mask: Option<u8>) {
        let Worker { engine, flights, .. } = &mut self.workers[worker];
        let flight = &mut flights[place];
        let first = std::mem::take(&mut flight.open);
        let (source, purpose, id) = (flight.source, flight.purpose, flight.fetch.id);
        let now = UnixTime::from_millis(self.now_ms);
        engine.handle_response(purpose, now, &mut self.host, id, fetched);
        if let Some(mask) = mask {
            let newest = flights.iter().rposition(|other| other.source.issuer == source.issuer) == Some(place);
            let id = if source.issuer == 0 { "idp/0" } else { "entra/0" };
            let outcome =
                engine.key_health(now).find(|(name, _)| *name == id).and_then(|(_, health)| health.last_outcome);
            let taken = first && newest;
            self.served.delivered(source.issuer, mask, taken, outcome.as_ref(), self.now_ms);
        }
    }

    fn resume(&mut self, worker: usize, script: &mut Script<'_>) {
        if let Some(place) = script.place(self.workers[worker].waiting.len()) {
            self.resume_one(worker, place);
        }
    }

    fn resume_all(&mut self, worker: usize) {
        for place in (0..self.workers[worker].waiting.len()).rev() {
            self.resume_one(worker, place);
        }
    }

    fn resume_one(&mut self, worker: usize, place: usize) {
        let Worker { engine, waiting, .. } = &mut self.workers[worker];
        let Waiting { exchange, request, .. } = waiting.swap_remove(place);
        let step = exchange.resume(engine, &mut self.host, UnixTime::from_millis(self.now_ms));
        self.judge(worker, request, step);
    }

    fn abandon(&mut self, worker: usize, script: &mut Script<'_>) {
        let Worker { engine, waiting, .. } = &mut self.workers[worker];
        if let Some(place) = script.place(waiting.len()) {
            waiting.swap_remove(place).exchange.abandon(engine, &mut self.host);
        }
    }

    fn clock_steps_back(&mut self, script: &mut Script<'_>) {
        self.now_ms -= script.one(&[1, 1000, 61_000, 3_600_000]);
        self.served.clock_stepped_back = true;
    }

    fn rotate(&mut self, script: &mut Script<'_>) {
        let issuer = usize::from(script.is());
        self.masks[issuer] = script.byte() & [OF_IDP, OF_ENTRA][issuer];
    }

    fn host_changes(&mut self, script: &mut Script<'_>) {
        if script.is() {
            self.host.change(script);
        } else {
            self.host.verifier = script.one(&[Verifier::Truthful, Verifier::None, Verifier::Sceptical]);
        }
    }

    /// Another configuration; who waits goes on waiting under it.
    fn reload(&mut self, worker: usize, script: &mut Script<'_>) {
        let former = &mut self.workers[worker];
        let settings = Settings::choose(script, former.settings.many_places);
        let seed = usize::from(script.byte());
        let mut next = Worker::new(settings, seed);
        for Waiting { exchange, request, .. } in former.waiting.drain(..) {
            let exchange = exchange.anew(&mut former.engine);
            next.waiting.push(Waiting { exchange, request, counted: false });
        }
        assert_eq!(former.engine.waiting(), 0);
        self.workers[worker] = next;
        self.served.alone = false;
    }
}
