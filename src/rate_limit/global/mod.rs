//! Limits that several Envoys share, counted by an engine of its own: a state machine without a clock or a network.
//!
//! The engine speaks Envoy's global rate limit protocol (`envoy.service.ratelimit.v3`), as `envoyproxy/ratelimit` and
//! Limitador do. Each limit of a request is one unary call with one descriptor. One call for several limits would save
//! little over HTTP/2, and not every engine says which descriptor it was (Limitador answers for all of them together); and
//! each limit has a weight and a way to fail of its own.
//!
//! What holds, whatever the engine does:
//!
//! - A request is counted once: it asks, waits with a [`Ticket`], and takes the outcome once. A ticket whose request is gone is
//!   forgotten; one that nobody takes ends with its deadline.
//! - No request waits for longer than the limit's time-out, and so many wait at most (`MOST_WAITING`); one more is a failure
//!   at once.
//! - After `FAILURES` failures in a row nobody is asked any more but one request after each pause, until one is answered.
//! - What the engine said of a key whose allowance is used up is remembered until the moment it named, for at most
//!   `LONGEST_MEMORY`: a caller that goes on is refused without asking.
//!
//! How to drive it: as [`crate::provider::KeyCache`], but [`Asker::poll`] until it returns nothing.

mod answer;
mod circuit;
mod descriptor;
mod health;
mod protocol;
mod settings;
mod spent;
#[cfg(test)]
mod tests;
mod unlimited;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use fastrand::Rng;

pub use answer::{Answer, Failure};
pub use descriptor::Descriptor;
pub use health::GlobalHealth;
pub use protocol::read;
pub use settings::{GlobalLimit, OnFailure};

use crate::provider::{Fetch, FetchId, Fetched};
use crate::time::UnixTime;
use circuit::{Circuit, FAILURES};
use spent::Spent;
use unlimited::Unlimited;

/// Asks one engine, and remembers what it refused. See the module for how it is driven.
#[derive(Debug)]
pub struct Asker {
    cluster: String,
    circuit: Circuit,
    random: Rng,
    spent: Spent,
    /// Those who ask, in the order in which they came.
    waiting: BTreeMap<Ticket, Asked>,
    /// Who is to be asked for next.
    queue: VecDeque<Ticket>,
    last: Ticket,
    last_fetch: FetchId,
    last_outcome: Option<Result<(), Failure>>,
    unlimited: Unlimited,
}

/// A question that is on its way, to be asked for with [`Asker::take`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(u64);

/// A question.
#[derive(Debug)]
struct Asked {
    question: Question,
    fetch: Option<FetchId>,
    deadline: UnixTime,
    outcome: Option<Result<Answer, Failure>>,
}

#[derive(Clone, Debug)]
struct Question {
    domain: std::rc::Rc<str>,
    descriptor: Descriptor,
    hits: u32,
    timeout: Duration,
    remembers: bool,
}

/// How a question stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// The engine counted, and says so.
    Answered(Answer),
    /// It could not be asked, or did not answer.
    Failed(Failure),
    /// Not known yet: poll, and look again with this.
    Wait(Ticket),
}

impl Asker {
    /// One that knows nothing yet. `seed` spreads the workers' times; it protects nothing.
    #[must_use]
    pub fn new(cluster: String, seed: u64) -> Self {
        Self {
            cluster,
            circuit: Circuit::default(),
            random: Rng::with_seed(seed),
            spent: Spent::new(),
            waiting: BTreeMap::new(),
            queue: VecDeque::new(),
            last: Ticket(0),
            last_fetch: FetchId::FIRST,
            last_outcome: None,
            unlimited: Unlimited::default(),
        }
    }

    /// The Envoy cluster of the engine.
    #[must_use]
    pub fn cluster(&self) -> &str {
        &self.cluster
    }

    /// Counts a request as `hits` in the allowance of `descriptor`.
    pub fn ask(&mut self, now: UnixTime, limit: &GlobalLimit, descriptor: Descriptor, hits: u32) -> Lookup {
        self.steady(now);
        if let Some(answer) = self.spent.get(now, &limit.domain, &descriptor, hits) {
            return Lookup::Answered(answer);
        }
        if self.waiting.len() >= MOST_WAITING {
            return Lookup::Failed(Failure::TooMany);
        }
        let on_its_way = self.waiting.values().any(|asked| asked.outcome.is_none());
        if !self.circuit.lets_ask(now, on_its_way) {
            return Lookup::Failed(Failure::NotAsked);
        }
        self.last = Ticket(self.last.0.wrapping_add(1));
        let question = Question {
            domain: limit.domain.clone(),
            descriptor,
            hits,
            timeout: limit.timeout,
            remembers: limit.remembers,
        };
        let deadline = now.plus(limit.timeout.saturating_add(GRACE));
        self.waiting.insert(self.last, Asked { question, fetch: None, deadline, outcome: None });
        self.queue.push_back(self.last);
        Lookup::Wait(self.last)
    }

    /// When this question is over at the latest.
    #[must_use]
    pub fn until(&self, ticket: Ticket) -> Option<UnixTime> {
        self.waiting.get(&ticket).map(|asked| asked.deadline)
    }

