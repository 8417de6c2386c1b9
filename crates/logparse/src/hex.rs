//! Bytes that a line shows as hexadecimal digits.
//!
//! Responsible for: the text of IP and TCP options and the bytes it means.
//! Must not know: what the bytes are.
//! Tested by: the example below, `tests/suites/suite.rs`.

/// Bytes written as upper-case hex pairs, as in `OPT (020405B4)`.
///
/// ```
/// use logparse::HexText;
/// let options = HexText::new(b"020405B4").unwrap();
/// assert_eq!(options.bytes().collect::<Vec<u8>>(), [2, 4, 5, 0xb4]);
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct HexText<'a>(pub(crate) &'a [u8]);

impl core::fmt::Debug for HexText<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "HexText({})", self.0.escape_ascii())
    }
}

impl<'a> HexText<'a> {
    /// Takes `text` if it is pairs of upper-case hex digits.
    #[must_use]
    pub fn new(text: &'a [u8]) -> Option<HexText<'a>> {
        let ok = text.len().is_multiple_of(2) && text.iter().all(|b| matches!(b, b'0'..=b'9' | b'A'..=b'F'));
        ok.then_some(HexText(text))
    }

    /// The digits.
    #[must_use]
    pub const fn text(&self) -> &'a [u8] {
        self.0
    }

    /// How many bytes the digits stand for.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len() / 2
    }

    /// Whether there are no digits.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The bytes the digits stand for.
    pub fn bytes(&self) -> impl Iterator<Item = u8> + Clone + 'a {
        let value = |digit: u8| crate::types::hex_value(digit).unwrap_or(0);
        self.0.chunks_exact(2).map(move |pair| value(pair[0]) << 4 | value(pair[1]))
    }
}
