//! Numbers as text. The standard library's way is for widths and signs too, and takes several hundred instructions for each.

/// Adds `number` to `text`, in decimal.
pub(super) fn push_number(text: &mut String, number: u64) {
    if number > 9 {
        push_number(text, number / 10);
    }
    text.push(char::from(b'0'.saturating_add(u8::try_from(number % 10).unwrap_or(0))));
}

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
