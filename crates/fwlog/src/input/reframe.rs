//! Records of the journal's export format, made into one line each.
//!
//! Responsible for: that format, and going on behind damage. Its records become JSON lines, which the parser reads.
//! Must not know: what a record says.
//! Tested by: the unit tests below, `fwstat/tests/cli/envelopes.rs`.

use std::io::{self, BufRead, BufReader, Read};

use super::bytes::{LONGEST_LINE, Plain, give};

/// The fields of the journal that say something about a packet's line.
const FIELDS: [&str; 8] = [
    "__REALTIME_TIMESTAMP",
    "_SOURCE_MONOTONIC_TIMESTAMP",
    "_HOSTNAME",
    "_TRANSPORT",
    "SYSLOG_IDENTIFIER",
    "PRIORITY",
    "SYSLOG_FACILITY",
    "MESSAGE",
];

/// A field's name with its sign, and under which name it is kept.
struct Field {
    name: Box<[u8]>,
    known: Option<&'static str>,
}

/// A value that was written with its length.
enum Value {
    Whole(Vec<u8>),
    /// No field ends where its length says.
    Damaged,
    /// Another record begins in what its length covers.
    Record,
}

/// Fields of a record that are remembered: a packet's has some twenty.
const FIELDS_KEPT: usize = 64;

/// No value of a journal is longer (`DATA_SIZE_MAX` of systemd): a larger length is damage.
const LONGEST_VALUE: u64 = 768 << 20;

/// The journal's export format as lines of JSON, one per record, numbered like the records.
pub struct Export {
    input: BufReader<Plain>,
    /// Whether other text is read too: there a record begins with its cursor or its moment only, as `IN=eth0 OUT=` may
    /// begin a line.
    among_text: bool,
    /// Whether there is anything in the record, and where in `out` it begins.
    begun: bool,
    start: usize,
    /// The fields of the record before, which this one has as well, and how many of them it had so far.
    order: Vec<Field>,
    place: usize,
    field: Vec<u8>,
    out: Vec<u8>,
    given: usize,
}

impl Export {
    /// Lines of a stream in the export format.
    #[must_use]
    pub fn new(input: Plain) -> Export {
        Export {
            input: BufReader::with_capacity(256 << 10, input),
            among_text: false,
            begun: false,
            start: 0,
            order: Vec::new(),
            place: 0,
            field: Vec::new(),
            out: Vec::new(),
            given: 0,
        }
    }

    /// Lines of a stream in which there are records of the export format among other text.
    #[must_use]
    pub fn among_text(input: Plain) -> Export {
        Export { among_text: true, ..Export::new(input) }
    }

    /// Whether a line without a record before it belongs to none.
    fn is_alone(&self, line: &[u8]) -> bool {
        self.among_text && !self.begun && !begins_export(line)
    }

    /// Reads on to the end of a record; `false` at the end of the stream.
    fn record(&mut self) -> io::Result<bool> {
        loop {
            if self.buffered_fields() && self.close() {
                return Ok(true);
            }
            self.field.clear();
            let line = (&mut self.input).take(LONGEST_LINE as u64).read_until(b'\n', &mut self.field)?;
            if line == 0 {
                return Ok(self.close());
            }
            if self.field.last() != Some(&b'\n') && line == LONGEST_LINE {
                skip_line(&mut self.input)?;
            }
            let field = self.field.strip_suffix(b"\n").unwrap_or(&self.field);
            if field.is_empty() {
                if self.close() {
                    return Ok(true);
                }
                continue;
            }
            let alone = self.is_alone(field);
            if let Some(at) = memchr::memchr(b'=', field).filter(|at| !alone && is_name(&field[..*at])) {
                let name = known(&field[..at]);
                self.begin();
                if let Some(name) = name {
                    let field = self.field.strip_suffix(b"\n").unwrap_or(&self.field);
                    keep(&mut self.out, self.start, name, &field[at + 1..]);
                }
                continue;
            }
            if alone || !is_name(field) {
                // Text between records, which ends one.
                let text = std::mem::take(&mut self.field);
                self.close();
                self.out.extend_from_slice(text.strip_suffix(b"\n").unwrap_or(&text));
                self.out.push(b'\n');
                self.field = text;
                return Ok(true);
            }
            // No `=`: the length follows in eight bytes, then the value, then a line end.
            let name = known(field);
            self.begin();
            match self.value()? {
                Value::Whole(value) => {
                    if let Some(name) = name {
                        keep(&mut self.out, self.start, name, &value);
                    }
                }
                Value::Damaged => return self.find_record(),
                Value::Record => return Ok(self.begin_next()),
            }
        }
    }

