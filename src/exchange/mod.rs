//! One request on its way: the walk, what it waits for, and how it ends.
//!
//! An [`Exchange`] exists from the request's head to its answer. Each step either ends it or gives it back to wait for
//! keys, groups or what its token is; a request that waited runs the whole walk again, never a shortened one, so nothing that changed meanwhile is
//! missed. The types see to it that an exchange ends exactly once: ending consumes it.

mod afterwards;
mod asked;
mod authenticate;
mod denial;
mod guard;
mod identified;
mod limits;
pub mod rehearsal;
mod reply;
mod steps;
mod stop;
#[cfg(test)]
mod tests;
mod trace;
mod walk;

use std::time::Duration;

pub use afterwards::Afterwards;
pub use denial::Denial;
pub use reply::{Asker, Reply};

use crate::audit::{AuditEvent, Decision, bounded};
use crate::credential::Scheme;
use crate::engine::{Engine, Host};
use crate::entra::Caller;
use crate::http::{HeaderMap, HeaderValue, Mutations, RequestHead};
use crate::identity::Identity;
use crate::policy::Credentials;
use crate::time::UnixTime;
use crate::token::VerifiedToken;
use steps::walk;
use stop::{Stop, Wanted};
use trace::{Done, Trace};

/// A request that has not been answered yet.
#[derive(Debug)]
pub struct Exchange {
    head: RequestHead,
    began: UnixTime,
    /// What it waits for; it then has a place among those who wait.
    wanted: Option<Wanted>,
    /// What it has done already, and does not do again.
    done: Done,
}

/// What to do next.
#[derive(Debug)]
pub enum Step {
    /// Let the request on, changed so.
    Continue(Passage, Record),
    /// Keep it, and [resume](Exchange::resume) it when what it waits for may have come, at the latest at this moment.
    Wait(Exchange, UnixTime),
    /// Answer it.
    Reply(Reply, Record),
}

/// How a request goes on.
#[derive(Debug)]
pub struct Passage {
    /// Header changes.
    pub mutations: Mutations,
    /// Filter state to set, by name.
    pub state: Vec<(String, HeaderValue)>,
    /// What is left to do when its response comes, and when it is over.
    pub afterwards: Afterwards,
}

/// How it went, for the counters and the log.
#[derive(Debug, PartialEq, Eq)]
pub struct Record {
    /// Index and name of the rule that spoke for the request.
    pub rule: Option<(usize, std::rc::Rc<str>)>,
    /// The fine reason.
    pub reason: &'static str,
    /// What would have stopped the request, were everything enforced.
    pub unenforced: Option<&'static str>,
    /// The limits that it was counted in, or would have been, and what came of it: `admitted`, `limited`, `unenforced`.
    pub limits: Vec<(std::rc::Rc<str>, &'static str)>,
    /// The line for the log, if the configuration wants one.
    pub event: Option<AuditEvent>,
}

impl Exchange {
    /// Begins with the request's headers, pseudo headers among them, as they came.
    pub fn begin(headers: impl Into<HeaderMap>, engine: &mut Engine, host: &mut dyn Host, now: UnixTime) -> Step {
        match RequestHead::read_or_return(headers.into(), engine.config().paths) {
            Ok(head) => Self { head, began: now, wanted: None, done: Done::default() }.step(engine, host, now),
            Err((flaw, headers)) => refuse(&Denial::Request(flaw), &headers, engine, now),
        }
    }

    /// Takes up a request that waited: it walks again from the start, unless what it needs is still on the way.
    pub fn resume(mut self, engine: &mut Engine, host: &mut dyn Host, now: UnixTime) -> Step {
        // A clock that stepped back must not make it wait for longer than it may.
        self.began = self.began.min(now);
        if let Some(Wanted::Delay(until, delay)) = &mut self.wanted {
            *until = (*until).min(now.plus(*delay));
        }
        let until = self.until(self.wanted.as_ref(), engine);
        match &self.wanted {
            Some(wanted) if now < until && wanted.is_out(engine, now) => Step::Wait(self, until),
            _ => self.step(engine, host, now),
        }
    }

    /// Another engine takes over: it holds no place there yet, and walks from the start when it is resumed.
    #[must_use]
    pub fn anew(mut self, former: &mut Engine) -> Self {
        self.leave(former);
        self.done.asked.forget(former);
        self
    }

