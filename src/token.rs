//! The rules of a token: issuer, audience, lifetime, type. The only maker of [`VerifiedToken`].
//!
//! A signature says who wrote the claims, or the authorization server says what they are when it is asked (RFC 7662); these
//! rules say whether the claims are for us, now, and an access token at all (RFC 7519 section 4.1, RFC 8725 sections 3.8 to
//! 3.12, RFC 9068 section 4). Absent, malformed and wrong are three different answers, and none of them is "skip the check".
//! Scopes, roles and circumstances are asked for elsewhere.

use std::cell::OnceCell;
use std::rc::Rc;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::entra::{self, Caller, CallerKind, ClientAuthentication, ClientFlaw, EntraFlaw};
use crate::introspection::Introspected;
use crate::jose::{AlgorithmSet, Claim, Claims, SignedClaims};
use crate::provider::{Issuer, IssuerFlaw, IssuerRef};
use crate::time::UnixTime;

mod flaw;
mod kind;
#[cfg(test)]
mod tests;
mod times;

pub use flaw::TokenRuleFlaw;
use times::Times;

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

/// A token that may be believed: signed by the issuer's key or vouched for by the issuer itself, for us, an access token.
///
/// Whether it is believed *now* is asked again at each use ([`VerifiedToken::check_time`]): a remembered token expires.
#[derive(Debug)]
pub struct VerifiedToken {
    issuer: IssuerRef,
    statement: Statement,
    caller: Option<Caller>,
    audiences: Vec<String>,
    times: Times,
    /// Read when a rule first asks: the claims do not change.
    kinds: OnceCell<Vec<CallerKind>>,
}

/// Who says what a token says.
#[derive(Debug)]
enum Statement {
    /// The issuer's signature, and the thumbprint of its key.
    Signed(SignedClaims, [u8; 32]),
    /// The authorization server, when it was asked.
    Introspected(Rc<Introspected>),
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
            let Claim::Value(iss) = signed.typed().string("iss") else {
                return Err(TokenRuleFlaw::Issuer(IssuerFlaw::Absent));
            };
            signer.rule.accepts(iss, None).map_err(TokenRuleFlaw::Issuer)?;
            None
        }
    };
    let audiences = check_claims(signed.typed(), rules)?;
    let times = Times::read(signed.typed(), rules, None)?;
    times.check(now)?;
    let thumbprint = signed.key().thumbprint();
    Ok(VerifiedToken {
        issuer,
        statement: Statement::Signed(signed, thumbprint),
        caller,
        audiences,
        times,
        kinds: OnceCell::new(),
    })
}

/// The same for what the authorization server of `signer` says of a token (RFC 7662 section 2.2).
///
/// It may leave out `iss`: it was asked itself. It may leave out `exp`: then its answer is believed for as long as it is
/// kept. What only a JWT has, its header and the profile of RFC 9068, is not asked for.
///
/// # Errors
/// The first rule that is not met.
pub fn accept_introspected(
    issuer: IssuerRef,
    signer: &Issuer,
    rules: &TokenRules,
    said: Rc<Introspected>,
    now: UnixTime,
) -> Result<VerifiedToken, TokenRuleFlaw> {
    let claims = Claims::of(said.claims());
    kind::check_introspected(claims, said.claims())?;
    match claims.string("iss") {
        Claim::Absent => {}
        Claim::Malformed => return Err(TokenRuleFlaw::Issuer(IssuerFlaw::Absent)),
        Claim::Value(iss) => signer.rule.accepts(iss, None).map_err(TokenRuleFlaw::Issuer)?,
    }
    let audiences = check_claims(claims, rules)?;
    let times = Times::read(claims, rules, Some(said.until()))?;
    times.check(now)?;
    let statement = Statement::Introspected(said);
    Ok(VerifiedToken { issuer, statement, caller: None, audiences, times, kinds: OnceCell::new() })
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

    /// What is said of it.
    #[must_use]
    pub fn claims(&self) -> &Map<String, Value> {
        match &self.statement {
            Statement::Signed(signed, _) => signed.claims(),
            Statement::Introspected(said) => said.claims(),
        }
    }

    /// The typed reading of single claims.
    #[must_use]
    pub fn typed(&self) -> Claims<'_> {
        Claims::of(self.claims())
    }

    /// The signed header, claims and key, if it is by a signature that it is believed.
    #[must_use]
    pub fn signed(&self) -> Option<&SignedClaims> {
        match &self.statement {
            Statement::Signed(signed, _) => Some(signed),
            Statement::Introspected(_) => None,
        }
    }

    /// Is it the authorization server that says so?
    #[must_use]
    pub fn is_introspected(&self) -> bool {
        matches!(self.statement, Statement::Introspected(_))
    }

    /// The thumbprint of the key that signed it (RFC 7638), if one did.
    #[must_use]
    pub fn key_thumbprint(&self) -> Option<&[u8; 32]> {
        match &self.statement {
            Statement::Signed(_, thumbprint) => Some(thumbprint),
            Statement::Introspected(_) => None,
        }
    }

    /// The `kid` of the key that signed it, if it names one.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.signed()?.header().kid.as_deref()
    }

    /// How it is to be presented, where the authorization server says so: `Bearer` or `DPoP` (RFC 7662 section 2.2, RFC 9449
    /// section 6.2), in any case.
    #[must_use]
    pub fn token_type(&self) -> Option<&str> {
        if self.is_introspected() { self.text("token_type") } else { None }
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
        self.times.end()
    }

    /// A claim that is a string and not empty.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.claims().get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
    }
}

/// The issuer of Entra ID's tokens, where one key speaks for many tenants and says so itself.
fn check_entra(checks: &entra::Checks, signer: &Issuer, signed: &SignedClaims) -> Result<Caller, TokenRuleFlaw> {
    let audiences = match signed.typed().string_or_list("aud") {
        Claim::Value(audiences) => audiences,
        Claim::Absent | Claim::Malformed => Vec::new(),
    };
    entra::graph::check(&audiences, signed.header().has_nonce)
        .map_err(|flaw| TokenRuleFlaw::Entra(EntraFlaw::Graph(flaw)))?;
    let key = signed.key();
    checks.check(signer, signed.claims(), key.issuer(), key.cloud_instance_name()).map_err(TokenRuleFlaw::Entra)
}

/// What is asked of claims, whoever says them. The values of `aud`.
fn check_claims(claims: Claims<'_>, rules: &TokenRules) -> Result<Vec<String>, TokenRuleFlaw> {
    let audiences = audiences(claims, rules.audiences.as_deref())?;
    subject(claims)?;
    token_id(claims)?;
    Ok(audiences)
}

fn audiences(claims: Claims<'_>, accepted: Option<&[String]>) -> Result<Vec<String>, TokenRuleFlaw> {
    let found = match claims.string_or_list("aud") {
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
fn subject(claims: Claims<'_>) -> Result<(), TokenRuleFlaw> {
    match claims.string("sub") {
        Claim::Value("") | Claim::Malformed => Err(TokenRuleFlaw::SubjectMalformed),
        Claim::Value(_) | Claim::Absent => Ok(()),
    }
}

/// `jti` may be absent, but never something else than a string (RFC 7519 section 4.1.7). Nothing here reads it; whoever
/// refuses tokens by it behind us must not be given one that it cannot compare.
fn token_id(claims: Claims<'_>) -> Result<(), TokenRuleFlaw> {
    match claims.string("jti") {
        Claim::Malformed => Err(TokenRuleFlaw::TokenIdMalformed),
        Claim::Value(_) | Claim::Absent => Ok(()),
    }
}
