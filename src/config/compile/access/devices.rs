//! Devices: how each is told.

use std::rc::Rc;

use serde_json::Value;

use super::{Table, header_name, warn_of_all};
use crate::access::device::Certificate;
use crate::access::{Device, Networks};
use crate::certificate::{Accepted, DistinguishedName, Pattern, RevocationLists};
use crate::config::compile::caller::claim_fit_to_decide;
use crate::config::problems::{Problems, join};
use crate::config::settings::{
    DeviceCertificateSettings, DeviceClaimSettings, DeviceHeaderSettings, DeviceSettings, ScalarSettings,
};

pub(super) fn compile(
    settings: Vec<(String, DeviceSettings)>,
    networks: &Table<Networks>,
    lists: &Rc<RevocationLists>,
    problems: &mut Problems,
    warnings: &mut Vec<String>,
) -> Table<Device> {
    let mut table = Table::new("device");
    for (name, settings) in settings {
        let path = join("devices", &name);
        let before = problems.len();
        let device = match (settings.claim, settings.certificate, settings.header) {
            (Some(settings), None, None) => claim(&join(&path, "claim"), settings, problems),
            (None, Some(settings), None) => certificate(&join(&path, "certificate"), &settings, lists, problems),
            (None, None, Some(settings)) => header(&join(&path, "header"), settings, networks, problems, warnings),
            _ => {
                problems.add(&*path, "needs one of `claim`, `certificate` and `header`");
                None
            }
        };
        table.add(&path, name, device.filter(|_| problems.len() == before), problems);
    }
    table
}

fn claim(path: &str, settings: DeviceClaimSettings, problems: &mut Problems) -> Option<Device> {
    let values = equals_or_one_of(path, settings.equals, settings.one_of, problems)?;
    let values = values.into_iter().map(|value| match value {
        ScalarSettings::Text(text) => Value::String(text),
        ScalarSettings::Number(number) => Value::Number(number),
        ScalarSettings::Boolean(truth) => Value::Bool(truth),
    });
    let values = values.collect();
    Some(Device::Claim { path: claim_fit_to_decide(&join(path, "path"), settings.path, problems)?, values })
}

fn certificate(
    path: &str,
    settings: &DeviceCertificateSettings,
    lists: &Rc<RevocationLists>,
    problems: &mut Problems,
) -> Option<Device> {
    if settings.issuer.is_none() && settings.uri_san.is_none() && settings.dns_san.is_none() {
        problems.add(path, "needs `issuer`, `uri_san` or `dns_san`: any certificate is no device");
    }
    let issuer = settings.issuer.as_ref().and_then(|text| match DistinguishedName::parse(text) {
        Ok(name) => Some(name),
        Err(flaw) => {
            problems.add(join(path, "issuer"), flaw.to_string());
            None
        }
    });
    let uri_sans = patterns(&join(path, "uri_san"), settings.uri_san.as_deref(), str::to_owned, problems);
    let dns_sans = patterns(&join(path, "dns_san"), settings.dns_san.as_deref(), str::to_ascii_lowercase, problems);
    let assume_validated = settings.assume_validated.unwrap_or(false);
    let issuers = issuer.map(|issuer| vec![issuer]);
    let accepted = Accepted { issuers, uri_sans, dns_sans, revocation_lists: Rc::clone(lists), ..Accepted::default() };
    Some(Device::Certificate(Certificate { accepted, assume_validated }))
}

pub(super) fn patterns(
    path: &str,
    texts: Option<&[String]>,
    form: impl Fn(&str) -> String,
    problems: &mut Problems,
) -> Option<Vec<Pattern>> {
    let texts = texts?;
    if texts.is_empty() {
        problems.add(path, "is empty; leave it out for any");
    }
    let mut patterns = Vec::with_capacity(texts.len());
    for (index, text) in texts.iter().enumerate() {
        match Pattern::parse(&form(text)) {
            Ok(pattern) => patterns.push(pattern),
            Err(flaw) => problems.add(format!("{path}[{index}]"), format!("`{text}`: {flaw}")),
        }
    }
    Some(patterns)
}

fn header(
    path: &str,
    settings: DeviceHeaderSettings,
    networks: &Table<Networks>,
    problems: &mut Problems,
    warnings: &mut Vec<String>,
) -> Option<Device> {
    header_name(&join(path, "name"), &settings.name, problems);
    let values = equals_or_one_of(path, settings.equals, settings.one_of, problems);
    let at = join(path, "trusted_proxies");
    let proxies = networks.each(&at, &settings.trusted_proxies, problems)?;
    let proxies: Vec<_> = proxies.into_iter().map(|proxies| proxies.thing).collect();
    warn_of_all(&at, &proxies, warnings);
    Some(Device::Header { name: settings.name, values: values?, proxies })
}

fn equals_or_one_of<T>(
    path: &str,
    equals: Option<T>,
    one_of: Option<Vec<T>>,
    problems: &mut Problems,
) -> Option<Vec<T>> {
    match (equals, one_of) {
        (Some(value), None) => Some(vec![value]),
        (None, Some(values)) if !values.is_empty() => Some(values),
        (None, Some(_)) => {
            problems.add(join(path, "one_of"), "is empty; name what it may be");
            None
        }
        _ => {
            problems.add(path, "needs one of `equals` and `one_of`");
            None
        }
    }
}
