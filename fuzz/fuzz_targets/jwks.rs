//! See [`portcullis_fuzz::jwks`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| portcullis_fuzz::jwks(input));
