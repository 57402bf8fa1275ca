//! The engine in its offline world, asked one request after the other.

use std::sync::Arc;

use portcullis::config::{Config, Problems};
use portcullis::engine::Engine;
use portcullis::exchange::rehearsal::{Rehearsal, rehearse};
use portcullis::exchange::{Reply, Step};
use portcullis::time::UnixTime;
use serde_json::Value;

use super::ScenarioRequest;
use super::verdict::Outcome;
use crate::world::host::MemoryHost;
use crate::world::{Environment, World};

/// An engine with its world.
#[derive(Debug)]
pub struct Gate {
    engine: Engine,
    host: MemoryHost,
    world: Arc<World>,
}

impl Gate {
    /// For this configuration, with keys of its own making.
    ///
    /// # Errors
    /// Every fault of the configuration.
    pub fn open(config: &Value, environment: Environment<'_>) -> Result<Self, Problems> {
        let (config, world) = World::open(config, environment)?;
        Ok(Self::new(config, world))
    }

    /// An engine for this configuration in this world.
    #[must_use]
    pub fn new(config: Config, world: World) -> Self {
        Self::shared(config, Arc::new(world))
    }

    /// The same in a world that somebody else is in too.
    #[must_use]
    pub fn shared(config: Config, world: Arc<World>) -> Self {
        Self { engine: Engine::new(config, 1), host: MemoryHost::default(), world }
    }

    /// Its issuers.
    #[must_use]
    pub fn world(&self) -> &World {
        &self.world
    }

    /// What the host knows.
    pub fn host(&mut self) -> &mut MemoryHost {
        &mut self.host
    }

    /// Its engine.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Walks a request with these headers, pseudo headers among them.
    pub fn walk(&mut self, headers: Vec<(Vec<u8>, Vec<u8>)>, now: UnixTime) -> Rehearsal {
        let Self { engine, host, world } = self;
        world.serve(engine, host, now);
        rehearse(headers, engine, host, now, &mut |engine, host, now| world.serve(engine, host, now))
    }

    /// Asks what comes of `request` at `now`.
    ///
    /// # Errors
    /// A request that can't be made.
    pub fn ask(&mut self, request: &ScenarioRequest, now: UnixTime) -> Result<Outcome, String> {
        self.host.connect(Some(request.from));
        for (path, value) in &request.connection {
            self.host.set(path, value);
        }
        let headers = request.wire_headers(&self.world, now)?;
        let pairs = head(&request.method, &request.host, &request.path, &headers);
        let mut rehearsal = self.walk(pairs.clone(), now);
        // The upstream answers 200, and with that it is over.
        let mut answer = Vec::new();
        if let Step::Continue(passage, _) = &mut rehearsal.step {
            let mut afterwards = std::mem::take(&mut passage.afterwards);
            answer = afterwards.respond(Some(200), &mut self.engine, now);
            afterwards.end(&mut self.engine, &mut self.host);
        }
        let mut outcome = outcome(&pairs, rehearsal.step);
        outcome.answer.extend(answer.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)));
        Ok(outcome)
    }
}

/// Header pairs of a request, pseudo headers first.
#[must_use]
pub fn head(method: &str, host: &str, path: &str, headers: &[(String, String)]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let pseudo = [(":authority", host), (":path", path), (":method", method), (":scheme", "https")];
    let pseudo = pseudo.map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()));
    let others =
        headers.iter().map(|(name, value)| (name.to_ascii_lowercase().into_bytes(), value.clone().into_bytes()));
    pseudo.into_iter().chain(others).collect()
}

/// What came of a walk.
#[must_use]
pub fn outcome(pairs: &[(Vec<u8>, Vec<u8>)], step: Step) -> Outcome {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match step {
        Step::Continue(passage, record) => Outcome {
            status: 200,
            reason: record.reason.to_owned(),
            rule: record.rule.map(|(_, name)| name.to_string()),
            unenforced: record.unenforced.map(str::to_owned),
            upstream: passage
                .mutations
                .applied(pairs)
                .iter()
                .map(|(name, value)| (text(name).to_ascii_lowercase(), text(value)))
                .collect(),
            answer: Vec::new(),
        },
        Step::Reply(Reply { status, headers, .. }, record) => Outcome {
            status,
            reason: record.reason.to_owned(),
            rule: record.rule.map(|(_, name)| name.to_string()),
            unenforced: record.unenforced.map(str::to_owned),
            upstream: Vec::new(),
            answer: headers.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect(),
        },
        Step::Wait(..) => Outcome {
            status: 503,
            reason: "waited_too_long".to_owned(),
            rule: None,
            unenforced: None,
            upstream: Vec::new(),
            answer: Vec::new(),
        },
    }
}
