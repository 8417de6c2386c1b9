//! Records of several lines, made into one line each.
//!
//! Responsible for: the journal's export format and JSON objects spread over lines (`dmesg
//! --json`, `journalctl -o json-pretty`, arrays). Both become JSON lines, which the parser reads.
//! Must not know: what a record says.
//! Tested by: the unit tests below, `fwstat/tests/cli/envelopes.rs`.

use std::io::{self, BufRead, BufReader, Read};

use super::bytes::LONGEST_LINE;
use super::bytes::Plain;

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

/// The journal's export format as lines of JSON, one per record, numbered like the records.
pub struct Export {
    input: BufReader<Plain>,
    /// The record so far, and whether there is anything in it.
    record: Vec<u8>,
    begun: bool,
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
            record: Vec::new(),
            begun: false,
            field: Vec::new(),
            out: Vec::new(),
            given: 0,
        }
    }

    /// Reads on to the end of a record; `false` at the end of the stream.
    fn record(&mut self) -> io::Result<bool> {
        loop {
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
            self.begun = true;
            if let Some(at) = memchr::memchr(b'=', field) {
                if let Some(name) = known(&field[..at]) {
                    keep(&mut self.record, name, &field[at + 1..]);
                }
                continue;
            }
            // No `=`: the length follows in eight bytes, then the value, then a line end.
            let name = known(field);
            let mut length = [0; 8];
            self.input.read_exact(&mut length)?;
            let length = u64::from_le_bytes(length);
            let limit = length.min(LONGEST_LINE as u64);
            let mut value = Vec::new();
            let kept = (&mut self.input).take(limit).read_to_end(&mut value)? as u64;
            let left = io::copy(&mut (&mut self.input).take(length - kept), &mut io::sink())?;
            if kept + left < length {
                return Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    "ends in the middle of a journal record; what came before was read",
                ));
            }
            let mut end = [0; 1];
            if self.input.read(&mut end)? == 1 && end != *b"\n" {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "holds a journal record that is not well formed; what came before was read",
                ));
            }
            if let Some(name) = name {
                keep(&mut self.record, name, &value);
            }
        }
    }

    /// Puts the record out, if there is one.
    fn close(&mut self) -> bool {
        if !std::mem::take(&mut self.begun) {
            return false;
        }
        self.out.push(b'{');
        self.out.append(&mut self.record);
        self.out.extend_from_slice(b"}\n");
        true
    }
}

fn known(name: &[u8]) -> Option<&'static str> {
    FIELDS.into_iter().find(|known| known.as_bytes() == name)
}

/// Appends a field to a record. A record that is longer than any line that is read gets no more:
/// it is long enough to be counted as such.
fn keep(record: &mut Vec<u8>, name: &str, value: &[u8]) {
    if record.len() <= LONGEST_LINE {
        add(record, name, value);
    }
}

/// Appends a field to an object.
pub(super) fn add(record: &mut Vec<u8>, name: &str, value: &[u8]) {
    if !record.is_empty() {
        record.push(b',');
    }
    record.push(b'"');
    record.extend_from_slice(name.as_bytes());
    record.extend_from_slice(b"\":");
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
        if self.given == self.out.len() {
            self.out.clear();
            self.given = 0;
            while self.out.len() < buffer.len().min(64 << 10) {
                match self.record() {
                    Ok(true) => {}
                    Ok(false) => break,
                    // First what is whole, then the error.
                    Err(error) if self.out.is_empty() => return Err(error),
                    Err(error) => {
                        self.input = BufReader::new(Box::new(super::bytes::Fail::new(error)));
                        self.record.clear();
                        self.begun = false;
                        break;
                    }
                }
            }
        }
        let part = &self.out[self.given..];
        let len = part.len().min(buffer.len());
        buffer[..len].copy_from_slice(&part[..len]);
        self.given += len;
        Ok(len)
    }
}

/// JSON objects that are spread over lines, as one line each.
pub struct Objects {
    input: BufReader<Plain>,
    /// How deep in other brackets a record is: 0 when objects simply follow each other, 1 in an
    /// array, 2 in `{"dmesg":[`.
    level: usize,
    depth: usize,
    in_string: bool,
    escaped: bool,
    out: Vec<u8>,
    given: usize,
}

impl Objects {
    /// The objects at some depth of a stream.
    #[must_use]
    pub fn new(input: Plain, level: usize) -> Objects {
        Objects {
            input: BufReader::with_capacity(64 << 10, input),
            level,
            depth: 0,
            in_string: false,
            escaped: false,
            out: Vec::new(),
            given: 0,
        }
    }
}

impl Objects {
    /// Goes on over what was read, and puts out what belongs to a record.
    fn fold(&mut self) -> io::Result<bool> {
        let input = self.input.fill_buf()?;
        for byte in input {
            let inside = self.depth > self.level;
            if self.in_string {
                match byte {
                    _ if self.escaped => self.escaped = false,
                    b'\\' => self.escaped = true,
                    b'"' => self.in_string = false,
                    _ => {}
                }
                if inside {
                    // No string of JSON holds a line end, but a broken writer's may.
                    self.out.push(if *byte == b'\n' { b' ' } else { *byte });
                }
                continue;
            }
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    if inside && self.depth == self.level {
                        self.out.extend_from_slice(&[*byte, b'\n']);
                        continue;
                    }
                }
                _ => {}
            }
            if self.depth > self.level && !matches!(byte, b'\n' | b'\r' | b'\t') {
                self.out.push(*byte);
            }
        }
        let used = input.len();
        self.input.consume(used);
        Ok(used > 0)
    }
}

impl Read for Objects {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.given == self.out.len() {
            self.out.clear();
            self.given = 0;
            while self.out.is_empty() && self.fold()? {}
        }
        let part = &self.out[self.given..];
        let len = part.len().min(buffer.len());
        buffer[..len].copy_from_slice(&part[..len]);
        self.given += len;
        Ok(len)
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
    fn objects_over_lines_become_lines() {
        let dmesg = "{\n \"dmesg\": [\n  {\n   \"pri\": 4,\n   \"time\":    1.000000,\n   \"msg\": \"a } \\\" ] b\"\n  },{\n   \
                     \"msg\": \"c\", \"x\": [1, {}]\n  }\n ]\n}\n";
        let (lines, _) = text(Objects::new(Box::new(io::Cursor::new(dmesg.as_bytes().to_vec())), 2));
        let lines: Vec<&str> = lines.lines().collect();
        assert_eq!(lines.len(), 2, "{lines:?}");
        let first: serde_json::Value = serde_json::from_str(lines[0]).unwrap();
        assert_eq!(first["msg"], "a } \" ] b");
        let second: serde_json::Value = serde_json::from_str(lines[1]).unwrap();
        assert_eq!(second["x"][0], 1);
    }
}
