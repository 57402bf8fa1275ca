use serde_json::{Map, json};

use super::*;
use crate::access::network;
use crate::credential::{HeaderSource, SourceSettings};

const SECRET: [u8; 32] = [7; 32];
const EXPIRES: u64 = 2_000_000;

fn sources() -> Sources {
    let headers = vec![HeaderSource { name: "x-api-key".into(), prefix: String::new() }];
    let settings = SourceSettings { authorization: false, headers, cookies: vec![], query_parameters: vec![] };
    Sources::new(settings).unwrap()
}

fn entry(id: &str, secret: &[u8; 32]) -> KeyEntry {
    let text = text::write(id, secret);
    KeyEntry {
        hash: SecretHash::of(&KeyText::parse(text.as_bytes()).unwrap(), [3; 16]),
        key: Rc::new(ApiKey::new(Rc::from(id), Map::new(), None)),
        not_before: None,
        networks: vec![],
    }
}

/// `ci`, from the office, for a thousand seconds; `old` and `new`, of which anything goes.
fn keys() -> ApiKeys {
    let mut ci = entry("ci", &SECRET);
    ci.not_before = Some(UnixTime::from_secs(EXPIRES - 1000));
    ci.key = Rc::new(ApiKey::new("ci".into(), Map::new(), Some(UnixTime::from_secs(EXPIRES))));
    ci.networks = vec![Rc::new(Networks::new(&vec![network::parse("203.0.113.0/24").unwrap()]))];
    ApiKeys::new(sources(), Duration::from_secs(100), vec![ci, entry("old", &[1; 32]), entry("new", &[2; 32])])
}

fn check(text: &str, from: Option<&str>, at: u64) -> String {
    let keys = keys();
    let shown = KeyText::parse(text.as_bytes()).unwrap();
    let address = || from.map(|from| from.parse().unwrap());
    keys.check(&shown, address, UnixTime::from_secs(at))
        .map_or_else(|flaw| flaw.reason().to_owned(), |key| key.id().to_owned())
}

#[test]
fn a_key_has_one_text() {
    let good = text::write("ci", &SECRET);
    assert_eq!(good, "pcl_ci_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc");
    assert_eq!(KeyText::parse(good.as_bytes()).unwrap().id(), "ci");
    let secret = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc";
    for other in [
        String::new(),
        "pcl_".to_owned(),
        "pcl_ci".to_owned(),
        "pcl_ci_".to_owned(),
        format!("pcl__{secret}"),
        format!("PCL_ci_{secret}"),
        format!("pcl_CI_{secret}"),
        format!("pcl_c.i_{secret}"),
        format!("pcl_c i_{secret}"),
        format!("pcl_{}_{secret}", "a".repeat(65)),
        format!(" pcl_ci_{secret}"),
        format!("pcl_ci_{secret} "),
        format!("pcl_ci_{secret}="),
        format!("pcl_ci_{secret}A"),
        format!("pcl_ci_{}", secret.get(1..).unwrap()),
        // The last character has bits that no byte needs.
        format!("pcl_ci_{}d", secret.get(..42).unwrap()),
        format!("pcl_ci_{}+", secret.get(..42).unwrap()),
        format!("pcl_ci_{}\u{e9}", secret.get(..41).unwrap()),
        "pcl_ci_correct-horse-battery-staple".to_owned(),
        "pcl_\u{fc}_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc".to_owned(),
    ] {
        assert!(KeyText::parse(other.as_bytes()).is_none(), "{other}");
    }
    assert!(KeyText::parse(&[b"pcl_ci_".as_slice(), &[0xff; 43]].concat()).is_none());
    assert!(KeyText::parse(&[b'_'; 1 << 20]).is_none());
}

#[test]
fn a_hash_is_of_one_key_and_has_one_text() {
    let good = text::write("ci", &SECRET);
    let good = KeyText::parse(good.as_bytes()).unwrap();
    let text = SecretHash::of(&good, [3; 16]).to_string();
    assert_eq!(text, "sha256$AwMDAwMDAwMDAwMDAwMDAw$R4QIcrb_ig1fhNzZgi9EiEN4n2U-49CL_zqx8srT8m4");
    let hash = SecretHash::parse(&text).unwrap();
    assert!(hash.is_of(&good) && hash.to_string() == text);
    assert!(SecretHash::of(&good, [4; 16]).to_string() != text, "the salt counts");
    for bit in 0..256 {
        let mut other = SECRET;
        other[bit / 8] ^= 1 << (bit % 8);
        let other = text::write("ci", &other);
        assert!(!hash.is_of(&KeyText::parse(other.as_bytes()).unwrap()), "bit {bit}");
    }
    for other in [
        "",
        "sha256",
        "sha256$",
        "sha256$$",
        "sha1$AwMDAwMDAwMDAwMDAwMDAw$aaaa",
        text.get(..text.len().saturating_sub(1)).unwrap(),
        &format!("{text}="),
        &format!("{text}$"),
        &format!(" {text}"),
        &text.to_uppercase(),
        &good_text(),
    ] {
        assert!(SecretHash::parse(other).is_err(), "{other}");
    }
}

fn good_text() -> String {
    text::write("ci", &SECRET)
}

