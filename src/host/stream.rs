//! One request, as Envoy calls for it.

use std::cell::RefCell;
use std::rc::Rc;

use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;

use super::abi::{self, MapType};
use super::worker::{Outcome, Worker, fail_closed};
use crate::http::pairs;

/// One HTTP stream.
pub(super) struct Stream {
    context: u32,
    /// `None` when the root has no configuration: nothing passes then.
    worker: Option<Rc<RefCell<Worker>>>,
    begun: bool,
}

impl Stream {
    pub(super) fn new(context: u32, worker: Option<Rc<RefCell<Worker>>>) -> Self {
        Self { context, worker, begun: false }
    }

    fn walk(&self) -> Option<Outcome> {
        let pairs = pairs::decode(&abi::header_map(MapType::Request).ok()?).ok()?;
        let mut worker = self.worker.as_ref()?.try_borrow_mut().ok()?;
        Some(worker.begin(self.context, pairs))
    }
}

impl Context for Stream {}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        // A host that calls twice must not get a second walk, or a second answer, for one request.
        if std::mem::replace(&mut self.begun, true) {
            return Action::Pause;
        }
        match self.walk() {
            Some(Outcome::GoesOn) => Action::Continue,
            Some(Outcome::Waits | Outcome::Answered) => Action::Pause,
            None => {
                fail_closed();
                Action::Pause
            }
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if let Some(mut worker) = self.worker.as_ref().and_then(|worker| worker.try_borrow_mut().ok()) {
            worker.forget(self.context);
        }
    }
}
