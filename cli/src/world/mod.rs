//! An offline world: every issuer of a configuration, with keys of its own making, so that tokens with any claims are
//! checked by the real engine with real signatures, and nothing is asked of a network.
//!
//! - [`keys`]: keys and signatures
//! - [`api_key`]: API keys whose secrets are known here
//! - [`opaque`]: tokens that only their authorization server can read
//! - [`token`]: tokens, ordinary unless told otherwise
//! - [`certificate`]: client certificates
//! - [`proof`]: proofs of possession
//! - [`host`]: what an engine asks of its host
//! - `limits`: who counts limits that are counted elsewhere

pub mod api_key;
pub mod certificate;
pub mod host;
pub mod keys;
mod limits;
pub mod opaque;
pub mod proof;
pub mod token;

use std::collections::HashMap;

use portcullis::config::{Config, Problems};
use portcullis::engine::{Engine, Host};
use portcullis::jose::Algorithm;
use portcullis::provider::{Fetched, Issuer, IssuerRef, IssuerRule, KeyIssuer, KeySource, TenantSet};
use portcullis::time::UnixTime;
use portcullis::token::TokenRules;
use serde_json::{Value, json};

use api_key::ApiKeys;
use keys::SigningKey;
use opaque::Endpoint;

/// Where `${NAME}` comes from.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Whose keys stand behind the providers of a configuration.
#[derive(Clone, Debug, Default)]
pub enum Keys {
    /// Keys made here: tokens are minted.
    #[default]
    Own,
    /// These, a JWK set, for every provider whose keys would be fetched: tokens are real.
    Given(Value),
    /// None: only what the configuration itself has.
    None,
}

/// Every issuer of one configuration.
#[derive(Debug)]
pub struct World {
    issuers: Vec<Signer>,
    /// By authority and path, query included.
    documents: HashMap<(String, String), Value>,
    api_keys: ApiKeys,
}

/// One issuer, and the key that it signs with.
#[derive(Clone, Debug)]
pub(crate) struct Signer {
    pub(crate) provider: String,
    pub(crate) rule: IssuerRule,
    pub(crate) key: SigningKey,
    pub(crate) audience: Option<String>,
    pub(crate) entra: bool,
    pub(crate) profile: bool,
    pub(crate) policy: Option<String>,
    /// Where its opaque tokens are asked about.
    pub(crate) endpoint: Option<Endpoint>,
}

impl World {
    /// The configuration in `document`, compiled, and the world around it. Providers with keys in the configuration get other
    /// keys: nobody here can sign with those.
    ///
    /// # Errors
    /// Every fault of the configuration.
    pub fn open(document: &Value, environment: Environment<'_>) -> Result<(Config, Self), Problems> {
        let (mut document, fixed) = with_own_keys(document);
        let api_keys = ApiKeys::of(&document);
        api_keys.give(&mut document);
        let config = Config::load(document.to_string().as_bytes(), environment)?;
        let world = Self { api_keys, ..Self::around(&config, &fixed, &Keys::Own) };
        Ok((config, world))
    }

    /// The configuration as a filter in this world must have it: [`World::open`] with a world that exists.
    #[must_use]
    pub fn document(&self, document: &Value) -> Value {
        let mut document = document.clone();
        for signer in &self.issuers {
            let Some(provider) = document.pointer_mut(&format!("/providers/{}", signer.provider)) else { continue };
            give_key(provider, &signer.key);
            give_secret(provider);
        }
        self.api_keys.give(&mut document);
        document
    }

    /// The world around a configuration that stays as it is.
    #[must_use]
    pub fn with_keys(config: &Config, keys: &Keys) -> Self {
        Self::around(config, &HashMap::new(), keys)
    }

