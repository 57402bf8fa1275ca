//! One worker: an instance of the module, and the callbacks that a proxy makes.

use std::time::Duration;

use wasmtime::{Instance, Store, WasmParams, WasmResults};

use crate::abi::Pairs;
use crate::filter::Filter;
use crate::state::{CallResponse, Callback, Callout, Context, GrpcCall, Progress, Root, Stream, Vm, World};

mod observe;

/// One worker with the filter in it.
pub struct StrictHost {
    store: Store<Vm>,
    instance: Instance,
    last_context: u32,
    roots: Vec<u32>,
    fuel: u64,
    callback_fuel: u64,
}

impl StrictHost {
    /// A new worker of `world`: an instance, initialised, without a root context.
    #[must_use]
    pub fn new(filter: &Filter, world: &World) -> Self {
        let mut store = Store::new(filter.module.module().engine(), Vm::new(world.clone()));
        store.set_fuel(u64::MAX).unwrap_or_else(|error| panic!("{error:?}"));
        let instance = filter.module.instantiate(&mut store).unwrap_or_else(|error| panic!("{error:?}"));
        let memory = instance.get_memory(&mut store, "memory").unwrap_or_else(|| panic!("no memory"));
        let allocate = instance.get_typed_func(&mut store, "proxy_on_memory_allocate");
        let allocate = allocate.unwrap_or_else(|error| panic!("{error:?}"));
        store.data_mut().guest = Some((memory, allocate));
        let mut host = Self { store, instance, last_context: 0, roots: Vec::new(), fuel: 0, callback_fuel: 0 };
        host.call::<(), ()>(Callback::Other, 0, "_initialize", ());
        host
    }

    /// A worker with one root that took this configuration.
    ///
    /// # Panics
    /// When the filter refuses it.
    #[must_use]
    pub fn started(filter: &Filter, world: &World, configuration: &str) -> Self {
        let mut host = Self::new(filter, world);
        assert!(host.add_root(configuration).is_some(), "the filter refuses its configuration: {:#?}", host.log());
        host
    }

    /// Makes a root context, starts and configures it. `None` if the filter refuses.
    pub fn add_root(&mut self, configuration: &str) -> Option<u32> {
        let id = self.new_context(0, Context::Root(Root::default()));
        self.roots.push(id);
        let started: u32 = self.call(Callback::VmStart, id, "proxy_on_vm_start", (id, 0));
        self.truth("proxy_on_vm_start", started);
        self.configure(id, configuration).then_some(id)
    }

    /// Configures a root, for the first time or anew.
    pub fn configure(&mut self, root: u32, configuration: &str) -> bool {
        let context = self.vm().root(root).unwrap_or_else(|| panic!("{root} is no root"));
        context.configuration = configuration.as_bytes().to_vec();
        context.metrics.clear();
        let size = number(configuration.len());
        let taken: u32 = self.call(Callback::Configure, root, "proxy_on_configure", (root, size));
        self.truth("proxy_on_configure", taken)
    }

    /// The first root.
    #[must_use]
    pub fn root(&self) -> u32 {
        *self.roots.first().unwrap_or_else(|| panic!("the worker has no root"))
    }

    fn new_context(&mut self, parent: u32, context: Context) -> u32 {
        self.last_context += 1;
        let id = self.last_context;
        self.vm().contexts.insert(id, context);
        self.call::<_, ()>(Callback::Other, id, "proxy_on_context_create", (id, parent));
        id
    }

    /// Makes a stream of the first root, without a request.
    pub fn open(&mut self) -> u32 {
        let root = self.root();
        self.open_at(root)
    }

    /// Makes a stream of this root.
    pub fn open_at(&mut self, root: u32) -> u32 {
        self.new_context(root, Context::Stream(Box::new(Stream { root, ..Stream::default() })))
    }

