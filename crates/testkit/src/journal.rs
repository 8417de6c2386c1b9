//! Journal files made up for tests, as journald writes them.
//!
//! Responsible for: valid files of every form: regular and compact, keyed and not, with every packing.
//! Must not know: how they are read.
//! Tested by: `fwstat/tests/cli/journal.rs`: journalctl reads them.
//!
//! Sources: systemd's docs/JOURNAL_FILE_FORMAT.md, `journal-def.h`, `lookup3.c`, `siphash24.c`.

use std::collections::{BTreeMap, HashMap};
use std::io::Read as _;

/// The header's size, with every field up to systemd 254.
const HEADER: usize = 272;
const FIELD_BUCKETS: usize = 17;
const DATA_BUCKETS: usize = 251;

/// How long texts are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pack {
    /// Not at all.
    No,
    /// xz (incompatible flag 1).
    Xz,
    /// lz4 (2).
    Lz4,
    /// zstd (8).
    Zstd,
}

/// The form of a file.
#[derive(Clone, Copy, Debug)]
pub struct Form {
    /// Offsets of four bytes.
    pub compact: bool,
    /// Hashes of a key.
    pub keyed: bool,
    /// Texts of 512 bytes and more are packed so.
    pub pack: Pack,
    /// Whether it says that it is being written.
    pub online: bool,
    /// The series that its numbers are of.
    pub series: u8,
    /// The number of the first entry.
    pub first: u64,
}

impl Default for Form {
    fn default() -> Form {
        Form { compact: true, keyed: true, pack: Pack::Zstd, online: false, series: 9, first: 1 }
    }
}

/// An entry to write.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Microseconds since 1970.
    pub realtime: u64,
    /// Microseconds since the boot.
    pub monotonic: u64,
    /// The boot.
    pub boot: u8,
    /// `NAME=value`, each.
    pub fields: Vec<Vec<u8>>,
}

impl Entry {
    /// A message of the kernel as journald keeps it.
    #[must_use]
    pub fn kernel(number: u64, message: impl AsRef<[u8]>) -> Entry {
        let field = |name: &str, value: &[u8]| [name.as_bytes(), b"=", value].concat();
        let fields = vec![
            field("_BOOT_ID", "a1".repeat(16).as_bytes()),
            field("_HOSTNAME", b"gate"),
            field("_TRANSPORT", b"kernel"),
            field("PRIORITY", b"4"),
            field("SYSLOG_FACILITY", b"0"),
            field("SYSLOG_IDENTIFIER", b"kernel"),
            field("_SOURCE_MONOTONIC_TIMESTAMP", (number * 1_000 + 7).to_string().as_bytes()),
            field("MESSAGE", message.as_ref()),
        ];
        Entry {
            realtime: 1_790_000_000_000_000 + number * 1_000,
            monotonic: number * 1_000 + 9,
            boot: 0xa1,
            fields,
        }
    }
}

/// These entries in the journal's export format, as `systemd-journal-remote` takes it.
#[must_use]
pub fn export(entries: &[Entry]) -> Vec<u8> {
    let mut out = Vec::new();
    for entry in entries {
        let head =
            format!("__REALTIME_TIMESTAMP={}\n__MONOTONIC_TIMESTAMP={}\n", entry.realtime, entry.monotonic);
        out.extend_from_slice(head.as_bytes());
        for field in &entry.fields {
            let (name, value) = field.split_at(field.iter().position(|byte| *byte == b'=').unwrap_or(0));
            if value.iter().any(|byte| *byte < b' ') {
                out.extend_from_slice(name);
                out.push(b'\n');
                out.extend_from_slice(&(value.len() as u64 - 1).to_le_bytes());
                out.extend_from_slice(&value[1..]);
            } else {
                out.extend_from_slice(field);
            }
            out.push(b'\n');
        }
        out.push(b'\n');
    }
    out
}

/// Flags of all objects of a file, in one: how texts of it are packed (xz 1, lz4 2, zstd 4).
#[must_use]
pub fn packed(bytes: &[u8]) -> u8 {
    let word = |at: usize| {
        bytes.get(at..at + 8).map_or(0, |eight| u64::from_le_bytes(eight.try_into().unwrap_or_default()))
    };
    let mut flags = 0;
    let mut at = word(88) as usize;
    while word(at + 8) > 0 {
        flags |= bytes[at + 1];
        at += (word(at + 8) as usize).next_multiple_of(8);
    }
    flags
}

