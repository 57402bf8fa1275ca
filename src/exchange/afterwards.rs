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

    /// The head of the response comes, with this status if it can be read. Header fields to set on it.
    pub fn respond(
        &mut self,
        _status: Option<u16>,
        _engine: &mut Engine,
        _host: &mut dyn Host,
        _now: UnixTime,
    ) -> Vec<(&'static str, String)> {
        std::mem::take(&mut self.response)
    }

    /// The request is over, with or without a response.
    pub fn end(self, _engine: &mut Engine, _host: &mut dyn Host, _now: UnixTime) {}
}
