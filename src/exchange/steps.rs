//! The steps of a walk: what happens to a request's head, in order. Each hands its value to the next; the rules are elsewhere.

use std::rc::Rc;

use super::afterwards::Afterwards;
use super::authenticate::{authenticate, spend};
use super::identified::Identified;
use super::reply::document;
use super::stop::{Stop, Wanted};
use super::trace::Trace;
use super::walk::Walk;
use super::{Denial, Passage, guard, limits};
use crate::access::Known;
use crate::access::client_certificate::HEADER as CERTIFICATE_HEADER;
use crate::access::risk::Score;
use crate::api_key::text::without_keys;
use crate::engine::{Engine, Host};
use crate::forward::ForwardedIdentity;
use crate::groups::{GroupList, GroupsLookup};
use crate::http::RequestHead;
use crate::identity::Identity;
use crate::policy::{self, Facts, Permit, RouteMatch, Rule, Ruling};
use crate::time::UnixTime;

/// Walks `head` from route to passage.
pub(super) fn walk(
    head: &RequestHead,
    engine: &mut Engine,
    host: &mut dyn Host,
    now: UnixTime,
    trace: &mut Trace,
) -> Result<Passage, Stop> {
    let config = &*engine.config_handle();
    let mut walk = Walk { config, head, engine, host, now, trace, known: Known::default() };
    let walked = walk.steps();
    if config.audit_inputs.is_some() {
        walk.trace.address = walk.address();
    }
    walked
}

