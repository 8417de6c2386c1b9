//! Moments: what a log's stamps mean, and how people write them.
//!
//! Responsible for: stamps into UTC ([`clock`]), and typed moments ([`timespec`]).
//! Must not know: files, the wall clock.
//! Tested by: the unit tests of its files.

pub mod clock;
pub mod timespec;

pub use jiff::tz::TimeZone;
