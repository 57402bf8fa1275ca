//! The root context: configuration, the timer, callouts.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use super::abi::{self, BufferType, MapType};
use super::foreign::HostVerifier;
use super::grpc;
use super::services::now;
use super::worker::Worker;
use crate::engine::{Engine, Purpose};
use crate::http::{Pair, pairs};
use crate::provider::{Fetch, FetchId, Fetched};

/// One plugin instance in one worker.
pub(super) struct Root {
    context: u32,
    worker: Option<Rc<RefCell<Worker>>>,
    callouts: HashMap<Token, Callout>,
}

/// By what a host names a callout that is out; HTTP and gRPC calls are numbered apart.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Token {
    Http(u32),
    Grpc(u32),
}

struct Callout {
    purpose: Purpose,
    id: FetchId,
    max_bytes: usize,
}

impl Root {
    pub(super) fn new(context: u32) -> Self {
        Self { context, worker: None, callouts: HashMap::new() }
    }

    /// What it shares with its streams; `None` while it has no configuration.
    pub(super) fn worker(&self) -> Option<Rc<RefCell<Worker>>> {
        self.worker.clone()
    }

    /// Reads the configuration. `false` refuses it.
    pub(super) fn configure(&mut self) -> bool {
        let text = match abi::buffer(BufferType::PluginConfiguration, LARGEST_CONFIGURATION) {
            Ok(Some(text)) => text,
            Ok(None) => {
                log::error!("the configuration is larger than 16 MiB");
                return false;
            }
            Err(_) => Vec::new(),
        };
        if text.is_empty() {
            log::error!("no configuration; give the filter JSON in the plugin's `configuration`");
            return false;
        }
        let began = now();
        match Engine::load(&text, &|name| std::env::var(name).ok(), seed()) {
            Ok(engine) => {
                let verifier = HostVerifier::probe();
                log::info!("{} rules loaded in {} ms", engine.config().rules(), now().since(began).as_millis());
                let ended = engine.config().ended(began);
                for warning in engine.config().warnings(verifier.is_present()).into_iter().chain(ended) {
                    log::warn!("{warning}");
                }
                self.install(Worker::new(self.context, engine, verifier))
            }
            Err(problems) => {
                for problem in problems.iter() {
                    log::error!("configuration: {problem}");
                }
                false
            }
        }
    }

    /// The timer fired.
    pub(super) fn tick(&mut self) {
        self.turn(|_| {});
    }

    /// A callout came back, or failed.
    pub(super) fn call_response(&mut self, token: u32) {
        self.answered(Token::Http(token), response);
    }

    /// A gRPC call is answered with a message, which is the end of a unary call.
    pub(super) fn grpc_message(&mut self, token: u32) {
        self.answered(Token::Grpc(token), grpc::message);
    }

    /// A gRPC call ended without a message. A host may say this of a call that was answered, too.
    pub(super) fn grpc_closed(&mut self, token: u32, status: u32) {
        self.answered(Token::Grpc(token), |_| grpc::closed(status));
    }

    fn answered(&mut self, token: Token, read: impl FnOnce(usize) -> Fetched) {
        let Some(callout) = self.callouts.remove(&token) else { return };
        let fetched = read(callout.max_bytes);
        self.turn(|worker| worker.handle_response(callout.purpose, callout.id, fetched));
    }

    /// Puts `worker` to work. A host may configure a root again while requests wait; nobody else would wake them.
    fn install(&mut self, mut worker: Worker) -> bool {
        // What was asked for on behalf of the former engine is no answer to this one.
        self.callouts.clear();
        match &self.worker {
            Some(shared) => {
                let Ok(mut former) = shared.try_borrow_mut() else { return false };
                worker.succeed(&mut former);
                worker.schedule();
                // Streams hold on to the same place, so it stays and its content changes.
                *former = worker;
            }
            None => {
                worker.schedule();
                self.worker = Some(Rc::new(RefCell::new(worker)));
            }
        }
        true
    }

    /// Takes what happened, starts what is due, lets those who wait walk again, and sets the timer.
    fn turn(&mut self, happened: impl FnOnce(&mut Worker)) {
        let Some(shared) = self.worker.clone() else { return };
        let Ok(mut worker) = shared.try_borrow_mut() else { return };
        happened(&mut worker);
        for (purpose, fetch) in worker.poll() {
            match dispatch(&fetch) {
                Some(token) => {
                    self.callouts.insert(token, Callout { purpose, id: fetch.id, max_bytes: fetch.max_bytes });
                }
                None => {
                    let cluster = &fetch.cluster;
                    log::warn!("Envoy can't call cluster `{cluster}`; does it exist, and has it an endpoint?");
                    worker.handle_response(purpose, fetch.id, Fetched::Failed);
                }
            }
        }
        worker.schedule();
        worker.wake();
    }
}

fn dispatch(fetch: &Fetch) -> Option<Token> {
    if fetch.grpc {
        return grpc::call(fetch).map(Token::Grpc);
    }
    let mut headers = vec![
        (":method", if fetch.post.is_some() { "POST" } else { "GET" }),
        (":scheme", fetch.scheme.name()),
        (":authority", fetch.authority.as_str()),
        (":path", fetch.path.as_str()),
        ("accept", "application/json"),
        ("user-agent", concat!("portcullis/", env!("CARGO_PKG_VERSION"))),
    ];
    let mut body: &[u8] = &[];
    if let Some(post) = &fetch.post {
        headers.push(("content-type", post.content_type));
        headers.extend(post.authorization.as_deref().map(|credential| ("authorization", credential)));
        body = &post.body;
    }
    let headers: Vec<Pair> = headers.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
    abi::http_call(&fetch.cluster, &pairs::encode(&headers).ok()?, body, fetch.timeout).ok().map(Token::Http)
}

/// What came back. No headers at all is Envoy's way to say that the call failed.
fn response(max_bytes: usize) -> Fetched {
    let Some(headers) = abi::header_map(MapType::CallResponse).ok().and_then(|map| pairs::decode(map).ok()) else {
        return Fetched::Failed;
    };
    let status = headers.only(":status").ok().flatten();
    let status = status.and_then(|value| std::str::from_utf8(value).ok()?.parse().ok());
    let headers = headers.to_pairs();
    match (status, abi::buffer(BufferType::CallResponseBody, max_bytes)) {
        (Some(status), Ok(Some(body))) => Fetched::Response { status, headers, body },
        // No body at all is NotFound to the host; more than asked for is not worth reading.
        (Some(status), Err(_)) => Fetched::Response { status, headers, body: Vec::new() },
        _ => Fetched::Failed,
    }
}

/// Spreads the timers of workers, and names this one to the others; it need not be secret.
fn seed() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    // The standard hasher draws its keys from WASI's `random_get`.
    let mut hasher = std::collections::hash_map::RandomState::new().build_hasher();
    hasher.write_u64(now().as_millis());
    hasher.finish()
}

/// Ten thousand rules take about 2 MiB.
const LARGEST_CONFIGURATION: usize = 16 << 20;
