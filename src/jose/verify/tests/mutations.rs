//! Signatures near good ones, and special ones.

#![expect(clippy::arithmetic_side_effects, reason = "sizes are known, and a test may fail loudly")]

use rsa::traits::PublicKeyParts as _;
use serde_json::json;

use super::*;
use crate::jose::testing::{ED25519, P256, P384, P521, RSA, hex};
use crate::jose::{AlgorithmSet, KeyOrigin};

#[test]
fn every_bit_of_every_rsa_signature_counts() {
    AlgorithmSet::RSA.iter().for_each(every_bit_counts);
}

#[test]
fn every_bit_of_every_ecdsa_signature_counts() {
    [Algorithm::ES256, Algorithm::ES384, Algorithm::ES512].into_iter().for_each(every_bit_counts);
}

#[test]
fn every_bit_of_every_other_signature_counts() {
    [Algorithm::EdDSA, Algorithm::HS256, Algorithm::HS384, Algorithm::HS512].into_iter().for_each(every_bit_counts);
}

fn every_bit_counts(algorithm: Algorithm) {
    let token = good(algorithm);
    let key = key(signer(algorithm));
    let signature = signature_of(&token);
    for bit in 0..signature.len() * 8 {
        let mut changed = signature.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let flaw = verify(&with_signature(&token, &changed), &key).unwrap_err();
        assert_eq!(flaw, SignatureFlaw::Wrong, "{algorithm} bit {bit}");
    }
}

#[test]
fn every_bit_of_a_token_counts() {
    for algorithm in Algorithm::ALL {
        let token = good(algorithm).into_bytes();
        let key = key(signer(algorithm));
        for bit in 0..token.len() * 8 {
            let mut changed = token.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(!is_accepted(&changed, &key), "{algorithm} {bit}");
        }
    }
}

#[test]
fn a_token_with_one_byte_more_is_refused() {
    for algorithm in Algorithm::ALL {
        let token = good(algorithm);
        let key = key(signer(algorithm));
        let [header, payload, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!("not three parts") };
        let (second, third) = (header.len() + 1, header.len() + payload.len() + 2);
        assert_eq!(token.len(), third + signature.len());
        for at in [0, second - 1, second, third - 1, third, token.len()] {
            for byte in 0..=u8::MAX {
                let mut longer = token.clone().into_bytes();
                longer.insert(at, byte);
                assert!(!is_accepted(&longer, &key), "{algorithm} {byte} {at}");
            }
        }
    }
}

fn is_accepted(token: &[u8], key: &Rc<VerificationKey>) -> bool {
    Unverified::parse(token, &TokenLimits::default())
        .is_ok_and(|token| token.verify(key, &mut NoHost, SignaturePolicy::ForbidNative).is_ok())
}

#[test]
fn every_truncation_is_refused() {
    for algorithm in Algorithm::ALL {
        let token = good(algorithm);
        let key = key(signer(algorithm));
        for length in 0..token.len() {
            if let Ok(token) = parse(token.get(..length).unwrap()) {
                let flaw = token.verify(&key, &mut NoHost, SignaturePolicy::ForbidNative).unwrap_err();
                assert_eq!(flaw, SignatureFlaw::Wrong, "{algorithm} {length}");
            }
        }
        let signature = signature_of(&token);
        for length in 1..signature.len() {
            for part in [&signature[..length], &signature[length..]] {
                assert!(verify(&with_signature(&token, part), &key).is_err(), "{algorithm} {length}");
            }
        }
    }
}

#[test]
fn a_longer_signature_is_refused() {
    for algorithm in Algorithm::ALL {
        let token = good(algorithm);
        let key = key(signer(algorithm));
        let signature = signature_of(&token);
        for longer in [
            [&signature[..], &[0]].concat(),
            [&[0], &signature[..]].concat(),
            [&signature[..], &signature[..]].concat(),
        ] {
            assert!(verify(&with_signature(&token, &longer), &key).is_err(), "{algorithm}");
        }
    }
}

