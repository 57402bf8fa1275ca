//! See [`portcullis_fuzz::config`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| portcullis_fuzz::config(input));
