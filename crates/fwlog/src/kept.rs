//! States: what was counted, in a file.
//!
//! Responsible for: the form of such a file and its version, and saying what is wrong with bytes that are none.
//! Must not know: what was asked and counted, where the file lies.
//! Tested by: the unit tests below, `fwstat/tests/cli/states.rs`.
//!
//! The first line is `fwstat.state/2`. Behind it is one zstd frame with a checksum. In it, as
//! [`aggregate::state`](crate::aggregate::state) writes numbers and bytes: the head, a JSON object as text; the number of
//! parts; each part as bytes. `docs/src/states.md` has what they are of.

use std::io::{Read, Write as _};

use serde_json::{Map, Value};

use crate::aggregate::state::{Reader, Writer};

/// How the first line begins, before the version.
const NAME: &[u8] = b"fwstat.state/";
/// The version that is written and read.
const VERSION: &[u8] = b"2\n";
/// What a state may have unpacked.
const MOST: u64 = 4 << 30;
/// How much the packing tries: more takes longer and gives nothing, since keys are packed before.
const LEVEL: i32 = 1;

/// What a state holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Kept {
    /// What was asked, and of what.
    pub head: Map<String, Value>,
    /// The answers, one after another.
    pub parts: Vec<Vec<u8>>,
}

/// Why bytes are no state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeptError {
    /// They are something else.
    Other,
    /// They are a state of a version that is not known.
    Version(String),
    /// They are damaged.
    Damaged(String),
}

impl std::fmt::Display for KeptError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            KeptError::Other => f.write_str("this is no state of fwstat"),
            KeptError::Version(version) => write!(
                f,
                "its form is `fwstat.state/{version}`, and this program knows fwstat.state/2: it was written by another version"
            ),
            KeptError::Damaged(why) => write!(f, "this state is damaged: {why}"),
        }
    }
}

impl std::error::Error for KeptError {}

/// Whether a file that begins so is a state, of any version.
#[must_use]
pub fn is_state(head: &[u8]) -> bool {
    head.starts_with(NAME)
}

impl Kept {
    /// The bytes of the file.
    ///
    /// # Errors
    /// There is no memory to pack it.
    pub fn to_bytes(&self) -> std::io::Result<Vec<u8>> {
        Kept::pack(&self.head, self.parts.iter())
    }

    /// The same of a head and parts, each of which is made when the one before is packed.
    ///
    /// # Errors
    /// There is no memory to pack it.
    pub fn pack<P: AsRef<[u8]>>(
        head: &Map<String, Value>,
        parts: impl ExactSizeIterator<Item = P>,
    ) -> std::io::Result<Vec<u8>> {
        let mut packer = zstd::Encoder::new([NAME, VERSION].concat(), LEVEL)?;
        packer.include_checksum(true)?;
        let mut first = Writer::default();
        first.bytes(serde_json::to_string(head)?.as_bytes());
        first.number(parts.len() as u64);
        packer.write_all(&first.finish())?;
        for part in parts {
            // As it is: it may be as large as all of its table.
            let part = part.as_ref();
            let mut len = Writer::default();
            len.number(part.len() as u64);
            packer.write_all(&len.finish())?;
            packer.write_all(part)?;
        }
        packer.finish()
    }

    /// Reads what [`Kept::to_bytes`] wrote.
    ///
    /// # Errors
    /// It is something else, of another version, or damaged.
    pub fn from_bytes(bytes: &[u8]) -> Result<Kept, KeptError> {
        let damaged = |why: &str| KeptError::Damaged(why.to_owned());
        let rest = bytes.strip_prefix(NAME).ok_or(KeptError::Other)?;
        let Some(packed) = rest.strip_prefix(VERSION) else {
            let version: Vec<u8> = rest.iter().copied().take_while(u8::is_ascii_digit).take(9).collect();
            return Err(match version.is_empty() || version == VERSION[..1] {
                true => damaged("its first line is not that of a state"),
                false => KeptError::Version(String::from_utf8_lossy(&version).into_owned()),
            });
        };
        let decoder =
            zstd::Decoder::with_buffer(packed).map_err(|error| KeptError::Damaged(error.to_string()))?;
        let mut from = Unpacked(decoder.single_frame().take(MOST));
        let head = serde_json::from_slice(&from.bytes()?);
        let head = head.map_err(|error| KeptError::Damaged(format!("its head: {error}")))?;
        let parts = (0..from.number()?).map(|_| from.bytes()).collect::<Result<_, _>>()?;
        // To its end, where the checksum is.
        if !from.some(1)?.is_empty() || !from.0.into_inner().finish().is_empty() {
            return Err(damaged("there is something behind its end"));
        }
        Ok(Kept { head, parts })
    }
}

/// What is in the frame of a state, each part where it will stay: together they may be all the memory that there is.
struct Unpacked<R>(R);

impl<R: Read> Unpacked<R> {
    /// So many bytes, or those that there are.
    fn some(&mut self, len: u64) -> Result<Vec<u8>, KeptError> {
        let mut bytes = Vec::new();
        let read = self.0.by_ref().take(len).read_to_end(&mut bytes);
        read.map_err(|error| KeptError::Damaged(error.to_string()))?;
        Ok(bytes)
    }

    fn number(&mut self) -> Result<u64, KeptError> {
        let mut bytes = Vec::new();
        while bytes.last().is_none_or(|last| *last >= 0x80) && bytes.len() < 10 {
            let next = self.some(1)?;
            if next.is_empty() {
                break;
            }
            bytes.extend(next);
        }
        Reader::new(&bytes).number().map_err(|error| KeptError::Damaged(error.0.to_owned()))
    }

    /// Bytes behind their number.
    fn bytes(&mut self) -> Result<Vec<u8>, KeptError> {
        let len = self.number()?;
        let bytes = self.some(len)?;
        match bytes.len() as u64 == len {
            true => Ok(bytes),
            false => Err(KeptError::Damaged("its end is missing".to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_damage_is_said() {
        let mut kept = Kept::default();
        kept.head.insert("zone".to_owned(), "UTC".into());
        kept.parts = vec![b"one".to_vec(), Vec::new(), vec![7; 1_000]];
        let bytes = kept.to_bytes().unwrap();
        assert!(is_state(&bytes));
        assert_eq!(Kept::from_bytes(&bytes), Ok(kept));
        for end in 0..bytes.len() {
            assert!(Kept::from_bytes(&bytes[..end]).is_err(), "cut at {end}");
        }
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut other = bytes.clone();
                other[at] ^= 1 << bit;
                // Some bits of a zstd frame mean nothing: then nothing is different.
                if let Ok(read) = Kept::from_bytes(&other) {
                    assert_eq!(Ok(read), Kept::from_bytes(&bytes), "bit {bit} of {at}");
                }
            }
        }
        assert!(matches!(Kept::from_bytes(&[&bytes[..], b"x"].concat()), Err(KeptError::Damaged(_))));
        for other in ["1", "3"] {
            let bytes = [b"fwstat.state/", other.as_bytes(), b"\n", &bytes[15..]].concat();
            assert_eq!(Kept::from_bytes(&bytes), Err(KeptError::Version(other.to_owned())));
        }
        assert_eq!(Kept::from_bytes(b"Jun 30 06:06:13 gw kernel:"), Err(KeptError::Other));
    }
}
