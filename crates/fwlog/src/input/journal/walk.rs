//! An entry's fields, out of the objects that its items lead to.
//!
//! Responsible for: the loop over entries, with a window of the file that moves on and a memory of
//! objects that recur. This is the one place to make faster.
//! Must not know: which entries are wanted and why (`plan`), what becomes of them (`lines`).
//! Tested by: `fwstat/tests/cli/journal.rs`, `tests/journal.rs` (damage), fuzzing.
//!
//! Of a kernel entry's ten items eight are those of the entry before, and its own two objects were
//! written just before it. So a window that begins a little before the entry has nearly
//! everything, and offsets that were seen before are not looked up again.

use logparse::JournalTransport;

use super::file::{Journal, Key, Want};
use super::layout::{DATA, ENTRY, ENTRY_ITEMS, LARGEST_ENTRY, Object, id_at, u64_at};
use super::plan::Lost;
use super::unpack::unpack;
use super::window::Window;
use crate::input::bytes::LONGEST_LINE;

/// How much of the file before an entry is read with it: its own data.
const BACK: u64 = 2048;
/// What is read at once where entries lie close together, and where they lie apart.
const DENSE: usize = 128 << 10;
const SPARSE: usize = 4096;
/// What is read of an object that lies elsewhere.
const ASIDE: usize = 1024;
/// Offsets that are remembered.
const KNOWN: usize = 4096;
/// Items of the entry before that are remembered.
const ITEMS: usize = 64;
/// The longest host or tag that is kept whole.
const LONGEST_NAME: usize = 4096;
/// Names that are kept until a new piece of work begins, and how many bytes they may have in all.
const NAMES: usize = 1024;
const NAMES_BYTES: usize = 4 << 20;

/// What an object says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Kind {
    #[default]
    Other,
    Message,
    Priority(u8),
    Facility(u8),
    Host(u16),
    Tag(u16),
    Transport(JournalTransport),
    /// The kernel's own stamp, microseconds since the start.
    Source(u64),
}

/// An object's place and what it says.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    at: u64,
    kind: Kind,
}

/// What an entry says, but for its message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) priority: Option<u8>,
    pub(super) facility: Option<u8>,
    pub(super) host: Option<u16>,
    pub(super) tag: Option<u16>,
    pub(super) transport: Option<JournalTransport>,
    pub(super) source: Option<u64>,
}

/// Where an entry's message is until the next is read.
#[derive(Clone, Copy, Debug)]
enum Place {
    None,
    /// In the main window, in the one aside: where its text begins and how long it is.
    Main(u64, usize),
    Aside(u64, usize),
    /// Unpacked.
    Unpacked,
}

/// An entry that was read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) key: Key,
    pub(super) facts: Facts,
    /// Whether its message is longer than any that is read.
    pub(super) too_long: bool,
    message: Place,
}

impl Entry {
    /// Whether it has a message, if only an empty one.
    pub(super) fn has_message(&self) -> bool {
        !matches!(self.message, Place::None)
    }
}

/// What came of an entry.
#[derive(Debug)]
pub(super) enum Step {
    /// It was read.
    Read(Entry),
    /// It is none of those wanted.
    Unwanted,
    /// It cannot be read: why.
    Damaged(&'static str),
}

/// Reads entries of one file at a time; keeps its memory from one to the next.
#[derive(Debug)]
pub(super) struct Walker {
    main: Window,
    aside: Window,
    known: Box<[Known]>,
    previous: [Known; ITEMS],
    unpacked: Vec<u8>,
    /// The objects of the entry that is being read.
    items: Vec<u64>,
    /// Hosts and tags, by number.
    names: Vec<Vec<u8>>,
    step: usize,
    /// Where the entry before ended: none lies inside another.
    floor: u64,
    /// Where the previous entry begins: what lies after it was never looked at.
    seen: u64,
    /// Only entries of this boot.
    pub(super) boot: Option<[u8; 16]>,
    /// Data objects that could not be read, in entries that could.
    pub(super) lost: Lost,
}

impl Default for Walker {
    fn default() -> Self {
        Walker {
            main: Window::default(),
            aside: Window::default(),
            known: vec![Known::default(); KNOWN].into_boxed_slice(),
            previous: [Known::default(); ITEMS],
            unpacked: Vec::new(),
            items: Vec::new(),
            names: Vec::new(),
            step: DENSE,
            floor: 0,
            seen: 0,
            boot: None,
            lost: Lost::default(),
        }
    }
}

impl Walker {
    /// Forgets a file: another one is read.
    pub(super) fn begin_file(&mut self) {
        self.main.clear();
        self.aside.clear();
        self.forget();
    }

