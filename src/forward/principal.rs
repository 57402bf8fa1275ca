//! `X-MS-CLIENT-PRINCIPAL` and its companions, so that an application written for Azure App Service or Container Apps
//! authentication works behind this filter unchanged.
//!
//! The form is that of "Work with user identities in Azure App Service authentication" (MicrosoftDocs): standard
//! Base64, with padding, of `{"auth_typ", "claims": [{"typ", "val"}], "name_typ", "role_typ"}`, every `val` a string,
//! a list one entry for each member. App Service renames some claims on the way (its "default claims mapping"); the
//! same ones are renamed here.
//!
//! One thing differs, on purpose: App Service names a `role_typ` that none of its claims has, so that role checks of
//! .NET fail unless the application works around it. Here `role_typ` is `roles`, the claim there is; a workaround that
//! looks for `roles` keeps working.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::{Map, Value};

use super::ForwardedIdentity;
use super::claim::text;
use crate::http::HeaderValue;

/// The headers that [`headers`] sets.
pub const HEADERS: [&str; 4] = [PRINCIPAL, PRINCIPAL_ID, PRINCIPAL_NAME, PRINCIPAL_IDP];

/// The headers for an identity; nothing if the claims have more than `limit` bytes when written out. A caller without
/// an identifier or a name, such as an application, has no header for it.
#[must_use]
pub fn headers(identity: &ForwardedIdentity<'_>, limit: usize) -> Option<Vec<(&'static str, HeaderValue)>> {
    let claims = entries(identity.claims, limit)?;
    let name = first_text(identity.claims, &NAME_CLAIMS);
    let principal = Principal {
        auth_typ: identity.identity_provider,
        claims,
        name_typ: mapped(name.map_or("name", |(claim, _)| claim)),
        role_typ: "roles",
    };
    let json = serde_json::to_vec(&principal).ok()?;
    let id = first_text(identity.claims, &ID_CLAIMS);
    let mut headers = vec![(PRINCIPAL, HeaderValue::escaped(&STANDARD.encode(json)))];
    headers.extend(id.map(|(_, id)| (PRINCIPAL_ID, HeaderValue::escaped(id))));
    headers.extend(name.map(|(_, name)| (PRINCIPAL_NAME, HeaderValue::escaped(name))));
    headers.push((PRINCIPAL_IDP, HeaderValue::escaped(identity.identity_provider)));
    Some(headers)
}

#[derive(Serialize)]
struct Principal<'a> {
    auth_typ: &'a str,
    claims: Vec<Entry<'a>>,
    name_typ: &'a str,
    role_typ: &'a str,
}

#[derive(Serialize)]
struct Entry<'a> {
    typ: &'a str,
    val: String,
}

/// A claim that already has one of the long names is left out: a tenant's administrators may name claims as they like
/// (but for Entra's restricted names), and the application could not tell theirs from a renamed one.
///
/// Counts as it goes: a short list under a long name would otherwise grow with the product of both.
fn entries(claims: &Map<String, Value>, limit: usize) -> Option<Vec<Entry<'_>>> {
    let mut left = limit;
    let mut entries = Vec::new();
    for (name, claim) in claims.iter().filter(|(name, _)| !MAPPING.iter().any(|(_, uri)| name == uri)) {
        let typ = mapped(name);
        let values = claim.as_array().map_or(std::slice::from_ref(claim), Vec::as_slice);
        for value in values.iter().filter(|value| !value.is_null()) {
            let val = text(value);
            left = left.checked_sub(typ.len())?.checked_sub(val.len())?.checked_sub(BYTES_AROUND_ENTRY)?;
            entries.push(Entry { typ, val });
        }
    }
    Some(entries)
}

fn first_text<'a>(claims: &'a Map<String, Value>, names: &[&'static str]) -> Option<(&'static str, &'a str)> {
    names.iter().find_map(|name| Some((*name, claims.get(*name)?.as_str()?)))
}

fn mapped(claim: &str) -> &str {
    MAPPING.iter().find(|(name, _)| *name == claim).map_or(claim, |(_, uri)| uri)
}

const PRINCIPAL: &str = "x-ms-client-principal";
const PRINCIPAL_ID: &str = "x-ms-client-principal-id";
const PRINCIPAL_NAME: &str = "x-ms-client-principal-name";
const PRINCIPAL_IDP: &str = "x-ms-client-principal-idp";

/// Entra's `sub` differs for each application; its `oid` does not, and is what App Service shows.
const ID_CLAIMS: [&str; 2] = ["oid", "sub"];

/// For people to read, never to decide by.
const NAME_CLAIMS: [&str; 5] = ["preferred_username", "upn", "unique_name", "email", "name"];

