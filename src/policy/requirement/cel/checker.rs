//! What the parser lets through and the evaluator should not see: a small type check over the expression, and bounds.
//!
//! Types are known for literals, for what a request has, and for what is made of them; a claim may be anything. A mismatch
//! is reported where both sides are known, so what passes can still go wrong on a request, as an error.

use cel::IdedExpr;
use cel::common::ast::{CallExpr, ComprehensionExpr, Expr, LiteralValue, SelectExpr, operators};

use super::{CelFlaw, MAX_DEPTH, MAX_MACROS, MAX_NODES, Needs};

/// What is known of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Any,
    Boolean,
    Int,
    UInt,
    Double,
    Text,
    List,
    Map,
    Null,
}

/// Checks an expression and says what it names.
pub(super) fn check(expression: &IdedExpr, is_unfit: fn(&str) -> bool) -> Result<Needs, Vec<CelFlaw>> {
    let mut checker = Checker { is_unfit, ..Checker::default() };
    let kind = checker.visit(expression, 0);
    checker.expect(expression, kind, &[Kind::Boolean], "true or false");
    if checker.nodes > MAX_NODES {
        checker.flaws.push(CelFlaw::TooManyNodes);
    }
    if checker.macros > MAX_MACROS {
        checker.flaws.push(CelFlaw::TooManyMacros);
    }
    checker.flaws.dedup();
    if checker.flaws.is_empty() { Ok(checker.needs) } else { Err(checker.flaws) }
}

/// How many brackets are open at once, those in texts included: known before the parser goes a call deeper for each.
pub(super) fn nesting(text: &str) -> usize {
    let mut open: usize = 0;
    let mut most = 0;
    for byte in text.bytes() {
        match byte {
            b'(' | b'[' | b'{' => open = open.saturating_add(1),
            b')' | b']' | b'}' => open = open.saturating_sub(1),
            _ => {}
        }
        most = open.max(most);
    }
    most
}

struct Checker {
    is_unfit: fn(&str) -> bool,
    needs: Needs,
    flaws: Vec<CelFlaw>,
    nodes: usize,
    macros: usize,
    /// The names that the macro around brings.
    locals: Vec<String>,
}

impl Default for Checker {
    fn default() -> Self {
        let (needs, flaws, locals) = (Needs::default(), Vec::new(), Vec::new());
        Self { is_unfit: |_| false, needs, flaws, nodes: 0, macros: 0, locals }
    }
}

impl Checker {
    fn visit(&mut self, expression: &IdedExpr, depth: usize) -> Kind {
        self.nodes = self.nodes.saturating_add(1);
        if depth > MAX_DEPTH {
            self.flaws.push(CelFlaw::TooDeep);
            return Kind::Any;
        }
        let depth = depth.saturating_add(1);
        match &expression.expr {
            Expr::Literal(literal) => self.literal(expression, literal),
            Expr::Ident(name) => self.variable(name),
            Expr::Select(select) => self.select(select, depth),
            Expr::Call(call) => self.call(expression, call, depth),
            Expr::List(list) => {
                for element in &list.elements {
                    self.visit(element, depth);
                }
                Kind::List
            }
            Expr::Comprehension(comprehension) => self.comprehension(expression, comprehension, depth),
            Expr::Map(_) | Expr::Struct(_) => self.refuse(expression, "a map can't be written here"),
            Expr::Unspecified => self.refuse(expression, "is not an expression"),
        }
    }

    fn literal(&mut self, expression: &IdedExpr, literal: &LiteralValue) -> Kind {
        match literal {
            LiteralValue::Boolean(_) => Kind::Boolean,
            LiteralValue::Double(_) => Kind::Double,
            LiteralValue::Int(_) => Kind::Int,
            LiteralValue::Null => Kind::Null,
            LiteralValue::String(_) => Kind::Text,
            LiteralValue::UInt(_) => Kind::UInt,
            LiteralValue::Bytes(_) => self.refuse(expression, "nothing in a request is bytes; write a text"),
        }
    }

