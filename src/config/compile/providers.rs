//! Providers: issuers, where their keys come from, and what is asked of their tokens.

use std::time::Duration;

use crate::config::ProviderConfig;
use crate::config::problems::{Problems, join};
use crate::config::settings::{
    CloudSettings, EntraSettings, KeySettings, PemSettings, ProviderSettings, SecretSettings, TenantSettings,
    TokenTypeSettings, VersionSettings,
};
use crate::entra::{self, Directory, Versions};
use crate::jose::{Algorithm, AlgorithmSet, KeySet, VerificationKey, base64url};
use crate::provider::{
    ExpectedIssuer, Guid, Issuer, IssuerRule, KeyCacheSettings, KeyRule, KeySource, Provider, ProviderId, Scheme,
    TenantId, Url,
};
use crate::token::TokenRules;

/// One entry for each provider, in order; `None` where it has faults.
pub(super) fn compile(
    settings: Vec<(String, ProviderSettings)>,
    problems: &mut Problems,
    warnings: &mut Vec<String>,
) -> Vec<Option<ProviderConfig>> {
    if settings.is_empty() {
        problems.add("providers", "at least one provider is required");
    }
    let compiled: Vec<_> = settings
        .into_iter()
        .map(|(name, settings)| {
            let path = join("providers", &name);
            provider(&name, &path, settings, problems, warnings)
        })
        .collect();
    let mut rest: Vec<&ProviderConfig> = compiled.iter().flatten().collect();
    while let Some(one) = rest.pop() {
        for other in &rest {
            let overlap = one
                .provider
                .issuers()
                .iter()
                .any(|issuer| other.provider.issuers().iter().any(|theirs| issuer.rule.overlaps(&theirs.rule)));
            if overlap {
                let message = format!(
                    "accepts an issuer that provider `{}` accepts too; one issuer has one provider",
                    other.provider.id()
                );
                problems.add(join("providers", one.provider.id().as_str()), message);
            }
        }
    }
    compiled
}

fn provider(
    name: &str,
    path: &str,
    settings: ProviderSettings,
    problems: &mut Problems,
    warnings: &mut Vec<String>,
) -> Option<ProviderConfig> {
    let id = noted(ProviderId::parse(name), path, problems);
    let keys = key_settings(settings.keys.as_ref(), &join(path, "keys"), problems);
    let mut rules = token_rules(path, &settings, problems, warnings);
    let issuers = match (&settings.entra, &settings.issuer) {
        (Some(entra), None) => {
            let directory = entra_settings(path, &settings, entra, problems);
            let cluster = cluster(path, &settings, problems);
            let directory = directory?;
            rules.entra = Some(directory.checks(settings.danger_accept_without_scope_or_role != Some(true)));
            noted(directory.issuers(&cluster?, settings.jwks_cluster.as_deref()), &join(path, "entra"), problems)
        }
        (None, Some(issuer)) => {
            plain_issuer(path, &settings, issuer, &keys, problems, warnings).map(|issuer| vec![issuer])
        }
        (Some(_), Some(_)) => {
            problems.add(path, "has both `entra` and `issuer`; `entra` knows its issuers");
            None
        }
        (None, None) => {
            problems.add(path, "needs `entra` or `issuer`");
            None
        }
    };
    let provider = noted(Provider::new(id?, issuers?), path, problems)?;
    Some(ProviderConfig { provider, rules, keys })
}

