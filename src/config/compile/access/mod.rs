//! Circumstances that rules ask for: first what has a name, then the places that name it.

mod assurances;
mod certificates;
mod devices;
mod revocation_lists;
mod schedules;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::rc::Rc;

use crate::access::geo::country_code;
use crate::access::{AddressSource, Assurance, Check, Device, Named, Networks, Schedule, network};
use crate::certificate::Accepted;
use crate::config::named;
use crate::config::problems::{Problems, join};
use crate::config::settings::{
    AssuranceSettings, ClientAddressSettings, ClientCertificateSettings, DeviceSettings, GeoSettings,
    RequirementSettings, ScheduleSettings,
};
use crate::config::{Notice, ProviderConfig};
use crate::http::name::is_token;

/// Things by name; `None` where one has faults of its own, so that whoever names it is not told that there is none.
pub(super) struct Table<T> {
    /// What they are, in the words of a fault.
    kind: &'static str,
    things: BTreeMap<String, Option<Rc<T>>>,
}

impl<T> Table<T> {
    fn new(kind: &'static str) -> Self {
        Self { kind, things: BTreeMap::new() }
    }

    fn add(&mut self, path: &str, name: String, thing: Option<T>, problems: &mut Problems) {
        let plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
        if !(1..=64).contains(&name.len()) || !name.bytes().all(plain) {
            problems.add(path, format!("a {}'s name is 1 to 64 of a-z, 0-9, `_` and `-`", self.kind));
        }
        self.things.insert(name, thing.map(Rc::new));
    }

    fn one(&self, path: &str, name: &str, problems: &mut Problems) -> Option<Named<T>> {
        match self.things.get(name) {
            Some(thing) => Some(Named { name: name.into(), thing: thing.clone()? }),
            None => {
                problems.add_unknown(path, self.kind, name, self.things.keys());
                None
            }
        }
    }

    /// Each of `names`; nothing if one is not known, or there is none.
    fn each(&self, path: &str, names: &[String], problems: &mut Problems) -> Option<Vec<Named<T>>> {
        if names.is_empty() {
            problems.add(path, format!("is empty; name a {}, or leave it out", self.kind));
            return None;
        }
        let named = names.iter().enumerate();
        let named: Vec<_> = named.map(|(index, name)| self.one(&format!("{path}[{index}]"), name, problems)).collect();
        named.into_iter().collect()
    }
}

/// The settings of what requirements may name.
pub(super) struct AccessSettings<'a> {
    pub(super) networks: named::Named<Vec<String>>,
    pub(super) geo: Option<GeoSettings>,
    pub(super) schedules: named::Named<ScheduleSettings>,
    pub(super) assurances: named::Named<AssuranceSettings>,
    pub(super) devices: named::Named<DeviceSettings>,
    pub(super) certificates: Option<&'a ClientCertificateSettings>,
}

/// What requirements may name, and the headers that they read.
pub(in crate::config) struct AccessNames {
    networks: Table<Networks>,
    schedules: Table<Schedule>,
    assurances: Table<Assurance>,
    devices: Table<Device>,
    certificates: Table<Accepted>,
    country_header: Option<Rc<str>>,
    asn_header: Option<Rc<str>>,
    /// What is told of windows and lists at their times.
    pub(super) notices: Vec<Notice>,
}

impl AccessNames {
    pub(super) fn compile(
        settings: AccessSettings<'_>,
        providers: &[Option<ProviderConfig>],
        problems: &mut Problems,
        warnings: &mut Vec<String>,
    ) -> Self {
        let networks = networks(settings.networks.0, problems);
        let mut notices = Vec::new();
        let schedules = schedules::compile(settings.schedules.0, &mut notices, problems);
        let assurances = assurances::compile(settings.assurances.0, providers, problems);
        let lists = revocation_lists::compile(settings.certificates, &mut notices, problems);
        let devices = devices::compile(settings.devices.0, &networks, &lists, problems, warnings);
        let certificates = certificates::compile(settings.certificates, &lists, problems, warnings);
        let (country_header, asn_header) = geo(settings.geo, problems);
        Self { networks, schedules, assurances, devices, certificates, country_header, asn_header, notices }
    }

    /// Networks by their names.
    pub(super) fn networks(&self, path: &str, names: &[String], problems: &mut Problems) -> Option<Vec<Rc<Networks>>> {
        let networks = self.networks.each(path, names, problems)?;
        Some(networks.into_iter().map(|networks| networks.thing).collect())
    }

    /// The circumstances among the members of the requirement at `path`; `None` if one of them has faults, here or where it is
    /// given its name.
    pub(super) fn checks(
        &self,
        path: &str,
        settings: &mut RequirementSettings,
        problems: &mut Problems,
    ) -> Option<Vec<Check>> {
        let mut checks = Vec::new();
        if let Some(names) = settings.networks.take() {
            checks.push(self.networks.each(&join(path, "networks"), &names, problems).map(Check::Networks));
        }
        if let Some(codes) = settings.countries.take() {
            checks.push(self.countries(&join(path, "countries"), &codes, problems));
        }
        if let Some(numbers) = settings.asns.take() {
            checks.push(self.asns(&join(path, "asns"), numbers, problems));
        }
        if let Some(names) = settings.schedules.take() {
            checks.push(self.schedules.each(&join(path, "schedules"), &names, problems).map(Check::Schedules));
        }
        if let Some(name) = settings.assurance.take() {
            checks.push(self.assurances.one(&join(path, "assurance"), &name, problems).map(Check::Assurance));
        }
        if let Some(names) = settings.devices.take() {
            checks.push(self.devices.each(&join(path, "devices"), &names, problems).map(Check::Devices));
        }
        if let Some(names) = settings.certificates.take() {
            let path = join(path, "certificates");
            checks.push(self.certificates.each(&path, &names, problems).map(Check::Certificates));
        }
        checks.into_iter().collect()
    }

