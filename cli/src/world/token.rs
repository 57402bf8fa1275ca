//! Tokens of the offline world: ordinary ones of a provider, and everything about them can be changed.

use portcullis::provider::IssuerRule;
use portcullis::time::UnixTime;
use serde_json::{Map, Value, json};

use super::keys::base64url;
use super::opaque::Opaque;
use super::{Signer, World, some_tenant};

/// What a token is to be.
#[derive(Clone, Debug, Default)]
pub struct TokenSpec {
    /// Whose; may be left out where there is one provider.
    pub provider: Option<String>,
    /// A user's or an application's; of Entra ID only.
    pub kind: Kind,
    /// Version 1 or 2 of Entra's tokens; the newest accepted one if left out.
    pub version: Option<Version>,
    /// The tenant of Entra ID; one that is accepted if left out.
    pub tenant: Option<String>,
    /// Claims as they shall be. `{"now": N}` is N seconds from now.
    pub claims: Map<String, Value>,
    /// Claims that shall not be there.
    pub without: Vec<String>,
    /// Members of the header; null leaves one out.
    pub header: Map<String, Value>,
    /// Signed by a stranger under the issuer's key id.
    pub forged: bool,
    /// An opaque token, and what is answered to who asks about it; a JWT if left out.
    pub opaque: Option<Opaque>,
}

/// Who is to have the token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// A person.
    #[default]
    User,
    /// A program that acts for itself.
    App,
}

/// A version of Entra's tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// `https://sts.windows.net/`
    V1,
    /// `https://login.microsoftonline.com/`
    V2,
}

impl World {
    /// The token, signed at `now`.
    ///
    /// # Errors
    /// A provider or a version that there is not.
    pub fn mint(&self, spec: &TokenSpec, now: UnixTime) -> Result<String, String> {
        let signer = self.signer(spec)?;
        let claims = ordinary(signer, spec, now);
        match &spec.opaque {
            Some(opaque) => signer.introspected(opaque, spec, claims, now),
            None => Ok(signer.sign(spec, claims, now)),
        }
    }

    fn signer(&self, spec: &TokenSpec) -> Result<&Signer, String> {
        let known = self.providers();
        let listed = || known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let name = match (&spec.provider, known.as_slice()) {
            (Some(name), _) => name.as_str(),
            (None, [only]) => only,
            (None, _) => return Err(format!("needs `provider`: one of {}", listed())),
        };
        let mut signers = self.signers().iter().filter(|signer| signer.provider == name).peekable();
        if signers.peek().is_none() {
            return Err(format!("there is no provider `{name}`; known: {}", listed()));
        }
        let fits = |signer: &&Signer| match spec.version {
            None => true,
            Some(version) => version_of(signer) == Some(version),
        };
        let mut fitting = signers.filter(fits);
        fitting.next().ok_or_else(|| format!("provider `{name}` has no tokens of this version"))
    }
}

