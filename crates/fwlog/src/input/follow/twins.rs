//! Two logs that hold the same lines, as kern.log and ufw.log do on some systems.
//!
//! Responsible for: noticing them by their last lines.
//! Must not know: where lines come from, what is said about it.
//! Tested by: the unit tests below, `fwstat/tests/cli/follow.rs`.

use std::collections::VecDeque;
use std::hash::BuildHasher as _;

use hashbrown::DefaultHashBuilder;

/// Lines that are remembered of each log.
const LAST: usize = 64;
/// So many of them in two logs are no chance.
const SAME: usize = 8;

/// The last lines of each log.
#[derive(Debug)]
pub(super) struct Twins {
    hasher: DefaultHashBuilder,
    last: Vec<VecDeque<u64>>,
    said: bool,
}

impl Twins {
    /// Of so many logs no line is known yet.
    pub(super) fn new(logs: usize) -> Twins {
        Twins { hasher: DefaultHashBuilder::default(), last: vec![VecDeque::new(); logs], said: logs < 2 }
    }

    /// Takes lines of a log; another log that has the same ones, once.
    pub(super) fn came(&mut self, log: usize, lines: &[u8]) -> Option<usize> {
        if self.said {
            return None;
        }
        let lines = lines.strip_suffix(b"\n").unwrap_or(lines);
        let newest: Vec<u64> =
            lines.rsplit(|byte| *byte == b'\n').take(LAST).map(|line| self.hasher.hash_one(line)).collect();
        let own = self.last.get_mut(log)?;
        own.extend(newest.into_iter().rev());
        own.drain(..own.len().saturating_sub(LAST));
        let own = &self.last[log];
        let is_twin = |other: &VecDeque<u64>| own.iter().filter(|hash| other.contains(hash)).count() >= SAME;
        let twin = (0..self.last.len()).find(|other| *other != log && is_twin(&self.last[*other]));
        self.said = twin.is_some();
        twin
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(range: std::ops::Range<u32>) -> Vec<u8> {
        range.map(|n| format!("line {n}\n")).collect::<String>().into_bytes()
    }

    #[test]
    fn logs_with_the_same_lines_are_noticed_once() {
        let mut twins = Twins::new(3);
        assert_eq!(twins.came(0, &lines(0..1_000)), None);
        assert_eq!(twins.came(1, &lines(5_000..5_100)), None);
        assert_eq!(twins.came(2, &lines(900..1_000)), Some(0));
        assert_eq!(twins.came(0, &lines(5_000..5_100)), None);
        // In turns, and beside lines of others.
        let mut twins = Twins::new(2);
        let found: Vec<Option<usize>> = (0..20)
            .flat_map(|n| {
                let other = lines(1_000 + n..1_001 + n);
                [twins.came(0, &lines(n..n + 1)), twins.came(1, &[lines(n..n + 1), other].concat())]
            })
            .collect();
        assert_eq!(found.iter().flatten().count(), 1);
        assert_eq!(found[15], Some(0));
    }

    #[test]
    fn logs_that_differ_and_a_log_alone_are_not() {
        let mut twins = Twins::new(2);
        for n in 0..500 {
            assert_eq!(twins.came(0, &lines(n * 2..n * 2 + 1)), None);
            assert_eq!(twins.came(1, &lines(n * 2 + 1..n * 2 + 2)), None);
        }
        assert_eq!(Twins::new(1).came(0, &lines(0..10)), None);
    }
}