/// A file of these entries.
#[must_use]
pub fn file(form: Form, entries: &[Entry]) -> Vec<u8> {
    let mut maker = Maker::new(form);
    let mut all = Vec::new();
    for (number, entry) in (form.first..).zip(entries) {
        all.push(maker.entry(number, entry));
    }
    maker.finish(entries, &all)
}

struct Maker {
    form: Form,
    out: Vec<u8>,
    /// Objects of texts, and their entries.
    data: BTreeMap<u64, Vec<u64>>,
    texts: HashMap<Vec<u8>, u64>,
    fields: HashMap<Vec<u8>, u64>,
    field_table: usize,
    data_table: usize,
    counts: [u64; 4],
}

impl Maker {
    fn new(form: Form) -> Maker {
        let mut maker = Maker {
            form,
            out: vec![0; HEADER],
            data: BTreeMap::new(),
            texts: HashMap::new(),
            fields: HashMap::new(),
            field_table: 0,
            data_table: 0,
            counts: [0; 4],
        };
        maker.field_table = maker.object(5, 0, &[0; FIELD_BUCKETS * 16]) as usize + 16;
        maker.data_table = maker.object(4, 0, &[0; DATA_BUCKETS * 16]) as usize + 16;
        maker
    }

    fn object(&mut self, kind: u8, flags: u8, body: &[u8]) -> u64 {
        self.out.resize(self.out.len().next_multiple_of(8), 0);
        let at = self.out.len() as u64;
        self.out.extend_from_slice(&[kind, flags, 0, 0, 0, 0, 0, 0]);
        self.out.extend_from_slice(&(16 + body.len() as u64).to_le_bytes());
        self.out.extend_from_slice(body);
        self.counts[0] += 1;
        at
    }

    fn put(&mut self, at: u64, value: u64) {
        self.out[at as usize..at as usize + 8].copy_from_slice(&value.to_le_bytes());
    }

    fn get(&self, at: u64) -> u64 {
        u64::from_le_bytes(self.out[at as usize..at as usize + 8].try_into().unwrap_or_default())
    }

    fn hash(&self, text: &[u8]) -> u64 {
        if self.form.keyed { siphash24(&[7; 16], text) } else { jenkins(text) }
    }

    /// Hangs an object into its table.
    fn link(&mut self, table: usize, buckets: usize, at: u64, hash: u64) {
        let bucket = table as u64 + hash % buckets as u64 * 16;
        match self.get(bucket + 8) {
            0 => self.put(bucket, at),
            last => self.put(last + 24, at),
        }
        self.put(bucket + 8, at);
    }

    fn field(&mut self, name: &[u8]) -> u64 {
        if let Some(at) = self.fields.get(name) {
            return *at;
        }
        let hash = self.hash(name);
        let body = [&hash.to_le_bytes()[..], &[0; 16], name].concat();
        let at = self.object(2, 0, &body);
        self.link(self.field_table, FIELD_BUCKETS, at, hash);
        self.fields.insert(name.to_vec(), at);
        self.counts[2] += 1;
        at
    }

    fn text(&mut self, text: &[u8]) -> u64 {
        if let Some(at) = self.texts.get(text) {
            return *at;
        }
        let hash = self.hash(text);
        let (flags, packed) = pack(self.form.pack, text);
        let fixed = if self.form.compact { 72 } else { 64 };
        let mut body = vec![0; fixed - 16];
        body[..8].copy_from_slice(&hash.to_le_bytes());
        body.extend_from_slice(&packed);
        let at = self.object(1, flags, &body);
        self.link(self.data_table, DATA_BUCKETS, at, hash);
        let name = text.split(|byte| *byte == b'=').next().unwrap_or_default();
        let field = self.field(name);
        let newest = self.get(field + 32);
        self.put(at + 32, newest);
        self.put(field + 32, at);
        self.texts.insert(text.to_vec(), at);
        self.data.insert(at, Vec::new());
        self.counts[1] += 1;
        at
    }

