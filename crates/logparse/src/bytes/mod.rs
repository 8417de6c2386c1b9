//! Arithmetic and compares of many bytes at a time, in safe code.
//!
//! Responsible for: [`swar`] reads numbers, addresses and hex digits from words of eight bytes;
//! [`simd`] compares and searches 16 bytes at a time.
//! Must not know: lines, fields, errors.
//! Tested by: the unit tests of both modules, `tests/suites/engines.rs`.

pub(crate) mod simd;
pub(crate) mod swar;
