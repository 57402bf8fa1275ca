//! Which rule speaks for a request.
//!
//! - [`router`]: the most specific rule that matches host, path and method
//! - [`template`]: how a rule names paths
//! - [`host`]: how a rule names hosts
//! - [`rule`]: a rule's name and all that it matches
//!
//! What a rule says is not known here: the router carries it.

pub mod host;
pub mod router;
pub mod rule;
pub mod template;

pub use host::{HostPattern, HostPatternFlaw};
pub use router::{RouteConflict, RouteMatch, Router};
pub use rule::{MatchSpec, Method, MethodFlaw, RuleName, RuleNameFlaw};
pub use template::{Captured, PathTemplate, TemplateFlaw};