    /// Begins a piece of work whose entries lie about `apart` bytes from each other.
    pub(super) fn begin_part(&mut self, apart: u64) {
        self.step = if apart > DENSE as u64 / 8 { SPARSE } else { DENSE };
        self.floor = 0;
        self.seen = u64::MAX;
        if self.names.len() > NAMES {
            self.forget();
        }
    }

    fn forget(&mut self) {
        self.known.fill(Known::default());
        self.previous.fill(Known::default());
        self.names.clear();
    }

    /// The hosts and tags that facts refer to.
    pub(super) fn names(&self) -> &[Vec<u8>] {
        &self.names
    }

    /// Reads the entry at `at`. Entries of a piece of work must come in order.
    #[inline]
    pub(super) fn entry(&mut self, journal: &Journal, at: u64, want: Option<Want>) -> Step {
        if !at.is_multiple_of(8) || at < self.floor {
            return Step::Damaged("an offset that leads to no entry");
        }
        if !self.load(journal, at, ENTRY_ITEMS) {
            return Step::Damaged("an entry that lies outside of the file");
        }
        let layout = journal.layout();
        let head = self.main.get(at, ENTRY_ITEMS).unwrap_or_default();
        let object = Object::read(head);
        let item = layout.entry_item();
        let fits = object.kind == ENTRY
            && object.size <= LARGEST_ENTRY
            && object.is_possible(layout)
            // The size of an item is a power of two.
            && (object.size as usize - ENTRY_ITEMS) & (item - 1) == 0;
        if !fits {
            return Step::Damaged("an offset that leads to no entry");
        }
        let Some(key) = Key::read(head, journal.header.series) else {
            return Step::Damaged("an entry with an impossible number or time");
        };
        if self.boot.is_some_and(|boot| boot != id_at(head, 40)) {
            return Step::Unwanted;
        }
        let size = object.size as usize;
        if !self.load(journal, at, size) {
            return Step::Damaged("an entry that lies outside of the file");
        }
        self.floor = at + object.size;
        let items = self.main.get(at, size).and_then(|entry| entry.get(ENTRY_ITEMS..)).unwrap_or_default();
        layout.items(items, &mut self.items);
        if let Some(Want::Datum(datum)) = want
            && !self.items.contains(&datum)
        {
            return Step::Unwanted;
        }
        self.read(journal, at, key, want)
    }

