//! Lines with the span in which they were written, and why lines must stay visible.
//!
//! Responsible for: these two values.
//! Must not know: how they are found.
//! Tested by: `tests/cli/suggest.rs`.

use fwlog::record::Record;
use fwlog::time::clock::NANOS;

/// How many lines, and when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lines {
    /// How many.
    pub lines: u64,
    /// When the first was written (seconds since 1970; 0: not known).
    pub first: u32,
    /// When the last was written.
    pub last: u32,
}

impl Lines {
    /// Some more, written at one moment.
    #[inline]
    pub fn add(&mut self, lines: u64, when: u32) {
        self.join(Lines { lines, first: when, last: when });
    }

    /// Both.
    pub fn join(&mut self, other: Lines) {
        self.lines += other.lines;
        self.first = match (self.first, other.first) {
            (0, when) | (when, 0) => when,
            (a, b) => a.min(b),
        };
        self.last = self.last.max(other.last);
    }

    /// Seconds from the first to the last; `None` if no time is known.
    #[must_use]
    pub fn span(&self) -> Option<u32> {
        (self.first > 0).then(|| self.last - self.first)
    }
}

/// When a line was written, in seconds since 1970; 0 if that is not known.
#[must_use]
#[inline]
pub fn seconds(record: &Record<'_>) -> u32 {
    record.when.map_or(0, |when| u32::try_from(when.utc.div_euclid(NANOS)).unwrap_or(0))
}

/// Why a line is not taken, or must not be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Why {
    /// An untrusted source on an open service, or what is let in itself.
    NearHit,
    /// The prefix is kept, or says that the packet was let in.
    Kept,
    /// This host sent it.
    Sent,
    /// It passed through.
    Forwarded,
    /// An own or trusted source.
    Own,
    /// Its end is missing.
    Truncated,
    /// Another program wrote it.
    Foreign,
    /// A repeated message.
    Repeated,
    /// A later fragment, or no IP packet.
    Fragment,
}

impl Why {
    /// A word for programs.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Why::NearHit => "near_hit",
            Why::Kept => "let_in",
            Why::Sent => "sent",
            Why::Forwarded => "forwarded",
            Why::Own => "own_network",
            Why::Truncated => "truncated",
            Why::Foreign => "foreign",
            Why::Repeated => "repeated",
            Why::Fragment => "fragment",
        }
    }

    /// What it is, for people.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Why::NearHit => "near hits (attempts on open services)",
            Why::Kept => "lines with a prefix that is kept",
            Why::Sent => "packets that this host sent",
            Why::Forwarded => "forwarded packets",
            Why::Own => "own and trusted hosts",
            Why::Truncated => "truncated lines",
            Why::Foreign => "lines that the kernel did not write",
            Why::Repeated => "repeated messages",
            Why::Fragment => "later fragments, or no IP packet",
        }
    }

    /// Whether a rule that takes such a line hides something. What is not evidence proves
    /// nothing and vetoes nothing.
    #[must_use]
    pub fn is_signal(self) -> bool {
        matches!(self, Why::NearHit | Why::Kept | Why::Sent | Why::Forwarded | Why::Own)
    }
}

/// Lines of a reason.
#[must_use]
pub fn lines_of(remain: &[(Why, u64)], why: Why) -> u64 {
    remain.iter().filter(|(own, _)| *own == why).map(|(_, lines)| lines).sum()
}
