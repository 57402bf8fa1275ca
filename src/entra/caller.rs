//! Who is behind a token of Entra ID: a user or an app, a member or a guest.
//!
//! Decides by the claims Microsoft names for it ("Access token claims reference", "Optional claims"), best first. A role
//! may be open to users and apps alike, so a rule that means one of them has to ask here.

use std::fmt;

use serde_json::{Map, Value};

use super::{PERSONAL_ACCOUNTS, permission};

/// What kind of subject a token is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Caller {
    /// An app for itself: its permissions are `roles`.
    App,
    /// A device for itself.
    Device,
    /// A user, by way of an app: its permissions are `scp`, and the user's `roles`.
    User,
}

impl Caller {
    /// A stable word for records, headers and rules.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Device => "device",
            Self::User => "user",
        }
    }
}

/// Whether `sub` tells users from apps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subjects {
    /// No: Azure AD B2C gives users their object id as `sub`.
    MayBeObjectIds,
    /// Yes: a user's `sub` differs from application to application and is never the object id; an app's is.
    Pairwise,
}

/// What kind of subject this token is about: by `idtyp`; without it, an app has `oid` equal to `sub`, or no scope.
///
/// # Errors
///
/// [`CallerFlaw`] if `idtyp` says something that is not known, or a claim cannot be read: who it is would be a guess.
pub fn caller(claims: &Map<String, Value>, subjects: Subjects) -> Result<Caller, CallerFlaw> {
    match claims.get("idtyp") {
        Some(Value::String(kind)) => match kind.as_str() {
            "app" => return Ok(Caller::App),
            "device" => return Ok(Caller::Device),
            "user" => return Ok(Caller::User),
            _ => return Err(CallerFlaw::TypeUnknown),
        },
        Some(_) => return Err(CallerFlaw::TypeMalformed),
        None => {}
    }
    let is_object = match (claims.get("oid"), claims.get("sub")) {
        (Some(Value::String(oid)), Some(Value::String(sub))) => oid == sub,
        _ => false,
    };
    if is_object && subjects == Subjects::Pairwise {
        return Ok(Caller::App);
    }
    let scopes = permission::scopes(claims).map_err(|_| CallerFlaw::ScopeMalformed)?;
    Ok(if scopes.is_empty() { Caller::App } else { Caller::User })
}

/// Whether a user belongs to the tenant whose token it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Membership {
    /// Of another organisation, or none.
    Guest,
    /// Of this tenant.
    Member,
    /// The token contradicts itself or cannot be read; not to be taken for a member.
    Unknown,
}

/// Member or guest: by `acct` (0, 1), an optional claim; without it by `idp`, which is there, and names another tenant or
/// service, if the user signed in elsewhere. A home user's `idp` may be left out, or name the tenant in either version's
/// form.
#[must_use]
pub fn membership(claims: &Map<String, Value>) -> Membership {
    let tid = claims.get("tid").and_then(Value::as_str);
    match (claims.get("acct"), claims.get("idp")) {
        (Some(acct), _) => match acct.as_u64() {
            Some(0) => Membership::Member,
            Some(1) => Membership::Guest,
            _ => Membership::Unknown,
        },
        (None, None) => Membership::Member,
        (None, Some(Value::String(idp))) if claims.get("iss").and_then(Value::as_str) == Some(idp) => {
            Membership::Member
        }
        (None, Some(Value::String(idp))) => match tid {
            Some(PERSONAL_ACCOUNTS) if idp == "live.com" => Membership::Member,
            Some(tid) if !tid.is_empty() && idp.split('/').any(|part| part == tid) => Membership::Member,
            _ => Membership::Guest,
        },
        (None, Some(_)) => Membership::Unknown,
    }
}

/// Why it cannot be told who is behind a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallerFlaw {
    /// `scp` is not a text.
    ScopeMalformed,
    /// `idtyp` is not a text.
    TypeMalformed,
    /// `idtyp` is neither `app`, `device` nor `user`.
    TypeUnknown,
}

impl CallerFlaw {
    /// A stable code for records and counters.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::ScopeMalformed => "scope_malformed",
            Self::TypeMalformed => "caller_type_malformed",
            Self::TypeUnknown => "caller_type_unknown",
        }
    }
}

