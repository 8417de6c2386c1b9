//! The innermost loop: line -> record -> filter -> aggregate.
//!
//! Responsible for: what happens to each line. This is the one place to make faster.
//! Must not know: files, threads.
//! Tested by: everything in `fwstat/tests/cli/main.rs`.

use logparse::{
    Completeness, Dialect, Entry, Envelope, ErrorKind, FastPacket, Line, ParseError, PrefixCache,
    ScannedLine, Scanner, Stamp, Time, TimeSpan, Writer,
};

use super::account::{Account, Position, Why, loss};
use super::plan::Plan;
use super::unread;
use crate::filter::Filter;
use crate::input::journal::Missing;
use crate::input::watch;
use crate::input::{Chunk, LONGEST_LINE};
use crate::record::{Place, Record};
use crate::time::clock::{Resolver, When};

/// What is done with a record that counts.
pub(super) type Add<'f> = &'f mut dyn FnMut(&Record<'_>);

/// What is known of lines with the same prefix and interfaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    /// They do not pass the filter.
    Fail,
    /// They pass what the filter asks of these.
    Pass,
    /// Their prefix holds an envelope that was not understood, and whether they pass.
    Unread(bool),
    /// They have no prefix, unless it is what was taken for the host; whether they pass.
    Bare(bool),
}

/// One thread's work.
pub(super) struct Worker<'p> {
    plan: &'p Plan,
    names: &'p [String],
    pub(super) account: Account,
    resolver: Resolver<'p>,
    scanner: Scanner,
    /// Whether an aggregate or filter asks for the moment of single records.
    needs_time: bool,
    /// The part of the filter that lines which begin alike share, and what it said.
    front_filter: Filter,
    /// What is known of a prefix and its interfaces.
    prefixes: PrefixCache<Known>,
    rest_filter: Filter,
    /// The chunk's lines that are no records, if they are wanted.
    pub(super) rejects: Option<Vec<u8>>,
    /// The same with what is wrong with each, if that is wanted.
    pub(super) rest: Option<Vec<Rest>>,
}

/// A line that is no packet.
#[derive(Clone, Debug)]
pub struct Rest {
    /// Why not.
    pub why: Why,
    /// Where it is.
    pub at: Position,
    /// Its text, of a line that is too long the first 4 KiB; empty for an entry of a journal that
    /// cannot be read.
    pub text: Vec<u8>,
}

/// So much is kept of a line that is too long.
const KEPT: usize = 4 << 10;

