//! Sets of numbers and of bytes.
//!
//! Responsible for: intersection, difference and inclusion.
//! Must not know: what the numbers mean.
//! Tested by: the unit test below, and those of `lint`.

use std::sync::Arc;

/// Numbers as sorted, disjoint ranges. Boxes are copied far more often than changed, so they
/// share them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Ranges(pub(crate) Arc<[(u128, u128)]>);

impl Ranges {
    pub(crate) fn of(first: u128, last: u128) -> Ranges {
        Ranges(Arc::new([(first, last)]))
    }

    /// Whether some number is in both.
    pub(crate) fn meets(&self, other: &Ranges) -> bool {
        let (few, many) = if self.0.len() < other.0.len() { (self, other) } else { (other, self) };
        if few.0.len() * 16 < many.0.len() {
            return few.0.iter().any(|(first, last)| {
                let at = many.0.partition_point(|(_, end)| end < first);
                many.0.get(at).is_some_and(|(from, _)| from <= last)
            });
        }
        let (mut i, mut j) = (0, 0);
        while i < self.0.len() && j < other.0.len() {
            let (a, b) = (self.0[i], other.0[j]);
            if a.0.max(b.0) <= a.1.min(b.1) {
                return true;
            }
            if a.1 < b.1 { i += 1 } else { j += 1 }
        }
        false
    }

    pub(crate) fn union(mut list: Vec<(u128, u128)>) -> Ranges {
        list.sort_unstable();
        let mut out: Vec<(u128, u128)> = Vec::with_capacity(list.len());
        for (first, last) in list {
            match out.last_mut() {
                Some(end) if end.1 >= first || end.1.checked_add(1) == Some(first) => end.1 = end.1.max(last),
                _ => out.push((first, last)),
            }
        }
        Ranges(out.into())
    }

    pub(crate) fn and(&self, other: &Ranges) -> Ranges {
        if other.covers(self) {
            return self.clone();
        }
        if self.covers(other) {
            return other.clone();
        }
        let mut out = Vec::new();
        // What lies before the other's first is in neither.
        let begin = |own: &Ranges, other: &Ranges| {
            other.0.first().map_or(0, |(first, _)| own.0.partition_point(|(_, end)| end < first))
        };
        let (mut i, mut j) = (begin(self, other), begin(other, self));
        while i < self.0.len() && j < other.0.len() {
            let (a, b) = (self.0[i], other.0[j]);
            let (first, last) = (a.0.max(b.0), a.1.min(b.1));
            if first <= last {
                out.push((first, last));
            }
            if a.1 < b.1 { i += 1 } else { j += 1 }
        }
        Ranges(out.into())
    }

    pub(crate) fn without(&self, other: &Ranges) -> Ranges {
        let mut out = Vec::new();
        for &(first, last) in self.0.iter() {
            let mut at = first;
            let mut open = true;
            let begin = other.0.partition_point(|(_, to)| *to < first);
            for &(from, to) in &other.0[begin..] {
                if from > last {
                    break;
                }
                if from > at {
                    out.push((at, from - 1));
                }
                if to >= last {
                    open = false;
                    break;
                }
                at = to + 1;
            }
            if open {
                out.push((at, last));
            }
        }
        Ranges(out.into())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether every number of `other` is here: touching ranges are always one.
    pub(crate) fn covers(&self, other: &Ranges) -> bool {
        let (Some((from, _)), Some((_, to))) = (self.0.first(), self.0.last()) else {
            return other.is_empty();
        };
        let (Some((first, _)), Some((_, last))) = (other.0.first(), other.0.last()) else { return true };
        // What lies outside from end to end needs no closer look, and one range has no gaps.
        if first < from || last > to {
            return false;
        }
        if self.0.len() == 1 || Arc::ptr_eq(&self.0, &other.0) {
            return true;
        }
        if other.0.len() * 16 < self.0.len() {
            return other.0.iter().all(|(first, last)| {
                let at = self.0.partition_point(|(_, end)| end < first);
                self.0.get(at).is_some_and(|(from, to)| from <= first && last <= to)
            });
        }
        let mut own = self.0.iter();
        let mut at = own.next();
        other.0.iter().all(|(first, last)| {
            while at.is_some_and(|(_, end)| end < first) {
                at = own.next();
            }
            at.is_some_and(|(from, to)| from <= first && last <= to)
        })
    }
}

/// A set of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Bytes([u64; 4]);

impl Bytes {
    pub(crate) const ALL: Bytes = Bytes([u64::MAX; 4]);
    pub(crate) const NONE: Bytes = Bytes([0; 4]);

    pub(crate) fn one(value: u8) -> Bytes {
        let mut set = Bytes::NONE;
        set.insert(value);
        set
    }

    pub(crate) fn insert(&mut self, value: u8) {
        self.0[usize::from(value >> 6)] |= 1 << (value & 63);
    }

    pub(crate) fn has(&self, value: u8) -> bool {
        self.0[usize::from(value >> 6)] >> (value & 63) & 1 == 1
    }

    pub(crate) fn filter(keep: impl Fn(u8) -> bool) -> Bytes {
        let mut set = Bytes::NONE;
        for value in 0..=255 {
            if keep(value) {
                set.insert(value);
            }
        }
        set
    }

    pub(crate) fn zip(self, other: Bytes, f: impl Fn(u64, u64) -> u64) -> Bytes {
        let mut out = self;
        for (a, b) in out.0.iter_mut().zip(other.0) {
            *a = f(*a, b);
        }
        out
    }

    pub(crate) fn and(self, other: Bytes) -> Bytes {
        self.zip(other, |a, b| a & b)
    }

    pub(crate) fn without(self, other: Bytes) -> Bytes {
        self.zip(other, |a, b| a & !b)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_cut_and_joined() {
        let a = Ranges::union(vec![(5, 9), (1, 3), (4, 4), (20, 30)]);
        assert_eq!(*a.0, [(1, 9), (20, 30)]);
        assert_eq!(*a.without(&Ranges::of(3, 22)).0, [(1, 2), (23, 30)]);
        assert_eq!(*a.and(&Ranges::of(9, 20)).0, [(9, 9), (20, 20)]);
        assert!(a.covers(&Ranges::of(2, 8)) && !a.covers(&Ranges::of(2, 10)));
        assert!(Ranges::of(0, u128::MAX).without(&Ranges::of(0, u128::MAX)).is_empty());
    }
}
