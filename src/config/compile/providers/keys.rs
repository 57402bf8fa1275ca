//! A plain issuer, and where its keys come from: discovery, an address, or the configuration itself.

use std::time::Duration;

use super::introspection::jwts;
use super::{cluster, noted};
use crate::config::problems::{Problems, join};
use crate::config::settings::{KeySettings, PemSettings, ProviderSettings, SecretSettings};
use crate::config::units::Span;
use crate::introspection::Jwts;
use crate::jose::{Algorithm, KeyOrigin, KeySet, VerificationKey, base64url};
use crate::provider::{ExpectedIssuer, Issuer, IssuerRule, KeyCacheSettings, KeyRule, KeySource, Scheme, Url};

/// `None` if there are faults, each noted.
pub(super) fn plain_issuer(
    path: &str,
    settings: &ProviderSettings,
    issuer: &str,
    keys: &KeyCacheSettings,
    problems: &mut Problems,
    warnings: &mut Vec<String>,
) -> Option<Issuer> {
    if issuer.is_empty() {
        problems.add(join(path, "issuer"), "is empty");
    }
    let given = [
        (settings.discovery.is_some(), "discovery"),
        (settings.jwks_uri.is_some(), "jwks_uri"),
        (settings.jwks.is_some() || settings.pem.is_some(), "jwks or pem"),
        (settings.secret.is_some(), "secret"),
    ];
    let given: Vec<&str> = given.into_iter().filter_map(|(given, name)| given.then_some(name)).collect();
    if given.len() > 1 {
        problems.add(path, format!("gives keys in more than one way ({}); give one", given.join(", ")));
        return None;
    }
    let source = match given.first() {
        Some(name) if jwts(settings) != Jwts::Verify => {
            problems
                .add(path, format!("has keys ({name}) that no token is verified with: `introspection.jwts` says so"));
            None
        }
        None if jwts(settings) != Jwts::Verify => fixed(Some(Vec::new())),
        Some(&"secret") => {
            fixed(settings.secret.as_ref().and_then(|secret| secret_key(path, secret, problems)).map(|key| vec![key]))
        }
        Some(&"jwks or pem") => fixed(configured_keys(path, settings, keys, problems)),
        Some(&"jwks_uri") => {
            let address = address(&join(path, "jwks_uri"), settings.jwks_uri.as_deref().unwrap_or_default(), problems);
            let cluster = settings.jwks_cluster.clone().or_else(|| cluster(path, settings, problems));
            Some(KeySource::Jwks { address: address?, cluster: cluster? })
        }
        _ => {
            let well_known = format!("{}/.well-known/openid-configuration", issuer.strip_suffix('/').unwrap_or(issuer));
            let at = join(path, if settings.discovery.is_some() { "discovery" } else { "issuer" });
            let address = address(&at, settings.discovery.as_deref().unwrap_or(&well_known), problems);
            let cluster = cluster(path, settings, problems);
            Some(KeySource::Discovery {
                address: address?,
                issuer: ExpectedIssuer::new(issuer),
                cluster: cluster?,
                jwks_cluster: settings.jwks_cluster.clone(),
            })
        }
    };
    if let Some(KeySource::Jwks { address, .. } | KeySource::Discovery { address, .. }) = &source
        && address.scheme() == Scheme::Http
    {
        warnings.push(format!(
            "{path}: keys come from {address}; who is on the way can make tokens, unless the cluster uses TLS"
        ));
    }
    Some(Issuer { rule: IssuerRule::exact(issuer), key_rule: KeyRule::default(), source: source? })
}

fn fixed(keys: Option<Vec<VerificationKey>>) -> Option<KeySource> {
    keys.map(|keys| KeySource::Fixed(KeySet::new(keys)))
}

fn configured_keys(
    path: &str,
    settings: &ProviderSettings,
    limits: &KeyCacheSettings,
    problems: &mut Problems,
) -> Option<Vec<VerificationKey>> {
    if let Some(document) = &settings.jwks {
        let at = join(path, "jwks");
        if settings.pem.is_some() {
            problems.add(&*at, "does not go with `pem`; give one");
        }
        return jwks(&at, document, limits, problems);
    }
    let pem = settings.pem.as_deref().unwrap_or_default();
    if pem.is_empty() {
        problems.add(join(path, "pem"), "is empty");
    }
    let keys: Vec<_> = pem
        .iter()
        .enumerate()
        .map(|(index, PemSettings { key, kid })| {
            let at = join(&format!("{}[{index}]", join(path, "pem")), "key");
            noted(VerificationKey::from_pem(key, kid.clone()), &at, problems)
        })
        .collect();
    keys.into_iter().collect()
}

