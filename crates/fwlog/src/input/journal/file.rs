//! One journal file: its header, the values of a field, and where its kernel's entries are.
//!
//! Responsible for: the lists of entries that a file keeps, checked at every step, and what is read
//! instead where a list is broken.
//! Must not know: what an entry says (`walk`), other files (`plan`).
//! Tested by: `fwstat/tests/cli/journal.rs`, `tests/journal.rs` (damage), fuzzing.
//!
//! A journal keeps, for each value of a field, the list of the entries that have it: the first in the
//! value's own object, the others in a chain of arrays. So the kernel's entries are found through
//! `_TRANSPORT=kernel` without looking at those of others. The value itself is found from the table
//! of fields and the field's chain of values, which needs no hash. While a journal is written, the
//! entry is stored before its place in a list, and that before the list's count: who reads the
//! count first sees whole entries only.

use std::ops::Range;

use logparse::JournalTransport;

use super::layout::{
    ARRAY_ITEMS, DATA, ENTRY, ENTRY_ARRAY, FIELD, FIELD_NAME, HEADER, Header, Id, LARGEST_ENTRY, Layout,
    OBJECT, Object, aligned, id_at, u64_at,
};
use super::window::{Medium, Window};

/// The largest table of fields that is read: journald's has 5 KiB.
const LARGEST_TABLE: u64 = 1 << 20;
/// The most values of a field that are looked at.
const MOST_VALUES: usize = 4096;
/// How many neighbours are asked instead of an entry that cannot be read.
const TRIES: usize = 64;
/// Entries in one piece of work.
pub(super) const PART: u64 = 4096;

/// A journal file that is open.
#[derive(Debug)]
pub(super) struct Journal {
    pub(super) medium: Medium,
    pub(super) header: Header,
    /// How long it was when it was opened.
    pub(super) limit: u64,
    /// What is wrong with it.
    pub(super) troubles: Vec<String>,
}

/// A value of a field, and the entries that have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Value {
    /// The data object.
    pub(super) at: u64,
    /// The value, without its field's name.
    pub(super) text: Vec<u8>,
    /// Its first entry, the first array of the others, and how many there are in all.
    pub(super) first: u64,
    array: u64,
    entries: u64,
}

/// What was found of a field's values.
#[derive(Debug, Default)]
pub(super) struct Values {
    /// The newest first.
    pub(super) found: Vec<Value>,
    /// Whether the file has the field.
    pub(super) named: bool,
    /// Whether all of it could be read: what is not there is not in the file.
    pub(super) whole: bool,
}

/// How entries are found one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// One offset of eight bytes.
    Inline,
    /// The items of an array.
    Items,
    /// From object to object.
    Hop,
}

/// Neighbouring entries of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) how: How,
    /// Where the offsets are; the first entry's place itself if they have to be found.
    pub(super) at: u64,
    pub(super) len: u64,
    /// The number of the first, counted from 0.
    pub(super) first: u64,
    /// Whether they were taken from the kernel's own list.
    pub(super) listed: bool,
}

/// Which entries of unlisted runs are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Want {
    /// Those that have this data object.
    Datum(u64),
    /// Those whose `_TRANSPORT` is the kernel's, as they say themselves.
    Kernel,
    /// All.
    All,
}

/// The entries to read.
#[derive(Clone, Debug)]
pub(super) struct List {
    pub(super) runs: Vec<Run>,
    pub(super) want: Want,
}

impl List {
    /// How many entries there are.
    pub(super) fn len(&self) -> u64 {
        self.runs.iter().map(|run| run.len).sum()
    }

    /// Leaves out all but the first so many.
    pub(super) fn truncate(&mut self, journal: &Journal, most: u64) {
        let mut left = most;
        for at in 0..self.runs.len() {
            let len = self.runs[at].len.min(left);
            self.runs[at] = Self::cut(journal, &self.runs[at], 0, len);
            left -= len;
        }
        self.runs.retain(|run| run.len > 0);
    }

