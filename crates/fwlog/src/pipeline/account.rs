//! The account of lines: every line is a packet, cut, other or damaged, and has a reason.
//!
//! Responsible for: the sums, the first place of each reason, lines that are known to be lost,
//! the span of time.
//! Must not know: filters, tables.
//! Tested by: the unit tests below, `fwstat/tests/cli/check.rs`.

pub use super::position::{Position, Seen};
use super::unread::Unread;
use crate::aggregate::state::{Damaged, Reader, State, Writer as Bytes};
use crate::sorting::InOrder as _;

use hashbrown::HashMap;
use logparse::{Reason, Writer};
use serde::Serialize;

/// Sums over all lines. `lines = packets + cut + other + damaged`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Lines read.
    pub lines: u64,
    /// Whole firewall records.
    pub packets: u64,
    /// Records whose end is missing; what is there is certain.
    pub cut: u64,
    /// Lines that are no firewall records.
    pub other: u64,
    /// Records with something in them that no kernel writes.
    pub damaged: u64,
    /// Packets that pass the filters, each counted as often as its line says.
    pub matched: u64,
    /// Packets that lines stand for beyond one each (`message repeated N times`).
    pub repeats: u64,
    /// Lines that were passed over: all of them lie outside `--since` and `--until`.
    pub skipped: u64,
    /// Lines that were never written, as far as the log itself says so.
    pub lost_at_least: u64,
}

/// Why a line is no whole packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Why {
    /// It was cut here.
    Cut(Reason),
    /// It is something else.
    Other(Reason),
    /// It is damaged here.
    Damaged(Reason),
    /// It is longer than any line that is read.
    TooLong,
    /// There is nothing in it.
    Empty,
    /// It is an entry of a journal that cannot be read.
    Entry(&'static str),
}

impl Why {
    /// The class that the line is counted in.
    #[must_use]
    pub fn class(&self) -> &'static str {
        match self {
            Why::Cut(_) => "cut",
            Why::Damaged(_) | Why::Entry(_) => "damaged",
            Why::Other(_) | Why::TooLong | Why::Empty => "other",
        }
    }
}

impl std::fmt::Display for Why {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Why::Cut(reason) | Why::Other(reason) | Why::Damaged(reason) => reason.fmt(f),
            Why::TooLong => f.write_str("longer than 1 MiB, not read"),
            Why::Empty => f.write_str("an empty line"),
            Why::Entry(why) => write!(f, "a damaged journal entry: {why}"),
        }
    }
}

/// Writers that are counted by name; a log in which every line names another program is a forged one.
const WRITERS: usize = 256;
/// All others.
const OTHER_WRITERS: &[u8] = b"(others)";

/// The account of one thread, or of all of them.
#[derive(Clone, Debug, Default)]
pub struct Account {
    /// The sums.
    pub totals: Totals,
    /// Bytes read, decompressed. Known when everything was read.
    pub bytes: u64,
    /// Each reason with its lines.
    pub reasons: HashMap<Why, Seen>,
    /// The latest reason and its lines of this chunk, not yet among the others: most lines of other
    /// programs have the same one.
    latest: Option<(Why, Seen)>,
    /// Lines that say that others were lost: what they say, by kind.
    pub losses: HashMap<&'static str, (u64, Seen)>,
    /// Records that others than the kernel wrote, by writer.
    writers: HashMap<Vec<u8>, Seen>,
    /// Whether a line was seen that begins records of several lines, or ulogd's.
    pub records: bool,
    /// Packets whose prefix holds what an envelope is made of.
    pub unread: Unread,
    /// The first and the last moment of a record (nanoseconds, UTC).
    pub span: Option<(i64, i64)>,
    /// Records of programs that do not log for the kernel: claims, which no rule follows from.
    pub foreign: u64,
    /// Records without a known moment.
    pub timeless: u64,
    /// Lines of each chunk, where lines are not counted on reading.
    chunks: Vec<(usize, u64, u64)>,
    /// The first and last `/dev/kmsg` sequence number of each chunk.
    sequences: Vec<(usize, u64, u64, u64)>,
}

