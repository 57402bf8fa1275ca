//! What a caller who is turned away is told, and the resource metadata.

use serde::Serialize;

use crate::config::problems::Problems;
use crate::config::settings::{AnswerSettings, PreflightSettings, RateLimitHeaderSettings, ResourceMetadataSettings};
use crate::config::{LimitHeaders, ProviderConfig, ResourceMetadata};
use crate::http::challenge::{Challenge, is_quotable};
use crate::provider::{IssuerRule, Scheme, Url};

pub(super) struct Answers {
    pub(super) challenge: Challenge,
    pub(super) resource_metadata: Option<ResourceMetadata>,
    pub(super) rate_limit_headers: LimitHeaders,
    pub(super) preflight_passes: bool,
}

pub(super) fn compile(
    settings: AnswerSettings,
    providers: &[Option<ProviderConfig>],
    problems: &mut Problems,
) -> Option<Answers> {
    let realm = settings.realm.as_deref().unwrap_or(DEFAULT_REALM);
    if !is_quotable(realm) {
        problems.add("answers.realm", "expected printable ASCII without `\"` and `\\`");
    }
    let metadata = match settings.resource_metadata {
        Some(settings) => Some(resource_metadata(settings, providers, problems)?),
        None => None,
    };
    let address = metadata.as_ref().map(|(address, _)| address.as_str());
    Some(Answers {
        challenge: Challenge::new(realm, address),
        resource_metadata: metadata.map(|(_, metadata)| metadata),
        rate_limit_headers: match settings.rate_limit_headers.unwrap_or(RateLimitHeaderSettings::Always) {
            RateLimitHeaderSettings::Always => LimitHeaders::Always,
            RateLimitHeaderSettings::Denied => LimitHeaders::Denied,
            RateLimitHeaderSettings::Never => LimitHeaders::Never,
        },
        preflight_passes: settings.cors_preflight == Some(PreflightSettings::Pass),
    })
}

/// RFC 9728 section 2.
#[derive(Serialize)]
struct Document {
    resource: String,
    authorization_servers: Vec<String>,
    bearer_methods_supported: [&'static str; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    scopes_supported: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_documentation: Option<String>,
}

/// The address that challenges name, and what is served there.
fn resource_metadata(
    settings: ResourceMetadataSettings,
    providers: &[Option<ProviderConfig>],
    problems: &mut Problems,
) -> Option<(String, ResourceMetadata)> {
    let at = "answers.resource_metadata.resource";
    let resource = match Url::parse(&settings.resource) {
        Ok(resource) if resource.scheme() == Scheme::Https && !resource.path_and_query().contains('?') => resource,
        Ok(_) | Err(_) => {
            problems.add(at, "expected an https address without query and fragment (RFC 9728 section 1.2)");
            return None;
        }
    };
    // Section 3.1: the well-known part goes between the host and the path; a slash alone is not a path.
    let path = match resource.path_and_query() {
        "/" => WELL_KNOWN.to_owned(),
        path => format!("{WELL_KNOWN}{path}"),
    };
    let document = Document {
        resource: settings.resource,
        authorization_servers: settings.authorization_servers.unwrap_or_else(|| plain_issuers(providers)),
        bearer_methods_supported: ["header"],
        scopes_supported: settings.scopes_supported,
        resource_name: settings.resource_name,
        resource_documentation: settings.resource_documentation,
    };
    let body = serde_json::to_vec(&document).ok()?;
    Some((format!("https://{}{path}", resource.authority()), ResourceMetadata { path, body }))
}

/// Issuers that a client can look up as they are; a template for many tenants is none.
fn plain_issuers(providers: &[Option<ProviderConfig>]) -> Vec<String> {
    let issuers = providers.iter().flatten().flat_map(|provider| provider.provider.issuers());
    let plain = issuers.filter_map(|issuer| match &issuer.rule {
        IssuerRule::Exact { issuer, .. } if issuer.starts_with("https://") => Some(issuer.clone()),
        IssuerRule::Exact { .. } | IssuerRule::Tenants { .. } => None,
    });
    plain.collect()
}

/// Says what it guards and nothing about the request.
const DEFAULT_REALM: &str = "api";

const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";
