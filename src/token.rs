//! The rules of a token: issuer, audience, lifetime, type. The only maker of [`VerifiedToken`].
//!
//! A signature says who wrote the claims; these rules say whether the claims are for us, now, and an access token at
//! all (RFC 7519 section 4.1, RFC 8725 sections 3.8 to 3.12, RFC 9068 section 4). Absent, malformed and wrong are three
//! different answers, and none of them is "skip the check". Scopes, roles and circumstances are asked for elsewhere.

use std::cell::OnceCell;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::entra::{self, Caller, CallerKind, ClientAuthentication, ClientFlaw, EntraFlaw};
use crate::jose::{AlgorithmSet, Claim, SignedClaims};
use crate::provider::{Issuer, IssuerFlaw, IssuerRef};
use crate::time::UnixTime;

mod flaw;
mod kind;
#[cfg(test)]
mod tests;

pub use flaw::TokenRuleFlaw;

/// What one provider asks of its tokens.
#[derive(Clone, Debug)]
pub struct TokenRules {
    /// Accepted `aud` values; `None` accepts any (`danger_any_audience`).
    pub audiences: Option<Vec<String>>,
    /// Accepted algorithms; the key must allow the token's too.
    pub algorithms: AlgorithmSet,
    /// Only RFC 9068 access tokens, with every claim that section 2.2 requires.
    pub access_token_profile: bool,
    /// Clock difference allowed.
    pub clock_skew: Duration,
    /// Longest `exp` less `iat`.
    pub max_lifetime: Option<Duration>,
    /// Longest time since `iat`.
    pub max_age: Option<Duration>,
    /// Entra's own rules, where they apply.
    pub entra: Option<entra::Checks>,
}

/// A token that may be believed: signed by the issuer's key, for us, an access token.
///
/// Whether it is believed *now* is asked again at each use ([`VerifiedToken::check_time`]): a remembered token expires.
#[derive(Debug)]
pub struct VerifiedToken {
    issuer: IssuerRef,
    signed: SignedClaims,
    caller: Option<Caller>,
    audiences: Vec<String>,
    thumbprint: [u8; 32],
    times: Times,
    /// Read when a rule first asks: the claims do not change.
    kinds: OnceCell<Vec<CallerKind>>,
}

#[derive(Clone, Copy, Debug)]
struct Times {
    expires: UnixTime,
    not_before: Option<UnixTime>,
    issued: Option<UnixTime>,
    skew: Duration,
    max_age: Option<Duration>,
}

/// Applies every rule of `signer` and `rules` to signed claims at `now`. `issuer` is the place of `signer`.
///
/// # Errors
/// The first rule that is not met.
pub fn accept(
    issuer: IssuerRef,
    signer: &Issuer,
    rules: &TokenRules,
    signed: SignedClaims,
    now: UnixTime,
) -> Result<VerifiedToken, TokenRuleFlaw> {
    kind::check(&signed, rules.access_token_profile)?;
    let caller = match &rules.entra {
        Some(checks) => Some(check_entra(checks, signer, &signed)?),
        None => {
            check_issuer(signer, &signed)?;
            None
        }
    };
    let audiences = audiences(&signed, rules.audiences.as_deref())?;
    subject(&signed)?;
    token_id(&signed)?;
    let times = times(&signed, rules)?;
    times.check(now)?;
    let thumbprint = signed.key().thumbprint();
    Ok(VerifiedToken { issuer, signed, caller, audiences, thumbprint, times, kinds: OnceCell::new() })
}

impl VerifiedToken {
    /// Is it believed at `now`: not expired, not too early, not too old.
    ///
    /// # Errors
    /// Which of the times is not met.
    pub fn check_time(&self, now: UnixTime) -> Result<(), TokenRuleFlaw> {
        self.times.check(now)
    }

    /// Whose token it is.
    #[must_use]
    pub fn issuer(&self) -> IssuerRef {
        self.issuer
    }

    /// The signed claims.
    #[must_use]
    pub fn claims(&self) -> &Map<String, Value> {
        self.signed.claims()
    }

    /// The signed header, claims and key.
    #[must_use]
    pub fn signed(&self) -> &SignedClaims {
        &self.signed
    }

    /// The thumbprint of the key that signed it (RFC 7638).
    #[must_use]
    pub fn key_thumbprint(&self) -> &[u8; 32] {
        &self.thumbprint
    }

    /// User or application, where the issuer says so.
    #[must_use]
    pub fn caller(&self) -> Option<Caller> {
        self.caller
    }

    /// How the client application proved who it is. Only Entra ID says so; what another issuer writes there means nothing.
    ///
    /// # Errors
    ///
    /// It can't be told.
    pub fn client_authentication(&self) -> Result<ClientAuthentication, ClientFlaw> {
        self.caller.ok_or(ClientFlaw::Absent)?;
        entra::client::client_authentication(self.claims())
    }

    /// The kinds of caller that its bearer may be; one, where it can be told.
    #[must_use]
    pub fn kinds(&self) -> &[CallerKind] {
        self.kinds.get_or_init(|| entra::kind::kinds(self.claims(), self.caller))
    }

    /// The values of `aud`.
    #[must_use]
    pub fn audiences(&self) -> &[String] {
        &self.audiences
    }

