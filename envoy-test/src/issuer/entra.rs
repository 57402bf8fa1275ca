//! An issuer in the shape of Microsoft Entra ID: its addresses, its documents, the claims of its v1 and v2 tokens.

use std::ops::Deref;

use serde_json::{Value, json};

use super::fault::Document;
use super::keys::base64url;
use super::{Issuer, now};

/// Microsoft Entra ID with one tenant. Everything an [`Issuer`] can, and tokens as Entra makes them.
///
/// Documents of the tenant and of the templates `organizations`, `common` and `consumers`, v1 and v2; `?appid=` is
/// carried on to `jwks_uri`. Any other tenant is answered as Entra does, with 400 `invalid_tenant`.
#[derive(Clone)]
pub struct Entra {
    issuer: Issuer,
    profile: EntraProfile,
}

impl Entra {
    pub(super) fn new(issuer: Issuer, profile: EntraProfile) -> Self {
        Self { issuer, profile }
    }

    /// The tenant id.
    #[must_use]
    pub fn tenant(&self) -> &str {
        &self.profile.tenant
    }

    /// The claims of a v2.0 access token of a user, as long as real ones (about 1.4 kB as a token).
    #[must_use]
    pub fn v2_claims(&self, audience: &str) -> Value {
        user_claims(audience, &self.profile.issuer_v2(), &self.profile.tenant, now())
    }

    /// The claims of a v1.0 access token of a user.
    #[must_use]
    pub fn v1_claims(&self, audience: &str) -> Value {
        let now = now();
        json!({
            "aud": audience,
            "iss": self.profile.issuer_v1(),
            "iat": now, "nbf": now, "exp": now + 4200,
            "acr": "1",
            "aio": AIO,
            "amr": ["pwd", "mfa"],
            "appid": CLIENT, "appidacr": "1",
            "family_name": "Lincoln", "given_name": "Abe",
            "ipaddr": "192.0.2.17",
            "name": "Abe Lincoln",
            "oid": "690222be-ff1a-4d56-abd1-7e4f7d38e474",
            "rh": "0.AXQAi_8IAAAAtAaZLo3ChMif6KOnttRB7eBq4.",
            "scp": "user_impersonation",
            "sub": "l3_roISQU222bULS9yi2k0XpqpOiMz5H3ZACo1GeXA",
            "tid": self.profile.tenant,
            "unique_name": "abe@contoso.example", "upn": "abe@contoso.example",
            "uti": "FVsGxYXI30-TuikuuUoFAA",
            "ver": "1.0",
        })
    }

    /// The claims of a v2.0 access token of an application that acts for itself: a role, no scope.
    #[must_use]
    pub fn app_claims(&self, audience: &str) -> Value {
        let now = now();
        json!({
            "aud": audience,
            "iss": self.profile.issuer_v2(),
            "iat": now, "nbf": now, "exp": now + 3900,
            "aio": "E2ZgYDj6bd2Ruy8t1zBZ2S9eHbgvUbvXFAA=",
            "azp": CLIENT, "azpacr": "2",
            "idtyp": "app",
            "oid": "8e8d8b1c-5b1f-4f0e-9a5b-6f9a3e0c7d55",
            "rh": "0.AXQAi_8IAAAAtAaZLo3ChMif6KOnttRB7eBq4.",
            "roles": ["Orders.Read.All"],
            "sub": "8e8d8b1c-5b1f-4f0e-9a5b-6f9a3e0c7d55",
            "tid": self.profile.tenant,
            "uti": "0G3xkQ0hdkeEv3bOZ7YAAA",
            "ver": "2.0",
        })
    }
}

impl Deref for Entra {
    type Target = Issuer;

    fn deref(&self) -> &Issuer {
        &self.issuer
    }
}

/// Where one cloud has what.
#[derive(Clone)]
pub(super) struct EntraProfile {
    login: String,
    sts: String,
    tenant: String,
}

impl EntraProfile {
    pub(super) fn new(login: &str, sts: &str, tenant: &str) -> Self {
        Self { login: login.to_owned(), sts: sts.to_owned(), tenant: tenant.to_owned() }
    }

    pub(super) fn host(&self) -> &str {
        &self.login
    }

    pub(super) fn issuer_v1(&self) -> String {
        format!("https://{}/{}/", self.sts, self.tenant)
    }

    pub(super) fn issuer_v2(&self) -> String {
        format!("https://{}/{}/v2.0", self.login, self.tenant)
    }

