//! Options with their values, as they are typed.
//!
//! Responsible for: one option, and its values as numbers, ranges and addresses.
//! Must not know: which options there are.
//! Tested by: the unit tests of `iptables::parse`.

use core::net::IpAddr;

use crate::values::error::ReadError;
use crate::values::names;
use crate::values::net::{AddressRange, Masked, Range, Test};
use crate::values::text::{Text, Word};

type Result<T> = core::result::Result<T, ReadError>;

/// One option with its values.
#[derive(Debug)]
pub(crate) struct Opt {
    pub(crate) name: Word,
    pub(crate) not: bool,
    pub(crate) values: Vec<Word>,
}

impl Opt {
    /// Its name; empty if that is no text.
    pub(crate) fn name(&self) -> &str {
        self.name.text.as_str().unwrap_or("")
    }

    pub(crate) fn value(&self) -> Result<&Word> {
        self.values.first().ok_or_else(|| {
            ReadError::new(self.name.column, format!("{} needs a value", self.name.text), "write it behind")
        })
    }

    pub(crate) fn str(&self) -> Result<&str> {
        self.value()?.text.as_str().ok_or_else(|| self.bad("a value in ASCII"))
    }

    /// The error that says what the option takes.
    pub(crate) fn bad(&self, expected: &str) -> ReadError {
        let (column, found) = match self.values.first() {
            Some(word) => (word.column, word.text.to_string()),
            None => (self.name.column, String::from("nothing")),
        };
        ReadError::new(column, format!("{} takes {expected}, found `{found}`", self.name.text), "")
    }

    /// The value as `read` has it; `expected` is said if that is nothing.
    pub(crate) fn read<T>(&self, expected: &str, read: impl FnOnce(&str) -> Option<T>) -> Result<T> {
        read(self.str()?).ok_or_else(|| self.bad(expected))
    }

    /// As [`read`](Self::read), as a test.
    pub(crate) fn read_test<T>(
        &self,
        expected: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Test<T>> {
        Ok(self.test(self.read(expected, read)?))
    }

    pub(crate) fn test<T>(&self, value: T) -> Test<T> {
        Test { not: self.not, value }
    }

    /// A test of a port; `None` if it lets every port through.
    pub(crate) fn ports(&self) -> Result<Option<Test<Range<u16>>>> {
        let range = self.read("a port or a range of ports (22, 1:1023)", port_range)?;
        // Every port is no test; iptables-save drops it as well. The rest of an open range is
        // a range, which is how iptables-nft saves it.
        Ok(match (range.first, range.last, self.not) {
            (0, u16::MAX, false) => None,
            (0, last, true) if last < u16::MAX => Some(Test::is(Range::new(last + 1, u16::MAX))),
            (first, u16::MAX, true) if first > 0 => Some(Test::is(Range::new(0, first - 1))),
            _ => Some(self.test(range)),
        })
    }
}

/// The options as words again.
pub(crate) fn flat(options: &[Opt]) -> Vec<Text> {
    let mut words = Vec::new();
    for option in options {
        if option.not {
            words.push(Text::from("!"));
        }
        words.push(option.name.text.clone());
        words.extend(option.values.iter().map(|w| w.text.clone()));
    }
    words
}

fn port(text: &str) -> Option<u16> {
    text.parse().ok().or_else(|| names::service(text))
}

fn range<T: PartialOrd + Copy>(
    text: &str,
    between: char,
    ends: (T, T),
    one: fn(&str) -> Option<T>,
) -> Option<Range<T>> {
    let Some((first, last)) = text.split_once(between) else { return one(text).map(Range::one) };
    let first = if first.is_empty() { ends.0 } else { one(first)? };
    let last = if last.is_empty() { ends.1 } else { one(last)? };
    (first <= last).then_some(Range { first, last })
}

/// `22`, `1:1023`, `:1023`, `1024:`, `ssh`.
pub(crate) fn port_range(text: &str) -> Option<Range<u16>> {
    range(text, ':', (0, u16::MAX), port)
}

/// `5`, `1:5`, `0x1:`, with the separator given.
pub(crate) fn number_range(text: &str, between: char) -> Option<Range<u32>> {
    range(text, between, (0, u32::MAX), number)
}

/// A number as `strtoul` takes it: decimal, `0x` hex, `0` octal.
pub(crate) fn number(text: &str) -> Option<u32> {
    if let Some(hex) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        u32::from_str_radix(hex, 16).ok()
    } else if text.len() > 1 && text.starts_with('0') {
        u32::from_str_radix(text, 8).ok()
    } else {
        text.parse().ok()
    }
}

/// `value` or `value/mask`.
pub(crate) fn masked(text: &str) -> Option<Masked<u32>> {
    match text.split_once('/') {
        None => Some(Masked { value: number(text)?, mask: u32::MAX }),
        Some((value, mask)) => Some(Masked { value: number(value)?, mask: number(mask)? }),
    }
}

/// `10.0.0.1-10.0.0.9`, or one address.
pub(crate) fn address_range(text: &str) -> Option<AddressRange> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last): (IpAddr, IpAddr) = (first.parse().ok()?, last.parse().ok()?);
    (first.is_ipv4() == last.is_ipv4() && first <= last).then_some(AddressRange { first, last })
}
