//! How often each key occurs.
//!
//! Responsible for: exact counts of any number of keys, and the most frequent of them; beyond a bound of memory, what each
//! count may lack.
//! Must not know: what keys are for.
//! Tested by: the unit tests below, `fwstat/tests/cli/top.rs` against awk.
//!
//! Keys come off the wire, so whoever sends packets chooses them: the hash is seeded anew in
//! every process. A key of up to seven bytes (an IPv4 address, a port with a protocol) is kept
//! in a word; longer ones lie one behind the other in one vector.
//!
//! What is asked most often is kept in forms of its own: addresses (`addresses.rs`),
//! ports and protocols as arrays, several of these as words, and prefixes by the number that the
//! bulk path gives to lines that begin alike. A key has one form, whichever engine read its line.

mod kept;

use std::cell::Cell;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hash::BuildHasher as _;
use std::net::{IpAddr, Ipv4Addr};

use hashbrown::{DefaultHashBuilder, HashMap, HashTable};
use logparse::{FastPacket, Protocol};

use super::Aggregate;
use super::addresses::Addresses;
use super::bounded::Bounded;
use super::key;
use super::packed::Packed;
use super::word::{Word, pack, unpack};
use crate::input::Chunk;
use crate::names::table::masked;
use crate::record::field::network;
use crate::record::{Field, Key, OwnedValue, Record, Value};

/// Counts by key.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    fields: Vec<Field>,
    /// Whether records that lack the first field are left out.
    present: bool,
    short: HashMap<u64, u64>,
    /// Keys of the form [`Form::Packed`], as far as their values fit it.
    packed: Packed,
    long: HashTable<Slot>,
    keys: Vec<u8>,
    hasher: DefaultHashBuilder,
    scratch: Vec<u8>,
    form: Form,
    /// Whether the first field is of the source.
    of_source: bool,
    addresses: Addresses,
    /// By protocol, or by port and one of two protocols, or by front: see [`Form`].
    dense: Vec<u64>,
    /// Places of ports in `dense` that were not looked up yet: together it takes less time.
    waiting: Vec<u32>,
    /// For each front, its key.
    fronts: Vec<Vec<u8>>,
    /// Bytes of memory that all of it may take.
    most: Option<u64>,
    /// All of it, once it would have taken more.
    bounded: Option<Box<Bounded<Word>>>,
    /// What is not yet counted there.
    gathered: Vec<(Word, u64)>,
}

/// Keys that are looked up together: one need not wait for the memory of another.
const GATHERED: usize = 64;

/// The form in which the common keys are kept until they are settled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Form {
    /// None: every key is one of bytes.
    #[default]
    Keys,
    /// One address field.
    Address,
    /// The protocol alone.
    Protocol,
    /// A port, and perhaps the protocol, of TCP and UDP.
    Port,
    /// The prefix and the interfaces.
    Front,
    /// Several that fit a word: IPv4 addresses, ports, the protocol.
    Packed,
}

/// Bits of a field's value in a packed key.
fn bits(key: Key) -> Option<u32> {
    match key {
        Key::Src | Key::Dst => Some(32),
        Key::Spt | Key::Dpt => Some(16),
        Key::Proto => Some(8),
        _ => None,
    }
}

impl Form {
    fn of(fields: &[Field]) -> Form {
        let plain = fields.iter().all(|field| !field.inner && field.net.is_none());
        let keys: Vec<Key> = fields.iter().map(|field| field.key).collect();
        match &keys[..] {
            _ if !plain => Form::Keys,
            [Key::Src | Key::Dst] => Form::Address,
            [Key::Proto] => Form::Protocol,
            [Key::Spt | Key::Dpt] | [Key::Spt | Key::Dpt, Key::Proto] => Form::Port,
            all if !all.is_empty()
                && all.iter().all(|key| matches!(key, Key::Prefix | Key::In | Key::Out)) =>
            {
                Form::Front
            }
            all if all
                .iter()
                .try_fold(0, |sum, key| Some(sum + bits(*key)?))
                .is_some_and(|sum| sum <= 64) =>
            {
                Form::Packed
            }
            _ => Form::Keys,
        }
    }
}