    fn entry(&mut self, number: u64, entry: &Entry) -> u64 {
        let mut xor = 0;
        let mut items = Vec::new();
        for text in &entry.fields {
            xor ^= jenkins(text);
            items.push((self.text(text), self.hash(text)));
        }
        items.sort_unstable();
        items.dedup();
        let mut body = Vec::new();
        for value in [number, entry.realtime, entry.monotonic] {
            body.extend_from_slice(&value.to_le_bytes());
        }
        body.extend_from_slice(&[entry.boot; 16]);
        body.extend_from_slice(&xor.to_le_bytes());
        for (at, hash) in &items {
            if self.form.compact {
                body.extend_from_slice(&(*at as u32).to_le_bytes());
            } else {
                body.extend_from_slice(&at.to_le_bytes());
                body.extend_from_slice(&hash.to_le_bytes());
            }
        }
        let at = self.object(3, 0, &body);
        for (text, _) in items {
            self.data.entry(text).or_default().push(at);
        }
        at
    }

    /// A chain of arrays, as they grow; the first of them.
    fn arrays(&mut self, items: &[u64]) -> u64 {
        let (mut first, mut last, mut done) = (0, 0, 0);
        while done < items.len() {
            let capacity = if done == 0 { 4 } else { (done + 1) * 2 };
            let mut body = vec![0; 8];
            for item in (done..done + capacity).map(|at| items.get(at).copied().unwrap_or(0)) {
                match self.form.compact {
                    true => body.extend_from_slice(&(item as u32).to_le_bytes()),
                    false => body.extend_from_slice(&item.to_le_bytes()),
                }
            }
            let at = self.object(6, 0, &body);
            if last == 0 {
                first = at;
            } else {
                self.put(last + 16, at);
            }
            (last, done) = (at, done + capacity);
            self.counts[3] += 1;
        }
        first
    }

    fn finish(mut self, entries: &[Entry], all: &[u64]) -> Vec<u8> {
        for (at, of) in std::mem::take(&mut self.data) {
            let array = self.arrays(of.get(1..).unwrap_or_default());
            self.put(at + 40, of.first().copied().unwrap_or(0));
            self.put(at + 48, array);
            self.put(at + 56, of.len() as u64);
        }
        let array = self.arrays(all);
        self.out.resize(self.out.len().next_multiple_of(8), 0);
        let form = self.form;
        let pack = match form.pack {
            Pack::No => 0,
            Pack::Xz => 1,
            Pack::Lz4 => 2,
            Pack::Zstd => 8,
        };
        let flags = pack | if form.keyed { 4 } else { 0 } | if form.compact { 16 } else { 0 };
        self.out[..8].copy_from_slice(b"LPKSHHRH");
        self.out[12] = flags;
        self.out[16] = u8::from(form.online);
        self.out[24..40].fill(7);
        self.out[40..56].fill(5);
        self.out[56..72].fill(entries.last().map_or(0, |entry| entry.boot));
        self.out[72..88].fill(form.series);
        let length = self.out.len() as u64;
        let times = |entry: Option<&Entry>| entry.map_or(0, |entry| entry.realtime);
        let [objects, data, fields, arrays] = self.counts;
        let last = all.last().copied().unwrap_or(0);
        let numbers = [
            (88, HEADER as u64),
            (96, length - HEADER as u64),
            (104, self.data_table as u64),
            (112, DATA_BUCKETS as u64 * 16),
            (120, self.field_table as u64),
            (128, FIELD_BUCKETS as u64 * 16),
            (136, array.max(last)),
            (144, objects),
            (152, all.len() as u64),
            (160, (form.first + all.len() as u64).saturating_sub(1)),
            (168, form.first),
            (176, array),
            (184, times(entries.first())),
            (192, times(entries.last())),
            (200, entries.last().map_or(0, |entry| entry.monotonic)),
            (208, data),
            (216, fields),
            (232, arrays),
        ];
        for (at, number) in numbers {
            self.put(at, number);
        }
        self.out
    }
}

/// A text packed, if it is long and that makes it shorter.
fn pack(pack: Pack, text: &[u8]) -> (u8, Vec<u8>) {
    let plain = (0, text.to_vec());
    if text.len() < 512 {
        return plain;
    }
    let (flags, packed) = match pack {
        Pack::No => return plain,
        Pack::Xz => {
            let mut out = Vec::new();
            let mut encoder = liblzma::bufread::XzEncoder::new(text, 0);
            (1, encoder.read_to_end(&mut out).map(|_| out).unwrap_or_default())
        }
        Pack::Lz4 => (2, [&(text.len() as u64).to_le_bytes()[..], &lz4_flex::block::compress(text)].concat()),
        Pack::Zstd => (4, zstd::bulk::compress(text, 3).unwrap_or_default()),
    };
    if packed.is_empty() || packed.len() >= text.len() { plain } else { (flags, packed) }
}

