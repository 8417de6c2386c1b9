//! Counts that have a bound of memory, and counts in a state.
//!
//! Responsible for: when counts go over to those of the most frequent keys, and what is kept of them.
//! Must not know: records.
//! Tested by: the tests of `slices`, `fwstat/tests/cli/bounded.rs`, `fwstat/tests/cli/states.rs`.

use std::net::IpAddr;

use hashbrown::{HashMap, HashSet};

use super::{Counts, Form, GATHERED, Slot, packed};
use crate::aggregate::Aggregate as _;
use crate::aggregate::bounded::{Bounded, Count};
use crate::aggregate::key;
use crate::aggregate::state::{Damaged, Keys, Reader, State, Writer};
use crate::aggregate::word::{Word, taken};
use crate::record::{Field, OwnedValue};

impl Counts {
    /// Lets go of the least frequent keys, if all of them would soon take more memory than they may.
    pub(super) fn keep_within(&mut self) {
        let Some(most) = self.most.filter(|_| self.bounded.is_none()) else { return };
        let taken = self.addresses.taken()
            + taken(self.short.len(), self.short.capacity(), 20)
            + self.packed.taken()
            + taken(self.long.len(), self.long.capacity(), size_of::<Slot>() + 4)
            + taken(self.keys.len(), self.keys.capacity(), 1)
            + taken(self.fronts.len(), self.fronts.capacity(), 100);
        if taken > most {
            self.bind(Bounded::<Word>::room_in(most / 3 * 2));
        }
    }

    /// Goes over to counts of so many keys at most, if that was not done before.
    pub(super) fn bind(&mut self, room: usize) {
        if self.bounded.is_some() {
            return;
        }
        self.settle();
        let mut bounded = Box::new(Bounded::new(room).reserved());
        let mut some = Vec::with_capacity(GATHERED);
        self.each(|key, count| {
            some.push((Word::of(key), count));
            if some.len() == GATHERED {
                bounded.add_all(some.drain(..));
            }
        });
        bounded.add_all(some);
        *self = Counts {
            fields: std::mem::take(&mut self.fields),
            present: self.present,
            of_source: self.of_source,
            most: self.most,
            bounded: Some(bounded),
            ..Counts::default()
        };
    }
}

impl State for Counts {
    fn write(&self, out: &mut Writer) {
        let (mut keys, mut counts) = (Keys::default(), Vec::new());
        let mut take = |key: &[u8], count: Count| {
            keys.push(key, &[]);
            counts.push(count);
        };
        match &self.bounded {
            Some(bounded) => bounded.each(|word, count| word.bytes(|key| take(key, count))),
            None => self.each(|key, count| take(key, Count { certain: count, more: 0 })),
        }
        let mut all: Vec<(&[u8], Count)> = keys.iter().zip(counts).collect();
        all.sort_unstable_by_key(|(key, _)| *key);
        out.keys(&all.iter().map(|(key, _)| *key).collect());
        all.iter().for_each(|(_, count)| out.number(count.certain));
        let Some(bounded) = self.bounded.as_ref().filter(|bounded| !bounded.distinct().1) else {
            out.number(0);
            return;
        };
        out.number(bounded.missed());
        out.number(bounded.distinct().0);
        out.number(bounded.total());
        all.iter().for_each(|(_, count)| out.number(count.more));
    }

    fn read(&mut self, from: &mut Reader<'_>) -> Result<(), Damaged> {
        let keys = from.keys()?;
        let certain = keys.iter().map(|_| from.times()).collect::<Result<Vec<u64>, Damaged>>()?;
        if !keys.iter().all(|key| self.is_key(key)) {
            return Err(Damaged("a key is of other fields"));
        }
        let missed = from.times()?;
        if missed == 0 {
            keys.iter().zip(certain).for_each(|(key, count)| self.add_whole(key, count));
            self.settle();
            return Ok(());
        }
        let (distinct, total) = (from.times()?, from.times()?);
        let more = keys.iter().map(|_| from.times()).collect::<Result<Vec<u64>, Damaged>>()?;
        let counts = certain.into_iter().zip(more).map(|(certain, more)| Count { certain, more });
        let keys = keys.iter().map(Word::of);
        let room = self.most.map_or(0, |most| Bounded::<Word>::room_in(most / 3 * 2));
        self.bounded =
            Some(Box::new(Bounded::kept(keys.zip(counts).collect(), room, missed, total, distinct)));
        self.form = Form::Keys;
        Ok(())
    }
}

