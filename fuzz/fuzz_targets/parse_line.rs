//! cargo-fuzz entry of `targets::parse_line`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fwstat_fuzz::targets::parse_line(data));
