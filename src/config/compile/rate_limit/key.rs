//! By what a limit counts, and when.

use crate::config::LimitConfig;
use crate::config::compile::caller::is_unfit;
use crate::config::compile::claim::claim_path;
use crate::config::problems::{Problems, join};
use crate::config::settings::{
    CountSettings, LimitKeyDetailSettings, LimitKeySettings, LimitKeyWordSettings, NetworkPrefixSettings, WhenSettings,
};
use crate::forward::Forwarding;
use crate::http::name::is_token;
use crate::rate_limit::{Key, Part, When};

/// By what it counts.
pub(super) fn key(path: &str, settings: Vec<LimitKeySettings>, problems: &mut Problems) -> Option<Key> {
    if settings.len() > MOST_PARTS {
        problems.add(path, format!("has more than {MOST_PARTS} parts"));
        return None;
    }
    let parts: Vec<Option<Part>> = settings
        .into_iter()
        .enumerate()
        .map(|(index, settings)| part(&format!("{path}[{index}]"), settings, problems))
        .collect();
    let parts = parts.into_iter().collect::<Option<Vec<_>>>()?;
    let mut rest = parts.as_slice();
    while let Some((part, after)) = rest.split_first() {
        if after.contains(part) {
            problems.add(path, format!("`{}` is there twice", part.name()));
            return None;
        }
        rest = after;
    }
    Some(Key::new(parts))
}

fn part(path: &str, settings: LimitKeySettings, problems: &mut Problems) -> Option<Part> {
    let detail = match settings {
        LimitKeySettings::Word(word) => {
            return Some(match word {
                LimitKeyWordSettings::Subject => Part::Subject,
                LimitKeyWordSettings::Client => Part::Client,
                LimitKeyWordSettings::Tenant => Part::Tenant,
                LimitKeyWordSettings::ApiKey => Part::ApiKey,
                LimitKeyWordSettings::Address => Part::Address,
                LimitKeyWordSettings::Route => Part::Route,
                LimitKeyWordSettings::Host => Part::Host,
                LimitKeyWordSettings::Method => Part::Method,
            });
        }
        LimitKeySettings::Detail(detail) => detail,
    };
    match detail {
        LimitKeyDetailSettings { claim: Some(claim), header: None, network_prefix: None } => {
            let at = join(path, "claim");
            let claim = claim_path(&at, claim, problems)?;
            if is_unfit(claim.first()) {
                let name = claim.first();
                problems.add(at, format!("`{name}` can be changed by users, who then had an allowance with each"));
                return None;
            }
            Some(Part::Claim(claim))
        }
        LimitKeyDetailSettings { claim: None, header: Some(header), network_prefix: None } => {
            if !is_token(header.as_bytes()) {
                problems.add(join(path, "header"), format!("`{header}` is not a header's name"));
                return None;
            }
            if header.eq_ignore_ascii_case("host") {
                problems
                    .add(join(path, "header"), "`host` is no header where the filter looks; the part `\"host\"` is it");
                return None;
            }
            Some(Part::Header(header.to_ascii_lowercase()))
        }
        LimitKeyDetailSettings { claim: None, header: None, network_prefix: Some(prefix) } => {
            let NetworkPrefixSettings { ipv4, ipv6 } = prefix;
            let (ipv4, ipv6) = (ipv4.unwrap_or(DEFAULT_IPV4), ipv6.unwrap_or(DEFAULT_IPV6));
            if !(8..=32).contains(&ipv4) || !(16..=128).contains(&ipv6) {
                let at = join(path, "network_prefix");
                problems.add(at, "expected `ipv4` from 8 to 32 and `ipv6` from 16 to 128");
                return None;
            }
            Some(Part::Network { ipv4, ipv6 })
        }
        _ => {
            problems.add(path, "expected one of `claim`, `header` and `network_prefix`");
            None
        }
    }
}

pub(super) fn when(
    path: &str,
    when: Option<WhenSettings>,
    count: Option<CountSettings>,
    key: &Key,
    problems: &mut Problems,
) -> When {
    let default =
        if key.needs_address() && !key.needs_identity() { WhenSettings::Arrival } else { WhenSettings::Admitted };
    let failures = count == Some(CountSettings::Failures);
    match when.unwrap_or(default) {
        WhenSettings::Arrival if key.needs_identity() => {
            problems.add(join(path, "when"), "the `key` hangs on who calls, which is not known on arrival");
            When::Arrival
        }
        WhenSettings::Arrival if failures => When::ArrivalOfFailures,
        WhenSettings::Arrival => When::Arrival,
        WhenSettings::Admitted => {
            if failures {
                problems.add(join(path, "count"), "`failures` are counted on arrival only; set `when` to `arrival`");
            }
            When::Admitted
        }
    }
}

/// A header that the filter itself sets is empty of what the client writes into it, but for limits, which look before that.
pub(in crate::config::compile) fn own_headers(
    limits: &[LimitConfig],
    forwarding: &Forwarding,
    problems: &mut Problems,
) {
    for limit in limits {
        for (index, part) in limit.limit.key.parts().iter().enumerate() {
            if let Part::Header(name) = part
                && forwarding.sets(name.as_bytes())
            {
                let at = join(&join("rate_limits", &limit.limit.name), &format!("key[{index}].header"));
                problems.add(
                    at,
                    format!(
                        "`forward` sets `{name}` for the upstream; here it would be what the client writes into it"
                    ),
                );
            }
        }
    }
}

const MOST_PARTS: usize = 4;

/// What one customer of a provider usually has at most.
const DEFAULT_IPV4: u8 = 24;
/// What a household has (RFC 6177).
const DEFAULT_IPV6: u8 = 56;
