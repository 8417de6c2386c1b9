//! What the screens show of a log at one moment: values, taken out of what is counted.
//!
//! Responsible for: these types.
//! Must not know: how they are counted (`tally`), how they look (`view`).
//! Tested by: the unit tests of `tally`.

use std::net::IpAddr;

use fwlog::pipeline::{Account, Totals};

use super::question::What;
use super::rules::RuleRow;

/// How the reading goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Reading {
    /// What is there already is being read: so many of a hundred parts, if that is known.
    Behind(Option<u8>),
    /// What is written is read as it comes.
    Live,
    /// The log has an end, and it was reached.
    #[default]
    End,
}

/// How much of a log a picture has to show.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted {
    /// Of the last lines.
    pub lines: usize,
    /// Of each table, rows with what came of late and over time; others have their counts only.
    pub rows: usize,
    /// Whether the rules.
    pub rules: bool,
}

/// Everything that is shown of a log at one moment.
#[derive(Clone, Debug, Default)]
pub struct Picture {
    /// The number of the question that it answers.
    pub generation: u64,
    /// How the reading goes.
    pub reading: Reading,
    /// Sums over all that was read.
    pub totals: Totals,
    /// Packets that the question is about.
    pub matched: u64,
    /// Of the window, with its beginning and its end (local seconds).
    pub bounds: Option<(i64, i64)>,
    /// Seconds from UTC of the report's zone, at the newest moment.
    pub offset: i32,
    /// The newest moment of the log (local seconds).
    pub newest: Option<i64>,
    /// How old that is by this machine's clock, in seconds.
    pub age: Option<i64>,
    /// Near hits since the watching began.
    pub near_hits: u64,
    /// Packets in the hour that ends there.
    pub hour: u64,
    /// Packets of the window that have no moment, came too late, or are of a time that is yet to come.
    pub outside: u64,
    /// By prefix, by network, by port.
    pub tables: [Table; 3],
    /// Networks that tried many ports.
    pub scans: Vec<Scan>,
    /// Every prefix that was seen in the log, whatever the question.
    pub known: Vec<Vec<u8>>,
    /// The last lines, the newest last.
    pub lines: Vec<LineRow>,
    /// The rules, with lines and counters, where they are shown.
    pub rules: Vec<RuleRow>,
    /// Why there is no newer sample of the kernel's counters.
    pub counters_error: Option<String>,
    /// Packets over the window, in as many columns as it has slices.
    pub time: Vec<u64>,
    /// The account of all lines.
    pub account: Account,
    /// What could not be read, and what was assumed: sentences.
    pub notes: Vec<String>,
}

/// A table of counts.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// The first rows.
    pub rows: Vec<Row>,
    /// How many there are, and whether that is exact.
    pub distinct: (u64, bool),
    /// The sum of all of them.
    pub total: u64,
    /// A row that is missing came at most so often.
    pub missed: u64,
}

/// A row of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What it counts.
    pub what: What,
    /// Packets, for certain.
    pub count: u64,
    /// And at most so many more.
    pub more: u64,
    /// In the last hour, or of a narrower window in its last part.
    pub recent: u64,
    /// Packets over the window, the newest last.
    pub time: Vec<u64>,
    /// It came first a short while ago.
    pub fresh: bool,
}

/// A campaign, as `fwstat scans` has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scan {
    /// Its source, or the network of its sources; of sources in several networks, the first.
    pub what: What,
    /// Its name.
    pub id: String,
    /// How many sources it has.
    pub sources: u64,
    /// vertical, horizontal, block; of several sources, decoys.
    pub shape: String,
    /// What is asked.
    pub technique: &'static str,
    /// More than a minute from probe to probe.
    pub slow: bool,
    /// How sure it is.
    pub confidence: &'static str,
    /// Different things asked for.
    pub aims: u64,
    /// Packets.
    pub count: u64,
}

/// A line of the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LineRow {
    /// Its number among the lines of the question.
    pub number: u64,
    /// The file and the line's number in it, as other commands name it.
    pub place: String,
    /// As it is in the file.
    pub raw: Vec<u8>,
    /// When (local seconds).
    pub when: Option<i64>,
    /// The prefix, without trailing blanks.
    pub prefix: Vec<u8>,
    /// The source.
    pub src: Option<IpAddr>,
    /// The destination port.
    pub port: Option<u16>,
    /// The protocol's number.
    pub protocol: Option<u8>,
    /// TCP's flags, ICMP's type.
    pub detail: String,
    /// Where the rules send it: `INPUT 4 > DROP`.
    pub path: String,
}

/// What is proposed, and what the rules that were taken leave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proposed {
    /// Lines of the log.
    pub before: u64,
    /// Lines that would still be written with the rules that were taken.
    pub remaining: u64,
    /// The rules.
    pub rows: Vec<ProposedRow>,
    /// The newest moment of the log that was read, in the report's zone.
    pub as_of: String,
    /// Noise that no rule may silence, each with its reason.
    pub refused: Vec<String>,
}

/// A rule that is proposed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProposedRow {
    /// Whether it was taken.
    pub taken: bool,
    /// Lines that it takes, or would take after those that were taken.
    pub lines: u64,
    /// Why, in a sentence.
    pub why: String,
    /// The command that adds it.
    pub command: String,
    /// Some lines that it takes.
    pub samples: Vec<Vec<u8>>,
}