    fn variable(&mut self, name: &str) -> Kind {
        if self.locals.iter().any(|local| local == name) {
            return Kind::Any;
        }
        match name {
            "address" => {
                self.needs.address = true;
                Kind::Text
            }
            "request" | "params" | "claims" | "danger_claims" | "caller" => {
                self.flaws.push(CelFlaw::Whole(name.to_owned()));
                Kind::Map
            }
            _ => {
                self.flaws.push(CelFlaw::Unknown(name.to_owned(), VARIABLES));
                Kind::Any
            }
        }
    }

    fn select(&mut self, select: &SelectExpr, depth: usize) -> Kind {
        let kind = match root(&select.operand, &self.locals) {
            Some(root) => {
                self.nodes = self.nodes.saturating_add(1);
                self.member(root, &select.field)
            }
            None => {
                let operand = self.visit(&select.operand, depth);
                self.expect(&select.operand, operand, &[Kind::Map], "something with members");
                Kind::Any
            }
        };
        if select.test { Kind::Boolean } else { kind }
    }

    /// A member of what a request has, by its name.
    fn member(&mut self, root: Root, name: &str) -> Kind {
        let named = name.to_owned();
        match root {
            Root::Request => match name {
                "method" | "host" | "path" | "scheme" => {
                    self.needs.request.insert(named);
                    Kind::Text
                }
                "time" => {
                    self.needs.request.insert(named);
                    Kind::Int
                }
                "headers" | "query" => {
                    self.flaws.push(CelFlaw::Whole(format!("request.{name}")));
                    Kind::Map
                }
                _ => {
                    self.flaws.push(CelFlaw::Unknown(format!("request.{name}"), REQUEST));
                    Kind::Any
                }
            },
            Root::Headers if name.bytes().any(|byte| byte.is_ascii_uppercase()) => {
                let part = format!("request.headers[\"{name}\"]");
                self.flaws.push(CelFlaw::NotSupported(part, "headers are named in lower case here"));
                Kind::Text
            }
            Root::Headers => {
                self.needs.headers.insert(named);
                Kind::Text
            }
            Root::Query => {
                self.needs.query.insert(named);
                Kind::Text
            }
            Root::Parameters => {
                self.needs.params.insert(named);
                Kind::Text
            }
            Root::Claims if (self.is_unfit)(name) => {
                self.flaws.push(CelFlaw::Unfit(named));
                Kind::Any
            }
            Root::Claims => {
                self.needs.claims.insert(named);
                Kind::Any
            }
            Root::DangerClaims => {
                self.needs.danger_claims.insert(named);
                Kind::Any
            }
            Root::Caller => {
                let kind = match name {
                    "kind" | "subject" | "client" | "tenant" | "provider" => Kind::Text,
                    "scopes" | "roles" => Kind::List,
                    _ => {
                        self.flaws.push(CelFlaw::Unknown(format!("caller.{name}"), CALLER));
                        return Kind::Any;
                    }
                };
                self.needs.caller.insert(named);
                kind
            }
        }
    }

