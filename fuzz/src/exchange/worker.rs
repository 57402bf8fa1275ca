//! One worker: its engine, what it has asked for, and who waits in it.

use portcullis::engine::{Engine, Purpose};
use portcullis::exchange::Exchange;
use portcullis::provider::Fetch;
use portcullis::time::UnixTime;

use super::host::FakeHost;
use super::keys::Source;
use super::request::Request;
use super::settings::Settings;

pub(super) struct Worker {
    pub(super) engine: Engine,
    pub(super) settings: Settings,
    pub(super) flights: Vec<Flight>,
    pub(super) waiting: Vec<Waiting>,
}

/// A fetch that was sent.
pub(super) struct Flight {
    pub(super) source: Source,
    pub(super) purpose: Purpose,
    pub(super) fetch: Fetch,
    deadline_ms: u64,
    /// Nothing has come back yet.
    pub(super) open: bool,
}

pub(super) struct Waiting {
    pub(super) exchange: Exchange,
    pub(super) request: Request,
    /// Whether it has a place among those who wait in this engine.
    pub(super) counted: bool,
}

impl Worker {
    pub(super) fn new(settings: Settings, seed: usize) -> Self {
        let seed = u64::try_from(seed).expect("small");
        let engine = Engine::load(settings.document.to_string().as_bytes(), &|_| None, seed)
            .unwrap_or_else(|problems| panic!("{problems}"));
        Self { engine, settings, flights: Vec::new(), waiting: Vec::new() }
    }

    /// Sends what the engine wants to have sent: for each issuer one thing at a time.
    pub(super) fn poll(&mut self, now_ms: u64, host: &mut FakeHost, clock_stepped_back: bool) {
        for (purpose, fetch) in self.engine.poll(UnixTime::from_millis(now_ms), host) {
            let source = Source::of(&fetch);
            let out =
                |flight: &Flight| flight.source.issuer == source.issuer && flight.open && now_ms < flight.deadline_ms;
            assert!(clock_stepped_back || !self.flights.iter().any(out), "two fetches of one issuer at once");
            let deadline_ms = now_ms + u64::try_from(fetch.timeout.as_millis()).expect("short");
            self.flights.push(Flight { source, purpose, fetch, deadline_ms, open: true });
        }
        // Old ones stay for a while, to come back late or twice.
        let surplus = self.flights.len().saturating_sub(8);
        self.flights.drain(..surplus);
    }

    /// Counts and sizes are within their bounds.
    pub(super) fn check(&self) {
        let counted = self.waiting.iter().filter(|waiting| waiting.counted).count();
        assert_eq!(usize::try_from(self.engine.waiting()), Ok(counted));
        assert!(self.engine.waiting() <= self.settings.waiting);
        let (entries, bytes) = self.engine.remembered_tokens();
        assert!(bytes <= self.settings.remembered_bytes && (entries == 0) == (bytes == 0));
    }
}