    /// The request is gone while it waited: its place is free again, and what it held.
    pub fn abandon(mut self, engine: &mut Engine, host: &mut dyn Host) {
        self.leave(engine);
        limits::release(&mut self.done, engine, host);
    }

    fn step(self, engine: &mut Engine, host: &mut dyn Host, now: UnixTime) -> Step {
        self.traced(engine, host, now, &mut Trace::default())
    }

    /// The same, and what it learned on the way.
    fn traced(mut self, engine: &mut Engine, host: &mut dyn Host, now: UnixTime, trace: &mut Trace) -> Step {
        trace.done = std::mem::take(&mut self.done);
        let mut walked = walk(&self.head, engine, host, now, trace);
        if let Err(Stop::Wait(wanted)) = walked {
            walked = match self.wait(engine, wanted, now) {
                Ok(until) => {
                    self.done = std::mem::take(&mut trace.done);
                    self.done.slowed |= matches!(self.wanted, Some(Wanted::Delay(..)));
                    return Step::Wait(self, until);
                }
                // What is only reported stops nobody, so it is walked to its end without what did not come.
                Err(denial) if engine.config().report_only || trace.report_only => {
                    trace.out_of_patience = Some(denial);
                    walk(&self.head, engine, host, now, trace)
                }
                Err(denial) => Err(Stop::Denied(denial)),
            };
        }
        let stop = match walked {
            Ok(passage) => {
                self.leave(engine);
                let reason = if trace.unenforced.is_some() { "report_only" } else { "allowed" };
                let record = self.record(engine, trace, Decision::Allow, reason, None, None, now);
                return Step::Continue(passage, record);
            }
            Err(stop) => stop,
        };
        let denial = match stop {
            // It was told not to.
            Stop::Wait(_) => Denial::WaitedTooLong,
            Stop::Served(reply) => {
                self.leave(engine);
                limits::release(&mut trace.done, engine, host);
                let record =
                    self.record(engine, trace, Decision::Allow, "resource_metadata", None, Some(reply.status), now);
                return Step::Reply(reply, record);
            }
            Stop::Denied(denial) => denial,
        };
        self.leave(engine);
        limits::release(&mut trace.done, engine, host);
        let asker = Asker {
            request_id: request_id(self.head.headers()),
            grpc: self.head.is_grpc(),
            accepts: trace.accepts,
            without_token: matches!(trace.identity, Some(Identity::ApiKey(_) | Identity::Certificate(_))),
            scheme: trace.scheme.unwrap_or(Scheme::Bearer),
        };
        limits::tell(&engine.config_handle(), trace, true);
        let mut reply = reply::deny(&denial, &engine.config().challenge, asker);
        reply.headers.append(&mut trace.response);
        let record =
            self.record(engine, trace, Decision::Deny, denial.reason(), Some(&denial), Some(reply.status), now);
        Step::Reply(reply, record)
    }

    /// Takes or keeps a place among those who wait.
    fn wait(&mut self, engine: &mut Engine, wanted: Wanted, now: UnixTime) -> Result<UnixTime, Denial> {
        let until = self.until(Some(&wanted), engine);
        if now >= until {
            return Err(Denial::WaitedTooLong);
        }
        self.leave(engine);
        match &wanted {
            Wanted::Delay(_, delay) if !engine.enter_side_room() => return Err(Denial::SlowedDown(*delay)),
            Wanted::Groups(_) | Wanted::Introspection { .. } if !engine.enter_side_room() => {
                return Err(Denial::TooManyWaiting);
            }
            Wanted::Key { .. } if !engine.enter_waiting_room() => return Err(Denial::TooManyWaiting),
            Wanted::Key { .. } | Wanted::Groups(_) | Wanted::Introspection { .. } | Wanted::Delay(..) => {}
            // So many wait for an engine at most; it has counted this one.
            Wanted::Limits(..) => {}
        }
        self.wanted = Some(wanted);
        Ok(until)
    }

    /// How long it waits for this at most.
    fn until(&self, wanted: Option<&Wanted>, engine: &Engine) -> UnixTime {
        match wanted {
            Some(Wanted::Delay(until, _) | Wanted::Limits(_, until)) => *until,
            _ => self.began.plus(engine.config().limits.wait),
        }
    }

