//! What came of asking whether something holds: it does, it does not, or it can't be told.
//!
//! Three answers, so that "can't be told" is never turned into a yes: `not` of it is still it, and only
//! [`Verdict::Met`] lets a request on.

/// Whether something that was asked for is so; if it is not, `L` is what is lacking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict<L> {
    /// It is.
    Met,
    /// It is not.
    Unmet(L),
    /// It can't be told: what it hangs on is not known, can't be read, or can't be had.
    Unknown(L),
}

impl<L> Verdict<L> {
    /// Met, or not with this lacking.
    pub fn of(met: bool, lack: impl FnOnce() -> L) -> Self {
        if met { Self::Met } else { Self::Unmet(lack()) }
    }

    /// Is it so?
    #[must_use]
    pub fn is_met(&self) -> bool {
        matches!(self, Self::Met)
    }

    /// The same with the lack in other words.
    pub fn map<M>(self, words: impl FnOnce(L) -> M) -> Verdict<M> {
        match self {
            Self::Met => Verdict::Met,
            Self::Unmet(lack) => Verdict::Unmet(words(lack)),
            Self::Unknown(lack) => Verdict::Unknown(words(lack)),
        }
    }
}
