//! Which certificates are accepted, and in what order that is asked: is it checked, is it one of these, does it hold now, has
//! its issuer taken it back.

use std::rc::Rc;

use super::flaw::CertificateFlaw;
use super::presented::{Presented, PresentedFlaw};
use super::revocation::{RevocationLists, Standing};
use super::spiffe;
use super::x509::Names;
use super::{DistinguishedName, Pattern};
use crate::time::UnixTime;

/// Certificates that are accepted: each part that is given must be so, and of a list one is enough.
#[derive(Clone, Debug, Default)]
pub struct Accepted {
    /// Who issued it.
    pub issuers: Option<Vec<DistinguishedName>>,
    /// Its subject.
    pub subjects: Option<Vec<DistinguishedName>>,
    /// Its SPIFFE ID.
    pub spiffe_ids: Option<Vec<Pattern>>,
    /// One of its alternative names that are addresses.
    pub uri_sans: Option<Vec<Pattern>>,
    /// One of its alternative names that are hosts; in lower case.
    pub dns_sans: Option<Vec<Pattern>>,
    /// One of its alternative names that are mailboxes.
    pub email_sans: Option<Vec<Pattern>>,
    /// It is one of these, by SHA-256 of the DER.
    pub digests: Option<Vec<[u8; 32]>>,
    /// Also one that nobody checked. Only with `digests`: those say which certificate it is, whoever issued it, and the
    /// handshake proved that the client has its key (RFC 8705 section 2.2).
    pub accept_untrusted: bool,
    /// Its time is not looked at.
    pub any_time: bool,
    /// What is asked of lists.
    pub revocation: Revocation,
    /// Lists of what issuers have taken back.
    pub revocation_lists: Rc<RevocationLists>,
    /// What its holder is called, if it is an identity of its own.
    pub subject_from: Option<SubjectFrom>,
}

/// What is asked of lists of what issuers have taken back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Revocation {
    /// If there is one of the certificate's issuer, it counts.
    #[default]
    IfListed,
    /// There is one.
    Required,
    /// They are not looked at.
    Ignored,
}

/// Which name of a certificate its holder is called by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubjectFrom {
    /// Its SPIFFE ID.
    SpiffeId,
    /// The alternative name that is an address.
    UriSan,
    /// The alternative name that is a host.
    DnsSan,
    /// The alternative name that is a mailbox.
    EmailSan,
    /// Its subject, as RFC 4514 writes it.
    Subject,
    /// Its digest, in hexadecimal digits.
    Digest,
}

impl Accepted {
    /// Is it one of these?
    ///
    /// # Errors
    ///
    /// Why not.
    pub fn check(&self, presented: &Presented, now: UnixTime) -> Result<(), CertificateFlaw> {
        // What an unchecked certificate says is its maker's word.
        let is_pinned = self.digests.as_ref().map(|digests| digests.contains(&presented.digest_sha256));
        if is_pinned == Some(false) {
            return Err(CertificateFlaw::NotAccepted);
        }
        let is_known = presented.validated || (self.accept_untrusted && is_pinned == Some(true));
        if !is_known {
            return Err(CertificateFlaw::NotValidated);
        }
        self.check_known(presented, now)
    }

    /// The same of one that was checked, or counts as checked: is it one of these, does it hold now, is it not taken back?
    ///
    /// # Errors
    ///
    /// Why not.
    pub fn check_known(&self, presented: &Presented, now: UnixTime) -> Result<(), CertificateFlaw> {
        self.check_names(presented)?;
        self.check_time(presented, now)?;
        self.check_revocation(presented, now)
    }

    fn check_names(&self, presented: &Presented) -> Result<(), CertificateFlaw> {
        if let Some(issuers) = &self.issuers {
            let certificate = presented.certificate().ok_or(unread(presented, CertificateFlaw::NamesUnknown))?;
            let issuer = certificate.issuer.as_ref().ok_or(CertificateFlaw::NamesUnknown)?;
            if !issuers.contains(issuer) {
                return Err(CertificateFlaw::NotAccepted);
            }
        }
        if !self.asks_for_names() {
            return Ok(());
        }
        let names = presented.names().ok_or(CertificateFlaw::Presented(PresentedFlaw::Unreadable))?;
        let is_subject = |subjects: &Vec<DistinguishedName>| names.subject.iter().any(|name| subjects.contains(name));
        let fit = self.subjects.as_ref().is_none_or(is_subject)
            && self.spiffe_ids.as_ref().is_none_or(|ids| spiffe_id(names).is_some_and(|id| any_fits(ids, id)))
            && some_fits(self.uri_sans.as_ref(), &names.uri_sans)
            && some_fits(self.dns_sans.as_ref(), &names.dns_sans)
            && some_fits(self.email_sans.as_ref(), &names.email_sans);
        match (fit, names.complete) {
            (true, _) => Ok(()),
            (false, true) => Err(CertificateFlaw::NotAccepted),
            (false, false) => Err(CertificateFlaw::NamesUnknown),
        }
    }