/// A long key's place in `keys`, and its count.
#[derive(Clone, Copy, Debug)]
struct Slot {
    at: u64,
    len: u32,
    count: u64,
}

impl Slot {
    fn key(self, keys: &[u8]) -> &[u8] {
        &keys[self.at as usize..][..self.len as usize]
    }
}

/// One key with its count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The values of the key.
    pub cells: Vec<OwnedValue>,
    /// How often, for certain.
    pub count: u64,
    /// And at most so many times more: 0 unless memory was bounded, and the bound reached.
    pub more: u64,
}

/// The most frequent keys, and what the others add up to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ranked {
    /// The most frequent first; ties by key.
    pub rows: Vec<Row>,
    /// How many keys there are; about so many, if a bound was reached.
    pub distinct: u64,
    /// The sum of all counts.
    pub total: u64,
    /// If memory was bounded: how often a key can have come that is not counted; 0 if all are.
    pub missed: Option<u64>,
}

impl Ranked {
    /// The sum of the counts that are not in `rows`.
    #[must_use]
    pub fn rest(&self) -> u64 {
        self.total - self.rows.iter().map(|row| row.count).sum::<u64>()
    }

    /// Whether more keys came than there was room for.
    #[must_use]
    pub fn is_estimate(&self) -> bool {
        self.missed.is_some_and(|missed| missed > 0)
    }
}

impl Counts {
    /// Counts by these fields.
    #[must_use]
    pub fn by(fields: Vec<Field>) -> Counts {
        let of_source = fields.first().is_some_and(|field| matches!(field.key, Key::Src | Key::Spt));
        Counts { form: Form::of(&fields), of_source, fields, ..Counts::default() }
    }

    /// Leaves records out that do not have the first field.
    #[must_use]
    pub fn only_present(mut self) -> Counts {
        self.present = true;
        self
    }

    /// Lets them take about so much memory at most. Until then they are exact; then the least frequent keys are let go
    /// of, and it is known how much a count may lack.
    #[must_use]
    pub fn within(mut self, bytes: Option<u64>) -> Counts {
        self.most = bytes;
        self
    }

    /// The counts of a field's networks, from these of its addresses: as if each record had been asked, for the price of
    /// each address.
    #[must_use]
    pub fn networks(&self, field: Field) -> Counts {
        let mut networks = Counts::by(vec![field]);
        let net = networks.fields[0].net.unwrap_or((32, 128));
        // The first address of each network; `each` makes it the network.
        let first = &mut networks.addresses;
        self.addresses.each(|addr, count| match masked(addr, if addr.is_ipv4() { net.0 } else { net.1 }) {
            IpAddr::V4(addr) => first.add_many(addr.to_bits(), count),
            IpAddr::V6(addr) => first.add_six(addr, count),
        });
        let mut key = Vec::new();
        self.each_other(|address, count| {
            let value = match key::decode(address).first() {
                Some(OwnedValue::Addr(addr)) => network(*addr, net),
                _ => Value::Missing,
            };
            key.clear();
            key::encode(&mut key, value);
            networks.add_key(&key, count);
        });
        if self.has_let_go() {
            networks.lack(self.bounded.as_ref().map_or(0, |bounded| bounded.total()));
        }
        networks
    }

    /// The fields counted by.
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// How many keys there are.
    #[must_use]
    pub fn distinct(&self) -> u64 {
        if let Some(bounded) = &self.bounded {
            return bounded.distinct().0;
        }
        (self.short.len() + self.packed.len() + self.long.len() + self.addresses.distinct()) as u64
    }