    /// Is this question still without an answer? Changes nothing.
    #[must_use]
    pub fn is_out(&self, now: UnixTime, ticket: Ticket) -> bool {
        self.waiting.get(&ticket).is_some_and(|asked| asked.outcome.is_none() && now < asked.deadline)
    }

    /// The outcome of a question, once. What was taken, or forgotten, is unknown, and failed.
    pub fn take(&mut self, now: UnixTime, ticket: Ticket) -> Lookup {
        self.steady(now);
        self.give_up(now);
        match self.waiting.get(&ticket).map(|asked| asked.outcome) {
            None => Lookup::Failed(Failure::NoAnswer),
            Some(None) => Lookup::Wait(ticket),
            Some(Some(outcome)) => {
                self.waiting.remove(&ticket);
                outcome.map_or_else(Lookup::Failed, Lookup::Answered)
            }
        }
    }

    /// The one who asked is gone.
    pub fn forget(&mut self, ticket: Ticket) {
        self.waiting.remove(&ticket);
        self.queue.retain(|queued| *queued != ticket);
    }

    /// A request of the limit of this name was let on, and nothing was said of a limit.
    pub fn notice_unlimited(&mut self, limit: &std::rc::Rc<str>) {
        self.unlimited.notice(limit);
    }

    /// The names of limits of which the engine said nothing so far, each once.
    pub fn take_unlimited(&mut self) -> Vec<std::rc::Rc<str>> {
        self.unlimited.take()
    }

    /// A call to send now, if one is due; ask until none is. Also notices calls that never came back.
    #[must_use = "the call is not made by itself"]
    pub fn poll(&mut self, now: UnixTime) -> Option<Fetch> {
        self.steady(now);
        self.give_up(now);
        while let Some(ticket) = self.queue.pop_front() {
            let id = self.last_fetch.next();
            let Some(asked) = self.waiting.get_mut(&ticket).filter(|asked| asked.outcome.is_none()) else { continue };
            self.last_fetch = id;
            asked.fetch = Some(id);
            asked.deadline = now.plus(asked.question.timeout.saturating_add(GRACE));
            let message = protocol::request(&asked.question.domain, &asked.question.descriptor, asked.question.hits);
            let timeout = asked.question.timeout;
            return Some(Fetch::grpc(id, &self.cluster, protocol::METHOD, message, timeout, protocol::LARGEST));
        }
        None
    }

    /// How a call ended. An answer to none that is out, or after its deadline, changes nothing.
    pub fn handle_response(&mut self, now: UnixTime, id: FetchId, fetched: Fetched) {
        self.steady(now);
        self.give_up(now);
        let of_this = |(_, asked): &(&Ticket, &mut Asked)| asked.fetch == Some(id) && asked.outcome.is_none();
        let Some((_, asked)) = self.waiting.iter_mut().find(of_this) else { return };
        let outcome = protocol::outcome(fetched);
        if let Ok(answer) = &outcome
            && asked.question.remembers
        {
            let question = &asked.question;
            self.spent.keep(now, &question.domain, &question.descriptor, question.hits, answer);
        }
        self.last_outcome = Some(outcome.as_ref().map(drop).map_err(|failure| *failure));
        asked.outcome = Some(outcome);
        match outcome {
            Ok(_) => self.circuit.succeeded(),
            Err(_) => self.circuit.failed(now, &mut self.random),
        }
    }

    /// When to poll at the latest, if time alone can bring anything.
    #[must_use]
    pub fn next_timeout(&self) -> Option<UnixTime> {
        self.waiting.values().map(|asked| asked.deadline).min()
    }

    /// For gauges and records.
    #[must_use]
    pub fn health(&self) -> GlobalHealth<'_> {
        GlobalHealth {
            cluster: &self.cluster,
            waiting: self.waiting.len(),
            spent: self.spent.len(),
            failures: self.circuit.failures(),
            rests: self.circuit.failures() >= FAILURES,
            last_outcome: self.last_outcome,
        }
    }

    /// Ends what is late; and drops outcomes that nobody took.
    fn give_up(&mut self, now: UnixTime) {
        let mut late: u32 = 0;
        self.waiting.retain(|_, asked| {
            if now < asked.deadline {
                return true;
            }
            if asked.outcome.is_some() {
                return false;
            }
            asked.outcome = Some(Err(Failure::TimedOut));
            // Long enough for the one who waits to come by.
            asked.deadline = now.plus(UNTAKEN);
            late = late.saturating_add(1);
            true
        });
        for _ in 0..late {
            self.last_outcome = Some(Err(Failure::TimedOut));
            self.circuit.failed(now, &mut self.random);
        }
    }

    /// A clock may have stepped back: no moment may be further off than if it had been set now.
    fn steady(&mut self, now: UnixTime) {
        for asked in self.waiting.values_mut() {
            asked.deadline = asked.deadline.min(now.plus(asked.question.timeout.saturating_add(GRACE).max(UNTAKEN)));
        }
        self.circuit.steady(now);
    }
}

/// As many requests as may wait for one engine in one worker. A full one with the default time-out still passes ten
/// thousand requests a second, which is more than a worker does.
const MOST_WAITING: usize = 500;

/// A host gives up first, if it gives up at all; its timer may be late by a tick.
const GRACE: Duration = Duration::from_millis(100);

/// How long an outcome is kept for one who waits: turns follow each other at once.
const UNTAKEN: Duration = Duration::from_secs(1);
