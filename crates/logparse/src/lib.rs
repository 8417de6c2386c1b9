//! Reads the lines that Linux's netfilter loggers write into typed values.
#![cfg_attr(not(test), warn(clippy::unwrap_used))]

mod envelope;
mod error;
mod lines;
mod packet;
mod time;
mod types;

pub use envelope::Envelope;
pub use error::{ErrorKind, Expected, ParseError, Reason};
pub use lines::{Lines, lines, whole_lines};
pub use packet::*;
pub use time::{Civil, Stamp, Time, Uptime, Zone, days_from_civil, month_number};
pub use types::{EtherType, IcmpType, Icmpv6Type, Mac, Protocol, TcpFlags};

/// One line of a log: its envelope and the packet it reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Entry<'a> {
    /// What the logging program put in front.
    pub envelope: Envelope<'a>,
    /// The packet; of a line that was not read to its end, what is certain of it.
    pub packet: Packet<'a>,
    /// Why and where reading stopped before the line's end; `None` for a whole packet.
    pub stop: Option<ParseError>,
}

/// How much of a line was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Completeness {
    /// All of it.
    Whole,
    /// The kernel or a relay cut the line; what stands in front of the cut is certain.
    Cut,
    /// The line holds something that no kernel writes; what stands in front of it was read.
    Damaged,
}

impl Entry<'_> {
    /// Whether the packet is whole, cut or damaged.
    #[must_use]
    pub fn completeness(&self) -> Completeness {
        match self.stop {
            None => Completeness::Whole,
            Some(stop) if stop.is_cut() => Completeness::Cut,
            Some(_) => Completeness::Damaged,
        }
    }
}

/// Reads one line.
///
/// # Errors
/// The line is no firewall record; the kind says what else it is.
pub fn parse(line: &[u8]) -> Result<Entry<'_>, ParseError> {
    Err(ParseError::new(line.len(), ErrorKind::NoHeader))
}

/// Reads one line; text that its wrapper wrote with escapes (JSON, `/dev/kmsg`) is decoded
/// into `scratch`, which is cleared first.
///
/// # Errors
/// As [`parse`].
pub fn parse_with<'a>(line: &'a [u8], scratch: &'a mut Vec<u8>) -> Result<Entry<'a>, ParseError> {
    scratch.clear();
    parse(line)
}