/// The curves with the length of a coordinate and the order, big-endian.
fn curves() -> [(Algorithm, usize, Vec<u8>); 3] {
    let p256 = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
    let p384 =
        concat!("ffffffffffffffffffffffffffffffffffffffffffffffff", "c7634d81f4372ddf581a0db248b0a77aecec196accc52973");
    let p521 = concat!(
        "01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa",
        "51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409"
    );
    [(Algorithm::ES256, 32, hex(p256)), (Algorithm::ES384, 48, hex(p384)), (Algorithm::ES512, 66, hex(p521))]
}

#[test]
fn psychic_signatures_are_refused() {
    // CVE-2022-21449: r or s zero, or equal to the order, which is zero again.
    for (algorithm, length, order) in curves() {
        let token = good(algorithm);
        let key = key(signer(algorithm));
        let signature = signature_of(&token);
        let (r, s) = signature.split_at(length);
        let zero = vec![0; length];
        let mut one = zero.clone();
        one[length - 1] = 1;
        let mut above = order.clone();
        above[length - 1] += 1;
        let largest = vec![0xff; length];
        for bad in [&zero, &order, &above, &largest] {
            for signature in [
                [bad.as_slice(), bad].concat(),
                [bad.as_slice(), s].concat(),
                [r, bad].concat(),
                [bad.as_slice(), &one].concat(),
                [one.as_slice(), bad].concat(),
            ] {
                let flaw = verify(&with_signature(&token, &signature), &key).unwrap_err();
                assert_eq!(flaw, SignatureFlaw::Wrong, "{algorithm}");
            }
        }
        for signature in [[r, r].concat(), [s, r].concat(), [one.as_slice(), &one].concat()] {
            assert!(verify(&with_signature(&token, &signature), &key).is_err(), "{algorithm}");
        }
    }
}

#[test]
fn a_high_s_is_as_good_as_a_low_one() {
    for (algorithm, length, order) in curves() {
        let token = good(algorithm);
        let signature = signature_of(&token);
        let (r, s) = signature.split_at(length);
        let negated = subtract(&order, s);
        let twin = with_signature(&token, &[r, &negated].concat());
        assert!(verify(&twin, &key(signer(algorithm))).is_ok(), "{algorithm}");
    }
}

#[test]
fn a_der_signature_in_a_token_is_refused() {
    for (algorithm, signer) in [(Algorithm::ES256, &*P256), (Algorithm::ES384, &*P384), (Algorithm::ES512, &*P521)] {
        let token = good(algorithm);
        let key = key(signer);
        let Material::Ec(ec) = &key.material else { panic!("not EC") };
        let der = ec.der_signature(&signature_of(&token)).unwrap();
        assert_eq!(der[0], 0x30);
        assert_eq!(verify(&with_signature(&token, &der), &key).unwrap_err(), SignatureFlaw::Wrong);
    }
}

