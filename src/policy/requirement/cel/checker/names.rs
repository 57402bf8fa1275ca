//! What an expression may name, and what each name stands for.

use cel::IdedExpr;
use cel::common::ast::{Expr, SelectExpr};

use super::kind::Kind;
use super::{CelFlaw, Checker};

impl Checker {
    pub(super) fn variable(&mut self, name: &str) -> Kind {
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

    pub(super) fn select(&mut self, select: &SelectExpr, depth: usize) -> Kind {
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
    pub(super) fn member(&mut self, root: Root, name: &str) -> Kind {
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
}

/// What a request has that is known by the names of its members only.
#[derive(Clone, Copy)]
pub(super) enum Root {
    Request,
    Headers,
    Query,
    Parameters,
    Claims,
    DangerClaims,
    Caller,
}

pub(super) fn root(expression: &IdedExpr, locals: &[String]) -> Option<Root> {
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

pub(super) const VARIABLES: &str = "request, params, claims, danger_claims, caller, address";
const REQUEST: &str = "method, host, path, scheme, headers, query, time";
const CALLER: &str = "kind, subject, client, tenant, provider, scopes, roles";
