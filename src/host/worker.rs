//! One worker: the engine, the host's services for it, and the requests that wait.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::abi::{self, MapType, Status};
use super::foreign::HostVerifier;
use super::metrics::Metrics;
use super::report::{Told, report};
use super::services::{EnvoyHost, now};
use crate::audit::Decision;
use crate::engine::{Engine, Purpose};
use crate::exchange::{Afterwards, Exchange, Passage, Record, Reply, Step};
use crate::http::{HeaderMap, Mutation, Pair, pairs};
use crate::provider::{Fetch, FetchId, Fetched};
use crate::time::UnixTime;

/// What one root context and its streams share.
pub(super) struct Worker {
    pub(super) engine: Engine,
    host: EnvoyHost,
    metrics: Metrics,
    /// The context whose timer is ours.
    root: u32,
    waiting: BTreeMap<u32, Exchange>,
    /// Streams that waited and then went on, and do not know it yet.
    let_on: BTreeSet<u32>,
    /// Streams that went on, and with which something is left to do.
    gone_on: BTreeMap<u32, Afterwards>,
    /// When the timer will fire, so that it is only set anew to make it earlier.
    tick_at: Option<UnixTime>,
    told: Told,
}

impl Worker {
    pub(super) fn new(root: u32, engine: Engine, verifier: HostVerifier) -> Self {
        Self {
            engine,
            host: EnvoyHost::new(verifier),
            metrics: Metrics::default(),
            root,
            waiting: BTreeMap::new(),
            let_on: BTreeSet::new(),
            gone_on: BTreeMap::new(),
            tick_at: None,
            told: Told::default(),
        }
    }

    /// Takes over the requests that wait in `former`, whose configuration this one replaces; each walks anew.
    pub(super) fn succeed(&mut self, former: &mut Self) {
        self.engine.succeed(&mut former.engine);
        for (context, exchange) in std::mem::take(&mut former.waiting) {
            self.waiting.insert(context, exchange.anew(&mut former.engine));
        }
        self.let_on.append(&mut former.let_on);
        self.gone_on.append(&mut former.gone_on);
    }

    /// Walks a new request.
    pub(super) fn begin(&mut self, context: u32, headers: HeaderMap) -> Outcome {
        let now = now();
        let step = Exchange::begin(headers, &mut self.engine, &mut self.host, now);
        let outcome = self.settle(context, step);
        if matches!(outcome, Outcome::Waits) {
            // A fetch belongs to the root, so the first look is its next tick: as soon as there can be one.
            self.tick_within(now, AT_ONCE);
            let _ = abi::set_effective_context(context);
        }
        outcome
    }

    /// Did the request of this stream, which waited, get leave to go on? Said once.
    pub(super) fn has_let_on(&mut self, context: u32) -> bool {
        self.let_on.remove(&context)
    }

    /// A stream is gone.
    pub(super) fn forget(&mut self, context: u32) {
        self.let_on.remove(&context);
        if let Some(exchange) = self.waiting.remove(&context) {
            exchange.abandon(&mut self.engine, &mut self.host);
        }
        if let Some(mut afterwards) = self.gone_on.remove(&context) {
            if afterwards.learns() {
                afterwards.miss_response(&mut self.engine, now());
            }
            afterwards.end(&mut self.engine, &mut self.host);
        }
    }

    /// The head of the response to this stream's request is in.
    pub(super) fn respond(&mut self, context: u32) {
        let Some(afterwards) = self.gone_on.get_mut(&context) else { return };
        let status = || std::str::from_utf8(&abi::header_value(MapType::Response, b":status").ok()?).ok()?.parse().ok();
        // Each call of the host takes as long as some hundred instructions, so it is asked for what somebody learns from only.
        let (status, now) = if afterwards.learns() { (status(), now()) } else { (None, UnixTime::default()) };
        for (name, value) in afterwards.respond(status, &mut self.engine, now) {
            // The response is none the worse without it, or with a second one of the upstream's.
            let _ = abi::replace_header(MapType::Response, name.as_bytes(), value.as_bytes());
        }
    }

    /// Fetches to start now.
    pub(super) fn poll(&mut self) -> Vec<(Purpose, Fetch)> {
        self.engine.poll(now(), &mut self.host)
    }

    /// A fetch came back.
    pub(super) fn handle_response(&mut self, purpose: Purpose, id: FetchId, fetched: Fetched) {
        self.engine.handle_response(purpose, now(), &mut self.host, id, fetched);
    }

    /// Lets the requests that wait walk again, in their order, until the wait of [`MOST_AT_ONCE`] is over. Those behind
    /// them walk in the next turn, which is at once.
    pub(super) fn wake(&mut self) {
        let mut ended: usize = 0;
        let mut rest = std::mem::take(&mut self.waiting);
        while ended < MOST_AT_ONCE
            && let Some((context, exchange)) = rest.pop_first()
        {
            if abi::set_effective_context(context).is_err() {
                // The host knows no such stream any more; its answer can't be given to anybody.
                exchange.abandon(&mut self.engine, &mut self.host);
                continue;
            }
            let step = exchange.resume(&mut self.engine, &mut self.host, now());
            match self.settle(context, step) {
                Outcome::GoesOn => {
                    self.let_on.insert(context);
                    let _ = abi::continue_request();
                    ended = ended.saturating_add(1);
                }
                Outcome::Answered => ended = ended.saturating_add(1),
                Outcome::Waits => {}
            }
        }
        if !rest.is_empty() {
            self.waiting.append(&mut rest);
            self.tick_within(now(), AT_ONCE);
        }
    }

