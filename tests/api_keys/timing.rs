//! Does the comparison take longer for one text than for another? Measured as `dudect` does (Reparaz, Balasch, Verbauwhede, "Dude, is
//! my code constant time?"): two classes in random order, the slow tail left out, Welch's t. Reported and not judged by t, which any
//! machine that does other things meanwhile makes large; only a gross difference of the medians fails, such as one way that
//! hashes and one that does not.
//!
//! `PORTCULLIS_SAMPLES=1000000 cargo test --release --test api_keys timing -- --nocapture` is the whole measurement.

use std::hint::black_box;
use std::rc::Rc;
use std::time::{Duration, Instant};

use portcullis::api_key::{ApiKey, ApiKeys, KeyEntry, KeyText, SecretHash, text};
use portcullis::credential::{HeaderSource, SourceSettings, Sources};
use portcullis::time::UnixTime;
use serde_json::Map;

#[test]
fn timing_a_hash_is_compared_as_long_with_a_right_secret_as_with_a_wrong_one() {
    let (right, wrong) = (text::write("known", &[1; 32]), text::write("known", &[2; 32]));
    let hash = SecretHash::of(&KeyText::parse(right.as_bytes()).unwrap(), [3; 16]);
    report("a right secret against a wrong one", [&right, &wrong], |shown| hash.is_of(shown));
}

#[test]
fn timing_an_unknown_id_costs_what_a_wrong_secret_costs() {
    let keys = keys();
    let classes = [text::write("known", &[2; 32]), text::write("other", &[2; 32])];
    let check = |shown: &KeyText<'_>| keys.check(shown, || None, UnixTime::from_secs(5)).is_ok();
    report("a wrong secret against an unknown id", [&classes[0], &classes[1]], check);
}

fn report(what: &str, classes: [&str; 2], check: impl Fn(&KeyText<'_>) -> bool) {
    let shown = classes.map(|text| KeyText::parse(text.as_bytes()).unwrap());
    let samples = std::env::var("PORTCULLIS_SAMPLES").ok().and_then(|number| number.parse().ok()).unwrap_or(40_000);
    let mut times = [Vec::new(), Vec::new()];
    let mut random = 1_u32;
    for _ in 0..samples {
        // Xorshift: which class comes next must not follow the clock.
        random ^= random << 13;
        random ^= random >> 17;
        random ^= random << 5;
        let class = usize::from(random.count_ones() % 2 == 0);
        let start = Instant::now();
        black_box(check(black_box(&shown[class])));
        times[class].push(start.elapsed().as_secs_f64() * 1e9);
    }
    let [one, other] = times.map(cropped);
    let ((mean, variance), (other_mean, other_variance)) = (moments(&one), moments(&other));
    let t = (mean - other_mean) / (variance / count(&one) + other_variance / count(&other)).sqrt();
    let [median, other_median] = [one[one.len() / 2], other[other.len() / 2]];
    println!("{what}: {samples} samples, medians {median:.0} ns and {other_median:.0} ns, t = {t:.1}");
    assert!((0.5..2.0).contains(&(median / other_median)), "{what}: {median} ns against {other_median} ns");
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
