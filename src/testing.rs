//! What unit tests of the core share: an issuer with a key, and a host in memory. Not part of the module.

use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use ed25519_dalek::{Signer, SigningKey};
use serde_json::{Value, json};

use crate::access::Properties;
use crate::binding::Entropy;
use crate::entra::{Checks, Cloud, Directory, EntraSettings, Tenants, Versions};
use crate::jose::{
    AlgorithmSet, Hash, KeyOrigin, KeySet, NativeVerifier, SignaturePolicy, SignedClaims, TokenLimits, Unverified,
    VerificationKey, base64url,
};
use crate::provider::{CasMismatch, Issuer, IssuerRef, IssuerRule, KeyRule, KeySource, SharedData};
use crate::time::UnixTime;
use crate::token::{self, TokenRules, VerifiedToken};

/// An issuer with one Ed25519 key; the same `name` has the same key.
pub(crate) struct TestIssuer {
    key: SigningKey,
    kid: String,
}

impl TestIssuer {
    pub(crate) fn new(name: &str) -> Self {
        let mut secret = [7; 32];
        for (byte, letter) in secret.iter_mut().zip(name.bytes()) {
            *byte = letter;
        }
        Self { key: SigningKey::from_bytes(&secret), kid: format!("{name}-key") }
    }

    /// Its public key as a JWK.
    pub(crate) fn jwk(&self) -> Value {
        let x = base64url::encode(self.key.verifying_key().as_bytes());
        json!({ "kty": "OKP", "crv": "Ed25519", "kid": self.kid, "x": x })
    }

    /// A token with these claims.
    pub(crate) fn token(&self, claims: &Value) -> String {
        self.token_with(&json!({ "alg": "EdDSA", "kid": self.kid, "typ": "JWT" }), claims)
    }

    /// A token with this header, whatever it says, signed.
    pub(crate) fn token_with(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| base64url::encode(value.to_string().as_bytes());
        let input = format!("{}.{}", part(header), part(claims));
        format!("{input}.{}", base64url::encode(&self.key.sign(input.as_bytes()).to_bytes()))
    }

    /// The claims as the walk sees them once the signature is checked.
    pub(crate) fn signed(&self, claims: &Value) -> SignedClaims {
        self.verified(&self.token(claims), json!({}))
    }

    /// The same with another header, and more members in the key's JWK.
    pub(crate) fn signed_with(&self, header: &Value, claims: &Value, in_key: Value) -> SignedClaims {
        self.verified(&self.token_with(header, claims), in_key)
    }

    fn verified(&self, token: &str, in_key: Value) -> SignedClaims {
        let mut jwk = self.jwk();
        jwk.as_object_mut().unwrap().extend(in_key.as_object().unwrap().clone());
        let key = Rc::new(VerificationKey::from_jwk(jwk.as_object().unwrap(), KeyOrigin::Remote).unwrap());
        let unverified = Unverified::parse(token.as_bytes(), &TokenLimits::default()).unwrap();
        unverified.verify(&key, &mut MemoryHost::default(), SignaturePolicy::PreferNative).unwrap()
    }
}

/// A host that has shared data and nothing else.
#[derive(Debug, Default)]
pub(crate) struct MemoryHost {
    shared: HashMap<String, (Vec<u8>, u32)>,
    pub(crate) properties: HashMap<String, Vec<u8>>,
}

impl MemoryHost {
    /// Bytes of shared values.
    pub(crate) fn shared_bytes(&self) -> usize {
        self.shared.values().map(|(value, _)| value.len()).sum()
    }
}

impl SharedData for MemoryHost {
    fn get(&mut self, key: &str) -> Option<(Vec<u8>, u32)> {
        self.shared.get(key).cloned()
    }

    fn set(&mut self, key: &str, value: &[u8], cas: u32) -> Result<(), CasMismatch> {
        let version = self.shared.get(key).map_or(0, |(_, version)| *version);
        if cas != 0 && cas != version {
            return Err(CasMismatch);
        }
        self.shared.insert(key.to_owned(), (value.to_vec(), version.wrapping_add(1)));
        Ok(())
    }
}

/// The same in every run.
impl Entropy for MemoryHost {
    fn fill(&mut self, bytes: &mut [u8]) -> bool {
        bytes.fill(0x5a);
        true
    }
}

impl Properties for MemoryHost {
    fn property(&mut self, path: &str) -> Option<Vec<u8>> {
        self.properties.get(path).cloned()
    }
}

impl NativeVerifier for MemoryHost {
    fn verify(&mut self, _: Hash, _: &[u8], _: &[u8], _: &[u8]) -> Option<bool> {
        None
    }
}

/// When the tokens below were made.
pub(crate) const NOW: u64 = 1_800_000_000;
/// Their tenant, where they are Entra's.
pub(crate) const TENANT: &str = "11111111-aaaa-4bbb-8ccc-222222222222";

/// A verified token of Entra ID (provider 0) with these claims besides those that each one has.
pub(crate) fn entra_token(claims: &Value) -> Rc<VerifiedToken> {
    let settings = EntraSettings {
        directory: Directory::Workforce(Tenants::One(TENANT.parse().unwrap())),
        cloud: Cloud::Global,
        versions: Versions::Both,
        app_id: None,
    };
    let own = json!({ "iss": format!("https://login.microsoftonline.com/{TENANT}/v2.0"), "tid": TENANT, "sub": "s-1" });
    let issuer = settings.issuers("login", None).unwrap().remove(0);
    verified_token(own, claims, 0, &issuer, Some(settings.checks(false)))
}

/// A verified token of another issuer (provider 1) with these claims besides.
pub(crate) fn other_token(claims: &Value) -> Rc<VerifiedToken> {
    let own = json!({ "iss": "https://idp.example", "sub": "u-1" });
    let source = KeySource::Fixed(KeySet::new(vec![]));
    let issuer = Issuer { rule: IssuerRule::exact("https://idp.example"), key_rule: KeyRule::default(), source };
    verified_token(own, claims, 1, &issuer, None)
}

fn verified_token(
    mut all: Value,
    claims: &Value,
    provider: usize,
    issuer: &Issuer,
    entra: Option<Checks>,
) -> Rc<VerifiedToken> {
    all["exp"] = json!(NOW + 600);
    all["aud"] = json!("api://orders");
    all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
    let rules = TokenRules {
        audiences: None,
        algorithms: AlgorithmSet::ASYMMETRIC,
        access_token_profile: false,
        clock_skew: Duration::from_secs(60),
        max_lifetime: None,
        max_age: None,
        entra,
    };
    let stated = json!({ "issuer": "https://login.microsoftonline.com/{tenantid}/v2.0" });
    let signed = TestIssuer::new("idp").signed_with(&json!({ "alg": "EdDSA", "typ": "JWT" }), &all, stated);
    let place = IssuerRef { provider, issuer: 0 };
    Rc::new(token::accept(place, issuer, &rules, signed, UnixTime::from_secs(NOW)).unwrap())
}