    /// Leaves out the first so many.
    pub(super) fn leave_out(&mut self, journal: &Journal, entries: u64) {
        let mut left = entries;
        for at in 0..self.runs.len() {
            let run = &self.runs[at];
            let from = run.len.min(left);
            left -= from;
            // What is found by going from one to the next cannot be begun in the middle.
            if from == 0 || run.how == How::Hop && from < run.len {
                continue;
            }
            self.runs[at] = Self::cut(journal, run, from, run.len - from);
        }
        self.runs.retain(|run| run.len > 0);
    }

    /// `len` entries of a run from the one at `from` on.
    pub(super) fn cut(journal: &Journal, run: &Run, from: u64, len: u64) -> Run {
        let width = match run.how {
            How::Hop => 0,
            How::Inline => 8,
            How::Items => journal.layout().array_item() as u64,
        };
        Run { at: run.at + from * width, len, first: run.first + from, ..*run }
    }

    /// The first of a run's entries in `range` that can be read.
    pub(super) fn key(journal: &Journal, run: &Run, range: Range<u64>) -> Option<Key> {
        match run.how {
            How::Hop => journal.key(run.at),
            _ => range.take(TRIES).find_map(|index| journal.key(journal.item(run, index)?)),
        }
    }

    /// The last of a run's entries that can be read.
    pub(super) fn last_key(journal: &Journal, run: &Run) -> Option<Key> {
        match run.how {
            How::Hop => journal.key(run.at),
            _ => (0..run.len).rev().take(TRIES).find_map(|index| journal.key(journal.item(run, index)?)),
        }
    }

    /// Leaves out what was received before `since` or after `until`, as far as that can be told without
    /// reading it; how many entries that are.
    ///
    /// journald begins a new file when the clock is set back, "to ensure bisection works correctly"
    /// (`write_to_journal`), so times ascend in a file. Other writers' files are asked at some places;
    /// where times do not ascend there, all of the file is read.
    pub(super) fn between(&mut self, journal: &Journal, since: u64, until: u64) -> u64 {
        let all = self.len();
        let certain =
            self.runs.iter().all(|run| run.listed || self.want == Want::All && run.how == How::Items);
        if !certain || !self.ascends(journal, all) {
            return 0;
        }
        let from = self.first_where(journal, all, |time| time >= since);
        let to = self.first_where(journal, all, |time| time > until);
        let mut kept = Vec::new();
        let mut at = 0;
        for run in &self.runs {
            let (begin, end) = (from.max(at), to.min(at + run.len));
            if begin < end {
                kept.push(Self::cut(journal, run, begin - at, end - begin));
            }
            at += run.len;
        }
        self.runs = kept;
        all - to.saturating_sub(from)
    }

    /// The time of the entry at `index`, counted over all runs.
    fn time(&self, journal: &Journal, mut index: u64) -> Option<u64> {
        for run in &self.runs {
            if index < run.len {
                return journal.key(journal.item(run, index)?).map(|key| key.realtime);
            }
            index -= run.len;
        }
        None
    }

    /// Whether times ascend, asked at some entries.
    fn ascends(&self, journal: &Journal, all: u64) -> bool {
        const SAMPLES: u64 = 32;
        let last = all.saturating_sub(1);
        let mut before = 0;
        (0..=SAMPLES).filter_map(|n| self.time(journal, last * n / SAMPLES)).all(|time| {
            let ascends = time >= before;
            before = time;
            ascends
        })
    }

    /// The first entry at which something about the time begins to hold.
    fn first_where(&self, journal: &Journal, all: u64, holds: impl Fn(u64) -> bool) -> u64 {
        let (mut from, mut to) = (0, all);
        while from < to {
            let middle = from.midpoint(to);
            // An entry that cannot be read is like the one after it.
            let time = (middle..to).take(TRIES).find_map(|index| self.time(journal, index));
            if time.is_none_or(&holds) { to = middle } else { from = middle + 1 }
        }
        from
    }
}