    fn around(config: &Config, fixed: &HashMap<String, SigningKey>, keys: &Keys) -> Self {
        let mut world = Self { issuers: Vec::new(), documents: HashMap::new(), api_keys: ApiKeys::default() };
        let mut by_address: HashMap<String, SigningKey> = HashMap::new();
        for (place, provider, issuer, rules) in config.issuers() {
            let address = address(place, issuer);
            let key = match fixed.get(provider) {
                Some(key) => key.clone(),
                None => by_address
                    .entry(address)
                    .or_insert_with(|| SigningKey::generate(preferred(rules), &format!("{provider}-{}", place.issuer)))
                    .clone(),
            };
            world.publish(place, issuer, &key, keys);
            world.issuers.push(Signer {
                provider: provider.to_owned(),
                rule: issuer.rule.clone(),
                key,
                audience: rules.audiences.as_ref().and_then(|audiences| audiences.first().cloned()),
                entra: rules.entra.is_some(),
                profile: rules.access_token_profile,
                policy: rules.entra.as_ref().and_then(|entra| entra.policy().map(str::to_owned)),
                // Of a real token nobody here knows what it is.
                endpoint: config.introspection(place.provider).map(Endpoint::of).filter(|_| matches!(keys, Keys::Own)),
            });
        }
        world
    }

    fn publish(&mut self, place: IssuerRef, issuer: &Issuer, key: &SigningKey, keys: &Keys) {
        let mut jwk = key.jwk();
        if issuer.key_rule.issuer == KeyIssuer::Required
            && let IssuerRule::Tenants { prefix, suffix, .. } = &issuer.rule
        {
            let template = json!(format!("{prefix}{{tenantid}}{suffix}"));
            jwk.as_object_mut().and_then(|members| members.insert("issuer".to_owned(), template));
        }
        let set = match keys {
            Keys::Own => json!({ "keys": [jwk] }),
            Keys::Given(set) => set.clone(),
            Keys::None => return,
        };
        match &issuer.source {
            KeySource::Discovery { address, issuer: expected, .. } => {
                let path = format!("/portcullis-keys/{}/{}", place.provider, place.issuer);
                let scheme = address.scheme().name();
                let document = json!({
                    "issuer": expected.as_str(),
                    "jwks_uri": format!("{scheme}://{}{path}", address.authority()),
                });
                let at = (address.authority().to_owned(), address.path_and_query().to_owned());
                self.documents.entry(at).or_insert(document);
                self.documents.insert((address.authority().to_owned(), path), set);
            }
            KeySource::Jwks { address, .. } => {
                let at = (address.authority().to_owned(), address.path_and_query().to_owned());
                self.documents.entry(at).or_insert(set);
            }
            KeySource::Fixed(_) => {}
        }
    }

    /// What an issuer answers at `authority` and `path` (with its query): to a GET, whose `body` is empty, or to a POST.
    /// Always in JSON, or what should be.
    #[must_use]
    pub fn answer(&self, authority: &str, path: &str, body: &[u8]) -> Option<(u16, Vec<u8>)> {
        if !body.is_empty() {
            return self.introspect(authority, path, body);
        }
        let document = self.documents.get(&(authority.to_owned(), path.to_owned()))?;
        serde_json::to_vec(document).ok().map(|document| (200, document))
    }

    /// Answers everything that `engine` asks for.
    pub fn serve(&self, engine: &mut Engine, host: &mut dyn Host, now: UnixTime) {
        // Each fetch may bring another; a fetch that failed is not repeated at the same moment.
        for _ in 0..MOST_ROUNDS {
            let fetches = engine.poll(now, host);
            if fetches.is_empty() {
                return;
            }
            for (purpose, fetch) in fetches {
                let body = fetch.post.as_ref().map_or(&[][..], |post| &post.body);
                let fetched = match self.answer(&fetch.authority, &fetch.path, body) {
                    _ if fetch.grpc => limits::answer(body),
                    Some((status, body)) => {
                        let headers = vec![(b"content-type".to_vec(), b"application/json".to_vec())];
                        Fetched::Response { status, headers, body }
                    }
                    None => Fetched::Failed,
                };
                engine.handle_response(purpose, now, host, fetch.id, fetched);
            }
        }
    }

    /// The names of the providers, each once, in the order of the configuration.
    #[must_use]
    pub fn providers(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for signer in &self.issuers {
            if !names.contains(&signer.provider.as_str()) {
                names.push(&signer.provider);
            }
        }
        names
    }

