//! Introspection: who is asked about a provider's tokens, and which tokens those are.

use std::time::Duration;

use super::noted;
use crate::config::problems::{Problems, join};
use crate::config::settings::{
    ClientMethodSettings, IntrospectionClientSettings, IntrospectionJwtSettings, IntrospectionSettings,
    ProviderSettings,
};
use crate::config::units::Span;
use crate::config::{Limits, ProviderConfig};
use crate::introspection::{self, Client, ClientMethod, Introspectors, Jwts, Overlap};
use crate::provider::{Scheme, Secret, Url};

/// `None` if there is none, or there are faults, each noted.
pub(super) fn compile(
    path: &str,
    provider: &ProviderSettings,
    problems: &mut Problems,
    warnings: &mut Vec<String>,
) -> Option<introspection::IntrospectionSettings> {
    let settings = provider.introspection.as_ref()?;
    let at = &join(path, "introspection");
    if provider.entra.is_some() {
        problems.add(
            at,
            "does not go with `entra`: Entra ID has no introspection endpoint, all its access tokens are JWTs",
        );
    }
    let endpoint = noted(Url::parse(&settings.endpoint), &join(at, "endpoint"), problems);
    if endpoint.as_ref().is_some_and(|endpoint| endpoint.scheme() == Scheme::Http) {
        warnings.push(format!(
            "{at}.endpoint: tokens and the client's secret go over plain text, unless the cluster uses TLS"
        ));
    }
    let cluster = settings.cluster.as_ref().or(provider.cluster.as_ref()).filter(|cluster| !cluster.is_empty());
    if cluster.is_none() {
        problems.add(
            join(at, "cluster"),
            "is required where the provider has no `cluster`: the name of the Envoy cluster that reaches the endpoint",
        );
    }
    check_prefix(at, settings, problems);
    let fresh_for = span(at, "cache", settings.cache, CACHE, problems);
    let refused_for = span(at, "negative_cache", settings.negative_cache, NEGATIVE_CACHE, problems);
    let timeout = span(at, "timeout", settings.timeout, TIMEOUT, problems);
    let cache_bytes = settings.cache_size.map_or(DEFAULT_CACHE_SIZE, |size| size.0);
    if !(SMALLEST_CACHE_SIZE..=LARGEST_CACHE_SIZE).contains(&cache_bytes) {
        problems.add(join(at, "cache_size"), "expected a size from `64KiB` to `64MiB`: each worker has one");
    }
    let max_bytes = settings.max_bytes.map_or(DEFAULT_ANSWER, |size| size.0);
    if !(1..=LARGEST_ANSWER).contains(&max_bytes) {
        problems.add(join(at, "max_bytes"), "expected `1B` to `1MiB`");
    }
    let concurrency = settings.concurrency.unwrap_or(DEFAULT_CONCURRENCY);
    if !(1..=MOST_CONCURRENCY).contains(&concurrency) {
        problems.add(join(at, "concurrency"), "expected 1 to 256");
    }
    Some(introspection::IntrospectionSettings {
        endpoint: endpoint?,
        cluster: cluster?.clone(),
        client: client(at, &settings.client, problems),
        fresh_for,
        refused_for,
        cache_bytes,
        timeout,
        max_bytes,
        concurrency: usize::from(concurrency),
        pending: MOST_PENDING,
        token_prefix: settings.token_prefix.clone(),
        jwts: jwts(provider),
    })
}

/// What becomes of JWTs of a provider with these settings.
pub(super) fn jwts(provider: &ProviderSettings) -> Jwts {
    match provider.introspection.as_ref().and_then(|settings| settings.jwts) {
        None | Some(IntrospectionJwtSettings::Verify) => Jwts::Verify,
        Some(IntrospectionJwtSettings::Introspect) => Jwts::Introspect,
        Some(IntrospectionJwtSettings::Refuse) => Jwts::Refuse,
    }
}

