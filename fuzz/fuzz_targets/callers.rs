//! See [`portcullis_fuzz::callers`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| portcullis_fuzz::callers(input));
