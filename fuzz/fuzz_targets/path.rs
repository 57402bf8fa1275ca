//! See [`portcullis_fuzz::path`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| portcullis_fuzz::path(input));