    fn asks_for_names(&self) -> bool {
        self.subjects.is_some()
            || self.spiffe_ids.is_some()
            || self.uri_sans.is_some()
            || self.dns_sans.is_some()
            || self.email_sans.is_some()
    }

    /// By our clock. The host looked in the handshake, and a connection may stay open for days.
    fn check_time(&self, presented: &Presented, now: UnixTime) -> Result<(), CertificateFlaw> {
        if self.any_time {
            return Ok(());
        }
        let certificate = presented.certificate().ok_or(unread(presented, CertificateFlaw::ValidityUnknown))?;
        if now < certificate.not_before {
            Err(CertificateFlaw::NotYetValid)
        } else if now.as_secs() > certificate.not_after.as_secs() {
            Err(CertificateFlaw::Expired)
        } else {
            Ok(())
        }
    }

    fn check_revocation(&self, presented: &Presented, now: UnixTime) -> Result<(), CertificateFlaw> {
        match self.revocation {
            Revocation::Ignored => return Ok(()),
            Revocation::IfListed if self.revocation_lists.is_empty() => return Ok(()),
            Revocation::IfListed | Revocation::Required => {}
        }
        let certificate = presented.certificate().ok_or(unread(presented, CertificateFlaw::RevocationUnknown))?;
        match self.revocation_lists.standing(certificate, now) {
            Standing::Good => Ok(()),
            Standing::Unlisted if self.revocation == Revocation::IfListed => Ok(()),
            Standing::Unlisted | Standing::Unknown => Err(CertificateFlaw::RevocationUnknown),
            Standing::Revoked => Err(CertificateFlaw::Revoked),
        }
    }

    /// What the holder of an accepted certificate is called. Of several names of one kind the one that the configuration asks
    /// for; where more than one fits, nobody can say who it is.
    ///
    /// # Errors
    ///
    /// It has no such name, or several.
    pub(super) fn subject(&self, from: SubjectFrom, presented: &Presented) -> Result<String, CertificateFlaw> {
        if from == SubjectFrom::Digest {
            return Ok(hex(&presented.digest_sha256));
        }
        let names = presented.names().ok_or(CertificateFlaw::NamesNobody)?;
        // Of some names only nobody can say that one is the only one.
        if from != SubjectFrom::Subject && !names.complete {
            return Err(CertificateFlaw::NamesUnknown);
        }
        let one = |patterns: Option<&Vec<Pattern>>, names: &[String]| {
            let mut fitting = names.iter().filter(|name| patterns.is_none_or(|patterns| any_fits(patterns, name)));
            fitting.next().filter(|_| fitting.next().is_none()).cloned()
        };
        let subject = match from {
            SubjectFrom::SpiffeId => spiffe_id(names).map(str::to_owned),
            SubjectFrom::UriSan => one(self.uri_sans.as_ref(), &names.uri_sans),
            SubjectFrom::DnsSan => one(self.dns_sans.as_ref(), &names.dns_sans),
            SubjectFrom::EmailSan => one(self.email_sans.as_ref(), &names.email_sans),
            SubjectFrom::Subject => names.subject.as_ref().map(ToString::to_string),
            SubjectFrom::Digest => None,
        };
        subject.filter(|subject| !subject.is_empty()).ok_or(CertificateFlaw::NamesNobody)
    }
}

/// The one address of a certificate, if it is a SPIFFE ID: with two it is no X.509-SVID (section 2 of that standard). Where not all
/// addresses are known there may be another.
fn spiffe_id(names: &Names) -> Option<&str> {
    match names.uri_sans.as_slice() {
        [id] if names.complete && spiffe::is_id(id) => Some(id),
        _ => None,
    }
}

fn any_fits(patterns: &[Pattern], name: &str) -> bool {
    patterns.iter().any(|pattern| pattern.fits(name))
}

fn some_fits(patterns: Option<&Vec<Pattern>>, names: &[String]) -> bool {
    patterns.is_none_or(|patterns| names.iter().any(|name| any_fits(patterns, name)))
}

/// Why there is nothing to read: it was not handed over, or it is no certificate.
fn unread(presented: &Presented, absent: CertificateFlaw) -> CertificateFlaw {
    if presented.is_handed_over() { CertificateFlaw::Presented(PresentedFlaw::Unreadable) } else { absent }
}

/// Lower case, without anything between the digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
