//! Why an expression is refused.

use std::fmt;

/// Why an expression is refused. The texts are parts of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CelFlaw {
    /// It is no expression.
    Syntax(String),
    /// More than 4 KiB.
    TooLong,
    /// Too many levels.
    TooDeep,
    /// Too many nodes.
    TooManyNodes,
    /// Too many macros.
    TooManyMacros,
    /// A macro in a macro.
    NestedMacro(String),
    /// Something that is not let through: which, and why or what instead.
    NotSupported(String, &'static str),
    /// A variable that there is not, or a member that it does not have: which, and what is known.
    Unknown(String, &'static str),
    /// A function that there is not.
    UnknownFunction(String),
    /// A map whose members are known by name only is used as a whole.
    Whole(String),
    /// A claim that must not decide.
    Unfit(String),
    /// A value of the wrong type: which, what it is, and what it has to be.
    Type(String, &'static str, &'static str),
    /// Two values that can't be compared or put together: which, and their types.
    Mismatch(String, &'static str, &'static str),
}

impl CelFlaw {
    /// Stable code.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Syntax(_) => "cel_syntax",
            Self::TooLong => "cel_too_long",
            Self::TooDeep => "cel_too_deep",
            Self::TooManyNodes => "cel_too_many_nodes",
            Self::TooManyMacros => "cel_too_many_macros",
            Self::NestedMacro(_) => "cel_nested_macro",
            Self::NotSupported(..) => "cel_not_supported",
            Self::Unknown(..) => "cel_unknown_name",
            Self::UnknownFunction(_) => "cel_unknown_function",
            Self::Whole(_) => "cel_whole",
            Self::Unfit(_) => "cel_unfit_claim",
            Self::Type(..) => "cel_type",
            Self::Mismatch(..) => "cel_type_mismatch",
        }
    }
}

impl fmt::Display for CelFlaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(message) => write!(f, "is not an expression: {message}"),
            Self::TooLong => write!(f, "is longer than {} bytes", super::MAX_BYTES),
            Self::TooDeep => write!(f, "is more than {} levels deep", super::MAX_DEPTH),
            Self::TooManyNodes => write!(f, "has more than {} parts", super::MAX_NODES),
            Self::TooManyMacros => write!(f, "has more than {} macros", super::MAX_MACROS),
            Self::NestedMacro(part) => write!(f, "`{part}`: a macro can't be in another"),
            Self::NotSupported(part, why) => write!(f, "`{part}`: {why}"),
            Self::Unknown(part, known) => write!(f, "there is no `{part}`; known: {known}"),
            Self::UnknownFunction(name) => write!(
                f,
                "there is no function `{name}`; known: size, contains, startsWith, endsWith, string, int, double, has, all, exists, exists_one, filter"
            ),
            Self::Whole(part) => {
                write!(f, "`{part}` can only be asked for a member by name, as in `{part}.x` or `\"x\" in {part}`")
            }
            Self::Unfit(name) => {
                write!(f, "`{name}` can be chosen by users or other tenants; if you must, write `danger_claims.{name}`")
            }
            Self::Type(part, found, wanted) => write!(f, "`{part}` is {found}; expected {wanted}"),
            Self::Mismatch(part, left, right) => write!(f, "`{part}`: {left} and {right}"),
        }
    }
}

impl std::error::Error for CelFlaw {}
