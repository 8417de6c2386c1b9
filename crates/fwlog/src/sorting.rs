//! Sorting in little code.
//!
//! Responsible for: what `sort_by` and `sort_by_key` of the standard library do, for lists that a person will read.
//! Must not know: what is sorted.
//! Tested by: the unit tests below, against the standard library.

use std::cmp::Ordering;

/// Stable sorting, as the standard library's, whose code is compiled anew for each type and each comparison: 10 kB
/// each time, once a tenth of the program. Here all share one copy, which sorts places and compares through a pointer.
/// That is slower: where time is spent on sorting, use the standard library's.
pub trait InOrder<T> {
    /// As `sort_by`.
    fn order_by(&mut self, compare: impl FnMut(&T, &T) -> Ordering);

    /// As `sort_by_key`.
    fn order_by_key<K: Ord>(&mut self, key: impl FnMut(&T) -> K);

    /// As `sort`.
    fn order(&mut self)
    where
        T: Ord;
}

impl<T> InOrder<T> for [T] {
    fn order_by(&mut self, mut compare: impl FnMut(&T, &T) -> Ordering) {
        let mut places: Vec<usize> = (0..self.len()).collect();
        sort(&mut places, &mut |a, b| compare(&self[a], &self[b]));
        // Each circle of places is turned by one.
        for start in 0..places.len() {
            let mut at = start;
            loop {
                let from = std::mem::replace(&mut places[at], at);
                if from == start {
                    break;
                }
                self.swap(at, from);
                at = from;
            }
        }
    }

    fn order_by_key<K: Ord>(&mut self, mut key: impl FnMut(&T) -> K) {
        self.order_by(|a, b| key(a).cmp(&key(b)));
    }

    fn order(&mut self)
    where
        T: Ord,
    {
        self.order_by(T::cmp);
    }
}

/// The one copy.
fn sort(places: &mut [usize], compare: &mut dyn FnMut(usize, usize) -> Ordering) {
    places.sort_by(|a, b| compare(*a, *b));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_sorted_as_by_the_standard_library() {
        let mut state = 1_u32;
        let mut random = |below: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) % below
        };
        for length in (0..70).chain([500, 4_000]) {
            let list: Vec<(u32, usize)> = (0..length).map(|at| (random(length as u32 / 3 + 1), at)).collect();
            let (mut own, mut other) = (list.clone(), list.clone());
            own.order_by_key(|pair| pair.0);
            other.sort_by_key(|pair| pair.0);
            assert_eq!(own, other);
            own.order_by(|a, b| b.cmp(a));
            other.sort_by(|a, b| b.cmp(a));
            assert_eq!(own, other);
            own.order();
            other.sort_unstable();
            assert_eq!(own, other);
        }
    }
}