impl Account {
    /// The place of a line of a chunk.
    pub(super) fn position(chunk: &crate::input::Chunk<'_>, offset: usize, line: u64) -> Position {
        if let Some(head) = chunk.heads.and_then(|heads| heads.get(line)) {
            return Position { source: head.source, offset: head.line, line: head.line, chunk: None };
        }
        Position {
            source: chunk.source,
            offset: chunk.offset + offset as u64,
            line: chunk.first_line.unwrap_or(0) + line,
            chunk: chunk.first_line.is_none().then_some(chunk.offset),
        }
    }

    /// Notes a line's reason. Lines of a chunk are noted in order.
    #[inline]
    pub(super) fn note(&mut self, why: Why, at: Position) {
        match &mut self.latest {
            Some((latest, seen)) if *latest == why => seen.count += 1,
            _ => {
                self.settle_latest();
                self.latest = Some((why, Seen { count: 1, first: at }));
            }
        }
    }

    fn settle_latest(&mut self) {
        if let Some((why, seen)) = self.latest.take() {
            self.add_reason(why, seen);
        }
    }

    fn add_reason(&mut self, why: Why, more: Seen) {
        let seen = self.reasons.entry(why).or_insert(Seen { count: 0, first: more.first });
        seen.count += more.count;
        seen.first = seen.first.min(more.first);
    }

    pub(super) fn lose(&mut self, what: &'static str, lines: u64, at: Position) {
        self.totals.lost_at_least = self.totals.lost_at_least.saturating_add(lines);
        let (sum, seen) = self.losses.entry(what).or_insert((0, Seen { count: 0, first: at }));
        *sum = sum.saturating_add(lines);
        seen.count += 1;
        seen.first = seen.first.min(at);
    }

    /// Notes a record that another than the kernel wrote.
    #[cold]
    pub(super) fn wrote(&mut self, writer: Writer<'_>, at: Position) {
        let more = Seen { count: 1, first: at };
        self.add_writer(writer.name(), more, writer.is_foreign());
    }

    fn add_writer(&mut self, name: &[u8], more: Seen, foreign: bool) {
        if foreign {
            self.foreign += more.count;
        }
        let known = self.writers.len() < WRITERS || self.writers.contains_key(name);
        let seen = self
            .writers
            .entry_ref(if known { name } else { OTHER_WRITERS })
            .or_insert(Seen { count: 0, first: more.first });
        seen.count += more.count;
        seen.first = seen.first.min(more.first);
    }

    /// Who wrote the records: each writer with its records and, but for the kernel, the first of
    /// them; the most frequent first, ties by name.
    #[must_use]
    pub fn writers(&self) -> Vec<(&[u8], u64, Option<Position>)> {
        let mut all: Vec<_> =
            self.writers.iter().map(|(name, seen)| (&name[..], seen.count, Some(seen.first))).collect();
        let others: u64 = all.iter().map(|(_, count, _)| count).sum();
        let kernel = (self.totals.packets + self.totals.cut).saturating_sub(others);
        if kernel > 0 {
            all.push((b"kernel", kernel, None));
        }
        all.order_by_key(|(name, count, _)| (std::cmp::Reverse(*count), *name));
        all
    }

    pub(super) fn moment(&mut self, utc: i64) {
        self.span = Some(self.span.map_or((utc, utc), |(first, last)| (first.min(utc), last.max(utc))));
    }

    pub(super) fn end_of_chunk(
        &mut self,
        chunk: &crate::input::Chunk<'_>,
        lines: u64,
        kmsg: Option<(u64, u64)>,
    ) {
        self.totals.lines += lines;
        self.settle_latest();
        if chunk.first_line.is_none() {
            self.chunks.push((chunk.source, chunk.offset, lines));
        }
        if let Some((first, last)) = kmsg {
            self.sequences.push((chunk.source, chunk.offset, first, last));
        }
    }

    /// Lines that were not read, for the numbers of those behind them.
    pub(super) fn skip(&mut self, skipped: Vec<(usize, u64, u64)>) {
        self.totals.skipped += skipped.iter().map(|(_, _, lines)| lines).sum::<u64>();
        self.chunks.extend(skipped);
    }