    /// Counts a record in the form of its own, if it fits there. What few records need is apart, so that the others
    /// do not save and restore registers for it.
    #[inline]
    fn add_quickly(&mut self, record: &Record<'_>) -> bool {
        let Some(scanned) = record.line.fast() else { return false };
        match self.form {
            Form::Keys => false,
            Form::Packed => self.add_packed(scanned),
            Form::Address => {
                // The addresses of an ARP packet are other fields.
                if scanned.is_arp() {
                    return false;
                }
                let address = if self.of_source { scanned.src_ipv4() } else { scanned.dst_ipv4() };
                match address {
                    Some(address) => {
                        self.addresses.add(address);
                        true
                    }
                    None => self.add_six(scanned),
                }
            }
            Form::Protocol => {
                let Some(protocol) = scanned.protocol() else { return false };
                self.count(usize::from(protocol.0))
            }
            Form::Port => {
                let port = if self.of_source { scanned.sport() } else { scanned.dport() };
                let half = match scanned.protocol() {
                    Some(Protocol::TCP) => 0,
                    Some(Protocol::UDP) => 1 << 16,
                    _ => return false,
                };
                let Some(port) = port else { return false };
                self.waiting.push(half | u32::from(port));
                if self.waiting.len() == GATHERED {
                    self.settle_ports();
                }
                true
            }
            Form::Front => match self.dense.get_mut(scanned.prefix_key().index()) {
                Some(count) if *count > 0 => {
                    *count += 1;
                    true
                }
                _ => self.add_front(record, scanned.prefix_key().index()),
            },
        }
    }

    /// Counts at a place of the table of protocols.
    #[inline(always)]
    fn count(&mut self, at: usize) -> bool {
        match self.dense.get_mut(at) {
            Some(count) => *count += 1,
            None => self.count_first(at),
        }
        true
    }

    #[cold]
    #[inline(never)]
    fn count_first(&mut self, at: usize) {
        self.dense.resize(256, 0);
        self.dense[at] += 1;
    }

    #[inline(never)]
    fn add_packed(&mut self, scanned: &FastPacket<'_>) -> bool {
        if scanned.is_arp() {
            return false;
        }
        let part = |key: Key| match key {
            Key::Src => scanned.src_ipv4(),
            Key::Dst => scanned.dst_ipv4(),
            Key::Spt => scanned.sport().map(u32::from),
            Key::Dpt => scanned.dport().map(u32::from),
            _ => scanned.protocol().map(|protocol| u32::from(protocol.0)),
        };
        let Some(word) = packed(&self.fields, |field| part(field.key)) else { return false };
        self.packed.add(word, 1);
        true
    }

    #[inline(never)]
    fn settle_ports(&mut self) {
        if !self.waiting.is_empty() {
            self.dense.resize(2 << 16, 0);
        }
        self.waiting.drain(..).for_each(|at| self.dense[at as usize] += 1);
    }

    #[inline(never)]
    fn add_six(&mut self, scanned: &FastPacket<'_>) -> bool {
        let IpAddr::V6(address) = (if self.of_source { scanned.src() } else { scanned.dst() }) else {
            return false;
        };
        self.addresses.add_one_six(address);
        true
    }

    /// Counts a front for the first time.
    #[cold]
    #[inline(never)]
    fn add_front(&mut self, record: &Record<'_>, id: usize) -> bool {
        if id >= self.dense.len() {
            self.dense.resize(id + 1, 0);
            self.fronts.resize(id + 1, Vec::new());
        }
        let mut key = Vec::new();
        self.fields.iter().for_each(|field| key::encode(&mut key, field.value(record)));
        self.fronts[id] = key;
        self.dense[id] = 1;
        true
    }

