//! Which rule speaks for a request, and may this identity do this.
//!
//! - [`router`]: the most specific rule that matches host, path, method, headers and query
//! - [`condition`]: how a rule names headers and query parameters
//! - [`template`]: how a rule names paths
//! - [`host`]: how a rule names hosts
//! - [`rule`]: a rule's name and all that it matches
//! - [`facts`]: what is known about a request when it is decided
//! - [`roles`]: roles of our own
//! - [`requirement`]: what a rule asks for, as a tree
//! - [`lack`]: what a caller lacks for it
//! - [`conditional_access`]: policies over rules
//! - [`decision`]: the decision

pub mod condition;
pub mod conditional_access;
pub mod decision;
pub mod facts;
pub mod host;
pub mod lack;
pub mod requirement;
pub mod roles;
pub mod router;
pub mod rule;
pub mod template;

pub use condition::{Conditions, Details, Expected};
pub use decision::{
    Access, Credentials, Permit, Refusal, Rule, RuleLimit, Ruling, admit_preflight, admit_unenforced, decide,
};
pub use facts::Facts;
pub use host::{HostPattern, HostPatternFlaw};
pub use lack::Lack;
pub use requirement::Requirement;
pub use router::{RouteConflict, RouteMatch, Router};
pub use rule::{MatchSpec, Method, MethodFlaw, RuleName, RuleNameFlaw};
pub use template::{Captured, PathTemplate, TemplateFlaw};
