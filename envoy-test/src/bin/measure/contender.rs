//! One way to handle requests, and what it costs.

use std::time::Duration;

use envoy_test::{Envoy, Load};

/// An Envoy, and the requests that it gets.
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    pub(crate) rounds: Vec<Round>,
    envoy: Envoy,
    load: Load,
    requests: Requests,
    expected: u16,
}

/// What a round took.
#[derive(Clone, Copy)]
pub(crate) struct Round {
    /// CPU time of Envoy per request.
    pub(crate) cpu: Duration,
    /// Requests per second.
    pub(crate) rate: f64,
}

/// Whole requests, as texts.
pub(crate) enum Requests {
    /// These, over and over.
    Repeat(Vec<String>),
    /// Each of these once.
    Once(std::vec::IntoIter<String>),
}

impl Contender {
    pub(crate) fn new(name: &'static str, envoy: Envoy, requests: Requests, expected: u16) -> Self {
        let load = Load::open(envoy.address(), CONNECTIONS);
        Self { name, rounds: Vec::new(), envoy, load, requests, expected }
    }

    /// Sends `count` requests.
    pub(crate) fn run(&mut self, count: usize) {
        let batch: Vec<String> = match &mut self.requests {
            Requests::Repeat(requests) => requests.iter().cycle().take(count).cloned().collect(),
            Requests::Once(requests) => requests.take(count).collect(),
        };
        assert_eq!(batch.len(), count, "{}: too few requests were made", self.name);
        let before = self.envoy.cpu_time();
        let elapsed = self.load.run(&batch, self.expected);
        let spent = self.envoy.cpu_time().saturating_sub(before);
        let requests = u32::try_from(count).expect("a round is not that long");
        self.rounds.push(Round { cpu: spent / requests, rate: f64::from(requests) / elapsed.as_secs_f64() });
    }
}

/// Enough to keep Envoy's one worker busy.
const CONNECTIONS: usize = 16;