    /// The accepted certificates that are identities of their own, by name.
    pub(super) fn identities(&self) -> Vec<Named<Accepted>> {
        let identity = |(name, accepted): (&String, &Option<Rc<Accepted>>)| {
            let thing = Rc::clone(accepted.as_ref().filter(|accepted| accepted.subject_from.is_some())?);
            Some(Named { name: name.as_str().into(), thing })
        };
        self.certificates.things.iter().filter_map(identity).collect()
    }

    fn countries(&self, path: &str, codes: &[String], problems: &mut Problems) -> Option<Check> {
        if codes.is_empty() {
            problems.add(path, "is empty; name a country, or leave it out");
        }
        let mut countries = Vec::with_capacity(codes.len());
        for (index, text) in codes.iter().enumerate() {
            match country_code(text) {
                Some(code) => countries.push(code),
                None => problems.add(
                    format!("{path}[{index}]"),
                    format!("`{text}` is not a country; expected two letters in upper case (ISO 3166-1), such as `DE`"),
                ),
            }
        }
        let header = header_for(path, self.country_header.as_ref(), "geo.country_header", problems)?;
        (!countries.is_empty()).then_some(Check::Countries(header, countries))
    }

    fn asns(&self, path: &str, numbers: Vec<u32>, problems: &mut Problems) -> Option<Check> {
        if numbers.is_empty() {
            problems.add(path, "is empty; name an autonomous system, or leave it out");
        }
        if let Some(index) = numbers.iter().position(|number| *number == 0) {
            problems.add(format!("{path}[{index}]"), "0 is no autonomous system (RFC 7607)");
        }
        let header = header_for(path, self.asn_header.as_ref(), "geo.asn_header", problems)?;
        (!numbers.is_empty()).then_some(Check::Asns(header, numbers))
    }
}

fn header_for(path: &str, header: Option<&Rc<str>>, setting: &str, problems: &mut Problems) -> Option<Rc<str>> {
    if header.is_none() {
        problems.add(path, format!("needs `{setting}`: the header in which a geoip filter in front says it"));
    }
    header.cloned()
}

/// What is to be said where anybody counts as a trusted proxy.
pub(super) fn warn_of_all(path: &str, proxies: &[Rc<Networks>], warnings: &mut Vec<String>) {
    if proxies.iter().any(|proxies| proxies.have_all()) {
        warnings.push(format!("{path}: names every address there is, so anybody can say what only your proxies may"));
    }
}

/// Where the client's address is taken from.
pub(super) fn client_address(settings: Option<&ClientAddressSettings>, problems: &mut Problems) -> AddressSource {
    let Some(settings) = settings else { return AddressSource::Host };
    let hops = usize::try_from(settings.forwarded_for.trusted_hops).ok().filter(|hops| *hops <= MOST_HOPS);
    match hops.and_then(NonZeroUsize::new) {
        Some(hops) => AddressSource::ForwardedFor(hops),
        None => {
            problems.add("client_address.forwarded_for.trusted_hops", format!("expected 1 to {MOST_HOPS}"));
            AddressSource::Host
        }
    }
}

/// Nobody has so many proxies of their own.
const MOST_HOPS: usize = 32;

fn networks(settings: Vec<(String, Vec<String>)>, problems: &mut Problems) -> Table<Networks> {
    let mut table = Table::new("network");
    for (name, texts) in settings {
        let path = join("networks", &name);
        if texts.is_empty() {
            problems.add(&*path, "is empty; name its addresses, such as `203.0.113.0/24`");
        }
        let mut parsed = Vec::with_capacity(texts.len());
        for (index, text) in texts.iter().enumerate() {
            match network::parse(text) {
                Ok(network) => parsed.push(network),
                Err(flaw) => problems.add(format!("{path}[{index}]"), flaw.to_string()),
            }
        }
        let whole = parsed.len() == texts.len() && !texts.is_empty();
        table.add(&path, name, whole.then(|| Networks::new(&parsed)), problems);
    }
    table
}

fn geo(settings: Option<GeoSettings>, problems: &mut Problems) -> (Option<Rc<str>>, Option<Rc<str>>) {
    let Some(settings) = settings else { return (None, None) };
    if settings.country_header.is_none() && settings.asn_header.is_none() {
        problems.add("geo", "needs `country_header` or `asn_header`");
    }
    let mut header = |setting: &str, name: Option<String>| {
        let name = name?;
        header_name(&join("geo", setting), &name, problems);
        Some(Rc::from(name))
    };
    (header("country_header", settings.country_header), header("asn_header", settings.asn_header))
}

fn header_name(path: &str, name: &str, problems: &mut Problems) {
    if !is_token(name.as_bytes()) {
        problems.add(path, format!("`{name}` is not a header's name"));
    }
}
