//! Which records count: one predicate made from the filter options.
//!
//! Responsible for: the tests, in three values. A line that does not show a field is neither
//! inside nor outside of anything asked about it, and counts in neither case; so `-s '!NET'`
//! takes packets from elsewhere, not lines without an address.
//! Must not know: how options are spelled on the command line (`options`), or what is counted.
//! Tested by: the unit tests of its files, `fwstat/tests/cli/filters.rs` against an independent reading.

pub mod arguments;
pub mod expr;
mod marks;
pub mod set;
pub mod values;

pub use set::Set;

use logparse::{Network, TcpFlags};
use regex::bytes::Regex;

use crate::record::{Field, Key, Record, Value, value};

/// A predicate over records.
#[derive(Clone, Debug)]
pub enum Filter {
    /// Everything.
    All,
    /// All of these.
    And(Vec<Filter>),
    /// Any of these.
    Or(Vec<Filter>),
    /// Not this.
    Not(Box<Filter>),
    /// The field's value is one of these.
    In(Field, Set),
    /// The line shows the field.
    Has(Field),
    /// The prefix contains this text.
    Prefix(Vec<u8>),
    /// The packet is IPv4 (or IPv6).
    Family(u8),
    /// Of the TCP flags in the mask, exactly these are set.
    Flags {
        /// Which flags are looked at.
        mask: TcpFlags,
        /// Which of them must be set.
        set: TcpFlags,
    },
    /// The packet's mark, masked, is this.
    Mark {
        /// The value.
        value: u32,
        /// The mask.
        mask: u32,
    },
    /// One of the hardware addresses begins with these bytes.
    Mac(Key, Vec<u8>),
    /// The whole line matches.
    Line(Regex),
    /// The field's text matches.
    Matches(Field, Regex),
    /// The moment lies between these, both included.
    Between(i64, i64),
}

impl Filter {
    /// Whether a record counts.
    #[must_use]
    #[inline]
    pub fn test(&self, record: &Record<'_>) -> bool {
        matches!(self, Filter::All) || self.eval(record) == Some(true)
    }

    /// The predicate's value: `None` if the line does not show what is asked about.
    fn eval(&self, record: &Record<'_>) -> Option<bool> {
        match self {
            Filter::All => Some(true),
            Filter::And(parts) => {
                let mut sum = Some(true);
                for part in parts {
                    match part.eval(record) {
                        Some(true) => {}
                        Some(false) => return Some(false),
                        None => sum = None,
                    }
                }
                sum
            }
            Filter::Or(parts) => {
                let mut sum = Some(false);
                for part in parts {
                    match part.eval(record) {
                        Some(true) => return Some(true),
                        Some(false) => {}
                        None => sum = None,
                    }
                }
                sum
            }
            Filter::Not(part) => part.eval(record).map(|yes| !yes),
            Filter::In(field, set) => set.holds(field.value(record)),
            Filter::Has(field) => Some(field.value(record) != Value::Missing),
            Filter::Prefix(text) => Some(memchr::memmem::find(record.exact_prefix(), text).is_some()),
            Filter::Family(version) => match (record.line.network(), version) {
                (Network::Ipv4(_), 4) | (Network::Ipv6(_), 6) => Some(true),
                (Network::None, _) => None,
                _ => Some(false),
            },
            Filter::Flags { mask, set } => record.line.tcp_flags().map(|flags| flags & *mask == *set),
            Filter::Mark { value, mask } => record.line.mark().map(|mark| mark & mask == value & mask),
            Filter::Mac(key, start) => match value(*key, record) {
                Value::Mac(mac) => Some(mac.0.starts_with(start)),
                _ => None,
            },
            Filter::Line(regex) => Some(regex.is_match(record.raw)),
            Filter::Matches(field, regex) => match field.value(record) {
                Value::Missing => None,
                Value::Text(text) => Some(regex.is_match(text)),
                other => Some(regex.is_match(other.to_plain().as_bytes())),
            },
            Filter::Between(since, until) => record.when.map(|when| (*since..=*until).contains(&when.utc)),
        }
    }

    /// All of these; nothing means everything.
    #[must_use]
    pub fn all(mut parts: Vec<Filter>) -> Filter {
        parts.retain(|part| !matches!(part, Filter::All));
        match parts.len() {
            0 => Filter::All,
            1 => parts.remove(0),
            _ => Filter::And(parts),
        }
    }

    /// What a repeatable option asks for: any of the plain values, and none of those with `!`.
    #[must_use]
    pub fn any_of(parts: Vec<(bool, Filter)>) -> Filter {
        let (negated, plain): (Vec<_>, Vec<_>) = parts.into_iter().partition(|(negated, _)| *negated);
        let mut all: Vec<Filter> = negated.into_iter().map(|(_, part)| Filter::Not(Box::new(part))).collect();
        let mut plain: Vec<Filter> = plain.into_iter().map(|(_, part)| part).collect();
        match plain.len() {
            0 => {}
            1 => all.push(plain.remove(0)),
            _ => all.push(Filter::Or(plain)),
        }
        Filter::all(all)
    }

    /// ICMP of this type, and of this code if one is given.
    #[must_use]
    pub fn icmp(protocol: Option<u8>, kind: u8, code: Option<u8>) -> Filter {
        let is = |key: Key, n: u8| Filter::In(Field::of(key), Set::number(u64::from(n)));
        let mut parts = vec![is(Key::IcmpType, kind)];
        parts.extend(protocol.map(|n| is(Key::ProtoNumber, n)));
        parts.extend(code.map(|n| is(Key::IcmpCode, n)));
        Filter::all(parts)
    }

    /// Whether the predicate asks for the prefix and the interfaces only: its answer is then
    /// the same for all lines that begin alike.
    #[must_use]
    pub fn asks_the_front_only(&self) -> bool {
        match self {
            Filter::All | Filter::Prefix(_) => true,
            Filter::And(parts) | Filter::Or(parts) => parts.iter().all(Filter::asks_the_front_only),
            Filter::Not(part) => part.asks_the_front_only(),
            Filter::In(field, _) | Filter::Has(field) | Filter::Matches(field, _) => {
                matches!(field.key, Key::Prefix | Key::In | Key::Out)
            }
            _ => false,
        }
    }

    /// The predicate in two parts, of which both must hold: one that asks the front only, and
    /// the rest.
    #[must_use]
    pub fn split(&self) -> (Filter, Filter) {
        let parts = match self {
            Filter::And(parts) => parts.clone(),
            other => vec![other.clone()],
        };
        let (front, rest) = parts.into_iter().partition(Filter::asks_the_front_only);
        (Filter::all(front), Filter::all(rest))
    }

    /// The fields that the predicate asks for.
    #[must_use]
    pub fn fields(&self) -> Vec<&Field> {
        match self {
            Filter::And(parts) | Filter::Or(parts) => parts.iter().flat_map(Filter::fields).collect(),
            Filter::Not(part) => part.fields(),
            Filter::In(field, _) | Filter::Has(field) | Filter::Matches(field, _) => vec![field],
            _ => Vec::new(),
        }
    }

    /// Whether the predicate asks for moments.
    #[must_use]
    pub fn needs_time(&self) -> bool {
        match self {
            Filter::And(parts) | Filter::Or(parts) => parts.iter().any(Filter::needs_time),
            Filter::Not(part) => part.needs_time(),
            Filter::In(field, _) | Filter::Has(field) | Filter::Matches(field, _) => field.key.needs_time(),
            Filter::Between(..) => true,
            _ => false,
        }
    }
}
