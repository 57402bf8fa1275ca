//! The walk: what happens to a request's head, in order. Each step hands its value to the next; the rules are elsewhere.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use super::afterwards::Afterwards;
use super::authenticate::{Identified, authenticate, spend};
use super::reply::document;
use super::{Denial, Passage, Reply, guard, limits};
use crate::access::client_certificate::HEADER as CERTIFICATE_HEADER;
use crate::access::risk::Score;
use crate::access::{Circumstances, Connection};
use crate::binding::Binding;
use crate::binding::replay::{Replays, Use};
use crate::config::Config;
use crate::credential::Scheme;
use crate::engine::{Engine, Host};
use crate::forward::ForwardedIdentity;
use crate::groups::{GroupList, GroupsLookup, Member};
use crate::http::RequestHead;
use crate::http::name::{Twin, twin_key};
use crate::identity::Identity;
use crate::introspection::TokenDigest;
use crate::jose::Algorithm;
use crate::policy::{self, Credentials, Facts, Permit, RouteMatch, Rule, Ruling};
use crate::provider::{IssuerRef, KeyLookup};
use crate::rate_limit::Counted;
use crate::rate_limit::global::Ticket;
use crate::time::UnixTime;

/// Why the walk stops.
#[derive(Debug)]
pub(super) enum Stop {
    /// The request is turned away.
    Denied(Denial),
    /// What the request needs may be on its way.
    Wait(Wanted),
    /// The filter itself has what it asks for.
    Served(Reply),
}

impl From<Denial> for Stop {
    fn from(denial: Denial) -> Self {
        Self::Denied(denial)
    }
}

/// What a waiting request needs.
#[derive(Debug)]
pub(super) enum Wanted {
    /// This key.
    Key { issuer: IssuerRef, kid: Option<String>, alg: Algorithm },
    /// What this token is, by the word of this provider's authorization server.
    Introspection { provider: usize, digest: TokenDigest },
    /// The groups of this caller.
    Groups(Member),
    /// Time, until then: it is slowed down by so much.
    Delay(UnixTime, Duration),
    /// What the engines say that count limits, of these places, until then at most.
    Limits(Vec<(usize, Ticket)>, UnixTime),
}

impl Wanted {
    /// Would the request have to wait, still?
    pub(super) fn is_out(&self, engine: &mut Engine, now: UnixTime) -> bool {
        match self {
            Self::Key { issuer, kid, alg } => matches!(engine.key(*issuer, kid.as_deref(), *alg, now), KeyLookup::Wait),
            Self::Introspection { provider, digest } => engine.is_introspecting(*provider, digest),
            Self::Delay(until, _) => now < *until,
            Self::Groups(member) => matches!(engine.groups(member, now), GroupsLookup::Wait),
            Self::Limits(tickets, _) => tickets.iter().any(|(place, ticket)| {
                let asker = engine.asker(*place);
                asker.is_some_and(|asker| asker.is_out(now, *ticket))
            }),
        }
    }
}

/// What a request has done already, and must not do again when it walks again after it waited.
#[derive(Debug, Default)]
pub(super) struct Done {
    /// It was made to wait for its risk.
    pub(super) slowed: bool,
    /// The proof that came with it was accepted.
    pub(super) proven: Option<Proven>,
    /// Where that proof is to be written down as used, when nothing else stops the request.
    pub(super) unspent: Option<(Replays, Use)>,
    /// The limits that it was counted in.
    pub(super) counted: Counted,
    /// Those that it was counted in elsewhere.
    pub(super) asked: limits::Asked,
}

/// A proof of possession that was accepted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Proven {
    /// The thumbprint of the key that it proves.
    pub(super) key: [u8; 32],
    /// The client is to be told a newer nonce.
    pub(super) renew_nonce: bool,
}

