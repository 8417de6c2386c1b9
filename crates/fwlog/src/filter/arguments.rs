//! Filters as options give them: a list of values for one field, each of which may be negated.
//!
//! Responsible for: `!VALUE`, comma-separated lists, and which grammar a field's values have.
//! Must not know: what the options are called, or how a command line is read.
//! Tested by: `fwstat/tests/cli/filters.rs` of fwstat against an independent reading.

use regex::bytes::Regex;

use super::{Filter, Set, values};
use crate::record::{Field, Key};

/// What an argument's values are compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Argument {
    /// The log prefix: part of it, or a glob with `*` and `?`.
    Prefix,
    /// A field whose values are numbers, ranges, addresses, networks or names.
    Field(Key),
    /// TCP flags.
    Flags,
    /// ICMP and ICMPv6 types, with or without a code.
    IcmpType,
    /// The sender's hardware address, or its beginning.
    Mac,
    /// The packet's mark, with or without a mask.
    Mark,
    /// A regular expression over the whole line.
    Line,
}

impl Argument {
    /// The filter of an argument's values: a line passes if any of them matches, and none that is
    /// negated with `!`. No values pass every line.
    ///
    /// # Errors
    /// A sentence that says what is wrong with a value.
    pub fn filter(self, values: &[String]) -> Result<Filter, String> {
        let mut parts = Vec::new();
        for value in values {
            let (negated, text) = match value.strip_prefix('!') {
                Some(rest) => (true, rest.trim_start()),
                None => (false, value.as_str()),
            };
            let items: Vec<&str> = if self.takes_lists() { text.split(',').collect() } else { vec![text] };
            for item in items {
                parts.push((negated, self.value(item)?));
            }
        }
        Ok(Filter::any_of(parts))
    }

    /// Whether a comma separates values.
    fn takes_lists(self) -> bool {
        !matches!(self, Argument::Prefix | Argument::Flags | Argument::Line)
    }

    /// The filter of one value.
    fn value(self, text: &str) -> Result<Filter, String> {
        match self {
            Argument::Prefix if text.contains(['*', '?']) => {
                Ok(Filter::In(Field::of(Key::Prefix), Set::glob(text)))
            }
            Argument::Prefix => Ok(Filter::Prefix(text.as_bytes().to_vec())),
            Argument::Field(key) => Ok(Filter::In(Field::of(key), Set::parse(key, text)?)),
            Argument::Flags => values::flags(text),
            Argument::IcmpType => values::icmp_type(text),
            Argument::Mac => values::mac(text),
            Argument::Mark => values::mark(text),
            Argument::Line => Regex::new(text).map(Filter::Line).map_err(|error| error.to_string()),
        }
    }
}
