//! One circumstance that a requirement asks for.

use std::rc::Rc;

use super::assurance::{Assurance, Shortfall};
use super::device::Device;
use super::network::Networks;
use super::schedule::Schedule;
use super::{Circumstances, Connection, assurance, geo};
use crate::certificate::{Accepted, CertificateFlaw};
use crate::verdict::Verdict;

/// Something with the name that the configuration gives it.
#[derive(Clone, Debug)]
pub struct Named<T> {
    /// Its name.
    pub name: Rc<str>,
    /// What it is.
    pub thing: Rc<T>,
}

/// One circumstance that a requirement asks for.
#[derive(Clone, Debug)]
pub enum Check {
    /// From one of these networks.
    Networks(Vec<Named<Networks>>),
    /// From one of these countries, by the header that says it.
    Countries(Rc<str>, Vec<[u8; 2]>),
    /// From one of these autonomous systems, by the header that says it.
    Asns(Rc<str>, Vec<u32>),
    /// While one of these is open.
    Schedules(Vec<Named<Schedule>>),
    /// With this assurance.
    Assurance(Named<Assurance>),
    /// From one of these devices.
    Devices(Vec<Named<Device>>),
    /// With one of these client certificates.
    Certificates(Vec<Named<Accepted>>),
    /// At a risk below this.
    RiskBelow(u8),
}

/// A circumstance that is not as asked for, or not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lack {
    /// The client's address is in none of the networks.
    Network,
    /// The client's address is not known.
    AddressUnknown,
    /// The client's country is none of those.
    Country,
    /// The client's country is not known.
    CountryUnknown,
    /// The client's autonomous system is none of those.
    Asn,
    /// The client's autonomous system is not known.
    AsnUnknown,
    /// None of the schedules is open.
    Schedule,
    /// The time zone does not know its time.
    ScheduleUnknown,
    /// Nobody signed in: there is no token.
    NoToken,
    /// The sign-in.
    Assurance(Shortfall),
    /// The device is none of those.
    Device,
    /// The device shows nothing that can be believed.
    DeviceUnknown,
    /// The client's certificate.
    Certificate(CertificateFlaw),
    /// The risk is too high.
    Risk,
    /// The risk is not known, and what is known of it is not too high.
    RiskUnknown,
}

impl Lack {
    /// Stable code for the audit record and the counters.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Network => "network_not_allowed",
            Self::AddressUnknown => "address_unknown",
            Self::Country => "country_not_allowed",
            Self::CountryUnknown => "country_unknown",
            Self::Asn => "asn_not_allowed",
            Self::AsnUnknown => "asn_unknown",
            Self::Schedule => "outside_schedule",
            Self::ScheduleUnknown => "schedule_unknown",
            Self::NoToken => "credential_missing",
            Self::Assurance(shortfall) => shortfall.reason(),
            Self::Device => "device_not_allowed",
            Self::DeviceUnknown => "device_unknown",
            Self::Certificate(flaw) => flaw.reason(),
            Self::Risk => "risk_too_high",
            Self::RiskUnknown => "risk_unknown",
        }
    }
}

impl Check {
    /// Is it so?
    #[must_use]
    pub fn evaluate(&self, circumstances: &Circumstances<'_>) -> Verdict<Lack> {
        match self {
            Self::Networks(networks) => match circumstances.connection.address() {
                None => Verdict::Unknown(Lack::AddressUnknown),
                Some(address) => {
                    Verdict::of(networks.iter().any(|networks| networks.thing.contain(address)), || Lack::Network)
                }
            },
            Self::Countries(header, countries) => match geo::country(circumstances.head, header) {
                None => Verdict::Unknown(Lack::CountryUnknown),
                Some(country) => Verdict::of(countries.contains(&country), || Lack::Country),
            },
            Self::Asns(header, asns) => match geo::asn(circumstances.head, header) {
                None => Verdict::Unknown(Lack::AsnUnknown),
                Some(asn) => Verdict::of(asns.contains(&asn), || Lack::Asn),
            },
            Self::Schedules(schedules) => {
                let schedules = schedules.iter().map(|schedule| schedule.thing.is_open(circumstances.now));
                any(schedules, Lack::Schedule, Lack::ScheduleUnknown)
            }
            Self::Assurance(assurance) => match circumstances.token {
                None => Verdict::Unknown(Lack::NoToken),
                Some(token) => assurance.thing.evaluate(token, circumstances.now).map(Lack::Assurance),
            },
            Self::Devices(devices) => {
                let devices = devices.iter().map(|device| device.thing.is_used(circumstances));
                any(devices, Lack::Device, Lack::DeviceUnknown)
            }
            Self::Certificates(accepted) => certificates(accepted, circumstances),
            Self::RiskBelow(limit) => match circumstances.risk.is_below(*limit) {
                Verdict::Met => Verdict::Met,
                Verdict::Unmet(()) => Verdict::Unmet(Lack::Risk),
                Verdict::Unknown(()) => Verdict::Unknown(Lack::RiskUnknown),
            },
        }
    }
}

