//! See [`portcullis_fuzz::dpop`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| portcullis_fuzz::dpop(input));
