//! At what risk: what issuers and proxies say, and what is seen of callers here; each a score, added up to at most 100.
//!
//! What is seen: one session from several networks within minutes, an identity that is turned away often, an identity that
//! visits unusually many endpoints. Each raises its score when it goes beyond its threshold; the score then decays, by half
//! in each half-life.
//!
//! # Where it is kept
//!
//! In the host's shared data, so that all workers see one picture: a caller's connections land on any of them, and a
//! detector of which each worker has a part would see a part. It is a fixed number of slots of a fixed size, so it is
//! bounded whatever callers do; in a slot that is full the record that was touched longest ago goes. Places and names are
//! keyed hashes, so nobody can aim at a slot, and nothing in shared data names anybody. A request reads one slot, and writes
//! it only when something new is seen, by compare-and-swap. Callers and addresses have slots of their own: a flood of
//! addresses pushes out no caller.
//!
//! # Lock-out
//!
//! It must not become a way to lock out others. So what is counted is what the one that it is counted against did itself:
//!
//! - A failure of a verified identity (a token of this user by way of this client, turned away for what it lacks) counts
//!   against that identity and locks that identity. Nobody without its token can cause one; but a browser sends a token in
//!   a cookie for any page that asks it to, so guard cookies against cross-site requests (`SameSite`).
//! - A token that did not verify proves nobody, so it never counts against whom it names: an attacker would write the
//!   victim's name into it. It counts against the address that sent it. And since many people share an address, a locked
//!   address is refused only what would be refused anyway: requests whose token does not verify get 429 instead of 401. A
//!   good token passes from every address, and no address's record is even read for it. Nor does a missing or an expired
//!   token count or get 429: such a client needs the 401 to sign in.
//! - A success takes nothing back: a failure counts until it is older than the window. Otherwise an attacker would mix
//!   guesses with a good request of their own.
//! - While something is locked nothing more counts, so the lock ends when it says, whatever is sent meanwhile.

mod recent;
mod record;
mod score;
mod settings;
mod sighting;
mod signal;
mod slot;
#[cfg(test)]
mod tests;
mod watch;

pub use score::Score;
pub use settings::{Lockout, Observe, RiskSettings, SlowDown, Threshold};
pub use signal::{Reading, Signal, SignalSource};
pub use watch::{Encounter, Watch};
