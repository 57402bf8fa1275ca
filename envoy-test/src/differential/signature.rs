//! Oddities of signatures, and of the text as a whole.

use p256::ecdsa::Signature;
use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

/// The three parts of a token. Header and payload are already base64url, the signature is not.
pub(super) struct Parts {
    pub(super) header: String,
    pub(super) payload: String,
    pub(super) signature: Vec<u8>,
}

/// Changes the signature, and says how.
pub(super) fn spoil_signature(signature: &mut Vec<u8>, rng: &mut StdRng) -> String {
    let length = signature.len();
    match rng.random_range(0..12) {
        0..=2 => {
            let bit = rng.random_range(0..length.max(1) * 8);
            signature.get_mut(bit / 8).into_iter().for_each(|byte| *byte ^= 1 << (bit % 8));
            format!("bit {bit} of the signature flipped")
        }
        3 => {
            signature.truncate(rng.random_range(0..length.max(1)));
            format!("{} of {length} bytes of the signature", signature.len())
        }
        4 => {
            signature.clear();
            "an empty signature".to_owned()
        }
        5 => {
            signature.extend(vec![rng.random::<u8>(); rng.random_range(1..4)]);
            "a longer signature".to_owned()
        }
        6 => {
            signature.insert(0, 0);
            "a zero before the signature".to_owned()
        }
        7 => {
            // RFC 7518 section 3.4 wants R and S side by side, X.509 and TLS have them as DER.
            if let Ok(pair) = Signature::from_slice(signature) {
                *signature = pair.to_der().as_bytes().to_vec();
            }
            "the signature as DER".to_owned()
        }
        8 => {
            // Whoever has (r, s) also has (r, n - s); only for P-256 here, elsewhere it is a wrong signature.
            if let Ok(pair) = Signature::from_slice(signature) {
                let (r, s) = pair.split_scalars();
                let other = Signature::from_scalars(r.to_bytes(), (-*s).to_bytes());
                other.iter().for_each(|other| *signature = other.to_bytes().to_vec());
            }
            "the other s".to_owned()
        }
        9 => {
            signature.rotate_left(length / 2);
            "both halves of the signature changed over".to_owned()
        }
        10 => {
            let half = if rng.random() { 0..length / 2 } else { length / 2..length };
            let byte = if rng.random() { 0 } else { 0xFF };
            signature.get_mut(half.clone()).into_iter().flatten().for_each(|old| *old = byte);
            format!("bytes {half:?} of the signature are {byte}")
        }
        _ => {
            let byte = if rng.random() { 0 } else { 0xFF };
            signature.fill(byte);
            format!("every byte of the signature is {byte}")
        }
    }
}

/// Changes the bytes of a header or payload before they are encoded and signed, and says how.
pub(super) fn spoil_json(json: &mut Vec<u8>, rng: &mut StdRng) -> String {
    let forms: [(&str, &[u8], &[u8]); 17] = [
        ("white space around", b" \r\n\t", b" \n"),
        ("a byte order mark before", b"\xEF\xBB\xBF", b""),
        ("a byte after", b"", b"x"),
        ("an object after", b"", b"{}"),
        ("a comma after", b"", b","),
        ("a zero after", b"", b"\0"),
        ("a comment before", b"/**/", b""),
        ("a comment after", b"", b"//x"),
        ("in a list", b"[", b"]"),
        ("in an object", b"{\"a\":", b"}"),
        ("a form feed before", b"\x0C", b""),
        ("no closing brace", b"", b""),
        ("a byte that is no UTF-8", b"", b""),
        ("white space within", b"", b""),
        ("a trailing comma", b"", b""),
        ("an overlong slash", b"", b""),
        ("nothing at all", b"", b""),
    ];
    let Some((what, before, after)) = forms.choose(rng) else { return String::new() };
    let with_last = |end: &[u8]| [json.strip_suffix(b"}").unwrap_or(json), end].concat();
    *json = match *what {
        "no closing brace" => with_last(b""),
        "a byte that is no UTF-8" => with_last(b",\"z\":\"\xFF\"}"),
        "an overlong slash" => with_last(b",\"z\":\"\xC0\xAF\"}"),
        "a trailing comma" => with_last(b",}"),
        "white space within" => String::from_utf8_lossy(json).replace(':', " :\n ").into_bytes(),
        "nothing at all" => Vec::new(),
        _ => [before, json.as_slice(), after].concat(),
    };
    (*what).to_owned()
}

