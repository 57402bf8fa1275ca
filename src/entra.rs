//! stub
use crate::jose::SignedClaims;
use crate::provider::{Issuer, TenantId};
use serde_json::{Map, Value};
use std::fmt;
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntraFlaw {
    X,
}
impl EntraFlaw {
    pub fn reason(&self) -> &'static str {
        "x"
    }
}
impl fmt::Display for EntraFlaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("x")
    }
}
#[derive(Clone, Debug)]
pub enum Kind {
    Workforce { v1: bool, v2: bool },
    ExternalId { name: String },
    B2c { name: String, policy: String },
}
#[derive(Clone, Debug)]
pub enum Tenants {
    Any,
    One(TenantId),
    List(Vec<TenantId>),
}
#[derive(Clone, Debug)]
pub enum Cloud {
    Global,
    UsGovernment,
    China,
}
#[derive(Clone, Debug)]
pub struct EntraSettings {
    pub kind: Kind,
    pub tenants: Tenants,
    pub cloud: Cloud,
    pub app_id: Option<String>,
    pub cluster: String,
    pub jwks_cluster: Option<String>,
}
pub fn expand(_: &EntraSettings) -> Result<Vec<Issuer>, EntraFlaw> {
    Ok(vec![])
}
pub fn check(_: &SignedClaims) -> Result<(), EntraFlaw> {
    Ok(())
}
pub fn has_scope_or_role(_: &Map<String, Value>) -> bool {
    true
}
