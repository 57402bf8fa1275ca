//! What the comparison costs, by what is wrong: reported, as `dudect` does (Reparaz, Balasch, Verbauwhede, "Dude, is my code constant
//! time?"), with Welch's t. A machine that does other things meanwhile makes any t; so only a gross difference of the medians
//! fails, such as one path that hashes and one that does not. `cargo test --test api_keys timing -- --nocapture` shows the numbers.

use std::hint::black_box;
use std::rc::Rc;
use std::time::{Duration, Instant};

use portcullis::api_key::{ApiKey, ApiKeys, KeyEntry, KeyText, SecretHash, text};
use portcullis::credential::{HeaderSource, SourceSettings, Sources};
use portcullis::time::UnixTime;
use serde_json::Map;

const ROUNDS: u32 = 20_000;

#[test]
fn timing_an_unknown_id_and_a_wrong_secret_cost_the_same() {
    let [mut early, mut late] = [[1; 32], [1; 32]];
    early[0] ^= 0x80;
    late[31] ^= 1;
    let [early, late] = [early, late].map(|secret| text::write("known", &secret));
    let cases = [("a secret that is wrong later", late), ("an unknown id", text::write("other", &[1; 32]))];
    for (what, other) in cases {
        let (t, ratio) = compare(&early, &other);
        println!("a secret that is wrong early against {what}: t = {t:.1}, medians {ratio:.3}");
        assert!((0.6..1.6).contains(&ratio), "{what}: {ratio}");
    }
}

/// Welch's t, and the ratio of the medians; both ways are measured in turns, so that what the machine does meanwhile meets both.
fn compare(one: &str, other: &str) -> (f64, f64) {
    let keys = keys();
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        for (times, text) in times.iter_mut().zip([one, other]) {
            let shown = KeyText::parse(text.as_bytes()).unwrap();
            let start = Instant::now();
            let _ = black_box(keys.check(black_box(&shown), || None, UnixTime::from_secs(5)));
            times.push(start.elapsed().as_secs_f64() * 1e9);
        }
    }
    let [one, other] = times.map(cropped);
    let ((mean, variance), (other_mean, other_variance)) = (moments(&one), moments(&other));
    let error = ((variance + other_variance) / count(&one)).sqrt();
    ((mean - other_mean) / error, one[one.len() / 2] / other[other.len() / 2])
}

/// A thousand keys, of which one is known.
fn keys() -> ApiKeys {
    let headers = vec![HeaderSource { name: "x-api-key".into(), prefix: String::new() }];
    let sources = SourceSettings { authorization: false, headers, cookies: vec![], query_parameters: vec![] };
    let entry = |id: String| {
        let text = text::write(&id, &[1; 32]);
        KeyEntry {
            hash: SecretHash::of(&KeyText::parse(text.as_bytes()).unwrap(), [3; 16]),
            key: Rc::new(ApiKey::new(id.into(), Map::new(), None)),
            not_before: None,
            networks: vec![],
        }
    };
    let ids = (0..1000).map(|number| format!("key-{number}")).chain(["known".to_owned()]);
    ApiKeys::new(Sources::new(sources).unwrap(), Duration::ZERO, ids.map(entry).collect())
}

/// In order, without the slowest tenth, in which something else ran.
fn cropped(mut times: Vec<f64>) -> Vec<f64> {
    times.sort_by(f64::total_cmp);
    times.truncate(times.len() / 10 * 9);
    times
}

fn moments(times: &[f64]) -> (f64, f64) {
    let mean = times.iter().sum::<f64>() / count(times);
    (mean, times.iter().map(|time| (time - mean).powi(2)).sum::<f64>() / count(times))
}

fn count(times: &[f64]) -> f64 {
    f64::from(u32::try_from(times.len()).unwrap())
}
