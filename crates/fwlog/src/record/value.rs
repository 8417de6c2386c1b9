//! Values of fields.
//!
//! Responsible for: one type for what a line says and for what a table keeps of it, and one
//! spelling per value.
//! Must not know: colours, widths, JSON.
//! Tested by: the unit tests of `filter::set` and of `aggregate::key`.

use std::net::IpAddr;

use logparse::{Mac, Protocol, TcpFlags, Uptime};

use crate::time::clock::{self, When};

/// The value of a field; `T` is how its text is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TypedValue<T> {
    /// The line does not have it.
    Missing,
    /// The flag is set (`DF`).
    True,
    /// A number.
    Number(u64),
    /// Text: of the line, or a fixed keyword.
    Text(T),
    /// Text of the line that is shown in lower case.
    Lower(T),
    /// An address.
    Addr(IpAddr),
    /// A network.
    Net(IpAddr, u8),
    /// A hardware address.
    Mac(Mac),
    /// TCP flags.
    Flags(TcpFlags),
    /// A protocol, by name.
    Proto(Protocol),
    /// Seconds since the machine was started.
    Uptime(Uptime),
    /// A moment.
    Time(When),
    /// A day: days since 1970.
    Day(i64),
}

/// What a line says about a field.
pub type Value<'a> = TypedValue<&'a [u8]>;

/// A value that outlives its line. It has no [`TypedValue::Lower`]: that text was written in lower
/// case.
pub type OwnedValue = TypedValue<Vec<u8>>;

impl<T: AsRef<[u8]>> TypedValue<T> {
    /// The value as the plain text that filters compare and exports write. It is not escaped.
    #[must_use]
    pub fn to_plain(&self) -> String {
        match self {
            TypedValue::Missing => String::new(),
            TypedValue::True => "1".to_owned(),
            TypedValue::Number(n) => n.to_string(),
            TypedValue::Text(text) => String::from_utf8_lossy(text.as_ref()).into_owned(),
            TypedValue::Lower(text) => String::from_utf8_lossy(text.as_ref()).to_ascii_lowercase(),
            TypedValue::Addr(addr) => addr.to_string(),
            TypedValue::Net(addr, length) => format!("{addr}/{length}"),
            TypedValue::Mac(mac) => mac.to_string(),
            TypedValue::Flags(flags) => flags.to_string(),
            TypedValue::Proto(protocol) => protocol.to_string(),
            TypedValue::Uptime(uptime) => uptime.to_string(),
            TypedValue::Time(when) => clock::offset_text(*when),
            TypedValue::Day(day) => clock::day_text(*day),
        }
    }
}
