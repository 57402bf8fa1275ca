//! A real Envoy with the filter, test issuers, an upstream and a client: what the tests against the real module use.
//!
//! ```no_run
//! use envoy_test::{Envoy, IssuerServer, KeyKind, Request, Upstream};
//! use serde_json::json;
//!
//! let issuers = IssuerServer::start();
//! let idp = issuers.oidc("https://idp.example");
//! idp.add_key(KeyKind::P256, "key-1");
//! let upstream = Upstream::start();
//!
//! let envoy = Envoy::builder()
//!     .filter_config(json!({
//!         "providers": {"idp": {"issuer": "https://idp.example", "cluster": "idp", "audiences": ["orders"]}},
//!         "rules": [{"name": "all", "match": {"paths": ["/{rest...}"]}, "access": "required", "providers": ["idp"]}]
//!     }))
//!     .upstream(&upstream)
//!     .cluster("idp", issuers.address())
//!     .start();
//!
//! let token = idp.token(idp.claims("orders")).build();
//! let answer = envoy.send(&Request::get("/orders/1").bearer(&token));
//! assert_eq!(answer.status, 200, "{answer}");
//! ```
//!
//! Everything here blocks: a test needs no async runtime of its own, and must not call it from inside one. Everything
//! that waits has a time limit, and what does not come in time is a panic that shows the end of Envoy's log. Everything
//! that is started stops when its value is dropped, and also when the process dies in any other way.

mod certificates;
mod client;
mod clock_shim;
pub mod differential;
mod documents;
mod dpop_client;
mod envoy;
mod envoy_binary;
mod frames;
mod geoip;
mod gate;
mod issuer;
mod limitador;
mod load;
mod module;
mod oidc_provider;
mod rate_limit_engine;
mod redis;
pub mod story;
mod support;
mod tls;
mod upstream;
mod wheel;

pub use certificates::{Authority, ClientCertificate, Leaf};
pub use client::{Answer, Connection, NoAnswer, Protocol, Request, raw};
pub use documents::Documents;
pub use dpop_client::DpopClient;
pub use envoy::{Builder, ConfigForm, Envoy, Push};
pub use envoy_binary::{ENVOY_VERSION, EnvoyBinary, envoy_binary};
pub use frames::{Fate, Frames};
pub use gate::{BOTH, Case, Gate};
pub use geoip::Place;
pub use issuer::entra::Entra;
pub use issuer::fault::{Document, Fault};
pub use issuer::keys::{KeyKind, SigningKey};
pub use issuer::paper::PaperIssuer;
pub use issuer::token::{Token, forge};
pub use issuer::{Issuer, IssuerServer};
pub use limitador::{Counters, Limitador};
pub use load::{Core, Load, pin_thread};
pub use module::{compiler, unit_tests, wasm};
pub use oidc_provider::{OidcProvider, SignedIn};
pub use rate_limit_engine::{Asked, EngineReply, RateLimitEngine};
pub use redis::Redis;
pub use support::{exit_on_ctrl_c, load_yaml, target_dir, workspace};
pub use upstream::Upstream;