/// `None` if there are faults, each noted.
fn entra_settings(
    path: &str,
    settings: &ProviderSettings,
    entra: &EntraSettings,
    problems: &mut Problems,
) -> Option<entra::EntraSettings> {
    let before = problems.len();
    for (given, name) in [
        (settings.discovery.is_some(), "discovery"),
        (settings.jwks_uri.is_some(), "jwks_uri"),
        (settings.jwks.is_some(), "jwks"),
        (settings.pem.is_some(), "pem"),
        (settings.secret.is_some(), "secret"),
    ] {
        if given {
            problems.add(join(path, name), "does not go with `entra`, which knows where its keys are");
        }
    }
    let at = join(path, "entra");
    let versions = match entra.versions.as_deref() {
        None => Versions::Both,
        Some([VersionSettings::V1]) => Versions::One,
        Some([VersionSettings::V2]) => Versions::Two,
        Some([VersionSettings::V1, VersionSettings::V2] | [VersionSettings::V2, VersionSettings::V1]) => Versions::Both,
        Some(_) => {
            problems.add(join(&at, "versions"), "expected `v1`, `v2` or both, each once");
            Versions::Both
        }
    };
    let app_id = entra.app_id.as_ref().and_then(|id| noted(id.parse::<Guid>(), &join(&at, "app_id"), problems));
    let tenants = tenants(&at, &entra.tenants, problems);
    let directory = directory(&at, entra, tenants, problems);
    let cloud = match entra.cloud.unwrap_or(CloudSettings::Global) {
        CloudSettings::Global => entra::Cloud::Global,
        CloudSettings::UsGovernment => entra::Cloud::UsGovernment,
        CloudSettings::China => entra::Cloud::China,
    };
    let directory = directory.filter(|_| problems.len() == before)?;
    Some(entra::EntraSettings { directory, cloud, versions, app_id })
}

/// Which kind of directory; External ID and B2C have one tenant.
fn directory(
    at: &str,
    entra: &EntraSettings,
    tenants: Option<entra::Tenants>,
    problems: &mut Problems,
) -> Option<Directory> {
    let one = |tenants: Option<entra::Tenants>, problems: &mut Problems| match tenants? {
        entra::Tenants::One(tenant) => Some(tenant),
        entra::Tenants::Any | entra::Tenants::List(_) => {
            problems.add(join(at, "tenants"), "expected one tenant id: `external_id` and `b2c` have one tenant");
            None
        }
    };
    match (&entra.external_id, &entra.b2c) {
        (None, None) => tenants.map(Directory::Workforce),
        (Some(name), None) => one(tenants, problems).map(|tenant| Directory::ExternalId { name: name.clone(), tenant }),
        (None, Some(b2c)) => one(tenants, problems).map(|tenant| Directory::B2c {
            name: b2c.name.clone(),
            policy: b2c.policy.clone(),
            tenant,
        }),
        (Some(_), Some(_)) => {
            problems.add(at, "has both `external_id` and `b2c`; make two providers");
            None
        }
    }
}

fn tenants(path: &str, settings: &TenantSettings, problems: &mut Problems) -> Option<entra::Tenants> {
    let at = join(path, "tenants");
    let parse = |text: &str, at: &str, problems: &mut Problems| match text.parse::<TenantId>() {
        Ok(tenant) => Some(tenant),
        Err(_) => {
            problems.add(at, format!("`{text}` is not a tenant id; expected a GUID, a list of them, or `any`"));
            None
        }
    };
    match settings {
        TenantSettings::One(text) if text == "any" => Some(entra::Tenants::Any),
        TenantSettings::One(text) => parse(text, &at, problems).map(entra::Tenants::One),
        TenantSettings::List(texts) if texts.is_empty() => {
            problems.add(at, "is an empty list, which lets nobody in");
            None
        }
        TenantSettings::List(texts) => {
            let parsed: Vec<_> = texts
                .iter()
                .enumerate()
                .map(|(index, text)| parse(text, &format!("{at}[{index}]"), problems))
                .collect();
            parsed.into_iter().collect::<Option<Vec<_>>>().map(entra::Tenants::List)
        }
    }
}