    /// A new stream, on which this request comes in, without a body.
    pub fn request(&mut self, headers: &[(&str, &str)]) -> u32 {
        let stream = self.open();
        let pairs = headers.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()));
        self.head(stream, pairs.collect(), true);
        stream
    }

    /// The head of a request comes in on this stream.
    pub fn head(&mut self, stream: u32, headers: Pairs, end: bool) {
        let count = number(headers.len());
        self.stream(stream).headers = headers;
        self.call_head(stream, count, end);
    }

    /// The same, but what the module gets to read is this.
    pub fn raw_head(&mut self, stream: u32, headers: Vec<u8>) {
        self.stream(stream).raw_headers = Some(headers);
        self.call_head(stream, 1, true);
    }

    fn call_head(&mut self, stream: u32, count: u32, end: bool) {
        let arguments = (stream, count, u32::from(end));
        let action: u32 = self.call(Callback::RequestHeaders(stream), stream, "proxy_on_request_headers", arguments);
        let go_on = self.action("proxy_on_request_headers", action);
        let progress = self.stream(stream).progress;
        self.stream(stream).progress = match (progress, go_on) {
            (Progress::New, true) => Progress::Forwarded,
            (Progress::New, false) => Progress::Waiting,
            (Progress::Answered, true) => panic!("the filter answers the request and lets it on"),
            (Progress::Waiting, true) => panic!("the filter lets a waiting request on when its head comes again"),
            (progress, _) => progress,
        };
    }

    /// A part of the body comes in. May it go on?
    pub fn body(&mut self, stream: u32, size: u32, end: bool) -> bool {
        let arguments = (stream, size, u32::from(end));
        let action: u32 = self.call(Callback::RequestBody(stream), stream, "proxy_on_request_body", arguments);
        self.passed("proxy_on_request_body", stream, action)
    }

    /// The trailers come in. May they go on?
    pub fn trailers(&mut self, stream: u32, trailers: &[(&str, &str)]) -> bool {
        let pairs = trailers.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()));
        self.stream(stream).trailers = pairs.collect();
        let arguments = (stream, number(trailers.len()));
        let action: u32 = self.call(Callback::RequestTrailers(stream), stream, "proxy_on_request_trailers", arguments);
        self.passed("proxy_on_request_trailers", stream, action)
    }

    fn passed(&mut self, name: &str, stream: u32, action: u32) -> bool {
        let go_on = self.action(name, action);
        let progress = self.stream(stream).progress;
        match (progress, go_on) {
            // As Envoy takes it: the head that was stopped goes on too.
            (Progress::Waiting, true) => self.stream(stream).progress = Progress::Forwarded,
            (Progress::Forwarded, true) | (_, false) => {}
            (progress, true) => panic!("{name} goes on with a request that is {progress:?}"),
        }
        go_on
    }

    /// The head of the response comes in: what becomes of it.
    pub fn response(&mut self, stream: u32, headers: &[(&str, &str)]) -> Pairs {
        let pairs = headers.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()));
        self.stream(stream).response = pairs.collect();
        let arguments = (stream, number(headers.len()), 1);
        let callback = Callback::ResponseHeaders(stream);
        let action: u32 = self.call(callback, stream, "proxy_on_response_headers", arguments);
        assert!(self.action("proxy_on_response_headers", action), "a response is never held back");
        std::mem::take(&mut self.stream(stream).response)
    }

    /// The stream ends, in whatever state it is.
    pub fn finish(&mut self, stream: u32) {
        if self.exports("proxy_on_done") {
            let done: u32 = self.call(Callback::Other, stream, "proxy_on_done", stream);
            self.truth("proxy_on_done", done);
        }
        if self.exports("proxy_on_log") {
            self.call::<_, ()>(Callback::Other, stream, "proxy_on_log", stream);
        }
        self.stream(stream).progress = Progress::Done;
        self.call::<_, ()>(Callback::Other, stream, "proxy_on_delete", stream);
        self.vm().contexts.remove(&stream);
    }

    /// The timer of every root fires, whether it is time or not.
    pub fn tick(&mut self) {
        for root in self.roots.clone() {
            self.tick_root(root);
        }
    }

    fn tick_root(&mut self, root: u32) {
        self.call::<_, ()>(Callback::Other, root, "proxy_on_tick", root);
    }

    /// Time passes, and timers fire when they are due.
    pub fn advance(&mut self, span: Duration) {
        self.advance_with(span, |_| {});
    }

    /// Time passes, timers fire when they are due, and after each of them `then` happens.
    pub fn advance_with(&mut self, span: Duration, mut then: impl FnMut(&mut Self)) {
        let end = self.vm().world.now() + span;
        loop {
            let roots = self.roots.clone();
            let due = roots.into_iter().filter_map(|id| {
                let root = self.vm().root(id)?;
                root.tick_period.map(|period| (root.next_tick, period, id))
            });
            let Some((at, period, id)) = due.min().filter(|(at, _, _)| *at <= end) else { break };
            let now = self.vm().world.now().max(at);
            self.vm().world.set_time(now);
            if let Some(root) = self.vm().root(id) {
                root.next_tick = now + period;
            }
            self.tick_root(id);
            then(self);
        }
        self.vm().world.set_time(end);
    }

    /// How long until the next tick of the first root.
    pub fn tick_period(&mut self) -> Option<Duration> {
        let root = self.root();
        self.vm().root(root)?.tick_period
    }

    /// The callouts that wait for an answer.
    #[must_use]
    pub fn callouts(&self) -> Vec<Callout> {
        self.store.data().callouts.clone()
    }

    /// A callout is answered.
    ///
    /// # Panics
    /// When no such callout waits.
    pub fn respond(&mut self, callout: u32, headers: &[(&str, &str)], body: &[u8]) {
        let pairs = headers.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()));
        let body = Some(body.to_vec()).filter(|body| !body.is_empty());
        self.settle(callout, CallResponse { headers: Some(pairs.collect()), body });
    }

    /// A callout fails: no answer, no connection, no time left.
    pub fn fail(&mut self, callout: u32) {
        self.settle(callout, CallResponse::default());
    }

    fn settle(&mut self, token: u32, response: CallResponse) {
        let at = self.vm().callouts.iter().position(|callout| callout.token == token);
        let callout = self.vm().callouts.remove(at.unwrap_or_else(|| panic!("callout {token} does not wait")));
        self.tell(callout.context, token, response);
    }

    /// Answers each callout that waits, and those that follow, with 200 and what `document` gives for its address; those
    /// for which it gives nothing fail.
    pub fn serve(&mut self, mut document: impl FnMut(&str) -> Option<Vec<u8>>) {
        while let Some(callout) = self.callouts().first() {
            match document(&callout.address()) {
                Some(body) => self.respond(callout.token, &[(":status", "200")], &body),
                None => self.fail(callout.token),
            }
        }
    }

    /// The gRPC calls that wait for an answer.
    #[must_use]
    pub fn grpc_calls(&self) -> Vec<GrpcCall> {
        self.store.data().grpc_calls.clone()
    }

    /// A gRPC call is answered with this message.
    ///
    /// # Panics
    /// When no such call waits.
    pub fn grpc_respond(&mut self, token: u32, message: &[u8]) {
        let context = self.grpc_ended(token);
        let body = Some(message.to_vec()).filter(|body| !body.is_empty());
        self.vm().response = CallResponse { headers: None, body };
        let arguments = (context, token, number(message.len()));
        self.call::<(u32, u32, u32), ()>(Callback::GrpcReceive, context, "proxy_on_grpc_receive", arguments);
        self.vm().response = CallResponse::default();
    }

    /// A gRPC call ends with this status, without a message.
    ///
    /// # Panics
    /// When no such call waits.
    pub fn grpc_close(&mut self, token: u32, status: u32) {
        let context = self.grpc_ended(token);
        let arguments = (context, token, status);
        self.call::<(u32, u32, u32), ()>(Callback::Other, context, "proxy_on_grpc_close", arguments);
    }

    fn grpc_ended(&mut self, token: u32) -> u32 {
        let at = self.vm().grpc_calls.iter().position(|call| call.token == token);
        self.vm().grpc_calls.remove(at.unwrap_or_else(|| panic!("gRPC call {token} does not wait"))).context
    }

    /// A root is told of an answer, whether it asked for one or not.
    pub fn unasked_response(&mut self, token: u32, headers: &[(&str, &str)], body: &[u8]) {
        let pairs = headers.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()));
        let root = self.root();
        self.tell(root, token, CallResponse { headers: Some(pairs.collect()), body: Some(body.to_vec()) });
    }

    fn tell(&mut self, context: u32, token: u32, response: CallResponse) {
        let headers = response.headers.as_ref().map_or(0, Vec::len);
        let body = response.body.as_ref().map_or(0, Vec::len);
        self.vm().response = response;
        let arguments = (context, token, number(headers), number(body), 0);
        self.call::<(u32, u32, u32, u32, u32), ()>(
            Callback::CallResponse,
            context,
            "proxy_on_http_call_response",
            arguments,
        );
        self.vm().response = CallResponse::default();
    }

    /// Any callback with any arguments, in any order: what a broken host might do. `Err` is a trap.
    ///
    /// # Errors
    /// What the trap says.
    pub fn broken_call<P: WasmParams, R: WasmResults>(
        &mut self,
        context: u32,
        name: &str,
        arguments: P,
    ) -> Result<R, String> {
        let result = self.run(Callback::Other, context, name, arguments);
        self.vm().violations.clear();
        result
    }

    /// A callback that a module does not export is not made.
    fn exports(&mut self, name: &str) -> bool {
        self.instance.get_func(&mut self.store, name).is_some()
    }

    fn vm(&mut self) -> &mut Vm {
        self.store.data_mut()
    }

    fn stream(&mut self, id: u32) -> &mut Stream {
        self.vm().stream(id).unwrap_or_else(|| panic!("{id} is no stream"))
    }

    fn truth(&self, name: &str, value: u32) -> bool {
        assert!(value <= 1, "{name} returns {value}, which is no truth value");
        value == 1
    }

    /// Does the action let the request on?
    fn action(&self, name: &str, action: u32) -> bool {
        assert!(action <= 1, "{name} returns the action {action}");
        action == 0
    }

    /// A callback, in which nothing may go wrong.
    fn call<P: WasmParams, R: WasmResults>(&mut self, callback: Callback, context: u32, name: &str, arguments: P) -> R {
        let result = self.run(callback, context, name, arguments);
        let violations = std::mem::take(&mut self.vm().violations);
        assert!(violations.is_empty(), "the filter breaks the rules in {name}: {violations:#?}");
        result.unwrap_or_else(|trap| panic!("the filter traps in {name}: {trap}\n{:#?}", self.log()))
    }

    fn run<P: WasmParams, R: WasmResults>(
        &mut self,
        callback: Callback,
        context: u32,
        name: &str,
        arguments: P,
    ) -> Result<R, String> {
        let function = self.instance.get_typed_func::<P, R>(&mut self.store, name);
        let function = function.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        self.vm().callback = callback;
        self.vm().effective = context;
        let full = u64::MAX / 2;
        self.store.set_fuel(full).unwrap_or_else(|error| panic!("{error:?}"));
        let result = function.call(&mut self.store, arguments);
        self.callback_fuel = full - self.store.get_fuel().unwrap_or_else(|error| panic!("{error:?}"));
        self.fuel += self.callback_fuel;
        self.vm().callback = Callback::Idle;
        result.map_err(|error| format!("{error:?}"))
    }
}

fn number(size: usize) -> u32 {
    u32::try_from(size).unwrap_or(u32::MAX)
}
