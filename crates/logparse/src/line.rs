//! A firewall record, whichever engine read it.
//!
//! Responsible for: one view of a record for those who ask for its fields, so that it does not
//! matter whether the scan or the grammar read the line.
//! Must not know: how a line is read.
//! Tested by: `tests/suites/engines.rs`.

use crate::parse::Entry;
use crate::scan::FastPacket;

/// A firewall record that a [`Scanner`](crate::Scanner) found in a line.
#[derive(Clone, Copy, Debug)]
pub enum Line<'a> {
    /// A whole packet in a common form; fields are decoded when asked for.
    Fast(&'a FastPacket<'a>),
    /// A record that the grammar read: whole, truncated or corrupt.
    Full(&'a Entry<'a>),
}
