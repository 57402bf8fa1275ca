//! What the host knows: the world that several workers share, and the contexts of one of them.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use wasmtime::{Memory, TypedFunc};

use crate::abi::Pairs;
use crate::wasi::{HasWasi, Wasi};

/// What all workers of one proxy share: time, shared data and metrics. Clones are the same world.
#[derive(Clone, Default)]
pub struct World(pub(crate) Rc<RefCell<Shared>>);

/// The inside of a [`World`].
#[derive(Default)]
pub(crate) struct Shared {
    pub(crate) now: Duration,
    /// By key, the value and its version.
    pub(crate) data: BTreeMap<Vec<u8>, (Vec<u8>, u32)>,
    pub(crate) compares_with_nothing: bool,
    /// By id, which is the index.
    pub(crate) metrics: Vec<Metric>,
}

/// A counter, gauge or histogram.
pub(crate) struct Metric {
    pub(crate) kind: u32,
    pub(crate) name: String,
    pub(crate) value: i64,
}

impl World {
    /// A world at this moment since 1970.
    #[must_use]
    pub fn at(now: Duration) -> Self {
        let world = Self::default();
        world.0.borrow_mut().now = now;
        world
    }

    /// The time, since 1970.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.0.borrow().now
    }

    /// Sets the clock, backwards too. No timer fires by it; see [`crate::StrictHost::advance`].
    pub fn set_time(&self, now: Duration) {
        self.0.borrow_mut().now = now;
    }

    /// From now on a version is compared even with an entry that does not exist. Hosts differ here.
    pub fn compare_with_nothing(&self) {
        self.0.borrow_mut().compares_with_nothing = true;
    }

    /// The keys of the shared data.
    #[must_use]
    pub fn shared_keys(&self) -> Vec<String> {
        self.0.borrow().data.keys().map(|key| String::from_utf8_lossy(key).into_owned()).collect()
    }

    /// Writes shared data, as another plugin of the same `vm_id` might.
    pub fn write_shared(&self, key: &str, value: &[u8]) {
        let mut shared = self.0.borrow_mut();
        let version = shared.data.get(key.as_bytes()).map_or(0, |(_, version)| *version);
        shared.data.insert(key.as_bytes().to_vec(), (value.to_vec(), version + 1));
    }

    /// The sum of the metrics of this name; `None` if it was never defined.
    #[must_use]
    pub fn metric(&self, name: &str) -> Option<i64> {
        let shared = self.0.borrow();
        let mut named = shared.metrics.iter().filter(|metric| metric.name == name).peekable();
        named.peek()?;
        Some(named.map(|metric| metric.value).sum())
    }

    /// The names of all metrics.
    #[must_use]
    pub fn metrics(&self) -> BTreeSet<String> {
        self.0.borrow().metrics.iter().map(|metric| metric.name.clone()).collect()
    }
}

/// What a callback is, and with it what may be read and done in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Callback {
    /// None runs.
    Idle,
    VmStart,
    Configure,
    CallResponse,
    GrpcReceive,
    RequestHeaders(u32),
    RequestBody(u32),
    RequestTrailers(u32),
    ResponseHeaders(u32),
    /// Another one, of this context.
    Other,
}

/// One context.
pub(crate) enum Context {
    Root(Root),
    Stream(Box<Stream>),
}

/// A plugin in this worker.
#[derive(Default)]
pub(crate) struct Root {
    pub(crate) configuration: Vec<u8>,
    pub(crate) tick_period: Option<Duration>,
    pub(crate) next_tick: Duration,
    /// The names of the metrics defined since it was configured.
    pub(crate) metrics: BTreeSet<String>,
}

/// An HTTP stream.
#[derive(Default)]
pub(crate) struct Stream {
    /// The root that it belongs to.
    pub(crate) root: u32,
    pub(crate) headers: Pairs,
    pub(crate) trailers: Pairs,
    /// The head of the response.
    pub(crate) response: Pairs,
    /// Given in place of the serialised headers, to see what becomes of a host that errs.
    pub(crate) raw_headers: Option<Vec<u8>>,
    pub(crate) progress: Progress,
    pub(crate) answer: Option<Answer>,
    pub(crate) properties: BTreeMap<String, Vec<u8>>,
    /// What the host knows of the connection, by path with dots.
    pub(crate) connection: BTreeMap<String, Vec<u8>>,
}

/// How far a request has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Progress {
    /// Its head has not been shown to the module.
    #[default]
    New,
    /// The module stopped it, and has not answered it.
    Waiting,
    /// The upstream has it.
    Forwarded,
    /// The module answered it.
    Answered,
    /// It is over.
    Done,
}

