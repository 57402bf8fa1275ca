//! What is left to do for a request that went on: its response comes, and it is over.

use crate::engine::{Engine, Host};
use crate::rate_limit::Admission;
use crate::time::UnixTime;

/// What is left to do for a request that went on.
#[derive(Debug, Default)]
pub struct Afterwards {
    response: Vec<(&'static str, String)>,
    admission: Option<Admission>,
}

impl Afterwards {
    pub(super) fn new(response: Vec<(&'static str, String)>, admission: Option<Admission>) -> Self {
        Self { response, admission }
    }

    /// Is there nothing?
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.response.is_empty() && self.admission.is_none()
    }

    /// Header fields that the response will get.
    #[must_use]
    pub fn fields(&self) -> &[(&'static str, String)] {
        &self.response
    }

    /// Does a limit learn from the response?
    #[must_use]
    pub fn learns(&self) -> bool {
        self.admission.as_ref().is_some_and(Admission::learns)
    }

    /// The head of the response comes, with this status if it can be read. Header fields to set on it. Limits that adapt to the
    /// upstream learn from the first one.
    pub fn respond(&mut self, status: Option<u16>, engine: &mut Engine, now: UnixTime) -> Vec<(&'static str, String)> {
        if let Some(admission) = &mut self.admission {
            let (limits, began) = admission.take_upstreams();
            for limit in limits {
                engine.limiter().note(&limit, status, now.since(began));
            }
        }
        std::mem::take(&mut self.response)
    }

    /// The request is over and no response has come, if limits still wait to learn from one.
    pub fn miss_response(&mut self, engine: &mut Engine, now: UnixTime) {
        if let Some(admission) = &mut self.admission {
            let (limits, began) = admission.take_upstreams();
            for limit in limits {
                engine.limiter().note_silence(&limit, now.since(began));
            }
        }
    }

    /// The request is over, with or without a response: what it held is free again.
    pub fn end(self, engine: &mut Engine, host: &mut dyn Host) {
        for held in self.admission.map(Admission::held).unwrap_or_default() {
            engine.limiter().release(host, held);
        }
    }
}