/// In the configuration a bad key is a fault: an operator can mend it, and would miss a warning.
fn jwks(
    path: &str,
    document: &serde_json::Value,
    limits: &KeyCacheSettings,
    problems: &mut Problems,
) -> Option<Vec<VerificationKey>> {
    let Some(keys) = document.get("keys").and_then(serde_json::Value::as_array) else {
        problems.add(join(path, "keys"), "is required: a list of JWKs (RFC 7517 section 5)");
        return None;
    };
    if keys.is_empty() || keys.len() > limits.max_keys {
        problems.add(join(path, "keys"), format!("expected 1 to {} keys", limits.max_keys));
    }
    let keys: Vec<_> = keys
        .iter()
        .enumerate()
        .map(|(index, jwk)| {
            let at = format!("{}[{index}]", join(path, "keys"));
            match jwk.as_object() {
                Some(jwk) => noted(VerificationKey::from_jwk(jwk, KeyOrigin::Remote), &at, problems),
                None => {
                    problems.add(at, "expected an object");
                    None
                }
            }
        })
        .collect();
    keys.into_iter().collect()
}

fn secret_key(path: &str, secret: &SecretSettings, problems: &mut Problems) -> Option<VerificationKey> {
    let at = join(path, "secret");
    let algorithm = Algorithm::from_name(&secret.algorithm).filter(|algorithm| algorithm.is_symmetric());
    if algorithm.is_none() {
        problems.add(join(&at, "algorithm"), "expected `HS256`, `HS384` or `HS512`");
    }
    let Ok(bytes) = base64url::decode(secret.value.as_bytes()) else {
        problems.add(join(&at, "value"), "is not base64url without padding");
        return None;
    };
    noted(VerificationKey::from_secret(&bytes, algorithm?, secret.kid.clone()), &join(&at, "value"), problems)
}

fn address(path: &str, text: &str, problems: &mut Problems) -> Option<Url> {
    noted(Url::parse(text), path, problems)
}

pub(super) fn key_settings(settings: Option<&KeySettings>, path: &str, problems: &mut Problems) -> KeyCacheSettings {
    let defaults = KeyCacheSettings::default();
    let Some(settings) = settings else { return defaults };
    let or = |span: Option<Span>, default: Duration| span.map_or(default, |span| span.0);
    let compiled = KeyCacheSettings {
        min_fresh: or(settings.min_fresh, defaults.min_fresh),
        max_fresh: or(settings.max_fresh, defaults.max_fresh),
        max_stale: or(settings.max_stale, defaults.max_stale),
        unknown_kid_cooldown: or(settings.unknown_kid_cooldown, defaults.unknown_kid_cooldown),
        timeout: or(settings.timeout, defaults.timeout),
        max_bytes: settings.max_bytes.map_or(defaults.max_bytes, |size| size.0),
        max_keys: settings.max_keys.map_or(defaults.max_keys, usize::from),
    };
    if compiled.min_fresh > compiled.max_fresh {
        problems.add(join(path, "min_fresh"), "is longer than `max_fresh`");
    }
    if compiled.unknown_kid_cooldown < SHORTEST_COOLDOWN {
        problems.add(join(path, "unknown_kid_cooldown"), "expected at least `1s`: anybody can make up a `kid`");
    }
    if compiled.timeout.is_zero() || compiled.timeout > Duration::from_secs(60) {
        problems.add(join(path, "timeout"), "expected `1ms` to `60s`");
    }
    if compiled.max_bytes == 0 || compiled.max_bytes > LARGEST_KEY_SET {
        problems.add(join(path, "max_bytes"), "expected `1B` to `16MiB`");
    }
    if compiled.max_keys == 0 {
        problems.add(join(path, "max_keys"), "expected at least 1");
    }
    compiled
}

/// Without one, tokens with made-up key ids would keep a fetch under way at all times.
const SHORTEST_COOLDOWN: Duration = Duration::from_secs(1);

/// Envoy buffers a whole answer before the filter sees it.
const LARGEST_KEY_SET: usize = 16 << 20;
