//! What the parser lets through and the evaluator should not see: a small type check over the expression, and bounds.
//!
//! Types are known for literals, for what a request has, and for what is made of them; a claim may be anything. A mismatch
//! is reported where both sides are known, so what passes can still go wrong on a request, as an error.

mod kind;
mod names;
mod shape;

use cel::IdedExpr;
use cel::common::ast::{CallExpr, ComprehensionExpr, Expr, LiteralValue, operators};

use kind::{ADDED, CONVERTED, KEYS, Kind, NUMBERS, ORDERED};
use names::{VARIABLES, root};
use shape::{appends_items, shown};

use super::{CelFlaw, MAX_DEPTH, MAX_MACROS, MAX_NODES, Needs};

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
