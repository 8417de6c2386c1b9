//! Text out of a log as a value of a result.
//!
//! Responsible for: how text that may be no UTF-8 is written as data: a string, or
//! `{"bytes":"<base64>"}`.
//! Must not know: which result it is part of, how people are shown it.
//! Tested by: the unit tests below, `tests/cli/schemas.rs`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::ser::{Serialize, SerializeMap as _, Serializer};

/// Bytes of a log, as they were read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogText(pub Vec<u8>);

impl From<&[u8]> for LogText {
    fn from(bytes: &[u8]) -> LogText {
        LogText(bytes.to_vec())
    }
}

impl Serialize for LogText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(&self.0) {
            Ok(text) => serializer.serialize_str(text),
            Err(_) => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("bytes", &STANDARD.encode(&self.0))?;
                map.end()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_is_no_utf8_is_base64() {
        let json = |bytes: &[u8]| serde_json::to_string(&LogText::from(bytes)).unwrap();
        assert_eq!(json(b"a\xffb"), r#"{"bytes":"Yf9i"}"#);
        assert_eq!(json("ü".as_bytes()), "\"ü\"");
    }
}
