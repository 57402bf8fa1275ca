//! What the upstream is told.

use super::claim::claim_path;
use crate::config::problems::{Problems, join};
use crate::config::settings::{AuthorizationSettings, ForwardSettings, ListSettings};
use crate::forward::{ClaimHeader, ClaimState, CredentialForwarding, Forwarding, ForwardingSettings, ListForm};

pub(super) fn compile(settings: ForwardSettings, problems: &mut Problems) -> Option<Forwarding> {
    let claims = settings.claims.unwrap_or_default().into_iter().enumerate().map(|(index, claim)| {
        let at = format!("forward.claims[{index}].claim");
        let list = match claim.list.unwrap_or(ListSettings::Comma) {
            ListSettings::Comma => ListForm::Comma,
            ListSettings::Json => ListForm::Json,
        };
        Some(ClaimHeader { claim: claim_path(&at, claim.claim, problems)?, header: claim.header, list })
    });
    let claims: Vec<Option<ClaimHeader>> = claims.collect();
    let state = settings.state.unwrap_or_default().0.into_iter().map(|(name, claim)| {
        let claim = claim_path(&join("forward.state", &name), claim, problems)?;
        Some(ClaimState { name, claim, list: ListForm::Json })
    });
    let state: Vec<Option<ClaimState>> = state.collect();
    let compiled = ForwardingSettings {
        credential: match settings.authorization.unwrap_or(AuthorizationSettings::Remove) {
            AuthorizationSettings::Keep => CredentialForwarding::Keep,
            AuthorizationSettings::Remove => CredentialForwarding::Remove,
        },
        claims: claims.into_iter().collect::<Option<_>>()?,
        payload_header: settings.payload_header,
        client_principal: settings.client_principal.unwrap_or(false),
        state: state.into_iter().collect::<Option<_>>()?,
    };
    match Forwarding::new(compiled) {
        Ok(forwarding) => Some(forwarding),
        Err(flaws) => {
            for flaw in flaws {
                problems.add("forward", flaw.to_string());
            }
            None
        }
    }
}
