//! Client certificates that are accepted.

use std::rc::Rc;

use super::Table;
use super::devices::patterns;
use crate::certificate::presented::digest_from_hex;
use crate::certificate::{Accepted, DistinguishedName, Pattern, Revocation, RevocationLists, SubjectFrom, spiffe};
use crate::config::problems::{Problems, join};
use crate::config::settings::{
    AcceptedCertificateSettings, CertificateSubjectSettings, ClientCertificateSettings, RevocationSettings,
};

pub(super) fn compile(
    settings: Option<&ClientCertificateSettings>,
    lists: &Rc<RevocationLists>,
    problems: &mut Problems,
    warnings: &mut Vec<String>,
) -> Table<Accepted> {
    let mut table = Table::new("certificate");
    let Some(settings) = settings else { return table };
    let has_lists = settings.revocation_lists.as_ref().is_some_and(|lists| !lists.is_empty());
    for (name, settings) in settings.accepted.iter().flat_map(|accepted| &accepted.0) {
        let path = join("client_certificates.accepted", name);
        let before = problems.len();
        let accepted = accepted(&path, settings, lists, problems);
        if accepted.revocation == Revocation::Required {
            let at = join(&path, "revocation");
            if !has_lists {
                problems.add(at, "is `required`, and there are no `revocation_lists`: every certificate is refused");
            } else if accepted.issuers.as_ref().is_some_and(|issuers| !issuers.iter().any(|name| lists.have_of(name))) {
                warnings.push(format!("{at}: is `required`, and no list is of one of the `issuers`: all are refused"));
            }
        }
        table.add(&path, name.clone(), Some(accepted).filter(|_| problems.len() == before), problems);
    }
    table
}

fn accepted(
    path: &str,
    settings: &AcceptedCertificateSettings,
    lists: &Rc<RevocationLists>,
    problems: &mut Problems,
) -> Accepted {
    let accept_untrusted = settings.accept_untrusted.unwrap_or(false);
    if accept_untrusted && settings.digests.is_none() {
        problems.add(
            join(path, "accept_untrusted"),
            "needs `digests`: what an unchecked certificate says of itself is its maker's word",
        );
    }
    let as_is = str::to_owned;
    let accepted = Accepted {
        issuers: names(&join(path, "issuers"), settings.issuers.as_deref(), problems),
        subjects: names(&join(path, "subjects"), settings.subjects.as_deref(), problems),
        spiffe_ids: spiffe_ids(&join(path, "spiffe_ids"), settings.spiffe_ids.as_deref(), problems),
        uri_sans: patterns(&join(path, "uri_sans"), settings.uri_sans.as_deref(), as_is, problems),
        dns_sans: patterns(&join(path, "dns_sans"), settings.dns_sans.as_deref(), str::to_ascii_lowercase, problems),
        email_sans: patterns(&join(path, "email_sans"), settings.email_sans.as_deref(), as_is, problems),
        digests: digests(&join(path, "digests"), settings.digests.as_deref(), problems),
        accept_untrusted,
        any_time: settings.validity == Some(false),
        revocation: match settings.revocation.unwrap_or(RevocationSettings::IfListed) {
            RevocationSettings::IfListed => Revocation::IfListed,
            RevocationSettings::Required => Revocation::Required,
            RevocationSettings::Ignored => Revocation::Ignored,
        },
        revocation_lists: Rc::clone(lists),
        subject_from: settings.identity.as_ref().map(|identity| subject_from(identity.subject)),
    };
    let asks = [accepted.issuers.is_some(), accepted.subjects.is_some(), accepted.digests.is_some()];
    let sans = [&accepted.spiffe_ids, &accepted.uri_sans, &accepted.dns_sans, &accepted.email_sans];
    if !asks.contains(&true) && sans.iter().all(|sans| sans.is_none()) {
        problems.add(
            path,
            "needs one of `issuers`, `subjects`, `spiffe_ids`, `uri_sans`, `dns_sans`, `email_sans` and `digests`: any certificate \
             is nobody's",
        );
    }
    accepted
}

/// Each text read by `read`, or a fault at its place; a list that is there has something in it.
fn each<T>(
    path: &str,
    texts: Option<&[String]>,
    problems: &mut Problems,
    read: impl Fn(&str) -> Result<T, String>,
) -> Option<Vec<T>> {
    let texts = texts?;
    if texts.is_empty() {
        problems.add(path, "is empty; leave it out for any");
    }
    let mut values = Vec::with_capacity(texts.len());
    for (index, text) in texts.iter().enumerate() {
        match read(text) {
            Ok(value) => values.push(value),
            Err(flaw) => problems.add(format!("{path}[{index}]"), flaw),
        }
    }
    Some(values)
}

fn names(path: &str, texts: Option<&[String]>, problems: &mut Problems) -> Option<Vec<DistinguishedName>> {
    each(path, texts, problems, |text| DistinguishedName::parse(text).map_err(|flaw| flaw.to_string()))
}

fn spiffe_ids(path: &str, texts: Option<&[String]>, problems: &mut Problems) -> Option<Vec<Pattern>> {
    each(path, texts, problems, |text| match Pattern::parse(text) {
        Ok(pattern) if spiffe::is_pattern(text) => Ok(pattern),
        _ => Err(format!(
            "`{text}` is not a SPIFFE ID; expected `spiffe://trust-domain/path`, with at most one `*` after the trust domain"
        )),
    })
}

fn digests(path: &str, texts: Option<&[String]>, problems: &mut Problems) -> Option<Vec<[u8; 32]>> {
    each(path, texts, problems, |text| {
        digest_from_hex(text).ok_or_else(|| {
            format!("`{text}` is not a SHA-256 in 64 hexadecimal digits, as of `openssl dgst -sha256` over the DER")
        })
    })
}

fn subject_from(settings: CertificateSubjectSettings) -> SubjectFrom {
    match settings {
        CertificateSubjectSettings::SpiffeId => SubjectFrom::SpiffeId,
        CertificateSubjectSettings::UriSan => SubjectFrom::UriSan,
        CertificateSubjectSettings::DnsSan => SubjectFrom::DnsSan,
        CertificateSubjectSettings::EmailSan => SubjectFrom::EmailSan,
        CertificateSubjectSettings::Subject => SubjectFrom::Subject,
        CertificateSubjectSettings::Digest => SubjectFrom::Digest,
    }
}