    fn call(&mut self, expression: &IdedExpr, call: &CallExpr, depth: usize) -> Kind {
        match (&call.target, call.func_name.as_str(), call.args.as_slice()) {
            (None, operators::INDEX, [container, index]) => self.index(expression, container, index, depth),
            (None, operators::IN, [item, container]) => self.contained(expression, item, container, depth),
            (None, operators::LOGICAL_AND | operators::LOGICAL_OR, [left, right]) => {
                self.operands(&[left, right], &[Kind::Boolean], "true or false", depth);
                Kind::Boolean
            }
            (None, operators::LOGICAL_NOT | operators::NOT_STRICTLY_FALSE, [inner]) => {
                self.operands(&[inner], &[Kind::Boolean], "true or false", depth);
                Kind::Boolean
            }
            (None, operators::CONDITIONAL, [condition, yes, no]) => {
                self.operands(&[condition], &[Kind::Boolean], "true or false", depth);
                let (yes, no) = (self.visit(yes, depth), self.visit(no, depth));
                if yes == no { yes } else { Kind::Any }
            }
            (None, operators::EQUALS | operators::NOT_EQUALS, [left, right]) => {
                let (left, right) = (self.visit(left, depth), self.visit(right, depth));
                if !left.compares_with(right) {
                    self.mismatch(expression, left, right);
                }
                Kind::Boolean
            }
            (
                None,
                operators::LESS | operators::LESS_EQUALS | operators::GREATER | operators::GREATER_EQUALS,
                [left, right],
            ) => {
                let kinds = self.operands(&[left, right], &ORDERED, "a number or a text", depth);
                if let [left, right] = kinds.as_slice()
                    && !left.compares_with(*right)
                {
                    self.mismatch(expression, *left, *right);
                }
                Kind::Boolean
            }
            (None, operators::ADD, [left, right]) => {
                self.arithmetic(expression, left, right, &ADDED, "a number, a text or a list", depth)
            }
            (
                None,
                operators::SUBSTRACT | operators::MULTIPLY | operators::DIVIDE | operators::MODULO,
                [left, right],
            ) => self.arithmetic(expression, left, right, &NUMBERS, "a number", depth),
            (None, operators::NEGATE, [inner]) => {
                let kinds = self.operands(&[inner], &[Kind::Int, Kind::Double], "a number", depth);
                kinds.first().copied().unwrap_or(Kind::Any)
            }
            (Some(inner), "size", []) => self.size(inner, depth),
            (None, "size", [inner]) => self.size(inner, depth),
            (Some(target), "contains" | "startsWith" | "endsWith", [text]) => {
                self.operands(&[target, text], &[Kind::Text], "a text", depth);
                Kind::Boolean
            }
            (None, "string", [inner]) => self.converted(inner, Kind::Text, depth),
            (None, "int", [inner]) => self.converted(inner, Kind::Int, depth),
            (None, "double", [inner]) => self.converted(inner, Kind::Double, depth),
            (_, "map", _) => {
                self.refuse(expression, "`map` makes lists that grow with a request; ask with `all` or `exists`")
            }
            (_, name @ ("size" | "contains" | "startsWith" | "endsWith" | "string" | "int" | "double"), _) => {
                self.flaws.push(CelFlaw::Type(name.to_owned(), "called with other arguments", "those of CEL"));
                Kind::Any
            }
            (_, name, _) => {
                self.flaws.push(CelFlaw::UnknownFunction(name.to_owned()));
                Kind::Any
            }
        }
    }

    fn index(&mut self, expression: &IdedExpr, container: &IdedExpr, index: &IdedExpr, depth: usize) -> Kind {
        if let Some(root) = root(container, &self.locals) {
            self.nodes = self.nodes.saturating_add(2);
            return match &index.expr {
                Expr::Literal(LiteralValue::String(name)) => self.member(root, name.inner()),
                _ => self.refuse(expression, "the name has to be written out, as a text"),
            };
        }
        let (container_kind, index_kind) = (self.visit(container, depth), self.visit(index, depth));
        self.expect(container, container_kind, &[Kind::List, Kind::Map], "a list or something with members");
        let keys: &[Kind] = if container_kind == Kind::List { &[Kind::Int, Kind::UInt] } else { &KEYS };
        self.expect(index, index_kind, keys, if container_kind == Kind::List { "a whole number" } else { "a key" });
        Kind::Any
    }

    fn contained(&mut self, expression: &IdedExpr, item: &IdedExpr, container: &IdedExpr, depth: usize) -> Kind {
        if let Some(root) = root(container, &self.locals) {
            self.nodes = self.nodes.saturating_add(2);
            match &item.expr {
                Expr::Literal(LiteralValue::String(name)) => drop(self.member(root, name.inner())),
                _ => drop(self.refuse(expression, "the name has to be written out, as a text")),
            }
            return Kind::Boolean;
        }
        self.visit(item, depth);
        let kind = self.visit(container, depth);
        self.expect(container, kind, &[Kind::List, Kind::Map], "a list or something with members");
        Kind::Boolean
    }

