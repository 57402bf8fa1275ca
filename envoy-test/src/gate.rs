//! The usual cast around one Envoy, and tables of requests with the answers they must get.

use serde_json::Value;

use crate::client::{Answer, Protocol, Request};
use crate::envoy::{Builder, Envoy};
use crate::issuer::entra::Entra;
use crate::issuer::{Issuer, IssuerServer};
use crate::story::cast;
use crate::upstream::Upstream;

/// Envoy with the filter in front of an upstream, and two issuers that it can reach: Entra with one tenant behind the
/// cluster `login` (RSA key `entra-1`), `https://idp.example` behind the cluster `idp` (P-256 key `partner-1`).
pub struct Gate {
    /// Plays `login.microsoftonline.com`.
    pub login: IssuerServer,
    /// Entra, with the tenant `11111111-2222-4333-8444-555555555555`.
    pub entra: Entra,
    /// Plays `idp.example`, and any other issuer that is added.
    pub idps: IssuerServer,
    /// A plain OIDC issuer.
    pub idp: Issuer,
    /// The service behind the gate.
    pub upstream: Upstream,
    /// The gate.
    pub envoy: Envoy,
}

impl Gate {
    /// Starts all of it with this filter configuration.
    #[must_use]
    pub fn start(configuration: Value) -> Self {
        Self::start_with(configuration, |builder, _| builder)
    }

    /// The same, after `adapt` has added to Envoy, or to the issuers on the second server, what it needs.
    #[must_use]
    pub fn start_with(configuration: Value, adapt: impl FnOnce(Builder, &IssuerServer) -> Builder) -> Self {
        let (login, idps) = (IssuerServer::start(), IssuerServer::start());
        let (entra, idp) = cast(&login, &idps);
        let upstream = Upstream::start();
        let builder = Envoy::builder()
            .filter_config(configuration)
            .upstream(&upstream)
            .cluster("login", login.address())
            .cluster("idp", idps.address());
        let envoy = adapt(builder, &idps).start();
        Self { login, entra, idps, idp, upstream, envoy }
    }
}

/// A request and what must become of it.
#[derive(Clone, Debug)]
pub struct Case {
    title: String,
    request: Request,
    status: u16,
    reason: String,
}

impl Case {
    /// `reason` is the filter's own, as in `portcullis_denied{reason}` of the access log, or `allowed`.
    #[must_use]
    pub fn new(title: impl Into<String>, request: Request, status: u16, reason: &str) -> Self {
        Self { title: title.into(), request, status, reason: reason.to_owned() }
    }

    /// It goes upstream and comes back with 200.
    #[must_use]
    pub fn allowed(title: impl Into<String>, request: Request) -> Self {
        Self::new(title, request, 200, "allowed")
    }
}

impl Envoy {
    /// Sends every case over every one of `protocols`, each on a connection of its own, and gives the answers: those of
    /// the first case come first.
    ///
    /// # Panics
    /// When an answer is not the expected one, after all were sent: the message lists every wrong one.
    pub fn assert_each(&self, protocols: &[Protocol], cases: impl IntoIterator<Item = Case>) -> Vec<Answer> {
        let cases: Vec<Case> = cases.into_iter().collect();
        let sent: Vec<(&Case, Protocol)> =
            cases.iter().flat_map(|case| protocols.iter().map(move |protocol| (case, *protocol))).collect();
        let answers: Vec<Answer> =
            sent.iter().map(|(case, protocol)| self.send_over(*protocol, &case.request)).collect();
        let reasons = self.reasons_of(&answers);
        let mut wrong = Vec::new();
        for (((case, protocol), answer), reason) in sent.iter().zip(&answers).zip(reasons) {
            if answer.status != case.status || reason != case.reason {
                let (status, expected) = (case.status, &case.reason);
                wrong.push(format!(
                    "- {} ({protocol:?}): expected {status} {expected}, found {} {reason}",
                    case.title, answer.status
                ));
            }
        }
        assert!(wrong.is_empty(), "{} of {} answers are wrong:\n{}", wrong.len(), sent.len(), wrong.join("\n"));
        answers
    }

    /// The filter's reason for an answer, from the access log: `allowed`, `token_expired` ... What Envoy itself answered
    /// has Envoy's own words, and nothing if it could not read the request at all.
    ///
    /// # Panics
    /// When the answer is not in the access log in time.
    #[must_use]
    pub fn reason_of(&self, answer: &Answer) -> String {
        self.reasons_of(std::slice::from_ref(answer)).remove(0)
    }

    fn reasons_of(&self, answers: &[Answer]) -> Vec<String> {
        let lines = self.access_log_of_each(answers);
        let details = lines.iter().map(|line| line["details"].as_str().unwrap_or_default());
        let reasons = details.map(|details| match details {
            "via_upstream" => "allowed",
            _ => details.strip_prefix("portcullis_denied{").and_then(|rest| rest.strip_suffix('}')).unwrap_or(details),
        });
        reasons.map(ToOwned::to_owned).collect()
    }

    /// Asks every worker for what must be let through: a filter that trapped answers 503 for good.
    ///
    /// # Panics
    /// When a worker gives another answer.
    pub fn assert_every_worker_lets_through(&self, request: &Request) {
        for protocol in [Protocol::Http1, Protocol::Http2] {
            for (worker, connection) in self.connection_per_worker(protocol).iter_mut().enumerate() {
                let answer = connection.send(request);
                let answer = answer.unwrap_or_else(|error| panic!("worker {worker}: {error}\n{}", self.log_tail()));
                assert!(answer.status == 200, "worker {worker} over {protocol:?}: {answer}\n{}", self.log_tail());
            }
        }
    }
}

/// HTTP/1.1 and HTTP/2.
pub const BOTH: [Protocol; 2] = [Protocol::Http1, Protocol::Http2];
