//! The innermost loop: line -> record -> filter -> aggregate.
//!
//! Responsible for: what happens to each line. This is the one place to make faster.
//! Must not know: files, threads.
//! Tested by: everything in `tests/`.

use logparse::{Completeness, ErrorKind};

use super::Plan;
use super::account::{Account, Why, loss};
use crate::aggregate::Aggregate;
use crate::clock::Resolver;
use crate::input::{Chunk, LONGEST_LINE};
use crate::record::Record;

/// One thread's work.
pub(super) struct Worker<'p, A> {
    plan: &'p Plan,
    names: &'p [String],
    aggregate: A,
    account: Account,
    resolver: Resolver<'p>,
    /// For text that its wrapper wrote with escapes.
    scratch: Vec<u8>,
    /// For a record of several lines.
    joined: Vec<u8>,
}

impl<'p, A: Aggregate> Worker<'p, A> {
    pub(super) fn new(plan: &'p Plan, names: &'p [String], aggregate: A) -> Worker<'p, A> {
        Worker {
            plan,
            names,
            aggregate,
            account: Account::default(),
            resolver: Resolver::new(&plan.clock),
            scratch: Vec::new(),
            joined: Vec::new(),
        }
    }

    pub(super) fn finish(self) -> (A, Account) {
        (self.aggregate, self.account)
    }

    /// Every line of a chunk.
    pub(super) fn chunk(&mut self, chunk: &Chunk<'_>) {
        let mut number = 0;
        let mut kmsg: Option<(u64, u64)> = None;
        for (offset, line) in logparse::lines(chunk.bytes) {
            if let Some(sequence) = kmsg_sequence(line) {
                match &mut kmsg {
                    None => kmsg = Some((sequence, sequence)),
                    Some((_, last)) => {
                        if sequence > *last + 1 {
                            let at = Account::position(chunk, offset, number);
                            self.account.lose(
                                "a gap in the kernel's record numbers",
                                sequence - *last - 1,
                                at,
                            );
                        }
                        *last = sequence;
                    }
                }
            }
            self.line(chunk, offset, line, number);
            number += 1;
        }
        self.account.end_of_chunk(chunk, number, kmsg);
        self.aggregate.end_of_chunk(chunk.ticket);
    }

    /// One line.
    fn line(&mut self, chunk: &Chunk<'_>, offset: usize, line: &[u8], number: u64) {
        let position = || Account::position(chunk, offset, number);
        if line.len() > LONGEST_LINE {
            self.account.totals.other += 1;
            self.account.note(Why::TooLong, position());
            return;
        }
        let text = match indented(line).and_then(|indent| above(chunk, offset, indent)) {
            Some(above) => {
                self.joined.clear();
                self.joined.extend_from_slice(above);
                self.joined.push(b'\n');
                self.joined.extend_from_slice(line.trim_ascii_start());
                &self.joined
            }
            None => line,
        };
        let entry = match logparse::parse_with(text, &mut self.scratch) {
            Ok(entry) => entry,
            Err(error) => {
                let why = match error.kind() {
                    _ if line.trim_ascii().is_empty() => Why::Empty,
                    ErrorKind::Wrapper => Why::Damaged(error.reason()),
                    _ => Why::Other(error.reason()),
                };
                match why {
                    Why::Damaged(_) => self.account.totals.damaged += 1,
                    _ => self.account.totals.other += 1,
                }
                self.account.note(why, position());
                if let Some((what, lines)) = loss(line) {
                    self.account.lose(what, lines, position());
                }
                return;
            }
        };
        match entry.completeness() {
            Completeness::Whole => self.account.totals.packets += 1,
            Completeness::Cut => {
                self.account.totals.cut += 1;
                if let Some(stop) = entry.stop {
                    self.account.note(Why::Cut(stop.reason()), position());
                }
            }
            Completeness::Damaged => {
                self.account.totals.damaged += 1;
                if let Some(stop) = entry.stop {
                    self.account.note(Why::Damaged(stop.reason()), position());
                }
                return;
            }
        }
        let hint = chunk.calendar.hint(chunk.offset + offset as u64);
        let when = self.resolver.resolve(&entry.envelope, hint);
        match when {
            Some(when) => self.account.moment(when.utc),
            None => self.account.timeless += 1,
        }
        let record = Record {
            entry: &entry,
            raw: line,
            when,
            file: &self.names[chunk.source],
            line: chunk.first_line.map_or(0, |first| first + number),
        };
        if self.plan.filter.test(&record) {
            self.account.totals.matched += record.times();
            self.aggregate.add(&record);
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

/// The line above, if its message begins where this line's text does.
fn above<'c>(chunk: &Chunk<'c>, offset: usize, indent: usize) -> Option<&'c [u8]> {
    let front = match offset {
        0 => chunk.before,
        _ => &chunk.bytes[..offset],
    };
    let front = front.strip_suffix(b"\n")?;
    let start = logparse::whole_lines(front);
    let above = &front[start..];
    let fits = above.len() > indent && above[indent] != b' ' && above[indent - 1] == b' ' && above[0] != b' ';
    (fits && above.len() + 1 < crate::input::BEFORE && logparse::parse(above).is_err()).then_some(above)
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
        };
        assert_eq!(indented(&text[25..]), Some(15));
        assert_eq!(above(&chunk, 25, 15), Some(&text[..24]));
        assert_eq!(above(&chunk, 25, 14), None);
    }
}
