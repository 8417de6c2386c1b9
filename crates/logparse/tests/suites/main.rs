//! The library's suites, one module each. `tests/alloc.rs` counts allocations and is apart.
#![allow(dead_code, unreachable_pub)] // shared with the fuzz targets

#[path = "../common/mod.rs"]
mod common;
#[path = "../../../../fuzz/src/equal.rs"]
mod equal;
#[path = "../../../../fuzz/src/mutate.rs"]
mod mutate;
#[path = "../../../../fuzz/src/targets.rs"]
mod targets;

mod damage;
mod engines;
mod envelopes;
mod field;
mod forms;
mod hostile;
mod objects;
mod properties;
mod regressions;
mod suite;
