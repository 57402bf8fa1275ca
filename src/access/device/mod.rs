//! Devices, by what can be believed about them: a claim of a verified token, a certificate that was checked, or a header
//! from a proxy that is trusted.
//!
//! Entra ID puts nothing about devices into tokens for other people's APIs: it asks for a healthy device when it issues the
//! token. So a device that shows nothing is not known to be healthy, and not known to be unhealthy either.

#[cfg(test)]
mod tests;

use std::rc::Rc;

use serde_json::Value;

use super::{Circumstances, Connection, Networks};
use crate::certificate::Accepted;
use crate::claim_path::ClaimPath;
use crate::time::UnixTime;
use crate::verdict::Verdict;

/// How a device is told.
#[derive(Clone, Debug)]
pub enum Device {
    /// By a claim of the caller's token that is one of these texts, numbers or truths.
    Claim {
        /// Which claim.
        path: ClaimPath,
        /// Any of these.
        values: Vec<Value>,
    },
    /// By the certificate that the client showed to the host.
    Certificate(Certificate),
    /// By a header that a trusted proxy sets.
    Header {
        /// Which header.
        name: String,
        /// Any of these, exactly.
        values: Vec<String>,
        /// Whose word counts: the other end of the connection, as the host has it.
        proxies: Vec<Rc<Networks>>,
    },
}

/// Which certificates are a device's.
#[derive(Clone, Debug, Default)]
pub struct Certificate {
    /// What it must say; it holds now, and its issuer has not taken it back.
    pub accepted: Accepted,
    /// The host takes no certificate that it does not check, and does not say so (Envoy before 1.39).
    pub assume_validated: bool,
}

impl Device {
    /// Is the request from such a device?
    #[must_use]
    pub fn is_used(&self, circumstances: &Circumstances<'_>) -> Verdict<()> {
        match self {
            Self::Claim { path, values } => {
                let claim = circumstances.token.and_then(|token| path.find(token.claims()));
                let comparable = |claim: &&Value| values.iter().any(|value| same_type(value, claim));
                match claim.filter(comparable) {
                    Some(claim) => Verdict::of(values.contains(claim), || ()),
                    None => Verdict::Unknown(()),
                }
            }
            Self::Certificate(certificate) => certificate.is_shown(circumstances.connection, circumstances.now),
            Self::Header { name, values, proxies } => {
                let trusted = |address| proxies.iter().any(|proxies| proxies.contain(address));
                if !circumstances.connection.peer().is_some_and(trusted) {
                    return Verdict::Unknown(());
                }
                match circumstances.head.only(name) {
                    Ok(Some(value)) if !value.is_empty() => {
                        Verdict::of(values.iter().any(|expected| expected.as_bytes() == value), || ())
                    }
                    _ => Verdict::Unknown(()),
                }
            }
        }
    }
}

/// A claim of another type says something else than was asked.
fn same_type(one: &Value, other: &Value) -> bool {
    match one {
        Value::Bool(_) => other.is_boolean(),
        Value::Number(_) => other.is_number(),
        Value::String(_) => other.is_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => false,
    }
}

impl Certificate {
    /// What can't be told of a certificate, and one that is over, is not known to be another's.
    fn is_shown(&self, connection: &Connection<'_>, now: UnixTime) -> Verdict<()> {
        let Ok(Some(presented)) = connection.presented() else { return Verdict::Unknown(()) };
        let is_checked = presented.validated || (presented.unsaid && self.assume_validated);
        if !is_checked {
            return Verdict::Unknown(());
        }
        match self.accepted.check_known(presented, now) {
            Ok(()) => Verdict::Met,
            Err(flaw) if flaw.is_certain() => Verdict::Unmet(()),
            Err(_) => Verdict::Unknown(()),
        }
    }
}