impl<'p> Worker<'p> {
    pub(super) fn new(plan: &'p Plan, names: &'p [String], aggregate_needs_time: bool) -> Worker<'p> {
        let (front_filter, rest_filter) = plan.filter.split();
        Worker {
            plan,
            names,
            needs_time: plan.filter.needs_time() || aggregate_needs_time,
            account: Account::default(),
            resolver: Resolver::new(&plan.clock),
            scanner: Scanner::new(),
            front_filter,
            prefixes: PrefixCache::default(),
            rest_filter,
            rejects: None,
            rest: None,
        }
    }

    /// Keeps a line that is no record, as it stood in the file.
    fn reject(&mut self, line: &[u8], why: Why, at: Position) {
        if let Some(rejects) = &mut self.rejects {
            rejects.extend_from_slice(line);
            rejects.push(b'\n');
        }
        if let Some(rest) = &mut self.rest {
            let kept = if why == Why::TooLong { line.len().min(KEPT) } else { line.len() };
            rest.push(Rest { why, at, text: line[..kept].to_vec() });
        }
    }

    pub(super) fn finish(self) -> Account {
        self.account
    }

    /// Every line of a chunk; `add` is given the records that pass the filter.
    ///
    /// Whatever is counted, this loop is compiled once: `add` is called through a pointer,
    /// which costs less than a copy of the scan for every aggregate.
    pub(super) fn chunk(&mut self, chunk: &Chunk<'_>, add: Add<'_>) {
        let mut number = 0;
        let mut kmsg: Option<(u64, u64)> = None;
        let mut scanner = std::mem::take(&mut self.scanner);
        let place = &self.place(chunk);
        scanner.scan(chunk.bytes, |line| {
            let sequence = match &line.record {
                Ok(record) => record.sequence(),
                Err(_) => kmsg_sequence(line.text),
            };
            if let Some(sequence) = sequence {
                let at = Account::position(chunk, line.offset, number);
                self.sequence(&mut kmsg, sequence, at);
            }
            match line.record {
                Ok(Line::Fast(scanned)) => self.quick(chunk, place, &line, scanned, number, add),
                found => self.line(chunk, place, &line, found, number, add),
            }
            number += 1;
        });
        // Taken in any case: a scanner keeps them until then.
        scanner.time_spans(|span| {
            if !self.needs_time {
                self.span(chunk, &span);
            }
        });
        self.scanner = scanner;
        self.account.end_of_chunk(chunk, number, kmsg);
    }

    /// A `/dev/kmsg` record's number: the kernel counts them without a gap.
    fn sequence(&mut self, seen: &mut Option<(u64, u64)>, sequence: u64, at: Position) {
        match seen {
            None => *seen = Some((sequence, sequence)),
            Some((_, last)) => {
                if sequence > *last + 1 {
                    self.account.lose("a gap in the kernel's record numbers", sequence - *last - 1, at);
                }
                *last = sequence;
            }
        }
    }

    /// A line that the bulk path read: a whole packet.
    #[inline]
    fn quick(
        &mut self,
        chunk: &Chunk<'_>,
        place: &Place<'_>,
        line: &ScannedLine<'_>,
        scanned: &FastPacket<'_>,
        number: u64,
        add: Add<'_>,
    ) {
        self.account.totals.packets += 1;
        if !scanned.is_the_kernels() {
            self.wrote(chunk, scanned, line.offset, number);
        }
        let when = match scanned.has_clock() {
            true if self.needs_time => self.clock(chunk, line.offset, scanned),
            true => None,
            false => scanned.with_envelope(|envelope| self.moment(chunk, line.offset, envelope)),
        };
        // A filter on the prefix and the interfaces alone is tested once for each of them.
        let read = Line::Fast(scanned);
        let known = self.prefixes.get(&read);
        if known == Some(Known::Fail) {
            return;
        }
        if let Some(Known::Unread(passes) | Known::Bare(passes)) = known {
            self.unread(scanned, Account::position(chunk, line.offset, number));
            if !passes {
                return;
            }
        }
        let record =
            Record { line: read, raw: line.text, when, chunk: place, in_chunk: (number, line.offset) };
        let passes = known.is_some() || self.learn(chunk, &record, scanned, line.offset, number);
        if passes && self.rest_filter.test(&record) {
            self.account.totals.matched += 1;
            add(&record);
        }
    }

    /// Asks what is the same for all lines with this prefix and these interfaces; whether they pass.
    fn learn(
        &mut self,
        chunk: &Chunk<'_>,
        record: &Record<'_>,
        scanned: &FastPacket<'_>,
        offset: usize,
        number: u64,
    ) -> bool {
        let passes = self.front_filter.test(record);
        let prefix = scanned.prefix();
        let known = match passes {
            _ if prefix.is_empty() => Known::Bare(passes),
            _ if unread::is_envelope(prefix) => Known::Unread(passes),
            true => Known::Pass,
            false => Known::Fail,
        };
        self.prefixes.insert(&record.line, known);
        if matches!(known, Known::Unread(_) | Known::Bare(_)) {
            self.unread(scanned, Account::position(chunk, offset, number));
        }
        passes
    }

    /// Counts a line whose prefix holds an envelope, or whose host may be its prefix.
    #[inline(never)]
    fn unread(&mut self, scanned: &FastPacket<'_>, at: Position) {
        let prefix = scanned.prefix();
        if !prefix.is_empty() {
            self.account.unread.note(prefix, at);
        } else if scanned.tag().is_none()
            && let Some(host) = scanned.with_envelope(|envelope| unread::lone_host(prefix, envelope))
        {
            self.account.unread.note_host(host, at);
        }
    }

    /// Counts a line that another program wrote than the kernel.
    #[cold]
    fn wrote(&mut self, chunk: &Chunk<'_>, scanned: &FastPacket<'_>, offset: usize, number: u64) {
        let writer = scanned.writer();
        if writer != Writer::Kernel {
            self.account.wrote(writer, Account::position(chunk, offset, number));
        }
    }

    /// Where the lines of a chunk stand.
    fn place<'r>(&self, chunk: &Chunk<'r>) -> Place<'r>
    where
        'p: 'r,
    {
        Place {
            inputs: self.names,
            source: chunk.source,
            offset: chunk.offset,
            first_line: chunk.first_line,
            heads: chunk.heads,
            names: self.plan.names.as_deref(),
        }
    }

    /// When a line was written, added to the account.
    fn moment(&mut self, chunk: &Chunk<'_>, offset: usize, envelope: &Envelope<'_>) -> Option<When> {
        let hint = chunk.calendar.hint(chunk.offset + offset as u64);
        let when = self.resolver.resolve(envelope, hint);
        self.enter(when)
    }

    /// The same for a line with the stamp of a clock, which has no other.
    #[inline(always)]
    fn clock(&mut self, chunk: &Chunk<'_>, offset: usize, scanned: &FastPacket<'_>) -> Option<When> {
        let hint = chunk.calendar.hint(chunk.offset + offset as u64);
        let when = scanned.clock_time().and_then(|(date, time)| self.resolver.at(date, time, hint));
        self.enter(when)
    }

    #[inline(always)]
    fn enter(&mut self, when: Option<When>) -> Option<When> {
        match when {
            Some(when) => self.account.moment(when.utc),
            None => self.account.timeless += 1,
        }
        when
    }

    /// The first and last moment of lines whose stamps were not asked for one by one.
    fn span(&mut self, chunk: &Chunk<'_>, span: &TimeSpan) {
        let mut known = false;
        for (offset, civil) in [span.earliest, span.latest] {
            let stamp = Stamp { text: b"", time: Time::Civil(civil) };
            let envelope = Envelope { stamp: Some(stamp), ..Envelope::default() };
            let hint = chunk.calendar.hint(chunk.offset + offset as u64);
            if let Some(when) = self.resolver.resolve(&envelope, hint) {
                self.account.moment(when.utc);
                known = true;
            }
        }
        if !known {
            self.account.timeless += span.lines;
        }
    }

    /// One line that the grammar read, or refused. Apart from the common way, which shall not save and restore
    /// what this needs.
    #[inline(never)]
    fn line(
        &mut self,
        chunk: &Chunk<'_>,
        place: &Place<'_>,
        line: &ScannedLine<'_>,
        found: Result<Line<'_>, ParseError>,
        number: u64,
        add: Add<'_>,
    ) {
        let (offset, text) = (line.offset, line.text);
        let position = || Account::position(chunk, offset, number);
        let head = chunk.heads.and_then(|heads| heads.get(number));
        if let Some(missing) = head.and_then(|head| head.missing) {
            self.missing(missing, position());
            return;
        }
        if text.len() > LONGEST_LINE {
            self.account.totals.other += 1;
            self.account.note(Why::TooLong, position());
            self.reject(text, Why::TooLong, position());
            return;
        }
        if head.is_none()
            && let Some(above) = indented(text).and_then(|indent| above(chunk, offset, indent))
        {
            let mut scratch = Vec::new();
            match logparse::parse_with(&joined(above, text), &mut scratch) {
                Ok(entry) => {
                    // Both lines as they stood.
                    let text = [above, text].join(&b'\n');
                    let record = ScannedLine { offset, text: &text, record: found };
                    self.entry(chunk, place, &record, &entry, number, add);
                }
                Err(error) => self.other(text, error, position()),
            }
            return;
        }
        match found {
            Ok(Line::Full(entry)) => self.entry(chunk, place, line, entry, number, add),
            Err(error) => self.other(text, error, position()),
            Ok(Line::Fast(_)) => {}
        }
    }

    /// An entry of a journal of which there is no line.
    fn missing(&mut self, missing: Missing, at: Position) {
        let why = match missing {
            Missing::TooLong => {
                self.account.totals.other += 1;
                Why::TooLong
            }
            Missing::Damaged(why) => {
                self.account.totals.damaged += 1;
                Why::Entry(why)
            }
        };
        self.account.note(why, at);
        if let Some(rest) = &mut self.rest {
            rest.push(Rest { why, at, text: Vec::new() });
        }
    }

    /// A line that is no firewall record.
    fn other(&mut self, line: &[u8], error: ParseError, at: Position) {
        let why = match error.kind() {
            _ if line.trim_ascii().is_empty() => Why::Empty,
            ErrorKind::Wrapper | ErrorKind::Joined => Why::Damaged(error.reason()),
            _ => Why::Other(error.reason()),
        };
        match why {
            Why::Damaged(_) => self.account.totals.damaged += 1,
            _ => self.account.totals.other += 1,
        }
        self.account.note(why, at);
        self.account.records |= watch::begins(line);
        self.reject(line, why, at);
        if let Some((what, lines)) = loss(line) {
            self.account.lose(what, lines, at);
        }
    }

    /// A firewall record, as far as it was read.
    fn entry(
        &mut self,
        chunk: &Chunk<'_>,
        place: &Place<'_>,
        line: &ScannedLine<'_>,
        entry: &Entry<'_>,
        number: u64,
        add: Add<'_>,
    ) {
        let position = Account::position(chunk, line.offset, number);
        match entry.completeness() {
            Completeness::Whole => self.account.totals.packets += 1,
            Completeness::Truncated => {
                self.account.totals.cut += 1;
                if let Some(stop) = entry.error {
                    self.account.note(Why::Cut(stop.reason()), position);
                }
            }
            Completeness::Corrupt => {
                self.account.totals.damaged += 1;
                if let Some(stop) = entry.error {
                    let why = Why::Damaged(stop.reason());
                    self.account.note(why, position);
                    self.reject(line.text, why, position);
                }
                return;
            }
        }
        let writer = entry.writer();
        if writer != Writer::Kernel {
            self.account.wrote(writer, position);
        }
        self.account.unread.see(entry.packet.prefix, position, self.account.totals.packets);
        if entry.packet.dialect != Dialect::Ulogd
            && let Some(host) = unread::lone_host(entry.packet.prefix, &entry.envelope)
        {
            self.account.unread.note_host(host, position);
        }
        let when = self.moment(chunk, line.offset, &entry.envelope);
        let read = Line::Full(entry);
        let record =
            Record { line: read, raw: line.text, when, chunk: place, in_chunk: (number, line.offset) };
        self.account.totals.repeats += record.times() - 1;
        if self.plan.filter.test(&record) {
            self.account.totals.matched += record.times();
            add(&record);
        }
    }
}