    fn leave(&mut self, engine: &mut Engine) {
        match self.wanted.take() {
            Some(Wanted::Delay(..) | Wanted::Groups(_) | Wanted::Introspection { .. }) => engine.leave_side_room(),
            Some(Wanted::Key { .. }) => engine.leave_waiting_room(),
            Some(Wanted::Limits(..)) | None => {}
        }
    }

    #[expect(clippy::too_many_arguments, reason = "what a record tells, each of it once")]
    fn record(
        &self,
        engine: &Engine,
        trace: &Trace,
        decision: Decision,
        reason: &'static str,
        denial: Option<&Denial>,
        status: Option<u16>,
        now: UnixTime,
    ) -> Record {
        let event = engine.config().audit.writes(decision).then(|| {
            let owned = |text: Option<&str>| text.map(|text| bounded(text, LONGEST_CLAIM));
            let identity = trace.identity.as_ref().unwrap_or(&Identity::Anonymous);
            let waited = now.since(self.began);
            AuditEvent {
                decision,
                reason,
                unenforced: trace.unenforced.as_ref().map(Denial::reason),
                status,
                rule: trace.rule.as_ref().map(|(_, name)| name.to_string()),
                policy: trace.policy.as_deref().map(str::to_owned),
                limit: denial.or(trace.unenforced.as_ref()).and_then(Denial::limit).map(str::to_owned),
                method: self.head.method().to_owned(),
                host: bounded(self.head.host(), LONGEST_CLAIM),
                path: bounded(self.head.path().path(), LONGEST_PATH),
                provider: trace.provider.map(|provider| engine.config().provider_name(provider).to_owned()),
                subject: owned(identity.subject()),
                credential: identity.credential(),
                caller: identity.entra().map(Caller::name),
                client: owned(identity.client()),
                tenant: owned(identity.tenant()),
                token_id: owned(identity.token_id()),
                kid: trace.kid.clone().or_else(|| identity.token()?.kid().map(str::to_owned)),
                introspected: identity.token().is_some_and(VerifiedToken::is_introspected),
                remembered: trace.remembered,
                risk: trace.risk,
                waited_ms: (waited > Duration::ZERO).then(|| u64::try_from(waited.as_millis()).unwrap_or(u64::MAX)),
                request_id: request_id(self.head.headers()).map(str::to_owned),
                time_ms: now.as_millis(),
                inputs: engine.config().audit_inputs.as_ref().map(|inputs| inputs.of(identity, trace.address)),
            }
        });
        let unenforced = trace.unenforced.as_ref().map(Denial::reason);
        let limits = trace.done.counted.outcomes();
        Record { rule: trace.rule.clone(), reason, unenforced, limits, event }
    }
}

/// Answers a request that can't be read. Nothing in it is trusted but the way its caller wants to be spoken to.
fn refuse(denial: &Denial, headers: &HeaderMap, engine: &Engine, now: UnixTime) -> Step {
    let request_id = request_id(headers);
    let asker = Asker {
        request_id,
        grpc: headers.is_grpc(),
        accepts: Credentials::default(),
        without_token: false,
        scheme: Scheme::Bearer,
    };
    let reply = reply::deny(denial, &engine.config().challenge, asker);
    let event = engine.config().audit.writes(Decision::Deny).then(|| AuditEvent {
        reason: denial.reason(),
        status: Some(reply.status),
        request_id: request_id.map(str::to_owned),
        time_ms: now.as_millis(),
        ..AuditEvent::default()
    });
    Step::Reply(reply, Record { rule: None, reason: denial.reason(), unenforced: None, limits: Vec::new(), event })
}

/// The request's id, where it looks like one: a client may have written it.
fn request_id(headers: &HeaderMap) -> Option<&str> {
    let id = std::str::from_utf8(headers.request_id()?).ok()?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    ((1..=128).contains(&id.len()) && id.bytes().all(plain)).then_some(id)
}

/// Claims in a record are cut here: an issuer may write anything into them.
const LONGEST_CLAIM: usize = 256;

/// Paths in a record are cut here.
const LONGEST_PATH: usize = 1024;
