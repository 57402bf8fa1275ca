//! One worker: the engine, the host's services for it, and the requests that wait.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::abi::{self, MapType, Status};
use super::foreign::HostVerifier;
use super::metrics::Metrics;
use crate::access::Properties;
use crate::audit::Decision;
use crate::binding::Entropy;
use crate::engine::{Engine, Purpose};
use crate::exchange::{Afterwards, Exchange, Passage, Record, Reply, Step};
use crate::groups::Outcome as GroupsOutcome;
use crate::http::{HeaderMap, Mutation, Pair, pairs};
use crate::introspection::Outcome as TokenOutcome;
use crate::jose::{Hash, NativeVerifier};
use crate::provider::key_cache::Outcome as KeyOutcome;
use crate::provider::{CasMismatch, Fetch, FetchId, Fetched, SharedData};
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
    /// What the log was last told of the keys of each issuer, in the engine's order.
    told: Vec<Option<KeyOutcome>>,
    /// And of groups.
    told_of_groups: Option<GroupsOutcome>,
    /// And of tokens of each provider that is asked about them.
    told_of_tokens: Vec<Option<TokenOutcome>>,
    /// Which engines that count limits it was told are left alone, in the engine's order.
    told_of_engines: Vec<bool>,
}

impl Worker {
    pub(super) fn new(root: u32, engine: Engine, verifier: HostVerifier) -> Self {
        Self {
            engine,
            host: EnvoyHost { verifier },
            metrics: Metrics::default(),
            root,
            waiting: BTreeMap::new(),
            let_on: BTreeSet::new(),
            gone_on: BTreeMap::new(),
            tick_at: None,
            told: Vec::new(),
            told_of_groups: None,
            told_of_tokens: Vec::new(),
            told_of_engines: Vec::new(),
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
        if let Some(afterwards) = self.gone_on.remove(&context) {
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
        self.tell(now);
        self.report(now);
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

    /// Says once what became of a fetch: an operator whose requests get 503 has no other way to learn why.
    fn tell(&mut self, now: UnixTime) {
        for (index, (name, health)) in self.engine.key_health(now).enumerate() {
            if self.told.len() <= index {
                self.told.push(None);
            }
            let Some(told) = self.told.get_mut(index) else { continue };
            if *told == health.last_outcome {
                continue;
            }
            match &health.last_outcome {
                // Whoever fetched them has said so.
                None | Some(KeyOutcome::Adopted) => {}
                Some(outcome @ KeyOutcome::Fetched) => {
                    let (keys, skipped) = (health.keys, health.skipped);
                    log::info!("{name}: {outcome}: {keys} usable, {skipped} left out");
                }
                Some(outcome) => {
                    log::warn!("{name}: no new keys ({}): {outcome}", outcome.reason());
                }
            }
            *told = health.last_outcome;
        }
        let outcome = self.engine.groups_health().and_then(|health| health.last_outcome);
        if outcome != self.told_of_groups {
            match outcome {
                None => {}
                Some(outcome @ GroupsOutcome::Resolved) => log::info!("groups: {outcome}"),
                Some(outcome) => log::warn!("groups: none found ({}): {outcome}", outcome.reason()),
            }
            self.told_of_groups = outcome;
        }
        let outcomes = self.engine.introspection_health().map(|(name, health)| (name, health.last_outcome));
        let outcomes: Vec<_> = outcomes.collect();
        self.told_of_tokens.resize(outcomes.len(), None);
        for (told, (name, outcome)) in self.told_of_tokens.iter_mut().zip(outcomes) {
            match outcome.filter(|_| *told != outcome) {
                None => {}
                Some(outcome @ TokenOutcome::Answered) => log::info!("{name}: {outcome}"),
                Some(outcome) => log::warn!("{name}: a token is not known ({}): {outcome}", outcome.reason()),
            }
            *told = outcome;
        }
        self.tell_of_engines();
    }

    /// Says once that an engine does not count limits any more, and once that it does again.
    fn tell_of_engines(&mut self) {
        for (index, health) in self.engine.global_limits_health().enumerate() {
            if self.told_of_engines.len() <= index {
                self.told_of_engines.push(false);
            }
            let Some(told) = self.told_of_engines.get_mut(index).filter(|told| **told != health.rests) else {
                continue;
            };
            *told = health.rests;
            let cluster = health.cluster;
            match health.last_outcome {
                Some(Err(failure)) => {
                    log::warn!("limits: nobody counts at cluster `{cluster}` ({}): {failure}", failure.reason());
                }
                _ => log::info!("limits: cluster `{cluster}` counts again"),
            }
        }
        for (cluster, limit) in self.engine.unlimited_elsewhere() {
            log::warn!(
                "limits: `{limit}` is without a limit for some: cluster `{cluster}` has none for their descriptor, or does not tell"
            );
        }
    }

    fn report(&mut self, now: UnixTime) {
        for (name, health) in self.engine.key_health(now) {
            if let Some(age) = health.age {
                self.metrics.set(&format!("portcullis.keys.{name}.age_seconds"), age.as_secs());
            }
            self.metrics.set(&format!("portcullis.keys.{name}.count"), u64::try_from(health.keys).unwrap_or(u64::MAX));
            self.metrics.set(&format!("portcullis.keys.{name}.failures"), health.failures.into());
        }
        if let Some(health) = self.engine.api_keys_health(now) {
            // Sums, not one for each key: there may be thousands, and the host keeps each gauge for good.
            let wide = |count| u64::try_from(count).unwrap_or(u64::MAX);
            self.metrics.set("portcullis.api_keys.count", wide(health.keys));
            self.metrics.set("portcullis.api_keys.expiring", wide(health.expiring));
            self.metrics.set("portcullis.api_keys.expired", wide(health.expired));
            if let Some(left) = health.next_expiry {
                self.metrics.set("portcullis.api_keys.next_expiry_seconds", left.as_secs());
            }
        }
        let (tokens, bytes) = self.engine.remembered_tokens();
        self.metrics.share("portcullis.token_cache.entries", u64::try_from(tokens).unwrap_or(u64::MAX));
        self.metrics.share("portcullis.token_cache.bytes", u64::try_from(bytes).unwrap_or(u64::MAX));
        if let Some(health) = self.engine.groups_health() {
            let wide = |count| u64::try_from(count).unwrap_or(u64::MAX);
            self.metrics.share("portcullis.groups.callers", wide(health.callers));
            self.metrics.share("portcullis.groups.bytes", wide(health.bytes));
            self.metrics.share("portcullis.groups.pending", wide(health.pending));
            self.metrics.share("portcullis.groups.failures", health.failures.into());
        }
        for (name, health) in self.engine.introspection_health() {
            let wide = |count| u64::try_from(count).unwrap_or(u64::MAX);
            self.metrics.share(&format!("portcullis.introspection.{name}.tokens"), wide(health.tokens));
            self.metrics.share(&format!("portcullis.introspection.{name}.bytes"), wide(health.bytes));
            self.metrics.share(&format!("portcullis.introspection.{name}.pending"), wide(health.pending));
            self.metrics.share(&format!("portcullis.introspection.{name}.failures"), health.failures.into());
        }
        let (forgotten, crowded) = self.engine.limits_wanting();
        self.metrics.share("portcullis.limits.forgotten", forgotten);
        self.metrics.share("portcullis.limits.crowded", crowded);
        for health in self.engine.global_limits_health() {
            let name = |what: &str| format!("portcullis.rate_limit_engine.{}.{what}", metric_part(health.cluster));
            self.metrics.share(&name("waiting"), u64::try_from(health.waiting).unwrap_or(u64::MAX));
            self.metrics.share(&name("failures"), health.failures.into());
        }
        self.metrics.share("portcullis.waiting_aside", u64::from(self.engine.aside()));
        self.metrics.share("portcullis.waiting_requests", u64::from(self.engine.waiting()));
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

/// A cluster may have any name, and a metric's parts have dots between them.
fn metric_part(name: &str) -> String {
    let plain = |letter: char| if letter.is_ascii_alphanumeric() || letter == '-' { letter } else { '_' };
    name.chars().map(plain).collect()
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

/// The wall clock. A host without one gives the epoch, at which every token is too early: closed, not open.
pub(super) fn now() -> UnixTime {
    UnixTime::from_millis(abi::now_nanos().unwrap_or(0) / 1_000_000)
}

/// Envoy's services, as the engine asks for them.
struct EnvoyHost {
    verifier: HostVerifier,
}

impl SharedData for EnvoyHost {
    fn get(&mut self, key: &str) -> Option<(Vec<u8>, u32)> {
        abi::shared_data(key).ok()
    }

    fn set(&mut self, key: &str, value: &[u8], cas: u32) -> Result<(), CasMismatch> {
        match abi::set_shared_data(key, value, cas) {
            Err(status) if status == Status::CAS_MISMATCH => Err(CasMismatch),
            // Without shared data each worker fetches for itself: more fetches, the same decisions.
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

impl Entropy for EnvoyHost {
    fn fill(&mut self, bytes: &mut [u8]) -> bool {
        // WASI's `random_get`, which Envoy answers from BoringSSL's generator.
        getrandom::fill(bytes).is_ok()
    }
}

impl Properties for EnvoyHost {
    fn property(&mut self, path: &str) -> Option<Vec<u8>> {
        abi::property(path).ok()
    }
}

impl NativeVerifier for EnvoyHost {
    fn verify(&mut self, hash: Hash, spki: &[u8], signature: &[u8], text: &[u8]) -> Option<bool> {
        self.verifier.verify(hash, spki, signature, text)
    }
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