/// The claims that App Service renames: those of the inbound claim map of Microsoft's `System.IdentityModel.Tokens.Jwt`
/// that Entra issues. `roles` is in that map too, but captured headers of App Service carry it as it is.
const MAPPING: [(&str, &str); 12] = [
    ("acr", "http://schemas.microsoft.com/claims/authnclassreference"),
    ("amr", "http://schemas.microsoft.com/claims/authnmethodsreferences"),
    ("email", "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress"),
    ("family_name", "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/surname"),
    ("given_name", "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/givenname"),
    ("idp", "http://schemas.microsoft.com/identity/claims/identityprovider"),
    ("oid", "http://schemas.microsoft.com/identity/claims/objectidentifier"),
    ("scp", "http://schemas.microsoft.com/identity/claims/scope"),
    ("sub", "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier"),
    ("tid", "http://schemas.microsoft.com/identity/claims/tenantid"),
    ("unique_name", "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name"),
    ("upn", "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn"),
];

/// `{"typ":"","val":""},`
const BYTES_AROUND_ENTRY: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn headers_of(claims: &Value) -> Vec<(&'static str, String)> {
        let identity =
            ForwardedIdentity { claims: claims.as_object().unwrap(), payload: Some(""), identity_provider: "aad" };
        let headers = headers(&identity, 10_000).unwrap();
        headers.into_iter().map(|(name, value)| (name, String::from_utf8(value.as_bytes().to_vec()).unwrap())).collect()
    }

    fn principal_of(claims: &Value) -> Value {
        serde_json::from_slice(&STANDARD.decode(&headers_of(claims)[0].1).unwrap()).unwrap()
    }

    #[test]
    fn the_form_is_that_of_app_service() {
        let claims = json!({
            "exp": 1_591_024_489, "groups": ["g1", "g2"], "oid": "o-1", "preferred_username": "j@contoso.example",
            "roles": ["Read"], "sub": "s-1", "xms_edov": true, "x": {"a": 1}, "none": null, "scp": "Orders.Read"
        });
        let principal = principal_of(&claims);
        assert_eq!(principal["auth_typ"], "aad");
        assert_eq!(principal["name_typ"], "preferred_username");
        assert_eq!(principal["role_typ"], "roles");
        let mut entries: Vec<(&str, &str)> = principal["claims"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| (entry["typ"].as_str().unwrap(), entry["val"].as_str().unwrap()))
            .collect();
        entries.sort_unstable();
        assert_eq!(
            entries,
            [
                ("exp", "1591024489"),
                ("groups", "g1"),
                ("groups", "g2"),
                ("http://schemas.microsoft.com/identity/claims/objectidentifier", "o-1"),
                ("http://schemas.microsoft.com/identity/claims/scope", "Orders.Read"),
                ("http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier", "s-1"),
                ("preferred_username", "j@contoso.example"),
                ("roles", "Read"),
                ("x", "{\"a\":1}"),
                ("xms_edov", "true"),
            ]
        );
    }

    #[test]
    fn the_companions_name_the_caller() {
        let user = headers_of(&json!({"oid": "o-1", "sub": "s-1", "upn": "zoë@contoso.example", "name": "Zoë"}));
        assert_eq!(
            user[1..],
            [
                (PRINCIPAL_ID, "o-1".to_owned()),
                (PRINCIPAL_NAME, "zo%C3%AB@contoso.example".to_owned()),
                (PRINCIPAL_IDP, "aad".to_owned())
            ]
        );
        let application = headers_of(&json!({"sub": "s-1", "name": 1}));
        assert_eq!(application[1..], [(PRINCIPAL_ID, "s-1".to_owned()), (PRINCIPAL_IDP, "aad".to_owned())]);
    }

    #[test]
    fn name_typ_is_the_type_of_the_claim_in_the_list() {
        let principal = principal_of(&json!({"unique_name": "j"}));
        assert_eq!(principal["name_typ"], principal["claims"][0]["typ"]);
    }

    #[test]
    fn no_claim_passes_for_a_renamed_one() {
        let uri = "http://schemas.microsoft.com/identity/claims/objectidentifier";
        let principal = principal_of(&json!({"oid": "o-1", uri: "admin"}));
        assert_eq!(principal["claims"], json!([{"typ": uri, "val": "o-1"}]));
        assert_eq!(principal_of(&json!({uri: "admin"}))["claims"], json!([]));
    }

    #[test]
    fn a_long_name_times_a_long_list_is_refused_before_it_is_built() {
        let claims = json!({("n".repeat(4000)): vec![0; 1000]});
        let identity =
            ForwardedIdentity { claims: claims.as_object().unwrap(), payload: Some(""), identity_provider: "aad" };
        assert!(headers(&identity, 49_152).is_none());
    }
}