impl fmt::Display for CallerFlaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ScopeMalformed => "`scp` is not a text",
            Self::TypeMalformed => "`idtyp` is not a text",
            Self::TypeUnknown => "`idtyp` is not `app`, `device` or `user`",
        })
    }
}

impl std::error::Error for CallerFlaw {}

#[cfg(test)]
mod tests {
    use super::super::fixture::{TENANT, claims};
    use super::*;

    fn kind(text: &str) -> Result<Caller, CallerFlaw> {
        caller(&claims(text), Subjects::Pairwise)
    }

    #[test]
    fn idtyp_decides_when_it_is_there() {
        assert_eq!(kind(r#"{"idtyp":"app","scp":"a"}"#), Ok(Caller::App));
        assert_eq!(kind(r#"{"idtyp":"user","oid":"x","sub":"x"}"#), Ok(Caller::User));
        assert_eq!(kind(r#"{"idtyp":"device"}"#), Ok(Caller::Device));
        for unknown in ["", "App", "agent"] {
            assert_eq!(kind(&format!(r#"{{"idtyp":"{unknown}"}}"#)), Err(CallerFlaw::TypeUnknown), "{unknown:?}");
        }
        for wrong in ["null", "7", r#"["app"]"#] {
            assert_eq!(kind(&format!(r#"{{"idtyp":{wrong}}}"#)), Err(CallerFlaw::TypeMalformed), "{wrong}");
        }
    }

    #[test]
    fn without_idtyp_an_app_is_its_own_object_or_has_no_scope() {
        assert_eq!(kind(r#"{"oid":"x","sub":"x","scp":"a"}"#), Ok(Caller::App));
        assert_eq!(kind(r#"{"oid":"x","sub":"y","scp":"a"}"#), Ok(Caller::User));
        assert_eq!(kind(r#"{"oid":"x","sub":"y","roles":["a"]}"#), Ok(Caller::App));
        assert_eq!(kind(r#"{"oid":"x","sub":"y","scp":"/"}"#), Ok(Caller::App));
        assert_eq!(kind(r#"{"scp":["a"]}"#), Err(CallerFlaw::ScopeMalformed));
    }

    #[test]
    fn a_b2c_user_has_the_object_id_for_subject() {
        let user = claims(r#"{"oid":"x","sub":"x","scp":"read"}"#);
        assert_eq!(caller(&user, Subjects::MayBeObjectIds), Ok(Caller::User));
        assert_eq!(caller(&claims(r#"{"oid":"x","sub":"x"}"#), Subjects::MayBeObjectIds), Ok(Caller::App));
    }

    #[test]
    fn guests_are_marked_by_acct_or_come_from_elsewhere() {
        let with = |extra: &str| {
            membership(&claims(&format!(
                r#"{{"iss":"https://login.microsoftonline.com/{TENANT}/v2.0","tid":"{TENANT}"{extra}}}"#
            )))
        };
        assert_eq!(with(""), Membership::Member);
        assert_eq!(with(r#","acct":0"#), Membership::Member);
        assert_eq!(with(r#","acct":1"#), Membership::Guest);
        assert_eq!(with(r#","acct":0,"idp":"live.com""#), Membership::Member);
        assert_eq!(with(r#","idp":"live.com""#), Membership::Guest);
        assert_eq!(
            with(r#","idp":"https://sts.windows.net/99999999-9999-4999-8999-999999999999/""#),
            Membership::Guest
        );
        assert_eq!(with(&format!(r#","idp":"https://sts.windows.net/{TENANT}/""#)), Membership::Member);
        assert_eq!(with(&format!(r#","idp":"https://login.microsoftonline.com/{TENANT}/v2.0""#)), Membership::Member);
        for odd in [r#","acct":2"#, r#","acct":"1""#, r#","acct":null"#, r#","acct":-1"#, r#","idp":7"#] {
            assert_eq!(with(odd), Membership::Unknown, "{odd}");
        }
    }

    #[test]
    fn a_personal_account_is_at_home_in_its_own_tenant() {
        let text = format!(r#"{{"iss":"x","tid":"{PERSONAL_ACCOUNTS}","idp":"live.com"}}"#);
        assert_eq!(membership(&claims(&text)), Membership::Member);
        assert_eq!(membership(&claims(r#"{"iss":"x","tid":"","idp":"a//b"}"#)), Membership::Guest);
    }
}