impl Walk<'_> {
    fn steps(&mut self) -> Result<Passage, Stop> {
        self.config.forwarding.check(self.head).map_err(Denial::Forward)?;
        if let Some(metadata) = self.config.resource_metadata(self.head) {
            return Err(Stop::Served(document(metadata)));
        }
        if let Some(rule) = self.config.preflight(self.head) {
            self.trace.rule = Some((rule.index, Rc::clone(&rule.name)));
            match limits::arrive_in_advance(self, rule) {
                Err(Stop::Denied(denial)) if rule.report_only || self.config.report_only => self.report(denial),
                arrived => arrived?,
            }
            return self.pass(&policy::admit_preflight(rule));
        }
        let permit = match self.decide() {
            Err(Stop::Denied(denial)) if self.config.report_only => {
                self.report(denial);
                policy::admit_unenforced(self.trace.identity.clone().unwrap_or(Identity::Anonymous))
            }
            permit => permit?,
        };
        self.pass(&permit)
    }

    /// From the route to the leave to go on.
    fn decide(&mut self) -> Result<Permit, Stop> {
        let route = self.config.route(self.head).ok_or(Denial::NoRule)?;
        let rule = route.value();
        self.trace.rule = Some((rule.index, Rc::clone(&rule.name)));
        self.trace.report_only = rule.report_only;
        self.trace.accepts = rule.accepts;
        match limits::arrive(self, rule) {
            Err(Stop::Denied(denial)) if rule.report_only => self.report(denial),
            arrived => arrived?,
        }
        let caller = match authenticate(self, rule) {
            Err(Stop::Denied(denial)) => {
                limits::failed(self, rule, &denial);
                if !rule.report_only {
                    return Err(guard::unverified(self, denial).into());
                }
                self.report(denial);
                Identified::nobody()
            }
            identified => identified?,
        };
        self.trace.identity = Some(caller.identity.clone());
        let met = match guard::meet(self, rule, &caller.identity) {
            Err(denial) if rule.report_only => {
                self.report(denial);
                None
            }
            met => met?,
        };
        self.trace.risk = met.as_ref().map(|met| met.score.at_least());
        let risk = met.as_ref().map_or(Score::UNKNOWN, |met| met.score);
        let mut ended = self.judge(&route, &caller, risk);
        if let (Ok(_), Some(delay)) = (&ended, guard::delay(self, rule, met.as_ref())) {
            ended = Err(Stop::Wait(Wanted::Delay(self.now.plus(delay), delay)));
        }
        if ended.is_ok() {
            match limits::admit(self, &route, &caller, risk) {
                Err(Stop::Denied(denial)) if rule.report_only => self.report(denial),
                Err(stop) => ended = Err(stop),
                Ok(()) => {}
            }
        }
        if ended.is_ok() {
            match spend(self) {
                Err(denial) if rule.report_only => self.report(denial),
                Err(denial) => ended = Err(denial.into()),
                Ok(()) => {}
            }
        }
        guard::part(self, met, &ended);
        ended
    }

    /// May this caller do this, under these circumstances.
    fn judge(&mut self, route: &RouteMatch<'_, Rule>, caller: &Identified, risk: Score) -> Result<Permit, Stop> {
        let (rule, now) = (route.value(), self.now);
        self.consider(route, caller, risk, |mut facts, engine, trace| {
            let mut ruling = policy::decide(rule, &facts);
            let groups = match (find_groups(&facts, &ruling, engine, now), &trace.out_of_patience) {
                (Err(Stop::Wait(_)), Some(denial)) => return Err(denial.clone().into()),
                (groups, _) => groups?,
            };
            if groups.is_some() {
                facts.groups = groups;
                ruling = policy::decide(rule, &facts);
            }
            trace.watch.see(rule, &facts);
            trace.policy = ruling.policy;
            if let Some(refusal) = ruling.unenforced {
                trace.unenforced.get_or_insert(refusal.into());
            }
            ruling.decided.map_err(|refusal| Denial::from(refusal).into())
        })
    }

    /// With leave to go on: what changes on the way, and what later filters and the access log may read.
    fn pass(&mut self, permit: &Permit) -> Result<Passage, Stop> {
        let config = self.config;
        let identity = permit.identity();
        let identity = (!identity.is_anonymous()).then(|| ForwardedIdentity {
            claims: identity.claims(),
            payload: identity.token().and_then(|token| Some(token.signed()?.payload_base64url())),
            identity_provider: match identity.token() {
                Some(token) => config.identity_provider(token.issuer()),
                None => identity.credential().unwrap_or_default(),
            },
        });
        let identity = identity.as_ref();
        let mutations = config.forwarding.apply(self.head, &config.emptied, identity);
        let mut mutations = mutations.map_err(Denial::Forward)?;
        if config.client_certificates.distrusts(&self.connection()) {
            let is_it = |name: &&[u8]| name.eq_ignore_ascii_case(CERTIFICATE_HEADER.as_bytes());
            let forged = self.head.headers().names().filter(is_it);
            mutations.remove_all(forged).map_err(|flaw| Denial::Forward(flaw.into()))?;
        }
        // Where nobody is asked for a credential, or nothing is enforced, a key may have come this far.
        if config.api_keys.is_some()
            && let Some(path) = without_keys(mutations.path().unwrap_or(self.head.path().raw()))
        {
            mutations.set_path(path).map_err(|flaw| Denial::Forward(flaw.into()))?;
        }
        let state = identity.map(|identity| config.forwarding.state(identity)).unwrap_or_default();
        let state = state.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        limits::tell(config, self.trace, false);
        let counted = self.trace.done.counted.take(self.now);
        let afterwards = Afterwards::new(std::mem::take(&mut self.trace.response), counted);
        Ok(Passage { mutations, state, afterwards })
    }
}

/// The caller's groups, if the ruling could be another with them.
fn find_groups(
    facts: &Facts<'_>,
    ruling: &Ruling,
    engine: &mut Engine,
    now: UnixTime,
) -> Result<Option<GroupList>, Stop> {
    let is_settled = !facts.groups_missed.get() || (ruling.decided.is_ok() && ruling.unenforced.is_none());
    let Some(member) = facts.token().filter(|_| !is_settled).and_then(|token| engine.member(token)) else {
        return Ok(None);
    };
    match engine.groups(&member, now) {
        GroupsLookup::Found(groups) => Ok(Some(groups)),
        // What is only reported neither waits nor fails.
        _ if ruling.decided.is_ok() => Ok(None),
        GroupsLookup::Wait => Err(Stop::Wait(Wanted::Groups(member))),
        GroupsLookup::Unavailable { retry_after } => Err(Denial::GroupsUnavailable(retry_after).into()),
        GroupsLookup::Unresolvable => Ok(None),
    }
}