    /// Which document this path and query is, or the error that Entra gives.
    pub(super) fn route(&self, path: &str, query: &str) -> Result<Route, Option<Value>> {
        let Some((tenant, rest)) = path.trim_start_matches('/').split_once('/') else { return Err(None) };
        let (document, v2) = match rest {
            ".well-known/openid-configuration" => (Document::Discovery, false),
            "v2.0/.well-known/openid-configuration" => (Document::Discovery, true),
            "discovery/keys" => (Document::Keys, false),
            "discovery/v2.0/keys" => (Document::Keys, true),
            _ => return Err(None),
        };
        let template = matches!(tenant, "organizations" | "common" | "consumers");
        if !template && tenant != self.tenant {
            return Err(Some(
                json!({"error": "invalid_tenant", "error_description": "AADSTS90002: Tenant not found."}),
            ));
        }
        Ok(Route { document, v2, tenant: tenant.to_owned(), template, query: query.to_owned() })
    }

    pub(super) fn discovery(&self, route: &Route) -> Value {
        let Self { login, sts, .. } = self;
        let tenant = &route.tenant;
        // The literal braces are Entra's.
        let issued = if route.template { "{tenantid}" } else { tenant };
        let query = if route.query.is_empty() { String::new() } else { format!("?{}", route.query) };
        let (issuer, keys, oauth2) = if route.v2 {
            (format!("https://{login}/{issued}/v2.0"), "discovery/v2.0/keys", "oauth2/v2.0")
        } else {
            (format!("https://{sts}/{issued}/"), "discovery/keys", "oauth2")
        };
        json!({
            "token_endpoint": format!("https://{login}/{tenant}/{oauth2}/token"),
            "jwks_uri": format!("https://{login}/{tenant}/{keys}{query}"),
            "response_modes_supported": ["query", "fragment", "form_post"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "issuer": issuer,
            "authorization_endpoint": format!("https://{login}/{tenant}/{oauth2}/authorize"),
            "tenant_region_scope": if route.template { Value::Null } else { json!("EU") },
            "cloud_instance_name": "microsoftonline.com",
        })
    }

    /// What Entra adds to each key: a certificate, and in v2 the issuer that may use it.
    pub(super) fn decorate(&self, route: &Route, jwk: &mut Value) {
        jwk["x5t"] = jwk["kid"].clone();
        // Not a certificate, but as long as one: nobody may look into it.
        jwk["x5c"] = json!([format!("MIIC{}", base64url(&[0x5A; 720]))]);
        if route.v2 {
            jwk["issuer"] = json!(format!("https://{}/{{tenantid}}/v2.0", self.login));
        }
    }
}

/// A document of Entra.
pub(super) struct Route {
    pub(super) document: Document,
    v2: bool,
    tenant: String,
    template: bool,
    query: String,
}

/// The claims of a v2.0 access token of a user, valid for 70 minutes from `now` (seconds since 1970).
pub(super) fn user_claims(audience: &str, issuer: &str, tenant: &str, now: u64) -> Value {
    json!({
        "aud": audience,
        "iss": issuer,
        "iat": now, "nbf": now, "exp": now + 4200,
        "aio": AIO,
        "azp": CLIENT, "azpacr": "1",
        "name": "Abe Lincoln",
        "oid": "690222be-ff1a-4d56-abd1-7e4f7d38e474",
        "preferred_username": "abe@contoso.example",
        "rh": "0.AXQAi_8IAAAAtAaZLo3ChMif6KOnttRB7eBq4.",
        "roles": ["Orders.Approve"],
        "scp": "orders.read orders.write",
        "sid": "00201a7b-1ab0-4f5d-9c51-9a5b1a02a2c1",
        "sub": "HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ",
        "tid": tenant,
        "uti": "fqiBqXLPj0eQa82S-IYFAA",
        "ver": "2.0",
        "wids": ["b79fbf4d-3ef9-4689-8143-76b194e85509"],
    })
}

const CLIENT: &str = "6e74172b-be56-4843-9ff4-e66a39bb12e3";

/// An opaque claim of Entra, which gives tokens their size.
const AIO: &str = "AXQAi/8IAAAAtAaZLo3ChMif6KOnttRB7eBq4/DccQzjcJGxPYy/C3jDaNGxXd6wNIIVGRghNRnwJ1lOcAnNZcjvkoyrFxCttv\
                   33140RioOFJ4bCCGVuoCag1uOTT22222gHwLPYQ/uf79QX+0KIijdrmp69RctzmQ==";
