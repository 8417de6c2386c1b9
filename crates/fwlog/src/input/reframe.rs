//! Records of several lines, made into one line each.
//!
//! Responsible for: the journal's export format and JSON objects spread over lines (`dmesg
//! --json`, `journalctl -o json-pretty`, arrays). Both become JSON lines, which the parser reads.
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

/// Fields of a record that are remembered: a packet's has some twenty.
const FIELDS_KEPT: usize = 64;

/// No value of a journal is longer (`DATA_SIZE_MAX` of systemd): a larger length is damage.
const LONGEST_VALUE: u64 = 768 << 20;

/// The journal's export format as lines of JSON, one per record, numbered like the records.
pub struct Export {
    input: BufReader<Plain>,
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
            begun: false,
            start: 0,
            order: Vec::new(),
            place: 0,
            field: Vec::new(),
            out: Vec::new(),
            given: 0,
        }
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
            if let Some(at) = memchr::memchr(b'=', field).filter(|at| is_name(&field[..*at])) {
                let name = known(&field[..at]);
                self.begin();
                if let Some(name) = name {
                    let field = self.field.strip_suffix(b"\n").unwrap_or(&self.field);
                    keep(&mut self.out, self.start, name, &field[at + 1..]);
                }
                continue;
            }
            if !is_name(field) {
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
                Some(value) => {
                    if let Some(name) = name {
                        keep(&mut self.out, self.start, name, &value);
                    }
                }
                None => return self.find_record(),
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

    /// A value of so many bytes; `None` if no field ends there.
    fn value(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut value = Vec::new();
        (&mut self.input).take(8).read_to_end(&mut value)?;
        let Some(length) = value.first_chunk().map(|length| u64::from_le_bytes(*length)) else {
            return Ok(None);
        };
        value.clear();
        if length > LONGEST_VALUE {
            return Ok(None);
        }
        let limit = length.min(LONGEST_LINE as u64);
        let kept = (&mut self.input).take(limit).read_to_end(&mut value)? as u64;
        let left = io::copy(&mut (&mut self.input).take(length - kept), &mut io::sink())?;
        let mut end = [0; 1];
        let ends = kept + left == length && (self.input.read(&mut end)? == 0 || end == *b"\n");
        Ok(ends.then_some(value))
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
            if !begins_export(&self.field) {
                continue;
            }
            self.out.push(b'\n');
            self.begun = false;
            self.begin();
            let field = self.field.strip_suffix(b"\n").unwrap_or(&self.field);
            let at = memchr::memchr(b'=', field).unwrap_or(0);
            if let Some(name) = known(&field[..at]) {
                keep(&mut self.out, self.start, name, &field[at + 1..]);
            }
            return Ok(true);
        }
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

/// JSON objects that are spread over lines, as one line each; text around them stays as it is.
///
/// A writer puts the first bracket of every record at the same column. A line that begins a record
/// there begins one even if the record before it never ended: a damaged record costs itself.
pub struct Objects {
    input: BufReader<Plain>,
    /// How deep in other brackets a record is: 0 when objects simply follow each other, 1 in an
    /// array, more in a list that an answer holds (`{"dmesg":[`, `{"hits":{"hits":[`).
    level: usize,
    /// The column at which records begin, once the first was seen at the beginning of a line.
    column: Option<usize>,
    depth: usize,
    in_string: bool,
    escaped: bool,
    /// The line, or a piece of a long one, and whether it continues one.
    line: Vec<u8>,
    continues: bool,
    /// Whether the line is text between objects.
    is_text: bool,
    /// The bytes of `out` that belong to whole records.
    whole: usize,
    out: Vec<u8>,
    given: usize,
}

/// The keys of lists of records: `dmesg --json`, Elastic's and Loki's answers, what promtail pushes, CloudWatch,
/// OpenTelemetry, Azure.
const LISTS: [&[u8]; 7] = [
    b"\"dmesg\":",
    b"\"hits\":",
    b"\"result\":",
    b"\"streams\":",
    b"\"events\":",
    b"\"logRecords\":",
    b"\"records\":",
];

/// A stream of Loki with several lines as an object for each.
fn lines_of_stream(record: &[u8]) -> Option<Vec<u8>> {
    memchr::memmem::find(record, b"\"values\"")?;
    let serde_json::Value::Object(mut stream) = serde_json::from_slice(record).ok()? else { return None };
    let serde_json::Value::Array(values) = stream.remove("values")? else { return None };
    let mut out = Vec::new();
    for value in values {
        stream.insert("values".to_owned(), serde_json::Value::Array(vec![value]));
        // Writing to a vector cannot fail.
        let _ = serde_json::to_writer(&mut out, &stream);
        out.push(b'\n');
    }
    Some(out)
}

/// How much of a long line is looked at together.
const PIECE: u64 = 64 << 10;

impl Objects {
    /// The objects of a stream.
    #[must_use]
    pub fn new(input: Plain) -> Objects {
        Objects {
            input: BufReader::with_capacity(PIECE as usize, input),
            level: 0,
            column: None,
            depth: 0,
            in_string: false,
            escaped: false,
            line: Vec::new(),
            continues: false,
            is_text: false,
            whole: 0,
            out: Vec::new(),
            given: 0,
        }
    }

    /// Goes on over the next line, and puts out what belongs to a record; `false` at the end.
    fn fold(&mut self) -> io::Result<bool> {
        self.line.clear();
        if (&mut self.input).take(PIECE).read_until(b'\n', &mut self.line)? == 0 {
            self.abandon();
            return Ok(false);
        }
        let line = std::mem::take(&mut self.line);
        let text = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&line);
        if !self.continues {
            self.begin_line(text);
        }
        self.continues = line.last() != Some(&b'\n');
        if self.is_text {
            self.out.extend_from_slice(text);
            self.whole = self.out.len();
        } else {
            text.iter().for_each(|byte| self.byte(*byte));
        }
        self.line = line;
        Ok(true)
    }

    /// What a line's beginning tells: text, a record where records begin, or what goes on.
    fn begin_line(&mut self, line: &[u8]) {
        let column = line.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let first = line.get(column).copied().unwrap_or(b'\n');
        // No line of JSON that is spread over lines begins with a word at the edge.
        let after = line.get(column + 1..).unwrap_or_default().trim_ascii().first();
        // dmesg's stamps are in brackets.
        let is_stamp = first == b'[' && !matches!(after, None | Some(b'{' | b'[' | b']' | b'"'));
        self.is_text = column == 0 && self.depth == 0 && is_stamp
            || column == 0 && (first.is_ascii_alphanumeric() || first == b'<' || !first.is_ascii())
            || self.depth == 0 && !matches!(first, b'{' | b'[' | b'}' | b']' | b',' | b'"' | b'\r' | b'\n');
        if self.is_text {
            self.abandon();
            self.level = 0;
            return;
        }
        let opens = first == b'{' && self.depth == self.level;
        match self.column {
            None if opens && !self.in_string => self.column = Some(column),
            Some(records) if column == records && first == b'{' => {
                self.abandon();
                self.depth = self.level;
            }
            // The record's end, whatever is open in it.
            Some(records) if column == records && first == b'}' && self.depth > self.level => {
                (self.in_string, self.escaped) = (false, false);
                self.depth = self.level + 1;
            }
            _ => {}
        }
    }

    /// Ends a record that has no end: its line is no whole object, and is counted as such.
    fn abandon(&mut self) {
        if self.out.len() > self.whole {
            self.out.push(b'\n');
        }
        self.whole = self.out.len();
        (self.depth, self.in_string, self.escaped) = (0, false, false);
    }

    /// Whether the bracket that was just opened holds records: the outermost, and a list under one of the keys.
    fn opens_list(&self) -> bool {
        let before = self.out[self.whole..].trim_ascii_end();
        // A record may have a list under such a key too.
        let is_answer = || memchr::memmem::find(before, b"essage\"").is_none();
        self.level == 0 && (self.depth == 0 || LISTS.iter().any(|key| before.ends_with(key)) && is_answer())
    }

    /// Puts out a record that ended; of a stream with many lines, each.
    fn end_record(&mut self) {
        let record = &self.out[self.whole..];
        if let Some(lines) = lines_of_stream(record) {
            self.out.truncate(self.whole);
            self.out.extend_from_slice(&lines);
        } else {
            self.out.push(b'\n');
        }
        self.whole = self.out.len();
    }

    fn byte(&mut self, byte: u8) {
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
                self.out.push(if byte == b'\n' { b' ' } else { byte });
            }
            return;
        }
        match byte {
            b'"' => self.in_string = true,
            b'[' if self.opens_list() => {
                // What led to the list is no record.
                self.out.truncate(self.whole);
                self.depth += 1;
                self.level = self.depth;
                return;
            }
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                if inside && self.depth == self.level {
                    self.out.push(byte);
                    self.end_record();
                    return;
                }
                if self.depth < self.level {
                    // What follows a list is no record either, up to the end of what holds it.
                    if self.depth == 0 {
                        self.level = 0;
                    }
                    return;
                }
            }
            _ => {}
        }
        if self.depth > self.level && !matches!(byte, b'\n' | b'\r' | b'\t') {
            self.out.push(byte);
        }
    }
}

