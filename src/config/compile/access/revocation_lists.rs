//! Lists of certificates that are taken back, and what is told of them as they grow old.

use std::rc::Rc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::certificate::{RevocationList, RevocationListFlaw, RevocationLists};
use crate::config::Notice;
use crate::config::problems::{Problems, join};
use crate::config::settings::{ClientCertificateSettings, RevocationListSettings};

pub(super) fn compile(
    settings: Option<&ClientCertificateSettings>,
    notices: &mut Vec<Notice>,
    problems: &mut Problems,
) -> Rc<RevocationLists> {
    let settings = settings.and_then(|settings| settings.revocation_lists.as_deref()).unwrap_or_default();
    let lists = settings.iter().enumerate().filter_map(|(index, settings)| {
        let path = format!("client_certificates.revocation_lists[{index}]");
        let (at, list) = read(&path, settings, problems)?;
        notices.extend(told(&at, &list));
        Some(list)
    });
    Rc::new(RevocationLists::new(lists.collect()))
}

/// One list and its path; nothing if it has faults.
fn read(path: &str, settings: &RevocationListSettings, problems: &mut Problems) -> Option<(String, RevocationList)> {
    let issuer = settings.issuer_certificate.as_deref();
    let (at, read) = match (&settings.pem, &settings.base64) {
        (Some(pem), None) => (join(path, "pem"), RevocationList::from_pem(pem, issuer)),
        (None, Some(text)) => {
            let der = STANDARD.decode(text.trim()).map_err(|_| RevocationListFlaw::Malformed);
            (join(path, "base64"), der.and_then(|der| RevocationList::from_der(&der, issuer)))
        }
        _ => {
            problems.add(path, "needs one of `pem` and `base64`");
            return None;
        }
    };
    match read {
        Ok(list) => Some((at, list)),
        Err(flaw @ (RevocationListFlaw::IssuerMalformed | RevocationListFlaw::NotForLists)) => {
            problems.add(join(path, "issuer_certificate"), flaw.to_string());
            None
        }
        Err(flaw) => {
            problems.add(at, flaw.to_string());
            None
        }
    }
}

/// What is told of a list before its time, on its last day, and after it: its issuer's certificates are refused outside of it.
fn told(path: &str, list: &RevocationList) -> [Notice; 3] {
    let (start, end) = (list.this_update(), list.next_update());
    let notice = |from, until, text| Notice { path: path.to_owned(), from, until, text };
    [
        notice(None, Some(start), "is of a time to come, and until then certificates of its issuer are refused"),
        notice(
            Some(end.minus(LAST_DAY)),
            Some(end),
            "is too old within a day, and certificates of its issuer are then refused; put the next one in its place",
        ),
        notice(
            Some(end),
            None,
            "is too old, and certificates of its issuer are refused; put the next one in its place",
        ),
    ]
}

/// Authorities renew lists daily or weekly, so that earlier is too early for the first.
const LAST_DAY: Duration = Duration::from_secs(86_400);
