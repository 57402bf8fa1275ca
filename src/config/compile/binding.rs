//! How tokens may be bound to their senders.

use std::time::Duration;

use crate::binding::dpop::{Nonces, Origins};
use crate::binding::replay::Replays;
use crate::binding::secret::Secret;
use crate::binding::signed_request::Host;
use crate::binding::{Bindings, Dpop, Method, SignedRequests};
use crate::config::problems::{Problems, join};
use crate::config::settings::{
    BindingSettings, CredentialSettings, DpopSettings, MethodSettings, NonceSettings, SignedRequestSettings,
};
use crate::config::units::Span;
use crate::credential::{Scheme, Sources};
use crate::http::challenge::Challenge;
use crate::jose::{Algorithm, AlgorithmSet};

/// Every fault is noted; what has one is not used.
pub(super) fn compile(
    settings: BindingSettings,
    token_bytes: usize,
    problems: &mut Problems,
    warnings: &mut Vec<String>,
) -> Bindings {
    let (dpop_is_open, request_is_open) = (
        settings.dpop.as_ref().is_some_and(|dpop| dpop.origins.is_none()),
        settings.signed_request.as_ref().is_some_and(|request| request.hosts.is_none()),
    );
    for (is_open, setting) in [(dpop_is_open, "dpop.origins"), (request_is_open, "signed_request.hosts")] {
        if is_open {
            warnings.push(format!(
                "bindings.{setting}: is not given, so a proof made for another host is good here if the request names that host; \
                 name yours"
            ));
        }
    }
    Bindings {
        dpop: settings.dpop.and_then(|settings| dpop(settings, problems)),
        signed_request: settings.signed_request.and_then(|settings| signed_request(settings, token_bytes, problems)),
        mtls: settings.mtls.is_some(),
    }
}

/// `sources` with the schemes of tokens that are bound so.
pub(super) fn taken_by(sources: Sources, bindings: &Bindings, problems: &mut Problems) -> Sources {
    if bindings.dpop.is_some() && sources.reads_header(crate::binding::dpop::HEADER.as_bytes()) {
        problems.add("credentials.headers", "`dpop` is the header of proofs (`bindings.dpop`)");
    }
    let dpop = bindings.dpop.as_ref().map(|_| Scheme::Dpop);
    let signed_request = bindings.signed_request.as_ref().map(|_| Scheme::Pop);
    let mtls = bindings.mtls.then_some(Scheme::MtlsPop);
    sources.taking(dpop.into_iter().chain(signed_request).chain(mtls))
}

/// `challenge` with the ways in which tokens may be bound.
pub(super) fn challenged(challenge: Challenge, bindings: &Bindings) -> Challenge {
    let names = |dpop: &Dpop| dpop.algorithms.iter().map(Algorithm::name).collect::<Vec<_>>().join(" ");
    challenge.with_bindings(bindings.dpop.as_ref().map(names), bindings.signed_request.is_some())
}

/// What keeps tokens from being sent in the ways that are set.
pub(super) fn check_credentials(
    credentials: Option<&CredentialSettings>,
    bindings: Option<&BindingSettings>,
    problems: &mut Problems,
) {
    let Some(bindings) = bindings else { return };
    let unread = credentials.is_some_and(|credentials| credentials.authorization == Some(false));
    for (is_set, way) in [(bindings.dpop.is_some(), "dpop"), (bindings.signed_request.is_some(), "signed_request")] {
        if is_set && unread {
            problems.add(
                "credentials.authorization",
                format!("`bindings.{way}` needs it: how the token is sent is said in that header alone"),
            );
        }
    }
}

/// The ways of a requirement, each of which has to be one of `bindings`: nobody could prove another.
pub(super) fn methods(
    at: &str,
    settings: Vec<MethodSettings>,
    bindings: Option<&BindingSettings>,
    problems: &mut Problems,
) -> Vec<Method> {
    let methods: Vec<Method> = settings.into_iter().map(method).collect();
    for method in &methods {
        let is_set = bindings.is_some_and(|bindings| match method {
            Method::Dpop => bindings.dpop.is_some(),
            Method::Mtls => bindings.mtls.is_some(),
            Method::SignedRequest => bindings.signed_request.is_some(),
        });
        if !is_set {
            problems.add(at, format!("`{}` is not among `bindings`, so nobody could meet this", method.name()));
        }
    }
    methods
}

/// The word of a requirement.
fn method(settings: MethodSettings) -> Method {
    match settings {
        MethodSettings::Dpop => Method::Dpop,
        MethodSettings::Mtls => Method::Mtls,
        MethodSettings::SignedRequest => Method::SignedRequest,
    }
}

fn dpop(settings: DpopSettings, problems: &mut Problems) -> Option<Dpop> {
    let at = "bindings.dpop";
    let before = problems.len();
    let algorithms = algorithms(at, settings.algorithms, DPOP_ALGORITHMS, problems);
    let (max_age, clock_skew) = times(at, settings.max_age, DPOP_AGE, settings.clock_skew, problems);
    let origins = listed(&join(at, "origins"), settings.origins, "scheme and host as Envoy sees them", problems);
    let origins = Origins::new(&origins).unwrap_or_else(|bad| {
        for (place, text) in bad.into_iter().filter_map(|place| Some((place, origins.get(place)?))) {
            problems.add(
                format!("{}[{place}]", join(at, "origins")),
                format!("`{text}` is no origin; expected scheme and host, `https://api.example`"),
            );
        }
        Origins::default()
    });
    let nonces = settings.nonce.map(|settings| nonces(&join(at, "nonce"), settings, problems));
    let replays = replays(at, Method::Dpop, settings.replay_entries, max_age, problems);
    (problems.len() == before).then_some(Dpop { algorithms, max_age, clock_skew, origins, nonces, replays })
}