    /// Takes over another thread's account.
    pub fn merge(&mut self, other: Account) {
        debug_assert!(other.latest.is_none(), "a chunk's end was not seen");
        let (own, theirs) = (&mut self.totals, other.totals);
        own.lines += theirs.lines;
        own.packets += theirs.packets;
        own.cut += theirs.cut;
        own.other += theirs.other;
        own.damaged += theirs.damaged;
        own.matched += theirs.matched;
        own.repeats += theirs.repeats;
        own.skipped += theirs.skipped;
        self.bytes += other.bytes;
        own.lost_at_least = own.lost_at_least.saturating_add(theirs.lost_at_least);
        self.timeless += other.timeless;
        for (why, theirs) in other.reasons {
            self.add_reason(why, theirs);
        }
        for (what, (lines, theirs)) in other.losses {
            let (sum, seen) = self.losses.entry(what).or_insert((0, Seen { count: 0, first: theirs.first }));
            *sum = sum.saturating_add(lines);
            seen.count += theirs.count;
            seen.first = seen.first.min(theirs.first);
        }
        self.foreign += other.foreign;
        self.records |= other.records;
        self.unread.merge(other.unread);
        for (name, theirs) in other.writers {
            self.add_writer(&name, theirs, false);
        }
        if let Some((first, last)) = other.span {
            self.moment(first);
            self.moment(last);
        }
        self.chunks.extend(other.chunks);
        self.sequences.extend(other.sequences);
    }

    /// Once a chunk is in, where chunks come in the order of their input: a gap between its records' numbers and those
    /// before it. Nothing is kept of the chunk itself, so that memory does not grow with their number.
    pub(super) fn settle_chunk(&mut self, last: &mut HashMap<usize, u64>) {
        for (source, offset, first, end) in std::mem::take(&mut self.sequences) {
            if let Some(before) = last.insert(source, end)
                && first > before + 1
            {
                let at = Position { source, offset, line: 0, chunk: None };
                self.lose("a gap in the kernel's record numbers", first - before - 1, at);
            }
        }
        self.chunks.clear();
    }

    /// Once all chunks are in: line numbers from the beginning of each file, and gaps between
    /// the `/dev/kmsg` records of neighbouring chunks.
    pub(super) fn settle(&mut self) {
        self.chunks.order();
        let mut before = HashMap::new();
        let mut at = (usize::MAX, 0);
        for (source, offset, lines) in &self.chunks {
            if at.0 != *source {
                at = (*source, 0);
            }
            before.insert((*source, *offset), at.1);
            at.1 += lines;
        }
        let settle = |first: &mut Position| {
            if let Some(chunk) = first.chunk.take() {
                first.line += 1 + before.get(&(first.source, chunk)).copied().unwrap_or(0);
            }
        };
        self.reasons.values_mut().for_each(|seen| settle(&mut seen.first));
        self.losses.values_mut().for_each(|(_, seen)| settle(&mut seen.first));
        self.writers.values_mut().for_each(|seen| settle(&mut seen.first));
        for (seen, _) in [&mut self.unread.found, &mut self.unread.hosts].into_iter().flatten() {
            settle(&mut seen.first);
        }
        self.chunks.clear();
        self.sequences.order();
        for pair in std::mem::take(&mut self.sequences).windows(2) {
            let ((source, _, _, last), (same, offset, first, _)) = (pair[0], pair[1]);
            if source == same && first > last + 1 {
                let at = Position { source, offset, line: 0, chunk: None };
                self.lose("a gap in the kernel's record numbers", first - last - 1, at);
            }
        }
    }

    /// The reasons, the most frequent first, ties by text.
    #[must_use]
    pub fn ranked_reasons(&self) -> Vec<(Why, Seen)> {
        let mut all: Vec<_> = self.reasons.iter().map(|(why, seen)| (*why, *seen)).collect();
        all.order_by_key(|(why, seen)| (std::cmp::Reverse(seen.count), why.class(), why.to_string()));
        all
    }
}

impl Account {
    /// The first damaged line, and what is wrong with it.
    #[must_use]
    pub fn first_damaged(&self) -> Option<(Why, Seen)> {
        let damaged = self.reasons.iter().filter(|(why, _)| matches!(why, Why::Damaged(_) | Why::Entry(_)));
        damaged.min_by_key(|(_, seen)| seen.first).map(|(why, seen)| (*why, *seen))
    }
}

