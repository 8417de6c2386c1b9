//! One line, ready to be asked: its packet, its envelope, its time and its place.
//!
//! Responsible for: the names under which users and programs know a line's fields ([`field`]), in
//! the order of the output contract; their values ([`mod@value`]); and how to take each one out of a
//! line ([`lookup`]).
//! Must not know: filters, tables, output forms.
//! Tested by: `fwstat/tests/cli/export.rs` (every key against the schema), the unit tests of its
//! files.

pub mod field;
pub mod kind;
pub mod lookup;
pub mod value;

pub use field::{Field, Key};
pub use kind::Kind;
pub use lookup::{WEEKDAYS, packet_value, value};
pub use value::{OwnedValue, TypedValue, Value};

use logparse::{Line, Writer};

use crate::input::journal::{Beside, Head, Heads};
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
    /// Where the line's chunk stands.
    pub chunk: &'a Place<'a>,
    /// The line's number in the chunk, from 0, and where it begins there.
    pub in_chunk: (u64, usize),
}

/// Where the lines of a chunk stand. Few ask, so each of their records has a reference to it and no more.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The names of all inputs, and which of them it is of.
    pub inputs: &'a [String],
    /// Its number among them.
    pub source: usize,
    /// Where in the (decoded) text of the input the chunk begins.
    pub offset: u64,
    /// The number of its first line, 1-based, where lines are counted on reading.
    pub first_line: Option<u64>,
    /// What the journal says beside each line, where lines are its entries.
    pub heads: Option<&'a Heads>,
    /// What files say of addresses, if any were named.
    pub names: Option<&'a Names>,
}

/// The place of a line by itself.
static NOWHERE: Place<'static> =
    Place { inputs: &[], source: 0, offset: 0, first_line: None, heads: None, names: None };

impl<'a> Record<'a> {
    /// A line by itself: of no file, at no moment.
    #[must_use]
    pub fn alone(line: Line<'a>, raw: &'a [u8]) -> Record<'a> {
        Record { line, raw, when: None, chunk: &NOWHERE, in_chunk: (0, 0) }
    }

    /// The file's name.
    #[must_use]
    pub fn file(&self) -> &'a str {
        let source = self.head().map_or(self.chunk.source, |head| head.source);
        self.chunk.inputs.get(source).map_or("", String::as_str)
    }

    /// The line's number in the file, 1-based; 0 if lines are not counted.
    #[must_use]
    pub fn line_number(&self) -> u64 {
        match self.head() {
            Some(head) => head.line,
            None => self.chunk.first_line.map_or(0, |first| first + self.in_chunk.0),
        }
    }

    fn head(&self) -> Option<&'a Head> {
        self.chunk.heads?.get(self.in_chunk.0)
    }

    /// Which input, by number, and where in its (decoded) text the line begins.
    #[must_use]
    pub fn at(&self) -> (usize, u64) {
        (self.chunk.source, self.chunk.offset + self.in_chunk.1 as u64)
    }

    /// What the journal says beside the line, where that is the line of an entry.
    #[must_use]
    pub fn beside(&self) -> Option<Beside<'a>> {
        self.chunk.heads?.beside(self.in_chunk.0)
    }

    /// What files say of addresses, if any were named.
    #[must_use]
    pub fn names(&self) -> Option<&'a Names> {
        self.chunk.names
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

    /// The log prefix without the blanks around it: those before it may be a syslog daemon's, which puts one more
    /// after a tag.
    #[must_use]
    pub fn prefix(&self) -> &'a [u8] {
        self.exact_prefix().trim_ascii()
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
