//! Places in logs, kept from one run to the next.
//!
//! Responsible for: the form in which they are kept: JSON, with a version.
//! Must not know: where that is written, how a place is found again (`follower`).
//! Tested by: the unit tests below, `fwstat/tests/cli/follow.rs`.

use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::place::Place;

/// The form's name, with its version.
const SCHEMA: &str = "fwstat.cursor/1";

/// How far logs were read.
///
/// ```
/// use fwlog::input::follow::Cursor;
///
/// let text = r#"{"schema": "fwstat.cursor/1", "logs": []}"#;
/// assert!(Cursor::from_json(text.as_bytes()).is_ok());
/// assert!(Cursor::from_json(b"{}").is_err());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// Logs, and the places in the files that they are made of.
    pub(super) logs: Vec<(PathBuf, Vec<Place>)>,
}

/// Why bytes are no cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CursorError(String);

impl std::fmt::Display for CursorError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for CursorError {}

#[derive(Serialize, Deserialize)]
struct Kept {
    schema: String,
    logs: Vec<KeptLog>,
}

#[derive(Serialize, Deserialize)]
struct KeptLog {
    /// A path is bytes: what is no UTF-8 is kept as hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_hex: Option<String>,
    places: Vec<KeptPlace>,
}

#[derive(Serialize, Deserialize)]
struct KeptPlace {
    device: u64,
    inode: u64,
    offset: u64,
    line: u64,
    head: String,
    tail: String,
}

impl Cursor {
    /// Reads what [`Cursor::to_json`] wrote.
    ///
    /// # Errors
    /// It is damaged, or of a version that is not known.
    pub fn from_json(bytes: &[u8]) -> Result<Cursor, CursorError> {
        let damaged = |what: String| CursorError(format!("this is no cursor of fwstat: {what}"));
        let kept: Kept = serde_json::from_slice(bytes).map_err(|error| damaged(error.to_string()))?;
        if kept.schema != SCHEMA {
            return Err(CursorError(format!(
                "its form is `{}`, and this program knows {SCHEMA}",
                kept.schema
            )));
        }
        let logs = kept.logs.into_iter().map(|log| {
            let path = match (log.path, log.path_hex) {
                (Some(path), None) => PathBuf::from(path),
                (None, Some(hex)) => PathBuf::from(std::ffi::OsString::from_vec(from_hex(&hex)?)),
                _ => return None,
            };
            let places = log.places.iter().map(KeptPlace::place).collect::<Option<_>>()?;
            Some((path, places))
        });
        let logs =
            logs.collect::<Option<_>>().ok_or_else(|| damaged("a place in it is damaged".to_owned()))?;
        Ok(Cursor { logs })
    }

    /// The text that is kept.
    #[must_use]
    pub fn to_json(&self) -> String {
        let log = |(path, places): &(PathBuf, Vec<Place>)| KeptLog {
            path: path.to_str().map(str::to_owned),
            path_hex: path.to_str().is_none().then(|| hex(path.as_os_str().as_bytes())),
            places: places.iter().map(KeptPlace::of).collect(),
        };
        let kept = Kept { schema: SCHEMA.to_owned(), logs: self.logs.iter().map(log).collect() };
        let mut text = serde_json::to_string_pretty(&kept).unwrap_or_default();
        text.push('\n');
        text
    }

    /// The places in a log; `None` if it was never read.
    pub(super) fn of(&self, path: &Path) -> Option<&[Place]> {
        self.logs.iter().find(|(known, _)| known == path).map(|(_, places)| &places[..])
    }

    /// Puts the places in a log in the place of those that were known.
    pub(super) fn set(&mut self, path: &Path, places: Vec<Place>) {
        match self.logs.iter_mut().find(|(known, _)| known == path) {
            Some((_, known)) => *known = places,
            None => self.logs.push((path.to_owned(), places)),
        }
    }
}

impl KeptPlace {
    fn of(place: &Place) -> KeptPlace {
        let (device, inode) = place.id;
        KeptPlace {
            device,
            inode,
            offset: place.at,
            line: place.line,
            head: hex(&place.head),
            tail: hex(&place.tail),
        }
    }

    /// `None` if its parts do not fit each other.
    fn place(&self) -> Option<Place> {
        let (head, tail) = (from_hex(&self.head)?, from_hex(&self.tail)?);
        let fits = |bytes: &[u8]| bytes.len() as u64 <= self.offset && bytes.is_empty() == (self.offset == 0);
        (fits(&head) && fits(&tail) && self.line > 0).then_some(Place {
            id: (self.device, self.inode),
            at: self.offset,
            line: self.line,
            head,
            tail,
        })
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes().chunks(2);
    digits
        .map(|pair| {
            u8::from_str_radix(std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?, 16).ok()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_and_damage_is_said() {
        let place = Place { id: (3, 7), at: 9, line: 2, head: b"\x00ab".to_vec(), tail: b"\xff\n".to_vec() };
        let mut cursor = Cursor::default();
        cursor.set(Path::new("/var/log/kern.log"), vec![place.clone()]);
        cursor.set(Path::new(std::ffi::OsStr::from_bytes(b"/tmp/\xff")), Vec::new());
        let text = cursor.to_json();
        assert_eq!(Cursor::from_json(text.as_bytes()).unwrap(), cursor);
        assert_eq!(cursor.of(Path::new("/var/log/kern.log")), Some(&[place][..]));
        assert_eq!(cursor.of(Path::new("kern.log")), None);
        for (from, to) in
            [("cursor/1", "cursor/2"), ("ff0a", "ff0"), ("\"line\": 2", "\"line\": 0"), ("}", "")]
        {
            let damaged = text.replace(from, to);
            assert!(damaged != text && Cursor::from_json(damaged.as_bytes()).is_err(), "{from}");
        }
    }
}
