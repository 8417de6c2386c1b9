//! Ends of TCP lines, remembered: what stands behind the ports.
//!
//! Responsible for: knowing ` WINDOW=64240 RES=0x00 SYN URGP=0 ` and the `\n` behind it by one
//! compare, once [`super::body`] has read it. The machines of this world send few different
//! windows, so nearly every line ends like one before it, and the same bytes say the same.
//! Must not know: what stands in front of the window.
//! Tested by: the unit test below, `tests/engines.rs`.

use super::window::Window;
use crate::types::TcpFlags;
use crate::vector::alike;

/// The longest end that is remembered.
const LONGEST: usize = 48;
const PLACES: usize = 256;

/// An end, from the blank in front of `WINDOW=` on. Places count from there.
#[derive(Clone, Copy)]
pub(super) struct Ending {
    text: [u8; LONGEST],
    /// Its length, with its `\n`.
    len: u8,
    /// Where the window ends.
    pub(super) window: u8,
    /// Where `URGP=0` ends.
    pub(super) rest: u8,
    pub(super) flags: TcpFlags,
}

impl Ending {
    /// Where the line's `\n` stands.
    #[inline(always)]
    pub(super) fn line_end(&self) -> usize {
        usize::from(self.len) - 1
    }
}

/// The ends that were seen last, each at the place that its text says.
pub(super) struct Endings(Box<[Ending; PLACES]>);

impl Endings {
    pub(super) fn new() -> Endings {
        // Longer than any text is: equal to none.
        let none = Ending { text: [0; LONGEST], len: u8::MAX, window: 0, rest: 0, flags: TcpFlags::EMPTY };
        Endings(Box::new([none; PLACES]))
    }

    /// What is known of this text: the same bytes, up to and with the `\n`, were right before.
    #[inline(always)]
    pub(super) fn find(&self, text: &[u8; LONGEST]) -> Option<&Ending> {
        let known = &self.0[place(text)];
        (alike(text, &known.text) >= u32::from(known.len)).then_some(known)
    }

    /// Remembers an end that was read, by where in the frame it begins, and where the window,
    /// `URGP=0` and the line end.
    pub(super) fn learn(
        &mut self,
        frame: Window<'_>,
        start: usize,
        [window, rest, end]: [usize; 3],
        flags: TcpFlags,
    ) {
        if end - start < LONGEST {
            let text = *frame.bytes(start);
            let [len, window, rest] = [end + 1, window, rest].map(|place| (place - start) as u8);
            self.0[place(&text)] = Ending { text, len, window, rest, flags };
        }
    }
}

/// A hash of the window and the flags.
#[inline(always)]
fn place(text: &[u8; LONGEST]) -> usize {
    let word = |at: usize| text[at..].first_chunk().map_or(0, |word| u64::from_le_bytes(*word));
    let mixed = word(8).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ word(22).wrapping_mul(0xd1b5_4a32_d192_ed03);
    (mixed >> 56) as usize % PLACES
}

#[cfg(test)]
mod tests {
    use super::super::window::FRAME;
    use super::*;

    #[test]
    fn every_byte_up_to_the_end_of_the_line_counts() {
        let text = b" WINDOW=64240 RES=0x00 SYN URGP=0 \nJan  1 00:00:00 gw";
        let mut frame = [b'x'; FRAME];
        frame[100..100 + text.len()].copy_from_slice(text);
        let mut endings = Endings::new();
        let begin = |frame: &[u8; FRAME]| *Window(frame).bytes::<LONGEST>(100);
        assert!(endings.find(&begin(&frame)).is_none());
        assert!(endings.find(&[0; LONGEST]).is_none());
        endings.learn(Window(&frame), 100, [113, 133, 134], TcpFlags::SYN);
        for place in 0..LONGEST {
            let mut other = frame;
            other[100 + place] ^= 1;
            let found = endings.find(&begin(&other));
            assert_eq!(found.is_some(), place > 34, "{place}");
        }
        let found = endings.find(&begin(&frame)).map(|e| (e.window, e.rest, e.line_end(), e.flags));
        assert_eq!(found, Some((13, 33, 34, TcpFlags::SYN)));
    }
}