/// Which of the providers is asked about which tokens.
pub(in crate::config::compile) fn introspectors(
    providers: &[Option<ProviderConfig>],
    problems: &mut Problems,
) -> Introspectors {
    let asked = providers.iter().enumerate().filter_map(|(place, provider)| {
        let settings = provider.as_ref()?.introspection.as_ref()?;
        Some((place, settings.token_prefix.as_deref()))
    });
    Introspectors::new(asked).unwrap_or_else(|Overlap { one, other }| {
        let name = |place: usize| {
            let provider = providers.get(place).and_then(Option::as_ref);
            provider.map_or("", |provider| provider.provider.id().as_str())
        };
        let at = join(&join("providers", name(other)), "introspection");
        let message = format!(
            "an opaque token could be of `{}` too; give each a beginning of its own, or leave it out in one of them",
            name(one)
        );
        problems.add(join(&at, "token_prefix"), message);
        Introspectors::default()
    })
}

/// What introspection has of the limits of all requests.
pub(in crate::config::compile) fn bound(
    providers: &mut [Option<ProviderConfig>],
    limits: &Limits,
    warnings: &mut Vec<String>,
) {
    for provider in providers.iter_mut().flatten() {
        let Some(settings) = &mut provider.introspection else { continue };
        let aside = usize::try_from(limits.waiting_requests / 2).unwrap_or(usize::MAX);
        settings.pending = settings.pending.min(aside);
        if settings.timeout > limits.wait {
            warnings.push(format!(
                "providers.{}.introspection.timeout: is longer than `limits.wait`, so requests are answered 503 while the \
                 authorization server may still answer",
                provider.provider.id().as_str()
            ));
        }
    }
}

fn client(at: &str, settings: &IntrospectionClientSettings, problems: &mut Problems) -> Client {
    let at = join(at, "client");
    for (name, text) in [("id", &settings.id), ("secret", &settings.secret.0)] {
        if text.is_empty() {
            problems.add(join(&at, name), "is empty");
        }
    }
    Client {
        id: settings.id.clone(),
        secret: Secret::new(settings.secret.0.clone()),
        method: match settings.method {
            None | Some(ClientMethodSettings::Basic) => ClientMethod::Basic,
            Some(ClientMethodSettings::Post) => ClientMethod::Post,
        },
    }
}

fn check_prefix(at: &str, settings: &IntrospectionSettings, problems: &mut Problems) {
    let Some(prefix) = &settings.token_prefix else { return };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
    let at = join(at, "token_prefix");
    if !(1..=64).contains(&prefix.len()) || !prefix.bytes().all(plain) {
        problems.add(at, "expected 1 to 64 of the characters that tokens have: letters, digits and `-._~+/`");
    } else if prefix.starts_with("ey") || "ey".starts_with(prefix.as_str()) {
        problems.add(at, "is how JWTs begin; `jwts` says what becomes of them");
    }
}

/// A span from the document, or its default, within bounds.
fn span(at: &str, name: &str, given: Option<Span>, bounds: Bounds, problems: &mut Problems) -> Duration {
    let span = given.map_or(bounds.default, |span| span.0);
    if span < bounds.shortest || span > bounds.longest {
        problems.add(join(at, name), bounds.expected);
    }
    span
}

/// What a span may be.
struct Bounds {
    default: Duration,
    shortest: Duration,
    longest: Duration,
    expected: &'static str,
}

/// Half of the requests that may wait by default: each token is asked about once, however many requests bring it.
const MOST_PENDING: usize = 500;

/// The requests that wait for an answer find it for at least a second.
const CACHE: Bounds = Bounds {
    default: Duration::from_secs(60),
    shortest: Duration::from_secs(1),
    longest: Duration::from_secs(60 * 60),
    expected: "expected a span from `1s` to `1h`",
};

const NEGATIVE_CACHE: Bounds = Bounds {
    default: Duration::from_secs(10),
    shortest: Duration::from_secs(1),
    longest: Duration::from_secs(5 * 60),
    expected: "expected a span from `1s` to `5m`",
};

const TIMEOUT: Bounds = Bounds {
    default: Duration::from_secs(2),
    shortest: Duration::from_millis(100),
    longest: Duration::from_secs(30),
    expected: "expected a span from `100ms` to `30s`",
};

const DEFAULT_CACHE_SIZE: usize = 8 << 20;
const SMALLEST_CACHE_SIZE: usize = 64 << 10;
const LARGEST_CACHE_SIZE: usize = 64 << 20;

const DEFAULT_ANSWER: usize = 64 << 10;
const LARGEST_ANSWER: usize = 1 << 20;

const DEFAULT_CONCURRENCY: u16 = 16;
const MOST_CONCURRENCY: u16 = 256;