/// Who an entry is among all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) series: Id,
    pub(super) seqnum: u64,
    pub(super) boot: Id,
    pub(super) monotonic: u64,
    pub(super) realtime: u64,
    pub(super) xor: u64,
}

impl Key {
    /// Reads an entry's first 64 bytes; nothing if no journal writes such numbers.
    #[inline]
    pub(super) fn read(bytes: &[u8], series: Id) -> Option<Key> {
        const LAST: u64 = 1 << 55;
        let key = Key {
            series,
            seqnum: u64_at(bytes, 16),
            realtime: u64_at(bytes, 24),
            monotonic: u64_at(bytes, 32),
            boot: id_at(bytes, 40),
            xor: u64_at(bytes, 56),
        };
        let valid = key.seqnum > 0 && (1..LAST).contains(&key.realtime) && key.monotonic < LAST;
        valid.then_some(key)
    }
}

/// A chain of arrays.
struct Chain {
    runs: Vec<Run>,
    /// How many entries it has.
    len: u64,
    /// Where it ends too early, if it does.
    broken: Option<u64>,
}

impl Journal {
    /// Opens it; the error says what it is instead, or what is wrong with it.
    pub(super) fn open(medium: Medium) -> Result<Journal, String> {
        let limit = medium.len();
        let mut head = [0; HEADER];
        let len = medium.read(&mut head, 0);
        let header = Header::read(&head[..len])?;
        let mut journal = Journal { medium, header, limit, troubles: Vec::new() };
        let end = journal.header.end;
        if end > limit {
            journal.troubles.push(format!("ends at byte {limit}, {} earlier than it should", end - limit));
        }
        journal.find_layout();
        Ok(journal)
    }

    pub(super) fn layout(&self) -> Layout {
        self.header.layout
    }

    /// One damaged bit would exchange the two forms and make all else unreadable: the first values
    /// tell which it is.
    fn find_layout(&mut self) {
        let own = self.header.layout;
        let other = Layout { compact: !own.compact };
        let mut seen = [false, false];
        let (fields, _) = self.fields();
        for (at, name) in fields.iter().take(16) {
            let Some(object) = self.object(*at, FIELD, FIELD_NAME) else { continue };
            let value = u64_at(&object, 32);
            for (seen, layout) in seen.iter_mut().zip([own, other]) {
                let len = layout.payload() + name.len() + 1;
                let Some(data) = self.object(value, DATA, len) else { continue };
                *seen |= data.get(layout.payload()..).is_some_and(|text| is_of(text, name));
            }
        }
        if seen == [false, true] {
            self.header.layout = other;
            self.troubles.push("has a wrong flag for the size of its offsets in its header".to_owned());
        }
    }

    /// The first bytes of the object at `at`, at most `wanted`, if there is one of this kind.
    pub(super) fn object(&self, at: u64, kind: u8, wanted: usize) -> Option<Vec<u8>> {
        if !at.is_multiple_of(8) || at < HEADER as u64 || at.checked_add(OBJECT as u64)? > self.limit {
            return None;
        }
        let mut bytes = vec![0; wanted.max(OBJECT)];
        let len = self.medium.read(&mut bytes, at);
        bytes.truncate(len);
        let object = Object::read(&bytes);
        let fits = at.checked_add(object.size)? <= self.limit;
        if len < OBJECT || object.kind != kind || !fits || !object.is_possible(self.layout()) {
            return None;
        }
        bytes.truncate(usize::try_from(object.size).unwrap_or(usize::MAX));
        Some(bytes)
    }

