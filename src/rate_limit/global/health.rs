//! What gauges and records say about an engine.

use super::answer::Failure;

/// An engine at one moment, as one worker sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GlobalHealth<'a> {
    /// The Envoy cluster.
    pub cluster: &'a str,
    /// Requests that wait for it.
    pub waiting: usize,
    /// Keys of which is remembered that nothing is left.
    pub spent: usize,
    /// Failures since the last answer.
    pub failures: u32,
    /// It is left alone for a while.
    pub rests: bool,
    /// How the last call ended; `None` if none did.
    pub last_outcome: Option<Result<(), Failure>>,
}