/// How far a line is indented, if it is as far as the rest of a record would be: `dmesg` and
/// `journalctl` put the second line of a record below the message of the first.
fn indented(line: &[u8]) -> Option<usize> {
    if line.first() != Some(&b' ') {
        return None;
    }
    let indent = line.iter().position(|b| *b != b' ')?;
    (indent >= 8).then_some(indent)
}

/// A record of two lines as one text: the second line without its indent.
#[must_use]
pub fn joined(above: &[u8], below: &[u8]) -> Vec<u8> {
    [above, below.trim_ascii_start()].join(&b'\n')
}

/// Whether two lines are one record whose prefix has a line break in it: the lower one stands
/// below the message of the upper one, which is no record by itself.
#[must_use]
pub fn is_one_record(above: &[u8], below: &[u8]) -> bool {
    indented(below).is_some_and(|indent| begins_at(above, indent)) && logparse::parse(above).is_err()
}

/// Whether a line's message begins at this column.
fn begins_at(above: &[u8], column: usize) -> bool {
    above.len() > column && above[column] != b' ' && above[column - 1] == b' ' && above[0] != b' '
}

/// The line above, if its message begins where this line's text does.
fn above<'c>(chunk: &Chunk<'c>, offset: usize, indent: usize) -> Option<&'c [u8]> {
    let front = match offset {
        0 => chunk.before,
        _ => &chunk.bytes[..offset],
    };
    let front = front.strip_suffix(b"\n")?;
    let start = logparse::last_line_end(front);
    let above = &front[start..];
    (begins_at(above, indent) && above.len() + 1 < crate::input::BEFORE && logparse::parse(above).is_err())
        .then_some(above)
}

