//! One circumstance that a requirement asks for.

use std::rc::Rc;

use super::assurance::{Assurance, Shortfall};
use super::device::Device;
use super::network::Networks;
use super::schedule::Schedule;
use super::{Circumstances, geo};
use crate::verdict::Verdict;

/// One circumstance that a requirement asks for.
#[derive(Clone, Debug)]
pub enum Check {
    /// From one of these networks.
    Networks(Vec<Rc<Networks>>),
    /// From one of these countries, by the header that says it.
    Countries(Rc<str>, Vec<[u8; 2]>),
    /// From one of these autonomous systems, by the header that says it.
    Asns(Rc<str>, Vec<u32>),
    /// While one of these is open.
    Schedules(Vec<Rc<Schedule>>),
    /// With this assurance.
    Assurance(Rc<Assurance>),
    /// From one of these devices.
    Devices(Vec<Rc<Device>>),
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
                    Verdict::of(networks.iter().any(|networks| networks.contain(address)), || Lack::Network)
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
                let schedules = schedules.iter().map(|schedule| schedule.is_open(circumstances.now));
                any(schedules, Lack::Schedule, Lack::ScheduleUnknown)
            }
            Self::Assurance(assurance) => match circumstances.token {
                None => Verdict::Unknown(Lack::NoToken),
                Some(token) => assurance.evaluate(token, circumstances.now).map(Lack::Assurance),
            },
            Self::Devices(devices) => {
                let devices = devices.iter().map(|device| device.is_used(circumstances));
                any(devices, Lack::Device, Lack::DeviceUnknown)
            }
            Self::RiskBelow(limit) => match circumstances.risk.is_below(*limit) {
                Verdict::Met => Verdict::Met,
                Verdict::Unmet(()) => Verdict::Unmet(Lack::Risk),
                Verdict::Unknown(()) => Verdict::Unknown(Lack::RiskUnknown),
            },
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
