//! cargo-fuzz entry of `targets::round_trip`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fwstat_fuzz::targets::round_trip(data));
