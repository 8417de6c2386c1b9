//! JSON objects that are spread over lines, or follow each other in one, made into one line each.
//!
//! Responsible for: `dmesg --json`, `journalctl -o json-pretty`, arrays, answers of Elastic and Loki, what Firehose
//! joins; and finding the next record behind a damaged one. They become JSON lines, which the parser reads.
//! Must not know: what a record says.
//! Tested by: the unit tests below, `fwstat/tests/cli/envelopes.rs`, `fwstat/tests/cli/streams.rs`.

use std::io::{self, BufRead, BufReader, Read};

use super::bytes::{LONGEST_LINE, Plain, give};

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
    /// For each depth below [`DEEPEST`] whether its bracket is that of an object.
    is_object: u64,
    in_string: bool,
    escaped: bool,
    /// The last byte that was no blank.
    seen: u8,
    /// How records begin, `{"key"`: the first one or two in a row did, and nothing in them; how the last one did; where
    /// the last object in this one begins.
    opening: Vec<u8>,
    last: Vec<u8>,
    bracket: usize,
    /// Whether this record is perhaps a piece of a broken one.
    is_piece: bool,
    /// Whether a string ended that was nothing but what stands between two records, the quote of a key behind it: the
    /// strings before it are no strings if a key follows.
    is_key: bool,
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

/// Brackets that are this deep are counted only.
const DEEPEST: usize = 64;

/// Where an object begins that follows another in a line: `{...}{"key":`, in a list also `{...},{"key":`.
pub(super) fn next_object(line: &[u8], in_list: bool) -> Option<usize> {
    memchr::memmem::find_iter(line, b"{\"").find(|at| {
        let before = line[..*at].trim_ascii_end();
        let before = match before.strip_suffix(b",") {
            Some(before) if in_list => before.trim_ascii_end(),
            _ => before,
        };
        // In a text the quotes of a key would have backslashes before them.
        let key = &line[at + 2..];
        let end = memchr::memchr(b'"', key);
        before.ends_with(b"}") && end.is_some_and(|end| key.get(end + 1) == Some(&b':'))
    })
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
            is_object: 0,
            in_string: false,
            escaped: false,
            seen: 0,
            opening: Vec::new(),
            last: Vec::new(),
            bracket: 0,
            is_piece: false,
            is_key: false,
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
        let in_record = self.depth > 0 || self.in_string;
        if !self.continues {
            self.begin_line(text);
        }
        self.continues = line.last() != Some(&b'\n');
        if self.is_text {
            // Of a record with a line end in it the rest is text, and no record behind it in the line.
            let object = next_object(text, in_record);
            let (text, objects) = text.split_at(object.unwrap_or(text.len()));
            self.out.extend_from_slice(text);
            self.whole = self.out.len();
            if object.is_some() {
                self.out.push(b'\n');
                self.whole = self.out.len();
                self.is_text = false;
                objects.iter().for_each(|byte| self.byte(*byte));
            }
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
            // Inside a record it is a piece of that: the others begin where they did.
            if self.depth <= self.level && !self.in_string {
                self.column = None;
            }
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
        (self.depth, self.in_string, self.escaped, self.is_key) = (0, false, false, false);
    }

    /// Ends a record that has no end where the next one begins.
    fn abandon_for_next(&mut self) {
        self.abandon();
        self.depth = self.level;
    }

    /// Notes a bracket that opens.
    fn open(&mut self, byte: u8) {
        self.depth += 1;
        if self.depth < DEEPEST {
            self.is_object = self.is_object & !(1 << self.depth) | u64::from(byte == b'{') << self.depth;
        }
    }

    /// Whether the innermost bracket is an object's; not of those that are too deep to be known.
    fn is_in_object(&self) -> bool {
        self.depth < DEEPEST && self.is_object >> self.depth & 1 == 1
    }

    /// Notes a bracket that closes, and those inside it that were not closed; one that closes nothing is damage.
    fn close(&mut self, byte: u8) {
        if self.depth >= DEEPEST {
            self.depth -= 1;
            return;
        }
        let same = |depth: &usize| (self.is_object >> depth & 1 == 1) == (byte == b'}');
        let lowest = if self.depth > self.level { self.level + 1 } else { self.depth.max(1) };
        if let Some(own) = (lowest..=self.depth).rev().find(same) {
            self.depth = own - 1;
        }
    }

    /// Whether the bracket that was just opened holds records: the outermost, and a list under one of the keys.
    fn opens_list(&self) -> bool {
        let before = self.out[self.whole..].trim_ascii_end();
        // A record may have a list under such a key too.
        let is_answer = || memchr::memmem::find(before, b"essage\"").is_none();
        self.level == 0 && (self.depth == 0 || LISTS.iter().any(|key| before.ends_with(key)) && is_answer())
    }

    /// Whether the quote that ends a key now makes an object in a record begin as records do: the one before has
    /// no end.
    fn is_opening(&self) -> bool {
        let object = self.out.get(self.bracket..).unwrap_or_default();
        self.bracket > self.whole
            && object.len() + 1 == self.opening.len()
            && self.depth > self.level + 1
            && self.opening.starts_with(object)
    }

    /// Keeps how a record begins.
    fn learn(&mut self) {
        let record = &self.out[self.whole..];
        if std::mem::take(&mut self.is_piece) || !self.opening.is_empty() && record.starts_with(&self.opening)
        {
            return;
        }
        let key = record.strip_prefix(b"{\"").and_then(|key| memchr::memchr(b'"', key));
        let Some(opening) = key.map(|key| &record[..key + 3]) else { return };
        if memchr::memmem::find(&record[1..], opening).is_some() {
            return;
        }
        if self.opening.is_empty() || self.last == opening {
            self.opening = opening.to_vec();
        }
        self.last = opening.to_vec();
    }

    /// Puts out a record that ended; of a stream with many lines, each.
    fn end_record(&mut self) {
        self.learn();
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
        let seen = self.seen;
        if !matches!(byte, b' ' | b'\t' | b'\r' | b'\n') {
            self.seen = byte;
        }
        let is_key = std::mem::take(&mut self.is_key);
        if is_key && (byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'@' | b'.')) {
            let bracket = self.out[self.whole..].iter().rposition(|byte| *byte == b'{');
            self.out.truncate(self.whole + bracket.unwrap_or(0));
            self.abandon_for_next();
            self.open(b'{');
            self.out.extend_from_slice(&[b'{', b'"', byte]);
            (self.in_string, self.is_piece) = (true, true);
            return;
        }
        if self.in_string {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' if self.is_opening() => {
                    self.out.truncate(self.bracket);
                    self.abandon_for_next();
                    self.open(b'{');
                    self.out.extend_from_slice(&self.opening);
                    return;
                }
                b'"' => {
                    self.in_string = false;
                    self.is_key = seen == b'{';
                }
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
                self.open(byte);
                (self.level, self.column) = (self.depth, None);
                return;
            }
            // No object stands in an object without a key: the record before has no end.
            b'{' if inside && self.is_in_object() && !matches!(seen, b':' | b'>') => {
                self.abandon_for_next();
                self.open(byte);
            }
            b'{' => {
                self.open(byte);
                self.bracket = self.out.len();
            }
            b'[' => self.open(byte),
            b'}' | b']' => {
                self.close(byte);
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

    fn objects(bytes: &str) -> Vec<String> {
        let (lines, _) = text(Objects::new(Box::new(io::Cursor::new(bytes.as_bytes().to_vec()))));
        lines.lines().map(str::to_owned).collect()
    }

    fn whole(lines: &[String]) -> usize {
        lines.iter().filter(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()).count()
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
}
