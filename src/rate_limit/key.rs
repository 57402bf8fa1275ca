//! By what a limit counts: who or what has an allowance of their own.

use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde_json::Value;

use super::decimal::push_number;
use crate::claim_path::ClaimPath;
use crate::http::RequestHead;
use crate::identity::Identity;

/// By what a limit counts: each combination of these has an allowance of its own. None: one for all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key(Vec<Part>);

/// One part of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// User, or application for itself, of its issuer.
    Subject,
    /// Client application, of its issuer.
    Client,
    /// Tenant of Entra ID.
    Tenant,
    /// The API key's id.
    ApiKey,
    /// The client's address; IPv6 by its /64.
    Address,
    /// The network of the client's address, by so many bits.
    Network {
        /// Of IPv4.
        ipv4: u8,
        /// Of IPv6.
        ipv6: u8,
    },
    /// The rule.
    Route,
    /// The host that is asked for.
    Host,
    /// The request's method.
    Method,
    /// A claim, of its issuer.
    Claim(ClaimPath),
    /// A header that comes once, by its name in lower case.
    Header(String),
}

/// What keys are made of.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// Who calls; nobody before that is known.
    pub identity: &'a Identity,
    /// The request.
    pub head: &'a RequestHead,
    /// The client's address, if it can be told.
    pub address: Option<IpAddr>,
    /// The rule's name.
    pub rule: &'a str,
}

impl Key {
    /// Of these parts.
    #[must_use]
    pub fn new(parts: Vec<Part>) -> Self {
        Self(parts)
    }

    /// Its parts.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        &self.0
    }

    /// Can it be told only when it is known who calls?
    #[must_use]
    pub fn needs_identity(&self) -> bool {
        self.0.iter().any(Part::needs_identity)
    }

    /// Does it ask for the client's address?
    #[must_use]
    pub fn needs_address(&self) -> bool {
        self.0.iter().any(|part| matches!(part, Part::Address | Part::Network { .. }))
    }

    /// Does it ask for a header?
    #[must_use]
    pub fn needs_header(&self) -> bool {
        self.0.iter().any(|part| matches!(part, Part::Header(_)))
    }

    /// Adds the key of `source` to `text`, one part after the other, each with its length, so that no two keys are one text.
    pub fn write(&self, source: Source<'_>, text: &mut String) {
        let mut value = String::with_capacity(USUAL_VALUE);
        for part in &self.0 {
            value.clear();
            part.value(source, &mut value);
            push_number(text, u64::try_from(value.len()).unwrap_or(u64::MAX));
            text.push(':');
            text.push_str(&value);
        }
    }

    /// The name and the value of each part, for those who count elsewhere.
    #[must_use]
    pub fn entries(&self, source: Source<'_>) -> Vec<(String, String)> {
        let entry = |part: &Part| {
            let mut value = String::new();
            part.value(source, &mut value);
            (part.name(), value)
        };
        self.0.iter().map(entry).collect()
    }
}

impl Part {
    /// As the configuration calls it: `subject`, `claim.plan`, `header.x-team`.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Subject => "subject".to_owned(),
            Self::Client => "client".to_owned(),
            Self::Tenant => "tenant".to_owned(),
            Self::ApiKey => "api_key".to_owned(),
            Self::Address => "address".to_owned(),
            Self::Network { .. } => "network_prefix".to_owned(),
            Self::Route => "route".to_owned(),
            Self::Host => "host".to_owned(),
            Self::Method => "method".to_owned(),
            Self::Claim(path) => format!("claim.{path}"),
            Self::Header(name) => format!("header.{name}"),
        }
    }

    /// Can it be told only when it is known who calls?
    #[must_use]
    pub fn needs_identity(&self) -> bool {
        match self {
            Self::Subject | Self::Client | Self::Tenant | Self::ApiKey | Self::Claim(_) => true,
            Self::Address | Self::Network { .. } | Self::Route | Self::Host | Self::Method | Self::Header(_) => false,
        }
    }

    /// Adds its value to `text`. Of whom or what it can't be told, one allowance for all together: `-`, which no value is.
    fn value(&self, source: Source<'_>, text: &mut String) {
        if self.tell(source, text).is_none() {
            text.clear();
            text.push_str(UNKNOWN);
        }
    }

    fn tell(&self, source: Source<'_>, text: &mut String) -> Option<()> {
        let identity = source.identity;
        match self {
            Self::Subject => of_issuer(identity, identity.subject()?, text),
            Self::Client => of_issuer(identity, identity.client()?, text),
            Self::Tenant => of_issuer(identity, identity.tenant()?, text),
            Self::ApiKey => {
                let key = if let Identity::ApiKey(key) = identity { Some(key.id()) } else { None };
                is(key, text)
            }
            Self::Address => network(source.address?, 32, 64, text),
            Self::Network { ipv4, ipv6 } => network(source.address?, *ipv4, *ipv6, text),
            Self::Route => is(Some(source.rule), text),
            Self::Host => is(Some(source.head.host()), text),
            Self::Method => is(Some(source.head.method()), text),
            Self::Claim(path) => match path.find(identity.claims())? {
                Value::String(value) => of_issuer(identity, value, text),
                Value::Number(value) => of_issuer(identity, &value.to_string(), text),
                Value::Bool(value) => of_issuer(identity, if *value { "true" } else { "false" }, text),
                Value::Null | Value::Array(_) | Value::Object(_) => None,
            },
            Self::Header(name) => {
                let value = source.head.only(name).ok().flatten()?;
                text.push('=');
                match std::str::from_utf8(value) {
                    Ok(value) => text.push_str(value),
                    Err(_) => value.iter().for_each(|byte| _ = write!(text, "%{byte:02x}")),
                }
                Some(())
            }
        }
    }
}

/// What nobody says of another.
fn is(value: Option<&str>, text: &mut String) -> Option<()> {
    text.push('=');
    text.push_str(value?);
    Some(())
}

/// What a value is worth is a matter of who says it: the same name at two issuers is two callers. One tenant of Entra ID has
/// several issuers (v1.0, v2.0) and is one, or a caller would have an allowance with each.
fn of_issuer(identity: &Identity, value: &str, text: &mut String) -> Option<()> {
    let issuer = match (identity.entra(), identity.tenant()) {
        (Some(_), Some(tenant)) => tenant.into(),
        _ => identity.authority(),
    };
    text.push_str(identity.credential()?);
    text.push(' ');
    text.push_str(&issuer);
    text.push(' ');
    text.push_str(value);
    Some(())
}

fn network(address: IpAddr, ipv4: u8, ipv6: u8, text: &mut String) -> Option<()> {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let gone = 32_u32.saturating_sub(ipv4.into());
            let bits = address.to_bits().checked_shr(gone).unwrap_or(0).checked_shl(gone).unwrap_or(0);
            write!(text, "{}/{ipv4}", Ipv4Addr::from_bits(bits)).ok()
        }
        IpAddr::V6(address) => {
            let gone = 128_u32.saturating_sub(ipv6.into());
            let bits = address.to_bits().checked_shr(gone).unwrap_or(0).checked_shl(gone).unwrap_or(0);
            write!(text, "{}/{ipv6}", Ipv6Addr::from_bits(bits)).ok()
        }
    }
}

/// A tenant and a user of Entra ID, and some more.
const USUAL_VALUE: usize = 128;

/// What stands for a part that can't be told.
pub const UNKNOWN: &str = "-";
