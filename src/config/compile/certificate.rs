//! Client certificates: where they come from.

use std::num::NonZeroUsize;

use super::access::{AccessNames, warn_of_all};
use crate::access::{CertificateSource, ClientCertificates};
use crate::config::problems::{Problems, join};
use crate::config::settings::{CertificateSourceSettings, ClientCertificateSettings, ForwardedCertificateSettings};

/// Where they come from.
pub(super) fn source(
    settings: Option<&ClientCertificateSettings>,
    access: &AccessNames,
    problems: &mut Problems,
    warnings: &mut Vec<String>,
) -> ClientCertificates {
    let Some(settings) = settings else { return ClientCertificates::default() };
    let assume_validated = settings.assume_validated.unwrap_or(false);
    let source = match &settings.from {
        None | Some(CertificateSourceSettings::Word(_)) => CertificateSource::Connection,
        Some(CertificateSourceSettings::Header(header)) => {
            warnings.push(
                "client_certificates.from.forwarded: who may write the address that Envoy has for the other end may be anybody; set \
                 `use_remote_address: true` and no trusted hops"
                    .to_owned(),
            );
            if !assume_validated {
                warnings.push(
                    "client_certificates.from.forwarded: the header does not say whether a certificate was checked; without \
                     `assume_validated` none counts as checked"
                        .to_owned(),
                );
            }
            forwarded(&header.forwarded, access, problems, warnings)
        }
    };
    ClientCertificates { source, assume_validated, identities: access.identities() }
}

fn forwarded(
    settings: &ForwardedCertificateSettings,
    access: &AccessNames,
    problems: &mut Problems,
    warnings: &mut Vec<String>,
) -> CertificateSource {
    let path = "client_certificates.from.forwarded";
    let at = join(path, "trusted_proxies");
    let proxies = access.networks(&at, &settings.trusted_proxies, problems);
    warn_of_all(&at, proxies.as_deref().unwrap_or_default(), warnings);
    let hops = settings.trusted_hops.unwrap_or(1);
    let hops = usize::try_from(hops).ok().filter(|hops| *hops <= MOST_HOPS).and_then(NonZeroUsize::new);
    if hops.is_none() {
        problems.add(join(path, "trusted_hops"), format!("expected 1 to {MOST_HOPS}"));
    }
    match (proxies, hops) {
        (Some(proxies), Some(hops)) => CertificateSource::Forwarded { proxies, hops },
        _ => CertificateSource::Connection,
    }
}

/// As many elements as are read.
const MOST_HOPS: usize = 32;
