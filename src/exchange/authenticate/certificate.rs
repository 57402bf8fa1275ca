//! The client's certificate: as it was presented, and as an identity of its own.

use std::rc::Rc;

use crate::access::Connection;
use crate::certificate::{CertificateFlaw, Holder, Presented, PresentedFlaw};
use crate::config::Config;
use crate::engine::Host;
use crate::exchange::Denial;
use crate::http::RequestHead;
use crate::time::UnixTime;

/// Who has the key of the client's certificate; nobody if there is none.
///
/// # Errors
///
/// There is one, and it is not accepted as an identity.
pub(super) fn identify(
    config: &Config,
    head: &RequestHead,
    host: &mut dyn Host,
    now: UnixTime,
) -> Result<Option<Rc<Holder>>, Denial> {
    let refused = |flaw| Denial::Certificate(flaw);
    let presented = presented(config, head, host).map_err(CertificateFlaw::Presented).map_err(refused)?;
    let Some(presented) = presented else { return Ok(None) };
    let identities = config.client_certificates.identities.iter();
    let identities = identities.map(|accepted| (&*accepted.name, &*accepted.thing));
    Holder::identify(identities, &presented, now).map(|holder| Some(Rc::new(holder))).map_err(refused)
}

/// The client's certificate, from where the configuration says; nothing if there is none.
///
/// # Errors
///
/// There is one, and it can't be told which.
pub(super) fn presented(
    config: &Config,
    head: &RequestHead,
    host: &mut dyn Host,
) -> Result<Option<Presented>, PresentedFlaw> {
    Connection::new(host).certified_by(&config.client_certificates, head).into_presented()
}
