//! API keys: each with its hash, its owner and what that one may do.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use serde_json::{Map, Value};

use super::access::AccessNames;
use super::sources;
use crate::access::schedule::instant;
use crate::api_key::text::{LONGEST_TEXT, is_plain};
use crate::api_key::{ApiKey, ApiKeys, KeyEntry, SecretHash, is_id};
use crate::audit::DECIDING;
use crate::certificate::holder;
use crate::config::named::Named;
use crate::config::problems::{Problems, join};
use crate::config::settings::{ApiKeySettings, ApiKeysSettings, ClaimValueSettings};
use crate::http::challenge::is_scope;
use crate::time::UnixTime;

/// Role to the ids of the keys that have it by their own entry.
pub(super) type Grants = BTreeMap<String, Vec<String>>;

/// Which keys name which roles, known or not.
pub(super) fn grants(settings: Option<&ApiKeysSettings>) -> Grants {
    let mut grants = Grants::new();
    for (id, key) in settings.into_iter().flat_map(|settings| &settings.keys.0) {
        for role in key.roles.iter().flatten() {
            grants.entry(role.clone()).or_default().push(id.clone());
        }
    }
    grants
}

/// `None` if there are faults, each noted.
pub(super) fn compile(
    settings: ApiKeysSettings,
    names: &AccessNames,
    roles: &[String],
    problems: &mut Problems,
    warnings: &mut Vec<String>,
) -> Option<ApiKeys> {
    let before = problems.len();
    let sources = sources::api_keys(settings.sources, problems, warnings);
    let notice = settings.notice.map_or(DEFAULT_NOTICE, |span| span.0);
    if notice > LONGEST_NOTICE {
        problems.add("api_keys.notice", "expected at most `365d`: a notice that is always there is not read");
    }
    if settings.keys.0.is_empty() {
        problems.add("api_keys.keys", "is empty; `portcullis api-key new` makes a key and its entry");
    }
    if settings.keys.0.len() > MOST_KEYS {
        problems.add("api_keys.keys", format!("has more than {MOST_KEYS} keys: each worker holds all of them"));
    }
    let keys: Vec<_> =
        settings.keys.0.into_iter().map(|(id, settings)| key(&id, settings, names, roles, problems)).collect();
    let keys = keys.into_iter().collect::<Option<Vec<_>>>()?;
    (problems.len() == before).then_some(ApiKeys::new(sources?, notice, keys))
}

fn key(
    id: &str,
    settings: ApiKeySettings,
    names: &AccessNames,
    roles: &[String],
    problems: &mut Problems,
) -> Option<KeyEntry> {
    let path = join("api_keys.keys", id);
    let before = problems.len();
    if !is_id(id) {
        problems.add(&*path, "the id of a key is 1 to 64 of a-z, 0-9 and `-`");
    }
    let hash = match SecretHash::parse(&settings.hash) {
        Ok(hash) => Some(hash),
        Err(flaw) => {
            problems.add(join(&path, "hash"), flaw.to_string());
            None
        }
    };
    let mut time = |name: &str, text: Option<&String>| -> Option<UnixTime> {
        instant(text?).map_err(|flaw| problems.add(join(&path, name), flaw.to_string())).ok()
    };
    let not_before = time("not_before", settings.not_before.as_ref());
    let expires = time("expires", settings.expires.as_ref());
    if not_before.zip(expires).is_some_and(|(start, end)| start >= end) {
        problems.add(join(&path, "expires"), "is not after `not_before`, so the key is never valid");
    }
    for (index, role) in settings.roles.iter().flatten().enumerate() {
        if !roles.contains(role) {
            problems.add_unknown(format!("{path}.roles[{index}]"), "role", role, roles);
        }
    }
    let networks = match &settings.networks {
        Some(texts) => names.networks(&join(&path, "networks"), texts, problems),
        None => Some(Vec::new()),
    };
    let claims = claims(&path, id, settings, problems);
    if problems.len() > before {
        return None;
    }
    let key = Rc::new(ApiKey::new(Rc::from(id), claims, expires));
    Some(KeyEntry { hash: hash?, key, not_before, networks: networks? })
}

/// What is known of the owner, in the words of a token: `sub`, `client_id` and `scope` are those of RFC 9068 section 2.2.
fn claims(path: &str, id: &str, settings: ApiKeySettings, problems: &mut Problems) -> Map<String, Value> {
    let mut claims = Map::new();
    for (name, value) in settings.claims.map_or_else(Vec::new, |Named(claims)| claims) {
        let at = format!("{path}.claims.{name}");
        if name.is_empty() || name.len() > LONGEST_TEXT {
            problems.add(&*at, format!("expected a name of 1 to {LONGEST_TEXT} bytes"));
        }
        if OURS.contains(&name.as_str())
            || holder::CLAIMS.contains(&name.as_str())
            || (name != "groups" && DECIDING.contains(&name.as_str()))
        {
            problems
                .add(&*at, "says what a key does not: the name is one of ours, or of a token's or a certificate's own");
        }
        let value = match value {
            ClaimValueSettings::One(text) => Value::String(text),
            ClaimValueSettings::List(texts) => texts.into_iter().map(Value::String).collect(),
        };
        claims.insert(name, value);
    }
    if !is_plain(&settings.owner) {
        problems.add(join(path, "owner"), format!("expected 1 to {LONGEST_TEXT} bytes of plain text"));
    }
    claims.insert("sub".to_owned(), Value::String(settings.owner));
    claims.insert("client_id".to_owned(), Value::String(id.to_owned()));
    for (index, scope) in settings.scopes.iter().flatten().enumerate() {
        if !is_scope(scope) {
            problems.add(
                format!("{path}.scopes[{index}]"),
                format!("`{scope}` is not a scope; expected printable ASCII without spaces, `\"` and `\\` (RFC 6749 section 3.3)"),
            );
        }
    }
    if let Some(scopes) = settings.scopes.filter(|scopes| !scopes.is_empty()) {
        claims.insert("scope".to_owned(), Value::String(scopes.join(" ")));
    }
    if let Some(plan) = settings.plan {
        if !is_plain(&plan) {
            problems.add(join(path, "plan"), format!("expected 1 to {LONGEST_TEXT} bytes of plain text"));
        }
        claims.insert("plan".to_owned(), Value::String(plan));
    }
    claims
}

/// Besides those that rules ask tokens about: what the entry says elsewhere, and what names a session or a token.
const OURS: [&str; 6] = ["plan", "sid", "uti", "jti", "cnf", "_claim_sources"];
/// Time for a person who is away for a week, and for a release after that.
const DEFAULT_NOTICE: Duration = Duration::from_secs(14 * 86_400);
const LONGEST_NOTICE: Duration = Duration::from_secs(365 * 86_400);
/// About ten megabytes in each worker.
const MOST_KEYS: usize = 10_000;