    /// Takes the fields whose lines are in the buffer already; whether an empty line ends them.
    fn buffered_fields(&mut self) -> bool {
        loop {
            let buffer = self.input.buffer();
            match buffer.first() {
                None => return false,
                Some(b'\n') => {
                    self.input.consume(1);
                    return true;
                }
                Some(_) if self.is_alone(buffer) => return false,
                Some(_) => {}
            }
            // Records of one writer have the same fields in the same order, mostly.
            let expected = self.order.get(self.place).filter(|field| buffer.starts_with(&field.name));
            let (at, known) = match expected {
                Some(field) => (field.name.len() - 1, field.known),
                None => {
                    let equals = buffer.iter().position(|byte| !is_part(*byte)).filter(|at| *at > 0);
                    let Some(at) = equals.filter(|at| buffer[*at] == b'=') else { return false };
                    let field = Field { name: buffer[..=at].into(), known: known(&buffer[..at]) };
                    let known = field.known;
                    if self.place < FIELDS_KEPT {
                        self.order.truncate(self.place);
                        self.order.push(field);
                    }
                    (at, known)
                }
            };
            let Some(length) = memchr::memchr(b'\n', &buffer[at..]) else { return false };
            let end = at + length;
            if end >= LONGEST_LINE {
                return false;
            }
            if !self.begun {
                (self.begun, self.start) = (true, self.out.len());
                self.out.push(b'{');
            }
            if let Some(name) = known {
                keep(&mut self.out, self.start, name, &buffer[at + 1..end]);
            }
            self.place += 1;
            self.input.consume(end + 1);
        }
    }

    /// A value of so many bytes, if a field ends there and no record begins before: that is left in `field`.
    fn value(&mut self) -> io::Result<Value> {
        let mut value = Vec::new();
        (&mut self.input).take(8).read_to_end(&mut value)?;
        let Some(length) = value.first_chunk().map(|length| u64::from_le_bytes(*length)) else {
            return Ok(Value::Damaged);
        };
        value.clear();
        if length > LONGEST_VALUE {
            return Ok(Value::Damaged);
        }
        let mut left = length;
        let mut after_empty = false;
        while left > 0 {
            self.field.clear();
            let most = left.min(LONGEST_LINE as u64);
            let read = (&mut self.input).take(most).read_until(b'\n', &mut self.field)?;
            if read == 0 {
                return Ok(Value::Damaged);
            }
            if after_empty && begins_export(&self.field) {
                // The rest of the line, if the length said that the value ends in it.
                (&mut self.input).take(LONGEST_LINE as u64).read_until(b'\n', &mut self.field)?;
                return Ok(Value::Record);
            }
            after_empty = self.field == b"\n";
            left -= read as u64;
            if value.len() < LONGEST_LINE {
                value.extend_from_slice(&self.field);
            }
        }
        let mut end = [0; 1];
        let ends = self.input.read(&mut end)? == 0 || end == *b"\n";
        Ok(if ends { Value::Whole(value) } else { Value::Damaged })
    }

