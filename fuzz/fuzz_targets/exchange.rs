//! See [`portcullis_fuzz::exchange`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| portcullis_fuzz::exchange(input));