    /// When it stops being believed, clock difference included.
    #[must_use]
    pub fn expires(&self) -> UnixTime {
        self.times.expires.plus(self.times.skew)
    }

    /// A claim that is a string and not empty.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.claims().get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
    }
}

/// The issuer was a hint when the key was chosen; now it is a claim.
fn check_issuer(signer: &Issuer, signed: &SignedClaims) -> Result<(), TokenRuleFlaw> {
    let Claim::Value(iss) = signed.string("iss") else { return Err(TokenRuleFlaw::Issuer(IssuerFlaw::Absent)) };
    signer.rule.accepts(iss, None).map_err(TokenRuleFlaw::Issuer)
}

/// The same for Entra ID, where one key speaks for many tenants and says so itself.
fn check_entra(checks: &entra::Checks, signer: &Issuer, signed: &SignedClaims) -> Result<Caller, TokenRuleFlaw> {
    let audiences = match signed.string_or_list("aud") {
        Claim::Value(audiences) => audiences,
        Claim::Absent | Claim::Malformed => Vec::new(),
    };
    entra::graph::check(&audiences, signed.header().has_nonce)
        .map_err(|flaw| TokenRuleFlaw::Entra(EntraFlaw::Graph(flaw)))?;
    let key = signed.key();
    checks.check(signer, signed.claims(), key.issuer(), key.cloud_instance_name()).map_err(TokenRuleFlaw::Entra)
}

fn audiences(signed: &SignedClaims, accepted: Option<&[String]>) -> Result<Vec<String>, TokenRuleFlaw> {
    let found = match signed.string_or_list("aud") {
        Claim::Value(found) => found.into_iter().map(str::to_owned).collect(),
        Claim::Malformed => return Err(TokenRuleFlaw::AudienceMalformed),
        Claim::Absent if accepted.is_none() => Vec::new(),
        Claim::Absent => return Err(TokenRuleFlaw::AudienceMissing),
    };
    match accepted {
        Some(accepted) if !found.iter().any(|found| accepted.contains(found)) => {
            Err(TokenRuleFlaw::AudienceNotAccepted)
        }
        _ => Ok(found),
    }
}

/// `sub` may be absent (Entra's B2C tokens can do without), but never something else than a string (RFC 7519 section 4.1.2).
fn subject(signed: &SignedClaims) -> Result<(), TokenRuleFlaw> {
    match signed.string("sub") {
        Claim::Value("") | Claim::Malformed => Err(TokenRuleFlaw::SubjectMalformed),
        Claim::Value(_) | Claim::Absent => Ok(()),
    }
}

/// `jti` may be absent, but never something else than a string (RFC 7519 section 4.1.7). Nothing here reads it; whoever
/// refuses tokens by it behind us must not be given one that it cannot compare.
fn token_id(signed: &SignedClaims) -> Result<(), TokenRuleFlaw> {
    match signed.string("jti") {
        Claim::Malformed => Err(TokenRuleFlaw::TokenIdMalformed),
        Claim::Value(_) | Claim::Absent => Ok(()),
    }
}

fn times(signed: &SignedClaims, rules: &TokenRules) -> Result<Times, TokenRuleFlaw> {
    let expires = match signed.numeric_date("exp") {
        Claim::Value(expires) => expires,
        Claim::Absent => return Err(TokenRuleFlaw::ExpiryMissing),
        Claim::Malformed => return Err(TokenRuleFlaw::ExpiryMalformed),
    };
    let not_before = optional(signed.numeric_date("nbf"), TokenRuleFlaw::NotBeforeMalformed)?;
    let issued = optional(signed.numeric_date("iat"), TokenRuleFlaw::IssuedAtMalformed)?;
    match (rules.max_lifetime, rules.max_age, issued) {
        (None, None, None) => {}
        (_, _, None) => return Err(TokenRuleFlaw::IssuedAtMissing),
        (Some(longest), _, Some(issued)) if expires.since(issued) > longest => {
            return Err(TokenRuleFlaw::LifetimeTooLong);
        }
        _ => {}
    }
    Ok(Times { expires, not_before, issued, skew: rules.clock_skew, max_age: rules.max_age })
}

fn optional(claim: Claim<UnixTime>, malformed: TokenRuleFlaw) -> Result<Option<UnixTime>, TokenRuleFlaw> {
    match claim {
        Claim::Value(value) => Ok(Some(value)),
        Claim::Absent => Ok(None),
        Claim::Malformed => Err(malformed),
    }
}

impl Times {
    fn check(&self, now: UnixTime) -> Result<(), TokenRuleFlaw> {
        if now >= self.expires.plus(self.skew) {
            return Err(TokenRuleFlaw::Expired);
        }
        if self.not_before.is_some_and(|not_before| now.plus(self.skew) < not_before) {
            return Err(TokenRuleFlaw::NotYetValid);
        }
        if let Some(issued) = self.issued {
            if now.plus(self.skew) < issued {
                return Err(TokenRuleFlaw::IssuedInFuture);
            }
            if self.max_age.is_some_and(|oldest| now.since(issued) > oldest.saturating_add(self.skew)) {
                return Err(TokenRuleFlaw::TooOld);
            }
        }
        Ok(())
    }
}
