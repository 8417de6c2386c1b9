//! cargo-fuzz entry of `readers::read_nft`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fwstat_fuzz::readers::read_nft(data));