    /// All fields: their objects and names; and whether all of them could be read.
    fn fields(&self) -> (Vec<(u64, Vec<u8>)>, bool) {
        let (at, len) = self.header.fields;
        let mut table = vec![0; len.min(LARGEST_TABLE) as usize];
        let read = self.medium.read(&mut table, at);
        let mut whole = len > 0 && read as u64 == len && len.is_multiple_of(16) && at >= HEADER as u64;
        let mut fields = Vec::new();
        for bucket in table[..read].chunks_exact(16) {
            let mut at = u64_at(bucket, 0);
            while at != 0 {
                let Some(object) = self.object(at, FIELD, 256) else {
                    whole = false;
                    break;
                };
                if fields.len() >= MOST_VALUES {
                    return (fields, false);
                }
                fields.push((at, object.get(FIELD_NAME..).unwrap_or_default().to_vec()));
                // Chains of a table go from the oldest to the newest.
                let next = u64_at(&object, 24);
                if next != 0 && next <= at {
                    whole = false;
                    break;
                }
                at = next;
            }
        }
        (fields, whole)
    }

    /// The values of a field.
    pub(super) fn values(&self, field: &[u8]) -> Values {
        let (fields, whole) = self.fields();
        let mut values = Values { whole, ..Values::default() };
        let payload = self.layout().payload();
        for (at, _) in fields.iter().filter(|(_, name)| name == field) {
            values.named = true;
            let mut at = self.object(*at, FIELD, FIELD_NAME).map_or(0, |object| u64_at(&object, 32));
            while at != 0 {
                let object = self.object(at, DATA, payload + 512);
                let Some(object) = object.filter(|object| object[1] == 0 && is_of(&object[payload..], field))
                else {
                    values.whole = false;
                    break;
                };
                if values.found.len() >= MOST_VALUES {
                    values.whole = false;
                    break;
                }
                values.found.push(Value {
                    at,
                    text: object[payload + field.len() + 1..].to_vec(),
                    first: u64_at(&object, 40),
                    array: u64_at(&object, 48),
                    entries: u64_at(&object, 56),
                });
                // A field's chain goes from the newest to the oldest.
                let next = u64_at(&object, 32);
                if next >= at && next != 0 {
                    values.whole = false;
                    break;
                }
                at = next;
            }
        }
        values
    }

    /// A chain of arrays that has `wanted` entries.
    ///
    /// The count of a file that is no longer written is final. If such a chain goes on after its
    /// count, the count is wrong.
    fn chain(&self, array: u64, wanted: u64, listed: bool) -> Chain {
        let mut chain = Chain { runs: Vec::new(), len: 0, broken: None };
        let most = if self.header.online { wanted } else { u64::MAX };
        let mut at = array;
        while chain.len < most && (at != 0 || chain.len < wanted) {
            let Some(object) = self.object(at, ENTRY_ARRAY, ARRAY_ITEMS) else {
                chain.broken = Some(at);
                break;
            };
            let size = Object::read(&object).size;
            let capacity = (size - ARRAY_ITEMS as u64) / self.layout().array_item() as u64;
            let items = at + ARRAY_ITEMS as u64;
            let mut run = Run { how: How::Items, at: items, len: capacity, first: chain.len, listed };
            // Arrays are written one after the other: none lies inside another, no chain is a ring.
            let next = u64_at(&object, 16);
            if next == 0 && chain.len + capacity > wanted {
                run.len = self.used(&run);
            }
            run.len = run.len.min(most - chain.len);
            chain.runs.push(run);
            chain.len += run.len;
            if next != 0 && next < aligned(at + size) && chain.len < most {
                chain.broken = Some(at);
                break;
            }
            at = next;
        }
        if chain.len < wanted && chain.broken.is_none() {
            chain.broken = Some(at);
        }
        chain
    }

    /// How many of a run's items are in use: the others are 0.
    fn used(&self, run: &Run) -> u64 {
        let (mut from, mut to) = (0, run.len);
        while from < to {
            let middle = from.midpoint(to);
            if self.item(run, middle).is_some_and(|at| at != 0) { from = middle + 1 } else { to = middle }
        }
        from
    }