impl Check {
    /// The member's name in the configuration and what it asks for, for people.
    #[must_use]
    pub fn asked(&self) -> (&'static str, String) {
        fn names<T>(named: &[Named<T>]) -> String {
            named.iter().map(|named| &*named.name).collect::<Vec<_>>().join(", ")
        }
        let countries =
            |codes: &[[u8; 2]]| codes.iter().map(|code| code.escape_ascii().to_string()).collect::<Vec<_>>();
        let numbers = |asns: &[u32]| asns.iter().map(u32::to_string).collect::<Vec<_>>();
        match self {
            Self::Networks(networks) => ("networks", names(networks)),
            Self::Countries(_, codes) => ("countries", countries(codes).join(", ")),
            Self::Asns(_, asns) => ("asns", numbers(asns).join(", ")),
            Self::Schedules(schedules) => ("schedules", names(schedules)),
            Self::Assurance(assurance) => ("assurance", assurance.name.to_string()),
            Self::Devices(devices) => ("devices", names(devices)),
            Self::Certificates(accepted) => ("certificates", names(accepted)),
            Self::RiskBelow(limit) => ("risk_below", limit.to_string()),
        }
    }

    /// What it looked at, for people.
    #[must_use]
    pub fn saw(&self, circumstances: &Circumstances<'_>) -> String {
        let header = |name: &str| match circumstances.head.only(name) {
            Ok(Some(value)) => format!("{name}: {}", value.escape_ascii()),
            Ok(None) => format!("no {name}"),
            Err(_) => format!("{name} more than once"),
        };
        match self {
            Self::Networks(_) => match circumstances.connection.address() {
                Some(address) => address.to_string(),
                None => "no address".to_owned(),
            },
            Self::Countries(name, _) | Self::Asns(name, _) => header(name),
            Self::Schedules(_) => format!("{} seconds since 1970", circumstances.now.as_secs()),
            Self::Assurance(_) => circumstances.token.map_or_else(|| "no token".to_owned(), assurance::told),
            Self::Devices(_) | Self::Certificates(_) => certificate(circumstances.connection),
            Self::RiskBelow(_) => circumstances.risk.to_string(),
        }
    }
}

/// Met if one of them accepts the client's certificate; otherwise with the reason of the one that it came furthest with.
fn certificates(accepted: &[Named<Accepted>], circumstances: &Circumstances<'_>) -> Verdict<Lack> {
    let presented = match circumstances.connection.presented() {
        Ok(Some(presented)) => presented,
        Ok(None) => return Verdict::Unknown(Lack::Certificate(CertificateFlaw::Absent)),
        Err(flaw) => return Verdict::Unknown(Lack::Certificate(CertificateFlaw::Presented(flaw))),
    };
    let mut furthest = CertificateFlaw::NotAccepted;
    for accepted in accepted {
        match accepted.thing.check(presented, circumstances.now) {
            Ok(()) => return Verdict::Met,
            Err(flaw) => furthest = furthest.or_further(flaw),
        }
    }
    let lack = Lack::Certificate(furthest);
    if furthest.is_certain() { Verdict::Unmet(lack) } else { Verdict::Unknown(lack) }
}

/// What certificate the client showed, for people.
fn certificate(connection: &Connection<'_>) -> String {
    match connection.presented() {
        Ok(None) => "no certificate".to_owned(),
        Err(flaw) => flaw.reason().to_owned(),
        Ok(Some(presented)) => {
            let checked = if presented.validated { "validated" } else { "not validated" };
            let subject = presented.names().and_then(|names| names.subject.as_ref());
            let subject = subject.map_or_else(|| "no subject that can be read".to_owned(), ToString::to_string);
            format!("a certificate, {checked}: {subject}")
        }
    }
}

/// Met if one of them is; unknown rather than unmet if one of them can't be told.
fn any(verdicts: impl Iterator<Item = Verdict<()>>, unmet: Lack, unknown: Lack) -> Verdict<Lack> {
    let mut known = true;
    for verdict in verdicts {
        match verdict {
            Verdict::Met => return Verdict::Met,
            Verdict::Unmet(()) => {}
            Verdict::Unknown(()) => known = false,
        }
    }
    if known { Verdict::Unmet(unmet) } else { Verdict::Unknown(unknown) }
}