/// The sums, the bytes, the span, who wrote the records, what was lost. Not why lines are no packets, and no places:
/// these are in files that may be gone.
impl State for Account {
    fn write(&self, out: &mut Bytes) {
        let Totals { lines, packets, cut, other, damaged, matched, repeats, skipped, lost_at_least } =
            self.totals;
        for number in [lines, packets, cut, other, damaged, matched, repeats, skipped, lost_at_least] {
            out.number(number);
        }
        for number in [self.bytes, self.timeless, self.foreign] {
            out.number(number);
        }
        out.number(u64::from(self.span.is_some()));
        let (first, last) = self.span.unwrap_or_default();
        out.signed(first);
        out.signed(last);
        let mut writers: Vec<(&[u8], u64)> =
            self.writers.iter().map(|(name, seen)| (&name[..], seen.count)).collect();
        writers.order();
        out.keys(&writers.iter().map(|(name, _)| *name).collect());
        writers.iter().for_each(|(_, count)| out.number(*count));
        for Loss { what, .. } in &LOSSES {
            let (lines, count) = self.losses.get(what).map_or((0, 0), |(lines, seen)| (*lines, seen.count));
            out.number(lines);
            out.number(count);
        }
    }

    fn read(&mut self, from: &mut Reader<'_>) -> Result<(), Damaged> {
        const NOWHERE: Position = Position { source: usize::MAX, offset: 0, line: 0, chunk: None };
        let totals = &mut self.totals;
        for number in [
            &mut totals.lines,
            &mut totals.packets,
            &mut totals.cut,
            &mut totals.other,
            &mut totals.damaged,
            &mut totals.matched,
            &mut totals.repeats,
            &mut totals.skipped,
            &mut totals.lost_at_least,
            &mut self.bytes,
            &mut self.timeless,
            &mut self.foreign,
        ] {
            *number = from.times()?;
        }
        let sum = [totals.packets, totals.cut, totals.other, totals.damaged]
            .into_iter()
            .try_fold(0, u64::checked_add);
        if sum != Some(totals.lines) {
            return Err(Damaged("its lines do not add up"));
        }
        let known = from.number()? != 0;
        let span = (from.signed()?, from.signed()?);
        self.span = known.then_some(span);
        for name in from.keys()?.iter() {
            self.writers.insert(name.to_vec(), Seen { count: 0, first: NOWHERE });
        }
        let mut names: Vec<Vec<u8>> = self.writers.keys().cloned().collect();
        names.order();
        for name in names {
            if let Some(seen) = self.writers.get_mut(&name) {
                seen.count = from.times()?;
            }
        }
        for Loss { what, .. } in &LOSSES {
            let (lines, count) = (from.times()?, from.times()?);
            if count > 0 {
                self.losses.insert(what, (lines, Seen { count, first: NOWHERE }));
            }
        }
        Ok(())
    }
}

/// Lines that say that other lines are missing: the words that announce a number of them, what they
/// are called, and the tags under which they are written (any, where syslog daemons write none).
struct Loss {
    words: &'static [u8],
    what: &'static str,
    writers: &'static [&'static [u8]],
}

const fn announcement(words: &'static [u8], what: &'static str, writers: &'static [&'static [u8]]) -> Loss {
    Loss { words, what, writers }
}

const LOSSES: [Loss; 6] = [
    announcement(b" callbacks suppressed", "callbacks suppressed", &[b"kernel"]),
    announcement(
        b" messages lost due to rate-limiting",
        "messages lost due to rate-limiting",
        &[b"rsyslogd", b"rsyslogd-2177", b"kernel"],
    ),
    announcement(b" printk messages dropped", "printk messages dropped", &[b"kernel"]),
    announcement(b"Missed ", "the journal missed kernel messages", JOURNAL),
    announcement(b"Suppressed ", "the journal suppressed messages", JOURNAL),
    announcement(b"last message repeated ", "last message repeated", &[b"kernel", b"syslogd", b"last"]),
];

const JOURNAL: &[&[u8]] = &[b"systemd-journald", b"journal", b"systemd-journal", b"kernel"];

/// The most lines that one line may claim are missing: the kernel and the daemons print an `int`.
const LARGEST_CLAIM: u64 = i32::MAX as u64;

