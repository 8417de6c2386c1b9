//! Moments: what a log's stamps mean, and how people write them.
//!
//! Responsible for: stamps into UTC ([`clock`]), typed moments ([`timespec`]), the calendar ([`dates`]), stamps of
//! shippers ([`rfc3339`]).
//! Must not know: files, the wall clock.
//! Tested by: the unit tests of its files.

pub mod clock;
pub mod dates;
pub mod rfc3339;
pub mod timespec;

pub use jiff::tz::TimeZone;
