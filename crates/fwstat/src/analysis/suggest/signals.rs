//! Why a line must stay visible, asked of one line after another: the second opinion of the proof.
//!
//! Responsible for: this answer, from patterns and prefixes.
//! Must not know: the rules that were chosen.
//! Tested by: `tests/cli/suggest.rs`.

use fwrules::{Range, Test};

use super::classes::Tests;
use super::lines::Why;
use crate::analysis::noise::pattern::Pattern;
use crate::analysis::noise::place::Place;
use crate::analysis::noise::sighting::{Sighting, To};
use fwlog::record::Record;

/// What must stay visible.
#[derive(Clone, Debug)]
pub struct Signals {
    /// Parts of prefixes whose lines are kept.
    pub keep: Vec<Vec<u8>>,
    /// What no rule may take.
    pub exceptions: Vec<Pattern>,
    /// Decisions: own hosts that rules may take.
    pub decided: Vec<Pattern>,
    /// Where this host is.
    pub place: Place,
    /// FORWARD asks the chain, by family.
    pub forwards: [bool; 2],
}

/// Prefixes that say that a packet was let in, or that it is a near hit.
const KEPT: [&[u8]; 6] = [b"accept", b"allow", b"permit", b"audit", b"pass", b"foreign"];

/// Whether lines with this prefix stay visible: the user's patterns, and words that say so.
#[must_use]
pub fn is_kept(keep: &[Vec<u8>], prefix: &[u8]) -> bool {
    KEPT.iter().any(|part| holds(part, prefix)) || keep.iter().any(|pattern| fits(pattern, prefix))
}

/// Whether a word is in a prefix, in whichever case.
pub(in crate::analysis) fn holds(word: &[u8], prefix: &[u8]) -> bool {
    prefix.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word))
}

/// `--keep` as `--prefix` is read: part of the prefix, or with `*` and `?` all of it.
pub(in crate::analysis) fn fits(pattern: &[u8], prefix: &[u8]) -> bool {
    if !pattern.contains(&b'*') && !pattern.contains(&b'?') {
        return !pattern.is_empty() && memchr::memmem::find(prefix, pattern).is_some();
    }
    // The last `*` and how much of the text it took: what is after it can be tried again.
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < prefix.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(c) if *c == b'?' || *c == prefix[t] => (p, t) = (p + 1, t + 1),
            _ => match star {
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    (p, t) = (at + 1, taken + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == b'*')
}

impl Signals {
    /// Why a line must stay visible; `None`: a rule may take it.
    #[must_use]
    pub fn of(&self, record: &Record<'_>) -> Option<Why> {
        let (input, output) = (record.line.in_iface(), record.line.out_iface());
        if input.is_empty() {
            return Some(Why::Sent);
        }
        let Some(seen) = Sighting::of(&record.line, 0, 0) else { return Some(Why::Fragment) };
        if !output.is_empty() && !self.forwards[usize::from(seen.v6)] {
            return Some(Why::Forwarded);
        }
        if is_kept(&self.keep, record.prefix()) {
            return Some(Why::Kept);
        }
        if self.exceptions.iter().any(|pattern| pattern.takes(&seen, input, output)) {
            return Some(Why::NearHit);
        }
        let decided = || self.decided.iter().any(|pattern| pattern.takes(&seen, input, output));
        if seen.to == To::One && self.place.is_home(seen.src) && !decided() {
            return Some(Why::Own);
        }
        None
    }

    /// What is asked of a packet here.
    pub fn tests(&self, tests: &mut Tests) {
        self.place.own.iter().for_each(|net| tests.source(net));
        for pattern in self.exceptions.iter().chain(&self.decided) {
            pattern.source.iter().for_each(|net| tests.source(net));
            pattern.destination.iter().for_each(|net| tests.destination(net));
            let one = |range: &Range<u16>| Some(Test::is(*range));
            pattern.sports.iter().for_each(|range| tests.ports(one(range), None));
            pattern.dports.iter().for_each(|range| tests.ports(None, one(range)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kept_prefixes() {
        let keep = [b"tcp.*.odd".to_vec(), b"dns".to_vec()];
        for (prefix, kept) in [
            ("tcp.in.foreign", true),
            ("[UFW ALLOW]", true),
            ("tcp.in.odd", true),
            ("tcp.in.odder", false),
            ("my dns x", true),
            ("DROP", false),
        ] {
            assert_eq!(is_kept(&keep, prefix.as_bytes()), kept, "{prefix}");
        }
        // Not exponential.
        assert!(!fits(&b"*a".repeat(500), &b"a".repeat(400)));
    }
}