/// Whether one of the words may be in a line: all have `ssed` or `ssag` in them. In a mixed log every third line is
/// asked, so most are told apart by `sse` and `ssa` alone, many places at a time.
fn may_announce(line: &[u8]) -> bool {
    /// A length for which the loop becomes a few vector instructions.
    const TOGETHER: usize = 32;
    // `e` and `a` differ in one bit.
    let begin = |bytes: &[u8; TOGETHER + 2]| {
        (0..TOGETHER).fold(0, |any, at| {
            let pair = u8::from(bytes[at] == b's') & u8::from(bytes[at + 1] == b's');
            any | pair & u8::from(bytes[at + 2] & !4 == b'a')
        })
    };
    let Some(last) = line.last_chunk() else { return goes_on(line) };
    // The last bytes are looked at twice, rather than one by one.
    let mut any = begin(last);
    let mut rest = line;
    while let Some(bytes) = rest.first_chunk() {
        any |= begin(bytes);
        rest = &rest[TOGETHER..];
    }
    any != 0 && goes_on(line)
}

/// Whether one of the words goes on in a text.
fn goes_on(text: &[u8]) -> bool {
    text.windows(4).any(|four| four == b"ssed" || four == b"ssag")
}

/// How many lines a line says are missing.
#[must_use]
pub fn loss(line: &[u8]) -> Option<(&'static str, u64)> {
    if !may_announce(line) {
        return None;
    }
    for Loss { words, what, writers } in LOSSES {
        let Some(at) = memchr::memmem::find(line, words) else { continue };
        let number = if words.starts_with(b" ") {
            let digits = line[..at].iter().rev().take_while(|b| b.is_ascii_digit()).count();
            &line[at - digits..at]
        } else {
            let rest = &line[at + words.len()..];
            let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
            let means = match what {
                "last message repeated" => rest[digits..].starts_with(b" time"),
                "the journal missed kernel messages" => rest[digits..].starts_with(b" kernel messages"),
                _ => rest[digits..].starts_with(b" messages from"),
            };
            if means { &rest[..digits] } else { b"" }
        };
        if let Some(lines) = std::str::from_utf8(number).ok().and_then(|text| text.parse().ok()) {
            let writer = logparse::writer(line);
            let believed = lines <= LARGEST_CLAIM && writers.contains(&writer.name());
            return believed.then_some((what, lines));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_announcement_has_a_hint_in_it() {
        for Loss { words, .. } in LOSSES {
            assert!(may_announce(words), "{}", words.escape_ascii());
        }
    }

    #[test]
    fn announced_losses_are_read() {
        let told = |line: &str| loss(line.as_bytes()).map(|(_, lines)| lines);
        assert_eq!(told("kernel: [ 12.3] net_ratelimit: 42 callbacks suppressed"), Some(42));
        assert_eq!(told("rsyslogd: imjournal: 119806 messages lost due to rate-limiting"), Some(119_806));
        assert_eq!(told("kernel: ** 17 printk messages dropped **"), Some(17));
        assert_eq!(told("systemd-journald[3]: Missed 5 kernel messages"), Some(5));
        assert_eq!(told("systemd-journald[3]: Suppressed 88 messages from x.service"), Some(88));
        assert_eq!(told("host last message repeated 3 times"), Some(3));
        assert_eq!(told("kernel: callbacks suppressed"), None);
        assert_eq!(told("Missed calls"), None);
    }

    #[test]
    fn no_program_speaks_for_another_and_no_line_for_more_than_a_counter_holds() {
        let told = |line: &str| loss(line.as_bytes()).map(|(_, lines)| lines);
        let most = "net_ratelimit: 18446744073709551615 callbacks suppressed";
        assert_eq!(told(&format!("Jun 30 06:06:13 gw kernel: [   12.345678] {most}")), None);
        assert_eq!(told(&format!("[   12.345678] {most}")), None);
        for tag in ["mallory", "mallory[77]", "kernel[1234]", "sshd", "systemd-journald"] {
            assert_eq!(
                told(&format!("Jun 30 06:06:13 gw {tag}: net_ratelimit: 42 callbacks suppressed")),
                None
            );
        }
        assert_eq!(told("Jun 30 06:06:13 gw kernel: net_ratelimit: 42 callbacks suppressed"), Some(42));
        assert_eq!(told("Jun 30 06:06:13 gw mallory: Missed 5 kernel messages"), None);
        assert_eq!(told("Jun 30 06:06:13 gw mallory: last message repeated 3 times"), None);
        assert_eq!(told("Jun 30 06:06:13 gw last message repeated 3 times"), Some(3));
    }
}
