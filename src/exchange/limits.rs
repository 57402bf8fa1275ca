//! Limits along the walk: what a request is counted in, and when.

use super::request::{Stop, Trace};
use crate::access::risk::Score;
use crate::config::Config;
use crate::engine::{Engine, Host};
use crate::http::RequestHead;
use crate::identity::Identity;
use crate::policy::Rule;
use crate::time::UnixTime;

/// Before it is known who is calling.
///
/// # Errors
///
/// A limit by the address or by the request is exceeded.
pub(super) fn arrive(
    _config: &Config,
    _rule: &Rule,
    _head: &RequestHead,
    _engine: &mut Engine,
    _host: &mut dyn Host,
    _now: UnixTime,
    _trace: &mut Trace,
) -> Result<(), Stop> {
    Ok(())
}

/// With leave to go on.
///
/// # Errors
///
/// A limit is exceeded, or the answer of the one who counts is waited for.
#[expect(clippy::too_many_arguments, reason = "what a limit may hang on, each of it once")]
pub(super) fn admit(
    _config: &Config,
    _rule: &Rule,
    _head: &RequestHead,
    _identity: &Identity,
    _risk: Score,
    _engine: &mut Engine,
    _host: &mut dyn Host,
    _now: UnixTime,
    _trace: &mut Trace,
) -> Result<(), Stop> {
    Ok(())
}

/// The request does not go on: what it holds is free again.
pub(super) fn release(
    _trace_done: &mut super::request::Done,
    _engine: &mut Engine,
    _host: &mut dyn Host,
    _now: UnixTime,
) {
}
