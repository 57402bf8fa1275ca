//! Numbers as text. The standard library's way is for widths and signs too, and takes several hundred instructions for each.

/// Adds `number` to `text`, in decimal.
pub(super) fn push_number(text: &mut String, number: u64) {
    let mut digits = [b'0'; MOST_DIGITS];
    let mut rest = number;
    let mut count: usize = 0;
    for digit in digits.iter_mut().rev() {
        *digit = b'0'.saturating_add(u8::try_from(rest % 10).unwrap_or(0));
        rest /= 10;
        count = count.saturating_add(1);
        if rest == 0 {
            break;
        }
    }
    let digits = digits.get(MOST_DIGITS.saturating_sub(count)..).unwrap_or_default();
    text.push_str(std::str::from_utf8(digits).unwrap_or_default());
}

/// Of a number of 64 bits.
const MOST_DIGITS: usize = 20;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_read_as_they_should(number in any::<u64>(), shift in 0..64_u32) {
            for number in [number >> shift, 0, 9, 10, u64::MAX] {
                let mut text = "n=".to_owned();
                push_number(&mut text, number);
                prop_assert_eq!(text, format!("n={number}"));
            }
        }
    }
}