fn word(bytes: &[u8]) -> u32 {
    let mut four = [0; 4];
    four[..bytes.len().min(4)].copy_from_slice(&bytes[..bytes.len().min(4)]);
    u32::from_le_bytes(four)
}

/// Jenkins' lookup3, `hashlittle2`.
fn jenkins(mut text: &[u8]) -> u64 {
    let begin = 0xdead_beef_u32.wrapping_add(text.len() as u32);
    let (mut a, mut b, mut c) = (begin, begin, begin);
    while text.len() > 12 {
        a = a.wrapping_add(word(text));
        b = b.wrapping_add(word(&text[4..]));
        c = c.wrapping_add(word(&text[8..]));
        for (turn, step) in [4, 6, 8, 16, 19, 4].into_iter().enumerate() {
            let (x, y, z) = match turn % 3 {
                0 => (&mut a, &mut c, b),
                1 => (&mut b, &mut a, c),
                _ => (&mut c, &mut b, a),
            };
            *x = x.wrapping_sub(*y) ^ y.rotate_left(step);
            *y = y.wrapping_add(z);
        }
        text = &text[12..];
    }
    if !text.is_empty() {
        let mut rest = [0; 12];
        rest[..text.len()].copy_from_slice(text);
        a = a.wrapping_add(word(&rest));
        b = b.wrapping_add(word(&rest[4..]));
        c = c.wrapping_add(word(&rest[8..]));
        c = (c ^ b).wrapping_sub(b.rotate_left(14));
        a = (a ^ c).wrapping_sub(c.rotate_left(11));
        b = (b ^ a).wrapping_sub(a.rotate_left(25));
        c = (c ^ b).wrapping_sub(b.rotate_left(16));
        a = (a ^ c).wrapping_sub(c.rotate_left(4));
        b = (b ^ a).wrapping_sub(a.rotate_left(14));
        c = (c ^ b).wrapping_sub(b.rotate_left(24));
    }
    u64::from(c) << 32 | u64::from(b)
}

/// SipHash-2-4.
fn siphash24(key: &[u8; 16], text: &[u8]) -> u64 {
    let eight =
        |bytes: &[u8]| u64::from(word(bytes)) | u64::from(word(bytes.get(4..).unwrap_or_default())) << 32;
    let (low, high) = (eight(&key[..8]), eight(&key[8..]));
    let mut v = [
        low ^ 0x736f_6d65_7073_6575,
        high ^ 0x646f_7261_6e64_6f6d,
        low ^ 0x6c79_6765_6e65_7261,
        high ^ 0x7465_6462_7974_6573,
    ];
    let round = |v: &mut [u64; 4]| {
        v[0] = v[0].wrapping_add(v[1]);
        v[1] = v[1].rotate_left(13) ^ v[0];
        v[0] = v[0].rotate_left(32);
        v[2] = v[2].wrapping_add(v[3]);
        v[3] = v[3].rotate_left(16) ^ v[2];
        v[0] = v[0].wrapping_add(v[3]);
        v[3] = v[3].rotate_left(21) ^ v[0];
        v[2] = v[2].wrapping_add(v[1]);
        v[1] = v[1].rotate_left(17) ^ v[2];
        v[2] = v[2].rotate_left(32);
    };
    let mut chunks = text.chunks_exact(8);
    let take = |v: &mut [u64; 4], block: u64| {
        v[3] ^= block;
        round(v);
        round(v);
        v[0] ^= block;
    };
    for chunk in &mut chunks {
        take(&mut v, eight(chunk));
    }
    let mut last = [0; 8];
    last[..chunks.remainder().len()].copy_from_slice(chunks.remainder());
    last[7] = text.len() as u8;
    take(&mut v, eight(&last));
    v[2] ^= 0xff;
    for _ in 0..4 {
        round(&mut v);
    }
    v[0] ^ v[1] ^ v[2] ^ v[3]
}