    /// What the macros become (CEL's `all`, `exists`, `exists_one`, `filter`, and `map`, which is refused).
    fn comprehension(&mut self, expression: &IdedExpr, macro_: &ComprehensionExpr, depth: usize) -> Kind {
        self.macros = self.macros.saturating_add(1);
        let range = self.visit(&macro_.iter_range, depth);
        self.expect(&macro_.iter_range, range, &[Kind::List, Kind::Map], "a list");
        if !self.locals.is_empty() {
            self.flaws.push(CelFlaw::NestedMacro(shown(expression)));
            return Kind::Any;
        }
        if macro_.iter_var2.is_some() || VARIABLES.split(", ").any(|variable| variable == macro_.iter_var) {
            return self.refuse(expression, "the name of an item has to be another than those of variables");
        }
        let kind = match &macro_.accu_init.expr {
            Expr::List(_) if !appends_items(macro_) => {
                return self
                    .refuse(expression, "`map` makes lists that grow with a request; ask with `all` or `exists`");
            }
            Expr::List(_) => Kind::List,
            _ => Kind::Boolean,
        };
        self.locals = vec![macro_.iter_var.clone(), macro_.accu_var.clone()];
        for part in [&macro_.accu_init, &macro_.loop_cond, &macro_.loop_step, &macro_.result] {
            self.visit(part, depth);
        }
        self.locals.clear();
        kind
    }

    fn size(&mut self, inner: &IdedExpr, depth: usize) -> Kind {
        self.operands(&[inner], &[Kind::Text, Kind::List, Kind::Map], "a text or a list", depth);
        Kind::Int
    }

    fn converted(&mut self, inner: &IdedExpr, to: Kind, depth: usize) -> Kind {
        self.operands(&[inner], &CONVERTED, "a number or a text", depth);
        to
    }

    fn arithmetic(
        &mut self,
        expression: &IdedExpr,
        left: &IdedExpr,
        right: &IdedExpr,
        allowed: &[Kind],
        wanted: &'static str,
        depth: usize,
    ) -> Kind {
        let kinds = self.operands(&[left, right], allowed, wanted, depth);
        match kinds.as_slice() {
            [Kind::Any, kind] | [kind, Kind::Any] => *kind,
            [left, right] if left == right => *left,
            [left, right] => {
                self.mismatch(expression, *left, *right);
                Kind::Any
            }
            _ => Kind::Any,
        }
    }

    fn operands(&mut self, parts: &[&IdedExpr], allowed: &[Kind], wanted: &'static str, depth: usize) -> Vec<Kind> {
        let kinds: Vec<Kind> = parts.iter().map(|part| self.visit(part, depth)).collect();
        for (part, kind) in parts.iter().zip(&kinds) {
            self.expect(part, *kind, allowed, wanted);
        }
        kinds
    }

    fn expect(&mut self, part: &IdedExpr, kind: Kind, allowed: &[Kind], wanted: &'static str) {
        if kind != Kind::Any && !allowed.contains(&kind) {
            self.flaws.push(CelFlaw::Type(shown(part), kind.name(), wanted));
        }
    }

    fn mismatch(&mut self, part: &IdedExpr, left: Kind, right: Kind) {
        self.flaws.push(CelFlaw::Mismatch(shown(part), left.name(), right.name()));
    }

    fn refuse(&mut self, part: &IdedExpr, why: &'static str) -> Kind {
        self.flaws.push(CelFlaw::NotSupported(shown(part), why));
        Kind::Any
    }
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Any => "anything",
            Self::Boolean => "true or false",
            Self::Int => "a whole number",
            Self::UInt => "a whole number without sign",
            Self::Double => "a number",
            Self::Text => "a text",
            Self::List => "a list",
            Self::Map => "something with members",
            Self::Null => "null",
        }
    }

    fn compares_with(self, other: Self) -> bool {
        self == other
            || self == Self::Any
            || other == Self::Any
            || (NUMBERS.contains(&self) && NUMBERS.contains(&other))
    }
}

/// What a request has that is known by the names of its members only.
#[derive(Clone, Copy)]
enum Root {
    Request,
    Headers,
    Query,
    Parameters,
    Claims,
    DangerClaims,
    Caller,
}

