//! Compression and foreign formats, recognised by their first bytes.
//!
//! Responsible for: a stream of plain bytes, whatever the input is packed with.
//! Must not know: lines.
//! Tested by: `fwstat/tests/cli/inputs.rs`.

use std::io::{self, Read};
use std::sync::Arc;

use super::bytes::{Counting, Meter, Plain, buffered, peek};
use super::dmesg::{self, Human};
use super::journal::SIGNATURE;
use super::reframe::{self, Export, Objects};
use super::ulogd::{self, Ulogd};

/// What a file is that holds no lines.
pub struct Foreign {
    /// What it is.
    pub reason: &'static str,
    /// What to do.
    pub hint: &'static str,
}

/// A format that is not text and that we can name.
#[must_use]
pub fn foreign(head: &[u8]) -> Option<Foreign> {
    let (reason, hint) = match head {
        [0xd4, 0xc3, 0xb2, 0xa1, ..] | [0xa1, 0xb2, 0xc3, 0xd4, ..] | [0x0a, 0x0d, 0x0d, 0x0a, ..] => {
            ("is a packet capture, not a log", "fwstat reads the text that a LOG rule writes")
        }
        [0x7f, b'E', b'L', b'F', ..] => ("is a program, not a log", "check the name"),
        [b'P', b'K', 3, 4, ..] => ("is a zip archive", "unzip -p FILE | fwstat"),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => {
            ("is text in UTF-16, as Windows saves it", "iconv -f UTF-16 -t UTF-8 FILE | fwstat")
        }
        _ => return None,
    };
    Some(Foreign { reason, hint })
}

/// Whether the bytes begin a compressed stream.
#[must_use]
pub fn is_compressed(head: &[u8]) -> bool {
    packing(head).is_some()
}

/// Whether the bytes begin a file whose records are not lines: the journal's export format,
/// `dmesg --json`.
#[must_use]
pub fn is_records(head: &[u8]) -> bool {
    records(head).is_some()
}

/// Formats of records that are not lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Records {
    /// `journalctl -o export`.
    Export,
    /// ulogd2's JSON, a line per packet in words of its own.
    Ulogd,
    /// JSON objects over several lines, at this depth: `journalctl -o json-pretty` (0), an array (1),
    /// `dmesg --json` (2).
    Objects(usize),
    /// `dmesg -H`: lines, but each counts from the one before.
    Human,
}

/// The format of records that `head` begins, if it begins one.
#[must_use]
pub fn records(head: &[u8]) -> Option<Records> {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    // What was cut at its beginning, or follows text, is found by the lines below.
    let mut lines = head.split(|byte| *byte == b'\n');
    if lines.clone().any(reframe::begins_export) {
        return Some(Records::Export);
    }
    if dmesg::is_human(head) {
        return Some(Records::Human);
    }
    let compact: Vec<u8> = head.iter().copied().filter(|b| !b.is_ascii_whitespace()).take(10).collect();
    match &compact[..] {
        b"{\"dmesg\":[" => return Some(Records::Objects(2)),
        [b'[', b'{', b'"' | b'}', ..] => return Some(Records::Objects(1)),
        _ => {}
    }
    // An object whose first line ends after its bracket goes on below.
    if lines.clone().any(|line| matches!(line, b"{" | b"{\r")) {
        return Some(Records::Objects(0));
    }
    lines.any(ulogd::is_ulogd).then_some(Records::Ulogd)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Packing {
    Gzip,
    Zstd,
    Xz,
    Bzip2,
}

fn packing(head: &[u8]) -> Option<Packing> {
    match head {
        [0x1f, 0x8b, ..] => Some(Packing::Gzip),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Packing::Zstd),
        // A skippable frame may come before (pzstd writes them).
        [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Packing::Zstd),
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Packing::Xz),
        [b'B', b'Z', b'h', b'1'..=b'9', ..] => Some(Packing::Bzip2),
        _ => None,
    }
}

/// What is in a stream.
pub enum Decoded {
    /// Text, or records as one line each.
    Lines(Plain),
    /// A journal file, which no stream can be read as: see [`spool`](super::journal::spool).
    Journal(Plain),
}

/// Opens a stream: undoes its compression, turns records into lines.
///
/// # Errors
/// The first bytes cannot be read, or a decoder refuses to start.
pub fn open(inner: Plain, decompress: bool, meter: &mut Meter) -> io::Result<Decoded> {
    let (head, stream) = peek(Box::new(Counting::new(inner, Arc::clone(&meter.taken))))?;
    let plain = match packing(&head).filter(|_| decompress) {
        None => return Ok(lines_of(&head, stream, meter)),
        Some(Packing::Gzip) => packed("gzip", flate2::bufread::MultiGzDecoder::new(buffered(stream))),
        Some(Packing::Zstd) => packed("zstd", zstd::stream::read::Decoder::with_buffer(buffered(stream))?),
        Some(Packing::Xz) => packed("xz", liblzma::bufread::XzDecoder::new_multi_decoder(buffered(stream))),
        Some(Packing::Bzip2) => packed("bzip2", bzip2::bufread::MultiBzDecoder::new(buffered(stream))),
    };
    // A stream that ends in its first block still has its error to tell.
    let (head, plain) = peek(plain)?;
    Ok(lines_of(&head, plain, meter))
}

/// Turns records of several lines into one line each.
fn lines_of(head: &[u8], stream: Plain, meter: &mut Meter) -> Decoded {
    if head.starts_with(SIGNATURE) {
        return Decoded::Journal(stream);
    }
    let stream = Box::new(Counting::new(stream, Arc::clone(&meter.plain)));
    let records = records(head);
    meter.folded = matches!(records, Some(Records::Export | Records::Objects(_)));
    Decoded::Lines(match records {
        Some(Records::Export) => Box::new(Export::new(stream)),
        Some(Records::Ulogd) => Box::new(Ulogd::new(stream)),
        Some(Records::Human) => Box::new(Human::new(stream)),
        // ulogd's objects may be spread over lines too.
        Some(Records::Objects(level)) => Box::new(Ulogd::new(Box::new(Objects::new(stream, level)))),
        None => stream,
    })
}

/// A decoder whose errors say what was being decoded, and how far it came.
struct Packed<R> {
    what: &'static str,
    inner: R,
    given: u64,
}

fn packed(what: &'static str, inner: impl Read + Send + 'static) -> Plain {
    Box::new(Packed { what, inner, given: 0 })
}

impl<R: Read> Read for Packed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.inner.read(buffer) {
            Ok(read) => {
                self.given += read as u64;
                Ok(read)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                let how = match error.kind() {
                    io::ErrorKind::UnexpectedEof => "ends in the middle",
                    _ => "is damaged",
                };
                let far = match self.given {
                    0 => "before any text".to_owned(),
                    given => {
                        format!("after {} of text; what came before was read", crate::text::bytes(given))
                    }
                };
                let text = format!("the {} data {how}, {far}", self.what);
                Err(io::Error::new(error.kind(), text))
            }
        }
    }
}