    /// Sets the timer for what is due next, and the gauges.
    pub(super) fn schedule(&mut self) {
        let now = now();
        self.tick_at = None;
        let due = self.engine.next_timeout().map_or(IDLE, |due| due.since(now));
        // A request that waits here may wait for keys that another worker fetches, of which nobody tells this one.
        let due = if self.waiting.is_empty() { due.min(IDLE) } else { due.min(SOON) };
        let due = if self.engine.lacks_keys(now) { due.min(LACKING) } else { due };
        self.tick_within(now, due.max(AT_ONCE));
        self.told.tell(&mut self.engine, now);
        report(&self.engine, &mut self.metrics, now);
    }

    /// Sets the timer to `span` from now, unless it is set to fire before. Leaves the root in effect.
    fn tick_within(&mut self, now: UnixTime, span: Duration) {
        let at = now.plus(span);
        if self.tick_at.is_none_or(|planned| at < planned) {
            let millis = u32::try_from(span.as_millis()).unwrap_or(u32::MAX).max(1);
            // Some hosts refuse to set the timer for a stream.
            if abi::set_effective_context(self.root).and_then(|()| abi::set_tick_period(millis)).is_ok() {
                self.tick_at = Some(at);
            }
        }
    }

    /// Does what a step asks, for the stream in context.
    fn settle(&mut self, context: u32, step: Step) -> Outcome {
        match step {
            Step::Continue(passage, record) => match apply(&passage) {
                Ok(()) => {
                    self.keep(record);
                    if !passage.afterwards.is_nothing() {
                        self.gone_on.insert(context, passage.afterwards);
                    }
                    Outcome::GoesOn
                }
                // A header that could not be changed may be one that tells the upstream who is calling.
                Err(_) => {
                    passage.afterwards.end(&mut self.engine, &mut self.host);
                    log::error!("the host refused a header change; the request is stopped");
                    fail_closed();
                    Outcome::Answered
                }
            },
            Step::Wait(exchange, _) => {
                self.waiting.insert(context, exchange);
                Outcome::Waits
            }
            Step::Reply(reply, record) => {
                answer(&reply);
                self.keep(record);
                Outcome::Answered
            }
        }
    }

    fn keep(&mut self, record: Record) {
        let (rule, name) = match &record.rule {
            Some((index, name)) => (Some(*index), &**name),
            None => (None, "none"),
        };
        self.metrics.count(rule, name, record.reason);
        for (limit, outcome) in &record.limits {
            self.metrics.count_limit(limit, outcome);
        }
        if let Some(event) = &record.event {
            let level = if event.decision == Decision::Deny { log::Level::Warn } else { log::Level::Info };
            log::log!(level, "{}", event.line());
        }
    }
}

/// Its share of the sums over all workers goes with it: the next configuration counts from nothing.
impl Drop for Worker {
    fn drop(&mut self) {
        self.metrics.withdraw();
    }
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    GoesOn,
    Waits,
    Answered,
}

/// Answers 503 without a reason: what should have happened could not.
pub(super) fn fail_closed() {
    let _ = abi::send_local_response(503, "portcullis_failed", b"", &[], -1);
}

fn apply(passage: &Passage) -> Result<(), Status> {
    for change in passage.mutations.headers() {
        match change {
            Mutation::Remove(name) => abi::remove_header(MapType::Request, name.as_bytes())?,
            Mutation::Set(name, value) => abi::set_header(MapType::Request, name.as_bytes(), value.as_bytes())?,
        }
    }
    if let Some(path) = passage.mutations.path() {
        abi::replace_header(MapType::Request, b":path", path)?;
    }
    for (name, value) in &passage.state {
        abi::set_property(&format!("portcullis.{name}"), value.as_bytes())?;
    }
    Ok(())
}

fn answer(reply: &Reply) {
    let headers: Vec<Pair> =
        reply.headers.iter().map(|(name, value)| ((*name).into(), value.as_str().into())).collect();
    // Without its headers an answer is still a denial.
    let headers = pairs::encode(&headers).unwrap_or_default();
    let grpc_status = reply.grpc_status.unwrap_or(-1);
    let _ = abi::send_local_response(reply.status, &reply.details, &reply.body, &headers, grpc_status);
}

/// The shortest time that the timer takes.
const AT_ONCE: Duration = Duration::from_millis(1);

/// How many requests that waited may go on, or be answered, in one turn. Envoy does both after the call of the module has
/// returned, and calls it anew for each, within what it still does for the last: with 370 of them the stack of the
/// machine is full (Envoy 1.40 with V8), it fails, and the worker answers 503 to everybody.
const MOST_AT_ONCE: usize = 32;

/// How soon a worker without keys looks whether another one has fetched them, though no request waits yet.
const LACKING: Duration = Duration::from_millis(50);

/// How soon a request that waits is looked at: a worker learns of keys that another one fetched by looking.
const SOON: Duration = Duration::from_millis(10);

/// How long the timer rests when nothing is due; a withdrawn key is gone from all workers within it.
const IDLE: Duration = Duration::from_secs(1);
