//! RSA moduli from the generator with the ROCA fault (CVE-2017-15361), whose factors can be computed.
//!
//! Its primes are powers of 65537 modulo a product of small primes, so the modulus is one too. A sound modulus passes
//! for such a one modulo all of these primes at once with a chance below 2^-100.

/// Whether a modulus, big-endian, has the pattern.
pub(super) fn has_pattern(modulus: &[u8]) -> bool {
    PRIMES.iter().all(|prime| is_power_of_generator(remainder(modulus, *prime), *prime))
}

fn remainder(number: &[u8], prime: u32) -> u32 {
    number.iter().fold(0, |rest: u32, byte| modulo(rest.saturating_mul(256).saturating_add(u32::from(*byte)), prime))
}

fn is_power_of_generator(number: u32, prime: u32) -> bool {
    let generator = modulo(65537, prime);
    let mut power = 1;
    // The powers are back at 1 after fewer steps than the prime.
    for _ in 0..prime {
        if power == number {
            return true;
        }
        power = modulo(power.saturating_mul(generator), prime);
    }
    false
}

fn modulo(number: u32, prime: u32) -> u32 {
    number.checked_rem(prime).unwrap_or(0)
}

/// The primes whose product the generator used for its smallest keys; it used these and more for larger ones.
const PRIMES: [u32; 38] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109,
    113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "sizes are known, and a test may fail loudly")]
pub(super) mod tests {
    use super::*;

    /// A modulus of 2048 bits with the pattern: one more than a multiple of all the primes.
    pub(in crate::jose::jwk) fn patterned() -> Vec<u8> {
        let mut number = vec![0_u8; 256];
        number[31] = 1;
        for prime in PRIMES.into_iter().chain(std::iter::repeat(2)) {
            if number[0] >= 0x80 {
                break;
            }
            let mut carry = 0;
            for byte in number[..32].iter_mut().rev() {
                let product = u32::from(*byte) * prime + carry;
                *byte = product.to_le_bytes()[0];
                carry = product >> 8;
            }
            assert_eq!(carry, 0);
        }
        number[255] = 1;
        number
    }

    #[test]
    fn the_pattern_is_seen_and_does_not_survive_a_change() {
        let mut number = patterned();
        assert!(has_pattern(&number));
        number[255] = 3;
        assert!(!has_pattern(&number));
    }

    #[test]
    fn powers_of_the_generator_have_the_pattern() {
        let mut power = vec![1_u8];
        for _ in 0..40 {
            assert!(has_pattern(&power));
            let mut carry = 0_u64;
            for byte in power.iter_mut().rev() {
                let product = u64::from(*byte) * 65537 + carry;
                *byte = product.to_le_bytes()[0];
                carry = product >> 8;
            }
            power.splice(0..0, carry.to_be_bytes());
        }
    }
}