/// Changes the text of a token, and says how. `other` is a good token beside it.
pub(super) fn spoil_text(token: &str, other: &str, rng: &mut StdRng) -> (String, String) {
    let parts: Vec<&str> = token.split('.').collect();
    let [header, payload, signature] = parts[..] else { panic!("a token has three parts") };
    let place = rng.random_range(0..3);
    let in_part = |change: &dyn Fn(&str) -> String| {
        let changed = parts
            .iter()
            .enumerate()
            .map(|(index, part)| if index == place { change(part) } else { (*part).to_owned() });
        changed.collect::<Vec<_>>().join(".")
    };
    let letter = char::from(BASE64URL.choose(rng).copied().unwrap_or(b'A'));
    let at = rng.random_range(0..parts[place].len().max(1));
    let splice = |part: &str, text: &str, over: usize| {
        let (before, after) = part.split_at(at.min(part.len()));
        format!("{before}{text}{}", after.get(over..).unwrap_or_default())
    };
    let (what, text) = match rng.random_range(0..17) {
        0 => ("padding", in_part(&|part| format!("{part}{}", "=".repeat((4 - part.len() % 4) % 4)))),
        1 => ("padding too much", in_part(&|part| format!("{part}="))),
        2 => ("the standard alphabet", in_part(&|part| part.replace('-', "+").replace('_', "/"))),
        3 => {
            let odd = ["\t", " ", "%20", "\u{b}", "+", "/", "=", "~", "%2E", ",", "\u{e9}"]
                .choose(rng)
                .copied()
                .unwrap_or(" ");
            ("a character within", in_part(&|part| splice(part, odd, 0)))
        }
        4 => ("stray bits", in_part(&|part| with_stray_bits(part))),
        5 => ("another letter", in_part(&|part| splice(part, &letter.to_string(), 1))),
        6 => ("a letter more", in_part(&|part| splice(part, &letter.to_string(), 0))),
        7 => ("a letter less", in_part(&|part| splice(part, "", 1))),
        8 => ("one part more", format!("{token}.{signature}")),
        9 => ("an empty part more", format!("{token}.")),
        10 => ("five parts", format!("{token}.{payload}.{signature}")),
        11 => ("two parts", format!("{header}.{payload}")),
        12 => ("an empty part", in_part(&|_| String::new())),
        13 => {
            let others: Vec<&str> = other.split('.').collect();
            ("a part of another token", in_part(&|part| others.get(place).copied().unwrap_or(part).to_owned()))
        }
        14 => {
            let odd = ["~", "+", "/", "=", "\"", "Bearer,", "."].choose(rng).copied().unwrap_or("~");
            ("something before", format!("{odd}{token}"))
        }
        15 => (
            "the JSON serialisation",
            format!(r#"{{"protected":"{header}","payload":"{payload}","signature":"{signature}"}}"#),
        ),
        _ => (
            "capitals and small letters",
            in_part(&|part| {
                let swap =
                    |letter: char| if letter.is_ascii_lowercase() { letter.to_ascii_uppercase() } else { letter };
                part.chars()
                    .enumerate()
                    .map(|(index, letter)| if index == at { swap(letter) } else { letter })
                    .collect()
            }),
        ),
    };
    (format!("{what} (part {place})"), text)
}

/// The same bytes in another spelling: the last letter stands for fewer than six bits, and the others are not looked at
/// by a decoder that is not strict.
fn with_stray_bits(part: &str) -> String {
    let (Some(last), true) = (part.bytes().last(), !part.len().is_multiple_of(4)) else { return part.to_owned() };
    let place = BASE64URL.iter().position(|letter| *letter == last).unwrap_or(0);
    let next = BASE64URL.get(place ^ 1).copied().map_or('A', char::from);
    format!("{}{next}", part.get(..part.len() - 1).unwrap_or_default())
}

const BASE64URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
