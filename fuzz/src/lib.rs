//! Fuzz targets of fwstat.
//!
//! Responsible for: what must hold for any bytes ([`targets`]), and inputs that are nearly
//! log lines ([`mutate`]), [`journal`] files, the scan beside the grammar ([`equal`]). cargo-fuzz runs the targets through `fuzz_targets/`, the stable
//! `driver` through its own mutator; `cargo test` replays what once failed.

pub mod equal;
pub mod journal;
pub mod mutate;
pub mod targets;