    /// Ends a record that is not well formed and goes on at the next. What there is of it is a broken
    /// object, and counted as such.
    fn find_record(&mut self) -> io::Result<bool> {
        loop {
            self.field.clear();
            if (&mut self.input).take(LONGEST_LINE as u64).read_until(b'\n', &mut self.field)? == 0 {
                self.drop_record();
                return Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    "ends in the middle of a journal record; what came before was read",
                ));
            }
            if begins_export(&self.field) {
                return Ok(self.begin_next());
            }
        }
    }

    /// Puts out what there is of a broken record, and begins the one whose first line was read.
    fn begin_next(&mut self) -> bool {
        self.out.push(b'\n');
        self.begun = false;
        self.begin();
        let field = self.field.strip_suffix(b"\n").unwrap_or(&self.field);
        let at = memchr::memchr(b'=', field).unwrap_or(0);
        if let Some(name) = known(&field[..at]) {
            keep(&mut self.out, self.start, name, &field[at + 1..]);
        }
        true
    }

    /// Begins a record, if none is.
    fn begin(&mut self) {
        if !self.begun {
            (self.begun, self.start) = (true, self.out.len());
            self.out.push(b'{');
        }
    }

    /// Puts the record out, if there is one.
    fn close(&mut self) -> bool {
        self.place = 0;
        if !std::mem::take(&mut self.begun) {
            return false;
        }
        self.out.extend_from_slice(b"}\n");
        true
    }

    /// The length of what is put out of whole records.
    fn whole(&self) -> usize {
        if self.begun { self.start } else { self.out.len() }
    }

    /// Forgets what there is of a record.
    fn drop_record(&mut self) {
        if std::mem::take(&mut self.begun) {
            self.out.truncate(self.start);
        }
    }
}

/// Whether a line is the first of a record.
pub(super) fn begins_export(line: &[u8]) -> bool {
    line.starts_with(b"__CURSOR=") || line.starts_with(b"__REALTIME_TIMESTAMP=")
}

/// Whether this may be the name of one of the journal's fields.
fn is_name(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().copied().all(is_part)
}

/// Whether names have this byte.
fn is_part(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_'
}

fn known(name: &[u8]) -> Option<&'static str> {
    FIELDS.iter().copied().find(|known| known.as_bytes() == name)
}

/// Appends a field to the record that begins at `start`. A record that is longer than any line that is read gets
/// no more: it is long enough to be counted as such.
#[inline]
fn keep(out: &mut Vec<u8>, start: usize, name: &str, value: &[u8]) {
    if out.len() - start <= LONGEST_LINE {
        add(out, name, value);
    }
}

/// Whether a text means the same between quotes: printable ASCII but for the signs of JSON.
#[inline]
fn is_plain(text: &[u8]) -> bool {
    /// A length for which the loop below becomes a few vector instructions.
    const TOGETHER: usize = 32;
    let is_other = |byte: u8| byte.wrapping_sub(b' ') > b'~' - b' ' || byte == b'"' || byte == b'\\';
    let (whole, rest) = text.as_chunks::<TOGETHER>();
    let any = |bytes: &[u8; TOGETHER]| bytes.iter().fold(0, |any, byte| any | u8::from(is_other(*byte)));
    whole.iter().all(|bytes| any(bytes) == 0) && !rest.iter().any(|byte| is_other(*byte))
}

/// Appends a field to an object whose bracket was opened.
pub(super) fn add(record: &mut Vec<u8>, name: &str, value: &[u8]) {
    let separator: &[u8] = if matches!(record.last(), None | Some(b'{')) { b"\"" } else { b",\"" };
    record.extend_from_slice(separator);
    record.extend_from_slice(name.as_bytes());
    record.extend_from_slice(b"\":");
    // Nearly all values stay as they are.
    if is_plain(value) {
        record.push(b'"');
        record.extend_from_slice(value);
        record.push(b'"');
        return;
    }
    match std::str::from_utf8(value) {
        Ok(text) => {
            // Writing a string to a vector cannot fail.
            let _ = serde_json::to_writer(&mut *record, text);
        }
        Err(_) => {
            let _ = serde_json::to_writer(&mut *record, value);
        }
    }
}

