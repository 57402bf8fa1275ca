//! `envoy.service.ratelimit.v3.RateLimitService`, as far as it is spoken here.
//!
//! `api/envoy/service/ratelimit/v3/rls.proto` and `api/envoy/extensions/common/ratelimit/v3/ratelimit.proto` of Envoy. Fields
//! that are not declared are skipped.

use std::time::Duration;

use prost::Message;

use super::answer::{Answer, Failure};
use super::descriptor::Descriptor;
use crate::provider::Fetched;

/// The path of the one method.
pub(super) const METHOD: &str = "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit";

/// An answer is some hundred bytes.
pub(super) const LARGEST: usize = 64 << 10;

/// The message that counts `hits` in the allowance of `descriptor`.
pub(super) fn request(domain: &str, descriptor: &Descriptor, hits: u32) -> Vec<u8> {
    let entries = descriptor.entries().iter().map(|(key, value)| Entry { key: key.clone(), value: value.clone() });
    let descriptors = vec![RateLimitDescriptor { entries: entries.collect() }];
    RateLimitRequest { domain: domain.to_owned(), descriptors, hits_addend: hits }.encode_to_vec()
}

/// How a call ended.
pub(super) fn outcome(fetched: Fetched) -> Result<Answer, Failure> {
    let Fetched::Response { headers, body, .. } = fetched else { return Err(Failure::NoAnswer) };
    let status = headers.iter().find(|(name, _)| name == b"grpc-status").map(|(_, value)| value.as_slice());
    match status.and_then(|status| std::str::from_utf8(status).ok()?.parse().ok()) {
        Some(0) => read(&body),
        Some(4) => Err(Failure::TimedOut),
        Some(14) => Err(Failure::NoAnswer),
        Some(status) => Err(Failure::Status(status)),
        None => Err(Failure::NoAnswer),
    }
}

/// Reads a `RateLimitResponse` to one descriptor.
///
/// # Errors
/// [`Failure::Unreadable`] if it is none, [`Failure::Unknown`] if it says neither yes nor no.
pub fn read(body: &[u8]) -> Result<Answer, Failure> {
    if body.len() > LARGEST {
        return Err(Failure::Unreadable);
    }
    let response = RateLimitResponse::decode(body).map_err(|_| Failure::Unreadable)?;
    let over = match response.overall_code {
        CODE_OK => false,
        CODE_OVER_LIMIT => true,
        _ => return Err(Failure::Unknown),
    };
    let answer = match response.statuses.first() {
        Some(status) => of_status(over, status),
        None => of_headers(over, &response.response_headers_to_add),
    };
    Ok(answer)
}

/// From the status of the descriptor, as `envoyproxy/ratelimit` gives one.
fn of_status(over: bool, status: &DescriptorStatus) -> Answer {
    let limit = status.current_limit.as_ref();
    let allowance = limit.and_then(|limit| Some((limit.requests_per_unit, unit(limit.unit)?)));
    let reset = status.duration_until_reset.as_ref().map(span);
    // Zero is what the field has if nothing was said of a limit.
    let remaining = allowance.map(|_| status.limit_remaining);
    Answer { over, allowance, remaining, reset }
}

/// From header fields, as Limitador gives them (draft-polli-ratelimit-headers-03), if it is told to. They are not handed on.
fn of_headers(over: bool, headers: &[HeaderValue]) -> Answer {
    let text = |name: &str| {
        let header = headers.iter().find(|header| header.key.eq_ignore_ascii_case(name))?;
        if header.value.is_empty() { std::str::from_utf8(&header.raw_value).ok() } else { Some(header.value.as_str()) }
    };
    let number = |name: &str| text(name)?.split([',', ';']).next()?.trim().parse::<u32>().ok();
    let seconds = |seconds: u32| Duration::from_secs(seconds.into()).min(LONGEST_RESET);
    // `10, 10;w=60`: the most that there is, and then each limit with its window, the one that is nearest to its end first.
    let window = || text("x-ratelimit-limit")?.split_once("w=")?.1.split([',', ';']).next()?.trim().parse().ok();
    Answer {
        over,
        allowance: number("x-ratelimit-limit").zip(window().map(seconds)),
        remaining: number("x-ratelimit-remaining"),
        reset: number("x-ratelimit-reset").map(seconds),
    }
}

/// The length of a unit; of months and years the longest.
fn unit(number: i32) -> Option<Duration> {
    let seconds = match number {
        1 => 1,
        2 => 60,
        3 => 60 * 60,
        4 => DAY,
        5 => 31 * DAY,
        6 => 366 * DAY,
        7 => 7 * DAY,
        _ => return None,
    };
    Some(Duration::from_secs(seconds))
}

/// Less than nothing is nothing.
fn span(duration: &prost_types::Duration) -> Duration {
    let seconds = u64::try_from(duration.seconds).unwrap_or(0);
    let nanos = u32::try_from(duration.nanos).unwrap_or(0).min(999_999_999);
    Duration::new(seconds, nanos).min(LONGEST_RESET)
}

const CODE_OK: i32 = 1;
const CODE_OVER_LIMIT: i32 = 2;

const DAY: u64 = 24 * 60 * 60;

/// A year's quota, on its first day.
const LONGEST_RESET: Duration = Duration::from_secs(366 * DAY);

#[derive(Clone, PartialEq, Message)]
struct RateLimitRequest {
    #[prost(string, tag = "1")]
    domain: String,
    #[prost(message, repeated, tag = "2")]
    descriptors: Vec<RateLimitDescriptor>,
    #[prost(uint32, tag = "3")]
    hits_addend: u32,
}

#[derive(Clone, PartialEq, Message)]
struct RateLimitDescriptor {
    #[prost(message, repeated, tag = "1")]
    entries: Vec<Entry>,
}

#[derive(Clone, PartialEq, Message)]
struct Entry {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, PartialEq, Message)]
struct RateLimitResponse {
    #[prost(int32, tag = "1")]
    overall_code: i32,
    #[prost(message, repeated, tag = "2")]
    statuses: Vec<DescriptorStatus>,
    #[prost(message, repeated, tag = "3")]
    response_headers_to_add: Vec<HeaderValue>,
}

#[derive(Clone, PartialEq, Message)]
struct DescriptorStatus {
    #[prost(message, optional, tag = "2")]
    current_limit: Option<RateLimit>,
    #[prost(uint32, tag = "3")]
    limit_remaining: u32,
    #[prost(message, optional, tag = "4")]
    duration_until_reset: Option<prost_types::Duration>,
}

#[derive(Clone, PartialEq, Message)]
struct RateLimit {
    #[prost(uint32, tag = "1")]
    requests_per_unit: u32,
    #[prost(int32, tag = "2")]
    unit: i32,
}

#[derive(Clone, PartialEq, Message)]
struct HeaderValue {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(string, tag = "2")]
    value: String,
    #[prost(bytes = "vec", tag = "3")]
    raw_value: Vec<u8>,
}