#[test]
fn a_key_is_accepted_in_its_time_and_from_its_networks() {
    let office = Some("203.0.113.9");
    let key = good_text();
    assert_eq!(check(&key, office, EXPIRES - 1000), "ci");
    assert_eq!(check(&key, office, EXPIRES - 1), "ci");
    assert_eq!(check(&key, office, EXPIRES), "api_key_expired");
    assert_eq!(check(&key, office, EXPIRES - 1001), "api_key_not_yet_valid");
    assert_eq!(check(&key, Some("203.0.114.9"), EXPIRES - 1), "api_key_network");
    assert_eq!(check(&key, None, EXPIRES - 1), "api_key_network");
    assert_eq!(check(&key, None, EXPIRES), "api_key_network", "where comes before when");
}

#[test]
fn without_the_secret_nothing_is_learned() {
    for (id, secret) in [("ci", [8; 32]), ("old", [2; 32]), ("new", [1; 32]), ("nobody", SECRET)] {
        let asked = std::cell::Cell::new(false);
        let text = text::write(id, &secret);
        let address = || {
            asked.set(true);
            None
        };
        let flaw =
            keys().check(&KeyText::parse(text.as_bytes()).unwrap(), address, UnixTime::from_secs(1)).unwrap_err();
        assert_eq!(flaw, if id == "nobody" { ApiKeyFlaw::Unknown } else { ApiKeyFlaw::SecretWrong });
        assert!(flaw.is_unproven() && !asked.get());
    }
}

#[test]
fn the_hash_of_nothing_is_of_nobodys_key() {
    for byte in 0..=255 {
        let text = text::write("ci", &[byte; 32]);
        assert!(!hash::OF_NOTHING.is_of(&KeyText::parse(text.as_bytes()).unwrap()));
    }
}

#[test]
fn an_entry_that_is_copied_under_another_id_lets_nobody_in() {
    let mut copied = entry("root", &[9; 32]);
    copied.hash = entry("old", &[1; 32]).hash;
    let keys = ApiKeys::new(sources(), Duration::ZERO, vec![entry("old", &[1; 32]), copied]);
    let shown = text::write("root", &[1; 32]);
    let checked = keys.check(&KeyText::parse(shown.as_bytes()).unwrap(), || None, UnixTime::from_secs(5));
    assert_eq!(checked.unwrap_err(), ApiKeyFlaw::SecretWrong);
}

#[test]
fn keys_of_one_owner_stand_side_by_side() {
    assert_eq!(check(&text::write("old", &[1; 32]), None, 5), "old");
    assert_eq!(check(&text::write("new", &[2; 32]), None, 5), "new");
}

#[test]
fn the_notice_begins_in_time() {
    let health = |at| {
        let health = keys().health(UnixTime::from_secs(at));
        (health.keys, health.expiring, health.expired, health.next_expiry.map(|left| left.as_secs()))
    };
    assert_eq!(health(EXPIRES - 101), (3, 0, 0, Some(101)));
    assert_eq!(health(EXPIRES - 100), (3, 1, 0, Some(100)));
    assert_eq!(health(EXPIRES), (3, 0, 1, None));
    let told = |at| keys().told(UnixTime::from_secs(at)).join("; ");
    assert_eq!(told(EXPIRES - 101), "");
    assert_eq!(
        told(EXPIRES - 1),
        "api_keys.keys.ci.expires: is soon (Sat, 24 Jan 1970 03:33:20 GMT); make the key that takes its place"
    );
    assert_eq!(told(EXPIRES), "api_keys.keys.ci.expires: is over; take the key out");
}

#[test]
fn neither_a_secret_nor_a_hash_is_shown_by_debug() {
    let text = good_text();
    let shown = format!("{:?} {:?}", KeyText::parse(text.as_bytes()), keys());
    for hidden in ["BwcHBwc", "AwMDAw", "R4QIc", "[7, 7", "[3, 3"] {
        assert!(!shown.contains(hidden), "{hidden} in {shown}");
    }
}

#[test]
fn keys_in_a_query_are_counted() {
    let key = good_text();
    for (query, count) in [
        (String::new(), 0),
        ("key=pcl_&x=1".to_owned(), 0),
        (format!("key={key}"), 1),
        (format!("a=1&b={key}&c={key}&d"), 2),
        (format!("a={key}x&{key}"), 0),
    ] {
        assert_eq!(text::count_in_query(query.as_bytes()), count, "{query}");
    }
}

#[test]
fn secrets_are_blanked_in_any_text() {
    let key = good_text();
    for (text, expected) in [
        ("nothing".to_owned(), "nothing".to_owned()),
        (String::new(), String::new()),
        (key.clone(), "pcl_ci_...".to_owned()),
        (format!("a `{key}`, {key}x\u{e9}"), "a `pcl_ci_...`, pcl_ci_...\u{e9}".to_owned()),
        (
            "pcl_CI_short pcl_ pcl__ pcl__x pcl_a pcl_a_".to_owned(),
            "pcl_CI_... pcl_ pcl__ pcl__... pcl_a pcl_a_".to_owned(),
        ),
        ("expected `pcl_<id>_<secret>`".to_owned(), "expected `pcl_<id>_<secret>`".to_owned()),
    ] {
        assert_eq!(text::blanked(text.clone()), expected, "{text}");
    }
}

#[test]
fn what_is_known_of_a_key_has_the_words_of_a_token() {
    let claims = json!({ "sub": "team-x", "client_id": "ci" }).as_object().unwrap().clone();
    let identity = crate::identity::Identity::ApiKey(Rc::new(ApiKey::new("ci".into(), claims, None)));
    assert_eq!((identity.subject(), identity.client()), (Some("team-x"), Some("ci")));
    assert_eq!((identity.credential(), identity.provider()), (Some("api_key"), None));
}
