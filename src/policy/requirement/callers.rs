//! Whether the caller is of a kind that is asked for. Where marks leave several kinds open, the answer is clear only if all
//! of them are asked for, or none.

use crate::entra::CallerKind;
use crate::identity::Identity;
use crate::policy::lack::Lack;
use crate::verdict::Verdict;

pub(super) fn callers(wanted: &[CallerKind], caller: &Identity) -> Verdict<Lack> {
    let possible = caller.kinds();
    let wanted_of_them = possible.iter().filter(|kind| wanted.contains(kind)).count();
    if wanted_of_them == possible.len() {
        Verdict::Met
    } else if wanted_of_them == 0 {
        Verdict::Unmet(Lack::CallerKind)
    } else {
        Verdict::Unknown(Lack::Unclear("caller_kind_unknown"))
    }
}
