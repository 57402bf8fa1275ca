//! One request, as Envoy calls for it.

use std::cell::RefCell;
use std::rc::Rc;

use super::abi::{self, MapType};
use super::callbacks::Action;
use super::worker::{Outcome, Worker, fail_closed};
use crate::http::pairs;

/// One HTTP stream.
pub(super) struct Stream {
    context: u32,
    /// `None` when the root has no configuration: nothing passes then.
    worker: Option<Rc<RefCell<Worker>>>,
    gate: Gate,
}

/// May the request, and what follows its head, go on?
#[derive(Clone, Copy, PartialEq, Eq)]
enum Gate {
    /// Its head has not been seen.
    New,
    /// It waits; the worker knows when that is over.
    Waits,
    /// It goes on.
    Open,
    /// It was answered.
    Shut,
}

impl Stream {
    pub(super) fn new(context: u32, worker: Option<Rc<RefCell<Worker>>>) -> Self {
        Self { context, worker, gate: Gate::New }
    }

    /// The head comes in.
    pub(super) fn request_headers(&mut self) -> Action {
        // A host that calls twice must not get a second walk, or a second answer, for one request.
        if self.gate != Gate::New {
            return Action::Pause;
        }
        self.gate = match self.walk() {
            Some(Outcome::GoesOn) => Gate::Open,
            Some(Outcome::Waits) => Gate::Waits,
            Some(Outcome::Answered) => Gate::Shut,
            None => {
                fail_closed();
                Gate::Shut
            }
        };
        if self.gate == Gate::Open { Action::Continue } else { Action::Pause }
    }

    /// A part of the body comes in.
    pub(super) fn request_body(&mut self) -> Action {
        if self.is_open() { Action::Continue } else { Action::Pause }
    }

    /// The trailers come in.
    pub(super) fn request_trailers(&mut self) -> Action {
        if !self.is_open() {
            return Action::Pause;
        }
        match self.clean_trailers() {
            Some(()) => Action::Continue,
            None => {
                self.gate = Gate::Shut;
                fail_closed();
                Action::Pause
            }
        }
    }

    /// The head of the response comes back.
    pub(super) fn response_headers(&self) {
        if let Some(mut worker) = self.worker.as_ref().and_then(|worker| worker.try_borrow_mut().ok()) {
            worker.respond(self.context);
        }
    }

    fn walk(&self) -> Option<Outcome> {
        let headers = pairs::decode(abi::header_map(MapType::Request).ok()?).ok()?;
        let mut worker = self.worker.as_ref()?.try_borrow_mut().ok()?;
        Some(worker.begin(self.context, headers))
    }

    /// Has the request leave to go on?
    ///
    /// Envoy takes a filter that says "continue" to a part of the body for one that lets the whole request on, the head
    /// it stopped included, if the operator set `allow_on_headers_stop_iteration`. So each part is asked about.
    fn is_open(&mut self) -> bool {
        if self.gate == Gate::Waits
            && let Some(worker) = &self.worker
            && let Ok(mut worker) = worker.try_borrow_mut()
            && worker.has_let_on(self.context)
        {
            self.gate = Gate::Open;
        }
        self.gate == Gate::Open
    }

    /// Takes out of the trailers what is not the client's to send.
    fn clean_trailers(&self) -> Option<()> {
        let trailers = pairs::decode(abi::header_map(MapType::RequestTrailers).ok()?).ok()?;
        let worker = self.worker.as_ref()?.try_borrow().ok()?;
        for name in worker.engine.config().trailers_to_remove(&trailers) {
            abi::remove_header(MapType::RequestTrailers, name).ok()?;
        }
        Some(())
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if let Some(mut worker) = self.worker.as_ref().and_then(|worker| worker.try_borrow_mut().ok()) {
            worker.forget(self.context);
        }
    }
}
