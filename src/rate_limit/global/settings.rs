//! How a limit is counted elsewhere.

use std::rc::Rc;
use std::time::Duration;

/// How a limit is counted elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GlobalLimit {
    /// The engine's place among those of the configuration.
    pub engine: usize,
    /// The engine's namespace.
    pub domain: Rc<str>,
    /// The first entries of the descriptor, which are the same for every request.
    pub entries: Vec<(String, String)>,
    /// How long a request waits for the engine.
    pub timeout: Duration,
    /// What becomes of a request that the engine gave no answer for.
    pub on_failure: OnFailure,
    /// That nothing is left is remembered here.
    pub remembers: bool,
}

/// What becomes of a request that the engine gave no answer for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// It goes on.
    Allow,
    /// It is answered 503.
    Deny,
    /// It is counted here, by the limit's own amounts.
    Local,
}