fn root(expression: &IdedExpr, locals: &[String]) -> Option<Root> {
    match &expression.expr {
        Expr::Ident(name) if locals.contains(name) => None,
        Expr::Ident(name) => match name.as_str() {
            "request" => Some(Root::Request),
            "params" => Some(Root::Parameters),
            "claims" => Some(Root::Claims),
            "danger_claims" => Some(Root::DangerClaims),
            "caller" => Some(Root::Caller),
            _ => None,
        },
        Expr::Select(select) if !select.test => match (root(&select.operand, locals)?, select.field.as_str()) {
            (Root::Request, "headers") => Some(Root::Headers),
            (Root::Request, "query") => Some(Root::Query),
            _ => None,
        },
        _ => None,
    }
}

/// `@result + [item]`, where the item is what the macro goes through: a part of the list, not something made of it.
fn appends_items(macro_: &ComprehensionExpr) -> bool {
    let Expr::Call(step) = &macro_.loop_step.expr else { return false };
    let [_, Expr::Call(add), _] = &step.args.iter().map(|arg| &arg.expr).collect::<Vec<_>>()[..] else { return false };
    let Some(Expr::List(list)) = add.args.get(1).map(|arg| &arg.expr) else { return false };
    matches!(list.elements.as_slice(), [item] if item.expr == Expr::Ident(macro_.iter_var.clone()))
}

/// A part of an expression, near enough to how it was written to be found.
fn shown(expression: &IdedExpr) -> String {
    match &expression.expr {
        Expr::Ident(name) => name.clone(),
        Expr::Literal(literal) => match literal {
            LiteralValue::Boolean(value) => value.inner().to_string(),
            LiteralValue::Double(value) => value.inner().to_string(),
            LiteralValue::Int(value) => value.inner().to_string(),
            LiteralValue::UInt(value) => format!("{}u", value.inner()),
            LiteralValue::String(value) => format!("'{}'", value.inner()),
            LiteralValue::Null => "null".to_owned(),
            LiteralValue::Bytes(_) => "b'..'".to_owned(),
        },
        Expr::Select(select) if select.test => format!("has({}.{})", shown(&select.operand), select.field),
        Expr::Select(select) => format!("{}.{}", shown(&select.operand), select.field),
        Expr::Call(call) => {
            let args: Vec<String> = call.args.iter().map(shown).collect();
            match (&call.target, call.func_name.as_str(), args.as_slice()) {
                (None, operators::INDEX, [container, index]) => format!("{container}[{index}]"),
                (None, operators::CONDITIONAL, [condition, yes, no]) => format!("{condition} ? {yes} : {no}"),
                (None, name, [left, right]) if name.starts_with(['_', '@']) => {
                    format!("{left} {} {right}", name.trim_matches(['_', '@']))
                }
                (None, name, [inner]) if name.ends_with('_') => format!("{}{inner}", name.trim_matches('_')),
                (None, name, _) => format!("{name}({})", args.join(", ")),
                (Some(target), name, _) => format!("{}.{name}({})", shown(target), args.join(", ")),
            }
        }
        Expr::Comprehension(macro_) => format!("{}..({}, ..)", shown(&macro_.iter_range), macro_.iter_var),
        Expr::List(_) => "[..]".to_owned(),
        Expr::Map(_) | Expr::Struct(_) => "{..}".to_owned(),
        Expr::Unspecified => String::new(),
    }
}

const ORDERED: [Kind; 4] = [Kind::Int, Kind::UInt, Kind::Double, Kind::Text];
const ADDED: [Kind; 5] = [Kind::Int, Kind::UInt, Kind::Double, Kind::Text, Kind::List];
const NUMBERS: [Kind; 3] = [Kind::Int, Kind::UInt, Kind::Double];
const KEYS: [Kind; 4] = [Kind::Int, Kind::UInt, Kind::Text, Kind::Boolean];
const CONVERTED: [Kind; 5] = [Kind::Int, Kind::UInt, Kind::Double, Kind::Text, Kind::Boolean];

const VARIABLES: &str = "request, params, claims, danger_claims, caller, address";
const REQUEST: &str = "method, host, path, scheme, headers, query, time";
const CALLER: &str = "kind, subject, client, tenant, provider, scopes, roles";
