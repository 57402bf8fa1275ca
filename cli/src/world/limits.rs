//! The engine of limits that are counted elsewhere, as an offline world has one: it has room for everybody, unless the
//! descriptor says otherwise. One with `engine-over` in it is refused, 10 a minute and 7 s to go; for one with `engine-down`
//! there is no answer.

use portcullis::provider::Fetched;

/// What it answers to a call with this message.
pub(super) fn answer(message: &[u8]) -> Fetched {
    let says = |word: &str| message.windows(word.len()).any(|part| part == word.as_bytes());
    let (status, body) = match (says("engine-down"), says("engine-over")) {
        (true, _) => ("14", &[][..]),
        (false, true) => ("0", &OVER_LIMIT[..]),
        (false, false) => ("0", &OK[..]),
    };
    let headers = vec![(b"grpc-status".to_vec(), status.as_bytes().to_vec())];
    Fetched::Response { status: 200, headers, body: body.to_vec() }
}

/// `RateLimitResponse { overall_code: OK }`.
const OK: [u8; 2] = [0x08, 1];

/// `{ overall_code: OVER_LIMIT, statuses: [{ code: OVER_LIMIT, current_limit: { requests_per_unit: 10, unit: MINUTE },
/// duration_until_reset: 7 s }] }`.
const OVER_LIMIT: [u8; 16] = [0x08, 2, 0x12, 12, 0x08, 2, 0x12, 4, 0x08, 10, 0x10, 2, 0x22, 2, 0x08, 7];