impl Read for Objects {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.given == self.whole {
            // A record that has begun is kept until it is whole, or longer than any line.
            self.out.drain(..self.given);
            (self.whole, self.given) = (0, 0);
            while self.whole == 0 && self.out.len() <= LONGEST_LINE && self.fold()? {}
        }
        let ready = if self.whole == 0 { self.out.len() } else { self.whole };
        self.whole = ready;
        Ok(give(&self.out[..ready], &mut self.given, buffer))
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
        let (lines, _) = text(Objects::new(Box::new(io::Cursor::new(dmesg.as_bytes().to_vec()))));
        let lines: Vec<&str> = lines.lines().collect();
        assert_eq!(lines.len(), 2, "{lines:?}");
        let first: serde_json::Value = serde_json::from_str(lines[0]).unwrap();
        assert_eq!(first["msg"], "a } \" ] b");
        let second: serde_json::Value = serde_json::from_str(lines[1]).unwrap();
        assert_eq!(second["x"][0], 1);
    }

    fn objects(bytes: &str) -> Vec<String> {
        let (lines, _) = text(Objects::new(Box::new(io::Cursor::new(bytes.as_bytes().to_vec()))));
        lines.lines().map(str::to_owned).collect()
    }

    fn whole(lines: &[String]) -> usize {
        lines.iter().filter(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()).count()
    }

    #[test]
    fn a_damaged_object_costs_itself() {
        let good = "{\n  \"a\" : {\n    \"b\" : [ 1 ]\n  },\n  \"c\" : \"x\"\n}\n";
        for damaged in [
            "{\n  \"a\" : \"open quote\n",
            "{\n  \"a\" : \"open quote\n}\n",
            "{\n  \"a\" : {\n",
            "{\n  \"a\" : \"b\",\n",
            "{\n  \"a\" : \"b\\\n}\n",
            "{\n",
        ] {
            let lines = objects(&format!("{good}{damaged}{good}{good}"));
            assert_eq!(whole(&lines), 3, "{lines:?}");
            assert_eq!(lines.len(), 4, "{lines:?}");
        }
        let array = "[\n  {\n    \"a\": 1\n  },\n  {\n    \"a\": \"open\n  },\n  {\n    \"a\": 3\n  }\n]\n";
        let lines = objects(array);
        assert_eq!((lines.len(), whole(&lines)), (3, 2), "{lines:?}");
    }

    #[test]
    fn text_around_objects_stays() {
        let lines = objects("Jun 30 a\n{\n  \"a\": 1\n}\nJun 30 b\n{\n  \"a\n<4>c\n");
        assert_eq!(lines, ["Jun 30 a", "{  \"a\": 1}", "Jun 30 b", "{  \"a ", "<4>c"]);
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
