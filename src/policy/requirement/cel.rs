//! Conditions in CEL, the Common Expression Language (<https://cel.dev>).
//!
//! The crate parses and evaluates; it has no types and no bounds. Both are `checker`'s, at load, and it refuses what the
//! evaluator could not do without a panic (map and message literals, an unset node) or in linear time (nested macros, `map`,
//! regular expressions). What is left goes wrong as an error, and an error is no answer ([`Lack::ConditionFailed`]): it denies.
//!
//! A request pays for what the expression names and no more: each header, parameter and claim is found at load, so nothing
//! of a request is turned into values but these.

mod checker;
mod flaw;
#[cfg(test)]
mod tests;
mod values;

use std::collections::BTreeSet;
use std::fmt;
use std::rc::Rc;
use std::sync::{Arc, LazyLock};

use cel::parser::PrattParser;
use cel::{Context, Env, IdedExpr, Value};

pub use flaw::CelFlaw;

use crate::policy::facts::Facts;
use crate::policy::lack::Lack;
use crate::verdict::Verdict;

/// A condition that can be evaluated.
pub struct CelCheck {
    text: String,
    expression: IdedExpr,
    needs: Needs,
    /// Names of providers, by their places in the configuration.
    providers: Rc<[String]>,
}

/// What of a request an expression names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Fields of `request` but for the next two.
    pub request: BTreeSet<String>,
    /// Headers, in lower case.
    pub headers: BTreeSet<String>,
    /// Query parameters.
    pub query: BTreeSet<String>,
    /// Path parameters.
    pub params: BTreeSet<String>,
    /// Claims.
    pub claims: BTreeSet<String>,
    /// Claims that must not decide and do.
    pub danger_claims: BTreeSet<String>,
    /// Fields of `caller`.
    pub caller: BTreeSet<String>,
    /// The client's address.
    pub address: bool,
}

impl CelCheck {
    /// Parses and checks `text`; `is_unfit` says which claims must not decide.
    ///
    /// # Errors
    ///
    /// Every [`CelFlaw`] that is found, at least one.
    pub fn compile(text: &str, is_unfit: fn(&str) -> bool, providers: Rc<[String]>) -> Result<Self, Vec<CelFlaw>> {
        if text.len() > MAX_BYTES {
            return Err(vec![CelFlaw::TooLong]);
        }
        let parser = PrattParser::new().max_recursion_depth(MAX_PARSE_DEPTH).max_expression_node_count(MAX_NODES);
        if checker::nesting(text) > MAX_DEPTH {
            return Err(vec![CelFlaw::TooDeep]);
        }
        let expression = parser.parse(text).map_err(|errors| {
            let first = errors.errors.first();
            vec![CelFlaw::Syntax(first.map_or_else(String::new, |error| error.msg.clone()))]
        })?;
        let needs = checker::check(&expression, is_unfit)?;
        Ok(Self { text: text.to_owned(), expression, needs, providers })
    }

    /// As it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What of a request it names.
    #[must_use]
    pub fn needs(&self) -> &Needs {
        &self.needs
    }

    pub(super) fn evaluate(&self, facts: &Facts<'_>) -> Verdict<Lack> {
        let mut context = Context::with_env(Arc::clone(&ENVIRONMENT));
        for (name, value) in values::variables(&self.needs, facts, &self.providers) {
            context.add_variable_from_value(name, value);
        }
        match Value::resolve(&self.expression, &context) {
            Ok(Value::Bool(true)) => Verdict::Met,
            // With a token it might have been another answer.
            _ if facts.identity.is_anonymous() && self.needs.token() => Verdict::Unknown(Lack::NoToken),
            Ok(Value::Bool(false)) => Verdict::Unmet(Lack::Condition),
            Ok(_) | Err(_) => Verdict::Unknown(Lack::ConditionFailed),
        }
    }

    /// What the names stood for, for people.
    pub(super) fn saw(&self, facts: &Facts<'_>) -> String {
        let variables = values::variables(&self.needs, facts, &self.providers);
        let said: Vec<String> =
            variables.iter().map(|(name, value)| format!("{name} {}", values::shown(value))).collect();
        said.join(", ")
    }
}

impl Needs {
    /// Does it need a token to be answered?
    fn token(&self) -> bool {
        !self.claims.is_empty() || !self.danger_claims.is_empty() || !self.caller.is_empty()
    }
}

impl fmt::Debug for CelCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CelCheck").field(&self.text).finish()
    }
}

/// The standard functions; made when the first expression is evaluated.
static ENVIRONMENT: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

/// Longer ones are programs, and belong where programs are tested.
pub const MAX_BYTES: usize = 4096;
/// Each is evaluated once for each request, in a macro once for each item.
pub const MAX_NODES: usize = 256;
/// Evaluation goes one call deeper for each level.
pub const MAX_DEPTH: usize = 24;
/// The parser counts its own calls.
const MAX_PARSE_DEPTH: u16 = 32;
/// Each goes through a list.
pub const MAX_MACROS: usize = 4;