impl Counts {
    /// Of `total` packets only these were counted: any of the others may belong to any key.
    pub(super) fn lack(&mut self, total: u64) {
        let mut counts = Vec::new();
        self.each(|key, count| counts.push((Word::of(key), count)));
        let missed = total - counts.iter().map(|(_, count)| count).sum::<u64>();
        let counts: Vec<(Word, Count)> =
            counts.into_iter().map(|(key, certain)| (key, Count { certain, more: missed })).collect();
        let at_least = counts.len() as u64;
        self.bind(0);
        self.bounded = Some(Box::new(Bounded::kept(counts, 0, missed, total, at_least)));
    }

    /// Those whose keys another one has not.
    #[must_use]
    pub fn without(&self, known: &Counts) -> Counts {
        let mut keys = HashSet::new();
        known.each(|key, _| {
            keys.insert(key.to_vec());
        });
        let mut new = self.emptied();
        self.each(|key, count| {
            if !keys.contains(key) {
                new.add_whole(key, count);
            }
        });
        new.settle();
        new
    }

    /// What is left without some of what was counted here, by the same fields and without a bound of memory.
    #[must_use]
    pub fn less(self, some: &Counts) -> Counts {
        if some.distinct() == 0 {
            return self;
        }
        let mut gone: HashMap<Box<[u8]>, u64> = HashMap::new();
        some.each(|key, count| *gone.entry(key.into()).or_default() += count);
        let mut left = self.emptied();
        self.each(|key, count| {
            let count = count.saturating_sub(gone.get(key).copied().unwrap_or(0));
            if count > 0 {
                left.add_whole(key, count);
            }
        });
        left.settle();
        left
    }

    /// Nothing yet of the same kind, with room for the addresses that are here.
    fn emptied(&self) -> Counts {
        let addresses = self.addresses.emptied();
        Counts { present: self.present, addresses, ..Counts::by(self.fields.clone()) }
    }

    /// Whether keys were let go of.
    pub(in crate::aggregate) fn has_let_go(&self) -> bool {
        self.bounded.as_ref().is_some_and(|bounded| !bounded.distinct().1)
    }

    /// Whether their memory is bounded, or was.
    pub(in crate::aggregate) fn has_bound(&self) -> bool {
        self.most.is_some() || self.bounded.is_some()
    }

    /// Whether bytes are a key of these fields.
    pub(in crate::aggregate) fn is_key(&self, key: &[u8]) -> bool {
        key::cells(key) == Some(self.fields.len())
    }

    /// Every key with its count, in no order.
    pub(in crate::aggregate) fn each_key(&self, with: impl FnMut(&[u8], u64)) {
        self.each(with);
    }

    /// Counts a key of bytes in the form in which records with it are counted; they are settled afterwards.
    pub(in crate::aggregate) fn add_whole(&mut self, key: &[u8], count: u64) {
        // What states have most of.
        if self.form == Form::Address
            && self.bounded.is_none()
            && let Some(address) = key::address(key)
        {
            return match address {
                IpAddr::V4(address) => self.addresses.add_many(address.to_bits(), count),
                IpAddr::V6(address) => self.addresses.add_six(address, count),
            };
        }
        let Some(cells) = key::checked(key).filter(|_| self.bounded.is_none()) else {
            return self.add_key(key, count);
        };
        match (self.form, &cells[..]) {
            (Form::Packed, cells) => {
                let mut cells = cells.iter();
                let part = |_: &Field| match cells.next()? {
                    OwnedValue::Addr(IpAddr::V4(address)) => Some(address.to_bits()),
                    OwnedValue::Number(number) => u32::try_from(*number).ok(),
                    OwnedValue::Proto(protocol) => Some(u32::from(protocol.0)),
                    _ => None,
                };
                match packed(&self.fields, part) {
                    Some(word) => self.packed.add(word, count),
                    None => self.add_key(key, count),
                }
            }
            _ => self.add_key(key, count),
        }
    }
}
