//! The client's certificate as an identity of its own.

use std::rc::Rc;

use crate::certificate::{CertificateFlaw, Holder};
use crate::exchange::Denial;
use crate::exchange::walk::Walk;

/// Who has the key of the client's certificate; nobody if there is none.
///
/// # Errors
///
/// There is one, and it is not accepted as an identity.
pub(super) fn identify(walk: &mut Walk<'_>) -> Result<Option<Rc<Holder>>, Denial> {
    let (now, identities) = (walk.now, &walk.config.client_certificates.identities);
    let identities = identities.iter().map(|accepted| (&*accepted.name, &*accepted.thing));
    let connection = walk.connection();
    let presented = connection.presented().map_err(CertificateFlaw::Presented).map_err(Denial::Certificate)?;
    let Some(presented) = presented else { return Ok(None) };
    Holder::identify(identities, presented, now).map(|holder| Some(Rc::new(holder))).map_err(Denial::Certificate)
}
