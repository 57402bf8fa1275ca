//! Where a request may carry a credential: tokens, API keys, and each apart from the other.

use crate::api_key::ApiKeys;
use crate::config::LimitConfig;
use crate::config::problems::{Problems, join};
use crate::config::settings::{ApiKeySourceSettings, CredentialSettings, HeaderSourceSettings};
use crate::credential::{HeaderSource, SourceSettings, Sources};
use crate::forward::Forwarding;
use crate::http::name::twin_key;
use crate::rate_limit::Part;

/// Where tokens are looked for. Without providers nobody's tokens are trusted: then nowhere, unless places are named, and what
/// stands in `Authorization` is between the client and the upstream.
pub(super) fn tokens(
    settings: Option<CredentialSettings>,
    has_providers: bool,
    problems: &mut Problems,
    warnings: &mut Vec<String>,
) -> Option<Sources> {
    let settings = match settings {
        Some(settings) => SourceSettings {
            authorization: settings.authorization.unwrap_or(has_providers),
            headers: headers(settings.headers).unwrap_or_default(),
            cookies: settings.cookies.unwrap_or_default(),
            query_parameters: settings.danger_query_parameters.unwrap_or_default(),
        },
        None => SourceSettings { authorization: has_providers, ..SourceSettings::default() },
    };
    if !has_providers && settings.is_nowhere() {
        return Some(Sources::nowhere());
    }
    checked("credentials", "tokens", settings, problems, warnings)
}

/// Where API keys are looked for.
pub(super) fn api_keys(
    settings: Option<ApiKeySourceSettings>,
    problems: &mut Problems,
    warnings: &mut Vec<String>,
) -> Option<Sources> {
    let path = "api_keys.sources";
    let settings = settings.unwrap_or_default();
    let by_default = || vec![HeaderSource { name: DEFAULT_HEADER.to_owned(), prefix: String::new() }];
    let query_parameters = settings.danger_query_parameters.unwrap_or_default();
    for (index, _) in query_parameters.iter().enumerate().filter(|(_, name)| name.eq_ignore_ascii_case("access_token"))
    {
        let at = format!("{path}.danger_query_parameters[{index}]");
        problems.add(at, "`access_token` is the name of a token (RFC 6750 section 2.3)");
    }
    let settings = SourceSettings {
        authorization: false,
        headers: headers(settings.headers).unwrap_or_else(by_default),
        cookies: settings.cookies.unwrap_or_default(),
        query_parameters,
    };
    checked(path, "keys", settings, problems, warnings)
}

fn headers(settings: Option<Vec<HeaderSourceSettings>>) -> Option<Vec<HeaderSource>> {
    let header =
        |header: HeaderSourceSettings| HeaderSource { name: header.name, prefix: header.prefix.unwrap_or_default() };
    Some(settings?.into_iter().map(header).collect())
}

fn checked(
    path: &str,
    what: &str,
    settings: SourceSettings,
    problems: &mut Problems,
    warnings: &mut Vec<String>,
) -> Option<Sources> {
    if !settings.query_parameters.is_empty() {
        warnings.push(format!(
            "{path}.danger_query_parameters: {what} in addresses end up in histories, logs and `Referer`"
        ));
    }
    match Sources::new(settings) {
        Ok(sources) => Some(sources),
        Err(flaws) => {
            for (place, flaw) in flaws {
                let at = if place.is_empty() { path.to_owned() } else { join(path, &place) };
                problems.add(at, flaw.to_string());
            }
            None
        }
    }
}

/// A place for credentials is nothing else: not for the other kind, not a header of ours, not what a limit counts by.
pub(super) fn apart(
    sources: &Sources,
    api_keys: Option<&ApiKeys>,
    forwarding: Option<&Forwarding>,
    limits: Option<&[LimitConfig]>,
    problems: &mut Problems,
) {
    let secrets = api_keys.map(ApiKeys::sources);
    let reads = |name: &str| {
        sources.reads_header(name.as_bytes()) || secrets.is_some_and(|secrets| secrets.reads_header(name.as_bytes()))
    };
    for name in forwarding.iter().flat_map(|forwarding| forwarding.headers()).filter(|name| reads(name)) {
        problems.add("forward", format!("the header `{name}` is one that carries credentials"));
    }
    if let Some(place) = secrets.and_then(|secrets| secrets.shared_with(sources)) {
        problems.add("api_keys.sources", format!("`{place}` is where tokens are looked for (`credentials`)"));
    }
    for LimitConfig { limit, .. } in limits.unwrap_or_default() {
        for (index, part) in limit.key.parts().iter().enumerate() {
            let Part::Header(name) = part else { continue };
            if reads(name) || ALWAYS.contains(&twin_key(name.as_bytes()).as_str()) {
                problems.add(
                    format!("rate_limits.{}.key[{index}].header", limit.name),
                    format!(
                        "`{name}` carries credentials, which nobody has looked at here; count by `subject` or `api_key`"
                    ),
                );
            }
        }
    }
}

/// What most APIs call it.
const DEFAULT_HEADER: &str = "x-api-key";
/// Headers of credentials, whoever reads them.
const ALWAYS: [&str; 4] = ["authorization", "proxy-authorization", "cookie", "dpop"];
