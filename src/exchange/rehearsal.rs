//! A request walked as the filter walks it, and the walk told step by step: for tools and people, never for the module.
//!
//! The decision is the walk's own ([`Exchange`]); what stands beside it only says what the walk saw.

use std::cell::RefCell;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use serde::Serialize;

use super::trace::{Done, Trace, Watch};
use super::{Denial, Exchange, Step, refuse};
use crate::access::{Connection, Known};
use crate::config::Config;
use crate::credential::{self, Place};
use crate::engine::{Engine, Host};
use crate::http::{HeaderMap, RequestHead};
use crate::identity::Identity;
use crate::jose::{Header, Unverified};
use crate::policy::conditional_access::{Grant, Policy};
use crate::policy::requirement::Finding;
use crate::policy::{Access, Captured, Credentials, Facts, Requirement, Rule};
use crate::rate_limit::{ExcessKind, Part, Room, Tally};
use crate::time::UnixTime;

/// A request on its way, told.
#[derive(Debug)]
pub struct Rehearsal {
    /// The head as rules see it; absent if it can't be read.
    pub head: Option<RequestHead>,
    /// The client's address, if it is known.
    pub address: Option<IpAddr>,
    /// The rule that speaks for it.
    pub rule: Option<RuleTold>,
    /// Where the credential is, if the rule looks for one and it can be read.
    pub credential: Option<String>,
    /// The token's header, as it names itself, verified or not.
    pub token: Option<Header>,
    /// It is a token that only its authorization server can read.
    pub opaque: bool,
    /// The name of the provider that answers for the token.
    pub provider: Option<String>,
    /// Who is calling, as far as it was found out.
    pub identity: Identity,
    /// What the rule asks for besides, part by part, and what there was.
    pub requirement: Option<Finding>,
    /// Every policy over the rule, in order.
    pub policies: Vec<PolicyTold>,
    /// Every limit that it was looked at by, in order.
    pub limits: Vec<LimitTold>,
    /// The policy that decided, or would have.
    pub policy: Option<String>,
    /// What would have stopped the request, were everything enforced.
    pub unenforced: Option<Denial>,
    /// How it ended, exactly as in the filter; never [`Step::Wait`] unless keys did not come.
    pub step: Step,
}

/// The rule that speaks for a request.
#[derive(Debug)]
pub struct RuleTold {
    /// Its place in the configuration.
    pub index: usize,
    /// Its name.
    pub name: String,
    /// Of its paths, the one that matched.
    pub template: String,
    /// What the path's parameters are.
    pub parameters: Vec<(String, String)>,
    /// Whether it looks at credentials.
    pub access: Access,
    /// What kinds of credentials it takes.
    pub accepts: Credentials,
    /// It is reported and not enforced.
    pub report_only: bool,
}

/// A policy over the rule, what it asked and what there was.
#[derive(Debug, Serialize)]
pub struct PolicyTold {
    /// Its name.
    pub name: String,
    /// When it applies; absent is always.
    pub when: Option<Finding>,
    /// When it does not, though `when` says so.
    pub except: Option<Finding>,
    /// `block`, or `all` or `one` of the controls.
    pub grant: &'static str,
    /// What it asks for.
    pub controls: Vec<Finding>,
    /// It is reported and not enforced.
    pub report_only: bool,
}

impl PolicyTold {
    fn of(policy: &Policy, facts: &Facts<'_>) -> Self {
        let explain = |requirement: &Requirement| requirement.explain(facts);
        let (grant, controls) = match &policy.grant {
            Grant::Block => ("block", Vec::new()),
            Grant::All(controls) => ("all", controls.iter().map(explain).collect()),
            Grant::One(controls) => ("one", controls.iter().map(explain).collect()),
        };
        Self {
            name: policy.name.to_string(),
            when: policy.when.as_ref().map(explain),
            except: policy.except.as_ref().map(explain),
            grant,
            controls,
            report_only: policy.report_only,
        }
    }
}

/// A limit, and what was left of it.
#[derive(Debug, Serialize)]
pub struct LimitTold {
    /// Its name.
    pub name: String,
    /// By what it counts.
    pub key: Vec<String>,
    /// The caller's tier, if they have one.
    pub tier: Option<String>,
    /// What came of it: `admitted`, `limited`, `unenforced`, or `uncounted` if another one stopped the request.
    pub outcome: &'static str,
    /// What is left of each amount.
    pub left: Vec<LeftTold>,
}

/// What is left of an amount.
#[derive(Debug, Serialize)]
pub struct LeftTold {
    /// `rate`, `window`, `quota` or `concurrency`.
    pub kind: &'static str,
    /// So many.
    pub left: u32,
    /// Of so many.
    pub of: u32,
    /// All of it is there again in so many seconds.
    pub seconds: u64,
}

impl LimitTold {
    fn of(tally: &Tally, config: &Config) -> Self {
        let limit = config.rate_limits.iter().find(|config| config.limit.name == tally.limit);
        let left = |(kind, room): &(ExcessKind, Room)| LeftTold {
            kind: kind.name(),
            left: room.left,
            of: room.of,
            seconds: room.resets_in.as_secs(),
        };
        Self {
            name: tally.limit.to_string(),
            key: limit.map(|config| config.limit.key.parts().iter().map(Part::name).collect()).unwrap_or_default(),
            tier: tally.tier.as_deref().map(str::to_owned),
            outcome: tally.outcome(),
            left: tally.rooms.iter().map(left).collect(),
        }
    }
}

