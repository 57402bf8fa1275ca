//! See [`portcullis_fuzz::xfcc`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| portcullis_fuzz::xfcc(input));
