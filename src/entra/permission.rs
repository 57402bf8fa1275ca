//! What a token of Entra ID lets its holder do: `scp` and `roles`.
//!
//! Decides how the two are read, and that a token with neither is nobody's permission: any app of a tenant can get one
//! for any API there ("Client credentials flow", controlling tokens without the roles claim; Microsoft.Identity.Web refuses
//! them as IDW10201). Which scope or role a request needs is not decided here.

use std::fmt;

use serde_json::{Map, Value};

/// The scopes that a user has granted: `scp`, separated by spaces (RFC 6749 section 3.3).
///
/// Tokens of agents that act for themselves have a `scp` of `""` or `"/"`, which Microsoft says to read as none.
///
/// # Errors
///
/// [`PermissionFlaw::ScopeMalformed`] if `scp` is not a text.
pub fn scopes(claims: &Map<String, Value>) -> Result<Vec<&str>, PermissionFlaw> {
    match claims.get("scp") {
        None => Ok(Vec::new()),
        Some(Value::String(text)) if text.trim_ascii() == "/" => Ok(Vec::new()),
        Some(Value::String(text)) => Ok(text.split(' ').filter(|scope| !scope.trim_ascii().is_empty()).collect()),
        Some(_) => Err(PermissionFlaw::ScopeMalformed),
    }
}

/// The app roles: `roles`, a list.
///
/// # Errors
///
/// [`PermissionFlaw::RolesMalformed`] if `roles` is not a list of texts.
pub fn roles(claims: &Map<String, Value>) -> Result<Vec<&str>, PermissionFlaw> {
    let Some(value) = claims.get("roles") else { return Ok(Vec::new()) };
    let list = value.as_array().ok_or(PermissionFlaw::RolesMalformed)?;
    let roles = list.iter().map(|role| role.as_str().ok_or(PermissionFlaw::RolesMalformed));
    roles.filter(|role| role.as_ref().is_ok_and(|role| !role.trim_ascii().is_empty()) || role.is_err()).collect()
}

/// Does the token carry any permission at all?
///
/// # Errors
///
/// [`PermissionFlaw::NeitherScopeNorRole`] if not, or what cannot be read.
pub fn check(claims: &Map<String, Value>) -> Result<(), PermissionFlaw> {
    let (scopes, roles) = (scopes(claims)?, roles(claims)?);
    if scopes.is_empty() && roles.is_empty() { Err(PermissionFlaw::NeitherScopeNorRole) } else { Ok(()) }
}

/// What is wrong with a token's permissions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PermissionFlaw {
    /// There are none; an ID token, or an app that nobody has given a role.
    NeitherScopeNorRole,
    /// `roles` is not a list of texts.
    RolesMalformed,
    /// `scp` is not a text.
    ScopeMalformed,
}

impl PermissionFlaw {
    /// A stable code for records and counters.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::NeitherScopeNorRole => "neither_scope_nor_role",
            Self::RolesMalformed => "roles_malformed",
            Self::ScopeMalformed => "scope_malformed",
        }
    }
}

impl fmt::Display for PermissionFlaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NeitherScopeNorRole => "the token has neither a scope (`scp`) nor a role (`roles`)",
            Self::RolesMalformed => "`roles` is not a list of texts",
            Self::ScopeMalformed => "`scp` is not a text",
        })
    }
}

impl std::error::Error for PermissionFlaw {}

#[cfg(test)]
mod tests {
    use super::super::fixture::claims;
    use super::*;

    #[test]
    fn scopes_are_separated_by_spaces() {
        assert_eq!(
            scopes(&claims(r#"{"scp":"Files.Read  access_as_user "}"#)),
            Ok(vec!["Files.Read", "access_as_user"])
        );
        assert_eq!(scopes(&claims(r#"{"scp":"a/b"}"#)), Ok(vec!["a/b"]));
        assert_eq!(scopes(&claims("{}")), Ok(vec![]));
        for none in ["", " ", "/", " / "] {
            assert_eq!(scopes(&claims(&format!(r#"{{"scp":"{none}"}}"#))), Ok(vec![]), "{none:?}");
        }
        for wrong in ["null", "7", "true", r#"["a"]"#, "{}"] {
            let claims = claims(&format!(r#"{{"scp":{wrong}}}"#));
            assert_eq!(scopes(&claims), Err(PermissionFlaw::ScopeMalformed), "{wrong}");
        }
    }

    #[test]
    fn roles_are_a_list_of_texts() {
        assert_eq!(
            roles(&claims(r#"{"roles":["Data.Read.All","Data.Write"]}"#)),
            Ok(vec!["Data.Read.All", "Data.Write"])
        );
        assert_eq!(roles(&claims(r#"{"roles":["", "a"]}"#)), Ok(vec!["a"]));
        assert_eq!(roles(&claims("{}")), Ok(vec![]));
        for wrong in ["null", "7", r#""Data.Read.All""#, "{}", r#"["a",7]"#, r#"[["a"]]"#] {
            let claims = claims(&format!(r#"{{"roles":{wrong}}}"#));
            assert_eq!(roles(&claims), Err(PermissionFlaw::RolesMalformed), "{wrong}");
        }
    }

    #[test]
    fn a_token_without_any_permission_is_refused() {
        assert_eq!(check(&claims(r#"{"scp":"a"}"#)), Ok(()));
        assert_eq!(check(&claims(r#"{"roles":["a"]}"#)), Ok(()));
        assert_eq!(check(&claims(r#"{"scp":"/","roles":["a"]}"#)), Ok(()));
        for none in [
            "{}",
            r#"{"scp":""}"#,
            r#"{"scp":"/"}"#,
            r#"{"roles":[]}"#,
            r#"{"roles":[""]}"#,
            r#"{"scope":"a","role":["a"]}"#,
        ] {
            assert_eq!(check(&claims(none)), Err(PermissionFlaw::NeitherScopeNorRole), "{none}");
        }
        assert_eq!(check(&claims(r#"{"scp":"a","roles":"b"}"#)), Err(PermissionFlaw::RolesMalformed));
    }
}