/// What a watcher of the walk has seen.
#[derive(Default)]
struct Seen {
    requirement: Option<Finding>,
    policies: Vec<PolicyTold>,
}

/// Walks a request. When it waits, `fetch` is to get what the engine asks for, and it goes on. Who still waits then waits for a
/// second try, and a little time passes.
pub fn rehearse(
    headers: impl Into<HeaderMap>,
    engine: &mut Engine,
    host: &mut dyn Host,
    now: UnixTime,
    fetch: &mut dyn FnMut(&mut Engine, &mut dyn Host, UnixTime),
) -> Rehearsal {
    let head = match RequestHead::read_or_return(headers.into(), engine.config().paths) {
        Ok(head) => head,
        Err((flaw, headers)) => {
            let step = refuse(&Denial::Request(flaw), &headers, engine, now);
            return Rehearsal {
                head: None,
                address: None,
                rule: None,
                credential: None,
                token: None,
                opaque: false,
                provider: None,
                identity: Identity::Anonymous,
                requirement: None,
                policies: Vec::new(),
                limits: Vec::new(),
                policy: None,
                unenforced: None,
                step,
            };
        }
    };
    let seen: Rc<RefCell<Seen>> = Rc::default();
    let watched = || {
        let seen = Rc::clone(&seen);
        let see = move |rule: &Rule, facts: &Facts<'_>| {
            let requirement = rule.require.as_ref().map(|require| require.explain(facts));
            let policies = rule.policies.iter().map(|policy| PolicyTold::of(policy, facts)).collect();
            *seen.borrow_mut() = Seen { requirement, policies };
        };
        // Nobody waits for a rehearsal.
        Trace { watch: Watch(Some(Box::new(see))), ..Trace::default() }
    };
    let mut trace = watched();
    let exchange =
        Exchange { head: head.clone(), began: now, wanted: None, done: Done { slowed: true, ..Done::default() } };
    let mut step = exchange.traced(engine, host, now, &mut trace);
    let mut now = now;
    for waits in 0..MOST_WAITS {
        let Step::Wait(exchange, _) = step else { break };
        if waits >= AT_ONCE {
            now = now.plus(A_LITTLE);
        }
        fetch(engine, host, now);
        trace = watched();
        step = exchange.traced(engine, host, now, &mut trace);
    }
    tell(head, engine, host, trace, seen.take(), step)
}

/// What the walk saw.
fn tell(head: RequestHead, engine: &Engine, host: &mut dyn Host, trace: Trace, seen: Seen, step: Step) -> Rehearsal {
    let config = engine.config_handle();
    let route = config.route(&head).filter(|_| trace.rule.is_some());
    let rule = route.as_ref().map(|route| RuleTold {
        index: route.value().index,
        name: route.value().name.to_string(),
        template: route.template().text().to_owned(),
        parameters: route.parameters().map(|(name, value)| (name.to_owned(), captured(&value))).collect(),
        access: route.value().access,
        accepts: route.value().accepts,
        report_only: route.value().report_only,
    });
    let looked_for = rule.as_ref().is_some_and(|rule| rule.access != Access::Anonymous);
    let found = if looked_for { credential::find(&head, &config.sources).ok().flatten() } else { None };
    let key = config.api_keys.as_ref().filter(|_| looked_for && found.is_none());
    let key = key.and_then(|keys| credential::find_in(&head, keys.sources()).ok().flatten());
    let opaque = found.as_ref().is_some_and(|found| config.introspectors.of(found.token).is_some());
    let token =
        found.as_ref().filter(|_| !opaque).and_then(|found| Unverified::parse(found.token, &config.limits.token).ok());
    let known = Known::default();
    let address = Connection::new(host, &known).addressed_by(config.client_address, &head).address();
    Rehearsal {
        address,
        rule,
        credential: found.or(key).map(|found| place(&found.place)),
        token: token.map(|token| token.header().clone()),
        opaque,
        provider: trace.provider.map(|provider| config.provider_name(provider).to_owned()),
        identity: trace.identity.unwrap_or(Identity::Anonymous),
        requirement: seen.requirement,
        policies: seen.policies,
        limits: trace.done.counted.tallies().iter().map(|tally| LimitTold::of(tally, &config)).collect(),
        policy: trace.policy.map(|policy| policy.to_string()),
        unenforced: trace.unenforced,
        step,
        head: Some(head),
    }
}

fn place(place: &Place<'_>) -> String {
    match place {
        Place::Authorization => "the header `authorization`".to_owned(),
        Place::Header(name) => format!("the header `{name}`"),
        Place::Cookie(name) => format!("the cookie `{name}`"),
        Place::QueryParameter(name) => format!("the query parameter `{name}`"),
    }
}

fn captured(value: &Captured<'_>) -> String {
    match value {
        Captured::Segment(text) => (*text).to_owned(),
        Captured::Rest(segments) => segments.join("/"),
    }
}

/// A request that still waits then waits for what never comes.
const MOST_WAITS: u32 = 10;

/// Keys may be asked for twice, for another reason each, and then what the token is or who its caller is.
const AT_ONCE: u32 = 3;

/// A service that failed once is asked again within this.
const A_LITTLE: Duration = Duration::from_millis(300);
