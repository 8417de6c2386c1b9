//! Where in the log something was seen: in how many of eight equal parts of it.
//!
//! Parts are of the text, not of time: a clock that jumps or a wrong year disturbs nothing. A
//! log of several files is cut file by file, in the order of their names.
//!
//! Responsible for: positions as numbers, and the parts they lie in.
//! Must not know: what was seen.
//! Tested by: the unit tests below.

/// Parts of a log.
pub const PARTS: usize = 8;

/// Bits of the offset in a position.
const OFFSET: u32 = 44;

/// Input and offset as one number that orders like them.
#[must_use]
pub fn position(input: usize, offset: u64) -> u64 {
    (input as u64) << OFFSET | offset.min((1 << OFFSET) - 1)
}

/// How positions become parts.
#[derive(Clone, Debug, Default)]
pub struct Spread {
    /// Of each input: what lies before it, and its first and last offset.
    inputs: Vec<(u64, u64, u64)>,
    all: u64,
}

impl Spread {
    /// Of inputs of which these offsets were seen (first and last); `order` says which input
    /// comes first.
    #[must_use]
    pub fn new(seen: &[Option<(u64, u64)>], order: &[usize]) -> Spread {
        let mut spread = Spread { inputs: vec![(0, 0, 0); seen.len()], all: 0 };
        for input in order {
            if let Some((first, last)) = seen.get(*input).copied().flatten() {
                spread.inputs[*input] = (spread.all, first, last);
                spread.all += last - first + 1;
            }
        }
        spread
    }

    /// The part of a position: below [`PARTS`].
    #[must_use]
    pub fn part(&self, position: u64) -> u8 {
        let (input, offset) = ((position >> OFFSET) as usize, position & ((1 << OFFSET) - 1));
        let Some((before, first, last)) = self.inputs.get(input).copied() else { return 0 };
        let at = before + offset.clamp(first, last) - first;
        (u128::from(at) * PARTS as u128 / u128::from(self.all.max(1))) as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_equal_and_files_follow_each_other() {
        let spread = Spread::new(&[Some((0, 799)), Some((100, 899))], &[1, 0]);
        let part = |input, offset| spread.part(position(input, offset));
        assert_eq!((part(1, 100), part(1, 299), part(1, 300), part(1, 899)), (0, 0, 1, 3));
        assert_eq!((part(0, 0), part(0, 799)), (4, 7));
        assert_eq!(Spread::default().part(7), 0);
    }
}
