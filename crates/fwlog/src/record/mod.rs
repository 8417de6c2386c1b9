//! One line, ready to be asked: its packet, its envelope, its time and its place.
//!
//! Responsible for: the names under which users and programs know a line's fields ([`field`]), in
//! the order of the output contract; their values ([`value`]); and how to take each one out of a
//! line ([`lookup`]).
//! Must not know: filters, tables, output forms.
//! Tested by: `fwstat/tests/cli/export.rs` (every key against the schema), the unit tests of its
//! files.

pub mod field;
pub mod lookup;
pub mod value;

pub use field::{Field, Key};
pub use lookup::{packet_value, value};
pub use value::{OwnedValue, TypedValue, Value};

use std::cell::OnceCell;

use logparse::{Entry, FastPacket, Line};

use crate::time::clock::When;

/// A line that is a firewall record, whole or cut.
#[derive(Debug)]
pub struct Record<'a> {
    read: Line<'a>,
    /// The whole entry of a line that the scan read, once it was asked for.
    decoded: OnceCell<Entry<'a>>,
    /// The line as it is in the file.
    pub raw: &'a [u8],
    /// When it was written, if that is known and was asked for.
    pub when: Option<When>,
    /// The file's name.
    pub file: &'a str,
    /// The line's number in the file, 1-based; 0 if it was not asked for.
    pub line: u64,
}

impl<'a> Record<'a> {
    /// A line as read, as it is in the file, when it was written, and where it is.
    #[must_use]
    #[inline]
    pub fn new(read: Line<'a>, raw: &'a [u8], when: Option<When>, file: &'a str, line: u64) -> Record<'a> {
        Record { read, decoded: OnceCell::new(), raw, when, file, line }
    }

    /// The whole entry. Of a line that the scan read, it is decoded when it is asked for first.
    #[must_use]
    pub fn entry(&self) -> &Entry<'a> {
        match self.read {
            Line::Full(entry) => entry,
            Line::Fast(packet) => self.decoded.get_or_init(|| packet.entry()),
        }
    }

    /// The packet as the scan read it, if the line has one of the common forms.
    #[must_use]
    #[inline]
    pub fn fast(&self) -> Option<&'a FastPacket<'a>> {
        match self.read {
            Line::Fast(packet) => Some(packet),
            Line::Full(_) => None,
        }
    }

    /// How many packets the line counts for: N of `message repeated N times`.
    #[must_use]
    pub fn times(&self) -> u64 {
        match self.read {
            // The scan reads no `message repeated`.
            Line::Fast(_) => 1,
            Line::Full(entry) => u64::from(entry.envelope.repeat.max(1)),
        }
    }

    /// The log prefix without its trailing blanks.
    #[must_use]
    pub fn prefix(&self) -> &'a [u8] {
        self.exact_prefix().trim_ascii_end()
    }

    /// The log prefix, byte for byte.
    #[must_use]
    pub fn exact_prefix(&self) -> &'a [u8] {
        match self.read {
            Line::Fast(packet) => packet.prefix(),
            Line::Full(entry) => entry.packet.prefix,
        }
    }
}