impl Signer {
    /// A token with `claims`, changed as `spec` says.
    pub(crate) fn sign(&self, spec: &TokenSpec, claims: Map<String, Value>, now: UnixTime) -> String {
        let claims = spec.changed(claims, now);
        let key = if spec.forged { self.key.impostor() } else { self.key.clone() };
        let mut header = Map::new();
        header.insert("alg".to_owned(), json!(key.algorithm().name()));
        header.insert("typ".to_owned(), json!(if self.profile { "at+jwt" } else { "JWT" }));
        if let Some(kid) = key.kid() {
            header.insert("kid".to_owned(), json!(kid));
        }
        for (name, value) in &spec.header {
            header.remove(name);
            if !value.is_null() {
                header.insert(name.clone(), value.clone());
            }
        }
        let part = |members: Map<String, Value>| base64url(Value::Object(members).to_string().as_bytes());
        let signed = format!("{}.{}", part(header), part(claims));
        let signature = base64url(&key.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }
}

impl Signer {
    /// An opaque token of which its server says `claims`, changed as `spec` says.
    ///
    /// # Errors
    /// The provider has no such server.
    pub(crate) fn introspected(
        &self,
        opaque: &Opaque,
        spec: &TokenSpec,
        mut claims: Map<String, Value>,
        now: UnixTime,
    ) -> Result<String, String> {
        let endpoint = self.endpoint.as_ref();
        let endpoint = endpoint.ok_or(format!("provider `{}` has no `introspection`", self.provider))?;
        claims.insert("active".to_owned(), json!(true));
        claims.insert("token_type".to_owned(), json!("Bearer"));
        Ok(endpoint.token(opaque, spec.changed(claims, now)))
    }
}

impl TokenSpec {
    /// `claims` with those that shall be so, and without those that shall not be there.
    fn changed(&self, mut claims: Map<String, Value>, now: UnixTime) -> Map<String, Value> {
        for (name, value) in &self.claims {
            claims.insert(name.clone(), moment(value, now));
        }
        for name in &self.without {
            claims.remove(name);
        }
        claims
    }
}

fn version_of(signer: &Signer) -> Option<Version> {
    let (IssuerRule::Exact { issuer: text, .. } | IssuerRule::Tenants { suffix: text, .. }) = &signer.rule;
    signer.entra.then(|| if text.trim_end_matches('/').ends_with("v2.0") { Version::V2 } else { Version::V1 })
}

/// What the provider's tokens usually say. Entra's are those of its documentation, without what nobody decides by.
fn ordinary(signer: &Signer, spec: &TokenSpec, now: UnixTime) -> Map<String, Value> {
    let seconds = now.as_secs();
    let tenant = spec.tenant.clone().or_else(|| some_tenant(&signer.rule));
    let issuer = match &signer.rule {
        IssuerRule::Exact { issuer, .. } => issuer.clone(),
        IssuerRule::Tenants { prefix, suffix, .. } => {
            format!("{prefix}{}{suffix}", tenant.as_deref().unwrap_or_default())
        }
    };
    let mut claims = json!({"iss": issuer, "iat": seconds, "nbf": seconds, "exp": seconds.saturating_add(3600)});
    let more = match (version_of(signer), spec.kind) {
        (None, _) => json!({"sub": "user-1", "client_id": "client-1", "jti": "token-1"}),
        (Some(version), kind) => {
            let (subject, mark) = match kind {
                Kind::User => (PAIRWISE, json!({"oid": USER, "scp": "access_as_user"})),
                Kind::App => (APP, json!({"oid": APP, "idtyp": "app"})),
            };
            let client = match version {
                Version::V1 => json!({"ver": "1.0", "appid": CLIENT, "appidacr": "1"}),
                Version::V2 => json!({"ver": "2.0", "azp": CLIENT, "azpacr": "1"}),
            };
            merged([json!({"sub": subject, "uti": "fqiBqXLPj0eQa82S-IYFAA"}), mark, client])
        }
    };
    claims = merged([claims, more]);
    let Value::Object(mut claims) = claims else { return Map::new() };
    if let Some(audience) = &signer.audience {
        claims.insert("aud".to_owned(), json!(audience));
    }
    if let Some(tenant) = tenant.filter(|_| signer.entra) {
        claims.insert("tid".to_owned(), json!(tenant));
    }
    if let Some(policy) = &signer.policy {
        claims.insert("tfp".to_owned(), json!(policy));
    }
    claims
}

fn merged<const N: usize>(parts: [Value; N]) -> Value {
    let members = parts.into_iter().filter_map(|part| match part {
        Value::Object(members) => Some(members),
        _ => None,
    });
    Value::Object(members.flatten().collect())
}

/// `{"now": N}` as the moment N seconds from `now`; anything else as it is.
pub(super) fn moment(value: &Value, now: UnixTime) -> Value {
    match value.as_object().map(|members| (members.len(), members.get("now").and_then(Value::as_i64))) {
        Some((1, Some(seconds))) => json!(now.as_secs().saturating_add_signed(seconds)),
        _ => value.clone(),
    }
}

const USER: &str = "690222be-ff1a-4d56-abd1-7e4f7d38e474";
const PAIRWISE: &str = "HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ";
const APP: &str = "8e8d8b1c-5b1f-4f0e-9a5b-6f9a3e0c7d55";
const CLIENT: &str = "6e74172b-be56-4843-9ff4-e66a39bb12e3";