    /// The offset of an entry of a run.
    pub(super) fn item(&self, run: &Run, index: u64) -> Option<u64> {
        let width = match run.how {
            How::Hop => return None,
            How::Inline => 8,
            How::Items => self.layout().array_item(),
        };
        let mut item = [0; 8];
        let read = self.medium.read(&mut item[..width], run.at + index * width as u64);
        // The other bytes are 0.
        (read == width).then(|| u64_at(&item, 0))
    }

    /// Who the entry at `at` is.
    pub(super) fn key(&self, at: u64) -> Option<Key> {
        self.object(at, ENTRY, 64).and_then(|object| Key::read(&object, self.header.series))
    }

    /// The entries of the kernel; all entries if the file does not say who wrote them.
    pub(super) fn list(&mut self) -> List {
        let values = self.values(b"_TRANSPORT");
        // All that the counts just read stand for lies in the file by now.
        self.limit = self.medium.len();
        if let Some(kernel) = values.found.iter().find(|value| value.text == b"kernel") {
            return self.listed(kernel);
        }
        // One that journald does not have is a damaged value: the kernel's, perhaps.
        let damaged = |value: &Value| JournalTransport::from(&value.text[..]) == JournalTransport::Other;
        match (values.whole && !values.found.iter().any(damaged), values.named) {
            (true, true) => List { runs: Vec::new(), want: Want::Kernel },
            (true, false) => List { runs: self.unlisted(0), want: Want::All },
            (false, _) => {
                // In a file that is being written, an index may be read between two steps of its writer.
                if !self.header.online {
                    self.troubles.push("has a damaged index of fields: every entry was looked at".to_owned());
                }
                List { runs: self.unlisted(0), want: Want::Kernel }
            }
        }
    }

    /// The entries of a value; where its list is broken, what follows in the list of all.
    fn listed(&mut self, value: &Value) -> List {
        // A value whose first entry is linked and not yet counted has one.
        let mut entries = value.entries.max(u64::from(value.first != 0));
        // The writer links the list and then counts: with a count and no list, it did both after the list was read.
        if self.header.online && value.array == 0 {
            entries = entries.min(1);
        }
        let mut runs = Vec::new();
        if entries > 0 {
            runs.push(Run { how: How::Inline, at: value.at + 40, len: 1, first: 0, listed: true });
        }
        let chain = self.chain(value.array, entries.saturating_sub(1), true);
        runs.extend(chain.runs.iter().map(|run| Run { first: run.first + 1, ..*run }));
        if let Some(at) = chain.broken {
            self.troubles.push(format!(
                "has a broken list of the kernel's entries (byte {at}, after {} of {entries}): the others were looked for",
                chain.len + entries.min(1)
            ));
            let last = runs.iter().rev().find_map(|run| self.last_item(run)).unwrap_or(value.first);
            let number = runs.last().map_or(0, |run| run.first + run.len);
            let more = self.unlisted(last);
            runs.extend(more.iter().map(|run| Run { first: run.first + number, ..*run }));
        }
        List { runs, want: Want::Datum(value.at) }
    }

    /// The last entry of a value, if its list is whole.
    pub(super) fn last_of(&self, value: &Value) -> Option<u64> {
        let chain = self.chain(value.array, value.entries.saturating_sub(1), true);
        match (chain.broken, chain.runs.last()) {
            (Some(_), _) => None,
            (None, None) => Some(value.first),
            (None, Some(run)) => self.last_item(run),
        }
    }

    /// How many of a run's items lie before `limit`, by bisection: the items of an array ascend.
    pub(super) fn items_before(&self, run: &Run, limit: u64) -> u64 {
        let (mut from, mut to) = (0, run.len);
        while from < to {
            let middle = from.midpoint(to);
            if self.item(run, middle).is_some_and(|at| at < limit) { from = middle + 1 } else { to = middle }
        }
        from
    }

    /// The last entry of a run that is one.
    fn last_item(&self, run: &Run) -> Option<u64> {
        let first = run.len.saturating_sub(64);
        (first..run.len).rev().filter_map(|index| self.item(run, index)).find(|at| self.key(*at).is_some())
    }

