//! One token of the run: a good one with none to three oddities, anywhere from its claims to the header that carries it.

use rand::RngExt;
use rand::rngs::StdRng;

use super::arena::Arena;
use super::draft::Draft;
use super::signature::{Parts, spoil_json, spoil_signature, spoil_text};
use super::transport::Carrier;
use super::{claims, header};
use crate::issuer::keys::base64url;

/// A request with a token, by what it is signed, and what is odd about it.
pub(super) struct Specimen {
    pub(super) oddities: Vec<String>,
    /// What about it lets us accept it where `jwt_authn` does not, if anything does.
    pub(super) excuse: Option<&'static str>,
    pub(super) carrier: Carrier,
}

impl Specimen {
    /// The next one. `other` is a good token of before, and is replaced by this one if it is good too.
    pub(super) fn grow(arena: &Arena, other: &mut String, rng: &mut StdRng) -> Self {
        let mut kinds: Vec<Kind> = (0..how_many(rng)).map(|_| Kind::any(rng)).collect();
        // In the order in which a token is made.
        kinds.sort_unstable();
        let mut draft = Draft::good(arena, rng);
        let mut oddities = vec![draft.algorithm.to_owned()];
        for kind in &kinds {
            match kind {
                Kind::Claims => oddities.push(claims::spoil(&mut draft, rng)),
                Kind::Header => oddities.push(header::spoil(&mut draft, rng)),
                Kind::Json | Kind::Signature | Kind::Text | Kind::Carrier => {}
            }
        }
        let (mut header, mut payload) = (draft.header.write().into_bytes(), draft.claims.write().into_bytes());
        if kinds.contains(&Kind::Json) {
            let (what, json) = if rng.random() { ("header", &mut header) } else { ("payload", &mut payload) };
            oddities.push(format!("{what} with {}", spoil_json(json, rng)));
        }
        let mut parts = Parts { header: base64url(&header), payload: base64url(&payload), signature: Vec::new() };
        let signed = format!("{}.{}", parts.header, parts.payload);
        parts.signature = draft.key.sign(draft.algorithm, signed.as_bytes());
        if kinds.contains(&Kind::Signature) {
            oddities.push(spoil_signature(&mut parts.signature, rng));
        }
        let mut text = format!("{signed}.{}", base64url(&parts.signature));
        if kinds.is_empty() {
            other.clone_from(&text);
        }
        if kinds.contains(&Kind::Text) {
            let (what, spoiled) = spoil_text(&text, other, rng);
            oddities.push(what);
            text = spoiled;
        }
        let carrier = match kinds.contains(&Kind::Carrier) {
            true => Carrier::odd(&text, other, rng),
            false => Carrier::plain(&text),
        };
        oddities.extend(carrier.oddity.map(str::to_owned));
        let renamed = (draft.header.value("alg") == Some("\"Ed25519\"")).then_some("the algorithm name Ed25519");
        Self { oddities, excuse: carrier.oddity.or(renamed), carrier }
    }
}

/// Where an oddity is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Claims,
    Header,
    Json,
    Signature,
    Text,
    Carrier,
}

impl Kind {
    fn any(rng: &mut StdRng) -> Self {
        match rng.random_range(0..100) {
            0..42 => Self::Claims,
            42..64 => Self::Header,
            64..69 => Self::Json,
            69..79 => Self::Signature,
            79..91 => Self::Text,
            _ => Self::Carrier,
        }
    }
}

/// Mostly one: what two oddities come to is often what the first alone does.
fn how_many(rng: &mut StdRng) -> usize {
    match rng.random_range(0..100) {
        0..20 => 0,
        20..80 => 1,
        80..95 => 2,
        _ => 3,
    }
}
