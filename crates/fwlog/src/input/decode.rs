//! Compression and foreign formats, recognised by their first bytes.
//!
//! Responsible for: a stream of plain bytes, whatever the input is packed with.
//! Must not know: lines.
//! Tested by: `fwstat/tests/cli/inputs.rs`.

use std::io;
use std::sync::Arc;

use super::bytes::{Counting, Meter, Plain, peek};
use super::dmesg;
use super::envelope::{self, Head};
use super::journal::SIGNATURE;
use super::months;
use super::reframe::{self, Export};
use super::ulogd;
use super::unpack::{Packing, Unpacked};
use super::watch::{self, Watched};

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
        _ if head.starts_with(b"fwstat.state/") => {
            ("is a state of fwstat, not a log", "fwstat alone, top, timeline, diff and merge ask it")
        }
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => UTF_16,
        _ if is_utf_16(head) => UTF_16,
        _ => return None,
    };
    Some(Foreign { reason, hint })
}

const UTF_16: (&str, &str) =
    ("is text in UTF-16, as Windows saves it", "iconv -f UTF-16 -t UTF-8 FILE | fwstat");

/// Whether a text without a mark is in UTF-16: every other byte is 0, the others are not.
fn is_utf_16(head: &[u8]) -> bool {
    const ENOUGH: usize = 16;
    let pairs = head.chunks_exact(2);
    let every = |zero: usize| pairs.clone().all(|pair| pair[zero] == 0 && pair[1 - zero] != 0);
    head.len() >= ENOUGH && (every(0) || every(1))
}

/// Formats of records that are not lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Records {
    /// `journalctl -o export`.
    Export,
    /// ulogd2's JSON, a line per packet in words of its own.
    Ulogd,
    /// JSON objects over several lines or in lists: `journalctl -o json-pretty`, arrays, `dmesg --json`, answers of
    /// Elastic and Loki.
    Objects,
    /// `dmesg -H`: lines, but each counts from the one before.
    Human,
}

/// How answers begin that hold a list of records, without blanks.
const ANSWERS: [&[u8]; 11] = [
    b"{\"dmesg\":[",
    b"{\"took\":",
    b"{\"hits\":",
    b"{\"status\":\"success\",",
    b"{\"data\":{\"resultType\"",
    b"{\"data\":{\"result\":[",
    b"{\"streams\":[",
    b"{\"stream\":{",
    b"{\"events\":[",
    b"{\"resourceLogs\":[{",
    b"{\"records\":[{",
];

/// The longest of them, and more.
const ANSWER_HEAD: usize = 24;

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
    let compact: Vec<u8> =
        head.iter().copied().filter(|b| !b.is_ascii_whitespace()).take(ANSWER_HEAD).collect();
    if matches!(&compact[..], [b'[', b'{', b'"' | b'}', ..])
        || ANSWERS.iter().any(|answer| compact.starts_with(answer))
    {
        return Some(Records::Objects);
    }
    // An object whose first line ends after its bracket goes on below.
    if lines.clone().any(|line| matches!(line, b"{" | b"{\r")) {
        return Some(Records::Objects);
    }
    lines.any(ulogd::is_ulogd).then_some(Records::Ulogd)
}

/// How an input's bytes become lines.
#[derive(Clone, Debug)]
pub struct Decoding {
    /// Whether compressed input is unpacked.
    pub decompress: bool,
    /// The head of lines, where the user described it.
    pub envelope: Option<Arc<Head>>,
}

impl Default for Decoding {
    /// Compressed input is unpacked, heads are those that the parser knows.
    fn default() -> Decoding {
        Decoding { decompress: true, envelope: None }
    }
}

impl Decoding {
    /// The same without unpacking.
    #[must_use]
    pub fn as_it_is(&self) -> Decoding {
        Decoding { decompress: false, envelope: self.envelope.clone() }
    }

    /// Whether a file with these first bytes is read in place.
    #[must_use]
    pub fn is_text(&self, head: &[u8]) -> bool {
        let packed = self.decompress && Packing::of(head).is_some();
        !packed && records(head).is_none() && self.envelope.is_none() && !months::may_clash(head)
    }
}

/// What is in a stream.
pub enum Decoded {
    /// Text, or records as one line each.
    Lines(Plain),
    /// A journal file, which no stream can be read as: see [`spool`](super::journal::spool).
    Journal(Plain),
}

/// How many packings around each other are undone: a log that was packed by two rotations.
const NESTED: usize = 3;

/// Opens a stream: undoes its compression, turns records into lines.
///
/// # Errors
/// The first bytes cannot be read, a decoder refuses to start, or what is inside is no text.
pub fn open(inner: Plain, decoding: &Decoding, meter: &mut Meter) -> io::Result<Decoded> {
    let (mut head, mut stream) = peek(Box::new(Counting::new(inner, Arc::clone(&meter.taken))))?;
    for _ in 0..NESTED {
        let Some(packing) = Packing::of(&head).filter(|_| decoding.decompress) else { break };
        meter.pauses.tell(false);
        // A stream that ends in its first block still has its error to tell.
        (head, stream) = peek(Box::new(Unpacked::new(packing, stream)?))?;
    }
    if let Some(Foreign { reason, hint }) = foreign(&head) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("{reason}: {hint}")));
    }
    Ok(lines_of(&head, stream, decoding, meter))
}

/// Turns records of several lines into one line each.
fn lines_of(head: &[u8], stream: Plain, decoding: &Decoding, meter: &mut Meter) -> Decoded {
    if head.starts_with(SIGNATURE) {
        meter.pauses.tell(false);
        return Decoded::Journal(stream);
    }
    let stream = Box::new(Counting::new(stream, Arc::clone(&meter.plain)));
    let records = records(head);
    meter.folded = matches!(records, Some(Records::Export | Records::Objects));
    let pauses = meter.pauses.clone();
    Decoded::Lines(match records {
        Some(Records::Human) => dmesg::moments(stream),
        // Its records are lines already; what else there is begins below.
        Some(Records::Export) => {
            let (lines, pauses) = watch::beside(&pauses, Box::new(Export::new(stream)));
            Box::new(Watched::new(lines, pauses))
        }
        Some(_) => watch::beside(&pauses, watch::records(stream)).0,
        None => match &decoding.envelope {
            Some(head) => envelope::rewritten(stream, Arc::clone(head)),
            None if months::may_clash(head) => {
                let (stream, doubt) = months::settled(stream);
                meter.doubt = doubt;
                stream
            }
            None => Box::new(Watched::new(stream, pauses)),
        },
    })
}
