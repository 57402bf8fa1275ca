//! Which rule speaks for a request, and may this identity do this.
//!
//! - [`router`]: the most specific rule that matches host, path and method
//! - [`template`]: how a rule names paths
//! - [`host`]: how a rule names hosts
//! - [`rule`]: a rule's name and all that it matches
//! - [`decision`]: what a rule asks for, and whether an identity has it

pub mod decision;
pub mod host;
pub mod router;
pub mod rule;
pub mod template;

pub use decision::{Access, Permit, Refusal, Rule, admit_preflight, decide};
pub use host::{HostPattern, HostPatternFlaw};
pub use router::{RouteConflict, RouteMatch, Router};
pub use rule::{MatchSpec, Method, MethodFlaw, RuleName, RuleNameFlaw};
pub use template::{Captured, PathTemplate, TemplateFlaw};