    /// Reads an entry's items.
    #[inline]
    fn read(&mut self, journal: &Journal, at: u64, key: Key, want: Option<Want>) -> Step {
        let mut facts = Facts::default();
        let mut message = 0;
        let mut last = 0;
        let mut flaw = None;
        for index in 0..self.items.len() {
            let data = self.items[index];
            // Items ascend: no object is read twice for one entry.
            if data <= last {
                flaw = flaw.or(Some((data, "an item out of order")));
                continue;
            }
            last = data;
            match self.kind(journal, data, index) {
                Ok(kind) => match kind {
                    Kind::Other => {}
                    Kind::Message => message = data,
                    Kind::Priority(priority) => facts.priority = Some(priority),
                    Kind::Facility(facility) => facts.facility = Some(facility),
                    Kind::Host(host) => facts.host = Some(host),
                    Kind::Tag(tag) => facts.tag = Some(tag),
                    // Several are possible; the kernel's is what the entry was found by.
                    Kind::Transport(_) if facts.transport == Some(JournalTransport::Kernel) => {}
                    Kind::Transport(transport) => facts.transport = Some(transport),
                    Kind::Source(source) => facts.source = Some(source),
                },
                Err(why) => flaw = flaw.or(Some((data, why))),
            }
        }
        self.seen = at;
        if flaw.is_some() {
            // Its size may be the damage: the next entry may begin before the end it claims.
            self.floor = at + (ENTRY_ITEMS + journal.layout().entry_item()) as u64;
        }
        // A transport that journald does not have is a damaged one: it may have been the kernel's.
        let possible =
            matches!(facts.transport, None | Some(JournalTransport::Kernel | JournalTransport::Other));
        if want == Some(Want::Kernel) && !possible {
            return Step::Unwanted;
        }
        let mut too_long = false;
        let place = match message {
            0 => Place::None,
            data => match self.message(journal, data) {
                Ok(Some(place)) => place,
                Ok(None) => {
                    too_long = true;
                    Place::None
                }
                Err(why) => {
                    flaw = Some((data, why));
                    message = 0;
                    Place::None
                }
            },
        };
        if let Some((data, why)) = flaw {
            if message == 0 {
                return Step::Damaged(why);
            }
            self.lost.add(data, why);
        }
        Step::Read(Entry { key, facts, too_long, message: place })
    }

    /// The text of an entry that was just read; nothing if it has no message.
    #[inline]
    pub(super) fn text(&self, entry: &Entry) -> &[u8] {
        match entry.message {
            Place::None => b"",
            Place::Main(at, len) => self.main.get(at, len).unwrap_or_default(),
            Place::Aside(at, len) => self.aside.get(at, len).unwrap_or_default(),
            Place::Unpacked => self.unpacked.get(b"MESSAGE=".len()..).unwrap_or_default(),
        }
    }

    /// Whether the main window has these bytes, after moving on if it has not.
    #[inline]
    fn load(&mut self, journal: &Journal, at: u64, len: usize) -> bool {
        if self.main.has(at, len) {
            return true;
        }
        if at.saturating_add(len as u64) > journal.limit {
            return false;
        }
        let base = at.saturating_sub(BACK) & !63;
        let wanted = self.step.max((at - base) as usize + len);
        let there = usize::try_from(journal.limit - base).unwrap_or(usize::MAX);
        self.main.load(&journal.medium, base, wanted.min(there));
        self.main.has(at, len)
    }

    /// The same for the window aside.
    fn load_aside(&mut self, journal: &Journal, at: u64, len: usize) -> bool {
        if !self.aside.has(at, len) {
            self.aside.load(&journal.medium, at, len.max(ASIDE));
        }
        self.aside.has(at, len)
    }

    /// What the object at `data` says.
    #[inline]
    fn kind(&mut self, journal: &Journal, data: u64, index: usize) -> Result<Kind, &'static str> {
        if let Some(previous) = self.previous.get(index)
            && previous.at == data
        {
            return Ok(previous.kind);
        }
        let slot = (data >> 3) as usize % KNOWN;
        // What lies after the previous entry is new; to ask the memory for it would cost a miss of the
        // processor's cache for each entry.
        let known = if data > self.seen { Known::default() } else { self.known[slot] };
        let kind = if known.at == data { known.kind } else { self.look(journal, data, slot)? };
        if let Some(previous) = self.previous.get_mut(index) {
            *previous = Known { at: data, kind };
        }
        Ok(kind)
    }

