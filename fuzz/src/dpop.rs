//! A proof of possession, and the address in one, as a client might send them.

use std::sync::LazyLock;
use std::time::Duration;

use portcullis::binding::Method;
use portcullis::binding::dpop::{Dpop, Nonces, Origins};
use portcullis::binding::replay::Replays;
use portcullis::binding::secret::Secret;
use portcullis::http::{HeaderMap, RequestHead};
use portcullis::jose::{AlgorithmSet, Hash, NativeVerifier, SignaturePolicy, base64url};
use portcullis::time::UnixTime;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::keys::Key;

/// No proof is good but those that the client signed, whatever is done to them; and an address that passes for the request's is
/// the request's.
pub fn dpop(input: &[u8]) {
    if let Ok(address) = std::str::from_utf8(input) {
        let found = Origins::default().address(address, &head(b"x"));
        assert!(found.is_none_or(|found| found == ADDRESS), "{address}");
    }
    if input.iter().any(|byte| *byte < b' ' || *byte == 0x7f) {
        return;
    }
    let bound = client().verification_key().thumbprint();
    let Ok(proof) = settings().read(&head(input), TOKEN, &bound, &Secret::new(vec![7; 32]), now()) else { return };
    if proof.verify(&mut NoHost, SignaturePolicy::ForbidNative).is_ok() {
        let signed = |text: &[u8]| text.rsplitn(2, |byte| *byte == b'.').nth(1).map(<[u8]>::to_vec);
        assert!(PROOFS.iter().any(|good| signed(good.as_bytes()) == signed(input)), "nobody signed this");
    }
}

/// What the client signed. Its signature can be another for the same text: both `s` and `n - s` are right.
static PROOFS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let nonces = settings().nonces;
    let nonce = nonces.and_then(|nonces| nonces.current(&Secret::new(vec![7; 32]), now()));
    let mut jwk = client().jwk();
    jwk.remove("kid");
    let header = json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": jwk }).to_string();
    let proof = |address: &str| {
        let ath = base64url::encode(&Sha256::digest(TOKEN));
        let claims = json!({ "jti": "1", "htm": "GET", "htu": address, "iat": NOW, "ath": ath, "nonce": nonce });
        client().token(header.as_bytes(), claims.to_string().as_bytes())
    };
    [ADDRESS, "HTTPS://API.example:443/a?b#c"].map(proof).into()
});

fn settings() -> Dpop {
    Dpop {
        algorithms: AlgorithmSet::ASYMMETRIC,
        max_age: Duration::from_secs(60),
        clock_skew: Duration::from_secs(5),
        origins: Origins::default(),
        nonces: Some(Nonces { secret: None, rotate: Duration::from_secs(300) }),
        replays: Replays::new(Method::Dpop, 64, Duration::from_secs(60)),
    }
}

fn client() -> Key {
    Key::p256("client", 0x21)
}

fn head(proof: &[u8]) -> RequestHead {
    let pairs = [
        (&b":method"[..], &b"GET"[..]),
        (b":scheme", b"https"),
        (b":authority", b"api.example"),
        (b":path", b"/a"),
        (b"dpop", proof),
    ];
    let pairs = pairs.into_iter().map(|(name, value)| (name.to_vec(), value.to_vec()));
    RequestHead::read(pairs.collect::<HeaderMap>()).expect("a good head")
}

fn now() -> UnixTime {
    UnixTime::from_secs(NOW)
}

struct NoHost;

impl NativeVerifier for NoHost {
    fn verify(&mut self, _: Hash, _: &[u8], _: &[u8], _: &[u8]) -> Option<bool> {
        None
    }
}

const NOW: u64 = 1_800_000_000;
const TOKEN: &[u8] = b"the.access.token";
const ADDRESS: &str = "https://api.example/a";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_client_signed_is_good() {
        for proof in PROOFS.iter() {
            println!("{proof}");
            let bound = client().verification_key().thumbprint();
            let read = settings().read(&head(proof.as_bytes()), TOKEN, &bound, &Secret::new(vec![7; 32]), now());
            let read = read.expect("a good proof");
            assert!(read.verify(&mut NoHost, SignaturePolicy::ForbidNative).is_ok());
            dpop(proof.as_bytes());
        }
    }
}
