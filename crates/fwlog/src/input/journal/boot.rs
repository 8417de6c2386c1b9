//! One boot of several.
//!
//! Responsible for: which boots there are, which one is meant, and where its entries lie in a file.
//! Must not know: what an entry says.
//! Tested by: the unit tests below, `fwstat/tests/cli/journal.rs`.

use crate::sorting::InOrder as _;

use super::file::{How, Journal, List, Run};
use super::layout::Id;

/// Which boot is meant, as `journalctl --boot` has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Boot {
    /// From where is counted; without it, from the last one.
    pub id: Option<Id>,
    /// -1 is the one before. Without `id`, 1 is the first.
    pub offset: i64,
}

impl Boot {
    /// Reads `0`, `-1`, an id, or an id and a number: `ID-1`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Boot> {
        let (digits, offset) = text.split_at_checked(32).unwrap_or(("", text));
        let (id, offset) = match id(digits.as_bytes()) {
            Some(id) => (Some(id), offset),
            None => (None, text),
        };
        let offset = if offset.is_empty() { Some(0) } else { offset.parse().ok() };
        Some(Boot { id, offset: offset.filter(|_| !text.is_empty())? })
    }

    /// The boot meant, of these in order.
    pub(super) fn choose(self, boots: &[Id]) -> Option<Id> {
        let from = match self.id {
            Some(id) => boots.iter().position(|boot| *boot == id)? as i64,
            None if self.offset > 0 => -1,
            None => boots.len() as i64 - 1,
        };
        boots.get(usize::try_from(from.checked_add(self.offset)?).ok()?).copied()
    }
}

/// An id's 16 bytes.
fn id(digits: &[u8]) -> Option<Id> {
    let mut id = Id::default();
    for (byte, pair) in id.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    (digits.len() == 32).then_some(id)
}

/// The boots of these files, the earliest first.
pub(super) fn boots<'j>(journals: impl Iterator<Item = &'j Journal>) -> Vec<Id> {
    let mut first: Vec<(u64, Id)> = Vec::new();
    for journal in journals {
        for value in journal.values(b"_BOOT_ID").found {
            let (Some(boot), Some(key)) = (id(&value.text), journal.key(value.first)) else { continue };
            match first.iter_mut().find(|(_, known)| *known == boot) {
                Some((time, _)) => *time = key.realtime.min(*time),
                None => first.push((key.realtime, boot)),
            }
        }
    }
    first.order();
    first.into_iter().map(|(_, boot)| boot).collect()
}

/// Leaves out of a list what lies before the first or after the last entry of a boot.
pub(super) fn narrow(list: &mut List, journal: &Journal, boot: Id) {
    let values = journal.values(b"_BOOT_ID");
    let Some(value) = values.found.iter().find(|value| id(&value.text) == Some(boot)) else {
        if values.whole && values.named {
            list.runs.clear();
        }
        return;
    };
    // Of the newest boot, entries may have been added that its list does not have yet.
    let last = match values.found.iter().all(|other| other.at <= value.at) {
        true => Some(u64::MAX),
        false => journal.last_of(value),
    };
    let (Some(last), true) = (last, value.first != 0) else { return };
    let mut kept = Vec::new();
    for run in &list.runs {
        if run.how == How::Hop {
            kept.push(*run);
            continue;
        }
        let before = |limit: u64| journal.items_before(run, limit);
        let (from, to) = (before(value.first), before(last.saturating_add(1)));
        if from < to {
            let cut: Run = List::cut(journal, run, from, to - from);
            kept.push(cut);
        }
    }
    list.runs = kept;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boots_are_counted_as_journalctl_does() {
        let boots = [[1; 16], [2; 16], [3; 16]];
        let chosen = |text: &str| Boot::parse(text).unwrap().choose(&boots);
        assert_eq!(chosen("0"), Some([3; 16]));
        assert_eq!(chosen("-1"), Some([2; 16]));
        assert_eq!(chosen("-2"), Some([1; 16]));
        assert_eq!(chosen("-3"), None);
        assert_eq!(chosen("1"), Some([1; 16]));
        assert_eq!(chosen("+2"), Some([2; 16]));
        assert_eq!(chosen("4"), None);
        assert_eq!(chosen(&"02".repeat(16)), Some([2; 16]));
        assert_eq!(chosen(&("02".repeat(16) + "-1")), Some([1; 16]));
        assert_eq!(chosen(&("02".repeat(16) + "+1")), Some([3; 16]));
        assert_eq!(chosen(&"09".repeat(16)), None);
        for text in ["", "x", "0x", "--1"] {
            assert_eq!(Boot::parse(text), None, "{text}");
        }
    }
}