    /// Looks at an object for the first time.
    fn look(&mut self, journal: &Journal, data: u64, slot: usize) -> Result<Kind, &'static str> {
        let payload = journal.layout().payload();
        // The longest name, and the longest number after it.
        let wanted = payload + 48;
        let near = self.main.has(data, wanted);
        let available = usize::try_from(journal.limit.saturating_sub(data)).unwrap_or(usize::MAX);
        if !near && (available <= payload || !self.load_aside(journal, data, wanted.min(available))) {
            return Err("an offset that leads to no data");
        }
        let window = if near { &self.main } else { &self.aside };
        let head = window.get(data, wanted.min(available)).unwrap_or_default();
        let object = Object::read(head);
        let fits = object.kind == DATA && object.size <= available as u64 && data.is_multiple_of(8);
        if !fits || !object.is_possible(journal.layout()) || object.flags > 4 {
            return Err("an offset that leads to no data");
        }
        let size = object.size as usize;
        if object.flags != 0 {
            let kind = self.look_unpacked(journal, data, size, object.flags)?;
            self.known[slot] = Known { at: data, kind };
            return Ok(kind);
        }
        let text = &head[payload..size.min(head.len())];
        let kind = match field(text) {
            Field::Other => Kind::Other,
            Field::Message => Kind::Message,
            Field::Host | Field::Tag => {
                let tag = field(text) == Field::Tag;
                let most = size.min(payload + LONGEST_NAME);
                if !self.load_aside(journal, data, most) {
                    return Err("an offset that leads to no data");
                }
                let text = self.aside.get(data + payload as u64, most - payload).unwrap_or_default();
                let name = text[memchr::memchr(b'=', text).map_or(0, |at| at + 1)..].to_vec();
                let number = self.name(name)?;
                if tag { Kind::Tag(number) } else { Kind::Host(number) }
            }
            Field::Short(kind) => kind,
        };
        // What is new with every entry is not worth a place.
        if !near || !matches!(kind, Kind::Message | Kind::Source(_)) {
            self.known[slot] = Known { at: data, kind };
        }
        Ok(kind)
    }

    /// The same for an object whose text is packed.
    fn look_unpacked(
        &mut self,
        journal: &Journal,
        data: u64,
        size: usize,
        flags: u8,
    ) -> Result<Kind, &'static str> {
        self.unpack(journal, data, size, flags, LONGEST_NAME)?;
        Ok(match field(&self.unpacked) {
            Field::Other => Kind::Other,
            Field::Message => Kind::Message,
            Field::Short(kind) => kind,
            name @ (Field::Host | Field::Tag) => {
                let at = memchr::memchr(b'=', &self.unpacked).map_or(0, |at| at + 1);
                let number = self.name(self.unpacked[at..].to_vec())?;
                if name == Field::Tag { Kind::Tag(number) } else { Kind::Host(number) }
            }
        })
    }

    /// A name's number.
    fn name(&mut self, name: Vec<u8>) -> Result<u16, &'static str> {
        // An object whose size is damaged reaches into the next one, whose head has zeros.
        if name.contains(&0) {
            return Err("a name with a zero byte in it");
        }
        let known = self.names.iter().rev().take(64).position(|known| *known == name);
        if let Some(back) = known {
            return Ok((self.names.len() - 1 - back) as u16);
        }
        let bytes: usize = self.names.iter().map(Vec::len).sum();
        if self.names.len() >= usize::from(u16::MAX) || bytes > NAMES_BYTES {
            return Err("more names of hosts and programs than any journal has");
        }
        self.names.push(name);
        Ok((self.names.len() - 1) as u16)
    }

    /// Unpacks an object's text, at most `most` bytes; whether that was all.
    fn unpack(
        &mut self,
        journal: &Journal,
        data: u64,
        size: usize,
        flags: u8,
        most: usize,
    ) -> Result<bool, &'static str> {
        // What takes more room than this packed is no message of the kernel.
        if size > 4 * LONGEST_LINE {
            return Err("packed data of more than 4 MiB");
        }
        let payload = journal.layout().payload();
        if !self.load_aside(journal, data, size) {
            return Err("an offset that leads to no data");
        }
        let packed = self.aside.get(data + payload as u64, size - payload).unwrap_or_default();
        unpack(flags, packed, most, &mut self.unpacked)
    }

    /// Where the text of the message at `data` is; nothing if it is too long.
    #[inline]
    fn message(&mut self, journal: &Journal, data: u64) -> Result<Option<Place>, &'static str> {
        const NAME: usize = b"MESSAGE=".len();
        let payload = journal.layout().payload();
        let near = self.main.has(data, payload + NAME);
        if !near && !self.load_aside(journal, data, payload + NAME) {
            return Err("an offset that leads to no data");
        }
        let window = if near { &self.main } else { &self.aside };
        let object = Object::read(window.get(data, payload + NAME).unwrap_or_default());
        // Its kind may be remembered, its size was never looked at then.
        if object.kind != DATA || object.size < (payload + 1) as u64 || object.size > journal.limit - data {
            return Err("an offset that leads to no data");
        }
        let size = object.size as usize;
        if object.flags != 0 {
            let whole = self.unpack(journal, data, size, object.flags, NAME + LONGEST_LINE)?;
            return Ok(whole.then_some(Place::Unpacked));
        }
        if size > payload + NAME + LONGEST_LINE {
            return Ok(None);
        }
        let (at, len) = (data + (payload + NAME) as u64, size.saturating_sub(payload + NAME));
        if near && self.main.has(data, size) {
            return Ok(Some(Place::Main(at, len)));
        }
        match self.load_aside(journal, data, size) {
            true => Ok(Some(Place::Aside(at, len))),
            false => Err("an offset that leads to no data"),
        }
    }
}

