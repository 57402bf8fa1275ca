//! Tenant ids: who, of the many that one key endpoint speaks for.
//!
//! Decides what a tenant id looks like and which tenants are let in. Entra ID is the one provider with tenants so far; the
//! ids it hands out itself (personal accounts, Graph) are in [`crate::entra`].

use std::fmt;
use std::str::FromStr;

/// A tenant's id.
pub type TenantId = Guid;

/// A GUID in lower case with hyphens (RFC 9562 section 4): `72f988bf-86f1-41af-91ab-2d7cd011db47`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Guid(String);

impl Guid {
    /// From a claim: exactly the spelling that Entra ID issues.
    ///
    /// Upper case is refused, not folded: two spellings of one tenant would be two tenants to whatever reads the claim
    /// next.
    #[must_use]
    pub fn from_claim(text: &str) -> Option<Self> {
        (is_guid(text) && !text.bytes().any(|byte| byte.is_ascii_uppercase())).then(|| Self(text.to_owned()))
    }

    /// The id in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// From the configuration: a GUID in any case.
impl FromStr for Guid {
    type Err = NotGuid;

    fn from_str(text: &str) -> Result<Self, NotGuid> {
        if is_guid(text) { Ok(Self(text.to_ascii_lowercase())) } else { Err(NotGuid) }
    }
}

/// The text is not a GUID of the form `8-4-4-4-12`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotGuid;

impl NotGuid {
    /// A stable code for records and counters.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        "not_guid"
    }
}

impl fmt::Display for NotGuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected a GUID such as 72f988bf-86f1-41af-91ab-2d7cd011db47")
    }
}

impl std::error::Error for NotGuid {}

/// The tenants that a template issuer lets in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TenantSet {
    /// Every tenant but these.
    AllBut(Vec<TenantId>),
    /// These and no other.
    Only(Vec<TenantId>),
}

impl TenantSet {
    /// Is this tenant let in?
    #[must_use]
    pub fn contains(&self, tenant: &TenantId) -> bool {
        match self {
            Self::AllBut(refused) => !refused.contains(tenant),
            Self::Only(allowed) => allowed.contains(tenant),
        }
    }
}

fn is_guid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENANT: &str = "11111111-aaaa-4bbb-8ccc-222222222222";

    #[test]
    fn a_claim_is_taken_in_one_spelling_and_a_setting_in_any() {
        assert_eq!(TenantId::from_claim(TENANT).unwrap().as_str(), TENANT);
        assert_eq!(TenantId::from_claim(&TENANT.to_uppercase()), None);
        assert_eq!(TENANT.to_uppercase().parse::<TenantId>().unwrap().as_str(), TENANT);
    }

    #[test]
    fn what_is_not_a_guid_is_no_tenant() {
        for text in [
            "",
            "common",
            "11111111aaaa4bbb8ccc222222222222",
            "{11111111-aaaa-4bbb-8ccc-222222222222}",
            "11111111-aaaa-4bbb-8ccc-22222222222",
            "11111111-aaaa-4bbb-8ccc-2222222222222",
            "11111111-aaaa-4bbb-8ccc-22222222222g",
            "11111111-aaaa-4bbb-8ccc_222222222222",
            "11111111-aaaa-4bbb-8cc/-222222222222",
            "11111111-aaaa-4bbb-8ccc-2222222222é",
        ] {
            assert_eq!(TenantId::from_claim(text), None, "{text}");
            assert_eq!(text.parse::<TenantId>(), Err(NotGuid), "{text}");
        }
    }

    #[test]
    fn a_set_lets_in_what_it_says() {
        let one: TenantId = TENANT.parse().unwrap();
        let other: TenantId = "99999999-9999-4999-8999-999999999999".parse().unwrap();
        assert!(TenantSet::Only(vec![one.clone()]).contains(&one));
        assert!(!TenantSet::Only(vec![one.clone()]).contains(&other));
        assert!(!TenantSet::Only(vec![]).contains(&one));
        assert!(!TenantSet::AllBut(vec![one.clone()]).contains(&one));
        assert!(TenantSet::AllBut(vec![one]).contains(&other));
    }
}