fn plain_issuer(
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

/// In the configuration a bad key is a fault: an operator can mend it, and would miss the warning.
fn jwks(
    path: &str,
    document: &serde_json::Value,
    limits: &KeyCacheSettings,
    problems: &mut Problems,
) -> Option<Vec<VerificationKey>> {
    use crate::jose::KeyOrigin;
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

fn token_rules(
    path: &str,
    settings: &ProviderSettings,
    problems: &mut Problems,
    warnings: &mut Vec<String>,
) -> TokenRules {
    let any_audience = settings.danger_any_audience.unwrap_or(false);
    if any_audience {
        warnings.push(format!("{path}.danger_any_audience: a token made for another API opens this one"));
    }
    let audiences = match (settings.audiences.clone(), any_audience) {
        (Some(_), true) => {
            problems.add(join(path, "audiences"), "does not go with `danger_any_audience`");
            None
        }
        (None, true) => None,
        (Some(audiences), false) => {
            if audiences.is_empty() || audiences.iter().any(|audience| audience.is_empty() || audience == "*") {
                problems.add(join(path, "audiences"), "expected at least one audience, each spelled out");
            }
            Some(audiences)
        }
        (None, false) => {
            problems.add(join(path, "audiences"), "is required: the `aud` of tokens made for this API");
            None
        }
    };
    let clock_skew = settings.clock_skew.map_or(DEFAULT_SKEW, |span| span.0);
    if clock_skew > LONGEST_SKEW {
        problems.add(join(path, "clock_skew"), "expected at most `300s`");
    }
    if settings.token_type == Some(TokenTypeSettings::AccessToken) && settings.entra.is_some() {
        problems.add(join(path, "token_type"), "does not go with `entra`, whose access tokens all say `JWT`");
    }
    let without = settings.danger_accept_without_scope_or_role;
    if without == Some(true) {
        warnings.push(format!("{path}.danger_accept_without_scope_or_role: any application of the tenant gets in"));
    }
    if without.is_some() && settings.entra.is_none() {
        problems.add(join(path, "danger_accept_without_scope_or_role"), "goes with `entra` only");
    }
    TokenRules {
        audiences,
        algorithms: algorithms(path, settings, problems),
        access_token_profile: settings.token_type == Some(TokenTypeSettings::AccessToken),
        clock_skew,
        max_lifetime: settings.max_lifetime.map(|span| span.0),
        max_age: settings.max_age.map(|span| span.0),
        // Set where the tenants are known.
        entra: None,
    }
}

fn algorithms(path: &str, settings: &ProviderSettings, problems: &mut Problems) -> AlgorithmSet {
    let secret = settings.secret.as_ref().and_then(|secret| Algorithm::from_name(&secret.algorithm));
    let Some(names) = &settings.algorithms else {
        return secret.map_or(AlgorithmSet::ASYMMETRIC, AlgorithmSet::only);
    };
    let at = join(path, "algorithms");
    if names.is_empty() {
        problems.add(&*at, "is empty, which accepts no token");
    }
    if settings.secret.is_some() {
        problems.add(&*at, "does not go with `secret`, which names its algorithm");
    }
    let mut set = Vec::new();
    for (index, name) in names.iter().enumerate() {
        match Algorithm::from_name(name) {
            Some(algorithm) if !algorithm.is_symmetric() => set.push(algorithm),
            _ => problems.add(
                format!("{at}[{index}]"),
                format!("`{name}` is not accepted; expected RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512 or EdDSA"),
            ),
        }
    }
    set.into_iter().collect()
}

fn key_settings(settings: Option<&KeySettings>, path: &str, problems: &mut Problems) -> KeyCacheSettings {
    let defaults = KeyCacheSettings::default();
    let Some(settings) = settings else { return defaults };
    let or = |span: Option<crate::config::units::Span>, default: Duration| span.map_or(default, |span| span.0);
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

fn cluster(path: &str, settings: &ProviderSettings, problems: &mut Problems) -> Option<String> {
    match &settings.cluster {
        Some(cluster) if !cluster.is_empty() => Some(cluster.clone()),
        _ => {
            problems.add(join(path, "cluster"), "is required: the name of the Envoy cluster that reaches the issuer");
            None
        }
    }
}

fn address(path: &str, text: &str, problems: &mut Problems) -> Option<Url> {
    noted(Url::parse(text), path, problems)
}

fn noted<T, E: std::fmt::Display>(result: Result<T, E>, path: &str, problems: &mut Problems) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(flaw) => {
            problems.add(path, flaw.to_string());
            None
        }
    }
}

/// What Envoy's own filter allows; clocks that keep time need far less.
const DEFAULT_SKEW: Duration = Duration::from_secs(60);
/// The value of Microsoft's own library (security requirement J21).
const LONGEST_SKEW: Duration = Duration::from_secs(300);
/// Without one, tokens with made-up key ids would keep a fetch under way at all times.
const SHORTEST_COOLDOWN: Duration = Duration::from_secs(1);
/// Envoy buffers a whole answer before the filter sees it.
const LARGEST_KEY_SET: usize = 16 << 20;