    /// Entries of all writers after the one at `last`: from the list of all, and where that is broken
    /// too, from object to object.
    fn unlisted(&mut self, last: u64) -> Vec<Run> {
        let chain = self.chain(self.header.entry_array, self.header.entries, false);
        let mut runs = Vec::new();
        let mut number = 0;
        for run in &chain.runs {
            let from = self.items_before(run, last.saturating_add(1));
            if from < run.len {
                let at = run.at + from * self.layout().array_item() as u64;
                runs.push(Run { at, len: run.len - from, first: number, ..*run });
                number += run.len - from;
            }
        }
        if let Some(at) = chain.broken.or((self.header.entries == 0).then_some(0)) {
            let last = chain.runs.iter().rev().find_map(|run| self.last_item(run)).unwrap_or(0).max(last);
            let found = self.hop(last, number);
            let entries: u64 = found.iter().map(|run| run.len).sum();
            // In a file that is being written, the first entries may have come since its header was read.
            let begun = self.header.online && self.header.entries == 0 && chain.broken.is_none();
            if entries > 0 && !begun {
                self.troubles.push(format!(
                    "has a broken list of entries (byte {at}): {entries} more were found by going from object to object"
                ));
            }
            runs.extend(found);
        }
        runs
    }

    /// The entries after the one at `last`, found by the sizes of objects.
    fn hop(&self, last: u64, number: u64) -> Vec<Run> {
        let mut hopper = Hopper::new(last.max(HEADER as u64));
        let mut runs: Vec<Run> = Vec::new();
        let mut first = number;
        while let Some(at) = hopper.next(self) {
            if at <= last {
                continue;
            }
            match runs.last_mut() {
                Some(run) if run.len < PART => run.len += 1,
                _ => runs.push(Run { how: How::Hop, at, len: 1, first, listed: false }),
            }
            first += 1;
        }
        runs
    }
}

/// Goes from object to object.
#[derive(Debug)]
pub(super) struct Hopper {
    at: u64,
    window: Window,
    /// Whether the last step led to an object.
    in_step: bool,
}

impl Hopper {
    /// Begins at `at`.
    pub(super) fn new(at: u64) -> Hopper {
        Hopper { at: aligned(at), window: Window::default(), in_step: true }
    }

    /// The next entry's offset.
    pub(super) fn next(&mut self, journal: &Journal) -> Option<u64> {
        loop {
            let at = self.at;
            if at.checked_add(OBJECT as u64)? > journal.limit {
                return None;
            }
            let object = self.object(journal, at)?;
            let end = aligned(at.saturating_add(object.size));
            if !object.is_possible(journal.layout())
                || end > aligned(journal.limit)
                || (!self.in_step && !self.follows(journal, end))
            {
                self.in_step = false;
                self.at += 8;
                continue;
            }
            self.in_step = true;
            self.at = end;
            if object.kind == ENTRY && object.size <= LARGEST_ENTRY {
                return Some(at);
            }
        }
    }

    /// Whether an object, or nothing, may begin at `at`: text that looks like an object seldom is
    /// followed by another.
    fn follows(&mut self, journal: &Journal, at: u64) -> bool {
        match self.object(journal, at) {
            Some(object) => object.size == 0 && object.kind == 0 || object.is_possible(journal.layout()),
            None => true,
        }
    }

    fn object(&mut self, journal: &Journal, at: u64) -> Option<Object> {
        if !self.window.has(at, OBJECT) {
            self.window.load(&journal.medium, at, 64 << 10);
        }
        self.window.get(at, OBJECT).map(Object::read)
    }
}

/// Whether a data object's text is a value of this field.
fn is_of(text: &[u8], field: &[u8]) -> bool {
    text.strip_prefix(field).is_some_and(|rest| rest.first() == Some(&b'='))
}
