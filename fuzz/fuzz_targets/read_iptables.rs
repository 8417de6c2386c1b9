//! cargo-fuzz entry of `readers::read_iptables`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fwstat_fuzz::readers::read_iptables(data));
