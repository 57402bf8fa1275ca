//! See [`portcullis_fuzz::api_key`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| portcullis_fuzz::api_key(input));
