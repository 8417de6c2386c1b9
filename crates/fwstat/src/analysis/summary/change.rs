//! What is new, gone or grown from the first half of a log's time to the second.
//!
//! Responsible for: what counts as a change.
//! Must not know: what it is a change of, how it is told.
//! Tested by: the unit tests below.

/// A kind of change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// It was not there before.
    New,
    /// It is there no more.
    Gone,
    /// There is at least twice as much.
    Grown,
    /// There is at most half as much.
    Fallen,
}

impl Kind {
    /// A word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Kind::New => "new",
            Kind::Gone => "gone",
            Kind::Grown => "grown",
            Kind::Fallen => "fallen",
        }
    }
}

/// A change in a number of packets.
#[derive(Clone, Debug, PartialEq)]
pub struct Change<T> {
    /// Of what.
    pub what: T,
    /// Its kind.
    pub kind: Kind,
    /// Packets in the first half.
    pub before: u64,
    /// Packets in the second half.
    pub after: u64,
}

/// How many times its spread by chance a difference must be: independent packets give that once in 15,000 cases.
const BEYOND_CHANCE: f64 = 4.0;

impl<T> Change<T> {
    /// The change from one number to another, if it is one that chance does not explain.
    #[must_use]
    pub fn of(what: T, before: u64, after: u64) -> Option<Change<T>> {
        let (a, b) = (before as f64, after as f64);
        if (a - b).abs() < BEYOND_CHANCE * (a + b).sqrt() {
            return None;
        }
        let kind = match (before, after) {
            (0, _) => Kind::New,
            (_, 0) => Kind::Gone,
            _ if after >= 2 * before => Kind::Grown,
            _ if before >= 2 * after => Kind::Fallen,
            _ => return None,
        };
        Some(Change { what, kind, before, after })
    }

    /// How far beyond chance it is: the larger, the more it is worth telling.
    #[must_use]
    pub fn weight(&self) -> f64 {
        let (a, b) = (self.before as f64, self.after as f64);
        (a - b).abs() / (a + b).sqrt().max(1.0)
    }
}

/// The sums of both halves of some counts over time; the middle one of an odd number belongs to neither.
#[must_use]
pub fn halves(counts: &[u64]) -> (u64, u64) {
    let half = counts.len() / 2;
    (counts[..half].iter().sum(), counts[counts.len() - half..].iter().sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_is_no_change() {
        let kind = |before, after| Change::of((), before, after).map(|change| change.kind);
        assert_eq!(kind(0, 15), None);
        assert_eq!(kind(0, 16), Some(Kind::New));
        assert_eq!(kind(16, 0), Some(Kind::Gone));
        assert_eq!(kind(100, 130), None);
        assert_eq!(kind(100, 200), Some(Kind::Grown));
        assert_eq!(kind(10_000, 12_000), None);
        assert_eq!(kind(200, 90), Some(Kind::Fallen));
        assert_eq!(halves(&[1, 2, 3, 4, 5]), (3, 9));
        assert_eq!((halves(&[]), halves(&[7])), ((0, 0), (0, 0)));
    }
}
