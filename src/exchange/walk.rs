//! A request on its way, and all that the steps of its way use.

use std::cell::Cell;
use std::net::IpAddr;

use super::Denial;
use super::identified::Identified;
use super::stop::{Stop, Wanted};
use super::trace::Trace;
use crate::access::risk::Score;
use crate::access::{Circumstances, Connection, Known};
use crate::config::Config;
use crate::engine::{Engine, Host};
use crate::http::RequestHead;
use crate::policy::{Facts, RouteMatch, Rule};
use crate::time::UnixTime;

/// A request on its way.
pub(super) struct Walk<'a> {
    pub(super) config: &'a Config,
    pub(super) head: &'a RequestHead,
    pub(super) engine: &'a mut Engine,
    pub(super) host: &'a mut dyn Host,
    pub(super) now: UnixTime,
    pub(super) trace: &'a mut Trace,
    /// What the connection has been asked for.
    pub(super) known: Known,
}

impl Walk<'_> {
    /// The client's connection, as the configuration says where its address and its certificate are.
    pub(super) fn connection(&mut self) -> Connection<'_> {
        self.apart().0
    }

    /// The connection, and what else is changed while it is asked.
    pub(super) fn apart(&mut self) -> (Connection<'_>, &mut Engine, &mut Trace) {
        let connection = Connection::new(self.host, &self.known)
            .addressed_by(self.config.client_address, self.head)
            .certified_by(&self.config.client_certificates, self.head);
        (connection, self.engine, self.trace)
    }

    /// The client's address.
    pub(super) fn address(&mut self) -> Option<IpAddr> {
        self.connection().address()
    }

    /// Stops for what may be on its way, if the request can wait any longer.
    pub(super) fn wait(&self, wanted: Wanted) -> Stop {
        self.trace.out_of_patience.clone().map_or(Stop::Wait(wanted), Stop::Denied)
    }

    /// What it would stop for, were it enforced; the first counts.
    pub(super) fn report(&mut self, denial: Denial) {
        self.trace.unenforced.get_or_insert(denial);
    }

    /// Asks `question` of all that a requirement may hang on.
    pub(super) fn consider<T>(
        &mut self,
        route: &RouteMatch<'_, Rule>,
        caller: &Identified,
        risk: Score,
        question: impl FnOnce(Facts<'_>, &mut Engine, &mut Trace) -> T,
    ) -> T {
        let (head, now, token) = (self.head, self.now, caller.identity.token());
        let (connection, engine, trace) = self.apart();
        let facts = Facts {
            identity: &caller.identity,
            binding: caller.binding,
            parameters: &route.parameters().collect::<Vec<_>>(),
            groups: None,
            groups_missed: Cell::default(),
            circumstances: Circumstances { head, token, connection: &connection, risk, now },
        };
        question(facts, engine, trace)
    }
}