/// What the module answers a request with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u32,
    /// The headers.
    pub headers: Pairs,
    /// The body.
    pub body: Vec<u8>,
    /// `%RESPONSE_CODE_DETAILS%`.
    pub details: String,
    /// -1 for none.
    pub grpc_status: i32,
}

impl Answer {
    /// The first header of this name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }
}

/// The first header of this name, where it is text.
pub(crate) fn header<'a>(headers: &'a Pairs, name: &str) -> Option<&'a str> {
    let (_, value) = headers.iter().find(|(other, _)| other == name.as_bytes())?;
    std::str::from_utf8(value).ok()
}

/// A call that the module makes to another server.
#[derive(Clone, Debug)]
pub struct Callout {
    /// Its number.
    pub token: u32,
    /// The context that made it.
    pub context: u32,
    /// The cluster that it goes to.
    pub cluster: String,
    /// Pseudo headers among them.
    pub headers: Pairs,
    /// How long it may take.
    pub timeout: Duration,
}

impl Callout {
    /// `:authority` and `:path` together.
    #[must_use]
    pub fn address(&self) -> String {
        let part = |name| header(&self.headers, name).unwrap_or_default();
        format!("{}{}", part(":authority"), part(":path"))
    }
}

/// A unary gRPC call that the module makes.
#[derive(Clone, Debug)]
pub struct GrpcCall {
    /// Its number. HTTP calls have numbers of their own, which may be the same.
    pub token: u32,
    /// The context that made it.
    pub context: u32,
    /// Envoy's serialised `GrpcService`.
    pub target: Vec<u8>,
    /// Service and method, as in a path: `/SERVICE/METHOD`.
    pub path: String,
    /// The message.
    pub message: Vec<u8>,
    /// How long it may take.
    pub timeout: Duration,
}

/// What came back of a callout, while the module is told.
#[derive(Default)]
pub(crate) struct CallResponse {
    pub(crate) headers: Option<Pairs>,
    /// Or the message of a gRPC call.
    pub(crate) body: Option<Vec<u8>>,
}

/// A status in place of an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault {
    pub(crate) status: u32,
    /// How many calls go well before.
    pub(crate) after: u64,
    /// How many fail.
    pub(crate) times: u64,
}

/// A function that a host may offer beyond the ABI: what it answers to these bytes, or a status.
pub(crate) type Foreign = Box<dyn FnMut(&[u8]) -> Result<Vec<u8>, u32>>;

/// One worker's VM, as the host functions see it.
pub(crate) struct Vm {
    pub(crate) world: World,
    pub(crate) guest: Option<(Memory, TypedFunc<u32, u32>)>,
    pub(crate) contexts: BTreeMap<u32, Context>,
    pub(crate) effective: u32,
    pub(crate) callback: Callback,
    pub(crate) callouts: Vec<Callout>,
    pub(crate) last_token: u32,
    pub(crate) grpc_calls: Vec<GrpcCall>,
    pub(crate) last_grpc_token: u32,
    /// The clusters that exist; any, if this is `None`.
    pub(crate) clusters: Option<BTreeSet<String>>,
    pub(crate) response: CallResponse,
    pub(crate) faults: BTreeMap<String, Fault>,
    pub(crate) foreign: BTreeMap<String, Foreign>,
    /// How often each host function was called.
    pub(crate) calls: BTreeMap<&'static str, u64>,
    pub(crate) log: Vec<(u32, String)>,
    pub(crate) violations: Vec<String>,
    pub(crate) wasi: Wasi,
}

impl Vm {
    pub(crate) fn new(world: World) -> Self {
        Self {
            world,
            guest: None,
            contexts: BTreeMap::new(),
            effective: 0,
            callback: Callback::Idle,
            callouts: Vec::new(),
            last_token: 0,
            grpc_calls: Vec::new(),
            last_grpc_token: 0,
            clusters: None,
            response: CallResponse::default(),
            faults: BTreeMap::new(),
            foreign: BTreeMap::new(),
            calls: BTreeMap::new(),
            log: Vec::new(),
            violations: Vec::new(),
            wasi: Wasi::default(),
        }
    }

    pub(crate) fn stream(&mut self, context: u32) -> Option<&mut Stream> {
        match self.contexts.get_mut(&context)? {
            Context::Stream(stream) => Some(stream),
            Context::Root(_) => None,
        }
    }

    pub(crate) fn root(&mut self, context: u32) -> Option<&mut Root> {
        match self.contexts.get_mut(&context)? {
            Context::Root(root) => Some(root),
            Context::Stream(_) => None,
        }
    }
}

impl HasWasi for Vm {
    fn wasi(&mut self) -> &mut Wasi {
        &mut self.wasi
    }
}