    /// Counts a record that has no form of its own, or does not fit it.
    #[inline(never)]
    fn add_key_of(&mut self, record: &Record<'_>) {
        if self.form == Form::Address
            && let Value::Addr(address) = self.fields[0].value(record)
        {
            match address {
                IpAddr::V4(address) => self.addresses.add_many(address.to_bits(), record.times()),
                IpAddr::V6(address) => self.addresses.add_six(address, record.times()),
            }
            return;
        }
        if self.form == Form::Packed {
            let part = |field: &Field| match field.value(record) {
                Value::Addr(IpAddr::V4(address)) => Some(address.to_bits()),
                Value::Number(number) => u32::try_from(number).ok(),
                Value::Proto(protocol) => Some(u32::from(protocol.0)),
                _ => None,
            };
            if let Some(word) = packed(&self.fields, part) {
                self.packed.add(word, record.times());
                return;
            }
        }
        let mut key = std::mem::take(&mut self.scratch);
        key.clear();
        for (i, field) in self.fields.iter().enumerate() {
            let value = field.value(record);
            if i == 0 && self.present && value == Value::Missing {
                self.scratch = key;
                return;
            }
            key::encode(&mut key, value);
        }
        self.add_key(&key, record.times());
        self.scratch = key;
    }

    /// Joins what was counted in a form of its own with the rest.
    fn settle_dense(&mut self) {
        let dense = std::mem::take(&mut self.dense);
        let fronts = std::mem::take(&mut self.fronts);
        for (at, count) in dense.into_iter().enumerate().filter(|(_, count)| *count > 0) {
            let mut key = Vec::new();
            match self.form {
                Form::Front => key.clone_from(&fronts[at]),
                Form::Protocol => key::encode(&mut key, Value::Proto(Protocol(at as u8))),
                _ => {
                    key::encode(&mut key, Value::Number(at as u64 & 0xffff));
                    if self.fields.len() == 2 {
                        let protocol = if at >> 16 == 0 { Protocol::TCP } else { Protocol::UDP };
                        key::encode(&mut key, Value::Proto(protocol));
                    }
                }
            }
            self.add_key(&key, count);
        }
    }

    fn add_key(&mut self, key: &[u8], count: u64) {
        if self.bounded.is_some() {
            self.gathered.push((Word::of(key), count));
            if self.gathered.len() == GATHERED {
                self.settle_gathered();
            }
            return;
        }
        if let Some(word) = pack(key) {
            *self.short.entry(word).or_default() += count;
            return;
        }
        let hash = self.hasher.hash_one(key);
        let keys = &self.keys;
        let found =
            self.long.entry(hash, |slot| slot.key(keys) == key, |slot| self.hasher.hash_one(slot.key(keys)));
        match found {
            hashbrown::hash_table::Entry::Occupied(mut slot) => slot.get_mut().count += count,
            hashbrown::hash_table::Entry::Vacant(place) => {
                place.insert(Slot { at: self.keys.len() as u64, len: key.len() as u32, count });
                self.keys.extend_from_slice(key);
            }
        }
    }

    fn settle_gathered(&mut self) {
        if let Some(bounded) = &mut self.bounded {
            bounded.add_all(self.gathered.drain(..));
        }
    }

    /// Every key with its count, in no order.
    fn each(&self, mut with: impl FnMut(&[u8], u64)) {
        self.each_address(|_| true, &mut with);
        self.each_other(with);
    }

    /// Every address with its count, if its count is wanted.
    fn each_address(&self, mut wanted: impl FnMut(u64) -> bool, mut with: impl FnMut(&[u8], u64)) {
        let net = self.fields.first().and_then(|field| field.net);
        let mut key = Vec::new();
        self.addresses.each(|address, count| {
            if wanted(count) {
                key.clear();
                key::encode(&mut key, net.map_or(Value::Addr(address), |net| network(address, net)));
                with(&key, count);
            }
        });
    }

