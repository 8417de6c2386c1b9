//! Values as the plain text that filters compare and tables print.
//!
//! Responsible for: one spelling per value.
//! Must not know: colours, widths, JSON.
//! Tested by: the unit tests of `filter::set`.

use crate::record::Value;
use crate::time::clock;

/// A value as text: bytes that are no text as they are escaped everywhere.
#[must_use]
pub fn plain(value: Value<'_>) -> String {
    match value {
        Value::Missing => String::new(),
        Value::True => "1".to_owned(),
        Value::Number(n) => n.to_string(),
        Value::Text(text) => String::from_utf8_lossy(text).into_owned(),
        Value::Lower(text) => String::from_utf8_lossy(text).to_ascii_lowercase(),
        Value::Word(word) => word.to_owned(),
        Value::Addr(addr) => addr.to_string(),
        Value::Net(addr, length) => format!("{addr}/{length}"),
        Value::Mac(mac) => mac.to_string(),
        Value::Flags(flags) => flags.to_string(),
        Value::Proto(protocol) => protocol.to_string(),
        Value::Uptime(uptime) => uptime.to_string(),
        Value::Time(when) => clock::offset_text(when),
        Value::Day(day) => clock::day_text(day),
    }
}