/// What the walk has learned so far, for the record and for the answer.
#[derive(Debug, Default)]
pub(super) struct Trace {
    pub(super) rule: Option<(usize, Rc<str>)>,
    pub(super) provider: Option<usize>,
    /// How the token was sent.
    pub(super) scheme: Option<Scheme>,
    /// As the token names it, while its bearer is not known.
    pub(super) kid: Option<String>,
    pub(super) identity: Option<Identity>,
    /// What would have stopped the request, were it enforced.
    pub(super) unenforced: Option<Denial>,
    /// The policy that decided, or would have.
    pub(super) policy: Option<Rc<str>>,
    pub(super) remembered: bool,
    /// What is known of the risk.
    pub(super) risk: Option<u8>,
    /// What it has done in this walk and in those before.
    pub(super) done: Done,
    /// Header fields for the response, whatever it is.
    pub(super) response: Vec<(&'static str, String)>,
    /// Why it can't wait (any longer). What is only reported then fails so, and does not stop it.
    pub(super) out_of_patience: Option<Denial>,
    /// The rule is only reported.
    pub(super) report_only: bool,
    /// What the rule takes.
    pub(super) accepts: Credentials,
    /// The client's, where the record holds what the decision was made of.
    pub(super) address: Option<std::net::IpAddr>,
    /// Who looks on, in a rehearsal.
    pub(super) watch: Watch,
}

/// Somebody who looks on when a rule is put to the facts, and changes nothing. Nobody, in the filter.
#[derive(Default)]
pub(super) struct Watch(pub(super) Option<Box<See>>);

/// What somebody does who looks on.
type See = dyn Fn(&Rule, &Facts<'_>);

impl Watch {
    fn see(&self, rule: &Rule, facts: &Facts<'_>) {
        if let Some(see) = &self.0 {
            see(rule, facts);
        }
    }
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Watch").field(&self.0.is_some()).finish()
    }
}

/// Walks `head` from route to passage.
pub(super) fn walk(
    head: &RequestHead,
    engine: &mut Engine,
    host: &mut dyn Host,
    now: UnixTime,
    trace: &mut Trace,
) -> Result<Passage, Stop> {
    let config = engine.config_handle();
    config.forwarding.check(head).map_err(Denial::Forward)?;
    if let Some(metadata) = config.resource_metadata(head) {
        return Err(Stop::Served(document(metadata)));
    }
    if let Some(rule) = config.preflight(head) {
        trace.rule = Some((rule.index, Rc::clone(&rule.name)));
        match limits::arrive(&config, rule, head, engine, host, now, trace) {
            Err(Stop::Denied(denial)) if rule.report_only || config.report_only => {
                trace.unenforced.get_or_insert(denial);
            }
            arrived => arrived?,
        }
        return pass(&config, head, &policy::admit_preflight(rule), host, now, trace);
    }
    let permit = match decide(&config, head, engine, host, now, trace) {
        Err(Stop::Denied(denial)) if config.report_only => {
            trace.unenforced.get_or_insert(denial);
            policy::admit_unenforced(trace.identity.clone().unwrap_or(Identity::Anonymous))
        }
        permit => permit?,
    };
    pass(&config, head, &permit, host, now, trace)
}

/// From the route to the leave to go on.
fn decide(
    config: &Config,
    head: &RequestHead,
    engine: &mut Engine,
    host: &mut dyn Host,
    now: UnixTime,
    trace: &mut Trace,
) -> Result<Permit, Stop> {
    let route = config.route(head).ok_or(Denial::NoRule)?;
    let rule = route.value();
    trace.rule = Some((rule.index, Rc::clone(&rule.name)));
    trace.report_only = rule.report_only;
    trace.accepts = rule.accepts;
    match limits::arrive(config, rule, head, engine, host, now, trace) {
        Err(Stop::Denied(denial)) if rule.report_only => _ = trace.unenforced.get_or_insert(denial),
        arrived => arrived?,
    }
    let Identified { identity, binding } = match authenticate(config, rule, head, engine, host, now, trace) {
        Err(Stop::Denied(denial)) => {
            limits::failed(config, rule, head, &denial, engine, host, now, trace);
            if !rule.report_only {
                return Err(guard::unverified(config, head, denial, engine, host, now).into());
            }
            trace.unenforced.get_or_insert(denial);
            Identified::nobody()
        }
        identified => identified?,
    };
    trace.identity = Some(identity.clone());
    let met = match guard::meet(config, rule, head, &identity, engine, host, now) {
        Err(denial) if rule.report_only => {
            trace.unenforced.get_or_insert(denial);
            None
        }
        met => met?,
    };
    trace.risk = met.as_ref().map(|met| met.score.at_least());
    let risk = met.as_ref().map_or(Score::UNKNOWN, |met| met.score);
    let mut ended = judge(config, &route, head, &identity, binding, risk, engine, host, now, trace);
    if let (Ok(_), Some(delay)) = (&ended, guard::delay(config, rule, met.as_ref(), trace.done.slowed)) {
        ended = Err(Stop::Wait(Wanted::Delay(now.plus(delay), delay)));
    }
    if ended.is_ok() {
        match limits::admit(config, &route, head, &identity, binding, risk, engine, host, now, trace) {
            Err(Stop::Denied(denial)) if rule.report_only => _ = trace.unenforced.get_or_insert(denial),
            Err(stop) => ended = Err(stop),
            Ok(()) => {}
        }
    }
    if ended.is_ok() {
        match spend(engine, host, now, trace) {
            Err(denial) if rule.report_only => _ = trace.unenforced.get_or_insert(denial),
            Err(denial) => ended = Err(denial.into()),
            Ok(()) => {}
        }
    }
    guard::part(met, &ended, engine, host, now);
    ended
}

/// May this caller do this, under these circumstances.
#[expect(clippy::too_many_arguments, reason = "what a decision hangs on, each of it once")]
fn judge(
    config: &Config,
    route: &RouteMatch<'_, Rule>,
    head: &RequestHead,
    identity: &Identity,
    binding: Binding,
    risk: Score,
    engine: &mut Engine,
    host: &mut dyn Host,
    now: UnixTime,
    trace: &mut Trace,
) -> Result<Permit, Stop> {
    let rule = route.value();
    let parameters: Vec<_> = route.parameters().collect();
    let connection =
        Connection::new(host).addressed_by(config.client_address, head).certified_by(&config.client_certificates, head);
    let circumstances = Circumstances { head, token: identity.token(), connection: &connection, risk, now };
    let groups_missed = Cell::default();
    let mut facts = Facts { identity, parameters: &parameters, binding, groups: None, groups_missed, circumstances };
    let mut ruling = policy::decide(rule, &facts);
    let groups = match (find_groups(&facts, &ruling, engine, now), &trace.out_of_patience) {
        (Err(Stop::Wait(_)), Some(denial)) => return Err(denial.clone().into()),
        (groups, _) => groups?,
    };
    if groups.is_some() {
        facts.groups = groups.as_deref();
        ruling = policy::decide(rule, &facts);
    }
    trace.watch.see(rule, &facts);
    trace.policy = ruling.policy;
    if let Some(refusal) = ruling.unenforced {
        trace.unenforced.get_or_insert(refusal.into());
    }
    ruling.decided.map_err(|refusal| Denial::from(refusal).into())
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

/// With leave to go on: what changes on the way, and what later filters and the access log may read.
fn pass(
    config: &Config,
    head: &RequestHead,
    permit: &Permit,
    host: &mut dyn Host,
    now: UnixTime,
    trace: &mut Trace,
) -> Result<Passage, Stop> {
    let identity = permit.identity();
    let identity = (!identity.is_anonymous()).then(|| ForwardedIdentity {
        claims: identity.claims(),
        payload: identity.token().and_then(|token| Some(token.signed()?.payload_base64url())),
        identity_provider: match identity.token() {
            Some(token) => config.identity_provider(token.issuer()),
            None => identity.credential().unwrap_or_default(),
        },
    });
    let mut mutations = config.forwarding.apply(head, &config.emptied, identity.as_ref()).map_err(Denial::Forward)?;
    if config.client_certificates.distrusts(&Connection::new(host)) {
        let key = twin_key(CERTIFICATE_HEADER.as_bytes());
        let forged = head.headers().names().filter(|name| Twin::of(name).has_key(&key));
        mutations.remove_all(forged).map_err(|flaw| Denial::Forward(flaw.into()))?;
    }
    let state = identity.map(|identity| config.forwarding.state(&identity)).unwrap_or_default();
    let state = state.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    limits::tell(config, trace, false);
    let afterwards = Afterwards::new(std::mem::take(&mut trace.response), trace.done.counted.take(now));
    Ok(Passage { mutations, state, afterwards })
}
