//! cargo-fuzz entry of `journal::journal`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fwstat_fuzz::journal::journal(data));
