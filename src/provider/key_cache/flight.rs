//! One fetch of keys by this worker, from its first callout to its last answer.

use std::time::Duration;

use crate::jose::jwks::KeySet;
use crate::time::UnixTime;

use super::super::discovery;
use super::super::fetch::{self, Accepted, Fetch, FetchId, Fetched};
use super::super::url::Url;
use super::health::Outcome;
use super::shared::SharedData;
use super::{KeyCache, KeySource};

/// A fetch under way.
#[derive(Debug)]
pub(super) struct Flight {
    /// The lease it flies under.
    pub(super) lease: u64,
    /// Of the callout that is out now.
    pub(super) id: FetchId,
    /// What the answer to it will be.
    pub(super) step: Step,
    /// When the answer is not waited for any longer, whatever the host does.
    pub(super) deadline: UnixTime,
    /// The callout, until it is handed out.
    pub(super) unsent: Option<Fetch>,
}

/// What a callout asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Document,
    Keys,
}

impl KeyCache {
    /// How a callout ended. Poll afterwards: discovery needs a second one.
    ///
    /// An answer whose `id` is not that of the callout that is out, or that comes after its deadline, changes nothing.
    pub fn handle_response(&mut self, now: UnixTime, shared: &mut dyn SharedData, id: FetchId, fetched: Fetched) {
        self.steady(now);
        let Some(flight) = self.flight.as_ref().filter(|flight| flight.id == id) else { return };
        let (step, lease) = (flight.step, flight.lease);
        if now >= flight.deadline {
            return self.fail(now, shared, Outcome::TimedOut);
        }
        let accepted = match fetch::accept(fetched, self.settings.max_bytes) {
            Ok(accepted) => accepted,
            Err(flaw) => return self.fail(now, shared, Outcome::Fetch(flaw)),
        };
        match step {
            Step::Document => self.follow(now, shared, lease, &accepted.body),
            Step::Keys => self.take(now, shared, lease, accepted),
        }
    }

    /// The first callout of a fetch under this lease.
    pub(super) fn first_step(&mut self, now: UnixTime, lease: u64) -> Option<Fetch> {
        let (step, address, cluster) = match &self.source {
            KeySource::Discovery { address, cluster, .. } => (Step::Document, address.clone(), cluster.clone()),
            KeySource::Jwks { address, cluster } => (Step::Keys, address.clone(), cluster.clone()),
            KeySource::Fixed(_) => return None,
        };
        self.set_out(now, lease, step, &address, &cluster);
        self.flight.as_mut().and_then(|flight| flight.unsent.take())
    }

    /// How long one callout is waited for: the host gives up first, if it gives up at all.
    pub(super) fn patience(&self) -> Duration {
        self.settings.timeout.saturating_add(GRACE)
    }

    /// From the discovery document on to the keys.
    fn follow(&mut self, now: UnixTime, shared: &mut dyn SharedData, lease: u64, document: &[u8]) {
        let KeySource::Discovery { address, issuer, cluster, jwks_cluster } = &self.source else { return };
        match discovery::jwks_uri(document, address, issuer, jwks_cluster.is_some()) {
            Ok(keys) => {
                let cluster = jwks_cluster.as_ref().unwrap_or(cluster).clone();
                self.set_out(now, lease, Step::Keys, &keys, &cluster);
            }
            Err(flaw) => self.fail(now, shared, Outcome::Discovery(flaw)),
        }
    }

    /// The end of a fetch: keys, or not.
    fn take(&mut self, now: UnixTime, shared: &mut dyn SharedData, lease: u64, accepted: Accepted) {
        let fresh_for = self.settings.fresh_for(accepted.fresh_for);
        match KeySet::parse(&accepted.body, &self.settings.key_set_limits()) {
            Ok(set) => self.land(now, shared, lease, set, accepted.body, fresh_for),
            Err(flaw) => self.fail(now, shared, Outcome::Keys(flaw)),
        }
    }

    fn set_out(&mut self, now: UnixTime, lease: u64, step: Step, address: &Url, cluster: &str) {
        let id = self.last_fetch.next();
        self.last_fetch = id;
        let fetch = Fetch::new(id, cluster, address, self.settings.timeout, self.settings.max_bytes);
        let deadline = now.plus(self.patience());
        self.flight = Some(Flight { lease, id, step, deadline, unsent: Some(fetch) });
    }
}

/// A host's timer may be late by a tick; a second more does not matter to a request that waits five.
const GRACE: Duration = Duration::from_secs(1);
