//! Compression and foreign formats, recognised by their first bytes.
//!
//! Responsible for: a stream of plain bytes, whatever the input is packed with.
//! Must not know: lines.
//! Tested by: `fwstat/tests/cli/inputs.rs`.

use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::ulogd::{self, Ulogd};
use super::unfold::{Export, Objects};

/// How many bytes of an input are looked at.
pub const HEAD: usize = 256;

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
        [b'L', b'P', b'K', b'S', b'H', b'H', b'R', b'H', ..] => {
            ("is a journal file, which only journalctl reads", "journalctl --file FILE -k -o export | fwstat")
        }
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
}

/// The format of records that `head` begins, if it begins one.
#[must_use]
pub fn records(head: &[u8]) -> Option<Records> {
    if head.starts_with(b"__CURSOR=") || head.starts_with(b"__REALTIME_TIMESTAMP=") {
        return Some(Records::Export);
    }
    if ulogd::is_ulogd(head) {
        return Some(Records::Ulogd);
    }
    let compact: Vec<u8> = head.iter().copied().filter(|b| !b.is_ascii_whitespace()).take(10).collect();
    match &compact[..] {
        b"{\"dmesg\":[" => Some(Records::Objects(2)),
        [b'[', b'{', ..] => Some(Records::Objects(1)),
        // An object whose first line ends behind its bracket goes on below.
        [b'{', b'"', ..] if matches!(head, [b'{', b'\n' | b'\r', ..]) => Some(Records::Objects(0)),
        _ => None,
    }
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
        // A skippable frame may stand in front (pzstd writes them).
        [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Packing::Zstd),
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Packing::Xz),
        [b'B', b'Z', b'h', b'1'..=b'9', ..] => Some(Packing::Bzip2),
        _ => None,
    }
}

/// Counts the bytes that pass.
struct Counting<R> {
    inner: R,
    taken: Arc<AtomicU64>,
}

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.taken.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// What is counted on the way.
#[derive(Clone, Debug, Default)]
pub struct Meter {
    /// Bytes as they are stored.
    pub taken: Arc<AtomicU64>,
    /// Bytes after decompression, before records become lines.
    pub plain: Arc<AtomicU64>,
    /// Whether records of several lines became one line each.
    pub folded: bool,
}

/// A stream of plain bytes.
pub type Plain = Box<dyn Read + Send>;

/// Opens a stream: undoes its compression, turns records into lines.
///
/// # Errors
/// The first bytes cannot be read, or a decoder refuses to start.
pub fn open(inner: Plain, decompress: bool, meter: &mut Meter) -> io::Result<Plain> {
    let (head, stream) = peek(Box::new(Counting { inner, taken: Arc::clone(&meter.taken) }))?;
    let plain = match packing(&head).filter(|_| decompress) {
        None => return Ok(unfold(&head, stream, meter)),
        Some(Packing::Gzip) => packed("gzip", flate2::bufread::MultiGzDecoder::new(buffered(stream))),
        Some(Packing::Zstd) => packed("zstd", zstd::stream::read::Decoder::with_buffer(buffered(stream))?),
        Some(Packing::Xz) => packed("xz", liblzma::bufread::XzDecoder::new_multi_decoder(buffered(stream))),
        Some(Packing::Bzip2) => packed("bzip2", bzip2::bufread::MultiBzDecoder::new(buffered(stream))),
    };
    // A stream that ends in its first block still has its error to tell.
    let (head, plain) = peek(plain)?;
    Ok(unfold(&head, plain, meter))
}

/// Turns records of several lines into one line each.
fn unfold(head: &[u8], stream: Plain, meter: &mut Meter) -> Plain {
    let stream = Box::new(Counting { inner: stream, taken: Arc::clone(&meter.plain) });
    let records = records(head);
    meter.folded = matches!(records, Some(Records::Export | Records::Objects(_)));
    match records {
        Some(Records::Export) => Box::new(Export::new(stream)),
        Some(Records::Ulogd) => Box::new(Ulogd::new(stream)),
        Some(Records::Objects(level)) => Box::new(Objects::new(stream, level)),
        None => stream,
    }
}

fn buffered(stream: Plain) -> impl BufRead + Send {
    BufReader::with_capacity(128 << 10, stream)
}

/// The first bytes of a stream, and the stream as if they had not been read.
fn peek(mut stream: Plain) -> io::Result<(Vec<u8>, Plain)> {
    let mut head = vec![0; HEAD];
    let mut read = 0;
    let failed = loop {
        match stream.read(&mut head[read..]) {
            Ok(0) => break None,
            Ok(n) => read += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => break Some(error),
        }
        if read == head.len() {
            break None;
        }
    };
    head.truncate(read);
    let front = io::Cursor::new(head.clone());
    Ok(match failed {
        // What came before the error is good; the error comes when it is used up.
        Some(error) => (head, Box::new(front.chain(Fail::new(error)))),
        None => (head, Box::new(front.chain(stream))),
    })
}

/// A stream that is nothing but an error.
pub struct Fail(Option<io::Error>);

impl Fail {
    /// Gives this error once.
    #[must_use]
    pub fn new(error: io::Error) -> Fail {
        Fail(Some(error))
    }
}

impl Read for Fail {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
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

/// Reads until `buffer` is full or the input ends.
///
/// # Errors
/// Reading fails.
pub fn read_full(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut read = 0;
    while read < buffer.len() {
        match input.read(&mut buffer[read..]) {
            Ok(0) => break,
            Ok(n) => read += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}
