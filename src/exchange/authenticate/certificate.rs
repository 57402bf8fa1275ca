//! The client's certificate, as it was presented.

use crate::access::Connection;
use crate::certificate::{Presented, PresentedFlaw};
use crate::config::Config;
use crate::engine::Host;
use crate::http::RequestHead;

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
