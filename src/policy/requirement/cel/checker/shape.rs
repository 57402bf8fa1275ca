//! The shape of an expression: what a macro became, and how a part of it reads.

use cel::IdedExpr;
use cel::common::ast::{ComprehensionExpr, Expr, LiteralValue, operators};

/// `@result + [item]`, where the item is what the macro goes through: a part of the list, not something made of it.
pub(super) fn appends_items(macro_: &ComprehensionExpr) -> bool {
    let Expr::Call(step) = &macro_.loop_step.expr else { return false };
    let [_, Expr::Call(add), _] = &step.args.iter().map(|arg| &arg.expr).collect::<Vec<_>>()[..] else { return false };
    let Some(Expr::List(list)) = add.args.get(1).map(|arg| &arg.expr) else { return false };
    matches!(list.elements.as_slice(), [item] if item.expr == Expr::Ident(macro_.iter_var.clone()))
}

/// A part of an expression, near enough to how it was written to be found.
pub(super) fn shown(expression: &IdedExpr) -> String {
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