    /// Every key that is not one of the addresses.
    fn each_other(&self, mut with: impl FnMut(&[u8], u64)) {
        if let Some(bounded) = &self.bounded {
            bounded.each(|word, count| word.bytes(|key| with(key, count.certain)));
        }
        let mut key = Vec::new();
        for (word, count) in self.packed.iter() {
            key.clear();
            unpacked(&self.fields, word, |value| key::encode(&mut key, value));
            with(&key, count);
        }
        for (word, count) in &self.short {
            let (bytes, len) = unpack(*word);
            with(&bytes[..len], *count);
        }
        for slot in &self.long {
            with(slot.key(&self.keys), slot.count);
        }
    }

    /// The `limit` most frequent keys (0 for all of them); ties by key.
    #[must_use]
    pub fn ranked(&self, limit: usize) -> Ranked {
        let total = Cell::new(0);
        // The count of the worst of the best, once there are enough: of most keys no more need be known.
        let least = Cell::new(0);
        // The worst of the best lies on top, to be pushed out by a better one.
        let mut best: BinaryHeap<(Reverse<u64>, Vec<u8>)> = BinaryHeap::new();
        let mut offer = |key: &[u8], count: u64| {
            if limit > 0 && best.len() == limit {
                let (Reverse(worst), last) = best.peek().map_or((Reverse(0), &[][..]), |(c, k)| (*c, k));
                if count < worst || (count == worst && key > last) {
                    return;
                }
                best.pop();
            }
            best.push((Reverse(count), key.to_vec()));
            if limit > 0
                && best.len() == limit
                && let Some((Reverse(worst), _)) = best.peek()
            {
                least.set(*worst);
            }
        };
        let wanted = |count: u64| {
            total.set(total.get() + count);
            count >= least.get()
        };
        self.each_address(wanted, &mut offer);
        self.each_other(|key, count| {
            total.set(total.get() + count);
            offer(key, count);
        });
        let rows =
            best.into_sorted_vec().into_iter().map(|(Reverse(count), key)| self.row(&key, count)).collect();
        let total = self.bounded.as_ref().map_or(total.get(), |bounded| bounded.total());
        let missed = self.bounded.as_ref().map_or(0, |bounded| bounded.missed());
        let is_bounded = self.most.is_some() || self.bounded.is_some();
        Ranked { rows, distinct: self.distinct(), total, missed: is_bounded.then_some(missed) }
    }

    fn row(&self, key: &[u8], count: u64) -> Row {
        let more = self.bounded.as_ref().map_or(0, |bounded| bounded.get(&Word::of(key)).more);
        Row { cells: key::decode(key), count, more }
    }

    /// Every key with its count, in the order of keys.
    #[must_use]
    pub fn in_order(&self) -> Vec<Row> {
        let mut all = Vec::new();
        self.each(|key, count| all.push((key.to_vec(), count)));
        all.sort_unstable();
        all.into_iter().map(|(key, count)| self.row(&key, count)).collect()
    }
}

impl Aggregate for Counts {
    fn add(&mut self, record: &Record<'_>) {
        if !self.add_quickly(record) {
            self.add_key_of(record);
        }
    }

    fn needs_time(&self) -> bool {
        self.fields.iter().any(|field| field.key.needs_time())
    }

    fn settle(&mut self) {
        self.addresses.settle();
        self.packed.settle();
        self.settle_ports();
        self.settle_dense();
        self.settle_gathered();
    }

    fn end_of_chunk(&mut self, _chunk: &Chunk<'_>) {
        self.keep_within();
    }

    fn merge(&mut self, mut other: Counts) {
        if self.bounded.is_some() || other.bounded.is_some() {
            let room = [&self.bounded, &other.bounded].into_iter().flatten().map(|one| one.room()).max();
            self.bind(room.unwrap_or(0));
            other.bind(room.unwrap_or(0));
            self.settle_gathered();
            other.settle_gathered();
            if let (Some(own), Some(theirs)) = (&mut self.bounded, &other.bounded) {
                own.merge(theirs);
            }
            return;
        }
        self.addresses.merge(std::mem::take(&mut other.addresses));
        let addresses = std::mem::take(&mut self.addresses);
        let mut packed = std::mem::take(&mut self.packed);
        packed.merge(std::mem::take(&mut other.packed));
        // The smaller one goes into the larger one.
        let (mut large, small) = if other.distinct() > self.distinct() {
            (other, std::mem::take(self))
        } else {
            (std::mem::take(self), other)
        };
        small.each(|key, count| large.add_key(key, count));
        *self = large;
        self.addresses = addresses;
        self.packed = packed;
        self.keep_within();
    }
}

