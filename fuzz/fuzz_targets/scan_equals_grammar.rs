//! cargo-fuzz entry of `targets::scan_equals_grammar`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fwstat_fuzz::targets::scan_equals_grammar(data));
