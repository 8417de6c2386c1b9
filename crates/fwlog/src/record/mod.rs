//! One line, ready to be asked: its packet, its envelope, its time and its place.
//!
//! Responsible for: the names under which users and programs know a line's fields ([`field`]), in
//! the order of the output contract; their values ([`mod@value`]); and how to take each one out of a
//! line ([`lookup`]).
//! Must not know: filters, tables, output forms.
//! Tested by: `fwstat/tests/cli/export.rs` (every key against the schema), the unit tests of its
//! files.

pub mod field;
pub mod lookup;
pub mod value;

pub use field::{Field, Key};
pub use lookup::{WEEKDAYS, packet_value, value};
pub use value::{OwnedValue, TypedValue, Value};

use logparse::{Line, Writer};

use crate::input::journal::Beside;
use crate::names::Names;
use crate::time::clock::When;

/// A line that is a firewall record, whole or truncated.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// The line as read.
    pub line: Line<'a>,
    /// The line as it is in the file.
    pub raw: &'a [u8],
    /// When it was written, if that is known and was asked for.
    pub when: Option<When>,
    /// The file's name.
    pub file: &'a str,
    /// The line's number in the file, 1-based; 0 if it was not asked for.
    pub line_number: u64,
    /// Which input, by number, and where in its (decoded) text the line begins.
    pub at: (usize, u64),
    /// What the journal says beside the line, where that is the line of an entry.
    pub beside: Option<Beside<'a>>,
    /// What files say of addresses, if any were named.
    pub names: Option<&'a Names>,
}

impl<'a> Record<'a> {
    /// A line by itself: of no file, at no moment.
    #[must_use]
    pub fn alone(line: Line<'a>, raw: &'a [u8]) -> Record<'a> {
        Record { line, raw, when: None, file: "", line_number: 0, at: (0, 0), beside: None, names: None }
    }

    /// How many packets the line counts for: N of `message repeated N times`.
    #[must_use]
    pub fn times(&self) -> u64 {
        // What another program says happened many times is one claim.
        match self.line.repeat() {
            0 | 1 => 1,
            _ if self.line.writer().is_foreign() => 1,
            repeat => u64::from(repeat),
        }
    }

    /// Who wrote the line.
    #[must_use]
    pub fn writer(&self) -> Writer<'a> {
        self.line.writer()
    }

    /// The log prefix without its trailing blanks.
    #[must_use]
    pub fn prefix(&self) -> &'a [u8] {
        self.exact_prefix().trim_ascii_end()
    }

    /// The log prefix, byte for byte.
    #[must_use]
    pub fn exact_prefix(&self) -> &'a [u8] {
        self.line.prefix()
    }

    /// Gives `look` the same record with every field decoded: for those who ask for most of them.
    pub fn decoded<R>(&self, look: impl FnOnce(&Record<'_>) -> R) -> R {
        self.line.with_entry(|entry| look(&Record { line: Line::Full(entry), ..*self }))
    }
}
