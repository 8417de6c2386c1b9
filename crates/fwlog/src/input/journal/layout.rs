//! Where things lie in a journal file.
//!
//! Responsible for: offsets, sizes and kinds of objects, and reading them out of bytes.
//! Must not know: files.
//! Sources: systemd's `journal-def.h` and docs/JOURNAL_FILE_FORMAT.md; files written by systemd
//! 247, 252 and 257.
//! Tested by: `fwstat/tests/cli/journal.rs` (files of journald and journal-remote).

/// The first eight bytes of every journal file.
pub const SIGNATURE: &[u8; 8] = b"LPKSHHRH";
/// Everything needed of a header lies in its first bytes, which the oldest form has.
pub(super) const HEADER: usize = 208;

/// Data objects may be packed with this.
const INCOMPATIBLE_KNOWN: u32 = 1 | 2 | 4 | 8 | COMPACT;
/// Offsets in entries and arrays are of four bytes.
const COMPACT: u32 = 16;

/// Kinds of objects.
pub(super) const DATA: u8 = 1;
pub(super) const FIELD: u8 = 2;
pub(super) const ENTRY: u8 = 3;
pub(super) const ENTRY_ARRAY: u8 = 6;
/// The highest number of a kind: a sealing tag.
const LAST_KIND: u8 = 7;

/// The size of what every object begins with: kind, flags, size.
pub(super) const OBJECT: usize = 16;
/// Where an entry's items begin.
pub(super) const ENTRY_ITEMS: usize = 64;
/// Where an array's items begin.
pub(super) const ARRAY_ITEMS: usize = 24;
/// Where a field's name begins.
pub(super) const FIELD_NAME: usize = 40;

/// The largest entry: journald writes 1,024 fields at most.
pub(super) const LARGEST_ENTRY: u64 = 64 << 10;

/// Four bytes, the least first.
#[inline]
pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |four| u32::from_le_bytes(*four))
}

/// Eight bytes, the least first.
#[inline]
pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |eight| u64::from_le_bytes(*eight))
}

/// A machine, a boot, a file, a series of numbers.
pub type Id = [u8; 16];

/// An identifier.
#[inline]
pub(super) fn id_at(bytes: &[u8], at: usize) -> Id {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).copied().unwrap_or_default()
}

/// The two forms of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    /// Offsets of four bytes instead of eight.
    pub(super) compact: bool,
}

impl Layout {
    /// Where the text of a data object begins.
    #[inline]
    pub(super) fn payload(self) -> usize {
        if self.compact { 72 } else { 64 }
    }

    /// The size of an entry's item.
    #[inline]
    pub(super) fn entry_item(self) -> usize {
        if self.compact { 4 } else { 16 }
    }

    /// The size of an array's item.
    #[inline]
    pub(super) fn array_item(self) -> usize {
        if self.compact { 4 } else { 8 }
    }

    /// The offsets that an entry's items hold.
    #[inline]
    pub(super) fn items(self, items: &[u8], offsets: &mut Vec<u64>) {
        offsets.clear();
        match self.compact {
            true => {
                offsets.extend(items.as_chunks().0.iter().map(|four| u64::from(u32::from_le_bytes(*four))));
            }
            false => offsets.extend(items.as_chunks::<16>().0.iter().map(|item| u64_at(item, 0))),
        }
    }
}

/// What a file says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) layout: Layout,
    pub(super) file: Id,
    pub(super) machine: Id,
    pub(super) series: Id,
    /// Whether it is being written, or was when its writer or a copy of it was cut off: its counts
    /// may be older than its lists.
    pub(super) online: bool,
    /// Where it says that it ends.
    pub(super) end: u64,
    /// The table of fields: where its items are, and their bytes.
    pub(super) fields: (u64, u64),
    /// All entries: how many, and their first array.
    pub(super) entries: u64,
    pub(super) entry_array: u64,
    /// When the first and the last entry were received (microseconds).
    pub(super) head_realtime: u64,
    pub(super) tail_realtime: u64,
}

impl Header {
    /// Reads the first bytes of a file; the error says what is wrong with them.
    pub(super) fn read(bytes: &[u8]) -> Result<Header, String> {
        if !bytes.starts_with(SIGNATURE) {
            return Err("is not a journal file".to_owned());
        }
        if bytes.len() < HEADER {
            return Err("is a journal file that ends in its header".to_owned());
        }
        let incompatible = u32_at(bytes, 12);
        let unknown = incompatible & !INCOMPATIBLE_KNOWN;
        if unknown != 0 {
            return Err(format!("is a journal file of a newer form (incompatible flags {unknown:#x})"));
        }
        Ok(Header {
            layout: Layout { compact: incompatible & COMPACT != 0 },
            file: id_at(bytes, 24),
            machine: id_at(bytes, 40),
            series: id_at(bytes, 72),
            online: bytes[16] == 1,
            end: u64_at(bytes, 88).saturating_add(u64_at(bytes, 96)),
            fields: (u64_at(bytes, 120), u64_at(bytes, 128)),
            entries: u64_at(bytes, 152),
            entry_array: u64_at(bytes, 176),
            head_realtime: u64_at(bytes, 184),
            tail_realtime: u64_at(bytes, 192),
        })
    }
}

/// The beginning of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Object {
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) size: u64,
}

impl Object {
    /// Reads the first bytes of an object.
    #[inline]
    pub(super) fn read(bytes: &[u8]) -> Object {
        let [kind, flags] = bytes.first_chunk().copied().unwrap_or_default();
        Object { kind, flags, size: u64_at(bytes, 8) }
    }

    /// Whether there is such an object: its kind is known and its size fits.
    pub(super) fn is_possible(self, layout: Layout) -> bool {
        let least = match self.kind {
            DATA => layout.payload() + 1,
            FIELD => FIELD_NAME + 1,
            ENTRY => ENTRY_ITEMS + layout.entry_item(),
            ENTRY_ARRAY => ARRAY_ITEMS + layout.array_item(),
            4..=LAST_KIND => OBJECT + 16,
            _ => return false,
        };
        self.size >= least as u64 && (self.kind == DATA || self.flags == 0)
    }
}

/// The next multiple of eight, where the next object begins.
#[inline]
pub(super) fn aligned(at: u64) -> u64 {
    at.saturating_add(7) & !7
}