/// The fields' values one behind the other in a word; `None` if one does not fit.
#[inline]
fn packed(fields: &[Field], mut part: impl FnMut(&Field) -> Option<u32>) -> Option<u64> {
    fields.iter().try_fold(0u64, |word, field| {
        let (value, bits) = (u64::from(part(field)?), bits(field.key)?);
        (value >> bits == 0).then_some(word << bits | value)
    })
}

/// The values of a packed key, in the fields' order.
fn unpacked(fields: &[Field], word: u64, mut each: impl FnMut(Value<'static>)) {
    let mut left: u32 = fields.iter().filter_map(|field| bits(field.key)).sum();
    for field in fields {
        let bits = bits(field.key).unwrap_or(0);
        left -= bits;
        let value = word >> left & ((1 << bits) - 1);
        each(match field.key {
            Key::Src | Key::Dst => Value::Addr(Ipv4Addr::from_bits(value as u32).into()),
            Key::Proto => Value::Proto(Protocol(value as u8)),
            _ => Value::Number(value),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(keys: &[(&[u8], u64)]) -> Counts {
        let mut counts = Counts::by(vec![Field::of(Key::Prefix)]);
        for (text, count) in keys {
            let mut key = Vec::new();
            key::encode(&mut key, Value::Text(text));
            counts.add_key(&key, *count);
        }
        counts
    }

    fn rows(ranked: &Ranked) -> Vec<(String, u64)> {
        let text = |row: &Row| match &row.cells[..] {
            [OwnedValue::Text(text)] => String::from_utf8_lossy(text).into_owned(),
            _ => panic!(),
        };
        ranked.rows.iter().map(|row| (text(row), row.count)).collect()
    }

    #[test]
    fn the_most_frequent_come_first_and_ties_by_key() {
        let counts =
            counts(&[(b"b", 2), (b"a", 2), (b"a very long key", 5), (b"c", 1), (b"b", 1), (b"d", 2)]);
        let ranked = counts.ranked(3);
        assert_eq!(
            rows(&ranked),
            [("a very long key".to_owned(), 5), ("b".to_owned(), 3), ("a".to_owned(), 2)]
        );
        assert_eq!((ranked.distinct, ranked.total, ranked.rest()), (5, 13, 3));
        assert_eq!(counts.ranked(0).rows.len(), 5);
    }

    #[test]
    fn what_is_left_without_a_part() {
        let all = [(&b"a"[..], 3), (b"b", 1), (b"longer than seven", 2)];
        let left = |some: &[(&[u8], u64)]| rows(&counts(&all).less(&counts(some)).ranked(0));
        let row = |text: &str, count| (text.to_owned(), count);
        assert_eq!(left(&[]).len(), 3);
        assert_eq!(left(&[(b"b", 1), (b"a", 1)]), [row("a", 2), row("longer than seven", 2)]);
        assert_eq!(left(&[(b"longer than seven", 2), (b"unknown", 7)]), [row("a", 3), row("b", 1)]);
        assert_eq!(left(&all), []);
    }

    #[test]
    fn parts_add_up_in_any_order() {
        let (a, b) = (counts(&[(b"x", 1), (b"longer than seven", 2)]), counts(&[(b"longer than seven", 3)]));
        let (mut ab, mut ba) = (a.clone(), b.clone());
        ab.merge(b);
        ba.merge(a);
        assert_eq!(ab.ranked(0), ba.ranked(0));
        assert_eq!(ab.ranked(1).rows[0].count, 5);
    }
}
