//! Scenario files: what a policy must decide, as a story of requests.
//!
//! - [`read`]: the form of the file; a member that nobody knows is an error
//! - [`gate`]: the engine in its offline world, asked one request after the other
//! - [`verdict`]: what came of a request, against what was expected

pub mod gate;
pub mod read;
pub mod verdict;

use std::net::IpAddr;
use std::time::Duration;

use portcullis::time::UnixTime;
use serde_json::Value;

use crate::world::World;
use crate::world::api_key::KeySpec;
use crate::world::proof::ProofSpec;
use crate::world::token::TokenSpec;

/// A story.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The configuration, if the file has it.
    pub config: Option<Value>,
    /// What is asked, in order.
    pub requests: Vec<ScenarioRequest>,
}

/// One request, and what must come of it.
#[derive(Clone, Debug)]
pub struct ScenarioRequest {
    /// What it shows, in words.
    pub what: String,
    /// Its method.
    pub method: String,
    /// Its path and query.
    pub path: String,
    /// `:authority`.
    pub host: String,
    /// Other headers, in order.
    pub headers: Vec<(String, String)>,
    /// Its token.
    pub token: TokenChoice,
    /// Its API key, if it shows one.
    pub api_key: Option<KeySpec>,
    /// The proof that its token is the client's.
    pub dpop: Option<ProofSpec>,
    /// Where it comes from.
    pub from: IpAddr,
    /// When it is asked; the clock of who runs it if left out.
    pub at: Option<UnixTime>,
    /// How long after the one before it, at most ten seconds: in a real Envoy that is waited.
    pub after: Duration,
    /// Properties of the connection, as Envoy names them. A real Envoy can't be told them, so there it is left out.
    pub connection: Vec<(String, String)>,
    /// What must come of it.
    pub expect: Expectation,
}

/// The credential of a request.
#[derive(Clone, Debug)]
pub enum TokenChoice {
    /// None.
    None,
    /// Exactly this text after `Bearer `.
    Raw(String),
    /// One that is made.
    Minted(TokenSpec),
}

/// What must come of a request.
#[derive(Clone, Debug, Default)]
pub struct Expectation {
    /// The status; 200 is a request that goes on.
    pub status: u16,
    /// The fine reason.
    pub reason: Option<String>,
    /// The rule that spoke.
    pub rule: Option<String>,
    /// What would have stopped it, were everything enforced.
    pub unenforced: Option<String>,
    /// Headers that the upstream gets, by name in lower case.
    pub upstream: Vec<(String, HeaderExpectation)>,
    /// Headers of the filter's answer, by name in lower case.
    pub answer: Vec<(String, HeaderExpectation)>,
}

/// What a header must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderExpectation {
    /// Not there.
    Absent,
    /// There once, with exactly this value.
    Is(String),
    /// There once, with this in it.
    Contains(String),
}

/// Where requests come from unless they say: an address from those for documentation (RFC 5737).
pub const ELSEWHERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

impl ScenarioRequest {
    /// All its headers but the pseudo headers, with an API key and a token made at `now`.
    ///
    /// # Errors
    /// A token or a key that can't be made.
    pub fn wire_headers(&self, world: &World, now: UnixTime) -> Result<Vec<(String, String)>, String> {
        let mut headers = self.headers.clone();
        if let Some(spec) = &self.api_key {
            headers.push(world.api_key(spec).map_err(|error| format!("api_key: {error}"))?);
        }
        let token = match (&self.token, &self.dpop) {
            (TokenChoice::None, _) => return Ok(headers),
            (TokenChoice::Raw(text), _) => text.clone(),
            (TokenChoice::Minted(spec), dpop) => {
                let spec = dpop.as_ref().map_or(Ok(spec.clone()), |dpop| dpop.bind(spec))?;
                world.mint(&spec, now).map_err(|error| format!("token: {error}"))?
            }
        };
        let Some(dpop) = &self.dpop else {
            headers.push(("authorization".to_owned(), format!("Bearer {token}")));
            return Ok(headers);
        };
        let path = self.path.split('?').next().unwrap_or_default();
        let proof = dpop.make(&self.method, &format!("https://{}{path}", self.host), &token, now);
        headers.extend(std::iter::repeat_n(("dpop".to_owned(), proof), dpop.copies));
        headers.push(("authorization".to_owned(), format!("{} {token}", dpop.scheme)));
        Ok(headers)
    }
}