/// The sequence number of a `/dev/kmsg` record: `4,1234,8486974964,-;text`.
fn kmsg_sequence(line: &[u8]) -> Option<u64> {
    if !line.first()?.is_ascii_digit() {
        return None;
    }
    let head = &line[..line.len().min(64)];
    let head = &head[..memchr::memchr(b';', head)?];
    let mut parts = head.split(|b| *b == b',');
    let mut number = || -> Option<u64> { std::str::from_utf8(parts.next()?).ok()?.parse().ok() };
    let (_, sequence, _) = (number()?, number()?, number()?);
    Some(sequence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kmsg_records_have_a_number() {
        assert_eq!(kmsg_sequence(b"4,1234,8486974964,-;text"), Some(1234));
        assert_eq!(kmsg_sequence(b"4,1234,8486974964,-,caller=T1;text"), Some(1234));
        assert_eq!(kmsg_sequence(b"2024-06-30T06:06:13 x; y"), None);
        assert_eq!(kmsg_sequence(b" SUBSYSTEM=net"), None);
    }

    #[test]
    fn the_rest_of_a_record_stands_below_its_message() {
        let text = b"[ 8486.974964] two lines\n               IN=eth0 OUT= x\n";
        let chunk = Chunk {
            source: 0,
            offset: 0,
            first_line: None,
            ticket: 0,
            before: b"",
            bytes: text,
            calendar: crate::input::years::Calendar::default(),
            heads: None,
        };
        assert_eq!(indented(&text[25..]), Some(15));
        assert_eq!(above(&chunk, 25, 15), Some(&text[..24]));
        assert_eq!(above(&chunk, 25, 14), None);
    }
}