fn nonces(at: &str, settings: NonceSettings, problems: &mut Problems) -> Nonces {
    let rotate = settings.rotate.map_or(ROTATE, |span| span.0);
    if !(SHORTEST_ROTATE..=LONGEST_ROTATE).contains(&rotate) {
        problems.add(join(at, "rotate"), "expected a span from `10s` to `1h`");
    }
    let secret = settings.secret.map(|secret| {
        if secret.0.len() < SHORTEST_SECRET {
            problems.add(join(at, "secret"), "expected 32 characters or more; anybody could try out a shorter one");
        }
        Secret::new(secret.0.into_bytes())
    });
    Nonces { secret, rotate }
}

fn signed_request(
    settings: SignedRequestSettings,
    token_bytes: usize,
    problems: &mut Problems,
) -> Option<SignedRequests> {
    let at = "bindings.signed_request";
    let before = problems.len();
    let algorithms = algorithms(at, settings.algorithms, REQUEST_ALGORITHMS, problems);
    let (max_age, clock_skew) = times(at, settings.max_age, REQUEST_AGE, settings.clock_skew, problems);
    let hosts = listed(&join(at, "hosts"), settings.hosts, "the request's own", problems);
    let hosts = hosts.iter().enumerate().filter_map(|(index, name)| {
        let host = Host::read(name);
        host.map_err(|flaw| problems.add(format!("{}[{index}]", join(at, "hosts")), format!("`{name}`: {flaw}"))).ok()
    });
    let hosts = hosts.collect();
    let replays = replays(at, Method::SignedRequest, settings.replay_entries, max_age, problems);
    (problems.len() == before).then_some(SignedRequests {
        algorithms,
        max_age,
        clock_skew,
        hosts,
        token_bytes,
        replays,
    })
}

/// Names that may be left out, then `default` counts; an empty list would be neither those nor that.
fn listed(at: &str, names: Option<Vec<String>>, default: &str, problems: &mut Problems) -> Vec<String> {
    if names.as_ref().is_some_and(Vec::is_empty) {
        problems.add(at, format!("is empty; name one, or leave it out for {default}"));
    }
    names.unwrap_or_default()
}

/// A proof with a shared secret would prove nothing: whoever checks it could have made it (RFC 9449 section 4.2).
fn algorithms(at: &str, names: Option<Vec<String>>, default: &[Algorithm], problems: &mut Problems) -> AlgorithmSet {
    let Some(names) = names else { return default.iter().copied().collect() };
    let at = join(at, "algorithms");
    if names.is_empty() {
        problems.add(&*at, "is empty, which refuses every proof; leave it out for the default");
    }
    let each = names.iter().enumerate().filter_map(|(index, name)| {
        let known = Algorithm::from_name(name).filter(|algorithm| !algorithm.is_symmetric());
        if known.is_none() {
            problems.add(
                format!("{at}[{index}]"),
                format!("`{name}` is no signature algorithm; expected `ES256` or the like"),
            );
        }
        known
    });
    each.collect()
}

fn times(
    at: &str,
    max_age: Option<Span>,
    default_age: Duration,
    clock_skew: Option<Span>,
    problems: &mut Problems,
) -> (Duration, Duration) {
    let max_age = max_age.map_or(default_age, |span| span.0);
    if !(SHORTEST_AGE..=LONGEST_AGE).contains(&max_age) {
        problems.add(join(at, "max_age"), "expected a span from `1s` to `10m`: each use is remembered for that long");
    }
    let clock_skew = clock_skew.map_or(CLOCK_SKEW, |span| span.0);
    if clock_skew > LONGEST_SKEW {
        problems.add(join(at, "clock_skew"), "expected at most `60s`");
    }
    (max_age, clock_skew)
}

fn replays(at: &str, kind: Method, entries: Option<u32>, max_age: Duration, problems: &mut Problems) -> Replays {
    let entries = entries.unwrap_or(ENTRIES);
    if !(LEAST_ENTRIES..=MOST_ENTRIES).contains(&entries) {
        problems.add(join(at, "replay_entries"), "expected a number from 64 to 4194304");
    }
    Replays::new(kind, entries, max_age)
}

const DPOP_ALGORITHMS: &[Algorithm] = &[Algorithm::ES256, Algorithm::EdDSA, Algorithm::PS256, Algorithm::RS256];
const REQUEST_ALGORITHMS: &[Algorithm] = &[Algorithm::ES256, Algorithm::PS256, Algorithm::RS256];

const DPOP_AGE: Duration = Duration::from_secs(60);
const REQUEST_AGE: Duration = Duration::from_secs(5 * 60);
const SHORTEST_AGE: Duration = Duration::from_secs(1);
const LONGEST_AGE: Duration = Duration::from_secs(10 * 60);

const CLOCK_SKEW: Duration = Duration::from_secs(5);
const LONGEST_SKEW: Duration = Duration::from_secs(60);

const ROTATE: Duration = Duration::from_secs(5 * 60);
const SHORTEST_ROTATE: Duration = Duration::from_secs(10);
const LONGEST_ROTATE: Duration = Duration::from_secs(60 * 60);

/// As many bytes as the hash has.
const SHORTEST_SECRET: usize = 32;

const ENTRIES: u32 = 131_072;
const LEAST_ENTRIES: u32 = 64;
/// 170 MB, if all of it is ever in use.
const MOST_ENTRIES: u32 = 4_194_304;
