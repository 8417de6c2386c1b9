//! cargo-fuzz entry of `targets::options`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fwstat_fuzz::targets::options(data));