fn skip_line(input: &mut impl BufRead) -> io::Result<()> {
    loop {
        let buffer = input.fill_buf()?;
        if buffer.is_empty() {
            return Ok(());
        }
        let (used, end) = memchr::memchr(b'\n', buffer).map_or((buffer.len(), false), |at| (at + 1, true));
        input.consume(used);
        if end {
            return Ok(());
        }
    }
}

impl Read for Export {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.given == self.whole() {
            self.out.drain(..self.given);
            (self.given, self.start) = (0, 0);
            // What there is is given before more is waited for.
            while self.whole() == 0
                || self.whole() < buffer.len().min(64 << 10) && !self.input.buffer().is_empty()
            {
                match self.record() {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(error) => {
                        self.drop_record();
                        if self.out.is_empty() {
                            return Err(error);
                        }
                        // First what is whole, then the error.
                        self.input = BufReader::new(Box::new(super::bytes::Fail::new(error)));
                        break;
                    }
                }
            }
        }
        let whole = self.whole();
        Ok(give(&self.out[..whole], &mut self.given, buffer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(mut input: impl Read) -> (String, Option<String>) {
        let mut all = Vec::new();
        let error = input.read_to_end(&mut all).err().map(|error| error.to_string());
        (String::from_utf8(all).unwrap(), error)
    }

    fn export(bytes: &[u8]) -> (String, Option<String>) {
        text(Export::new(Box::new(io::Cursor::new(bytes.to_vec()))))
    }

    #[test]
    fn export_records_become_lines() {
        let mut bytes = b"__CURSOR=s=1\n__REALTIME_TIMESTAMP=17\nMESSAGE=a \"b\"\nX=1\n\nMESSAGE\n".to_vec();
        bytes.extend_from_slice(&4u64.to_le_bytes());
        bytes.extend_from_slice(b"a\nb\xff\nOTHER\n");
        bytes.extend_from_slice(&2u64.to_le_bytes());
        bytes.extend_from_slice(b"\n\n\n_HOSTNAME=h\n");
        assert_eq!(
            export(&bytes),
            (
                "{\"__REALTIME_TIMESTAMP\":\"17\",\"MESSAGE\":\"a \\\"b\\\"\"}\n\
                 {\"MESSAGE\":[97,10,98,255],\"_HOSTNAME\":\"h\"}\n"
                    .to_owned(),
                None
            )
        );
    }

    #[test]
    fn a_cut_export_gives_what_is_whole() {
        let mut bytes = b"MESSAGE=one\n\nMESSAGE\n".to_vec();
        bytes.extend_from_slice(&u64::MAX.to_le_bytes());
        bytes.extend_from_slice(b"short");
        let (lines, error) = export(&bytes);
        assert_eq!(lines, "{\"MESSAGE\":\"one\"}\n");
        assert!(error.unwrap().contains("in the middle of a journal record"));
    }

    #[test]
    fn a_damaged_export_goes_on_at_the_next_record() {
        let good = "__CURSOR=s=1\n__REALTIME_TIMESTAMP=17\nMESSAGE=one\n\n".as_bytes();
        for damage in [
            [&b"__CURSOR=s=2\nMESSAGE\n"[..], &9u64.to_le_bytes(), b"short\n\n"].concat(),
            [&b"__CURSOR=s=2\nMESSAGE\n"[..], &u64::MAX.to_le_bytes(), b"long\n\n"].concat(),
            b"Jun 30 06:06:13 gw kernel: text\n".to_vec(),
            b"__CURSOR=s=2\nMESS".to_vec(),
        ] {
            let (lines, error) = export(&[good, &damage, b"\n", good].concat());
            let whole =
                lines.lines().filter(|line| *line == "{\"__REALTIME_TIMESTAMP\":\"17\",\"MESSAGE\":\"one\"}");
            assert_eq!((whole.count(), error), (2, None), "{lines}");
        }
    }
}