/// A field's name, and its value where that is short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Other,
    Message,
    Host,
    Tag,
    Short(Kind),
}

/// What a text begins with.
#[inline]
fn field(text: &[u8]) -> Field {
    let short = |kind: Option<Kind>| Field::Short(kind.unwrap_or_default());
    let small = |value: &[u8], most: u64| number(value).filter(|n| *n <= most).map(|n| n as u8);
    // Two bytes tell the fields apart that are looked for.
    match text.first_chunk() {
        Some(b"ME") if text.starts_with(b"MESSAGE=") => Field::Message,
        Some(b"_S") => match text.strip_prefix(b"_SOURCE_MONOTONIC_TIMESTAMP=") {
            Some(value) => short(number(value).map(Kind::Source)),
            None => Field::Other,
        },
        Some(b"PR") => match text.strip_prefix(b"PRIORITY=") {
            Some(value) => short(small(value, 7).map(Kind::Priority)),
            None => Field::Other,
        },
        Some(b"SY") => match text.strip_prefix(b"SYSLOG_FACILITY=") {
            Some(value) => short(small(value, 127).map(Kind::Facility)),
            None if text.starts_with(b"SYSLOG_IDENTIFIER=") => Field::Tag,
            None => Field::Other,
        },
        Some(b"_H") if text.starts_with(b"_HOSTNAME=") => Field::Host,
        Some(b"_T") => match text.strip_prefix(b"_TRANSPORT=") {
            Some(value) => Field::Short(Kind::Transport(JournalTransport::from(value))),
            None => Field::Other,
        },
        _ => Field::Other,
    }
}

/// A number in decimal digits.
#[inline]
fn number(value: &[u8]) -> Option<u64> {
    /// So many digits fit whatever they are.
    const SURE: usize = 19;
    let mut number = 0u64;
    for byte in value {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number = match value.len() <= SURE {
            true => number * 10 + u64::from(digit),
            false => number.checked_mul(10)?.checked_add(u64::from(digit))?,
        };
    }
    (!value.is_empty()).then_some(number)
}

/// How far entries lie apart, from the first and the last of some.
pub(super) fn apart(items: &[u8], width: usize, count: usize) -> u64 {
    let at = |index: usize| match items.get(index * width..index * width + width) {
        Some(item) if width == 8 => u64_at(item, 0),
        Some(item) => u64::from(super::layout::u32_at(item, 0)),
        None => 0,
    };
    match count {
        0 | 1 => u64::MAX,
        _ => at(count - 1).saturating_sub(at(0)) / (count as u64 - 1),
    }
}