    pub(crate) fn signers(&self) -> &[Signer] {
        &self.issuers
    }
}

/// Names what keys are published under.
fn address(place: IssuerRef, issuer: &Issuer) -> String {
    match &issuer.source {
        KeySource::Discovery { address, .. } | KeySource::Jwks { address, .. } => address.to_string(),
        KeySource::Fixed(_) => format!("{}/{}", place.provider, place.issuer),
    }
}

/// The cheapest algorithm that the provider takes; a key for RSA takes a second to make.
fn preferred(rules: &TokenRules) -> Algorithm {
    let cheapest_first = ["ES256", "EdDSA", "ES384", "ES512", "RS256", "PS256", "RS384", "PS384", "RS512", "PS512"];
    let mut known = cheapest_first.iter().filter_map(|name| Algorithm::from_name(name));
    known.find(|algorithm| rules.algorithms.contains(*algorithm)).unwrap_or(Algorithm::ES256)
}

/// The configuration with keys of ours where it has keys of its own, and those keys by provider.
fn with_own_keys(document: &Value) -> (Value, HashMap<String, SigningKey>) {
    let mut document = document.clone();
    let mut keys = HashMap::new();
    let providers = document.get_mut("providers").and_then(Value::as_object_mut);
    for (name, provider) in providers.into_iter().flatten() {
        let has = |member: &str| provider.get(member).is_some_and(|value| !value.is_null());
        let key = if has("secret") {
            let algorithm = provider.pointer("/secret/algorithm").and_then(Value::as_str).unwrap_or_default();
            let kid = provider.pointer("/secret/kid").and_then(Value::as_str).map(str::to_owned);
            Algorithm::from_name(algorithm).map(|algorithm| SigningKey::secret(algorithm, kid))
        } else if has("jwks") || has("pem") {
            let wanted = provider.get("algorithms").and_then(Value::as_array);
            let wanted = wanted.and_then(|names| Algorithm::from_name(names.first()?.as_str()?));
            Some(SigningKey::generate(wanted.unwrap_or(Algorithm::ES256), &format!("{name}-0")))
        } else {
            None
        };
        give_secret(provider);
        if let Some(key) = key {
            give_key(provider, &key);
            keys.insert(name.clone(), key);
        }
    }
    (document, keys)
}

/// Puts `key` where a provider of the configuration has keys of its own.
fn give_key(provider: &mut Value, key: &SigningKey) {
    let Some(members) = provider.as_object_mut() else { return };
    if let Some(secret) = members.get_mut("secret").and_then(Value::as_object_mut) {
        if let Some(value) = key.secret_value() {
            secret.insert("value".to_owned(), Value::String(value));
        }
        return;
    }
    let had = [members.remove("jwks"), members.remove("pem")];
    if had.iter().flatten().any(|value| !value.is_null()) {
        members.insert("jwks".to_owned(), json!({ "keys": [key.jwk()] }));
    }
}

/// The servers here ask no client for its secret, which the environment would have.
fn give_secret(provider: &mut Value) {
    if let Some(secret) = provider.pointer_mut("/introspection/client/secret") {
        *secret = json!("not checked");
    }
}

/// A tenant that `rule` accepts.
pub(crate) fn some_tenant(rule: &IssuerRule) -> Option<String> {
    match rule {
        IssuerRule::Exact { tenant, .. } => tenant.as_ref().map(|tenant| tenant.as_str().to_owned()),
        IssuerRule::Tenants { tenants: TenantSet::Only(tenants), .. } => {
            tenants.first().map(|tenant| tenant.as_str().to_owned())
        }
        IssuerRule::Tenants { tenants: TenantSet::AllBut(_), .. } => Some(ANY_TENANT.to_owned()),
    }
}

/// What a token says where any tenant will do.
const ANY_TENANT: &str = "11111111-2222-4333-8444-555555555555";

/// Discovery and keys are two; more than that and somebody asks in circles.
const MOST_ROUNDS: usize = 8;