#[test]
fn an_rsa_signature_is_below_the_modulus() {
    let Signer::Rsa(rsa) = &*RSA else { panic!("not RSA") };
    let modulus = rsa.n_bytes();
    let key = key(&RSA);
    let mut tried = 0;
    for algorithm in [Algorithm::RS256, Algorithm::PS256] {
        for number in 0..32 {
            let token = RSA.token(algorithm, &header(algorithm), &format!(r#"{{"n":{number}}}"#));
            assert!(verify(&token, &key).is_ok());
            // The same residue, written with the same length where there is room for it.
            if let Some(larger) = add(&modulus, &signature_of(&token)) {
                tried += 1;
                assert_eq!(verify(&with_signature(&token, &larger), &key).unwrap_err(), SignatureFlaw::Wrong);
            }
        }
        for special in [vec![0; 256], [&[0; 255][..], &[1]].concat(), modulus.to_vec(), vec![0xff; 256]] {
            let token = with_signature(&good(algorithm), &special);
            assert_eq!(verify(&token, &key).unwrap_err(), SignatureFlaw::Wrong);
        }
    }
    assert!(tried > 0);
}

#[test]
fn a_pss_salt_is_as_long_as_the_hash() {
    use rand::SeedableRng as _;
    use sha2::Digest as _;
    let Signer::Rsa(rsa) = &*RSA else { panic!("not RSA") };
    let token = good(Algorithm::PS256);
    let digest = sha2::Sha256::digest(token.rsplit_once('.').unwrap().0);
    for salt in [0, 1, 20, 31, 32, 33, 64, 222] {
        let mut rng = rand::rngs::ChaCha20Rng::seed_from_u64(9);
        let scheme = rsa::Pss::<sha2::Sha256>::new_with_salt(salt);
        let signature = rsa.sign_with_rng(&mut rng, scheme, &digest).unwrap();
        assert_eq!(verify(&with_signature(&token, &signature), &key(&RSA)).is_ok(), salt == 32, "{salt}");
    }
}

#[test]
fn rsa_keys_of_any_size_refuse_any_signature_without_a_trap() {
    for bits in (2048..=2064).chain([3071, 3072, 3073, 4095, 4096]) {
        let mut modulus = vec![0xa7_u8; usize::div_ceil(bits, 8)];
        modulus[0] = 0xff >> (modulus.len() * 8 - bits);
        let jwk = json!({"kty": "RSA", "e": "AQAB", "n": base64url::encode(&modulus)});
        let key = Rc::new(VerificationKey::from_jwk(jwk.as_object().unwrap(), KeyOrigin::Remote).unwrap());
        for algorithm in key.algorithms().iter() {
            let token = good(algorithm);
            for length in [1, modulus.len() - 1, modulus.len(), modulus.len() + 1] {
                for byte in [0, 1, 0x7f, 0xff] {
                    let token = with_signature(&token, &vec![byte; length]);
                    assert_eq!(verify(&token, &key).unwrap_err(), SignatureFlaw::Wrong, "{bits} {algorithm}");
                }
            }
        }
    }
}

#[test]
fn an_ed25519_signature_has_one_spelling() {
    let token = good(Algorithm::EdDSA);
    let key = key(&ED25519);
    let signature = signature_of(&token);
    // The order of the group, little-endian: S plus it verifies in a lax library.
    let mut order = [0_u8; 32];
    order[..16].copy_from_slice(&0x14de_f9de_a2f7_9cd6_5812_631a_5cf5_d3ed_u128.to_le_bytes());
    order[31] = 0x10;
    let reversed = |bytes: &[u8]| bytes.iter().rev().copied().collect::<Vec<u8>>();
    let s = reversed(&add(&reversed(&order), &reversed(&signature[32..])).unwrap());
    let twin = with_signature(&token, &[&signature[..32], &s].concat());
    assert_eq!(verify(&twin, &key).unwrap_err(), SignatureFlaw::Wrong);
    let mut identity = [0; 64];
    identity[0] = 1;
    assert_eq!(verify(&with_signature(&token, &identity), &key).unwrap_err(), SignatureFlaw::Wrong);
}

/// Big-endian sum in the same length, if it fits.
fn add(a: &[u8], b: &[u8]) -> Option<Vec<u8>> {
    let mut carry = 0_u16;
    let mut sum: Vec<u8> = Vec::new();
    for (a, b) in a.iter().rev().zip(b.iter().rev()) {
        let digit = u16::from(*a) + u16::from(*b) + carry;
        sum.push(digit.to_le_bytes()[0]);
        carry = digit >> 8;
    }
    sum.reverse();
    (carry == 0).then_some(sum)
}

/// Big-endian difference of a larger and a smaller number of one length.
fn subtract(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut borrow = 0_i16;
    let mut difference: Vec<u8> = Vec::new();
    for (a, b) in a.iter().rev().zip(b.iter().rev()) {
        let digit = i16::from(*a) - i16::from(*b) - borrow;
        borrow = i16::from(digit < 0);
        difference.push(digit.to_le_bytes()[0]);
    }
    difference.reverse();
    difference
}
