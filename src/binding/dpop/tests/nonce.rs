//! Nonces, and the moment that they stand for.

use super::*;
use crate::testing::MemoryHost;

#[test]
fn d07_nonces_are_ours_of_now_and_never_made_up() {
    let nonces = Nonces { secret: None, rotate: Duration::from_secs(300) };
    let dpop = Dpop { nonces: Some(nonces.clone()), ..dpop() };
    let bound = P256.verification_key().thumbprint();
    let with = |nonce: Value, at: UnixTime| {
        let mut draft = draft(&P256, Algorithm::ES256);
        draft.claims["nonce"] = nonce;
        draft.claims["iat"] = json!(at.as_secs());
        checked(&dpop, &[&draft.signed(&P256, Algorithm::ES256)], &bound, at)
    };
    let bare = draft(&P256, Algorithm::ES256).signed(&P256, Algorithm::ES256);
    assert_eq!(checked(&dpop, &[&bare], &bound, now()), Err(ProofFlaw::NonceMissing));
    let current = nonces.current(&secret(), now()).unwrap();
    assert_eq!(with(json!(current), now()), Ok(false));
    // In the next period it is good still, and the client is told the new one; then it is not.
    assert_eq!(with(json!(current), now().plus(Duration::from_secs(300))), Ok(true));
    assert_eq!(with(json!(current), now().plus(Duration::from_secs(600))), Err(ProofFlaw::NonceStale));
    // A clock that stepped back by a period does not lock everybody out; by more it does.
    assert_eq!(with(json!(current), now().minus(Duration::from_secs(300))), Ok(false));
    assert_eq!(with(json!(current), now().minus(Duration::from_secs(600))), Err(ProofFlaw::NonceStale));
    let (start, end) = current.split_at(31);
    for made_up in ["", "x", start, &format!("{end}{start}"), &"A".repeat(32)] {
        assert_eq!(with(json!(made_up), now()), Err(ProofFlaw::NonceStale), "{made_up}");
    }
    assert_eq!(with(json!(7), now()), Err(ProofFlaw::Claim("nonce")));
    // Made with another secret; and one that two Envoys have.
    let others = nonces.current(&Secret::new(vec![2; 32]), now()).unwrap();
    assert_eq!(with(json!(others), now()), Err(ProofFlaw::NonceStale));
    let common = Nonces { secret: Some(Secret::new(vec![3; 32])), ..nonces };
    let theirs = common.current(&Secret::new(vec![4; 32]), now()).unwrap();
    assert!(common.check(&theirs, &secret(), now()).is_ok());
}

/// RFC 9449 section 4.3, check 11: the moment may be the nonce's.
#[test]
fn d07_a_nonce_stands_for_the_moment_where_it_lives_no_longer_than_a_proof_may() {
    let nonces = Nonces { secret: None, rotate: Duration::from_secs(30) };
    let bound = P256.verification_key().thumbprint();
    let read = |dpop: &Dpop, iat: u64, nonce: Option<&str>, at: UnixTime| {
        let mut draft = draft(&P256, Algorithm::ES256);
        draft.claims["iat"] = json!(iat);
        if let Some(nonce) = nonce {
            draft.claims["nonce"] = json!(nonce);
        }
        let proof = draft.signed(&P256, Algorithm::ES256);
        let head = head("GET", "api.example", "/orders/7", &[&proof]);
        let proof = dpop.read(&head, TOKEN, &bound, &secret(), at)?;
        proof.verify(&mut NoHost, SignaturePolicy::ForbidNative).map(|(used, _)| used)
    };
    let dpop = Dpop { nonces: Some(nonces.clone()), ..dpop() };
    let current = nonces.current(&secret(), now()).unwrap();
    let began = UnixTime::from_secs(NOW - NOW % 30);
    // Clocks that are a day behind or ahead. A nonce is asked for before the clock is spoken of.
    for (iat, expected) in [(NOW - 86_400, began), (NOW + 86_400, began.plus(nonces.life())), (NOW, now())] {
        assert_eq!(read(&dpop, iat, None, now()).unwrap_err(), ProofFlaw::NonceMissing);
        let first = read(&dpop, iat, Some(&current), now()).unwrap();
        assert_eq!(first.issued, expected);
        // At the nonce's end the proof is of no use any more, and until then its use is remembered.
        let mut host = MemoryHost::default();
        dpop.replays.spend(&secret(), &first, &mut host, now()).unwrap();
        let last = began.plus(nonces.life()).minus(Duration::from_millis(1));
        let again = read(&dpop, iat, Some(&current), last).unwrap();
        assert_eq!(dpop.replays.look(&secret(), &again, &mut host, last), Err(ProofFlaw::Replayed));
        let end = began.plus(nonces.life());
        assert_eq!(read(&dpop, iat, Some(&current), end).unwrap_err(), ProofFlaw::NonceStale);
        // What is forgotten by then makes no new proof look used.
        let later = end.plus(dpop.max_age).plus(Duration::from_secs(1));
        let next = read(&dpop, iat, Some(&nonces.current(&secret(), later).unwrap()), later).unwrap();
        assert_eq!(dpop.replays.spend(&secret(), &next, &mut host, later), Ok(()));
    }
    // A nonce that lives for longer than a proof may: the proof's own word counts.
    let long = Dpop { max_age: Duration::from_secs(59), ..dpop };
    assert_eq!(read(&long, NOW - 86_400, Some(&current), now()).unwrap_err(), ProofFlaw::TooOld);
    assert_eq!(read(&long, NOW + 86_400, Some(&current), now()).unwrap_err(), ProofFlaw::TooEarly);
    assert!(read(&long, NOW, Some(&current), now()).is_ok());
}
